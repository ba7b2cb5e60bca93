"""Visits on pages: the list of what is due, what becomes of a planned visit, moves between cohorts, T0, and the
publication of a protocol, which plans them.
"""

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.participant import course, due, planning, queries, visiting
from biobank.participant.due import AHEAD, DueFilter
from biobank.participant.pages import chips, next_page
from biobank.participant.queries import ParticipantView
from biobank.protocol import queries as protocols
from biobank.protocol.commands import PublishDraft, managed
from biobank.protocol.queries import VersionView
from biobank.protocol.rules import NoProtocolDraft
from biobank.study import queries as study_queries
from biobank.study.rules import today
from biobank.tx import ReadTx

Here = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
READ = {"permission": Permission.PARTICIPANT_READ}
RECORD = {"permission": Permission.VISIT_RECORD}
ENROL = {"permission": Permission.PARTICIPANT_ENROL}
MANAGE = {"permission": Permission.STUDY_MANAGE}
Kind = Annotated[str | None, QueryParameter(name="state", required=False)]
DEEDS = {
    "missed": ("It was missed", visiting.miss_visit),
    "cancelled": ("It is not to take place", visiting.cancel_visit),
    "reopened": ("It is planned again", visiting.reopen_visit),
}


def _filter(study: str | None, site: str | None, state: str | None, ahead: int | None) -> DueFilter:
    """What the form of the list means; an empty field is no filter."""
    given = {"study": study, "site": site, "state": state, "ahead": ahead}
    return DueFilter.model_validate({name: value for name, value in given.items() if value not in (None, "")})


@get("/visits", operation_id="visitsPage", opt=READ, include_in_schema=False)
async def visits(
    request: Here,
    tx: Reading,
    *,
    study: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    kind: Kind = None,
    ahead: FromQuery[int | None] = None,
    after: After = 0,
) -> Template:
    what = _filter(study, site, kind, ahead)
    found = await due.due_visits(tx, what, after=after)
    filters = {"study": study, "site": site, "state": kind}
    kept = filters | {"ahead": str(what.ahead) if what.ahead != AHEAD else None}
    studies = await study_queries.studies(tx)
    return page(
        request,
        "participant/visits.html",
        title="Visits",
        found=found,
        counts=await due.due_counts(tx, what),
        under_way=await due.under_way(tx, study=study or None, site=site or None),
        what=what,
        chips=chips("/visits", kept),
        next_href=next_page("/visits", kept, found.next),
        csv_href=f"/visits.csv?{urlencode({name: value for name, value in kept.items() if value})}",
        study_options=[(one.code, one.code) for one in studies],
        site_options=sorted({one.code: f"{one.code}, {one.name}" for two in studies for one in two.sites}.items()),
    )


@get("/visits.csv", operation_id="visitsCsv", opt=READ, include_in_schema=False)
async def visits_csv(
    tx: Reading,
    study: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    kind: Kind = None,
    ahead: FromQuery[int | None] = None,
) -> Response[str]:
    """Exactly what the list shows, whole."""
    headers = {"content-disposition": f'attachment; filename="visits-{tx.now.date().isoformat()}.csv"'}
    table = await due.due_csv(tx, _filter(study, site, kind, ahead))
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


# --- one planned visit ------------------------------------------------------------------------------------------------


async def _visit(tx: ReadTx, code: str, which: str) -> dict[str, Any]:
    person = await queries.participant(tx, code)
    kind, _, number = which.partition("/")
    found = next((one for one in person.visits if (one.type, str(one.number)) == (kind, number or "1")), None)
    if found is None:
        raise NotFound("The participant has no such visit.")
    possible = ("missed", "cancelled") if found.status == "planned" else ("reopened",)
    return {
        "person": person,
        "visit": found,
        "which": which,
        "deed_options": [(deed, DEEDS[deed][0]) for deed in possible],
        "site_tz": person.timezone,
    }


@get("/participants/{code:str}/visit-plan", operation_id="visitPlanPage", opt=RECORD, include_in_schema=False)
async def visit_page(request: Here, tx: Reading, code: FromPath[str], visit: FromQuery[str] = "BASE/1") -> Template:
    view = await _visit(tx, code, visit)
    return page(request, "participant/visit_plan.html", title=view["visit"].title, **view)


@post(
    "/participants/{code:str}/visit-plan",
    operation_id="visitPlanForm",
    opt=RECORD,
    include_in_schema=False,
    status_code=303,
)
async def visit_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    """A planned visit is missed or cancelled, or a closed one is planned again."""
    view = await _visit(tx, code, data.get("visit", ""))
    person: ParticipantView = view["person"]
    with shown_again("participant/visit_plan.html", title=view["visit"].title, values=data, **view):
        deed = data.get("deed", "")
        if deed not in DEEDS:
            raise Invalid("Say what became of the visit.", errors={"deed": "is missing"})
        command = parse_form(visiting.CloseVisit, data, type=view["visit"].type, number=view["visit"].number)
        action = DEEDS[deed][1]
        await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: action(tx, person.code, command),
            of=f"{deed} {person.code}",
        )
    return Redirect(f"/participants/{person.code}", status_code=303)


# --- cohort and T0 ----------------------------------------------------------------------------------------------------


async def _course(tx: ReadTx, code: str) -> dict[str, Any]:
    person = await queries.participant(tx, code)
    studies = await study_queries.studies(tx)
    return {
        "person": person,
        "cohort_options": [
            (one.code, one.title) for study in studies if study.code == person.study for one in study.cohorts
        ],
        "today": today(tx.now, person.timezone),
        "site_tz": person.timezone,
    }


@get("/participants/{code:str}/cohort", operation_id="cohortPage", opt=ENROL, include_in_schema=False)
async def cohort_page(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    return page(request, "participant/cohort.html", title="Move to another cohort", **await _course(tx, code))


@post("/participants/{code:str}/cohort", operation_id="cohortForm", opt=ENROL, include_in_schema=False, status_code=303)
async def cohort(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _course(tx, code)
    person: ParticipantView = view["person"]
    with shown_again("participant/cohort.html", title="Move to another cohort", values=data, **view):
        command = parse_form(course.MoveCohort, data)
        await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: course.move_cohort(tx, person.code, command),
            of=person.code,
        )
    return Redirect(f"/participants/{person.code}", status_code=303)


@get("/participants/{code:str}/t0", operation_id="t0Page", opt=ENROL, include_in_schema=False)
async def t0_page(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    return page(request, "participant/t0.html", title="Correct T0", **await _course(tx, code))


@post("/participants/{code:str}/t0", operation_id="t0Form", opt=ENROL, include_in_schema=False, status_code=303)
async def t0(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _course(tx, code)
    person: ParticipantView = view["person"]
    with shown_again("participant/t0.html", title="Correct T0", values=data, **view):
        command = parse_form(course.CorrectT0, data)
        await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: course.correct_t0(tx, person.code, command),
            of=person.code,
        )
    return Redirect(f"/participants/{person.code}", status_code=303)


# --- publication ------------------------------------------------------------------------------------------------------


async def _publication(tx: ReadTx, study: str, effective_from: date | None) -> dict[str, Any]:
    await managed(tx, study)
    found = await protocols.protocol(tx, study)
    if found.draft is None:
        raise NoProtocolDraft(f"The protocol of {found.study} has no draft: start one first.", study=found.study)
    return {
        "found": found,
        "draft": await protocols.version(tx, study, found.draft),
        "present": next((head for head in found.versions if head.status == "published"), None),
        "shown": await planning.publication(tx, study, effective_from),
    }


@get("/studies/{study:str}/protocol/publication", operation_id="publicationPage", opt=MANAGE, include_in_schema=False)
async def publication(
    request: Here, tx: Reading, study: FromPath[str], effective_from: FromQuery[date | None] = None
) -> Template:
    """First the day; then the page says what publishing from that day on does, and asks to confirm it."""
    view = await _publication(tx, study, effective_from)
    return page(request, "participant/publication.html", title=f"Publish version {view['found'].draft}", **view)


@post(
    "/studies/{study:str}/protocol/publication",
    operation_id="publishForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def publish(tx: Writing, study: FromPath[str], data: Form) -> Redirect:
    view = await _publication(tx, study, _day(data.get("effective_from", "")))
    with shown_again(
        "participant/publication.html", title=f"Publish version {view['found'].draft}", values=data, **view
    ):
        command = parse_form(PublishDraft, data)
        await tx.once(form_key(data), command, VersionView, lambda: planning.publish(tx, study, command), of=study)
    return Redirect(f"/studies/{study}/protocol", status_code=303)


def _day(text: str) -> date | None:
    """The day of a form; None where it is none, which the command then says."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


router = Router(
    "/",
    route_handlers=[
        visits,
        visits_csv,
        visit_page,
        visit_form,
        cohort_page,
        cohort,
        t0_page,
        t0,
        publication,
        publish,
    ],
)
