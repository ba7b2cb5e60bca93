"""The stocks that ship: a row each, with its source beside it.

A maker's name stands in a title where its sizes could be found published; everything else is named by its size. A site
whose labels are not here, or whose printer feeds off centre, measures a stock of its own as data. Sources that occur
often:

- gLabels: `templates/*.xml` of gLabels (github.com/jimevins/glabels-qt), which keeps sheets as makers publish them.
- Lab Labels: the layouts of Diversified Biotech's sheets of the Mullins laboratory (github.com/MullinsLab/Lab-Labels,
  `templates/`): the maker's sizes, compared with sheets by a ruler.
- CUPS: sizes that CUPS' driver for ZPL printers offers. All rolls have the gap of 3 mm that Zebra prefers (ZT200 media
  specifications).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from labels.geometry import A4, LETTER, MM_PER_INCH, Box, Page, Size
from labels.stock import PRINTER_DPI, Area, RollStock, SheetStock, Stock

_INCH = MM_PER_INCH


def _sheet(
    name: str,
    title: str,
    page: Page,
    label: Size,
    grid: tuple[int, int],
    corner: Size,
    pitch: Size,
    *,
    unit: float = 1,
    areas: tuple[Area, ...] = (),
) -> Iterator[Stock]:
    """A sheet with `grid` labels across and down, the first at `corner`, each `pitch` after the one before; lengths in
    `unit` mm.
    """
    yield SheetStock(
        name=name,
        title=title,
        page=page,
        label_width=label[0] * unit,
        label_height=label[1] * unit,
        columns=grid[0],
        rows=grid[1],
        left=corner[0] * unit,
        top=corner[1] * unit,
        pitch_x=pitch[0] * unit,
        pitch_y=pitch[1] * unit,
        areas=areas,
    )


def _roll(name: str, title: str, label: Size, *, unit: float = 1, areas: tuple[Area, ...] = ()) -> Iterator[Stock]:
    """A roll for printers of each resolution; lengths in `unit` mm."""
    for dpi in PRINTER_DPI:
        yield RollStock(
            name=f"{name}-{dpi}",
            title=f"{title} on a roll, for a printer of {dpi} dpi",
            label_width=label[0] * unit,
            label_height=label[1] * unit,
            dpi=dpi,
            areas=areas,
        )


def _dot(size: float) -> tuple[Area, ...]:
    return (Area("cap dot", Box(0, 0, size, size), round=True),)


_WRAP_AND_DOT = (Area("wrap", Box(0, 0, 32.5, 12.7)), Area("cap dot", Box(34.5, 1.6, 9.5, 9.5), round=True))

_ROWS: tuple[Iterator[Stock], ...] = (
    # Label and pitch as gLabels has Tough-Tags TTLW-2016; in the middle of the sheet, where Lab Labels has LCRY-1700.
    _sheet(
        "cryo-letter-85",
        "Cryo laser labels 1.28 x 0.5 in, 85 a US Letter sheet (Cryo-Babies and Tough-Tags size)",
        LETTER,
        (1.28, 0.5),
        (5, 17),
        ((8.5 - 4 * 1.4 - 1.28) / 2, (11 - 16 * 0.625 - 0.5) / 2),
        (1.4, 0.625),
        unit=_INCH,
    ),
    # Lab Labels, LCRY-2380.
    _sheet(
        "lcry-2380",
        "Cryo laser labels 0.94 x 0.5 in, 119 a US Letter sheet (Diversified Biotech LCRY-2380)",
        LETTER,
        (0.94, 0.5),
        (7, 17),
        (0.57, 0.21),
        (1.07, 0.63),
        unit=_INCH,
    ),
    # Lab Labels, LCRY-1100.
    _sheet(
        "lcry-1100",
        "Cryo laser labels 1.69 x 0.75 in, 52 a US Letter sheet (Diversified Biotech LCRY-1100)",
        LETTER,
        (1.69, 0.75),
        (4, 13),
        (0.705, 0.625),
        (1.8, 0.75),
        unit=_INCH,
    ),
    # Lab Labels, SPOT-2000: round labels of 0.5 in, 3 mm apart; margins measured.
    _sheet(
        "cap-dot-letter-192",
        "Cap dots of 0.5 in, 192 a US Letter sheet (Diversified Biotech SPOT-2000)",
        LETTER,
        (13.0, 13.0),
        (12, 16),
        (12.0, 13.0),
        (16.0, 16.0),
        areas=_dot(13.0),
    ),
    # gLabels and Avery's own sizes, for every stock of Avery.
    _sheet(
        "l4731",
        "Mini labels 25.4 x 10 mm, 189 an A4 sheet (Avery L4731)",
        A4,
        (25.4, 10.0),
        (7, 27),
        (8.6, 13.5),
        (27.9, 10.0),
    ),
    _sheet(
        "l4732",
        "Mini labels 35.6 x 16.9 mm, 80 an A4 sheet (Avery L4732)",
        A4,
        (35.6, 16.9),
        (5, 16),
        (11.0, 13.0),
        (38.1, 16.9),
    ),
    _sheet(
        "l7160",
        "Labels 63.5 x 38.1 mm, 21 an A4 sheet (Avery L7160)",
        A4,
        (63.5, 38.1),
        (3, 7),
        (7.21, 15.15),
        (66.04, 38.1),
    ),
    _sheet(
        "l7163",
        "Labels 99.1 x 38.1 mm, 14 an A4 sheet (Avery L7163)",
        A4,
        (99.1, 38.1),
        (2, 7),
        (4.65, 15.15),
        (101.6, 38.1),
    ),
    _sheet(
        "5160",
        "Labels 2.625 x 1 in, 30 a US Letter sheet (Avery 5160)",
        LETTER,
        (2.625, 1),
        (3, 10),
        (0.1875, 0.5),
        (2.75, 1),
        unit=_INCH,
    ),
    _sheet(
        "5163",
        "Labels 4 x 2 in, 10 a US Letter sheet (Avery 5163)",
        LETTER,
        (4, 2),
        (2, 5),
        (0.15625, 0.5),
        (4.1875, 2),
        unit=_INCH,
    ),
    _sheet(
        "l7651",
        "Mini labels 38.1 x 21.2 mm, 65 an A4 sheet (Avery L7651)",
        A4,
        (38.1, 21.2),
        (5, 13),
        (4.7, 10.9),
        (40.6, 21.2),
    ),
    _sheet(
        "l7165",
        "Shipping labels 99.1 x 67.7 mm, 8 an A4 sheet (Avery L7165)",
        A4,
        (99.1, 67.7),
        (2, 4),
        (4.67, 13.04),
        (101.64, 67.73),
    ),
    _sheet(
        "5167",
        "Labels 1.75 x 0.5 in, 80 a US Letter sheet (Avery 5167)",
        LETTER,
        (1.75, 0.5),
        (4, 20),
        (0.28125, 0.5),
        (2.0625, 0.5),
        unit=_INCH,
    ),
    _sheet(
        "5164",
        "Shipping labels 4 x 3.33 in, 6 a US Letter sheet (Avery 5164)",
        LETTER,
        (4, 10 / 3),
        (2, 3),
        (0.15625, 0.5),
        (4.1875, 10 / 3),
        unit=_INCH,
    ),
    # gLabels, Herma 10001.
    _sheet(
        "herma-10001",
        "Mini labels 25.4 x 10 mm, 189 an A4 sheet (Herma 10001)",
        A4,
        (25.4, 10.0),
        (7, 27),
        (8.0, 14.4),
        (28.2, 10.0),
    ),
    # gLabels, Herma 4346 (as 4097).
    _sheet(
        "herma-4346",
        "Labels 45.7 x 21.2 mm, 48 an A4 sheet (Herma 4346)",
        A4,
        (45.72, 21.2),
        (4, 12),
        (10.0, 22.0),
        (48.72, 21.2),
    ),
    # The size of Cryo-Babies, as above.
    _roll("roll-32x13", "Cryo labels 1.28 x 0.5 in", (1.28, 0.5), unit=_INCH),
    # An example: makers' wraps and dots differ.
    _roll("cryo-wrap-dot", "Cryo labels 1.28 x 0.5 in, each with a cap dot of 9.5 mm", (44, 12.7), areas=_WRAP_AND_DOT),
    _roll("cap-dot", "Cap dots of 9.5 mm", (9.5, 9.5), areas=_dot(9.5)),
    # Lab Labels, DTCR-1000; the same in the maker's layout for DYMO printers (pastebin.com/19KjcAyr, 9138-1000).
    _roll("roll-27x13", "Cryo labels 1.05 x 0.5 in (Diversified Biotech DTCR-1000 size)", (1.05, 0.5), unit=_INCH),
    # CUPS.
    _roll("roll-38x13", "Labels 1.5 x 0.5 in", (1.5, 0.5), unit=_INCH),
    _roll("roll-38x25", "Labels 1.5 x 1 in", (1.5, 1), unit=_INCH),
    _roll("roll-51x25", "Labels 2 x 1 in", (2, 1), unit=_INCH),
    _roll("roll-102x51", "Labels 4 x 2 in", (4, 2), unit=_INCH),
    # The size that carriers ask for; CUPS.
    _roll("roll-102x152", "Shipping labels 4 x 6 in", (4, 6), unit=_INCH),
)

STOCKS: Mapping[str, Stock] = MappingProxyType({stock.name: stock for row in _ROWS for stock in row})
"""Stocks that ship, by name."""
