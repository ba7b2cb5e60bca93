"""Who asks, and whether they may: authentication for every request, one guard that reads each handler's permission,
CSRF, headers.
"""

from datetime import timedelta
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.middleware.csrf import CSRFMiddleware
from litestar.types import Receive, Scope, Send

from biobank.actor import Actor, Permission
from biobank.errors import Forbidden, Unauthenticated

PUBLIC = "public"
"""The permission of the few handlers that answer without a login; each says why beside it."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

READS_PICTURES = CONTENT_SECURITY_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
"""For the one page that reads codes from a camera: WebAssembly may be compiled there, text still may not."""

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
)


def bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    header = connection.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class Authentication(AbstractAuthenticationMiddleware):
    """Puts the actor, or None, in `scope["user"]`, and lets the app's gate decide about the handler that was matched.

    The gate is called here and not as a guard of the framework, which copies the handler for each call: a tenth of what
    a look-up costs.
    """

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        state = connection.app.state
        cookie = connection.cookies.get(state.session_cookie)
        token = bearer(connection)
        seen = "unattended" not in connection.scope["route_handler"].opt
        actor = await _who(state, cookie, token, seen=seen) if cookie or token else None
        connection.scope["user"] = actor
        await state.gate(connection, connection.scope["route_handler"])
        return AuthenticationResult(user=actor, auth=None)


async def _who(state: Any, cookie: str | None, token: str | None, *, seen: bool) -> Actor | None:
    """The actor behind a session cookie or an API token; None when it is good no more. `access` knows how. What a page
    asks by itself is no sign that somebody is there: `seen` is false then.
    """
    idle = timedelta(minutes=state.settings.session_idle_minutes)
    actor: Actor | None = await state.authenticate(
        state.database, cookie, token, idle=idle, now=state.clock(), seen=seen
    )
    return actor


class Csrf(CSRFMiddleware):
    """Double-submit tokens for browsers. A request with a bearer token carries no ambient credential, so none can be
    forged with it.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name == b"authorization" and value[:7].lower() == b"bearer " for name, value in scope["headers"]):
            await self.app(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The one permission check. Asynchronous although it awaits nothing: a plain function would be sent to a thread.

    Raises:
        Unauthenticated: nobody is logged in.
        Forbidden: the permission is held in no study.
    """
    needed = handler.opt.get("permission")
    if needed == PUBLIC:
        return
    actor: Actor | None = connection.scope.get("user")
    if actor is None:
        raise Unauthenticated("Log in, or send an API token.")
    if not isinstance(needed, Permission) or not actor.may(needed):
        raise Forbidden("Your roles do not include this.", permission=str(needed))


def refuse_unguarded(app: Litestar) -> None:
    """At start: a handler without a permission stops the service."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            if (
                isinstance(handler, HTTPRouteHandler)
                and "OPTIONS" in handler.http_methods
                and len(handler.http_methods) == 1
            ):
                continue
            if handler is None or "permission" not in handler.opt:
                raise ImproperlyConfiguredException(f"{route.path}: this handler declares no permission")
