"""A box that two people look at: each sees within two seconds what the other did, and who is there."""

from typing import Any

import pytest
from playwright.async_api import expect

from biobank.db import Database
from tests import shelves
from tests.browser.conftest import Sit
from tests.material import make_material
from tests.world import World

pytestmark = pytest.mark.browser


async def test_a_box_on_two_screens_shows_what_the_other_did(
    sit: Sit, api: Any, database: Database, world: World
) -> None:
    made = await make_material(database, world, tubes=2)
    rack = await shelves.rack(api, await shelves.freezer(api))
    box = await shelves.box(api, rack)
    desk, phone = await sit("technician"), await sit("technician2", "phone")
    await desk.open(f"/storage/{box}")
    await expect(desk.page.get_by_text("Changes of others show here by themselves.")).to_be_visible()
    await phone.open(f"/storage/{rack}")
    await expect(phone.page.get_by_role("cell", name="0 of 81")).to_be_visible()
    # Another place: nobody else looks at it.
    await phone.open(f"/storage/{box}")
    await expect(desk.page.get_by_text("Also here:")).to_be_visible()
    await expect(phone.page.get_by_text("Also here:")).to_be_visible()
    seconds = 2_000
    # A form that was refused is shown at an address that cannot be read: the page hears of the others none the less.
    await desk.send("Swap", {"first": made.tubes[0], "second": made.tubes[1]})
    await expect(desk.page.get_by_text("Not saved.")).to_be_visible()
    refusals, desk.faults[:] = [fault for fault in desk.faults if "/swaps" in fault], []
    assert refusals
    await phone.send("Store", {"tube": made.tubes[0]})
    await expect(desk.page.locator('[data-position="A1"] a')).to_be_visible(timeout=seconds)
    await phone.open(f"/storage/{rack}")
    await expect(desk.page.get_by_text("Also here:")).to_be_hidden()
    await desk.send("Store", {"tube": made.tubes[1], "position": "C4"})
    await expect(phone.page.get_by_role("cell", name="2 of 81")).to_be_visible(timeout=seconds)
    # The station hears of it too, and goes on where the other has stopped.
    third = (await make_material(database, world, tubes=1)).tubes[0]
    await desk.open(f"/scan?mode=store&box={box}")
    await desk.start_station()
    await expect(desk.page.locator("[data-slot=context-next]")).to_have_text("A2")
    await phone.open(f"/storage/{box}")
    await expect(desk.page.get_by_text("Also at this box:")).to_be_visible()
    await phone.send("Store", {"tube": third, "move": True})
    await expect(desk.page.locator('[data-position="A2"] a')).to_be_visible(timeout=seconds)
    await expect(desk.page.locator("[data-slot=context-next]")).to_have_text("A3")
