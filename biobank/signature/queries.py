"""Signatures as people may see them, and whether each still stands for what was signed."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from biobank.actor import Permission
from biobank.audit.models import AuditEntry
from biobank.db import visible
from biobank.errors import NotFound
from biobank.signature import rules
from biobank.signature.models import Signature
from biobank.tx import ReadTx


class SignatureView(BaseModel):
    """A signature as it is shown and printed. `faults` says what does not hold of it; it is `intact` without any."""

    model_config = ConfigDict(frozen=True)
    number: UUID
    printed_name: str
    username: str
    meaning: str
    meaning_title: str
    deed: str
    signed_at: datetime
    content_sha256: str
    intact: bool
    faults: tuple[str, ...]


class SignedText(SignatureView):
    """With the canonical text that was signed."""

    content: str


async def signatures(
    tx: ReadTx, ids: Iterable[int], *, present: Mapping[int, str] | None = None
) -> dict[int, SignatureView]:
    """Signatures by surrogate id, each verified. The caller has found them, so nothing is filtered.

    `present` holds, by id, the signed text made anew from what is recorded now.
    """
    wanted = sorted(set(ids))
    found = (await tx.session.execute(select(Signature).where(Signature.id.in_(wanted)))).scalars().all()
    trail = await _trail(tx, wanted)
    return {one.id: view(one, trail.get(one.id), (present or {}).get(one.id)) for one in found}


async def _trail(tx: ReadTx, ids: list[int]) -> dict[int, Mapping[str, object]]:
    """What the audit trail says was written of each."""
    rows = await tx.session.execute(
        select(AuditEntry.row_id, AuditEntry.body).where(
            AuditEntry.name == "signature", AuditEntry.kind == "insert", AuditEntry.row_id.in_(ids)
        )
    )
    return {row.row_id: json.loads(row.body) for row in rows if row.row_id is not None}


def view(one: Signature, trail: Mapping[str, object] | None, present: str | None = None) -> SignatureView:
    signed = rules.Signed(
        one.number, one.username, one.printed_name, one.meaning, one.deed, one.signed_at, one.content_sha256
    )
    faults = rules.faults(signed, one.content, one.record_sha256, trail, present)
    return SignatureView(
        number=one.number,
        printed_name=one.printed_name,
        username=one.username,
        meaning=one.meaning,
        meaning_title=rules.MEANING_TITLES[one.meaning],
        deed=one.deed,
        signed_at=one.signed_at,
        content_sha256=one.content_sha256,
        intact=not faults,
        faults=faults,
    )


async def signature(tx: ReadTx, number: str) -> SignedText:
    """A signature with what was signed, for an auditor.

    Raises:
        NotFound: none of this number within reach.
    """
    try:
        wanted = UUID(number)
    except ValueError:
        raise NotFound("There is no such signature.") from None
    found = (
        await tx.session.execute(
            select(Signature).where(
                Signature.number == wanted,
                visible(tx.scope(Permission.AUDIT_READ), Signature.study_id, Signature.site_id),
            )
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such signature.")
    trail = await _trail(tx, [found.id])
    return SignedText(**view(found, trail.get(found.id)).model_dump(), content=found.content)
