"""The unused labels of a range are printed: once, and again only with a reason."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank.actor import Permission
from biobank.labelling import queries
from biobank.labelling.models import RangePrint
from biobank.labelling.rules import check_something_left
from biobank.printer import job_queries
from biobank.printer.job_queries import JobView
from biobank.printer.jobs import LabelSpec
from biobank.printing import ordering, rules
from biobank.printing.commands import LabelView, PrintedTemplate, SheetView, printed_templates
from biobank.stock import queries as stocks
from biobank.template.queries import in_force
from biobank.tx import Tx
from labels import stock_to_data

_Counted = tuple[int, dict[str, PrintedTemplate], tuple[LabelView, ...]]
"""The study, the templates as they are printed with, and the labels."""


class OrderRange(BaseModel):
    """At a printer (`SITE/NAME`). A further printing needs a `reason`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    printer: Annotated[str, Field(min_length=1, max_length=40)]
    template: str | None = None
    start: Annotated[int, Field(ge=0)] = 0
    reason: Literal["damaged", "lost", "not_printed"] | None = None


class PrintRange(BaseModel):
    """On which labels, from label `start` (from 0) of a sheet. A further printing needs a `reason`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stock: str
    template: str | None = None
    start: Annotated[int, Field(ge=0)] = 0
    reason: Literal["damaged", "lost", "not_printed"] | None = None


async def print_range(tx: Tx, number: int, command: PrintRange) -> SheetView:
    """Print the labels of a range that are neither used nor voided, on sheets that a person prints. Of two stations
    that print one range at once the second is told that it was printed.

    Raises:
        NotFound: no such range within reach.
        ReprintNeedsReason: it was printed before.
        RangeState: nothing is left of it.
        Invalid: an unknown stock or template, or one that prints what only a tube has.
    """
    stock = await stocks.chosen(tx, command.stock)
    _, templates, labels = await _count(tx, number, stock.name, command.template, command.reason)
    return SheetView(stock=stock_to_data(stock), start=command.start, templates=templates, labels=labels)


async def order_range(tx: Tx, number: int, command: OrderRange) -> JobView:
    """Queue the labels of a range that are neither used nor voided at a printer.

    Raises:
        NotFound: no such range or printer within reach.
        ReprintNeedsReason, RangeState: as `print_range` says.
        PrinterNotUsable: the printer is out of use.
        Invalid: the labels do not fit its stock; a template that is unknown or prints what only a tube has.
    """
    printer = await ordering.printer_named(tx, command.printer)
    study_id, templates, counted = await _count(tx, number, printer.stock, command.template, command.reason)
    labels = [
        LabelSpec(label.code, label.template, dict(label.values), label.copy_no, study_id, None) for label in counted
    ]
    made = await ordering.queue(tx, printer, labels, ordering.snapshot_of(templates), start=command.start)
    return await job_queries.job(tx, made.number)


async def _count(tx: Tx, number: int, stock: str, named: str | None, reason_given: str | None) -> _Counted:
    """Record a printing of what is left of a range."""
    found, study, site = await queries.find_range(tx, number, Permission.LABEL_PRINT, lock=True)
    labels = await queries.unused(tx, number)
    check_something_left(number, len(labels))
    printed = select(func.coalesce(func.max(RangePrint.copy_no), 0)).where(RangePrint.range_id == number)
    copies = (await tx.session.execute(printed)).scalar_one()
    if copies and reason_given is None:
        raise rules.ReprintNeedsReason(
            f"Range {number} was printed before. Look for its sheets first: every label of a second printing may end "
            "on a second tube. Where they are damaged or lost, say so.",
            range=number,
        )
    template = (await in_force(tx, [("tube", study.id)], named))["tube", study.id]
    rules.check_blank(template.name, template.content)
    copy_no = copies + 1
    reason = rules.REASONS[reason_given] if copies and reason_given else "first"
    await tx.insert(
        RangePrint,
        [
            {
                "range_id": number,
                "copy_no": copy_no,
                "reason": reason,
                "template": template.name,
                "template_version": template.number,
                "stock": stock,
                "labels": len(labels),
                "printed_by": tx.actor.user_id,
                "printed_at": tx.now,
            }
        ],
    )
    tx.record(
        "label_range.printed",
        subject="label_range",
        subject_id=number,
        study_id=study.id,
        site_id=found.site_id,
        reason=reason_given,
        range=number,
        labels=len(labels),
        copy=copy_no,
        stock=stock,
    )
    whose = f"{study.code} {site.code}" if site else study.code
    made = tuple(
        LabelView(
            code=code,
            template=template.name,
            version=template.number,
            copy_no=copy_no,
            values=dict(rules.range_values(whose, number, position, found.count, copy_no)),
        )
        for position, code in labels
    )
    return study.id, printed_templates([template]), made
