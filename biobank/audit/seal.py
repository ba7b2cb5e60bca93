"""Sealing: committed audit entries are chained in batches, apart from the transactions that wrote them.

A chain head taken in every transaction would make all writers wait for one another; a seal made afterwards costs them
nothing. What is not yet sealed is protected by grants and triggers alone, which is why the batches are small.
"""

from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from biobank.audit.canonical import GENESIS, ITEM, digest_sql, link, pack, unpack

_LOCK = 0x5EA1
# The database digests its own entries: a third of the work that fetching and digesting them here is (measured), and the
# service answers requests meanwhile. Verification digests them anew in Python.
# Ids up to the highest sealed one are few and looked for by what is known of them; all above are unsealed.
_LATE = f"""
select id, {digest_sql()} as digest from audit_entry
 where id > $1 and id <= $2
   and not exists (select from unnest($3::bigint[]) as known(id) where known.id = audit_entry.id)
 order by id limit $4
"""  # noqa: S608  # column names of ours
_FRESH = f"""
select count(*) as count, string_agg(int8send(id) || digest, ''::bytea order by id) as packed
  from (select id, {digest_sql()} as digest from audit_entry where id > $1 order by id limit $2) as fresh
"""  # noqa: S608  # column names of ours
# A backlog, as a large import leaves it, is digested on two cores.
_SIDE_BY_SIDE = """
set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0; set local min_parallel_index_scan_size = 0;
set local max_parallel_workers_per_gather = 1
"""
BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one call sealed: the number of seals made and of entries in them."""

    seals: int
    entries: int


async def seal(
    connection: asyncpg.Connection, *, batch: int = BATCH, progress: Callable[[int], None] = lambda _: None
) -> Sealed:
    """Seal everything committed that is not sealed yet. When another process is sealing, nothing is done.

    `progress` is told after each seal how many entries this call has sealed.
    """
    seals = entries = 0
    while True:
        async with connection.transaction():
            if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", _LOCK):
                return Sealed(seals, entries)
            if entries:
                await connection.execute(_SIDE_BY_SIDE)
            count = await _seal_batch(connection, batch)
        if count:
            seals += 1
            entries += count
            progress(entries)
        if count < batch:
            return Sealed(seals, entries)


async def _seal_batch(connection: asyncpg.Connection, batch: int) -> int:
    # Both are read before the entries: what commits in between is younger than `xid`, and what is settled is visible
    # by then.
    xid = await connection.fetchval("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    settled = int(await connection.fetchval(_SETTLED))
    last = await connection.fetchrow("select settled_id, hash from audit_seal order by number desc limit 1")
    previous, sealed_up_to = (GENESIS, 0) if last is None else (last["hash"], last["settled_id"])
    known: set[int] = set()
    for row in await connection.fetch("select entries from audit_seal where last_id > $1", sealed_up_to):
        known.update(entry_id for entry_id, _ in unpack(row["entries"]))
    top = await connection.fetchval("select coalesce(max(last_id), 0) from audit_seal")
    found = await connection.fetch(_LATE, sealed_up_to, top, sorted(known), batch)
    late = [(row["id"], row["digest"]) for row in found]
    # Fetched as all rows and not as one: a statement that is told to stop after a row runs on one core.
    (fresh,) = await connection.fetch(_FRESH, top, batch - len(late))
    count = len(late) + int(fresh["count"])
    if not count:
        return 0
    packed = pack(late) + (fresh["packed"] or b"")
    (first_id, _), (last_id, _) = unpack(packed[:ITEM] + packed[-ITEM:])
    if count == batch:
        settled = min(settled, last_id)  # a full batch may have left later ones
    await connection.execute(
        "insert into audit_seal (first_id, last_id, count, entries, settled_id, xid, previous_hash, hash) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        first_id,
        last_id,
        count,
        packed,
        settled,
        xid,
        previous,
        link(previous, settled, packed),
    )
    return count


# The id up to which no further entry can appear. A transaction takes its ids before it commits, so a smaller id may
# appear after a larger one was sealed; once all transactions that were open when a seal was made are over, none can
# appear below it. A seal from before a restore into another server has a transaction number that means nothing here:
# nothing of that time can still be open.
_SETTLED = """
select coalesce(max(running.top), 0)
  from (select max(last_id) over (order by number) as top, xid from audit_seal) running, pg_current_snapshot() as s
 where running.xid <= pg_snapshot_xmin(s)::text::bigint or running.xid > pg_snapshot_xmax(s)::text::bigint
"""
