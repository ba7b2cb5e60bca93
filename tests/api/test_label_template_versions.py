"""Label templates: drafted, published, printed with; what was published never changes and is printed again exactly."""

import asyncio
import base64
import copy
import json
from uuid import uuid4

import asyncpg
import pypdfium2
import pytest
import zxingcpp

from biobank import ids
from labels import TEMPLATES
from tests.material import make_material
from tests.shelves import box, freezer, rack

TUBES = "cryo-letter-85"


def read(pdf):
    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[0]
        found = [symbol.text for symbol in zxingcpp.read_barcodes(page.render(scale=6).to_pil())]
        text = page.get_textpage()
        words = text.get_text_range()
        text.close()
        return found, words
    finally:
        document.close()


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def drafted(api, name="lls-tube", like="tube", label_kind="tube"):
    return await api("manager").ok("/label-templates", {"name": name, "kind": label_kind, "study": "LLS", "like": like})


async def published(api, name="lls-tube", change=None, **more):
    draft = await drafted(api, name, **more)
    if change is not None:
        content = copy.deepcopy(draft["content"])
        change(content)
        save = {"row_version": draft["head"]["row_version"], "content": content}
        draft = await api("manager").ok(f"/label-templates/{name}/draft/content", save)
    version = {"row_version": draft["head"]["row_version"], "note": "first layout"}
    return await api("manager").ok(f"/label-templates/{name}/draft/published", version)


def by_tokens(content):
    content["elements"][2]["text"] = "{type} of {participant}\n{visit} {number}/{of}, {amount}"


async def test_the_templates_that_ship_are_rows_of_the_house_and_the_standard_of_their_kind(api):
    found = await api("technician").see("/label-templates")
    assert {one["name"] for one in found} == set(TEMPLATES)
    assert {one["name"] for one in found if one["is_standard"]} == set(TEMPLATES) - {"tube-and-cap", "cap"}
    assert not any(one["may_change"] for one in found)
    for name, template in TEMPLATES.items():
        version = await api("technician").see(f"/label-templates/{name}/versions/1")
        assert version["content"] == template.to_data()
        assert (version["head"]["status"], version["head"]["created_by"]) == ("published", None)
    tokens = await api("technician").see("/label-templates/tube/tokens")
    assert {"token": "participant", "gives": tokens_of(tokens, "participant")} in tokens
    assert not {"name", "way"} & {one["token"] for one in tokens}


def tokens_of(tokens, name):
    return next(one["gives"] for one in tokens if one["token"] == name)


async def test_labels_are_printed_with_the_version_in_force_and_a_replay_is_exact(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    tech, manager, tube = api("technician"), api("manager"), made.tubes[0]
    key, body = str(uuid4()), {"codes": [tube], "stock": TUBES}
    before = await tech.post("/labels", body, key=key)
    await published(api, change=by_tokens)
    named = await tech.post("/labels", {**body, "template": "lls-tube", "reason": "damaged"})
    assert f"SER of {ids.grouped(made.participant)}" in read(named.content)[1]
    await manager.ok("/label-templates/lls-tube/standard", {})
    standard = await tech.post("/labels", {**body, "reason": "damaged"})
    found, words = read(standard.content)
    assert (found, "SER of" in words) == ([tube], True)
    rows = await superuser.fetch("select template, template_version from label_print order by id")
    assert [tuple(row) for row in rows] == [("tube", 1), ("lls-tube", 1), ("lls-tube", 1)]
    draft = await manager.ok("/label-templates/lls-tube/draft", {})
    content = {**draft["content"], "elements": draft["content"]["elements"][:2]}
    save = {"row_version": draft["head"]["row_version"], "content": content}
    draft = await manager.ok("/label-templates/lls-tube/draft/content", save)
    still = await tech.post("/labels", {**body, "reason": "lost"})
    assert "SER of" in read(still.content)[1]
    await manager.ok("/label-templates/lls-tube/draft/published", {"row_version": draft["head"]["row_version"]})
    after = await tech.post("/labels", {**body, "reason": "lost"})
    assert "SER of" not in read(after.content)[1]
    assert await superuser.fetchval("select max(template_version) from label_print") == 2
    # The first request again: the template of then, byte for byte.
    assert (await tech.post("/labels", body, key=key)).content == before.content
    other = await api("technician").post(
        "/labels", {"codes": [await box(api, await rack(api, await freezer(api)))], "stock": "l7163"}
    )
    assert other.status_code == 201


async def test_what_cannot_be_printed_with_is_refused(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    tech, body = api("technician"), {"codes": list(made.tubes), "stock": TUBES}
    await drafted(api)
    assert kind(await tech.post("/labels", {**body, "template": "lls-tube"})) == (409, "label-template-not-published")
    assert kind(await api("manager").post("/label-templates/lls-tube/standard", {})) == (
        409,
        "label-template-not-published",
    )
    mine = {"name": "oth-tube", "kind": "tube", "study": "OTH", "like": "tube"}
    made_by = await api("stranger").ok("/label-templates", mine)
    await api("stranger").ok(
        "/label-templates/oth-tube/draft/published", {"row_version": made_by["head"]["row_version"]}
    )
    assert kind(await tech.post("/labels", {**body, "template": "oth-tube"})) == (422, "invalid")
    cold = await freezer(api)
    await published(api, "lls-box", like="box", label_kind="box")
    refused = await api("manager").post("/labels", {"codes": [cold], "stock": "l7163", "template": "lls-box"})
    assert kind(refused) == (422, "invalid")
    assert "another study" in refused.json()["detail"]
    wrong = {**body, "template": "x" * 500}
    assert kind(await tech.post("/labels", wrong)) == (422, "invalid")
    assert await superuser.fetchval("select count(*) from label_print") == 0


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda c: c["elements"][1].update(text="{foo}"), "elements[1].text"),
        (lambda c: c["elements"][1].update(text="{name}"), "elements[1].text"),
        (lambda c: c["elements"][1].update(x=30), "elements[1]"),
        (lambda c: c["elements"][1].update(x="1"), "elements[1].x"),
        (lambda c: c["elements"][1].update(x=10**400), "elements[1].x"),
        (lambda c: c["elements"][1].update(text="a\0b"), ""),
        (lambda c: c["elements"][0].update(symbology="ean"), "elements[0].symbology"),
        (lambda c: c.update(elements=[c["elements"][1]] * 201), "elements"),
        (lambda c: c.update(title=" "), "title"),
        (lambda c: c.update(width=0), ""),
        (lambda c: c.pop("height"), "height"),
        (lambda c: c.update(colour="red"), "colour"),
        (
            lambda c: c["elements"].append({"type": "image", "x": 0, "y": 0, "width": 1, "height": 1, "png": "@"}),
            "elements[3].png",
        ),
        (
            lambda c: c["elements"].append({"type": "image", "x": 0, "y": 0, "width": 1, "height": 1, "png": "AAAA"}),
            "elements[3].png",
        ),
        (lambda c: c.update(title="x" * 2_000_001), ""),
    ],
)
async def test_faults_are_named_with_their_place_and_nothing_is_kept(api, change, place):
    draft = await drafted(api)
    content = copy.deepcopy(draft["content"])
    change(content)
    manager = api("manager")
    save = {"row_version": draft["head"]["row_version"], "content": content}
    refused = await manager.post("/label-templates/lls-tube/draft/content", save)
    assert kind(refused) == (422, "label-template-faulty"), refused.text[:300]
    assert place in refused.json()["errors"]
    again = await manager.see("/label-templates/lls-tube/versions/1")
    assert again["content"] == draft["content"]


async def test_a_template_that_is_not_read_is_not_published(api):
    draft = await drafted(api)
    content = copy.deepcopy(draft["content"])
    content["elements"][1] |= {"x": 0.5, "y": 5, "width": 31}
    manager = api("manager")
    save = {"row_version": draft["head"]["row_version"], "content": content}
    draft = await manager.ok("/label-templates/lls-tube/draft/content", save)
    version = {"row_version": draft["head"]["row_version"]}
    refused = await manager.post("/label-templates/lls-tube/draft/published", version)
    assert kind(refused) == (422, "label-template-faulty")
    assert "quiet zone" in refused.json()["detail"]
    seen = await manager.see("/label-templates/lls-tube/versions/1/preview")
    assert "quiet-zone" in {one["rule"] for one in seen["findings"]}


async def test_two_people_who_edit_one_draft_are_told_apart(api):
    draft = await drafted(api)
    content, version = copy.deepcopy(draft["content"]), draft["head"]["row_version"]
    content["title"] = "One"
    other = {**content, "title": "Two"}
    path, manager = "/label-templates/lls-tube/draft/content", api("manager")
    answers = await asyncio.gather(
        *(manager.post(path, {"row_version": version, "content": each}) for each in (content, other))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 412]
    stale = {"row_version": version}
    assert kind(await manager.post("/label-templates/lls-tube/draft/published", stale)) == (
        412,
        "label-template-changed",
    )
    assert kind(await manager.post("/label-templates/lls-tube/draft", {})) == (409, "label-template-draft-exists")


async def test_a_draft_is_discarded_and_its_number_is_not_used_again(api):
    done = await published(api)
    manager = api("manager")
    late = {"row_version": done["head"]["row_version"], "content": done["content"]}
    assert kind(await manager.post("/label-templates/lls-tube/draft/content", late)) == (409, "label-template-is-final")
    second = await manager.ok("/label-templates/lls-tube/draft", {})
    reason = {"row_version": second["head"]["row_version"], "reason": "not needed"}
    gone = await manager.ok("/label-templates/lls-tube/draft/discarded", reason)
    assert (gone["head"]["status"], gone["head"]["note"]) == ("discarded", "not needed")
    third = await manager.ok("/label-templates/lls-tube/draft", {"version": 1})
    assert third["head"]["number"] == 3
    assert kind(
        await manager.post("/label-templates", {"name": "lls-tube", "kind": "tube", "study": "LLS", "like": "tube"})
    ) == (409, "label-template-exists")


async def test_only_its_managers_change_a_template(api):
    await published(api)
    manager, stranger = api("manager"), api("stranger")
    assert kind(await stranger.get("/label-templates/lls-tube")) == (404, "not-found")
    assert kind(await stranger.post("/label-templates/lls-tube/draft", {})) == (404, "not-found")
    assert kind(await manager.post("/label-templates/tube/draft", {})) == (403, "forbidden")
    house = {"name": "house-tube", "kind": "tube", "like": "tube"}
    assert kind(await manager.post("/label-templates", house)) == (403, "forbidden")
    made = await api("administrator").ok("/label-templates", house)
    await api("administrator").ok(
        "/label-templates/house-tube/draft/published", {"row_version": made["head"]["row_version"]}
    )
    view = await api("administrator").ok("/label-templates/house-tube/standard", {})
    assert (view["is_standard"], view["may_change"]) == (True, True)
    again = await api("administrator").ok("/label-templates/house-tube/standard", {})
    assert again == view
    assert not (await manager.see("/label-templates/tube"))["is_standard"]
    for body in (
        {"name": "Big Name", "kind": "tube", "study": "LLS", "like": "tube"},
        {"name": "lls-x", "kind": "spoon", "study": "LLS", "like": "tube"},
        {"name": "lls-x", "kind": "tube", "study": "LLS"},
        {"name": "lls-x", "kind": "tube", "study": "LLS", "like": "tube", "stock": "none"},
    ):
        assert (await manager.post("/label-templates", body)).status_code == 422, body
    assert (await manager.post("/label-templates", {**house, "study": "QQQ"})).status_code == 404
    assert (await manager.post("/label-templates", {**house, "study": "LLS", "like": "none"})).status_code == 404


async def test_a_preview_has_the_data_of_a_real_tube_and_a_test_label_never_its_code(api, database, world):
    made = await make_material(database, world, tubes=2)
    manager = api("manager")
    newest = await manager.see("/label-templates/tube/versions/1/preview")
    assert newest["code"] == made.tubes[-1]
    assert (newest["findings"], newest["stock"]) == ([], TUBES)
    assert ids.grouped(made.tubes[-1]) in newest["svg"]
    named = await manager.see("/label-templates/tube/versions/1/preview", code=made.tubes[0], stock="roll-38x25-300")
    assert (named["code"], named["stock"]) == (made.tubes[0], "roll-38x25-300")
    nobody = await api("stranger").see("/label-templates/tube/versions/1/preview")
    assert nobody["code"] is None
    hidden = await api("stranger").get("/label-templates/tube/versions/1/preview", code=made.tubes[0])
    assert kind(hidden) == (404, "not-found")
    shelf = await box(api, await rack(api, await freezer(api)))
    assert (await manager.see("/label-templates/box/versions/1/preview"))["code"] == shelf
    for name in ("freezer", "shelf", "kit", "badge"):
        seen = await manager.see(f"/label-templates/{name}/versions/1/preview")
        assert seen["svg"], name
    tested = await manager.post("/label-templates/tube/versions/1/test", {"start": 84, "code": made.tubes[0]})
    assert tested.headers["content-type"] == "application/pdf"
    found, words = read(tested.content)
    assert (found, "SER 500 uL" in words) == (["TESTTESTNR"], True)
    zpl = await manager.post("/label-templates/tube/versions/1/test", {"stock": "roll-38x25-300", "format": "zpl"})
    assert zpl.content.startswith(b"^XA")
    for body in ({"format": "zpl"}, {"start": 85}, {"stock": "none"}, {"stock": "l4731", "code": "T1"}):
        assert (await manager.post("/label-templates/tube/versions/1/test", body)).status_code == 422, body
    refused = await manager.post("/label-templates/shipment/versions/1/test", {"stock": "cap-dot-203"})
    assert refused.status_code == 422
    small = await manager.see("/label-templates/shipment/versions/1/preview", stock="cap-dot-203")
    assert (small["svg"], small["findings"][0]["severity"]) == (None, "error")
    assert (await manager.get("/label-templates/tube/versions/99999999999/preview")).status_code == 404


async def test_versions_are_compared_and_go_out_and_come_in_as_files(api):
    def change(content):
        by_tokens(content)
        content["title"] = "Our tube"
        content["elements"].append({"type": "line", "start": [0, 12], "end": [32, 12], "thickness": 0.2})

    await published(api)
    manager = api("manager")
    draft = await manager.ok("/label-templates/lls-tube/draft", {})
    content = copy.deepcopy(draft["content"])
    change(content)
    save = {"row_version": draft["head"]["row_version"], "content": content, "stock": "l7651"}
    await manager.ok("/label-templates/lls-tube/draft/content", save)
    compared = await manager.see("/label-templates/lls-tube/comparison")
    assert [(one["kind"], one["place"], one["field"]) for one in compared["differences"]] == [
        ("changed", "label", "title"),
        ("changed", "elements[2]", "text"),
        ("added", "elements[3]", None),
    ]
    back = await manager.see("/label-templates/lls-tube/comparison", **{"from": 2, "to": 1})
    assert back["differences"][-1]["kind"] == "removed"
    out = await manager.get("/label-templates/lls-tube/versions/2/file")
    assert 'filename="lls-tube-2.json"' in out.headers["content-disposition"]
    body = {"name": "lls-copy", "kind": "tube", "study": "LLS", "content": json.loads(out.content)}
    copied = await manager.ok("/label-templates", body)
    assert {**copied["content"], "name": "lls-tube"} == (await manager.see("/label-templates/lls-tube/versions/2"))[
        "content"
    ]
    assert copied["head"]["stock"] == TUBES


async def test_a_picture_is_printed(api):
    png = base64.b64encode(picture()).decode()

    def change(content):
        content["elements"].append({"type": "image", "x": 28, "y": 1, "width": 4, "height": 3, "png": png})

    await published(api, change=change)
    tested = await api("manager").post("/label-templates/lls-tube/versions/1/test", {})
    assert tested.content.startswith(b"%PDF")


def picture(size=(8, 8)):
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.new("L", size, 128).save(buffer, "PNG")
    return buffer.getvalue()


async def test_what_was_published_never_changes_even_from_sql(api, database, world, superuser):
    await published(api)
    await make_material(database, world, tubes=1)
    for statement in (
        "update label_template_version set content = content || '{\"title\": \"x\"}' where template = 'lls-tube'",
        "update label_template_version set status = 'draft', published_at = null where template = 'lls-tube'",
        "delete from label_template_version where template = 'lls-tube'",
        "update label_template set name = 'other' where name = 'lls-tube'",
        "update label_template set kind = 'box' where name = 'lls-tube'",
        "delete from label_template where name = 'lls-tube'",
        "truncate label_template_version cascade",
        """insert into label_template_version (template, number, stock, content, status, published_at)
           values ('lls-tube', 9, 'x', '{"name": "lls-tube"}', 'published', now())""",
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await superuser.execute(statement)
        assert refused.value.constraint_name == "ck_label_template_version_final", statement
    await api("manager").ok("/label-templates/lls-tube/draft", {})
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute(
            "insert into label_print (identifier_id, copy_no, reason, template, template_version, stock, printed_by) "
            "select id, 9, 'reprint_lost', 'lls-tube', 2, 'x', 1 from identifier where specimen_id is not null"
        )
    assert refused.value.constraint_name == "ck_label_print_of_a_published_template"


async def test_a_test_label_goes_to_a_printer_with_made_up_data(api, database, world, superuser):
    await make_material(database, world, tubes=1)
    await drafted(api)
    manager = api("manager")
    address = {"kind": "pull", "host": "127.0.0.1", "port": 9100, "stock": "roll-32x13-203"}
    await manager.ok("/printers", {"site": "LAB", "name": "ZD-1", **address})
    path, key = "/label-templates/lls-tube/versions/1/test-jobs", str(uuid4())
    first = await manager.post(path, {"printer": "LAB/ZD-1"}, key=key)
    again = await manager.post(path, {"printer": "LAB/ZD-1"}, key=key)
    assert (first.status_code, first.json()["number"]) == (201, again.json()["number"])
    assert [label["code"] for label in first.json()["labels"]] == ["TESTTESTNR"]
    assert await superuser.fetchval("select count(*) from label_print") == 0
    for printer, status in (("LAB/NONE", 404), ("ZD-1", 422), ("", 422)):
        assert (await manager.post(path, {"printer": printer})).status_code == status, printer
