"""Label stocks without scripts: measured in a form with a drawing, measured anew, chosen where labels are printed."""

import base64
import json
import re

import pytest
from test_label_template_pages import fields

from labels import STOCKS, stock_to_data
from tests.material import make_material

NEW = {"name": "lls-roll", "study": "LLS", "title": "Blue roll", "note": "measured at the bench"}


def drawn(text):
    return base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', text)[1]).decode()


async def defined(browser, **more):
    page = await browser("manager")
    values = fields((await page.get("/label-stocks/new")).text) | NEW | more
    made = await page.post("/label-stocks/new", values)
    assert (made.status_code, made.headers["location"]) == (303, "/label-stocks/lls-roll")
    return page


async def test_a_stock_is_measured_by_forms_alone(browser):
    page = await browser("manager")
    blank = (await page.get("/label-stocks/new")).text
    values = fields(blank)
    assert drawn(blank).count("<rect") == 4
    shown = await page.post("/label-stocks/new/drawing", values | NEW)
    assert drawn(shown.text).count("<rect") == 4
    wide = await page.post("/label-stocks/new/drawing", values | NEW | {"columns": "2"})
    assert drawn(wide.text).count("<rect") == 7
    refused = await page.post("/label-stocks/new", values | NEW | {"label_width": "wide"})
    assert (refused.status_code, "&#39;wide&#39; is not a number" in refused.text) == (422, True)
    dot = {"areas[0].name": "dot", "areas[0].round": "true"}
    dot |= {f"areas[0].{name}": size for name, size in (("x", "1"), ("y", "1"), ("width", "9,5"), ("height", "9,5"))}
    await defined(browser, **dot)
    one = (await page.get("/label-stocks/lls-roll")).text
    assert drawn(one).count("<circle") == 3
    assert ("lls-roll@1" in one, "measured at the bench" in one) == (True, True)
    values = fields((await page.get("/label-stocks/lls-roll/measures")).text)
    assert (values["areas[0].width"], values["seen"]) == ("9.5", "1")
    look = await page.post("/label-stocks/lls-roll/measures/drawing", values | {"columns": "0"})
    assert (look.status_code, "greater than zero" in look.text) == (200, True)
    narrow = values | {"label_width": "37", "note": "measured again"}
    assert (await page.post("/label-stocks/lls-roll/measures", narrow)).status_code == 303
    late = await page.post("/label-stocks/lls-roll/measures", narrow)
    assert (late.status_code, "look at version 2" in late.text) == (412, True)
    assert "lls-roll@2" in (await page.get("/label-stocks")).text
    file = await page.get("/label-stocks/lls-roll/versions/2/file")
    assert json.loads(file.text)["label_width"] == 37.0


async def test_a_file_fills_the_form(browser):
    page = await browser("manager")
    sheet = json.dumps(stock_to_data(STOCKS["l4731"])).encode()
    filled = await page.client.post(
        "/label-stocks/new/file",
        data={"_csrf_token": page.client.cookies["csrftoken"]},
        files={"file": ("stock.json", sheet)},
    )
    values = fields(filled.text)
    assert (values["type"], values["page"], values["rows"], values["pitch_x"]) == ("sheet", "A4", "27", "27.9")
    for content in (b"{", b"[]", b""):
        refused = await page.client.post(
            "/label-stocks/new/file",
            data={"_csrf_token": page.client.cookies["csrftoken"]},
            files={"file": ("stock.json", content)},
        )
        assert refused.status_code == 422


async def test_stocks_are_chosen_where_labels_are_printed(browser, database, world):
    made = await make_material(database, world, tubes=1)
    page = await defined(browser)
    for path in ("/labels", "/printers", "/label-templates/tube"):
        text = (await page.get(path)).text
        assert '<option value="lls-roll@1"' in text, path
        assert "Blue roll (lls-roll@1)" in text, path
    printed = await page.post("/labels", {"codes": made.tubes[0], "stock": "lls-roll@1", "start": "0"})
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    shown = (await page.get("/label-templates/tube?stock=lls-roll")).text
    assert ("True size on Blue roll" in shown, "As ZPL" in shown) == (True, True)
    told = await page.post("/label-stocks/lls-roll/offer", {"offered": "false", "reason": ""})
    assert told.status_code == 422
    told = await page.post("/label-stocks/lls-roll/offer", {"offered": "false", "reason": "no longer bought"})
    assert told.status_code == 303
    assert "not offered" in (await page.get("/label-stocks/lls-roll")).text
    assert "lls-roll" not in (await page.get("/labels")).text


@pytest.mark.parametrize("person", ["technician", "auditor"])
async def test_those_who_manage_nothing_look_only(browser, person):
    await defined(browser)
    page = await browser(person)
    assert "New stock" not in (await page.get("/label-stocks")).text
    assert "Measure anew" not in (await page.get("/label-stocks/lls-roll")).text
    assert (await page.get("/label-stocks/lls-roll/measures")).status_code == 403
