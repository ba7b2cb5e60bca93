"""Making tubes from one tube: aliquots of the same material, derivatives of another with what was measured of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select

from biobank.specimen import queries, rules
from biobank.specimen.bench import begin_event
from biobank.specimen.deviations import note_made
from biobank.specimen.measuring import Measured, of_vials
from biobank.specimen.models import QuantityLedger, Specimen
from biobank.specimen.quantity import Posting, post
from biobank.specimen.work import (
    Amount,
    Command,
    Labels,
    MadeView,
    Making,
    Quantity,
    TypeCode,
    Unit,
    at_hand,
    in_vials,
    made_view,
    make,
)
from biobank.tx import Tx


class Division(Making):
    """How one tube becomes several. `consumes` is in the parent's unit. A vial with less than `nominal` is partial.

    `obtained` is the measured yield, in the unit of the vials. Of the same material it is what the tube was found to
    hold: what that differs from the record is posted to its ledger by that name, and what the vials do not hold stays
    in the tube. Of another material the vials hold exactly that. `labels` are pre-printed labels that are on the vials,
    in their order; vials beyond them get fresh codes.
    """

    specimen_type: TypeCode
    tube_type: TypeCode
    unit: Unit = None
    nominal: Quantity | None = None
    consumes: Amount | None = None
    obtained: Quantity | None = None
    labels: Labels = ()


class Aliquot(Division):
    """New tubes from one tube. The last `blind_duplicates` of them tell nobody at an assay whose twins they are."""

    quantities: Annotated[tuple[Quantity, ...], Field(min_length=1, max_length=100)]
    blind_duplicates: Annotated[int, Field(ge=0, le=100)] = 0


class Vial(Command):
    """One new tube and what was measured of it, such as cell count and viability, or concentration and RIN."""

    quantity: Quantity
    is_blind_duplicate: bool = False
    measurements: Annotated[tuple[Measured, ...], Field(max_length=20)] = ()


class Derive(Division):
    """New tubes from one tube with their measurements, in one deed: PBMC, DNA, RNA, aliquots with their quality."""

    work: Annotated[Literal["aliquot", "ficoll", "extract"], Field(description="What was done to the tube.")] = (
        "aliquot"
    )
    vials: Annotated[tuple[Vial, ...], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class _New:
    """The vials to make, in order."""

    kind: str
    quantities: tuple[Decimal, ...]
    blind: tuple[bool, ...]
    measured: tuple[tuple[Measured, ...], ...]


async def aliquot(tx: Tx, parent_code: str, command: Aliquot, *, planned: Sequence[int | None] = ()) -> MadeView:
    """Make tubes from one tube: aliquots of the same material, or derivatives of another.

    They are in the hands of the operator, where the parent is. `planned` are the keys of the protocol's planned
    aliquots that the vials fulfil, in their order; None, and vials beyond them, are extra.

    Raises:
        NotFound, TubeNotUsable, TubeReserved, Invalid: as `at_hand` says, and quantities, types and times that cannot
            be.
        NotEnoughMaterial: naming the parent's live balance.
        ParticipantWithdrawn, ConsentMissing: storage of material is not allowed.
        EquipmentNotUsable, WrongProgram, ReagentExpired, WrongStep, OutOfOrder: as `bench.set_up` says.
    """
    count = len(command.quantities)
    rules.check_blind(command.blind_duplicates, count)
    blind = tuple(number >= count - command.blind_duplicates for number in range(count))
    return await _divide(tx, parent_code, command, _New("aliquot", command.quantities, blind, ((),) * count), planned)


async def derive(tx: Tx, parent_code: str, command: Derive, *, planned: Sequence[int | None] = ()) -> MadeView:
    """Make tubes from one tube with what was measured of each; all of it or none.

    Raises:
        as `aliquot` says, and
        MeasurementsRefused: a measurement that cannot be, or that contradicts what its vial holds.
    """
    new = _New(
        command.work,
        tuple(one.quantity for one in command.vials),
        tuple(one.is_blind_duplicate for one in command.vials),
        tuple(one.measurements for one in command.vials),
    )
    rules.check_blind(sum(new.blind), len(new.blind))
    return await _divide(tx, parent_code, command, new, planned)


async def _divide(tx: Tx, parent_code: str, command: Division, new: _New, planned: Sequence[int | None]) -> MadeView:
    work = await at_hand(tx, [parent_code], "specimen", consent=True, uses=True, override=command.override)
    (parent,) = work.tubes
    of, into = await queries.kind(tx, parent.specimen_type), await queries.kind(tx, command.specimen_type)
    quantities = await in_vials(tx, new.quantities, command.unit, into, command.tube_type)
    rules.check_labels(len(command.labels), len(quantities))
    total = sum(quantities, Decimal(0))
    used = rules.taken(total, command.consumes, of, into)
    difference = await _difference(tx, parent, command, total, of, into)
    rules.check_enough(parent.code, parent.quantity + difference, used, parent.unit)
    rules.check_worked(command.started_at, command.ended_at, await queries.born(tx, work.tubes), tx.now)
    event_id = await begin_event(tx, work, new.kind, command)
    full = None if command.nominal is None else rules.in_unit(command.nominal, command.unit, into, "nominal")
    common = {
        "site_id": parent.site_id,
        "participant_id": parent.participant_id,
        "collection_event_id": parent.collection_event_id,
        # What is made from a pool is of the same people: without a participant of its own it stays a pool.
        "level": rules.level_of(of, into) if parent.participant_id is not None else "pool",
    }
    keys = (*planned, *(None,) * len(quantities))
    each = [
        {"is_blind_duplicate": blind, "planned_aliquot_id": key} for blind, key in zip(new.blind, keys, strict=False)
    ]
    made = await make(
        tx,
        work,
        event_id,
        into,
        tube_type=command.tube_type,
        common=common,
        each=each,
        quantities=quantities,
        nominal=full,
        labels=command.labels,
    )
    found = [Posting(parent.id, difference, parent.unit, "measured", "measured", event_id)] if difference else []
    taken = [Posting(parent.id, -used, parent.unit, "aliquoted", command.basis, event_id)] if used else []
    filled = [Posting(one, quantity, into.unit, "initial", command.basis, event_id) for one, quantity in made]
    await post(tx, found + taken + filled)
    await of_vials(
        tx,
        [one for one, _ in made],
        new.measured,
        [(quantity, into.unit) for quantity in quantities],
        event_id,
        work.site_id,
        command.ended_at or command.started_at,
    )
    await note_made(tx, made, command.deviation, event_id)
    tx.record(
        "specimen.aliquoted",
        subject="specimen",
        subject_id=parent.id,
        study_id=parent.study_id,
        site_id=work.site_id,
        parent=parent.code,
        tubes=len(made),
        **work.told(command.override),
        **({} if command.obtained is None else {"obtained": f"{command.obtained:f}"}),
    )
    return await made_view(tx, work, made)


async def _difference(
    tx: Tx, parent: Specimen, command: Division, total: Decimal, of: rules.Kind, into: rules.Kind
) -> Decimal:
    """What a tube was found to hold more or less than its record says, in its unit; 0 where nothing was measured.

    Raises:
        Invalid: the vials hold another amount than was obtained, or the tube was divided before.
    """
    if command.obtained is None:
        return Decimal(0)
    obtained = rules.in_unit(command.obtained, command.unit, into, "unit")
    if of.code != into.code:
        rules.check_all_in_vials(obtained, total, into)
        return Decimal(0)
    rules.check_fits(obtained, of, await queries.tube_kind(tx, parent.tube_type), "obtained")
    earlier = select(QuantityLedger.id).where(
        QuantityLedger.specimen_id == parent.id, QuantityLedger.reason == "aliquoted"
    )
    divided = (await tx.session.execute(earlier.limit(1))).first() is not None
    difference = obtained - parent.quantity
    rules.check_first_measured(parent.code, difference, divided=divided)
    return difference
