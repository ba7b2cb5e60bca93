"""The scan station, its self-test, and the command codes that lie beside it."""

import asyncio
from functools import cache
from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromQuery
from litestar.response import Template

from biobank.actor import Actor, Permission
from biobank.http.deps import Reading
from biobank.http.pages import csrf_of, page
from biobank.scan.answers import shown_box
from biobank.scan.modes import MODES as DEEDS
from biobank.scan.rules import COMMANDS, MODES, NEEDS, SELF_TEST
from biobank.template.queries import house_template
from biobank.tx import ReadTx
from labels import STOCKS, Item, render_pdf
from labels.symbols import Symbology, encode


async def _station(tx: ReadTx | None, actor: Actor | None, mode: str, box: str) -> dict[str, Any]:
    """What the page of the station shows. Without an actor it is the empty page that a browser keeps for offline work:
    nothing of anybody is on it.
    """
    shown = await shown_box(tx, box) if box and tx is not None else {}
    usual = "store" if actor is None or actor.may(Permission.STORAGE_STORE) else "find"
    return {
        "modes": [
            {"key": key, "title": title, "needs": NEEDS.get(key, "")}
            for key, title in MODES.items()
            if actor is None or actor.may(DEEDS[key].permission)
        ],
        "mode": mode if mode in MODES else usual,
        "box": shown.get("box"),
        "free": shown.get("free"),
        "commands": COMMANDS,
        "user": "" if actor is None else actor.username,
        "self_test": SELF_TEST,
    }


@get("/scan", operation_id="scanPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def station(
    request: Request[Any, Any, Any], tx: Reading, mode: FromQuery[str] = "", box: FromQuery[str] = ""
) -> Template:
    view = await _station(tx, request.scope["user"], mode, box)
    return page(request, "scan/station.html", title="Scan station", view=view)


@get("/scan/session", operation_id="scanSession", opt={"permission": Permission.SELF}, include_in_schema=False)
async def session(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Who is signed in, and the token that the requests of an open page carry: a station outlives a session."""
    actor: Actor = request.scope["user"]
    return {"username": actor.username, "csrf_token": csrf_of(request)}


@cache
def _symbol() -> bytes:
    """The self-test symbol as a picture of dark runs, with its quiet zone."""
    symbol = encode(SELF_TEST, Symbology.DATA_MATRIX)
    runs = "".join(f"M{x + 2} {y + 2}h{long}v1h-{long}z" for x, y, long in symbol.runs())
    size = f"{symbol.columns + 4} {symbol.rows + 4}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" shape-rendering="crispEdges">'
        f'<rect width="100%" height="100%" fill="#fff"/><path d="{runs}" fill="#000"/></svg>'
    ).encode()


@get(
    "/scan/self-test.svg",
    operation_id="selfTestSymbol",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def self_test_symbol() -> Response[bytes]:
    return Response(_symbol(), media_type="image/svg+xml", headers={"cache-control": "private, max-age=86400"})


@get(
    "/scan/commands", operation_id="commandsPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False
)
async def commands_page(request: Request[Any, Any, Any]) -> Template:
    return page(request, "scan/commands.html", title="Command codes", commands=COMMANDS)


@get(
    "/scan/commands.pdf",
    operation_id="commandsPdf",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def commands_pdf(tx: Reading) -> Response[bytes]:
    """The command codes to lay beside the scanner: gloved hands scan them."""
    printed = [Item.lined(command.code, command.title.split(": ", 1)) for command in COMMANDS]
    content = await asyncio.to_thread(render_pdf, printed, await house_template(tx, "badge"), STOCKS["l7163"])
    headers = {"content-disposition": 'inline; filename="scan-commands.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


router = Router("/", route_handlers=[station, session, self_test_symbol, commands_page, commands_pdf])
