"""The demo study, made small: everything it promises is there, it holds together, and it is the same each time."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import date

import asyncpg
import pytest
from argon2 import PasswordHasher

from assay_importers.contract import SourceFile
from assay_importers.formats.luminex_xponent import LuminexXponent
from assay_importers.mapping import Mapping, read_with
from biobank.access.passwords import verify_password
from biobank.access.rules import ROLES
from biobank.assay.models import RUN_STATUSES
from biobank.audit.seal import seal
from biobank.audit.verify import verify
from biobank.db import Database
from biobank.demo import DatabaseNotEmpty, DemoSummary, fill
from biobank.errors import Invalid
from tests.conftest import ROLE, _clone

PASSWORD = "only for this test 1"
DAY = date(2026, 3, 31)
SHIPMENT_STATUSES = {"draft", "packed", "shipped", "received", "reconciled", "cancelled", "lost"}


async def make(dsn: str, *, participants: int = 8, seed: int = 1, password: str = PASSWORD) -> DemoSummary:
    async with Database.open(dsn, role=ROLE, size=4) as database:
        return await fill(
            database, participants=participants, seed=seed, password=password, progress=lambda *_: None, as_of=DAY
        )


@pytest.fixture(scope="module")
def demo(postgres, templates) -> Iterator[tuple[str, DemoSummary]]:
    """Two databases would take twice the time: all tests that only look share one."""
    cloned = _clone(postgres, templates[0])
    with asyncio.Runner() as runner:
        dsn = runner.run(cloned.__aenter__())
        yield dsn, runner.run(make(dsn))
        runner.run(cloned.__aexit__(None, None, None))


@pytest.fixture
async def look(demo) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(demo[0])
    yield connection
    await connection.close()


async def statuses(look, table: str) -> set[str]:
    return {row[0] for row in await look.fetch(f"select distinct status from {table}")}


async def test_what_was_counted_is_there(demo, look):
    counts = demo[1].counts
    for name, query in {
        "participants": "select count(*) from participant",
        "sites": "select count(*) from site",
        "visits": "select count(*) from visit where status = 'done'",
        "tubes": "select count(*) from specimen",
        "shipments": "select count(*) from shipment",
        "containers": "select count(*) from container",
        "runs": "select count(*) from assay_run",
        "results": "select count(*) from result",
    }.items():
        assert counts[name] == await look.fetchval(query), name
    assert counts["participants"] == 8
    assert await look.fetchval("select count(distinct cohort_id) from cohort_membership") == 4
    assert await look.fetchval("select count(distinct site_id) from participant") == 5


async def test_shipments_and_runs_are_in_every_state(look):
    assert await statuses(look, "shipment") == SHIPMENT_STATUSES
    assert await statuses(look, "assay_run") == set(RUN_STATUSES)
    assert {"damaged", "thawed", "missing", "extra"} <= await statuses(look, "package_item")
    assert await look.fetchval("select count(*) from shipment where to_party_id is not null") == 2
    assert await look.fetchval("select count(*) from result_version where status = 'corrected'") == 1


async def test_every_tube_has_one_place_that_its_history_ends_in(look):
    columns = "(container_id, row, col, package_id, holder_id, external_party_id, terminal, since)"
    of = lambda alias: ", ".join(f"{alias}.{name.strip()}" for name in columns.strip("()").split(","))  # noqa: E731
    assert not await look.fetchval(
        "select count(*) from specimen s left join custody c on c.specimen_id = s.id "
        "left join custody_history h on h.specimen_id = s.id and h.until is null "
        f"where c.specimen_id is null or h.id is null or ({of('c')}) is distinct from ({of('h')})"
    )
    assert not await look.fetchval("select count(*) from custody_history where until < since")
    assert not await look.fetchval(
        "select count(*) from custody_history a join lateral (select since from custody_history b "
        "where b.specimen_id = a.specimen_id and b.since > a.since order by b.since limit 1) b on true "
        "where a.until is distinct from b.since"
    )
    kinds = await look.fetchrow(
        "select count(container_id) boxed, count(package_id) packed, count(holder_id) held, "
        "count(external_party_id) away, count(terminal) ended from custody"
    )
    assert all(kinds.values())


async def test_boxes_are_filled_without_a_gap(look):
    assert not await look.fetchval(
        "select count(*) from (select c.container_id, count(*) n, max(c.row * t.cols + c.col) last from custody c "
        "join container b on b.id = c.container_id join container_type t on t.id = b.type_id "
        "where c.container_id is not null group by 1) box where n <= last - 60"
    )


async def test_the_kept_count_of_each_box_is_what_stands_in_it(look):
    counted = "select container_id, count(*) as tubes from custody where container_id is not null group by 1"
    kept = "select container_id, sum(tubes) as tubes from box_count group by 1 having sum(tubes) <> 0"
    assert await look.fetch(f"{counted} order by 1") == await look.fetch(f"{kept} order by 1")


async def test_tubes_in_an_open_shipment_are_in_its_packages(look):
    assert not await look.fetchval(
        "select count(*) from package_item i join custody c on c.specimen_id = i.specimen_id "
        "join shipment s on s.id = i.shipment_id "
        "where i.is_open and s.to_party_id is null and c.package_id is distinct from i.package_id"
    )
    assert not await look.fetchval(
        "select count(*) from custody c join package p on p.id = c.package_id join shipment s on s.id = p.shipment_id "
        "where s.status not in ('draft', 'packed', 'shipped', 'received')"
    )


async def test_manifests_are_frozen_and_name_what_was_packed(look):
    rows = await look.fetch("select id, manifest, manifest_sha256, status from shipment")
    assert {row["manifest"] is None for row in rows if row["status"] in {"draft", "cancelled"}} == {True}
    frozen = [row for row in rows if row["manifest"] is not None]
    assert len(frozen) > 5
    for row in frozen:
        assert hashlib.sha256(row["manifest"].encode()).hexdigest() == row["manifest_sha256"]
        packed = await look.fetch(
            "select s.code from package_item i join specimen s on s.id = i.specimen_id "
            "where i.shipment_id = $1 and i.status <> 'extra'",
            row["id"],
        )
        assert packed
        assert all(f'"{tube["code"]}"' in row["manifest"] for tube in packed)


async def test_nothing_of_a_withdrawn_participant_is_free(look):
    withdrawn = await look.fetch("select participant_id from withdrawal where level = 'no_further_use'")
    assert len(withdrawn) == 1
    tubes = await look.fetch(
        "select hold, existence from specimen where participant_id = $1", withdrawn[0]["participant_id"]
    )
    assert {tube["hold"] for tube in tubes if tube["existence"] == "exists"} == {"consent_withdrawn"}
    assert not await look.fetchval("select count(*) from specimen where hold is not null and participant_id <> $1",
                                   withdrawn[0]["participant_id"])  # fmt: skip


async def test_people_come_and_leave_as_the_slices_would_have_it(look):
    assert not await look.fetchval("select count(*) from visit where protocol_version_id is null")
    # Everybody's visits are planned to the end: the version in force, or one like it, would add and move none.
    anew = "select what, count(*) from biobank_visit_plan($1, $2, $3, null, false) group by 1"
    version = await look.fetchrow("select study_id, id, effective_from from protocol_version")
    assert [row["what"] for row in await look.fetch(anew, *version)] == ["kept"]
    late = "recorded_at not between signed_at and signed_at + interval '2 hours'"
    assert not await look.fetchval(f"select count(*) from consent where {late}")
    assert await look.fetchval("select count(*) from withdrawal") == 1
    assert not await look.fetchval(
        "select count(*) from withdrawal w left join withdrawal_case c on c.withdrawal_id = w.id where c.id is null"
    )
    assert not await look.fetchval(
        "select count(*) from visit v join withdrawal w using (participant_id) where v.status = 'planned'"
    )


async def test_quantities_come_from_the_ledger(look):
    assert not await look.fetchval(
        "select count(*) from specimen s left join "
        "(select specimen_id, sum(delta) as sum from quantity_ledger"
        " group by 1) l on l.specimen_id = s.id where s.quantity <> coalesce(l.sum, 0)"
    )
    assert await look.fetchval("select count(*) from specimen where is_partial and quantity > 0")
    assert not await look.fetchval("select count(*) from specimen where existence = 'consumed' and quantity <> 0")


async def test_results_are_what_the_importer_reads_from_the_file(look):
    run = await look.fetchrow(
        "select r.id, f.name, f.content from assay_run r join raw_file f on f.id = r.raw_file_id "
        "where r.status = 'released' order by r.name limit 1"
    )
    parsed = LuminexXponent().parse(SourceFile(run["name"], run["content"]))
    read = sorted((x.quantity, x.raw) for x in parsed.readings if x.analyte is not None)
    stored = await look.fetch(
        "select r.quantity, v.raw_text from result r join result_version v on v.result_id = r.id and v.is_current "
        "where r.run_id = $1 union all select c.quantity, c.raw_text from control_reading c "
        "join well w on w.id = c.well_id join plate p on p.id = w.plate_id where p.run_id = $1",
        run["id"],
    )
    assert read == sorted(map(tuple, stored))
    assert not parsed.unread
    table = await look.fetchrow(
        "select r.name, m.number, f.content, r.header::json ->> 'mapping' as mapping from assay_run r "
        "join column_mapping m on m.id = r.column_mapping_id join raw_file f on f.id = r.raw_file_id"
    )
    again = read_with(Mapping.model_validate_json(table["mapping"]), SourceFile(table["name"], table["content"]))
    assert (table["name"], table["number"], len(again.unread)) == ("DNA-ELISA-001", 1, 1)
    assert {reading.analyte for reading in again.readings} == {"dsDNA"}
    assert await look.fetchval("select count(*) from result_version where comparator = '<' and limit_kind = 'LLOQ'")


async def test_nothing_lies_in_the_future(look):
    for table, column in {
        "visit": "occurred_on", "custody": "since", "processing_event": "ended_at", "label_print": "verified_at",
        "shipment": "reconciled_at", "assay_run": "released_at", "result_version": "ended_at",
        "withdrawal": "recorded_at",
    }.items():  # fmt: skip
        assert await look.fetchval(f"select max({column})::date from {table}") <= DAY, (table, column)


async def test_everything_is_audited(demo):
    connection = await asyncpg.connect(demo[0])
    try:
        await seal(connection)
        verdict = await verify(connection)
    finally:
        await connection.close()
    assert verdict.sound, verdict.faults[:3]
    assert verdict.unsealed == 0


async def test_one_login_a_role_opens_with_the_password(demo, look):
    logins = demo[1].logins
    people = [role for role in ROLES if role != "print_agent"]  # that one is a program's, with a token and no password
    assert [login.role for login in logins] == people
    stored = dict(await look.fetch("select username, password_hash from app_user where password_hash is not null"))
    assert set(stored) == {login.username for login in logins}
    assert len(set(stored.values())) == len(stored)
    assert await verify_password(PASSWORD, stored["auditor"])
    # What the signatures of the load were checked against is gone: these are as slow to guess as any user's.
    assert not any(PasswordHasher().check_needs_rehash(one) for one in stored.values())
    held = dict(await look.fetch("select u.username, g.role from role_grant g join app_user u on u.id = g.user_id"))
    assert all(held[login.username] == login.role for login in logins)


async def test_a_print_job_is_in_each_state(demo, look):
    states = await look.fetch("select status, count(*) from print_job group by 1 order by 1")
    assert [row["status"] for row in states] == [
        "acknowledged",
        "cancelled",
        "failed",
        "queued",
        "unknown",
        "verified",
    ]
    assert await look.fetchval("select count(*) from printer") == 7
    assert await look.fetchval("select trouble from print_job where transport = 'pull'") == "out_of_labels"
    used = "select count(*) filter (where specimen_id is not null), count(voided_at), count(*) from range_label"
    assert tuple(await look.fetchrow(used)) == (3, 1, 44)
    assert await look.fetchval("select count(*) from kit") == 3
    assert await look.fetchval("select count(*) from identifier where status = 'damaged'") == 3
    assert await look.fetchval("select count(*) from label_print where verified_at is null") > 0


async def digest(dsn: str) -> str:
    """What a study holds, keyed by codes: surrogate keys and moments of recording left out."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = [
            *await connection.fetch(
                "select s.code, p.code, s.specimen_type, s.quantity, s.hold, b.code, c.row, c.col, c.terminal, c.since "
                "from specimen s join participant p on p.id = s.participant_id join custody c on c.specimen_id = s.id "
                "left join container b on b.id = c.container_id order by s.code"
            ),
            *await connection.fetch("select code, status, manifest_sha256, packed_at from shipment order by code"),
            *await connection.fetch(
                "select r.name, r.status, s.code, a.code, x.quantity, v.raw_text, v.number from result x "
                "join result_version v on v.result_id = x.id join assay_run r on r.id = x.run_id "
                "join specimen s on s.id = x.specimen_id join analyte a on a.id = x.analyte_id order by 1, 3, 4, 5, 7"
            ),
        ]
    finally:
        await connection.close()
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()


async def test_the_same_seed_and_day_make_the_same_study(demo, empty_dsn):
    await make(empty_dsn)
    assert await digest(empty_dsn) == await digest(demo[0])


async def test_a_database_with_a_study_is_left_alone(dsn):
    with pytest.raises(DatabaseNotEmpty, match="BIOBANK_DATA"):
        await make(dsn)


async def test_a_weak_password_makes_nothing(empty_dsn):
    with pytest.raises(Invalid):
        await make(empty_dsn, password="short")
    connection = await asyncpg.connect(empty_dsn)
    try:
        assert await connection.fetchval("select count(*) from study") == 0
    finally:
        await connection.close()


async def test_even_a_study_of_one_is_whole(empty_dsn):
    summary = await make(empty_dsn, participants=1, seed=7)
    assert summary.counts["participants"] == 1
    assert summary.counts["tubes"] > 0
