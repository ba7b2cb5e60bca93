"""A table with a row for each well or sample: by the names of its columns into wells, readings and facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assay_importers.collect import Collector
from assay_importers.contract import Role
from assay_importers.errors import FaultyFile, shorten
from assay_importers.numbers import Style, number_style
from assay_importers.text import Row
from assay_importers.values import Value, read_dilution
from assay_importers.wells import read_well

_NUMBERLIKE = re.compile(r"[<>≤≥\s]*[+-]?[\d.,]+(?:[eE][+-]?\d+)?\s*%?", re.ASCII)


@dataclass(frozen=True)
class Shape:
    """What the columns mean; all names in small letters. Of several names the first that the table has counts.

    A column that is not named here holds quantities when at least one of its cells is a number, and texts otherwise.
    """

    sample: tuple[str, ...] = ()
    well: tuple[str, ...] = ()
    analyte: tuple[str, ...] = ()
    dilution: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    units: Mapping[str, str] = field(default_factory=dict)
    """The unit of a column: the name of the column that holds it."""
    read_role: Callable[[str], Role | None] = lambda _: None
    blanks: bool = False
    """Whether a blank cell among texts is kept as an empty fact."""


@dataclass(frozen=True)
class Line:
    """A row with the well, sample and analyte that it is about."""

    row: Row
    location: str | None
    sample: str | None
    analyte: str | None

    def cell(self, index: int | None) -> str:
        """The text of a cell; blank where the row is shorter."""
        return "" if index is None or index >= len(self.row.cells) else self.row.cells[index].strip()


class RowTable:
    """One table: `head` are the names of its columns, trimmed."""

    def __init__(self, found: Collector, head: Sequence[str], rows: Sequence[Row], shape: Shape) -> None:
        self.found = found
        self.names = [cell.strip() for cell in head]
        self.lower = [name.casefold() for name in self.names]
        self.rows = [row for row in rows if row.cells]
        self.shape = shape
        self.plate: str | None = None
        self.sample_at = self._at(shape.sample)
        self.well_at = self._at(shape.well)
        self.analyte_at = self._at(shape.analyte)
        self.dilution_at = self._at(shape.dilution)
        self.role_at = self._at(shape.role)

    def _at(self, names: Sequence[str]) -> int | None:
        return next((self.lower.index(name) for name in names if name in self.lower), None)

    def lines(self) -> Iterator[Line]:
        """The rows, each with what it is about. Raises `FaultyFile` for a row that is wider than the head."""
        for row in self.rows:
            if len(row.cells) > len(self.names):
                raise FaultyFile(
                    f"the row has {len(row.cells)} cells and the table {len(self.names)} columns",
                    line=row.line,
                    expected="as many cells as columns",
                )
            bare = Line(row, None, None, None)
            text = bare.cell(self.well_at)
            well = self.location(text)
            if text and well is None:
                raise FaultyFile(
                    "this is no well",
                    line=row.line,
                    column=self.names[self.well_at or 0],
                    value=text,
                    expected="a well such as A1 or A01",
                )
            yield Line(row, well, bare.cell(self.sample_at) or None, bare.cell(self.analyte_at) or None)

    def location(self, text: str) -> str | None:
        """The place that a cell of the well's column names, None for a text that names none."""
        return read_well(text)

    def read(self) -> None:
        """Read all rows into the collector."""
        lines = list(self.lines())
        styles = {index: self._style(lines, index) for index in range(len(self.names))}
        named = {self.sample_at, self.well_at, self.analyte_at}
        for index, name in enumerate(self.names):
            nameless = [line for line in lines if not name and line.cell(index)]
            if nameless:
                first = nameless[0]
                self.found.unread.append(
                    f"line {first.row.line}: {shorten(first.cell(index))!r}, the first of {len(nameless)} cells in a "
                    "column without a name"
                )
        for line in lines:
            self._well(line)
            for index, name in enumerate(self.names):
                lower = self.lower[index]
                if not name or index in named or lower in self.shape.skipped:
                    continue
                self.cell(line, index, styles[index])

    def cell(self, line: Line, index: int, style: Style | None) -> None:
        """Read one cell: a quantity when its column has a style, a text otherwise."""
        name, text = self.names[index], line.cell(index)
        if style is not None:
            self.found.reading(
                name,
                line.row.cells[index] if index < len(line.row.cells) else "",
                plate=self.plate,
                location=line.location,
                sample=line.sample,
                analyte=line.analyte,
                unit=line.cell(self.unit_of(index)) or self.unit_text(index),
                value=self.value(text, style),
                style=style,
            )
        elif text or (self.shape.blanks and self._filled(index)):
            self.found.fact(
                name, text, plate=self.plate, location=line.location, sample=line.sample, analyte=line.analyte
            )

    def unit_of(self, index: int) -> int | None:
        """The column that holds the unit of this one."""
        return (
            self._at((self.shape.units.get(self.lower[index], ""),)) if self.lower[index] in self.shape.units else None
        )

    def unit_text(self, index: int) -> str | None:  # noqa: ARG002 - a format may know it from the name
        """The unit that the name of the column holds."""
        return None

    def value(self, text: str, style: Style) -> Value | None:  # noqa: ARG002 - a format may write numbers in its way
        """What a cell says, where the format has a way of its own."""
        return None

    def _filled(self, index: int) -> bool:
        return any(index < len(row.cells) and row.cells[index].strip() for row in self.rows)

    def _well(self, line: Line) -> None:
        if line.location is None:
            return
        role = self.shape.read_role(line.cell(self.role_at)) if self.role_at is not None else None
        dilution = read_dilution(line.cell(self.dilution_at)) if line.cell(self.dilution_at) else None
        self.found.well(self.plate, line.location, sample=line.sample, role=role, dilution=dilution)

    def _style(self, lines: Sequence[Line], index: int) -> Style | None:
        """How the column writes numbers; None when it holds texts or nothing."""
        if self.lower[index] in self.shape.texts:
            return None
        cells = [(line.row.line, line.cell(index)) for line in lines if line.cell(index)]
        try:
            style = number_style(cells)
        except FaultyFile:
            if all(_NUMBERLIKE.fullmatch(text) or self.found.read(text).known for _, text in cells):
                elsewhere = self._style_elsewhere(lines)
                if elsewhere is None:
                    raise
                return elsewhere
            # Codes such as `19,30` beside a version `4.0` and words: no quantities.
            return None
        values = ((self.value(text, style) or self.found.read(text, style)).value for _, text in cells)
        return style if any(value is not None for value in values) else None

    def _style_elsewhere(self, lines: Sequence[Line]) -> Style | None:
        """The style of a column of `1,234` alone: the other columns have decimal points, so its comma is none.

        None where the other columns do not tell.
        """
        columns = [number for number in range(len(self.names)) if self.lower[number] not in self.shape.texts]
        cells = [(line.row.line, line.cell(number)) for line in lines for number in columns]
        try:
            style = number_style(cells)
        except FaultyFile:
            return None
        return style if style == Style(".", ",") else None
