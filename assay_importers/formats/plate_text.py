"""What the text exports of plate readers have in common: lines of names and values, titles, and grids of plates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assay_importers.collect import Collector
from assay_importers.dates import date_order, read_moment
from assay_importers.grids import Grid, find_grid
from assay_importers.numbers import number_style
from assay_importers.text import Row

_FORMULA = re.compile(r'="(.*)"')
_NAMED = re.compile(r"([A-Za-z][^:]{0,40}):\s*(.*)", re.DOTALL)


def unformula(text: str) -> str:
    """`="0012"` is how software keeps a spreadsheet from eating zeros: the text inside."""
    text = text.strip()
    found = _FORMULA.fullmatch(text)
    return found[1] if found else text


@dataclass
class Walker:
    """Goes through the rows: a grid is handed on with the lines of text above it, everything else is header.

    `on_row` may take a row, and rows below it, for itself: it gives the index of the row behind, or None.
    """

    found: Collector
    on_grid: Callable[[Grid, Sequence[str]], None]
    on_row: Callable[[int], int | None] = lambda _: None
    section: str = ""
    above: list[str] = field(default_factory=list)

    def walk(self, rows: Sequence[Row]) -> None:
        """Go through all rows."""
        at = 0
        while at < len(rows):
            taken = self.on_row(at)
            grid = None if taken is not None else find_grid(rows, at)
            if taken is not None:
                at = taken
                continue
            if grid is not None:
                self.on_grid(grid, tuple(self.above))
                self.above.clear()
                at = grid.end
                continue
            self._line(tuple(unformula(cell) for cell in rows[at].cells))
            at += 1

    def _line(self, cells: Sequence[str]) -> None:
        filled = [cell for cell in cells if cell]
        if not filled:
            return
        self.above.append(" ".join(filled))
        named = [(pair[1], pair[2]) for cell in filled if (pair := _NAMED.fullmatch(cell))]
        # `ID1: x`, `ID2:`: of several names in a line some may have no value.
        pairs = len(named) == len(filled) and (len(named) > 1 or bool(named[0][1]))
        if len(cells) > 1 and cells[0] and len(filled) > 1 and not pairs:
            self.found.add_header(cells[0].rstrip(":").strip(), " ".join(filled[1:]))
        elif pairs:
            for name, text in named:
                self.found.add_header(name, text)
        elif len(filled) == 1 and (cells[0].endswith(":") or cells[0].casefold().endswith("information")):
            self.section = cells[0].rstrip(": ")
        else:
            # Text below a title: it stays together, line by line.
            name = self.section or "Text"
            text = " ".join(filled)
            before = self.found.header.get(name)
            self.found.header[name] = text if before is None else f"{before}\n{text}"


def read_grid(found: Collector, grid: Grid, plate: str | None, quantity: str, unit: str | None = None) -> None:
    """Every cell of the grid as a reading; blank ones too: a well that was not read is not reported.

    A grid that holds names alone, such as those of images, has facts and no readings.
    """
    style = number_style((row.line, cell.strip()) for row in grid.lines for cell in row.cells)
    texts = [cell for row in grid.lines for cell in row.cells if cell.strip()]
    if texts and not any(found.read(text, style).known for text in texts):
        for well, _, _, text in grid.cells():
            found.well(plate, well)
            if text.strip():
                found.fact(quantity, text, plate=plate, location=well)
        return
    for well, _, _, text in grid.cells():
        found.reading(quantity, text, plate=plate, location=well, unit=unit, style=style)


def started_at(found: Collector, text: str | None) -> str | None:
    """The moment, if its text reads one way only; otherwise a note says why it is left out."""
    if not text:
        return None
    moment = read_moment(text, date_order(found.header.values()))
    if moment.iso is None:
        why = "the day or the month may come first" if moment.ambiguous else "it is not a known form of date"
        found.notes.append(f"the time of the run, {text!r}, is left as text: {why}")
    return moment.iso
