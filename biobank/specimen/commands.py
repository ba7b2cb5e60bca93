"""Collecting, processing, dividing and pooling material, and keeping its record true."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.identifier.models import HOUSE, Identifier, Namespace
from biobank.identifier.rules import foreign_code
from biobank.participant.models import Visit
from biobank.participant.queries import decisions, find_participant
from biobank.participant.rules import check_consent
from biobank.specimen import lineage, queries, rules
from biobank.specimen.custody import Ended, WithHolder, begin_custody, hand_over
from biobank.specimen.models import (
    CollectionEvent,
    Custody,
    Derivation,
    ProcessingEvent,
    ProcessingInput,
    Specimen,
)
from biobank.specimen.quantity import Posting, post
from biobank.specimen.queries import SpecimenRow, SpecimenView
from biobank.study.models import Site, VisitType
from biobank.tx import Tx

MOST = 10**9
Quantity = Annotated[Decimal, Field(gt=0, le=MOST, decimal_places=6, description="Above zero, exact.")]
Amount = Annotated[Decimal, Field(ge=0, le=MOST, decimal_places=6)]
Unit = Annotated[str | None, Field(max_length=20, description="UCUM; absent: the unit of the specimen type.")]
TypeCode = Annotated[str, Field(min_length=1, max_length=16)]
TubeId = Annotated[str, Field(min_length=1, max_length=40, description="A tube's house id, as typed or scanned.")]
Reason = Annotated[str, Field(min_length=3, max_length=500)]
Basis = Literal["measured", "nominal"]
Text = Annotated[str | None, Field(min_length=1, max_length=200)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CollectedTube(Command):
    specimen_type: TypeCode
    tube_type: TypeCode
    quantity: Quantity
    unit: Unit = None
    basis: Basis = "nominal"


class Collect(Command):
    """What was drawn or handed in at a visit: one entry for each physical tube."""

    visit: Annotated[str, Field(min_length=1, max_length=16, description="The visit's type.")]
    number: Annotated[int, Field(ge=1, le=1000)] = 1
    collected_at: AwareDatetime
    tubes: Annotated[tuple[CollectedTube, ...], Field(min_length=1, max_length=100)]


class Process(Command):
    """Work on tubes that makes no new tube. Dividing and pooling are deeds of their own."""

    type: Literal[
        "receive",
        "clot",
        "centrifuge",
        "ficoll",
        "cryo_freeze",
        "extract",
        "quantify",
        "dilute",
        "wash",
        "lyse",
        "section",
        "thaw",
        "refreeze",
        "incubate",
        "transfer",
    ]
    specimens: Annotated[tuple[TubeId, ...], Field(min_length=1, max_length=400)]
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    equipment: Text = None
    g_force: Annotated[Decimal | None, Field(gt=0, le=1_000_000, decimal_places=2)] = None
    minutes: Annotated[Decimal | None, Field(gt=0, le=100_000, decimal_places=2)] = None
    celsius: Annotated[Decimal | None, Field(ge=-273, le=200, decimal_places=2)] = None
    brake: bool | None = None
    sop_version: Text = None


class _Work(Command):
    """When vials were made, by which procedure, and how their contents are known."""

    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    basis: Basis = "nominal"
    equipment: Text = None
    sop_version: Text = None


class Aliquot(_Work):
    """New tubes from one tube. A vial with less than `nominal` is partial. `consumes` is in the parent's unit."""

    specimen_type: TypeCode
    tube_type: TypeCode
    quantities: Annotated[tuple[Quantity, ...], Field(min_length=1, max_length=100)]
    unit: Unit = None
    nominal: Quantity | None = None
    consumes: Amount | None = None


class PoolPart(Command):
    specimen: TubeId
    quantity: Quantity


class Pool(_Work):
    """Vials of one material from several tubes. What goes in is said for each; the vials hold no more than that."""

    parents: Annotated[tuple[PoolPart, ...], Field(min_length=2, max_length=400)]
    tube_type: TypeCode
    quantities: Annotated[tuple[Quantity, ...], Field(min_length=1, max_length=100)]
    unit: Unit = None


class UseUp(Command):
    """The tube is empty or thrown away empty: its record ends as consumed."""

    reason: Reason


class SetQuality(Command):
    quality: Literal["acceptable", "quarantined", "rejected"]
    reason: Reason


class CorrectQuantity(Command):
    """The content found by looking. `seen` is the balance that was shown: another by now is told, not overwritten."""

    quantity: Amount
    seen: Amount | None = None
    cause: Literal["correction", "spill", "evaporation"] = "correction"
    basis: Basis = "measured"
    reason: Reason


class AddCode(Command):
    namespace: Annotated[str, Field(min_length=1, max_length=40)]
    value: Annotated[str, Field(min_length=1, max_length=200)]


class CollectionView(queries.View):
    participant: str
    visit: str
    number: int
    collected_at: AwareDatetime
    timezone: str
    specimens: tuple[SpecimenRow, ...]


class ProcessedView(queries.View):
    type: str
    started_at: AwareDatetime
    specimens: tuple[SpecimenRow, ...]


class MadeView(queries.View):
    """What was taken from, with what is left in it, and the new tubes."""

    parents: tuple[SpecimenRow, ...]
    made: tuple[SpecimenRow, ...]


async def collect(tx: Tx, participant_code: str, command: Collect) -> CollectionView:
    """Register the tubes of a visit under fresh ids, in the hands of the person who registers them.

    A tube that turns up later is registered the same way under the same visit; its ordinal follows on.

    Raises:
        NotFound: no such participant or visit within reach.
        VisitNotDone: the visit is planned, missed or cancelled.
        ParticipantWithdrawn, ConsentMissing: storage of material is not allowed.
        Invalid: a moment, a type or a volume that cannot be.
    """
    person = await find_participant(tx, participant_code, Permission.SPECIMEN_COLLECT)
    visit, timezone = await _visit(tx, person.id, command)
    rules.check_visit_done(visit.status, f"{command.visit} {command.number}")
    assert visit.occurred_on is not None  # noqa: S101  # held by ck_visit_done_has_a_day
    rules.check_collected(command.collected_at, visit.occurred_on, person.enrolled_on, tx.now, timezone)
    check_consent(await decisions(tx, [person.id]), rules.CONSENT_TO_KEEP)
    (collection_id,) = await tx.insert(
        CollectionEvent,
        [
            {
                "visit_id": visit.id,
                "participant_id": person.id,
                "collected_at": command.collected_at,
                "timezone": timezone,
                "recorded_by": _hands(tx),
            }
        ],
    )
    used = await _ordinals(tx, visit.id)
    tubes: list[dict[str, Any]] = []
    contents: list[tuple[Decimal, str, str]] = []
    for index, tube in enumerate(command.tubes):
        at = f"tubes.{index}."
        kind = await queries.kind(tx, tube.specimen_type, at + "specimen_type")
        quantity = rules.in_unit(tube.quantity, tube.unit, kind, at + "unit")
        rules.check_fits(quantity, kind, await queries.tube_kind(tx, tube.tube_type, at + "tube_type"), at + "quantity")
        used[kind.code] = used.get(kind.code, 0) + 1
        contents.append((quantity, kind.unit, tube.basis))
        tubes.append(
            {
                "code": ids.mint(ids.Kind.TUBE, tx.randomness),
                "study_id": person.study_id,
                "site_id": visit.site_id,
                "participant_id": person.id,
                "collection_event_id": collection_id,
                "level": "primary",
                "specimen_type": kind.code,
                "tube_type": tube.tube_type,
                "ordinal": used[kind.code],
                "unit": kind.unit,
            }
        )
    made = await tx.insert(Specimen, tubes)
    await begin_custody(tx, [(one, WithHolder(_hands(tx), visit.site_id)) for one in made])
    await post(
        tx,
        [
            Posting(one, quantity, unit, "initial", basis)
            for one, (quantity, unit, basis) in zip(made, contents, strict=True)
        ],
    )
    tx.record(
        "specimen.collected",
        subject="collection_event",
        subject_id=collection_id,
        study_id=person.study_id,
        site_id=visit.site_id,
        tubes=len(made),
    )
    return CollectionView(
        participant=person.code,
        visit=command.visit,
        number=command.number,
        collected_at=command.collected_at,
        timezone=timezone,
        specimens=await queries.rows_of(tx, made),
    )


async def _visit(tx: Tx, participant_id: int, command: Collect) -> tuple[Visit, str]:
    """The visit, held so that two people who register its tubes number them in turn, and its site's zone."""
    row = (
        await tx.session.execute(
            select(Visit, Site.timezone)
            .join(VisitType, VisitType.id == Visit.visit_type_id)
            .join(Site, Site.id == Visit.site_id)
            .where(
                Visit.participant_id == participant_id,
                VisitType.code == command.visit,
                Visit.number == command.number,
            )
            .with_for_update(of=Visit)
        )
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"The participant has no visit {command.visit} {command.number}: record the visit first.",
            visit=command.visit,
            number=command.number,
        )
    return row.Visit, row.timezone


async def _ordinals(tx: Tx, visit_id: int) -> dict[str, int]:
    """The highest ordinal of the visit's primary tubes, by specimen type."""
    rows = await tx.session.execute(
        select(Specimen.specimen_type, func.max(Specimen.ordinal).label("highest"))
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .where(CollectionEvent.visit_id == visit_id, Specimen.level == "primary")
        .group_by(Specimen.specimen_type)
    )
    return {row.specimen_type: row.highest for row in rows}


def _hands(tx: Tx) -> int:
    """Who has new tubes in hand.

    Raises:
        Invalid: the service itself has no hands.
    """
    if tx.actor.user_id is None:
        raise Invalid("Tubes are registered by a person, not by the service itself.")
    return tx.actor.user_id


async def process(tx: Tx, command: Process) -> ProcessedView:
    """Record work on tubes: a spin, a clot, a thaw.

    A thaw raises the freeze-thaw count; freezing again ends that same cycle.

    Raises:
        NotFound, TubeNotUsable, Invalid: as `_at_hand` says, and times out of order.
    """
    work = await _at_hand(tx, command.specimens, "specimens")
    born = await queries.born(tx, work.tubes)
    rules.check_worked(command.started_at, command.ended_at, born, tx.now)
    event_id = await _event(tx, work, command.type, command)
    await tx.insert(ProcessingInput, [{"processing_event_id": event_id, "specimen_id": tube.id} for tube in work.tubes])
    if command.type == "thaw":
        for tube in work.tubes:
            tube.freeze_thaw_count += 1
            tube.row_version += 1
        await tx.session.flush()
    tx.record(
        "specimen.processed",
        subject="processing_event",
        subject_id=event_id,
        study_id=work.study_id,
        site_id=work.site_id,
        type=command.type,
        tubes=len(work.tubes),
    )
    return ProcessedView(
        type=command.type,
        started_at=command.started_at,
        specimens=await queries.rows_of(tx, [tube.id for tube in work.tubes]),
    )


@dataclass(frozen=True, slots=True)
class _AtHand:
    """Tubes that may be worked on now, locked, and the one study and site that they are at."""

    tubes: list[Specimen]
    study_id: int
    site_id: int


def _state(tube: Specimen, custody: Custody) -> rules.TubeState:
    place = "package" if custody.package_id else "party" if custody.external_party_id else "here"
    return rules.TubeState(tube.code, tube.existence, tube.quality, tube.hold, place)


async def _at_hand(tx: Tx, texts: Iterable[str], field: str, *, quality: bool = True, consent: bool = False) -> _AtHand:
    """Tubes by what was scanned, locked, after all checks that every kind of work shares.

    Raises:
    NotFound: a tube is unknown or out of reach.
    TubeNotUsable: a tube is gone, away, on hold or set apart.
    Invalid: a tube is named twice, or the tubes are not of one study at one site.
    """
    codes = [queries.tube_code(text, field) for text in texts]
    rules.check_each_once(codes, field)
    found = await queries.find_specimens(tx, codes, Permission.SPECIMEN_PROCESS, lock=True)
    if consent:
        await _gate(tx, [tube for tube, _ in found])
    rules.check_usable((_state(tube, custody) for tube, custody in found), quality=quality)
    places = {(tube.study_id, custody.site_id) for tube, custody in found}
    if len(places) > 1:
        raise Invalid(
            "These tubes are not of one study at one site: record the work of each apart.",
            errors={field: "are not of one study at one site"},
        )
    ((study_id, site_id),) = places
    return _AtHand([tube for tube, _ in found], study_id, site_id or found[0][0].site_id)


async def _event(tx: Tx, work: _AtHand, kind: str, command: Process | _Work) -> int:
    settings = {name: getattr(command, name, None) for name in ("g_force", "minutes", "celsius", "brake")}
    row = {
        "study_id": work.study_id,
        "site_id": work.site_id,
        "type": kind,
        "started_at": command.started_at,
        "ended_at": command.ended_at,
        "operator_id": _hands(tx),
        "equipment": command.equipment,
        "sop_version": command.sop_version,
    }
    (event_id,) = await tx.insert(ProcessingEvent, [row | settings])
    return event_id


async def aliquot(tx: Tx, parent_code: str, command: Aliquot) -> MadeView:
    """Make tubes from one tube: aliquots of the same material, or derivatives of another.

    They are in the hands of the operator, where the parent is.

    Raises:
        NotFound, TubeNotUsable, Invalid: as `_at_hand` says, and quantities, types and times that cannot be.
        NotEnoughMaterial: naming the parent's live balance.
        ParticipantWithdrawn, ConsentMissing: storage of material is not allowed.
    """
    work = await _at_hand(tx, [parent_code], "specimen", consent=True)
    (parent,) = work.tubes
    of, into = await queries.kind(tx, parent.specimen_type), await queries.kind(tx, command.specimen_type)
    quantities = await _vials(tx, command.quantities, command.unit, into, command.tube_type)
    used = rules.taken(sum(quantities, Decimal(0)), command.consumes, of, into)
    rules.check_enough(parent.code, parent.quantity, used, parent.unit)
    rules.check_worked(command.started_at, command.ended_at, await queries.born(tx, work.tubes), tx.now)
    event_id = await _event(tx, work, "aliquot", command)
    full = None if command.nominal is None else rules.in_unit(command.nominal, command.unit, into, "nominal")
    common = {
        "site_id": parent.site_id,
        "participant_id": parent.participant_id,
        "collection_event_id": parent.collection_event_id,
        # What is made from a pool is of the same people: without a participant of its own it stays a pool.
        "level": rules.level_of(of, into) if parent.participant_id is not None else "pool",
    }
    made = await _make(tx, work, event_id, into, command=command, common=common, quantities=quantities, nominal=full)
    taken = [Posting(parent.id, -used, parent.unit, "aliquoted", command.basis, event_id)] if used else []
    await post(
        tx, taken + [Posting(one, quantity, into.unit, "initial", command.basis, event_id) for one, quantity in made]
    )
    tx.record(
        "specimen.aliquoted",
        subject="specimen",
        subject_id=parent.id,
        study_id=parent.study_id,
        site_id=work.site_id,
        parent=parent.code,
        tubes=len(made),
    )
    return await _made(tx, work, made)


async def pool(tx: Tx, command: Pool) -> MadeView:
    """Make pools of one material from several tubes, which may be of several participants of one study.

    Raises:
        NotFound, TubeNotUsable, Invalid: as `_at_hand` says; different materials; vials that hold more than went in.
        NotEnoughMaterial: naming the first tube that holds too little, and its live balance.
        ParticipantWithdrawn, ConsentMissing: a participant does not allow it.
    """
    work = await _at_hand(tx, [part.specimen for part in command.parents], "parents", consent=True)
    types = sorted({tube.specimen_type for tube in work.tubes})
    if len(types) > 1:
        raise Invalid(
            f"A pool is of one material, and these tubes hold {', '.join(types)}.",
            errors={"parents": "hold different materials"},
        )
    kind = await queries.kind(tx, types[0])
    parts = [rules.in_unit(part.quantity, command.unit, kind, "unit") for part in command.parents]
    for tube, part in zip(work.tubes, parts, strict=True):
        rules.check_enough(tube.code, tube.quantity, part, tube.unit)
    quantities = await _vials(tx, command.quantities, command.unit, kind, command.tube_type)
    if sum(quantities) > sum(parts):
        raise Invalid(
            f"The pools hold {sum(quantities):f} {kind.unit}, more than the {sum(parts):f} that went in.",
            errors={"quantities": "are more than went in"},
        )
    rules.check_worked(command.started_at, command.ended_at, await queries.born(tx, work.tubes), tx.now)
    event_id = await _event(tx, work, "pool", command)
    owners = {tube.site_id for tube in work.tubes}
    people = {tube.participant_id for tube in work.tubes}
    common = {
        "site_id": owners.pop() if len(owners) == 1 else work.site_id,
        "participant_id": people.pop() if len(people) == 1 else None,
        "collection_event_id": None,
        "level": "pool",
    }
    made = await _make(tx, work, event_id, kind, command=command, common=common, quantities=quantities, nominal=None)
    taken = [
        Posting(tube.id, -part, kind.unit, "aliquoted", command.basis, event_id)
        for tube, part in zip(work.tubes, parts, strict=True)
    ]
    await post(
        tx, taken + [Posting(one, quantity, kind.unit, "initial", command.basis, event_id) for one, quantity in made]
    )
    tx.record(
        "specimen.pooled",
        subject="processing_event",
        subject_id=event_id,
        study_id=work.study_id,
        site_id=work.site_id,
        parents=len(work.tubes),
        tubes=len(made),
    )
    return await _made(tx, work, made)


async def _vials(
    tx: Tx, quantities: Sequence[Decimal], unit: str | None, kind: rules.Kind, tube_type: str
) -> list[Decimal]:
    tube = await queries.tube_kind(tx, tube_type)
    contents = [rules.in_unit(quantity, unit, kind, "unit") for quantity in quantities]
    for quantity in contents:
        rules.check_fits(quantity, kind, tube, "quantities")
    return contents


async def _gate(tx: Tx, tubes: Iterable[Specimen]) -> None:
    """The consent gate for all whose material is in the tubes, held until the commit."""
    people = (await lineage.contributors(tx, [tube.id for tube in tubes])).values()
    check_consent(await decisions(tx, set().union(*people)), rules.CONSENT_TO_KEEP)


async def _make(
    tx: Tx,
    work: _AtHand,
    event_id: int,
    kind: rules.Kind,
    *,
    command: Aliquot | Pool,
    common: dict[str, Any],
    quantities: Sequence[Decimal],
    nominal: Decimal | None,
) -> list[tuple[int, Decimal]]:
    """New tubes with their lineage, in the operator's hands.

    Their ordinals follow those of the first parent's earlier children of the type.
    """
    children = select(Derivation.child_id).where(Derivation.parent_id == work.tubes[0].id)
    earlier = select(func.coalesce(func.max(Specimen.ordinal), 0)).where(
        Specimen.id.in_(children), Specimen.specimen_type == kind.code
    )
    highest = (await tx.session.execute(earlier)).scalar_one()
    rows = [
        {
            **common,
            "code": ids.mint(ids.Kind.TUBE, tx.randomness),
            "study_id": work.study_id,
            "specimen_type": kind.code,
            "tube_type": command.tube_type,
            "ordinal": ordinal,
            "unit": kind.unit,
            "is_partial": nominal is not None and quantity < nominal,
        }
        for ordinal, quantity in enumerate(quantities, start=highest + 1)
    ]
    made = await tx.insert(Specimen, rows)
    await begin_custody(tx, [(one, WithHolder(_hands(tx), work.site_id)) for one in made])
    await tx.insert(ProcessingInput, [{"processing_event_id": event_id, "specimen_id": tube.id} for tube in work.tubes])
    await tx.insert(
        Derivation,
        [
            {"child_id": one, "parent_id": tube.id, "processing_event_id": event_id}
            for one in made
            for tube in work.tubes
        ],
    )
    return list(zip(made, quantities, strict=True))


async def _made(tx: Tx, work: _AtHand, made: Sequence[tuple[int, Decimal]]) -> MadeView:
    return MadeView(
        parents=await queries.rows_of(tx, [tube.id for tube in work.tubes]),
        made=await queries.rows_of(tx, [one for one, _ in made]),
    )


async def use_up(tx: Tx, code: str, command: UseUp) -> SpecimenView:
    """End a tube as consumed: what is left is posted as exhausted, and its place becomes free.

    Raises:
        NotFound, TubeNotUsable: as `_at_hand` says; a tube that is set apart may be used up, one on hold may not.
    """
    work = await _at_hand(tx, [code], "specimen", quality=False)
    (tube,) = work.tubes
    if tube.quantity:
        await post(tx, [Posting(tube.id, -tube.quantity, tube.unit, "exhausted", "nominal")])
    await hand_over(tx, [(tube.id, Ended("consumed"))])
    _record(tx, "specimen.used_up", tube, work, command.reason)
    return await queries.specimen(tx, tube.code)


async def set_quality(tx: Tx, code: str, command: SetQuality) -> SpecimenView:
    """Set a tube apart, release it again or reject it, each with a reason.

    Raises:
        NotFound, TubeNotUsable: as `_at_hand` says; its present quality is no obstacle.
    """
    work = await _at_hand(tx, [code], "specimen", quality=False)
    (tube,) = work.tubes
    if tube.quality != command.quality:
        tube.quality = command.quality
        tube.row_version += 1
        await tx.session.flush()
    _record(tx, f"specimen.{command.quality}", tube, work, command.reason)
    return await queries.specimen(tx, tube.code)


async def correct_quantity(tx: Tx, code: str, command: CorrectQuantity) -> SpecimenView:
    """Post the difference between what a tube holds and what its record says, as a correction, spill or evaporation.

    Raises:
        NotFound, TubeNotUsable: as `_at_hand` says; its quality is no obstacle.
        BalanceChanged: somebody posted since the balance was seen.
        Invalid: nothing differs, a loss that is a gain, or more than the tube can hold.
    """
    work = await _at_hand(tx, [code], "specimen", quality=False)
    (tube,) = work.tubes
    if command.seen is not None and command.seen != tube.quantity:
        raise rules.BalanceChanged(
            f"{ids.grouped(tube.code)} holds {tube.quantity:f} {tube.unit} by now: look at its ledger first.",
            specimen=tube.code,
            balance=str(tube.quantity),
        )
    delta = command.quantity - tube.quantity
    rules.check_correction(delta, command.cause)
    kind = await queries.kind(tx, tube.specimen_type)
    rules.check_fits(command.quantity, kind, await queries.tube_kind(tx, tube.tube_type), "quantity")
    await post(tx, [Posting(tube.id, delta, tube.unit, command.cause, command.basis)])
    _record(tx, "specimen.quantity_corrected", tube, work, command.reason)
    return await queries.specimen(tx, tube.code)


async def add_code(tx: Tx, code: str, command: AddCode) -> SpecimenView:
    """Register a vendor's or older system's code of a tube. A code names one thing for ever.

    Raises:
        NotFound: no such tube within reach.
        Invalid: the house gives out its ids itself; no such namespace; not a code.
        CodeTaken: the code names something already (from the constraint, when it is written).
    """
    tube, custody = await queries.find_specimen(tx, queries.tube_code(code), Permission.SPECIMEN_PROCESS)
    known = await tx.session.get(Namespace, command.namespace)
    if known is None or command.namespace == HOUSE:
        raise Invalid(
            f"There is no namespace {command.namespace} to add codes in.", errors={"namespace": "is not a namespace"}
        )
    await tx.insert(
        Identifier,
        [{"namespace": command.namespace, "value": foreign_code(command.value), "specimen_id": tube.id}],
    )
    tx.record(
        "specimen.code_added",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=custody.site_id or tube.site_id,
        namespace=command.namespace,
    )
    return await queries.specimen(tx, tube.code)


def _record(tx: Tx, verb: str, tube: Specimen, work: _AtHand, reason: str) -> None:
    tx.record(
        verb,
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=work.site_id,
        reason=reason,
        specimen=tube.code,
    )
