"""A person at a page: signs in, reads, fills forms in and sends them as a hand would, and notes what the browser
complains about.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from playwright.async_api import ConsoleMessage, FilePayload, Locator, Page, Response, Route, expect

Value = str | bool | FilePayload

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


class Desk:
    """One page of one signed-in person. `faults` are console errors and warnings, script errors (a breach of the
    content policy is one of them) and answers from 400 on; a test that ends with any has failed.
    """

    def __init__(self, page: Page, base: str, username: str) -> None:
        self.page, self.base, self.username = page, base, username
        self.faults: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.location["url"].endswith("/favicon.ico"):
            return  # a PDF names no icon, so the browser asks for one of its own accord
        if message.type in {"error", "warning"}:
            self.faults.append(f"{self.page.url}: {message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.request.method} {response.url}: {response.status}")

    async def sign_in(self, password: str) -> None:
        await self.page.goto(f"{self.base}/login")
        # The page asks for the focus, and gets it with the first picture that is drawn, which may come after `load`.
        await expect(self.page.get_by_label("User name")).to_be_focused()
        await self.page.keyboard.type(self.username)
        await self.page.keyboard.press("Tab")
        await self.page.keyboard.type(password)
        async with self.page.expect_event("load"):
            await self.page.keyboard.press("Enter")
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    async def open(self, path: str) -> None:
        response = await self.page.goto(self.base + path)
        assert response is not None
        assert response.ok, f"{path}: {response.status}"

    async def follow(self, name: str) -> None:
        """A link, or a button that is one, by its words."""
        async with self.page.expect_event("load"):
            await self.page.get_by_role("link", name=name, exact=True).first.click()

    def form(self, button: str) -> Locator:
        return self.page.locator("form", has=self.page.get_by_role("button", name=button, exact=True)).first

    async def fill(self, button: str, fields: Mapping[str, Value]) -> Locator:
        """Fill in the form that has this button, field by field. Returns the button."""
        form = self.form(button)
        for name, value in fields.items():
            field = form.locator(f'[name="{name}"]')
            kind = await field.first.evaluate("item => item.type || item.localName")
            if kind == "radio":
                await form.locator(f'[name="{name}"][value="{value}"]').check()
            elif isinstance(value, bool):
                await field.set_checked(value)
            elif isinstance(value, dict):
                await field.set_input_files(value)
            elif kind == "select-one":
                await field.select_option(value)
            else:
                await field.fill(value)
        return form.get_by_role("button", name=button, exact=True)

    async def send(self, button: str, fields: Mapping[str, Value] | None = None, *, sure: bool = False) -> None:
        """Fill in, press the button, answer the page's question where it asks one, and wait for the next page."""
        pressed = await self.fill(button, fields or {})
        async with self.page.expect_event("load"):
            await pressed.click()
            if sure:
                await self.say_yes()

    async def swap(self, button: str, fields: Mapping[str, Value] | None = None, *, sure: bool = False) -> None:
        """As `send`, for a form whose answer replaces a part of the page; the caller expects what that shows."""
        await (await self.fill(button, fields or {})).click()
        if sure:
            await self.say_yes()

    async def say_yes(self) -> None:
        await self.page.locator("#confirm[open] button[value=yes]").click()

    async def scan(self, code: str) -> None:
        """As a hand scanner does: the characters, then Enter, wherever the focus is; where a field of the page asks for
        it, once it has it.
        """
        if await self.page.locator("[autofocus]").count():
            await expect(self.page.locator(":focus")).not_to_have_count(0)
        await self.page.keyboard.type(code)
        await self.page.keyboard.press("Enter")

    async def start_station(self) -> None:
        """The first work of a day at a scan station: by hand, without the self-test of a scanner."""
        await expect(self.page.locator("#self-test")).to_be_visible()
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("#self-test")).to_be_hidden()

    @contextlib.asynccontextmanager
    async def download(self) -> AsyncIterator[bytearray]:
        """The bytes of the file that what is done inside makes the browser save."""
        content = bytearray()
        async with self.page.expect_download() as started:
            yield content
        content += (await (await started.value).path()).read_bytes()

    @contextlib.asynccontextmanager
    async def shown(self, path: str) -> AsyncIterator[bytearray]:
        """The bytes of the PDF that the browser opens from this address: its viewer gives them to nobody."""
        content = bytearray()

        async def keep(route: Route) -> None:
            answer = await route.fetch()
            content.extend(await answer.body())
            await route.fulfill(response=answer)

        await self.page.route(self.base + path, keep)
        async with self.page.expect_response(self.base + path) as answered:
            yield content
        await (await answered.value).finished()
        await self.page.unroute(self.base + path)

    async def focused(self) -> Any:
        return await self.page.evaluate("document.activeElement.id")

    @property
    def last_part(self) -> str:
        """The last part of the address: the code of what the page is about."""
        return self.page.url.partition("?")[0].partition("#")[0].rpartition("/")[2]
