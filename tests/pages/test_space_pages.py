"""Space, reservations, types of containers and trees from files on pages, as a browser without scripts sees them."""

from datetime import UTC, datetime, timedelta

from tests.material import make_material
from tests.shelves import box, freezer, rack

UNTIL = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()


async def slotted(api, parent):
    made = {"type": "RACK16", "name": "Rack S", "site": "LAB", "parent": parent}
    return (await api("administrator").ok("/containers", made))["code"]


async def test_space_is_found_reserved_used_and_released(api, browser, database, world):
    cold = await freezer(api)
    code = await box(api, await slotted(api, cold))
    tech, made = await browser("technician"), await make_material(database, world, tubes=2)
    asked = "/space?site=LAB&temperature_class=-80"
    found = (await tech.get(f"{asked}&count=3")).text
    assert "3 in one, without a gap" in found
    assert f'value="{code}:A1,A2,A3' in found
    assert "81 free in all" in found
    assert "No room" in (await tech.get("/space?site=LAB&temperature_class=LN2V&count=3")).text
    wrong = await tech.get(f"{asked}&count=many")
    assert (wrong.status_code, 'id="count-error"' in wrong.text) == (422, True)
    form = {"site": "LAB", "name": "Visit day", "until": UNTIL, "places": f"{code}:A1,A2,B1,B2,B3\n"}
    kept = await tech.post("/space/reservations", form)
    assert kept.status_code == 303
    page = kept.headers["location"]
    for part, held in (({"positions": "B1, B3"}, "3 held"), ({"positions": "B2"}, "2 held, 0 used, 3 given back")):
        assert (await tech.post(f"{page}/release", {"container": code, **part})).status_code == 303
        assert held in (await tech.get(page)).text
    gone = await tech.post(f"{page}/release", {"container": code, "positions": "B2"})
    assert (gone.status_code, "does not hold 1 of these" in gone.text) == (409, True)
    assert "Visit day" in (await tech.get("/space/reservations")).text
    shown = (await tech.get(f"/storage/{code}")).text
    assert "A1, reserved: Visit day" in shown
    other = await browser("technician2")
    refused = await other.post(f"/storage/{code}/tubes", {"tube": made.tubes[0], "position": "A1"})
    assert refused.status_code == 409
    assert "reserved for Visit day" in refused.text
    used = {"tube": made.tubes[0], "reservation": page.rpartition("/")[2]}
    assert (await other.post(f"/storage/{code}/tubes", used)).status_code == 303
    assert "1 held, 1 used" in (await other.get(page)).text
    assert (await tech.post(f"{page}/release", {"container": code, "positions": ""})).status_code == 303
    assert "Release it" not in (await tech.get(page)).text
    assert (await tech.post(f"{page}/release")).status_code == 409
    assert "Nothing is reserved" in (await tech.get("/space/reservations?site=LAB")).text
    assert (await (await browser("technician_chi")).get(page)).status_code == 404


async def test_a_rack_is_seen_and_reserved_by_its_slots(api, browser):
    cold = await freezer(api)
    tower = await slotted(api, cold)
    first = await box(api, tower)
    tech = await browser("technician")
    assert "Slots" in (await tech.get(f"/space/reservations/new?container={tower}")).text
    form = {"container": tower, "site": "LAB", "name": "Racks of June", "until": UNTIL}
    assert (await tech.post("/space/reservations", {**form, "positions": "A2; B1"})).status_code == 303
    assert (await tech.post("/space/reservations", {**form, "count": "2"})).status_code == 303
    for wrong in (
        {"positions": "Z9"},
        {"positions": "", "count": "40"},
        {"count": "2"},
        {"until": "soon"},
        {"name": ""},
    ):
        assert (await tech.post("/space/reservations", {**form, "positions": "D4", **wrong})).status_code in {409, 422}
    shown = (await tech.get(f"/storage/{tower}")).text
    assert "reserved: Racks of June" in shown
    assert "1 of 16 slots" in shown
    assert "4 reserved" in shown
    other = await rack(api, cold, name="Rack T")
    move = {"parent": other, "row_version": "1"}
    assert (await tech.post(f"/storage/{first}/move", move)).status_code == 303
    moved = (await tech.get(f"/storage/{first}")).text
    token = moved.partition('name="undo" value="')[2].partition('"')[0]
    assert (await tech.post(f"/storage/{first}/move-back", {"undo": token})).status_code == 303
    assert (await tech.post(f"/storage/{first}/move-back", {"undo": token})).status_code == 409


async def test_managers_keep_the_types(browser):
    manager = await browser("administrator")
    listed = (await manager.get("/container-types")).text
    assert "Cryobox 9" in listed
    form = {
        "code": "DRAWER4",
        "title": "Drawer",
        "level": "rack",
        "rows": "2",
        "cols": "2",
        "label_scheme": "names",
        "names": "NW, NE\nSW; SE",
        "fill_order": "row_serpentine",
        "into.ULT": "on",
        "takes.BOX81": "on",
    }
    made = await manager.post("/container-types", form)
    assert (made.status_code, made.headers["location"]) == (303, "/container-types/DRAWER4")
    shown = (await manager.get("/container-types/DRAWER4")).text
    assert "NW<small" in shown
    assert 'name="into.ULT" checked' in shown
    assert (await manager.post("/container-types", form)).status_code == 409
    faulty = await manager.post("/container-types", {**form, "code": "D5", "names": "one"})
    assert (faulty.status_code, 'id="names-error"' in faulty.text) == (422, True)
    change = {**form, "row_version": "1", "title": "Deep drawer", "takes.BOX25": "on"}
    del change["code"], change["level"]
    assert (await manager.post("/container-types/DRAWER4", change)).status_code == 303
    assert (await manager.post("/container-types/DRAWER4", change)).status_code == 412
    assert "Add a type" not in (await (await browser("technician")).get("/container-types")).text


async def test_places_come_from_a_file_and_by_copy(browser):
    manager = await browser("administrator")
    text = "site,parent,type,name\nLAB,,ULT,Freezer 9\nLAB,Freezer 9,RACK,Rack A\n"
    assert "Parents stand in earlier rows" in (await manager.get("/storage/import")).text
    done = await manager.post("/storage/import", {"text": text}, files={"file": ("", b"")})
    assert "2 places were added" in done.text
    code = done.text.partition('<li><a href="/storage/')[2].partition('"')[0]
    again = await manager.post("/storage/import", files={"file": ("tree.csv", text.encode())})
    assert "0 places were added, 2 stood there already" in again.text
    bare = await manager.post("/storage/import", {"text": "site,parent,type,name"})
    assert (bare.status_code, "no place" in bare.text) == (422, True)
    wrong = await manager.post("/storage/import", {"text": f"{text}LAB,Freezer 8,RACK,x\n"})
    assert (wrong.status_code, "there is no Freezer 8 at LAB" in wrong.text) == (422, True)
    assert (await manager.post("/storage/import", files={"file": ("t.csv", b"\xff\xfe")})).status_code == 422
    copied = await manager.post(f"/storage/{code}/copies", {"copies": "2"})
    assert copied.status_code == 303
    assert "Freezer 10" in (await manager.get(copied.headers["location"])).text
    change = {"row_version": "1", "name": "Freezer Nine", "type": "ULT"}
    assert (await manager.post(f"/storage/{code}/change", change)).status_code == 303
    assert (await manager.post(f"/storage/{code}/change", change)).status_code == 412
    assert "Freezer Nine" in (await manager.get("/storage")).text
