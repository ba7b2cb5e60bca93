"""Around every request: its id, its log line, its metrics and the security headers of its answer."""

import re
import time
from functools import lru_cache
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Send
from prometheus_client import Counter, Histogram

from biobank.http.security import HEADERS
from biobank.ids import new_uuid

REQUESTS = Counter("biobank_requests_total", "Requests answered.", ("method", "route", "status"))
SECONDS = Histogram(
    "biobank_request_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ("route",),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)

CUT_OFF = 499
"""What log and metrics say of a request whose client went away before its answer; it is no failure of the service."""

_log = structlog.get_logger("biobank.request")
_REQUEST_ID = re.compile(rb"^[A-Za-z0-9_-]{8,64}$")


class Envelope:
    """ASGI middleware, outermost. Logs the route's template, never the query or body, which may hold anything."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        sent = next(
            (value for name, value in scope["headers"] if name == b"x-request-id" and _REQUEST_ID.match(value)), None
        )
        request_id = sent.decode() if sent else new_uuid().hex
        scope["request_id"] = request_id
        status = 500
        gone = False

        async def hear() -> Any:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = CUT_OFF if gone else int(message["status"])
                own = list(message.get("headers", ()))
                said = {name for name, _ in own}
                usual = [(name, value) for name, value in HEADERS if name not in said]
                headers = [*own, *usual, (b"x-request-id", request_id.encode())]
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        try:
            await self.app(scope, hear, answer)
        finally:
            seconds = time.perf_counter() - started
            route = _route(scope)
            _counter(scope["method"], route, status).inc()
            _histogram(route).observe(seconds)
            actor = scope.get("user")
            _log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                user=getattr(actor, "user_id", None),
                request_id=request_id,
            )


# Finding a series by its labels costs more than counting in it.
_counter = lru_cache(4096)(REQUESTS.labels)
_histogram = lru_cache(1024)(SECONDS.labels)


def _route(scope: Any) -> str:
    """The template of the matched route, so that neither logs nor metrics hold what stands in a path."""
    template = scope.get("path_template")
    return str(template) if template else "unmatched"
