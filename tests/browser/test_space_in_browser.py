"""Storage as pictures, and space that is found and reserved, in a real browser at a desk and on a phone."""

import pytest

from tests.browser.desk import SIZES
from tests.browser.test_picking_in_browser import picture
from tests.shelves import box, freezer, rack

pytestmark = pytest.mark.browser


async def test_space_is_found_and_reserved(sit, api):
    cold = await freezer(api)
    made = {"type": "RACK16", "name": "Rack S", "site": "LAB", "parent": cold}
    tower = (await api("administrator").ok("/containers", made))["code"]
    for name in ("Box 1", "Box 2"):
        await box(api, tower, name=name)
    tank = await freezer(api, name="Tank", kind="LN2TANK", temperature="LN2V")
    await box(api, await rack(api, tank))
    canister = await box(api, tank, kind="CANES", name="Canister 1")
    desk = await sit("technician", "phone")
    await desk.open("/storage")
    await desk.follow("Find space")
    await desk.send("Find space", {"site": "LAB", "temperature_class": "-80", "count": "30"})
    await picture(desk, "space")
    await desk.page.get_by_text("Reserve these places").first.click()
    await desk.send("Reserve", {"name": "Visit day in June"})
    await picture(desk, "reservation")
    assert "30 held" in await desk.page.content()
    asked = f"/space/reservations/new?container={tower}"
    for path in (
        f"/storage/{tower}",
        f"/storage/{cold}",
        asked,
        "/container-types/CANES",
        f"/storage/{canister}",
        "/container-types",
        "/storage",
    ):
        await desk.open(path)
        name = path.partition("?")[0].replace("/", "-")
        for code, word in ((tower, "rack"), (cold, "freezer"), (canister, "canes")):
            name = name.replace(code, word)
        for size, (width, height) in SIZES.items():
            await desk.page.set_viewport_size({"width": width, "height": height})
            await picture(desk, f"{size}{name}")
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not await desk.page.evaluate(wide), f"{path} is wider than a {size}'s window"
