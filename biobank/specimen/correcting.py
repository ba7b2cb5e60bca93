"""Correcting when material was collected, and when and how it was worked on. The trail keeps what was there before."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.ids import grouped
from biobank.participant.models import Participant, Visit
from biobank.specimen import queries, rules
from biobank.specimen.models import CollectionEvent, Derivation, ProcessingEvent, ProcessingInput, Specimen
from biobank.specimen.queries import find_specimen, tube_code
from biobank.specimen.record import View
from biobank.specimen.work import Celsius, Command, Reason
from biobank.tx import ReadTx, Tx

Force = Annotated[Decimal | None, Field(gt=0, le=1_000_000, decimal_places=2)]
Minutes = Annotated[Decimal | None, Field(gt=0, le=100_000, decimal_places=2)]


class CorrectCollectionTime(Command):
    """`seen` is the time as it was shown: another by now is told, not overwritten."""

    collected_at: AwareDatetime
    seen: AwareDatetime | None = None
    reason: Reason


class CorrectWork(Command):
    """Work on a tube is named by its type and its beginning as recorded (`seen`). What is sent is changed; null says
    that it is not known.
    """

    type: Annotated[str, Field(min_length=1, max_length=40)]
    seen: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    g_force: Force = None
    minutes: Minutes = None
    celsius: Celsius = None
    held_celsius: Celsius = None
    brake: bool | None = None
    reason: Reason


class Corrected(View):
    """What was corrected, from which moment to which, and how many tubes it concerns."""

    what: str
    was: AwareDatetime
    now: AwareDatetime
    tubes: int


_CHANGEABLE = ("started_at", "ended_at", "g_force", "minutes", "celsius", "held_celsius", "brake")


async def hold_collection(tx: Tx, code: str) -> tuple[Specimen, CollectionEvent]:
    """A tube and the collection that it came of, held until the commit.

    Raises:
        NotFound: no such tube within reach.
        Invalid: a pool of several collections.
    """
    tube, _ = await find_specimen(tx, tube_code(code), Permission.SPECIMEN_COLLECT)
    event = (
        await tx.session.execute(
            select(CollectionEvent)
            .where(CollectionEvent.id == tube.collection_event_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if event is None:
        raise Invalid(
            f"{grouped(tube.code)} is a pool: correct the time at a tube that it was made from.",
            errors={"collected_at": "is of several collections"},
        )
    return tube, event


async def correct_collection_time(tx: Tx, code: str, command: CorrectCollectionTime) -> Corrected:
    """Correct when the material of a tube was collected, for all tubes of that collection.

    Raises:
        NotFound, Invalid: as `hold_collection` says, and a moment that cannot be: in the future, before the
            enrolment or the visit, or after work on the tubes began.
        RecordChanged: somebody else corrected it meanwhile.
    """
    tube, event = await hold_collection(tx, code)
    was = event.collected_at
    _check_seen(command.seen, was)
    if command.collected_at == was:
        raise Invalid("The record says so already.", errors={"collected_at": "is what is recorded"})
    occurred_on, enrolled_on = (
        await tx.session.execute(
            select(Visit.occurred_on, Participant.enrolled_on)
            .join(Participant, Participant.id == Visit.participant_id)
            .where(Visit.id == event.visit_id)
        )
    ).one()
    assert occurred_on is not None  # noqa: S101  # tubes are collected at visits that took place
    rules.check_collected(command.collected_at, occurred_on, enrolled_on, tx.now, event.timezone)
    tubes = select(Specimen.id).where(Specimen.collection_event_id == event.id)
    ids = (await tx.session.execute(tubes)).scalars().all()
    first = await _first_work(tx, ids)
    if first is not None and first.started_at < command.collected_at:
        raise Invalid(
            f"Work on {grouped(first.code)} ({first.type.replace('_', ' ')}) began before that: "
            "correct its time first.",
            errors={"collected_at": "lies after the work on a tube began"},
        )
    event.collected_at = command.collected_at
    await tx.session.flush()
    tx.record(
        "specimen.collection_time_corrected",
        subject="collection_event",
        subject_id=event.id,
        study_id=tube.study_id,
        site_id=tube.site_id,
        reason=command.reason,
        tubes=len(ids),
    )
    return Corrected(what="collection", was=was, now=command.collected_at, tubes=len(ids))


def _check_seen(seen: datetime | None, recorded: datetime) -> None:
    if seen is not None and seen != recorded:
        raise rules.RecordChanged(
            "Somebody corrected this time meanwhile: load the page again and look at what is recorded now.",
            recorded=recorded.isoformat(),
        )


async def _first_work(tx: ReadTx, specimen_ids: Sequence[int]) -> Any:
    """The earliest work on any of these tubes, with the tube's code; None where there is none."""
    return (
        await tx.session.execute(
            select(Specimen.code, ProcessingEvent.type, ProcessingEvent.started_at)
            .join(ProcessingInput, ProcessingInput.processing_event_id == ProcessingEvent.id)
            .join(Specimen, Specimen.id == ProcessingInput.specimen_id)
            .where(ProcessingInput.specimen_id.in_(specimen_ids))
            .order_by(ProcessingEvent.started_at, Specimen.id)
            .limit(1)
        )
    ).one_or_none()


async def hold_work(tx: Tx, code: str, command: CorrectWork) -> tuple[Specimen, ProcessingEvent]:
    """Work on a tube, or the work that made it, held until the commit.

    Raises:
        NotFound: no such tube within reach.
        Invalid: no such work on it, or more than one that began at that moment.
    """
    tube, _ = await find_specimen(tx, tube_code(code), Permission.SPECIMEN_PROCESS)
    worked_on = select(ProcessingInput.processing_event_id).where(ProcessingInput.specimen_id == tube.id)
    made_by = select(Derivation.processing_event_id).where(Derivation.child_id == tube.id)
    found = (
        (
            await tx.session.execute(
                select(ProcessingEvent)
                .where(
                    ProcessingEvent.id.in_(worked_on.union(made_by)),
                    ProcessingEvent.type == command.type,
                    ProcessingEvent.started_at == command.seen,
                )
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        )
        .scalars()
        .all()
    )
    if len(found) != 1:
        many = "more than one" if found else "no"
        raise Invalid(
            f"There is {many} {command.type.replace('_', ' ')} of {grouped(tube.code)} that began at this moment: "
            "look at its page again.",
            errors={"seen": f"names {many} work"},
        )
    return tube, found[0]


async def correct_work(tx: Tx, code: str, command: CorrectWork) -> Corrected:
    """Correct times and settings of work on tubes, for all tubes that it was done to.

    Raises:
        NotFound, Invalid: as `hold_work` says, and times out of order with the tubes that it was done to or made.
    """
    tube, event = await hold_work(tx, code, command)
    was = event.started_at
    changes = {name: getattr(command, name) for name in _CHANGEABLE if name in command.model_fields_set}
    changes = {name: value for name, value in changes.items() if getattr(event, name) != value}
    if changes.get("started_at", was) is None:
        raise Invalid("Work has a beginning.", errors={"started_at": "is missing"})
    if not changes:
        raise Invalid("Nothing would change: the record says so already.", errors={"started_at": "is what is recorded"})
    tubes = (
        (
            await tx.session.execute(
                select(Specimen)
                .join(ProcessingInput, ProcessingInput.specimen_id == Specimen.id)
                .where(ProcessingInput.processing_event_id == event.id)
            )
        )
        .scalars()
        .all()
    )
    started_at = changes.get("started_at", was)
    rules.check_worked(started_at, changes.get("ended_at", event.ended_at), await queries.born(tx, tubes), tx.now)
    made = select(Derivation.child_id).where(Derivation.processing_event_id == event.id)
    later = await _first_work(tx, (await tx.session.execute(made)).scalars().all())
    if later is not None and later.started_at < started_at:
        raise Invalid(
            f"Work on {grouped(later.code)}, which this made, began before that: correct its time first.",
            errors={"started_at": "lies after the work on a tube that it made"},
        )
    for name, value in changes.items():
        setattr(event, name, value)
    await tx.session.flush()
    tx.record(
        "specimen.work_corrected",
        subject="processing_event",
        subject_id=event.id,
        study_id=tube.study_id,
        site_id=event.site_id,
        reason=command.reason,
        type=event.type,
        changed=sorted(changes),
    )
    return Corrected(what=event.type, was=was, now=started_at, tubes=len(tubes))


async def tubes_of_collection(tx: ReadTx, event: CollectionEvent) -> list[int]:
    """All tubes of a collection."""
    rows = await tx.session.execute(select(Specimen.id).where(Specimen.collection_event_id == event.id))
    return list(rows.scalars())


async def tubes_of_work(tx: ReadTx, event: ProcessingEvent) -> list[int]:
    """The tubes that work was done to, and those that came of it."""
    inputs = select(ProcessingInput.specimen_id).where(ProcessingInput.processing_event_id == event.id)
    made = select(Derivation.child_id).where(Derivation.processing_event_id == event.id)
    return list((await tx.session.execute(inputs.union(made))).scalars())


async def descendants(tx: ReadTx, specimen_ids: Sequence[int]) -> list[int]:
    """These tubes and everything that came of them."""
    down = select(Specimen.id).where(Specimen.id.in_(specimen_ids)).cte("down", recursive=True)
    down = down.union(select(Derivation.child_id).join(down, Derivation.parent_id == down.c.id))
    return list((await tx.session.execute(select(down.c.id).order_by(down.c.id))).scalars())
