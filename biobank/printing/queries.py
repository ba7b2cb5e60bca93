"""How often the label of a code was printed, and whether it was scanned."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select

from biobank.identifier.models import HOUSE, Identifier
from biobank.printing.models import LabelPrint
from biobank.tx import ReadTx


async def identifiers(tx: ReadTx, codes: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    """By code, its row in the register and how many labels were printed. Locked, so that copies count in turn."""
    rows = await tx.session.execute(
        select(Identifier.id, Identifier.value)
        .where(Identifier.namespace == HOUSE, Identifier.value.in_(codes))
        .order_by(Identifier.id)
        .with_for_update(key_share=True)
    )
    known = {row.id: row.value for row in rows}
    counts = await tx.session.execute(
        select(LabelPrint.identifier_id, func.max(LabelPrint.copy_no).label("copies"))
        .where(LabelPrint.identifier_id.in_(known))
        .group_by(LabelPrint.identifier_id)
    )
    copies = {row.identifier_id: row.copies for row in counts}
    return {code: (identifier_id, copies.get(identifier_id, 0)) for identifier_id, code in known.items()}


async def latest_print(tx: ReadTx, code: str) -> LabelPrint | None:
    """The last printed label of a code, its row held."""
    return (
        await tx.session.execute(
            select(LabelPrint)
            .join(Identifier, and_(Identifier.id == LabelPrint.identifier_id, Identifier.namespace == HOUSE))
            .where(Identifier.value == code)
            .order_by(LabelPrint.copy_no.desc())
            .limit(1)
            .with_for_update(of=LabelPrint)
        )
    ).scalar_one_or_none()


def is_verified(label_print_id: Any) -> ColumnElement[bool]:
    """The condition that the label print of this id was scanned after applying."""
    return exists(select(LabelPrint.id).where(LabelPrint.id == label_print_id, LabelPrint.verified_at.is_not(None)))


async def is_scanned(tx: ReadTx, code: str) -> bool:
    """Whether the last printed label of a code was scanned after applying."""
    latest = await latest_print(tx, code)
    return latest is not None and latest.verified_at is not None
