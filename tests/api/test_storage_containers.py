"""Containers over JSON: slots, moves and their way back, formats of tubes."""

from datetime import UTC, datetime, timedelta

import pytest

from biobank.storage.containers import MoveBack, MoveContainer, move_back, move_container
from biobank.storage.rules import NothingToUndo
from biobank.tx import open_tx
from tests.material import actor, make_material
from tests.shelves import box, freezer, rack

RECORDED = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


def kind(response):
    return response.status_code, response.json()["type"].rpartition("/")[2]


async def slotted(api, parent, name="Rack S", kind="RACK16"):
    made = {"type": kind, "name": name, "site": "LAB", "parent": parent}
    return (await api("administrator").ok("/containers", made))["code"]


async def test_boxes_stand_in_slots_and_move_there_and_back(api, superuser):
    cold = await freezer(api)
    one, two = await slotted(api, cold), await slotted(api, cold, "Rack T")
    first = await box(api, one)
    manager, tech = api("administrator"), api("technician")
    made = await manager.ok(
        "/containers", {"type": "BOX81", "name": "Box 2", "site": "LAB", "parent": one, "slot": "d4"}
    )
    assert made["slot"] == "D4"
    seen = await tech.see(f"/containers/{one}")
    assert (seen["slots"], seen["slots_taken"], seen["capacity"]) == (16, 2, 162)
    assert [row["slot"] for row in seen["children"]] == ["D4", "A1"]
    whole = await tech.see(f"/containers/{cold}")
    assert (whole["slots"], whole["slots_taken"], whole["boxes"]) == (32, 2, 2)
    held = await tech.see(f"/containers/{cold}/capacity")
    assert (held["boxes"], held["capacity"], held["slots"], held["slots_taken"]) == (2, 162, 32, 2)
    assert [(one["type"], one["boxes"], one["free"]) for one in held["by_type"]] == [("BOX81", 2, 162)]
    taken = await tech.post(f"/containers/{first}/move", {"parent": one, "row_version": 1, "slot": "D4"})
    assert kind(taken) == (409, "slot-taken")
    assert "Box 2 stands in slot D4" in taken.json()["detail"]
    unknown = await tech.post(f"/containers/{first}/move", {"parent": one, "row_version": 1, "slot": "E1"})
    assert (kind(unknown), list(unknown.json()["errors"])) == ((422, "unknown-position"), ["slot"])
    plain = await rack(api, cold)
    none = await tech.post(f"/containers/{first}/move", {"parent": plain, "row_version": 1, "slot": "A1"})
    assert kind(none) == (422, "unknown-position")
    outside = {"type": "ULT", "name": "F", "site": "LAB", "slot": "A1"}
    assert kind(await manager.post("/containers", outside)) == (422, "unknown-position")
    moved = await tech.ok(f"/containers/{first}/move", {"parent": two, "row_version": 1, "slot": "B3"})
    assert (moved["slot"], [step["name"] for step in moved["path"]]) == ("B3", ["Freezer 3", "Rack T", "Box 12"])
    assert (await api("technician2").see(f"/containers/{first}"))["undo"] is None
    assert kind(await api("technician2").post(f"/containers/{first}/move-back", {"undo": moved["undo"]})) == (
        409,
        "nothing-to-undo",
    )
    back = await tech.ok(f"/containers/{first}/move-back", {"undo": moved["undo"]})
    assert (back["slot"], back["path"][1]["name"]) == ("A1", "Rack S")
    again = await tech.post(f"/containers/{first}/move-back", {"undo": moved["undo"]})
    assert kind(again) == (409, "nothing-to-undo")
    history = await superuser.fetch(
        "select p.name from container_place h join container p on p.id = h.parent_id "
        "where h.container_id = (select id from container where code = $1) order by h.id",
        first,
    )
    assert [row["name"] for row in history] == ["Rack S", "Rack T", "Rack S"]
    body = await superuser.fetchval("select body from audit_entry where name = 'container.moved'")
    assert "B3" in body


async def test_a_rack_that_is_full_takes_no_box(api):
    cold = await freezer(api, kind="LN2TANK", temperature="LN2V")
    tower = await slotted(api, cold, kind="TOWER10")
    for number in range(10):
        await box(api, tower, name=f"Box {number}")
    full = {"type": "BOX81", "name": "x", "site": "LAB", "parent": tower}
    assert kind(await api("administrator").post("/containers", full)) == (409, "box-full")


async def test_a_move_goes_back_to_the_outside_and_not_after_the_shift(api, database, world):
    hall = (
        await api("administrator").ok(
            "/containers", {"type": "FACILITY", "name": "Hall", "site": "LAB", "temperature_class": "RT"}
        )
    )["code"]
    cold = await freezer(api)
    who, earlier = await actor(database, world, "technician"), datetime.now(UTC) - timedelta(hours=13)
    async with open_tx(database, who, clock=lambda: earlier) as tx:
        moved = await move_container(tx, cold, MoveContainer(parent=hall, row_version=1))
    with pytest.raises(NothingToUndo, match="12 hours"):
        async with open_tx(database, who) as tx:
            await move_back(tx, cold, MoveBack(undo=moved.undo))
    async with open_tx(database, who, clock=lambda: earlier) as tx:
        back = await move_back(tx, cold, MoveBack(undo=moved.undo))
    assert [step.name for step in back.path] == ["Freezer 3"]


async def test_what_never_moved_has_no_way_back(api, database, world, superuser):
    cold = await freezer(api)
    await superuser.execute(RECORDED)
    await superuser.execute("update container_place set actor_id = $1", world.user_ids["technician"])
    token = await superuser.fetchval("select tx from container_place")
    refused = await api("technician").post(f"/containers/{cold}/move-back", {"undo": str(token)})
    assert kind(refused) == (409, "nothing-to-undo")
    assert "from the beginning" in refused.json()["detail"]


async def test_a_box_takes_tubes_of_its_formats(api, database, world, superuser):
    code = await box(api, await rack(api, await freezer(api)), kind="RACK96")
    made = await make_material(database, world, tubes=1)
    await superuser.execute(RECORDED)
    await superuser.execute("update specimen set tube_type = 'CRYO20'")
    refused = await api("technician").post("/storage/placements", {"tube": made.tubes[0], "box": code})
    assert kind(refused) == (409, "does-not-fit")
    assert "12.5 mm" in refused.json()["detail"]
