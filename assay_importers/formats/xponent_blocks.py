"""The result blocks of an xPONENT export, joined on the well and never on the order of rows or columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

from assay_importers.contract import Reading, Role, Well
from assay_importers.errors import FaultyFile
from assay_importers.formats.xponent_header import Header
from assay_importers.text import Row
from assay_importers.values import DecimalMark, read_dilution, read_value
from assay_importers.wells import read_well, role_hint

_LOCATION = re.compile(r"(?:\d+\s*\(\s*)?(?:(\d+)\s*[,;]\s*)?([A-Za-z]{1,2}\d{1,2})\s*\)?")
# A location that lost its quotation marks, `1(1,A1)`, falls into two cells at its comma.
_TORN = re.compile(r"\d+\(\d+")
_TORN_REST = re.compile(r"[A-Za-z]{1,2}\d{1,2}\)")
_WITH_COMMA = re.compile(r"[<>≤≥=\s]*[+-]?\d*,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_WITH_POINT = re.compile(r"[<>≤≥=\s]*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[<>≤≥=\s]*[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)

TOTAL_EVENTS = "Total Events"
# The blocks to which the unit of the block `Units` belongs; the others are fluorescence, counts or ratios.
_CONCENTRATIONS = {
    "result",
    "avg result",
    "standard expected concentration",
    "control expected concentration",
    "control range - low",
    "control range - high",
}


class Location(NamedTuple):
    """A plate, as text, and a well on it."""

    plate: str | None
    well: str


@dataclass
class Block:
    """A block: its name and line, its row of column names, and its rows.

    `lines` counts everything below the column names up to a blank line, checksum and repeated column names included:
    it is what the file has, `rows` is what can be read.
    """

    name: str
    line: int
    columns: Row | None = None
    rows: list[Row] = field(default_factory=list)
    lines: int = 0
    ended: bool = False

    def names(self) -> tuple[str, ...]:
        """The column names, trimmed."""
        return () if self.columns is None else tuple(cell.strip() for cell in self.columns.cells)

    @property
    def of_wells(self) -> bool:
        """Whether its rows begin with location and sample."""
        return [name.casefold() for name in self.names()[:2]] == ["location", "sample"]

    @property
    def of_samples(self) -> bool:
        """Whether its rows begin with the name of a sample or reagent and no location."""
        return "".join(self.names()[:1]).casefold() in {"sample", "reagent"}


def is_location(cells: Sequence[str]) -> bool:
    """Whether a row begins with the location of a well."""
    return read_location(cells[0]) is not None or _is_torn(cells)


def _is_torn(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and bool(_TORN.fullmatch(cells[0].strip()) and _TORN_REST.fullmatch(cells[1].strip()))


def read_location(text: str) -> Location | None:
    """`1(1,A1)` is the well A1 of plate 1: the number before the bracket only counts the wells as they were read."""
    found = _LOCATION.fullmatch(text.strip())
    well = read_well(found[2]) if found else None
    return Location(found[1], well) if found and well else None


class BlockReader:
    """Turns blocks into wells and readings. One instance reads one file."""

    def __init__(self, header: Header, delimiter: str) -> None:
        self.header = header
        self.delimiter = delimiter
        self.readings: list[Reading] = []
        self.notes: list[str] = []
        self.unread: list[str] = []
        self._mark: DecimalMark = "."
        self._units: dict[str, str] = {}
        self._analytes: set[str] = set()
        self._first: list[Location] = []
        self._samples: dict[Location, str | None] = {}
        self._dilutions: dict[Location, Decimal] = {}
        self._reagents: dict[str, Role] = {}
        self._events: dict[Location, str] = {}

    def read(self, blocks: Sequence[Block]) -> None:
        """Read all blocks. The first one with wells says which columns are analytes."""
        for block in blocks:
            self.header.add(f"DataType: {block.name}", str(block.lines))
        cells = [block for block in blocks if block.of_wells or block.of_samples]
        first = next((block for block in cells if block.of_wells and block.rows), None)
        if first is None:
            raise FaultyFile(
                "no result block holds a well",
                line=blocks[0].line,
                expected="rows below column names that begin with Location and Sample",
            )
        self._analytes = set(_unique(first.names())[2:]) - {TOTAL_EVENTS, ""}
        self._mark = self._decimal_mark(cells)
        others = [block for block in blocks if block not in cells]
        for block in others:
            self._read_other(block)
        for block in cells:
            self._read_cells(block)
            if block is first:
                self._first = list(self._samples)

    def wells(self) -> tuple[Well, ...]:
        """The wells in the order in which the file first names them."""
        return tuple(
            Well(
                plate=location.plate,
                location=location.well,
                sample=sample,
                role=self._reagents.get(sample or "") or role_hint(sample),
                dilution=self._dilutions.get(location),
            )
            for location, sample in self._samples.items()
        )

    def _decimal_mark(self, blocks: Iterable[Block]) -> DecimalMark:
        """Which mark the numbers of this file have; a file that leaves it open is refused, never guessed at."""
        commas = _matching(blocks, _WITH_COMMA)
        first_comma = next(commas, None)
        if first_comma is None:
            return "."
        point = next(_matching(blocks, _WITH_POINT), None)
        if point is not None:
            raise FaultyFile(
                "decimal commas and decimal points stand in one file",
                line=first_comma.line,
                column=first_comma.column,
                value=first_comma.text,
                expected=f"one decimal mark throughout, and line {point.line} has {point.text}",
            )
        if self.delimiter == "," and all(_THOUSANDS.fullmatch(cell.text) for cell in (first_comma, *commas)):
            raise FaultyFile(
                "the comma may be a decimal mark or separate thousands",
                line=first_comma.line,
                column=first_comma.column,
                value=first_comma.text,
                expected="numbers without separators of thousands",
            )
        self.notes.append("numbers are written with a decimal comma")
        return ","

    def _read_cells(self, block: Block) -> None:
        named = block.names()
        start = 2 if block.of_wells else 1
        if repeated := sorted({name for name in named[start:] if name and named[start:].count(name) > 1}):
            self.notes.append(f"{block.name}: columns stand more than once and are numbered: {', '.join(repeated)}")
        columns = _unique(named)
        of_analytes = block.of_samples or bool(self._analytes.intersection(columns))
        seen: set[Location] = set()
        before = len(self.readings)
        strange: list[str] = []
        for row in block.rows:
            if tuple(cell.strip() for cell in row.cells[:2]) == named[:2]:
                self.unread.append(f"line {row.line}: the column names again: {' | '.join(row.cells)}")
                continue
            place = self._place(block, row)
            if place.location is None:
                self._hint(block, place.sample)
            elif place.location in seen:
                self.notes.append(f"{block.name}: line {row.line} has well {place.location.well} a second time")
            else:
                seen.add(place.location)
            if place.location is not None and block.name.casefold() == "dilution factor":
                self._dilution(block, place, place.location)
            else:
                strange += self._read_row(block, place, columns[start:], start, of_analytes=of_analytes)
        if strange and any(reading.value is not None for reading in self.readings[before:]):
            self.notes.append(f"{block.name}: {len(strange)} cells are not numbers, the first is {strange[0]}")
        if block.of_wells and (missing := [location.well for location in self._first if location not in seen]):
            self.notes.append(f"{block.name}: {len(missing)} wells are missing: {', '.join(missing)}")

    def _read_row(
        self, block: Block, place: _Place, columns: Sequence[str], start: int, *, of_analytes: bool
    ) -> Iterator[str]:
        """Keep the cells of a row; gives those whose text is neither a number nor a known word."""
        units = self._units if block.name.casefold() in _CONCENTRATIONS else {}
        for index, (name, text) in enumerate(zip_longest(columns, place.cells[start:], fillvalue=""), start=start + 1):
            if name == TOTAL_EVENTS:
                self._total_events(block, place, text)
            elif name and of_analytes:
                if not self._keep(place, name, block.name, text, units.get(name)):
                    yield f"{text!r} at line {place.line}, column {name}"
            elif name:
                self._keep(place, None, block.name, text, None if name == block.name else name)
            elif text.strip():
                self.unread.append(f"line {place.line}: column {index} of {block.name} has no name: {text}")

    def _place(self, block: Block, row: Row) -> _Place:
        cells: Sequence[str] = row.cells
        if not block.of_wells:
            return _Place(row.line, None, cells[0].strip() or None, cells)
        if _is_torn(cells):
            cells = (f"{cells[0]},{cells[1]}", *cells[2:])
        location = read_location(cells[0])
        if location is None:
            raise FaultyFile(
                f"a row of the block {block.name!r} names no well",
                line=row.line,
                column="Location",
                value=cells[0],
                expected="a location such as 1(1,A1)",
            )
        sample = "".join(cells[1:2]).strip() or None
        known = self._samples.setdefault(location, sample)
        if known != sample:
            self.notes.append(
                f"line {row.line}: {block.name} has {sample!r} in well {location.well}, an earlier block has {known!r}"
            )
        return _Place(row.line, location, sample, cells)

    def _hint(self, block: Block, sample: str | None) -> None:
        """A reagent with an expected concentration is a standard or a control, whatever its name."""
        kind = block.name.casefold()
        if sample and kind.endswith("expected concentration"):
            self._reagents[sample] = "standard" if kind.startswith("standard") else "control"

    def _keep(self, place: _Place, analyte: str | None, quantity: str, text: str, unit: str | None) -> bool:
        """Keep a cell; false when its text is neither a number nor a known word for a missing one."""
        value, comparator, flag, known = read_value(text, self._mark)
        plate, well = place.location or (None, None)
        self.readings.append(
            Reading(
                plate=plate,
                location=well,
                sample=place.sample,
                analyte=analyte,
                quantity=quantity,
                value=value,
                comparator=comparator,
                raw=text,
                unit=unit,
                flag=flag,
            )
        )
        return known

    def _total_events(self, block: Block, place: _Place, text: str) -> None:
        """The beads of a well are the same in every block: kept once, and noted where a block differs."""
        if place.location is None:
            self._keep(place, None, TOTAL_EVENTS, text, None)
            return
        known = self._events.get(place.location)
        if known is None:
            self._events[place.location] = text
            self._keep(place, None, TOTAL_EVENTS, text, None)
        elif known.strip() != text.strip():
            self.notes.append(
                f"line {place.line}: {TOTAL_EVENTS} of {block.name} is {text!r}, an earlier block has {known!r}"
            )

    def _dilution(self, block: Block, place: _Place, location: Location) -> None:
        text = "".join(place.cells[2:3]).strip()
        if not text:
            return
        factor = read_dilution(text)
        if factor is None:
            raise FaultyFile(
                f"the dilution of well {location.well} cannot be read",
                line=place.line,
                column=block.name,
                value=text,
                expected="a positive factor such as 50 or 1:50",
            )
        self._dilutions[location] = factor

    def _read_other(self, block: Block) -> None:
        names = [name.casefold() for name in block.names()]
        if not names:
            self.unread += [f"line {block.line}: the block {block.name!r} has no column names"]
        elif names[0].rstrip(":") == "analyte":
            self._read_analytes(block)
        elif "message" in names:
            for row in block.rows:
                self.notes.append(f"{block.name}: {' | '.join(cell.strip() for cell in row.cells)}")
        else:
            self.unread.append(
                f"line {block.line}: the block {block.name!r} with columns {', '.join(block.names())} "
                f"and {len(block.rows)} rows is not known"
            )

    def _read_analytes(self, block: Block) -> None:
        """A row for each property, a column for each analyte: `BeadID:`, `Units:`, `Coefficient A`."""
        columns = _unique(block.names())
        for row in block.rows:
            label = row.cells[0].strip().rstrip(":")
            for index, text in enumerate(row.cells[1:], start=1):
                name = columns[index] if index < len(columns) else f"column {index + 1}"
                self.header.add(f"{block.name}: {label}: {name}", text)
                if block.name.casefold() == "units" and label.casefold() == "units" and text.strip():
                    self._units[name] = text.strip()


class _Place(NamedTuple):
    """A row and where it belongs; a block of samples has no location."""

    line: int
    location: Location | None
    sample: str | None
    cells: Sequence[str]


class _Cell(NamedTuple):
    line: int
    column: str
    text: str


def _matching(blocks: Iterable[Block], pattern: re.Pattern[str]) -> Iterator[_Cell]:
    for block in blocks:
        names = block.names()
        start = 2 if block.of_wells else 1
        for row in block.rows:
            for index in range(start, len(row.cells)):
                if pattern.fullmatch(text := row.cells[index].strip()):
                    yield _Cell(row.line, names[index] if index < len(names) else f"{index + 1}", text)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Column names of which the second `IL6` is `IL6 (2)`: two columns are never merged into one."""
    counts: Counter[str] = Counter()
    result = []
    for name in names:
        counts[name] += 1
        result.append(f"{name} ({counts[name]})" if name and counts[name] > 1 else name)
    return tuple(result)
