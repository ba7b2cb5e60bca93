"""Labels are printed as rows first and as paper second; only a scan of the applied label proves it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from biobank.errors import Invalid
from biobank.printing import queries, rules
from biobank.printing.models import LabelPrint
from biobank.printing.queries import Printable
from biobank.tx import Tx
from labels import STOCKS, TEMPLATES, Item, LabelError, render_pdf


class PrintLabels(BaseModel):
    """Labels of tubes and places, in order, from label `start` (from 0) of a sheet. A further copy needs a `reason`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    codes: tuple[Annotated[str, Field(max_length=40)], ...]
    stock: str
    template: str | None = None
    start: Annotated[int, Field(ge=0)] = 0
    reason: Literal["damaged", "lost"] | None = None


class VerifyLabel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str


class LabelView(BaseModel):
    model_config = ConfigDict(frozen=True)
    code: str
    template: str
    copy_no: int
    lines: tuple[str, ...]


class SheetView(BaseModel):
    """What was printed: enough to draw the same sheet again, byte for byte."""

    model_config = ConfigDict(frozen=True)
    stock: str
    start: int
    labels: tuple[LabelView, ...]


class VerifiedView(BaseModel):
    model_config = ConfigDict(frozen=True)
    code: str
    copy_no: int
    verified_at: datetime


async def print_labels(tx: Tx, command: PrintLabels) -> SheetView:
    """Record labels as printed. A further copy of one says why there is one, and carries an R with its number.

    Raises:
        NotFound: naming the codes that are unknown or out of reach.
        ReprintNeedsReason: naming the codes that were printed before.
        Invalid, TooLarge: an unknown stock or template, no code, one named twice, too many.
    """
    if command.stock not in STOCKS:
        known = ", ".join(STOCKS)
        raise Invalid(f"There is no stock {command.stock}: choose {known}.", errors={"stock": "is not a stock"})
    if command.template is not None and command.template not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        raise Invalid(f"There is no template {command.template}: choose {known}.", errors={"template": "is unknown"})
    rules.check_count(command.codes)
    codes = queries.label_codes(command.codes)
    rules.check_count(codes)
    things = await queries.printables(tx, codes)
    register = await queries.identifiers(tx, codes)
    copies = rules.copy_reason({code: register[code][1] for code in codes}, command.reason)
    made = [_label(code, things[code], copies[code][0], command.template) for code in codes]
    await tx.insert(
        LabelPrint,
        [
            {
                "identifier_id": register[label.code][0],
                "copy_no": label.copy_no,
                "reason": copies[label.code][1],
                "template": label.template,
                "stock": command.stock,
                "printed_by": tx.actor.user_id,
                "printed_at": tx.now,
            }
            for label in made
        ],
    )
    counts: dict[tuple[int | None, int], int] = {}
    for code in codes:
        owner = (things[code].study_id, things[code].site_id)
        counts[owner] = counts.get(owner, 0) + 1
    for (study_id, site_id), count in counts.items():
        tx.record(
            "labels.printed",
            subject="label_print",
            subject_id=None,
            study_id=study_id,
            site_id=site_id,
            reason=command.reason,
            labels=count,
            stock=command.stock,
        )
    return SheetView(stock=command.stock, start=command.start, labels=tuple(made))


def _label(code: str, thing: Printable, copy_no: int, template: str | None) -> LabelView:
    if thing.tube is None:
        own = rules.TEMPLATE_OF_LEVEL.get(thing.level, "shelf")
        lines = rules.place_lines([step.name for step in thing.steps], copy_no)
    else:
        own, row = "tube", thing.tube
        lines = rules.tube_lines(
            row.specimen_type,
            row.quantity,
            row.unit,
            partial=row.is_partial,
            blind=row.is_blind_duplicate,
            participant=row.participant,
            visit=row.visit,
            number=row.ordinal,
            of=row.of,
            copy_no=copy_no,
        )
    return LabelView(code=code, template=template or own, copy_no=copy_no, lines=lines)


def render_labels(sheet: SheetView) -> bytes:
    """The PDF of a sheet; the same sheet gives the same bytes.

    Raises:
        Invalid: a label does not fit the stock, or the sheet has no such start.
    """
    printed = [Item.lined(label.code, label.lines) for label in sheet.labels]
    templates = [TEMPLATES[label.template] for label in sheet.labels]
    try:
        return render_pdf(printed, templates, STOCKS[sheet.stock], sheet.start)
    except LabelError as error:
        raise Invalid(f"This cannot be printed: {error}.", errors={"stock": str(error)}) from None


async def verify_label(tx: Tx, command: VerifyLabel) -> VerifiedView:
    """The applied label was scanned: printed, stuck on and readable. The last copy is the one that counts.

    Raises:
        NotPrinted: no label of this code was ever printed here.
    """
    (code,) = queries.label_codes([command.code])
    thing = (await queries.printables(tx, [code]))[code]
    latest = await queries.latest_print(tx, code)
    if latest is None:
        raise rules.NotPrinted(
            "No label of this code was printed here: print it, or take the vendor's code as it is.", scanned=code
        )
    if latest.verified_at is None:
        latest.verified_at, latest.verified_by = tx.now, tx.actor.user_id
        await tx.session.flush()
        tx.record(
            "label.verified",
            subject="label_print",
            subject_id=latest.id,
            study_id=thing.study_id,
            site_id=thing.site_id,
            label=code,
        )
    return VerifiedView(code=code, copy_no=latest.copy_no, verified_at=latest.verified_at)
