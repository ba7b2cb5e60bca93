"""What the database holds of protocols by itself: published for ever, one draft, one cohort at a time; and races."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from biobank.errors import DomainError
from biobank.participant import commands as participant
from biobank.participant import course, planning
from biobank.participant.models import Visit
from biobank.protocol import commands as protocol
from biobank.tx import open_tx
from tests.material import actor, make_material
from tests.world import protocol_document

TODAY = datetime.now(UTC).date()
CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)

VISITS_OF_THE_DRAFT = (
    "select v.id from planned_visit v join protocol_version p on p.id = v.protocol_version_id where p.status = 'draft'"
)


async def draft(database, world, **change):
    async with open_tx(database, await actor(database, world, "manager")) as tx:
        await protocol.start_draft(tx, "LLS", protocol.StartDraft())
        return await protocol.import_document(tx, "LLS", protocol_document("LLS", **change))


async def publish(database, world, row_version, day=TODAY, username="manager"):
    async with open_tx(database, await actor(database, world, username)) as tx:
        command = protocol.PublishDraft(row_version=row_version, effective_from=day)
        return await planning.publish(tx, "LLS", command)


@pytest.mark.parametrize(
    "statement",
    [
        "update protocol_version set note = 'other'",
        "update protocol_version set status = 'draft', published_at = null",
        "update protocol_version set effective_from = '2030-01-01'",
        "delete from protocol_version",
        "truncate protocol_version cascade",
        """insert into protocol_version (study_id, number, status, effective_from, published_at)
           select id, 9, 'published', '2030-01-01', now() from study where code = 'LLS'""",
        "update planned_visit set days_after = 99",
        "update planned_visit set title = 'Other'",
        "delete from planned_visit",
        "truncate planned_visit cascade",
        """insert into planned_visit (protocol_version_id, study_id, code, title, position)
           select id, study_id, 'NEW', 'New', 9 from protocol_version""",
        "update planned_tube set quantity = 1",
        "delete from planned_tube",
        "truncate planned_tube cascade",
        """insert into planned_tube
               (planned_visit_id, study_id, code, position, specimen_type, tube_type, quantity, unit)
           select id, study_id, 'new', 9, 'BLD', 'SST', 1, 'uL' from planned_visit""",
        "update planned_step set max_g = 5000",
        "delete from planned_step",
        "truncate planned_step cascade",
        "insert into planned_step (planned_tube_id, position, type) select id, 9, 'clot' from planned_tube",
        "update planned_aliquot set count = 1",
        "delete from planned_aliquot",
        "truncate planned_aliquot cascade",
        """insert into planned_aliquot (planned_tube_id, position, specimen_type, tube_type, count, quantity, unit,
           temperature_class) select id, 9, 'SER', 'CRYO05', 1, 1, 'uL', '-80' from planned_tube""",
    ],
)
async def test_what_is_published_never_changes_not_even_by_sql(superuser, statement):
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute(statement)
    assert refused.value.constraint_name == "ck_protocol_version_final"


async def test_a_discarded_version_never_changes_either(database, world, superuser):
    made = await draft(database, world)
    async with open_tx(database, await actor(database, world, "manager")) as tx:
        command = protocol.DiscardDraft(row_version=made.head.row_version, reason="Not wanted")
        await protocol.discard_draft(tx, "LLS", command)
    await superuser.execute(CONTEXT)
    for statement in (
        "update protocol_version set status = 'draft' where number = 2",
        "delete from planned_visit where protocol_version_id = (select id from protocol_version where number = 2)",
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await superuser.execute(statement)
        assert refused.value.constraint_name == "ck_protocol_version_final"


async def test_a_part_of_a_published_version_cannot_be_moved_into_a_draft(database, world, superuser):
    await draft(database, world)
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute(
            "update planned_visit set code = 'OTHER', protocol_version_id = (select id from protocol_version "
            "where status = 'draft') where code = 'FLARE' and protocol_version_id <> (select id from protocol_version "
            "where status = 'draft')"
        )
    assert refused.value.constraint_name == "ck_protocol_version_final"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("'2023-01-01'", "ck_protocol_version_begins_later"),
        ("'2022-06-01'", "ck_protocol_version_begins_later"),
        ("null", "ck_protocol_version_published_from_a_day"),
        ("'2030-01-01'", "ck_planned_visit_published_has_a_type"),
        ("'2030-01-01'", "ck_protocol_version_plans_a_visit"),
    ],
)
async def test_the_database_publishes_only_what_may_be(database, world, superuser, statement, constraint):
    await draft(database, world)
    await superuser.execute(CONTEXT)
    if "type" not in constraint:
        await superuser.execute(
            "update planned_visit p set visit_type_id = t.id from visit_type t "
            "where t.study_id = p.study_id and t.code = p.code and p.visit_type_id is null"
        )
    if "plans" in constraint:
        for part, within in (
            ("step", "planned_tube_id in (select id from planned_tube where planned_visit_id in ({}))"),
            ("aliquot", "planned_tube_id in (select id from planned_tube where planned_visit_id in ({}))"),
            ("tube", "planned_visit_id in ({})"),
            ("visit", "id in ({})"),
        ):
            await superuser.execute(f"delete from planned_{part} where {within.format(VISITS_OF_THE_DRAFT)}")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute(
            f"update protocol_version set status = 'published', published_at = now(), effective_from = {statement} "
            "where status = 'draft'"
        )
    assert refused.value.constraint_name == constraint


async def both(*deeds):
    """Two deeds at once; answers how many succeeded and what the others were refused with."""
    answers = await asyncio.gather(*deeds, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, BaseException)]
    assert all(isinstance(one, DomainError | IntegrityError) for one in refused), refused
    return len(answers) - len(refused), [one.code if isinstance(one, DomainError) else "constraint" for one in refused]


async def test_two_people_publishing_at_once_publish_once(database, world):
    made = await draft(database, world)
    version = made.head.row_version
    done, refused = await both(
        publish(database, world, version), publish(database, world, version, TODAY + timedelta(days=1), "administrator")
    )
    assert (done, refused) == (1, ["no-protocol-draft"])


async def test_two_people_starting_a_draft_at_once_start_one(database, world):
    async def start(username):
        async with open_tx(database, await actor(database, world, username)) as tx:
            await protocol.start_draft(tx, "LLS", protocol.StartDraft())

    done, refused = await both(start("manager"), start("administrator"))
    assert done == 1
    assert refused in (["protocol-draft-exists"], ["constraint"])


async def test_two_people_changing_a_draft_at_once_change_it_once(database, world):
    made = await draft(database, world)

    async def change(title):
        async with open_tx(database, await actor(database, world, "manager")) as tx:
            document = protocol_document("LLS", note=title)
            command = protocol.ReplaceDraft(row_version=made.head.row_version, document=document)
            await protocol.replace_draft(tx, "LLS", command)

    assert await both(change("one"), change("other")) == (1, ["stale"])


async def test_what_is_added_to_a_draft_does_not_slip_in_behind_its_publication(database, world, dsn):
    """A statement that waits for the publication of its draft is refused when that has happened."""
    made = await draft(database, world)
    other = await asyncpg.connect(dsn)
    try:
        await other.execute(CONTEXT)
        async with open_tx(database, await actor(database, world, "manager")) as tx:
            command = protocol.PublishDraft(row_version=made.head.row_version, effective_from=TODAY)
            await planning.publish(tx, "LLS", command)
            waiting = asyncio.create_task(
                other.execute(
                    "insert into planned_visit (protocol_version_id, study_id, code, title, position) "
                    "select id, study_id, 'LATE', 'Late', 9 from protocol_version where number = 2 and study_id = "
                    "(select id from study where code = 'LLS')"
                )
            )
            await asyncio.sleep(0.3)
            assert not waiting.done()
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await waiting
        assert refused.value.constraint_name == "ck_protocol_version_final"
    finally:
        await other.close()


async def test_who_enrols_while_a_version_is_published_is_planned_by_it(database, world):
    made = await draft(
        database, world, visits=[{"code": "BASE", "title": "Baseline", "day": 0, "before": 10, "after": 10}]
    )

    async def enrol():
        async with open_tx(database, await actor(database, world, "coordinator")) as tx:
            await participant.enrol(
                tx, participant.Enrol(study="LLS", site="CHI", enrolled_on=TODAY - timedelta(days=3))
            )

    await asyncio.gather(enrol(), publish(database, world, made.head.row_version, TODAY - timedelta(days=5)), enrol())
    async with open_tx(database, await actor(database, world, "manager")) as tx:
        rows = (await tx.session.execute(select(Visit).where(Visit.status == "planned"))).scalars().all()
        tx.record("test.looked", subject="visit", subject_id=None)
    windows = {(row.window_to - row.planned_on).days for row in rows}
    assert (len(rows), windows) == (2, {10})


async def test_a_participant_is_in_one_cohort_at_a_time(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    insert = (
        "insert into cohort_membership (participant_id, cohort_id, study_id, from_on, to_on) "
        "select $1, c.id, c.study_id, $3, $4 from cohort c join study s on s.id = c.study_id "
        "where s.code = 'LLS' and c.code = $2"
    )
    await superuser.execute(insert, made.participant_id, "NEW", date(2026, 1, 1), date(2026, 3, 1))
    await superuser.execute(insert, made.participant_id, "PREV", date(2026, 3, 1), None)
    for begins, ends in (
        (date(2026, 2, 1), date(2026, 2, 2)),
        (date(2025, 1, 1), date(2026, 1, 2)),
        (date(2027, 1, 1), date(2027, 2, 1)),
    ):
        with pytest.raises(asyncpg.ExclusionViolationError) as refused:
            await superuser.execute(insert, made.participant_id, "NEW", begins, ends)
        assert refused.value.constraint_name == "ck_cohort_membership_no_overlap"
    other = await make_material(database, world, tubes=1)
    await superuser.execute(insert, other.participant_id, "NEW", date(2026, 1, 1), None)


async def test_two_people_moving_a_participant_at_once_move_them_once(database, world):
    made = await make_material(database, world, tubes=1)

    async def move():
        async with open_tx(database, await actor(database, world, "coordinator")) as tx:
            command = course.MoveCohort(cohort="NEW", from_on=TODAY - timedelta(days=2), reason="Race")
            await course.move_cohort(tx, made.participant, command)

    assert await both(move(), move()) == (1, ["conflict"])


async def test_a_visit_that_was_not_held_has_a_reason(database, world, superuser):
    await make_material(database, world, tubes=1)
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute("update visit set status = 'missed', occurred_on = null")
    assert refused.value.constraint_name == "ck_visit_not_held_has_a_reason"
