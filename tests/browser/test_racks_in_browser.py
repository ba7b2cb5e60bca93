"""Whole racks, goods-in and missing tubes in a real browser: a file is compared, settled and committed; what was not
found is searched for.
"""

from typing import Any

import pytest
from playwright.async_api import expect

from biobank.db import Database
from tests import shelves
from tests.browser.conftest import Sit
from tests.browser.test_pages_on_a_phone import look
from tests.browser.test_picking_in_browser import picture
from tests.material import make_material
from tests.printing_steps import add_printer
from tests.racks import filled, layout, scan_file
from tests.world import World

pytestmark = pytest.mark.browser


async def test_a_rack_is_compared_settled_and_committed(sit: Sit, api: Any, database: Database, world: World) -> None:
    box = await shelves.boxed(api, kind="BOX25")
    here = await filled(database, world, box, 4, cols=5)
    new = await make_material(database, world, tubes=1)
    seen = layout(here.tubes[:3], cols=5) | {(2, 2): new.tubes[0], (3, 3): "NO READ", (4, 4): "FOREIGN1"}
    file = {"name": "rack.csv", "mimeType": "text/csv", "buffer": scan_file(seen, rows=5, cols=5)}
    desk = await sit("technician")
    await desk.open(f"/storage/{box}/rack-scans")
    await desk.send("Compare with the box", {"file": file})
    await picture(desk, "desktop-rack-scan")
    scan = desk.page.url.removeprefix(desk.base)
    phone = await sit("technician", "phone")
    assert await look(phone, scan) == []
    await picture(phone, "phone-rack-scan")
    for path, name in (
        (f"/storage/{box}/rack-scans", "rack-scans"),
        (f"/storage/{box}/remap", "remap"),
        (f"/storage/{box}/past", "past"),
        (f"/storage/{box}", "box"),
        ("/deliveries", "deliveries"),
        ("/scan/commands", "commands"),
    ):
        assert await look(phone, path) == []
        await picture(phone, f"phone-{name}")
        await desk.open(path)
        await picture(desk, f"desktop-{name}")
    codes = {"name": "codes.txt", "mimeType": "text/plain", "buffer": b"FD00000001\nFD00000002\n"}
    await desk.open("/deliveries")
    await desk.fill("Register them", {"lot": "L1", "file": codes})
    for name in ("place", "namespace"):
        await desk.form("Register them").locator(f'[name="{name}"]').select_option(index=1)
    await desk.send("Register them")
    await expect(desk.page.get_by_role("cell", name="codes.txt")).to_be_visible()
    await picture(desk, "desktop-delivered")


async def test_a_missing_tube_is_listed_and_a_label_is_printed_by_scan(
    sit: Sit, api: Any, database: Database, world: World
) -> None:
    box = await shelves.boxed(api, kind="BOX25")
    here = await filled(database, world, box, 3, cols=5)
    await api("technician").ok(f"/containers/{box}/remap", {"scans": list(here.tubes[:2])})
    await add_printer(api, 9)
    desk, phone = await sit("technician"), await sit("technician", "phone")
    assert await look(phone, "/tube-searches") == []
    await picture(phone, "phone-missing")
    await desk.open("/tube-searches")
    await picture(desk, "desktop-missing")
    await desk.page.get_by_text("Declare it lost").first.click()
    await desk.send("Declare it lost", {"reason": "Ann looked through the freezer"})
    await expect(desk.page.get_by_text("No tube is missing")).to_be_visible()
    await desk.open("/scan")
    await desk.start_station()
    pressed = desk.page.get_by_role("button", name="Print label")
    await pressed.click()
    await expect(pressed).to_have_attribute("aria-pressed", "true")
    for text, word in (
        ("PRINTERLABZD1", "Printer"),
        (here.tubes[0], "Ordered"),
        (here.tubes[1], "Ordered"),
        (here.tubes[0], "Printed before"),
        ("BECAUSEDAMAGED", "Reason"),
    ):
        await desk.page.wait_for_timeout(30)
        await desk.scan(text)
        await expect(desk.page.locator("#verdict .verdict-word")).to_have_text(word)
    await expect(desk.page.get_by_label("Why there is another label")).to_have_value("the label is damaged")
    await picture(desk, "desktop-station-print")
