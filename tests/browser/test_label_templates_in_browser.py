"""A manager lays a label out in a real browser: a draft, another position, the preview that follows, a test label; and
measures a stock, whose drawing follows the fields.
"""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Sit
from tests.material import make_material

pytestmark = pytest.mark.browser


async def test_a_template_is_laid_out_published_and_printed(sit: Sit, api: Any, database: Any, world: Any) -> None:
    made = await make_material(database, world, tubes=1)
    desk = await sit("manager")
    page = desk.page
    await desk.open("/labels")
    await desk.follow("Label templates")
    await desk.follow("New template")
    await desk.send("Make the draft", {"name": "lls-tube", "kind": "tube", "study": "LLS", "like": "tube"})
    await expect(page.get_by_role("heading", name="Draft of version 1 of lls-tube")).to_be_visible()
    large = page.locator("#preview .label-large img")
    before = await large.get_attribute("src")
    await page.get_by_label("Text, with tokens in braces").nth(1).fill("{type} of {participant}")
    await page.keyboard.press("Tab")
    await expect(large).not_to_have_attribute("src", before or "")
    first = await large.get_attribute("src")
    await page.locator('[name="elements[0].x"]').fill("20")
    await page.keyboard.press("Tab")
    await expect(page.locator("#preview")).to_contain_text("in its quiet zone")
    await expect(large).not_to_have_attribute("src", first or "")
    await page.locator('[name="elements[0].x"]').fill("40")
    await page.keyboard.press("Tab")
    await expect(page.locator("#preview")).to_contain_text("outside the label")
    await page.locator('[name="elements[0].x"]').fill("1")
    await page.keyboard.press("Tab")
    await expect(page.locator("#preview")).to_contain_text("as they should be")
    await expect(page.locator("#preview")).to_contain_text(made.tubes[0][:4])
    await desk.send("Add a line")
    await expect(page.locator("fieldset.element")).to_have_count(4)
    await page.get_by_role("button", name="Remove element 4").click()
    await expect(page.locator("fieldset.element")).to_have_count(3)
    await desk.send("Publish", {"note": "first layout"}, sure=True)
    await expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    async with desk.shown("/label-templates/lls-tube/test") as pdf:
        await page.get_by_role("button", name="Print a test label").click()
    assert bytes(pdf).startswith(b"%PDF")
    await desk.open("/label-stocks")
    await desk.follow("New stock")
    drawing = page.locator("#drawing img")
    alone = await drawing.get_attribute("src")
    await page.locator('[name="columns"]').fill("3")
    await page.keyboard.press("Tab")
    await expect(drawing).not_to_have_attribute("src", alone or "")
    await page.locator('[name="label_width"]').fill("wide")
    await page.keyboard.press("Tab")
    await expect(page.locator("#drawing")).to_contain_text("label width: 'wide' is not a number")
    await page.locator('[name="label_width"]').fill("34")
    await desk.send("Define the stock", {"name": "lls-roll", "study": "LLS", "title": "Blue roll"})
    await expect(page.get_by_role("heading", name="Blue roll")).to_be_visible()
    await expect(drawing).to_have_attribute("alt", "Three rows of 3 labels")
