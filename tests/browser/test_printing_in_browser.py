"""Labels sent to a printer in a real browser, while the service itself speaks to the printer; the pages on a phone."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Sit
from tests.browser.test_pages_on_a_phone import look
from tests.browser.test_picking_in_browser import picture
from tests.material import make_material
from tests.printing_steps import ROLL, job, order, simulated

pytestmark = pytest.mark.browser


async def settled(api: Any, number: str) -> str:
    """The state of a job once the printer was done with it."""
    for _ in range(300):
        found = await job(api, number)
        if found["status"] not in ("queued", "sent"):
            break
        await asyncio.sleep(0.05)
    return str(found["status"])


async def test_labels_are_printed_looked_after_and_printed_again(sit: Sit, api, database, world):
    tubes = (await make_material(database, world, tubes=2)).tubes
    async with simulated("cut_off") as (printer, port):
        manager = await sit("manager")
        await manager.open("/printers")
        new = {"site": "LAB", "name": "ZD-1", "kind": "zpl_tcp", "host": "127.0.0.1", "port": str(port), "stock": ROLL}
        await manager.send("Register the printer", new)
        await manager.follow("Rules of LAB")
        await manager.send("Save the rules", {"printer.0": "ZD-1", "label_kind.0": "tube"})
        await expect(manager.page.get_by_text("no rule fits")).to_be_visible()
        await manager.open("/printer-rules/LAB?label_kind=tube")
        await expect(manager.page.get_by_text("printed at ZD-1")).to_be_visible()
        await picture(manager, "printer-rules")
        desk = await sit("technician")
        await desk.open(f"/labels?codes={tubes[0]},{tubes[1]}")
        await expect(desk.page.locator("#printer")).to_have_value("LAB/ZD-1")
        await desk.send("Print")
        number = desk.last_part
        assert await settled(api, number) == "unknown"
        await desk.open("/print-jobs")
        await picture(desk, "print-queue")
        await expect(desk.page.get_by_text("closed the connection in the middle")).to_be_visible()
        await desk.follow(number[:8])
        printer.become("ready")
        await picture(desk, "print-job")
        await desk.send("Print 2 labels again", {"reason": "not_printed"})
        assert await settled(api, desk.last_part) == "acknowledged"
        await desk.open(f"/print-jobs/{desk.last_part}")
        await expect(desk.page.locator(".state.is-ok").first).to_have_text("printed")
        assert len(printer.printed) == 2

        printer.become("out_of_labels")
        sheets = {"site": "LAB", "name": "SHEETS", "kind": "download", "dpi": 600, "stock": "cryo-letter-85"}
        await api("manager").ok("/printers", sheets)
        waiting = await order(api, tubes, "LAB/ZD-1", reason="lost")
        await desk.follow("Printing")
        await desk.follow("Print queue")
        pressed = await desk.fill(
            "Move them", {f"job.{waiting}": True, "printer": "LAB/SHEETS", "reason": "No roll left"}
        )
        await picture(desk, "print-queue-moving")
        async with desk.page.expect_event("load"):
            await pressed.click()
        await desk.follow(waiting[:8])
        await expect(desk.page.get_by_text("Moved from ZD-1: No roll left").first).to_be_visible()
        await expect(desk.page.get_by_role("button", name="Download the labels")).to_be_visible()

        labels = {"study": "LLS", "count": 4, "per_kit": 2, "purpose": "Baseline kits", "site": "LAB"}
        made = await api("manager").ok("/label-ranges", labels)
        phone, wrong = await sit("clerk", "phone"), []
        for path in (
            "/print-jobs",
            f"/print-jobs/{number}",
            f"/print-jobs/{waiting}",
            "/printers",
            "/printers/LAB/ZD-1",
        ):
            wrong += await look(phone, path)
        for path in ("/printer-rules/LAB", "/labels", "/labels/verify", "/labels/unverified", "/label-ranges"):
            wrong += await look(phone, path)
        wrong += await look(phone, f"/label-ranges/{made['number']}")
        wrong += await look(await sit("manager", "phone"), "/label-templates/new")
        assert "\n".join(wrong) == ""
