"""Pre-printed labels: minted, printed, issued, received, used once or voided; every other label is refused in words."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pypdfium2
import zxingcpp
from sqlalchemy import select

from biobank import ids
from biobank.labelling.models import RangeLabel
from labels import TEMPLATES
from tests.benches import Gun
from tests.material import make_material
from tests.printing_steps import add_printer

LASER = "cryo-letter-85"


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def minted(api, count=4, user="manager", **more):
    return await api(user).ok(
        "/label-ranges", {"study": "LLS", "count": count, "purpose": "Kits of the baseline", **more}
    )


def codes(view):
    return [label["code"] for label in view["labels"]]


def drawn(label=None, **more):
    return {"specimen_type": "BLD", "tube_type": "SST", "quantity": "8500", "label": label, **more}


async def collect(api, made, labels, user="coordinator", **more):
    return await api(user).post(
        f"/participants/{made.participant}/collections",
        {"visit": "BASE", "collected_at": made_at(), "tubes": [drawn(label) for label in labels], **more},
    )


def made_at():
    return (datetime.now(UTC) - timedelta(days=40) + timedelta(hours=1)).isoformat()


async def tubes_have_a_template_of_their_own(api, number):
    """The study's standard says of a tube what a blank label cannot know."""
    manager, content = api("manager"), TEMPLATES["tube"].to_data()
    content["elements"][2]["text"] = "{visit} {number}/{of} {participant}"
    draft = await manager.ok(
        "/label-templates", {"name": "of-a-tube", "kind": "tube", "study": "LLS", "content": content}
    )
    await manager.ok("/label-templates/of-a-tube/draft/published", {"row_version": draft["head"]["row_version"]})
    await manager.ok("/label-templates/of-a-tube/standard", {})
    blank = await api("clerk").post(f"/label-ranges/{number}/prints", {"stock": LASER})
    assert (blank.status_code, "prints {participant}, {visit}" in blank.text) == (422, True)


async def test_a_range_is_minted_printed_issued_received_used_and_voided(api, database, world, superuser):
    view = await minted(api)
    number, labels = view["number"], codes(view)
    assert (view["state"], view["left"], len(set(labels)), view["site"]) == ("minted", 4, 4, None)
    made = await make_material(database, world, tubes=1)
    assert kind(await collect(api, made, labels[:1])) == (409, "label-not-issued")
    assert kind(await api("coordinator").get(f"/label-ranges/{number}")) == (404, "not-found")
    await tubes_have_a_template_of_their_own(api, number)
    printed = await api("clerk").post(f"/label-ranges/{number}/prints", {"stock": LASER, "template": "tube"})
    found = [
        one.text for one in zxingcpp.read_barcodes(pypdfium2.PdfDocument(printed.content)[0].render(scale=6).to_pil())
    ]
    assert sorted(found) == sorted(labels)
    again = await api("clerk").post(f"/label-ranges/{number}/prints", {"stock": LASER})
    assert kind(again) == (409, "reprint-needs-reason")
    assert kind(await api("coordinator").post(f"/label-ranges/{number}/issue", {"site": "CHI"}))[0] == 403
    issued = await api("clerk").ok(f"/label-ranges/{number}/issue", {"site": "CHI", "warn_below": 3})
    assert (issued["state"], issued["site"]) == ("issued", "CHI")
    assert kind(await api("clerk").post(f"/label-ranges/{number}/issue", {"site": "TOR"})) == (409, "label-range-state")
    other = codes(await minted(api, 1))[0]
    assert (await api("coordinator").post(f"/label-ranges/{number}/receipt", {"label": other})).status_code == 422
    there = await api("coordinator").ok(f"/label-ranges/{number}/receipt", {"label": labels[2].lower()})
    assert there["state"] == "received"
    twice = await api("coordinator").post(f"/label-ranges/{number}/receipt", {"label": labels[2]})
    assert kind(twice) == (409, "label-range-state")
    done = (await collect(api, made, [ids.grouped(labels[0]), None])).json()
    tubes = {row["code"] for row in done["specimens"]}
    assert labels[0] in tubes
    assert len(tubes) == 2
    row = await superuser.fetchrow(
        "select p.copy_no, p.verified_at is not null as verified from label_print p "
        "join identifier i on i.id = p.identifier_id where i.value = $1",
        labels[0],
    )
    assert tuple(row) == (1, True)
    stock = await api("coordinator").get("/label-ranges/stocks")
    assert [(one["site"], one["left"], one["low"]) for one in stock.json()] == [("CHI", 3, False)]
    named = await api("clerk").ok(f"/label-ranges/{number}/voids", {"labels": [labels[1]], "reason": "torn"})
    assert (named["voided"], named["left"]) == (1, 2)
    stock = (await api("coordinator").get("/label-ranges/stocks")).json()
    assert [(one["left"], one["low"]) for one in stock] == [(2, True)]
    assert "sites low on labels" in str((await api("coordinator").get("/home")).json())
    rest = await api("clerk").ok(f"/label-ranges/{number}/voids", {"reason": "the study is over"})
    assert (rest["applied"], rest["voided"], rest["left"]) == (1, 3, 0)
    states = {label["code"]: label["state"] for label in rest["labels"]}
    assert [states[code] for code in labels] == ["applied", "voided", "voided", "voided"]
    for body in (
        {"reason": "once more"},
        {"labels": [labels[1]], "reason": "again"},
        {"labels": [labels[0]], "reason": "again"},
    ):
        assert (await api("clerk").post(f"/label-ranges/{number}/voids", body)).status_code == 409
    assert (
        await api("clerk").post(f"/label-ranges/{number}/voids", {"labels": [other], "reason": "other"})
    ).status_code == 422
    nothing = await api("clerk").post(f"/label-ranges/{number}/prints", {"stock": LASER})
    assert kind(nothing) == (409, "label-range-state")
    listed = (await api("coordinator").get("/label-ranges", site="CHI", study="LLS")).json()["rows"]
    assert [row["number"] for row in listed] == [number]


async def test_a_label_that_is_not_to_be_used_is_refused_where_it_is_scanned(api, database, world):
    here = await minted(api, 3, site="CHI")
    there = await minted(api, 1, site="TOR")
    never = await minted(api, 1)
    good, spoiled, spare = codes(here)
    await api("manager").ok(f"/label-ranges/{here['number']}/voids", {"labels": [spoiled], "reason": "torn"})
    made = await make_material(database, world, tubes=1)
    assert (await collect(api, made, [good])).status_code == 201
    refusals = {
        good: "label-applied",
        made.tubes[0]: "label-applied",
        spoiled: "label-voided",
        codes(there)[0]: "label-of-another-site",
        codes(never)[0]: "label-not-issued",
        ids.mint(ids.Kind.TUBE): "label-unknown",
    }
    for label, problem in refusals.items():
        assert kind(await collect(api, made, [label])) == (409, problem)
        assert kind(await collect(api, made, [spare, label])) == (409, problem)  # all or nothing
    for wrong in (ids.mint(ids.Kind.BOX), "T12", ids.mint(ids.Kind.TUBE)[:-1] + "0"):
        assert (await collect(api, made, [wrong])).status_code == 422
    assert (await collect(api, made, [spare, spare])).status_code == 422
    coordinator = api("coordinator")
    for label, word in ((spare, "on no tube yet"), (spoiled, "is void"), (codes(there)[0], "another site")):
        answer = await coordinator.ok("/scan", {"text": label, "mode": "find"})
        assert (answer["verdict"], word in answer["message"]) == ("stop", True), answer
    gun = Gun(api("technician_chi"), "intake")
    assert (await gun.scan(spare))["title"] == "This label is on no tube yet"
    assert (await gun.scan(codes(there)[0]))["title"] == "This label was issued to another site"
    unknown = await coordinator.ok("/scan", {"text": codes(await minted_elsewhere(api))[0]})
    assert unknown["title"] == "Unknown code"  # of a study out of reach nothing is said
    assert (await collect(api, made, [spare])).status_code == 201


async def minted_elsewhere(api):
    return await api("stranger").ok("/label-ranges", {"study": "OTH", "count": 1, "purpose": "Kits"})


async def test_who_issues_labels_at_one_site_names_it(api, database, world):
    asked = {"study": "LLS", "count": 2, "purpose": "Kits"}
    assert kind(await api("clerk_chi").post("/label-ranges", asked)) == (403, "forbidden")
    assert kind(await api("clerk_chi").post("/label-ranges", {**asked, "site": "TOR"})) == (404, "not-found")
    mine = await api("clerk_chi").ok("/label-ranges", {**asked, "site": "CHI"})
    assert mine["state"] == "issued"
    assert kind(await api("coordinator_tor").get(f"/label-ranges/{mine['number']}")) == (404, "not-found")
    for bad in ({"count": 0}, {"count": 5001}, {"purpose": ""}, {"purpose": "x" * 81}, {"warn_below": -1}):
        assert (await api("manager").post("/label-ranges", {**asked, **bad})).status_code == 422
    first = await api("clerk_chi").post(f"/label-ranges/{mine['number']}/prints", {"stock": "none"})
    assert first.status_code == 422


async def test_a_second_printing_says_why_and_its_labels_are_copies(api, database, world, superuser):
    view = await minted(api, 2, site="CHI")
    path, key = f"/label-ranges/{view['number']}/prints", str(uuid4())
    clerk = api("clerk")
    first, replay = [await clerk.post(path, {"stock": LASER}, key=key) for _ in range(2)]
    assert first.content == replay.content
    second = await clerk.post(path, {"stock": LASER, "reason": "lost"})
    text = pypdfium2.PdfDocument(second.content)[0].get_textpage().get_text_range()
    assert "LLS CHI R2" in text
    made = await make_material(database, world, tubes=1)
    assert (await collect(api, made, codes(view)[:1])).status_code == 201
    rows = await superuser.fetch("select copy_no, verified_at is not null as scanned from label_print order by copy_no")
    assert [tuple(row) for row in rows] == [(1, False), (2, True)]


async def test_a_range_is_queued_at_a_printer_and_printed_again_with_its_range_alone(api, database, world, browser):
    view = await minted(api, 2, site="LAB")
    path, key = f"/label-ranges/{view['number']}", await add_printer(api, 1)
    job = await api("clerk").ok(f"{path}/orders", {"printer": key})
    assert (job["status"], [label["code"] for label in job["labels"]]) == ("queued", codes(view))
    assert kind(await api("clerk").post(f"{path}/orders", {"printer": key})) == (409, "reprint-needs-reason")
    await api("clerk").ok(f"/print-jobs/{job['number']}/cancel", {"reason": "another roll"})
    again = await api("clerk").post(f"/print-jobs/{job['number']}/again", {"reason": "not_printed"})
    assert kind(again) == (409, "label-range-state")
    clerk = await browser("clerk")
    assert key in (await clerk.get(path)).text
    done = await clerk.post(f"{path}/prints", {"printer": key, "reason": "not_printed", "stock": LASER})
    assert (done.status_code, "/print-jobs/" in done.headers["location"]) == (303, True)


async def test_vials_take_the_labels_that_are_on_them(api, database, world):
    made = await make_material(database, world, tubes=1, at="CHI", holder="technician_chi")
    labels = codes(await minted(api, 3, site="CHI"))
    body = {
        "specimen_type": "SER", "tube_type": "CRYO05", "started_at": made_at(), "quantities": ["100", "50"],
    }  # fmt: skip
    path = f"/specimens/{made.tubes[0]}/aliquots"
    assert (await api("technician_chi").post(path, {**body, "labels": labels})).status_code == 422
    done = await api("technician_chi").ok(path, {**body, "labels": labels[:1]})
    vials = {row["code"]: row["quantity"] for row in done["made"]}
    assert vials[labels[0]] == "100"
    assert len(vials) == 2


async def test_the_pages_lead_from_minting_to_the_last_label(browser, database, world):
    clerk = await browser("clerk")
    shown = await clerk.get("/label-ranges")
    assert "Mint a range" in shown.text
    made = await clerk.post(
        "/label-ranges", {"place": "LLS", "count": "3", "purpose": "Kits of the baseline", "warn_below": "5"}
    )
    assert made.status_code == 303
    page = made.headers["location"]
    assert (await clerk.post("/label-ranges", {"place": "LLS", "count": "0", "purpose": "x"})).status_code == 422
    printed = await clerk.post(f"{page}/prints", {"stock": LASER, "start": "0"})
    assert printed.headers["content-type"] == "application/pdf"
    assert (await clerk.post(f"{page}/issue", {"site": "CHI", "warn_below": "5"})).status_code == 303
    assert (await clerk.post(f"{page}/issue", {"site": "CHI", "warn_below": "5"})).status_code == 409
    coordinator = await browser("coordinator")
    shown = await coordinator.get(page)
    assert "It arrived" in shown.text
    assert "Void labels" not in shown.text
    assert (await coordinator.post(f"{page}/receipt", {"label": ids.mint(ids.Kind.TUBE)})).status_code == 422
    label = await _first(database)
    assert (await coordinator.post(f"{page}/receipt", {"label": label})).status_code == 303
    assert "low: fewer than 5" in (await coordinator.get("/label-ranges")).text
    assert "sites low on labels" in (await coordinator.get("/")).text
    await collected_on_the_page(coordinator, (await make_material(database, world, tubes=1)).participant, label)
    label = await _first(database, 2)
    assert (await clerk.post(f"{page}/voids", {"reason": "torn"})).status_code == 422
    assert (await clerk.post(f"{page}/voids", {"labels": label, "which": "all", "reason": "torn"})).status_code == 422
    assert (await clerk.post(f"{page}/voids", {"labels": label, "reason": "torn"})).status_code == 303
    assert (await clerk.post(f"{page}/voids", {"which": "all", "reason": "over"})).status_code == 303
    assert (await clerk.post(f"{page}/prints", {"stock": LASER})).status_code == 409


async def collected_on_the_page(page, participant, label):
    """A tube that has its label is registered with it, once."""
    path = f"/participants/{participant}/collect"
    form = (await page.get(path)).text
    assert "Pre-printed label of tube 1" in form
    when = re.search(r'name="collected_at"[^>]* value="([^"]+)"', form)[1]
    row = {"specimen_type": "BLD", "tube_type": "SST", "quantity": "8500", "label": label}
    body = {f"tubes.0.{name}": text for name, text in row.items()} | {"visit": "BASE/1", "collected_at": when}
    made = await page.post(path, body)
    assert made.headers["location"] == f"/specimens/made?codes={label}", made.text
    again = await page.post(path, body)
    assert (again.status_code, "is on a tube already" in again.text, label in again.text) == (409, True, True)


async def _first(database, position=1):
    async with database.engine.connect() as connection:
        query = select(RangeLabel.code).where(RangeLabel.position == position)
        return (await connection.execute(query)).scalars().first()
