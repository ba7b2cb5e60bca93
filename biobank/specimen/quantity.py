"""Posting to the quantity ledger. The balance of a tube is the sum of its postings, kept and bounded by the
database.
"""

from dataclasses import dataclass
from decimal import Decimal

from biobank.specimen.models import QuantityLedger
from biobank.tx import Tx


@dataclass(frozen=True, slots=True)
class Posting:
    """A change of a tube's content: `delta` in the tube's own unit (UCUM), negative when taken."""

    specimen_id: int
    delta: Decimal
    unit: str
    reason: str
    basis: str = "nominal"
    processing_event_id: int | None = None


async def post(tx: Tx, postings: list[Posting]) -> None:
    """Post all or none. A balance below zero is refused by the database as `ck_specimen_quantity_not_negative`."""
    await tx.insert(
        QuantityLedger,
        [
            {
                "specimen_id": posting.specimen_id,
                "delta": posting.delta,
                "unit": posting.unit,
                "reason": posting.reason,
                "basis": posting.basis,
                "processing_event_id": posting.processing_event_id,
                "recorded_by": tx.actor.user_id,
            }
            for posting in postings
        ],
    )
