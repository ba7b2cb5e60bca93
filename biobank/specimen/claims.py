"""The fourth axis of a tube's state, as the database tells it: the view `tube_claim` has a row for each tube that is
reserved, listed or picked; every other tube is free.
"""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, DateTime, Text, column, func, select, table

from biobank.access.models import AppUser
from biobank.specimen.claiming import Claim
from biobank.specimen.models import Specimen
from biobank.study.models import Site
from biobank.tx import ReadTx

TUBE_CLAIM = table(
    "tube_claim",
    column("specimen_id", BigInteger),
    column("reservation", Text),
    column("purpose", Text),
    column("pick_list", Text),
    column("claimed_by", BigInteger),
    column("expires_at", DateTime(timezone=True)),
)

RESERVATION: ColumnElement[str] = func.coalesce(TUBE_CLAIM.c.reservation, "free").label("reservation")
"""For a select that joins `TUBE_CLAIM` outward by the tube's id."""


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
