"""Deviations of tubes: recorded, resolved, and what they keep from being shipped or measured."""

import asyncpg
import pytest

from tests.api.specimen_steps import NOW, collected, tube
from tests.bench import plan
from tests.material import make_material
from tests.shipping import draft, packed, step, version


async def deviated(api, *codes, kind="leaked", who="technician", **more):
    return await api(who).ok("/deviations", {"type": kind, "specimens": list(codes), **more})


async def seen(api, code, who="technician"):
    return await api(who).see(f"/specimens/{code}")


async def test_a_deviation_is_recorded_of_many_tubes_and_resolved_with_words(api, database, world):
    tubes = (await make_material(database, world)).tubes
    done = await deviated(api, *tubes, comment="Lid not closed")
    assert [row["code"] for row in done["specimens"]] == list(tubes)
    (one,) = (await seen(api, tubes[0]))["deviations"]
    assert (one["type"], one["severity"], one["comment"], one["recorded_by"]) == (
        "leaked",
        "major",
        "Lid not closed",
        "Technician",
    )
    again = await api("technician").post("/deviations", {"type": "leaked", "specimens": list(tubes[1:])})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/deviation-open")
    assert again.json()["codes"] == list(tubes[1:])
    url = f"/specimens/{tubes[0]}/deviations/resolve"
    ended = await api("technician").ok(url, {"type": "leaked", "resolution": "Weighed: nothing is missing"})
    assert [(row["resolution"], row["resolved_by"]) for row in ended["deviations"]] == [
        ("Weighed: nothing is missing", "Technician")
    ]
    assert (await api("technician").post(url, {"type": "leaked", "resolution": "again"})).status_code == 404
    await deviated(api, tubes[0])  # it may leak again
    assert len((await seen(api, tubes[0]))["deviations"]) == 2


async def test_a_critical_deviation_sets_the_tube_apart_for_good(api, database, world):
    (one,) = (await make_material(database, world, tubes=1)).tubes
    await deviated(api, one, kind="broken")
    assert (await seen(api, one))["quality"] == "quarantined"
    url = f"/specimens/{one}/deviations/resolve"
    await api("technician").ok(url, {"type": "broken", "resolution": "It was another tube"})
    assert (await seen(api, one))["quality"] == "quarantined"
    await deviated(api, one, kind="not_found")  # in quarantine it stays there


async def test_what_cannot_be_recorded_is_refused_as_a_whole(api, database, world):
    made = await make_material(database, world)
    good, ended = made.tubes[0], made.tubes[1]
    await api("technician").ok(f"/specimens/{ended}/use-up", {"reason": "Empty"})
    for codes, kind, status in (
        ([good, ended], "leaked", 409),
        ([good, good], "leaked", 422),
        ([good], "boredom", 422),
        ([good, "TAAAAAAAAA"], "leaked", 422),
    ):
        body = {"type": kind, "specimens": codes}
        assert (await api("manager").post("/deviations", body)).status_code == status, body
    assert (await seen(api, good))["deviations"] == []
    for who, status in (("scientist", 403), ("stranger", 404), ("technician_chi", 201)):
        response = await api(who).post("/deviations", {"type": "leaked", "specimens": [good]})
        assert response.status_code == status, who


async def test_the_types_are_data(api):
    types = await api("scientist").see("/deviation-types")
    assert len(types) == 22
    blocking = {one["code"] for one in types if one["blocks_shipping"]}
    assert blocking == {"broken", "discard", "insufficient_volume", "mislabelled_discard", "not_found"}
    assert {one["code"] for one in types if one["quarantines"]} == blocking
    assert types[0]["severity"] == "critical"


async def let_block(superuser, kind, what):
    """A type that blocks without setting apart, so that the gate itself is what refuses."""
    await superuser.execute(f"update deviation_type set blocks_{what} = true where code = '{kind}'")


async def test_a_deviation_keeps_a_tube_from_being_packed_and_shipped(api, database, world, superuser):
    await let_block(superuser, "leaked", "shipping")
    tubes = (await make_material(database, world)).tubes
    clerk = api("clerk")
    code = await draft(clerk)
    await deviated(api, tubes[0])
    refused = await clerk.post(f"/shipments/{code}/items", {"tubes": list(tubes)})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/tubes-blocked")
    assert [(row["tube"], row["reason"]) for row in refused.json()["blocked"]] == [(tubes[0], "deviation")]
    assert "Leaked or spilled" in refused.json()["detail"]
    await api("technician").ok(
        f"/specimens/{tubes[0]}/deviations/resolve", {"type": "leaked", "resolution": "Weighed: all there"}
    )
    await clerk.ok(f"/shipments/{code}/items", {"tubes": list(tubes)})
    await step(clerk, code, "finish-packing")
    await deviated(api, tubes[2])
    body = {"row_version": await version(clerk, code), "courier": "FedEx"}
    number = {"tracking_no": "794612345678", "tracking_again": "794612345678"}
    stopped = await clerk.post(f"/shipments/{code}/ship", body | number)
    assert (stopped.status_code, stopped.json()["blocked"][0]["tube"]) == (409, tubes[2])
    assert (await clerk.see(f"/shipments/{code}"))["status"] == "packed"


async def test_a_deviation_keeps_a_tube_from_a_plate(api, database, world, superuser):
    await let_block(superuser, "leaked", "assay")
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2, name="run-1")
    await deviated(api, bench.material.tubes[0])
    wells = [{"well": "A1", "code": bench.material.tubes[0]}, {"well": "B1", "code": bench.material.tubes[1]}]
    refused = await api("technician").post(f"/runs/{bench.run}/wells", {"wells": wells})
    assert refused.status_code == 422
    assert [(row["well"], row["problem"]) for row in refused.json()["rows"]] == [
        ("A1", "the tube has an open deviation (Leaked or spilled)")
    ]


async def test_the_database_keeps_a_deviated_tube_back_by_itself(api, database, world, superuser):
    """Invariant 10: no blocked deviation in a shipment that left, whatever the program does."""
    await let_block(superuser, "leaked", "shipping")
    await let_block(superuser, "leaked", "assay")
    tubes = (await make_material(database, world)).tubes
    code = await packed(api("clerk"), tubes[:1])
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await deviated(api, *tubes)
    with pytest.raises(asyncpg.CheckViolationError, match="keeps it back") as found:
        await superuser.execute(
            "update shipment set status = 'shipped', shipped_at = now(), courier = 'X' where code = $1", code
        )
    assert found.value.constraint_name == "ck_shipment_no_blocking_deviation"
    with pytest.raises(asyncpg.CheckViolationError) as found:
        await superuser.execute(
            "insert into package_item (package_id, shipment_id, study_id, specimen_id, packed_by) "
            "select package_id, shipment_id, i.study_id, s.id, packed_by from package_item i, specimen s "
            "where s.code = $1",
            tubes[1],
        )
    assert found.value.constraint_name == "ck_package_item_no_blocking_deviation"
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1, name="run-1")
    with pytest.raises(asyncpg.CheckViolationError) as found:
        await superuser.execute(
            "insert into well (plate_id, row, col, role, specimen_id) "
            "select p.id, 0, 0, 'unknown', s.id from plate p, specimen s where p.code = $1 and s.code = $2",
            bench.plate,
            tubes[1],
        )
    assert found.value.constraint_name == "ck_well_no_blocking_deviation"
    await superuser.execute("update deviation set resolved_at = now(), resolution = 'fine'")
    with pytest.raises(asyncpg.CheckViolationError) as found:
        await superuser.execute("update deviation set resolution = 'even better'")
    assert found.value.constraint_name == "ck_deviation_resolved_is_final"


async def test_a_deviation_noted_twice_by_deeds_stays_one(api):
    _, (one,) = await collected(api, tube())
    warm = {"specimens": [one["code"]], "started_at": NOW.isoformat(), "deviation": {"type": "high_temperature"}}
    for kind in ("incubate", "transfer"):
        await api("technician_chi").ok("/processing", {"type": kind, **warm})
    found = (await seen(api, one["code"], "technician_chi"))["deviations"]
    assert [row["type"] for row in found] == ["high_temperature"]
