"""Finding tubes within reach."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from biobank import ids
from biobank.actor import Permission, Scope
from biobank.db import visible
from biobank.errors import NotFound
from biobank.specimen.models import Custody, Specimen
from biobank.tx import ReadTx


def within(scope: Scope) -> ColumnElement[bool]:
    """The condition that a tube is within reach: it belongs to a site of the scope, or a site of the scope has it now.

    To be used in a select that joins `Custody` to `Specimen`.
    """
    return visible(scope, Specimen.study_id, Specimen.site_id, Custody.site_id)


async def find_specimens(
    tx: ReadTx, codes: Sequence[str], permission: Permission, *, lock: bool = False
) -> list[tuple[Specimen, Custody]]:
    """Tubes by canonical house id with their custody, in the order asked; with `lock` both rows are held until the end.

    Raises:
        NotFound: naming every code that is unknown or out of reach, which look the same.
    """
    query = (
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.code.in_(set(codes)), within(tx.scope(permission)))
        .order_by(Specimen.id)
    )
    rows = await tx.session.execute(query.with_for_update() if lock else query)
    found = {specimen.code: (specimen, custody) for specimen, custody in rows}
    missing = [code for code in dict.fromkeys(codes) if code not in found]
    if missing:
        raise NotFound(f"There is no tube {', '.join(ids.grouped(code) for code in missing[:10])}.", codes=missing)
    return [found[code] for code in codes]


async def find_specimen(
    tx: ReadTx, code: str, permission: Permission, *, lock: bool = False
) -> tuple[Specimen, Custody]:
    """One tube by canonical house id with its custody.

    Raises:
        NotFound: unknown or out of reach.
    """
    (found,) = await find_specimens(tx, [code], permission, lock=lock)
    return found
