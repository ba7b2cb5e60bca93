"""Labels are ordered at a printer: counted as copies first, queued as a job with its snapshot second."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.labelling.queries import refuse_blank
from biobank.printer import job_queries, jobs
from biobank.printer import queries as printers
from biobank.printer import rules as printer_rules
from biobank.printer.commands import Workstation
from biobank.printer.job_queries import JobView
from biobank.printer.jobs import LabelSpec, Snapshot
from biobank.printer.models import Printer, PrintJob
from biobank.printing import commands, queries, rules
from biobank.printing.commands import PrintedTemplate
from biobank.printing.models import LabelPrint
from biobank.printing.things import label_codes, printables
from biobank.stock import queries as stocks
from biobank.template import queries as templates
from biobank.template import rules as template_rules
from biobank.tx import Tx
from labels import TEMPLATES, Item


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrderLabels(Command):
    """Labels of tubes, places, kits, shipments, packages and command cards, in order, at a printer (`SITE/NAME`);
    without one the rules choose. A further copy needs a `reason`.
    """

    codes: tuple[Annotated[str, Field(max_length=40)], ...]
    printer: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    template: str | None = None
    start: Annotated[int, Field(ge=0)] = 0
    reason: Literal["damaged", "lost", "not_printed"] | None = None
    workstation: Workstation | None = None


class PrintAgain(Command):
    """A further copy of every label of a job, exactly as it was, and why. Without `printer` at the same one."""

    reason: Literal["damaged", "lost", "not_printed"]
    printer: Annotated[str | None, Field(min_length=1, max_length=40)] = None


class TryAtPrinter(Command):
    """A test label of a template at a printer (`SITE/NAME`), on the stock that is in it."""

    printer: Annotated[str, Field(min_length=1, max_length=40)]


class PrintTest(Command):
    """One label that says that it is a test."""


async def order_labels(tx: Tx, command: OrderLabels) -> JobView:
    """Count labels as copies and queue them at a printer.

    Raises:
        NotFound: naming the codes that are unknown or out of reach, or the printer.
        ReprintNeedsReason: naming the codes that were printed before.
        NoPrinterChosen: no printer is named and no rule fits.
        PrinterNotUsable: the printer is out of use.
        LabelTemplateNotPublished: the template that is named has no published version.
        Invalid, TooLarge: an unknown template, labels that do not fit the stock, no code, one twice, too many.
    """
    printer = await printer_named(tx, command.printer or await _chosen(tx, command))
    counted = await commands.count_labels(
        tx, command.codes, stock=printer.stock, template=command.template, reason=command.reason
    )
    labels = [
        LabelSpec(
            label.code,
            label.template,
            label.values,
            label.copy_no,
            thing.study_id,
            row,
        )
        for label, row, thing in zip(counted.labels, counted.rows, counted.things, strict=True)
    ]
    templates = snapshot_of(counted.templates)
    made = await queue(tx, printer, labels, templates, start=command.start, workstation=command.workstation)
    return await job_queries.job(tx, made.number)


def snapshot_of(templates: Mapping[str, PrintedTemplate]) -> dict[str, Any]:
    return {name: templates[name].model_dump() for name in sorted(templates)}


async def queue(
    tx: Tx, printer: Printer, labels: list[LabelSpec], templates: Mapping[str, Any], **more: Any
) -> PrintJob:
    """Queue labels that can be drawn: what does not fit is told to the person who asks, not to the printer."""
    said = tuple((label.code, label.template, label.tokens) for label in labels)
    stock = await stocks.drawn(tx, printer.stock)
    await asyncio.to_thread(jobs.render, Snapshot(stock, more.get("start", 0), templates, said))
    return await jobs.order(tx, printer, labels, templates, **more)


async def printer_named(tx: Tx, key: str) -> Printer:
    site, slash, name = key.partition("/")
    if not slash:
        raise Invalid(
            f"{key} is no printer: name it as SITE/NAME.", errors={"printer": "is named as SITE/NAME, such as LAB/ZD-1"}
        )
    found, _ = await printers.find_printer(tx, site, name, Permission.LABEL_PRINT)
    return found


async def _chosen(tx: Tx, command: OrderLabels) -> str:
    rules.check_count(command.codes)
    kinds = sorted({printer_rules.KIND_OF_CODE[code[0]] for code in label_codes(command.codes)})
    chosen = {}
    for kind in kinds:
        choice = await printers.choose(tx, workstation=command.workstation, label_kind=kind)
        if choice.printer is None:
            words = printer_rules.LABEL_KINDS[kind].lower()
            raise printer_rules.NoPrinterChosen(
                f"No rule chooses a printer for labels of {words}: name one, or let a manager set a rule for you, your "
                "workstation or your site.",
                label_kind=kind,
            )
        chosen[f"{choice.site}/{choice.printer}"] = kind
    if len(chosen) > 1:
        shown = ", ".join(f"{printer_rules.LABEL_KINDS[kind].lower()} at {key}" for key, kind in chosen.items())
        raise Invalid(
            f"The rules choose different printers for these labels ({shown}): print each kind by itself, or name one.",
            errors={"printer": "is not the same for all labels"},
        )
    return next(iter(chosen))


async def print_again(tx: Tx, number: UUID, command: PrintAgain) -> JobView:
    """Print every label of a job once more from its snapshot, each as a further copy. A job of which nobody knew
    whether it came out is thereby settled as not printed.

    Raises:
        NotFound: no such job or printer, or labels of what is out of reach now.
        PrintJobState: the job still waits or is being printed.
        PrinterNotUsable: the printer is out of use.
        Invalid: the stock of the other printer is another one.
        RangeState: the labels are pre-printed ones: their range is printed again, on its page.
    """
    job = await job_queries.find_job(tx, number)
    again = ("unknown", "acknowledged", "verified", "failed", "cancelled")
    printer_rules.check_step(job.status, (*again, "sent") if job.transport == "download" else again, "printed again")
    if command.printer is None:
        printer = await tx.session.get_one(Printer, job.printer_id)
    else:
        printer = await printer_named(tx, command.printer)
    if job.status == "unknown" or (command.reason == "not_printed" and job.status in ("sent", "acknowledged")):
        jobs.finish(tx, job, "not_printed")
    before = list(await job_queries.labels_of(tx, job.id))
    await refuse_blank(tx, [label.code for label in before if label.label_print_id is None])
    codes = [label.code for label in before if label.label_print_id is not None]
    things = await printables(tx, codes)
    register = await queries.identifiers(tx, codes)
    copies = {label.code: register[label.code][1] + 1 if label.code in register else label.copy_no for label in before}
    rows = await tx.insert(
        LabelPrint,
        [
            {
                "identifier_id": register[label.code][0],
                "copy_no": copies[label.code],
                "reason": rules.REASONS[command.reason],
                "template": label.template,
                "template_version": job.templates[label.template]["version"],
                "stock": printer.stock,
                "printed_by": tx.actor.user_id,
                "printed_at": tx.now,
            }
            for label in before
            if label.code in register
        ],
    )
    counted = dict(zip(codes, rows, strict=True))
    labels = [
        LabelSpec(
            label.code,
            label.template,
            printer_rules.recopied(label.tokens, label.copy_no, copies[label.code])
            if label.code in register
            else label.tokens,
            copies[label.code],
            label.study_id,
            counted.get(label.code),
        )
        for label in before
    ]
    commands.note_printed(tx, [things[code] for code in codes], stock=printer.stock, reason=command.reason)
    made = await queue(tx, printer, labels, job.templates, copy_of=job.id, reason=command.reason)
    await tx.session.flush()
    return await job_queries.job(tx, made.number)


async def print_template_test(tx: Tx, name: str, version: int, command: TryAtPrinter) -> JobView:
    """Queue a test label of a version of a template, drafts too, with made-up data.

    Raises:
        NotFound: no such template, version or printer within reach.
        PrinterNotUsable: the printer is out of use.
        Invalid: the label does not fit the stock of the printer.
    """
    printer = await printer_named(tx, command.printer)
    view = await templates.version(tx, name, version)
    made_up = template_rules.sample(view.kind)
    label = LabelSpec(made_up.code, name, dict(made_up.values), 1, None, None)
    job = await queue(tx, printer, [label], {name: {"version": version, "data": view.content}})
    return await job_queries.job(tx, job.number)


async def print_test(tx: Tx, site: str, name: str, _command: PrintTest) -> JobView:
    """Queue one label at a printer that says what it is and counts as a copy of nothing.

    Raises:
        NotFound: no such printer within reach.
        PrinterNotUsable: it is out of use.
        Invalid: the stock is too small for a test label.
    """
    printer, place = await printers.find_printer(tx, site, name, Permission.PRINTER_MANAGE)
    lines = ("Test label", f"{place.code} {name}", tx.now.strftime("%Y-%m-%d %H:%M UTC"))
    label = LabelSpec("TEST", "tube", dict(Item.lined("TEST", lines).values), 1, None, None)
    shipped = {"tube": {"version": 1, "data": TEMPLATES["tube"].to_data()}}
    made = await queue(tx, printer, [label], shipped)
    return await job_queries.job(tx, made.number)
