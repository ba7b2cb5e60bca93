"""The home, the finder and the audit trail over JSON."""

from typing import Annotated

from litestar import Controller, Router, get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response
from pydantic import BaseModel, ConfigDict

from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.http.deps import Reading
from biobank.http.paging import Limit
from biobank.overview import brisq, queries, searching
from biobank.overview.brisq import BrisqReport
from biobank.overview.searching import Found
from biobank.overview.tube import TubeStory, story
from biobank.paging import Page
from biobank.preanalytics.api import csv_file

Before = Annotated[
    int | None, QueryParameter(name="before", ge=1, description="The `next` of the page before.", required=False)
]

Codes = Annotated[list[str] | None, QueryParameter(description="A tube's id; may be repeated.")]


class FoundView(BaseModel):
    """The page of what a code names."""

    model_config = ConfigDict(frozen=True)
    href: str


class OverviewController(Controller):
    tags = ("Overview",)

    @get("/home", operation_id="home", opt={"permission": Permission.SELF})
    async def home(self, tx: Reading) -> queries.HomeView:
        return await queries.home(tx)

    @get("/find", operation_id="find", opt={"permission": Permission.SELF})
    async def find(self, tx: Reading, q: FromQuery[str]) -> FoundView:
        href = await queries.find(tx, q)
        if href is None:
            raise NotFound("Nothing has this code.")
        return FoundView(href=href)

    @get("/search", operation_id="search", opt={"permission": Permission.SELF})
    async def search(self, tx: Reading, q: FromQuery[str], after: FromQuery[str | None] = None) -> Found:
        """Codes of any kind and maker that begin with `q`, in their order, and places and runs by name."""
        return await searching.search(tx, q[:200], after=after)

    @get("/specimens/{code:str}/story", operation_id="getSpecimenStory", opt={"permission": Permission.SPECIMEN_READ})
    async def story(self, tx: Reading, code: FromPath[str]) -> TubeStory:
        """Where a tube is and has been, and who touched it."""
        return await story(tx, code)

    @get("/brisq", operation_id="getBrisq", opt={"permission": Permission.SPECIMEN_READ})
    async def brisq(
        self,
        tx: Reading,
        code: Codes = None,
        shipment: FromQuery[str | None] = None,
        run: FromQuery[str | None] = None,
        participant: FromQuery[str | None] = None,
    ) -> BrisqReport:
        """BRISQ tier 1 of a set of tubes, item by item and as a paragraph. Exactly one set is named."""
        return await brisq.report(tx, brisq.Wanted(tuple(code or ()), shipment, run, participant))

    @get(
        "/brisq/table.csv",
        operation_id="downloadBrisq",
        opt={"permission": Permission.SPECIMEN_READ},
        media_type="text/csv",
    )
    async def brisq_table(
        self,
        tx: Reading,
        code: Codes = None,
        shipment: FromQuery[str | None] = None,
        run: FromQuery[str | None] = None,
        participant: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """The same, one row a tube."""
        return csv_file(await brisq.table(tx, brisq.Wanted(tuple(code or ()), shipment, run, participant)), "brisq.csv")

    @get("/audit", operation_id="listAudit", opt={"permission": Permission.AUDIT_READ})
    async def audit(
        self,
        tx: Reading,
        verb: FromQuery[str | None] = None,
        user: FromQuery[str | None] = None,
        before: Before = None,
        limit: Limit = 50,
    ) -> Page[queries.TrailRow]:
        return await queries.trail(tx, verb=verb, who=user, before=before, limit=limit)

    @get("/audit/{number:int}/changes", operation_id="listAuditChanges", opt={"permission": Permission.AUDIT_READ})
    async def changes(self, tx: Reading, number: FromPath[int]) -> list[queries.ChangeRow]:
        return await queries.changes(tx, number)


router = Router("/api/v1", route_handlers=[OverviewController])
