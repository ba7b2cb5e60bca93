"""Sheets of labels as data, in millimetres from the top left corner of the page.

Sizes, counts and pitches are those the makers publish; where a maker publishes no margin the grid is centred on the
page. A site whose printer feeds off centre corrects a stock with `dataclasses.replace(stock, left=..., top=...)`.
"""

from dataclasses import dataclass

from labels.errors import StockError
from labels.geometry import Page

_TOLERANCE_MM = 0.01
PRINTER_DPI = (203, 300, 600)


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

    def __post_init__(self) -> None:
        if min(self.label_width, self.label_height, self.columns, self.rows, self.dpi) <= 0:
            raise StockError(self.name, "sizes, counts and dpi must be greater than zero")
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

    def __post_init__(self) -> None:
        if min(self.label_width, self.label_height, self.columns) <= 0 or min(self.gap, self.column_gap) < 0:
            raise StockError(self.name, "sizes and counts must be greater than zero, gaps not below it")
        if self.dpi not in PRINTER_DPI:
            raise StockError(self.name, f"no label printer has {self.dpi} dpi; use {', '.join(map(str, PRINTER_DPI))}")

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
