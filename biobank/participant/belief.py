"""Consent in its two times: what was in force when, as it was believed when.

Of the consents on record at a moment and not marked as entered in error by then, the one that began last before another
moment governs it; when it has ended since, none does. A withdrawal governs whatever consent there is.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from biobank.access.models import AppUser
from biobank.participant.models import Consent, ConsentDecision, Participant, Withdrawal, WithdrawalRescission
from biobank.participant.rules import strongest
from biobank.study.models import ConsentDocument
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ConsentView(View):
    """A consent as it is on record. `number` counts the participant's consents in the order of their entry;
    `is_current` says whether it governs this moment.
    """

    number: int
    version: str
    language: str
    signed_at: datetime
    effective_from: datetime
    effective_to: datetime | None
    recorded_at: datetime
    recorded_by: str
    in_error_at: datetime | None
    in_error_by: str | None
    in_error_reason: str | None
    is_current: bool
    granted: tuple[str, ...]
    denied: tuple[str, ...]


class WithdrawalView(View):
    """A withdrawal; with `rescinded_at` it was recorded by mistake and counted until then."""

    level: str
    effective_at: datetime
    recorded_at: datetime
    rescinded_at: datetime | None = None


class BeliefView(View):
    """What the house believed at `believed_at` to be in force at `in_force_at`. Without a consent nothing is allowed;
    with a withdrawal, what its level forbids is not.
    """

    believed_at: datetime
    in_force_at: datetime
    consent: ConsentView | None
    withdrawal: WithdrawalView | None


def known(moment: datetime | None) -> ColumnElement[bool]:
    """The condition that a consent was on record, and not known to be wrong, at a moment; None means now."""
    if moment is None:
        return Consent.in_error_at.is_(None)
    return and_(Consent.recorded_at <= moment, or_(Consent.in_error_at.is_(None), Consent.in_error_at > moment))


def governing(
    participant_ids: Collection[int], valid: datetime | SQLColumnExpression[Any], believed: datetime | None = None
) -> Select[tuple[int, int]]:
    """Participant and the consent that governs a moment; a participant without one is left out."""
    latest = (
        select(Consent.participant_id, Consent.id, Consent.effective_to)
        .ext(distinct_on(Consent.participant_id))
        .where(Consent.participant_id.in_(participant_ids), known(believed), Consent.effective_from <= valid)
        .order_by(Consent.participant_id, Consent.effective_from.desc())
        .subquery()
    )
    return select(latest.c.participant_id, latest.c.id).where(
        or_(latest.c.effective_to.is_(None), latest.c.effective_to > valid)
    )


def standing() -> ColumnElement[bool]:
    """The condition that a withdrawal was not rescinded."""
    return Withdrawal.id.not_in(select(WithdrawalRescission.withdrawal_id))


async def consents(tx: ReadTx, participant_id: int) -> tuple[ConsentView, ...]:
    """Every consent of a participant, those marked as entered in error too, the latest entry first."""

    def scopes(decision: str) -> ColumnElement[Any]:
        ordered = aggregate_order_by(ConsentDecision.scope_code, ConsentDecision.scope_code)
        return func.coalesce(func.array_agg(ordered).filter(ConsentDecision.decision == decision), []).label(decision)

    decided = (
        select(ConsentDecision.consent_id, scopes("granted"), scopes("denied"))
        .join(Consent, Consent.id == ConsentDecision.consent_id)
        .where(Consent.participant_id == participant_id)
        .group_by(ConsentDecision.consent_id)
        .subquery()
    )
    names = {
        name: select(AppUser.display_name).where(AppUser.id == column).correlate(Consent).scalar_subquery().label(name)
        for name, column in (("recorded_by", Consent.recorded_by), ("in_error_by", Consent.in_error_by))
    }
    current = {row.id for row in await tx.session.execute(governing([participant_id], tx.now))}
    rows = await tx.session.execute(
        select(
            Consent.id,
            func.row_number().over(order_by=Consent.id).label("number"),
            ConsentDocument.version,
            ConsentDocument.language,
            Consent.signed_at,
            Consent.effective_from,
            Consent.effective_to,
            Consent.recorded_at,
            names["recorded_by"],
            Consent.in_error_at,
            names["in_error_by"],
            Consent.in_error_reason,
            func.coalesce(decided.c.granted, []).label("granted"),
            func.coalesce(decided.c.denied, []).label("denied"),
        )
        .join(ConsentDocument, ConsentDocument.id == Consent.document_id)
        .outerjoin(decided, decided.c.consent_id == Consent.id)
        .where(Consent.participant_id == participant_id)
        .order_by(Consent.id.desc())
    )
    return tuple(
        ConsentView(
            is_current=row.id in current, **{name: value for name, value in row._asdict().items() if name != "id"}
        )
        for row in rows
    )


async def withdrawals(tx: ReadTx, participant_id: int) -> tuple[WithdrawalView, ...]:
    rows = await tx.session.execute(
        select(Withdrawal.level, Withdrawal.effective_at, Withdrawal.recorded_at, WithdrawalRescission.rescinded_at)
        .outerjoin(WithdrawalRescission, WithdrawalRescission.withdrawal_id == Withdrawal.id)
        .where(Withdrawal.participant_id == participant_id)
        .order_by(Withdrawal.id)
    )
    return tuple(WithdrawalView(**row._asdict()) for row in rows)


async def belief(
    tx: ReadTx, person: Participant, *, believed_at: datetime | None, in_force_at: datetime | None
) -> BeliefView:
    """What was believed at one moment to be in force at another; each is now where it is not given."""
    believed, valid = believed_at or tx.now, in_force_at or tx.now
    row = (await tx.session.execute(governing([person.id], valid, believed))).one_or_none()
    consent = None
    if row is not None:
        ids = await tx.session.execute(
            select(Consent.id).where(Consent.participant_id == person.id).order_by(Consent.id.desc())
        )
        consent = dict(zip(ids.scalars(), await consents(tx, person.id), strict=True))[row.id]
    taken_back = {
        one.level: one
        for one in reversed(await withdrawals(tx, person.id))
        if one.recorded_at <= believed
        and one.effective_at <= valid
        and (one.rescinded_at is None or one.rescinded_at > believed)
    }
    level = strongest(taken_back)
    return BeliefView(
        believed_at=believed,
        in_force_at=valid,
        consent=consent,
        withdrawal=None if level is None else taken_back[level],
    )
