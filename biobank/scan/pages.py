"""The scan station, and the command codes that lie beside it."""

import asyncio
from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromQuery
from litestar.response import Template

from biobank.actor import Actor, Permission
from biobank.http.deps import Reading
from biobank.http.pages import page
from biobank.scan.rules import COMMANDS, MODES
from biobank.storage import boxes
from biobank.template.queries import house_template
from labels import STOCKS, Item, render_pdf

_MODES = [{"key": key, "title": title} for key, title in MODES.items()]


@get("/scan", operation_id="scanPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def station(
    request: Request[Any, Any, Any], tx: Reading, mode: FromQuery[str] = "", box: FromQuery[str] = ""
) -> Template:
    actor: Actor = request.scope["user"]
    usual = "store" if actor.may(Permission.STORAGE_STORE) else "find"
    view = {
        "modes": _MODES,
        "mode": mode if mode in MODES else usual,
        "box": await boxes.box(tx, box) if box else None,
        "commands": COMMANDS,
    }
    return page(request, "scan/station.html", title="Scan station", view=view)


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


router = Router("/", route_handlers=[station, commands_page, commands_pdf])
