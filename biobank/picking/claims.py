"""What becomes of claims when a tube is used."""

from collections.abc import Iterable, Sequence

from sqlalchemy import update

from biobank.picking.models import Reservation
from biobank.specimen.models import Specimen
from biobank.tx import Tx


async def fulfil(tx: Tx, specimen_ids: Iterable[int], note: str) -> None:
    """End the reservations of tubes that are now used for what they were reserved for."""
    await tx.session.execute(
        update(Reservation)
        .where(Reservation.specimen_id.in_(set(specimen_ids)), Reservation.ended_at.is_(None))
        .values(ended_at=tx.now, ended_by=tx.actor.user_id, ending="fulfilled", ending_note=note)
        .execution_options(synchronize_session=False)
    )


async def override_claims(tx: Tx, tubes: Sequence[Specimen], reason: str) -> None:
    """End other people's reservations of locked tubes, for a reason that stays with each."""
    await tx.session.execute(
        update(Reservation)
        .where(Reservation.specimen_id.in_([tube.id for tube in tubes]), Reservation.ended_at.is_(None))
        .values(ended_at=tx.now, ended_by=tx.actor.user_id, ending="released", ending_note=reason)
        .execution_options(synchronize_session=False)
    )
    for tube in tubes:
        tx.record(
            "reservation.overridden",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=tube.site_id,
            reason=reason,
            tube=tube.code,
        )
