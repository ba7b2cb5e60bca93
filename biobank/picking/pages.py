"""The pages of picking: the lists, a new one, one list that is walked by scan, reservations and searches."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank import ids
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.picking import commands, lines, paper, queries, reserving, walk
from biobank.picking.api import PICK, READ, RESERVE
from biobank.picking.queries import PickListView
from biobank.picking.reserving import ReservedView
from biobank.picking.rules import MOST_TUBES
from biobank.picking.walk import PickAnswer, PickScan
from biobank.storage import searching
from biobank.study.queries import studies
from biobank.tx import ReadTx, Tx

Form = URLEncodedBody[dict[str, str]]
Web = Request[Any, Any, Any]

STATES: Mapping[str, tuple[str, str]] = {
    "open": ("pending", "Open"),
    "in_progress": ("right", "In progress"),
    "picked": ("info", "Picked"),
    "verified": ("ok", "Verified"),
    "handed_over": ("muted", "Handed over"),
    "cancelled": ("muted", "Cancelled"),
}
LINES: Mapping[str, tuple[str, str]] = {
    "to_pick": ("pending", "To pick"),
    "picked": ("ok", "Picked"),
    "not_found": ("stop", "Not found"),
    "short": ("warning", "Short"),
    "substituted": ("duplicate", "Substituted"),
    "skipped": ("muted", "Skipped"),
    "withdrawn": ("hold", "Consent withdrawn"),
}
DESTINATIONS = (("packing", "Packing: they go into a shipment"), ("bench", "A bench: they are measured or worked on"))


def scanned(text: str) -> list[str]:
    """Codes from a text field that a scanner filled: separated by commas, spaces or lines, each once.

    Raises:
        Invalid: more than a list holds.
    """
    codes = list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
    if len(codes) > MOST_TUBES:
        raise Invalid(f"At most {MOST_TUBES} tubes at once.", errors={"tubes": "are too many"})
    return codes


def _address(path: str, **query: Any) -> str:
    return f"{path}?{urlencode(query)}" if query else path


@get("/pick-lists", operation_id="pickListsPage", opt=READ, include_in_schema=False)
async def pick_lists_page(
    request: Web,
    tx: Reading,
    status: FromQuery[str | None] = None,
    study: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    filters = {name: value for name, value in (("status", status), ("study", study), ("site", site)) if value}
    found = await queries.pick_lists(
        tx, status=filters.get("status"), study=filters.get("study"), site=filters.get("site"), after=after
    )
    chips = [
        {
            "label": f"{name}: {value.replace('_', ' ')}",
            "remove_href": _address("/pick-lists", **{other: kept for other, kept in filters.items() if other != name}),
        }
        for name, value in filters.items()
    ]
    return page(
        request,
        "picking/lists.html",
        title="Pick lists",
        found=found,
        chips=chips,
        filters=filters,
        known=await studies(tx),
        missing=await searching.searches(tx, limit=20),
        next_href=_address("/pick-lists", **filters, after=found.next) if found.next else None,
        states=STATES,
        new_key=ids.new_uuid,
    )


async def _choices(tx: ReadTx) -> dict[str, Any]:
    return {"destinations": DESTINATIONS, "sets": await reserving.purposes(tx)}


@get("/pick-lists/new", operation_id="newPickListPage", opt=PICK, include_in_schema=False)
async def new_page(
    request: Web, tx: Reading, reserved_for: FromQuery[str] = "", tubes: FromQuery[str] = ""
) -> Template:
    values = {"reserved_for": reserved_for, "purpose": reserved_for, "tubes": tubes}
    return page(request, "picking/new.html", title="New pick list", **await _choices(tx), values=values)


@post("/pick-lists/new", operation_id="newPickListForm", opt=PICK, include_in_schema=False, status_code=303)
async def new_form(tx: Writing, data: Form) -> Redirect:
    with shown_again("picking/new.html", title="New pick list", values=data, **await _choices(tx)):
        command = parse_form(commands.MakePickList, data, tubes=scanned(data.get("tubes", "")))
        made = await tx.once(form_key(data), command, PickListView, lambda: commands.make(tx, command))
    return Redirect(f"/pick-lists/{made.code}", status_code=303)


async def _shown(tx: ReadTx, view: PickListView, answer: PickAnswer | None = None) -> dict[str, Any]:
    walking = view.status in {"open", "in_progress"}
    following = answer.following if answer else None
    if following is None and walking and view.waiting is not None:
        following = await walk.next_tube(tx, view, view.waiting)
    return {
        "view": view,
        "walking": walking and bool(view.next),
        "answer": answer,
        "following": following,
        "states": STATES,
        "line_states": LINES,
        "site_tz": view.timezone,
        "new_key": ids.new_uuid,
    }


def _title(view: PickListView) -> str:
    return f"Pick list {ids.grouped(view.code)}"


@get("/pick-lists/{code:str}", operation_id="pickListPage", opt=READ, include_in_schema=False)
async def pick_list_page(request: Web, tx: Reading, code: FromPath[str]) -> Template:
    view = await queries.pick_list(tx, code)
    return page(request, "picking/list.html", title=_title(view), **await _shown(tx, view))


@get("/pick-lists/{code:str}/list.pdf", operation_id="pickListPdf", opt=READ, include_in_schema=False)
async def pick_list_pdf(tx: Reading, code: FromPath[str]) -> Response[bytes]:
    """The list on paper, in freezer order, with the bar code that opens it."""
    view = await queries.pick_list(tx, code)
    content = await asyncio.to_thread(paper.printed, view, tx.now)
    headers = {"content-disposition": f'inline; filename="pick-list-{view.code}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@post("/pick-lists/{code:str}/scan", operation_id="pickScanForm", opt=PICK, include_in_schema=False, status_code=200)
async def scan_form(request: Web, tx: Writing, code: FromPath[str], data: Form) -> Template:
    """One scan without a script: the page again, with the outcome in large type."""
    command = PickScan(text=data.get("scan", "")[:200])
    answer = await tx.once(form_key(data), command, PickAnswer, lambda: walk.scan(tx, code, command), of=code)
    view = await queries.pick_list(tx, code)
    return page(request, "picking/list.html", title=_title(view), **await _shown(tx, view, answer))


async def _done(tx: Tx, code: str, data: Mapping[str, str], model: Any, verb: Any, **given: Any) -> Redirect:
    """One of the small forms of the page; what it refuses is shown on the page again."""
    before = await queries.pick_list(tx, code)
    with shown_again("picking/list.html", title=_title(before), values=data, **await _shown(tx, before)):
        command = parse_form(model, data, **given)
        await tx.once(
            form_key(data),
            command,
            PickListView,
            lambda: verb(tx, before.code, command),
            of=f"{verb.__name__} {before.code}",
        )
    return Redirect(f"/pick-lists/{before.code}", status_code=303)


@post(
    "/pick-lists/{code:str}/start", operation_id="startPickingForm", opt=PICK, include_in_schema=False, status_code=303
)
async def start_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _done(tx, code, data, commands.StartPicking, commands.start)


@post(
    "/pick-lists/{code:str}/settle", operation_id="settleLineForm", opt=PICK, include_in_schema=False, status_code=303
)
async def settle_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    """What became of a tube that was not picked; the button that was pressed says which."""
    deeds: Mapping[str, tuple[Any, Any]] = {
        "not_found": (lines.NotFoundTube, lines.not_found),
        "short": (lines.SettleLine, lines.short),
        "skip": (lines.SettleLine, lines.skip),
        "substitute": (lines.SubstituteTube, lines.substitute),
    }
    chosen = deeds.get(data.get("deed", ""))
    if chosen is None:
        raise Invalid("The form is incomplete: load the page again.", errors={"deed": "is not known"})
    return await _done(tx, code, data, *chosen)


@post("/pick-lists/{code:str}/undo", operation_id="undoPickForm", opt=PICK, include_in_schema=False, status_code=303)
async def undo_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _done(tx, code, data, lines.UndoLine, lines.undo)


@post(
    "/pick-lists/{code:str}/verify", operation_id="verifyPickedForm", opt=PICK, include_in_schema=False, status_code=303
)
async def verify_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _done(tx, code, data, commands.VerifyPicked, commands.verify, tubes=scanned(data.get("tubes", "")))


@post(
    "/pick-lists/{code:str}/hand-over",
    operation_id="handOverPickedForm",
    opt=PICK,
    include_in_schema=False,
    status_code=303,
)
async def hand_over_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _done(tx, code, data, commands.HandOverPicked, commands.hand_over)


@post(
    "/pick-lists/{code:str}/cancel",
    operation_id="cancelPickListForm",
    opt=PICK,
    include_in_schema=False,
    status_code=303,
)
async def cancel_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    return await _done(tx, code, data, commands.CancelPickList, commands.cancel)


@get("/reservations", operation_id="reservationsPage", opt=READ, include_in_schema=False)
async def reservations_page(
    request: Web, tx: Reading, mine: FromQuery[bool] = False, purpose: FromQuery[str] = "", after: After = 0
) -> Template:
    found = await reserving.reservations(tx, mine=mine, purpose=purpose or None, after=after)
    kept = {**({"mine": "true"} if mine else {}), **({"purpose": purpose} if purpose else {})}
    return page(
        request,
        "picking/reservations.html",
        title="Reservations",
        found=found,
        mine=mine,
        purpose=purpose,
        sets=await reserving.purposes(tx),
        next_href=_address("/reservations", **kept, after=found.next) if found.next else None,
    )


@post("/reservations", operation_id="reserveForm", opt=RESERVE, include_in_schema=False, status_code=303)
async def reserve_form(tx: Writing, data: Form) -> Redirect:
    """From the page of reservations or of a tube: back to the tube when it was one."""
    view = {
        "found": await reserving.reservations(tx),
        "mine": False,
        "purpose": "",
        "sets": await reserving.purposes(tx),
        "next_href": None,
    }
    with shown_again("picking/reservations.html", title="Reservations", values=data, **view):
        command = parse_form(reserving.ReserveTubes, data, tubes=scanned(data.get("tubes", "")))
        made = await tx.once(form_key(data), command, ReservedView, lambda: reserving.reserve(tx, command))
    return Redirect(_back(data, made), status_code=303)


@post("/reservations/release", operation_id="releaseForm", opt=RESERVE, include_in_schema=False, status_code=303)
async def release_form(tx: Writing, data: Form) -> Response[Any]:
    command = parse_form(reserving.ReleaseTubes, data, tubes=scanned(data.get("tubes", "")))
    made = await tx.once(form_key(data), command, ReservedView, lambda: reserving.release(tx, command))
    return Redirect(_back(data, made), status_code=303)


def _back(data: Mapping[str, str], made: ReservedView) -> str:
    if data.get("from") == "tube" and made.reservations:
        return f"/specimens/{made.reservations[0].tube}"
    return "/reservations"


router = Router(
    "/",
    route_handlers=[
        pick_lists_page,
        new_page,
        new_form,
        pick_list_page,
        pick_list_pdf,
        scan_form,
        start_form,
        settle_form,
        undo_form,
        verify_form,
        hand_over_form,
        cancel_form,
        reservations_page,
        reserve_form,
        release_form,
    ],
)
