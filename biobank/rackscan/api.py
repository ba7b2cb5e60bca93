"""Scans of racks, and re-mapping a box, over JSON."""

from typing import Any

from litestar import Controller, Request, Router, get, post
from litestar.params import FromPath, JSONBody, MultipartBody

from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.rackscan import commands, queries, remapping, uploads
from biobank.rackscan.queries import RackScanRow, RackScanView
from biobank.rackscan.remapping import RemapView

_READ = {"permission": Permission.STORAGE_READ}
_STORE = {"permission": Permission.STORAGE_STORE}


class RackScanController(Controller):
    path = "/containers/{code:str}"
    tags = ("Storage",)

    @get("/rack-scans", operation_id="listRackScans", opt=_READ)
    async def scans(self, tx: Reading, code: FromPath[str]) -> list[RackScanRow]:
        """The scans of a box, newest first."""
        return await queries.rack_scans(tx, code)

    @post("/rack-scans", operation_id="keepRackScan", opt={**_STORE, "rate": UPLOAD})
    async def keep(
        self, request: Request[Any, Any, Any], code: FromPath[str], data: MultipartBody[uploads.RackForm], key: Key
    ) -> RackScanView:
        """Reads the file of a rack scanner and says how the box differs from it. Nothing is moved."""
        return await uploads.keep(request, code, data.file, key)

    @get("/rack-scans/{number:int}", operation_id="getRackScan", opt=_READ)
    async def scan(self, tx: Reading, code: FromPath[str], number: FromPath[int]) -> RackScanView:
        """A scan with the differences of this moment."""
        return await queries.rack_scan(tx, code, number)

    @post("/rack-scans/{number:int}/settle", operation_id="settleRackScan", opt=_STORE)
    async def settle(
        self,
        tx: Writing,
        code: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.SettleRackScan],
        key: Key,
    ) -> RackScanView:
        """Says what was scanned by hand at a position, and what became of tubes that were not seen."""
        return await tx.once(
            key, data, RackScanView, lambda: commands.settle(tx, code, number, data), of=f"{code}/{number}"
        )

    @post("/rack-scans/{number:int}/commit", operation_id="commitRackScan", opt=_STORE)
    async def commit(
        self,
        tx: Writing,
        code: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.CommitRackScan],
        key: Key,
    ) -> RackScanView:
        """Stores all that the scan says, in one transaction."""
        return await tx.once(
            key, data, RackScanView, lambda: commands.commit_scan(tx, code, number, data), of=f"{code}/{number}"
        )

    @post("/rack-scans/{number:int}/discard", operation_id="discardRackScan", opt=_STORE)
    async def discard(
        self,
        tx: Writing,
        code: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.DiscardRackScan],
        key: Key,
    ) -> RackScanView:
        return await tx.once(
            key, data, RackScanView, lambda: commands.discard(tx, code, number, data), of=f"{code}/{number}"
        )

    @post("/remap", operation_id="remapBox", opt=_STORE)
    async def remap(self, tx: Writing, code: FromPath[str], data: JSONBody[remapping.RemapBox], key: Key) -> RemapView:
        """Records the new order of a box whose tubes were spilled and put back."""
        return await tx.once(key, data, RemapView, lambda: remapping.remap_box(tx, code, data), of=code)


router = Router("/api/v1", route_handlers=[RackScanController])
