"""A label on two tubes, a label that is replaced, and labels scanned after they were stuck on."""

from datetime import UTC, datetime, timedelta

from biobank import ids
from tests.bench import imported, plan, plate_map, plated, released, upload, xponent
from tests.material import make_material
from tests.printing_steps import settling
from tests.shelves import box, freezer, rack
from tests.shipping import draft
from tests.withdrawing import signature

LASER = "cryo-letter-85"


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def boxed(api):
    shelf = await rack(api, await freezer(api))
    return await box(api, shelf), await box(api, shelf, name="Box 13")


async def reprinted(api, database, world):
    """A tube whose label was printed twice, stored in a box; and another box."""
    first, second = await boxed(api)
    made = await make_material(database, world, tubes=1)
    tech = api("technician")
    await tech.post("/labels", {"codes": list(made.tubes), "stock": LASER})
    await tech.post("/labels", {"codes": list(made.tubes), "stock": LASER, "reason": "lost"})
    await tech.ok("/storage/placements", {"tube": made.tubes[0], "box": first})
    return made.tubes[0], first, second


async def test_18_a_label_printed_twice_on_two_tubes(api, database, world, browser):
    """Scenario 18: both copies are stuck on two tubes, and the second is scanned into storage while the first stands in
    a box: stop. The second gets an id of its own, and the doubt goes with it to storage, assay and results.
    """
    tube, _, other = await reprinted(api, database, world)
    tech = api("technician")
    scan = {"text": tube, "mode": "store", "box": other}
    stop = await tech.ok("/scan", scan)
    assert (stop["verdict"], stop["confirm"]) == ("stop", "first_in_hand")
    assert stop["title"] == "Copy 2 of this label: is the first tube in hand?"
    assert "Box 12 / A1" in stop["message"]
    direct = await tech.post("/storage/placements", {"tube": tube, "box": other, "move": True})
    assert kind(direct) == (409, "label-on-two-tubes")
    still = (await tech.get(f"/scan/{tube}")).json()
    assert still["tube"]["position"] == "A1"

    twin = await tech.ok(f"/specimens/{tube}/duplicates", {"reason": "one in box 12, one in hand"})
    assert twin["code"] != tube
    assert (twin["hold"], twin["participant"], twin["quantity"]) == (
        "identity_doubt",
        still["tube"]["participant"],
        "500",
    )
    stored = await tech.ok("/scan", {"text": twin["code"], "mode": "store", "box": other})
    assert (stored["verdict"], stored["position"]) == ("ok", "A1")
    found = await tech.ok("/scan", {"text": twin["code"]})
    assert (found["verdict"], "identity doubt" in found["message"]) == ("warning", True)
    page = await (await browser("technician")).get(f"/specimens/{twin['code']}")
    assert "identity doubt" in page.text
    picked = await api("scientist").post("/reservations", {"tubes": [twin["code"]], "purpose": "Assay"})
    assert "hold" in picked.text
    assert (
        kind(
            await tech.post(
                f"/specimens/{twin['code']}/identity",
                settling(reason="x" * 9),
            )
        )[0]
        == 403
    )
    wrong = {"outcome": "as_labelled", "reason": "genotyped", "signature": signature(password="wrong")}
    assert kind(await api("manager").post(f"/specimens/{twin['code']}/identity", wrong))[1] == "signature-refused"
    manager = await browser("manager")
    form = {"outcome": "as_labelled", "reason": "genotyped", **signature(password="wrong")}
    shown = await manager.post(f"/specimens/{twin['code']}/identity", form)
    assert ("nothing was signed" in shown.text, 'value="wrong"' in shown.text) == (True, False)
    settled = await api("manager").ok(
        f"/specimens/{twin['code']}/identity",
        settling(),
    )
    assert settled["hold"] is None
    (told,) = await tech.see(f"/specimens/{twin['code']}/identity")
    assert (told["first"], told["outcome"], told["words"]) == (tube, "as_labelled", "genotyped")
    signed = await api("auditor").see(f"/signatures/{told['signature']}")
    assert (signed["intact"], twin["code"] in signed["content"], tube in signed["content"]) == (True, True, True)
    shown = (await (await browser("technician")).get(f"/specimens/{twin['code']}/identity")).text
    assert "settled: as labelled" in shown
    again = await api("manager").post(
        f"/specimens/{twin['code']}/identity", settling(outcome="unknown", reason="genotyped")
    )
    assert kind(again) == (409, "not-in-doubt")


async def test_18_the_doubt_reaches_the_results(api, database, world):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2)
    first, second = bench.material.tubes
    await plated(api, bench, {"A1": first, "B1": second})
    await imported(api, bench, xponent({"A1": first, "B1": second}, ["alpha"]))
    tech = api("technician")
    twin = await tech.ok(f"/specimens/{first}/duplicates", {"reason": "both in one bag", "first_in_doubt": True})
    await released(api, bench)
    asked = {"study": "LLS", "participant": bench.material.participant}
    rows = (await api("scientist").see("/results", **asked))["rows"]
    assert {(row["aliquot"], row["identity_doubt"]) for row in rows} == {(second, False)}  # the first is withheld
    other = await plan(api, database, world, analytes=["alpha"], tubes=1, name="run-2")
    refused = await upload(api, "technician", f"/runs/{other.run}/plate-map", plate_map({"A1": twin["code"]}))
    assert "identity doubt" in refused.text
    await tech.ok(f"/specimens/{second}/duplicates", {"reason": "a second one", "first_in_doubt": True})
    rows = (await api("scientist").see("/results", **asked))["rows"]
    assert {(row["aliquot"], row["identity_doubt"]) for row in rows} == {(second, True)}
    pulled = await api("scientist").ok("/results/pulls", {"study": "LLS", "participants": [bench.material.participant]})
    await api("manager").ok(f"/specimens/{second}/identity", settling())
    again = await api("scientist").client.get(pulled["href"])
    assert (again.status_code, ",t," in again.text) == (200, True)  # as of then
    rows = (await api("scientist").see("/results", **asked))["rows"]
    assert {(row["aliquot"], row["identity_doubt"]) for row in rows} == {(second, False)}


async def test_the_one_tube_is_moved_once_it_is_said_to_be_in_hand(api, database, world, superuser):
    tube, first, other = await reprinted(api, database, world)
    tech = api("technician")
    moved = await tech.ok("/scan", {"text": tube, "mode": "store", "box": other, "first_in_hand": True})
    assert (moved["verdict"], moved["word"]) == ("ok", "Moved")
    fired = await tech.ok("/scan", {"text": tube, "mode": "store", "box": other})
    assert fired["verdict"] == "duplicate"  # the gun sent it twice
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("update custody set since = since - interval '1 hour'")
    later = await tech.ok("/scan", {"text": tube, "mode": "store", "box": other})
    assert (later["verdict"], later["confirm"]) == ("stop", "first_in_hand")
    assert first != other


async def test_where_nobody_knows_which_is_right_both_and_their_vials_are_in_doubt(api, database, world):
    made = await make_material(database, world, tubes=1)
    tech, started = api("technician"), (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    vials = {"specimen_type": "SER", "tube_type": "CRYO05", "started_at": started, "quantities": ["100"]}
    vial = (await tech.ok(f"/specimens/{made.tubes[0]}/aliquots", vials))["made"][0]["code"]
    twin = await tech.ok(
        f"/specimens/{made.tubes[0]}/duplicates",
        {"reason": "both loose in a bag", "first_in_doubt": True, "quantity": "250"},
    )
    holds = [(await tech.get(f"/specimens/{code}")).json()["hold"] for code in (made.tubes[0], vial, twin["code"])]
    assert holds == ["identity_doubt"] * 3
    assert twin["quantity"] == "250"
    of_vial = await tech.ok(f"/specimens/{vial}/duplicates", {"reason": "a third one turned up"})
    assert of_vial["parents"] == [made.tubes[0]]
    gone = await api("manager").ok(f"/specimens/{vial}/identity", settling(outcome="unknown", reason="cannot be told"))
    assert (gone["quality"], gone["hold"]) == ("rejected", "identity_doubt")
    too_much = {"reason": "found in the rack", "quantity": "9000"}
    assert (await tech.post(f"/specimens/{vial}/duplicates", too_much)).status_code == 422
    assert kind(await api("stranger").post(f"/specimens/{vial}/duplicates", {"reason": "a look"})) == (404, "not-found")


async def test_an_empty_tube_found_twice_wants_a_quantity(api, database, world):
    made = await make_material(database, world, tubes=1)
    tech = api("technician")
    await tech.ok(f"/specimens/{made.tubes[0]}/quantity", {"quantity": "0", "reason": "nothing in it"})
    empty = await tech.post(f"/specimens/{made.tubes[0]}/duplicates", {"reason": "found twice"})
    assert (empty.status_code, empty.json()["errors"]) == (422, {"quantity": "is missing"})


async def test_a_withdrawal_meanwhile_keeps_the_hold(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    twin = await api("technician").ok(f"/specimens/{made.tubes[0]}/duplicates", {"reason": "found twice"})
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "create or replace function biobank_is_withdrawn(person bigint) returns boolean "
        "language sql stable as 'select true'"
    )
    done = await api("manager").ok(
        f"/specimens/{twin['code']}/identity",
        settling(),
    )
    assert done["hold"] == "consent_withdrawn"


async def test_a_replaced_label_is_another_code_of_the_same_tube(api, database, world, superuser, browser):
    made = await make_material(database, world, tubes=1)
    tube, tech = made.tubes[0], api("technician")
    before = await superuser.fetchval("select count(*) from specimen")
    done = await tech.ok(f"/specimens/{tube}/labels", {"reason": "damaged"})
    assert done["code"] == tube
    by_status = {one["status"]: one["value"] for one in done["codes"]}
    new = by_status["active"]
    assert by_status == {"damaged": tube, "active": new}
    assert await superuser.fetchval("select count(*) from specimen") == before
    for text in (tube, new):
        assert (await tech.get(f"/specimens/{text}")).json()["code"] == tube
        assert (await tech.get(f"/scan/{text}")).json()["code"] == tube
    old = await tech.ok("/scan", {"text": tube})
    assert (old["verdict"], ids.grouped(new) in old["message"]) == ("warning", True)
    place, _ = await boxed(api)
    stop = await tech.ok("/scan", {"text": tube, "mode": "store", "box": place})
    assert (stop["verdict"], stop["title"]) == ("stop", "This label was replaced")
    stored = await tech.ok("/scan", {"text": new, "mode": "store", "box": place})
    assert (stored["verdict"], stored["code"]) == ("ok", tube)
    assert (await tech.post("/labels", {"codes": [new], "stock": LASER})).status_code == 201
    assert kind(await tech.post("/labels", {"codes": [tube], "stock": LASER})) == (409, "label-replaced")
    label = await api("manager").ok("/label-ranges", {"study": "LLS", "count": 1, "purpose": "Spare", "site": "LAB"})
    third = label["labels"][0]["code"]
    once_more = await tech.ok(f"/specimens/{new}/labels", {"reason": "lost", "label": third})
    assert {one["value"]: one["status"] for one in once_more["codes"]} == {
        tube: "damaged", new: "superseded", third: "active",
    }  # fmt: skip
    made_once = await make_material(database, world, tubes=1)
    one_tube = {"specimens": [new, third], "type": "haemolysis"}
    assert (await tech.post("/deviations", one_tube)).status_code in {404, 422}
    body = {"rows": [{"specimen": third, "quantity": "ph", "text": "7"}]}
    assert tube in str(await tech.ok("/measurements", body))
    shipment = await draft(api("clerk"))
    packed = await api("clerk").ok(f"/shipments/{shipment}/items", {"tubes": [third, made_once.tubes[0]]})
    assert tube in str(packed)
    unpacked = await api("clerk").ok(f"/shipments/{shipment}/unpack", {"tube": new})
    assert unpacked
    page = await (await browser("technician")).get(f"/specimens/{tube}/identity")
    for code in (tube, new, third):
        assert code in page.text
    assert (await tech.post(f"/specimens/{tube}/labels", {"reason": "ugly"})).status_code == 422
    assert kind(await api("stranger").post(f"/specimens/{tube}/labels", {"reason": "lost"})) == (404, "not-found")


async def test_labels_are_scanned_after_sticking_parent_first(api, database, world, browser):
    made = await make_material(database, world, tubes=2)
    tech, started = api("technician"), (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    vials = {"specimen_type": "SER", "tube_type": "CRYO05", "started_at": started, "quantities": ["100", "50"]}
    mine = [row["code"] for row in (await tech.ok(f"/specimens/{made.tubes[0]}/aliquots", vials))["made"]]
    others = [row["code"] for row in (await tech.ok(f"/specimens/{made.tubes[1]}/aliquots", vials))["made"]]
    unprinted = await tech.post("/labels/applied", {"parent": made.tubes[0], "code": mine[0]})
    assert kind(unprinted) == (409, "label-not-printed")
    await tech.post("/labels", {"codes": [*mine, *others], "stock": LASER})
    open_ = (await tech.get("/labels/unverified", user="technician", site="LAB")).json()["rows"]
    assert [row["code"] for row in open_] == [*mine, *others]
    assert "labels of yours to scan" in str((await tech.get("/home")).json())
    wrong = await tech.post("/labels/applied", {"parent": made.tubes[0], "code": others[0]})
    assert kind(wrong) == (409, "wrong-parent")
    assert ids.grouped(made.tubes[1]) in wrong.json()["detail"]
    itself = await tech.post("/labels/applied", {"parent": made.tubes[0], "code": made.tubes[0]})
    assert kind(itself) == (409, "wrong-parent")
    first = await tech.ok("/labels/applied", {"parent": made.tubes[0], "code": mine[0]})
    assert (first["verdict"], first["left"], first["verified"]) == ("ok", [mine[1]], 1)
    again = await tech.ok("/labels/applied", {"parent": made.tubes[0], "code": mine[0]})
    assert again["verdict"] == "duplicate"
    await tech.ok(f"/specimens/{mine[1]}/labels", {"reason": "damaged"})
    replaced = await tech.post("/labels/applied", {"parent": made.tubes[0], "code": mine[1]})
    assert kind(replaced) == (409, "label-replaced")
    of_person = await tech.post("/labels/applied", {"parent": made.participant, "code": mine[0]})
    assert kind(of_person) == (409, "wrong-parent")  # a vial is not what was collected
    await tech.post("/labels", {"codes": [made.tubes[0]], "stock": LASER})
    collected = await tech.ok("/labels/applied", {"parent": made.participant, "code": made.tubes[0]})
    assert collected["verdict"] == "ok"
    for parent in (ids.mint(ids.Kind.BOX), "nonsense"):
        assert (await tech.post("/labels/applied", {"parent": parent, "code": mine[0]})).status_code == 422
    for code in (ids.mint(ids.Kind.TUBE), "nonsense"):
        assert (await tech.post("/labels/applied", {"parent": made.tubes[0], "code": code})).status_code == 404
    left = (await tech.get("/labels/unverified")).json()["rows"]
    assert [row["code"] for row in left] == others
    desk = await browser("technician")
    page = await desk.get("/labels/unverified?user=technician&site=LAB")
    assert others[0] in page.text
    done = await desk.post("/labels/verify", {"parent": made.tubes[1], "code": others[0]})
    assert done.status_code == 303
    assert "Checked" in (await desk.get(done.headers["location"])).text
    stop = await desk.post("/labels/verify", {"parent": made.tubes[1], "code": mine[0]})
    assert (stop.status_code, "Keep it apart" in stop.text) == (409, True)
