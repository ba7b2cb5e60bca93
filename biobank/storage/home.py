"""Where a tube that is out of its box came from."""

from sqlalchemy import select

from biobank.specimen.models import CustodyHistory
from biobank.storage import boxes
from biobank.storage.boxes import Spot
from biobank.tx import ReadTx


async def home(tx: ReadTx, specimen_id: int) -> Spot | None:
    """The position where a tube stood last, by its history; None where it never stood in a box."""
    last = (
        await tx.session.execute(
            select(CustodyHistory.container_id, CustodyHistory.row, CustodyHistory.col)
            .where(CustodyHistory.specimen_id == specimen_id, CustodyHistory.container_id.is_not(None))
            .order_by(CustodyHistory.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if last is None else await boxes.spot(tx, last.container_id, last.row, last.col)
