"""The look-up of a scanned code, and the scan station's verbs, over JSON."""

from typing import Any

import msgspec
from litestar import Request, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from biobank.actor import Actor, Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.scan import commands, queries, rules
from biobank.scan.answers import Answer, StationScan
from biobank.scan.commands import Noted
from biobank.scan.in_hand import TubeInHand, in_hand
from biobank.scan.queries import CodeView


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


@post(
    "/",
    operation_id="scan",
    opt={"permission": Permission.SPECIMEN_READ},
    tags=["Scan"],
    status_code=200,
    responses={200: ResponseSpec(Answer, generate_examples=False, description="What came of the scan.")},
)
async def scan(tx: Writing, data: JSONBody[StationScan], key: Key) -> ASGIResponse:
    """One scan of a station. The same key again is the same scan: it returns the first outcome.

    A `dry_run` is answered as any other and changes nothing, so it leaves no outcome to return either.
    """
    rules.check_made_by(data.made_by, tx.actor.username)
    if data.dry_run:
        seen = await tx.rehearse(lambda: commands.scan(tx, data))
        told = seen.model_copy(update={"undo": None, "unpack": False}).model_dump_json()
    else:
        told = await tx.once_told(key, data, lambda: commands.scan(tx, data))
    return ASGIResponse(body=told.encode(), media_type="application/json")  # as its receipt has it: written out once


@post("/undo", operation_id="undoScan", opt={"permission": Permission.SPECIMEN_READ}, tags=["Scan"], status_code=200)
async def undo_scan(tx: Writing, data: JSONBody[commands.UndoScan], key: Key) -> Answer:
    """Take back what you did by scan: a placement, within the shift, or a tube that you packed."""
    rules.check_made_by(data.made_by, tx.actor.username)
    return await tx.once(key, data, Answer, lambda: commands.undo(tx, data))


@post("/undo-box", operation_id="undoBox", opt={"permission": Permission.STORAGE_STORE}, tags=["Scan"], status_code=200)
async def undo_box(tx: Writing, data: JSONBody[commands.UndoBox], key: Key) -> Answer:
    """Take back all that a station of yours did with a box."""
    return await tx.once(key, data, Answer, lambda: commands.undo_box(tx, data))


@get("/in-hand", operation_id="tubesInHand", opt={"permission": Permission.SPECIMEN_READ}, tags=["Scan"])
async def tubes_in_hand(tx: Reading) -> list[TubeInHand]:
    """The tubes in your hands, the longest first, and how urgent each is."""
    return await in_hand(tx)


@post("/started", operation_id="startStation", opt={"permission": Permission.SPECIMEN_READ}, tags=["Scan"])
async def start_station(tx: Writing, data: JSONBody[commands.StartStation], key: Key) -> Noted:
    """Note that a station is in use, and whether its scanner was tested."""
    return await tx.once(key, data, Noted, lambda: commands.start(tx, data))


@post("/dropped", operation_id="dropScan", opt={"permission": Permission.SPECIMEN_READ}, tags=["Scan"])
async def drop_scan(tx: Writing, data: JSONBody[commands.DropScan], key: Key) -> Noted:
    """Note that a scan made offline is not tried again, and why."""
    return await tx.once(key, data, Noted, lambda: commands.drop(tx, data))


router = Router("/api/v1/scan", route_handlers=[resolve_code, scan, undo_scan, undo_box])
station = Router("/api/v1/station", route_handlers=[tubes_in_hand, start_station, drop_scan])
