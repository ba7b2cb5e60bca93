"""Labels: what is printed is recorded, further copies say why, and the printed symbols read back as the codes."""

import asyncio
from uuid import uuid4

import pypdfium2
import zxingcpp

from biobank import ids
from tests.material import make_material
from tests.shelves import box, freezer, rack

TUBES = "cryo-letter-85"
WIDE = "l7163"


def symbols(pdf):
    """The codes of every symbol on every page, and the text."""
    document = pypdfium2.PdfDocument(pdf)
    found, words = [], ""
    try:
        for page in document:
            image = page.render(scale=6).to_pil()
            found += [symbol.text for symbol in zxingcpp.read_barcodes(image)]
            text = page.get_textpage()
            words += text.get_text_range()
            text.close()
    finally:
        document.close()
    return found, words


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def test_printed_labels_read_back_as_the_codes(api, database, world, superuser):
    made = await make_material(database, world, tubes=3)
    response = await api("technician").post("/labels", {"codes": list(made.tubes), "stock": TUBES, "start": 4})
    assert (response.status_code, response.headers["content-type"]) == (201, "application/pdf")
    found, words = symbols(response.content)
    assert sorted(found) == sorted(made.tubes)
    assert "SER 500 uL" in words
    assert ids.grouped(made.participant) in words
    assert "BASE 3/3" in words
    rows = await superuser.fetch("select copy_no, reason, template, stock, verified_at from label_print")
    assert [tuple(row) for row in rows] == [(1, "first", "tube", TUBES, None)] * 3


async def test_labels_of_places_say_their_name_and_way(api):
    cold = await freezer(api)
    shelf = await rack(api, cold)
    codes = [cold, shelf, await box(api, shelf)]
    response = await api("technician").post("/labels", {"codes": codes, "stock": WIDE})
    found, words = symbols(response.content)
    assert sorted(found) == sorted(codes)
    assert "Box 12" in words
    assert "Freezer 3 / Rack B" in words


async def test_a_replay_draws_the_same_sheet_and_counts_no_copy(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    key, body = str(uuid4()), {"codes": [made.tubes[0]], "stock": TUBES}
    tech = api("technician")
    first, again = await tech.post("/labels", body, key=key), await tech.post("/labels", body, key=key)
    assert first.content == again.content
    assert await superuser.fetchval("select count(*) from label_print") == 1


async def test_a_further_copy_needs_a_reason_and_says_that_it_is_one(api, database, world, superuser):
    made = await make_material(database, world, tubes=2)
    tech, (one, two) = api("technician"), made.tubes
    await tech.post("/labels", {"codes": [one], "stock": TUBES})
    refused = await tech.post("/labels", {"codes": [one, two], "stock": TUBES})
    assert (kind(refused), refused.json()["codes"]) == ((409, "reprint-needs-reason"), [one])
    assert await superuser.fetchval("select count(*) from label_print") == 1
    done = await tech.post("/labels", {"codes": [one, two], "stock": TUBES, "reason": "damaged"})
    assert "R2" in symbols(done.content)[1]
    rows = await superuser.fetch("select copy_no, reason from label_print order by id")
    assert [tuple(row) for row in rows] == [(1, "first"), (2, "reprint_damaged"), (1, "first")]


async def test_two_printers_of_one_label_are_told_apart(api, database, world):
    made = await make_material(database, world, tubes=1)
    body = {"codes": list(made.tubes), "stock": TUBES}
    answers = await asyncio.gather(*(api(user).post("/labels", body) for user in ("technician", "technician2")))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_what_cannot_be_printed_is_refused_and_leaves_no_row(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    tech, tube = api("technician"), made.tubes[0]
    cold = await freezer(api)
    unknown = ids.mint(ids.Kind.TUBE)
    missing = await tech.post("/labels", {"codes": [tube, unknown], "stock": TUBES})
    assert (kind(missing), missing.json()["codes"]) == ((404, "not-found"), [unknown])
    assert kind(await api("stranger").post("/labels", {"codes": [tube], "stock": TUBES})) == (404, "not-found")
    assert kind(await api("technician_chi").post("/labels", {"codes": [cold], "stock": WIDE})) == (404, "not-found")
    assert kind(await tech.post("/labels", {"codes": [tube] * 10_001, "stock": TUBES})) == (413, "too-large")
    for body in (
        {"codes": [], "stock": TUBES},
        {"codes": [tube, tube.lower()], "stock": TUBES},
        {"codes": [tube], "stock": "none"},
        {"codes": [tube], "stock": TUBES, "template": "none"},
        {"codes": [tube], "stock": TUBES, "start": 85},
        {"codes": [cold], "stock": "l4731"},
        {"codes": [made.participant], "stock": TUBES},
        {"codes": ["T12"], "stock": TUBES},
    ):
        assert (await tech.post("/labels", body)).status_code == 422, body
    assert await superuser.fetchval("select count(*) from label_print") == 0


async def test_scanning_the_applied_label_verifies_it_once(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    tech, code = api("technician"), made.tubes[0]
    assert kind(await tech.post("/labels/verifications", {"code": code})) == (409, "label-not-printed")
    await tech.post("/labels", {"codes": [code], "stock": TUBES})
    first = await tech.ok("/labels/verifications", {"code": ids.grouped(code)})
    again = await api("technician2").ok("/labels/verifications", {"code": code})
    assert (first["copy_no"], again) == (1, first)
    assert await superuser.fetchval("select count(*) from audit_entry where name = 'label.verified'") == 1


async def test_the_page_prints_what_it_was_given(browser, database, world):
    made = await make_material(database, world, tubes=2)
    tech = await browser("technician")
    shown = await tech.get(f"/labels?codes={','.join(made.tubes)}")
    assert made.tubes[1] in shown.text
    form = {"codes": "\r\n".join(made.tubes), "stock": TUBES, "start": "", "reason": ""}
    printed = await tech.post("/labels", form)
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    again = await tech.post("/labels", form)
    assert again.status_code == 409
    assert "damaged or lost" in again.text
    assert made.tubes[0] in again.text
