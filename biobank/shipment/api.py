"""Shipments over JSON, and their manifests as files."""

from typing import Any, Literal

from litestar import Controller, Request, Response, Router, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.shipment import commands, manifest, queries, receipt
from biobank.shipment.commands import PackedView
from biobank.shipment.queries import PackageView, PartyView, ShipmentRow, ShipmentView
from biobank.shipment.ready import ReadyTube, ready
from biobank.shipment.receipt import ReceiptView
from biobank.specimen.thawing import ThawedView
from biobank.tx import ReadTx

READ = {"permission": Permission.SHIPMENT_READ}
PACK = {"permission": Permission.SHIPMENT_PACK}
RECEIVE = {"permission": Permission.SHIPMENT_RECEIVE}

Kind = Literal["csv", "pdf", "json"]
_MEDIA = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}


async def manifest_file(request: Request[Any, Any, Any], tx: ReadTx, code: str, kind: Kind) -> Response[bytes]:
    """A manifest as a download, drawn from the frozen text; the digest goes along as a header."""
    shipment, text, digest = await queries.manifest_of(tx, code)
    if kind == "pdf":
        base = request.app.state.settings.public_url
        link = shipment.code if base is None else f"{base}/shipments/{shipment.code}"
        content = manifest.as_pdf(text, digest, link=link, courier=shipment.courier, tracking_no=shipment.tracking_no)
    else:
        content = manifest.as_csv(text) if kind == "csv" else text.encode()
    return Response(
        content,
        media_type=_MEDIA[kind],
        headers={
            "content-disposition": f'attachment; filename="manifest-{shipment.code}.{kind}"',
            "x-manifest-sha256": digest,
        },
    )


class PartyController(Controller):
    path = "/parties"
    tags = ("Shipments",)

    @get(operation_id="listParties", opt=READ)
    async def parties(self, tx: Reading) -> list[PartyView]:
        return await queries.parties(tx)

    @post(operation_id="addParty", opt=PACK)
    async def add(self, tx: Writing, data: JSONBody[commands.AddParty], key: Key) -> PartyView:
        return await tx.once(key, data, PartyView, lambda: commands.add_party(tx, data))


class ShipmentController(Controller):
    path = "/shipments"
    tags = ("Shipments",)

    @get(operation_id="listShipments", opt=READ)
    async def shipments(
        self,
        tx: Reading,
        status: FromQuery[str | None] = None,
        study: FromQuery[str | None] = None,
        site: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[ShipmentRow]:
        return await queries.shipments(tx, status=status, study=study, site=site, after=after, limit=limit)

    @post(operation_id="createShipment", opt=PACK)
    async def create(self, tx: Writing, data: JSONBody[commands.CreateShipment], key: Key) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: commands.create_shipment(tx, data))

    @get("/{code:str}", operation_id="getShipment", opt=READ)
    async def shipment(self, tx: Reading, code: FromPath[str]) -> ShipmentView:
        return await queries.shipment(tx, code)

    @get("/{code:str}/ready", operation_id="listReadyTubes", opt=READ)
    async def ready_tubes(self, tx: Reading, code: FromPath[str]) -> list[ReadyTube]:
        """Tubes that could be packed now, those that came to hand last first."""
        return list(await ready(tx, code))

    @get("/{code:str}/manifest.csv", operation_id="getManifestCsv", opt=READ)
    async def manifest_csv(self, request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Response[bytes]:
        return await manifest_file(request, tx, code, "csv")

    @get("/{code:str}/manifest.pdf", operation_id="getManifestPdf", opt=READ)
    async def manifest_pdf(self, request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Response[bytes]:
        return await manifest_file(request, tx, code, "pdf")

    @get("/{code:str}/manifest.json", operation_id="getManifestJson", opt=READ)
    async def manifest_json(self, request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Response[bytes]:
        return await manifest_file(request, tx, code, "json")

    @post("/{code:str}/packages", operation_id="addPackage", opt=PACK)
    async def add_package(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.PackageSpec], key: Key
    ) -> PackageView:
        return await tx.once(key, data, PackageView, lambda: commands.add_package(tx, code, data), of=code)

    @put("/{code:str}/packages/{number:int}", operation_id="changePackage", opt=PACK)
    async def change_package(
        self,
        tx: Writing,
        code: FromPath[str],
        number: FromPath[int],
        data: JSONBody[commands.PackageSpec],
        key: Key,
    ) -> PackageView:
        return await tx.once(
            key,
            data,
            PackageView,
            lambda: commands.change_package(tx, code, number, data),
            of=f"{code}/{number}",
        )

    @post("/{code:str}/items", operation_id="packItems", opt=PACK)
    async def pack(self, tx: Writing, code: FromPath[str], data: JSONBody[commands.PackItems], key: Key) -> PackedView:
        return await tx.once(key, data, PackedView, lambda: commands.pack_items(tx, code, data), of=code)

    @post("/{code:str}/pick-lists", operation_id="packPickList", opt=PACK)
    async def pack_list(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.PackPickList], key: Key
    ) -> PackedView:
        return await tx.once(key, data, PackedView, lambda: commands.pack_list(tx, code, data), of=code)

    @post("/{code:str}/unpack", operation_id="unpackItem", opt=PACK)
    async def unpack(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.UnpackItem], key: Key
    ) -> PackedView:
        return await tx.once(key, data, PackedView, lambda: commands.unpack_item(tx, code, data), of=code)

    @post("/{code:str}/finish-packing", operation_id="finishPacking", opt=PACK)
    async def finish_packing(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Finish], key: Key
    ) -> ShipmentView:
        return await tx.once(
            key, data, ShipmentView, lambda: commands.finish_packing(tx, code, data), of=f"{code}/packing"
        )

    @post("/{code:str}/reopen", operation_id="reopenShipment", opt=PACK)
    async def reopen(self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Reopen], key: Key) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: commands.reopen(tx, code, data), of=code)

    @post("/{code:str}/ship", operation_id="shipShipment", opt=PACK)
    async def ship(self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Ship], key: Key) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: commands.ship(tx, code, data), of=code)

    @post("/{code:str}/cancel", operation_id="cancelShipment", opt=PACK)
    async def cancel(self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Cancel], key: Key) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: commands.cancel(tx, code, data), of=code)

    @post("/{code:str}/lost", operation_id="declareShipmentLost", opt=PACK)
    async def lost(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.DeclareLost], key: Key
    ) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: commands.declare_lost(tx, code, data), of=code)

    @post("/{code:str}/receipts", operation_id="receiveTube", opt=RECEIVE)
    async def receive(self, tx: Writing, code: FromPath[str], data: JSONBody[receipt.Receive], key: Key) -> ReceiptView:
        return await tx.once(key, data, ReceiptView, lambda: receipt.receive(tx, code, data), of=code)

    @post("/{code:str}/missing", operation_id="markTubesMissing", opt=RECEIVE)
    async def missing(
        self, tx: Writing, code: FromPath[str], data: JSONBody[receipt.MarkMissing], key: Key
    ) -> ReceiptView:
        return await tx.once(key, data, ReceiptView, lambda: receipt.mark_missing(tx, code, data), of=code)

    @post("/{code:str}/packages/{number:int}/thaw", operation_id="thawPackage", opt=RECEIVE)
    async def thaw_package(
        self,
        tx: Writing,
        code: FromPath[str],
        number: FromPath[int],
        data: JSONBody[receipt.PackageThawed],
        key: Key,
    ) -> ThawedView:
        return await tx.once(
            key, data, ThawedView, lambda: receipt.thaw_package(tx, code, number, data), of=f"{code}/{number}"
        )

    @post("/{code:str}/finish-receipt", operation_id="finishReceipt", opt=RECEIVE)
    async def finish_receipt(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Finish], key: Key
    ) -> ShipmentView:
        return await tx.once(
            key, data, ShipmentView, lambda: receipt.finish_receipt(tx, code, data), of=f"{code}/receipt"
        )

    @post("/{code:str}/delivery", operation_id="confirmDelivery", opt=PACK)
    async def delivery(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Finish], key: Key
    ) -> ShipmentView:
        return await tx.once(
            key, data, ShipmentView, lambda: receipt.confirm_delivery(tx, code, data), of=f"{code}/delivery"
        )

    @post("/{code:str}/resolutions", operation_id="resolveDiscrepancy", opt=RECEIVE)
    async def resolve(
        self, tx: Writing, code: FromPath[str], data: JSONBody[receipt.Resolve], key: Key
    ) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: receipt.resolve(tx, code, data), of=code)

    @post("/{code:str}/reconcile", operation_id="reconcileShipment", opt=RECEIVE)
    async def reconcile(
        self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Finish], key: Key
    ) -> ShipmentView:
        return await tx.once(key, data, ShipmentView, lambda: receipt.reconcile(tx, code, data), of=f"{code}/reconcile")


router = Router("/api/v1", route_handlers=[PartyController, ShipmentController])
