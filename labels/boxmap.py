"""A printable map of a storage box: the grid as one looks into the box, with what stands in each position."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.pdfgen.canvas import Canvas

from labels.errors import BoxMapError
from labels.geometry import A4, POINTS_PER_MM, Box, Page
from labels.symbols import ModuleRange, Symbology, draw_operators, encode, module_dots
from labels.text import FONT, baseline, checked, fit, printable, width

_DPI = 600
_MODULES = ModuleRange(smallest=0.165, largest=0.34, bar_height=5.0)
_MARGIN = 12.0
_HEADER = 24.0  # title, bar code and details above the grid
_AXIS = 8.0  # room for row and column names
_CELL_POINTS = (3.0, 9.0)
_GREY = 0.85


@dataclass(frozen=True, slots=True)
class BoxCell:
    """What stands in a position; row and column count from 0 at the notched corner."""

    row: int
    column: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoxMap:
    """A box: its code, what it is called, a line of details, names of rows and columns as printed on the box itself
    (`A`, `B`... and `1`, `2`...), and the occupied positions. Positions without a cell are shaded as empty.
    """

    code: str
    title: str
    details: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    cells: tuple[BoxCell, ...]


def render_box_map(box_map: BoxMap, *, page: Page = A4) -> bytes:
    """One page with the box from above, its notched corner (the first row and column) at the top left.

    Returns a PDF whose bytes depend on the arguments alone. Raises BoxMapError for a cell outside the grid or a
    position taken twice, and LabelError for text or a code that cannot be printed.
    """
    cells = _by_position(box_map)
    printable()
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=page.points, invariant=1, pageCompression=1)
    canvas.setTitle(f"Box map {box_map.code}")
    pen = _Pen(canvas, page)
    _draw_header(box_map, pen)
    _draw_grid(box_map, cells, pen)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def grid_box(box_map: BoxMap, page: Page = A4) -> Box:
    """The grid of positions in mm from the page's top left corner, positions square and as large as the page allows."""
    rows, columns = len(box_map.row_names), len(box_map.column_names)
    left, top = _MARGIN + _AXIS, _MARGIN + _HEADER + _AXIS
    side = min((page.width - left - _MARGIN) / columns, (page.height - top - _MARGIN) / rows)
    return Box(left, top, side * columns, side * rows)


def _by_position(box_map: BoxMap) -> dict[tuple[int, int], BoxCell]:
    if not box_map.row_names or not box_map.column_names:
        raise BoxMapError(box_map.code, "a box has at least one row and one column")
    cells: dict[tuple[int, int], BoxCell] = {}
    for cell in box_map.cells:
        if not (0 <= cell.row < len(box_map.row_names) and 0 <= cell.column < len(box_map.column_names)):
            raise BoxMapError(box_map.code, f"row {cell.row}, column {cell.column} is outside the box (from 0)")
        position = box_map.row_names[cell.row] + box_map.column_names[cell.column]
        if cells.setdefault((cell.row, cell.column), cell) is not cell:
            raise BoxMapError(box_map.code, f"position {position} holds two tubes; correct the list first")
    return cells


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws in mm from the top left corner."""

    canvas: Any
    page: Page

    def rectangle(self, box: Box, *, grey: float) -> None:
        self.canvas.setFillGray(grey)
        bottom = (self.page.height - box.y - box.height) * POINTS_PER_MM
        self.canvas.rect(
            box.x * POINTS_PER_MM, bottom, box.width * POINTS_PER_MM, box.height * POINTS_PER_MM, stroke=1, fill=1
        )
        self.canvas.setFillGray(0)

    def triangle(self, corners: Iterable[tuple[float, float]]) -> None:
        path = self.canvas.beginPath()
        first, *rest = [(x * POINTS_PER_MM, (self.page.height - y) * POINTS_PER_MM) for x, y in corners]
        path.moveTo(*first)
        for corner in rest:
            path.lineTo(*corner)
        path.close()
        self.canvas.drawPath(path, stroke=1, fill=1)

    def words(self, words: str, box: Box, points: tuple[float, float], *, centred: bool = False) -> None:
        """Set one line in the middle of `box`, as large as fits between the two sizes in `points`."""
        words = checked(words)
        if not words:
            return
        size, _ = fit([words], box, points, where="the box map")
        x = box.x * POINTS_PER_MM
        if centred:
            x += (box.width * POINTS_PER_MM - width(words, size)) / 2
        self.canvas.setFont(FONT, size)
        self.canvas.drawString(x, self.page.points[1] - baseline(box, size), words)


def _draw_header(box_map: BoxMap, pen: _Pen) -> None:
    inner = pen.page.width - 2 * _MARGIN
    half = inner / 2
    code = Box(_MARGIN + half, _MARGIN, half, 12.0)
    symbol = encode(box_map.code, Symbology.CODE_128)
    dots = module_dots(symbol, code, _MODULES, dpi=_DPI, where="the box map")
    pen.canvas.addLiteral(draw_operators(symbol, code, pen.page.height, dots=dots, dpi=_DPI))
    pen.words(box_map.code, Box(code.x, code.y + code.height, half, 6.0), (6.0, 10.0), centred=True)
    pen.words(box_map.title, Box(_MARGIN, _MARGIN, half - 2.0, 9.0), (6.0, 16.0))
    pen.words(box_map.details, Box(_MARGIN, _MARGIN + 10.0, half - 2.0, 6.0), (5.0, 9.0))


def _draw_grid(box_map: BoxMap, cells: dict[tuple[int, int], BoxCell], pen: _Pen) -> None:
    grid = grid_box(box_map, pen.page)
    side = grid.width / len(box_map.column_names)
    for column, name in enumerate(box_map.column_names):
        pen.words(name, Box(grid.x + column * side, grid.y - _AXIS, side, _AXIS), (4.0, 11.0), centred=True)
    for row, name in enumerate(box_map.row_names):
        pen.words(name, Box(grid.x - _AXIS, grid.y + row * side, _AXIS, side), (4.0, 11.0), centred=True)
        for column in range(len(box_map.column_names)):
            place = Box(grid.x + column * side, grid.y + row * side, side, side)
            cell = cells.get((row, column))
            pen.rectangle(place, grey=1.0 if cell else _GREY)
            if cell:
                _draw_cell(cell, place, pen)
    notch = min(3.0, side / 4)
    pen.triangle([(grid.x, grid.y), (grid.x + notch, grid.y), (grid.x, grid.y + notch)])


def _draw_cell(cell: BoxCell, place: Box, pen: _Pen) -> None:
    inset = 0.08 * place.width
    line = (place.height - 2 * inset) / max(3, len(cell.lines))
    top = place.y + (place.height - line * len(cell.lines)) / 2
    for index, words in enumerate(cell.lines):
        box = Box(place.x + inset, top + index * line, place.width - 2 * inset, line)
        pen.words(words, box, _CELL_POINTS, centred=True)
