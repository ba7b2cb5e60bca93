"""Labels on a page."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.printer import queries as printers
from biobank.printer.job_queries import JobView
from biobank.printer.pages import QUEUE, job_view, printer_view, queue_view, workstation_of
from biobank.printer.rules import KIND_OF_CODE
from biobank.printing import commands, moving, ordering
from biobank.printing.api import pdf
from biobank.printing.commands import SheetView
from biobank.stock import queries as stocks
from biobank.template.queries import names_in_force
from biobank.tx import ReadTx
from labels import STOCKS, TEMPLATES, SheetStock

_REASONS = [
    ("damaged", "The first label is damaged"),
    ("lost", "The first label is lost"),
    ("not_printed", "It never came out of the printer"),
]


_PRINT = {"permission": Permission.LABEL_PRINT}


async def printer_choice(tx: ReadTx, workstation: str | None, code: str = "") -> dict[str, Any]:
    """The printers that labels can be sent to, and the one that the rules choose for a label of this code."""
    choice = await printers.choose(tx, workstation=workstation, label_kind=KIND_OF_CODE.get(code[:1].upper()))
    return {
        "printer_options": await printer_options(tx),
        "chosen_printer": f"{choice.site}/{choice.printer}" if choice.printer else "",
    }


async def printer_options(tx: ReadTx) -> list[tuple[str, str]]:
    """The printers that labels can be sent to."""
    usable = [one for one in await printers.printers(tx) if one.is_active]
    titles = await stocks.titles(tx, [one.stock for one in usable])
    return [(one.key, f"{one.key}, {titles[one.stock]}") for one in usable]


_SHEETS = {name: stock for name, stock in STOCKS.items() if isinstance(stock, SheetStock)}
_SHAPES = {"tube": "tube", "box": "box", "rack": "rack", "place": "shelf", "shipment": "shipment", "kit": "kit"} | {
    "command": "badge"
}


def _sheet_for(codes: str) -> str:
    """The sheets that come nearest in size to the label of the first code."""
    shape = TEMPLATES[_SHAPES[KIND_OF_CODE.get(codes[:1].upper(), "tube")]]
    return min(
        _SHEETS,
        key=lambda name: abs(_SHEETS[name].label_width - shape.width) + abs(_SHEETS[name].label_height - shape.height),
    )


@get("/labels", operation_id="labelsPage", opt=_PRINT, include_in_schema=False)
async def labels_page(request: Request[Any, Any, Any], tx: Reading, codes: FromQuery[str] = "") -> Template:
    offered = await stocks.choices(tx)
    prefilled = "\n".join(codes.replace(",", " ").split())
    choice = await printer_choice(tx, workstation_of(request), prefilled)
    return page(
        request,
        "printing/labels.html",
        title="Print labels",
        stocks=offered,
        reasons=_REASONS,
        templates=await names_in_force(tx),
        printer_options=choice["printer_options"],
        values={"codes": prefilled, "stock": _sheet_for(prefilled), "start": "0", "printer": choice["chosen_printer"]},
    )


@post(
    "/labels",
    operation_id="printLabelsForm",
    opt={"permission": Permission.LABEL_PRINT, "rate": PRINT},
    include_in_schema=False,
    status_code=200,
)
async def print_form(
    request: Request[Any, Any, Any], tx: Writing, data: URLEncodedBody[dict[str, str]]
) -> Response[bytes] | Redirect:
    """Labels as a PDF, or queued at the printer that was chosen: the page of the job follows."""
    choice = await printer_choice(tx, workstation_of(request))
    view = {"stocks": await stocks.choices(tx), "reasons": _REASONS, "printer_options": choice["printer_options"]}
    view["templates"] = await names_in_force(tx)
    with shown_again("printing/labels.html", title="Print labels", values=data, **view):
        codes = data.get("codes", "").replace(",", " ").split()
        if data.get("printer"):
            ordered = parse_form(ordering.OrderLabels, data, codes=codes, workstation=workstation_of(request))
            made = await tx.once(form_key(data), ordered, JobView, lambda: ordering.order_labels(tx, ordered))
            return Redirect(f"/print-jobs/{made.number}", status_code=303)
        fields = {name: value for name, value in data.items() if name != "codes"}
        command = parse_form(commands.PrintLabels, fields, codes=codes)
        sheet = await tx.once(form_key(data), command, SheetView, lambda: commands.print_labels(tx, command))
        return pdf(await asyncio.to_thread(commands.render_labels, sheet), "labels")


@post(
    "/print-jobs/{job:uuid}/again",
    operation_id="printAgainForm",
    opt={"permission": Permission.LABEL_PRINT, "rate": PRINT},
    include_in_schema=False,
    status_code=303,
)
async def again_form(tx: Writing, job: FromPath[UUID], data: URLEncodedBody[dict[str, str]]) -> Redirect:
    with shown_again("printer/job.html", title="Print job", values=data, **await job_view(tx, job)):
        command = parse_form(ordering.PrintAgain, data)
        made = await tx.once(
            form_key(data), command, JobView, lambda: ordering.print_again(tx, job, command), of=str(job)
        )
    return Redirect(f"/print-jobs/{made.number}", status_code=303)


@post("/print-jobs/moves", operation_id="movePrintJobsForm", opt=_PRINT, include_in_schema=False, status_code=303)
async def move_form(request: Request[Any, Any, Any], tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """The jobs that are ticked, to another printer."""
    view = await queue_view(tx)
    with shown_again(QUEUE, title="Print queue", values=data, workstation=workstation_of(request), **view):
        command = parse_form(moving.MoveJobs, data, jobs=_ticked(data))
        await tx.once(form_key(data), command, moving.JobsView, lambda: moving.move_jobs(tx, command))
    return Redirect("/print-jobs?status=open", status_code=303)


@post(
    "/print-jobs/cancellations",
    operation_id="cancelPrintJobsForm",
    opt=_PRINT,
    include_in_schema=False,
    status_code=303,
)
async def cancel_form(request: Request[Any, Any, Any], tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """The jobs that are ticked are not printed."""
    view = await queue_view(tx)
    with shown_again(QUEUE, title="Print queue", values=data, workstation=workstation_of(request), **view):
        command = parse_form(moving.CancelJobs, data, jobs=_ticked(data))
        await tx.once(form_key(data), command, moving.JobsView, lambda: moving.cancel_jobs(tx, command))
    return Redirect("/print-jobs?status=open", status_code=303)


def _ticked(data: Mapping[str, str]) -> list[str]:
    """The numbers of the jobs that are ticked.

    Raises:
        Invalid: none is.
    """
    ticked = [name.removeprefix("job.") for name in data if name.startswith("job.")]
    if not ticked:
        raise Invalid("Tick the jobs that you mean.", errors={"jobs": "none is ticked"})
    return ticked


@post(
    "/printers/{site:str}/{printer:str}/test",
    operation_id="testPrinterForm",
    opt={"permission": Permission.PRINTER_MANAGE, "rate": PRINT},
    include_in_schema=False,
    status_code=303,
)
async def test_form(
    tx: Writing, site: FromPath[str], printer: FromPath[str], data: URLEncodedBody[dict[str, str]]
) -> Redirect:
    view = await printer_view(tx, site, printer)
    with shown_again("printer/printer.html", title=f"Printer {printer}", values=data, **view):
        command = ordering.PrintTest()
        made = await tx.once(
            form_key(data),
            command,
            JobView,
            lambda: ordering.print_test(tx, site, printer, command),
            of=f"{site} {printer}",
        )
    return Redirect(f"/print-jobs/{made.number}", status_code=303)


router = Router("/", route_handlers=[labels_page, print_form, again_form, move_form, cancel_form, test_form])
