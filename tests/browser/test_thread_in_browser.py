"""The main job once through by its pages, in a real browser: enrol, collect, aliquot, label, store, ship, receive, run,
import, review, release, and the results of those participants as CSV. Each person works at a desk of their own.
"""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import zxingcpp
from playwright.async_api import Locator, expect

from biobank.ids import grouped
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.thread.samples import NAME, real_file

pytestmark = pytest.mark.browser

CHICAGO = ZoneInfo("America/Chicago")
UNDO = "CUNDUCUNDK"


def hours_ago(hours: float) -> str:
    """As a time field takes it, on the clock of the site."""
    return (datetime.now(UTC) - timedelta(hours=hours)).astimezone(CHICAGO).strftime("%Y-%m-%dT%H:%M")


def read_codes(pdf: bytes) -> list[str]:
    pages = pypdfium2.PdfDocument(pdf)
    return [symbol.text for page in pages for symbol in zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())]


def medians(content: bytes) -> dict[tuple[str, str], str]:
    """What the instrument wrote under Median, by well and analyte: read here without the importer."""
    lines = list(csv.reader(io.StringIO(content.decode("latin-1"))))
    start = lines.index(["DataType:", "Median"]) + 1
    header, found = lines[start], {}
    for line in lines[start + 1 :]:
        if not line or not line[0]:
            break
        well = line[0].partition(",")[2].rstrip(")")
        found |= {
            (well, name.upper()): value for name, value in zip(header, line, strict=False) if name in {"alpha", "bravo"}
        }
    return found


async def enrolled(coordinator: Desk, day: str) -> str:
    page = coordinator.page
    await coordinator.open("/")
    await page.get_by_role("link", name=re.compile("^Enrol")).click()
    await coordinator.send("Enrol", {"place": "LLS/CHI", "cohort": "NEW", "enrolled_on": day})
    participant = coordinator.last_part
    await expect(page.get_by_text("No consent is recorded")).to_be_visible()
    await coordinator.follow("Record a consent")
    decisions = {
        "signed_at": hours_ago(20),
        "scope.biobank_storage": "granted",
        "scope.future_research": "granted",
        "scope.genetic_wgs": "granted",
        "scope.commercial_use": "denied",
    }
    await coordinator.send("Record the consent", decisions)
    await expect(page.get_by_text("Granted: Storage of samples, Future research, Genetic analysis.")).to_be_visible()
    await coordinator.open(f"/participants/{participant}")
    await coordinator.follow("Record a visit")
    await coordinator.send("Record the visit", {"type": "BASE", "occurred_on": day})
    await expect(page.get_by_role("heading", name="Baseline")).to_be_visible()
    await coordinator.follow("Participant")
    await expect(page.get_by_role("table", name="Visits")).to_contain_text("Baseline")
    return participant


async def aliquoted(technician: Desk, participant: str) -> list[str]:
    """A serum tube drawn, spun and divided into three vials, of which the last is short."""
    await technician.open("/")
    await technician.page.keyboard.press("/")
    async with technician.page.expect_event("load"):
        await technician.scan(grouped(participant))
    await technician.follow("Collect tubes")
    drawn = {
        "collected_at": hours_ago(5),
        "tubes.0.specimen_type": "BLD",
        "tubes.0.tube_type": "SST",
        "tubes.0.quantity": "8500",
    }
    await technician.send("Register the tubes", drawn)
    await technician.follow("Record processing")
    spin = {"type": "centrifuge", "started_at": hours_ago(4), "ended_at": hours_ago(3.8)}
    settings = {"g_force": "1300", "minutes": "12", "celsius": "21", "brake": "true"}
    await technician.send("Record", spin | settings)
    await technician.follow("Make aliquots")
    divided = {
        "specimen_type": "SER",
        "tube_type": "CRYO05",
        "count": "2",
        "nominal": "500",
        "rest": "300",
        "consumes": "8500",
        "started_at": hours_ago(3.5),
    }
    await technician.send("Make the vials", divided)
    table = technician.page.get_by_role("table", name="New tubes")
    await expect(table).to_contain_text("P, partial")
    made = [await copy.get_attribute("data-copy") for copy in await table.locator("td:first-child [data-copy]").all()]
    assert len(made) == 3
    return [code for code in made if code]


async def labelled(technician: Desk, tubes: list[str]) -> None:
    await technician.open(f"/labels?codes={','.join(tubes)}")
    async with technician.shown("/labels") as sheet:
        await technician.swap("Print", {"stock": "l4731"})
    assert sorted(read_codes(bytes(sheet))) == sorted(tubes)


async def freezer_box(manager: Desk) -> str:
    """A facility down to an empty box of 81 places, each added on the page of the one around it."""
    await manager.open("/storage")
    for kind, name in (
        ("FACILITY", "CHI store"),
        ("ULT", "Freezer 1"),
        ("SHELF", "Shelf 1"),
        ("RACK", "Rack A"),
        ("BOX81", "Box 1"),
    ):
        top = {"site": "CHI"} if kind == "FACILITY" else {}
        await manager.send("Add", {**top, "type": kind, "name": name, "temperature_class": "-80"})
        if await manager.page.locator("h1").inner_text() != name:
            await manager.follow(name)
    await expect(manager.page.locator("table.map td")).to_have_count(82)  # with the notch
    return manager.last_part


def verdict(desk: Desk) -> Locator:
    return desk.page.locator("#verdict")


async def stored_by_scan(technician: Desk, box: str, tubes: list[str]) -> None:
    """Without a mouse, from the home page on."""
    page = technician.page
    await technician.open("/")
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.name") == "q"
    async with page.expect_event("load"):
        await technician.scan(box)
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.textContent") == "Store by scan":
            break
    async with page.expect_event("load"):
        await page.keyboard.press("Enter")
    assert await technician.focused() == "scan"
    await technician.start_station()

    places = ("A1", "A2", "A3", "A4", "A5", "A6")
    for tube, place in zip(tubes, places, strict=True):
        await technician.scan(grouped(tube).lower())  # as a hand would type it
        await expect(verdict(technician).locator(".verdict-code")).to_have_text(grouped(tube))
        await expect(verdict(technician).locator(".verdict-word")).to_have_text("Stored")
        await expect(verdict(technician).locator(".path li")).to_have_text(
            ["CHI store", "Freezer 1", "Shelf 1", "Rack A", "Box 1", place]
        )
        await expect(page.locator(f'[data-position="{place}"]')).to_have_class("s-just")
    await technician.scan(tubes[-2])
    await expect(verdict(technician).locator(".verdict-word")).to_have_text("Already stored")
    await expect(verdict(technician)).to_have_class(re.compile("is-duplicate"))
    await expect(verdict(technician)).to_contain_text("A5")

    await technician.scan(UNDO)
    await expect(verdict(technician).locator(".verdict-word")).to_have_text("Undone")
    await expect(page.locator('[data-position="A6"]')).to_have_class("s-next")
    await technician.scan(tubes[-1])
    await expect(verdict(technician).locator(".verdict-word")).to_have_text("Stored")
    await expect(page.locator("#box .map-words")).to_contain_text("6 of 81 occupied")

    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#help")).to_be_hidden()
    await page.wait_for_function("document.activeElement.id === 'scan'")
    reached = set()
    for _ in range(12):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.textContent.trim()"))
        assert await page.evaluate(
            """() => document.activeElement === document.body
                || getComputedStyle(document.activeElement).outlineStyle !== "none" """
        ), reached
    assert {"Look up", "Store"} <= reached
    await page.locator("#log").focus()
    await technician.scan(tubes[0])  # typed elsewhere, it lands in the field all the same
    await expect(verdict(technician).locator(".verdict-word")).to_have_text("Already stored")


async def shipped(clerk: Desk, tubes: list[str]) -> str:
    page = clerk.page
    await clerk.open("/")
    await page.get_by_role("link", name=re.compile("^New shipment")).click()
    ends = {"from": "LLS/CHI", "to": "site/LAB", "purpose": "Autoantibody panel"}
    await clerk.send("Begin packing", ends)
    shipment = clerk.last_part
    await clerk.swap("Add package", {"refrigerant": "dry_ice", "dry_ice_net_kg": "5", "temperature_class": "-80"})
    await page.locator("#tube").wait_for()
    for tube in tubes:
        await page.wait_for_function("document.activeElement.id === 'tube'")  # after each scan without a hand on it
        await clerk.scan(tube)
        await expect(page.locator(".verdict-code")).to_have_text(grouped(tube))
    await clerk.swap(f"Finish packing {len(tubes)} tubes", sure=True)
    await expect(page.locator("#facts")).to_contain_text("Packed")
    async with clerk.download() as manifest:
        await page.get_by_role("link", name="Manifest, PDF").click()
    assert shipment in read_codes(bytes(manifest))
    async with clerk.download() as table:
        await page.get_by_role("link", name="CSV", exact=True).click()
    assert all(tube in table.decode() for tube in tubes)
    sent = {"courier": "FedEx", "tracking_no": "7712 3456 7890", "tracking_again": "771234567890"}
    await clerk.swap("Hand over", sent, sure=True)
    await expect(page.locator("#facts")).to_contain_text("FedEx")
    return shipment


async def received(technician: Desk, shipment: str, tubes: list[str]) -> None:
    page = technician.page
    await technician.open("/")
    await page.get_by_role("table", name="Shipments in work").get_by_role("link", name=grouped(shipment)).click()
    for tube in tubes:
        await page.wait_for_function("document.activeElement.id === 'tube'")
        await technician.scan(tube)
        await expect(page.locator(".verdict-code")).to_have_text(grouped(tube))
    await technician.swap("Finish the receipt", sure=True)
    await technician.swap("Reconcile and close", sure=True)
    await expect(page.locator("#step")).to_contain_text("Nothing is left to do")


async def assay(manager: Desk) -> None:
    await manager.open("/assays")
    fields = {
        "study": "LLS",
        "code": "ALBIA",
        "title": "Autoantibodies",
        "platform": "Luminex",
        "method": "Addressable laser bead immunoassay",
        "importer": "luminex_xponent",
        "analytes": "ALPHA, {MFI}, alpha\nBRAVO, {MFI}, bravo",
    }
    await manager.send("Set up assay", fields)
    await expect(manager.page.get_by_text("2 analytes")).to_be_visible()


async def imported(technician: Desk, tubes: list[str], content: bytes) -> str:
    """The vials on the wells of the real file."""
    page = technician.page
    await technician.open("/runs")
    await technician.send("Plan run", {"place": "LLS/LAB", "assay": "ALBIA", "name": "R-118", "kit_lot": "LOT-7"})
    run = technician.last_part
    wells = zip(("A1", "B1", "C1", "D1"), tubes, strict=True)
    plate_map = "well,code,dilution\n" + "".join(f"{well},{tube},1:50\n" for well, tube in wells)
    await technician.send(
        "Upload plate map", {"file": {"name": "plate.csv", "mimeType": "text/csv", "buffer": plate_map.encode()}}
    )
    await expect(page.get_by_text("4 wells")).to_be_visible()
    await technician.send(
        "Preview", {"file": {"name": NAME.rpartition("/")[2], "mimeType": "text/csv", "buffer": content}}
    )
    await expect(page.locator("#preview")).to_contain_text("nothing is stored yet")
    await expect(page.locator("#preview")).to_contain_text("FM3DD20137021")
    await technician.send("Import")
    await expect(page.get_by_text("Waits for review").first).to_be_visible()
    await expect(page.get_by_text("Nobody who ran it or imported its file may review it.")).to_be_visible()
    return run


async def reviewed(reviewer: Desk, run: str) -> None:
    await reviewer.open("/")
    await reviewer.page.get_by_role("link", name=re.compile("^Review")).click()
    await reviewer.follow("R-118")
    assert reviewer.last_part == run
    await expect(reviewer.page.get_by_text("You are the second pair of eyes")).to_be_visible()
    await reviewer.send("Verify", {"reason": "no control on this plate"}, sure=True)
    await reviewer.send("Release", sure=True)
    await expect(reviewer.page.get_by_text("Released").first).to_be_visible()


async def pulled(scientist: Desk, participants: list[str]) -> list[dict[str, str]]:
    await scientist.open("/results")
    await scientist.send("Show", {"study": "LLS", "participants": "\n".join(map(grouped, participants))})
    await expect(scientist.page.get_by_text("2 participants")).to_be_visible()
    async with scientist.download() as table:
        await scientist.swap("Download CSV")
    return list(csv.DictReader(io.StringIO(table.decode())))


async def test_the_thread_by_its_pages(sit: Sit) -> None:
    content, _ = real_file()
    day = (datetime.now(UTC) - timedelta(days=1)).astimezone(CHICAGO).date().isoformat()
    coordinator, technician = await sit("coordinator"), await sit("technician_chi")
    participants = [await enrolled(coordinator, day) for _ in range(2)]
    tubes = [tube for participant in participants for tube in await aliquoted(technician, participant)]
    await labelled(technician, tubes)

    manager = await sit("manager")
    box = await freezer_box(manager)
    await assay(manager)
    await stored_by_scan(technician, box, tubes)

    full = [tubes[0], tubes[1], tubes[3], tubes[4]]
    shipment = await shipped(await sit("clerk_chi"), full)
    receiver = await sit("technician")
    await received(receiver, shipment, full)
    run = await imported(receiver, full, content)
    await reviewed(await sit("reviewer"), run)

    rows = await pulled(await sit("scientist"), participants)
    assert {row["participant"] for row in rows} == set(participants)
    assert {row["aliquot"] for row in rows} == set(full)
    found = {(row["well"], row["analyte"]): row["raw_text"] for row in rows if row["quantity"] == "Median"}
    assert found == medians(content)
    assert len(found) == 8
