"""Rate limits that hold with several processes: counters in the database, fixed windows, one statement a request."""

from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from sqlalchemy import text

from biobank.db import Database
from biobank.errors import TooMany


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` requests of one actor (one address where nobody is logged in) in each window of `seconds`."""

    name: str
    count: int
    seconds: int


LOGIN = RateLimit("login", 20, 60)
UPLOAD = RateLimit("upload", 30, 60)
EXPORT = RateLimit("export", 60, 60)
PRINT = RateLimit("print", 120, 60)
SECRET = RateLimit("secret", 20, 60)

_TAKE = text(
    "insert into rate_bucket as b (key, window_start, count) values (:key, now(), 1) on conflict (key) do update set "
    "window_start = case when b.window_start > now() - make_interval(secs => :seconds) "
    "then b.window_start else now() end, "
    "count = case when b.window_start > now() - make_interval(secs => :seconds) then b.count + 1 else 1 end "
    "returning count as uses, ceil(extract(epoch from window_start - now()) + :seconds)::int as wait"
)


async def take(database: Database, limit: RateLimit, who: str) -> None:
    """Count one request of `who`.

    Raises:
        TooMany: with the seconds to wait.
    """
    async with database.engine.begin() as connection:
        row = (await connection.execute(_TAKE, {"key": f"{limit.name}:{who}", "seconds": limit.seconds})).one()
    if row.uses > limit.count:
        wait = max(1, row.wait)
        raise TooMany(
            f"At most {limit.count} such requests in {limit.seconds} seconds: wait {wait} s and try again.",
            retry_after=wait,
        )


async def rate_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Counts a request of a handler that names a `rate` in its options."""
    limit: RateLimit = handler.opt["rate"]
    actor = connection.scope.get("user")
    who = (
        f"user {actor.user_id}"
        if actor is not None
        else f"address {connection.client.host if connection.client else 'unknown'}"
    )
    await take(connection.app.state.database, limit, who)
