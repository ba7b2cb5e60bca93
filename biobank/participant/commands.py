"""Enrolling participants, recording consent and withdrawal. Visits are in `visiting.py`."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.participant import queries, rules
from biobank.participant.models import CohortMembership, Consent, ConsentDecision, Participant, Withdrawal
from biobank.participant.planning import plan_visits
from biobank.participant.queries import ParticipantView
from biobank.study.commands import Code
from biobank.study.models import Cohort, ConsentDocument, ConsentScope, Site
from biobank.study.queries import study_and_site
from biobank.study.rules import check_not_future, today
from biobank.tx import Tx


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Enrol(Command):
    """A new participant. No name, birth date or record number: the pseudonym is drawn at random."""

    study: Code
    site: Code
    cohort: Code | None = None
    enrolled_on: date
    year_of_birth: Annotated[int | None, Field(ge=1900, le=2100)] = None
    sex_at_birth: Literal["female", "male", "intersex", "unknown"] | None = None


class RecordConsent(Command):
    """The decisions on a signed form, scope by scope. Scopes that are not named were not asked."""

    version: str
    language: str = "en"
    signed_at: AwareDatetime
    granted: tuple[str, ...]
    denied: tuple[str, ...] = ()


class Withdraw(Command):
    level: Literal["no_contact", "no_access", "no_further_use", "destroy"]
    effective_at: AwareDatetime


async def enrol(tx: Tx, command: Enrol) -> ParticipantView:
    """Enrol a participant under a fresh pseudonym, with the visits that the protocol plans. T0 is the day of
    enrolment.
    """
    study, site = await study_and_site(tx, command.study, command.site, Permission.PARTICIPANT_ENROL)
    check_not_future(command.enrolled_on, tx.now, site.timezone, "enrolled_on")
    rules.check_born_before(command.year_of_birth, command.enrolled_on)
    person = Participant(
        code=ids.mint(ids.Kind.PARTICIPANT, tx.randomness),
        study_id=study.id,
        site_id=site.id,
        status="enrolled",
        enrolled_on=command.enrolled_on,
        t0=command.enrolled_on,
        year_of_birth=command.year_of_birth,
        sex_at_birth=command.sex_at_birth,
    )
    tx.session.add(person)
    await tx.session.flush()
    if command.cohort is not None:
        cohort_id = (
            await tx.session.execute(
                select(Cohort.id).where(Cohort.study_id == study.id, Cohort.code == command.cohort)
            )
        ).scalar_one_or_none()
        if cohort_id is None:
            raise NotFound(f"Study {study.code} has no cohort {command.cohort}.", cohort=command.cohort)
        membership = {
            "participant_id": person.id,
            "cohort_id": cohort_id,
            "study_id": study.id,
            "from_on": command.enrolled_on,
        }
        await tx.insert(CohortMembership, [membership])
    await plan_visits(tx, study.id, [person.id])
    tx.record("participant.enrolled", subject="participant", subject_id=person.id, study_id=study.id, site_id=site.id)
    return await queries.participant(tx, person.code)


async def record_consent(tx: Tx, code: str, command: RecordConsent) -> ParticipantView:
    """Record a signed consent; it supersedes the one signed before it, which stays on record.

    A form that turns up late, signed before the present one, is kept as superseded from the start.
    """
    person = await queries.find_participant(tx, code, Permission.CONSENT_RECORD, lock=True)
    document = (
        await tx.session.execute(
            select(ConsentDocument).where(
                ConsentDocument.study_id == person.study_id,
                ConsentDocument.version == command.version,
                ConsentDocument.language == command.language,
            )
        )
    ).scalar_one_or_none()
    if document is None:
        raise NotFound(
            f"The study has no consent form {command.version} in {command.language}.", version=command.version
        )
    if command.signed_at > tx.now:
        raise Invalid("A consent cannot be signed in the future.", errors={"signed_at": "lies in the future"})
    timezone = await _timezone(tx, person)
    signed_on = today(command.signed_at, timezone)
    rules.check_form_approved(document.version, document.approved_from, document.approved_to, signed_on)
    await _check_scopes(tx, command)
    present = (Consent.participant_id == person.id, Consent.superseded_at.is_(None))
    signed = (await tx.session.execute(select(Consent.signed_at).where(*present))).scalar_one_or_none()
    is_late = signed is not None and command.signed_at < signed
    if not is_late:
        await tx.session.execute(update(Consent).where(*present).values(superseded_at=tx.now))
    (consent_id,) = await tx.insert(
        Consent,
        [
            {
                "participant_id": person.id,
                "study_id": person.study_id,
                "document_id": document.id,
                "signed_at": command.signed_at,
                "effective_from": command.signed_at,
                "recorded_by": tx.actor.user_id,
                "superseded_at": tx.now if is_late else None,
            }
        ],
    )
    decided = [(scope, "granted") for scope in command.granted] + [(scope, "denied") for scope in command.denied]
    await tx.insert(
        ConsentDecision,
        [{"consent_id": consent_id, "scope_code": scope, "decision": decision} for scope, decision in decided],
    )
    tx.record(
        "consent.recorded",
        subject="participant",
        subject_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
    )
    return await queries.participant(tx, person.code)


async def _timezone(tx: Tx, person: Participant) -> str:
    return (await tx.session.execute(select(Site.timezone).where(Site.id == person.site_id))).scalar_one()


async def _check_scopes(tx: Tx, command: RecordConsent) -> None:
    named = [*command.granted, *command.denied]
    if len(named) != len(set(named)):
        raise Invalid(
            "A scope is named twice: it is either granted or denied.", errors={"denied": "names a scope twice"}
        )
    known = set((await tx.session.execute(select(ConsentScope.code))).scalars())
    unknown = sorted(set(named) - known)
    if unknown:
        raise Invalid(
            f"There is no scope {', '.join(unknown)}: choose from {', '.join(sorted(known))}.",
            errors={"granted": "names an unknown scope"},
        )


async def withdraw(tx: Tx, code: str, command: Withdraw) -> ParticipantView:
    """Record a withdrawal. From this commit on the consent gate refuses everything that the level forbids."""
    person = await queries.find_participant(tx, code, Permission.CONSENT_RECORD, lock=True)
    if command.effective_at > tx.now:
        raise Invalid("A withdrawal cannot take effect in the future.", errors={"effective_at": "lies in the future"})
    await tx.insert(
        Withdrawal,
        [
            {
                "participant_id": person.id,
                "level": command.level,
                "effective_at": command.effective_at,
                "recorded_by": tx.actor.user_id,
            }
        ],
    )
    if command.level in rules.STOPPING_LEVELS:
        person.status = "withdrawn"
        person.row_version += 1
        await tx.session.flush()
    tx.record(
        "participant.withdrawn",
        subject="participant",
        subject_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
        level=command.level,
    )
    return await queries.participant(tx, person.code)
