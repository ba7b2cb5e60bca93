"""Label templates without scripts: each change is a form that is sent and shows the label anew."""

import base64
import json
import re
from html import unescape
from io import BytesIO

from PIL import Image

from tests.material import make_material

HERE = "/label-templates/lls-tube"


def fields(text):
    """The values of the editor's form, as a browser would send them."""
    form = re.search(r'<form class="label-desk".*?</form>', text, re.DOTALL)[0]
    values = {}
    for tag in re.findall(r"<input[^>]*>", form):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if said.get("type") == "checkbox" and " checked" not in tag:
            continue
        values[said["name"]] = unescape(said.get("value", ""))
    for name, text_of in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        values[name] = unescape(text_of)
    for name, options in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        values[name] = _chosen(options)
    return {name: value for name, value in values.items() if not name.startswith("_")}


def _chosen(options):
    found = re.search(r'<option value="([^"]*)" selected>', options) or re.search(r'<option value="([^"]*)"', options)
    return unescape(found[1])


def drawn(text):
    return base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', text)[1]).decode()


async def drafting(browser):
    page = await browser("manager")
    new = {"name": "lls-tube", "kind": "tube", "study": "LLS", "like": "tube"}
    made = await page.post("/label-templates/new", new)
    assert (made.status_code, made.headers["location"]) == (303, f"{HERE}/draft")
    return page


async def test_a_label_is_laid_out_by_forms_alone(browser, database, world):
    made = await make_material(database, world, tubes=1)
    page = await drafting(browser)
    shown = (await page.get(f"{HERE}/draft")).text
    assert made.tubes[0][:4] in drawn(shown)
    values = fields(shown)
    moved = values | {"elements[1].x": "7,5", "elements[1].bold": "true", "title": "Our tube", "do": "save"}
    saved = await page.post(f"{HERE}/draft", moved)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{HERE}/draft")
    again = (await page.get(f"{HERE}/draft")).text
    assert drawn(again) != drawn(shown)
    assert (fields(again)["elements[1].x"], fields(again)["elements[1].bold"]) == ("7.5", "true")
    for deed, count in (("add text", 4), ("add code", 5), ("add line", 6), ("up 5", 6), ("down 0", 6), ("remove 5", 5)):
        values = fields((await page.get(f"{HERE}/draft")).text)
        assert (await page.post(f"{HERE}/draft", values | {"do": deed})).status_code == 303, deed
        values = fields((await page.get(f"{HERE}/draft")).text)
        assert len([name for name in values if name.endswith("].type")]) == count, deed
    assert [values[f"elements[{index}].type"] for index in range(5)] == ["text", "code", "text", "text", "line"]
    refused = await page.post(f"{HERE}/draft", values | {"do": "publish"})
    assert (refused.status_code, "quiet zone" in refused.text) == (422, True)
    for _ in range(2):
        values = fields((await page.get(f"{HERE}/draft")).text)
        await page.post(f"{HERE}/draft", values | {"do": "remove 3"})
    values = fields((await page.get(f"{HERE}/draft")).text)
    tested = await page.post(f"{HERE}/draft/test", values)
    assert tested.content.startswith(b"%PDF")
    done = await page.post(f"{HERE}/draft", values | {"do": "publish", "note": "Larger id"})
    assert (done.status_code, done.headers["location"]) == (303, HERE)
    view = (await page.get(HERE)).text
    assert "Larger id" in view
    assert (await page.get(f"{HERE}/draft")).status_code == 404
    late = await page.post(f"{HERE}/draft/preview", values | {"width": "50"})
    assert (late.status_code, "Version 1 is published: it never changes again." in late.text) == (200, True)
    assert (await page.post(f"{HERE}/standard", {})).status_code == 303
    assert "standard: taken where nobody names another" in (await page.get(HERE)).text
    assert (await page.post(f"{HERE}/test", {"start": "3", "format": "pdf"})).content.startswith(b"%PDF")
    assert (await page.post(f"{HERE}/test", {"start": "85"})).status_code == 422
    assert (await page.post(f"{HERE}/test-job", {"printer": "LAB/NONE"})).status_code == 404
    tech = await browser("technician")
    labels = (await tech.get("/labels")).text
    assert "Our tube (lls-tube, version 1, LLS)" in labels
    assert "Start a draft" not in (await tech.get(HERE)).text


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_saved(browser):
    page = await drafting(browser)
    values = fields((await page.get(f"{HERE}/draft")).text)
    for change, place in (
        ({"elements[1].x": "left"}, "elements[1].x"),
        ({"elements[1].x": ""}, "elements[1].x"),
        ({"elements[1].x": "nan"}, "elements[1].x"),
        ({"elements[1].text": "{foo}"}, "elements[1].text"),
        ({"elements[1].text": "{id"}, "elements[1].text"),
        ({"elements[1].points.0": "99"}, "elements[1].points"),
        ({"elements[1].rotation": "45"}, "elements[1].rotation"),
        ({"elements[1].rotation": "nan"}, "elements[1].rotation"),
        ({"elements[0].module.0": "9"}, "elements[0].module"),
        ({"elements[0].x": "400"}, "elements[0]"),
        ({"elements[2].type": "image"}, "elements[2]"),
        ({"title": ""}, "title"),
    ):
        sent = {**values, **change, "elements[2].was": "9"}
        refused = await page.post(f"{HERE}/draft", sent | {"do": "save"})
        assert refused.status_code == 422, change
        assert f'id="{place}-error"' in refused.text or f"{place}: " in refused.text, change
        seen = await page.post(f"{HERE}/draft/preview", sent)
        assert (seen.status_code, "Not drawn." in seen.text) == (200, True), change
    assert (await page.post(f"{HERE}/draft/preview", values | {"code": "T1"})).status_code == 200
    assert (await page.post(f"{HERE}/draft", values | {"stock": "none"})).status_code == 422
    assert (await page.post(f"{HERE}/draft/test", values | {"elements[0].x": "400"})).status_code == 422
    assert (await page.post(f"{HERE}/draft", values | {"title": "Other", "do": "up 99"})).status_code == 303
    late = await page.post(f"{HERE}/draft", values | {"do": "save", "title": "Mine"})
    assert "Somebody else saved this draft" in late.text
    assert 'value="Mine"' in late.text
    assert (await page.post(f"{HERE}/draft", {"do": "save"})).status_code == 422


async def test_files_come_in_versions_are_compared_and_drafts_given_up(browser):
    page = await drafting(browser)
    out = await page.get(f"{HERE}/versions/1/file")
    content = json.loads(out.content)
    content["elements"] = content["elements"][:2]
    version = {"row_version": "1"}
    for bad, words in (
        (b"{", "line 1"),
        (b"[]", "is not an object"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "is missing"),
        (b" " * 2_000_001, "larger than the 2 MB"),
    ):
        refused = await page.client.post(
            f"{HERE}/draft/file",
            data=await keyed(page, version),
            files={"file": ("t.json", bad)},
        )
        assert (refused.status_code, words in refused.text) == (422, True), bad[:9]
    none = await page.post(f"{HERE}/draft/file", version)
    assert (none.status_code, "Choose a file" in none.text) == (422, True)
    good = await page.client.post(
        f"{HERE}/draft/file", data=await keyed(page, version), files={"file": ("t.json", json.dumps(content).encode())}
    )
    assert good.status_code == 303, good.text
    version = {"row_version": "2"}
    for bad, more, words in (
        (b"GIF89a", {}, "is not a PNG picture"),
        (b"\x89PNG" + b"0" * 1_000_000, {}, "larger than the 1000 kB"),
        (png(5000, 4000), {}, "more than a label has"),
        (png(4, 4), {"number": "1"}, "element 1 is no picture"),
    ):
        refused = await page.client.post(
            f"{HERE}/draft/picture",
            data=await keyed(page, version | more),
            files={"picture": ("logo.png", bad)},
        )
        assert (refused.status_code, words in refused.text) == (422, True), bad[:9]
    assert "Choose a PNG file" in (await page.post(f"{HERE}/draft/picture", version)).text
    for size, more in ((4, {}), (9, {"row_version": "3", "number": "3"})):
        put = await page.client.post(
            f"{HERE}/draft/picture",
            data=await keyed(page, version | more),
            files={"picture": ("logo.gif", png(size, size))},
        )
        assert (put.status_code, put.headers["location"]) == (303, f"{HERE}/draft#elements[2]"), put.text
    assert "in place of element 3" in (await page.get(f"{HERE}/draft")).text
    values = fields((await page.get(f"{HERE}/draft")).text)
    await page.post(f"{HERE}/draft", values | {"do": "remove 2"})
    values = fields((await page.get(f"{HERE}/draft")).text)
    await page.post(f"{HERE}/draft", values | {"do": "publish"})
    assert (await page.post(f"{HERE}/draft/started", {"version": "1"})).headers["location"] == f"{HERE}/draft"
    assert (await page.post(f"{HERE}/draft/started", {})).status_code == 409
    values = fields((await page.get(f"{HERE}/draft")).text)
    await page.post(f"{HERE}/draft", values | {"do": "add line"})
    compared = (await page.get(f"{HERE}/comparison")).text
    assert "element 3" in compared
    assert (await page.post(f"{HERE}/draft/discarded", {"row_version": "2"})).status_code == 422
    gone = await page.post(f"{HERE}/draft/discarded", {"row_version": "2", "reason": "not needed"})
    assert (gone.status_code, gone.headers["location"]) == (303, HERE)
    assert (await page.get(f"{HERE}?version=7")).status_code == 404
    assert "There is no stock" in (await page.get(f"{HERE}?stock=none")).text
    assert "Not drawn." in (await page.get(f"{HERE}?code=zz")).text
    assert (await page.get("/label-templates/new?like=lls-tube")).status_code == 200
    twice = await page.post(
        "/label-templates/new", {"name": "lls-tube", "kind": "tube", "study": "LLS", "like": "tube"}
    )
    assert (twice.status_code, "exists already" in twice.text) == (409, True)


def png(width, height):
    content = BytesIO()
    Image.new("L", (width, height), 0).save(content, "PNG")
    return content.getvalue()


async def keyed(page, data):
    from uuid import uuid4

    return {"_key": str(uuid4()), "_csrf_token": page.client.cookies.get("csrftoken", ""), **data}
