"""Disposal lists on pages: the lists, a new one, and the worklist at which two people scan."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.disposal import commands, queries, rules
from biobank.disposal.api import CONFIRM, PLAN, READ
from biobank.disposal.queries import DisposalView
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.participant.pages import chips, next_page
from biobank.specimen.queries import tube_code
from biobank.study.queries import studies
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
STATES = {
    "listed": ("pending", "Waits for the first person"),
    "confirmed": ("hold", "Waits for the second person"),
    "missed": ("warning", "Not found by the first person"),
    "disposed": ("ok", "Destroyed"),
    "not_found": ("stop", "Not found by two people"),
    "struck": ("muted", "Struck off"),
}
PLANNED = tuple((code, title) for code, title in rules.REASON_TITLES.items() if code != "consent_withdrawn")


@get("/disposals", operation_id="disposalsPage", opt=READ, include_in_schema=False)
async def disposals_page(
    request: Here,
    tx: Reading,
    *,
    status: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    filters = {"status": status, "site": site}
    is_open = {"open": True, "done": False}.get(status or "")
    found = await queries.disposals(tx, is_open=is_open, site=site or None, after=after)
    return page(
        request,
        "disposal/list.html",
        title="Disposal lists",
        found=found,
        filters=filters,
        chips=chips("/disposals", filters),
        next_href=next_page("/disposals", filters, found.next),
        reasons=rules.REASON_TITLES,
    )


async def _choices(tx: ReadTx) -> dict[str, Any]:
    return {
        "places": [
            (f"{study.code}/{site.code}", f"{study.code}: {site.name}")
            for study in await studies(tx)
            for site in study.sites
        ],
        "reasons": PLANNED,
    }


@get("/disposals/new", operation_id="newDisposalPage", opt=PLAN, include_in_schema=False)
async def new_page(request: Here, tx: Reading, tubes: FromQuery[str] = "") -> Template:
    """`tubes` are those that were scanned on the way here."""
    given = {"tubes": tubes[:200]} if tubes else {}
    return page(request, "disposal/new.html", title="New disposal list", values=given, **await _choices(tx))


@post("/disposals/new", operation_id="newDisposalForm", opt=PLAN, include_in_schema=False, status_code=303)
async def new_form(tx: Writing, data: Form) -> Redirect:
    with shown_again("disposal/new.html", title="New disposal list", values=data, **await _choices(tx)):
        study, _, site = data.get("place", "").partition("/")
        tubes = tuple(data.get("tubes", "").split())
        command = parse_form(commands.PlanDisposal, data, study=study, site=site, tubes=tubes)
        made = await tx.once(form_key(data), command, DisposalView, lambda: commands.plan(tx, command))
    return Redirect(f"/disposals/{made.number}", status_code=303)


async def _shown(tx: ReadTx, number: str) -> dict[str, Any]:
    view = await queries.disposal(tx, number)
    return {
        "view": view,
        "states": STATES,
        "methods": list(rules.METHOD_TITLES.items()),
        "method_titles": rules.METHOD_TITLES,
        "reasons": rules.REASON_TITLES,
        "site_tz": view.timezone,
        "method": "autoclaved",
        "last": None,
    }


def _title(view: DisposalView) -> str:
    return f"Disposal at {view.site}"


@get("/disposals/{disposal:str}", operation_id="disposalPage", opt=READ, include_in_schema=False)
async def disposal_page(
    request: Here,
    tx: Reading,
    disposal: FromPath[str],
    method: FromQuery[str | None] = None,
    last: FromQuery[str | None] = None,
) -> Template:
    """`last` is the tube of the latest scan, to be read from an arm's length; the method stays for the next one."""
    view = await _shown(tx, disposal)
    latest = next((line for line in view["view"].lines if line.tube == last), None)
    kept = method if method in rules.METHOD_TITLES else view["method"]
    return page(
        request, "disposal/disposal.html", title=_title(view["view"]), **{**view, "method": kept, "last": latest}
    )


@post(
    "/disposals/{disposal:str}/confirmations",
    operation_id="confirmDisposalForm",
    opt=CONFIRM,
    include_in_schema=False,
    status_code=303,
)
async def confirm_form(tx: Writing, disposal: FromPath[str], data: Form) -> Redirect:
    view = await _shown(tx, disposal)
    method = data.get("method") or view["method"]
    shown = {**view, "method": method}
    with shown_again("disposal/disposal.html", title=_title(view["view"]), values=data, **shown):
        command = parse_form(commands.ConfirmTube, data)
        await tx.once(
            form_key(data), command, DisposalView, lambda: commands.confirm(tx, disposal, command), of=disposal
        )
        code = tube_code(command.tube, "tube")
    return Redirect(f"/disposals/{disposal}?method={method}&last={code}", status_code=303)


@post(
    "/disposals/{disposal:str}/strikes",
    operation_id="strikeOffForm",
    opt=PLAN,
    include_in_schema=False,
    status_code=303,
)
async def strike_form(tx: Writing, disposal: FromPath[str], data: Form) -> Redirect:
    view = await _shown(tx, disposal)
    with shown_again("disposal/disposal.html", title=_title(view["view"]), values=data, **view):
        command = parse_form(commands.StrikeTube, data)
        await tx.once(
            form_key(data), command, DisposalView, lambda: commands.strike(tx, disposal, command), of=disposal
        )
    return Redirect(f"/disposals/{disposal}", status_code=303)


router = Router("/", route_handlers=[disposals_page, new_page, new_form, disposal_page, confirm_form, strike_form])
