"""A manager changes the protocol in a real browser: a draft, another window, what differs, what publishing does."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Sit

pytestmark = pytest.mark.browser


async def test_a_window_is_changed_compared_and_published(sit: Sit, api: Any) -> None:
    desk = await sit("manager")
    page = desk.page
    await desk.follow("Studies")
    await desk.follow("LLS")
    await desk.send("Start a draft")
    await expect(page.get_by_role("heading", name="Draft of version 2")).to_be_visible()
    await desk.follow("Y1")
    await desk.send("Save", {"before": "60", "after": "45"})
    await desk.open("/studies/LLS/protocol/draft")
    await expect(page.get_by_role("table", name="Visits")).to_contain_text("day 305 to 410")
    await desk.follow("What differs")
    changed = page.get_by_role("table", name="Differences").get_by_role("row").filter(has_text="before")
    await expect(changed).to_contain_text("30")
    await expect(changed).to_contain_text("60")
    await desk.follow("Back to the draft")
    await desk.follow("Publish")
    await expect(page.get_by_role("heading", name="What will not happen")).to_be_visible()
    (publish,) = await page.get_by_role("button", name="Publish version 2").all_inner_texts()
    await desk.send(publish, {"reason": "Amendment 3"})
    await expect(page.get_by_role("table", name="Versions").get_by_role("row").nth(1)).to_contain_text("in force")
    assert (await api("manager").see("/studies/LLS/protocol"))["draft"] is None
