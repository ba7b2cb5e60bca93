"""Made-up xPONENT exports, so that each trap stands alone."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = (
    ("Program", "xPONENT", "", "MAGPIX"),
    ("Build", "4.2.1324.0"),
    ("Date", "3/23/2024", "5:36 AM"),
    (),
    ("SN", "MAGPX1"),
    ("Batch", "Batch 7"),
    ("Operator", "<None>"),
    ("ProtocolName", "ANA 4-plex"),
    ("BatchStartTime", "3/23/2024 10:43:37 AM"),
    ("ProtocolPlate", "Name", "plate", "Type", "96", "Plates", "1"),
    (),
    ("Samples", "4", "Min Events", "50", "Per Bead"),
    (),
    ("Results",),
    (),
)
END = ((), ("-- CRC --",), ("CRC32: 00000000",))
WELLS = ("1(1,A1)", "2(1,B1)", "3(1,C1)")
SAMPLES = ("Background0", "Standard1", "P-001")


def block(name: str, columns: Sequence[str], *rows: Sequence[str]) -> tuple[Sequence[str], ...]:
    return (("DataType:", name), columns, *rows, ())


def values(name: str, *cells: str, analytes: Sequence[str] = ("dsDNA",)) -> tuple[Sequence[str], ...]:
    """A block over as many of the wells as there are cells, the same cell for every analyte."""
    rows = [(well, sample, *[cell] * len(analytes)) for well, sample, cell in zip(WELLS, SAMPLES, cells, strict=False)]
    return block(name, ("Location", "Sample", *analytes), *rows)


def export(
    *blocks: Sequence[Sequence[str]],
    header: Sequence[Sequence[str]] = HEADER,
    end: Sequence[Sequence[str]] = END,
    delimiter: str = ",",
    quote: bool = True,
    newline: str = "\r\n",
) -> str:
    """The text of an export, every cell quoted or only those that must be."""

    def cell(text: str) -> str:
        return f'"{text}"' if quote or delimiter in text else text

    lines = [*header, *(row for rows in blocks for row in rows), *end]
    return "".join(delimiter.join(cell(text) for text in line) + newline for line in lines)
