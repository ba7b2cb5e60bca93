"""Comparing the rows of every audited table with what the trail says of them."""

import json
from typing import Any

import asyncpg

from biobank.audit.verdict import Fault, Verdict

STEP = 20_000
"""Keys that are compared at a time, so that memory does not grow with the table."""
_MOST = 2**63 - 1

_AUDITED = """
select c.relname as name, string_to_array(encode(t.tgargs, 'escape'), '\\000') as args
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where t.tgname = 'audit_insert' and not t.tgisinternal and c.relnamespace = 'public'::regnamespace order by 1
"""

_DEEDS = "('insert', 'update', 'delete')"

# Most rows were inserted and never changed: their entry is the row as text. Whatever is not so is looked at closely.
_DOUBTFUL = """
with said as (
    select row_id, count(*) as deeds, min(body) as body, min(kind) as kind from audit_entry
     where name = $1 and row_id between $2 and $3 and kind in {deeds} group by row_id
), now as (
    select {key} as row_id, ({text})::text as body from {table} t where {key} between $2 and $3
)
select row_id from said full join now using (row_id)
 where said.deeds is distinct from 1 or said.kind <> 'insert' or said.body is distinct from now.body
 order by row_id
"""

# The next key of the table, or of what the trail says of it.
_NEXT = """
select least((select min({key}) from {table} t where {key} > $2),
             (select min(row_id) from audit_entry where name = $1 and row_id > $2 and kind in {deeds}))
"""

# The entries of a row are folded into its last known state.
_DIFFERENT = """
with said as (
    select e.row_id, e.id, e.kind, k.key, case when e.kind = 'update' then k.value -> 1 else k.value end as value
      from audit_entry e left join lateral jsonb_each(e.body::jsonb) k on k.key <> '*'
     where e.name = $1 and e.row_id = any ($2::bigint[]) and e.kind in {deeds}
), last as (
    select row_id, jsonb_object_agg(key, value order by id) filter (where key is not null) as row,
           (array_agg(kind order by id desc))[1] = 'delete' as gone
      from said group by row_id
), now as (
    select {key} as row_id, to_jsonb(t) - $3::text[] as row from {table} t where {key} = any ($2::bigint[])
)
select row_id, last.row as said, now.row as found, coalesce(last.gone, false) as gone, last.row_id is null as unsaid
  from last full join now using (row_id)
 where now.row is null and not coalesce(last.gone, false) or last.row_id is null or last.gone and now.row is not null
    or not now.row @> last.row
"""


async def check_rows(connection: asyncpg.Connection, verdict: Verdict) -> None:
    """Every audited table, step by step along its keys. Rows are compared as text, so the session's time zone must be
    UTC, and its dates be written as ISO does.
    """
    for table in await connection.fetch(_AUDITED):
        await _check_table(connection, table["name"], table["args"], verdict)


async def _check_table(connection: asyncpg.Connection, table: str, arguments: list[str], verdict: Verdict) -> None:
    column, omitted, private, *_ = arguments
    unchecked = [*omitted.split(), *private.split()]
    names = {
        "table": f'"{table}"',
        "key": f't."{column}"',
        "deeds": _DEEDS,
        "text": "to_jsonb(t) - $4::text[]" if unchecked else "row_to_json(t)",
    }
    doubtful, different = _DOUBTFUL.format(**names), _DIFFERENT.format(**names)
    verdict.rows += await connection.fetchval(f'select count(*) from "{table}"')  # noqa: S608  # the table's name comes from the catalogue
    begin = await connection.fetchval(_NEXT.format(**names), table, -_MOST)
    while begin is not None:
        end = min(begin + STEP - 1, _MOST)
        step = [table, begin, end, *([unchecked] if unchecked else [])]
        doubts = [row["row_id"] for row in await connection.fetch(doubtful, *step)]
        for row in await connection.fetch(different, table, doubts, unchecked) if doubts else ():
            verdict.faults.append(_fault(f"{table} {row['row_id']}", row))
        begin = await connection.fetchval(_NEXT.format(**names), table, end) if end < _MOST else None


def _fault(place: str, row: Any) -> Fault:
    if row["found"] is None:
        return Fault(place, "was deleted without an audit entry")
    if row["unsaid"]:
        return Fault(place, "was inserted without an audit entry")
    if row["gone"]:
        return Fault(place, "is there although the trail says that it was deleted")
    said, found = json.loads(row["said"]), json.loads(row["found"])
    columns = sorted(column for column, value in said.items() if found.get(column) != value)
    return Fault(place, f"was changed without an audit entry: {', '.join(columns)}")
