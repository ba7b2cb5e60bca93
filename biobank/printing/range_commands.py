"""The unused labels of a range are printed: once, and again only with a reason."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.labelling import queries
from biobank.labelling.models import RangePrint
from biobank.labelling.rules import check_something_left
from biobank.printing import rules
from biobank.printing.commands import LabelView, SheetView, printed_templates
from biobank.template.queries import in_force
from biobank.tx import Tx
from labels import STOCKS


class PrintRange(BaseModel):
    """On which labels, from label `start` (from 0) of a sheet. A further printing needs a `reason`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stock: str
    start: Annotated[int, Field(ge=0)] = 0
    reason: Literal["damaged", "lost"] | None = None


async def print_range(tx: Tx, number: int, command: PrintRange) -> SheetView:
    """Print the labels of a range that are neither used nor voided. Of two stations that print one range at once the
    second is told that it was printed.

    Raises:
        NotFound: no such range within reach.
        ReprintNeedsReason: it was printed before.
        RangeState: nothing is left of it.
        Invalid: an unknown stock.
    """
    if command.stock not in STOCKS:
        known = ", ".join(STOCKS)
        raise Invalid(f"There is no stock {command.stock}: choose {known}.", errors={"stock": "is not a stock"})
    found, study, site = await queries.find_range(tx, number, Permission.LABEL_PRINT, lock=True)
    labels = await queries.unused(tx, number)
    check_something_left(number, len(labels))
    printed = select(func.coalesce(func.max(RangePrint.copy_no), 0)).where(RangePrint.range_id == number)
    copies = (await tx.session.execute(printed)).scalar_one()
    if copies and command.reason is None:
        raise rules.ReprintNeedsReason(
            f"Range {number} was printed before. Look for its sheets first: every label of a second printing may end "
            "on a second tube. Where they are damaged or lost, say so.",
            range=number,
        )
    template = (await in_force(tx, [("tube", study.id)]))["tube", study.id]
    copy_no = copies + 1
    reason = rules.REASONS[command.reason] if copies and command.reason else "first"
    await tx.insert(
        RangePrint,
        [
            {
                "range_id": number,
                "copy_no": copy_no,
                "reason": reason,
                "template": template.name,
                "template_version": template.number,
                "stock": command.stock,
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
        reason=command.reason,
        range=number,
        labels=len(labels),
        copy=copy_no,
        stock=command.stock,
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
    return SheetView(stock=command.stock, start=command.start, templates=printed_templates([template]), labels=made)
