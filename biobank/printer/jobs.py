"""Print jobs: ordered, downloaded, cancelled, told to have come out or not. What the printer does is in `sending`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert as upsert

from biobank.errors import Invalid
from biobank.ids import new_uuid
from biobank.printer import job_queries, rules
from biobank.printer.job_queries import JobView
from biobank.printer.models import Printer, PrinterStatus, PrintJob, PrintJobLabel
from biobank.stock import queries as stocks
from biobank.tx import ReadTx, Tx
from labels import TOKENS, Item, LabelError, RollStock, Stock, Template, render_pdf, render_zpl

Reason = Annotated[str, Field(min_length=3, max_length=500)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CancelJob(Command):
    """A job that nothing of was sent is not printed."""

    reason: Reason


class SettleJob(Command):
    """What a person saw at the printer: all labels came out, or not all of them did and they are not to be used."""

    outcome: Literal["came_out", "not_printed"]


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """One label to print. `label_print_id` is the row that counts the copy; None for a label that is not counted."""

    code: str
    template: str
    tokens: Mapping[str, str]
    copy_no: int
    study_id: int | None
    label_print_id: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Enough to print a job exactly again, without looking at anything else."""

    stock: Stock
    start: int
    templates: Mapping[str, Any]
    labels: tuple[tuple[str, str, Mapping[str, str]], ...]


def render(snapshot: Snapshot) -> tuple[bytes, str]:
    """The job as it goes to the printer, and the media type: ZPL for a roll, PDF for sheets. The same snapshot gives
    the same bytes.

    Raises:
        Invalid: a label does not fit the stock, or the template cannot be read.
    """
    stock = snapshot.stock
    try:
        drawn = {
            name: Template.from_data(one["data"], known=_tokens(snapshot)) for name, one in snapshot.templates.items()
        }
        items = [Item(code, tokens) for code, _, tokens in snapshot.labels]
        templates = [drawn[template] for _, template, _ in snapshot.labels]
        if isinstance(stock, RollStock):
            return render_zpl(items, templates, stock), "application/zpl"
        return render_pdf(items, templates, stock, snapshot.start), "application/pdf"
    except LabelError as error:
        raise Invalid(f"This cannot be printed: {error}.", errors={"stock": str(error)}) from None


def _tokens(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(TOKENS).union(*(tokens for _, _, tokens in snapshot.labels))


async def order(
    tx: Tx,
    printer: Printer,
    labels: Sequence[LabelSpec],
    templates: Mapping[str, Any],
    *,
    start: int = 0,
    workstation: str | None = None,
    copy_of: int | None = None,
    reason: str | None = None,
) -> PrintJob:
    """Queue labels at a printer, with a snapshot of the templates (by name: version and data).

    Raises:
        PrinterNotUsable: the printer is out of use.
        Invalid: there is no such label on a sheet.
    """
    rules.check_usable(printer.name, is_active=printer.is_active)
    made = PrintJob(
        number=new_uuid(),
        printer_id=printer.id,
        site_id=printer.site_id,
        transport=printer.kind,
        stock=printer.stock,
        dpi=printer.dpi,
        templates=dict(templates),
        start=start,
        labels=len(labels),
        requested_by=tx.actor.user_id,
        requested_at=tx.now,
        workstation=workstation,
        copy_of=copy_of,
        reason=reason,
    )
    tx.session.add(made)
    await tx.session.flush()
    await tx.insert(
        PrintJobLabel,
        [
            {
                "job_id": made.id,
                "ordinal": ordinal,
                "code": one.code,
                "template": one.template,
                "tokens": dict(one.tokens),
                "copy_no": one.copy_no,
                "study_id": one.study_id,
                "label_print_id": one.label_print_id,
            }
            for ordinal, one in enumerate(labels, start=1)
        ],
    )
    note(tx, made, "print_job.queued", reason=reason, labels=len(labels), printer=printer.name)
    return made


def note(tx: Tx, job: PrintJob, verb: str, *, reason: str | None = None, **details: Any) -> None:
    tx.record(
        verb,
        subject="print_job",
        subject_id=job.id,
        site_id=job.site_id,
        reason=reason,
        print_job=str(job.number),
        **details,
    )


async def snapshot(tx: ReadTx, job: PrintJob) -> Snapshot:
    labels = await job_queries.labels_of(tx, job.id)
    return Snapshot(
        stock=await stocks.drawn(tx, job.stock),
        start=job.start,
        templates=job.templates,
        labels=tuple((one.code, one.template, one.tokens) for one in labels),
    )


async def cancel(tx: Tx, number: UUID, command: CancelJob) -> JobView:
    """Take back a job of which nothing was sent.

    Raises:
        NotFound: no such job within reach.
        PrintJobState: it was sent, or is done with.
    """
    job = await job_queries.find_job(tx, number)
    rules.check_step(job.status, ("queued",), "cancelled")
    job.status, job.ended_at, job.trouble = "cancelled", tx.now, None
    job.claim = job.claimed_until = None
    note(tx, job, "print_job.cancelled", reason=command.reason)
    await tx.session.flush()
    return await job_queries.job(tx, number)


async def settle(tx: Tx, number: UUID, command: SettleJob) -> JobView:
    """A person looked at the printer and says whether the labels came out.

    Raises:
        NotFound: no such job within reach.
        PrintJobState: it was not sent, is being sent, or is done with.
    """
    job = await job_queries.find_job(tx, number)
    rules.check_step(job.status, settled_from(job, command.outcome), "settled by hand")
    finish(tx, job, command.outcome)
    await tx.session.flush()
    return await job_queries.job(tx, number)


def settled_from(job: PrintJob, outcome: str) -> tuple[str, ...]:
    """The states in which a person may say this. While a printer is at it, the printer says it itself."""
    hand = ("sent", "unknown") if job.transport == "download" else ("unknown",)
    return hand if outcome == "came_out" else (*hand, "acknowledged")


def finish(tx: Tx, job: PrintJob, outcome: str) -> None:
    """The job came out, or was not printed."""
    job.status = "acknowledged" if outcome == "came_out" else "failed"
    job.trouble = None if outcome == "came_out" else "not_printed"
    job.ended_at = tx.now
    note(tx, job, f"print_job.{outcome}")


async def download(tx: Tx, number: UUID) -> tuple[Snapshot, str]:
    """The snapshot of a job and a name for its file. The first download of a job of such a printer counts as sent.

    Raises:
        NotFound: no such job within reach.
        PrintJobState: it goes to its printer by itself, or was cancelled.
    """
    job = await job_queries.find_job(tx, number)
    if job.transport != "download":
        raise rules.PrintJobState("This job goes to its printer by itself: it has no file to download.")
    rules.check_step(job.status, ("queued", "sent", "acknowledged", "verified"), "downloaded")
    if job.status == "queued":
        job.status, job.sent_at = "sent", tx.now
        note(tx, job, "print_job.downloaded")
        await tx.session.flush()
    return await snapshot(tx, job), f"labels-{str(job.number)[:8]}"


async def label_verified(tx: Tx, label_print_id: int, verified: Any) -> None:
    """A label was scanned after applying; when all of its job were, the job is verified, whatever the printer said.

    `verified` is the condition on the row of a label print that it was scanned.
    """
    mine = select(PrintJobLabel.job_id).where(PrintJobLabel.label_print_id == label_print_id).scalar_subquery()
    job = (await tx.session.execute(select(PrintJob).where(PrintJob.id == mine).with_for_update())).scalar_one_or_none()
    if job is None or job.status not in ("sent", "acknowledged", "unknown"):
        return
    open_labels = exists(
        select(PrintJobLabel.id).where(PrintJobLabel.job_id == job.id, ~verified(PrintJobLabel.label_print_id))
    )
    if (await tx.session.execute(select(open_labels))).scalar_one():
        return
    job.status, job.trouble, job.ended_at = "verified", None, tx.now
    note(tx, job, "print_job.verified")
    await tx.session.flush()


async def saw(tx: Tx, printer_id: int, status: str, now: datetime) -> None:
    """Note what a printer said of itself."""
    statement = upsert(PrinterStatus).values(printer_id=printer_id, status=status, seen_at=now)
    changed = statement.on_conflict_do_update(
        index_elements=[PrinterStatus.printer_id], set_={"status": status, "seen_at": now}
    )
    await tx.session.execute(changed)
