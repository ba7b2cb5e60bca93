"""Visits over JSON: what is due, what becomes of planned ones, and what plans them: cohort, T0 and a new protocol."""

from datetime import date
from typing import Annotated

from litestar import Controller, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.participant import course, due, planning, visiting
from biobank.participant.due import AHEAD, DueCount, DueFilter, DueVisit, State, VisitUnderWay
from biobank.participant.planning import Publication
from biobank.participant.queries import ParticipantView
from biobank.protocol.commands import PublishDraft
from biobank.protocol.queries import VersionView

READ = {"permission": Permission.PARTICIPANT_READ}
RECORD = {"permission": Permission.VISIT_RECORD}
ENROL = {"permission": Permission.PARTICIPANT_ENROL}
Ahead = Annotated[
    int,
    QueryParameter(
        name="ahead", ge=0, le=366, description="Days before its window opens that a visit shows.", required=False
    ),
]


class VisitController(Controller):
    path = "/visits"
    tags = ("Visits",)

    @get("/due", operation_id="listDueVisits", opt=READ)
    async def due(
        self,
        tx: Reading,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        kind: Annotated[State | None, QueryParameter(name="state", required=False)] = None,
        ahead: Ahead = AHEAD,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[DueVisit]:
        """Planned visits that are overdue, due or coming up, by the clock of each site. What closes first is first."""
        what = DueFilter(study=study, site=site, state=kind, ahead=ahead)
        return await due.due_visits(tx, what, after=after, limit=limit)

    @get("/due/counts", operation_id="countDueVisits", opt=READ)
    async def counts(
        self,
        tx: Reading,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        ahead: Ahead = AHEAD,
    ) -> list[DueCount]:
        """How many visits of each site are overdue, due and coming up."""
        return list(await due.due_counts(tx, DueFilter(study=study, site=site, ahead=ahead)))

    @get("/under-way", operation_id="listVisitsUnderWay", opt=READ)
    async def under_way(
        self, tx: Reading, study: FromQuery[str | None] = None, site: FromQuery[str | None] = None, limit: Limit = 50
    ) -> list[VisitUnderWay]:
        """Visits of the last fortnight that took place and are not finished, the latest first."""
        return list(await due.under_way(tx, study=study, site=site, limit=limit))

    @get("/due.csv", operation_id="getDueVisitsCsv", opt=READ, media_type="text/csv")
    async def table(
        self,
        tx: Reading,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        kind: Annotated[State | None, QueryParameter(name="state", required=False)] = None,
        ahead: Ahead = AHEAD,
    ) -> Response[str]:
        """The list of due visits as a table."""
        what = DueFilter(study=study, site=site, state=kind, ahead=ahead)
        headers = {"content-disposition": f'attachment; filename="visits-{tx.now.date().isoformat()}.csv"'}
        return Response(await due.due_csv(tx, what), media_type="text/csv; charset=utf-8", headers=headers)


class CourseController(Controller):
    path = "/participants/{code:str}"
    tags = ("Visits",)

    @post("/visits/missed", operation_id="missVisit", opt=RECORD)
    async def miss(
        self, tx: Writing, code: FromPath[str], data: JSONBody[visiting.CloseVisit], key: Key
    ) -> ParticipantView:
        return await tx.once(
            key, data, ParticipantView, lambda: visiting.miss_visit(tx, code, data), of=f"missed {code}"
        )

    @post("/visits/cancelled", operation_id="cancelVisit", opt=RECORD)
    async def cancel(
        self, tx: Writing, code: FromPath[str], data: JSONBody[visiting.CloseVisit], key: Key
    ) -> ParticipantView:
        return await tx.once(
            key, data, ParticipantView, lambda: visiting.cancel_visit(tx, code, data), of=f"cancelled {code}"
        )

    @post("/visits/reopened", operation_id="reopenVisit", opt=RECORD)
    async def reopen(
        self, tx: Writing, code: FromPath[str], data: JSONBody[visiting.CloseVisit], key: Key
    ) -> ParticipantView:
        return await tx.once(
            key, data, ParticipantView, lambda: visiting.reopen_visit(tx, code, data), of=f"reopened {code}"
        )

    @post("/cohort", operation_id="moveCohort", opt=ENROL)
    async def move(
        self, tx: Writing, code: FromPath[str], data: JSONBody[course.MoveCohort], key: Key
    ) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: course.move_cohort(tx, code, data), of=code)

    @post("/t0", operation_id="correctT0", opt=ENROL)
    async def t0(self, tx: Writing, code: FromPath[str], data: JSONBody[course.CorrectT0], key: Key) -> ParticipantView:
        return await tx.once(key, data, ParticipantView, lambda: course.correct_t0(tx, code, data), of=code)


class PublicationController(Controller):
    path = "/studies/{study:str}/protocol/draft/publication"
    tags = ("Protocol",)

    @get(operation_id="previewPublication", opt={"permission": Permission.STUDY_MANAGE})
    async def preview(
        self, tx: Reading, study: FromPath[str], effective_from: FromQuery[date | None] = None
    ) -> Publication:
        """What publishing the draft from a day on would do to the visits that are open. Nothing is written.

        Unless a day is named it is the one that the draft proposes, or else today.
        """
        return await planning.publication(tx, study, effective_from)

    @post(operation_id="publishProtocol", opt={"permission": Permission.STUDY_MANAGE})
    async def publish(self, tx: Writing, study: FromPath[str], data: JSONBody[PublishDraft], key: Key) -> VersionView:
        """Publishes the draft for ever and plans the open visits of all participants by it."""
        return await tx.once(key, data, VersionView, lambda: planning.publish(tx, study, data), of=study)


router = Router("/api/v1", route_handlers=[VisitController, CourseController, PublicationController])
