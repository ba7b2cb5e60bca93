"""A pick list walked by scan in a real browser, at the bench and on a phone in front of the freezer."""

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.browser.test_pages_on_a_phone import look
from tests.material import make_material
from tests.picklists import listed, stored

pytestmark = pytest.mark.browser

PICTURES = os.environ.get("BIOBANK_TEST_PICTURES")


async def picture(desk: Desk, name: str) -> None:
    if PICTURES:
        await desk.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


async def test_a_list_is_walked_without_a_mouse(sit: Sit, api, database, world):
    made = await stored(api, database, world, tubes=12)
    other = await make_material(database, world, tubes=1)
    wanted = [made.tubes[at] for at in (0, 4, 11)]
    desk = await sit("technician")
    await desk.open("/pick-lists/new")
    await picture(desk, "pick-new")
    form = {"purpose": "Cytokine panel", "destination": "bench", "tubes": "\n".join(wanted)}
    await desk.send("Make the list", form)
    code = desk.last_part
    await picture(desk, "pick-list-open")
    assert await desk.focused() == "scan"
    await expect(desk.page.locator("#next td.s-take")).to_have_count(1)
    await expect(desk.page.locator("#next td.s-pick")).to_have_count(2)
    await desk.scan(wanted[0])
    await expect(desk.page.locator("#verdict .verdict-word")).to_contain_text("Picked")
    await expect(desk.page.locator("[data-slot=picked]")).to_have_text("1 of 3")
    await picture(desk, "pick-list-picked-one")
    # A tube that is not asked for stops the page; the next scan waits until that is acknowledged.
    await desk.scan(other.tubes[0])
    await expect(desk.page.locator("#verdict.is-stop")).to_contain_text("This tube is not on the list")
    await picture(desk, "pick-list-stop")
    await desk.scan(wanted[1])
    await expect(desk.page.locator("[data-slot=picked]")).to_have_text("1 of 3")
    await desk.scan("CACKCACKAP")
    await expect(desk.page.locator("[data-slot=picked]")).to_have_text("2 of 3")
    # Taken back by scan: the page is drawn anew, and the line waits again.
    async with desk.page.expect_event("load"):
        await desk.scan("CUNDUCUNDK")
    await expect(desk.page.locator("[data-slot=picked]")).to_have_text("1 of 3")
    await desk.scan(wanted[1])
    await expect(desk.page.locator("[data-slot=picked]")).to_have_text("2 of 3")
    async with desk.page.expect_event("load"):
        await desk.scan(wanted[2])
    await expect(desk.page.get_by_label("Scan every tube in hand again")).to_be_focused()
    await picture(desk, "pick-list-verify")
    for tube in wanted:
        await desk.scan(tube)
    await desk.send("Verify 3 tubes")
    await desk.send("Hand over 3 tubes", {"handed_for": "Run 14", "receiver": "technician2"}, sure=True)
    await picture(desk, "pick-list-handed-over")
    assert (await api("technician").see(f"/pick-lists/{code}"))["status"] == "handed_over"


async def test_the_pages_of_picking_fit_a_phone(sit: Sit, api, database, world):
    made = await stored(api, database, world, tubes=5)
    tech = api("technician")
    code = await listed(tech, made.tubes[:3])
    await tech.ok("/reservations", {"tubes": list(made.tubes[3:]), "purpose": "RNA of flares"})
    label = {"study": "LLS", "site": "LAB", "axis": "quality", "state": "quarantined", "label": "Haemolysed"}
    await api("manager").ok("/state-labels", {**label, "colour": "stop"})
    await tech.ok(f"/specimens/{made.tubes[4]}/quality", {"label": "Haemolysed", "reason": "Red after the spin"})
    await tech.ok(f"/pick-lists/{code}/not-found", {"tube": made.tubes[1], "note": "An empty place"})
    desk = await sit("manager", "phone")
    pages = {
        "lists": "/pick-lists",
        "list": f"/pick-lists/{code}",
        "new": "/pick-lists/new",
        "reservations": "/reservations",
        "words": "/state-labels",
        "tube": f"/specimens/{made.tubes[4]}",
        "tubes": "/specimens?reservation=reserved",
    }
    wrong = {}
    for name, path in pages.items():
        if found := await look(desk, path):
            wrong[path] = found
        await picture(desk, f"phone-{name}")
    assert not wrong
    await desk.open(f"/pick-lists/{code}")
    await desk.scan(made.tubes[0])
    await expect(desk.page.locator("#verdict .verdict-word")).to_contain_text("Picked")
    await picture(desk, "phone-list-picked")
