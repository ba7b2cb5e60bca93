"""Label stocks: measured here in versions that never change, chosen wherever a stock is; reprints stay exact."""

import json
from uuid import uuid4

import asyncpg
import pypdfium2
import pytest

from labels import STOCKS, render_stock_svg, stock_from_data, stock_to_data
from tests.material import make_material

ROLL = {"type": "roll", "title": "Blue roll", "label_width": 34.0, "label_height": 14.0, "dpi": 203}
SHEET = {key: value for key, value in stock_to_data(STOCKS["l4731"]).items() if key != "name"}


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def defined(api, name="lls-roll", content=ROLL, person="manager", study="LLS"):
    return await api(person).ok("/label-stocks", {"name": name, "study": study, "content": content})


async def anew(api, name, seen, content):
    note = "measured over ten rows"
    return await api("manager").ok(f"/label-stocks/{name}/versions", {"seen": seen, "content": content, "note": note})


def width_of(pdf):
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[0].get_size()[0] / 72 * 25.4
    finally:
        document.close()


async def test_a_stock_is_measured_in_versions(api):
    made = await defined(api)
    assert (made["name"], made["kind"], made["study"], made["is_offered"], made["may_change"]) == (
        "lls-roll",
        "roll",
        "LLS",
        True,
        True,
    )
    first = made["versions"][0]
    assert stock_from_data(first["content"]).name == first["key"] == "lls-roll@1"
    second = await anew(api, "lls-roll", 1, ROLL | {"label_width": 35.0})
    assert [one["number"] for one in second["versions"]] == [2, 1]
    assert second["versions"][1] == first
    seen = await api("technician").see("/label-stocks")
    assert [(one["name"], one["may_change"]) for one in seen] == [("lls-roll", False)]
    file = await api("technician").client.get("/api/v1/label-stocks/lls-roll/versions/1/file")
    assert json.loads(file.text) == first["content"]
    assert 'filename="lls-roll-1.json"' in file.headers["content-disposition"]
    picture = await api("technician").client.get("/api/v1/label-stocks/lls-roll/versions/2/picture")
    assert picture.text == render_stock_svg(stock_from_data(second["versions"][0]["content"]))
    assert (await api("technician").get("/label-stocks/lls-roll/versions/3/file")).status_code == 404
    assert (await api("stranger").get("/label-stocks/lls-roll")).status_code == 404
    events = (await api("auditor").see("/audit"))["rows"]
    assert {"label_stock.defined", "label_stock.measured"} <= {one["verb"] for one in events}


async def test_what_is_printed_names_the_version_and_is_drawn_again_exactly(api, database, world, superuser):
    made = await make_material(database, world, tubes=3)
    tech, manager = api("technician"), api("manager")
    await defined(api)
    key, body = str(uuid4()), {"codes": [made.tubes[0]], "stock": "lls-roll"}
    before = await tech.post("/labels", body, key=key)
    assert width_of(before.content) == pytest.approx(34.0, abs=0.01)
    await manager.ok("/printers", {"site": "LAB", "name": "OWN", "kind": "download", "stock": "lls-roll"})
    job = await tech.ok("/labels/orders", {"codes": [made.tubes[1]], "printer": "LAB/OWN"})
    await anew(api, "lls-roll", 1, ROLL | {"label_width": 40.0})
    assert (await tech.post("/labels", body, key=key)).content == before.content
    assert (await manager.see("/printers/LAB/OWN"))["stock"] == job["stock"] == "lls-roll@1"
    zpl = await tech.post(f"/print-jobs/{job['number']}/file", {})
    assert f"^PW{round(34 / 25.4 * 203)}" in zpl.text
    later = await tech.post("/labels", {"codes": [made.tubes[2]], "stock": "lls-roll"})
    assert width_of(later.content) == pytest.approx(40.0, abs=0.01)
    old = {"codes": [made.tubes[2]], "stock": "lls-roll@1", "reason": "damaged"}
    assert width_of((await tech.post("/labels", old)).content) == pytest.approx(34.0, abs=0.01)
    rows = await superuser.fetch("select stock from label_print order by id")
    assert [row["stock"] for row in rows] == ["lls-roll@1", "lls-roll@1", "lls-roll@2", "lls-roll@1"]


async def test_a_stock_that_is_not_offered_is_chosen_no_more_and_kept_where_it_is(api, database, world):
    made = await make_material(database, world, tubes=2)
    tech, manager = api("technician"), api("manager")
    await defined(api)
    printer = await manager.ok("/printers", {"site": "LAB", "name": "OWN", "kind": "download", "stock": "lls-roll"})
    told = await manager.ok("/label-stocks/lls-roll/offer", {"offered": False, "reason": "no longer bought"})
    assert told["is_offered"] is False
    assert await manager.ok("/label-stocks/lls-roll/offer", {"offered": False, "reason": "no longer bought"}) == told
    for name in ("lls-roll", "lls-roll@1", "lls-roll@7", "none", "lls-roll@x"):
        refused = await tech.post("/labels", {"codes": [made.tubes[0]], "stock": name})
        assert kind(refused) == (422, "invalid")
        assert "There is no stock" in refused.text
    await tech.ok("/labels/orders", {"codes": [made.tubes[0]], "printer": "LAB/OWN"})
    change = {"dpi": 203, "stock": "lls-roll@1", "row_version": printer["row_version"]}
    printer = await manager.ok("/printers/LAB/OWN/changes", change)
    moved = {"dpi": 600, "stock": "l4731", "row_version": printer["row_version"]}
    printer = await manager.ok("/printers/LAB/OWN/changes", moved)
    back = change | {"row_version": printer["row_version"]}
    assert kind(await manager.post("/printers/LAB/OWN/changes", back)) == (422, "invalid")
    again = await manager.ok("/label-stocks/lls-roll/offer", {"offered": True, "reason": "bought again"})
    assert again["is_offered"]
    await manager.ok("/printers/LAB/OWN/changes", back)


async def test_a_template_is_laid_out_for_a_stock_that_was_measured_here(api):
    manager = api("manager")
    await defined(api)
    made = await manager.ok(
        "/label-templates", {"name": "own", "kind": "tube", "study": "LLS", "like": "tube", "stock": "lls-roll"}
    )
    assert made["head"]["stock"] == "lls-roll@1"
    await anew(api, "lls-roll", 1, ROLL | {"label_height": 13.0})
    save = {"row_version": made["head"]["row_version"], "content": made["content"], "stock": "lls-roll"}
    saved = await manager.ok("/label-templates/own/draft/content", save)
    assert saved["head"]["stock"] == "lls-roll@2"
    published = await manager.ok(
        "/label-templates/own/draft/published", {"row_version": saved["head"]["row_version"], "note": "first layout"}
    )
    shown = await manager.see("/label-templates/own/versions/1/preview")
    assert (shown["stock"], published["head"]["stock"]) == ("lls-roll@2", "lls-roll@2")
    assert [one for one in shown["findings"] if one["severity"] == "error"] == []
    other = await manager.see("/label-templates/own/versions/1/preview", stock="lls-roll@1")
    assert other["stock"] == "lls-roll@1"
    test = await manager.post("/label-templates/own/versions/1/test", {"format": "zpl"})
    assert test.content.startswith(b"^XA")
    wrong = await manager.get("/label-templates/own/versions/1/preview", stock="none")
    assert kind(wrong) == (422, "invalid")


async def test_a_study_keeps_its_stocks_and_only_its_managers_measure_them(api, database, world):
    await defined(api)
    admin, other = api("administrator"), api("stranger")
    assert await other.see("/label-stocks") == []
    house = await admin.ok("/label-stocks", {"name": "house-sheet", "content": SHEET})
    assert (house["study"], house["kind"]) == (None, "sheet")
    assert [one["name"] for one in await other.see("/label-stocks")] == ["house-sheet"]
    for path, body in (
        ("/label-stocks/house-sheet/versions", {"seen": 1, "content": SHEET, "note": "mine"}),
        ("/label-stocks/house-sheet/offer", {"offered": False, "reason": "mine"}),
    ):
        assert kind(await api("manager").post(path, body)) == (403, "forbidden")
    nobody = await api("manager").post("/label-stocks", {"name": "mine", "content": SHEET})
    assert kind(nobody) == (403, "forbidden")
    taken = {"name": "lls-roll", "content": SHEET}
    assert kind(await admin.post("/label-stocks", taken)) == (409, "label-stock-exists")
    assert kind(await admin.post("/label-stocks", taken | {"name": "l7163"})) == (409, "label-stock-exists")
    unknown = await api("manager").post("/label-stocks", {"name": "mine", "study": "OTH", "content": SHEET})
    assert unknown.status_code == 404


async def test_measures_that_cannot_be_and_old_ones_are_refused(api):
    manager = api("manager")
    faulty = await manager.post("/label-stocks", {"name": "mine", "study": "LLS", "content": ROLL | {"dpi": 240}})
    assert kind(faulty) == (422, "label-stock-faulty")
    assert "no label printer has 240 dpi" in faulty.json()["errors"][""]
    await defined(api)
    for body, said in (
        ({"seen": 0, "content": ROLL}, (412, "label-stock-changed")),
        ({"seen": 1, "content": SHEET}, (422, "label-stock-faulty")),
        ({"seen": 1, "content": {}}, (422, "label-stock-faulty")),
    ):
        refused = await manager.post("/label-stocks/lls-roll/versions", body | {"note": "to see"})
        assert kind(refused) == said
    assert [one["number"] for one in (await manager.see("/label-stocks/lls-roll"))["versions"]] == [1]


async def test_measures_never_change_by_sql_either(api, superuser):
    await defined(api)
    for statement, constraint in (
        ("update label_stock_version set note = 'other'", "ck_label_stock_version_append_only"),
        ("delete from label_stock_version", "ck_label_stock_version_append_only"),
        ("update label_stock set name = 'other'", "ck_label_stock_keeps_what_it_is"),
        ("update label_stock set kind = 'sheet'", "ck_label_stock_keeps_what_it_is"),
        ("delete from label_stock", "ck_label_stock_keeps_what_it_is"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await superuser.execute(statement)
        assert refused.value.constraint_name == constraint, statement
