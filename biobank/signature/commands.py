"""Signing: the password is asked for again, and what is signed is bound to the signature by digests."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import select, update

from biobank.access import passwords
from biobank.access.commands import count_failure
from biobank.access.models import AppUser
from biobank.errors import Forbidden
from biobank.ids import new_uuid
from biobank.signature import rules
from biobank.signature.models import Signature
from biobank.tx import Tx


class Sign(BaseModel):
    """A signature as a person gives it. The password is never kept, logged or part of a receipt."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    password: Annotated[SecretStr, Field(max_length=1024, description="Typed again for this signature.")]
    meaning: Literal["authorship", "review", "approval", "responsibility", "witness"]


async def sign(
    tx: Tx,
    command: Sign,
    *,
    deed: str,
    content: Mapping[str, Any],
    study_id: int | None = None,
    site_id: int | None = None,
) -> Signature:
    """Sign `content`, which stands for what `deed` does. Part of the deed's own transaction: both are done or neither.

    A wrong password counts towards the lock of the account, as at the login, and is on record although the deed is
    rolled back (21 CFR 11.300).

    Raises:
        SignatureRefused: the password is wrong, or the account is locked or has no password.
        Forbidden: the service itself signs nothing.
    """
    if tx.actor.user_id is None:
        raise Forbidden("Only a person signs: log in.")
    user = (await tx.session.execute(select(AppUser).where(AppUser.id == tx.actor.user_id))).scalar_one()
    rules.check_may_sign(user.password_hash, user.locked_until, tx.now)
    if not await passwords.verify_password(command.password.get_secret_value(), user.password_hash):
        tx.if_undone(lambda late: _count(late, user.id, deed))
        raise rules.SignatureRefused(
            "The password is wrong, so nothing was signed or done: type it again.", errors={"password": "is wrong"}
        )
    await tx.session.execute(
        update(AppUser).where(AppUser.id == user.id, AppUser.failed_logins > 0).values(failed_logins=0)
    )
    text = rules.canonical(content)
    signed = rules.Signed(
        number=new_uuid(),
        username=user.username,
        printed_name=user.display_name,
        meaning=command.meaning,
        deed=deed,
        signed_at=tx.now,
        content_sha256=rules.digest(text),
    )
    made = Signature(
        **{name: getattr(signed, name) for name in signed.__slots__},
        user_id=user.id,
        content=text,
        record_sha256=rules.record_digest(signed),
        study_id=study_id,
        site_id=site_id,
    )
    tx.session.add(made)
    await tx.session.flush()
    tx.record(
        "signature.made",
        subject="signature",
        subject_id=made.id,
        study_id=study_id,
        site_id=site_id,
        deed=deed,
        meaning=command.meaning,
        content_sha256=signed.content_sha256,
    )
    return made


async def _count(late: Tx, user_id: int, deed: str) -> None:
    locked = await count_failure(late, user_id, late.lockout)
    verb = "user.locked" if locked else "signature.refused"
    late.record(verb, subject="app_user", subject_id=user_id, deed=deed)
