"""Login and logout."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.access import commands
from biobank.access.limits import LOGIN
from biobank.actor import Permission
from biobank.http.deps import Writing
from biobank.http.pages import page
from biobank.http.security import PUBLIC

_REASON_LEAST = 3


def _inside(target: str | None) -> str:
    """Where to go after the login: a path of ours, never another site."""
    return target if target and target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


@get(
    "/login", operation_id="loginPage", opt={"permission": PUBLIC}, include_in_schema=False
)  # the way in cannot need a login
async def login_page(request: Request[Any, Any, Any], next_: FromQuery[str] = "/") -> Template:
    return page(
        request,
        "login.html",
        title="Log in",
        next=_inside(request.query_params.get("next", next_)),
        error=None,
        username="",
    )


@post(
    "/login", operation_id="logIn", opt={"permission": PUBLIC, "rate": LOGIN}, include_in_schema=False, status_code=303
)
async def log_in(request: Request[Any, Any, Any], tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Response[Any]:
    settings = request.app.state.settings
    username = data.get("username", "")[:100]
    outcome = await commands.log_in(
        tx,
        username,
        data.get("password", "")[:1024],
        hours=settings.session_hours,
        attempts=settings.login_attempts,
        lock_minutes=settings.lock_minutes,
    )
    target = _inside(data.get("next"))
    if outcome.token is None:
        return page(
            request,
            "login.html",
            title="Log in",
            status_code=422,
            next=target,
            error=outcome.refused,
            username=username,
        )
    response = Redirect(target, status_code=303)
    response.set_cookie(
        Cookie(
            key=request.app.state.session_cookie,
            value=outcome.token,
            max_age=settings.session_hours * 3600,
            httponly=True,
            secure=settings.secure_cookies,
            samesite="lax",
        )
    )
    return response


@post("/logout", operation_id="logOut", opt={"permission": Permission.SELF}, include_in_schema=False, status_code=303)
async def log_out(request: Request[Any, Any, Any], tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Response[Any]:
    """End the session. Who has tubes of -80 in hand says first why they stay out of their box."""
    reason = data.get("reason", "").strip()[:400]
    tubes = await request.app.state.out_of_the_cold(tx)
    if tubes and len(reason) < _REASON_LEAST:
        return page(
            request, "leave.html", title="Tubes in your hands", status_code=200, tubes=tubes, short="reason" in data
        )
    await commands.log_out(tx, reason if tubes else None)
    response = Redirect("/login", status_code=303)
    response.delete_cookie(request.app.state.session_cookie)
    return response


router = Router("/", route_handlers=[login_page, log_in, log_out])
