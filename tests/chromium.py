"""A Chromium under the tests' hand: one for each worker; a test opens contexts or pages of its own in it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright


@asynccontextmanager
async def launched(*flags: str) -> AsyncIterator[Browser]:
    """The browser named by CHROMIUM, else the system's, else the one that Playwright keeps; with flags of a test's."""
    named = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=named, args=[*quiet, *flags])
        yield browser
        await browser.close()
