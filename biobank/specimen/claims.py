"""The fourth axis of a tube's state, as the database tells it: the view `tube_claim` has a row for each tube that is
reserved, listed or picked; every other tube is free.
"""

from sqlalchemy import BigInteger, ColumnElement, DateTime, Text, column, func, table

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
