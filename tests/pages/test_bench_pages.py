"""The benches' pages: what is at hand, the worksheet, the codes beside the scanner, and wrong addresses."""

import pytest

from tests.benches import CONFIRM, Gun, centrifuge
from tests.visits import ALL, draw, publish, visit


@pytest.fixture(autouse=True)
async def laboratory(database):
    await publish(database)
    await centrifuge(database)


async def test_what_is_at_hand_is_drawn(browser, api):
    page = await browser("technician_chi")
    assert "Nothing waits" in (await page.get("/bench")).text
    tubes = await draw(api, await visit(api), *ALL)
    assert "0 of 4" in (await page.get("/bench")).text
    assert "0 of 4" in (await page.get("/bench/intake")).text
    gun = Gun(api("technician_chi"), "intake")
    shown = (await page.get((await gun.scan(tubes[0]))["view"])).text
    assert "1 of 4" in shown
    assert "<html" not in shown
    assert "scanned last" in (await page.get(f"/bench/intake?at={tubes[0]}")).text

    gun = Gun(api("technician_chi"), "spin")
    await gun.scan("CF-1")
    shown = (await page.get((await gun.scan(tubes[0]))["view"])).text
    assert "In CF-1" in shown
    assert "1,100 to 1,300 g" in shown
    await gun.scan("CF-1")
    assert "Running" in (await page.get(gun.last["view"])).text
    assert "running" in (await page.get("/bench/worksheet")).text
    await gun.scan("CF-1", sure=True)

    gun = Gun(api("technician_chi"), "aliquot")
    await gun.scan(tubes[0])
    shown = (await page.get((await gun.scan("3.1"))["view"])).text
    assert "7 vials" in shown
    assert "P, partial" in shown
    shown = (await page.get((await gun.scan(CONFIRM))["view"])).text
    assert "Print 7 labels" in shown
    assert "Print 7 labels" in (await page.get(f"/bench/aliquot?at={tubes[0]}")).text
    assert "Divide" in (await page.get("/bench/aliquot")).text or "Spin" in (await page.get("/bench/aliquot")).text


async def test_the_worksheet_of_one_person_and_of_everybody(browser, api):
    await draw(api, await visit(api), *ALL, by="coordinator")
    page = await browser("technician_chi")
    assert "No tube in your hands" in (await page.get("/bench/worksheet")).text
    shown = (await page.get("/bench/worksheet?whose=all")).text
    assert "due soon" in shown
    assert "4 tubes in hands at your sites" in shown


async def test_the_codes_print(browser):
    page = await browser("technician_chi")
    shown = (await page.get("/bench/codes")).text
    assert "DEVHAEMOLYSIS" in shown
    assert "QTY3100UL" in shown
    sheet = await page.get("/bench/codes.pdf")
    assert (sheet.status_code, sheet.content[:4]) == (200, b"%PDF")


@pytest.mark.parametrize(
    "address",
    [
        "/bench/none",
        "/bench/none/view",
        "/bench/intake?at=TNONSENSE1",
        "/bench/intake?at=" + "T" * 500,
        "/bench/aliquot?at=%00",
        "/bench/intake/view?tube=" + "x" * 500,
        "/bench/aliquot/view?extra=99",
        "/bench/aliquot/view?obtained=x",
        "/bench/aliquot/view?extra=much",
        "/bench/spin/view?" + "&".join(["tubes=T"] * 300),
    ],
)
async def test_a_wrong_address_is_told(browser, address):
    page = await browser("technician_chi")
    response = await page.get(address)
    assert response.status_code in {400, 404, 422}, response.text


async def test_a_yield_that_cannot_be_divided_is_drawn_as_none(browser, api):
    tubes = await draw(api, await visit(api), *ALL)
    page = await browser("technician_chi")
    for obtained, unit in (("0", "mL"), ("3", "mg"), ("3", "nonsense")):
        view = f"/bench/aliquot/view?parent={tubes[0]}&obtained={obtained}&unit={unit}"
        response = await page.get(view)
        assert (response.status_code, "To be filled" in response.text) == (200, False), view
