"""Participants, what they consented to, and their visits: pure values, drawn from chance, nothing written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from biobank import ids
from biobank.demo import plan
from biobank.demo.chance import Minter, at, stream

WITHDRAWN_EVERY = 60
_DENIABLE = (
    ("commercial_use", 0.18),
    ("return_of_results", 0.10),
    ("genetic_wgs", 0.05),
    ("microbiome", 0.06),
    ("open_data_sharing", 0.25),
)
_RETENTION = 0.82
_OVERDUE_DAYS = 60
_EARLY, _LATE = timedelta(days=5), timedelta(days=10)
"""Nobody comes on the first or last days of a window."""
_QUIET_DAYS = 90
"""A participant who withdraws was last seen this long ago, so that nothing of theirs is under way."""


@dataclass(frozen=True, slots=True)
class Term:
    """When the protocol plans a visit: the day from T0 and the window around it; no day where it is unscheduled."""

    day: int | None
    before: timedelta
    after: timedelta


@dataclass(slots=True)
class VisitPlan:
    """A visit as it went. `done` is None for one that is still planned or was missed; `flare` tells how active the
    disease was.
    """

    type: str
    number: int
    planned: date | None
    done: date | None
    status: str
    flare: bool = False
    id: int = 0


@dataclass(slots=True)
class Person:
    """A made-up participant. `levels` holds the concentration in U/mL of each autoantibody of the panel outside a
    flare.
    """

    index: int
    code: str
    site: plan.SitePlan
    cohort: str
    enrolled: date
    year_of_birth: int
    sex: str
    language: str
    consent: str
    signed: datetime
    denied: frozenset[str]
    levels: dict[str, float]
    withdrawn: datetime | None = None
    visits: list[VisitPlan] = field(default_factory=list)
    id: int = 0


def make_people(count: int, seed: int, as_of: date, terms: Mapping[str, Term], minter: Minter) -> list[Person]:
    """All participants of the study, in the order of their enrolment; `terms` are those of the protocol's visits."""
    people = [_person(index, count, seed, as_of, terms, minter) for index in range(count)]
    return sorted(people, key=lambda person: (person.enrolled, person.index))


def _person(index: int, count: int, seed: int, as_of: date, terms: Mapping[str, Term], minter: Minter) -> Person:
    chance = stream(seed, "person", index)
    withdraws = index % WITHDRAWN_EVERY == min(WITHDRAWN_EVERY, count) - 1
    recent = not withdraws and index % max(3, min(8, count // 8)) == 0
    start = as_of - timedelta(days=plan.STUDY_DAYS)
    seen_last: date | None = None
    if recent:
        # Seen within the last weeks, so that there is always work on the benches and on the road.
        years = chance.randint(0, 5)
        seen_last = as_of - timedelta(days=chance.randint(2, 18))
        enrolled = seen_last - timedelta(days=365 * years + chance.randint(0, 10))
    else:
        enrolled = start + timedelta(days=int((plan.STUDY_DAYS - 120) * chance.random() ** 3.0))
    # The first of every clinic's participants stand in turn, so that small studies have all sites.
    site = plan.CLINICS[index % len(plan.CLINICS)] if index < len(plan.CLINICS) else _weighted(chance, plan.CLINICS)
    cohort = (
        plan.COHORTS[index % 4][0]
        if index < 4
        else chance.choices([c[0] for c in plan.COHORTS], [c[2] for c in plan.COHORTS])[0]
    )
    day = (enrolled - start).days
    version = next(name for name, begins, ends in plan.CONSENTS if begins <= day and (ends is None or day < ends))
    person = Person(
        index=index,
        code=minter(ids.Kind.PARTICIPANT),
        site=site,
        cohort=cohort,
        enrolled=enrolled,
        year_of_birth=enrolled.year - int(chance.triangular(18, 78, 38)),
        sex="female" if chance.random() < 0.9 else "male",
        language="fr" if site.country == "CA" and chance.random() < 0.25 else "es" if chance.random() < 0.08 else "en",
        consent=version,
        signed=at(enrolled, site.timezone, chance.randint(8 * 60 + 30, 10 * 60)),
        denied=_denied(chance, site),
        levels=_levels(chance),
    )
    person.visits = _visits(
        chance, person, terms, as_of, seen_last, as_of - timedelta(days=_QUIET_DAYS) if withdraws else None
    )
    if withdraws:
        person.withdrawn = at(
            as_of - timedelta(days=chance.randint(20, 60)), site.timezone, chance.randint(9 * 60, 16 * 60)
        )
    return person


def _weighted(chance: Random, sites: Sequence[plan.SitePlan]) -> plan.SitePlan:
    return chance.choices(sites, [site.share for site in sites])[0]


def _denied(chance: Random, site: plan.SitePlan) -> frozenset[str]:
    # Tubes of Canadian clinics go to the repository in the United States: who refuses that is not enrolled there.
    refused = {scope for scope, share in _DENIABLE if chance.random() < share}
    if site.country == plan.CENTRAL.country and chance.random() < 0.06:
        refused.add("international_transfer")
    return frozenset(refused)


def _levels(chance: Random) -> dict[str, float]:
    """A healthy background, or a positive level spread over about a decade."""
    return {
        analyte.code: analyte.level * chance.lognormvariate(0.0, 0.8)
        if chance.random() < analyte.prevalence
        else chance.lognormvariate(1.2, 0.7)
        for analyte in plan.PANEL
    }


def _visits(
    chance: Random,
    person: Person,
    terms: Mapping[str, Term],
    as_of: date,
    seen_last: date | None,
    quiet_from: date | None,
) -> list[VisitPlan]:
    last_day = quiet_from or as_of - timedelta(days=2)
    visits = [VisitPlan(plan.BASELINE, 1, person.enrolled, person.enrolled, "done", person.cohort in {"ALN", "ERF"})]
    followed = True
    for code, term in terms.items():
        if not term.day:
            continue
        planned = person.enrolled + timedelta(days=term.day)
        if seen_last is not None and abs(seen_last - planned) <= term.before:
            visits.append(VisitPlan(code, 1, planned, seen_last, "done", chance.random() < 0.15))
            continue
        done = planned + timedelta(days=chance.randint(_EARLY.days - term.before.days, term.after.days - _LATE.days))
        if planned > last_day or done > last_day:
            break
        followed = followed and chance.random() < _RETENTION + (0.15 if seen_last else 0)
        if followed:
            visits.append(VisitPlan(code, 1, planned, done, "done", chance.random() < 0.15))
        elif quiet_from is not None or planned + term.after <= as_of - timedelta(days=_OVERDUE_DAYS):
            visits.append(VisitPlan(code, 1, planned, None, "missed"))
        else:
            break  # overdue: nobody has closed it yet
    visits += _unscheduled(chance, person, last_day)
    return sorted(visits, key=lambda visit: (visit.done or visit.planned or as_of, visit.type))


def _unscheduled(chance: Random, person: Person, last_day: date) -> list[VisitPlan]:
    """Flares, about one in three years of follow-up and more in the active cohorts, and biopsies where nephritis
    is active.
    """
    visits: list[VisitPlan] = []
    day, number = person.enrolled, 0
    every = 650 if person.cohort in {"ALN", "ERF"} else 1_100
    while (day := day + timedelta(days=60 + int(chance.expovariate(1 / every)))) <= last_day:
        number += 1
        visits.append(VisitPlan(plan.FLARE, number, None, day, "done", flare=True))
    if person.cohort == "ALN":
        biopsy = person.enrolled + timedelta(days=chance.randint(5, 28))
        if biopsy <= last_day:
            visits.append(VisitPlan(plan.BIOPSY, 1, None, biopsy, "done", flare=True))
    return visits
