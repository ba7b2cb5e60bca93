"""Freeze-thaw counts: inherited, and raised for whole packages and freezers."""

from datetime import UTC, datetime, timedelta

from tests.api.specimen_steps import NOW, vials
from tests.material import make_material
from tests.shelves import boxed
from tests.shipping import shipped


async def count(api, code, who="manager"):
    return (await api(who).see(f"/specimens/{code}"))["freeze_thaw_count"]


def warm(*codes, **more):
    return {"specimens": list(codes), "thawed_at": NOW.isoformat(), "reason": "Freezer 3 stood open", **more}


async def test_scenario_19_freeze_thaw_inheritance(api, database, world):
    """A parent thawed twice: its children start at 2; a transport thaw adds 1 to all in that package."""
    made = await make_material(database, world, tubes=2)
    parent = made.tubes[0]
    for _ in range(2):
        await api("technician").ok(
            "/processing", {"type": "thaw", "specimens": [parent], "started_at": NOW.isoformat()}
        )
    done = await api("technician").ok(f"/specimens/{parent}/aliquots", vials("100", "100", started_at=NOW))
    children = [row["code"] for row in done["made"]]
    assert [row["freeze_thaw_count"] for row in done["made"]] == [2, 2]
    pool = {
        "started_at": NOW.isoformat(),
        "parents": [{"specimen": children[0], "quantity": "50"}, {"specimen": made.tubes[1], "quantity": "50"}],
        "tube_type": "CRYO05",
        "quantities": ["100"],
    }
    pooled = await api("technician").ok("/pools", pool)
    assert [row["freeze_thaw_count"] for row in pooled["made"]] == [2]
    travelling = [*children, made.tubes[1]]
    shipment = await shipped(api("clerk"), travelling, to_site="CHI")
    url = f"/shipments/{shipment}/packages/1/thaw"
    receiver = api("technician_chi")
    early = {"thawed_at": (NOW - timedelta(days=1)).isoformat(), "reason": "The dry ice was gone"}
    refused = await receiver.post(url, early)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["thawed_at"])
    assert (await receiver.post(url.replace("/1/", "/7/"), early)).status_code == 404
    thawed = {"thawed_at": datetime.now(UTC).isoformat(), "reason": "The dry ice was gone"}
    done = await receiver.ok(url, thawed)
    assert (done["tubes"], done["over_cap"]) == (3, [])
    assert [await count(api, code) for code in travelling] == [3, 3, 1]
    # One that is then received as thawed is not counted a second time.
    for code in travelling:
        await receiver.ok(f"/shipments/{shipment}/receipts", {"tube": code, "condition": "thawed"})
    assert [await count(api, code) for code in travelling] == [3, 3, 1]
    nothing_left = await receiver.post(url, thawed)
    assert (nothing_left.status_code, nothing_left.json()["type"]) == (409, "/problems/nothing-packed")


async def test_a_single_tube_received_as_thawed_counts_once(api, database, world):
    (one,) = (await make_material(database, world, tubes=1)).tubes
    shipment = await shipped(api("clerk"), [one], to_site="CHI")
    await api("technician_chi").ok(f"/shipments/{shipment}/receipts", {"tube": one, "condition": "thawed"})
    assert await count(api, one) == 1


async def test_these_thaw_wherever_they_are(api, database, world):
    made = await make_material(database, world, tubes=3)
    one, held, ended = made.tubes
    await api("technician").ok(f"/specimens/{held}/quality", {"quality": "quarantined", "reason": "To be looked at"})
    body = warm(one, held, deviation={"type": "high_temperature", "comment": "minus 20"})
    done = await api("technician").ok("/thaws", body)
    assert done == {"tubes": 2, "over_cap": []}
    seen = await api("technician").see(f"/specimens/{held}")
    assert (seen["freeze_thaw_count"], seen["quality"]) == (1, "quarantined")
    assert [(row["type"], row["comment"]) for row in seen["deviations"]] == [("high_temperature", "minus 20")]
    assert [row["type"] for row in seen["processing"]] == ["thaw"]
    for _ in range(3):
        last = await api("technician").ok("/thaws", warm(one))
    assert last["over_cap"] == [one]  # serum may be thawed three times
    await api("technician").ok(f"/specimens/{ended}/use-up", {"reason": "Empty"})
    for codes, more, status in (
        ([one, ended], {}, 409),
        ([one, one], {}, 422),
        ([one], {"thawed_at": (NOW + timedelta(hours=1)).isoformat()}, 422),
        ([one], {"thawed_at": (NOW - timedelta(days=100)).isoformat()}, 422),
        ([one], {"reason": ""}, 422),
    ):
        assert (await api("manager").post("/thaws", warm(*codes, **more))).status_code == status, codes
    assert (await api("stranger").post("/thaws", warm(one))).status_code == 404
    assert await count(api, one) == 4


async def test_a_freezer_that_failed_thaws_what_stands_in_it(api, database, world):
    box = await boxed(api)
    freezer = (await api("manager").see(f"/containers/{box}"))["path"][0]["code"]
    ours = (await make_material(database, world, tubes=2)).tubes
    theirs = (await make_material(database, world, tubes=1, study="OTH", site="LAB")).tubes
    for one in ours:
        await api("technician").ok("/storage/placements", {"tube": one, "box": box})
    await api("stranger").ok("/storage/placements", {"tube": theirs[0], "box": box})
    loose = (await make_material(database, world, tubes=1)).tubes[0]
    body = {"thawed_at": datetime.now(UTC).isoformat(), "reason": "Compressor failed at 03:10"}
    done = await api("technician").ok(f"/containers/{freezer}/thaw", body)
    assert (done["tubes"], done["others"], done["container"]) == (2, 1, freezer)
    assert [await count(api, one) for one in (*ours, loose)] == [1, 1, 0]
    assert await count(api, theirs[0], "stranger") == 0
    empty = await boxed(api, name="Box 13")
    assert (await api("technician").post(f"/containers/{empty}/thaw", body)).status_code == 422
    assert (await api("technician_chi").post(f"/containers/{box}/thaw", body)).status_code == 404
