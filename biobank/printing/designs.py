"""A label template as it looks with the data of a real thing, what stands against it, and a test label of it."""

import asyncio
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from biobank.errors import Invalid
from biobank.printing import things
from biobank.stock import queries as stocks
from biobank.template import queries as templates
from biobank.template import rules
from biobank.template.editing import TemplateDifference, differences
from biobank.template.queries import TemplateVersionHead, TemplateVersionView
from biobank.tx import ReadTx
from labels import Item, LabelError, RollStock, Stock, Template, check, render_pdf, render_svg, render_zpl

Code = Annotated[str, Field(max_length=40)]


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class FindingView(View):
    """What keeps a label from being read: `error` is not printed like this, `warning` may not be read."""

    rule: str
    severity: Literal["error", "warning"]
    what: str
    message: str


class PreviewView(View):
    """A label in true size as SVG, with the geometry of the print; None where it is refused, which a finding says.
    `code` is that of the thing whose data it shows, None for made-up ones.
    """

    stock: str
    code: str | None
    svg: str | None
    findings: tuple[FindingView, ...]


class TemplateComparison(View):
    """What the later version of a template has otherwise than the earlier one."""

    name: str
    earlier: TemplateVersionHead
    later: TemplateVersionHead
    differences: tuple[TemplateDifference, ...]


class LabelTest(BaseModel):
    """One label that names nothing: with the data of the thing that `code` names, the newest there is, or made-up ones,
    but under a code of its own. A sheet's first label is 0; ZPL is for rolls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    stock: Annotated[str, Field(max_length=60)] | None = None
    code: Code | None = None
    start: Annotated[int, Field(ge=0)] = 0
    format: Literal["pdf", "zpl"] = "pdf"


async def item_for(tx: ReadTx, kind: str, study: str | None, code: str | None) -> Item:
    """A label of the thing that the code names, else of the newest of its kind within reach, else a made-up one.

    Raises:
        Invalid: the code is that of no tube and no place.
        NotFound: it is unknown or out of reach.
    """
    found = (await things.newest(tx, kind, study)) if not code else things.label_codes([code])[0]
    if found is None:
        return rules.sample(kind)
    thing = (await things.printables(tx, [found]))[found]
    return Item(found, thing.values(1))


async def preview(content: Template, stock: Stock, item: Item) -> PreviewView:
    """The label as it is printed, and what stands against it."""
    return await asyncio.to_thread(_preview, content, stock, item)


def _preview(content: Template, stock: Stock, item: Item) -> PreviewView:
    try:
        svg = render_svg(item, content, stock)
    except LabelError:
        svg = None  # the findings say why
    return PreviewView(
        stock=stock.name,
        code=None if item.code == rules.TEST_CODE else item.code,
        svg=svg,
        findings=tuple(
            FindingView(rule=one.rule, severity=one.severity, what=one.what, message=one.message)
            for one in check(content, stock, item)
        ),
    )


async def _stock(tx: ReadTx, named: str | None, view: TemplateVersionView) -> Stock:
    """The stock that is named, else the one that the version is laid out for."""
    if named in (None, view.head.stock):
        return await stocks.drawn(tx, view.head.stock)
    return await stocks.chosen(tx, named)


async def preview_version(
    tx: ReadTx, name: str, number: int, *, stock: str | None = None, code: str | None = None
) -> PreviewView:
    """A version of a template on a stock; without one on that it is laid out for.

    Raises:
        NotFound: no such template, version or thing within reach.
        Invalid: an unknown stock, or a code of nothing that is labelled here.
    """
    view = await templates.version(tx, name, number)
    study = (await templates.template(tx, name)).study
    item = await item_for(tx, view.kind, study, code)
    return await preview(templates.drawn(view), await _stock(tx, stock, view), item)


async def draw_test(
    tx: ReadTx, name: str, number: int, command: LabelTest, content: Template | None = None
) -> tuple[bytes, str]:
    """A test label of a version, or of `content` that is not saved yet, and its media type.

    Raises:
        NotFound, Invalid: as for `preview_version`; the label does not fit, or the sheet has no such start.
    """
    view = await templates.version(tx, name, number)
    study = (await templates.template(tx, name)).study
    item = await item_for(tx, view.kind, study, command.code)
    stock = await _stock(tx, command.stock, view)
    return await asyncio.to_thread(
        _draw_test, content or templates.drawn(view), stock, Item(rules.TEST_CODE, item.values), command
    )


def _draw_test(content: Template, stock: Stock, item: Item, command: LabelTest) -> tuple[bytes, str]:
    if command.format == "zpl" and not isinstance(stock, RollStock):
        raise Invalid(
            f"{stock.title} are printed as PDF: ZPL is for labels on a roll.", errors={"stock": "is not a roll"}
        )
    try:
        if command.format == "zpl":
            return render_zpl([item], content, stock), "application/zpl"
        return render_pdf([item], content, stock, command.start), "application/pdf"
    except LabelError as error:
        raise Invalid(f"This cannot be printed: {error}.", errors={"stock": str(error)}) from None


async def compare(tx: ReadTx, name: str, earlier: int | None, later: int | None) -> TemplateComparison:
    """What one version has otherwise than another; unless they are named, the latest and the one before it.

    Raises:
        NotFound: no such template within reach, or no such version.
    """
    view = await templates.template(tx, name)
    last = later or view.versions[0].number
    new = await templates.version(tx, name, last)
    old = await templates.version(tx, name, earlier or max(1, last - 1))
    return TemplateComparison(
        name=name, earlier=old.head, later=new.head, differences=tuple(differences(old.content, new.content))
    )
