"""Printers, the rules that choose one, print jobs and the print agent over JSON."""

import asyncio
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody
from pydantic import BaseModel, ConfigDict

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.printer import agents, commands, job_queries, jobs, queries
from biobank.printer.agents import ClaimedView, ReportedView
from biobank.printer.commands import RulesView
from biobank.printer.job_queries import JobView
from biobank.printer.queries import ChoiceView, PrinterView

_PRINT = {"permission": Permission.LABEL_PRINT}
_MANAGE = {"permission": Permission.PRINTER_MANAGE}
_SERVE = {"permission": Permission.PRINT_SERVE}


class JobsView(BaseModel):
    """Print jobs, and where the next page begins; None where there is none."""

    model_config = ConfigDict(frozen=True)
    rows: tuple[JobView, ...]
    next: int | None


def file(content: bytes, media: str, name: str) -> Response[bytes]:
    """What a printer or a person prints."""
    ending = "pdf" if media == "application/pdf" else "zpl"
    return Response(
        content, media_type=media, headers={"content-disposition": f'attachment; filename="{name}.{ending}"'}
    )


class PrinterController(Controller):
    path = "/printers"
    tags = ("Printing",)

    @get(operation_id="listPrinters", opt=_PRINT)
    async def printers(self, tx: Reading, site: FromQuery[str | None] = None) -> list[PrinterView]:
        """Printers with what they said of themselves when they were last asked, those in use first."""
        return list(await queries.printers(tx, site=site))

    @post(operation_id="addPrinter", opt=_MANAGE)
    async def add(self, tx: Writing, data: JSONBody[commands.AddPrinter], key: Key) -> PrinterView:
        return await tx.once(key, data, PrinterView, lambda: commands.add_printer(tx, data))

    @get("/{site:str}/{printer:str}", operation_id="getPrinter", opt=_PRINT)
    async def printer(self, tx: Reading, site: FromPath[str], printer: FromPath[str]) -> PrinterView:
        return await queries.printer(tx, site, printer)

    @post("/{site:str}/{printer:str}/changes", operation_id="changePrinter", opt=_MANAGE)
    async def change(
        self, tx: Writing, site: FromPath[str], printer: FromPath[str], data: JSONBody[commands.ChangePrinter], key: Key
    ) -> PrinterView:
        return await tx.once(
            key, data, PrinterView, lambda: commands.change_printer(tx, site, printer, data), of=f"{site} {printer}"
        )

    @post("/{site:str}/{printer:str}/pause", operation_id="pausePrinter", opt=_MANAGE)
    async def pause(
        self, tx: Writing, site: FromPath[str], printer: FromPath[str], data: JSONBody[commands.PausePrinter], key: Key
    ) -> PrinterView:
        """Hold the jobs of a printer, or let them go on."""
        return await tx.once(
            key, data, PrinterView, lambda: commands.pause_printer(tx, site, printer, data), of=f"{site} {printer}"
        )


class RuleController(Controller):
    path = "/printer-rules"
    tags = ("Printing",)

    @get("/{site:str}", operation_id="getPrinterRules", opt=_PRINT)
    async def rules(self, tx: Reading, site: FromPath[str]) -> RulesView:
        """The rules of a site in their order, and the version that a change names."""
        return await commands.rules_view(tx, site)

    @post(operation_id="setPrinterRules", opt=_MANAGE)
    async def put(self, tx: Writing, data: JSONBody[commands.SetRules], key: Key) -> RulesView:
        """Put rules in place of those in force, all at once."""
        return await tx.once(key, data, RulesView, lambda: commands.set_rules(tx, data))

    @get("/{site:str}/choice", operation_id="choosePrinter", opt=_PRINT)
    async def choice(
        self,
        tx: Reading,
        site: FromPath[str],
        workstation: FromQuery[str | None] = None,
        label_kind: FromQuery[str | None] = None,
        user: FromQuery[str | None] = None,
    ) -> ChoiceView:
        """Which printer would be chosen for you or for `user`, and why each rule does or does not win."""
        return await queries.choose(
            tx, site=site, workstation=workstation, label_kind=label_kind or None, user=user or None
        )


class PrintJobController(Controller):
    path = "/print-jobs"
    tags = ("Printing",)

    @get(operation_id="listPrintJobs", opt=_PRINT)
    async def listed(
        self,
        tx: Reading,
        site: FromQuery[str | None] = None,
        printer: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None,
        after: FromQuery[int] = 0,
    ) -> JobsView:
        """Jobs that a person has to look at first, then those under way, then the latest."""
        rows, following = await job_queries.jobs(tx, site=site, printer=printer, status=status, after=after)
        return JobsView(rows=rows, next=following)

    @get("/{job:uuid}", operation_id="getPrintJob", opt=_PRINT)
    async def job(self, tx: Reading, job: FromPath[UUID]) -> JobView:
        return await job_queries.job(tx, job)

    @post("/{job:uuid}/cancel", operation_id="cancelPrintJob", opt=_PRINT)
    async def cancel(self, tx: Writing, job: FromPath[UUID], data: JSONBody[jobs.CancelJob], key: Key) -> JobView:
        """Take back a job of which nothing was sent."""
        return await tx.once(key, data, JobView, lambda: jobs.cancel(tx, job, data), of=str(job))

    @post("/{job:uuid}/settle", operation_id="settlePrintJob", opt=_PRINT)
    async def settle(self, tx: Writing, job: FromPath[UUID], data: JSONBody[jobs.SettleJob], key: Key) -> JobView:
        """A person looked at the printer and says whether the labels came out."""
        return await tx.once(key, data, JobView, lambda: jobs.settle(tx, job, data), of=str(job))

    @post(
        "/{job:uuid}/file",
        operation_id="downloadPrintJob",
        opt=_PRINT,
        responses={
            201: ResponseSpec(
                bytes, generate_examples=False, media_type="application/octet-stream", description="PDF or ZPL."
            )
        },
    )
    async def download(self, tx: Writing, job: FromPath[UUID]) -> Response[bytes]:
        """The labels as a file, PDF for sheets and ZPL for rolls. The first time counts as sent."""
        found, name = await jobs.download(tx, job)
        return file(*await asyncio.to_thread(jobs.render, found), name)


class PrintAgentController(Controller):
    path = "/print-agent"
    tags = ("Print agent",)

    @post("/claims", operation_id="claimPrintJob", opt=_SERVE, status_code=200)
    async def claim(self, request: Request[Any, Any, Any], data: JSONBody[agents.ClaimJob]) -> ClaimedView:
        """Take the oldest job that waits for a print agent, or again the job of this claim; wait for one if asked
        to.
        """
        state = request.app.state
        return await agents.claim_waiting(state.database, request.scope["user"], data, state.clock)

    @post("/jobs/{job:uuid}/reports", operation_id="reportPrintJob", opt=_SERVE, status_code=200)
    async def report(self, tx: Writing, job: FromPath[UUID], data: JSONBody[agents.ReportJob]) -> ReportedView:
        """What became of a claimed job. The same report again changes nothing."""
        return await agents.report(tx, job, data)


router = Router("/api/v1", route_handlers=[PrinterController, RuleController, PrintJobController, PrintAgentController])
