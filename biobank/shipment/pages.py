"""The shipping clerk's pages: the list, a new shipment, and one page on which a shipment is packed, handed over and
received.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from pydantic import BaseModel

from biobank import ids
from biobank.actor import Permission
from biobank.errors import DomainError, Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.picking import queries as picking
from biobank.shipment import commands, manifest, queries, receipt, rules
from biobank.shipment.api import PACK, READ, RECEIVE, manifest_file
from biobank.shipment.commands import Finish, PackedView
from biobank.shipment.queries import ItemView, PackageView, PartyView, ShipmentView
from biobank.shipment.ready import ready
from biobank.shipment.receipt import ReceiptView
from biobank.study.queries import studies
from biobank.tx import ReadTx, Tx

Command = TypeVar("Command", bound=BaseModel)
Form = Mapping[str, str]
Web = Request[Any, Any, Any]

STATES: Mapping[str, tuple[str, str]] = {
    "draft": ("pending", "Draft"),
    "packed": ("info", "Packed"),
    "shipped": ("right", "On the way"),
    "received": ("hold", "Received"),
    "reconciled": ("ok", "Reconciled"),
    "cancelled": ("muted", "Cancelled"),
    "lost": ("stop", "Lost"),
}
TUBES: Mapping[str, tuple[str, str]] = {
    "packed": ("pending", "Packed"),
    "received": ("ok", "Good"),
    "damaged": ("warning", "Damaged"),
    "thawed": ("warning", "Thawed"),
    "missing": ("stop", "Missing"),
    "extra": ("duplicate", "Extra"),
}
PURPOSE_CLASSES = (
    ("un3373_category_b", "UN 3373, biological substance, category B"),
    ("exempt_human_specimen", "Exempt human specimen"),
)


@get("/shipments", operation_id="shipmentsPage", opt=READ, include_in_schema=False)
async def shipments_page(
    request: Web,
    tx: Reading,
    status: FromQuery[str | None] = None,
    study: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    filters = {name: value for name, value in (("status", status), ("study", study), ("site", site)) if value}
    found = await queries.shipments(
        tx, status=filters.get("status"), study=filters.get("study"), site=filters.get("site"), after=after
    )

    def address(**query: Any) -> str:
        return f"/shipments?{urlencode(query)}" if query else "/shipments"

    chips = [
        {
            "label": f"{name}: {value}",
            "remove_href": address(**{other: kept for other, kept in filters.items() if other != name}),
        }
        for name, value in filters.items()
    ]
    return page(
        request,
        "shipment/shipments.html",
        title="Shipments",
        found=found,
        chips=chips,
        filters=filters,
        known=await studies(tx),
        next_href=address(**filters, after=found.next) if found.next else None,
        states=STATES,
    )


@get("/shipments/new", operation_id="newShipmentPage", opt=PACK, include_in_schema=False)
async def new_page(request: Web, tx: Reading, pick_list: FromQuery[str] = "") -> Template:
    """`pick_list` is carried along to the shipment that its tubes are packed in: a new one, or a draft of its site."""
    view = await _choices(tx)
    if pick_list:
        found = await picking.pick_list(tx, pick_list)
        rows = (await queries.shipments(tx, status="draft", study=found.study, site=found.site)).rows
        view["listed"], view["drafts"] = found, [row for row in rows if row.from_site == found.site]
        view["values"] = {"from": f"{found.study}/{found.site}", "purpose": found.purpose, "pick_list": found.code}
    return page(request, "shipment/new.html", title="New shipment", **view)


@post("/shipments/new", operation_id="newShipmentForm", opt=PACK, include_in_schema=False, status_code=303)
async def new_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """From and to are chosen as STUDY/SITE; an external laboratory is chosen by its code."""
    with shown_again("shipment/new.html", title="New shipment", values=data, **await _choices(tx)), _as_form_error():
        study, _, site = data.get("from", "").partition("/")
        kind, _, end = data.get("to", "").partition("/")
        to = {"to_party" if kind == "party" else "to_site": end or None}
        command = parse_form(commands.CreateShipment, data, study=study, from_site=site, **to)
        made = await tx.once(form_key(data), command, ShipmentView, lambda: commands.create_shipment(tx, command))
    return Redirect(f"/shipments/{made.code}{_carried(data)}", status_code=303)


def _carried(data: Form) -> str:
    """A pick list that waits to be packed goes on from page to page."""
    return f"?{urlencode({'pick_list': data['pick_list']})}" if data.get("pick_list") else ""


async def _choices(tx: ReadTx) -> dict[str, Any]:
    known = await studies(tx)
    sites = {site.code: site.name for study in known for site in study.sites}
    to = [(f"site/{code}", f"{name} ({code})") for code, name in sorted(sites.items())]
    to += [(f"party/{party.code}", f"{party.name}, external") for party in await queries.parties(tx)]
    ends = [
        (f"{study.code}/{site.code}", f"{study.code}: {site.name} ({site.code})")
        for study in known
        for site in study.sites
    ]
    return {"ends": ends, "to": to, "classes": PURPOSE_CLASSES, "listed": None, "drafts": []}


@get("/shipments/parties", operation_id="partiesPage", opt=READ, include_in_schema=False)
async def parties_page(request: Web, tx: Reading) -> Template:
    return page(request, "shipment/parties.html", title="External laboratories", parties=await queries.parties(tx))


@post("/shipments/parties", operation_id="addPartyForm", opt=PACK, include_in_schema=False, status_code=303)
async def party_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    view = {"parties": await queries.parties(tx)}
    with shown_again("shipment/parties.html", title="External laboratories", values=data, **view):
        command = parse_form(commands.AddParty, data)
        await tx.once(form_key(data), command, PartyView, lambda: commands.add_party(tx, command))
    return Redirect("/shipments/parties", status_code=303)


@get("/shipments/{code:str}", operation_id="shipmentPage", opt=READ, include_in_schema=False)
async def shipment_page(request: Web, tx: Reading, code: FromPath[str], pick_list: FromQuery[str] = "") -> Template:
    view = await queries.shipment(tx, code)
    shown = await _shown(tx, view)
    return page(request, "shipment/shipment.html", title=_title(view), **shown, values={"pick_list": pick_list})


def _title(view: ShipmentView) -> str:
    return f"Shipment {ids.grouped(view.code)}"


async def _shown(tx: ReadTx, view: ShipmentView) -> dict[str, Any]:
    masses = [one.dry_ice_net_kg for one in view.packages if one.dry_ice_net_kg is not None and one.tubes]
    return {
        "view": view,
        "ready": await ready(tx, view.code) if "pack" in view.next else (),
        "new_key": ids.new_uuid,
        "last": _last(view),
        "states": STATES,
        "tube_states": TUBES,
        "temperatures": await queries.temperature_classes(tx),
        "refrigerants": manifest.REFRIGERANTS,
        "resolutions": {
            status: [(one, one.replace("_", " ")) for one in sorted(fitting)]
            for status, fitting in rules.RESOLUTIONS.items()
        },
        "classification": dict(PURPOSE_CLASSES)[view.classification],
        "waybill": rules.air_waybill_text(view.classification, masses),
        "site_tz": view.from_site.timezone,
    }


def _last(view: ShipmentView) -> ItemView | None:
    """The tube of the latest scan, to be read from an arm's length."""
    if view.status == "draft":
        return max(view.items, key=lambda item: item.packed_at, default=None)
    seen = [item for item in view.items if item.received_at is not None]
    return max(seen, key=lambda item: (item.received_at, item.tube), default=None) if view.status == "shipped" else None


class _as_form_error:  # noqa: N801  # reads as a word in a with statement
    """A refusal inside a form shows the form again as unprocessable: the page stays, and so does what was typed."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DomainError) and not isinstance(error, Invalid):
            raise Invalid(error.detail) from error


async def _deed(
    tx: Tx,
    code: str,
    data: Form,
    model: type[Command],
    outcome: type[BaseModel],
    act: Callable[[Tx, str, Command], Awaitable[Any]],
    **given: Any,
) -> Redirect:
    """One step on the shipment's page: shown again with what is wrong, or back to the page."""
    view = await queries.shipment(tx, code)
    with (
        shown_again("shipment/shipment.html", title=_title(view), values=data, **await _shown(tx, view)),
        _as_form_error(),
    ):
        command = parse_form(model, data, **given)
        of = f"{view.code}/{act.__name__}"
        await tx.once(form_key(data), command, outcome, lambda: act(tx, view.code, command), of=of)
    carried = "" if model is commands.PackPickList else _carried(data)
    return Redirect(f"/shipments/{view.code}{carried}", status_code=303)


def _codes(data: Form) -> tuple[str, ...]:
    """One code from the scan field, or many from a pasted list."""
    return tuple(data.get("tubes", "").split()) or ((data["tube"],) if data.get("tube") else ())


def _step(
    path: str,
    opt: Mapping[str, Permission],
    model: type[Command],
    outcome: type[BaseModel],
    act: Callable[[Tx, str, Command], Awaitable[Any]],
    given: Callable[[Form], dict[str, Any]] = lambda _: {},
) -> Any:
    """A handler of one step's form; all of them read alike, so they are made alike."""

    @post(
        f"/shipments/{{code:str}}/{path}",
        operation_id=f"{act.__name__}_form",
        opt=dict(opt),
        include_in_schema=False,
        status_code=303,
    )
    async def handler(tx: Writing, code: FromPath[str], data: URLEncodedBody[dict[str, str]]) -> Redirect:
        return await _deed(tx, code, data, model, outcome, act, **given(data))

    return handler


STEPS = (
    _step("packages", PACK, commands.PackageSpec, PackageView, commands.add_package),
    _step("items", PACK, commands.PackItems, PackedView, commands.pack_items, lambda data: {"tubes": _codes(data)}),
    _step("pick-lists", PACK, commands.PackPickList, PackedView, commands.pack_list),
    _step("unpack", PACK, commands.UnpackItem, PackedView, commands.unpack_item),
    _step("finish-packing", PACK, Finish, ShipmentView, commands.finish_packing),
    _step("reopen", PACK, commands.Reopen, ShipmentView, commands.reopen),
    _step("ship", PACK, commands.Ship, ShipmentView, commands.ship),
    _step("cancel", PACK, commands.Cancel, ShipmentView, commands.cancel),
    _step("lost", PACK, commands.DeclareLost, ShipmentView, commands.declare_lost),
    _step("receipts", RECEIVE, receipt.Receive, ReceiptView, receipt.receive),
    _step(
        "missing", RECEIVE, receipt.MarkMissing, ReceiptView, receipt.mark_missing, lambda data: {"tubes": _codes(data)}
    ),
    _step("finish-receipt", RECEIVE, Finish, ShipmentView, receipt.finish_receipt),
    _step("delivery", PACK, Finish, ShipmentView, receipt.confirm_delivery),
    _step("resolutions", RECEIVE, receipt.Resolve, ShipmentView, receipt.resolve),
    _step("reconcile", RECEIVE, Finish, ShipmentView, receipt.reconcile),
)


@post(
    "/shipments/{code:str}/packages/{number:int}",
    operation_id="changePackageForm",
    opt=PACK,
    include_in_schema=False,
    status_code=303,
)
async def package_form(
    tx: Writing, code: FromPath[str], number: FromPath[int], data: URLEncodedBody[dict[str, str]]
) -> Redirect:
    async def change_package(tx: Tx, code: str, command: commands.PackageSpec) -> PackageView:
        return await commands.change_package(tx, code, number, command)

    return await _deed(tx, f"{code}", data, commands.PackageSpec, PackageView, change_package)


@get("/shipments/{code:str}/manifest.csv", operation_id="manifestCsvPage", opt=READ, include_in_schema=False)
async def manifest_csv(request: Web, tx: Reading, code: FromPath[str]) -> Response[bytes]:
    return await manifest_file(request, tx, code, "csv")


@get("/shipments/{code:str}/manifest.pdf", operation_id="manifestPdfPage", opt=READ, include_in_schema=False)
async def manifest_pdf(request: Web, tx: Reading, code: FromPath[str]) -> Response[bytes]:
    return await manifest_file(request, tx, code, "pdf")


@get("/shipments/{code:str}/manifest.json", operation_id="manifestJsonPage", opt=READ, include_in_schema=False)
async def manifest_json(request: Web, tx: Reading, code: FromPath[str]) -> Response[bytes]:
    return await manifest_file(request, tx, code, "json")


router = Router(
    "/",
    route_handlers=[
        shipments_page,
        new_page,
        new_form,
        parties_page,
        party_form,
        shipment_page,
        *STEPS,
        package_form,
        manifest_csv,
        manifest_pdf,
        manifest_json,
    ],
)
