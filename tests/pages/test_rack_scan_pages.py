"""Rack scans and the bench of a re-map on pages, without a script."""

import re

from biobank import ids
from biobank.identifier.command_codes import COMMANDS
from tests.material import make_material
from tests.racks import filled, layout, scan_file
from tests.shelves import box, boxed, freezer, rack

CODES = {command.verb: command.code for command in COMMANDS}


async def hand_in(person, code, content):
    return await person.post(f"/storage/{code}/rack-scans", {}, files={"file": ("scan.csv", content)})


async def test_a_scan_is_handed_in_settled_and_committed(api, browser, database, world):
    code = await boxed(api, kind="BOX25")
    here = await filled(database, world, code, 4, cols=5)
    new, tech = await make_material(database, world, tubes=1), await browser("technician")
    assert f'href="/storage/{code}/rack-scans"' in (await tech.get(f"/storage/{code}")).text
    assert "No scan yet" in (await tech.get(f"/storage/{code}/rack-scans")).text
    refused = await tech.post(f"/storage/{code}/rack-scans", {})
    assert (refused.status_code, "Choose the file" in refused.text) == (422, True)
    faulty = await hand_in(tech, code, b"Well,Barcode\nA1,1.2E+9")
    assert "line 2, column Barcode: a spreadsheet shortened the code" in faulty.text
    one, two, three, four = here.tubes
    cells = {(0, 0): one, (0, 1): "NO READ", (1, 0): new.tubes[0], (1, 1): "X0000001", (1, 2): three}
    there = (await hand_in(tech, code, scan_file(cells, rows=5, cols=5))).headers["location"]
    shown = (await tech.get(there)).text
    for words in ("A2, unread", "B1, new", "B2, foreign, X0000001, not known here", "B3, moved", "A4, gone"):
        assert words in shown, words
    assert "Settle what stands above first" in shown
    assert "A3, gone" not in shown, "its tube was seen elsewhere"
    digest = "0" * 64
    early = await tech.post(f"{there}/commit", {"digest": digest})
    assert (early.status_code, "changed since you looked" in early.text) == (412, True)
    answers = {
        "out.B2": "true",
        "at.B2": "typed before",
        f"tube.{two}": "unread",
        f"tube.{four}": "taken_out",
        "at.A1": "",
    }
    assert (await tech.post(f"{there}/settle", answers)).status_code == 303
    shown = (await tech.get(there)).text
    assert "Commit 2 moves" in shown
    digest = re.search(r'name="digest" value="(\w+)"', shown)[1]
    assert (await tech.post(f"{there}/commit", {"digest": digest})).status_code == 303
    done = (await tech.get(there)).text
    assert "Committed" in done
    assert "Put it aside" not in done
    boxed_now = (await tech.get(f"/storage/{code}")).text
    assert f"B1, occupied, {ids.grouped(new.tubes[0])}" in boxed_now
    assert (await tech.post(f"{there}/explode", {})).status_code == 422
    again = (await hand_in(tech, code, scan_file({(0, 0): one}, rows=5, cols=5))).headers["location"]
    assert (await tech.post(f"{again}/discard", {"reason": "the wrong file"})).status_code == 303
    listed = (await tech.get(f"/storage/{code}/rack-scans")).text
    assert listed.count("Discarded") == 1
    assert (await (await browser("technician_chi")).get(again)).status_code == 404
    reader = (await (await browser("auditor")).get(again)).text
    assert "Hand in" not in reader


async def test_a_turned_rack_is_told_on_the_page(api, browser, database, world):
    code = await boxed(api, kind="RACK96")
    here, tech = await filled(database, world, code, 20), await browser("technician")
    turned = {(7 - row, 11 - col): tube for (row, col), tube in layout(here.tubes).items()}
    shown = (await tech.get((await hand_in(tech, code, scan_file(turned))).headers["location"])).text
    assert "This rack was scanned the wrong way round." in shown
    assert "20 of 20 tubes stand where they would with the rack turned by 180°" in shown
    assert "Commit 20" not in shown


async def test_a_box_is_remapped_by_scanning_alone(api, browser, database, world):
    code = await boxed(api, kind="BOX25")
    other = await box(api, await rack(api, await freezer(api, name="Freezer 4")), kind="BOX25", name="Box 40")
    here, alien = await filled(database, world, code, 4, cols=5), await filled(database, world, other, 1, cols=5)
    one, two, three, _ = here.tubes
    tech, path = await browser("technician"), f"/storage/{code}/remap"
    page = (await tech.get(path)).text
    assert "Scan what stands at A1" in page

    async def scan(text):
        nonlocal page
        fields = dict(re.findall(r'name="(scans|digest|unknown)" value="([^"]*)"', page))
        response = await tech.post(path, {**fields, "scan": text})
        page = response.text
        return response

    for text in (CODES["confirm"], CODES["undo"], "", CODES["print"]):
        await scan(text)
        assert "Look" in page
    await scan(ids.grouped(three))
    assert "Scan what stands at A2" in page
    await scan(ids.grouped(three))
    assert "Scanned just before" in page
    await scan(CODES["next"])
    await scan(two)
    await scan(three)
    assert "was scanned at A1 and at A4" in page
    assert "Scan what stands at A4" in page
    await scan("WRONG-1")
    assert "Not known here: scan it again" in page
    assert "Scan what stands at A4" in page
    await scan("WRONG-1")
    assert "Scan what stands at A5" in page
    await scan(CODES["undo"])
    await scan(alien.tubes[0])
    await scan(one)
    await scan(CODES["confirm"])
    assert "Scan confirm again to store it" in page
    assert "Freezer 4 / Rack B / Box 40 / A1" in page
    assert "Missing tube" in page
    done = await scan(CODES["confirm"])
    assert done.status_code == 200
    assert "What was stored" in page
    now = (await tech.get(f"/storage/{code}")).text
    for place, tube in (("A1", three), ("A3", two), ("A5", one)):
        assert f"{place}, occupied, {ids.grouped(tube)}" in now
    page = (await tech.get(path)).text
    await scan(one)
    await scan(CODES["confirm"])
    await api("technician").ok("/storage/removals", {"tube": two})
    await scan(CODES["confirm"])
    assert "changed since you looked" in page
    assert (await (await browser("technician_chi")).get(path)).status_code == 404
