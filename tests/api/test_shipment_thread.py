"""A shipment from draft to reconciled over the API, what each step refuses, and who may take it."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pypdfium2
import pytest
import zxingcpp

from biobank import ids
from biobank.actor import SERVICE
from biobank.errors import Forbidden
from biobank.picking.blocks import TubesBlocked
from biobank.shipment import commands
from biobank.shipment.commands import PackItems
from biobank.specimen.models import Derivation, ProcessingEvent, Specimen
from biobank.tx import open_tx
from tests.material import actor, make_material
from tests.shipping import DRY_ICE, PARTY, draft, packed, shipped, step, version
from tests.withdrawing import withdraw


async def test_from_draft_to_reconciled(api, database, world, superuser):
    made = await make_material(database, world, tubes=3)
    clerk = api("clerk")
    code = await draft(clerk)
    one = await clerk.ok(f"/shipments/{code}/items", {"tubes": [made.tubes[0].lower()]})
    assert (one["tubes"], one["expected"], one["package"]) == ([made.tubes[0]], 1, 1)
    await clerk.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes[1:])})
    place = await superuser.fetchrow("select * from custody where specimen_id = $1", made.tube_ids[0])
    assert place["package_id"] is not None
    ready = await step(clerk, code, "finish-packing")
    assert (ready["status"], ready["counts"]["waiting"], ready["next"]) == ("packed", 3, ["reopen", "ship"])
    gone = await step(
        clerk, code, "ship", courier="FedEx", tracking_no="(91)7946 1234 5678", tracking_again="794612345678"
    )
    assert (gone["status"], gone["tracking_no"]) == ("shipped", "794612345678")
    for number, tube in enumerate(made.tubes, start=1):
        got = await clerk.ok(f"/shipments/{code}/receipts", {"tube": tube})
        assert (got["status"], got["counts"]["good"], got["counts"]["waiting"]) == ("received", number, 3 - number)
    place = await superuser.fetchrow("select * from custody where specimen_id = $1", made.tube_ids[0])
    assert place["holder_id"] == world.user_ids["clerk"]
    assert place["site_id"] == await superuser.fetchval("select id from site where code = 'TOR'")
    arrived = await step(clerk, code, "finish-receipt")
    assert (arrived["status"], arrived["next"]) == ("received", ["resolve", "reconcile"])
    closed = await step(clerk, code, "reconcile")
    assert (closed["status"], closed["next"]) == ("reconciled", [])
    assert [one["step"] for one in closed["steps"]] == ["created", "packed", "shipped", "received", "reconciled"]
    rows = (await clerk.see("/shipments", status="reconciled", study="LLS", site="TOR"))["rows"]
    assert [(row["code"], row["tubes"], row["to"]) for row in rows] == [(code, 3, "TOR")]
    assert (await clerk.see("/shipments", status="draft"))["rows"] == []


async def test_what_was_received_adds_up_and_closes_only_when_settled(api, database, world, superuser):
    """Ninety-six are expected; one broken, one thawed, two not there, one of another study besides."""
    made = await make_material(database, world, tubes=96)
    other = await make_material(database, world, study="OTH", site="LAB", tubes=1, holder="stranger")
    clerk = api("clerk")
    code = await shipped(clerk, made.tubes)
    broken, thawed, lost, found = made.tubes[:4]
    for tube in made.tubes[4:]:
        await clerk.ok(f"/shipments/{code}/receipts", {"tube": tube})
    await clerk.ok(f"/shipments/{code}/receipts", {"tube": broken, "condition": "damaged", "note": "cracked"})
    await clerk.ok(f"/shipments/{code}/receipts", {"tube": thawed, "condition": "thawed"})
    extra = await clerk.ok(f"/shipments/{code}/receipts", {"tube": other.tubes[0]})
    assert (extra["status"], extra["extra_of"]) == ("extra", "another study")
    early = await clerk.post(f"/shipments/{code}/finish-receipt", {"row_version": await version(clerk, code)})
    assert (early.status_code, early.json()["type"], early.json()["tubes"]) == (
        409,
        "/problems/not-looked-at",
        sorted([lost, found]),
    )
    await clerk.ok(f"/shipments/{code}/missing", {"tubes": [lost, found]})
    done = await step(clerk, code, "finish-receipt")
    assert done["counts"] == {
        "expected": 96,
        "good": 92,
        "damaged": 1,
        "thawed": 1,
        "missing": 2,
        "waiting": 0,
        "extra": 1,
    }
    shown = next(item for item in done["items"] if item["tube"] == other.tubes[0])
    assert (shown["in_study"], shown["type"], shown["participant"]) == (False, None, None)
    assert other.participant not in json.dumps(done)
    assert await superuser.fetchval("select freeze_thaw_count from specimen where code = $1", thawed) == 1
    settle = [(broken, "written_off"), (thawed, "quarantined"), (lost, "written_off"), (found, "found")]
    for tube, how in settle:
        refused = await clerk.post(f"/shipments/{code}/reconcile", {"row_version": await version(clerk, code)})
        assert refused.json()["type"] == "/problems/discrepancy-open"
        await clerk.ok(f"/shipments/{code}/resolutions", {"tube": tube, "resolution": how})
    fine = await clerk.post(f"/shipments/{code}/resolutions", {"tube": made.tubes[-1], "resolution": "found"})
    assert fine.status_code == 404
    taken = await clerk.post(f"/shipments/{code}/resolutions", {"tube": other.tubes[0], "resolution": "accepted_as_is"})
    assert taken.status_code == 422
    await clerk.ok(f"/shipments/{code}/resolutions", {"tube": other.tubes[0], "resolution": "returned"})
    again = await clerk.post(f"/shipments/{code}/resolutions", {"tube": lost, "resolution": "found"})
    assert again.status_code == 409
    assert (await step(clerk, code, "reconcile"))["status"] == "reconciled"
    rows = await superuser.fetch(
        "select s.code, s.existence, s.quality, c.holder_id from specimen s join custody c on c.specimen_id = s.id"
    )
    now = {row["code"]: row for row in rows}
    assert (now[broken]["existence"], now[lost]["existence"], now[found]["existence"]) == ("lost", "lost", "exists")
    assert now[thawed]["quality"] == "quarantined"
    assert now[found]["holder_id"] == world.user_ids["clerk"]
    assert now[other.tubes[0]]["holder_id"] == world.user_ids["stranger"]
    told = await superuser.fetchval(
        "select count(*) from audit_entry where study_id = (select id from study where code = 'OTH') "
        "and name = 'specimen.found_in_shipment'"
    )
    assert told == 1


async def test_an_extra_tube_of_the_study_is_taken_in_when_it_is_free(api, database, world, superuser):
    made = await make_material(database, world, tubes=5)
    sent, extra, elsewhere, unpacked, kept = made.tubes
    clerk = api("clerk")
    code = await draft(clerk)
    await clerk.ok(f"/shipments/{code}/items", {"tubes": [sent, unpacked]})
    await clerk.ok(f"/shipments/{code}/unpack", {"tube": unpacked})
    await step(clerk, code, "finish-packing")
    await step(clerk, code, "ship", courier="Ann Walker", hand_carried=True)
    holding = await packed(clerk, [elsewhere])
    for tube in (extra, elsewhere, unpacked, kept):
        got = await clerk.ok(f"/shipments/{code}/receipts", {"tube": tube, "package": 1})
        assert (got["status"], got["extra_of"]) == ("extra", "this study")
    twice = await clerk.post(f"/shipments/{code}/receipts", {"tube": extra})
    assert twice.json()["type"] == "/problems/tube-seen"
    await clerk.ok(f"/shipments/{code}/receipts", {"tube": sent})
    await step(clerk, code, "finish-receipt")
    await clerk.ok(f"/shipments/{code}/resolutions", {"tube": extra, "resolution": "accepted_as_is"})
    await clerk.ok(f"/shipments/{code}/resolutions", {"tube": unpacked, "resolution": "quarantined"})
    await clerk.ok(f"/shipments/{code}/resolutions", {"tube": kept, "resolution": "returned"})
    held = await clerk.post(f"/shipments/{code}/resolutions", {"tube": elsewhere, "resolution": "accepted_as_is"})
    assert (held.status_code, held.json()["blocked"][0]["reason"]) == (409, "in_shipment")
    await clerk.ok(f"/shipments/{code}/resolutions", {"tube": elsewhere, "resolution": "returned"})
    await step(clerk, code, "reconcile")
    sites = dict(
        await superuser.fetch(
            "select s.code, t.code from custody c join specimen s on s.id = c.specimen_id "
            "join site t on t.id = c.site_id"
        )
    )
    assert (sites[extra], sites[unpacked], sites[kept]) == ("TOR", "TOR", "LAB")
    assert (await clerk.see(f"/shipments/{holding}"))["counts"]["waiting"] == 1


async def test_each_tube_that_may_not_go_is_named_with_its_reason(api, database, world, superuser):
    made = await make_material(database, world, tubes=6)
    away = await make_material(database, world, tubes=1, at="CHI")
    silent = await make_material(database, world, tubes=1, consented=False)
    free, quarantined, held, gone, busy, mine = made.tubes
    clerk = api("clerk")
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("update specimen set quality = 'quarantined' where code = $1", quarantined)
    await superuser.execute("update specimen set hold = 'identity_doubt' where code = $1", held)
    await superuser.execute(
        "update custody set holder_id = null, terminal = 'consumed' where specimen_id = $1", made.tube_ids[3]
    )
    await packed(clerk, [busy])
    code = await draft(clerk)
    await clerk.ok(f"/shipments/{code}/items", {"tubes": [mine]})
    asked = [free, quarantined, held, gone, busy, mine, *away.tubes, *silent.tubes]
    refused = await clerk.post(f"/shipments/{code}/items", {"tubes": asked})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/tubes-blocked")
    assert {one["tube"]: one["reason"] for one in refused.json()["blocked"]} == {
        quarantined: "quarantined",
        held: "on_hold",
        gone: "ended",
        busy: "in_shipment",
        mine: "already_packed",
        away.tubes[0]: "not_here",
        silent.tubes[0]: "not_consented",
    }
    assert silent.participant not in refused.text
    assert (await clerk.see(f"/shipments/{code}"))["counts"]["expected"] == 1
    misread = await clerk.post(f"/shipments/{code}/items", {"tubes": ["TAAAAAAAAA"]})
    assert (misread.status_code, "check character" in misread.json()["detail"]) == (422, True)
    box = await clerk.post(f"/shipments/{code}/items", {"tubes": [code]})
    assert (box.status_code, "start with T" in box.json()["detail"]) == (422, True)


async def test_another_study_is_told_only_to_who_sees_it(api, database, world):
    other = await make_material(database, world, study="OTH", site="LAB", tubes=1, holder="stranger")
    code = await draft(api("clerk"))
    hidden = await api("clerk").post(f"/shipments/{code}/items", {"tubes": list(other.tubes)})
    assert hidden.json()["blocked"][0]["reason"] == "unknown"


@pytest.mark.parametrize("level", ["no_further_use", "destroy"])
async def test_a_withdrawal_keeps_a_packed_shipment_back(api, database, world, level):
    stays = await make_material(database, world, tubes=2)
    leaves = await make_material(database, world, tubes=1)
    clerk = api("clerk")
    code = await packed(clerk, [*stays.tubes, *leaves.tubes])
    voided = (await clerk.see(f"/shipments/{code}"))["manifest_sha256"]
    seen = await version(clerk, code)
    await withdraw(api("coordinator"), leaves.participant, level)
    refused = await clerk.post(
        f"/shipments/{code}/ship", {"row_version": seen, "courier": "Ann Walker", "hand_carried": True}
    )
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/shipment-state")
    assert leaves.participant not in refused.text
    assert (await clerk.get(f"/shipments/{code}/manifest.csv")).status_code == 404
    back = await clerk.post(f"/shipments/{code}/items", {"tubes": [leaves.tubes[0]]})
    assert back.json()["blocked"][0]["reason"] == "consent_withdrawn"
    again = await step(clerk, code, "finish-packing")
    assert again["manifest_sha256"] != voided
    assert (again["counts"]["expected"], again["status"]) == (2, "packed")
    assert (await step(clerk, code, "ship", courier="Ann Walker", hand_carried=True))["status"] == "shipped"


async def test_a_tube_quarantined_after_packing_keeps_the_shipment_back(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    clerk = api("clerk")
    code = await packed(clerk, made.tubes)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("update specimen set quality = 'quarantined' where code = $1", made.tubes[0])
    body = {"row_version": await version(clerk, code), "courier": "X", "hand_carried": True}
    refused = await clerk.post(f"/shipments/{code}/ship", body)
    assert refused.json()["blocked"][0]["reason"] == "quarantined"


async def test_a_tube_that_was_taken_out_can_go_in_again(api, database, world, superuser):
    made = await make_material(database, world, tubes=1)
    clerk = api("clerk")
    code = await draft(clerk)
    await clerk.ok(f"/shipments/{code}/packages", {"refrigerant": "gel_packs", "temperature_class": "4"})
    await clerk.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes)})
    await clerk.ok(f"/shipments/{code}/unpack", {"tube": made.tubes[0]})
    assert (await clerk.post(f"/shipments/{code}/unpack", {"tube": made.tubes[0]})).status_code == 404
    again = await clerk.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes), "package": 2})
    assert (again["package"], again["expected"]) == (2, 1)
    assert (await clerk.post(f"/shipments/{code}/items", {"tubes": list(made.tubes), "package": 3})).status_code == 404
    assert await superuser.fetchval("select count(*) from package_item") == 1
    sent = await step(clerk, code, "finish-packing")
    assert [one["tubes"] for one in sent["packages"]] == [0, 1]
    twin = await clerk.see(f"/shipments/{code}/manifest.json")
    assert [one["number"] for one in twin["packages"]] == [2]


async def test_to_an_external_laboratory(api, database, world, superuser):
    made = await make_material(database, world, tubes=3)
    clerk = api("clerk")
    await clerk.ok("/parties", PARTY)
    assert (await clerk.post("/parties", PARTY)).json()["type"] == "/problems/party-exists"
    assert [party["code"] for party in await clerk.see("/parties")] == ["ORACLE"]
    code = await shipped(clerk, made.tubes, to_site=None, to_party="ORACLE")
    party = await superuser.fetchval("select id from external_party")
    there = await superuser.fetchval("select count(*) from custody where external_party_id = $1", party)
    assert there == 3
    seen = await api("manager").see(f"/shipments/{code}")
    assert {item["participant"] for item in seen["items"]} == {None}
    assert "finish_receipt" not in seen["next"]
    assert "confirm_delivery" in seen["next"]
    wrong = await clerk.post(f"/shipments/{code}/finish-receipt", {"row_version": seen["row_version"]})
    assert wrong.json()["type"] == "/problems/shipment-state"
    stranger = await make_material(database, world, tubes=1)
    assert (await clerk.post(f"/shipments/{code}/receipts", {"tube": stranger.tubes[0]})).status_code == 404
    busy = await draft(clerk)
    held = await clerk.post(f"/shipments/{busy}/items", {"tubes": [made.tubes[0]]})
    assert held.json()["blocked"][0]["reason"] == "not_here"
    closed = await step(clerk, code, "delivery")
    assert (closed["status"], closed["counts"]["good"]) == ("reconciled", 3)
    assert await superuser.fetchval("select count(*) from package_item where is_open") == 0


async def test_what_an_external_laboratory_misses_is_settled_by_the_sender(api, database, world, superuser):
    made = await make_material(database, world, tubes=4)
    clerk = api("clerk")
    await clerk.ok("/parties", PARTY)
    code = await shipped(clerk, made.tubes, to_site=None, to_party="ORACLE")
    await clerk.ok(f"/shipments/{code}/missing", {"tubes": list(made.tubes[:2])})
    await clerk.ok(f"/shipments/{code}/receipts", {"tube": made.tubes[2], "condition": "thawed"})
    arrived = await step(clerk, code, "delivery")
    assert (arrived["status"], arrived["counts"]["good"], arrived["counts"]["missing"]) == ("received", 1, 2)
    for tube, how in zip(made.tubes, ("returned", "found", "accepted_as_is"), strict=False):
        await clerk.ok(f"/shipments/{code}/resolutions", {"tube": tube, "resolution": how})
    assert (await step(clerk, code, "reconcile"))["status"] == "reconciled"
    holders = dict(await superuser.fetch("select specimen_id, holder_id from custody"))
    assert holders[made.tube_ids[0]] == world.user_ids["clerk"]
    assert holders[made.tube_ids[1]] is None


async def test_a_site_receives_and_no_word_of_it_is_taken(api, database, world):
    made = await make_material(database, world, tubes=1)
    clerk = api("clerk")
    code = await shipped(clerk, made.tubes)
    refused = await clerk.post(f"/shipments/{code}/delivery", {"row_version": await version(clerk, code)})
    assert refused.json()["type"] == "/problems/shipment-state"


async def test_a_lost_shipment_and_a_cancelled_draft(api, database, world, superuser):
    made = await make_material(database, world, tubes=2)
    clerk = api("clerk")
    draft_code = await draft(clerk)
    await clerk.ok(f"/shipments/{draft_code}/items", {"tubes": [made.tubes[0]]})
    assert (await step(clerk, draft_code, "cancel", reason="not needed"))["status"] == "cancelled"
    holder = await superuser.fetchval("select holder_id from custody where specimen_id = $1", made.tube_ids[0])
    assert holder == world.user_ids["clerk"]
    code = await shipped(clerk, made.tubes)
    lost = await step(clerk, code, "lost", reason="the courier's van burnt")
    assert (lost["status"], lost["counts"]["missing"]) == ("lost", 2)
    assert await superuser.fetchval("select count(*) from specimen where existence = 'lost'") == 2


async def test_a_shipment_of_which_a_tube_arrived_is_not_lost(api, database, world):
    made = await make_material(database, world, tubes=2)
    clerk = api("clerk")
    code = await shipped(clerk, made.tubes)
    await clerk.ok(f"/shipments/{code}/receipts", {"tube": made.tubes[0]})
    body = {"row_version": await version(clerk, code), "reason": "no trace of it"}
    assert (await clerk.post(f"/shipments/{code}/lost", body)).json()["type"] == "/problems/shipment-state"


async def test_a_tube_is_looked_at_once_but_may_turn_out_worse(api, database, world):
    made = await make_material(database, world, tubes=2)
    clerk = api("clerk")
    code = await shipped(clerk, made.tubes)
    first, second = made.tubes
    await clerk.ok(f"/shipments/{code}/receipts", {"tube": first})
    twice = await clerk.post(f"/shipments/{code}/receipts", {"tube": first})
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/tube-seen")
    worse = await clerk.ok(f"/shipments/{code}/receipts", {"tube": first, "condition": "damaged"})
    assert worse["counts"]["damaged"] == 1
    await clerk.ok(f"/shipments/{code}/missing", {"tubes": [second, second]})
    assert (await clerk.post(f"/shipments/{code}/missing", {"tubes": [second]})).status_code == 409
    found = await clerk.ok(f"/shipments/{code}/receipts", {"tube": second})
    assert (found["counts"]["missing"], found["counts"]["good"]) == (0, 1)
    nowhere = await clerk.post(f"/shipments/{code}/receipts", {"tube": ids.mint(ids.Kind.TUBE)})
    assert nowhere.status_code == 404


async def test_wrong_steps_are_refused(api, database, world):
    made = await make_material(database, world, tubes=2)
    clerk = api("clerk")
    code = await draft(clerk)
    at = await version(clerk, code)
    empty = await clerk.post(f"/shipments/{code}/finish-packing", {"row_version": at})
    assert empty.json()["type"] == "/problems/nothing-packed"
    later = {
        "reopen": {"row_version": at, "reason": "because"},
        "ship": {"row_version": at, "courier": "X", "hand_carried": True},
        "lost": {"row_version": at, "reason": "because"},
        "receipts": {"tube": made.tubes[0]},
        "missing": {"tubes": [made.tubes[0]]},
        "finish-receipt": {"row_version": at},
        "delivery": {"row_version": at},
        "resolutions": {"tube": made.tubes[0], "resolution": "found"},
        "reconcile": {"row_version": at},
    }
    for name, body in later.items():
        refused = await clerk.post(f"/shipments/{code}/{name}", body)
        assert (name, refused.json()["type"]) == (name, "/problems/shipment-state")
    await clerk.ok(f"/shipments/{code}/items", {"tubes": [made.tubes[0]]})
    await step(clerk, code, "finish-packing")
    at = await version(clerk, code)
    earlier = {
        "packages": DRY_ICE,
        "items": {"tubes": [made.tubes[1]]},
        "unpack": {"tube": made.tubes[0]},
        "finish-packing": {"row_version": at},
        "cancel": {"row_version": at, "reason": "because"},
    }
    for name, body in earlier.items():
        refused = await clerk.post(f"/shipments/{code}/{name}", body)
        assert (name, refused.json()["type"]) == (name, "/problems/shipment-state")


async def test_a_finishing_step_from_an_older_look_is_refused(api, database, world):
    made = await make_material(database, world, tubes=2)
    clerk = api("clerk")
    code = await draft(clerk)
    await clerk.ok(f"/shipments/{code}/items", {"tubes": [made.tubes[0]]})
    seen = await version(clerk, code)
    await api("clerk_lab").ok(f"/shipments/{code}/items", {"tubes": [made.tubes[1]]})
    stale = await clerk.post(f"/shipments/{code}/finish-packing", {"row_version": seen})
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale")


async def test_the_same_request_again_is_the_first_outcome(api, database, world):
    made = await make_material(database, world, tubes=1)
    clerk, key = api("clerk"), str(uuid4())
    code = await draft(clerk)
    first = await clerk.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes)}, key=key)
    assert await clerk.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes)}, key=key) == first
    body, key = {"row_version": first["row_version"]}, str(uuid4())
    done = await clerk.ok(f"/shipments/{code}/finish-packing", body, key=key)
    assert await clerk.ok(f"/shipments/{code}/finish-packing", body, key=key) == done


async def test_each_end_does_its_own_and_others_see_nothing(api, database, world):
    made = await make_material(database, world, tubes=1)
    sender, receiver = api("clerk_lab"), api("clerk_chi")
    code = await draft(sender, to_site="CHI")
    assert (await receiver.see(f"/shipments/{code}"))["next"] == []
    refused = await receiver.post(f"/shipments/{code}/items", {"tubes": list(made.tubes)})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    await sender.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes)})
    await step(sender, code, "finish-packing")
    await step(sender, code, "ship", courier="X", hand_carried=True)
    assert (await sender.post(f"/shipments/{code}/receipts", {"tube": made.tubes[0]})).status_code == 403
    await receiver.ok(f"/shipments/{code}/receipts", {"tube": made.tubes[0]})
    for name in ("coordinator_tor", "stranger"):
        hidden = await api(name).get(f"/shipments/{code}")
        assert (hidden.status_code, hidden.json()["type"]) == (404, "/problems/not-found")
        assert (await api(name).see("/shipments"))["rows"] == []
        assert (await api(name).get(f"/shipments/{code}/manifest.csv")).status_code == 404
    assert (await api("reviewer").get(f"/shipments/{code}")).status_code == 403
    seen = await api("technician_chi").see(f"/shipments/{code}")
    assert seen["items"][0]["participant"] == made.participant
    assert (await receiver.see(f"/shipments/{code}"))["items"][0]["participant"] is None


async def test_what_a_shipment_and_a_package_need(api, database, world):
    clerk = api("clerk")
    body = {"study": "LLS", "from_site": "LAB", "purpose": "Assay"}
    for ends, status in (
        ({}, 422),
        ({"to_site": "LAB"}, 422),
        ({"to_site": "NONE"}, 404),
        ({"to_party": "NONE"}, 404),
        ({"to_site": "TOR", "to_party": "NONE"}, 422),
    ):
        refused = await clerk.post("/shipments", {**body, **ends})
        assert (ends, refused.status_code) == (ends, status)
    other = await api("stranger").post("/shipments", {**body, "study": "OTH", "to_site": "TOR"})
    assert other.status_code == 404
    assert (await api("clerk_chi").post("/shipments", {**body, "to_site": "TOR"})).status_code == 404
    code = await draft(clerk)
    for wrong in (
        {"refrigerant": "dry_ice", "temperature_class": "-80"},
        {"refrigerant": "none", "temperature_class": "-80", "dry_ice_net_kg": "1"},
        {**DRY_ICE, "dry_ice_net_kg": "0"},
        {**DRY_ICE, "dry_ice_net_kg": "201"},
        {**DRY_ICE, "temperature_class": "-81"},
    ):
        assert (await clerk.post(f"/shipments/{code}/packages", wrong)).status_code == 422
    changed = await clerk.client.put(
        f"/api/v1/shipments/{code}/packages/1",
        json={**DRY_ICE, "dry_ice_net_kg": "6"},
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert Decimal(changed.json()["dry_ice_net_kg"]) == 6
    shown = await clerk.see(f"/shipments/{changed.json()['code']}")
    assert shown["code"] == code
    assert (await clerk.get("/shipments/TAAAAAAAAA")).status_code == 422


async def test_paper_file_and_tubes_say_the_same(api, database, world):
    made = await make_material(database, world, tubes=4)
    clerk = api("clerk")
    code = await draft(clerk, purpose="=HYPERLINK(1)")
    await clerk.ok(f"/shipments/{code}/items", {"tubes": list(made.tubes)})
    assert (await clerk.get(f"/shipments/{code}/manifest.pdf")).status_code == 404
    ready = await step(clerk, code, "finish-packing")
    twin = await clerk.get(f"/shipments/{code}/manifest.json")
    assert hashlib.sha256(twin.content).hexdigest() == ready["manifest_sha256"] == twin.headers["x-manifest-sha256"]
    rows = list(csv.DictReader(io.StringIO((await clerk.get(f"/shipments/{code}/manifest.csv")).text)))
    assert [row["tube"] for row in rows] == sorted(made.tubes)
    assert {(row["shipment"], row["type"], row["quantity"], row["dry_ice_net_kg"]) for row in rows} == {
        (code, "SER", "500", "4.5")
    }
    await step(clerk, code, "ship", courier="FedEx", tracking_no="794612345678", tracking_again="794612345678")
    pdf = (await clerk.get(f"/shipments/{code}/manifest.pdf")).content
    assert pdf == (await clerk.get(f"/shipments/{code}/manifest.pdf")).content
    symbols, words = _read(pdf)
    assert symbols == {("Code 128", code), ("QR Code", code)}
    for expected in ("FedEx", "794612345678", "BIOLOGICAL SUBSTANCE", ready["manifest_sha256"], "4.5", "LOG-0042"):
        assert expected in words
    assert made.participant not in words + twin.text


def _read(pdf: bytes) -> tuple[set[tuple[str, str]], str]:
    """The symbols on the pages and the words between them."""
    with pypdfium2.PdfDocument(pdf) as document:
        images = [page.render(scale=300 / 72, grayscale=True).to_pil() for page in document]
        words = " ".join(page.get_textpage().get_text_bounded() for page in document)
    symbols = {(str(found.format), found.text) for image in images for found in zxingcpp.read_barcodes(image)}
    return symbols, " ".join(words.split())


async def test_lists_come_in_pages(api, database, world):
    clerk = api("clerk")
    made = [await draft(clerk) for _ in range(3)]
    first = await clerk.see("/shipments", limit=2)
    assert [row["code"] for row in first["rows"]] == made[:0:-1]
    rest = await clerk.see("/shipments", limit=2, after=first["next"])
    assert ([row["code"] for row in rest["rows"]], rest["next"]) == ([made[0]], None)


async def test_a_pool_is_judged_by_everybody_in_it(api, database, world):
    """A pool made of a pool: a withdrawal two steps up keeps it back."""
    pools = await make_material(database, world, tubes=2)
    stays, leaves = [await make_material(database, world, tubes=1) for _ in range(2)]
    async with open_tx(database, await actor(database, world, "technician")) as tx:
        inner, outer = [await tx.session.get(Specimen, tube) for tube in pools.tube_ids]
        for pool in (inner, outer):
            pool.level, pool.participant_id, pool.collection_event_id = "pool", None, None
        await tx.session.flush()
        given = {"study_id": inner.study_id, "site_id": inner.site_id, "type": "pool", "started_at": tx.now}
        (event,) = await tx.insert(ProcessingEvent, [{**given, "operator_id": tx.actor.user_id}])
        edges = [(inner.id, leaves.tube_ids[0]), (outer.id, inner.id), (outer.id, stays.tube_ids[0])]
        await tx.insert(
            Derivation,
            [{"child_id": child, "parent_id": parent, "processing_event_id": event} for child, parent in edges],
        )
        tx.record("pools.made", subject="specimen", subject_id=None)
    clerk = api("clerk")
    code = await draft(clerk)
    await clerk.ok(f"/shipments/{code}/items", {"tubes": [pools.tubes[1]]})
    await clerk.ok(f"/shipments/{code}/unpack", {"tube": pools.tubes[1]})
    await withdraw(api("coordinator"), leaves.participant)
    refused = await clerk.post(f"/shipments/{code}/items", {"tubes": list(pools.tubes)})
    assert {one["tube"]: one["reason"] for one in refused.json()["blocked"]} == dict.fromkeys(
        pools.tubes, "consent_withdrawn"
    )


async def test_only_a_person_packs(api, database, world):
    made = await make_material(database, world, tubes=1)
    code = await draft(api("clerk"))
    with pytest.raises(Forbidden):
        async with open_tx(database, SERVICE) as tx:
            await commands.pack_items(tx, code, PackItems(tubes=made.tubes))


async def test_a_tube_of_another_study_is_named_as_one(api, database, world):
    """Who works in both studies is told the true reason."""
    other = await make_material(database, world, study="OTH", site="LAB", tubes=1, holder="stranger")
    code = await draft(api("clerk"))
    clerk, stranger = await actor(database, world, "clerk"), await actor(database, world, "stranger")
    both = replace(clerk, grants=(*clerk.grants, *stranger.grants))
    with pytest.raises(TubesBlocked) as refused:
        async with open_tx(database, both) as tx:
            await commands.pack_items(tx, code, PackItems(tubes=other.tubes))
    assert refused.value.fields["blocked"][0]["reason"] == "other_study"
