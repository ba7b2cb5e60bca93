"""The stocks that ship, by the sizes their makers publish."""

from collections.abc import Mapping
from types import MappingProxyType

from labels.geometry import A4, LETTER, MM_PER_INCH
from labels.stock import RollStock, SheetStock, Stock


def _inches(value: float) -> float:
    return value * MM_PER_INCH


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
    *(
        RollStock(
            name=f"roll-32x13-{dpi}",
            title=f"Cryo labels 32 x 12.7 mm on a roll, for a printer of {dpi} dpi",
            label_width=32.0,
            label_height=12.7,
            dpi=dpi,
        )
        for dpi in (203, 300, 600)
    ),
    *(
        RollStock(
            name=f"roll-102x51-{dpi}",
            title=f"Labels 4 x 2 in on a roll, for a printer of {dpi} dpi",
            label_width=_inches(4),
            label_height=_inches(2),
            dpi=dpi,
        )
        for dpi in (203, 300, 600)
    ),
)

STOCKS: Mapping[str, Stock] = MappingProxyType({stock.name: stock for stock in _ALL})
"""Stocks that ship, by name."""
