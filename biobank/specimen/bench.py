"""With what and how work is done: equipment, program, settings, reagent lots; and the rules that work may break only
under a named deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import column, func, select, table

from biobank.equipment import queries as equipment
from biobank.equipment import rules as equipment_rules
from biobank.equipment.models import Equipment, EquipmentProgram
from biobank.equipment.rules import Settings
from biobank.errors import DomainError, Invalid
from biobank.ids import grouped
from biobank.protocol.models import PlannedStep
from biobank.specimen import steps
from biobank.specimen.models import (
    CollectionEvent,
    ProcessingEvent,
    ProcessingInput,
    ProcessingReagent,
    ProcessingWarning,
    Specimen,
)
from biobank.specimen.steps import PlannedWork, TubePast
from biobank.specimen.work import AtHand, Work, hands
from biobank.study.models import Site
from biobank.tx import ReadTx, Tx

# What became of a planned tube is written by the slice of the visit day, above this one; its table is known by name.
_OUTCOME = table("tube_outcome", column("specimen_id"), column("planned_tube_id"), column("superseded_at"))


@dataclass(frozen=True, slots=True)
class Setup:
    """What an event is recorded with. `warnings` are told by their names, each with what was wrong."""

    equipment_id: int | None
    program_id: int | None
    settings: Settings
    lot_ids: tuple[int, ...]
    warnings: tuple[tuple[str, str], ...]


async def set_up(tx: Tx, work: AtHand, kind: str, command: Work) -> Setup:
    """What work is done with, after all rules that it is held to.

    An overdue calibration is told and no more. The other rules refuse the work unless it names a deviation; then they
    are recorded with it.

    Raises:
        Invalid: unknown equipment, program or lot; a program without equipment.
        EquipmentNotUsable: the equipment is out of service or retired, or the program was withdrawn.
        WrongProgram: the program is meant for other tubes.
        ReagentExpired: a lot was past its expiry on the site's day.
        WrongStep: the protocol plans other work for a tube, or other settings.
        OutOfOrder: received, clotted, spun, divided, frozen would not follow each other.
    """
    site = await tx.session.get_one(Site, work.site_id)
    day = command.started_at.astimezone(ZoneInfo(site.timezone)).date()
    device, program = await _device(tx, work, command)
    settings = Settings(command.g_force, command.minutes, command.celsius, command.brake)
    warnings: list[tuple[str, str]] = []
    faults: list[tuple[str, DomainError]] = []
    if device is not None:
        known = equipment_rules.Device(site.code, device.code, device.status, device.calibration_due)
        equipment_rules.check_usable(known)
        if told := equipment_rules.overdue(known, day):
            warnings.append(("calibration_overdue", told))
    if program is not None:
        planned = Settings(program.g_force, program.minutes, program.celsius, program.brake)
        settings = equipment_rules.ran(planned, settings)
        faults += await _wrong_tubes(tx, work, program)
    lots = await equipment.lots_at(tx, work.site_id, [(one.reagent, one.lot) for one in command.reagents])
    late = equipment_rules.expired(
        tuple(equipment_rules.Lot(one.reagent, one.lot, one.expires_on) for one in lots), day
    )
    if late is not None:
        refused = equipment_rules.ReagentExpired(f"{late} Use another lot, or name a deviation.", expired=late)
        faults.append(("reagent_expired", refused))
    past = await pasts(tx, work.tubes)
    faults += await _wrong_steps(tx, work, kind, command, settings, past)
    if misplaced := steps.out_of_order(past, kind, command.started_at, site.timezone):
        refused_order = steps.OutOfOrder(
            f"{misplaced} Correct the time, or name a deviation.", errors={"started_at": "is out of order"}
        )
        faults.append(("out_of_order", refused_order))
    if faults and command.deviation is None:
        raise faults[0][1]
    return Setup(
        device.id if device else None,
        program.id if program else None,
        settings,
        tuple(one.id for one in lots),
        (*warnings, *((name, error.detail) for name, error in faults)),
    )


async def begin_event(tx: Tx, work: AtHand, kind: str, command: Work) -> int:
    """Record work with what it was done with; its key. The tubes are its inputs.

    Raises:
        as `set_up` says.
    """
    setup = await set_up(tx, work, kind, command)
    (event_id,) = await tx.insert(
        ProcessingEvent,
        [
            {
                "study_id": work.study_id,
                "site_id": work.site_id,
                "type": kind,
                "started_at": command.started_at,
                "ended_at": command.ended_at,
                "operator_id": hands(tx),
                "equipment_id": setup.equipment_id,
                "program_id": setup.program_id,
                "g_force": setup.settings.g_force,
                "minutes": setup.settings.minutes,
                "celsius": setup.settings.celsius,
                "held_celsius": command.held_celsius,
                "brake": setup.settings.brake,
                "sop_version": command.sop_version,
            }
        ],
    )
    of_event = {"processing_event_id": event_id}
    await tx.insert(
        ProcessingWarning, [{**of_event, "warning": name, "detail": detail} for name, detail in setup.warnings]
    )
    await tx.insert(ProcessingReagent, [{**of_event, "reagent_lot_id": one} for one in setup.lot_ids])
    await tx.insert(ProcessingInput, [{**of_event, "specimen_id": tube.id} for tube in work.tubes])
    return event_id


async def _device(tx: Tx, work: AtHand, command: Work) -> tuple[Equipment | None, EquipmentProgram | None]:
    if command.equipment is None:
        if command.program is not None:
            raise Invalid(
                "A program is one of a piece of equipment: name that too.", errors={"equipment": "is missing"}
            )
        return None, None
    device = await equipment.at_site(tx, work.site_id, command.equipment)
    if command.program is None:
        return device, None
    return device, await equipment.program_of(tx, device, command.program)


async def _wrong_tubes(tx: Tx, work: AtHand, program: EquipmentProgram) -> list[tuple[str, DomainError]]:
    meant = (await equipment.tube_types_of(tx, [program.id])).get(program.id, ())
    wrong = [tube for tube in work.tubes if meant and tube.tube_type not in meant]
    if not wrong:
        return []
    words = ", ".join(f"{grouped(tube.code)} ({tube.tube_type})" for tube in wrong)
    return [
        (
            "wrong_program",
            equipment_rules.WrongProgram(
                f"Program {program.code} is meant for {', '.join(meant)}, not for {words}. "
                "Take them out, choose another program, or name a deviation.",
                program=program.code,
                codes=[tube.code for tube in wrong],
            ),
        )
    ]


async def _wrong_steps(
    tx: Tx, work: AtHand, kind: str, command: Work, settings: Settings, past: Sequence[TubePast]
) -> list[tuple[str, DomainError]]:
    plans = await planned_work(tx, [tube.id for tube in work.tubes])
    as_long = replace(settings, minutes=steps.lasted(settings.minutes, command.started_at, command.ended_at))
    collected = {one.code: one.collected_at for one in past}
    wrong: dict[str, str] = {}
    for tube in work.tubes:
        fault = steps.step_fault(
            plans.get(tube.id, ()), kind, as_long, _since(collected[tube.code], command.started_at)
        )
        if fault is not None:
            wrong[tube.code] = fault
    if not wrong:
        return []
    words = "; ".join(f"{grouped(code)}: {fault}" for code, fault in wrong.items())
    return [
        (
            "wrong_step",
            steps.WrongStep(
                f"{words}. Take them out, correct what was recorded, or name a deviation.", codes=sorted(wrong)
            ),
        )
    ]


def _since(collected_at: datetime | None, moment: datetime) -> timedelta | None:
    return None if collected_at is None else moment - collected_at


async def planned_work(tx: ReadTx, specimen_ids: Sequence[int]) -> dict[int, tuple[PlannedWork, ...]]:
    """By specimen id, the work that the protocol plans for it; a tube that was not planned is left out."""
    names = PlannedWork.__dataclass_fields__
    rows = await tx.session.execute(
        select(_OUTCOME.c.specimen_id, *(getattr(PlannedStep, name) for name in names))
        .join(PlannedStep, PlannedStep.planned_tube_id == _OUTCOME.c.planned_tube_id)
        .where(_OUTCOME.c.specimen_id.in_(specimen_ids), _OUTCOME.c.superseded_at.is_(None))
        .order_by(_OUTCOME.c.specimen_id, PlannedStep.position)
    )
    found: dict[int, tuple[PlannedWork, ...]] = {}
    for row in rows:
        step = PlannedWork(**{name: getattr(row, name) for name in names})
        found[row.specimen_id] = (*found.get(row.specimen_id, ()), step)
    return found


async def pasts(tx: ReadTx, tubes: Sequence[Specimen]) -> list[TubePast]:
    """When tubes were collected and when each kind of work on them first began, in the order given."""
    ids = [tube.id for tube in tubes]
    collected = await tx.session.execute(
        select(Specimen.id, CollectionEvent.collected_at)
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .where(Specimen.id.in_(ids))
    )
    at = {row.id: row.collected_at for row in collected}
    began = await tx.session.execute(
        select(ProcessingInput.specimen_id, ProcessingEvent.type, func.min(ProcessingEvent.started_at).label("first"))
        .join(ProcessingEvent, ProcessingEvent.id == ProcessingInput.processing_event_id)
        .where(ProcessingInput.specimen_id.in_(ids), ProcessingEvent.type.in_(steps.STAGES))
        .group_by(ProcessingInput.specimen_id, ProcessingEvent.type)
    )
    firsts: dict[int, dict[str, datetime]] = {}
    for row in began:
        firsts.setdefault(row.specimen_id, {})[row.type] = row.first
    return [TubePast(tube.code, at.get(tube.id), firsts.get(tube.id, {})) for tube in tubes]
