"""Making pools of one material from several tubes."""

from typing import Annotated

from pydantic import Field

from biobank.errors import Invalid
from biobank.specimen import queries, rules
from biobank.specimen.bench import begin_event
from biobank.specimen.deviations import note_made
from biobank.specimen.quantity import Posting, post
from biobank.specimen.work import (
    Command,
    MadeView,
    Making,
    Quantity,
    TubeId,
    TypeCode,
    Unit,
    at_hand,
    in_vials,
    made_view,
    make,
)
from biobank.tx import Tx


class PoolPart(Command):
    specimen: TubeId
    quantity: Quantity


class Pool(Making):
    """Vials of one material from several tubes. What goes in is said for each; the vials hold no more than that."""

    parents: Annotated[tuple[PoolPart, ...], Field(min_length=2, max_length=400)]
    tube_type: TypeCode
    quantities: Annotated[tuple[Quantity, ...], Field(min_length=1, max_length=100)]
    unit: Unit = None


async def pool(tx: Tx, command: Pool) -> MadeView:
    """Make pools of one material from several tubes, which may be of several participants of one study.

    Raises:
        NotFound, TubeNotUsable, TubeReserved, Invalid: as `at_hand` says; different materials; vials that hold more
            than went in.
        NotEnoughMaterial: naming the first tube that holds too little, and its live balance.
        ParticipantWithdrawn, ConsentMissing: a participant does not allow it.
    """
    texts = [part.specimen for part in command.parents]
    work = await at_hand(tx, texts, "parents", consent=True, uses=True, override=command.override)
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
    quantities = await in_vials(tx, command.quantities, command.unit, kind, command.tube_type)
    if sum(quantities) > sum(parts):
        raise Invalid(
            f"The pools hold {sum(quantities):f} {kind.unit}, more than the {sum(parts):f} that went in.",
            errors={"quantities": "are more than went in"},
        )
    rules.check_worked(command.started_at, command.ended_at, await queries.born(tx, work.tubes), tx.now)
    event_id = await begin_event(tx, work, "pool", command)
    owners = {tube.site_id for tube in work.tubes}
    people = {tube.participant_id for tube in work.tubes}
    common = {
        "site_id": owners.pop() if len(owners) == 1 else work.site_id,
        "participant_id": people.pop() if len(people) == 1 else None,
        "collection_event_id": None,
        "level": "pool",
    }
    made = await make(
        tx, work, event_id, kind, tube_type=command.tube_type, common=common, quantities=quantities, nominal=None
    )
    taken = [
        Posting(tube.id, -part, kind.unit, "aliquoted", command.basis, event_id)
        for tube, part in zip(work.tubes, parts, strict=True)
    ]
    await post(
        tx, taken + [Posting(one, quantity, kind.unit, "initial", command.basis, event_id) for one, quantity in made]
    )
    await note_made(tx, made, command.deviation, event_id)
    tx.record(
        "specimen.pooled",
        subject="processing_event",
        subject_id=event_id,
        study_id=work.study_id,
        site_id=work.site_id,
        parents=len(work.tubes),
        tubes=len(made),
        **work.told(command.override),
    )
    return await made_view(tx, work, made)
