"""Sheets of labels as data, in millimetres from the top left corner of the page.

Sizes, counts and pitches are those the makers publish; where a maker publishes no margin the grid is centred on the
page. A site whose printer feeds off centre corrects a stock with `dataclasses.replace(stock, left=..., top=...)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

from labels.errors import StockError
from labels.fields import Fault, Fields
from labels.geometry import A4, LETTER, Box, Page

_TOLERANCE_MM = 0.01
_LARGEST_MM = 500  # no sheet and no row of a roll is larger
_MOST_LABELS = 2_000  # on a sheet
PRINTER_DPI = (203, 300, 600)


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a label that is printed on, as the wrap or the cap dot of a cryo label; `round` is the circle in `box`.
    From the label's top left corner.
    """

    name: str
    box: Box
    round: bool = False

    def holds(self, box: Box) -> bool:
        """Does `box` lie within the area?"""
        right, bottom = box.x + box.width, box.y + box.height
        own = self.box
        inside = (
            box.x >= own.x - _TOLERANCE_MM
            and box.y >= own.y - _TOLERANCE_MM
            and right <= own.x + own.width + _TOLERANCE_MM
            and bottom <= own.y + own.height + _TOLERANCE_MM
        )
        if not (inside and self.round):
            return inside
        x, y, radius = own.x + own.width / 2, own.y + own.height / 2, min(own.width, own.height) / 2
        far = max(abs(box.x - x), abs(right - x)), max(abs(box.y - y), abs(bottom - y))
        return hypot(*far) <= radius + _TOLERANCE_MM


@dataclass(frozen=True, slots=True)
class SheetStock:
    """A sheet of equal labels. Lengths in mm; `dpi` is the printer's, to which symbol modules are snapped.

    Raises StockError when the labels overlap, leave the page, or a size is not positive.
    """

    name: str
    title: str
    page: Page
    label_width: float
    label_height: float
    columns: int
    rows: int
    left: float
    top: float
    pitch_x: float
    pitch_y: float
    dpi: int = 600
    areas: tuple[Area, ...] = ()

    def __post_init__(self) -> None:
        if min(self.label_width, self.label_height, self.columns, self.rows, self.dpi) <= 0:
            raise StockError(self.name, "sizes, counts and dpi must be greater than zero")
        if max(self.page.width, self.page.height) > _LARGEST_MM or self.per_sheet > _MOST_LABELS:
            raise StockError(self.name, f"a page has at most {_LARGEST_MM} mm a side and {_MOST_LABELS:,} labels")
        if self.pitch_x < self.label_width - _TOLERANCE_MM or self.pitch_y < self.label_height - _TOLERANCE_MM:
            raise StockError(self.name, "labels overlap: the pitch is smaller than the label")
        right, bottom = self.corner(self.per_sheet - 1)
        outside = (
            min(self.left, self.top) < -_TOLERANCE_MM
            or right + self.label_width > self.page.width + _TOLERANCE_MM
            or bottom + self.label_height > self.page.height + _TOLERANCE_MM
        )
        if outside:
            raise StockError(self.name, f"labels reach outside the {self.page.name} page")
        _check_areas(self.name, self.areas, self.label_width, self.label_height)

    @property
    def per_sheet(self) -> int:
        return self.columns * self.rows

    def corner(self, index: int) -> tuple[float, float]:
        """Top left corner in mm of the label at `index`, counted from 0 along rows, left to right, top to bottom."""
        row, column = divmod(index, self.columns)
        return self.left + column * self.pitch_x, self.top + row * self.pitch_y


@dataclass(frozen=True, slots=True)
class RollStock:
    """Labels on a roll, `columns` beside each other, for a printer of `dpi`. Lengths in mm; `gap` lies between rows.

    Raises StockError when a size is not positive or no printer has such a `dpi`.
    """

    name: str
    title: str
    label_width: float
    label_height: float
    gap: float = 3.0
    columns: int = 1
    column_gap: float = 3.0
    dpi: int = 203
    areas: tuple[Area, ...] = ()

    def __post_init__(self) -> None:
        if min(self.label_width, self.label_height, self.columns) <= 0 or min(self.gap, self.column_gap) < 0:
            raise StockError(self.name, "sizes and counts must be greater than zero, gaps not below it")
        if self.dpi not in PRINTER_DPI:
            raise StockError(self.name, f"no label printer has {self.dpi} dpi; use {', '.join(map(str, PRINTER_DPI))}")
        if max(self.page.width, self.label_height, self.gap) > _LARGEST_MM:
            raise StockError(self.name, f"a row of labels has at most {_LARGEST_MM} mm a side")
        _check_areas(self.name, self.areas, self.label_width, self.label_height)

    @property
    def page(self) -> Page:
        """One row of labels."""
        width = self.columns * self.label_width + (self.columns - 1) * self.column_gap
        return Page(self.name, width, self.label_height)

    @property
    def per_sheet(self) -> int:
        return self.columns

    def corner(self, index: int) -> tuple[float, float]:
        """Top left corner in mm of the label at `index` of a row."""
        return index * (self.label_width + self.column_gap), 0.0


Stock = SheetStock | RollStock


def _check_areas(stock: str, areas: tuple[Area, ...], width: float, height: float) -> None:
    label = Area("label", Box(0, 0, width, height))
    for area in areas:
        if min(area.box.width, area.box.height) <= 0 or not label.holds(area.box):
            raise StockError(stock, f"area {area.name!r} reaches outside the label")


def stock_from_data(data: Any) -> Stock:
    """A stock of one's own, as `stock_to_data` (or a person) wrote it.

    Raises StockError naming what is wrong.
    """
    name = data["name"] if isinstance(data, Mapping) and isinstance(data.get("name"), str) else ""
    try:
        fields = Fields(data, "")
        made = _READERS[fields.one_of("type", tuple(_READERS))](fields)
        fields.done()
    except Fault as fault:
        raise StockError(name, fault.problem, fault.place) from None
    return made


def stock_to_data(stock: Stock) -> dict[str, Any]:
    """The stock as JSON knows it."""
    common = {
        "name": stock.name,
        "title": stock.title,
        "label_width": stock.label_width,
        "label_height": stock.label_height,
        "dpi": stock.dpi,
        "areas": [
            {
                "name": area.name,
                "x": area.box.x,
                "y": area.box.y,
                "width": area.box.width,
                "height": area.box.height,
                "round": area.round,
            }
            for area in stock.areas
        ],
    }
    own = _ROLL if isinstance(stock, RollStock) else _SHEET
    rest = {field: getattr(stock, field) for field in own}
    if isinstance(stock, SheetStock):
        page = stock.page
        rest["page"] = {"name": page.name, "width": page.width, "height": page.height}
    return {"type": "roll" if isinstance(stock, RollStock) else "sheet", **common, **rest}


_SHEET = ("columns", "rows", "left", "top", "pitch_x", "pitch_y")
_ROLL = ("gap", "columns", "column_gap")
_PAGES = {page.name: page for page in (A4, LETTER)}


def _sheet(fields: Fields) -> SheetStock:
    return SheetStock(
        **_common(fields),
        page=_page(fields),
        columns=fields.whole("columns"),
        rows=fields.whole("rows"),
        left=fields.number("left"),
        top=fields.number("top"),
        pitch_x=fields.number("pitch_x"),
        pitch_y=fields.number("pitch_y"),
    )


def _roll(fields: Fields) -> RollStock:
    return RollStock(
        **_common(fields),
        gap=fields.number("gap", 3.0),
        columns=fields.whole("columns", 1),
        column_gap=fields.number("column_gap", 3.0),
    )


def _common(fields: Fields) -> dict[str, Any]:
    return {
        "name": fields.text("name"),
        "title": fields.text("title"),
        "label_width": fields.number("label_width"),
        "label_height": fields.number("label_height"),
        "dpi": fields.whole("dpi"),
        "areas": tuple(_area(one) for one in fields.objects("areas")),
    }


def _area(fields: Fields) -> Area:
    area = Area(fields.text("name"), fields.box(), fields.flag("round"))
    fields.done()
    return area


def _page(fields: Fields) -> Page:
    given = fields.take("page")
    if isinstance(given, str):
        return _PAGES[fields.choice(given, "page", tuple(_PAGES))]
    page = Fields(given, fields.at("page"))
    made = Page(page.text("name"), page.number("width"), page.number("height"))
    page.done()
    return made


_READERS: Mapping[str, Callable[[Fields], Stock]] = {"sheet": _sheet, "roll": _roll}
