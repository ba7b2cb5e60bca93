"""SPREC of tubes: computed from what was recorded, explained, kept with its history."""

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from biobank.actor import SERVICE
from biobank.preanalytics.commands import keep_due
from biobank.preanalytics.recompute import recompute
from biobank.tx import open_tx
from tests.shelves import box, freezer, rack

CHICAGO = ZoneInfo("America/Chicago")
DAY = (datetime.now(UTC) - timedelta(days=2)).astimezone(CHICAGO).date()
CLINIC = "technician_chi"


def at(clock: str, day=DAY) -> str:
    """A time of day at the clinic."""
    hour, minute = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHICAGO).isoformat()


@pytest.fixture
def when(app):
    """The service's clock set to a moment while something is done."""
    usual = app.state.clock

    @contextmanager
    def set_to(moment: str):
        app.state.clock = lambda: datetime.fromisoformat(moment).astimezone(UTC)
        try:
            yield
        finally:
            app.state.clock = usual

    yield set_to
    app.state.clock = usual


async def person(api, day=DAY):
    """A participant with consent and a visit on a day."""
    manager = api("manager")
    made = await manager.ok(
        "/participants", {"study": "LLS", "site": "CHI", "enrolled_on": str(day - timedelta(days=10))}
    )
    code = made["code"]
    signed = datetime(day.year, day.month, day.day, tzinfo=CHICAGO) - timedelta(days=9)
    await manager.ok(
        f"/participants/{code}/consents",
        {"version": "1.0", "signed_at": signed.isoformat(), "granted": ["biobank_storage", "future_research"]},
    )
    await manager.ok(f"/participants/{code}/visits", {"type": "BASE", "occurred_on": str(day)})
    return code


async def drawn(api, moment, specimen_type="BLD", tube_type="SST", quantity="8500", day=DAY):
    """A primary tube that was collected at a moment."""
    code = await person(api, day)
    tubes = [{"specimen_type": specimen_type, "tube_type": tube_type, "quantity": quantity}]
    made = await api(CLINIC).ok(
        f"/participants/{code}/collections", {"visit": "BASE", "collected_at": moment, "tubes": tubes}
    )
    return made["specimens"][0]["code"]


async def spun(api, tube, begin, end, **more):
    body = {"type": "centrifuge", "specimens": [tube], "started_at": begin, "ended_at": end}
    settings = {"g_force": "1500", "minutes": "10", "celsius": "21", "brake": True, "held_celsius": "21"}
    await api(CLINIC).ok("/processing", body | settings | more)


async def divided(api, tube, begin, end, *, into="SER", vial="CRYO05", quantity="500", **more):
    body = {"specimen_type": into, "tube_type": vial, "quantities": [quantity], "started_at": begin, "ended_at": end}
    made = await api(CLINIC).ok(f"/specimens/{tube}/aliquots", body | more)
    return made["made"][0]["code"]


async def clinic_box(api, *, temperature="-80", kind="ULT", name="Clinic freezer", holds="BOX81"):
    cold = await freezer(api, site="CHI", name=name, temperature=temperature, kind=kind)
    tower = await rack(api, cold, site="CHI", name=f"{name} rack")
    return await box(api, tower, site="CHI", name=f"{name} box", kind=holds)


async def due(database):
    """What the service does in the background."""
    async with open_tx(database, SERVICE) as tx:
        await keep_due(tx, 1000)


@pytest.fixture
async def serum(api, when):
    """The vial of scenario 20: collected 09:12, spun 10:40, at -80 at 11:05; all at room temperature."""
    tube = await drawn(api, at("09:12"))
    await spun(api, tube, at("10:40"), at("10:50"))
    vial = await divided(api, tube, at("10:52"), at("11:01"), celsius="21", held_celsius="21")
    place = await clinic_box(api)
    with when(at("11:05")):
        await api(CLINIC).ok("/storage/placements", {"tube": vial, "box": place})
    return vial


async def test_scenario_20_sprec(api, serum):
    """Collected 09:12, spun 10:40 (RT, 1,500 g, 10 min, brake), aliquoted and at -80 at 11:05 in 0.5 mL PP, SST
    tube.
    """
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert seen["sprec"] == "SER-SST-A-B-N-B-A"
    words = {one["number"]: one["words"] for one in seen["elements"]}
    assert words[3].startswith("collected 09:12, spun 10:40: 88 min at 21 °C")
    assert words[4] == "spun 10:40: 1,500 g, 10 min, 21 °C, with brake"
    assert words[6].startswith("spin ended 10:50, frozen or stored 11:05: 15 min at 21 °C")
    assert [one["verified"] for one in seen["elements"]] == [True, True, True, False, False, False, False]
    done = await api(CLINIC).ok(
        f"/specimens/{serum}/collection-time",
        {"collected_at": at("07:55"), "seen": at("09:12"), "reason": "the form said 07:55"},
    )
    assert (done["tubes"], done["sprecs"]) == (2, 2)
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert seen["sprec"] == "SER-SST-C-B-N-B-A"
    assert seen["elements"][2]["words"].startswith("collected 07:55, spun 10:40: 165 min at 21 °C")
    now, before = seen["kept"]
    assert (now["code"], now["superseded_at"]) == ("SER-SST-C-B-N-B-A", None)
    assert before["code"] == "SER-SST-A-B-N-B-A"
    assert before["superseded_because"] == "the collection time was corrected: the form said 07:55"


async def test_cold_after_the_spin_is_another_code(api, when):
    tube = await drawn(api, at("09:12"))
    await spun(api, tube, at("10:40"), at("10:50"))
    vial = await divided(api, tube, at("11:00"), at("11:04"), celsius="4", held_celsius="4")
    place = await clinic_box(api)
    with when(at("11:05")):
        await api(CLINIC).ok("/storage/placements", {"tube": vial, "box": place})
    assert (await api("scientist").see(f"/specimens/{vial}/sprec"))["sprec"] == "SER-SST-A-B-N-A-A"


async def test_a_box_that_is_moved_takes_its_tubes_to_another_code(api, database, serum, superuser):
    before = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert (before["sprec"], before["kept"]) == ("SER-SST-A-B-N-B-A", [])
    await due(database)
    place = await superuser.fetchval("select c.code from container c join custody u on u.container_id = c.id")
    tank = await freezer(api, site="CHI", name="Tank", temperature="LN2V", kind="LN2TANK")
    tower = await rack(api, tank, site="CHI", name="Tower")
    moved = await api(CLINIC).post(f"/containers/{place}/move", {"parent": tower, "row_version": 1})
    assert moved.is_success, moved.text
    after = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert (after["sprec"], after["elements"][6]["meaning"]) == (
        "SER-SST-A-B-N-B-V",
        "PP tube 0.5 to 2 mL, below \N{MINUS SIGN}135 °C",
    )
    assert "before that" in after["elements"][6]["words"]
    await due(database)
    kept = (await api("scientist").see(f"/specimens/{serum}/sprec"))["kept"]
    assert [(one["code"], one["superseded_because"]) for one in kept] == [
        ("SER-SST-A-B-N-B-V", None),
        ("SER-SST-A-B-N-B-A", "its box was moved to another temperature"),
    ]
    assert await superuser.fetchval("select count(*) from sprec_due") == 0


async def test_work_that_is_recorded_late_changes_a_code_that_was_kept(api, database, when):
    tube = await drawn(api, at("09:12"))
    vial = await divided(api, tube, at("10:52"), at("11:01"), celsius="21", held_celsius="21")
    place = await clinic_box(api)
    with when(at("11:05")):
        await api(CLINIC).ok("/storage/placements", {"tube": vial, "box": place})
    await due(database)
    assert (await api("scientist").see(f"/specimens/{vial}/sprec"))["sprec"] == "SER-SST-X-X-X-X-A"
    await spun(api, tube, at("10:40"), at("10:50"))
    await due(database)
    seen = await api("scientist").see(f"/specimens/{vial}/sprec")
    assert (seen["sprec"], seen["kept"][1]["superseded_because"]) == (
        "SER-SST-A-B-N-B-A",
        "work was recorded on it or on what it was made from",
    )


async def test_work_is_corrected_with_all_codes_that_depend_on_it(api, serum):
    parent = (await api("scientist").see(f"/specimens/{serum}"))["parents"][0]
    body = {"type": "centrifuge", "seen": at("10:40"), "celsius": "4", "reason": "the rotor was cooled"}
    done = await api(CLINIC).ok(f"/specimens/{parent}/work-corrections", body)
    assert (done["what"], done["tubes"], done["sprecs"]) == ("centrifuge", 1, 2)
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert seen["sprec"] == "SER-SST-A-D-N-B-A"
    assert seen["kept"][1]["superseded_because"] == "work was corrected (centrifuge): the rotor was cooled"
    unknown = {"type": "aliquot", "seen": at("10:52"), "held_celsius": None, "reason": "nobody knows"}
    await api(CLINIC).ok(f"/specimens/{serum}/work-corrections", unknown)
    assert (await api("scientist").see(f"/specimens/{serum}/sprec"))["sprec"] == "SER-SST-A-D-N-X-A"


WRONG_WORK = {
    "no such work": ({"type": "clot", "seen": "10:40", "celsius": "4"}, "seen"),
    "another time": ({"type": "centrifuge", "seen": "10:41", "celsius": "4"}, "seen"),
    "nothing": ({"type": "centrifuge", "seen": "10:40", "celsius": "21"}, "started_at"),
    "no beginning": ({"type": "centrifuge", "seen": "10:40", "started_at": None}, "started_at"),
    "before the collection": ({"type": "centrifuge", "seen": "10:40", "started_at": "09:00"}, "started_at"),
    "ends first": ({"type": "centrifuge", "seen": "10:40", "ended_at": "10:00"}, "ended_at"),
    "after what it made was used": (
        {"type": "aliquot", "seen": "10:52", "started_at": "13:00", "ended_at": "13:30"},
        "started_at",
    ),
}


async def test_work_is_not_corrected_to_what_cannot_be(api, serum):
    """Nothing is changed by any of these, and the field is named."""
    parent = (await api("scientist").see(f"/specimens/{serum}"))["parents"][0]
    await api(CLINIC).ok("/processing", {"type": "thaw", "specimens": [serum], "started_at": at("12:00")})
    for name, (body, field) in WRONG_WORK.items():
        sent = {
            key: at(value) if value and key in {"seen", "started_at", "ended_at"} else value
            for key, value in body.items()
        }
        response = await api(CLINIC).post(f"/specimens/{parent}/work-corrections", sent | {"reason": "to see"})
        assert (response.status_code, list(response.json()["errors"])) == (422, [field]), (name, response.text)
    assert (await api("scientist").see(f"/specimens/{serum}/sprec"))["kept"] == []


async def test_a_collection_time_is_not_corrected_to_what_cannot_be(api, serum):
    url = f"/specimens/{serum}/collection-time"
    for moment, said in (
        (at("09:12"), "is what is recorded"),
        (at("10:41"), "lies after the work on a tube began"),
        (at("09:00", DAY - timedelta(days=5)), "lies before the visit"),
        (at("09:00", DAY - timedelta(days=20)), "lies before the enrolment"),
        (at("09:00", DAY + timedelta(days=9)), "lies in the future"),
    ):
        response = await api(CLINIC).post(url, {"collected_at": moment, "reason": "to see"})
        assert (response.status_code, response.json()["errors"]) == (422, {"collected_at": said})
    stale = await api(CLINIC).post(url, {"collected_at": at("08:00"), "seen": at("09:13"), "reason": "to see"})
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/record-changed")
    away = await api("technician").post(url, {"collected_at": at("08:00"), "reason": "to see"})
    assert away.status_code == 404


async def test_a_pool_is_of_several_collections(api, when):
    tubes = [await drawn(api, at(clock)) for clock in ("09:12", "06:00")]
    for tube in tubes:
        await spun(api, tube, at("10:40"), at("10:50"))
    serum = [await divided(api, tube, at("10:52"), at("11:01"), celsius="21", held_celsius="21") for tube in tubes]
    body = {"started_at": at("11:10"), "parents": [{"specimen": one, "quantity": "100"} for one in serum]}
    made = await api(CLINIC).ok("/pools", body | {"tube_type": "CRYO05", "quantities": ["200"]})
    pool = made["made"][0]["code"]
    seen = await api("scientist").see(f"/specimens/{pool}/sprec")
    assert seen["sprec"] == "SER-SST-X-B-N-X-X"
    assert seen["elements"][2]["words"] == "what was pooled differs: A and E"
    refused = await api(CLINIC).post(
        f"/specimens/{pool}/collection-time", {"collected_at": at("08:00"), "reason": "to see"}
    )
    assert (refused.status_code, "is a pool" in refused.json()["detail"]) == (422, True)
    corrected = await api(CLINIC).ok(
        f"/specimens/{tubes[1]}/collection-time", {"collected_at": at("09:30"), "reason": "typed wrong"}
    )
    assert corrected["sprecs"] == 3
    assert (await api("scientist").see(f"/specimens/{pool}/sprec"))["sprec"] == "SER-SST-A-B-N-X-X"


async def test_dna_shows_the_code_of_what_it_was_made_from(api):
    tube = await drawn(api, at("09:12"), tube_type="EDTA4", quantity="4000")
    body = {"type": "extract", "specimens": [tube], "started_at": at("11:00"), "sop_version": "SOP-DNA-2"}
    await api(CLINIC).ok("/processing", body)
    dna = await divided(api, tube, at("12:00"), at("12:10"), into="DNA", quantity="50", consumes="3000")
    seen = await api("scientist").see(f"/specimens/{dna}/sprec")
    assert (seen["sprec"], seen["elements"]) == (None, [])
    assert seen["outside"] == {"made_from": tube, "sprec": "BLD-PED-X-N-N-N-X", "method": "extract, SOP-DNA-2"}


async def test_whole_blood_is_never_spun_and_counts_to_storage(api, when):
    tube = await drawn(api, at("09:12"), tube_type="PAXRNA", quantity="2500")
    body = {
        "type": "incubate",
        "specimens": [tube],
        "started_at": at("09:12"),
        "ended_at": at("12:12"),
        "celsius": "22",
    }
    await api(CLINIC).ok("/processing", body)
    place = await clinic_box(api, holds="BOX25")
    with when(at("12:15")):
        await api(CLINIC).ok("/storage/placements", {"tube": tube, "box": place})
    assert (await api("scientist").see(f"/specimens/{tube}/sprec"))["sprec"] == "BLD-PAX-C-N-N-N-Z"


async def test_a_stay_in_the_refrigerator_is_a_temperature_and_no_storage(api, when):
    tube = await drawn(api, at("09:12"), tube_type="EDTA10", quantity="9000")
    fridge = await clinic_box(api, temperature="4", kind="FRIDGE", name="Fridge", holds="BOX25")
    with when(at("09:12")):
        await api(CLINIC).ok(
            "/storage/placements", {"tube": tube, "box": fridge, "override_reason": "waits for the spin"}
        )
    with when(at("10:38")):
        await api(CLINIC).ok("/storage/removals", {"tube": tube})
    await spun(api, tube, at("10:40"), at("10:50"), held_celsius=None, celsius="4")
    vial = await divided(api, tube, at("10:51"), at("10:58"), into="PL1", celsius="4", held_celsius="4")
    place = await clinic_box(api)
    with when(at("11:00")):
        await api(CLINIC).ok("/storage/placements", {"tube": vial, "box": place})
    seen = await api("scientist").see(f"/specimens/{vial}/sprec")
    assert seen["sprec"] == "PL1-PED-B-D-N-A-A"
    assert "kept at 2 to 10 °C" in seen["elements"][2]["words"]


async def test_the_planned_temperature_counts_only_where_the_sop_was_named(api, serum, superuser):
    """The clot names the SOP that the protocol plans for it: then its range is recorded."""
    parent = (await api("scientist").see(f"/specimens/{serum}"))["parents"][0]
    correct = {"type": "centrifuge", "seen": at("10:40"), "held_celsius": None, "reason": "not known"}
    await api(CLINIC).ok(f"/specimens/{parent}/work-corrections", correct)
    clot = {"type": "clot", "specimens": [parent], "started_at": at("09:12"), "ended_at": at("10:35")}
    await api(CLINIC).ok("/processing", clot | {"sop_version": "SOP-7.2"})
    assert (await api("scientist").see(f"/specimens/{serum}/sprec"))["sprec"] == "SER-SST-X-B-N-B-A"
    await superuser.execute(PLAN)
    await superuser.execute(
        "update specimen set planned_aliquot_id = (select max(id) from planned_aliquot) where code = $1", serum
    )
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert seen["sprec"] == "SER-SST-A-B-N-B-A"
    assert "clot at 20 to 24 °C, as SOP-7.2 says" in seen["elements"][2]["words"]
    await superuser.execute("update specimen set planned_aliquot_id = null where code = $1", serum)
    assert (await api("scientist").see(f"/specimens/{serum}/sprec"))["sprec"] == "SER-SST-X-B-N-B-A"


PLAN = """
select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false);
insert into protocol_version (study_id, number, effective_from)
select id, 77, '2020-01-01' from study where code = 'LLS';
insert into planned_visit (protocol_version_id, study_id, visit_type_id, code, title, position)
select p.id, p.study_id, v.id, 'EXTRA', 'Extra', 1 from protocol_version p join visit_type v on v.study_id = p.study_id
 where p.number = 77 and v.code = 'FLARE';
insert into planned_tube (planned_visit_id, study_id, code, position, specimen_type, tube_type, quantity, unit)
select id, study_id, 'serum', 1, 'BLD', 'SST', 8500, 'uL' from planned_visit order by id desc limit 1;
insert into planned_step (planned_tube_id, position, type, min_celsius, max_celsius, sop_version)
select id, 1, 'clot', 20, 24, 'SOP-7.2' from planned_tube order by id desc limit 1;
insert into planned_aliquot
    (planned_tube_id, position, specimen_type, tube_type, count, quantity, unit, temperature_class)
select id, 1, 'SER', 'CRYO05', 8, 500, 'uL', '-80' from planned_tube order by id desc limit 1;
"""


async def test_versions_stand_side_by_side(api, serum):
    scientist = api("scientist")
    seen = [await scientist.see(f"/specimens/{serum}/sprec", version=one) for one in (None, "3.0", "4.0")]
    assert [one["version"] for one in seen] == ["4.0", "3.0", "4.0"]
    assert (await scientist.get(f"/specimens/{serum}/sprec", version="9.9")).status_code == 404
    assert (await scientist.get("/sprec/versions/9.9")).status_code == 404
    listed = await scientist.see("/sprec/versions")
    assert [(one["code"], one["carry_minutes"]) for one in listed] == [("3.0", 10), ("4.0", 10)]
    table = await scientist.see("/sprec/versions/4.0")
    line = next(one for one in table["codes"] if (one["element"], one["code"]) == (3, "A"))
    assert (line["asks"], line["verified"]) == ("from 0 below 120 min, from 18 to 28 °C", True)


async def test_a_manager_loads_a_table_as_a_new_version(api, serum):
    text = (await api("manager").get("/sprec/versions/4.0/table.csv")).text
    tomorrow = str((datetime.now(UTC) + timedelta(days=2)).date())
    body = {"version": "4.0.1", "title": "Checked", "source": "doi", "used_from": tomorrow, "table": text}
    without_first = "\n".join(row for row in text.splitlines() if not row.startswith("3,A,"))
    for change, status in (
        ({"used_from": str(DAY)}, "/problems/invalid"),
        ({"version": "4.0"}, "/problems/sprec-version-exists"),
        ({"used_from": "2018-01-01"}, "/problems/invalid"),
        ({"table": text.replace("3,B,match", "3,B,maybe")}, "/problems/sprec-table-refused"),
        ({"table": without_first}, "/problems/sprec-table-refused"),
        ({"table": "nonsense"}, "/problems/sprec-table-refused"),
    ):
        response = await api("manager").post("/sprec/versions", body | change)
        assert response.json()["type"] == status, response.text
    late = text.replace('RT, less than 2 h",0,120', 'RT, less than 2 h",30,120', 1)
    gap = await api("manager").post("/sprec/versions", body | {"table": late})
    assert any("nothing between 0 and 30 minutes" in one for one in gap.json()["problems"])
    made = await api("manager").ok("/sprec/versions", body)
    assert (made["code"], made["lines"]) == ("4.0.1", len(text.splitlines()) - 1)
    assert (await api("manager").get("/sprec/versions/4.0.1/table.csv")).text == text
    again = await api("manager").post("/sprec/versions", body | {"version": "4.0.2"})
    assert again.json()["type"] == "/problems/sprec-version-exists"
    assert (await api("manager").ok("/sprec/versions", body | {"version": "4.0.2", "used_from": None}))[
        "used_from"
    ] is None
    assert (await api("scientist").post("/sprec/versions", body)).status_code == 403
    assert (await api("scientist").see(f"/specimens/{serum}/sprec"))["version"] == "4.0"


async def test_codes_are_kept_once_and_never_edited(api, database, serum, superuser):
    said = []
    first = await recompute(database, everything=True, progress=said.append)
    assert (first.due, first.first, first.superseded) == (2, 2, 0)
    assert said == ["2 tubes, 2 codes new, 0 replaced"]
    again = await recompute(database, everything=False, progress=said.append)
    assert (again.due, again.computed) == (0, 0)
    same = await recompute(database, everything=True, progress=said.append)
    assert (same.computed, same.first, same.superseded) == (2, 0, 0)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    for statement, constraint in (
        ("update sprec set code = 'SER-SST-X-X-X-X-X'", "ck_sprec_never_changes"),
        ("delete from sprec", "ck_sprec_never_changes"),
        ("truncate sprec", "ck_sprec_append_only"),
        ("update sprec_code set code = 'Z' where element = 3", "ck_sprec_code_append_only"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await superuser.execute(statement)
        assert refused.value.constraint_name == constraint, statement


async def test_two_who_correct_at_once_leave_one_current_code(api, serum, superuser):
    url = f"/specimens/{serum}/collection-time"
    both = await asyncio.gather(
        *(
            api(CLINIC).post(url, {"collected_at": at(clock), "seen": at("09:12"), "reason": "to see"})
            for clock in ("08:00", "08:30")
        )
    )
    assert sorted(one.status_code for one in both) == [201, 412]
    assert await superuser.fetchval("select count(*) from sprec where superseded_at is null") == 2
    assert await superuser.fetchval("select max(n) from (select count(*) as n from sprec group by specimen_id) t") == 2


async def test_only_one_process_works_off_what_is_due(database, serum):
    async with open_tx(database, SERVICE) as one, open_tx(database, SERVICE) as other:
        assert (await keep_due(one, 10)).due == 1
        assert await keep_due(other, 10) is None


async def test_a_tube_of_an_earlier_year_keeps_the_version_of_that_year(api, database, serum, superuser):
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await superuser.execute("update collection_event set collected_at = collected_at - interval '5 years'")
    seen = await api("scientist").see(f"/specimens/{serum}/sprec")
    assert (seen["version"], seen["sprec"]) == ("3.0", "SER-SST-M-B-N-B-A")
    await recompute(database, everything=True, progress=print)
    assert await superuser.fetchval("select version from sprec order by id desc limit 1") == "3.0"
    text = (await api("manager").get("/sprec/versions/4.0/table.csv")).text
    other = text.replace(",straw,-80,", ",straw,-20,").replace("7,H,match", "7,A,match", 0)
    rows = [row for row in other.splitlines() if not row.startswith("7,H,")]
    await superuser.execute("update sprec_version set used_from = null where code = '4.0'")
    soon = str((datetime.now(UTC) + timedelta(days=2)).date())
    body = {"version": "5.0", "title": "Next", "source": "doi", "used_from": soon, "table": "\n".join(rows)}
    await api("manager").ok("/sprec/versions", body)
    assert (await api("scientist").see(f"/specimens/{serum}/sprec"))["version"] == "3.0"
    same = await recompute(database, everything=True, progress=print)
    assert (same.first, same.superseded) == (0, 0)
