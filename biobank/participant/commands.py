"""Enrolling participants. Consent is in `consents.py`, visits are in `visiting.py`."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.participant import queries, rules
from biobank.participant.models import CohortMembership, Participant
from biobank.participant.planning import plan_visits
from biobank.participant.queries import ParticipantView
from biobank.study.commands import Code
from biobank.study.models import Cohort, Site
from biobank.study.queries import study_and_site
from biobank.study.rules import check_not_future
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


async def timezone_of(tx: Tx, person: Participant) -> str:
    """The zone of the participant's site."""
    return (await tx.session.execute(select(Site.timezone).where(Site.id == person.site_id))).scalar_one()
