"""Finding what was tampered with: in the chain of seals, in the entries, and in the tables that the entries tell the
story of.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from biobank.audit.canonical import FIELDS, GENESIS, digest, exported, link, unpack


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written. `where` names the table and row."""

    where: str
    what: str


@dataclass(slots=True)
class Verdict:
    """The outcome of a verification: how much was read, the hashes of the chain in order, and every fault."""

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    rows: int = 0
    hashes: list[str] = field(default_factory=lambda: [GENESIS.hex()])
    faults: list[Fault] = field(default_factory=list)

    @property
    def head(self) -> str:
        """The chain's last hash: note it elsewhere, and nobody can cut off or rewrite what came before unnoticed."""
        return self.hashes[-1]

    @property
    def sound(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class SealRow:
    number: int
    settled_id: int
    entries: bytes
    previous_hash: bytes
    hash: bytes


def check_chain(seals: Iterable[SealRow], entries: dict[int, bytes]) -> Verdict:
    """Recompute the chain with nothing but hashlib.

    Args:
        seals: in order of their numbers.
        entries: the digest of every entry that is there now, by id.
    """
    verdict = Verdict()
    previous, number, settled = GENESIS, 1, 0
    sealed: set[int] = set()
    for row in seals:
        verdict.faults.extend(Fault(f"audit_seal {row.number}", what) for what in _seal_faults(row, previous, number))
        previous, number, settled = row.hash, row.number + 1, row.settled_id
        verdict.seals += 1
        verdict.hashes.append(row.hash.hex())
        for entry_id, entry_digest in unpack(row.entries):
            verdict.entries += 1
            if entry_id in sealed:
                verdict.faults.append(Fault(f"audit_entry {entry_id}", "is sealed twice"))
            sealed.add(entry_id)
            if entries.get(entry_id) != entry_digest:
                what = "changed" if entry_id in entries else "deleted"
                verdict.faults.append(Fault(f"audit_entry {entry_id}", f"was {what} after seal {row.number}"))
    for entry_id in sorted(entries.keys() - sealed):
        if entry_id <= settled:
            verdict.faults.append(Fault(f"audit_entry {entry_id}", "was inserted among sealed entries"))
        else:
            verdict.unsealed += 1
    return verdict


def _seal_faults(row: SealRow, previous: bytes, number: int) -> Iterator[str]:
    if row.number != number:
        yield f"seal {number} is missing before it"
    if row.previous_hash != previous:
        yield "does not follow the seal before it: seals were changed, removed or reordered"
    if link(row.previous_hash, row.settled_id, row.entries) != row.hash:
        yield "its hash does not fit its content: the seal was changed"


async def verify(connection: asyncpg.Connection) -> Verdict:
    """Verify the chain, the entries, and that every audited row is as its last entry left it. One consistent snapshot
    is read.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        entries: dict[int, bytes] = {}
        async for row in _entries(connection):
            entries[row["id"]] = digest(exported(row))
        seals = [
            SealRow(**dict(row))
            for row in await connection.fetch(
                "select number, settled_id, entries, previous_hash, hash from audit_seal order by number"
            )
        ]
        verdict = check_chain(seals, entries)
        for table in await connection.fetch(_AUDITED):
            await _check_table(connection, table, verdict)
    return verdict


async def _entries(connection: asyncpg.Connection) -> AsyncIterator[Any]:
    async for row in connection.cursor(f"select {', '.join(FIELDS)} from audit_entry order by id", prefetch=5000):  # noqa: S608  # column names of ours
        yield row


_AUDITED = """
select c.relname as name, string_to_array(encode(t.tgargs, 'escape'), '\\000') as args
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where t.tgname = 'audit_insert' and not t.tgisinternal and c.relnamespace = 'public'::regnamespace order by 1
"""


async def _check_table(connection: asyncpg.Connection, table: Any, verdict: Verdict) -> None:
    """Fold the entries of a table into the last known state of each row and compare it with the row that is there."""
    name, (key, omitted, private, *_) = table["name"], table["args"]
    unchecked = [*omitted.split(), *private.split()]
    rows = await connection.fetch(
        f"""
        with said as (
            select e.row_id, e.id, e.kind, k.key, case when e.kind = 'update' then k.value -> 1 else k.value end as
            value
              from audit_entry e left join lateral jsonb_each(e.body::jsonb) k on k.key <> '*'
             where e.name = $1 and e.kind in ('insert', 'update', 'delete')
        ), last as (
            select row_id, jsonb_object_agg(key, value order by id) filter (where key is not null) as row,
                   (array_agg(kind order by id desc))[1] = 'delete' as gone
              from said group by row_id
        ), now as (
            select (to_jsonb(t) ->> $2)::bigint as row_id, to_jsonb(t) - $3::text[] as row from {name} t
        )
        select row_id, last.row as said, now.row as found, coalesce(last.gone, false) as gone, last.row_id is null as
        unsaid
          from last full join now using (row_id)
         where now.row is null and not coalesce(last.gone, false) or last.row_id is null or last.gone and now.row is
         not null
            or not now.row @> last.row
        """,  # noqa: S608  # the table's name comes from the catalogue
        name,
        key,
        unchecked,
    )
    verdict.rows += await connection.fetchval(f"select count(*) from {name}")  # noqa: S608
    for row in rows:
        place = f"{name} {row['row_id']}"
        if row["found"] is None:
            verdict.faults.append(Fault(place, "was deleted without an audit entry"))
        elif row["unsaid"]:
            verdict.faults.append(Fault(place, "was inserted without an audit entry"))
        elif row["gone"]:
            verdict.faults.append(Fault(place, "is there although the trail says that it was deleted"))
        else:
            said, found = json.loads(row["said"]), json.loads(row["found"])
            columns = sorted(column for column, value in said.items() if found.get(column) != value)
            verdict.faults.append(Fault(place, f"was changed without an audit entry: {', '.join(columns)}"))


async def export(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """The trail as JSON lines: entries, then seals. `verify_export` needs nothing else."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in _entries(connection):
            yield json.dumps({"entry": exported(row)}, ensure_ascii=False)
        for row in await connection.fetch(
            "select number, settled_id, entries, previous_hash, hash from audit_seal order by number"
        ):
            yield json.dumps(
                {"seal": {key: value.hex() if isinstance(value, bytes) else value for key, value in dict(row).items()}}
            )


def verify_export(lines: Iterable[str]) -> Verdict:
    """Verify an export without a database.

    Raises:
        ValueError: a line is not one of an export; the message names the line.
    """
    entries: dict[int, bytes] = {}
    seals: list[SealRow] = []
    for number, line in enumerate(lines, start=1):
        try:
            read = json.loads(line)
            if "entry" in read:
                entries[int(read["entry"][0])] = digest(read["entry"])
            else:
                seals.append(_seal_row(read["seal"]))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"line {number} of the export is neither an entry nor a seal: {error!r}") from None
    return check_chain(seals, entries)


def _seal_row(fields: dict[str, Any]) -> SealRow:
    packed, before, own = (bytes.fromhex(fields[name]) for name in ("entries", "previous_hash", "hash"))
    return SealRow(int(fields["number"]), int(fields["settled_id"]), packed, before, own)
