"""Making tubes from one tube: aliquots of the same material, derivatives of another."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from biobank.specimen import queries, rules
from biobank.specimen.bench import begin_event
from biobank.specimen.deviations import note_made
from biobank.specimen.quantity import Posting, post
from biobank.specimen.work import (
    Amount,
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


class Aliquot(Making):
    """New tubes from one tube. A vial with less than `nominal` is partial. `consumes` is in the parent's unit."""

    specimen_type: TypeCode
    tube_type: TypeCode
    quantities: Annotated[tuple[Quantity, ...], Field(min_length=1, max_length=100)]
    unit: Unit = None
    nominal: Quantity | None = None
    consumes: Amount | None = None


async def aliquot(tx: Tx, parent_code: str, command: Aliquot) -> MadeView:
    """Make tubes from one tube: aliquots of the same material, or derivatives of another.

    They are in the hands of the operator, where the parent is.

    Raises:
        NotFound, TubeNotUsable, Invalid: as `at_hand` says, and quantities, types and times that cannot be.
        NotEnoughMaterial: naming the parent's live balance.
        ParticipantWithdrawn, ConsentMissing: storage of material is not allowed.
    """
    work = await at_hand(tx, [parent_code], "specimen", consent=True)
    (parent,) = work.tubes
    of, into = await queries.kind(tx, parent.specimen_type), await queries.kind(tx, command.specimen_type)
    quantities = await in_vials(tx, command.quantities, command.unit, into, command.tube_type)
    used = rules.taken(sum(quantities, Decimal(0)), command.consumes, of, into)
    rules.check_enough(parent.code, parent.quantity, used, parent.unit)
    rules.check_worked(command.started_at, command.ended_at, await queries.born(tx, work.tubes), tx.now)
    event_id = await begin_event(tx, work, "aliquot", command)
    full = None if command.nominal is None else rules.in_unit(command.nominal, command.unit, into, "nominal")
    common = {
        "site_id": parent.site_id,
        "participant_id": parent.participant_id,
        "collection_event_id": parent.collection_event_id,
        # What is made from a pool is of the same people: without a participant of its own it stays a pool.
        "level": rules.level_of(of, into) if parent.participant_id is not None else "pool",
    }
    made = await make(
        tx, work, event_id, into, tube_type=command.tube_type, common=common, quantities=quantities, nominal=full
    )
    taken = [Posting(parent.id, -used, parent.unit, "aliquoted", command.basis, event_id)] if used else []
    await post(
        tx, taken + [Posting(one, quantity, into.unit, "initial", command.basis, event_id) for one, quantity in made]
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
    )
    return await made_view(tx, work, made)
