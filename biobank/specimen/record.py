"""What is on record of a tube besides itself: its ledger, the work on it, deviations, measurements, other codes."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import aliased

from biobank.access.models import AppUser
from biobank.catalogue.models import DeviationType, QcQuantity
from biobank.equipment.models import Equipment, EquipmentProgram, ReagentLot
from biobank.exact import Exact
from biobank.identifier.models import HOUSE, Identifier, Namespace
from biobank.specimen.models import (
    Derivation,
    Deviation,
    ProcessingEvent,
    ProcessingInput,
    ProcessingReagent,
    ProcessingWarning,
    QcMeasurement,
    QuantityLedger,
)
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class LedgerView(View):
    recorded_at: datetime
    delta: Exact
    unit: str
    reason: str
    basis: str
    by: str | None


class WarningView(View):
    """What was wrong with work and done all the same. `warning` is its name."""

    warning: str
    detail: str


class LotUsed(View):
    reagent: str
    lot: str


class ProcessingView(View):
    """`role` says whether the tube was worked on (input) or came out of it (made)."""

    type: str
    role: str
    started_at: datetime
    ended_at: datetime | None
    operator: str
    equipment: str | None
    program: str | None
    g_force: Exact | None
    minutes: Exact | None
    celsius: Exact | None
    held_celsius: Exact | None
    brake: bool | None
    sop_version: str | None
    reagents: tuple[LotUsed, ...]
    warnings: tuple[WarningView, ...]


class DeviationView(View):
    """`resolved_at` is None while it is open; only then it blocks."""

    type: str
    title: str
    severity: str
    blocks_shipping: bool
    blocks_assay: bool
    comment: str | None
    recorded_at: datetime
    recorded_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class MeasurementView(View):
    """`raw_text` is as it was read. `latest` marks the one that counts of its quantity."""

    quantity: str
    title: str
    value: Exact
    raw_text: str
    unit: str | None
    measured_at: datetime
    equipment: str | None
    recorded_by: str | None
    latest: bool


class CodeView(View):
    """A code of another maker, of an older system, or a label of the house where one was replaced."""

    namespace: str
    title: str
    value: str
    status: str


async def ledger(tx: ReadTx, specimen_id: int) -> tuple[LedgerView, ...]:
    """Every posting, in order."""
    rows = await tx.session.execute(
        select(
            QuantityLedger.recorded_at,
            QuantityLedger.delta,
            QuantityLedger.unit,
            QuantityLedger.reason,
            QuantityLedger.basis,
            AppUser.display_name.label("by"),
        )
        .outerjoin(AppUser, AppUser.id == QuantityLedger.recorded_by)
        .where(QuantityLedger.specimen_id == specimen_id)
        .order_by(QuantityLedger.id)
    )
    return tuple(LedgerView(**row._asdict()) for row in rows)


async def processing(tx: ReadTx, specimen_id: int, *, made: bool) -> tuple[ProcessingView, ...]:
    """The work on a tube in order of time; with `made` also the work that it came out of."""
    worked_on = select(ProcessingInput.processing_event_id).where(ProcessingInput.specimen_id == specimen_id)
    made_by = select(Derivation.processing_event_id).where(Derivation.child_id == specimen_id)
    # One list of keys: of two conditions joined by "or" the database would look at every event that there is.
    wanted = ProcessingEvent.id.in_(worked_on.union(made_by) if made else worked_on)
    rows = (
        await tx.session.execute(
            select(
                ProcessingEvent.id,
                ProcessingEvent.type,
                case((ProcessingEvent.id.in_(made_by), "made"), else_="input").label("role"),
                ProcessingEvent.started_at,
                ProcessingEvent.ended_at,
                AppUser.display_name.label("operator"),
                Equipment.code.label("equipment"),
                EquipmentProgram.code.label("program"),
                ProcessingEvent.g_force,
                ProcessingEvent.minutes,
                ProcessingEvent.celsius,
                ProcessingEvent.held_celsius,
                ProcessingEvent.brake,
                ProcessingEvent.sop_version,
            )
            .join(AppUser, AppUser.id == ProcessingEvent.operator_id)
            .outerjoin(Equipment, Equipment.id == ProcessingEvent.equipment_id)
            .outerjoin(EquipmentProgram, EquipmentProgram.id == ProcessingEvent.program_id)
            .where(wanted)
            .order_by(ProcessingEvent.started_at, ProcessingEvent.id)
        )
    ).all()
    events = [row.id for row in rows]
    told = await _warnings(tx, events)
    lots = await _lots(tx, events)
    return tuple(
        ProcessingView(
            **{name: value for name, value in row._asdict().items() if name != "id"},
            reagents=lots.get(row.id, ()),
            warnings=told.get(row.id, ()),
        )
        for row in rows
    )


async def warnings_of(tx: ReadTx, event_id: int) -> tuple[WarningView, ...]:
    """What was wrong with one piece of work."""
    return (await _warnings(tx, [event_id])).get(event_id, ())


async def _warnings(tx: ReadTx, event_ids: Sequence[int]) -> dict[int, tuple[WarningView, ...]]:
    rows = await tx.session.execute(
        select(ProcessingWarning.processing_event_id, ProcessingWarning.warning, ProcessingWarning.detail)
        .where(ProcessingWarning.processing_event_id.in_(event_ids))
        .order_by(ProcessingWarning.id)
    )
    found: dict[int, tuple[WarningView, ...]] = {}
    for event_id, warning, detail in rows:
        found[event_id] = (*found.get(event_id, ()), WarningView(warning=warning, detail=detail))
    return found


async def _lots(tx: ReadTx, event_ids: Sequence[int]) -> dict[int, tuple[LotUsed, ...]]:
    rows = await tx.session.execute(
        select(ProcessingReagent.processing_event_id, ReagentLot.reagent, ReagentLot.lot)
        .join(ReagentLot, ReagentLot.id == ProcessingReagent.reagent_lot_id)
        .where(ProcessingReagent.processing_event_id.in_(event_ids))
        .order_by(ReagentLot.reagent, ReagentLot.lot)
    )
    found: dict[int, tuple[LotUsed, ...]] = {}
    for event_id, reagent, lot in rows:
        found[event_id] = (*found.get(event_id, ()), LotUsed(reagent=reagent, lot=lot))
    return found


async def deviations(tx: ReadTx, specimen_id: int) -> tuple[DeviationView, ...]:
    """Open ones first, then the resolved."""
    resolver = aliased(AppUser)
    rows = await tx.session.execute(
        select(
            Deviation.type_code.label("type"),
            DeviationType.title,
            DeviationType.severity,
            DeviationType.blocks_shipping,
            DeviationType.blocks_assay,
            Deviation.comment,
            Deviation.recorded_at,
            AppUser.display_name.label("recorded_by"),
            Deviation.resolved_at,
            resolver.display_name.label("resolved_by"),
            Deviation.resolution,
        )
        .join(DeviationType, DeviationType.code == Deviation.type_code)
        .outerjoin(AppUser, AppUser.id == Deviation.recorded_by)
        .outerjoin(resolver, resolver.id == Deviation.resolved_by)
        .where(Deviation.specimen_id == specimen_id)
        .order_by(Deviation.resolved_at.desc().nulls_first(), Deviation.id)
    )
    return tuple(DeviationView(**row._asdict()) for row in rows)


async def measurements(tx: ReadTx, specimen_id: int) -> tuple[MeasurementView, ...]:
    """By quantity, the latest first. Of two of one moment the one recorded later counts."""
    newest = (QcMeasurement.measured_at.desc(), QcMeasurement.id.desc())
    place = func.row_number().over(partition_by=QcMeasurement.quantity, order_by=newest)
    rows = await tx.session.execute(
        select(
            QcMeasurement.quantity,
            QcQuantity.title,
            QcMeasurement.value,
            QcMeasurement.raw_text,
            QcMeasurement.unit,
            QcMeasurement.measured_at,
            Equipment.code.label("equipment"),
            AppUser.display_name.label("recorded_by"),
            (place == 1).label("latest"),
        )
        .join(QcQuantity, QcQuantity.code == QcMeasurement.quantity)
        .outerjoin(Equipment, Equipment.id == QcMeasurement.equipment_id)
        .outerjoin(AppUser, AppUser.id == QcMeasurement.recorded_by)
        .where(QcMeasurement.specimen_id == specimen_id)
        .order_by(QcQuantity.title, *newest)
    )
    return tuple(MeasurementView(**row._asdict()) for row in rows)


async def codes(tx: ReadTx, specimen_id: int) -> tuple[CodeView, ...]:
    """Codes that others gave the tube, and its labels where one was replaced."""
    replaced = select(Identifier.id).where(
        Identifier.specimen_id == specimen_id, Identifier.namespace == HOUSE, Identifier.status != "active"
    )
    rows = await tx.session.execute(
        select(Identifier.namespace, Namespace.title, Identifier.value, Identifier.status)
        .join(Namespace, Namespace.code == Identifier.namespace)
        .where(Identifier.specimen_id == specimen_id, or_(Identifier.namespace != HOUSE, replaced.exists()))
        .order_by(Identifier.id)
    )
    return tuple(CodeView(**row._asdict()) for row in rows)
