"""Containers are taken into use, declared full, serviced, set in alarm and retired."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from biobank.errors import DomainError
from biobank.storage.commands import StoreTube, store
from biobank.storage.service import SetStatus, set_status
from biobank.tx import open_tx
from tests.material import actor, make_material
from tests.shelves import box, freezer, rack

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def become(who, code, status, **more):
    seen = (await who.see(f"/containers/{code}"))["row_version"]
    return await who.post(f"/containers/{code}/status", {"status": status, "row_version": seen, **more})


async def refused(api, tube, place, words):
    answer = await api("technician").post("/storage/placements", {"tube": tube, "box": place})
    assert kind(answer) == (409, "container-closed")
    assert words in answer.json()["detail"]


async def test_a_freezer_is_taken_into_use_and_out_of_service(api, database, world):
    tech, manager = api("technician"), api("manager")
    body = {"type": "ULT", "name": "New", "site": "LAB", "temperature_class": "-80", "planned": True}
    cold = (await api("administrator").ok("/containers", body))["code"]
    place, made = await box(api, await rack(api, cold)), await make_material(database, world, tubes=1)
    (tube,) = made.tubes
    await refused(api, tube, place, f"planned and not in use yet: choose another place, or have it set in use on its page (/storage/{cold})")  # fmt: skip  # noqa: E501
    assert kind(await become(tech, cold, "active")) == (403, "forbidden")
    assert (await become(manager, cold, "active")).json()["status"] == "active"
    assert kind(await become(manager, cold, "active")) == (409, "container-status")
    assert kind(await become(tech, cold, "maintenance")) == (422, "invalid")
    assert kind(await become(api("auditor"), cold, "full")) == (403, "forbidden")
    stale = {"status": "full", "row_version": 99}
    assert kind(await tech.post(f"/containers/{cold}/status", stale))[0] == 412
    assert (await become(tech, cold, "maintenance", reason="is defrosted")).json()["status"] == "maintenance"
    await refused(api, tube, place, "New is out of service")
    assert (await become(tech, cold, "active")).is_success
    assert (await tech.post("/storage/placements", {"tube": tube, "box": place})).is_success
    assert (await become(tech, cold, "full")).is_success
    other = await rack(api, await freezer(api, name="Old"), name="Rack C")
    moved = {"parent": cold, "row_version": (await tech.see(f"/containers/{other}"))["row_version"]}
    declared = await tech.post(f"/containers/{other}/move", moved)
    assert (kind(declared), "New is declared full" in declared.json()["detail"]) == ((409, "container-closed"), True)
    assert (await become(tech, cold, "alarm", reason="the door was open")).is_success
    assert kind(await become(tech, cold, "active")) == (403, "forbidden")
    assert (await become(manager, cold, "active")).is_success


async def test_a_rack_with_tubes_does_not_go_into_a_planned_freezer(api, database, world):
    body = {"type": "ULT", "name": "New", "site": "LAB", "temperature_class": "-80", "planned": True}
    cold = (await api("administrator").ok("/containers", body))["code"]
    held = await rack(api, await freezer(api))
    place, made, tech = await box(api, held), await make_material(database, world, tubes=1), api("technician")
    await tech.ok("/storage/placements", {"tube": made.tubes[0], "box": place})
    move = {"parent": cold, "row_version": (await tech.see(f"/containers/{held}"))["row_version"]}
    assert kind(await tech.post(f"/containers/{held}/move", move)) == (409, "container-closed")
    out = await tech.ok("/storage/removals", {"tube": made.tubes[0]})
    assert out["left"] == place
    assert (await tech.post(f"/containers/{held}/move", move)).is_success


async def test_only_what_is_empty_is_retired_and_with_all_that_stands_in_it(api, database, world, superuser):
    tech, manager = api("technician"), api("manager")
    cold = await freezer(api)
    shelf = await rack(api, cold)
    place, made = await box(api, shelf), await make_material(database, world, tubes=1)
    await tech.ok("/storage/placements", {"tube": made.tubes[0], "box": place})
    why = {"reason": "worn out"}
    assert kind(await become(tech, cold, "decommissioned", **why)) == (403, "forbidden")
    held = await become(manager, cold, "decommissioned", **why)
    assert (kind(held), "1 tube stands in it" in held.json()["detail"]) == ((409, "container-status"), True)
    await tech.ok("/storage/removals", {"tube": made.tubes[0]})
    until = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    space = {"name": "kits", "site": "LAB", "expires_at": until}
    space["places"] = [{"container": place, "positions": ["A1"]}]
    kept = await tech.ok("/space/reservations", space)
    assert "space in it is reserved" in (await become(manager, cold, "decommissioned", **why)).json()["detail"]
    await tech.ok(f"/space/reservations/{kept['number']}/release", {})
    assert (await become(manager, cold, "decommissioned", **why)).json()["status"] == "decommissioned"
    assert {(await tech.see(f"/containers/{one}"))["status"] for one in (shelf, place)} == {"decommissioned"}
    await refused(api, made.tubes[0], place, "out of use for good: choose another place.")
    assert kind(await become(manager, cold, "active")) == (409, "container-status")
    assert kind(await tech.post("/space/reservations", space)) == (409, "container-closed")
    event = "select count(*) from audit_entry where kind = 'event' and name = 'container.status_set'"
    assert await superuser.fetchval(event) == 1
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError) as final:
        await superuser.execute("update container set status = 'active' where code = $1", cold)
    assert final.value.constraint_name == "ck_container_retired_is_final"


async def test_nothing_is_stored_into_what_is_retired_at_this_moment(api, database, world, superuser):
    people = [await actor(database, world, name) for name in ("technician", "manager")]

    async def act(who, verb, *given):
        try:
            async with open_tx(database, who) as tx:
                return await verb(tx, *given)
        except DomainError as refusal:
            return refusal.code

    for round_ in range(3):
        cold = await freezer(api, name=f"Freezer {round_}")
        place, made = await box(api, await rack(api, cold)), await make_material(database, world, tubes=1)
        retire = SetStatus(status="decommissioned", row_version=1, reason="worn out")
        done = await asyncio.gather(
            act(people[0], store, StoreTube(tube=made.tubes[0], box=place)), act(people[1], set_status, cold, retire)
        )
        assert ("container-closed" in done) != ("container-status" in done), done
    await act(people[0], store, StoreTube(tube=made.tubes[0], box=await box(api, await rack(api, await freezer(api)))))
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError) as full:
        await superuser.execute(
            "update container set status = 'decommissioned' where id in (select container_id from custody)"
        )
    assert full.value.constraint_name == "ck_container_retired_is_empty"
