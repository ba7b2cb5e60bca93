"""Participants on pages: the list, enrolment and visits.

The participant's own page shows tubes too, so it lives with them in `specimen/pages.py`.
"""

from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.participant import commands, queries, visiting
from biobank.participant.models import PARTICIPANT_STATUSES
from biobank.participant.queries import ParticipantView
from biobank.protocol.queries import planned_visits
from biobank.study import queries as study_queries
from biobank.study.rules import today
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]


def chips(path: str, filters: dict[str, str | None]) -> list[dict[str, str]]:
    """The filters in force, each with the address of the list without it."""
    active = {name: value for name, value in filters.items() if value}
    return [
        {
            "label": f"{name}: {value}",
            "remove_href": f"{path}?{urlencode({other: kept for other, kept in active.items() if other != name})}",
        }
        for name, value in active.items()
    ]


def next_page(path: str, filters: dict[str, str | None], after: int | None) -> str | None:
    """The address of the page that begins after this key; None on the last page."""
    if after is None:
        return None
    return f"{path}?{urlencode({name: value for name, value in filters.items() if value} | {'after': after})}"


def local_input(moment: datetime, timezone: str) -> str:
    """A moment as a time field takes it: the site's clock, to the minute."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M")


async def _choices(tx: ReadTx) -> dict[str, Any]:
    """Studies, sites and cohorts within reach, as options of a form."""
    studies = await study_queries.studies(tx)
    sites = {site.code: f"{site.code}, {site.name}" for study in studies for site in study.sites}
    cohorts = {cohort.code: cohort.title for study in studies for cohort in study.cohorts}
    return {
        "study_options": [(study.code, study.code) for study in studies],
        "site_options": sorted(sites.items()),
        "cohort_options": list(cohorts.items()),
        "place_options": [
            (f"{study.code}/{site.code}", f"{study.code}: {site.name}") for study in studies for site in study.sites
        ],
    }


@get(
    "/participants",
    operation_id="participantsPage",
    opt={"permission": Permission.PARTICIPANT_READ},
    include_in_schema=False,
)
async def participants(
    request: Here,
    tx: Reading,
    *,
    study: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    cohort: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    filters = {"study": study, "site": site, "cohort": cohort, "status": status}
    found = await queries.participants(
        tx, study=study or None, site=site or None, cohort=cohort or None, status=status or None, after=after
    )
    return page(
        request,
        "participant/list.html",
        title="Participants",
        found=found,
        filters=filters,
        chips=chips("/participants", filters),
        next_href=next_page("/participants", filters, found.next),
        status_options=[(status, status.replace("_", " ").capitalize()) for status in PARTICIPANT_STATUSES],
        **await _choices(tx),
    )


@get(
    "/participants/new",
    operation_id="enrolPage",
    opt={"permission": Permission.PARTICIPANT_ENROL},
    include_in_schema=False,
)
async def enrol_page(request: Here, tx: Reading) -> Template:
    return page(request, "participant/new.html", title="Enrol a participant", **await _enrolment(tx))


async def _enrolment(tx: ReadTx) -> dict[str, Any]:
    """The day is the one at the westernmost of the sites: nobody is offered a day that has not begun."""
    zones = {site.timezone for study in await study_queries.studies(tx) for site in study.sites}
    return {"today": min((today(tx.now, zone) for zone in zones), default=tx.now.date()), **await _choices(tx)}


@post(
    "/participants/new",
    operation_id="enrolForm",
    opt={"permission": Permission.PARTICIPANT_ENROL},
    include_in_schema=False,
    status_code=303,
)
async def enrol(tx: Writing, data: Form) -> Redirect:
    with shown_again("participant/new.html", title="Enrol a participant", values=data, **await _enrolment(tx)):
        study, _, site = data.get("place", "").partition("/")
        command = parse_form(commands.Enrol, data, study=study, site=site)
        made = await tx.once(form_key(data), command, ParticipantView, lambda: commands.enrol(tx, command))
    return Redirect(f"/participants/{made.code}", status_code=303)


async def _visit_options(tx: ReadTx, study_id: int, person: ParticipantView, day: date) -> list[tuple[str, str]]:
    """The visits of a participant that are open, and those that the protocol lets repeat or that nobody planned."""
    known = {one.type for one in person.visits if one.window_from is not None}
    planned = [
        (one.type, f"{one.title}, {one.window_from} to {one.window_to}")
        for one in person.visits
        if one.window_from is not None and one.status in {"planned", "missed"}
    ]
    others = await planned_visits(tx, study_id, day)
    return planned + [(code, title) for code, title, scheduled in others if not scheduled or code not in known]


async def _visit(tx: ReadTx, code: str) -> dict[str, Any]:
    person = await queries.participant(tx, code)
    study = await study_queries.study_by_code(tx, person.study, Permission.PARTICIPANT_READ)
    day = today(tx.now, person.timezone)
    return {
        "person": person,
        "type_options": await _visit_options(tx, study.id, person, day),
        "today": day,
        "site_tz": person.timezone,
    }


@get(
    "/participants/{code:str}/visit",
    operation_id="visitPage",
    opt={"permission": Permission.VISIT_RECORD},
    include_in_schema=False,
)
async def visit_page(
    request: Here, tx: Reading, code: FromPath[str], kind: Annotated[str, QueryParameter(name="type")] = ""
) -> Template:
    return page(request, "participant/visit.html", title="Record a visit", chosen=kind, **await _visit(tx, code))


@post(
    "/participants/{code:str}/visit",
    operation_id="visitForm",
    opt={"permission": Permission.VISIT_RECORD},
    include_in_schema=False,
    status_code=303,
)
async def visit(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _visit(tx, code)
    person: ParticipantView = view["person"]
    with shown_again("participant/visit.html", title="Record a visit", values=data, chosen="", **view):
        command = parse_form(visiting.RecordVisit, data)
        after = await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: visiting.record_visit(tx, person.code, command),
            of=person.code,
        )
    number = max(one.number for one in after.visits if one.type == command.type and one.status == "done")
    return Redirect(f"/participants/{person.code}/visits/{command.type}/{number}#tubes", status_code=303)


router = Router(
    "/",
    route_handlers=[
        participants,
        enrol_page,
        enrol,
        visit_page,
        visit,
    ],
)
