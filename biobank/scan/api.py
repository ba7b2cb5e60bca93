"""The look-up of a scanned code, and the scan station's verb, over JSON."""

from typing import Any

import msgspec
from litestar import Request, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from biobank.actor import Actor, Permission
from biobank.http.deps import Key, Writing
from biobank.scan import commands, queries
from biobank.scan.commands import Answer
from biobank.scan.queries import CodeView
from biobank.storage.commands import UndoMove


@get(
    "/{code:str}",
    operation_id="resolveCode",
    opt={"permission": Permission.SPECIMEN_READ},
    tags=["Scan"],
    responses={200: ResponseSpec(CodeView, generate_examples=False, description="What the code names.")},
)
async def resolve_code(request: Request[Any, Any, Any], code: FromPath[str]) -> ASGIResponse:
    """What any code names: a house id of any kind, or a code of a vendor or an older system.

    The look-up of every scan: one prepared statement, and no session around it.
    """
    actor: Actor = request.scope["user"]
    found = await queries.resolve_hot(request.app.state.database.hot, code, actor.scope(Permission.SPECIMEN_READ))
    # Plain values, encoded once: a response object that is built to be rendered later costs more than the look-up.
    return ASGIResponse(body=msgspec.json.encode(found), media_type="application/json")


@post("/", operation_id="scan", opt={"permission": Permission.SPECIMEN_READ}, tags=["Scan"], status_code=200)
async def scan(tx: Writing, data: JSONBody[commands.StationScan], key: Key) -> Answer:
    """One scan of a station. The same key again is the same scan: it returns the first outcome."""
    return await tx.once(key, data, Answer, lambda: commands.scan(tx, data))


@post("/undo", operation_id="undoScan", opt={"permission": Permission.STORAGE_STORE}, tags=["Scan"], status_code=200)
async def undo_scan(tx: Writing, data: JSONBody[UndoMove], key: Key) -> Answer:
    """Take a placement of yours back, within the shift."""
    return await tx.once(key, data, Answer, lambda: commands.undo(tx, data))


router = Router("/api/v1/scan", route_handlers=[resolve_code, scan, undo_scan])
