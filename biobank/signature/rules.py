"""What a signature binds together, and how that is found to hold or not. Pure functions on plain values.

After 21 CFR 11: a signature shows the printed name, the moment and the meaning (11.50), is bound to its record so that
it cannot be moved to another (11.70), and is made with the password typed anew (11.200).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from biobank.errors import Conflict, DomainError, Invalid

MEANING_TITLES: Mapping[str, str] = {
    "authorship": "I made this record",
    "review": "I reviewed this record",
    "approval": "I approve this",
    "responsibility": "I am responsible for this",
    "witness": "I witnessed this",
}


class SignatureRefused(Invalid):
    """The password was wrong, or the account is locked or has none. What was to be signed was not done."""

    code = "signature-refused"
    title = "The signature was refused"


class SignaturePermanent(Conflict):
    code = "signature-permanent"
    title = "A signature is never changed"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "ck_signature_append_only": lambda: SignaturePermanent("A signature is added and never changed."),
    "ck_signature_meaning": lambda: Invalid("There is no such meaning.", errors={"meaning": "is not a meaning"}),
}


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature says, as it is kept."""

    number: UUID
    username: str
    printed_name: str
    meaning: str
    deed: str
    signed_at: datetime
    content_sha256: str


def canonical(content: Mapping[str, Any]) -> str:
    """One text for one content: JSON with sorted keys and without spaces, times in UTC, decimals as written."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: object) -> str:
    match value:
        case datetime():
            return moment(value)
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case UUID():
            return str(value)
    raise TypeError(f"a signed text holds no {type(value).__name__}")


def moment(at: datetime) -> str:
    """To the microsecond and in UTC, as the database keeps it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def record_digest(signed: Signed) -> str:
    """The digest that binds name, meaning, moment and deed to the content's."""
    return digest(
        canonical(
            {
                "number": signed.number,
                "username": signed.username,
                "printed_name": signed.printed_name,
                "meaning": signed.meaning,
                "deed": signed.deed,
                "signed_at": signed.signed_at,
                "content_sha256": signed.content_sha256,
            }
        )
    )


def faults(
    signed: Signed, content: str, record_sha256: str, trail: Mapping[str, Any] | None, present: str | None = None
) -> tuple[str, ...]:
    """What does not hold of a signature; empty when it is whole.

    Args:
        signed: as it is kept.
        content: the text that was signed, as it is kept.
        record_sha256: as it is kept.
        trail: what the audit trail says was written, by column; None where it says nothing.
        present: the same text made anew from what is recorded now, where the caller can make it.
    """
    found = []
    if digest(content) != signed.content_sha256:
        found.append("the text is not the one that was signed")
    if record_digest(signed) != record_sha256:
        found.append("name, meaning, time or deed are not those that were signed")
    if trail is None:
        found.append("the audit trail does not know this signature")
    elif (trail.get("record_sha256"), trail.get("content_sha256")) != (record_sha256, signed.content_sha256):
        found.append("the audit trail knows another signature under this number")
    if present is not None and present != content:
        found.append("what was signed was changed since")
    return tuple(found)


def check_may_sign(password_hash: str | None, locked_until: datetime | None, now: datetime) -> None:
    """Raises SignatureRefused: the account has no password, or is locked for a while."""
    if password_hash is None:
        raise SignatureRefused(
            "You have no password, so you cannot sign: ask who manages users for one.",
            errors={"password": "you have none"},
        )
    if locked_until is not None and locked_until > now:
        raise SignatureRefused(
            "Your account is locked after wrong passwords: wait a while, then sign again.",
            errors={"password": "the account is locked for a while"},
        )
