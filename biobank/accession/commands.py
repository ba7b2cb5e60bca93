"""The visit day: tubes that were drawn, tubes that were not and why, and the end of the visit."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from biobank.accession import queries, rules
from biobank.accession.models import TubeOutcome
from biobank.accession.queries import At, VisitDay
from biobank.accession.rules import Slot
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.participant.models import Visit
from biobank.participant.planning import plan_of_visit
from biobank.participant.queries import participant
from biobank.protocol.queries import TubePlan
from biobank.specimen.collecting import Collect, CollectedTube, collect
from biobank.specimen.models import Specimen
from biobank.specimen.rules import check_visit_done
from biobank.specimen.work import Basis, Label, Quantity, hands
from biobank.tx import Tx

Planned = Annotated[str, Field(min_length=1, max_length=30, description="The planned tube's code in the protocol.")]
Ordinal = Annotated[int, Field(ge=1, le=50)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedRef(Command):
    planned: Planned
    ordinal: Ordinal = 1


class DrawnTube(PlannedRef):
    """A planned tube that was collected; without a quantity it holds what is planned, in the protocol's unit. `label`
    is the pre-printed label that is on it.
    """

    quantity: Quantity | None = None
    basis: Basis = "nominal"
    label: Label = None


class RecordDraw(Command):
    """The tubes of a visit that were collected at one moment; `unplanned` are those that the protocol does not plan."""

    collected_at: AwareDatetime
    tubes: Annotated[tuple[DrawnTube, ...], Field(max_length=100)] = ()
    unplanned: Annotated[tuple[CollectedTube, ...], Field(max_length=20)] = ()
    fasting: bool | None = None


class RecordNotCollected(Command):
    tubes: Annotated[tuple[PlannedRef, ...], Field(min_length=1, max_length=100)]
    reason: Annotated[str, Field(min_length=1, max_length=30)]
    note: Annotated[str | None, Field(min_length=1, max_length=500)] = None


class FinishVisit(Command):
    """`row_version` is the state that the person saw: what others recorded since is looked at first."""

    row_version: Annotated[int, Field(ge=1)]


class DrawView(BaseModel):
    """The visit after a draw, and the codes of the tubes that were registered."""

    model_config = ConfigDict(frozen=True)
    tubes: tuple[str, ...]
    day: VisitDay


async def record_draw(tx: Tx, code: str, visit: str, number: int, command: RecordDraw) -> DrawView:
    """Register the tubes of one draw under fresh ids. A tube that turns up after all supersedes the reason why it was
    not collected; a finished visit takes it without more ado.

    Raises:
        NotFound, VisitNotDone, ParticipantWithdrawn, ConsentMissing, Invalid: as collecting says.
        NotPlanned, OutcomeRecorded: a tube that is not planned, or that is there already.
    """
    at = await queries.find_visit(tx, code, visit, number, Permission.SPECIMEN_COLLECT, lock=True)
    plan = await plan_of_visit(tx, at.visit)
    slots = _named(plan, command.tubes)
    rules.check_each_slot_once(slots, "tubes")
    if not slots and not command.unplanned:
        raise Invalid("Say which tubes were collected.", errors={"tubes": "names no tube"})
    await _check_free(tx, at.visit, slots)
    by_id = {tube.id: tube for tube in plan}
    planned = [_collected(by_id[slot.planned_id], tube) for slot, tube in zip(slots, command.tubes, strict=True)]
    tubes = (*planned, *command.unplanned)
    done = await collect(
        tx, at.person.code, Collect(visit=visit, number=number, collected_at=command.collected_at, tubes=tubes)
    )
    by_code = {row.code: row.id for row in done.specimens}
    codes = tuple(row.code for row in sorted(done.specimens, key=lambda row: row.id))
    made = [(slot, by_code[made]) for slot, made in zip(slots, codes, strict=False)]
    await stand_for(tx, at.visit, made)
    if command.fasting is not None:
        at.visit.fasting = command.fasting
    return DrawView(tubes=codes, day=await _changed(tx, at))


def _named(plan: Sequence[TubePlan], tubes: Sequence[PlannedRef]) -> list[Slot]:
    every = frozenset(tube.consent_scope for tube in plan if tube.consent_scope)
    slots = queries.slots_of(plan, every)
    return [
        rules.check_planned(slots, tube.planned, tube.ordinal, f"tubes.{index}.planned")
        for index, tube in enumerate(tubes)
    ]


def _collected(plan: TubePlan, tube: DrawnTube) -> CollectedTube:
    return CollectedTube(
        specimen_type=plan.specimen_type,
        tube_type=plan.tube_type,
        quantity=plan.quantity if tube.quantity is None else tube.quantity,
        unit=plan.unit,
        basis=tube.basis,
        label=tube.label,
    )


async def _check_free(tx: Tx, visit: Visit, slots: Sequence[Slot]) -> None:
    outcomes = await queries.outcomes_of(tx, visit.id)
    taken = [outcome.specimen_id for slot in slots if (outcome := outcomes.get(slot.key)) and outcome.specimen_id]
    rows = await tx.session.execute(select(Specimen.id, Specimen.code).where(Specimen.id.in_(taken)))
    codes = {row.id: row.code for row in rows}
    for slot in slots:
        outcome = outcomes.get(slot.key)
        rules.check_free(slot, outcome, codes.get(outcome.specimen_id or 0) if outcome else None)


async def stand_for(tx: Tx, visit: Visit, tubes: Sequence[tuple[Slot, int]]) -> None:
    """Record that tubes stand for planned ones. A reason that stood there is superseded and stays on record."""
    for slot, _ in tubes:
        await _supersede(tx, visit, slot)
    await tx.insert(
        TubeOutcome,
        [
            {**_outcome(tx, visit, slot), "specimen_id": specimen_id, "reason_code": None, "note": None}
            for slot, specimen_id in tubes
        ],
    )


def _outcome(tx: Tx, visit: Visit, slot: Slot) -> dict[str, object]:
    return {
        "visit_id": visit.id,
        "planned_tube_id": slot.planned_id,
        "ordinal": slot.ordinal,
        "recorded_at": tx.now,
        "recorded_by": hands(tx),
    }


async def _supersede(tx: Tx, visit: Visit, slot: Slot) -> None:
    await tx.session.execute(
        update(TubeOutcome)
        .where(
            TubeOutcome.visit_id == visit.id,
            TubeOutcome.planned_tube_id == slot.planned_id,
            TubeOutcome.ordinal == slot.ordinal,
            TubeOutcome.superseded_at.is_(None),
        )
        .values(superseded_at=tx.now)
    )


async def _changed(tx: Tx, at: At) -> VisitDay:
    at.visit.row_version += 1
    await tx.session.flush()
    return await queries.view_of(tx, at)


async def record_not_collected(tx: Tx, code: str, visit: str, number: int, command: RecordNotCollected) -> VisitDay:
    """Record why planned tubes were not collected. Another reason for the same tube supersedes the first.

    Raises:
        NotFound: no such participant or visit within reach.
        VisitNotDone: the visit is planned, missed or cancelled.
        NotPlanned, OutcomeRecorded: a tube that is not planned, or that was collected.
        Invalid: no such reason, "other" without a note, or a tube named twice.
    """
    at = await queries.find_visit(tx, code, visit, number, Permission.VISIT_RECORD, lock=True)
    check_visit_done(at.visit.status, f"{visit} {number}")
    if command.reason not in {reason.code for reason in await queries.reasons(tx)}:
        raise Invalid(f"There is no reason {command.reason}.", errors={"reason": "is not a reason of the code table"})
    if command.reason == "other" and command.note is None:
        raise Invalid("Say in the note why it was not collected.", errors={"note": "is missing"})
    slots = _named(await plan_of_visit(tx, at.visit), command.tubes)
    rules.check_each_slot_once(slots, "tubes")
    await _check_free(tx, at.visit, slots)
    for slot in slots:
        await _supersede(tx, at.visit, slot)
    said = {"specimen_id": None, "reason_code": command.reason, "note": command.note}
    await tx.insert(TubeOutcome, [{**_outcome(tx, at.visit, slot), **said} for slot in slots])
    tx.record(
        "visit.tubes_not_collected",
        subject="visit",
        subject_id=at.visit.id,
        study_id=at.visit.study_id,
        site_id=at.visit.site_id,
        tubes=[slot.words for slot in slots],
        why=command.reason,
    )
    return await _changed(tx, at)


async def settle(tx: Tx, visit: Visit) -> list[tuple[Slot, bool]]:
    """Let tubes of the visit that stand for nothing yet stand for the planned tubes they fit, by material and make.

    Returns which planned tubes they stand for now, and whether that superseded a reason. The visit is locked.
    """
    tubes = await queries.unmatched(tx, visit.id)
    if not tubes:
        return []
    plan = await plan_of_visit(tx, visit)
    slots = queries.slots_of(plan, frozenset(tube.consent_scope for tube in plan if tube.consent_scope))
    outcomes = await queries.outcomes_of(tx, visit.id)
    matched = rules.match(slots, outcomes, tubes)
    await stand_for(tx, visit, [(slot, tube.specimen_id) for slot, tube in matched])
    if matched:
        visit.row_version += 1
        await tx.session.flush()
    return [(slot, slot.key in outcomes) for slot, _ in matched]


async def finish_visit(tx: Tx, code: str, visit: str, number: int, command: FinishVisit) -> VisitDay:
    """End a visit: every planned tube is accounted for. Of two people who do so at once the second is told what the
    first did.

    Raises:
        NotFound: no such participant or visit within reach.
        VisitNotDone: the visit is planned, missed or cancelled.
        VisitFinished, VisitChanged: somebody finished it, or recorded something, meanwhile.
        TubesUnaccounted: naming the planned tubes that are neither collected nor have a reason.
    """
    at = await queries.find_visit(tx, code, visit, number, Permission.VISIT_RECORD, lock=True)
    check_visit_done(at.visit.status, f"{visit} {number}")
    seen = at.visit.row_version
    view = await queries.view_of(tx, at)
    rules.check_unfinished(
        at.visit.finished_at,
        view.finished_by,
        queries.tally(view),
        at.site.timezone,
        mine=at.visit.finished_by == tx.actor.user_id,
    )
    rules.check_seen(command.row_version, seen)
    await settle(tx, at.visit)
    allowed = frozenset(queries.consent_state(await participant(tx, at.person.code)).granted)
    slots = queries.slots_of(await plan_of_visit(tx, at.visit), allowed)
    rules.check_accounted(slots, await queries.outcomes_of(tx, at.visit.id))
    at.visit.finished_at, at.visit.finished_by = tx.now, hands(tx)
    tx.record(
        "visit.finished",
        subject="visit",
        subject_id=at.visit.id,
        study_id=at.visit.study_id,
        site_id=at.visit.site_id,
    )
    return await _changed(tx, at)
