"""A withdrawal in a real browser without a mouse: read, signed, destroyed by scan, closed with a certificate."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from biobank.db import Database
from tests.browser.conftest import Sit
from tests.browser.desk import SIZES, Desk
from tests.material import make_material
from tests.shelves import boxed
from tests.shipping import PARTY, packed, shipped
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("PICTURES")  # a folder: the pages are looked at by people too


async def picture(desk: Desk, name: str) -> None:
    if PICTURES:
        await desk.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


async def fits(desk: Desk, name: str) -> None:
    """No page scrolls sideways."""
    wide = await desk.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide, f"{name} is wider than the screen"
    await picture(desk, name)


async def pages_fit(desk: Desk, size: str, paths: dict[str, str]) -> None:
    for name, path in paths.items():
        await desk.open(path)
        await fits(desk, f"{size}-{name}")


async def key(desk: Desk, *keys: str) -> None:
    for one in keys:
        await desk.page.keyboard.press(one)


async def test_a_withdrawal_from_the_first_word_to_the_certificate(
    api: Any, database: Database, world: World, sit: Sit
) -> None:
    await api("clerk").ok("/parties", PARTY)
    made = await make_material(database, world, tubes=4)
    stored, parcel, *sent = made.tubes
    box = await boxed(api)
    await api("technician").ok("/storage/placements", {"tube": stored, "box": box})
    await packed(api("clerk"), [parcel])
    await shipped(api("clerk"), sent, to_site=None, to_party="ORACLE")
    person = f"/participants/{made.participant}"

    desk = await sit("coordinator")
    await desk.open(f"{person}/withdrawal")
    await picture(desk, "withdrawal-choose")
    await desk.page.locator("#level-4").focus()
    await key(desk, "Space")
    async with desk.page.expect_event("load"):
        await key(desk, "Enter")
    await expect(desk.page.get_by_role("heading", name="What will not happen")).to_be_visible()
    await fits(desk, "withdrawal-statement")
    await desk.page.locator("#password").focus()
    await desk.page.keyboard.type(PASSWORD)
    async with desk.page.expect_event("load"):
        await key(desk, "Enter")
    await expect(desk.page.get_by_text("2 tubes to be disposed of")).to_be_visible()
    case = desk.page.url.removeprefix(desk.base)
    await fits(desk, "withdrawal-case")
    await desk.open(f"{person}/consents")
    await fits(desk, "consents")
    await desk.open(f"{person}/consent")
    await fits(desk, "consent")

    for username, last in (("technician", "Waits for the second person"), ("technician2", "Destroyed")):
        bench = await sit(username, "phone" if username == "technician2" else "desktop")
        await bench.open("/disposals?status=open")
        await fits(bench, f"disposals-{username}")
        await bench.follow("Work through it")
        for tube in (stored, parcel):
            async with bench.page.expect_event("load"):
                await bench.scan(tube)
            await expect(bench.page.locator(".verdict-word")).to_contain_text(last)
        await fits(bench, f"disposal-{username}")

    await desk.open(case)
    await desk.send("Record that it was sent", {"how": "Letter to the sample desk"})
    await desk.send("Record the reply", {"outcome": "destroyed", "words": "Destroyed on Monday."})
    await expect(desk.page.get_by_text("Nothing: everything is done")).to_be_visible()
    await fits(desk, "withdrawal-done")
    await desk.send("Sign and close", {"password": PASSWORD})
    await expect(desk.page.get_by_role("link", name="Certificate, PDF")).to_be_visible()
    await fits(desk, "withdrawal-closed")
    for size in SIZES:
        await pages_fit(
            await sit("coordinator", size),
            size,
            {
                "case": case,
                "again": f"{person}/withdrawal?level=destroy",
                "consents": f"{person}/consents",
                "withdrawals": "/withdrawals",
                "participant": person,
            },
        )
        await pages_fit(
            await sit("manager", size),
            size,
            {
                "forms": "/studies/LLS/consent-forms",
                "policy": "/studies/LLS/consent-forms/1.0/policy",
                "put-backs": "/put-backs",
                "new-disposal": "/disposals/new",
            },
        )
    auditor = await sit("auditor")
    number = (await api("auditor").see(f"/withdrawals/{case.rpartition('/')[2]}"))["signature"]["number"]
    await auditor.open(f"/signatures/{number}")
    await fits(auditor, "signature")
