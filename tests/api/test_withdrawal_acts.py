"""A withdrawal that acts, over the API: what each level does, what is worked off by whom, and the certificate."""

import csv
import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.specimen_steps import NOW
from tests.bench import imported, plan, plated, released, xponent
from tests.material import make_material
from tests.picklists import listed, stored
from tests.shelves import box, boxed, freezer, rack
from tests.shipping import PARTY, draft, packed, shipped
from tests.withdrawing import request, rescind, signature, withdraw


def problem(response, status, code):
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{code}"), response.text
    return response.json()


async def statement(api, participant, level):
    return await api("coordinator").see(f"/participants/{participant}/withdrawals/statement", level=level)


async def test_withdrawal_after_release(api, database, world):
    """Scenario 11, as far as no frozen data release exists: what was pulled keeps its bytes and is listed with who made
    it, new pulls omit the participant, stored tubes are on a two-person disposal list and cannot be picked.
    """
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2)
    tubes = bench.material.tubes
    await plated(api, bench, {"A1": tubes[0], "B1": tubes[1]})
    await imported(api, bench, xponent({"A1": tubes[0], "B1": tubes[1]}, ["alpha"]))
    await released(api, bench)
    place = await boxed(api)
    for tube in tubes:
        await api("technician").ok("/storage/placements", {"tube": tube, "box": place})
    scientist = api("scientist")
    before = await scientist.ok("/results/pulls", {"study": "LLS"})
    path = before["href"].removeprefix("/api/v1")
    text = (await scientist.get(path)).content
    case = await withdraw(api("coordinator"), bench.material.participant, "destroy")
    assert [pull["number"] for pull in case["statement"]["pulls"]] == [before["number"]]
    assert [pull["pulled_by"] for pull in case["statement"]["pulls"]] == ["Scientist"]
    assert (await scientist.get(path)).content == text
    after = await scientist.ok("/results/pulls", {"study": "LLS"})
    assert (after["rows"], after["withdrawn"]) == (0, [bench.material.participant])
    plate = (await api("reviewer").see(f"/runs/{bench.plate}"))["plates"][0]
    marks = {well["label"]: well["withheld"] for well in plate["wells"] if well["code"]}
    assert marks == dict.fromkeys(("A1", "B1"), "consent was withdrawn")
    (listing,) = case["disposals"]
    seen = await api("technician").see(f"/disposals/{listing['number']}")
    assert {line["tube"] for line in seen["lines"]} == set(tubes)
    refused = await api("technician").post("/reservations", {"tubes": [tubes[0]], "purpose": "Assay"})
    assert problem(refused, 409, "tubes-blocked")["blocked"][0]["reason"] == "consent_withdrawn"


async def test_everything_at_once_is_stated_stopped_and_worked_off(api, database, world):
    """Tubes in a box, on a pick list, packed, on the way and with a partner: all worked off to the certificate."""
    await api("clerk").ok("/parties", PARTY)
    at_partner = await make_material(database, world, tubes=2)
    person = at_partner.participant
    await shipped(api("clerk"), at_partner.tubes, to_site=None, to_party="ORACLE")
    before = await statement(api, person, "destroy")
    assert any("Oracle" in line for line in before["will"])
    case = await withdraw(api("coordinator"), person, "destroy")
    assert case["steps"] == {"reply": 2}
    (notice,) = case["notices"]
    assert (notice["wish"], set(notice["tubes"])) == ("destroy", set(at_partner.tubes))
    url = f"/withdrawals/{case['number']}"
    early = {"row_version": case["row_version"], "outcome": "destroyed", "words": "done"}
    problem(await api("coordinator").post(f"{url}/notices/1/answer", early), 409, "notice-state")
    problem(
        await api("coordinator").post(f"{url}/notices/2/sent", {"row_version": 1, "how": "letter"}), 404, "not-found"
    )
    closing = {"row_version": case["row_version"], "signature": signature()}
    waits = problem(await api("coordinator").post(f"{url}/close", closing), 409, "withdrawal-open")
    assert waits["open"] == ["2 tubes wait for a partner's reply", "1 notice without a reply"]
    sent = await api("coordinator").ok(f"{url}/notices/1/sent", {"row_version": case["row_version"], "how": "letter"})
    stale = {**early, "row_version": case["row_version"]}
    problem(await api("coordinator").post(f"{url}/notices/1/answer", stale), 412, "stale")
    other = at_partner.tubes[1]
    answer = {
        "row_version": sent["row_version"],
        "outcome": "destroyed",
        "exceptions": {other: "used_up"},
        "words": "One was destroyed on Monday, of the other nothing was left.",
    }
    foreign = {**answer, "exceptions": {case["participant"].replace("P", "T", 1): "kept"}}
    assert (await api("coordinator").post(f"{url}/notices/1/answer", foreign)).status_code == 422
    done = await api("coordinator").ok(f"{url}/notices/1/answer", answer)
    assert {tube["tube"]: tube["existence"] for tube in done["tubes"]} == {
        at_partner.tubes[0]: "disposed",
        other: "consumed",
    }
    closed = await api("coordinator").ok(
        f"{url}/close", {"row_version": done["row_version"], "signature": signature("approval")}
    )
    assert closed["closing_signature"]["intact"]
    assert closed["signature"]["intact"]
    text = (await api("auditor").get(f"{url}/certificate/json")).content
    assert hashlib.sha256(text).hexdigest() == closed["certificate_sha256"]
    rows = list(csv.DictReader(io.StringIO((await api("auditor").get(f"{url}/certificate/csv")).text)))
    assert {row["tube"]: row["became"] for row in rows} == {
        at_partner.tubes[0]: "Destroyed by the partner",
        other: "Used up by the partner",
    }
    pdf = await api("auditor").get(f"{url}/certificate/pdf")
    assert pdf.content[:5] == b"%PDF-"
    assert pdf.content == (await api("auditor").get(f"{url}/certificate/pdf")).content
    problem(await api("auditor").get(f"{url}/certificate/doc"), 404, "not-found")
    again = {"row_version": closed["row_version"], "signature": signature()}
    problem(await api("coordinator").post(f"{url}/close", again), 409, "withdrawal-closed")
    returned = {"row_version": closed["row_version"]}
    problem(await api("coordinator").post(f"{url}/returned", returned), 409, "withdrawal-closed")


async def test_tubes_that_a_partner_sends_back_are_destroyed_at_home(api, database, world, superuser):
    await api("clerk").ok("/parties", PARTY)
    made = await make_material(database, world, tubes=1)
    await shipped(api("clerk"), made.tubes, to_site=None, to_party="ORACLE")
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    url = f"/withdrawals/{case['number']}"
    nothing = {"row_version": case["row_version"]}
    assert (await api("coordinator").post(f"{url}/returned", nothing)).status_code == 422
    sent = await api("coordinator").ok(f"{url}/notices/1/sent", {"row_version": case["row_version"], "how": "letter"})
    reply = {"row_version": sent["row_version"], "outcome": "sent_back", "words": "On dry ice today."}
    back = await api("coordinator").ok(f"{url}/notices/1/answer", reply)
    assert back["steps"] == {"receive": 1}
    # It is back on the bench of the laboratory.
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "update custody set external_party_id = null, holder_id = $1, "
        "site_id = (select id from site where code = 'LAB') where specimen_id = $2",
        world.user_ids["technician"],
        made.tube_ids[0],
    )
    here = await api("coordinator").see(url)
    assert (here["steps"], here["unlisted"]) == ({"dispose": 1}, 1)
    problem(await api("coordinator").post(f"{url}/returned", nothing), 412, "stale")
    listed = await api("coordinator").ok(f"{url}/returned", {"row_version": here["row_version"]})
    (disposal,) = listed["disposals"]
    assert (disposal["open"], listed["unlisted"]) == (1, 0)
    for person in ("technician", "manager"):
        word = {"tube": made.tubes[0], "method": "incinerated"}
        await api(person).ok(f"/disposals/{disposal['number']}/confirmations", word)
    assert (await api("coordinator").see(url))["steps"] == {"done": 1}


async def test_a_stopping_withdrawal_takes_tubes_out_of_lists_and_shipments_and_they_are_put_back(
    api, database, world, superuser
):
    made = await stored(api, database, world)
    in_box, on_list, in_parcel = made.tubes
    tech = api("technician")
    code = await listed(tech, [on_list, in_box])
    await tech.ok(f"/pick-lists/{code}/picks", {"tube": on_list})
    shipment = await packed(api("clerk"), [in_parcel])
    stated = await statement(api, made.participant, "no_further_use")
    text = " ".join(stated["will"])
    for words in ("3 tubes in the house will be on hold", "shipments, which go back to packing", "open pick lists"):
        assert words in text
    case = await withdraw(api("coordinator"), made.participant)
    holds = await superuser.fetch("select hold from specimen where code = any($1)", list(made.tubes))
    assert {row["hold"] for row in holds} == {"consent_withdrawn"}
    assert (await api("clerk").see(f"/shipments/{shipment}"))["status"] == "draft"
    assert {tube["tube"]: (tube["step"], tube["taken_out_of"]) for tube in case["tubes"]} == {
        in_box: ("done", None),
        on_list: ("put_back", code),
        in_parcel: ("put_back", shipment),
    }
    waiting = await tech.see("/put-backs")
    assert {tube["tube"] for tube in waiting} == {on_list, in_parcel}
    assert await api("technician_chi").see("/put-backs") == waiting  # they belong to Chicago's participant
    place = await box(api, await rack(api, await freezer(api, name="Freezer 9"), name="Rack 9"), name="Box of holds")
    problem(await tech.post("/storage/placements", {"tube": on_list, "box": place}), 409, "tube-on-hold")
    for tube in (on_list, in_parcel):
        placed = await tech.ok("/put-backs", {"tube": tube, "box": place})
        assert placed["box"] == place
    problem(await tech.post("/put-backs", {"tube": in_parcel, "box": place}), 404, "not-found")
    assert await tech.see("/put-backs") == []
    assert (await api("coordinator").see(f"/withdrawals/{case['number']}"))["steps"] == {"done": 3}
    held = await superuser.fetchval("select count(*) from specimen where hold = 'consent_withdrawn'")
    assert held == 3


@pytest.mark.parametrize("level", ["no_contact", "no_access"])
async def test_the_weaker_levels_leave_tubes_and_results_usable(api, database, world, superuser, level):
    made = await make_material(database, world, tubes=2)
    shipment = await packed(api("clerk"), made.tubes)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute(
        "insert into visit (participant_id, study_id, site_id, visit_type_id, status) "
        "select p.id, p.study_id, p.site_id, t.id, 'planned' from participant p join visit_type t "
        "on t.study_id = p.study_id and t.code = 'FLARE' where p.code = $1",
        made.participant,
    )
    case = await withdraw(api("coordinator"), made.participant, level)
    assert (case["tubes"], case["notices"], case["disposals"]) == ([], [], [])
    assert (await api("clerk").see(f"/shipments/{shipment}"))["status"] == "packed"
    assert await superuser.fetchval("select count(*) from specimen where hold is not null") == 0
    person = await api("coordinator").see(f"/participants/{made.participant}")
    assert person["status"] == "enrolled"
    cancelled = [visit["status"] for visit in person["visits"] if visit["type"] == "FLARE"]
    assert cancelled == ["cancelled" if level == "no_contact" else "planned"]
    closed = await api("coordinator").ok(
        f"/withdrawals/{case['number']}/close", {"row_version": case["row_version"], "signature": signature()}
    )
    assert closed["closed_at"]
    certificate = await api("coordinator").get(f"/withdrawals/{case['number']}/certificate/pdf")
    assert certificate.status_code == 200


async def test_somebody_with_nothing_twice_weaker_after_stronger_and_in_the_past(api, database, world):
    made = await make_material(database, world, tubes=0)
    then = NOW - timedelta(days=20)
    first = await withdraw(api("coordinator"), made.participant, "destroy", then)
    assert (first["tubes"], first["steps"], first["effective_at"][:10]) == ([], {}, then.isoformat()[:10])
    again = await withdraw(api("coordinator"), made.participant, "destroy")
    weaker = await withdraw(api("coordinator"), made.participant, "no_contact")
    assert any("strongest counts" in line for line in weaker["statement"]["will_not"])
    person = await api("coordinator").see(f"/participants/{made.participant}")
    assert (person["status"], len(person["withdrawals"])) == ("withdrawn", 3)
    found = await api("coordinator").see("/withdrawals", participant=made.participant, is_open=True)
    assert [row["number"] for row in found["rows"]] == [first["number"], again["number"], weaker["number"]]
    early = await request(api("coordinator"), made.participant, "destroy", NOW - timedelta(days=400))
    response = await api("coordinator").post(f"/participants/{made.participant}/withdrawals", early)
    assert (response.status_code, list(response.json()["errors"])) == (422, ["effective_at"])


async def test_withdrawn_twice_a_tube_stays_on_one_list(api, database, world):
    made = await make_material(database, world, tubes=2)
    hold = await withdraw(api("coordinator"), made.participant, "no_further_use")
    assert hold["steps"] == {"put_back": 2}
    first = await withdraw(api("coordinator"), made.participant, "destroy")
    second = await withdraw(api("coordinator"), made.participant, "destroy")
    assert [one["number"] for one in first["disposals"]] == [one["number"] for one in second["disposals"]]
    assert second["steps"] == {"dispose": 2}


async def test_a_statement_that_changed_is_shown_again(api, database, world):
    made = await make_material(database, world, tubes=2)
    body = await request(api("coordinator"), made.participant, "no_further_use")
    await boxed_one(api, made.tubes[0])
    changed = problem(
        await api("coordinator").post(f"/participants/{made.participant}/withdrawals", body), 412, "statement-changed"
    )
    assert changed["statement"] == (await statement(api, made.participant, "no_further_use"))["sha256"]
    assert (await api("coordinator").see("/withdrawals"))["rows"] == []
    body["statement_sha256"] = changed["statement"]
    await api("coordinator").ok(f"/participants/{made.participant}/withdrawals", body)


async def boxed_one(api, tube):
    await api("technician").ok("/storage/placements", {"tube": tube, "box": await boxed(api)})


async def test_the_same_form_twice_withdraws_once_and_no_password_is_kept(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    body = await request(api("coordinator"), made.participant, "no_further_use")
    key = "22222222-2222-4222-8222-222222222222"
    url = f"/participants/{made.participant}/withdrawals"
    first = await api("coordinator").ok(url, body, key=key)
    body["signature"]["password"] = "another one by now"
    assert (await api("coordinator").ok(url, body, key=key))["number"] == first["number"]
    kept = await superuser.fetch("select fingerprint, outcome from command_receipt")
    trail = await superuser.fetch("select body from audit_entry")
    signed = await superuser.fetch("select content from signature")
    for row in (*kept, *trail, *signed):
        assert "correct horse" not in str(row)


async def test_a_policy_is_data_of_the_form(api, database, world):
    manager = api("manager")
    forms = "/studies/LLS/consent-forms"
    await manager.ok(forms, {"version": "2.0", "approved_from": "2026-01-01", "scopes": ["biobank_storage"]})
    assert problem(await manager.post(forms, {"version": "2.0", "approved_from": "2026-01-01"}), 409, "study-exists")
    seen = await manager.see(f"{forms}/2.0/policy")
    assert (seen["own"], seen["policy"]["destroy"]["stored_tubes"]) == (False, "dispose")
    policy = seen["policy"] | {"destroy": seen["policy"]["destroy"] | {"stored_tubes": "hold", "tubes_away": "keep"}}
    own = await manager.ok(f"{forms}/2.0/policy", {"policy": policy})
    assert (own["own"], own["policy"]["destroy"]["stored_tubes"]) == (True, "hold")
    wrong = policy | {"no_contact": policy["no_contact"] | {"stored_tubes": "dispose"}}
    assert (await manager.post(f"{forms}/2.0/policy", {"policy": wrong})).status_code == 422
    made = await make_material(database, world, tubes=1, consented=False)
    form = {"version": "2.0", "signed_at": NOW.isoformat(), "granted": ["biobank_storage"]}
    asked = await manager.post(f"/participants/{made.participant}/consents", form | {"denied": ["tissue"]})
    assert (asked.status_code, "does not ask for tissue" in asked.json()["detail"]) == (422, True)
    await manager.ok(f"/participants/{made.participant}/consents", form)
    problem(await manager.post(f"{forms}/2.0/policy", {"policy": policy}), 409, "policy-in-use")
    case = await withdraw(api("coordinator"), made.participant, "destroy")
    assert (case["statement"]["form"], case["disposals"], case["tubes"][0]["plan"]) == ("2.0 (en)", [], "hold")
    assert (await manager.get(f"{forms}/9.9/policy")).status_code == 404
    assert (await api("coordinator").post(f"{forms}/2.0/policy", {"policy": policy})).status_code == 403


async def test_consent_forms_are_entered_and_their_approval_ends(api):
    manager = api("manager")
    forms = "/studies/LLS/consent-forms"
    spec = {"version": "3.0", "language": "fr-CA", "approved_from": "2026-02-01", "file_sha256": "a" * 64}
    made = await manager.ok(forms, spec)
    assert ("tissue" in made["scopes"], made["row_version"]) == (True, 1)
    for change, status in (
        ({"version": "3.1", "scopes": ["magic"]}, 422),
        ({"version": "3.1", "approved_to": "2026-01-01"}, 422),
        ({"version": "3.1", "file_sha256": "short"}, 422),
        ({"version": "a b"}, 422),
    ):
        assert (await manager.post(forms, spec | change)).status_code == status, change
    end = f"{forms}/3.0/fr-CA/end"
    ended = await manager.ok(end, {"approved_to": "2026-06-30", "row_version": 1})
    assert (ended["approved_to"], ended["row_version"]) == ("2026-06-30", 2)
    problem(await manager.post(end, {"approved_to": "2026-07-30", "row_version": 1}), 412, "stale")
    assert (await manager.post(end, {"approved_to": "2026-01-30", "row_version": 2})).status_code == 422
    assert [one["version"] for one in await manager.see(forms)] == ["3.0", "1.0"]
    problem(
        await manager.post(f"{forms}/3.0/de/end", {"approved_to": "2026-06-30", "row_version": 1}), 404, "not-found"
    )


async def test_a_put_back_keeps_the_rules_of_storing(api, database, world):
    made = await make_material(database, world, tubes=1)
    await withdraw(api("coordinator"), made.participant)
    cabinet = await freezer(api, kind="CABINET", temperature="RT", name="Cabinet")
    warm = await box(api, await rack(api, cabinet))
    body = {"tube": made.tubes[0], "box": warm}
    problem(await api("technician").post("/put-backs", body), 409, "too-warm")
    await api("technician").ok("/put-backs", body | {"override_reason": "The freezer is full today"})


async def pooled(api, database, world):
    """A pool of two participants' tubes, in the technician's hands; and both of them."""
    one, two = [await make_material(database, world, tubes=1) for _ in range(2)]
    parts = [{"specimen": each.tubes[0], "quantity": "100"} for each in (one, two)]
    body = {"parents": parts, "tube_type": "CRYO05", "quantities": ["200"], "started_at": datetime.now(UTC).isoformat()}
    made = await api("technician").ok("/pools", body)
    return one, two, made["made"][0]["code"]


async def test_pools_with_others_material_are_held_and_listed_for_a_decision(api, database, world):
    """Out of the parcel, on hold, listed with what the policy says; the other person's own tubes are not touched."""
    one, two, pool = await pooled(api, database, world)
    parcel = await draft(api("clerk"))
    await api("clerk").ok(f"/shipments/{parcel}/items", {"tubes": [pool]})
    stated = await statement(api, one.participant, "destroy")
    assert "1 pool with material of others will be on hold" in " ".join(stated["will"])
    assert [tube["tube"] for tube in stated["tubes"] if tube["is_pool"]] == [pool]
    case = await withdraw(api("coordinator"), one.participant, "destroy")
    by_tube = {tube["tube"]: tube for tube in case["tubes"]}
    assert (by_tube[pool]["is_pool"], by_tube[pool]["plan"], by_tube[pool]["taken_out_of"]) == (True, "hold", parcel)
    assert (by_tube[one.tubes[0]]["is_pool"], by_tube[one.tubes[0]]["plan"]) == (False, "dispose")
    assert case["steps"]["put_back"] == 1
    assert (await api("manager").see(f"/specimens/{pool}"))["hold"] == "consent_withdrawn"
    assert (await api("manager").see(f"/specimens/{two.tubes[0]}"))["hold"] is None
    held = {"study": "LLS", "site": "LAB", "reason": "unfit", "words": "The board decided it", "tubes": [pool]}
    assert (await api("manager").ok("/disposals", held))["tubes"] == 1


async def test_a_policy_destroys_pools_with_the_rest_or_leaves_them_to_the_gate(api, database, world):
    manager, forms = api("manager"), "/studies/LLS/consent-forms"
    made = [await pooled(api, database, world) for _ in range(2)]
    for (version, pools), (one, _, pool) in zip((("2.0", "dispose"), ("3.0", "keep")), made, strict=True):
        await manager.ok(forms, {"version": version, "approved_from": "2026-01-01", "scopes": ["biobank_storage"]})
        seen = (await manager.see(f"{forms}/{version}/policy"))["policy"]
        own = seen | {"destroy": seen["destroy"] | {"pools": pools}}
        await manager.ok(f"{forms}/{version}/policy", {"policy": own})
        form = {"version": version, "signed_at": NOW.isoformat(), "granted": ["biobank_storage"]}
        await manager.ok(f"/participants/{one.participant}/consents", form)
        case = await withdraw(api("coordinator"), one.participant, "destroy")
        plans = {tube["tube"]: tube["plan"] for tube in case["tubes"]}
        assert plans.get(pool) == (None if pools == "keep" else "dispose")
        assert case["disposals"][0]["tubes"] == (1 if pools == "keep" else 2)
        assert (await manager.see(f"/specimens/{pool}"))["hold"] == (None if pools == "keep" else "consent_withdrawn")
    wanted = {"tubes": [pool], "purpose": "Whatever", "destination": "bench"}
    problem(await api("technician").post("/pick-lists", wanted), 409, "tubes-blocked")


async def test_a_withdrawal_of_the_wrong_person_is_taken_back(api, database, world, superuser):
    """What is not disposed of comes back, what is stays gone; the withdrawal stands on record as what was believed."""
    more = await make_material(database, world, tubes=3)
    parcel = await draft(api("clerk"))
    await api("clerk").ok(f"/shipments/{parcel}/items", {"tubes": [more.tubes[2]]})
    case = await withdraw(api("coordinator"), more.participant, "destroy")
    (listing,) = case["disposals"]
    for person in ("technician", "technician2"):
        word = {"tube": more.tubes[0], "method": "autoclaved"}
        await api(person).ok(f"/disposals/{listing['number']}/confirmations", word)
    await api("technician").ok(
        f"/disposals/{listing['number']}/confirmations", {"tube": more.tubes[1], "method": "chemical"}
    )
    manager, coordinator = api("manager"), api("coordinator")
    path = f"/withdrawals/{case['number']}"
    stated = await manager.see(f"{path}/rescission")
    assert stated["tubes"] == sorted(more.tubes[1:], key=more.tubes.index)
    assert any("2 tubes will come off hold" in line for line in stated["comes_back"])
    assert any("2 tubes of these will be struck off" in line for line in stated["comes_back"])
    assert any("1 tube destroyed" in line for line in stated["stays"])
    assert any("1 tube that came out of shipments" in line for line in stated["stays"])
    assert (await coordinator.get(f"{path}/rescission")).status_code == 403
    assert (await api("stranger").get(f"{path}/rescission")).status_code == 404
    before = datetime.now(UTC).isoformat()
    wrong = {"reason": "It was meant for somebody else", "statement_sha256": "0" * 64, "signature": signature()}
    assert problem(await manager.post(f"{path}/rescission", wrong), 412, "statement-changed")
    right = wrong | {"statement_sha256": stated["sha256"]}
    refused = await manager.post(f"{path}/rescission", right | {"signature": signature(password="wrong password")})
    assert refused.json()["type"] == "/problems/signature-refused"
    done = await manager.ok(f"{path}/rescission", right)
    assert (done["rescission"]["rescinded_by"], done["steps"], done["unlisted"]) == ("Manager", {"done": 3}, 0)
    assert done["rescission"]["signature"]["intact"]
    assert done["signature"]["intact"]
    assert done["rescission"]["comes_back"] == stated["comes_back"]
    tubes = {tube: await manager.see(f"/specimens/{tube}") for tube in more.tubes}
    assert [tubes[tube]["existence"] for tube in more.tubes] == ["disposed", "exists", "exists"]
    assert [tubes[tube]["hold"] for tube in more.tubes[1:]] == [None, None]
    lines = (await api("technician").see(f"/disposals/{listing['number']}"))["lines"]
    assert {line["tube"]: line["status"] for line in lines} == {
        more.tubes[0]: "disposed",
        more.tubes[1]: "struck",
        more.tubes[2]: "struck",
    }
    person = await manager.see(f"/participants/{more.participant}")
    assert (person["status"], person["withdrawals"][0]["rescinded_at"] is not None) == ("enrolled", True)
    asked = f"/participants/{more.participant}/consents"
    assert (await manager.see(asked))["withdrawal"] is None
    assert (await manager.see(asked, believed_at=before))["withdrawal"]["level"] == "destroy"
    wanted = {"tubes": list(more.tubes[1:]), "purpose": "After all", "destination": "bench"}
    await api("technician").ok("/pick-lists", wanted)
    again = await rescind(manager, case["number"])
    assert problem(again, 409, "withdrawal-rescinded")
    for deed in ("close", "returned"):
        body = {"row_version": done["row_version"], **({"signature": signature()} if deed == "close" else {})}
        problem(await coordinator.post(f"{path}/{deed}", body), 409, "withdrawal-rescinded")
    assert (await manager.see("/withdrawals", is_open=True))["rows"] == []


async def test_a_pool_comes_off_hold_when_nobody_in_it_has_withdrawn(api, database, world):
    one, two, pool = await pooled(api, database, world)
    cases = [await withdraw(api("coordinator"), each.participant) for each in (one, two)]
    for case, hold in zip(cases, ("consent_withdrawn", None), strict=True):
        assert (await rescind(api("manager"), case["number"])).is_success
        assert (await api("manager").see(f"/specimens/{pool}"))["hold"] == hold


async def test_what_another_withdrawal_or_the_policy_holds_does_not_come_back(api, database, world):
    manager = api("manager")
    made = await make_material(database, world, tubes=1)
    first = await withdraw(api("coordinator"), made.participant, "no_further_use")
    await withdraw(api("coordinator"), made.participant, "destroy")
    assert (await rescind(manager, first["number"])).is_success
    seen = await manager.see(f"/specimens/{made.tubes[0]}")
    assert seen["hold"] == "consent_withdrawn"
    assert (await manager.see(f"/participants/{made.participant}"))["status"] == "withdrawn"

    other = await make_material(database, world, tubes=1)
    forms = "/studies/LLS/consent-forms"
    await manager.ok(forms, {"version": "2.0", "approved_from": "2026-01-01", "scopes": ["biobank_storage"]})
    policy = (await manager.see(f"{forms}/2.0/policy"))["policy"]
    never = {"policy": policy, "reversible": {"destroy": {"tubes_away": True}}}
    assert (await manager.post(f"{forms}/2.0/policy", never)).status_code == 422
    own = {"policy": policy, "reversible": {"destroy": {"stored_tubes": False, "planned_visits": False}}}
    set_ = await manager.ok(f"{forms}/2.0/policy", own)
    assert set_["reversible"]["destroy"]["stored_tubes"] is False
    form = {"version": "2.0", "signed_at": NOW.isoformat(), "granted": ["biobank_storage"]}
    await manager.ok(f"/participants/{other.participant}/consents", form)
    case = await withdraw(api("coordinator"), other.participant, "destroy")
    stated = await manager.see(f"/withdrawals/{case['number']}/rescission")
    assert any("1 tube stay on hold: the consent form's policy" in line for line in stated["stays"])
    assert (await rescind(manager, case["number"])).is_success
    assert (await manager.see(f"/specimens/{other.tubes[0]}"))["hold"] == "consent_withdrawn"


async def test_visits_that_a_withdrawal_cancelled_are_planned_again(api):
    day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    person = await api("manager").ok("/participants", {"study": "LLS", "site": "CHI", "enrolled_on": day})
    code = person["code"]
    planned = [visit["status"] for visit in (await api("manager").see(f"/participants/{code}"))["visits"]]
    case = await withdraw(api("coordinator"), code, "no_contact")
    assert "cancelled" in {visit["status"] for visit in (await api("manager").see(f"/participants/{code}"))["visits"]}
    assert (await rescind(api("manager"), case["number"])).is_success
    again = [visit["status"] for visit in (await api("manager").see(f"/participants/{code}"))["visits"]]
    assert again == planned
