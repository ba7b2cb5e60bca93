"""Home, finder and audit pages."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Request, Response, Router, get
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading
from biobank.http.pages import page
from biobank.ids import grouped, new_uuid
from biobank.overview import brisq, queries, searching
from biobank.overview.tube import story_of
from biobank.preanalytics.api import csv_file
from biobank.preanalytics.queries import sprec_of
from biobank.specimen import queries as specimens
from biobank.specimen import state_label
from biobank.specimen.claims import claims
from biobank.specimen.deviations import deviation_types
from biobank.specimen.measuring import quantities


@get("/", operation_id="homePage", opt={"permission": Permission.SELF}, include_in_schema=False)
async def home(request: Request[Any, Any, Any], tx: Reading) -> Template:
    return page(request, "overview/home.html", title="Today", home=await queries.home(tx), now=tx.now)


@get("/find", operation_id="findPage", opt={"permission": Permission.SELF}, include_in_schema=False)
async def find(
    request: Request[Any, Any, Any], tx: Reading, q: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[Any]:
    """A whole code leads straight to its thing; the beginning of a code or of a name to a list."""
    wanted = q.strip()[:200]
    href = await queries.find(tx, wanted) if wanted and not after else None
    if href is not None:
        return Redirect(href, status_code=303)
    found = None
    if len(wanted) >= searching.FEWEST:
        found = await searching.search(tx, wanted, after=after[:250] or None)
    some = found is not None and bool(found.names or found.codes or found.next)
    return page(
        request,
        "overview/find.html",
        title="Find",
        status_code=404 if wanted and not some else 200,
        text=wanted[:60],
        found=found if some else None,
        fewest=searching.FEWEST,
        next_href=f"/find?{urlencode({'q': wanted, 'after': found.next})}" if found and found.next else None,
    )


@get("/audit", operation_id="auditPage", opt={"permission": Permission.AUDIT_READ}, include_in_schema=False)
async def audit(
    request: Request[Any, Any, Any],
    tx: Reading,
    verb: FromQuery[str] = "",
    user: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
) -> Template:
    rows = await queries.trail(tx, verb=verb.strip(), who=user.strip(), before=before)
    return page(request, "overview/audit.html", title="Audit trail", trail=rows, verb=verb, user=user)


@get(
    "/audit/{number:int}",
    operation_id="auditDeedPage",
    opt={"permission": Permission.AUDIT_READ},
    include_in_schema=False,
)
async def deed(request: Request[Any, Any, Any], tx: Reading, number: FromPath[int]) -> Template:
    return page(request, "overview/deed.html", title=f"Deed {number}", changes=await queries.changes(tx, number))


@get(
    "/specimens/{code:str}",
    operation_id="specimenPage",
    opt={"permission": Permission.SPECIMEN_READ},
    include_in_schema=False,
)
async def specimen(request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Template:
    found = await specimens.find_specimen(tx, specimens.tube_code(code), Permission.SPECIMEN_READ)
    tube = await specimens.view_of(tx, found[0])
    words = await state_label.words(tx, tube.study, tube.at_site or tube.site)
    return page(
        request,
        "overview/specimen.html",
        title=f"Tube {grouped(tube.code)}",
        specimen=tube,
        site_tz=tube.timezone,
        story=await story_of(tx, *found),
        sprec=await sprec_of(tx, *found),
        collected_input=_input(tube.collected_at, tube.timezone),
        namespaces=await specimens.namespaces(tx),
        words=words.fixed,
        quality_words=words.quality,
        claim=(await claims(tx, [found[0].id])).get(found[0].id),
        deviation_options=[(one.code, f"{one.title} ({one.severity})") for one in await deviation_types(tx)],
        qc_options=[(one.code, f"{one.title}{f', {one.unit}' if one.unit else ''}") for one in await quantities(tx)],
        form_keys=[str(new_uuid()) for _ in range(10)],
    )


@get("/brisq", operation_id="brisqPage", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False)
async def brisq_page(
    request: Request[Any, Any, Any],
    tx: Reading,
    codes: FromQuery[str] = "",
    shipment: FromQuery[str] = "",
    run: FromQuery[str] = "",
    participant: FromQuery[str] = "",
) -> Template:
    """Other pages link to the report of their tubes; without a set the page asks for codes."""
    asked = {"codes": codes, "shipment": shipment, "run": run, "participant": participant}
    view: dict[str, Any] = {"report": None, "problem": None}
    if any(text.strip() for text in asked.values()):
        try:
            view["report"] = await brisq.report(tx, _wanted(**asked))
        except Invalid as error:
            view["problem"] = str(error)
    status = 422 if view["problem"] else 200
    chosen = {name: text for name, text in asked.items() if text.strip()}
    return page(
        request, "overview/brisq.html", title="BRISQ report", status_code=status, asked=asked, chosen=chosen, **view
    )


@get(
    "/brisq/table.csv", operation_id="brisqFile", opt={"permission": Permission.SPECIMEN_READ}, include_in_schema=False
)
async def brisq_file(
    tx: Reading,
    codes: FromQuery[str] = "",
    shipment: FromQuery[str] = "",
    run: FromQuery[str] = "",
    participant: FromQuery[str] = "",
) -> Response[bytes]:
    return csv_file(await brisq.table(tx, _wanted(codes, shipment, run, participant)), "brisq.csv")


def _wanted(codes: str, shipment: str, run: str, participant: str) -> brisq.Wanted:
    texts = codes.replace(",", " ").replace(";", " ").split()
    return brisq.Wanted(tuple(texts), shipment or None, run or None, participant or None)


def _input(moment: datetime | None, timezone: str) -> str:
    """A moment as a time field takes it, to the second: the site's clock."""
    return "" if moment is None else moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M:%S")


router = Router("/", route_handlers=[home, find, audit, deed, specimen, brisq_page, brisq_file])
