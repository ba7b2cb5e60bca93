"""The plates of a SoftMax Pro export, drawn as grids without row letters (PlateFormat) or as a table with a column
for each well (TimeFormat), one after the other for wavelengths and times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay_importers.collect import Collector
from assay_importers.errors import FaultyFile
from assay_importers.grids import row_letters
from assay_importers.numbers import Style, number_style
from assay_importers.text import Row
from assay_importers.wells import read_well

REDUCED = "Reduced"
_UNITS = {"absorbance": "OD", "fluorescence": "RFU", "luminescence": "RLU", "time resolved": "RFU", "trf": "RFU"}
_HEIGHTS = {"6": 2, "12": 3, "24": 4, "48": 6, "96": 8, "384": 16, "1536": 32}
_COUNT = re.compile(r"\d{1,4}", re.ASCII)
_TIME = re.compile(r"\d+:\d\d(?::\d\d)?(?:\.\d+)?", re.ASCII)
_LABELS = ("Export version", "Export format", "Read type", "Read mode")


@dataclass(frozen=True)
class Plate:
    """What the first line of a plate says."""

    name: str
    format: str
    read_type: str
    mode: str
    wavelengths: tuple[str, ...]
    rows: int
    first_row: int

    @property
    def unit(self) -> str | None:
        """The unit that SoftMax Pro shows for the read mode, which the export leaves out."""
        return _UNITS.get(self.mode.casefold())


class _Block(NamedTuple):
    """The columns of one grid in its header row: index of the first cell, and the wells' columns or the wells."""

    start: int
    names: tuple[str, ...]


class PlateReader:
    """Reads the plates of one file."""

    def __init__(self, found: Collector) -> None:
        self.found = found
        self.names: list[str] = []

    def read(self, title: Row, rows: Sequence[Row]) -> None:
        """Read a plate: its raw values and, behind them, the reduced ones."""
        plate = self._plate(title)
        style = number_style((row.line, cell.strip()) for row in rows for cell in row.cells)
        reduced = False
        groups = _groups(rows)
        at = 0
        blocks: tuple[_Block, ...] = ()
        for group in groups:
            head = group[0]
            names = _header(head)
            if names:
                # Behind the first header there is no temperature: the second one is that of the reduced values.
                reduced = bool(blocks)
                blocks, at, group = names, 0, group[1:]  # noqa: PLW2901 - the header belongs to the first group only
            if not blocks:
                raise FaultyFile(
                    f"the plate {plate.name!r} has values without a row of columns or wells above them",
                    line=head.line,
                    expected="a row with 1, 2, 3, … or A1, A2, A3, …",
                )
            if group:
                self._group(plate, blocks, group, at, style, reduced=reduced)
                at += 1
        self._tables(plate, rows, reduced=reduced)

    def _plate(self, title: Row) -> Plate:
        cells = [cell.strip() for cell in title.cells]
        cells[0] = cells[0].removeprefix("Plate:").strip()
        if not cells[0]:
            cells = cells[1:]
        if len(cells) < 5:
            raise FaultyFile(
                "the first line of the plate is too short",
                line=title.line,
                expected="name, version, format, type, mode",
            )
        name = cells[0] or f"Plate {len(self.names) + 1}"
        count = 1
        while name in self.names:
            count += 1
            name = f"{cells[0]} ({count})"
        if count > 1:
            self.found.notes.append(f"line {title.line}: a second plate is called {cells[0]!r}; it is {name!r} here")
        self.names.append(name)
        for label, text in zip(_LABELS, cells[1:], strict=False):
            self.found.add_header(f"{name}: {label}", text)
        self.found.add_header(f"{name}: settings", " ".join(cell for cell in cells[5:] if cell))
        wavelengths, rows, first = _shape(cells)
        return Plate(name, cells[2], cells[3], cells[4], wavelengths, rows, first)

    def _group(
        self, plate: Plate, blocks: Sequence[_Block], group: Sequence[Row], at: int, style: Style, *, reduced: bool
    ) -> None:
        if not read_well(blocks[0].names[0]):
            self._drawn(plate, blocks, group, style, reduced=reduced)
            return
        # A table with a column for each well: a line for each time, the wavelengths below each other.
        for row in group:
            mark = _cell(row, 0)
            wavelength = plate.wavelengths[at] if at < len(plate.wavelengths) else ""
            quantity = _quantity(plate, wavelength, mark, reduced=reduced)
            self._temperature(plate, row, quantity, reduced=reduced)
            for block in blocks:
                for index, name in enumerate(block.names):
                    self._value(plate, str(read_well(name)), quantity, _cell(row, block.start + index), style, reduced)

    def _drawn(
        self, plate: Plate, blocks: Sequence[_Block], group: Sequence[Row], style: Style, *, reduced: bool
    ) -> None:
        """A grid whose rows have no letters: they are counted, from the first row that was read on a plate in part."""
        if len(group) > plate.rows:
            raise FaultyFile(
                f"the grid has {len(group)} rows and the plate {plate.rows}",
                line=group[plate.rows].line,
                expected="a blank line between two grids",
            )
        first = 1 if len(group) == plate.rows else plate.first_row
        mark = _cell(group[0], 0)
        for number, block in enumerate(blocks):
            wavelength = plate.wavelengths[number] if number < len(plate.wavelengths) else ""
            quantity = _quantity(plate, wavelength, mark, reduced=reduced)
            if number == 0:
                self._temperature(plate, group[0], quantity, reduced=reduced)
            for offset, row in enumerate(group):
                letters = row_letters(first + offset)
                for index, column in enumerate(block.names):
                    self._value(plate, f"{letters}{column}", quantity, _cell(row, block.start + index), style, reduced)

    def _value(self, plate: Plate, well: str, quantity: str, text: str, style: Style, reduced: bool) -> None:
        unit = None if reduced else plate.unit
        self.found.reading(quantity, text, plate=plate.name, location=well, unit=unit, style=style)

    def _temperature(self, plate: Plate, row: Row, quantity: str, *, reduced: bool) -> None:
        text = _cell(row, 1)
        if text and not reduced:
            self.found.fact(f"Temperature(°C) of {quantity}", text, plate=plate.name)

    def _tables(self, plate: Plate, rows: Sequence[Row], *, reduced: bool) -> None:
        self.found.table(plate.name, plate.wavelengths or (plate.mode,), sum(bool(row.cells) for row in rows))
        if reduced:
            self.found.table(f"{plate.name}: {REDUCED}", (REDUCED,), sum(bool(row.cells) for row in rows))


def _shape(cells: Sequence[str]) -> tuple[tuple[str, ...], int, int]:
    """Wavelengths, rows of the plate and first row that was read, found around the number of wells.

    That number is the largest of those that can be one: where it stands differs with the read mode.
    """
    places = [
        index
        for index in range(8, len(cells))
        if cells[index] in _HEIGHTS and all(_COUNT.fullmatch(text) for text in cells[index - 2 : index])
    ]
    if not places:
        return (), 32, 1
    at = max(places, key=lambda index: int(cells[index]))
    behind = [int(text) for text in cells[at + 1 :] if _COUNT.fullmatch(text)]
    # The last two counts are the first row and the number of rows; filters and times stand before them.
    first = behind[-2] if len(behind) > 1 and 0 < behind[-2] <= 32 else 1
    return tuple(cells[at - 3].split()), _HEIGHTS[cells[at]], first


def _groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows between blank ones."""
    group: list[Row] = []
    for row in rows:
        if row.cells:
            group.append(row)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _header(row: Row) -> tuple[_Block, ...]:
    """The grids that begin below this row, side by side; none when it is a row of values."""
    blocks: list[_Block] = []
    names: list[str] = []
    for index, cell in enumerate((*row.cells[2:], ""), start=2):
        text = cell.strip()
        wanted = str(len(names) + 1)
        if text and ((text == wanted and not (names and read_well(names[0]))) or read_well(text)):
            names.append(text)
        elif not text:
            if names:
                blocks.append(_Block(index - len(names), tuple(names)))
            names = []
        else:
            return ()
    if _TIME.fullmatch(_cell(row, 0)) or sum(len(block.names) for block in blocks) < 2:
        return ()
    return tuple(blocks)


def _cell(row: Row, index: int) -> str:
    return row.cells[index].strip() if index < len(row.cells) else ""


def _quantity(plate: Plate, wavelength: str, mark: str, *, reduced: bool) -> str:
    """`Absorbance 450`, of a spectrum the wavelength of its line, of a kinetic read the time behind it."""
    if reduced:
        return f"{REDUCED} at {mark}" if mark else REDUCED
    if plate.read_type.casefold() == "spectrum" and mark:
        return f"{plate.mode} {mark}"
    quantity = f"{plate.mode} {wavelength}".strip()
    return f"{quantity} at {mark}" if mark else quantity
