"""Processing with equipment, programs, lots and the protocol's steps: what is refused, and what a named deviation lets
pass.
"""

from datetime import timedelta

import pytest

from tests.api.specimen_steps import COLLECTED, NOW, centrifuge, collected, collection, day, enrolled, tube, vials

SPUN = COLLECTED + timedelta(hours=1)
NAMED = {"type": "other", "comment": "As the senior technician said"}


def spin(code, *, at=SPUN, **more):
    return {"type": "centrifuge", "specimens": [code], "started_at": at.isoformat(), **more}


async def refusal(api, body, who="technician_chi"):
    response = await api(who).post("/processing", body)
    return response.status_code, response.json()["type"].rpartition("/")[2], response.json()["detail"]


async def processing(api, code):
    return (await api("technician_chi").see(f"/specimens/{code}"))["processing"]


async def test_settings_are_those_of_the_program_where_none_were_given(api):
    await centrifuge(api)
    _, (one,) = await collected(api)
    body = spin(one["code"], equipment="CF-1", program="SERUM", minutes="12", brake=False)
    await api("technician_chi").ok("/processing", body)
    (event,) = await processing(api, one["code"])
    assert (event["equipment"], event["program"]) == ("CF-1", "SERUM")
    assert [event[name] for name in ("g_force", "minutes", "celsius", "brake")] == ["1300", "12", "20", False]
    assert event["warnings"] == []


async def test_equipment_is_of_the_site_and_in_service(api):
    await centrifuge(api)
    _, (one,) = await collected(api)
    status, code, _ = await refusal(api, spin(one["code"], equipment="CF-9"))
    assert (status, code) == (422, "invalid")
    status, code, _ = await refusal(api, spin(one["code"], equipment="CF-1", program="NONE"))
    assert (status, code) == (422, "invalid")
    await api("manager").ok(
        "/equipment/CHI/CF-1/status", {"status": "out_of_service", "reason": "Imbalance", "row_version": 2}
    )
    for more in ({}, {"deviation": NAMED}):
        status, code, detail = await refusal(api, spin(one["code"], equipment="CF-1", **more))
        assert (status, code, "out of service" in detail) == (409, "equipment-not-usable", True)


async def test_an_overdue_calibration_is_told_and_recorded(api):
    await centrifuge(api, calibration_due=day(-30))
    _, (one,) = await collected(api)
    done = await api("technician_chi").ok("/processing", spin(one["code"], equipment="CF-1"))
    told = [{"warning": "calibration_overdue", "detail": f"The calibration of CF-1 was due on {day(-30)}."}]
    assert done["warnings"] == told
    (event,) = await processing(api, one["code"])
    assert event["warnings"] == told


async def test_a_program_of_another_tube_type_is_refused_unless_a_deviation_is_named(api):
    await centrifuge(api)
    _, (one, other) = await collected(api, tube(), tube("BLD", "EDTA10"))
    body = spin(one["code"], equipment="CF-1", program="SERUM") | {"specimens": [one["code"], other["code"]]}
    status, code, detail = await refusal(api, body)
    assert (status, code) == (409, "wrong-program")
    assert "SST" in detail
    assert "EDTA10" in detail
    assert await processing(api, one["code"]) == []
    done = await api("technician_chi").ok("/processing", body | {"deviation": {"type": "unexpected_tube"}})
    assert [one["warning"] for one in done["warnings"]] == ["wrong_program"]
    seen = await api("technician_chi").see(f"/specimens/{other['code']}")
    assert [(row["type"], row["resolved_at"]) for row in seen["deviations"]] == [("unexpected_tube", None)]


async def test_an_expired_lot_is_refused_unless_a_deviation_is_named(api):
    lot = {"site": "CHI", "reagent": "Lymphoprep"}
    await api("technician_chi").ok("/reagent-lots", lot | {"lot": "OLD", "expires_on": day(-9)})
    await api("technician_chi").ok("/reagent-lots", lot | {"lot": "NEW", "expires_on": day(90)})
    _, (one,) = await collected(api)
    used = {"reagents": [{"reagent": "Lymphoprep", "lot": "OLD"}, {"reagent": "Lymphoprep", "lot": "NEW"}]}
    status, code, detail = await refusal(api, spin(one["code"], **used))
    assert (status, code) == (409, "reagent-expired")
    assert ("OLD" in detail, "NEW" in detail) == (True, False)
    twice = [{"reagent": "Lymphoprep", "lot": "NEW"}] * 2
    assert (await refusal(api, spin(one["code"], reagents=twice)))[:2] == (422, "invalid")
    done = await api("technician_chi").ok("/processing", spin(one["code"], **used, deviation=NAMED))
    assert [one["warning"] for one in done["warnings"]] == ["reagent_expired"]
    (event,) = await processing(api, one["code"])
    assert [row["lot"] for row in event["reagents"]] == ["NEW", "OLD"]


async def test_a_named_deviation_that_is_none_is_refused(api):
    _, (one,) = await collected(api)
    response = await api("technician_chi").post("/processing", spin(one["code"], deviation={"type": "boredom"}))
    assert (response.status_code, list(response.json()["errors"])) == (422, ["type"])
    assert await processing(api, one["code"]) == []


async def test_times_follow_each_other_unless_a_deviation_is_named(api):
    _, (one,) = await collected(api)
    early = spin(one["code"], at=COLLECTED - timedelta(minutes=30))
    status, code, detail = await refusal(api, early)
    assert (status, code) == (409, "out-of-order")
    assert "collected only" in detail
    await api("technician_chi").ok("/processing", spin(one["code"], at=COLLECTED - timedelta(minutes=4)))
    late_receipt = {**spin(one["code"], at=SPUN), "type": "receive"}
    status, code, detail = await refusal(api, late_receipt)
    assert (status, code) == (409, "out-of-order")
    assert "spun already" in detail
    done = await api("technician_chi").ok("/processing", late_receipt | {"deviation": NAMED})
    assert [row["warning"] for row in done["warnings"]] == ["out_of_order"]
    # A second spin, and a receipt by a second laboratory, follow what came before.
    await api("technician_chi").ok("/processing", spin(one["code"], at=SPUN + timedelta(hours=1)))
    await api("technician_chi").ok("/processing", late_receipt | {"started_at": NOW.isoformat()})


async def test_vials_are_not_made_before_the_tube_was_spun(api):
    _, (one,) = await collected(api)
    await api("technician_chi").ok("/processing", spin(one["code"], at=COLLECTED + timedelta(hours=3)))
    url = f"/specimens/{one['code']}/aliquots"
    body = vials("500", started_at=COLLECTED + timedelta(hours=2))
    refused = await api("technician_chi").post(url, body)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/out-of-order")
    done = await api("technician_chi").ok(url, body | {"deviation": {"type": "haemolysis"}})
    made = await api("technician_chi").see(f"/specimens/{done['made'][0]['code']}")
    assert [row["type"] for row in made["deviations"]] == ["haemolysis"]
    assert [row["warning"] for row in made["processing"][0]["warnings"]] == ["out_of_order"]
    # Before the tube itself was there, no deviation helps.
    never = vials("500", started_at=COLLECTED - timedelta(hours=2), deviation=NAMED)
    assert (await api("technician_chi").post(url, never)).status_code == 422


@pytest.fixture
async def planned(api, superuser):
    """A serum tube that the protocol lets clot 30 to 60 minutes and spins at 1,100 to 1,300 g within two hours."""
    person = await enrolled(api)
    made = await api("technician_chi").ok(f"/participants/{person}/collections", collection(tube()))
    (one,) = made["specimens"]
    await superuser.execute(
        f"""
        select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false);
        insert into protocol_version (study_id, number, effective_from) select id, 99, '2022-01-01' from study
         where code = 'LLS';
        insert into planned_visit (protocol_version_id, study_id, visit_type_id, code, title, position, planned_day)
        select p.id, p.study_id, t.id, 'BASE', 'Base', 1, 0
          from protocol_version p join visit_type t on t.study_id = p.study_id
         where t.code = 'BASE' and p.number = 99;
        insert into planned_tube (planned_visit_id, study_id, code, position, specimen_type, tube_type, quantity, unit)
        select id, study_id, 'ours', 1, 'BLD', 'SST', 8500, 'uL' from planned_visit
         where protocol_version_id = (select id from protocol_version where number = 99);
        insert into planned_step (planned_tube_id, position, type, min_minutes, max_minutes)
        select id, 1, 'clot', 30, 60 from planned_tube where code = 'ours';
        insert into planned_step (planned_tube_id, position, type, within_minutes, min_g, max_g, brake)
        select id, 2, 'centrifuge', 120, 1100, 1300, true from planned_tube where code = 'ours';
        insert into tube_outcome (visit_id, planned_tube_id, ordinal, specimen_id, recorded_at, recorded_by)
        select v.id, t.id, 1, s.id, now(), (select min(id) from app_user) from visit v, planned_tube t, specimen s
         where s.code = '{one["code"]}' and t.code = 'ours' and v.status = 'done'
           and v.participant_id = s.participant_id;
        """
    )
    return one["code"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"g_force": "2000"}, "2000 g is not 1100 to 1300 g"),
        ({"brake": False}, "the brake was off"),
        ({"started_at": (COLLECTED + timedelta(hours=3)).isoformat()}, "within 120 min"),
        ({"type": "ficoll"}, "plans no ficoll"),
        ({"type": "clot", "minutes": "20"}, "20 min is not 30 to 60 min"),
        ({"type": "clot", "ended_at": (SPUN + timedelta(minutes=90)).isoformat()}, "90 min is not 30 to 60 min"),
    ],
)
async def test_what_the_protocol_does_not_plan_is_refused_unless_a_deviation_is_named(api, planned, body, words):
    status, code, detail = await refusal(api, spin(planned) | body)
    assert (status, code) == (409, "wrong-step")
    assert words in detail
    done = await api("technician_chi").ok("/processing", spin(planned) | body | {"deviation": NAMED})
    assert [row["warning"] for row in done["warnings"]] == ["wrong_step"]


async def test_what_the_protocol_plans_and_what_it_does_not_speak_of_passes(api, planned):
    clot = {**spin(planned, at=COLLECTED + timedelta(minutes=5)), "type": "clot", "minutes": "45"}
    for body in (clot, spin(planned, g_force="1200", brake=True), {**spin(planned), "type": "quantify"}):
        assert (await api("technician_chi").ok("/processing", body))["warnings"] == []


async def test_a_reading_across_midnight_and_the_change_of_clocks(api):
    """Collected late in the evening, spun after midnight: later is later, whatever the day and the offset say."""
    _, (one,) = await collected(api)
    offset = "+14:00"
    local = (SPUN + timedelta(hours=14)).replace(tzinfo=None).isoformat() + offset
    await api("technician_chi").ok("/processing", spin(one["code"]) | {"started_at": local})
    (event,) = await processing(api, one["code"])
    assert event["started_at"].startswith(SPUN.strftime("%Y-%m-%dT%H:%M"))
