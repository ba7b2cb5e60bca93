"""Where things were, over JSON."""

from datetime import datetime
from typing import Annotated

from litestar import Router, get
from litestar.params import FromPath, QueryParameter

from biobank.actor import Permission
from biobank.http.deps import Reading
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.storage import past
from biobank.storage.past import PastPlace, PastTube

Moment = Annotated[datetime, QueryParameter(description="With its zone, for example 2026-11-23T09:41:00Z.")]


@get("/{code:str}/at", operation_id="getContainerAt", opt={"permission": Permission.STORAGE_READ}, tags=["Storage"])
async def container_at(tx: Reading, code: FromPath[str], at: Moment) -> PastPlace:
    """A box, rack or freezer as it was at a moment: where it stood and what was in it."""
    return await past.place_at(tx, code, at)


@get(
    "/{code:str}/past-tubes",
    operation_id="listPastTubes",
    opt={"permission": Permission.STORAGE_READ},
    tags=["Storage"],
)
async def past_tubes(
    tx: Reading, code: FromPath[str], since: Moment, until: Moment, after: After = 0, limit: Limit = 100
) -> Page[PastTube]:
    """Every tube that was in a container, at any depth, between two moments, with the minutes each."""
    return await past.tubes_between(tx, code, since, until, after=after, limit=limit)


router = Router("/api/v1/containers", route_handlers=[container_at, past_tubes])
