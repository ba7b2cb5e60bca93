"""Recording what a participant decided, and marking what was entered in error.

Consent is bitemporal: valid time says when a decision is in force, recorded time when the house knew of it. A form that
turns up late counts from its own moment on; a wrong entry is marked and stays, and the right one is recorded.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field
from sqlalchemy import func, select

from biobank.actor import Permission
from biobank.errors import Forbidden, NotFound
from biobank.participant import queries, rules
from biobank.participant.commands import Command, timezone_of
from biobank.participant.models import Consent, ConsentDecision, Participant
from biobank.participant.queries import ParticipantView
from biobank.study.documents import Sha256, asked_scopes, find_document
from biobank.study.models import Study
from biobank.study.rules import today
from biobank.tx import Tx


class RecordConsent(Command):
    """The decisions on a signed form, scope by scope. Scopes that are not named were left blank and count as refused.

    In force from the signature on where `effective_from` does not say otherwise, until the next consent begins or
    `effective_to`. `file_sha256` is the digest of the signed form's scan, which is kept at the site.
    """

    version: str
    language: str = "en"
    signed_at: AwareDatetime
    effective_from: AwareDatetime | None = None
    effective_to: AwareDatetime | None = None
    granted: Annotated[tuple[str, ...], Field(max_length=100)]
    denied: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    file_sha256: Sha256 | None = None


class MarkConsentInError(Command):
    """The consent was never given as it stands here. The reason stays on record with it."""

    reason: Annotated[str, Field(min_length=3, max_length=500)]


async def record_consent(tx: Tx, code: str, command: RecordConsent) -> ParticipantView:
    """Record a signed consent. Which one counts at a moment follows from the times in it, not from the order of entry.

    Raises:
        NotFound: no such participant or form within reach.
        ConsentFormNotApproved: the form was not approved on the day of the signature.
        Invalid: a moment or a scope that cannot be.
        ConsentRecordedMeanwhile: a consent that begins at this moment is recorded already.
    """
    person = await queries.find_participant(tx, code, Permission.CONSENT_RECORD, lock=True)
    study = (await tx.session.execute(select(Study).where(Study.id == person.study_id))).scalar_one()
    document = await find_document(tx, study, command.version, command.language)
    begins = command.effective_from or command.signed_at
    rules.check_consent_times(command.signed_at, begins, command.effective_to, tx.now)
    signed_on = today(command.signed_at, await timezone_of(tx, person))
    rules.check_form_approved(document.version, document.approved_from, document.approved_to, signed_on)
    rules.check_decided(command.granted, command.denied, await asked_scopes(tx, document.id))
    (consent_id,) = await tx.insert(
        Consent,
        [
            {
                "participant_id": person.id,
                "study_id": person.study_id,
                "document_id": document.id,
                "signed_at": command.signed_at,
                "effective_from": begins,
                "effective_to": command.effective_to,
                "file_sha256": command.file_sha256,
                "recorded_at": tx.now,
                "recorded_by": _person(tx),
            }
        ],
    )
    decided = [(scope, "granted") for scope in command.granted] + [(scope, "denied") for scope in command.denied]
    await tx.insert(
        ConsentDecision,
        [{"consent_id": consent_id, "scope_code": scope, "decision": decision} for scope, decision in decided],
    )
    _record(tx, "consent.recorded", person)
    return await queries.participant(tx, person.code)


async def mark_in_error(tx: Tx, code: str, number: int, command: MarkConsentInError) -> ParticipantView:
    """Mark a consent as entered in error: from now on it counts no more, and what was believed until now stays on
    record.

    Raises:
        NotFound: no such participant or consent within reach.
        ConsentInError: it is marked already.
    """
    person = await queries.find_participant(tx, code, Permission.CONSENT_RECORD, lock=True)
    ordered = (
        select(Consent.id, func.row_number().over(order_by=Consent.id).label("number"))
        .where(Consent.participant_id == person.id)
        .subquery()
    )
    found = (
        await tx.session.execute(
            select(Consent).join(ordered, ordered.c.id == Consent.id).where(ordered.c.number == number)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"The participant has no consent number {number}.", number=number)
    rules.check_not_in_error(number, found.in_error_at)
    found.in_error_at, found.in_error_by, found.in_error_reason = tx.now, _person(tx), command.reason
    await tx.session.flush()
    _record(tx, "consent.entered_in_error", person, reason=command.reason, consent=number)
    return await queries.participant(tx, person.code)


def _person(tx: Tx) -> int:
    if tx.actor.user_id is None:
        raise Forbidden("Only a person records consent: log in.")
    return tx.actor.user_id


def _record(tx: Tx, verb: str, person: Participant, *, reason: str | None = None, **details: object) -> None:
    tx.record(
        verb,
        subject="participant",
        subject_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
        reason=reason,
        **details,
    )
