"""The stocks that ship, in millimetres.

Sheets have the sizes, counts and pitches that their makers publish; those of Avery were compared with the tables of
gLabels (`templates/avery-iso-templates.xml`, `avery-us-templates.xml`). A stock whose pitch or margin could not be
found in two places is not here; a site enters its own as data. Rolls have sizes that label printers' drivers offer (the
ZPL driver of CUPS) or that carriers ask for (4 x 6 in), with the gap of 3 mm that Zebra prefers (ZT200 media
specifications). Their names say the size; the cryo labels with a cap dot are an example, since makers differ.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from labels.geometry import A4, LETTER, MM_PER_INCH, Box
from labels.stock import PRINTER_DPI, Area, RollStock, SheetStock, Stock


def _inches(value: float) -> float:
    return value * MM_PER_INCH


_DOT = (Area("wrap", Box(0, 0, 32.5, 12.7)), Area("cap dot", Box(34.5, 1.6, 9.5, 9.5), round=True))
_ALONE = (Area("cap dot", Box(0, 0, 9.5, 9.5), round=True),)


def _rolls(name: str, title: str, width: float, height: float, areas: tuple[Area, ...] = ()) -> Iterator[RollStock]:
    """A roll for printers of each resolution, its size in inches."""
    for dpi in PRINTER_DPI:
        yield RollStock(
            name=f"{name}-{dpi}",
            title=f"{title} on a roll, for a printer of {dpi} dpi",
            label_width=_inches(width),
            label_height=_inches(height),
            dpi=dpi,
            areas=areas,
        )


_ALL: tuple[Stock, ...] = (
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
    SheetStock(
        name="l7651",
        title="Mini labels 38.1 x 21.2 mm, 65 an A4 sheet (Avery L7651)",
        page=A4,
        label_width=38.1,
        label_height=21.2,
        columns=5,
        rows=13,
        left=4.7,
        top=10.9,
        pitch_x=40.6,
        pitch_y=21.2,
    ),
    SheetStock(
        name="l7165",
        title="Shipping labels 99.1 x 67.7 mm, 8 an A4 sheet (Avery L7165)",
        page=A4,
        label_width=99.1,
        label_height=67.7,
        columns=2,
        rows=4,
        left=4.67,
        top=13.04,
        pitch_x=101.64,
        pitch_y=67.73,
    ),
    SheetStock(
        name="5167",
        title="Labels 1.75 x 0.5 in, 80 a US Letter sheet (Avery 5167)",
        page=LETTER,
        label_width=_inches(1.75),
        label_height=_inches(0.5),
        columns=4,
        rows=20,
        left=_inches(0.28125),
        top=_inches(0.5),
        pitch_x=_inches(2.0625),
        pitch_y=_inches(0.5),
    ),
    SheetStock(
        name="5164",
        title="Shipping labels 4 x 3.33 in, 6 a US Letter sheet (Avery 5164)",
        page=LETTER,
        label_width=_inches(4),
        label_height=_inches(10 / 3),
        columns=2,
        rows=3,
        left=_inches(0.15625),
        top=_inches(0.5),
        pitch_x=_inches(4.1875),
        pitch_y=_inches(10 / 3),
    ),
    *_rolls("roll-32x13", "Cryo labels 1.28 x 0.5 in", 1.28, 0.5),
    *_rolls("cryo-wrap-dot", "Cryo labels 1.28 x 0.5 in, each with a cap dot of 9.5 mm", 44 / MM_PER_INCH, 0.5, _DOT),
    *_rolls("cap-dot", "Cap dots of 9.5 mm", 9.5 / MM_PER_INCH, 9.5 / MM_PER_INCH, _ALONE),
    *_rolls("roll-38x13", "Labels 1.5 x 0.5 in", 1.5, 0.5),
    *_rolls("roll-38x25", "Labels 1.5 x 1 in", 1.5, 1),
    *_rolls("roll-51x25", "Labels 2 x 1 in", 2, 1),
    *_rolls("roll-102x51", "Labels 4 x 2 in", 4, 2),
    *_rolls("roll-102x152", "Shipping labels 4 x 6 in", 4, 6),
)

STOCKS: Mapping[str, Stock] = MappingProxyType({stock.name: stock for stock in _ALL})
"""Stocks that ship, by name."""
