"""A table of no known format in a real browser, from the file to the results, on a bench computer and on a phone."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from biobank.db import Database
from tests.bench import plan, plated, table
from tests.browser.conftest import Sit
from tests.browser.desk import SIZES, Desk
from tests.world import World

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("PICTURES")  # a folder: the pages are looked at by people too


async def fits(desk: Desk, name: str) -> None:
    """No page scrolls sideways, at a desk and on a phone."""
    for size, (width, height) in SIZES.items():
        await desk.page.set_viewport_size({"width": width, "height": height})
        wide = await desk.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{name} is wider than the screen of a {size}"
        if PICTURES:
            await desk.page.screenshot(path=str(Path(PICTURES) / f"{size}-{name}.png"), full_page=True)


async def test_a_person_finds_the_way_from_a_file_to_its_results(
    api: Any, database: Database, world: World, sit: Sit
) -> None:
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1, importer="generic_table")
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control high"})
    run = f"/runs/{bench.plate}"
    file = {"name": "robot-export.csv", "mimeType": "text/csv", "buffer": table({"A1": "P-001", "B1": "QC high"})}
    desk = await sit("technician")
    await desk.open(run)
    await fits(desk, "run")
    await desk.send("Preview", {"file": file})
    await expect(desk.page.get_by_text("Nobody has said yet what the columns")).to_be_visible()
    await fits(desk, "guess")
    await desk.send("Show what would be read", {"unit-2": "U/mL", "meaning-3": "flag"})
    await fits(desk, "corrected")
    await desk.send("Show what would be read", {"meaning-2": "ignored"})
    await expect(desk.page.get_by_text("at least one column must hold values")).to_be_visible()
    await fits(desk, "wrong")
    await desk.send("Show what would be read", {"meaning-2": "value", "unit-2": "U/mL"})
    await desk.send("Import with this mapping")
    await expect(desk.page.get_by_text("Waits for review").first).to_be_visible()
    await fits(desk, "imported")
    await desk.follow("version 1 of the mapping")
    await fits(desk, "remembered")
    await desk.send("Withdraw mapping", {"reason": "the robot writes other columns now"}, sure=True)
    await fits(desk, "withdrawn")
    await desk.follow("Column mappings")
    await fits(desk, "mappings")
    reviewer = await sit("reviewer")
    await reviewer.open(run)
    await fits(reviewer, "review")
    await reviewer.send("Read it again and compare")
    await expect(reviewer.page.get_by_text("Nothing would change")).to_be_visible()
    await fits(reviewer, "again")
