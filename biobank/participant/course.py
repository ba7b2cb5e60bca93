"""What changes about a participant in the course of a study: the cohort, and the day that study days count from."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.errors import Conflict, NotFound
from biobank.participant import queries, rules
from biobank.participant.models import CohortMembership, Participant
from biobank.participant.planning import plan_visits
from biobank.participant.queries import ParticipantView
from biobank.study.commands import Code
from biobank.study.models import Cohort, Site
from biobank.study.rules import check_not_future
from biobank.tx import Tx

Reason = Annotated[str, Field(min_length=3, max_length=400)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class MoveCohort(Command):
    """From a day on the participant belongs to another cohort."""

    cohort: Code
    from_on: date
    reason: Reason


class CorrectT0(Command):
    """The day from which study days count was recorded wrongly. Visits that are open are planned anew from it."""

    t0: date
    reason: Reason


async def move_cohort(tx: Tx, code: str, command: MoveCohort) -> ParticipantView:
    """Move a participant to another cohort from a day on; the membership before ends on that day and stays on record.

    Raises:
        NotFound: the study has no such cohort.
        Conflict: the participant belongs to it already.
        Invalid: the day lies ahead, before the enrolment, or before the present membership began.
    """
    person = await queries.find_participant(tx, code, Permission.PARTICIPANT_ENROL, lock=True)
    cohort = (
        await tx.session.execute(
            select(Cohort).where(Cohort.study_id == person.study_id, Cohort.code == command.cohort)
        )
    ).scalar_one_or_none()
    if cohort is None:
        raise NotFound(f"The study has no cohort {command.cohort}.", cohort=command.cohort)
    check_not_future(command.from_on, tx.now, await _timezone(tx, person), "from_on")
    present = (
        await tx.session.execute(
            select(CohortMembership)
            .where(CohortMembership.participant_id == person.id, CohortMembership.to_on.is_(None))
            .with_for_update()
        )
    ).scalar_one_or_none()
    if present is not None and present.cohort_id == cohort.id:
        raise Conflict(
            f"The participant belongs to {cohort.code} already, since {present.from_on.isoformat()}.",
            cohort=cohort.code,
        )
    rules.check_move(command.from_on, person.enrolled_on, None if present is None else present.from_on)
    if present is not None:
        present.to_on = command.from_on
        await tx.session.flush()
    membership = {
        "participant_id": person.id,
        "cohort_id": cohort.id,
        "study_id": person.study_id,
        "from_on": command.from_on,
    }
    (membership_id,) = await tx.insert(CohortMembership, [membership])
    tx.record(
        "cohort.moved",
        subject="cohort_membership",
        subject_id=membership_id,
        study_id=person.study_id,
        site_id=person.site_id,
        reason=command.reason,
        cohort=cohort.code,
    )
    return await queries.participant(tx, person.code)


async def correct_t0(tx: Tx, code: str, command: CorrectT0) -> ParticipantView:
    """Correct a participant's T0 and plan the open visits from it. What took place keeps its day and its window.

    Raises:
        Invalid: the day lies ahead or far from the enrolment.
    """
    person = await queries.find_participant(tx, code, Permission.PARTICIPANT_ENROL, lock=True)
    check_not_future(command.t0, tx.now, await _timezone(tx, person), "t0")
    rules.check_t0(command.t0, person.enrolled_on)
    before = person.t0
    person.t0 = command.t0
    person.row_version += 1
    await tx.session.flush()
    await plan_visits(tx, person.study_id, [person.id], anew=True)
    tx.record(
        "participant.t0_corrected",
        subject="participant",
        subject_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
        reason=command.reason,
        days=(command.t0 - before) // timedelta(days=1),
    )
    return await queries.participant(tx, person.code)


async def _timezone(tx: Tx, person: Participant) -> str:
    return (await tx.session.execute(select(Site.timezone).where(Site.id == person.site_id))).scalar_one()
