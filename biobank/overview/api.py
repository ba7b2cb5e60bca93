"""The home, the finder and the audit trail over JSON."""

from typing import Annotated

from litestar import Controller, Router, get
from litestar.params import FromPath, FromQuery, QueryParameter
from pydantic import BaseModel, ConfigDict

from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.http.deps import Reading
from biobank.http.paging import Limit
from biobank.overview import queries
from biobank.overview.tube import TubeStory, story
from biobank.paging import Page

Before = Annotated[
    int | None, QueryParameter(name="before", ge=1, description="The `next` of the page before.", required=False)
]


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

    @get("/specimens/{code:str}/story", operation_id="getSpecimenStory", opt={"permission": Permission.SPECIMEN_READ})
    async def story(self, tx: Reading, code: FromPath[str]) -> TubeStory:
        """Where a tube is and has been, and who touched it."""
        return await story(tx, code)

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
