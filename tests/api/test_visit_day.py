"""The visit day over JSON: what is planned, drawn, not collected, finished; and everything that refuses."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.visits import ALL, draw, publish, ref, visit
from tests.withdrawing import withdraw


@pytest.fixture(autouse=True)
async def protocol(database):
    await publish(database)


async def day_of(api, at):
    return await api("coordinator").see(at.path)


async def test_a_visit_from_plan_to_end(api):
    at = await visit(api)
    day = await day_of(api, at)
    assert [(slot["planned"], slot["ordinal"], slot["state"]) for slot in day["slots"]] == [
        ("serum", 1, "open"),
        ("serum", 2, "open"),
        ("plasma", 1, "open"),
        ("dna", 1, "not_covered"),
        ("urine", 1, "open"),
    ]
    assert (day["planned"], day["open"], day["status"], day["consent"]["ok"]) == (4, 4, "done", True)

    blood = await draw(api, at, ref("serum", 1), ref("serum", 2, quantity="8000"), ref("plasma"), fasting=True)
    refused = await api("coordinator").post(f"{at.path}/finish", {"row_version": day["row_version"] + 1})
    assert (refused.status_code, refused.json()["tubes"]) == (409, ["urine"])
    assert "Not accounted for: urine" in refused.json()["detail"]

    said = {"tubes": [ref("urine")], "reason": "attempted", "note": "twice"}
    day = await api("coordinator").ok(f"{at.path}/not-collected", said)
    assert [slot["tube"] for slot in day["slots"]] == [*blood, None, None]
    assert (day["collected"], day["not_collected"], day["open"], day["fasting"]) == (3, 1, 0, True)
    assert day["slots"][4]["reason_title"] == "Participant attempted"
    assert {tube["quantity"] for tube in day["tubes"]} == {"8500", "8000", "10000"}

    finished = await api("coordinator").ok(f"{at.path}/finish", {"row_version": day["row_version"]})
    assert (finished["finished_by"], finished["finished_at"] is not None) == ("Coordinator", True)
    again = await api("manager").post(f"{at.path}/finish", {"row_version": finished["row_version"]})
    assert (again.status_code, again.json()["type"]) == (412, "/problems/visit-finished")
    assert "Coordinator finished this visit on" in again.json()["detail"]
    assert "3 of 4 planned tubes collected, 1 not collected" in again.json()["detail"]
    mine = await api("coordinator").post(f"{at.path}/finish", {"row_version": finished["row_version"]})
    assert mine.json()["detail"].startswith("You finished")


async def test_a_scope_that_was_granted_makes_its_tube_due(api):
    at = await visit(api, granted=("biobank_storage", "genetic_wgs"))
    await draw(api, at, *ALL)
    day = await day_of(api, at)
    refused = await api("coordinator").post(f"{at.path}/finish", {"row_version": day["row_version"]})
    assert refused.json()["tubes"] == ["dna"]
    await draw(api, at, ref("dna"))
    assert (await day_of(api, at))["open"] == 0


async def test_what_somebody_recorded_meanwhile_is_looked_at_first(api):
    at = await visit(api)
    seen = (await day_of(api, at))["row_version"]
    await draw(api, at, *ALL)
    refused = await api("coordinator").post(f"{at.path}/finish", {"row_version": seen})
    assert (refused.status_code, refused.json()["type"]) == (412, "/problems/visit-changed")


async def test_a_replay_draws_once_and_finishes_once(api):
    at, key = await visit(api), str(uuid4())
    body = {"collected_at": at.drawn_at.isoformat(), "tubes": list(ALL)}
    first = await api("coordinator").ok(f"{at.path}/draws", body, key=key)
    assert await api("coordinator").ok(f"{at.path}/draws", body, key=key) == first
    assert len((await day_of(api, at))["tubes"]) == 4
    finish = {"row_version": (await day_of(api, at))["row_version"]}
    key = str(uuid4())
    done = await api("coordinator").ok(f"{at.path}/finish", finish, key=key)
    assert await api("coordinator").ok(f"{at.path}/finish", finish, key=key) == done
    said = {"tubes": [ref("urine")], "reason": "refused"}
    refused = await api("coordinator").post(f"{at.path}/not-collected", said)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/outcome-recorded")


async def test_a_straggler_supersedes_the_reason_which_stays_on_record(api):
    at = await visit(api)
    await draw(api, at, *ALL[:3])
    await api("coordinator").ok(f"{at.path}/not-collected", {"tubes": [ref("urine")], "reason": "no_supply"})
    other = {"tubes": [ref("urine")], "reason": "other", "note": "left at home"}
    day = await api("coordinator").ok(f"{at.path}/not-collected", other)
    await api("coordinator").ok(f"{at.path}/finish", {"row_version": day["row_version"]})
    (urine,) = await draw(api, at, ref("urine"))
    slot = (await day_of(api, at))["slots"][4]
    assert (slot["state"], slot["tube"], slot["reason"]) == ("collected", urine, None)
    assert [one["reason"] for one in slot["earlier"]] == ["Supply unavailable", "Other"]


async def test_an_unplanned_tube_is_kept_beside_the_plan(api):
    at = await visit(api)
    extra = {"specimen_type": "SAL", "tube_type": "ORAGENE", "quantity": "2", "unit": "mL"}
    await draw(api, at, *ALL, unplanned=[extra])
    day = await day_of(api, at)
    assert [tube["specimen_type"] for tube in day["unplanned"]] == ["SAL"]
    assert (await api("coordinator").post(f"{at.path}/finish", {"row_version": day["row_version"]})).is_success
    refused = await api("manager").post(f"{at.path}/finish", {"row_version": 9})
    assert "1 unplanned" in refused.json()["detail"]


async def test_a_tube_that_was_registered_without_the_plan_stands_for_what_it_fits(api):
    at = await visit(api)
    await draw(api, at, *ALL[:3])
    loose = {
        "visit": "BASE",
        "collected_at": at.drawn_at.isoformat(),
        "tubes": [{"specimen_type": "URN", "tube_type": "URINE", "quantity": "40000"}],
    }
    await api("technician_chi").ok(f"/participants/{at.participant}/collections", loose)
    day = await day_of(api, at)
    assert (day["open"], len(day["unplanned"])) == (1, 1)
    done = await api("coordinator").ok(f"{at.path}/finish", {"row_version": day["row_version"]})
    assert (done["open"], done["unplanned"], done["collected"]) == (0, [], 4)


BAD_DRAWS = {
    "nothing": ({"tubes": []}, "tubes"),
    "not planned": ({"tubes": [ref("bile")]}, "tubes.0.planned"),
    "one too many": ({"tubes": [ref("serum", 3)]}, "tubes.0.planned"),
    "twice": ({"tubes": [ref("urine"), ref("urine")]}, "tubes"),
    "overfull": ({"tubes": [ref("serum", 1, quantity="8501")]}, "tubes.0.quantity"),
    "zero": ({"tubes": [ref("serum", 1, quantity="0")]}, "tubes.0.quantity"),
    "NaN": ({"tubes": [ref("serum", 1, quantity="NaN")]}, "tubes.0.quantity"),
    "huge ordinal": ({"tubes": [ref("serum", 10**9)]}, "tubes.0.ordinal"),
    "extra field": ({"tubes": [ref("serum")], "colour": "red"}, "colour"),
    "no zone": ({"tubes": [ref("serum")], "collected_at": "2026-01-05T09:00:00"}, "collected_at"),
    "future": ({"tubes": [ref("serum")], "collected_at": "2999-01-05T09:00:00Z"}, "collected_at"),
    "long ago": ({"tubes": [ref("serum")], "collected_at": "2024-01-05T09:00:00Z"}, "collected_at"),
}


async def test_bad_draws_name_their_field_and_register_nothing(api):
    at = await visit(api)
    for name, (change, field) in BAD_DRAWS.items():
        body = {"collected_at": at.drawn_at.isoformat(), **change}
        response = await api("technician_chi").post(f"{at.path}/draws", body)
        assert response.status_code == 422, (name, response.text)
        assert field in response.json()["errors"], (name, response.json())
    assert (await day_of(api, at))["tubes"] == []


async def test_bad_reasons_are_named(api):
    at = await visit(api)
    url = f"{at.path}/not-collected"
    for body, field in (
        ({"tubes": [ref("urine")], "reason": "lazy"}, "reason"),
        ({"tubes": [ref("urine")], "reason": "other"}, "note"),
        ({"tubes": [], "reason": "refused"}, "tubes"),
        ({"tubes": [ref("bile")], "reason": "refused"}, "tubes.0.planned"),
        ({"tubes": [ref("urine"), ref("urine")], "reason": "refused"}, "tubes"),
    ):
        response = await api("coordinator").post(url, body)
        assert (response.status_code, field in response.json()["errors"]) == (422, True), response.text
    assert (await day_of(api, at))["open"] == 4
    assert "refused" in {one["code"] for one in await api("coordinator").see("/not-collected-reasons")}


async def test_after_a_withdrawal_in_the_middle_nothing_more_is_collected_and_the_visit_can_end(api):
    at = await visit(api, granted=("biobank_storage", "genetic_wgs"))
    await draw(api, at, *ALL[:2])
    await withdraw(api("coordinator"), at.participant)
    response = await api("technician_chi").post(
        f"{at.path}/draws", {"collected_at": at.drawn_at.isoformat(), "tubes": [ref("urine")]}
    )
    assert (response.status_code, response.json()["type"]) == (409, "/problems/participant-withdrawn")
    day = await day_of(api, at)
    assert (day["consent"]["ok"], day["slots"][3]["state"]) == (False, "not_covered")
    assert "withdrawn" in day["consent"]["words"]
    rest = {"tubes": [ref("plasma"), ref("urine")], "reason": "withdrawn"}
    day = await api("coordinator").ok(f"{at.path}/not-collected", rest)
    assert (await api("coordinator").post(f"{at.path}/finish", {"row_version": day["row_version"]})).is_success


@pytest.mark.parametrize(("granted", "words"), [((), "No consent"), (("future_research",), "does not grant biobank")])
async def test_without_consent_the_day_says_so_and_nothing_is_drawn(api, granted, words):
    at = await visit(api, granted=granted)
    assert words in (await day_of(api, at))["consent"]["words"]
    response = await api("technician_chi").post(
        f"{at.path}/draws", {"collected_at": at.drawn_at.isoformat(), "tubes": list(ALL)}
    )
    assert (response.status_code, response.json()["type"]) == (409, "/problems/consent-missing")


async def test_a_planned_visit_has_a_day_but_takes_no_tubes(api):
    at = await visit(api)
    path = at.path.replace("BASE", "Y1")
    day = await day_of(api, type(at)(at.participant, path, at.drawn_at))
    assert (day["status"], day["open"], day["window_from"] is not None) == ("planned", 4, True)
    for step, body in (
        ("draws", {"collected_at": at.drawn_at.isoformat(), "tubes": list(ALL)}),
        ("not-collected", {"tubes": [ref("urine")], "reason": "refused"}),
        ("finish", {"row_version": 1}),
    ):
        response = await api("coordinator").post(f"{path}/{step}", body)
        assert (response.status_code, response.json()["type"]) == (409, "/problems/visit-not-done"), step


async def test_another_sites_visit_does_not_exist(api):
    at = await visit(api)
    for stranger in ("coordinator_tor", "technician", "stranger"):
        assert (await api(stranger).get(at.path)).status_code == 404, stranger
    for who, number in (("coordinator", 2), ("coordinator", 10**6)):
        assert (await api(who).get(f"/participants/{at.participant}/visits/BASE/{number}")).status_code == 404
    assert (await api("coordinator").get(f"/participants/{at.participant}/visits/NONE/1")).status_code == 404
    assert (await api("coordinator").get("/participants/PNONSENSE/visits/BASE/1")).status_code == 422
    assert (await api("coordinator").get(f"/participants/{at.participant}/visits/BASE/{10**12}")).status_code in (
        404,
        422,
    )


async def test_a_collection_across_midnight_belongs_to_its_visit(api):
    at = await visit(api, drawn=timedelta(hours=30))
    late = (at.drawn_at + timedelta(hours=20)).isoformat()
    made = await api("technician_chi").ok(f"{at.path}/draws", {"collected_at": late, "tubes": [ref("urine")]})
    assert made["day"]["slots"][4]["collected_at"] is not None
