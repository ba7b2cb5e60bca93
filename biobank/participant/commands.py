"""Setting up a study, enrolling participants, recording consent, withdrawal and visits."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Forbidden, Invalid, NotFound
from biobank.participant import queries, rules
from biobank.participant.models import (
    Cohort,
    CohortMembership,
    Consent,
    ConsentDecision,
    ConsentDocument,
    ConsentScope,
    Participant,
    Site,
    Study,
    StudySite,
    Visit,
    VisitType,
    Withdrawal,
)
from biobank.participant.queries import ParticipantView, StudyView
from biobank.tx import Tx

Code = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$", description="2 to 16 capital letters, digits or hyphens.")
]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CohortSpec(Command):
    code: Code
    title: Title


class VisitTypeSpec(Command):
    """A visit on `planned_day` from T0 with a window in days, or an unscheduled one without a planned day."""

    code: Code
    title: Title
    planned_day: int | None = None
    days_before: Annotated[int, Field(ge=0, le=3650)] = 0
    days_after: Annotated[int, Field(ge=0, le=3650)] = 0


class ConsentDocumentSpec(Command):
    version: Annotated[str, Field(min_length=1, max_length=40)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "en"
    approved_from: date
    approved_to: date | None = None


class CreateStudy(Command):
    code: Code
    title: Title
    protocol_no: Annotated[str | None, Field(max_length=80)] = None
    registry_no: Annotated[str | None, Field(max_length=80)] = None
    cohorts: tuple[CohortSpec, ...] = ()
    visit_types: tuple[VisitTypeSpec, ...] = ()
    consent_documents: tuple[ConsentDocumentSpec, ...] = ()


class AddSite(Command):
    """A site that joins a study. Its contact stands on manifests; one known from another study keeps what it has."""

    code: Code
    name: Title
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
    timezone: str
    address: Annotated[str, Field(min_length=1, max_length=500)]
    contact: Annotated[
        str,
        Field(
            min_length=1, max_length=200, description="The role or desk that answers, for example Biorepository desk."
        ),
    ]
    phone: Annotated[str, Field(min_length=3, max_length=40)]


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


class RecordVisit(Command):
    type: Code
    occurred_on: date


async def create_study(tx: Tx, command: CreateStudy) -> StudyView:
    """Set up a study with its cohorts, visit types and consent forms. An administrator's deed."""
    if not tx.scope(Permission.STUDY_MANAGE).everything:
        raise Forbidden("Only an administrator sets up a study.")
    study = Study(
        code=command.code, title=command.title, protocol_no=command.protocol_no, registry_no=command.registry_no
    )
    tx.session.add(study)
    await tx.session.flush()
    await tx.insert(Cohort, [{"study_id": study.id, **spec.model_dump()} for spec in command.cohorts])
    await tx.insert(VisitType, [{"study_id": study.id, **spec.model_dump()} for spec in command.visit_types])
    await tx.insert(
        ConsentDocument, [{"study_id": study.id, **spec.model_dump()} for spec in command.consent_documents]
    )
    tx.record("study.created", subject="study", subject_id=study.id, study_id=study.id)
    return await queries.study_view(tx, study)


async def add_site(tx: Tx, study_code: str, command: AddSite) -> StudyView:
    """Let a site take part in a study; the site is made where it does not exist yet."""
    rules.check_timezone(command.timezone)
    study = await queries.study_by_code(tx, study_code, Permission.STUDY_MANAGE)
    site_id = (await tx.session.execute(select(Site.id).where(Site.code == command.code))).scalar_one_or_none()
    if site_id is None:
        (site_id,) = await tx.insert(Site, [command.model_dump()])
    await tx.insert(StudySite, [{"study_id": study.id, "site_id": site_id}])
    tx.record("site.joined", subject="site", subject_id=site_id, study_id=study.id, site_id=site_id)
    return await queries.study_view(tx, study)


async def enrol(tx: Tx, command: Enrol) -> ParticipantView:
    """Enrol a participant under a fresh pseudonym. T0 is the day of enrolment."""
    study, site = await queries.study_and_site(tx, command.study, command.site, Permission.PARTICIPANT_ENROL)
    rules.check_not_future(command.enrolled_on, tx.now, site.timezone, "enrolled_on")
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
    signed_on = rules.today(command.signed_at, timezone)
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


async def record_visit(tx: Tx, code: str, command: RecordVisit) -> ParticipantView:
    """Record that a visit took place. Unscheduled types may repeat; a planned visit happens once."""
    person = await queries.find_participant(
        tx, code, Permission.VISIT_RECORD, lock=True
    )  # two flares are numbered in turn
    kind = (
        await tx.session.execute(
            select(VisitType).where(VisitType.study_id == person.study_id, VisitType.code == command.type)
        )
    ).scalar_one_or_none()
    if kind is None:
        raise NotFound(f"The study has no visit type {command.type}.", type=command.type)
    rules.check_not_future(command.occurred_on, tx.now, await _timezone(tx, person), "occurred_on")
    if command.occurred_on < person.enrolled_on:
        raise Invalid(
            "A visit lies on or after the day of enrolment.", errors={"occurred_on": "lies before the enrolment"}
        )
    number = 1
    if kind.planned_day is None:
        same = select(func.coalesce(func.max(Visit.number), 0)).where(
            Visit.participant_id == person.id, Visit.visit_type_id == kind.id
        )
        number = (await tx.session.execute(same)).scalar_one() + 1
    (visit_id,) = await tx.insert(
        Visit,
        [
            {
                "participant_id": person.id,
                "study_id": person.study_id,
                "site_id": person.site_id,
                "visit_type_id": kind.id,
                "number": number,
                "status": "done",
                "occurred_on": command.occurred_on,
            }
        ],
    )
    tx.record("visit.recorded", subject="visit", subject_id=visit_id, study_id=person.study_id, site_id=person.site_id)
    return await queries.participant(tx, person.code)
