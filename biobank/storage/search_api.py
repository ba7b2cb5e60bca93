"""Searches for missing tubes over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.storage import searching
from biobank.storage.searching import GivenUpView, TubeSearchView


class TubeSearchController(Controller):
    path = "/tube-searches"
    tags = ("Storage",)

    @get(operation_id="listTubeSearches", opt={"permission": Permission.SPECIMEN_READ})
    async def searches(self, tx: Reading, after: After = 0, limit: Limit = 50) -> Page[TubeSearchView]:
        """Tubes that were not where their record says and that nobody found yet."""
        return await searching.searches(tx, after=after, limit=limit)

    @post("/{code:str}/give-up", operation_id="giveUpTubeSearch", opt={"permission": Permission.SPECIMEN_PICK})
    async def give_up(
        self, tx: Writing, code: FromPath[str], data: JSONBody[searching.GiveUp], key: Key
    ) -> GivenUpView:
        """Declare a missing tube lost."""
        return await tx.once(key, data, GivenUpView, lambda: searching.give_up(tx, code, data), of=code)


router = Router("/api/v1", route_handlers=[TubeSearchController])
