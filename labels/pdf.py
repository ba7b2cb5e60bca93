"""Labels as PDF: sheets, or one page for each row of a roll."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from labels.errors import EmptyListError, LabelError, StartOutsideSheetError
from labels.geometry import MM_PER_INCH, POINTS_PER_MM
from labels.layout import Drawing, PlacedImage, PlacedLine, PlacedSymbol, PlacedText, lay_out
from labels.stock import Stock
from labels.template import Item, Template
from labels.text import FONT, printable

_TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}


def render_pdf(items: Sequence[Item], template: Template | Sequence[Template], stock: Stock, start: int = 0) -> bytes:
    """Print `items` in order on `stock`, the first at label `start` (from 0) of a half-used sheet.

    `template` is one for all, or one for each item. Returns a PDF whose bytes depend on the arguments alone; print it
    at 100 %.

    Raises a LabelError with `label_number` set for a label that cannot be printed as it should be (nothing is cut,
    shrunk below the limits or left out), EmptyListError, StartOutsideSheetError.
    """
    if not items:
        raise EmptyListError("labels")
    if not 0 <= start < stock.per_sheet:
        raise StartOutsideSheetError(start, stock.per_sheet, stock.name)
    templates = [template] * len(items) if isinstance(template, Template) else template
    printable()
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=stock.page.points, invariant=1, pageCompression=1)
    canvas.setTitle(f"Labels on {stock.title}")
    index, end = -start, len(items)
    while index < end:
        symbols: list[str] = []
        for place in range(max(0, -index), min(stock.per_sheet, end - index)):
            number = index + place
            try:
                drawing = lay_out(templates[number], items[number], stock)
            except LabelError as error:
                error.label_number = number + 1
                raise
            symbols += _draw(drawing, stock, stock.corner(place), canvas)
        canvas.addLiteral("\n".join(symbols))
        canvas.showPage()
        index += stock.per_sheet
    canvas.save()
    return buffer.getvalue()


def _draw(drawing: Drawing, stock: Stock, corner: tuple[float, float], canvas: Any) -> list[str]:
    """Draw text, lines and pictures on the canvas; return the operators of the symbols."""
    left, top = corner
    high = stock.page.height
    symbols = []
    for mark in drawing.marks:
        if isinstance(mark, PlacedText):
            text = canvas.beginText()
            a, b, c, d = _TURNS[mark.rotation]
            text.setTextTransform(a, b, c, d, (left + mark.x) * POINTS_PER_MM, (high - top - mark.y) * POINTS_PER_MM)
            text.setFont(FONT, mark.size)
            if mark.bold:
                text.setTextRenderMode(2)
                canvas.setLineWidth(mark.size * 0.03)
            text.textOut(mark.text)
            if mark.bold:
                text.setTextRenderMode(0)
            canvas.drawText(text)
        elif isinstance(mark, PlacedSymbol):
            symbols.append(_symbol(mark, left, top, high, drawing.dpi))
        elif isinstance(mark, PlacedLine):
            canvas.setLineWidth(mark.thickness * POINTS_PER_MM)
            (x, y), (u, v) = mark.start, mark.end
            canvas.line(*(n * POINTS_PER_MM for n in (left + x, high - top - y, left + u, high - top - v)))
        elif isinstance(mark, PlacedImage):
            box = mark.box
            canvas.drawImage(
                ImageReader(BytesIO(mark.png)),
                (left + box.x) * POINTS_PER_MM,
                (high - top - box.y - box.height) * POINTS_PER_MM,
                box.width * POINTS_PER_MM,
                box.height * POINTS_PER_MM,
                mask="auto",
                preserveAspectRatio=True,
                anchor="c",
            )
    return symbols


def _symbol(mark: PlacedSymbol, left: float, top: float, high: float, dpi: int) -> str:
    """Operators that fill the symbol, its corner on a printer dot of the page."""
    dot = MM_PER_INCH / dpi
    x, y = round((left + mark.x) / dot) * dot, high - round((top + mark.y) / dot) * dot
    wide, tall = mark.size
    # The symbol's own corner is its bottom left; turning moves it to another corner of the rectangle.
    x, y = {0: (x, y - tall), 90: (x, y), 180: (x + wide, y), 270: (x + wide, y - tall)}[mark.rotation]
    a, b, c, d = _TURNS[mark.rotation]
    along, across = mark.module * POINTS_PER_MM, mark.row * POINTS_PER_MM
    return (
        f"q {a * along:.5f} {b * along:.5f} {c * across:.5f} {d * across:.5f} "
        f"{x * POINTS_PER_MM:.4f} {y * POINTS_PER_MM:.4f} cm {mark.symbol.path} f Q"
    )
