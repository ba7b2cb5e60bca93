"""The day of a visit in a real browser without a mouse: register, consent, record, collect, take in, spin, divide. Keys
and scans only; and the same pages at the width of a phone.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from biobank.db import Database
from tests.benches import CONFIRM, NEXT, PRINT, UNDO, centrifuge
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.browser.test_pages_on_a_phone import look
from tests.visits import publish

pytestmark = pytest.mark.browser

CHICAGO = ZoneInfo("America/Chicago")
PICTURES = os.environ.get("PICTURES")
DRAWN = timedelta(minutes=45)


def local(moment: datetime) -> str:
    return moment.astimezone(CHICAGO).strftime("%Y-%m-%dT%H:%M")


async def picture(desk: Desk, name: str) -> None:
    """A picture of the page, where PICTURES names a folder for them."""
    if PICTURES:
        await desk.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


HERE = """() => {
    const item = document.activeElement;
    return [item.name, item.id, item.textContent.trim(), (item.innerText ?? "").split("\\n")[0].trim()];
}"""


async def tab_to(desk: Desk, wanted: str) -> None:
    """Press Tab until the focus is on what has this name, id, text or first line of text; not at all where it is."""
    for _ in range(120):
        if wanted in await desk.page.evaluate(HERE):
            return
        await desk.page.keyboard.press("Tab")
    pytest.fail(f"Tab never reached {wanted}")


async def typed(desk: Desk, field: str, value: str) -> None:
    """Go to a field by Tab and fill it in as a person at a keyboard does, part by part where it is a date or a time."""
    await tab_to(desk, field)
    keyboard = desk.page.keyboard
    kind = await desk.page.evaluate("document.activeElement.type")
    if kind == "select-one":
        for _ in range(40):
            if await desk.page.evaluate("document.activeElement.value") == value:
                break
            await keyboard.press("ArrowDown")
    elif kind in {"date", "datetime-local"}:
        moment = datetime.fromisoformat(value)
        await keyboard.type(f"{moment:%m%d%Y}")
        if kind == "datetime-local":
            await keyboard.press("ArrowRight")  # a year may have six digits: it is left by hand
            await keyboard.type(f"{moment:%I%M%p}"[:5])
    else:
        await keyboard.press("Control+A")
        await keyboard.type(value)
    assert await desk.page.evaluate("document.activeElement.value") == value


async def pressed(desk: Desk, button: str) -> None:
    """A link or a button by Tab and Enter, and the page after it."""
    await tab_to(desk, button)
    async with desk.page.expect_event("load"):
        await desk.page.keyboard.press("Enter")


async def scanned(desk: Desk, code: str, word: str) -> None:
    """A scan at a bench, and the word that answers it in large type."""
    before = await desk.page.locator("#log li:not(.is-pending)").count()
    await desk.scan(code)
    await expect(desk.page.locator("#verdict .verdict-word")).to_have_text(word)
    await expect(desk.page.locator("#log li.is-pending")).to_have_count(0)
    assert await desk.page.locator("#log li").count() >= before
    assert await desk.focused() == "scan"


async def visit_of(coordinator: Desk) -> str:
    """Enrol, find the baseline among the visits of today, consent and record it, by links and keys alone."""
    page = coordinator.page
    day = (datetime.now(UTC) - DRAWN).astimezone(CHICAGO).date().isoformat()
    await pressed(coordinator, "Enrol")
    await typed(coordinator, "place", "LLS/CHI")
    await typed(coordinator, "enrolled_on", day)
    await pressed(coordinator, "Enrol")
    participant = coordinator.last_part
    await expect(page.get_by_role("link", name="Begin: Baseline")).to_be_visible()
    await pressed(coordinator, "Visits")
    await expect(page.get_by_text("Not held").first).to_be_visible()
    await pressed(coordinator, "Biobank")
    await picture(coordinator, "home-coordinator")
    await pressed(coordinator, "Begin the visit")
    await expect(page.get_by_text("No consent is recorded: nothing may be collected.").first).to_be_visible()
    await picture(coordinator, "visit-without-consent")
    assert "Record a consent" in await page.evaluate(HERE)  # what comes first has the focus
    await pressed(coordinator, "Record a consent")
    await typed(coordinator, "signed_at", local(datetime.now(UTC) - DRAWN - timedelta(minutes=20)))
    await tab_to(coordinator, "scope.biobank_storage")
    await page.keyboard.press("ArrowDown")  # from "left blank" round to "granted"
    await pressed(coordinator, "Record the consent")
    assert await coordinator.focused() == "occurred_on"
    await picture(coordinator, "visit-planned")
    await typed(coordinator, "occurred_on", day)
    await pressed(coordinator, "Record the visit")
    assert page.url.endswith(f"/participants/{participant}/visits/BASE/1#tubes")
    return participant


async def collected(coordinator: Desk) -> None:
    page = coordinator.page
    await expect(page.get_by_text("4 planned, 4 open")).to_be_visible()
    await tab_to(coordinator, "slot.urine.1")
    await page.keyboard.press("Space")  # all are ticked: the urine comes later
    await typed(coordinator, "collected_at", local(datetime.now(UTC) - DRAWN))
    await picture(coordinator, "visit-day")
    await pressed(coordinator, "Collected")
    async with coordinator.shown("/labels") as sheet:
        await tab_to(coordinator, "Print 3 labels")
        await page.keyboard.press("Enter")
    assert bytes(sheet).startswith(b"%PDF")
    # Back from the sheet by the list of what is under way, as one who was called away finds it.
    await coordinator.open("/")
    await pressed(coordinator, "Collect and finish")
    await tab_to(coordinator, "slot.urine.1")
    await typed(coordinator, "reason", "attempted")
    await pressed(coordinator, "Not collected")


async def tubes_of(desk: Desk) -> list[str]:
    found = await desk.page.locator(".slots [data-copy]").evaluate_all("all => all.map(item => item.dataset.copy)")
    return [str(code) for code in found]


async def taken_in(bench: Desk, tubes: list[str], participant: str) -> None:
    serum, more, plasma = tubes
    page = bench.page
    await pressed(bench, "Benches")
    await picture(bench, "bench-hub")
    await pressed(bench, "Intake")
    assert await bench.focused() == "scan"
    await scanned(bench, serum, "Taken in")
    await scanned(bench, serum, "Taken in already")
    await scanned(bench, "DEVHAEMOLYSIS", "Deviation")
    await scanned(bench, more, "Taken in")
    await picture(bench, "bench-intake")
    await scanned(bench, participant, "Stop")
    await picture(bench, "bench-stop")
    await bench.scan("CACKCACKAP")
    await scanned(bench, plasma, "Complete")
    await expect(page.locator("#at-hand")).to_contain_text("3 of 3")


async def spun(bench: Desk, tubes: list[str]) -> None:
    page, (serum, more, plasma) = bench.page, tubes
    await pressed(bench, "Worksheet")
    await expect(page.locator("#worksheet")).to_contain_text("1,100 to 1,300 g")
    await picture(bench, "bench-worksheet")
    await pressed(bench, "Centrifuge")
    assert await bench.focused() == "scan"
    await scanned(bench, "CF-1", "Centrifuge")
    await scanned(bench, serum, "Loaded")
    await scanned(bench, plasma, "Stop")
    await expect(page.locator("#verdict")).to_contain_text("is not a tube for this program")
    await bench.scan("CACKCACKAP")
    await scanned(bench, more, "Loaded")
    await picture(bench, "bench-spin")
    await scanned(bench, "CF-1", "Running")
    await scanned(bench, "CF-1", "Stop")
    await bench.scan(CONFIRM)
    await expect(page.locator("#verdict .verdict-word")).to_have_text("Stopped")


async def divided(bench: Desk, serum: str, more: str) -> None:
    page = bench.page
    await pressed(bench, "Aliquots")
    await scanned(bench, serum, "Parent")
    await scanned(bench, "3.1", "Yield")
    await expect(page.locator("#at-hand .vials li")).to_have_count(7)
    await picture(bench, "bench-yield")
    await scanned(bench, UNDO, "Undone")
    await scanned(bench, "QTY1100UL", "Yield")
    await scanned(bench, CONFIRM, "Made")
    await expect(page.locator("#at-hand .vials li")).to_have_count(3)
    async with page.context.expect_page() as opened:
        await scanned(bench, PRINT, "Printing")
    await (await opened.value).close()
    await expect(page.get_by_text("labels printed")).to_be_visible()
    vials = await page.locator("#at-hand .vials .code").all_inner_texts()
    for vial in vials:
        await scanned(bench, vial, "Checked")
    await expect(page.locator("#verdict")).to_contain_text("Next parent")
    await picture(bench, "bench-aliquot")
    await scanned(bench, more, "Parent")
    await scanned(bench, NEXT, "Put aside")


async def test_the_visit_day_without_a_mouse(sit: Sit, database: Database) -> None:
    await publish(database)
    await centrifuge(database)
    coordinator = await sit("coordinator")
    participant = await visit_of(coordinator)
    path = f"/participants/{participant}/visits/BASE/1"
    await collected(coordinator)
    tubes = await tubes_of(coordinator)
    await pressed(coordinator, "Finish the visit")
    await expect(coordinator.page.get_by_text("by Coordinator")).to_be_visible()
    await picture(coordinator, "visit-finished")
    await pressed(coordinator, "All visits")

    bench = await sit("technician_chi")
    await taken_in(bench, tubes, participant)
    await spun(bench, tubes)
    await divided(bench, tubes[0], tubes[1])

    wrong: list[Any] = []
    phone = await sit("technician_chi", "phone")
    for name in ("", "/intake", f"/intake?at={tubes[0]}", "/spin", "/worksheet", f"/aliquot?at={tubes[0]}", "/codes"):
        wrong += await look(phone, f"/bench{name}")
        await picture(phone, f"phone-bench{name.partition('?')[0].replace('/', '-')}{'-at' if '?' in name else ''}")
    phone = await sit("coordinator", "phone")
    wrong += await look(phone, path)
    await picture(phone, "phone-visit-day")
    assert "\n".join(wrong) == ""
