"""The print queue, a job with its labels and history, printers, and the rules that choose one."""

import asyncio
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.printer import commands, job_queries, jobs, queries, rules
from biobank.printer.api import file
from biobank.printer.commands import RulesView
from biobank.printer.job_queries import JobView
from biobank.printer.queries import PrinterView
from biobank.stock import queries as stocks
from biobank.study.queries import sites_within, timezone_of
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]

QUEUE = "printer/queue.html"
WORKSTATION = "workstation"
"""The cookie that says how this computer is called."""
_PRINT = {"permission": Permission.LABEL_PRINT}
_MANAGE = {"permission": Permission.PRINTER_MANAGE}
_YEARS = 5 * 365 * 24 * 3600
_MORE_RULES = 3
OUTCOMES = [("came_out", "All labels came out"), ("not_printed", "They did not, and are not needed")]
STATUSES: dict[str | None, tuple[str, str]] = {
    "ready": ("ok", "ready"),
    "out_of_labels": ("warning", "out of labels"),
    "out_of_ribbon": ("warning", "out of ribbon"),
    "head_open": ("warning", "open"),
    "paused": ("hold", "paused at the printer"),
    "busy": ("pending", "busy"),
    "unreachable": ("stop", "does not answer"),
    "unreadable": ("stop", "no ZPL printer"),
    None: ("muted", "not asked yet"),
}
REASONS = [
    ("not_printed", "They never came out of the printer"),
    ("damaged", "They are damaged"),
    ("lost", "They are lost"),
]


def workstation_of(request: Here) -> str | None:
    """How this computer is called, where somebody said so and it is a name."""
    name = request.cookies.get(WORKSTATION, "").strip()
    return name if 0 < len(name) <= 60 and name.isprintable() else None


def _words(tx: ReadTx) -> dict[str, Any]:
    return {
        "now": tx.now,
        "age_words": rules.age_words,
        "states": rules.STATES,
        "statuses": STATUSES,
        "trouble_words": rules.trouble_words,
        "kind_words": rules.KINDS,
        "label_kinds": list(rules.LABEL_KINDS.items()),
        "label_kind_words": rules.LABEL_KINDS,
    }


async def queue_view(
    tx: ReadTx, *, site: str = "", printer: str = "", status: str = "", after: int = 0
) -> dict[str, Any]:
    """What the queue shows."""
    chosen = {"site": site, "printer": printer, "status": status}
    known = status if status in {"open", *rules.STATES} else None
    rows, following = await job_queries.jobs(tx, site=site or None, printer=printer or None, status=known, after=after)
    filters = {name: value for name, value in chosen.items() if value}
    every = await queries.printers(tx)
    return {
        "jobs": rows,
        "next_href": f"/print-jobs?{urlencode({**filters, 'after': following})}" if following else None,
        "filters": filters,
        "printers": every,
        "printer_options": [(one.key, one.key) for one in every if one.is_active],
        "site_options": [(one.code, one.title) for one in await sites_within(tx, Permission.LABEL_PRINT)],
        "site_tz": await timezone_of(tx, Permission.LABEL_PRINT),
        **_words(tx),
    }


@get("/print-jobs", operation_id="printJobsPage", opt=_PRINT, include_in_schema=False)
async def queue_page(
    request: Here,
    tx: Reading,
    site: FromQuery[str] = "",
    printer: FromQuery[str] = "",
    status: FromQuery[str] = "",
    after: FromQuery[int] = 0,
) -> Template:
    view = await queue_view(tx, site=site, printer=printer, status=status, after=after)
    return page(request, QUEUE, title="Print queue", workstation=workstation_of(request), **view)


@post("/workstation", operation_id="nameWorkstationForm", opt=_PRINT, include_in_schema=False, status_code=303)
async def workstation_form(request: Here, data: Form) -> Redirect:
    """Remember in this browser how the computer is called, for rules that name it."""
    name = data.get("workstation", "").strip()
    if len(name) > 60 or not name.isprintable():
        raise Invalid("A workstation's name has at most 60 characters.", errors={"workstation": "is too long"})
    secure = request.app.state.settings.secure_cookies
    cookie = Cookie(
        WORKSTATION, value=name, max_age=_YEARS if name else 0, httponly=True, samesite="lax", secure=secure, path="/"
    )
    return Redirect("/print-jobs", status_code=303, cookies=[cookie])


async def job_view(tx: ReadTx, job: UUID) -> dict[str, Any]:
    """What the page of a job shows."""
    found = await job_queries.job(tx, job)
    usable = [(one.key, one.key) for one in await queries.printers(tx) if one.is_active]
    return {
        "job": found,
        "printer_options": usable,
        "move_options": [one for one in usable if one[0].startswith(f"{found.site}/") and one[0] != found.key],
        "stock_title": (await stocks.titles(tx, [found.stock]))[found.stock],
        "outcomes": OUTCOMES,
        "reasons": REASONS,
        "site_tz": await timezone_of(tx, Permission.LABEL_PRINT),
        **_words(tx),
    }


@get("/print-jobs/{job:uuid}", operation_id="printJobPage", opt=_PRINT, include_in_schema=False)
async def job_page(request: Here, tx: Reading, job: FromPath[UUID]) -> Template:
    return page(request, "printer/job.html", title="Print job", **await job_view(tx, job))


async def _job_deed(tx: Writing, job: UUID, data: dict[str, str], model: type[Any], verb: Any) -> Redirect:
    with shown_again("printer/job.html", title="Print job", values=data, **await job_view(tx, job)):
        command = parse_form(model, data)
        await tx.once(form_key(data), command, JobView, lambda: verb(tx, job, command), of=str(job))
    return Redirect(f"/print-jobs/{job}", status_code=303)


@post(
    "/print-jobs/{job:uuid}/cancel",
    operation_id="cancelPrintJobForm",
    opt=_PRINT,
    include_in_schema=False,
    status_code=303,
)
async def cancel_form(tx: Writing, job: FromPath[UUID], data: Form) -> Redirect:
    return await _job_deed(tx, job, data, jobs.CancelJob, jobs.cancel)


@post(
    "/print-jobs/{job:uuid}/settle",
    operation_id="settlePrintJobForm",
    opt=_PRINT,
    include_in_schema=False,
    status_code=303,
)
async def settle_form(tx: Writing, job: FromPath[UUID], data: Form) -> Redirect:
    return await _job_deed(tx, job, data, jobs.SettleJob, jobs.settle)


@post(
    "/print-jobs/{job:uuid}/file",
    operation_id="downloadPrintJobForm",
    opt=_PRINT,
    include_in_schema=False,
    status_code=200,
)
async def download_form(tx: Writing, job: FromPath[UUID]) -> Response[bytes]:
    with shown_again("printer/job.html", title="Print job", values={}, **await job_view(tx, job)):
        found, name = await jobs.download(tx, job)
        return file(*await asyncio.to_thread(jobs.render, found), name)


async def _printers_view(tx: ReadTx) -> dict[str, Any]:
    found = await queries.printers(tx)
    return {
        "found": found,
        "stock_titles": await stocks.titles(tx, [one.stock for one in found]),
        "managed_sites": [(one.code, one.title) for one in await sites_within(tx, Permission.PRINTER_MANAGE)],
        "rule_sites": [(one.code, one.title) for one in await sites_within(tx, Permission.LABEL_PRINT)],
        "kinds": list(rules.KINDS.items()),
        "stocks": await stocks.choices(tx),
        "site_tz": await timezone_of(tx, Permission.LABEL_PRINT),
        **_words(tx),
    }


@get("/printers", operation_id="printersPage", opt=_PRINT, include_in_schema=False)
async def printers_page(request: Here, tx: Reading) -> Template:
    return page(request, "printer/list.html", title="Printers", **await _printers_view(tx))


@post("/printers", operation_id="addPrinterForm", opt=_MANAGE, include_in_schema=False, status_code=303)
async def add_form(tx: Writing, data: Form) -> Redirect:
    with shown_again("printer/list.html", title="Printers", values=data, **await _printers_view(tx)):
        command = parse_form(commands.AddPrinter, data, **_dpi(data))
        made = await tx.once(form_key(data), command, PrinterView, lambda: commands.add_printer(tx, command))
    return Redirect(f"/printers/{made.key}", status_code=303)


def _dpi(data: dict[str, str]) -> dict[str, Any]:
    """The resolution as the job that it is: a choice among numbers is not read from text."""
    return {"dpi": int(data["dpi"])} if data.get("dpi", "") in {"203", "300", "600"} else {}


async def printer_view(tx: ReadTx, site: str, name: str) -> dict[str, Any]:
    """What the page of a printer shows."""
    rows, _ = await job_queries.jobs(tx, site=site, printer=name)
    found = await queries.printer(tx, site, name)
    choices = await stocks.choices(tx, found.stock)
    return {
        "printer": found,
        "jobs": rows[:20],
        "stocks": choices,
        "stock_title": dict(choices)[found.stock],
        "site_tz": await timezone_of(tx, Permission.LABEL_PRINT),
        **_words(tx),
    }


@get("/printers/{site:str}/{printer:str}", operation_id="printerPage", opt=_PRINT, include_in_schema=False)
async def printer_page(request: Here, tx: Reading, site: FromPath[str], printer: FromPath[str]) -> Template:
    view = await printer_view(tx, site, printer)
    return page(request, "printer/printer.html", title=f"Printer {view['printer'].name}", **view)


@post(
    "/printers/{site:str}/{printer:str}/changes",
    operation_id="changePrinterForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def change_form(tx: Writing, site: FromPath[str], printer: FromPath[str], data: Form) -> Redirect:
    view = await printer_view(tx, site, printer)
    with shown_again("printer/printer.html", title=f"Printer {printer}", values=data, **view):
        command = parse_form(commands.ChangePrinter, data, is_active="is_active" in data, **_dpi(data))
        await tx.once(
            form_key(data),
            command,
            PrinterView,
            lambda: commands.change_printer(tx, site, printer, command),
            of=f"{site} {printer}",
        )
    return Redirect(f"/printers/{site}/{printer}", status_code=303)


@post(
    "/printers/{site:str}/{printer:str}/pause",
    operation_id="pausePrinterForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def pause_form(tx: Writing, site: FromPath[str], printer: FromPath[str], data: Form) -> Redirect:
    view = await printer_view(tx, site, printer)
    with shown_again("printer/printer.html", title=f"Printer {printer}", values=data, **view):
        command = parse_form(commands.PausePrinter, data)
        await tx.once(
            form_key(data),
            command,
            PrinterView,
            lambda: commands.pause_printer(tx, site, printer, command),
            of=f"{site} {printer}",
        )
    return Redirect(f"/printers/{site}/{printer}", status_code=303)


async def _rules_view(
    tx: ReadTx, site: str, *, user: str = "", workstation: str = "", label_kind: str = ""
) -> dict[str, Any]:
    kind = label_kind if label_kind in rules.LABEL_KINDS else None
    return {
        "site": site,
        "rule_set": await commands.rules_view(tx, site),
        "choice": await queries.choose(
            tx, site=site, user=user or None, workstation=workstation or None, label_kind=kind
        ),
        "asked": {"user": user, "workstation": workstation, "label_kind": label_kind},
        "printer_options": [(one.name, one.name) for one in await queries.printers(tx, site=site) if one.is_active],
        "more": _MORE_RULES,
        **_words(tx),
    }


@get("/printer-rules/{site:str}", operation_id="printerRulesPage", opt=_PRINT, include_in_schema=False)
async def rules_page(
    request: Here,
    tx: Reading,
    site: FromPath[str],
    user: FromQuery[str] = "",
    workstation: FromQuery[str] = "",
    label_kind: FromQuery[str] = "",
) -> Template:
    view = await _rules_view(tx, site, user=user, workstation=workstation, label_kind=label_kind)
    return page(request, "printer/rules.html", title=f"Which printer at {site}", **view)


@post(
    "/printer-rules/{site:str}",
    operation_id="setPrinterRulesForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def rules_form(tx: Writing, site: FromPath[str], data: Form) -> Redirect:
    view = await _rules_view(tx, site)
    with shown_again("printer/rules.html", title=f"Which printer at {site}", values=data, **view):
        command = parse_form(commands.SetRules, data, site=site, rules=_rules_of(data))
        await tx.once(form_key(data), command, RulesView, lambda: commands.set_rules(tx, command))
    return Redirect(f"/printer-rules/{site}", status_code=303)


def _rules_of(data: dict[str, str]) -> list[dict[str, str]]:
    """The rows of the form that name a printer, in the order of their numbers."""
    rows = []
    for row in range(rules.PER_SITE + _MORE_RULES):
        if not (printer := data.get(f"printer.{row}", "").strip()):
            continue
        order = data.get(f"position.{row}", "").strip()
        fields = {name: data.get(f"{name}.{row}", "").strip() for name in ("user", "workstation", "label_kind")}
        given = {name: value for name, value in fields.items() if value}
        rows.append(
            (int(order) if order.isascii() and order.isdigit() else row + 1, row, {"printer": printer, **given})
        )
    return [given for _, _, given in sorted(rows, key=lambda one: one[:2])]


router = Router(
    "/",
    route_handlers=[
        queue_page,
        workstation_form,
        job_page,
        cancel_form,
        settle_form,
        download_form,
        printers_page,
        add_form,
        printer_page,
        change_form,
        pause_form,
        rules_page,
        rules_form,
    ],
)
