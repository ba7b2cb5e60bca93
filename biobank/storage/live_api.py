"""A place as it changes: server-sent events for a page that shows it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Router, get
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage
from sqlalchemy import select

from biobank.actor import Actor, Permission
from biobank.live import Hub, News
from biobank.storage.models import Container
from biobank.storage.queries import below, find_container
from biobank.tx import ReadTx, open_read

MOST_PLACES = 5000
"""A place with more containers in it than this shows changes of its own content alone."""
_LIFE_SECONDS = 600
"""After so long the browser asks anew, and is asked who it is."""
_STILL_SECONDS = 15
_CALM_SECONDS = 0.4
"""Between two messages: who fills a box by scanner changes it several times a second."""


async def _places(tx: ReadTx, container_id: int) -> frozenset[int]:
    down = below(Container.id == container_id)
    found = (await tx.session.execute(select(down.c.id).limit(MOST_PLACES + 1))).scalars().all()
    return frozenset(found) if len(found) <= MOST_PLACES else frozenset({container_id})


@get(
    "/{code:str}/live",
    operation_id="watchContainer",
    # A page that is left open must not keep its login alive.
    opt={"permission": Permission.STORAGE_READ, "unattended": True},
    tags=["Storage"],
)
async def watch_container(request: Request[Any, Any, Any], code: FromPath[str]) -> ServerSentEvent:
    """Server-sent events while a place is looked at. `changed`: look again. `people`: the names of the others who look
    at it, one a line. The stream ends after ten minutes; browsers ask again by themselves.
    """
    actor: Actor = request.scope["user"]
    state = request.app.state
    async with open_read(state.database, actor, clock=state.clock) as tx:  # not held for as long as the stream lasts
        found, _ = await find_container(tx, code, Permission.STORAGE_READ)
        container_id, places = found.id, await _places(tx, found.id)

    async def again() -> frozenset[int]:
        async with open_read(state.database, actor, clock=state.clock) as later:
            return await _places(later, container_id)

    return ServerSentEvent(
        _stream(state.live, container_id, actor.display_name, places, again), headers={"x-accel-buffering": "no"}
    )


async def _stream(
    hub: Hub, place: int, name: str, places: frozenset[int], again: Any
) -> AsyncIterator[ServerSentEventMessage]:
    with hub.watch(place, name, places) as watch:
        yield _people(hub.others(watch))
        ends = time.monotonic() + _LIFE_SECONDS
        while time.monotonic() < ends and not hub.closing.is_set():
            news: News = await watch.wait(_STILL_SECONDS)
            if news.moved:
                watch.places = await again()
            if news.people:
                yield _people(hub.others(watch))
            if news.changed:
                yield ServerSentEventMessage(event="changed", data="")
                await asyncio.sleep(_CALM_SECONDS)
            elif not news.people:
                yield ServerSentEventMessage(comment="still here")


def _people(names: tuple[str, ...]) -> ServerSentEventMessage:
    return ServerSentEventMessage(event="people", data="\n".join(names), retry=1000)


router = Router("/api/v1/containers", route_handlers=[watch_container])
