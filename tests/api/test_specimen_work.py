"""Processing, dividing, pooling, and keeping the record of a tube true."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.api.specimen_steps import COLLECTED, NOW, collected, collection, enrolled, tube, vials
from tests.material import make_material
from tests.withdrawing import withdraw

SPUN = (NOW - timedelta(hours=19)).isoformat()


async def test_short_volume_makes_full_vials_and_one_partial(api):
    """Scenario 8: 8 x 0.5 mL planned, 3.1 mL obtained: six full and one partial of 0.1 mL, and the ledger balances."""
    _, (parent,) = await collected(api, tube(quantity="3100"))
    made = await api("technician_chi").ok(
        f"/specimens/{parent['code']}/aliquots", vials(*["0.5"] * 6, "0.1", unit="mL", nominal="0.5")
    )
    assert [(row["quantity"], row["is_partial"], row["ordinal"]) for row in made["made"]] == [
        *[("500", False, number) for number in range(1, 7)],
        ("100", True, 7),
    ]
    assert {(row["level"], row["place"], row["at_site"]) for row in made["made"]} == {("aliquot", "holder", "CHI")}
    assert [(row["code"], row["quantity"]) for row in made["parents"]] == [(parent["code"], "0")]
    seen = await api("scientist").see(f"/specimens/{parent['code']}")
    assert [(row["delta"], row["reason"]) for row in seen["ledger"]] == [("3100", "initial"), ("-3100", "aliquoted")]
    assert seen["children"] == [row["code"] for row in made["made"]]
    child = await api("scientist").see(f"/specimens/{made['made'][0]['code']}")
    assert (child["parents"], child["visit"], child["collected_at"]) == (
        [parent["code"]],
        "BASE",
        parent["collected_at"],
    )
    (root,) = child["lineage"]
    assert (root["code"], root["current"], [node["current"] for node in root["children"]]) == (
        parent["code"],
        False,
        [True],
    )
    assert [(event["type"], event["role"]) for event in child["processing"]] == [("aliquot", "made")]


async def test_a_replayed_form_gives_the_first_outcome(api):
    _, (parent,) = await collected(api)
    url, body, key = f"/specimens/{parent['code']}/aliquots", vials("500", "500"), str(uuid4())
    first = await api("technician_chi").ok(url, body, key=key)
    assert await api("technician_chi").ok(url, body, key=key) == first
    assert len((await api("scientist").see(f"/specimens/{parent['code']}"))["children"]) == 2


async def test_more_than_the_parent_holds_names_the_live_balance(api):
    _, (parent,) = await collected(api, tube(quantity="900"))
    response = await api("technician_chi").post(f"/specimens/{parent['code']}/aliquots", vials("500", "500"))
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "/problems/not-enough-material")
    assert (problem["balance"], problem["wanted"], problem["unit"]) == ("900", "1000", "uL")
    assert "900" in problem["detail"]


async def test_derivatives_of_another_material_say_what_they_use(api):
    _, (blood,) = await collected(api, tube("BLD", "CPT", "8000"))
    url = f"/specimens/{blood['code']}/aliquots"
    unsaid = await api("technician_chi").post(url, vials("8", specimen_type="CEL", tube_type="CRYO20"))
    assert (unsaid.status_code, list(unsaid.json()["errors"])) == (422, ["consumes"])
    cells = await api("technician_chi").ok(
        url, vials("8", "6.5", specimen_type="CEL", tube_type="CRYO20", consumes="4000", basis="measured")
    )
    assert [(row["level"], row["quantity"], row["unit"]) for row in cells["made"]] == [
        ("derivative", "8", "10*6"),
        ("derivative", "6.5", "10*6"),
    ]
    assert cells["parents"][0]["quantity"] == "4000"
    plasma = await api("technician_chi").ok(url, vials("500", specimen_type="PL1"))
    assert plasma["parents"][0]["quantity"] == "3500"
    sediment = await api("technician_chi").ok(url, vials("300", specimen_type="BFF", consumes="0"))
    assert sediment["parents"][0]["quantity"] == "3500"


BAD_VIALS = {
    "none": (vials(), "quantities"),
    "zero": (vials("0"), "quantities"),
    "enormous": (vials("1" + 30 * "0"), "quantities"),
    "overfull": (vials("501"), "quantities"),
    "unknown type": (vials("5", specimen_type="XXX"), "specimen_type"),
    "unknown tube": (vials("5", tube_type="BUCKET"), "tube_type"),
    "unit": (vials("5", unit="10*6"), "unit"),
    "less than made": (vials("50", consumes="10"), "consumes"),
    "before the parent": (vials("5", started_at=COLLECTED - timedelta(minutes=1)), "started_at"),
    "future": (vials("5", started_at=NOW + timedelta(hours=1)), "started_at"),
    "ends first": (vials("5", ended_at=COLLECTED.isoformat()), "ended_at"),
    "ends in the future": (vials("5", ended_at=(NOW + timedelta(days=1)).isoformat()), "ended_at"),
}


async def test_bad_vials_name_their_field_and_nothing_is_half_done(api):
    _, (parent,) = await collected(api)
    for name, (body, field) in BAD_VIALS.items():
        response = await api("technician_chi").post(f"/specimens/{parent['code']}/aliquots", body)
        assert response.status_code == 422, name
        assert field in " ".join(response.json()["errors"]), name
    assert len((await api("manager").see("/specimens"))["rows"]) == 1


async def test_who_is_not_here_does_not_see_the_tube(api):
    _, (parent,) = await collected(api)
    for other in ("technician", "stranger"):
        hidden = await api(other).post(f"/specimens/{parent['code']}/aliquots", vials("5"))
        assert (hidden.status_code, hidden.json()["type"]) == (404, "/problems/not-found")
    assert (await api("coordinator_tor").get(f"/specimens/{parent['code']}")).status_code == 404
    assert (await api("coordinator").post(f"/specimens/{parent['code']}/aliquots", vials("5"))).status_code == 403
    wrong = await api("technician_chi").post("/specimens/TAAAAAAAAA/aliquots", vials("5"))
    assert (wrong.status_code, "check character" in wrong.json()["detail"]) == (422, True)


async def test_a_withdrawal_stops_dividing_and_pooling(api):
    person, tubes = await collected(api, tube(), tube())
    await withdraw(api("coordinator"), person)
    codes = [row["code"] for row in tubes]
    for url, body in ((f"/specimens/{codes[0]}/aliquots", vials("5")), ("/pools", pool(codes))):
        refused = await api("technician_chi").post(url, body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/participant-withdrawn")
        assert refused.json()["participants"] == [person]


def pool(codes, *quantities, each="100", **more):
    return {
        "parents": [{"specimen": code, "quantity": each} for code in codes],
        "tube_type": "CRYO20",
        "quantities": list(quantities or ["100"]),
        "started_at": (NOW - timedelta(hours=10)).isoformat(),
        **more,
    }


async def test_a_pool_has_parents_of_several_people_and_asks_all_of_them(api):
    first, (one,) = await collected(api)
    second, (two,) = await collected(api)
    made = await api("technician_chi").ok("/pools", pool([one["code"], two["code"]], "120", "80"))
    assert [(row["level"], row["participant"], row["quantity"]) for row in made["made"]] == [
        ("pool", None, "120"),
        ("pool", None, "80"),
    ]
    assert [row["quantity"] for row in made["parents"]] == ["3900", "3900"]
    vial = made["made"][0]["code"]
    part = await api("technician_chi").ok(f"/specimens/{vial}/aliquots", vials("20", started_at=NOW))
    assert (part["made"][0]["level"], part["made"][0]["participant"]) == ("pool", None)
    seen = await api("scientist").see(f"/specimens/{part['made'][0]['code']}")
    assert {root["code"] for root in seen["lineage"]} == {one["code"], two["code"]}
    assert [root["children"] != [] for root in seen["lineage"]] == [True, True]
    await withdraw(api("coordinator"), second, "destroy")
    refused = await api("technician_chi").post(f"/specimens/{vial}/aliquots", vials("20", started_at=NOW))
    assert (refused.status_code, refused.json()["participants"]) == (409, [second])
    assert first != second


async def test_a_pool_of_one_person_is_theirs(api):
    person, tubes = await collected(api, tube(), tube())
    made = await api("technician_chi").ok("/pools", pool([row["code"] for row in tubes]))
    assert [row["participant"] for row in made["made"]] == [person]


async def test_what_pools_refuse(api):
    _, tubes = await collected(api, tube(), tube(), tube("BLD", "EDTA10"))
    one, two, blood = (row["code"] for row in tubes)
    cases = (
        (pool([one]), 422, "parents"),
        (pool([one, one]), 422, "parents"),
        (pool([one, blood]), 422, "parents"),
        (pool([one, two], "201"), 422, "quantities"),
    )
    for body, status, field in cases:
        response = await api("technician_chi").post("/pools", body)
        assert (response.status_code, field in " ".join(response.json()["errors"])) == (status, True), response.text
    short = await api("technician_chi").post("/pools", pool([one, two], each="4001"))
    assert (short.json()["type"], short.json()["balance"]) == ("/problems/not-enough-material", "4000")


async def test_tubes_of_two_sites_are_worked_on_apart(api, database, world):
    mine = await make_material(database, world, tubes=1, at="LAB")
    theirs = await make_material(database, world, tubes=1, at="CHI")
    body = {"type": "receive", "specimens": [mine.tubes[0], theirs.tubes[0]], "started_at": NOW.isoformat()}
    response = await api("manager").post("/processing", body)
    assert (response.status_code, list(response.json()["errors"])) == (422, ["specimens"])
    there = await make_material(database, world, tubes=1, at="LAB", site="TOR")
    pooled = await api("technician").ok("/pools", pool([mine.tubes[0], there.tubes[0]]))
    assert [(row["site"], row["at_site"]) for row in pooled["made"]] == [("LAB", "LAB")]


async def test_a_spin_is_recorded_with_its_settings(api):
    _, (one,) = await collected(api)
    device = {"site": "CHI", "code": "CF-2", "title": "Centrifuge 2", "kind": "centrifuge"}
    await api("manager").ok("/equipment", device)
    body = {
        "type": "centrifuge",
        "specimens": [one["code"]],
        "started_at": SPUN,
        "ended_at": NOW.isoformat(),
        "equipment": "CF-2",
        "g_force": "1300",
        "minutes": "10",
        "celsius": "20",
        "brake": False,
        "sop_version": "SOP-7 v3",
    }
    done = await api("technician_chi").ok("/processing", body)
    assert [row["code"] for row in done["specimens"]] == [one["code"]]
    (event,) = (await api("scientist").see(f"/specimens/{one['code']}"))["processing"]
    assert {**event, "operator": None} | {"started_at": SPUN, "ended_at": body["ended_at"]} == {
        **{name: body[name] for name in body if name != "specimens"},
        "role": "input",
        "operator": None,
        "program": None,
        "held_celsius": None,
        "reagents": [],
        "warnings": [],
    }


async def test_thaws_count_and_children_inherit_them(api):
    """Scenario 19: a parent thawed twice gives children that start at two; freezing again is the same cycle."""
    _, (one,) = await collected(api)
    for kind in ("thaw", "refreeze", "thaw"):
        await api("technician_chi").ok("/processing", {"type": kind, "specimens": [one["code"]], "started_at": SPUN})
    made = await api("technician_chi").ok(f"/specimens/{one['code']}/aliquots", vials("500"))
    assert made["made"][0]["freeze_thaw_count"] == 2
    await api("technician_chi").ok("/processing", {"type": "thaw", "specimens": [one["code"]], "started_at": SPUN})
    assert (await api("scientist").see(f"/specimens/{one['code']}"))["freeze_thaw_count"] == 3
    assert (await api("scientist").see(f"/specimens/{made['made'][0]['code']}"))["freeze_thaw_count"] == 2


async def test_processing_refuses_what_cannot_be(api):
    person, (one,) = await collected(api)
    good = {"type": "centrifuge", "specimens": [one["code"]], "started_at": SPUN}
    for change, field in (
        ({"specimens": []}, "specimens"),
        ({"specimens": [one["code"], one["code"].lower()]}, "specimens"),
        ({"specimens": ["PAAAAAAAAA"]}, "specimens"),
        ({"specimens": [person]}, "specimens"),
        ({"type": "aliquot"}, "type"),
        ({"g_force": "0"}, "g_force"),
        ({"minutes": "-5"}, "minutes"),
        ({"started_at": (NOW + timedelta(hours=1)).isoformat()}, "started_at"),
        ({"ended_at": (COLLECTED - timedelta(hours=1)).isoformat()}, "ended_at"),
        ({"equipment": "CF-9"}, "equipment"),
        ({"program": "SPIN"}, "equipment"),
        ({"reagents": [{"reagent": "Ficoll", "lot": "X1"}]}, "reagents"),
        ({"deviation": {"type": "nonsense"}}, "type"),
    ):
        response = await api("technician_chi").post("/processing", good | change)
        assert (response.status_code, field in " ".join(response.json()["errors"])) == (422, True), response.text


async def test_a_used_up_tube_ends_and_is_worked_on_no_more(api):
    _, (one,) = await collected(api)
    url = f"/specimens/{one['code']}"
    ended = await api("technician_chi").ok(f"{url}/use-up", {"reason": "Last of it went into the assay"})
    assert (ended["existence"], ended["quantity"], ended["place"]) == ("consumed", "0", "ended")
    assert [row["reason"] for row in ended["ledger"]] == ["initial", "exhausted"]
    for path, body in (("/aliquots", vials("5")), ("/use-up", {"reason": "again"})):
        refused = await api("technician_chi").post(url + path, body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/tube-not-usable")
        assert "consumed" in refused.json()["detail"]


async def test_an_empty_tube_is_used_up_without_a_posting(api):
    _, (one,) = await collected(api, tube(quantity="500"))
    await api("technician_chi").ok(f"/specimens/{one['code']}/aliquots", vials("500"))
    ended = await api("technician_chi").ok(f"/specimens/{one['code']}/use-up", {"reason": "Empty"})
    assert [row["reason"] for row in ended["ledger"]] == ["initial", "aliquoted"]


async def test_quarantine_sets_a_tube_apart_until_it_is_released(api):
    _, (one,) = await collected(api)
    url = f"/specimens/{one['code']}"
    apart = await api("technician_chi").ok(f"{url}/quality", {"quality": "quarantined", "reason": "Label unreadable"})
    assert apart["quality"] == "quarantined"
    await api("technician_chi").ok(f"{url}/quality", {"quality": "quarantined", "reason": "Seen by a second person"})
    refused = await api("technician_chi").post(f"{url}/aliquots", vials("5"))
    assert (refused.status_code, refused.json()["codes"]) == (409, [one["code"]])
    assert (await api("technician_chi").post(f"{url}/quality", {"quality": "acceptable"})).status_code == 422
    await api("technician_chi").ok(f"{url}/quality", {"quality": "acceptable", "reason": "Identity confirmed"})
    assert (await api("technician_chi").post(f"{url}/aliquots", vials("5"))).is_success


async def test_a_tube_on_hold_is_left_alone(api, superuser):
    _, (one,) = await collected(api)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("update specimen set hold = 'identity_doubt' where code = $1", one["code"])
    refused = await api("technician_chi").post(f"/specimens/{one['code']}/use-up", {"reason": "Empty"})
    assert (refused.status_code, "identity doubt" in refused.json()["detail"]) == (409, True)
    assert [row["code"] for row in (await api("manager").see("/specimens", hold="any"))["rows"]] == [one["code"]]


async def test_a_correction_is_a_posting_with_a_reason(api):
    _, (one,) = await collected(api)
    url = f"/specimens/{one['code']}/quantity"
    fixed = await api("technician_chi").ok(url, {"quantity": "3950.5", "seen": "4000", "reason": "Weighed"})
    assert (fixed["quantity"], fixed["ledger"][-1]["delta"]) == ("3950.5", "-49.5")
    spilt = await api("technician_chi").ok(url, {"quantity": "100", "cause": "spill", "reason": "Tube tipped over"})
    assert spilt["ledger"][-1]["reason"] == "spill"
    for body, status, what in (
        ({"quantity": "50", "seen": "4000", "reason": "Weighed"}, 412, "balance-changed"),
        ({"quantity": "100", "reason": "Weighed"}, 422, "invalid"),
        ({"quantity": "200", "cause": "spill", "reason": "Weighed"}, 422, "invalid"),
        ({"quantity": "9000", "reason": "Weighed"}, 422, "invalid"),
        ({"quantity": "-1", "reason": "Weighed"}, 422, "invalid"),
        ({"quantity": "50"}, 422, "invalid"),
    ):
        response = await api("technician_chi").post(url, body)
        assert (response.status_code, response.json()["type"]) == (status, f"/problems/{what}"), response.text


async def test_a_vendors_code_is_taken_for_ever(api):
    _, tubes = await collected(api, tube(), tube())
    one, two = (row["code"] for row in tubes)
    added = await api("technician_chi").ok(f"/specimens/{one}/codes", {"namespace": "azenta", "value": " SA0123456 "})
    assert [(row["namespace"], row["value"]) for row in added["codes"]] == [("azenta", "SA0123456")]
    await api("technician_chi").ok(f"/specimens/{one}/use-up", {"reason": "Empty"})
    taken = await api("technician_chi").post(f"/specimens/{two}/codes", {"namespace": "azenta", "value": "SA0123456"})
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/code-taken")
    await api("technician_chi").ok(f"/specimens/{two}/codes", {"namespace": "micronic", "value": "SA0123456"})
    for namespace, value, field in (
        ("house", "TKQ7M3X9V7", "namespace"),
        ("nobody", "1", "namespace"),
        ("legacy", "  ", "value"),
        ("legacy", "a\x00b", "value"),
        ("legacy", 65 * "9", "value"),
    ):
        bad = await api("technician_chi").post(f"/specimens/{two}/codes", {"namespace": namespace, "value": value})
        assert (bad.status_code, list(bad.json()["errors"])) == (422, [field]), bad.text


async def test_lists_are_filtered_and_paged(api):
    person, _ = await collected(api, tube(), tube(), tube("URN", "URINE"))
    await collected(api, tube("BLD", "EDTA10"))
    see = api("scientist").see
    assert [row["specimen_type"] for row in (await see("/specimens", participant=person))["rows"]] == [
        "SER",
        "SER",
        "URN",
    ]
    assert len((await see("/specimens", type="SER", study="LLS", site="CHI", level="primary"))["rows"]) == 2
    assert (await see("/specimens", site="TOR"))["rows"] == []
    assert (await see("/specimens", hold="identity_doubt"))["rows"] == []
    assert len((await see("/specimens", place="holder", quality="acceptable", existence="exists"))["rows"]) == 4
    first = await see("/specimens", limit=3)
    rest = await see("/specimens", limit=3, after=first["next"])
    assert (len(first["rows"]), len(rest["rows"]), rest["next"]) == (3, 1, None)
    assert "id" not in first["rows"][0]
    assert (await api("coordinator_tor").see("/specimens"))["rows"] == []
    assert {row["code"] for row in await see("/specimen-types")} >= {"SER", "CEL"}
    assert {row["code"]: row["capacity_ul"] for row in await see("/tube-types")}["SST"] == "8500"


async def test_the_service_itself_holds_no_tubes(api, database):
    from biobank.actor import SERVICE
    from biobank.errors import Invalid
    from biobank.specimen.collecting import Collect, collect
    from biobank.tx import open_tx

    person = await enrolled(api)
    with pytest.raises(Invalid, match="by a person"):
        async with open_tx(database, SERVICE) as tx:
            await collect(tx, person, Collect.model_validate(collection(tube())))
