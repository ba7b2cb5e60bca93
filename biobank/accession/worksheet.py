"""The worksheet of a bench: for each tube in hand what is to be done by when, grouped by what is done alike."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select

from biobank.access.models import AppUser
from biobank.accession import clocks
from biobank.accession.clocks import Clock, Done, Step
from biobank.accession.intake import open_deviations
from biobank.accession.models import Spin, SpinTube, TubeOutcome
from biobank.accession.queries import View
from biobank.actor import Permission
from biobank.equipment.models import Equipment, EquipmentProgram
from biobank.protocol.models import PlannedStep, PlannedTube
from biobank.specimen import queries as specimens
from biobank.specimen.models import CollectionEvent, Custody, ProcessingEvent, ProcessingInput, Specimen
from biobank.specimen.queries import SpecimenRow
from biobank.study.queries import timezone_of
from biobank.tx import ReadTx

MOST = 200
"""Tubes on one worksheet; a bench with more in hand has not stored what it finished."""

TITLES: Mapping[str, str] = {
    "clot": "Let clot",
    "centrifuge": "Spin",
    "ficoll": "Separate on a gradient",
    "wash": "Wash",
    "aliquot": "Divide",
    "cryo_freeze": "Freeze",
}


class Task(View):
    """A tube with its next step and the clock of it. `kind` and `words` say how the clock stands."""

    tube: SpecimenRow
    planned: str | None
    holder: str
    step: str | None
    not_before: datetime | None
    not_after: datetime | None
    running_since: datetime | None
    kind: str
    words: str
    deviations: tuple[str, ...]


class Group(View):
    """Tubes to which the same is done, the most urgent first."""

    title: str
    settings: str
    sop_version: str | None
    tasks: tuple[Task, ...]


class RunningSpin(View):
    """A centrifuge that is running: since when, and from when on it may be stopped."""

    equipment: str
    title: str
    program: str | None
    started_at: datetime
    ends_at: datetime | None
    tubes: tuple[str, ...]


class Worksheet(View):
    at: datetime
    timezone: str
    groups: tuple[Group, ...]
    spins: tuple[RunningSpin, ...]
    tubes: int
    more: bool


async def worksheet(tx: ReadTx, whose: Literal["mine", "all"] = "mine") -> Worksheet:
    """What is to be done to the tubes in the person's hands, or in those of everybody at the same sites."""
    query = (
        select(Specimen.id, CollectionEvent.collected_at, TubeOutcome.planned_tube_id, AppUser.display_name)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(AppUser, AppUser.id == Custody.holder_id)
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(TubeOutcome, (TubeOutcome.specimen_id == Specimen.id) & TubeOutcome.superseded_at.is_(None))
        .where(
            Specimen.level == "primary",
            Specimen.existence == "exists",
            specimens.within(tx.scope(Permission.SPECIMEN_PROCESS)),
        )
        .order_by(CollectionEvent.collected_at.desc(), Specimen.id)
        .limit(MOST + 1)
    )
    if whose == "mine":
        query = query.where(Custody.holder_id == tx.actor.user_id)
    found = (await tx.session.execute(query)).all()
    shown = found[:MOST]
    rows = {row.id: row for row in await specimens.rows_of(tx, [one.id for one in shown])}
    steps = await steps_of(tx, [one.planned_tube_id for one in shown if one.planned_tube_id is not None])
    done = await done_to(tx, list(rows))
    wrong = await open_deviations(tx, list(rows))
    codes = await planned_codes(tx, {one.planned_tube_id for one in shown if one.planned_tube_id is not None})
    groups: dict[tuple[str, str, str | None], list[Task]] = defaultdict(list)
    for one in shown:
        clock = clocks.clock(one.collected_at, steps.get(one.planned_tube_id, ()), done.get(one.id, ()), tx.now)
        task = _task(rows[one.id], codes.get(one.planned_tube_id), one.display_name, clock, wrong.get(one.id, ()))
        groups[_alike(clock)].append(task)
    urgent = sorted(groups.items(), key=lambda pair: min(_urgency(task) for task in pair[1]))
    return Worksheet(
        at=tx.now,
        timezone=next((row.timezone for row in rows.values()), None)
        or await timezone_of(tx, Permission.SPECIMEN_PROCESS),
        groups=tuple(
            Group(title=title, settings=settings, sop_version=sop, tasks=tuple(sorted(tasks, key=_urgency)))
            for (title, settings, sop), tasks in urgent
        ),
        spins=await running(tx),
        tubes=len(shown),
        more=len(found) > MOST,
    )


def _task(row: SpecimenRow, planned: str | None, holder: str, clock: Clock, wrong: tuple[str, ...]) -> Task:
    return Task(
        tube=row,
        planned=planned,
        holder=holder,
        step=clock.step.type if clock.step else None,
        not_before=clock.not_before,
        not_after=clock.not_after,
        running_since=clock.running_since,
        kind="hold" if row.hold else clock.kind,
        words=f"on hold: {row.hold.replace('_', ' ')}" if row.hold else clock.words,
        deviations=wrong,
    )


def _alike(clock: Clock) -> tuple[str, str, str | None]:
    if clock.step is None:
        return "Nothing planned is left to do", "", None
    title = TITLES.get(clock.step.type, clock.step.type.replace("_", " ").capitalize())
    settings = "" if clock.step.settings == "no settings planned" else clock.step.settings
    return title, settings, clock.step.sop_version


def _urgency(task: Task) -> tuple[bool, float, int]:
    moment = task.not_after or task.not_before
    return task.step is None, moment.timestamp() if moment else float("inf"), task.tube.id


async def steps_of(tx: ReadTx, planned_ids: Iterable[int]) -> dict[int, tuple[Step, ...]]:
    """By planned tube, its steps in order."""
    names = Step.__dataclass_fields__
    rows = await tx.session.execute(
        select(PlannedStep.planned_tube_id, *(getattr(PlannedStep, name) for name in names))
        .where(PlannedStep.planned_tube_id.in_(set(planned_ids)))
        .order_by(PlannedStep.planned_tube_id, PlannedStep.position)
    )
    found: dict[int, tuple[Step, ...]] = {}
    for row in rows:
        step = Step(**{name: getattr(row, name) for name in names})
        found[row.planned_tube_id] = (*found.get(row.planned_tube_id, ()), step)
    return found


async def planned_codes(tx: ReadTx, planned_ids: Iterable[int]) -> dict[int, str]:
    rows = await tx.session.execute(
        select(PlannedTube.id, PlannedTube.code).where(PlannedTube.id.in_(set(planned_ids)))
    )
    return {row.id: row.code for row in rows}


async def done_to(tx: ReadTx, tube_ids: Sequence[int]) -> dict[int, tuple[Done, ...]]:
    """By tube, the work that was done to it or is under way. A tube that gives several materials is divided when the
    last planned one was made.
    """
    events = await tx.session.execute(
        select(ProcessingInput.specimen_id, ProcessingEvent.type, ProcessingEvent.started_at, ProcessingEvent.ended_at)
        .join(ProcessingEvent, ProcessingEvent.id == ProcessingInput.processing_event_id)
        .where(ProcessingInput.specimen_id.in_(tube_ids))
        .order_by(ProcessingEvent.started_at, ProcessingEvent.id)
    )
    found: dict[int, list[Done]] = defaultdict(list)
    for row in events:
        # Recorded afterwards without an end, work is over all the same: only a spin at this bench is under way.
        found[row.specimen_id].append(Done(row.type, row.started_at, row.ended_at or row.started_at))
    spinning = await tx.session.execute(
        select(SpinTube.specimen_id, Spin.started_at)
        .join(Spin, Spin.id == SpinTube.spin_id)
        .where(SpinTube.specimen_id.in_(tube_ids), SpinTube.is_running)
    )
    for one in spinning:
        found[one.specimen_id].append(Done("centrifuge", one.started_at, None))
    return {key: tuple(of) for key, of in found.items()}


async def running(tx: ReadTx) -> tuple[RunningSpin, ...]:
    """Centrifuges that spin tubes within reach now."""
    rows = await tx.session.execute(
        select(
            Equipment.code.label("equipment"),
            Equipment.title,
            EquipmentProgram.title.label("program"),
            EquipmentProgram.minutes,
            Spin.started_at,
            func.array_agg(Specimen.code).label("tubes"),
        )
        .join(Spin, Spin.equipment_id == Equipment.id)
        .join(SpinTube, SpinTube.spin_id == Spin.id)
        .join(Specimen, Specimen.id == SpinTube.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .outerjoin(EquipmentProgram, EquipmentProgram.id == Spin.program_id)
        .where(SpinTube.is_running, specimens.within(tx.scope(Permission.SPECIMEN_PROCESS)))
        .group_by(Equipment.id, EquipmentProgram.id, Spin.id)
        .order_by(Spin.started_at)
    )
    return tuple(
        RunningSpin(
            equipment=row.equipment,
            title=row.title,
            program=row.program,
            started_at=row.started_at,
            ends_at=clocks.ends(row.started_at, row.minutes),
            tubes=tuple(sorted(row.tubes)),
        )
        for row in rows
    )
