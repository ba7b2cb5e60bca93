"""Storage and the scan station on pages: what they show, what forms do without a script, what they say when refused."""

import csv
import io

import pypdfium2
import zxingcpp

from biobank import ids
from biobank.scan.rules import COMMANDS, CONDITIONS, REASONS, SELF_TEST
from tests.material import make_material
from tests.printing_steps import add_printer
from tests.shelves import box, boxed, freezer, rack


async def test_the_tree_leads_from_the_site_to_the_box(api, browser, database, world):
    cold = await freezer(api)
    shelf = await rack(api, cold)
    code = await box(api, shelf)
    tech = await browser("technician")
    front = (await tech.get("/storage")).text
    assert f'href="/storage/{cold}"' in front
    assert "0 of 81, 81 free" in front
    assert "Add a facility" not in front
    assert f'href="/storage/{code}"' in (await tech.get(f"/storage/{shelf}")).text
    assert (await (await browser("technician_chi")).get(f"/storage/{code}")).status_code == 404
    assert "No storage yet" in (await (await browser("technician_chi")).get("/storage")).text


async def test_the_manager_adds_containers(browser):
    manager = await browser("administrator")
    form = {"site": "LAB", "type": "ULT", "name": "Freezer 5", "temperature_class": "-80"}
    made = await manager.post("/storage/containers", form, key="6a3a1f9e-95a4-4ad5-9a1a-7d0b1c1f2a11")
    assert made.status_code == 303
    again = await manager.post("/storage/containers", form, key="6a3a1f9e-95a4-4ad5-9a1a-7d0b1c1f2a11")
    assert again.headers["location"] == made.headers["location"]
    cold = made.headers["location"].rpartition("/")[2]
    inside = await manager.post(
        "/storage/containers", {"site": "LAB", "parent": cold, "type": "RACK", "name": "Rack A"}
    )
    assert (inside.status_code, inside.headers["location"]) == (303, f"/storage/{cold}")
    twice = await manager.post("/storage/containers", {"site": "LAB", "parent": cold, "type": "RACK", "name": "Rack A"})
    assert twice.status_code == 409
    assert "choose another name" in twice.text
    missing = await manager.post("/storage/containers", {"site": "LAB", "type": "ULT", "temperature_class": "-80"})
    assert missing.status_code == 422
    assert 'id="name-error"' in missing.text
    unsaid = await manager.post(f"/storage/{cold}/status", {"status": "alarm", "row_version": "1", "reason": ""})
    assert (unsaid.status_code, 'id="status-reason-error"' in unsaid.text) == (422, True)
    alarmed = {"status": "alarm", "row_version": "1", "reason": "its compressor is silent"}
    assert (await manager.post(f"/storage/{cold}/status", alarmed)).status_code == 303
    assert "in alarm" in (await manager.get(f"/storage/{cold}")).text
    # From outside it says its state and its type in words as well, on its tile and in its row.
    front = (await manager.get("/storage")).text
    assert (front.count("in alarm"), ">alarm<" in front, ">ULT<" in front) == (2, False, False)
    # What is wrong in one form is not said of the fields of another one.
    keeper = await browser("manager")
    lost = (await keeper.post(f"/storage/{cold}/move", {"row_version": "2", "parent": "NOPE"})).text
    assert (lost.count('value="NOPE"'), lost.count('aria-invalid="true"'), 'id="parent-error"' in lost) == (1, 1, True)
    nameless = (await keeper.post(f"/storage/{cold}/change", {"row_version": "2", "name": "x" * 81})).text
    assert (nameless.count('aria-invalid="true"'), 'id="new-name-error"' in nameless) == (1, True)


async def test_a_tube_is_stored_swapped_and_taken_out_without_a_script(api, browser, database, world):
    code, made = await boxed(api), await make_material(database, world, tubes=2)
    tech, (one, two) = await browser("technician"), made.tubes
    assert (await tech.post(f"/storage/{code}/tubes", {"tube": one, "position": "C4"})).status_code == 303
    shown = (await tech.get(f"/storage/{code}")).text
    assert f'href="/specimens/{one}"' in shown
    assert "C4, occupied" in shown
    taken = await tech.post(f"/storage/{code}/tubes", {"tube": two, "position": "C4", "override_reason": ""})
    assert taken.status_code == 409
    assert f"taken by {ids.grouped(one)}" in taken.text
    assert f'value="{two}"' in taken.text
    assert (await tech.post(f"/storage/{code}/tubes", {"tube": two})).status_code == 303
    assert (await tech.post(f"/storage/{code}/swaps", {"first": one, "second": two})).status_code == 303
    assert "A1, occupied, " + ids.grouped(one) in (await tech.get(f"/storage/{code}")).text
    assert (await tech.post(f"/storage/{code}/removals", {"tube": one})).status_code == 303
    assert ids.grouped(one) not in (await tech.get(f"/storage/{code}")).text
    assert (await tech.post(f"/storage/{code}/removals", {"tube": ""})).status_code == 422


async def test_a_box_moves_by_form_and_a_stale_form_is_refused(api, browser):
    code = await boxed(api)
    other = await rack(api, await freezer(api, name="Freezer 7"), name="Rack A")
    tech = await browser("technician")
    assert (await tech.post(f"/storage/{code}/move", {"parent": other, "row_version": "1"})).status_code == 303
    stale = await tech.post(f"/storage/{code}/move", {"parent": other, "row_version": "1"})
    assert stale.status_code == 412
    assert "changed by somebody else" in stale.text


async def test_a_box_prints_and_exports(api, browser, database, world):
    code, made = await boxed(api, kind="RACK96"), await make_material(database, world, tubes=2)
    tech = api("technician")
    for tube in made.tubes:
        await tech.ok("/storage/placements", {"tube": tube, "box": code})
    other = await make_material(database, world, tubes=1, holder="stranger", study="OTH", site="LAB")
    await api("stranger").ok("/storage/placements", {"tube": other.tubes[0], "box": code})
    page = await browser("technician")
    printed = await page.get(f"/storage/{code}/map.pdf")
    assert (await api("technician").get(f"/containers/{code}/box/map")).content == printed.content
    document = pypdfium2.PdfDocument(printed.content)
    assert code in [found.text for found in zxingcpp.read_barcodes(document[0].render(scale=4).to_pil())]
    text = document[0].get_textpage()
    words = text.get_text_range()
    text.close()
    document.close()
    assert ids.grouped(made.tubes[1]) in words
    assert "taken" in words
    assert ids.grouped(other.tubes[0]) not in words
    exported = await page.get(f"/storage/{code}/content.csv")
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert [(row["position"], row["tube"], row["participant"]) for row in rows] == [
        ("A01", made.tubes[0], made.participant),
        ("A02", made.tubes[1], made.participant),
    ]


async def test_the_station_opens_with_its_box_and_commands(api, browser):
    code = await boxed(api)
    tech = await browser("technician")
    shown = (await tech.get(f"/scan?box={code}")).text
    assert 'data-mode="store"' in shown
    assert f'data-box="{code}"' in shown
    assert all(f'data-code="{command.code}"' in shown for command in COMMANDS)
    assert 'data-mode="find"' in (await (await browser("scientist")).get("/scan?mode=dance")).text
    assert 'data-mode="find"' in (await tech.get("/scan?mode=find")).text


async def test_the_command_codes_print_and_read_back(api, browser):
    await add_printer(api, 9)
    tech = await browser("technician")
    assert ids.grouped(COMMANDS[0].code) in (await tech.get("/scan/commands")).text
    document = pypdfium2.PdfDocument((await tech.get("/scan/commands.pdf")).content)
    found = {symbol.text for sheet in document for symbol in zxingcpp.read_barcodes(sheet.render(scale=4).to_pil())}
    document.close()
    said = {one.code for one in (*COMMANDS, *REASONS, *CONDITIONS)}
    assert found == {SELF_TEST, "PRINTERLABZD1", *said}


async def test_a_map_that_cannot_be_printed_says_why(api, browser):
    code = await boxed(api, name="\u0635\u0646\u062f\u0648\u0642")
    refused = await (await browser("technician")).get(f"/storage/{code}/map.pdf")
    assert refused.status_code == 422
    assert "cannot be printed" in refused.text


async def test_a_map_of_a_box_that_stands_far_inside_is_printed(api, browser):
    far = await rack(api, await freezer(api, name="Freezer of the second floor, at the door"), name="Rack " + "W" * 20)
    printed = await (await browser("technician")).get(f"/storage/{await box(api, far)}/map.pdf")
    assert printed.status_code == 200
    document = pypdfium2.PdfDocument(printed.content)
    text = document[0].get_textpage()
    words = text.get_text_range()
    text.close()
    document.close()
    assert "second floor" not in words
    assert "0 of 81 occupied" in words
