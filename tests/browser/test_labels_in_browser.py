"""Labels in a real browser: one label on two tubes at the scan station, and labels scanned after they were stuck on."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from biobank import ids
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.material import make_material
from tests.shelves import box, freezer, rack

pytestmark = pytest.mark.browser

PICTURES = os.environ.get("BIOBANK_TEST_PICTURES")
STOCK = "cryo-letter-85"


async def picture(desk: Desk, name: str) -> None:
    if PICTURES:
        await desk.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


async def test_18_the_station_stops_and_leads_to_an_id_of_its_own(sit: Sit, api, database, world):
    shelf = await rack(api, await freezer(api))
    first, other = await box(api, shelf), await box(api, shelf, name="Box 13")
    (tube,) = (await make_material(database, world, tubes=1)).tubes
    for more in ({}, {"reason": "lost"}):
        await api("technician").post("/labels", {"codes": [tube], "stock": STOCK, **more})
    await api("technician").ok("/storage/placements", {"tube": tube, "box": first})
    desk = await sit("technician")
    await desk.open(f"/scan?mode=store&box={other}")
    await desk.start_station()
    await desk.scan(tube)
    panel = desk.page.locator("#verdict")
    await expect(panel).to_contain_text("Copy 2 of this label: is the first tube in hand?")
    await expect(panel).to_contain_text("Box 12 / A1: look there")
    await picture(desk, "labels-two-tubes")
    await desk.scan("CACKCACKAP")
    await expect(panel).to_contain_text("Left as it is")
    await desk.scan(tube)
    async with desk.page.expect_event("load"):
        await panel.get_by_role("link", name="Two tubes: give this one its own id").click()
    await desk.send("Give the second tube an id of its own", {"reason": "one in box 12, one in hand"})
    await expect(desk.page.locator("main")).to_contain_text("It is in doubt whose tube this is")
    await picture(desk, "labels-in-doubt")
    twin = desk.page.url.split("/")[-2]
    await desk.open(f"/scan?mode=store&box={other}")
    await desk.scan(twin)
    await expect(desk.page.locator("#verdict")).to_contain_text("Stored")
    await desk.scan(tube)
    await expect(desk.page.locator("#verdict")).to_contain_text("is the first tube in hand?")
    await desk.scan("CCNFRMCNFP")
    await expect(desk.page.locator("#verdict")).to_contain_text("Moved")


async def test_labels_are_scanned_after_sticking_without_a_mouse(sit: Sit, api, database, world):
    made, tech = await make_material(database, world, tubes=1), api("technician")
    work = {"specimen_type": "SER", "tube_type": "CRYO05", "quantities": ["100", "50"]}
    started = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    vials = (await tech.ok(f"/specimens/{made.tubes[0]}/aliquots", {**work, "started_at": started}))["made"]
    codes = [vial["code"] for vial in vials]
    await tech.post("/labels", {"codes": codes, "stock": STOCK})
    desk = await sit("technician")
    await desk.open("/")
    async with desk.page.expect_event("load"):
        await desk.page.get_by_role("link", name="labels of yours to scan").click()
    await expect(desk.page.locator("main")).to_contain_text(ids.grouped(codes[0]))
    await desk.open("/labels/verify")
    await desk.scan(made.tubes[0])  # the gun's Enter leads on and sends nothing
    assert await desk.focused() == "code"
    for code, left in zip(codes, ("1 to go", "None to go"), strict=True):
        async with desk.page.expect_event("load"):
            await desk.scan(code)
        await expect(desk.page.locator("main")).to_contain_text(left)
        assert await desk.focused() == "code"
    await picture(desk, "labels-scanned")
