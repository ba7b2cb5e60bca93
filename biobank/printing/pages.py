"""Labels on a page."""

import asyncio
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Template

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.http.deps import Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.printing import commands
from biobank.printing.api import pdf
from biobank.printing.commands import SheetView
from labels import STOCKS

_STOCKS = [(name, stock.title) for name, stock in STOCKS.items()]
_REASONS = [("damaged", "The first label is damaged"), ("lost", "The first label is lost")]


@get("/labels", operation_id="labelsPage", opt={"permission": Permission.LABEL_PRINT}, include_in_schema=False)
async def labels_page(request: Request[Any, Any, Any], codes: FromQuery[str] = "") -> Template:
    prefilled = "\n".join(codes.replace(",", " ").split())
    return page(
        request,
        "printing/labels.html",
        title="Print labels",
        stocks=_STOCKS,
        reasons=_REASONS,
        values={"codes": prefilled, "stock": _STOCKS[0][0], "start": "0"},
    )


@post(
    "/labels",
    operation_id="printLabelsForm",
    opt={"permission": Permission.LABEL_PRINT, "rate": PRINT},
    include_in_schema=False,
    status_code=200,
)
async def print_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Response[bytes]:
    with shown_again("printing/labels.html", title="Print labels", values=data, stocks=_STOCKS, reasons=_REASONS):
        codes = data.get("codes", "").replace(",", " ").split()
        fields = {name: value for name, value in data.items() if name != "codes"}
        command = parse_form(commands.PrintLabels, fields, codes=codes)
        sheet = await tx.once(form_key(data), command, SheetView, lambda: commands.print_labels(tx, command))
        return pdf(await asyncio.to_thread(commands.render_labels, sheet), "labels")


router = Router("/", route_handlers=[labels_page, print_form])
