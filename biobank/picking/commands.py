"""Reserving tubes, and taking them out of the freezers by a list."""

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from biobank.picking.models import PickList, PickListLine, Reservation
from biobank.specimen.models import Specimen
from biobank.tx import Tx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class TakenOut(View):
    """A tube that left a pick list or lost its reservation. With `picked` somebody has it in hand and puts it back."""

    tube: str
    pick_list: str | None
    picked: bool


async def take_out_of_lists(tx: Tx, specimen_ids: Collection[int], reason: str) -> tuple[TakenOut, ...]:
    """End every open line and reservation of these tubes because their participant withdrew.

    To be called after the participants are locked, before or after the tubes are: all who work on pick lists hold the
    participants first, then the tubes, then the list.

    Returns:
        The tubes that were in an open pick list or reserved, by code.
    """
    lists = select(PickListLine.pick_list_id).where(PickListLine.specimen_id.in_(specimen_ids), PickListLine.is_open)
    await tx.session.execute(
        select(PickList.id).where(PickList.id.in_(lists)).order_by(PickList.id).with_for_update(key_share=True)
    )
    lines = await tx.session.execute(
        select(PickListLine, Specimen, PickList)
        .join(Specimen, Specimen.id == PickListLine.specimen_id)
        .join(PickList, PickList.id == PickListLine.pick_list_id)
        .where(PickListLine.specimen_id.in_(specimen_ids), PickListLine.is_open)
        .order_by(Specimen.code)
        .with_for_update(of=PickListLine)
        .execution_options(populate_existing=True)
    )
    taken = {}
    for line, tube, pick_list in lines:
        taken[tube.code] = TakenOut(tube=tube.code, pick_list=pick_list.code, picked=line.status == "picked")
        line.status, line.note = "withdrawn", reason
        line.settled_by, line.settled_at = tx.actor.user_id, tx.now
        pick_list.row_version += 1
        tx.record(
            "pick_list.line_withdrawn",
            subject="pick_list",
            subject_id=pick_list.id,
            study_id=pick_list.study_id,
            site_id=pick_list.site_id,
            reason=reason,
            pick_list=pick_list.code,
            tube=tube.code,
        )
    claims = await tx.session.execute(
        select(Reservation, Specimen)
        .join(Specimen, Specimen.id == Reservation.specimen_id)
        .where(Reservation.specimen_id.in_(specimen_ids), Reservation.ended_at.is_(None))
        .order_by(Reservation.id)
        .with_for_update(of=Reservation)
        .execution_options(populate_existing=True)
    )
    for claim, tube in claims:
        taken.setdefault(tube.code, TakenOut(tube=tube.code, pick_list=None, picked=False))
        claim.ended_at, claim.ended_by, claim.ending = tx.now, tx.actor.user_id, "withdrawn"
        claim.ending_note = reason
        tx.record(
            "reservation.withdrawn",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=tube.site_id,
            reason=reason,
            tube=tube.code,
        )
    await tx.session.flush()
    return tuple(taken[code] for code in sorted(taken))
