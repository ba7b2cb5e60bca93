"""Pre-printed labels on pages: what each site has left, the ranges, and one range from minting to its last label."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.ids import new_uuid
from biobank.labelling import commands, queries
from biobank.labelling.api import ISSUE, READ
from biobank.labelling.queries import RangeView
from biobank.printer.queries import printers
from biobank.stock import queries as stocks
from biobank.study.queries import studies
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
LIST = "labelling/ranges.html"
TEMPLATE = "labelling/range.html"
STATES = {
    "minted": ("pending", "Minted"),
    "issued": ("info", "Issued, on its way"),
    "received": ("ok", "At its site"),
}
LABEL_STATES = {
    "minted": ("muted", "minted"),
    "issued": ("pending", "unused"),
    "applied": ("ok", "on a tube"),
    "voided": ("stop", "void"),
}
REASONS = [
    ("damaged", "The first sheets are damaged"),
    ("lost", "The first sheets are lost"),
    ("not_printed", "They did not come out"),
]


def title_of(number: int) -> str:
    return f"Range {number} of labels"


async def _listed(tx: ReadTx, site: str | None = None, after: int = 0) -> dict[str, Any]:
    found = await queries.label_ranges(tx, site=site or None, after=after)
    more = f"/label-ranges?after={found.next}{f'&site={site}' if site else ''}" if found.next else None
    everywhere = await studies(tx)
    return {
        "found": found,
        "next_href": more,
        "site": site,
        "stocks": await queries.stocks(tx),
        "states": STATES,
        "studies": [(study.code, study.code) for study in everywhere],
        "places": [
            (f"{study.code}/{one.code}", f"{study.code}: {one.name}") for study in everywhere for one in study.sites
        ],
    }


@get("/label-ranges", operation_id="labelRangesPage", opt=READ, include_in_schema=False)
async def ranges_page(request: Here, tx: Reading, site: FromQuery[str | None] = None, after: After = 0) -> Template:
    return page(request, LIST, title="Pre-printed labels", **await _listed(tx, site, after))


@post("/label-ranges", operation_id="mintLabelRangeForm", opt=ISSUE, include_in_schema=False, status_code=303)
async def mint_form(tx: Writing, data: Form) -> Redirect:
    with shown_again(LIST, title="Pre-printed labels", values=data, **await _listed(tx)):
        study, _, site = data.get("place", "").partition("/")
        command = parse_form(commands.MintRange, data, study=study, site=site or None)
        made = await tx.once(form_key(data), command, RangeView, lambda: commands.mint(tx, command))
    return Redirect(f"/label-ranges/{made.number}", status_code=303)


async def shown(tx: ReadTx, number: int) -> dict[str, Any]:
    """What the page of a range shows."""
    view = await queries.label_range(tx, number)
    usable = [one for one in await printers(tx) if one.is_active]
    titles = await stocks.titles(tx, [one.stock for one in usable])
    sites = [study.sites for study in await studies(tx) if study.code == view.study]
    return {
        "view": view,
        "states": STATES,
        "label_states": LABEL_STATES,
        "stocks": await stocks.choices(tx),
        "reasons": REASONS,
        "printers": [(one.key, f"{one.key}, {titles[one.stock]}") for one in usable],
        "sites": [(site.code, site.name) for found in sites for site in found],
        "site_tz": view.timezone,
        "form_keys": [str(new_uuid()) for _ in range(3)],
    }


@get("/label-ranges/{label_range:int}", operation_id="labelRangePage", opt=READ, include_in_schema=False)
async def range_page(request: Here, tx: Reading, label_range: FromPath[int]) -> Template:
    return page(request, TEMPLATE, title=title_of(label_range), **await shown(tx, label_range))


@post(
    "/label-ranges/{label_range:int}/issue",
    operation_id="issueLabelRangeForm",
    opt=ISSUE,
    include_in_schema=False,
    status_code=303,
)
async def issue_form(tx: Writing, label_range: FromPath[int], data: Form) -> Redirect:
    with shown_again(TEMPLATE, title=title_of(label_range), values=data, **await shown(tx, label_range)):
        command = parse_form(commands.IssueRange, data)
        await tx.once(
            form_key(data), command, RangeView, lambda: commands.issue(tx, label_range, command), of=str(label_range)
        )
    return Redirect(f"/label-ranges/{label_range}", status_code=303)


@post(
    "/label-ranges/{label_range:int}/receipt",
    operation_id="receiveLabelRangeForm",
    opt={"permission": Permission.LABEL_PRINT},
    include_in_schema=False,
    status_code=303,
)
async def receive_form(tx: Writing, label_range: FromPath[int], data: Form) -> Redirect:
    with shown_again(TEMPLATE, title=title_of(label_range), values=data, **await shown(tx, label_range)):
        command = parse_form(commands.ReceiveRange, data)
        await tx.once(
            form_key(data), command, RangeView, lambda: commands.receive(tx, label_range, command), of=str(label_range)
        )
    return Redirect(f"/label-ranges/{label_range}", status_code=303)


@post(
    "/label-ranges/{label_range:int}/voids",
    operation_id="voidLabelsForm",
    opt=ISSUE,
    include_in_schema=False,
    status_code=303,
)
async def void_form(tx: Writing, label_range: FromPath[int], data: Form) -> Redirect:
    """The labels that were scanned into the field, or every one that is left where that is said."""
    with shown_again(TEMPLATE, title=title_of(label_range), values=data, **await shown(tx, label_range)):
        named = tuple(data.get("labels", "").split()) or None
        if (data.get("which") == "all") is not (named is None):
            raise Invalid(
                "Scan the labels that are void, or say that all that are left are: one of the two.",
                errors={"labels": "are scanned, or all are meant"},
            )
        command = parse_form(commands.VoidLabels, {"reason": data.get("reason", "")}, labels=named)
        await tx.once(
            form_key(data), command, RangeView, lambda: commands.void(tx, label_range, command), of=str(label_range)
        )
    return Redirect(f"/label-ranges/{label_range}", status_code=303)


router = Router("/", route_handlers=[ranges_page, mint_form, range_page, issue_form, receive_form, void_form])
