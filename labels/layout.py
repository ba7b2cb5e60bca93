"""One layout for every output: a template, the values of one label and a stock give placed marks in millimetres."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labels.elements import Align, Code, Element, Image, Line, Rotation, Text, fill
from labels.errors import EmptyListError, LabelError, MissingValueError, OutsideAreaError
from labels.geometry import MM_PER_INCH, POINTS_PER_MM, Box
from labels.stock import Stock
from labels.symbols import Symbol, encode, module_dots
from labels.template import Item, Template
from labels.text import ABOVE, BELOW, LINE, baseline, checked, fit, width


@dataclass(frozen=True, slots=True)
class PlacedText:
    """One line of text; (x, y) is where its baseline begins, `size` in points, `rotation` clockwise."""

    text: str
    x: float
    y: float
    size: float
    rotation: Rotation
    bold: bool
    align: Align


@dataclass(frozen=True, slots=True)
class PlacedSymbol:
    """A symbol without its quiet zone; (x, y) is the top left corner of the rectangle it covers, rotated as it is.

    A module is `dots` printer dots wide; a row is `row` mm high, which for a matrix is a module too.
    """

    symbol: Symbol
    x: float
    y: float
    dots: int
    module: float
    row: float
    rotation: Rotation

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the rectangle it covers."""
        along, across = self.symbol.columns * self.module, self.symbol.rows * self.row
        return (across, along) if self.rotation % 180 else (along, across)


@dataclass(frozen=True, slots=True)
class PlacedLine:
    start: tuple[float, float]
    end: tuple[float, float]
    thickness: float


@dataclass(frozen=True, slots=True)
class PlacedImage:
    box: Box
    png: bytes


Mark = PlacedText | PlacedSymbol | PlacedLine | PlacedImage


@dataclass(frozen=True, slots=True)
class Drawing:
    """A label with everything in its place: mm from its top left corner, symbols on dots of a printer of `dpi`."""

    width: float
    height: float
    dpi: int
    marks: tuple[Mark, ...]


def lay_out(template: Template, item: Item, stock: Stock) -> Drawing:
    """Place the template's elements, filled with the item's values, on a label of the stock.

    Raises LabelError: nothing is cut, shrunk below the limits, or left out.
    """
    marks = tuple(_marks(template, item, stock))
    if stock.areas:
        for mark in marks:
            if not any(area.holds(bounds(mark)) for area in stock.areas):
                raise OutsideAreaError(_named(mark), stock.name, tuple(area.name for area in stock.areas))
    return Drawing(stock.label_width, stock.label_height, stock.dpi, marks)


def drawings(items: Sequence[Item], template: Template | Sequence[Template], stock: Stock) -> Iterator[Drawing]:
    """Each item laid out in turn. `template` is one for all, or one for each item.

    Raises LabelError with `label_number` set, EmptyListError.
    """
    if not items:
        raise EmptyListError("labels")
    templates = itertools.repeat(template, len(items)) if isinstance(template, Template) else template
    for number, (item, own) in enumerate(zip(items, templates, strict=True), start=1):
        try:
            yield lay_out(own, item, stock)
        except LabelError as error:
            error.label_number = number
            raise


def bounds(mark: Mark) -> Box:
    """The rectangle that a mark needs for itself: a symbol with its quiet zone, text with its line."""
    if isinstance(mark, PlacedSymbol):
        aside, above = mark.symbol.symbology.quiet_x * mark.module, mark.symbol.symbology.quiet_y * mark.module
        aside, above = (above, aside) if mark.rotation % 180 else (aside, above)
        wide, high = mark.size
        return Box(mark.x - aside, mark.y - above, wide + 2 * aside, high + 2 * above)
    if isinstance(mark, PlacedText):
        long = width(mark.text, mark.size) / POINTS_PER_MM
        up, down = (share * mark.size / POINTS_PER_MM for share in (ABOVE, BELOW))
        inner = Box(0, -up, long, up + down)
        corners = ((inner.x, inner.y), (inner.x + inner.width, inner.y + inner.height))
        (x, y), (u, v) = (_outward(Box(mark.x, mark.y, 0, 0), *corner, mark.rotation) for corner in corners)
        return Box(min(x, u), min(y, v), abs(u - x), abs(v - y))
    if isinstance(mark, PlacedLine):
        (x, u), (y, v) = (sorted(pair) for pair in zip(mark.start, mark.end, strict=True))
        half = mark.thickness / 2
        return Box(x - half, y - half, u - x + mark.thickness, v - y + mark.thickness)
    return mark.box


def _named(mark: Mark) -> str:
    if isinstance(mark, PlacedSymbol):
        return f"code {mark.symbol.code!r}"
    if isinstance(mark, PlacedText):
        return f"text {mark.text!r}"
    return "a line" if isinstance(mark, PlacedLine) else "a picture"


def _marks(template: Template, item: Item, stock: Stock) -> Iterator[Mark]:
    across, down = stock.label_width / template.width, stock.label_height / template.height
    values = item.filled()
    for number, element in enumerate(template.elements):
        placed = element if across == down == 1 else _stretched(element, across, down)
        try:
            if isinstance(placed, Text):
                yield from _text(placed, fill(placed.text, values), stock)
            elif isinstance(placed, Code):
                yield _symbol(placed, fill(placed.value, values), stock)
            elif isinstance(placed, Line):
                yield PlacedLine(placed.start, placed.end, placed.thickness)
            else:
                yield PlacedImage(placed.box, placed.png)
        except KeyError as missing:
            raise MissingValueError(template.name, f"elements[{number}]", missing.args[0], item.code) from None


def _stretched(element: Element, across: float, down: float) -> Element:
    if isinstance(element, Line):
        (x, y), (u, v) = element.start, element.end
        return Line((x * across, y * down), (u * across, v * down), element.thickness)
    box = element.box
    box = Box(box.x * across, box.y * down, box.width * across, box.height * down)
    if isinstance(element, Text):
        return Text(box, element.text, element.points, element.align, element.wrap, element.rotation, element.bold)
    if isinstance(element, Code):
        return Code(box, element.value, element.symbology, element.modules, element.rotation)
    return Image(box, element.png)


def _turned(box: Box, rotation: Rotation) -> Box:
    """The box as it lies before it is rotated, from its own corner."""
    return Box(0, 0, box.height, box.width) if rotation % 180 else Box(0, 0, box.width, box.height)


def _outward(box: Box, x: float, y: float, rotation: Rotation) -> tuple[float, float]:
    """A point of the unrotated box as it lies on the label."""
    if rotation == 90:
        return box.x + box.width - y, box.y + x
    if rotation == 180:
        return box.x + box.width - x, box.y + box.height - y
    if rotation == 270:
        return box.x + y, box.y + box.height - x
    return box.x + x, box.y + y


def _text(element: Text, text: str, stock: Stock) -> Iterator[PlacedText]:
    lines = [checked(line) for line in text.split("\n")]
    if not any(lines):
        return
    inner = _turned(element.box, element.rotation)
    size, lines = fit(lines, inner, element.points, wrap=element.wrap, where=stock.name)
    step = size * LINE / POINTS_PER_MM
    top = (inner.height - step * len(lines)) / 2
    for number, line in enumerate(lines):
        if not line:
            continue
        down = baseline(Box(0, top + number * step, inner.width, step), size) / POINTS_PER_MM
        free = inner.width - width(line, size) / POINTS_PER_MM
        left = {"left": 0.0, "centre": free / 2, "right": free}[element.align]
        x, y = _outward(element.box, left, down, element.rotation)
        yield PlacedText(line, x, y, size, element.rotation, element.bold, element.align)


def _symbol(element: Code, code: str, stock: Stock) -> PlacedSymbol:
    symbol = encode(code, element.symbology)
    inner = _turned(element.box, element.rotation)
    dots = module_dots(symbol, inner, element.modules, dpi=stock.dpi, where=stock.name)
    dot = MM_PER_INCH / stock.dpi
    module = dots * dot
    row = int(inner.height / dot + 1e-6) * dot if symbol.linear else module
    along, across = symbol.columns * module, symbol.rows * row
    wide, high = (across, along) if element.rotation % 180 else (along, across)
    box = element.box
    x = round((box.x + (box.width - wide) / 2) / dot) * dot
    y = round((box.y + (box.height - high) / 2) / dot) * dot
    return PlacedSymbol(symbol, x, y, dots, module, row, element.rotation)
