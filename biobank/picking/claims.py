"""Who has claimed a tube, for the gates that it passes."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from biobank.access.models import AppUser
from biobank.picking.blocks import Claim
from biobank.picking.models import Reservation
from biobank.specimen.claims import TUBE_CLAIM
from biobank.specimen.models import Specimen
from biobank.study.models import Site
from biobank.tx import ReadTx, Tx


async def claims(tx: ReadTx, specimen_ids: Iterable[int]) -> Mapping[int, Claim]:
    """By tube, who has claimed it; free tubes are left out. To be asked once the tubes are locked."""
    claim = TUBE_CLAIM.c
    rows = await tx.session.execute(
        select(
            claim.specimen_id,
            claim.reservation,
            claim.purpose,
            claim.pick_list,
            claim.claimed_by,
            claim.expires_at,
            AppUser.display_name,
            Site.timezone,
        )
        .join(AppUser, AppUser.id == claim.claimed_by)
        .join(Specimen, Specimen.id == claim.specimen_id)
        .join(Site, Site.id == Specimen.site_id)
        .where(claim.specimen_id.in_(set(specimen_ids)))
    )
    return {
        row.specimen_id: Claim(
            reservation=row.reservation,
            purpose=row.purpose,
            by=row.display_name,
            by_me=row.claimed_by == tx.actor.user_id,
            pick_list=row.pick_list,
            expires_at=None if row.expires_at is None else row.expires_at.astimezone(ZoneInfo(row.timezone)),
        )
        for row in rows
    }


async def claim_of(tx: ReadTx, code: str) -> Claim | None:
    """Who has claimed one tube, by its house id; None where it is free. The caller has checked the reach."""
    rows = await tx.session.execute(select(Specimen.id).where(Specimen.code == code))
    found = await claims(tx, rows.scalars().all())
    return next(iter(found.values()), None)


async def fulfil(tx: Tx, specimen_ids: Iterable[int], note: str) -> None:
    """End the reservations of tubes that are now used for what they were reserved for."""
    await tx.session.execute(
        update(Reservation)
        .where(Reservation.specimen_id.in_(set(specimen_ids)), Reservation.ended_at.is_(None))
        .values(ended_at=tx.now, ended_by=tx.actor.user_id, ending="fulfilled", ending_note=note)
        .execution_options(synchronize_session=False)
    )
