"""The canonical text of an audit entry: what a seal covers, the same from the database and from an export."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

FIELDS = ("id", "tx", "at", "actor_id", "kind", "name", "row_id", "study_id", "site_id", "body")
"""The columns of an entry in the order in which they are hashed: all of them."""

DIGEST = 32
ITEM = 8 + DIGEST
GENESIS = bytes(DIGEST)
"""The hash that stands before the first seal."""


def exported(entry: Mapping[str, Any]) -> list[str | None]:
    """An entry as it stands in an export: every field as text or null, the time in UTC with microseconds."""
    return [_text(entry[name]) for name in FIELDS]


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def digest(fields: Sequence[str | None]) -> bytes:
    """SHA-256 of the fields as compact JSON in UTF-8."""
    return hashlib.sha256(json.dumps(list(fields), ensure_ascii=False, separators=(",", ":")).encode()).digest()


def digest_sql() -> str:
    """The same digest as an expression of PostgreSQL over a row of `audit_entry`."""
    texts = {"at": """to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""}
    fields = ", ".join(texts.get(name, f"{name}::text") for name in FIELDS)
    return f"sha256(convert_to(to_json(array[{fields}])::text, 'UTF8'))"


def pack(items: Sequence[tuple[int, bytes]]) -> bytes:
    """The content of a seal: id (8 bytes, big-endian) and digest (32 bytes) of each entry, in order."""
    return b"".join(entry_id.to_bytes(8, "big") + entry_digest for entry_id, entry_digest in items)


def unpack(entries: bytes) -> list[tuple[int, bytes]]:
    """The reverse of `pack`; a length that is no multiple of 40 bytes is cut, which the seal's own hash then shows."""
    return [
        (int.from_bytes(entries[at : at + 8], "big"), entries[at + 8 : at + ITEM])
        for at in range(0, len(entries) - ITEM + 1, ITEM)
    ]


def link(previous: bytes, settled: int, entries: bytes) -> bytes:
    """The hash of a seal: it covers the seal before it, and so the whole chain."""
    return hashlib.sha256(previous + settled.to_bytes(8, "big") + entries).digest()
