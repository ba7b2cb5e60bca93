"""Labels as PDF: sheets, or one page for each row of a roll."""

from collections.abc import Sequence

from labels.errors import StartOutsideSheetError
from labels.geometry import MM_PER_INCH, POINTS_PER_MM, fitted
from labels.layout import Drawing, PlacedImage, PlacedLine, PlacedSymbol, PlacedText, drawings
from labels.pdfwriter import Pdf
from labels.picture import on_white
from labels.stock import Stock
from labels.template import Item, Template

_TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}
_BOLD = 0.03  # thickness of the stroke round a bold letter, in ems


def render_pdf(items: Sequence[Item], template: Template | Sequence[Template], stock: Stock, start: int = 0) -> bytes:
    """Print `items` in order on `stock`, the first at label `start` (from 0) of a half-used sheet.

    `template` is one for all, or one for each item. Returns a PDF whose bytes depend on the arguments alone; print it
    at 100 %. Labels are drawn one after another and pages written as they are full, so memory holds little more than
    the file itself.

    Raises a LabelError with `label_number` set for a label that cannot be printed as it should be (nothing is cut,
    shrunk below the limits or left out), EmptyListError, StartOutsideSheetError.
    """
    if not 0 <= start < stock.per_sheet:
        raise StartOutsideSheetError(start, stock.per_sheet, stock.name)
    pdf = Pdf(stock.page.points, f"Labels on {stock.title}")
    operators: list[str] = []
    place = start
    for drawing in drawings(items, template, stock):
        _draw(drawing, stock.corner(place), stock.page.height, pdf, operators)
        place += 1
        if place == stock.per_sheet:
            pdf.page("\n".join(operators))
            operators.clear()
            place = 0
    if operators or place:
        pdf.page("\n".join(operators))
    return pdf.finish()


def _draw(drawing: Drawing, corner: tuple[float, float], high: float, pdf: Pdf, operators: list[str]) -> None:
    left, top = corner
    for mark in drawing.marks:
        if isinstance(mark, PlacedSymbol):
            operators.append(_symbol(mark, left, top, high, drawing.dpi))
        elif isinstance(mark, PlacedText):
            operators.append(_text(mark, left, top, high, pdf))
        elif isinstance(mark, PlacedLine):
            ends = ((left + x, high - top - y) for x, y in (mark.start, mark.end))
            (x, y), (u, v) = ((x * POINTS_PER_MM, y * POINTS_PER_MM) for x, y in ends)
            operators.append(f"{mark.thickness * POINTS_PER_MM:.4f} w {x:.3f} {y:.3f} m {u:.3f} {v:.3f} l S")
        else:
            operators.append(_image(mark, left, top, high, pdf))


def _text(mark: PlacedText, left: float, top: float, high: float, pdf: Pdf) -> str:
    a, b, c, d = _TURNS[mark.rotation]
    x, y = (left + mark.x) * POINTS_PER_MM, (high - top - mark.y) * POINTS_PER_MM
    bold = f"2 Tr {mark.size * _BOLD:.3f} w " if mark.bold else ""
    plain = " 0 Tr" if mark.bold else ""
    return f"BT /F {mark.size:g} Tf {bold}{a} {b} {c} {d} {x:.3f} {y:.3f} Tm {pdf.shown(mark.text)} Tj{plain} ET"


def _symbol(mark: PlacedSymbol, left: float, top: float, high: float, dpi: int) -> str:
    """Operators that fill the symbol, its corner on a printer dot of the page."""
    dot = MM_PER_INCH / dpi
    x, y = round((left + mark.x) / dot) * dot, high - round((top + mark.y) / dot) * dot
    wide, tall = mark.size
    # The symbol's own corner is its bottom left; turning moves it to another corner of the rectangle.
    if mark.rotation in {0, 270}:
        y -= tall
    if mark.rotation in {180, 270}:
        x += wide
    a, b, c, d = _TURNS[mark.rotation]
    along, across = mark.module * POINTS_PER_MM, mark.row * POINTS_PER_MM
    return (
        f"q {a * along:.5g} {b * along:.5g} {c * across:.5g} {d * across:.5g} "
        f"{x * POINTS_PER_MM:.4f} {y * POINTS_PER_MM:.4f} cm {mark.symbol.path} f Q"
    )


def _image(mark: PlacedImage, left: float, top: float, high: float, pdf: Pdf) -> str:
    paper = on_white(mark.png)
    name = pdf.picture(mark.png, *paper.size, paper.tobytes())
    box = fitted(mark.box, *paper.size)
    x, y = left + box.x, high - top - box.y - box.height
    sizes = (box.width, 0, 0, box.height, x, y)
    return f"q {' '.join(f'{length * POINTS_PER_MM:.4f}' for length in sizes)} cm {name} Do Q"
