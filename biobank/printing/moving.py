"""Print jobs that wait are sent to another printer of their site, or cancelled, many at once: a printer is broken for
the day.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import update

from biobank.printer import job_queries, jobs
from biobank.printer import rules as printer_rules
from biobank.printer.jobs import CancelJob, Reason
from biobank.printer.models import Printer, PrintJob
from biobank.printing.models import LabelPrint
from biobank.printing.ordering import printer_named
from biobank.stock import queries as stocks
from biobank.tx import Tx

Jobs = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=100)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MoveJobs(Command):
    """Jobs of which nothing was sent, to another printer (`SITE/NAME`) of the same site, and why. All or none."""

    jobs: Jobs
    printer: Annotated[str, Field(min_length=1, max_length=40)]
    reason: Reason


class CancelJobs(Command):
    """Jobs of which nothing was sent are not printed, and why. All or none."""

    jobs: Jobs
    reason: Reason


class JobsView(BaseModel):
    """The jobs that it was done to."""

    model_config = ConfigDict(frozen=True)
    jobs: tuple[UUID, ...]


async def move_jobs(tx: Tx, command: MoveJobs) -> JobsView:
    """Let jobs that wait be printed elsewhere. What they print is the same; where the other printer has labels of
    another size, it is laid out for those.

    Raises:
        NotFound: no such job or printer within reach.
        PrintJobState: something of a job was sent, or it is done with.
        PrinterNotUsable: the printer is out of use.
        Invalid: the printer is at another site or the one that has the job, or its labels do not take the job's.
    """
    printer = await printer_named(tx, command.printer)
    printer_rules.check_usable(printer.name, is_active=printer.is_active)
    for number in _in_order(command.jobs):
        job = await job_queries.find_job(tx, number)
        printer_rules.check_step(job.status, ("queued",), "moved")
        before = await tx.session.get_one(Printer, job.printer_id)
        printer_rules.check_move(
            before.name, printer.name, same_site=before.site_id == printer.site_id, same=before.id == printer.id
        )
        if job.stock != printer.stock:
            await _lay_out_for(tx, job, printer)
        job.printer_id, job.transport, job.stock, job.dpi = printer.id, printer.kind, printer.stock, printer.dpi
        job.claim = job.claimed_until = job.trouble = None
        job.detail = f"Moved from {before.name}: {command.reason}"
        jobs.note(tx, job, "print_job.moved", reason=command.reason, before=before.name, printer=printer.name)
        await tx.session.flush()
    return JobsView(jobs=command.jobs)


async def _lay_out_for(tx: Tx, job: PrintJob, printer: Printer) -> None:
    labels = await job_queries.labels_of(tx, job.id)
    printer_rules.check_other_stock(printer.name, counted=all(one.label_print_id is not None for one in labels))
    said = tuple((one.code, one.template, one.tokens) for one in labels)
    stock = await stocks.drawn(tx, printer.stock)
    await asyncio.to_thread(jobs.render, jobs.Snapshot(stock, job.start, job.templates, said))
    mine = LabelPrint.id.in_([one.label_print_id for one in labels])
    await tx.session.execute(update(LabelPrint).where(mine).values(stock=printer.stock))


async def cancel_jobs(tx: Tx, command: CancelJobs) -> JobsView:
    """Take back jobs of which nothing was sent.

    Raises:
        NotFound: no such job within reach.
        PrintJobState: something of a job was sent, or it is done with.
    """
    for number in _in_order(command.jobs):
        await jobs.cancel(tx, number, CancelJob(reason=command.reason))
    return JobsView(jobs=command.jobs)


def _in_order(numbers: Sequence[UUID]) -> list[UUID]:
    """Each once, in an order that two people share: then neither waits for the other for ever."""
    return sorted(set(numbers))
