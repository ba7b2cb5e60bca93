"""What managers set up: types of containers, trees from files, more freezers like one, boxes of another type."""

import pytest

from tests.api.test_storage_containers import RECORDED, kind, slotted
from tests.api.test_storage_space import SOON
from tests.material import make_material
from tests.shelves import box, freezer, rack

DRAWER = {
    "code": "DRAWER4",
    "title": "Drawer with four corners",
    "level": "rack",
    "rows": 2,
    "cols": 2,
    "label_scheme": "names",
    "position_names": ["NW", "NE", "SW", "SE"],
    "fill_order": "row_serpentine",
    "goes_into": ["ULT"],
    "takes": ["BOX81", "BOX25"],
}


def changed(view, **fields):
    """The command that says what a type says already, but for some fields."""
    left_out = {"code", "level", "containers", "in_use", "labels", "order"}
    return {**{name: value for name, value in view.items() if name not in left_out}, **fields}


async def test_a_type_is_made_used_and_changed_while_nothing_stands_in_it(api, database, world):
    manager, tech = api("administrator"), api("technician")
    made = await manager.ok("/container-types", DRAWER)
    assert (made["labels"], made["order"]) == (["NW", "NE", "SW", "SE"], [1, 2, 4, 3])
    assert (made["goes_into"], made["takes"], made["in_use"]) == (["ULT"], ["BOX81", "BOX25"], False)
    assert kind(await manager.post("/container-types", DRAWER)) == (409, "container-type-exists")
    assert kind(await tech.post("/container-types", {**DRAWER, "code": "D5"})) == (403, "forbidden")
    cold = await freezer(api)
    drawer = await slotted(api, cold, kind="DRAWER4")
    first = await box(api, drawer, kind="BOX25")
    assert (await tech.see(f"/containers/{first}"))["slot"] == "NW"
    path = "/container-types/DRAWER4"
    seen = await tech.see(path)
    assert (seen["in_use"], seen["containers"]) == (True, 1)
    refused = await manager.client.put(f"/api/v1{path}", json=changed(seen, rows=3, cols=3), headers=key(1))
    assert refused.status_code == 422
    narrower = changed(seen, label_scheme="letter_number", position_names=None)
    refused = await manager.client.put(f"/api/v1{path}", json=narrower, headers=key(2))
    assert kind(refused) == (409, "container-type-in-use")
    refused = await manager.client.put(f"/api/v1{path}", json=changed(seen, takes=["BOX81"]), headers=key(3))
    assert kind(refused) == (409, "container-type-in-use")
    assert "Box 12" in refused.json()["detail"]
    fine = changed(seen, title="Drawer", takes=["BOX25", "RACK96"], temperature_class="-80", fill_order="column")
    done = (await manager.client.put(f"/api/v1{path}", json=fine, headers=key(4))).json()
    assert (done["title"], done["takes"], done["row_version"]) == ("Drawer", ["RACK96", "BOX25"], 2)
    assert kind(await manager.client.put(f"/api/v1{path}", json=fine, headers=key(5))) == (412, "stale")
    gone = await manager.client.put("/api/v1/container-types/NONE", json=fine, headers=key(6))
    assert kind(gone) == (404, "not-found")
    assert kind(await tech.get("/container-types/NONE")) == (404, "not-found")
    assert "BOX81" in {one["code"] for one in await tech.see("/container-types")}


def key(number):
    return {"Idempotency-Key": f"00000000-0000-4000-8000-{number:012}"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cols": None}, "rows"),
        ({"rows": 100, "cols": 60}, "cols"),
        ({"label_scheme": "tower_level_box", "position_names": None}, "rows_per_group"),
        ({"rows_per_group": 2}, "rows_per_group"),
        ({"position_names": ["NW"]}, "position_names"),
        ({"position_names": ["a", "A", "b", "c"]}, "position_names"),
        ({"temperature_class": "-79"}, "temperature_class"),
        ({"takes": ["NONE"]}, "takes"),
        ({"tube_formats": ["vial"]}, "tube_formats"),
        ({"level": "box", "takes": [], "tube_formats": ["bucket"]}, "tube_formats"),
        ({"level": "box", "rows": None, "cols": None, "label_scheme": None, "position_names": None}, "rows"),
    ],
)
async def test_a_type_that_makes_no_sense_is_refused_by_field(api, fields, field):
    response = await api("administrator").post("/container-types", {**DRAWER, **fields})
    assert (response.status_code, list(response.json()["errors"])) == (422, [field])


async def test_types_make_no_circle_and_boxes_take_formats(api):
    manager = api("administrator")
    circle = await manager.post("/container-types", {**DRAWER, "goes_into": ["RACK"], "takes": ["RACK"]})
    assert kind(circle) == (409, "does-not-fit")
    inside = await manager.post("/container-types", {**DRAWER, "goes_into": ["BOX81"], "takes": []})
    assert kind(inside) == (409, "does-not-fit")
    made = await manager.ok(
        "/container-types",
        {"code": "CRATE", "title": "Crate", "level": "box", "rows": 1, "cols": 40, "label_scheme": "unordered",
         "goes_into": ["RACK"], "tube_formats": ["vial", "cup"]},
    )  # fmt: skip
    assert (made["tube_formats"], made["labels"][-1]) == (["cup", "vial"], "#40")
    fewer = changed(made, tube_formats=["vial"], goes_into=["SHELF"])
    path = "/api/v1/container-types/CRATE"
    assert (await manager.client.put(path, json=fewer, headers=key(1))).json()["tube_formats"] == ["vial"]


async def test_a_type_in_use_beyond_ones_reach_is_an_administrators(api):
    await freezer(api)
    seen = await api("manager").see("/container-types/ULT")
    await freezer(api, site="CHI")
    outsider = await api("stranger").client.put("/api/v1/container-types/ULT", json=changed(seen), headers=key(1))
    assert outsider.status_code == 403


async def test_a_box_changes_its_type_while_it_is_empty(api, database, world):
    code = await box(api, await rack(api, await freezer(api)), kind="BOX25")
    manager, path = api("administrator"), f"/api/v1/containers/{code}"
    change = {"row_version": 1, "type": "BOX81", "name": "Box 13"}
    done = (await manager.client.put(path, json=change, headers=key(1))).json()
    assert (done["type"], done["name"], done["capacity"], done["row_version"]) == ("BOX81", "Box 13", 81, 2)
    assert kind(await manager.client.put(path, json=change, headers=key(2))) == (412, "stale")
    again = {**change, "row_version": 2}
    for number, (type_code, expected) in enumerate(
        [("RACK", (409, "does-not-fit")), ("NONE", (422, "invalid")), ("CANES", (409, "does-not-fit"))], start=3
    ):
        response = await manager.client.put(path, json={**again, "type": type_code}, headers=key(number))
        assert kind(response) == expected
    made = await make_material(database, world, tubes=1)
    await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": code})
    full = await manager.client.put(path, json={**again, "type": "BOX25"}, headers=key(8))
    assert kind(full) == (409, "container-type-in-use")
    tower = (await api("technician").see(f"/containers/{code}"))["path"][1]["code"]
    holds = {"row_version": 1, "type": "RACK16"}
    assert kind(await manager.client.put(f"/api/v1/containers/{tower}", json=holds, headers=key(9))) == (
        409,
        "container-type-in-use",
    )


TREE = """site,parent,type,name,slot,temperature_class
LAB,,FACILITY,Annexe,,RT
LAB,Annexe,ULT,Freezer 9,,
LAB,Annexe / Freezer 9,RACK16,Rack A,,
LAB,Annexe / Freezer 9 / Rack A,BOX81,Box 1,B2,
LAB,Annexe/Freezer 9/Rack A,BOX81,Box 2,,

"""


async def test_a_tree_comes_from_a_file_once(api, superuser):
    manager = api("administrator")
    done = await manager.ok("/containers/import", {"text": TREE})
    assert (done["added"], done["unchanged"], [place["name"] for place in done["places"]]) == (5, 0, ["Annexe"])
    again = await manager.ok("/containers/import", {"text": "\ufeff" + TREE.replace(",", ";")})
    assert (again["added"], again["unchanged"], again["places"]) == (0, 5, [])
    annexe = await manager.see(f"/containers/{done['places'][0]['code']}")
    (cold,) = annexe["children"]
    assert (annexe["slots"], annexe["slots_taken"], annexe["capacity"]) == (16, 2, 162)
    assert (cold["name"], cold["temperature_class"]) == ("Freezer 9", "-80")
    more = f"site,parent,type,name\nLAB,{cold['code']},RACK,Rack B\n"
    assert (await manager.ok("/containers/import", {"text": more}))["added"] == 1
    assert await superuser.fetchval("select count(*) from container_place") == 6
    assert await superuser.fetchval("select count(*) from identifier where container_id is not null") == 6


async def test_every_bad_row_of_a_tree_is_named_and_nothing_is_added(api, superuser):
    cold = await freezer(api)
    tower = await slotted(api, cold)
    await box(api, tower, name="Box 1")
    await freezer(api, name="Twin")
    await freezer(api, name="Twin")
    shut = await freezer(api, name="Shut")
    await api("technician").ok(
        "/space/reservations",
        {"name": "x", "site": "LAB", "expires_at": SOON, "places": [{"container": tower, "positions": ["D4"]}]},
    )
    await superuser.execute(RECORDED)
    await superuser.execute("update container set status = 'maintenance' where code = $1", shut)
    bad = {
        "NOWHERE,,ULT,x,,": "no site NOWHERE",
        "LAB,,CRATE,x,,": "no container type CRATE",
        "LAB,,ULT,,,": "1 to 80",
        "LAB,,ULT,y,,-79": "no temperature class",
        "LAB,,ROOM,y,,": "needs a temperature class",
        "LAB,Freezer 3,BOX81,y,,": "does not go into",
        "LAB,Freezer 8,RACK,y,,": "there is no Freezer 8 at LAB",
        "LAB,Freezer 3/Rack Q,BOX81,y,,": "there is no Rack Q in Freezer 3",
        "LAB,Twin,RACK,y,,": "2 places at LAB are called Twin",
        "LAB,Shut,RACK,y,,": "nothing is put into Shut",
        "LAB,Freezer 3,RACK,y,A1,": "no slots",
        f"LAB,{tower},BOX81,y,A1,": "Box 1 stands in slot A1",
        f"LAB,{tower},BOX81,y,D4,": "is reserved",
        f"LAB,{tower},BOX81,y,E1,": "no slot E1",
        f"LAB,{tower},BOX25,Box 1,,": "is BOX81",
        f"LAB,{tower},BOX81,Box 1,B1,": "in another slot",
        f"LAB,{tower},BOX81,Box 1,,-20": "at class -80",
        f"CHI,{tower},BOX81,y,,": "is not at CHI",
        "LAB,Freezer 3,RACK,new,,": "",
        "LAB,Freezer 3,RACK,new,, ": "is in row 20 already",
    }
    before = await superuser.fetchval("select count(*) from container")
    text = "\n".join(["site,parent,type,name,slot,temperature_class", *bad])
    refused = await api("administrator").post("/containers/import", {"text": text})
    assert kind(refused) == (422, "invalid")
    errors = refused.json()["errors"]
    assert list(errors) == [f"row {number}" for number, words in enumerate(bad.values(), start=2) if words]
    for number, words in enumerate(bad.values(), start=2):
        assert words in errors.get(f"row {number}", ""), number
    assert await superuser.fetchval("select count(*) from container") == before


@pytest.mark.parametrize(
    "text", ["name\nx", "site,type,name,colour\n", "site,type,name,name\n", 'site,type,name\n"a\n', "\n"]
)
async def test_what_is_no_tree_is_refused(api, text):
    refused = await api("administrator").post("/containers/import", {"text": text})
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["text"])


async def test_another_freezer_like_this_one(api):
    hall = await api("administrator").ok(
        "/containers", {"type": "FACILITY", "name": "Hall", "site": "LAB", "temperature_class": "RT"}
    )
    cold = (
        await api("administrator").ok(
            "/containers", {"type": "ULT", "name": "Freezer 09", "site": "LAB", "parent": hall["code"]}
        )
    )["code"]
    tower = await slotted(api, cold)
    await box(api, tower)
    manager = api("administrator")
    done = await manager.ok(f"/containers/{cold}/copies", {"copies": 2})
    assert (done["added"], [place["name"] for place in done["places"]]) == (4, ["Freezer 10", "Freezer 11"])
    whole = await manager.ok(f"/containers/{cold}/copies", {"name": "Spare", "with_boxes": True})
    assert (whole["added"], whole["places"][0]["name"]) == (3, "Spare")
    seen = await manager.see(f"/containers/{whole['places'][0]['code']}")
    assert (seen["boxes"], seen["slots_taken"], seen["occupied"], seen["path"][0]["name"]) == (1, 1, 0, "Hall")
    assert kind(await manager.post(f"/containers/{cold}/copies", {"copies": 0})) == (422, "invalid")
    assert kind(await manager.post(f"/containers/{cold}/copies", {"name": "Spare"})) == (409, "container-exists")
    boxes = (await manager.see(f"/containers/{tower}"))["children"]
    more = await manager.ok(f"/containers/{boxes[0]['code']}/copies", {"copies": 3})
    assert [place["name"] for place in more["places"]] == ["Box 13", "Box 14", "Box 15"]
    assert (await manager.see(f"/containers/{tower}"))["slots_taken"] == 4
    assert kind(await manager.post(f"/containers/{boxes[0]['code']}/copies", {"copies": 13})) == (409, "box-full")
    outermost = await manager.ok(f"/containers/{hall['code']}/copies", {})
    assert [place["name"] for place in outermost["places"]] == ["Hall 2"]
