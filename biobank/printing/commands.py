"""Labels are printed as rows first and as paper second; only a scan of the applied label proves it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from biobank.errors import Invalid
from biobank.printer import jobs
from biobank.printing import queries, rules
from biobank.printing.models import LabelPrint
from biobank.printing.things import Printable, label_codes, printables
from biobank.stock import queries as stocks
from biobank.template.queries import InForce, in_force
from biobank.tx import Tx
from labels import TOKENS, Item, LabelError, Template, render_pdf, stock_from_data, stock_to_data


class PrintLabels(BaseModel):
    """Labels of tubes, places, kits, shipments, packages and command cards, in order, from label `start` (from 0) of a
    sheet. A further copy needs a `reason`. Without a template the standard one of the study or the house is taken,
    always in its latest published version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    codes: tuple[Annotated[str, Field(max_length=40)], ...]
    stock: str
    template: str | None = None
    start: Annotated[int, Field(ge=0)] = 0
    reason: Literal["damaged", "lost", "not_printed"] | None = None


class VerifyLabel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str


class LabelView(BaseModel):
    """One label: its template, and what each token of it gives."""

    model_config = ConfigDict(frozen=True)
    code: str
    template: str
    version: int
    copy_no: int
    values: dict[str, str]


class PrintedTemplate(BaseModel):
    """The version of a template that was printed with, and what stands on its labels."""

    model_config = ConfigDict(frozen=True)
    version: int
    data: dict[str, Any]


class SheetView(BaseModel):
    """What was printed: enough to draw the same sheet again, byte for byte."""

    model_config = ConfigDict(frozen=True)
    stock: dict[str, Any]
    start: int
    templates: dict[str, PrintedTemplate]
    labels: tuple[LabelView, ...]


class VerifiedView(BaseModel):
    model_config = ConfigDict(frozen=True)
    code: str
    copy_no: int
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """Labels that are on record as printed, each with the row that counts its copy and what it is of. Command cards are
    not counted: the same ones lie on every bench.
    """

    labels: tuple[LabelView, ...]
    rows: tuple[int | None, ...]
    things: tuple[Printable, ...]
    templates: Mapping[str, PrintedTemplate]


async def print_labels(tx: Tx, command: PrintLabels) -> SheetView:
    """Record labels as printed. A further copy of one says why there is one, and carries an R with its number.

    Raises:
        NotFound: naming the codes that are unknown or out of reach.
        ReprintNeedsReason: naming the codes that were printed before.
        LabelTemplateNotPublished: the template that is named has no published version.
        Invalid, TooLarge: an unknown stock or template, another study's template, no code, one named twice, too many.
    """
    stock = await stocks.chosen(tx, command.stock)
    counted = await count_labels(tx, command.codes, stock=stock.name, template=command.template, reason=command.reason)
    return SheetView(
        stock=stock_to_data(stock), start=command.start, templates=dict(counted.templates), labels=counted.labels
    )


async def count_labels(
    tx: Tx, texts: Sequence[str], *, stock: str, template: str | None, reason: str | None
) -> Counted:
    """Record what is about to be printed, in order.

    Raises:
        NotFound, ReprintNeedsReason, LabelTemplateNotPublished, Invalid, TooLarge: as for `print_labels`.
    """
    rules.check_count(texts)
    codes = label_codes(texts)
    rules.check_count(codes)
    things = await printables(tx, codes)
    register = await queries.identifiers(tx, codes)
    copies = rules.copy_reason({code: register[code][1] if code in register else 0 for code in codes}, reason)
    wanted = {code: (things[code].kind, things[code].study_id) for code in codes}
    chosen = await in_force(tx, set(wanted.values()), template)
    made = tuple(_label(code, things[code], copies[code][0], chosen[wanted[code]]) for code in codes)
    rows = await tx.insert(
        LabelPrint,
        [
            {
                "identifier_id": register[label.code][0],
                "copy_no": label.copy_no,
                "reason": copies[label.code][1],
                "template": label.template,
                "template_version": label.version,
                "stock": stock,
                "printed_by": tx.actor.user_id,
                "printed_at": tx.now,
            }
            for label in made
            if label.code in register
        ],
    )
    counted = dict(zip((code for code in codes if code in register), rows, strict=True))
    found = tuple(things[code] for code in codes)
    note_printed(tx, found, stock=stock, reason=reason)
    return Counted(made, tuple(counted.get(code) for code in codes), found, printed_templates(chosen.values()))


def note_printed(tx: Tx, things: Sequence[Printable], *, stock: str, reason: str | None) -> None:
    """One event for each study and site that labels belong to."""
    counts: dict[tuple[int | None, int | None], int] = {}
    for thing in things:
        owner = (thing.study_id, thing.site_id)
        counts[owner] = counts.get(owner, 0) + 1
    for (study_id, site_id), count in counts.items():
        tx.record(
            "labels.printed",
            subject="label_print",
            subject_id=None,
            study_id=study_id,
            site_id=site_id,
            reason=reason,
            labels=count,
            stock=stock,
        )


def printed_templates(chosen: Iterable[InForce]) -> dict[str, PrintedTemplate]:
    """By name, the templates as they were printed with."""
    return {one.name: PrintedTemplate(version=one.number, data=dict(one.content)) for one in chosen}


def _label(code: str, thing: Printable, copy_no: int, template: InForce) -> LabelView:
    return LabelView(
        code=code,
        template=template.name,
        version=template.number,
        copy_no=copy_no,
        values=dict(thing.values(copy_no)),
    )


def render_labels(sheet: SheetView) -> bytes:
    """The PDF of a sheet; the same sheet gives the same bytes.

    Raises:
        Invalid: a label does not fit the stock, or the sheet has no such start.
    """
    printed = [Item(label.code, label.values) for label in sheet.labels]
    try:
        known = {token for label in sheet.labels for token in label.values} | set(TOKENS)
        drawn = {name: Template.from_data(one.data, known=known) for name, one in sheet.templates.items()}
        templates = [drawn[label.template] for label in sheet.labels]
        return render_pdf(printed, templates, stock_from_data(sheet.stock), sheet.start)
    except LabelError as error:
        raise Invalid(f"This cannot be printed: {error}.", errors={"stock": str(error)}) from None


async def verify_label(tx: Tx, command: VerifyLabel) -> VerifiedView:
    """The applied label was scanned: printed, stuck on and readable. The last copy is the one that counts.

    Raises:
        NotPrinted: no label of this code was ever printed here.
    """
    (code,) = label_codes([command.code])
    thing = (await printables(tx, [code]))[code]
    latest = await queries.latest_print(tx, code)
    if latest is None:
        raise rules.NotPrinted(
            "No label of this code was printed here: print it, or take the vendor's code as it is.", scanned=code
        )
    if latest.verified_at is None:
        latest.verified_at, latest.verified_by = tx.now, tx.actor.user_id
        await tx.session.flush()
        await jobs.label_verified(tx, latest.id, queries.is_verified)
        tx.record(
            "label.verified",
            subject="label_print",
            subject_id=latest.id,
            study_id=thing.study_id,
            site_id=thing.site_id,
            label=code,
        )
    return VerifiedView(code=code, copy_no=latest.copy_no, verified_at=latest.verified_at)
