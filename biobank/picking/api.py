"""Reservations, pick lists and searches over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.picking import commands, lines, queries, reserving, walk
from biobank.picking.queries import PickListRow, PickListView
from biobank.picking.reserving import ReservationView, ReservedView
from biobank.picking.walk import PickAnswer

READ = {"permission": Permission.SPECIMEN_READ}
RESERVE = {"permission": Permission.SPECIMEN_RESERVE}
PICK = {"permission": Permission.SPECIMEN_PICK}


class ReservationController(Controller):
    path = "/reservations"
    tags = ("Picking",)

    @get(operation_id="listReservations", opt=READ)
    async def reservations(
        self,
        tx: Reading,
        *,
        study: FromQuery[str | None] = None,
        purpose: FromQuery[str | None] = None,
        tube: FromQuery[str | None] = None,
        mine: FromQuery[bool] = False,
        ended: FromQuery[bool] = False,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[ReservationView]:
        """Reservations in force; with `ended` also those that are over, with `mine` only one's own."""
        return await reserving.reservations(
            tx, study=study, purpose=purpose, tube=tube, mine=mine, ended=ended, after=after, limit=limit
        )

    @post(operation_id="reserveTubes", opt=RESERVE)
    async def reserve(self, tx: Writing, data: JSONBody[reserving.ReserveTubes], key: Key) -> ReservedView:
        return await tx.once(key, data, ReservedView, lambda: reserving.reserve(tx, data))

    @post("/release", operation_id="releaseTubes", opt=RESERVE)
    async def release(self, tx: Writing, data: JSONBody[reserving.ReleaseTubes], key: Key) -> ReservedView:
        return await tx.once(key, data, ReservedView, lambda: reserving.release(tx, data))


class PickListController(Controller):
    path = "/pick-lists"
    tags = ("Picking",)

    @get(operation_id="listPickLists", opt=READ)
    async def pick_lists(
        self,
        tx: Reading,
        *,
        status: FromQuery[str | None] = None,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[PickListRow]:
        """Pick lists; the status `unfinished` is all that are neither handed over nor cancelled."""
        return await queries.pick_lists(tx, status=status, study=study, site=site, after=after, limit=limit)

    @post(operation_id="makePickList", opt=PICK)
    async def make(self, tx: Writing, data: JSONBody[commands.MakePickList], key: Key) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: commands.make(tx, data))

    @get("/{code:str}", operation_id="getPickList", opt=READ)
    async def pick_list(self, tx: Reading, code: FromPath[str]) -> PickListView:
        """A pick list with its lines in freezer order."""
        return await queries.pick_list(tx, code)

    @post("/{code:str}/start", operation_id="startPicking", opt=PICK)
    async def start(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.StartPicking], key: Key
    ) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: commands.start(tx, code, data), of=code)

    @post("/{code:str}/scan", operation_id="scanAtPickList", opt=PICK, status_code=200)
    async def scan(self, tx: Writing, code: FromPath[str], data: JSONBody[walk.PickScan], key: Key) -> PickAnswer:
        """One scan in front of the freezer. The same key again is the same scan: it returns the first outcome."""
        return await tx.once(key, data, PickAnswer, lambda: walk.scan(tx, code, data), of=code)

    @post("/{code:str}/picks", operation_id="pickTube", opt=PICK)
    async def pick(self, tx: Writing, code: FromPath[str], data: JSONBody[lines.PickTube], key: Key) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: lines.pick(tx, code, data), of=code)

    @post("/{code:str}/not-found", operation_id="tubeNotFound", opt=PICK)
    async def not_found(
        self, tx: Writing, code: FromPath[str], data: JSONBody[lines.NotFoundTube], key: Key
    ) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: lines.not_found(tx, code, data), of=code)

    @post("/{code:str}/short", operation_id="tubeShort", opt=PICK)
    async def short(self, tx: Writing, code: FromPath[str], data: JSONBody[lines.SettleLine], key: Key) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: lines.short(tx, code, data), of=f"short {code}")

    @post("/{code:str}/skip", operation_id="skipTube", opt=PICK)
    async def skip(self, tx: Writing, code: FromPath[str], data: JSONBody[lines.SettleLine], key: Key) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: lines.skip(tx, code, data), of=f"skip {code}")

    @post("/{code:str}/substitute", operation_id="substituteTube", opt=PICK)
    async def substitute(
        self, tx: Writing, code: FromPath[str], data: JSONBody[lines.SubstituteTube], key: Key
    ) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: lines.substitute(tx, code, data), of=code)

    @post("/{code:str}/undo", operation_id="undoPick", opt=PICK)
    async def undo(self, tx: Writing, code: FromPath[str], data: JSONBody[lines.UndoLine], key: Key) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: lines.undo(tx, code, data), of=code)

    @post("/{code:str}/verify", operation_id="verifyPicked", opt=PICK)
    async def verify(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.VerifyPicked], key: Key
    ) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: commands.verify(tx, code, data), of=code)

    @post("/{code:str}/hand-over", operation_id="handOverPicked", opt=PICK)
    async def hand_over(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.HandOverPicked], key: Key
    ) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: commands.hand_over(tx, code, data), of=code)

    @post("/{code:str}/cancel", operation_id="cancelPickList", opt=PICK)
    async def cancel(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.CancelPickList], key: Key
    ) -> PickListView:
        return await tx.once(key, data, PickListView, lambda: commands.cancel(tx, code, data), of=code)


router = Router("/api/v1", route_handlers=[ReservationController, PickListController])
