"""Planned visits by urgency: overdue, due now, coming up, by the clock of each site; and those that are under way."""

from datetime import date, datetime, timedelta
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Date, Select, case, cast, func, literal, or_, select

from biobank import csvfile
from biobank.actor import Permission
from biobank.db import visible
from biobank.paging import Page, cut
from biobank.participant.models import CohortMembership, Participant, Visit
from biobank.participant.queries import ParticipantView, VisitView
from biobank.study.models import Cohort, Site, Study, VisitType
from biobank.study.rules import today
from biobank.tx import ReadTx

State = Literal["overdue", "due", "upcoming"]
AHEAD = 14
"""So many days a visit is announced before its window opens, unless the reader asks for more or fewer."""
MOST_IN_A_FILE = 50_000
UNFINISHED = 14
"""So many days a visit that took place is called for until somebody finishes it."""

_STEP = 10**10


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class DueVisit(View):
    """A planned visit. `days` are left until the window closes (negative: since it closed); `key` pages the list and
    is not shown.
    """

    key: Annotated[int, Field(exclude=True)]
    participant: str
    study: str
    site: str
    timezone: str
    cohort: str | None
    type: str
    title: str
    number: int
    planned_on: date
    window_from: date
    window_to: date
    state: State
    days: int


class DueCount(View):
    """How many visits of a site are overdue, due and coming up on its day `today`."""

    study: str
    site: str
    name: str
    today: date
    overdue: int
    due: int
    upcoming: int


class VisitUnderWay(View):
    """A visit that took place and is not finished: its tubes are not all accounted for."""

    participant: str
    study: str
    site: str
    cohort: str | None
    type: str
    title: str
    number: int
    occurred_on: date


class DueFilter(View):
    study: str | None = None
    site: str | None = None
    state: State | None = None
    ahead: Annotated[int, Field(ge=0, le=366)] = AHEAD


def _today(tx: ReadTx) -> Any:
    return cast(func.timezone(Site.timezone, literal(tx.now)), Date)


def _shown(tx: ReadTx, what: DueFilter, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Open visits within reach whose window is over, open or about to open."""
    today = _today(tx)
    # No site is more than a day ahead of UTC: a bound that an index can use, since most planned visits lie far ahead.
    latest = tx.now.date() + timedelta(days=1)
    query = query.where(
        Visit.status == "planned",
        Visit.window_from <= latest + timedelta(days=what.ahead),
        Visit.window_from <= today + what.ahead,
        visible(tx.scope(Permission.PARTICIPANT_READ), Visit.study_id, Visit.site_id),
    )
    if what.study:
        query = query.where(Study.code == what.study)
    if what.site:
        query = query.where(Site.code == what.site)
    match what.state:
        case "overdue":
            query = query.where(Visit.window_to < today)
        case "due":
            query = query.where(Visit.window_from <= today, Visit.window_to >= today)
        case "upcoming":
            query = query.where(Visit.window_from > today)
    return query


def _rows(tx: ReadTx, what: DueFilter) -> Select[*tuple[Any, ...]]:
    today = _today(tx)
    query = (
        select(
            Visit.id,
            Participant.code.label("participant"),
            Study.code.label("study"),
            Site.code.label("site"),
            Site.timezone,
            Cohort.code.label("cohort"),
            VisitType.code.label("type"),
            VisitType.title,
            Visit.number,
            Visit.planned_on,
            Visit.window_from,
            Visit.window_to,
            case((Visit.window_to < today, "overdue"), (Visit.window_from <= today, "due"), else_="upcoming").label(
                "state"
            ),
            (Visit.window_to - today).label("days"),
        )
        .join(Participant, Participant.id == Visit.participant_id)
        .join(Study, Study.id == Visit.study_id)
        .join(Site, Site.id == Visit.site_id)
        .join(VisitType, VisitType.id == Visit.visit_type_id)
        .outerjoin(
            CohortMembership,
            (CohortMembership.participant_id == Visit.participant_id) & CohortMembership.to_on.is_(None),
        )
        .outerjoin(Cohort, Cohort.id == CohortMembership.cohort_id)
        .order_by(Visit.window_to, Visit.id)
    )
    return _shown(tx, what, query)


async def due_visits(tx: ReadTx, what: DueFilter, *, after: int = 0, limit: int = 50) -> Page[DueVisit]:
    """Planned visits within reach, the window that closes first on top."""
    query = _rows(tx, what).limit(limit + 1)
    if after:
        day, key = divmod(after, _STEP)
        last = date.fromordinal(max(1, min(day, date.max.toordinal())))
        query = query.where(or_(Visit.window_to > last, (Visit.window_to == last) & (Visit.id > key)))
    rows = [_view(row) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.key)


async def due_today(tx: ReadTx, limit: int) -> tuple[DueVisit, ...]:
    """Visits whose window is open, those that are planned for today on top, then the window that closes first."""
    ahead_of_others = Visit.planned_on != _today(tx)
    query = _rows(tx, DueFilter(state="due", ahead=0)).order_by(None)
    query = query.order_by(ahead_of_others, Visit.window_to, Visit.id).limit(limit)
    return tuple(_view(row) for row in await tx.session.execute(query))


async def under_way(
    tx: ReadTx, *, study: str | None = None, site: str | None = None, limit: int = 50
) -> tuple[VisitUnderWay, ...]:
    """Visits of the last fortnight within reach that took place and are not finished, the latest on top."""
    query = (
        select(
            Participant.code.label("participant"),
            Study.code.label("study"),
            Site.code.label("site"),
            Cohort.code.label("cohort"),
            VisitType.code.label("type"),
            VisitType.title,
            Visit.number,
            Visit.occurred_on,
        )
        .join(Participant, Participant.id == Visit.participant_id)
        .join(Study, Study.id == Visit.study_id)
        .join(Site, Site.id == Visit.site_id)
        .join(VisitType, VisitType.id == Visit.visit_type_id)
        .outerjoin(
            CohortMembership,
            (CohortMembership.participant_id == Visit.participant_id) & CohortMembership.to_on.is_(None),
        )
        .outerjoin(Cohort, Cohort.id == CohortMembership.cohort_id)
        .where(
            Visit.status == "done",
            Visit.finished_at.is_(None),
            Visit.occurred_on >= _today(tx) - UNFINISHED,
            # The same bound in UTC, less a day: one that an index can use.
            Visit.occurred_on >= tx.now.date() - timedelta(days=UNFINISHED + 1),
            visible(tx.scope(Permission.PARTICIPANT_READ), Visit.study_id, Visit.site_id),
        )
        .order_by(Visit.occurred_on.desc(), Visit.id.desc())
        .limit(limit)
    )
    if study:
        query = query.where(Study.code == study)
    if site:
        query = query.where(Site.code == site)
    return tuple(VisitUnderWay(**row._asdict()) for row in await tx.session.execute(query))


def next_visit(person: ParticipantView, now: datetime) -> VisitView | None:
    """The visit of a participant that is under way, else the first whose window is open; none of one who withdrew."""
    day = today(now, person.timezone)
    if person.status == "withdrawn":
        return None
    begun = (
        one
        for one in person.visits
        if one.occurred_on and not one.finished_at and (day - one.occurred_on).days <= UNFINISHED
    )
    due = (
        one
        for one in person.visits
        if one.status == "planned" and one.window_from and one.window_to and one.window_from <= day <= one.window_to
    )
    return next(chain(begun, due), None)


def _view(row: Any) -> DueVisit:
    values = row._asdict()
    return DueVisit(key=row.window_to.toordinal() * _STEP + values.pop("id"), **values)


async def due_counts(tx: ReadTx, what: DueFilter) -> tuple[DueCount, ...]:
    """How many there are of each kind, a line for each site within reach that has any."""
    today = _today(tx)
    query = (
        select(
            Study.code.label("study"),
            Site.code.label("site"),
            Site.name,
            today.label("today"),
            func.count().filter(Visit.window_to < today).label("overdue"),
            func.count().filter(Visit.window_from <= today, Visit.window_to >= today).label("due"),
            func.count().filter(Visit.window_from > today).label("upcoming"),
        )
        .select_from(Visit)
        .join(Study, Study.id == Visit.study_id)
        .join(Site, Site.id == Visit.site_id)
        .group_by(Study.code, Site.id)
        .order_by(Study.code, Site.code)
    )
    rows = await tx.session.execute(_shown(tx, what.model_copy(update={"state": None}), query))
    return tuple(DueCount(**row._asdict()) for row in rows)


_COLUMNS = (
    "participant",
    "study",
    "site",
    "cohort",
    "type",
    "title",
    "number",
    "planned_on",
    "window_from",
    "window_to",
    "state",
    "days",
)


async def due_csv(tx: ReadTx, what: DueFilter) -> str:
    """The same list as a table, whole."""
    found = await tx.session.execute(_rows(tx, what).limit(MOST_IN_A_FILE))
    rows = ([row._mapping[name] for name in _COLUMNS] for row in found)
    return csvfile.written(_COLUMNS, rows, end="\r\n")
