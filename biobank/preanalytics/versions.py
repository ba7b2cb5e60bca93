"""The code tables of SPREC as values, and which of them a tube is coded by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from biobank.preanalytics.models import SprecCode, SprecVersion
from biobank.preanalytics.table import Line, Range, Table
from biobank.tx import ReadTx


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its table, and the day from which tubes are coded by it."""

    code: str
    title: str
    source: str
    used_from: date | None
    table: Table


_tables: dict[tuple[int, str, datetime], Table] = {}
"""Lines of a version never change, so a process reads them once."""


async def versions(tx: ReadTx) -> tuple[Version, ...]:
    """All versions, the oldest first."""
    rows = (await tx.session.execute(select(SprecVersion).order_by(SprecVersion.id))).scalars().all()
    found = []
    for row in rows:
        key = (row.id, row.code, row.loaded_at)
        table = _tables.get(key)
        if table is None:
            table = _tables[key] = Table(row.code, row.carry_minutes, await _lines(tx, row.code))
        found.append(Version(row.code, row.title, row.source, row.used_from, table))
    return tuple(found)


async def _lines(tx: ReadTx, version: str) -> tuple[Line, ...]:
    rows = await tx.session.execute(select(SprecCode).where(SprecCode.version == version).order_by(SprecCode.id))
    return tuple(
        Line(
            element=row.element,
            code=row.code,
            role=row.role,
            meaning=row.meaning,
            verified=row.verified,
            source=row.source,
            minutes=Range(row.min_minutes, row.max_minutes, row.minutes_ends),
            celsius=Range(row.min_celsius, row.max_celsius, row.celsius_ends),
            g=Range(row.min_g, row.max_g, row.g_ends),
            brake=row.brake,
            family=row.container_family,
            storage=None if row.storage is None else tuple(row.storage),
            before=None if row.storage_before is None else tuple(row.storage_before),
            freezing=row.freezing,
            min_spins=row.min_spins,
            max_spins=row.max_spins,
        )
        for row in rows.scalars()
    )


def version_of(day: date | None, known: Sequence[Version]) -> Version:
    """The version that a tube of this day of collection is coded by: the latest that was used then, else the first."""
    used = sorted((one for one in known if one.used_from is not None), key=lambda one: one.used_from or date.min)
    then = [one for one in used if day is None or (one.used_from or date.min) <= day]
    return (then or used[:1])[-1]
