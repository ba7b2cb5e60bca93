"""Sheets of labels as PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.pdfgen.canvas import Canvas

from labels.errors import EmptyListError, LabelError, StartOutsideSheetError
from labels.geometry import POINTS_PER_MM, Box
from labels.stock import SheetStock
from labels.symbols import draw_operators, encode, module_dots
from labels.templates import lay_out, template_for
from labels.text import FONT, baseline, checked, fit, grouped, printable


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says: the machine-readable `code`, the `kind` that chooses the template, and lines of text."""

    code: str
    kind: str
    lines: tuple[str, ...] = ()


def render_sheet(labels: Sequence[Label], *, stock: SheetStock, start: int = 0) -> bytes:
    """Print `labels` in order on sheets of `stock`, the first at label `start` (from 0) of a half-used sheet.

    Returns a PDF whose bytes depend on the arguments alone; print it at 100 %. Labels are encoded and drawn one after
    another; reportlab keeps the drawn pages until the end, about 1 KB a label.

    Raises a LabelError with `label_number` set for a label that cannot be printed as it should be (nothing is cut,
    shrunk below the readable or left out), EmptyListError, StartOutsideSheetError.
    """
    if not labels:
        raise EmptyListError("labels")
    if not 0 <= start < stock.per_sheet:
        raise StartOutsideSheetError(start, stock.per_sheet, stock.name)
    printable()
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=stock.page.points, invariant=1, pageCompression=1)
    canvas.setTitle(f"Labels on {stock.title}")
    index, end = -start, len(labels)
    while index < end:
        symbols: list[str] = []
        text = canvas.beginText()
        for place in range(max(0, -index), min(stock.per_sheet, end - index)):
            try:
                symbols.append(_draw(labels[index + place], stock, place, text))
            except LabelError as error:
                error.label_number = index + place + 1
                raise
        canvas.addLiteral("\n".join(symbols))
        canvas.drawText(text)
        canvas.showPage()
        index += stock.per_sheet
    canvas.save()
    return buffer.getvalue()


def _draw(label: Label, stock: SheetStock, place: int, text: Any) -> str:
    """Set the label's text into the reportlab text object, and return the operators of its symbol."""
    template = template_for(label.kind)
    layout = lay_out(template, stock.label_width, stock.label_height, len(label.lines))
    left, top = stock.corner(place)
    symbol = encode(label.code, layout.symbology)
    dots = module_dots(symbol, layout.code, layout.modules, dpi=stock.dpi, where=stock.name)
    for field, words in zip(layout.texts, (grouped(label.code), *map(checked, label.lines)), strict=True):
        if words:
            size = int(fit(words, field.box, field.points, where=stock.name) * 10) / 10
            down = top * POINTS_PER_MM + baseline(field.box, size)
            text.setTextOrigin((left + field.box.x) * POINTS_PER_MM, stock.page.points[1] - down)
            text.setFont(FONT, size)
            text.textOut(words)
    box = Box(left + layout.code.x, top + layout.code.y, layout.code.width, layout.code.height)
    return draw_operators(symbol, box, stock.page.height, dots=dots, dpi=stock.dpi)
