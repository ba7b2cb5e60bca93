"""Visits over the API: planned at enrolment, done within a window or for a reason, missed, cancelled, due."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.specimen_steps import TODAY, days_since_the_visit
from tests.withdrawing import withdraw


def ago(days):
    return str(TODAY - timedelta(days=days))


async def enrolled(api, days=10, site="CHI", by="manager", **more):
    body = {"study": "LLS", "site": site, "enrolled_on": ago(days), **more}
    return (await api(by).ok("/participants", body))["code"]


async def visits_of(api, person):
    seen = await api("manager").see(f"/participants/{person}")
    return {(one["type"], one["number"]): one for one in seen["visits"]}


async def deed(api, person, what, by="coordinator", **body):
    return await api(by).post(f"/participants/{person}/visits{what}", body)


async def test_enrolment_plans_the_scheduled_visits(api):
    person = await enrolled(api)
    visits = await visits_of(api, person)
    assert set(visits) == {("BASE", 1), ("Y1", 1)}
    base = visits["BASE", 1]
    assert (base["status"], base["planned_on"], base["version"]) == ("planned", ago(10), 1)
    assert (base["window_from"], base["window_to"]) == (ago(40), ago(-35))


async def test_a_visit_within_its_window_is_done_once(api):
    person = await enrolled(api)
    done = await deed(api, person, "", type="BASE", occurred_on=ago(2), fasting=True)
    assert done.is_success, done.text
    base = (await visits_of(api, person))["BASE", 1]
    assert (base["status"], base["occurred_on"], base["fasting"], base["day"]) == ("done", ago(2), True, 8)
    assert (base["version"], base["outside_window_reason"]) == (1, None)
    again = await deed(api, person, "", type="BASE", occurred_on=ago(2))
    assert (again.status_code, again.json()["type"]) == (409, "/problems/visit-exists")
    strange = await deed(api, person, "", type="NONE", occurred_on=ago(2))
    assert strange.status_code == 404


async def test_outside_its_window_a_visit_wants_a_reason(api):
    person = await enrolled(api, days=400)
    refused = await deed(api, person, "", type="BASE", occurred_on=ago(2))
    said = refused.json()
    assert (refused.status_code, said["type"]) == (422, "/problems/outside-window")
    assert (said["window_from"], said["window_to"], said["day"]) == (ago(430), ago(355), ago(2))
    assert "give the reason" in said["detail"]
    done = await deed(
        api, person, "", type="BASE", occurred_on=ago(2), outside_window_reason="  Was abroad until last week "
    )
    assert done.is_success
    base = (await visits_of(api, person))["BASE", 1]
    assert (base["status"], base["outside_window_reason"]) == ("done", "Was abroad until last week")


async def test_flares_repeat_and_are_numbered(api):
    person = await enrolled(api)
    for day in (5, 3):
        assert (await deed(api, person, "", type="FLARE", occurred_on=ago(day))).is_success
    visits = await visits_of(api, person)
    assert [visits["FLARE", number]["occurred_on"] for number in (1, 2)] == [ago(5), ago(3)]
    assert visits["FLARE", 2]["window_from"] is None


async def test_a_visit_before_any_protocol_is_refused(api):
    person = await enrolled(api, days=1500)
    refused = await deed(api, person, "", type="FLARE", occurred_on=ago(1490))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/no-protocol-in-force")


async def test_a_visit_is_missed_when_its_window_is_over_and_may_still_turn_out_to_be_done(api):
    person = await enrolled(api, days=100)
    early = await deed(api, person, "/missed", type="Y1", reason="Moved away")
    assert (early.status_code, early.json()["type"]) == (409, "/problems/visit-window-open")
    assert (await deed(api, person, "/missed", type="BASE", reason="Did not come")).is_success
    base = (await visits_of(api, person))["BASE", 1]
    assert (base["status"], base["status_reason"]) == ("missed", "Did not come")
    twice = await deed(api, person, "/missed", type="BASE", reason="Did not come")
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/visit-not-open")
    done = await deed(api, person, "", type="BASE", occurred_on=ago(90), outside_window_reason="Recorded late")
    assert done.is_success
    assert (await visits_of(api, person))["BASE", 1]["status_reason"] is None


async def test_a_cancelled_visit_is_planned_again_before_it_is_done(api):
    person = await enrolled(api)
    assert (await deed(api, person, "/cancelled", type="BASE", reason="On dialysis")).is_success
    refused = await deed(api, person, "", type="BASE", occurred_on=ago(2))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/visit-not-open")
    assert "On dialysis" in refused.json()["detail"]
    assert (await deed(api, person, "/reopened", type="BASE", reason="Feels better")).is_success
    open_already = await deed(api, person, "/reopened", type="BASE", reason="Feels better")
    assert (open_already.status_code, open_already.json()["type"]) == (409, "/problems/visit-not-open")
    assert (await deed(api, person, "", type="BASE", occurred_on=ago(2))).is_success
    nothing = await deed(api, person, "/cancelled", type="FLARE", number=7, reason="No such visit")
    assert nothing.status_code == 404
    short = await deed(api, person, "/cancelled", type="Y1", reason="no")
    assert short.status_code == 422


async def test_a_visit_that_only_an_earlier_version_has_is_done_in_the_window_it_was_given(api):
    person = await enrolled(api, days=100)
    draft = await api("manager").ok("/studies/LLS/protocol/draft", {})
    document = draft["document"]
    document["visits"] = [one for one in document["visits"] if one["code"] != "BASE"]
    for one in document["visits"]:
        one["same_tubes_as"] = None
    body = {"row_version": draft["head"]["row_version"], "document": document}
    draft = await api("manager").ok("/studies/LLS/protocol/draft/content", body)
    body = {"row_version": draft["head"]["row_version"], "effective_from": ago(1)}
    await api("manager").ok("/studies/LLS/protocol/draft/publication", body)
    done = await deed(api, person, "", type="BASE", occurred_on=ago(0), outside_window_reason="Was in hospital")
    assert done.is_success, done.text
    base = (await visits_of(api, person))["BASE", 1]
    assert (base["status"], base["version"], base["window_to"]) == ("done", 1, ago(55))
    other = await enrolled(api, days=0)
    assert ("BASE", 1) not in await visits_of(api, other)
    refused = await deed(api, other, "", type="BASE", occurred_on=ago(0))
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/visit-not-in-protocol")


async def test_a_corrected_t0_moves_open_visits_and_leaves_done_ones(api):
    person = await enrolled(api, days=60)
    assert (await deed(api, person, "", type="BASE", occurred_on=ago(50))).is_success
    moved = await api("coordinator").ok(f"/participants/{person}/t0", {"t0": ago(100), "reason": "Day of diagnosis"})
    assert moved["t0"] == ago(100)
    visits = await visits_of(api, person)
    assert (visits["BASE", 1]["window_from"], visits["BASE", 1]["day"]) == (ago(90), 50)
    assert visits["Y1", 1]["planned_on"] == ago(100 - 365)
    for t0, words in ((ago(-3), "future"), ("0202-01-01", "ten years")):
        refused = await api("coordinator").post(f"/participants/{person}/t0", {"t0": t0, "reason": "A slip"})
        assert (refused.status_code, words in refused.json()["detail"]) == (422, True)


async def test_a_participant_moves_to_another_cohort_from_a_day_on(api, superuser):
    person = await enrolled(api, days=60, cohort="NEW")
    here = f"/participants/{person}/cohort"
    moved = await api("coordinator").ok(here, {"cohort": "PREV", "from_on": ago(20), "reason": "Reclassified"})
    assert moved["cohort"] == "PREV"
    rows = await superuser.fetch("select from_on, to_on from cohort_membership order by from_on")
    assert [(str(row["from_on"]), row["to_on"] and str(row["to_on"])) for row in rows] == [
        (ago(60), ago(20)),
        (ago(20), None),
    ]
    for body, status in (
        ({"cohort": "PREV", "from_on": ago(1)}, 409),
        ({"cohort": "NEW", "from_on": ago(30)}, 422),
        ({"cohort": "NEW", "from_on": ago(-9)}, 422),
        ({"cohort": "NONE", "from_on": ago(1)}, 404),
    ):
        assert (await api("coordinator").post(here, {**body, "reason": "To be refused"})).status_code == status, body
    without = await enrolled(api, days=60)
    early = await api("coordinator").post(
        f"/participants/{without}/cohort", {"cohort": "NEW", "from_on": ago(70), "reason": "Too early"}
    )
    assert early.status_code == 422
    assert (
        await api("coordinator").ok(
            f"/participants/{without}/cohort", {"cohort": "NEW", "from_on": ago(60), "reason": "Was left out"}
        )
    )["cohort"] == "NEW"


async def test_lists_say_what_is_overdue_due_and_coming_up(api):
    late, now = await enrolled(api, days=100), await enrolled(api, days=5)
    soon, there = await enrolled(api, days=330), await enrolled(api, days=100, site="TOR")
    await deed(api, soon, "", by="manager", type="BASE", occurred_on=ago(320))
    rows = (await api("manager").see("/visits/due", site="CHI", ahead=10))["rows"]
    assert [(row["participant"], row["type"], row["state"]) for row in rows] == [
        (late, "BASE", "overdue"),
        (now, "BASE", "due"),
        (soon, "Y1", "upcoming"),
    ]
    assert rows[0]["days"] == -55 - days_since_the_visit()
    assert [row["participant"] for row in (await api("manager").see("/visits/due", state="overdue"))["rows"]] == [
        late,
        there,
    ]
    assert (await api("manager").see("/visits/due", state="upcoming", ahead=2))["rows"] == []
    counts = await api("manager").see("/visits/due/counts", ahead=10)
    assert [(one["site"], one["overdue"], one["due"], one["upcoming"]) for one in counts] == [
        ("CHI", 1, 1, 1),
        ("TOR", 1, 0, 0),
    ]
    assert len((await api("manager").see("/visits/due", study="LLS", state="due"))["rows"]) == 1
    under_way = await api("manager").see("/visits/under-way")
    assert under_way == []
    await deed(api, now, "", by="coordinator", type="BASE", occurred_on=ago(0))
    (begun,) = await api("coordinator").see("/visits/under-way", study="LLS", site="CHI")
    assert (begun["participant"], begun["type"], begun["occurred_on"]) == (now, "BASE", ago(0))
    assert await api("coordinator_tor").see("/visits/under-way") == []
    home = await api("coordinator").see("/home")
    assert ([one["participant"] for one in home["under_way"]], home["due"]) == ([now], [])
    own = (await api("coordinator_tor").see("/visits/due"))["rows"]
    assert [row["participant"] for row in own] == [there]
    assert (await api("stranger").see("/visits/due"))["rows"] == []
    first = await api("manager").see("/visits/due", limit=2)
    second = await api("manager").see("/visits/due", limit=2, after=first["next"])
    whole = (await api("manager").see("/visits/due"))["rows"]
    assert first["rows"] + second["rows"] == whole[:4]
    table = (await api("manager").client.get("/api/v1/visits/due.csv?state=overdue")).text.splitlines()
    assert len(table) == 3
    assert table[1].startswith(f"{late},LLS,CHI,,BASE,Baseline,1,")
    for after in (1, 9_999_999_999_999_999):
        assert (await api("manager").get("/visits/due", after=after)).status_code == 200


async def test_the_day_is_the_sites(api, app):
    """At one moment it is still yesterday at one site and already today at another."""
    person = await enrolled(api, days=45, site="CHI")
    last = datetime(TODAY.year, TODAY.month, TODAY.day, 23, 30, tzinfo=UTC)
    clock = app.state.clock
    try:
        for hours, state in ((0, "due"), (6, "due"), (7, "overdue")):
            app.state.clock = lambda hours=hours: last + timedelta(hours=hours)
            rows = (await api("coordinator").see("/visits/due"))["rows"]
            assert [(row["participant"], row["state"]) for row in rows] == [(person, state)], hours
    finally:
        app.state.clock = clock


async def test_who_withdrew_gets_no_visit_planned(api):
    person = await enrolled(api)
    await withdraw(api("coordinator"), person, "no_contact")
    assert {one["status"] for one in (await visits_of(api, person)).values()} == {"cancelled"}
    draft = await api("manager").ok("/studies/LLS/protocol/draft", {})
    shown = await api("manager").see("/studies/LLS/protocol/draft/publication", effective_from=ago(0))
    assert (shown["added"], shown["moved"], shown["kept"]) == (0, 0, 0)
    assert draft["head"]["number"] == 2


@pytest.mark.parametrize("what", ["/missed", "/cancelled", "/reopened"])
async def test_another_sites_visits_are_out_of_reach(api, what):
    person = await enrolled(api)
    refused = await deed(api, person, what, by="coordinator_tor", type="BASE", reason="Out of reach")
    assert refused.status_code == 404
