"""What the protocol plans for one visit: the version of its day, the cohort of its day, tubes that are shared."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from biobank.participant import course, planning
from biobank.participant.models import Visit
from biobank.protocol import commands as protocol
from biobank.protocol.text import read_document
from biobank.study.models import VisitType
from biobank.tx import open_read, open_tx
from tests.material import actor, make_material
from tests.world import protocol_document

TODAY = datetime.now(UTC).date()


async def planned(database, who, visit):
    async with open_read(database, who) as tx:
        return await planning.plan_of_visit(tx, visit)


async def test_a_visit_is_planned_by_the_cohort_of_its_day(database, world):
    made = await make_material(database, world, tubes=1)
    who = await actor(database, world, "manager")
    async with open_tx(database, who) as tx:
        visit = (
            await tx.session.execute(select(Visit).where(Visit.participant_id == made.participant_id))
        ).scalar_one()
        year = (
            await tx.session.execute(
                select(VisitType.id).where(VisitType.study_id == visit.study_id, VisitType.code == "Y1")
            )
        ).scalar_one()
        command = course.MoveCohort(cohort="PREV", from_on=TODAY - timedelta(days=5), reason="Reclassified")
        await course.move_cohort(tx, made.participant, command)
    (serum,) = await planned(database, who, visit)
    assert (serum.code, serum.count, serum.quantity, serum.unit, serum.cohort) == (
        "serum",
        1,
        Decimal(8500),
        "uL",
        None,
    )
    assert [(step.type, step.min_g, step.brake) for step in serum.steps] == [
        ("clot", None, None),
        ("centrifuge", 1100, True),
    ]
    assert [(one.title, one.count, one.quantity, one.temperature_class) for one in serum.aliquots] == [
        ("Serum", 8, Decimal(500), "-80")
    ]
    later = Visit(
        participant_id=made.participant_id,
        study_id=visit.study_id,
        visit_type_id=year,
        planned_on=TODAY,
        protocol_version_id=None,
    )
    # A year later the tubes are those of the baseline, and the participant gives those of the new cohort too.
    assert [tube.code for tube in await planned(database, who, later)] == ["serum", "serum_prevalent"]
    later.planned_on = date(2001, 1, 1)
    assert await planned(database, who, later) == ()


async def test_a_visit_keeps_the_version_that_it_is_pinned_to(database, world):
    made = await make_material(database, world, tubes=1)
    who = await actor(database, world, "manager")
    async with open_read(database, who) as tx:
        visit = (
            await tx.session.execute(select(Visit).where(Visit.participant_id == made.participant_id))
        ).scalar_one()
    async with open_tx(database, who) as tx:
        document = protocol_document("LLS", visits=[{"code": "BASE", "title": "Baseline", "day": 0}])
        draft = await protocol.import_document(tx, "LLS", document)
        command = protocol.PublishDraft(row_version=draft.head.row_version, effective_from=TODAY - timedelta(days=90))
        version = await planning.publish(tx, "LLS", command)
    assert version.head.number == 2
    assert await planned(database, who, visit) == ()
    async with open_read(database, who) as tx:
        first = (await protocol.queries.find_version(tx, visit.study_id, 1)).id
    visit.protocol_version_id = first
    assert [tube.code for tube in await planned(database, who, visit)] == ["serum"]


async def test_the_latest_published_version_is_what_is_exported(database, world):
    who = await actor(database, world, "manager")
    async with open_tx(database, who) as tx:
        await protocol.start_draft(tx, "LLS", protocol.StartDraft())
        text = await protocol.exported(tx, "LLS")
        study = await protocol.managed(tx, "LLS")
        terms = await protocol.queries.vocabulary(tx, study.id)
    assert text.startswith("# Version 1 of the protocol of LLS, published\n")
    assert read_document(text.encode(), terms, "LLS") == protocol_document("LLS", effective_from="2023-01-01")
