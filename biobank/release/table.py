"""The one long table of results, as rows or as CSV: the same statement gives both.

Core statements and the driver's own COPY, because it is the widest read of the house.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from biobank.csvfile import cell_in_sql
from biobank.release import rules
from biobank.tx import ReadTx


@dataclass(frozen=True, slots=True)
class Filter:
    """Which results: None means all. `as_of` is the moment whose state is meant."""

    study_id: int
    participant_ids: Sequence[int]
    analytes: Sequence[str] | None
    quantities: Sequence[str] | None
    statuses: Sequence[str]
    as_of: datetime

    def arguments(self) -> tuple[Any, ...]:
        return (
            self.study_id,
            list(self.participant_ids),
            None if self.analytes is None else list(self.analytes),
            None if self.quantities is None else list(self.quantities),
            list(self.statuses),
            self.as_of,
        )


def _same(column: str) -> str:
    return column


_ASKED = """
    select r.well_id, r.participant_id, r.analyte_id, r.quantity, v.id, v.number, v.value, v.comparator, v.limit_kind,
           v.unit, v.flag, v.raw_text, case when v.released_at <= $6 then v.released_at end as released_at, s.status
      from result r
      join result_version v on v.result_id = r.id
      cross join lateral (
          select case when v.ended_at <= $6 then v.status when v.released_at <= $6 then 'released'
                      when v.released_at is null then v.status else 'verified' end as status
      ) s
     where r.study_id = $1 and r.participant_id = any($2::bigint[]) and (v.number = 1 or v.released_at <= $6)
       and ($3::text[] is null or r.analyte_id in (select id from analyte where code = any($3::text[])))
       and ($4::text[] is null or r.quantity = any($4::text[]))
       and s.status = any($5::text[])
"""


def _table(safe: Callable[[str], str], some: str = "") -> str:
    """The long table. $1 study, $2 participants, $3 analytes, $4 quantities, $5 statuses, $6 moment.

    What is the same for a whole well is looked up, made safe and brought in order once, so that the many rows are
    sorted by small numbers. `some` cuts the asked rows before anything is looked up for them.
    """
    return f"""
with asked as {"materialized" if some else "not materialized"} ({_ASKED} {some}),
wells as materialized (
    select w.id, p.code as participant, vt.code || case when vi.number > 1 then '-' || vi.number else '' end as visit,
           vi.occurred_on - p.t0 as study_day, s.code as aliquot, s.specimen_type, w.freeze_thaw_count as freeze_thaw,
           exists (select from identity_doubt d where d.specimen_id = s.id and d.found_at <= $6
                      and (d.settled_at is null or d.settled_at > $6 or d.outcome = 'unknown')) as identity_doubt,
           a.code as assay, av.number as assay_version, w.dilution, r.name as run, pl.code as plate,
           chr(65 + w.row) || (w.col + 1) as well, {safe("w.name_in_file")} as instrument_sample,
           {safe("r.instrument")} as instrument, {safe("r.software")} as software,
           {safe("r.serial_number")} as serial_number, {safe("r.batch")} as batch, {safe("r.kit_lot")} as kit_lot,
           row_number() over (
               order by p.code collate "C", vi.occurred_on - p.t0 nulls last, s.code collate "C", a.code collate "C",
                        av.number, r.name collate "C", pl.number, w.row, w.col
           ) as place
      from assay_run r
      join assay_version av on av.id = r.assay_version_id
      join assay a on a.id = av.assay_id
      join plate pl on pl.run_id = r.id
      join well w on w.plate_id = pl.id
      join specimen s on s.id = w.specimen_id
      join participant p on p.id = s.participant_id
      left join collection_event ce on ce.id = s.collection_event_id
      left join visit vi on vi.id = ce.visit_id
      left join visit_type vt on vt.id = vi.visit_type_id
     where r.study_id = $1 and p.id = any($2::bigint[]) and r.imported_at <= $6
       {"and w.id in (select well_id from asked)" if some else ""}
), analytes as materialized (
    select id, code, row_number() over (order by code collate "C") as rank from analyte
)
select q.id, wells.participant, wells.visit, wells.study_day, wells.aliquot, wells.specimen_type, wells.freeze_thaw,
       wells.identity_doubt,
       wells.assay, wells.assay_version, analytes.code as analyte, {safe("q.quantity")} as quantity, q.value,
       q.comparator, q.limit_kind, {safe("q.unit")} as unit, q.flag, {safe("q.raw_text")} as raw_text, wells.dilution,
       wells.run, wells.plate, wells.well, wells.instrument_sample, wells.instrument, wells.software,
       wells.serial_number, wells.batch, wells.kit_lot, q.number as result_version, q.status, q.released_at,
       wells.place, analytes.rank
  from asked q
  join wells on wells.id = q.well_id
  join analytes on analytes.id = q.analyte_id
"""  # noqa: S608  # made of our own words only, as are those below; values are parameters


_ORDER = 'place, rank, quantity collate "C", result_version'
_ISO = """to_char(released_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as released_at"""
_CSV = (
    f"select {', '.join(_ISO if name == 'released_at' else name for name in rules.COLUMNS)} "  # noqa: S608
    f"from ({_table(cell_in_sql)}) t order by {_ORDER}"
)
_SHOWN = ", ".join(("id", *rules.COLUMNS))
_PAGE = f"select {_SHOWN} from ({_table(_same, 'and v.id > $7 order by v.id limit $8')}) t order by id"  # noqa: S608
_FIRST = f"select {_SHOWN} from ({_table(_same)}) t order by {_ORDER} limit $7"  # noqa: S608
_COUNT = f"select count(*) as results, count(distinct participant_id) as participants from ({_ASKED}) t"  # noqa: S608
_ROOM = text("set local work_mem = '64MB'")
"""A pull sorts every result of a study: in memory, where a request's own few megabytes would go to disk."""


async def page(tx: ReadTx, wanted: Filter, *, after: int, limit: int) -> list[Any]:
    """Records of the table in the order in which the results were stored, after a key."""
    return list(await (await driver(tx)).fetch(_PAGE, *wanted.arguments(), after, limit))


async def first(tx: ReadTx, wanted: Filter, *, limit: int) -> list[Any]:
    """The first records in the order of the CSV."""
    await tx.session.execute(_ROOM)
    return list(await (await driver(tx)).fetch(_FIRST, *wanted.arguments(), limit))


async def count(tx: ReadTx, wanted: Filter) -> tuple[int, int]:
    """How many results there are, and of how many participants."""
    row = await (await driver(tx)).fetchrow(_COUNT, *wanted.arguments())
    return row["results"], row["participants"]


async def copy(tx: ReadTx, wanted: Filter, sink: Callable[[bytes], Awaitable[None]]) -> int:
    """Give the CSV in pieces to `sink`, header first; the number of its rows.

    UTF-8, comma, lines end in LF, text columns quoted, missing values empty. PostgreSQL writes it: numbers are the
    exact decimals that are stored, and the rows stand in one order whatever the plan.
    """
    await tx.session.execute(_ROOM)
    status = await (await driver(tx)).copy_from_query(
        _CSV,
        *wanted.arguments(),
        output=sink,
        format="csv",
        header=True,
        force_quote=[name for name in rules.COLUMNS if name in rules.TEXT_COLUMNS],
        encoding="utf8",
    )
    return int(status.split()[-1])


async def driver(tx: ReadTx) -> Any:
    """The driver's own connection, in the same transaction."""
    held = await (await tx.session.connection()).get_raw_connection()
    return held.driver_connection
