"""Sheets of labels as data, in millimetres from the top left corner of the page.

Sizes, counts and pitches are those the makers publish; where a maker publishes no margin the grid is centred on the
page. A site whose printer feeds off centre corrects a stock with `dataclasses.replace(stock, left=..., top=...)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from labels.errors import StockError
from labels.geometry import A4, LETTER, MM_PER_INCH, Page

_TOLERANCE_MM = 0.01


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


def _inches(value: float) -> float:
    return value * MM_PER_INCH


_ALL = (
    SheetStock(
        name="cryo-letter-85",
        title="Cryo laser labels 1.28 x 0.5 in, 85 a US Letter sheet (Cryo-Babies and Tough-Tags size)",
        page=LETTER,
        label_width=_inches(1.28),
        label_height=_inches(0.5),
        columns=5,
        rows=17,
        left=(LETTER.width - _inches(4 * 1.4 + 1.28)) / 2,
        top=(LETTER.height - _inches(16 * 0.625 + 0.5)) / 2,
        pitch_x=_inches(1.4),
        pitch_y=_inches(0.625),
    ),
    SheetStock(
        name="l4731",
        title="Mini labels 25.4 x 10 mm, 189 an A4 sheet (Avery L4731)",
        page=A4,
        label_width=25.4,
        label_height=10.0,
        columns=7,
        rows=27,
        left=8.6,
        top=13.5,
        pitch_x=27.9,
        pitch_y=10.0,
    ),
    SheetStock(
        name="l4732",
        title="Mini labels 35.6 x 16.9 mm, 80 an A4 sheet (Avery L4732)",
        page=A4,
        label_width=35.6,
        label_height=16.9,
        columns=5,
        rows=16,
        left=11.0,
        top=13.0,
        pitch_x=38.1,
        pitch_y=16.9,
    ),
    SheetStock(
        name="l7160",
        title="Labels 63.5 x 38.1 mm, 21 an A4 sheet (Avery L7160)",
        page=A4,
        label_width=63.5,
        label_height=38.1,
        columns=3,
        rows=7,
        left=7.21,
        top=15.15,
        pitch_x=66.04,
        pitch_y=38.1,
    ),
    SheetStock(
        name="l7163",
        title="Labels 99.1 x 38.1 mm, 14 an A4 sheet (Avery L7163)",
        page=A4,
        label_width=99.1,
        label_height=38.1,
        columns=2,
        rows=7,
        left=4.65,
        top=15.15,
        pitch_x=101.6,
        pitch_y=38.1,
    ),
    SheetStock(
        name="5160",
        title="Labels 2.625 x 1 in, 30 a US Letter sheet (Avery 5160)",
        page=LETTER,
        label_width=_inches(2.625),
        label_height=_inches(1),
        columns=3,
        rows=10,
        left=_inches(0.1875),
        top=_inches(0.5),
        pitch_x=_inches(2.75),
        pitch_y=_inches(1),
    ),
    SheetStock(
        name="5163",
        title="Labels 4 x 2 in, 10 a US Letter sheet (Avery 5163)",
        page=LETTER,
        label_width=_inches(4),
        label_height=_inches(2),
        columns=2,
        rows=5,
        left=_inches(0.15625),
        top=_inches(0.5),
        pitch_x=_inches(4.1875),
        pitch_y=_inches(2),
    ),
)

STOCKS: Mapping[str, SheetStock] = MappingProxyType({stock.name: stock for stock in _ALL})
"""Stocks that ship, by name."""
