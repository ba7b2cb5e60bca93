"""Writing participants with their consents and visits."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from biobank.db import Database
from biobank.demo import plan
from biobank.demo.bulk import Bulk
from biobank.demo.chance import at
from biobank.demo.house import House
from biobank.demo.people import Person, VisitPlan
from biobank.participant.planning import plan_visits
from biobank.tx import Tx, open_tx

_PARTICIPANT = "code study_id site_id status enrolled_on t0 year_of_birth sex_at_birth"
_CONSENT = "participant_id study_id document_id signed_at effective_from recorded_at recorded_by"
_VISIT = (
    "participant_id study_id site_id visit_type_id number status planned_on window_from window_to occurred_on "
    "status_reason protocol_version_id fasting finished_at finished_by"
)
_UNFINISHED_DAYS = 3
"""The tubes of the youngest visits are still being worked on."""
_FILED = timedelta(minutes=45)
"""After the signature the coordinator enters the consent."""


async def write_people(database: Database, house: House, people: Sequence[Person]) -> None:
    """Participants of one transaction; their keys and those of their visits are kept on them."""
    async with open_tx(database, house.actors["coordinator"]) as tx:
        bulk = await Bulk.of(tx)
        await _write_participants(tx, bulk, house, people)
        await _write_consents(bulk, house, people)
        await _write_visits(tx, bulk, house, people)


async def _write_participants(tx: Tx, bulk: Bulk, house: House, people: Sequence[Person]) -> None:
    rows = [
        (
            person.code,
            house.study,
            house.sites[person.site.code],
            _status(person),
            person.enrolled,
            person.enrolled,
            person.year_of_birth,
            person.sex,
        )
        for person in people
    ]
    for person, key in zip(people, await bulk.insert("participant", _PARTICIPANT, rows), strict=True):
        person.id = key
        site = house.sites[person.site.code]
        tx.record("participant.enrolled", subject="participant", subject_id=key, study_id=house.study, site_id=site)
    await bulk.copy(
        "participant_alias",
        "participant_id system value",
        [(person.id, "EDC", f"{plan.STUDY}-{person.site.code}-{person.index + 1:05d}") for person in people],
    )
    await bulk.copy(
        "cohort_membership",
        "participant_id cohort_id study_id from_on",
        [(person.id, house.cohorts[person.cohort], house.study, person.enrolled) for person in people],
    )


def _status(person: Person) -> str:
    return (
        "followed"
        if any(visit.status == "done" and visit.type != plan.BASELINE for visit in person.visits)
        else "enrolled"
    )


async def _write_consents(bulk: Bulk, house: House, people: Sequence[Person]) -> None:
    """Every scope of the form was asked."""
    clerk = house.users["coordinator"]
    consents = await bulk.insert(
        "consent",
        _CONSENT,
        [
            (
                person.id,
                house.study,
                house.documents[person.consent, person.language],
                person.signed,
                person.signed,
                person.signed + _FILED,
                clerk,
            )
            for person in people
        ],
    )
    await bulk.copy(
        "consent_decision",
        "consent_id scope_code decision",
        [
            (consent, scope, "denied" if scope in person.denied else "granted")
            for consent, person in zip(consents, people, strict=True)
            for scope in house.scopes
        ],
    )


async def _write_visits(tx: Tx, bulk: Bulk, house: House, people: Sequence[Person]) -> None:
    """Visits that took place or were due; the protocol itself plans all that are to come."""
    visits = [(person, visit) for person in people for visit in person.visits]
    rows = [
        (
            person.id,
            house.study,
            house.sites[person.site.code],
            house.visit_types[visit.type],
            visit.number,
            visit.status,
            *_window(house, visit),
            visit.done,
            "Did not come" if visit.status == "missed" else None,
            *_course(house, person, visit),
        )
        for person, visit in visits
    ]
    for (_, visit), key in zip(visits, await bulk.insert("visit", _VISIT, rows), strict=True):
        visit.id = key
    await plan_visits(tx, house.study, [person.id for person in people])


def _window(house: House, visit: VisitPlan) -> tuple[date | None, date | None, date | None]:
    """The planned day and its window; none of an unscheduled visit."""
    if visit.planned is None:
        return None, None, None
    term = house.planned.terms[visit.type]
    return visit.planned, visit.planned - term.before, visit.planned + term.after


def _course(house: House, person: Person, visit: VisitPlan) -> tuple[int, bool | None, datetime | None, int | None]:
    """By which protocol a visit went, whether the participant had fasted, and when all its tubes were accounted for."""
    version = house.planned.version
    if visit.done is None:
        return version, None, None, None
    fasting = (person.index + visit.done.toordinal()) % 4 > 0
    if visit.done > house.as_of - timedelta(days=_UNFINISHED_DAYS):
        return version, fasting, None, None
    return version, fasting, at(visit.done, person.site.timezone, 17 * 60), house.staff(person.site.code)
