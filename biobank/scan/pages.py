"""The scan station, its self-test, and the command codes that lie beside it."""

import asyncio
import hashlib
import json
from functools import cache
from typing import Any

from litestar import Request, Response, Router, get
from litestar.params import FromQuery
from litestar.response import Template

from biobank.actor import Actor, Permission
from biobank.http.deps import Reading
from biobank.http.pages import csrf_of, page
from biobank.http.security import READS_PICTURES
from biobank.http.templating import STATIC_BUILD, asset_url
from biobank.scan.answers import shown_box
from biobank.scan.modes import MODES as DEEDS
from biobank.scan.rules import COMMANDS, CONDITIONS, MODES, NEEDS, REASON_ASKED, REASONS, SELF_TEST, printer_code
from biobank.scan.saying import known_printers
from biobank.template.queries import house_template
from biobank.tx import ReadTx
from labels import STOCKS, Item, render_pdf
from labels.errors import LabelError
from labels.symbols import Symbology, encode

_PAGE = "scan/station.html"
_CAMERA = {"content-security-policy": READS_PICTURES}


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
        "said": [*((one.code, one.words) for one in REASONS), *((one.code, one.words) for one in CONDITIONS)],
        "asked": json.dumps(REASON_ASKED),
        "user": "" if actor is None else actor.username,
        "self_test": SELF_TEST,
    }


@get("/scan", operation_id="scanPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def station(
    request: Request[Any, Any, Any], tx: Reading, mode: FromQuery[str] = "", box: FromQuery[str] = ""
) -> Template:
    view = await _station(tx, request.scope["user"], mode, box)
    return page(request, _PAGE, title="Scan station", view=view, headers=_CAMERA)


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
async def commands_page(request: Request[Any, Any, Any], tx: Reading) -> Template:
    return page(request, "scan/commands.html", title="Command codes", commands=COMMANDS, sayings=await _sayings(tx))


async def _sayings(tx: ReadTx) -> list[tuple[str, str, str]]:
    """Code, mode and words of what is said by scan besides commands."""
    said = [(one.code, MODES[one.mode], one.words) for one in REASONS]
    said += [(one.code, MODES["receive"], one.words) for one in CONDITIONS]
    return said + [
        (printer_code(one.site, one.name), MODES["print"], f"{one.name} at {one.site}")
        for one in await known_printers(tx)
    ]


@get(
    "/scan/commands.pdf",
    operation_id="commandsPdf",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def commands_pdf(tx: Reading) -> Response[bytes]:
    """The self-test symbol, the command codes, reasons, conditions and printers to lay beside the scanner: gloved
    hands scan them.
    """
    printed = [Item.lined(command.code, command.title.split(": ", 1)) for command in COMMANDS]
    printed += [Item.lined(code, lines) for code, *lines in await _sayings(tx)]
    symbol = Item.lined(SELF_TEST, ("Self-test", "the day starts with it"))
    template = await house_template(tx, "badge")
    try:
        content = await asyncio.to_thread(render_pdf, [symbol, *printed], template, STOCKS["l7163"])
    except LabelError:  # a badge of one's own may have no room for a symbol of this size; the screen shows it as well
        content = await asyncio.to_thread(render_pdf, printed, template, STOCKS["l7163"])
    headers = {"content-disposition": 'inline; filename="scan-commands.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@get("/scan/shell", operation_id="stationShell", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def shell(request: Request[Any, Any, Any]) -> Template:
    """The station as nobody's page, which browsers keep for work without a network."""
    return page(
        request, _PAGE, title="Scan station", view=await _station(None, None, "", ""), of_nobody=True, headers=_CAMERA
    )


@cache
def _worker() -> bytes:
    """The service worker, with the names of what it keeps: they change with every build."""
    names = [asset_url(name) for name in ("app.js", "app.css", "favicon.svg", "camera.js", "zxing_reader.wasm")]
    script = (STATIC_BUILD / asset_url("worker.js").rpartition("/")[2]).read_text()
    version = hashlib.sha256("".join([*names, script]).encode()).hexdigest()[:16]
    kept = {"version": version, "page": "/scan/shell", "files": [*names, "/scan/self-test.svg"]}
    return f"self.shell = {json.dumps(kept)};\n{script.partition('//# sourceMappingURL')[0]}".encode()


@get(
    "/scan/worker.js",
    operation_id="stationWorker",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def worker() -> Response[bytes]:
    headers = {"cache-control": "no-cache", "service-worker-allowed": "/scan"}
    return Response(_worker(), media_type="text/javascript", headers=headers)


@get(
    "/scan/manifest.webmanifest",
    operation_id="stationManifest",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def manifest() -> Response[bytes]:
    """What a browser needs to install the station as an application of its own."""
    said = {
        "name": "Biobank scan station",
        "short_name": "Scan station",
        "start_url": "/scan",
        "scope": "/scan",
        "display": "standalone",
        "background_color": "#f4f6f8",
        "theme_color": "#0b6b74",
        "icons": [{"src": asset_url("favicon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return Response(json.dumps(said).encode(), media_type="application/manifest+json")


router = Router(
    "/",
    route_handlers=[
        station,
        session,
        shell,
        worker,
        manifest,
        self_test_symbol,
        commands_page,
        commands_pdf,
    ],
)
