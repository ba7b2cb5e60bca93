"""Finding what was tampered with: in the chain of seals, in the entries, and in the tables that the entries tell the
story of.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from biobank.audit.canonical import FIELDS, GENESIS, digest, exported, link, unpack
from biobank.audit.rows import check_rows
from biobank.audit.verdict import Fault, Verdict


@dataclass(frozen=True, slots=True)
class SealRow:
    number: int
    settled_id: int
    entries: bytes
    previous_hash: bytes
    hash: bytes


class _Chain:
    """Recomputes the chain from seals and entries as they come, with nothing but hashlib. What is kept of an entry is
    its digest, and that only until its seal came.
    """

    def __init__(self) -> None:
        self.verdict = Verdict()
        self._unsealed: dict[int, bytes] = {}
        self._read: list[list[int]] = []  # runs of ids without a gap: first and last
        self._absent: list[tuple[int, int]] = []
        self._previous, self._number, self._settled = GENESIS, 1, 0

    def entry(self, entry_id: int, entry_digest: bytes) -> None:
        self._unsealed[entry_id] = entry_digest
        if self._read and self._read[-1][1] + 1 == entry_id:
            self._read[-1][1] = entry_id
        else:
            self._read.append([entry_id, entry_id])

    def seal(self, row: SealRow, items: list[tuple[int, bytes]]) -> None:
        """A seal and what is in it; all its entries have been read."""
        verdict = self.verdict
        faults = _seal_faults(row, self._previous, self._number)
        verdict.faults.extend(Fault(f"audit_seal {row.number}", what) for what in faults)
        self._previous, self._number, self._settled = row.hash, row.number + 1, row.settled_id
        verdict.seals += 1
        verdict.entries += len(items)
        verdict.hashes.append(row.hash.hex())
        for entry_id, entry_digest in items:
            found = self._unsealed.pop(entry_id, None)
            if found is None:
                self._absent.append((entry_id, row.number))
            elif found != entry_digest:
                verdict.faults.append(Fault(f"audit_entry {entry_id}", f"was changed after seal {row.number}"))

    def finish(self) -> Verdict:
        for entry_id, number in self._absent:
            there = any(first <= entry_id <= last for first, last in self._read)
            what = "is sealed twice" if there else f"was deleted after seal {number}"
            self.verdict.faults.append(Fault(f"audit_entry {entry_id}", what))
        for entry_id in sorted(self._unsealed):
            if entry_id <= self._settled:
                self.verdict.faults.append(Fault(f"audit_entry {entry_id}", "was inserted among sealed entries"))
            else:
                self.verdict.unsealed += 1
        return self.verdict


def check_chain(seals: Iterable[SealRow], entries: dict[int, bytes]) -> Verdict:
    """Recompute the chain.

    Args:
        seals: in order of their numbers.
        entries: the digest of every entry that is there now, by id.
    """
    chain = _Chain()
    for entry_id, entry_digest in entries.items():
        chain.entry(entry_id, entry_digest)
    for row in seals:
        chain.seal(row, unpack(row.entries))
    return chain.finish()


def _seal_faults(row: SealRow, previous: bytes, number: int) -> Iterator[str]:
    if row.number != number:
        yield f"seal {number} is missing before it"
    if row.previous_hash != previous:
        yield "does not follow the seal before it: seals were changed, removed or reordered"
    if link(row.previous_hash, row.settled_id, row.entries) != row.hash:
        yield "its hash does not fit its content: the seal was changed"


async def verify(connection: asyncpg.Connection) -> Verdict:
    """Verify the chain, the entries, and that every audited row is as its last entry left it. One consistent snapshot
    is read, a little at a time.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # Rows are compared with entries as text, which depends on these; the rest is room to sort a step's rows in.
        await connection.execute("set local timezone = 'UTC'; set local datestyle = 'ISO'; set local work_mem = '64MB'")
        chain = _Chain()
        async for step in _trail(connection):
            if isinstance(step, tuple):
                chain.seal(*step)
            else:
                chain.entry(step["id"], digest(exported(step)))
        verdict = chain.finish()
        await check_rows(connection, verdict)
    return verdict


async def _trail(connection: asyncpg.Connection) -> AsyncIterator[Any]:
    """Entries by id and seals by number, each seal (with what is in it) after the last of its entries."""
    entries = connection.cursor(f"select {', '.join(FIELDS)} from audit_entry order by id", prefetch=5000)  # noqa: S608  # column names of ours
    seals = connection.cursor(
        "select number, settled_id, entries, previous_hash, hash from audit_seal order by number", prefetch=2
    )
    rows = aiter(entries)
    row = await anext(rows, None)
    async for found in seals:
        sealed = SealRow(**dict(found))
        items = unpack(sealed.entries)
        last = max((entry_id for entry_id, _ in items), default=0)
        while row is not None and row["id"] <= last:
            yield row
            row = await anext(rows, None)
        yield sealed, items
    while row is not None:
        yield row
        row = await anext(rows, None)


async def export(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """The trail as JSON lines: entries, and each seal after the last of its entries. `verify_export` needs nothing
    else.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for step in _trail(connection):
            if isinstance(step, tuple):
                fields = asdict(step[0])
                yield json.dumps(
                    {"seal": {key: value.hex() if isinstance(value, bytes) else value for key, value in fields.items()}}
                )
            else:
                yield json.dumps({"entry": exported(step)}, ensure_ascii=False)


def verify_export(lines: Iterable[str]) -> Verdict:
    """Verify an export without a database.

    Raises:
        ValueError: a line is not one of an export; the message names the line.
    """
    chain = _Chain()
    for number, line in enumerate(lines, start=1):
        try:
            read = json.loads(line)
            if "entry" in read:
                chain.entry(int(read["entry"][0]), digest(read["entry"]))
            else:
                row = _seal_row(read["seal"])
                chain.seal(row, unpack(row.entries))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"line {number} of the export is neither an entry nor a seal: {error!r}") from None
    return chain.finish()


def _seal_row(fields: dict[str, Any]) -> SealRow:
    packed, before, own = (bytes.fromhex(fields[name]) for name in ("entries", "previous_hash", "hash"))
    return SealRow(int(fields["number"]), int(fields["settled_id"]), packed, before, own)
