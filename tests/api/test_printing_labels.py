"""Labels: what is printed is recorded, further copies say why, and the printed symbols read back as the codes."""

import asyncio
from uuid import uuid4

import pypdfium2
import zxingcpp

from biobank import ids
from biobank.identifier.command_codes import COMMANDS
from tests.material import make_material
from tests.shelves import box, freezer, rack
from tests.shipping import draft

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


async def one_of_each(api):
    """By kind of label: the code of a thing that has one."""
    cold = await freezer(api)
    shelf = await rack(api, cold)
    parcel = await draft(api("clerk"))
    (package,) = (await api("clerk").see(f"/shipments/{parcel}"))["packages"]
    labels = {"study": "LLS", "count": 16, "per_kit": 8, "purpose": "Baseline kits", "site": "LAB"}
    made = await api("manager").ok("/label-ranges", labels)
    kits = [kit["code"] for kit in made["kits"]]
    return {
        "freezer": cold,
        "rack": shelf,
        "box": await box(api, shelf),
        "shipment": parcel,
        "package": package["code"],
        "kit": kits[1],
        "command": COMMANDS[1].code,
    }


async def ordered_by_rule(api, codes):
    """A job of all of them at the printer that the rules of the laboratory choose."""
    clerk = api("clerk")
    sheets = {"site": "LAB", "name": "SHEETS", "kind": "download", "dpi": 600, "stock": WIDE}
    await api("manager").ok("/printers", sheets)
    body = {"codes": list(codes.values()), "reason": "damaged"}
    assert kind(await clerk.post("/labels/orders", body)) == (409, "no-printer-chosen")
    rules = [{"printer": "SHEETS", "label_kind": one} for one in ("box", "rack", "place", "shipment", "kit", "command")]
    await api("manager").ok("/printer-rules", {"site": "LAB", "rules": rules, "seen": 0})
    far = {"site": "CHI", "name": "FAR", "kind": "download", "dpi": 600, "stock": WIDE}
    await api("manager").ok("/printers", far)
    await api("manager").ok("/printer-rules", {"site": "CHI", "rules": [{"printer": "FAR"}], "seen": 0})
    assert kind(await clerk.post("/labels/orders", body)) == (409, "no-printer-chosen"), "the clerk works at all sites"
    return await api("clerk_lab").ok("/labels/orders", body)


async def scanned_after_sticking(api, codes):
    tech = api("technician")
    for outer, inner in (
        (codes["freezer"], codes["rack"]),
        (codes["rack"], codes["box"]),
        (codes["freezer"], codes["freezer"]),
        (codes["kit"], codes["kit"]),
        (codes["shipment"], codes["package"]),
    ):
        done = await tech.ok("/labels/applied", {"parent": outer, "code": ids.grouped(inner)})
        assert (done["verdict"], done["left"]) == ("ok", []), inner
    assert (await tech.ok("/labels/applied", {"parent": codes["rack"], "code": codes["box"]}))["verdict"] == "duplicate"
    for outer, inner, words in (
        (codes["freezer"], codes["box"], "It stands in"),
        (codes["rack"], codes["freezer"], "Scan it twice"),
    ):
        wrong = await tech.post("/labels/applied", {"parent": outer, "code": inner})
        assert (*kind(wrong), words in wrong.text) == (409, "wrong-parent", True)
    assert kind(await tech.post("/labels/applied", {"parent": codes["command"], "code": codes["command"]})) == (
        409,
        "label-not-printed",
    )
    there = await tech.ok("/labels/applied", {"parent": codes["shipment"], "code": codes["shipment"]})
    assert there["verified"] == 1


async def test_every_kind_of_label_is_printed_queued_found_and_verified(api, browser):
    codes = await one_of_each(api)
    tech, clerk = api("technician"), api("clerk")
    printed = await clerk.post("/labels", {"codes": list(codes.values()), "stock": WIDE})
    found, words = symbols(printed.content)
    # A kit carries its code twice, as Data Matrix and as bars.
    assert sorted(found) == sorted([*codes.values(), codes["kit"]])
    for said in (
        "Package 1/1",
        "Shipment, 1 package",
        "To Toronto clinic",
        "Dry ice, ",
        "UN 3373 Biological substance",
    ):
        assert said in words, words
    assert "kit 2/2, range" in words
    assert "labels 9 to 16" in words
    assert "Confirm" in words
    again = {"codes": [codes["kit"], codes["command"]], "stock": WIDE}
    assert kind(await clerk.post("/labels", again)) == (409, "reprint-needs-reason")
    assert (await clerk.post("/labels", {**again, "codes": [codes["command"]]})).status_code == 201, "not counted"

    job = await ordered_by_rule(api, codes)
    file = await clerk.post(f"/print-jobs/{job['number']}/file")
    found, words = symbols(file.content)
    assert set(found) == set(codes.values())
    assert "Package 1/1 R2" in words
    assert "Confirm R" not in words
    again = await clerk.ok(f"/print-jobs/{job['number']}/again", {"reason": "lost"})
    assert [label["copy_no"] for label in again["labels"]] == [3] * 6 + [1]

    await scanned_after_sticking(api, codes)
    await clerk.post("/labels", {"codes": [codes["box"]], "stock": WIDE, "reason": "damaged"})
    (waits,) = (await tech.see("/labels/unverified"))["rows"]
    assert (waits["code"], waits["place"], waits["tube"], waits["site"]) == (codes["box"], "Box 12", None, "LAB")
    assert (await api("technician_chi").see("/labels/unverified"))["rows"] == []
    page = await browser("technician")
    assert "Box 12" in (await page.get("/labels/unverified")).text
    # What was printed of a kit and a package waits too, until it is scanned.
    parcels = {"codes": [codes["kit"], codes["package"], codes["shipment"]], "stock": WIDE, "reason": "damaged"}
    assert (await clerk.post("/labels", parcels)).status_code == 201
    rows = (await clerk.see("/labels/unverified", user="clerk"))["rows"]
    assert {row["code"]: row["place"] for row in rows} == {
        codes["box"]: "Box 12",
        codes["kit"]: "Kit 2",
        codes["package"]: "Package 1",
        codes["shipment"]: f"Shipment {codes['shipment']}",
    }
    assert {row["href"].rpartition("/")[0] for row in rows} == {"/storage", "/label-ranges", "/shipments"}
    for parent, code in ((codes["kit"],) * 2, (codes["shipment"],) * 2, (codes["shipment"], codes["package"])):
        await clerk.ok("/labels/applied", {"parent": parent, "code": code})
    assert "0 of 1 scanned" in (await page.get(f"/labels/verify?parent={codes['rack']}")).text
    checked = await page.post("/labels/verify", {"parent": codes["rack"], "code": codes["box"]})
    assert checked.status_code == 303
    assert "Every label was scanned" in (await page.get("/labels/unverified")).text
    found = await page.get(f"/find?q={codes['kit']}")
    assert found.headers["location"].startswith("/label-ranges/")
    assert (await tech.see(f"/scan/{codes['kit']}"))["href"] == found.headers["location"]
    assert ids.grouped(codes["kit"]) in (await page.get(found.headers["location"])).text
    assert f"{codes['package']}</textarea>" in (await page.get(f"/labels?codes={codes['package']}")).text
    for name in ("shipment", "kit", "badge"):
        preview = await api("manager").see(f"/label-templates/{name}/versions/1/preview")
        assert (preview["code"] is not None, preview["findings"]) == (True, []), name
    assert kind(await api("technician_chi").post("/labels", {"codes": [codes["kit"]], "stock": WIDE})) == (
        404,
        "not-found",
    )
    tor = await api("clerk_chi").post("/labels", {"codes": [codes["package"]], "stock": WIDE})
    assert kind(tor) == (404, "not-found")
    uneven = await api("manager").post(
        "/label-ranges", {"study": "LLS", "count": 15, "per_kit": 8, "purpose": "Baseline kits"}
    )
    assert (uneven.status_code, "mint 8 or 16" in uneven.text) == (422, True)


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
