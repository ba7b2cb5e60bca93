"""Room for what is to come, over JSON: finding it, keeping it free, using it and giving it back."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from biobank.storage.reserving import ReserveSpace, reserve
from biobank.tx import open_tx
from tests.api.test_storage_containers import RECORDED, kind, slotted
from tests.material import actor, make_material
from tests.shelves import box, freezer, rack

SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()


def asked(**changed):
    return {"site": "LAB", "temperature_class": "-80", "count": 5, **changed}


def keep(*places, **changed):
    return {"name": "Visit day", "site": "LAB", "expires_at": SOON, "places": list(places), **changed}


async def test_space_is_offered_in_walking_order_without_a_gap_first(api, database, world):
    cold = await freezer(api)
    near, far = await rack(api, cold, name="Rack 2"), await rack(api, cold, name="Rack 10")
    one, two, three = (
        await box(api, near, name="Box 1", kind="BOX25"),
        await box(api, near, name="Box 2", kind="BOX25"),
        await box(api, far, name="Box 1", kind="BOX25"),
    )
    await box(api, await rack(api, await freezer(api, kind="F20", temperature="-20", name="Warm")), kind="BOX25")
    tech = api("technician")
    made = await make_material(database, world, tubes=2)
    # A tube in the middle of the first box: ten places follow each other only in the second.
    await tech.ok("/storage/placements", {"tube": made.tubes[0], "box": one, "position": "C3"})
    found = await tech.see("/space", **asked(count=13))
    assert [(offer["kind"], offer["parts"][0]["code"]) for offer in found["offers"]] == [
        ("one_run", two),
        ("one_run", three),
        ("one_holder", one),
    ]
    assert found["free"] == 74
    assert found["offers"][2]["parts"][0]["positions"][-2:] == ["C2", "C4"]
    both = (await tech.see("/space", **asked(count=40)))["offers"]
    assert [(offer["kind"], [part["code"] for part in offer["parts"]]) for offer in both] == [
        ("one_parent", [one, two])
    ]
    assert [part["count"] for part in both[0]["parts"]] == [24, 16]
    all_of_it = (await tech.see("/space", **asked(count=60)))["offers"][0]
    assert (all_of_it["kind"], all_of_it["count"]) == ("one_unit", 60)
    short = (await tech.see("/space", **asked(count=500)))["offers"][0]
    assert (short["kind"], short["count"]) == ("several", 74)
    assert (await tech.see("/space", **asked(temperature_class="LN2V")))["offers"] == []


async def test_space_suits_the_format_and_boxes_find_slots(api, superuser):
    cold = await freezer(api)
    tower = await slotted(api, cold)
    small, plain = await box(api, tower, kind="RACK96", name="Small"), await box(api, tower, kind="BOX25", name="Any")
    tech = api("technician")
    found = await tech.see("/space", **asked(tube_format="vial"))
    assert [offer["parts"][0]["code"] for offer in found["offers"]] == [plain]
    assert len((await tech.see("/space", **asked(tube_format="rack_tube")))["offers"]) == 2
    slots = await tech.see("/space", **asked(box="BOX81", count=3))
    assert (slots["offers"][0]["parts"][0]["code"], slots["free"]) == (tower, 14)
    assert slots["offers"][0]["parts"][0]["positions"] == ["A3", "A4", "B1"]
    await superuser.execute(RECORDED)
    await superuser.execute("update container set status = 'alarm' where code = $1", cold)
    assert (await tech.see("/space", **asked()))["free"] == 0
    assert small


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"count": 0}, "count"),
        ({"temperature_class": "-79"}, "temperature_class"),
        ({"tube_format": "bucket"}, "tube_format"),
        ({"box": "CRATE"}, "box"),
    ],
)
async def test_what_is_looked_for_makes_sense(api, wrong, field):
    response = await api("technician").get("/space", **asked(**wrong))
    assert (response.status_code, list(response.json()["errors"])) == (422, [field])


async def test_reserved_positions_are_refused_by_name_used_and_released(api, database, world):
    cold = await freezer(api)
    code = await box(api, await rack(api, cold), kind="BOX25")
    made = await make_material(database, world, tubes=4)
    tech, other = api("technician"), api("technician2")
    kept = await tech.ok("/space/reservations", keep({"container": code, "positions": ["A1", "a2", "B1"]}))
    assert (kept["state"], kept["held"], kept["places"][0]["held"]) == ("held", 3, ["A1", "A2", "B1"])
    assert kept["reserved_by"]
    (listed,) = await other.see("/space/reservations", site="LAB")
    assert listed["number"] == kept["number"]
    cells = (await other.see(f"/containers/{code}/box"))["cells"]
    assert [(cell["state"], cell["text"]) for cell in cells[:3]] == [
        ("reserved", "Visit day"),
        ("reserved", "Visit day"),
        ("next", ""),
    ]
    assert (await other.see(f"/containers/{cold}"))["reserved"] == 3
    refused = await other.post("/storage/placements", {"tube": made.tubes[0], "box": code, "position": "A1"})
    assert kind(refused) == (409, "position-reserved")
    assert (refused.json()["name"], refused.json()["reservation"]) == ("Visit day", kept["number"])
    assert (await other.ok("/storage/placements", {"tube": made.tubes[0], "box": code}))["position"] == "A3"
    again = await other.post("/space/reservations", keep({"container": code, "positions": ["A2"]}))
    assert kind(again) == (409, "position-reserved")
    full = await other.post("/space/reservations", keep({"container": code, "positions": ["A3"]}))
    assert kind(full) == (409, "position-occupied")
    use = {"box": code, "reservation": kept["number"]}
    assert (await other.ok("/storage/placements", {"tube": made.tubes[1], **use}))["position"] == "A1"
    seen = await tech.see(f"/space/reservations/{kept['number']}")
    assert (seen["held"], seen["used"], seen["places"][0]["used"]) == (2, 1, ["A1"])
    release = f"/space/reservations/{kept['number']}/release"
    part = await tech.ok(release, {"places": [{"container": code, "positions": ["B1"]}]})
    assert (part["held"], part["released"], part["state"]) == (1, 1, "held")
    twice = await tech.post(release, {"places": [{"container": code, "positions": ["B1"]}]})
    assert kind(twice) == (409, "reservation-ended")
    assert kind(await tech.post(release, {"places": [{"container": code}]})) == (422, "invalid")
    done = await tech.ok(release, {})
    assert (done["held"], done["state"]) == (0, "ended")
    assert kind(await tech.post(release, {})) == (409, "reservation-ended")
    late = await other.post("/storage/placements", {"tube": made.tubes[2], **use})
    assert kind(late) == (409, "reservation-ended")
    assert await other.see("/space/reservations") == []
    assert (await other.ok("/storage/placements", {"tube": made.tubes[2], "box": code}))["position"] == "A2"


async def test_slots_are_reserved_for_boxes_that_are_to_come(api):
    tower = await slotted(api, await freezer(api))
    code = await box(api, await rack(api, await freezer(api, name="Freezer 4")))
    tech = api("technician")
    kept = await tech.ok("/space/reservations", keep({"container": tower, "count": 2}))
    assert kept["places"][0]["held"] == ["A1", "A2"]
    move = {"parent": tower, "row_version": 1}
    refused = await tech.post(f"/containers/{code}/move", {**move, "slot": "A2"})
    assert kind(refused) == (409, "position-reserved")
    moved = await tech.ok(f"/containers/{code}/move", {**move, "reservation": kept["number"]})
    assert moved["slot"] == "A1"
    seen = await tech.see(f"/containers/{tower}")
    assert (seen["grid"]["held"]["A2"]["name"], seen["slots_taken"], seen["reserved_slots"]) == ("Visit day", 1, 1)
    added = {"type": "BOX81", "name": "New", "site": "LAB", "parent": tower}
    assert (await api("administrator").ok("/containers", added))["slot"] == "A3"
    assert kind(await tech.post("/space/reservations", keep({"container": tower, "count": 14}))) == (409, "box-full")


async def test_what_cannot_be_reserved(api, world, superuser):
    cold = await freezer(api)
    code = await box(api, await rack(api, cold))
    elsewhere = await box(api, await rack(api, await freezer(api, site="CHI"), site="CHI"), site="CHI")
    tech = api("manager")
    whole = {"container": code, "count": 1}
    for body, expected in (
        (keep({"container": cold}), (409, "not-a-box")),
        (keep({"container": code, "positions": ["Z1"]}), (422, "unknown-position")),
        (keep({"container": code, "positions": ["A1", "A1"]}), (422, "invalid")),
        (keep(whole, whole), (422, "invalid")),
        (keep({"container": elsewhere, "count": 1}), (422, "invalid")),
        (keep(whole, expires_at="2020-01-01T00:00:00Z"), (422, "invalid")),
        (keep(whole, shipment="SXXXX"), (404, "not-found")),
        (keep(whole, site="NOWHERE"), (404, "not-found")),
    ):
        assert kind(await tech.post("/space/reservations", body)) == expected
    assert kind(await api("technician_chi").post("/space/reservations", keep(whole))) == (404, "not-found")
    assert kind(await tech.get(f"/space/reservations/{uuid4()}")) == (404, "not-found")
    kept = await tech.ok("/space/reservations", keep(whole))
    assert kind(await api("technician_chi").get(f"/space/reservations/{kept['number']}")) == (404, "not-found")


async def test_what_has_expired_is_reserved_anew(api, database, world):
    code = await box(api, await rack(api, await freezer(api)))
    who, earlier = await actor(database, world, "technician"), datetime.now(UTC) - timedelta(days=3)
    places = [{"container": code, "positions": ["A1", "A2"]}]
    async with open_tx(database, who, clock=lambda: earlier) as tx:
        command = {"name": "Old", "site": "LAB", "expires_at": earlier + timedelta(days=1), "places": places}
        old = await reserve(tx, ReserveSpace.model_validate(command))
    tech = api("technician")
    assert (await tech.see(f"/space/reservations/{old.number}"))["state"] == "expired"
    fresh = await tech.ok("/space/reservations", keep(*places))
    assert fresh["held"] == 2
    seen = await tech.see(f"/space/reservations/{old.number}")
    assert (seen["state"], seen["released"]) == ("ended", 2)
