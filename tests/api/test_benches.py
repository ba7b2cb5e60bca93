"""The benches over JSON: intake, centrifuge, aliquots, by scan; the acceptance scenarios of a short volume and of a
straggler.
"""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.bench import version
from tests.benches import CONFIRM, NEXT, PRINT, UNDO, Gun, centrifuge
from tests.shipping import DRY_ICE
from tests.visits import ALL, draw, publish, ref, visit
from tests.withdrawing import withdraw


@pytest.fixture(autouse=True)
async def laboratory(database):
    await publish(database)
    await centrifuge(database)


def gun(api, bench, who="technician_chi"):
    return Gun(api(who), bench)


async def taken_in(api, codes):
    for code in codes:
        await api("technician_chi").ok("/intake", {"tube": code})


async def spun(api, codes):
    await taken_in(api, codes)
    bench = gun(api, "spin")
    for text in ("HELD21C", "CF-1", *codes, "CF-1"):
        assert (await bench.scan(text))["verdict"] in {"ok", "warning"}, bench.last
    assert (await bench.word("CF-1", sure=True))[1] == "Stopped", bench.last


# --- intake -----------------------------------------------------------------------------------------------------------


async def test_tubes_are_counted_in_and_the_rest_is_named(api):
    at, other = await visit(api), await visit(api)
    serum, more, plasma, urine = await draw(api, at, *ALL)
    foreign = (await draw(api, other, *ALL))[0]
    waiting = await api("technician_chi").see("/intake")
    assert [(one["taken_in"], one["expected"]) for one in waiting] == [(0, 4), (0, 4)]
    bench = gun(api, "intake")
    answer = await bench.scan(serum)
    assert (answer["verdict"], answer["word"], answer["code"]) == ("ok", "Taken in", serum)
    assert answer["message"] == "1 of 4 taken in; still expected: serum 2 of 2, plasma, urine."
    assert await bench.word(serum) == ("duplicate", "Taken in already")
    assert "of another participant" in await bench.said(foreign)
    await bench.scan(more)
    assert "was taken in on" in await bench.said(serum)
    assert await bench.word(plasma) == ("ok", "Taken in")
    assert await bench.word(urine) == ("ok", "Complete")
    assert await bench.word(foreign) == ("ok", "Taken in")  # a complete visit makes room by itself
    seen = await api("technician_chi").see(f"/intake/{urine}")
    assert (seen["taken_in"], seen["expected"], seen["missing"]) == (4, 4, [])
    assert [row["planned"] for row in seen["rows"]] == ["serum 1 of 2", "serum 2 of 2", "plasma", "urine"]


async def test_what_is_no_tube_of_the_bench_stops_with_words(api, database, world):
    at = await visit(api)
    tubes = await draw(api, at, *ALL)
    bench = gun(api, "intake")
    for text, words in (
        ("", "Nothing was read"),
        ("T234567899", "check character"),
        (at.participant, "is not a tube's id"),
        ("9999999999", "There is no tube with the code"),
        ("DEVNONSENSE", "names no deviation"),
        ("DEVHAEMOLYSIS", "Scan the tube first"),
        (UNDO, "nothing to undo"),
        ("CFNDCFNDC9", "scan station"),
        ("HELD4C", "at the centrifuge or the aliquot bench"),
    ):
        assert words in await bench.said(text), text
    assert (await bench.scan(CONFIRM))["word"] == "Nothing to confirm"
    assert (await bench.scan(PRINT))["command"] == "print"
    stranger = gun(api, "intake", "technician")
    assert "There is no tube" in await stranger.said(tubes[0])
    assert (await api("technician_chi").see("/intake"))[0]["taken_in"] == 0


async def test_a_deviation_is_of_the_tube_scanned_last_and_undo_expects_it_again(api):
    tubes = await draw(api, await visit(api), *ALL)
    bench = gun(api, "intake")
    await bench.scan(tubes[0])
    assert await bench.word("dev-haemolysis") == ("warning", "Deviation")
    assert "already" in await bench.said("DEVHAEMOLYSIS")
    seen = await api("technician_chi").see(f"/intake/{tubes[0]}")
    assert seen["rows"][0]["deviations"] == ["Haemolysis present"]
    assert await bench.word(UNDO) == ("ok", "Undone")
    assert (await api("technician_chi").see(f"/intake/{tubes[0]}"))["taken_in"] == 0
    assert (await bench.scan(NEXT))["word"] == "Put aside"
    response = await api("technician_chi").post("/intake/undo", {"tube": tubes[0]})
    assert (response.status_code, response.json()["type"]) == (409, "/problems/conflict")


async def test_stored_packed_held_and_made_tubes_are_not_taken_in(api, database, superuser):
    at = await visit(api)
    tubes = await draw(api, at, *ALL)
    await spun(api, tubes[:1])
    made = await api("technician_chi").ok(f"/specimens/{tubes[0]}/vials", {"line": 1, "obtained": "500"})
    bench = gun(api, "intake")
    assert "a vial made of one" in await bench.said(made["vials"][0])
    await withdraw(api("coordinator"), at.participant, "destroy")
    assert "on hold (consent withdrawn)" in await bench.said(tubes[1])


async def test_the_same_scan_again_is_the_same_answer(api):
    tubes = await draw(api, await visit(api), *ALL)
    bench, key = gun(api, "intake"), str(uuid4())
    first = await bench.scan(tubes[0], key=key)
    bench.at = {}
    assert await bench.scan(tubes[0], key=key) == first


async def test_17_straggler(api):
    """Scenario 17: the urine of a finished visit turns up a day later; it is taken in under the same visit by being
    scanned, and is at once among what may be shipped, alone.
    """
    at = await visit(api, drawn=timedelta(hours=20))
    tubes = await draw(api, at, *ALL[:3])
    excused = {"tubes": [ref("urine")], "reason": "other", "note": "left at home"}
    day = await api("coordinator").ok(f"{at.path}/not-collected", excused)
    await api("coordinator").ok(f"{at.path}/finish", {"row_version": day["row_version"]})
    await taken_in(api, tubes)
    assert await api("technician_chi").see("/intake") == []
    send = {"study": "LLS", "from_site": "CHI", "to_site": "LAB", "purpose": "Baseline"}
    first = (await api("clerk_chi").ok("/shipments", send))["code"]
    await api("clerk_chi").ok(f"/shipments/{first}/packages", DRY_ICE)
    await api("clerk_chi").ok(f"/shipments/{first}/items", {"package": 1, "tubes": tubes})

    late = {
        "visit": "BASE",
        "collected_at": (at.drawn_at + timedelta(hours=19)).isoformat(),
        "tubes": [{"specimen_type": "URN", "tube_type": "URINE", "quantity": "40", "unit": "mL"}],
    }
    made = await api("coordinator").ok(f"/participants/{at.participant}/collections", late)
    urine = made["specimens"][0]["code"]
    assert [one["first_tube"] for one in await api("technician_chi").see("/intake")] != []
    answer = await gun(api, "intake").scan(urine)
    assert (answer["verdict"], answer["word"]) == ("warning", "Straggler")
    assert "urine was recorded as not collected: this tube supersedes the reason" in answer["message"]

    day = await api("coordinator").see(at.path)
    assert (day["collected"], day["not_collected"], day["open"]) == (4, 0, 0)
    assert day["finished_at"] is not None  # nobody repaired a status
    assert [one["reason"] for one in day["slots"][4]["earlier"]] == ["Other"]
    alone = (await api("clerk_chi").ok("/shipments", send))["code"]
    assert [one["tube"] for one in await api("clerk_chi").see(f"/shipments/{alone}/ready")] == [urine]
    assert (
        await api("clerk_lab").see(f"/shipments/{alone}/ready")
    ) == []  # the receiver does not see the sender's tubes
    in_hand = await api("clerk_chi").see("/specimens", site="CHI", place="holder", existence="exists", limit=200)
    assert [row["code"] for row in in_hand["rows"]] == [urine]
    await api("clerk_chi").ok(f"/shipments/{alone}/packages", DRY_ICE)
    await api("clerk_chi").ok(f"/shipments/{alone}/items", {"package": 1, "tubes": [urine]})


async def test_a_lost_tube_that_is_scanned_is_found(api, superuser):
    tubes = await draw(api, await visit(api), *ALL)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "update custody set terminal = 'lost', holder_id = null from specimen s "
        "where s.id = specimen_id and s.code = $1",
        tubes[0],
    )
    answer = await gun(api, "intake").scan(tubes[0])
    assert (answer["word"], "found again" in answer["message"]) == ("Straggler", True)
    assert (await api("technician_chi").see(f"/specimens/{tubes[0]}"))["existence"] == "exists"


# --- centrifuge -------------------------------------------------------------------------------------------------------


async def test_a_spin_from_centrifuge_to_record(api):
    tubes = await draw(api, await visit(api), *ALL)
    await taken_in(api, tubes)
    sheet = await api("technician_chi").see("/worksheet")
    assert (sheet["groups"][0]["title"], len(sheet["groups"][0]["tasks"])) == ("Spin", 2)
    assert sheet["groups"][0]["settings"] == "1,100 to 1,300 g, 10 to 15 min, 18 to 25 °C, brake on"
    assert sheet["groups"][0]["tasks"][0]["words"].startswith("due soon, 15 min")

    bench = gun(api, "spin")
    assert "Scan the centrifuge first" in await bench.said(tubes[0])
    assert "is no centrifuge but: pipette" in await bench.said("CF-1P")
    assert "type as 4 C" in await bench.said("HELDFOOC")
    assert await bench.word("HELD21C") == ("ok", "Kept at 21 °C")
    assert await bench.word("cf-1") == ("ok", "Centrifuge")
    assert await bench.word(tubes[0]) == ("ok", "Loaded")
    assert await bench.word(tubes[0]) == ("duplicate", "Loaded already")
    assert "is not a tube for this program" in await bench.said(tubes[2])
    assert await bench.word(tubes[1]) == ("ok", "Loaded")
    assert await bench.word(UNDO) == ("ok", "Taken out")
    assert await bench.word(tubes[1]) == ("ok", "Loaded")
    assert await bench.word("CF-1") == ("ok", "Running")
    assert "1200 g, 10 min, 21 °C, brake on" in bench.last["title"]

    running = (await api("technician_chi").see("/worksheet"))["spins"]
    assert [(one["equipment"], len(one["tubes"])) for one in running] == [("CF-1", 2)]
    other = gun(api, "spin", "manager")
    response = await api("manager").post("/spins", {"equipment": "CF-1", "tubes": [tubes[2]]})
    assert (response.status_code, response.json()["type"]) == (409, "/problems/centrifuge-busy")
    assert "still running" in await other.said("CF-1")
    assert (await other.scan(UNDO))["confirm"] == "It never ran"
    assert await bench.word("CF-1", sure=True) == ("warning", "Stopped")
    seen = await api("technician_chi").see(f"/specimens/{tubes[0]}")
    assert [one["type"] for one in seen["processing"]] == ["clot", "centrifuge"]
    assert [one["held_celsius"] for one in seen["processing"]] == [None, "21"]
    assert bench.at["held_celsius"] == "21"  # said once for all that follow
    assert await bench.word("HELDX") == ("ok", "Not known")
    assert bench.at["held_celsius"] is None
    assert "spin_time_short" in str(seen["deviations"])
    assert "spun again" in await bench.said("CF-1") + await bench.said(tubes[0])
    gone = await api("technician_chi").post("/spins/stop", {"equipment": "CF-1"})
    assert gone.json()["type"] == "/problems/nothing-running"


async def test_a_clot_that_is_not_over_asks_and_is_a_deviation(api):
    at = await visit(api, drawn=timedelta(minutes=12))
    (serum,) = await draw(api, at, ref("serum", 1))
    await taken_in(api, [serum])
    bench = gun(api, "spin")
    await bench.scan("CF-1")
    await bench.scan(serum)
    asked = await bench.scan(CONFIRM)
    assert (asked["verdict"], asked["confirm"]) == ("stop", "Spin it now")
    assert "clots for 1" in asked["message"]
    assert (await api("technician_chi").see("/worksheet"))["spins"] == []
    assert await bench.word(CONFIRM, sure=True) == ("ok", "Running")
    await bench.scan("CF-1", sure=True)
    seen = await api("technician_chi").see(f"/specimens/{serum}")
    assert "clotted_under_30_min" in str(seen["deviations"])


async def test_a_start_by_mistake_is_taken_back_and_nothing_is_recorded(api):
    tubes = await draw(api, await visit(api), *ALL)
    bench = gun(api, "spin")
    for text in ("CF-1", tubes[0], "CF-1"):
        await bench.scan(text)
    assert await bench.word(UNDO, sure=True) == ("ok", "Undone")
    assert (await api("technician_chi").see(f"/specimens/{tubes[0]}"))["processing"] == []
    assert (await bench.scan(UNDO))["title"] == "The centrifuge is not running"


async def test_a_withdrawal_while_it_spins_keeps_those_tubes_apart(api):
    at, other = await visit(api), await visit(api)
    mine, theirs = (await draw(api, at, *ALL))[0], (await draw(api, other, *ALL))[0]
    bench = gun(api, "spin")
    for text in ("CF-1", mine, theirs, "CF-1"):
        await bench.scan(text)
    await withdraw(api("coordinator"), at.participant, "no_further_use")
    answer = await bench.scan("CF-1", sure=True)
    assert (answer["verdict"], "keep it apart" in answer["message"]) == ("stop", True)
    assert (await api("manager").see(f"/specimens/{mine}"))["processing"] == []
    assert len((await api("manager").see(f"/specimens/{theirs}"))["processing"]) == 2


# --- aliquots ---------------------------------------------------------------------------------------------------------


async def needs_200(api):
    """An assay that needs 200 uL of serum."""
    rules = {"fitness": [{"specimen_type": "SER", "min_quantity": "200"}]}
    body = {"study": "LLS", "code": "BEADS", "title": "Bead panel", "platform": "Luminex"}
    assert (await api("manager").post("/assays", body | {"version": version(["a"]) | rules})).is_success


async def test_08_short_volume(api):
    """Scenario 8: 8 x 0.5 mL are planned and 3.1 mL obtained: 6 full and 1 partial of 0.1 mL, the ledger balances to
    the yield, and an assay that needs 200 uL neither finds nor picks the partial.
    """
    tubes = await draw(api, await visit(api, granted=("biobank_storage", "future_research")), *ALL)
    await spun(api, tubes[:2])
    serum = tubes[0]
    bench = gun(api, "aliquot")
    assert await bench.word("4 °C") == ("ok", "Kept at 4 °C")
    assert "8 of 8 vials of 500 uL are wanted" in await bench.said(serum)
    preview = await bench.scan("3.1")
    assert preview["message"] == "6 full vials of 500 uL and 1 partial of 100 uL. Confirm to make them."
    assert (await api("technician_chi").see(f"/specimens/{serum}"))["children"] == []
    made = await bench.scan(CONFIRM)
    assert (made["verdict"], made["word"]) == ("ok", "Made")

    here = await api("technician_chi").see(f"/specimens/{serum}/vials")
    vials = [(one["tube"]["quantity"], one["tube"]["is_partial"]) for one in here["vials"]]
    assert vials == [("500", False)] * 6 + [("100", True)]
    assert [one["is_blind_duplicate"] for one in here["vials"]] == [False] * 5 + [True, False]
    seen = await api("technician_chi").see(f"/specimens/{serum}")
    assert [row["delta"] for row in seen["ledger"]] == ["8500", "-3100"]
    assert sum(int(one["tube"]["quantity"]) for one in here["vials"]) == 3100
    assert (here["lines"][0]["made"], here["lines"][0]["count"]) == (7, 8)

    assert (seen["processing"][-1]["held_celsius"], made["at"]["held_celsius"]) == ("4", "4")
    sprec = await api("scientist").see(f"/specimens/{here['vials'][0]['tube']['code']}/sprec")
    assert "held at 21 °C until the centrifuge" in sprec["elements"][2]["words"]
    assert sprec["elements"][2]["code"] != "X"

    partial, codes = here["vials"][-1]["tube"]["code"], [one["tube"]["code"] for one in here["vials"]]
    await needs_200(api)
    found = await api("technician_chi").see("/fitness/tubes", study="LLS", assay="BEADS", site="CHI")
    judged = {one["tube"]["code"]: one["reasons"] for one in found["tubes"]}
    assert {code for code in codes if not judged[code]} == set(codes) - {partial}
    assert judged[partial] == ["holds 100 uL, the assay needs 200"]
    refused = await api("technician_chi").post("/fitness/BEADS/pick-lists", {"study": "LLS", "tubes": codes})
    assert refused.json()["blocked"] == [
        {"tube": partial, "reason": "unfit", "words": "is unfit for BEADS: holds 100 uL, the assay needs 200"}
    ]
    wanted = {"study": "LLS", "tubes": codes, "leave_out": True}
    made = await api("technician_chi").ok("/fitness/BEADS/pick-lists", wanted)
    assert {one["tube"] for one in made["pick_list"]["lines"]} == set(codes) - {partial}
    assert [one["tube"] for one in made["left_out"]] == [partial]
    sheet = await api("technician_chi").post("/labels", {"codes": [partial], "stock": "l4731"})
    assert sheet.is_success


async def test_vials_that_carry_pre_printed_labels_are_made_under_them(api):
    tubes = await draw(api, await visit(api), *ALL)
    await spun(api, tubes[:2])
    asked = {"study": "LLS", "count": 4, "purpose": "Vials", "site": "CHI"}
    first, second, spoiled, spare = [one["code"] for one in (await api("clerk").ok("/label-ranges", asked))["labels"]]
    (there,) = (await api("clerk").ok("/label-ranges", {**asked, "count": 1, "site": "TOR"}))["labels"]
    number = (await api("clerk").see("/label-ranges", site="CHI"))["rows"][0]["number"]
    await api("clerk").ok(f"/label-ranges/{number}/voids", {"labels": [spoiled], "reason": "torn"})
    bench = gun(api, "aliquot")
    await bench.scan("HELD4C")
    await bench.scan(tubes[0])
    assert "Type or scan the yield first" in await bench.said(first)
    await bench.scan("1.2")
    assert await bench.word(first) == ("ok", "Label")
    assert await bench.word(first) == ("duplicate", "Scanned already")
    assert (await bench.scan(second))["title"] == "Label of vial 2"
    assert (await bench.scan(spare))["at"]["labels"] == [first, second, spare]
    assert "is forgotten" in await bench.said(UNDO)
    assert (await bench.scan(spoiled))["title"] == "This label is void"
    assert (await bench.scan(there["code"]))["title"] == "This label was issued to another site"
    assert bench.at["labels"] == [first, second]
    made = await bench.scan(CONFIRM)
    assert "2 of them carry their labels already" in made["message"]
    vials = (await api("technician_chi").see(f"/specimens/{tubes[0]}/vials"))["vials"]
    assert [(one["tube"]["code"], one["bound"]) for one in vials[:2]] == [(first, True), (second, True)]
    assert [one["bound"] for one in vials[2:]] == [False]
    bound = await bench.scan(spare)
    assert "in place of one to print" in bound["title"]
    minted = vials[2]["tube"]["code"]
    assert [one["bound"] for one in (await api("technician_chi").see(f"/specimens/{tubes[0]}/vials"))["vials"]][2]
    assert (await api("technician_chi").see(f"/scan/{spare}"))["code"] == minted
    assert (await bench.scan(spare))["verdict"] != "ok"
    more = {"line": 1, "obtained": "100", "labels": [spare, there["code"]], "extra": 1}
    refused = await api("technician_chi").post(f"/specimens/{tubes[1]}/vials", more)
    assert refused.status_code == 422  # more labels than vials


async def test_like_parents_share_the_plan_and_each_has_vials_of_its_own(api):
    tubes = await draw(api, await visit(api), *ALL)
    await spun(api, tubes[:2])
    await api("technician_chi").ok(f"/specimens/{tubes[0]}/vials", {"line": 1, "obtained": "2.5", "unit": "mL"})
    second = await api("technician_chi").ok(f"/specimens/{tubes[1]}/vials", {"line": 1, "obtained": "2", "unit": "mL"})
    assert (second["full"], second["partial"], second["left"]) == (3, "0", "500")
    assert (second["parent"]["tube"]["quantity"], len(second["parent"]["vials"])) == ("7000", 3)
    more = {"line": 1, "obtained": "500"}
    refused = await api("technician_chi").post(f"/specimens/{tubes[1]}/vials", more)
    assert (refused.status_code, refused.json()["errors"]) == (422, {"extra": "leaves no vial to fill"})
    extra = await api("technician_chi").ok(f"/specimens/{tubes[1]}/vials", {**more, "extra": 1})
    assert (extra["full"], extra["parent"]["lines"][0]["made"]) == (1, 9)


async def test_vials_are_checked_against_their_parent_and_the_next_parent_begins(api):
    tubes = await draw(api, await visit(api), *ALL)
    await spun(api, tubes[:2])
    bench = gun(api, "aliquot")
    await bench.scan(tubes[0])
    assert await bench.word("QTY1000UL") == ("ok", "Yield")
    await bench.scan(CONFIRM)
    first, second = [one["tube"]["code"] for one in (await vials_of(api, tubes[0]))]
    assert "No label" in await bench.said(first)
    await api("technician_chi").client.post(
        "/api/v1/labels", json={"codes": [first, second], "stock": "l4731"}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert await bench.word(first) == ("ok", "Checked")
    assert await bench.word(first) == ("duplicate", "Checked already")
    assert "are not checked yet" in await bench.said(tubes[1])
    assert "whose codes the vials carry" in await bench.said("0123456789")
    assert await bench.word("MAKERNOBODY") == ("stop", "Stop")
    assert await bench.word("MAKERMICRONIC") == ("ok", "Maker")
    assert "was made of" not in await bench.said("0123456789")  # a maker's code nobody has yet is the next vial's
    assert (bench.last["verdict"], bench.last["code"]) == ("ok", second)
    assert "Next parent" in bench.last["message"]
    assert await bench.word("0123456789") == ("duplicate", "Checked already")
    assert await bench.word(tubes[1]) == ("ok", "Parent")
    await bench.scan("0.5")
    await bench.scan(CONFIRM)
    assert "is not of" in await bench.said(first)
    assert "Keep it apart" in bench.last["message"]
    assert "is not of" in await bench.said("0123456789")


async def vials_of(api, code):
    return (await api("technician_chi").see(f"/specimens/{code}/vials"))["vials"]


async def test_undo_forgets_the_yield_then_takes_the_vials_back(api):
    tubes = await draw(api, await visit(api), *ALL)
    await spun(api, tubes[:2])
    bench = gun(api, "aliquot")
    await bench.scan(tubes[0])
    await bench.scan("31")
    assert (await bench.scan(CONFIRM))["title"].startswith("serum 1 of 2")
    await bench.scan(UNDO)
    assert bench.at["obtained"] is None
    await bench.scan("2")
    await bench.scan(CONFIRM)
    made = await vials_of(api, tubes[0])
    assert await bench.word(UNDO) == ("ok", "Undone")
    assert await vials_of(api, tubes[0]) == []
    seen = await api("technician_chi").see(f"/specimens/{tubes[0]}")
    assert seen["quantity"] == "8500"
    vial = await api("technician_chi").see(f"/specimens/{made[0]['tube']['code']}")
    assert (vial["existence"], vial["quantity"]) == ("entered_in_error", "0")
    scanned = await api("technician_chi").ok("/scan", {"text": made[0]["tube"]["code"]})
    assert (scanned["verdict"], scanned["title"]) == ("stop", "This label is void")
    assert "nothing to take back" in await bench.said(UNDO)
    await bench.scan("1")
    await bench.scan(CONFIRM)
    await bench.scan("MAKERMICRONIC")
    await bench.scan("0123456789")
    assert "cannot be taken back" in await bench.said(UNDO)


async def test_what_cannot_be_divided_stops_with_words(api):
    tubes = await draw(api, await visit(api), *ALL)
    bench = gun(api, "aliquot")
    assert (await bench.scan(CONFIRM))["word"] == "No parent"
    assert "is not spun yet" in await bench.said(tubes[0])
    assert "it is kept as it is" in await bench.said(tubes[3])
    assert bench.at["parent"] is None
    early = {"line": 1, "obtained": "500"}
    refused = await api("technician_chi").post(f"/specimens/{tubes[0]}/vials", early)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-this-tube")
    await spun(api, tubes[:2])
    for body, status in (
        ({"line": 2, "obtained": "500"}, 422),
        ({"line": 1, "obtained": "0"}, 422),
        ({"line": 1, "obtained": "NaN"}, 422),
        ({"line": 1, "obtained": "500", "unit": "mg"}, 422),
        ({"line": 1, "obtained": "500", "extra": 51}, 422),
        ({"line": 1, "obtained": "500", "started_at": "2999-01-01T00:00:00Z"}, 422),
        ({"line": 1, "obtained": "500", "started_at": "2024-01-01T00:00:00Z"}, 422),
        ({"line": 1, "obtained": "900000", "extra": 50}, 409),
    ):
        response = await api("technician_chi").post(f"/specimens/{tubes[0]}/vials", body)
        assert response.status_code == status, (body, response.text)
    assert await vials_of(api, tubes[0]) == []
    await bench.scan(tubes[0])
    assert (await bench.scan(CONFIRM))["word"] == "No yield"
    assert (await bench.scan(tubes[0]))["word"] == "Parent"
    assert (await bench.scan("+2"))["word"] == "Extra"
    assert "There is no tube" in await bench.said("9999999999")
    assert (await bench.scan(NEXT))["at"]["parent"] is None
    assert (await api("technician_chi").get("/specimens/TNONSENSE1/vials")).status_code in (404, 422)


async def test_two_materials_of_one_tube_are_asked_for_in_turn(api):
    (plasma,) = await draw(api, await visit(api), ref("plasma"))
    await spun(api, [plasma])
    bench = gun(api, "aliquot")
    assert "Plasma" in await bench.said(plasma)
    await bench.scan("2")
    await bench.scan(CONFIRM)
    await bench.scan(NEXT)
    assert "Buffy coat" in await bench.said(plasma)
    await bench.scan("0.4")
    await bench.scan(CONFIRM)
    here = await api("technician_chi").see(f"/specimens/{plasma}/vials")
    assert [line["from_this"] for line in here["lines"]] == [4, 1]
    assert here["tube"]["quantity"] == "7600"


# --- bad input --------------------------------------------------------------------------------------------------------

NASTY = (
    *("\x00", "T\x00", "\U0001f9ea" * 30, "%", "\uff19\uff19\uff19", "\u202e", "]d2", "-" * 200),
    *("x'; drop table specimen; --", "+99", "QTY0UL"),
)


@pytest.mark.parametrize("bench", ["intake", "spin", "aliquot"])
async def test_no_text_at_all_breaks_a_bench(api, bench):
    (serum, *_) = await draw(api, await visit(api), *ALL)
    caller = api("technician_chi")
    held = {"intake": {"tube": serum}, "spin": {"equipment": "CF-1", "tubes": [serum]}, "aliquot": {"parent": serum}}
    for at in ({}, held[bench]):
        for text in NASTY:
            response = await caller.post("/bench/scan", {"bench": bench, "text": text, "at": at})
            assert response.status_code in {200, 422}, (text, at, response.text)
            if response.status_code == 200:
                assert response.json()["verdict"] in {"stop", "warning", "ok"}
    for at in (
        *({name: "\x00"} for name in ("tube", "equipment", "program", "parent", "obtained", "unit", "namespace")),
        {"tubes": ["\x00"]},
        {"equipment": "NONE", "tubes": [serum]},
        {"parent": serum, "obtained": "x"},
        {"parent": serum, "obtained": "1", "unit": "x"},
        {"tube": "TKQ7M3X9V7"},
    ):
        for text in (CONFIRM, UNDO, serum, "DEVOTHER", "1"):
            response = await caller.post("/bench/scan", {"bench": bench, "text": text, "at": at})
            assert response.status_code in {200, 422}, (text, at, response.text)


async def test_deeds_with_nasty_words_are_refused_whole(api):
    at = await visit(api)
    (serum, *_) = await draw(api, at, *ALL[:3])
    for path, body in (
        (f"{at.path}/not-collected", {"tubes": [ref("urine")], "reason": "other", "note": "a\x00b"}),
        (f"{at.path}/not-collected", {"tubes": [ref("urine")], "reason": "\x00"}),
        ("/spins", {"equipment": "\x00", "tubes": [serum]}),
        ("/spins", {"equipment": "CF-1", "program": "\x00", "tubes": [serum]}),
        ("/spins/stop", {"equipment": "\x00"}),
        (f"/specimens/{serum}/vials/bind", {"text": "\x00", "namespace": "\x00"}),
        (f"/specimens/{serum}/vials", {"line": 1, "obtained": "1", "unit": "\x00"}),
        ("/intake", {"tube": "\x00"}),
        ("/intake", {"tube": serum, "with_tube": "\x00"}),
    ):
        response = await api("technician_chi").post(path, body)
        assert 400 <= response.status_code < 500, (path, body, response.text)
