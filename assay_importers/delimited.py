"""Tables in delimited text or in sheets of a workbook: found by the names of their columns, whatever the delimiter and
wherever they begin, and read row by row into wells, readings and facts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from assay_importers.contract import HEAD_ROWS, Fact, Flag, Head, Reading, Role, Sheet, Well
from assay_importers.errors import FaultyFile
from assay_importers.text import Row, read_rows
from assay_importers.text_matrix import open_text
from assay_importers.values import DecimalMark, Value, read_dilution, read_value
from assay_importers.wells import read_well, role_hint
from assay_importers.workbook import is_workbook, read_workbook

_DELIMITERS = "\t;,|"
_SEPARATOR = re.compile(r'\s*"?sep=(.)"?[^\r\n]*(?:\r\n|\r|\n)', re.IGNORECASE)
_WITH_COMMA = re.compile(r"[<>≤≥=*\s]*[+-]?\d*,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_WITH_POINT = re.compile(r"[<>≤≥=*\s]*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[<>≤≥=*\s]*[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_TORN = 50
_BLANKS = re.compile(r"[\s_]+")

# What a column of samples is called, the surest first.
SAMPLE_NAMES = (
    "sample id", "sampleid", "sample", "sample name", "barcode", "expsample accession", "biosample accession",
    "participantid", "participant id", "subject id", "patient id", "immport accession", "subject accession",
)  # fmt: skip


class Grid(NamedTuple):
    """The rows of a text under one delimiter, or of a sheet; a blank row has no cells. A sheet has no `delimiter`.

    `rest` is the fault behind which nothing could be split into cells: a quotation mark that is never closed.
    """

    name: str
    rows: tuple[Row, ...]
    delimiter: str
    rest: FaultyFile | None = None


class Place(NamedTuple):
    """Where the row of column names stands in a grid."""

    grid: Grid
    at: int


class Cell(NamedTuple):
    """A cell and where it stands."""

    line: int
    column: str
    text: str


Test = Callable[[Sequence[str]], bool]


def plain_name(name: str) -> str:
    """A column name as it is compared: `Sample_ID`, `sample id ` and `SAMPLE  ID` are one."""
    return _BLANKS.sub(" ", name.strip()).strip().casefold()


@lru_cache(maxsize=4)
def head_grids(head: Head) -> tuple[Grid, ...]:
    """The first rows of a file under every delimiter that may be its own, or of its sheets. Never raises."""
    if head.book is not None:
        return tuple(_sheet(sheet) for sheet in head.sheets)
    return () if head.text is None else _text_grids(head.text, HEAD_ROWS)


def open_grids(content: bytes) -> tuple[tuple[Grid, ...], tuple[str, ...]]:
    """All rows of a file as `head_grids` has the first, and notes on how the text was decoded."""
    if is_workbook(content):
        return tuple(_sheet(sheet) for sheet in read_workbook(content)), ()
    opened = open_text(content)
    return _text_grids(opened.text), opened.notes


def _sheet(sheet: Sheet) -> Grid:
    rows = []
    for line, cells in enumerate(sheet.rows, start=1):
        width = len(cells)
        while width and not cells[width - 1].strip():
            width -= 1
        rows.append(Row(line, cells[:width], len(cells)))
    return Grid(sheet.name, tuple(rows), "")


def _text_grids(text: str, most_rows: int | None = None) -> tuple[Grid, ...]:
    stated = _SEPARATOR.match(text)
    wanted = stated[1] if stated is not None else _DELIMITERS
    return tuple(_grid(text, delimiter, most_rows) for delimiter in wanted if delimiter in text)


def _grid(text: str, delimiter: str, most_rows: int | None) -> Grid:
    rows: list[Row] = []
    try:
        for row in read_rows(text, delimiter):
            if most_rows is not None and len(rows) >= most_rows:
                break
            rows.append(row)
    except FaultyFile as error:
        return Grid("", tuple(rows), delimiter, error)
    return Grid("", tuple(rows), delimiter)


def locate(grids: Iterable[Grid], is_header: Test, most_rows: int = HEAD_ROWS) -> Place | None:
    """The first row that is one of column names, among the first rows of each grid."""
    return next(places(grids, is_header, most_rows), None)


def places(grids: Iterable[Grid], is_header: Test, most_rows: int | None = None) -> Iterator[Place]:
    """Every row of column names."""
    for grid in grids:
        for index, row in enumerate(grid.rows[:most_rows]):
            if row.cells and is_header(row.cells):
                yield Place(grid, index)


@dataclass(frozen=True)
class Table:
    """A row of column names and the rows below it."""

    names: tuple[str, ...]
    line: int
    rows: tuple[Row, ...]
    delimiter: str = ","
    title: str = ""

    def index(self, *names: str) -> int | None:
        """The first column that is called by one of these names, the earlier names first; None for none."""
        plain = [plain_name(name) for name in self.names]
        return next((plain.index(name) for name in names if name in plain), None)

    def cells(self, columns: Iterable[int]) -> Iterator[Cell]:
        """The cells of these columns."""
        wanted = tuple(columns)
        for row in self.rows:
            for column in wanted:
                if column < len(row.cells):
                    yield Cell(row.line, self.names[column], row.cells[column])


def _has_row_names(grid: Grid, at: int) -> bool:
    """Whether each row is one cell longer than the names and begins with its number, as R writes a table.

    A number with an unquoted decimal comma in each row makes it longer too: where that may be so, it is not.
    """
    below = [row for row in grid.rows[at + 1 :] if row.cells]
    names = grid.rows[at]
    longer = bool(grid.delimiter) and all(row.width == len(row.cells) == names.width + 1 for row in below)
    numbered = longer and [row.cells[0] for row in below] == [str(number + 1) for number in range(len(below))]
    if len(below) < 2 or not numbered:
        return False
    torn = all(row.cells[-1].isdigit() and row.cells[-2].isdigit() for row in below[:_TORN])
    return grid.delimiter != "," or not torn


def table_at(place: Place, is_end: Test | None = None) -> Table:
    """The table whose column names stand there: rows to the end of the grid, or to the first blank row or row that
    `is_end` knows, where one is given. Blank rows are left out.

    Raises `FaultyFile` for a name that stands twice, a row that is longer than its header, and for what could not be
    split into cells.
    """
    grid, at = place
    first = grid.rows[at]
    names = tuple(cell.strip() for cell in first.cells)
    if _has_row_names(grid, at):
        names = ("", *names)
    for name in names:
        if name and names.count(name) > 1:
            raise FaultyFile("a column stands twice", line=first.line, value=name, expected="each column once")
    rows = []
    for row in grid.rows[at + 1 :]:
        if is_end is not None and (not row.cells or is_end(row.cells)):
            break
        if len(row.cells) > len(names):
            raise FaultyFile(
                f"the row has {len(row.cells)} cells",
                line=row.line,
                value=row.cells[len(names)],
                expected=f"{len(names)} cells, as the column names of line {first.line}",
            )
        if row.cells:
            rows.append(row)
    else:
        if grid.rest is not None:
            raise grid.rest
    return Table(names, first.line, tuple(rows), grid.delimiter, grid.name)


def decimal_mark(cells: Iterable[Cell], delimiter: str) -> DecimalMark:
    """Which mark the numbers have; a table that leaves it open is refused, never guessed at.

    In a workbook a number has no mark but what its reader gives it, so there a comma stands in texts alone.
    """
    found = list(cells)
    commas = [cell for cell in found if _WITH_COMMA.fullmatch(cell.text)]
    if not commas:
        return "."
    point = next((cell for cell in found if _WITH_POINT.fullmatch(cell.text)), None)
    if point is not None and delimiter:
        raise FaultyFile(
            "decimal commas and decimal points stand in one table",
            line=commas[0].line,
            column=commas[0].column,
            value=commas[0].text,
            expected=f"one decimal mark throughout, and line {point.line} has {point.text}",
        )
    if all(_THOUSANDS.fullmatch(cell.text) for cell in commas):
        raise FaultyFile(
            "the comma may be a decimal mark or separate thousands",
            line=commas[0].line,
            column=commas[0].column,
            value=commas[0].text,
            expected="numbers without separators of thousands",
        )
    return ","


@dataclass
class Collector:
    """Wells, readings and facts as they are found. `mark` is the decimal mark of what comes next, `words` are texts
    that mean a missing value in this format; `in_book` says that a number may have a point where texts have a comma.
    """

    mark: DecimalMark = "."
    words: dict[str, Flag] = field(default_factory=dict)
    in_book: bool = False
    readings: list[Reading] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _wells: dict[tuple[str | None, str], Well] = field(default_factory=dict)
    _strange: dict[str, list[Cell]] = field(default_factory=dict)

    def value(self, text: str) -> Value:
        """What a cell says."""
        word = self.words.get(text.strip().casefold())
        if word is not None:
            return Value(None, None, word)
        mark: DecimalMark = "." if self.in_book and "," not in text else self.mark
        return read_value(text, mark)

    def well(
        self,
        plate: str | None,
        location: str,
        sample: str | None,
        *,
        role: Role | None = None,
        dilution: Decimal | None = None,
        line: int | None = None,
    ) -> None:
        """A well. One that the file names again must have the same sample; its dilution is kept from wherever it is."""
        known = self._wells.get((plate, location))
        if known is None:
            self._wells[plate, location] = Well(
                plate=plate, location=location, sample=sample, role=role or role_hint(sample), dilution=dilution
            )
            return
        if known.sample != sample:
            self.notes.append(f"line {line}: well {location} is {sample!r} here and {known.sample!r} before")
        if dilution is not None and known.dilution != dilution:
            if known.dilution is not None:
                self.notes.append(
                    f"line {line}: well {location} has dilution {dilution} here and {known.dilution} before"
                )
            else:
                self._wells[plate, location] = known.model_copy(update={"dilution": dilution})

    @property
    def wells(self) -> tuple[Well, ...]:
        """The wells in the order in which the file first names them."""
        return tuple(self._wells.values())

    def cell(
        self,
        text: str,
        quantity: str,
        *,
        plate: str | None = None,
        location: str | None = None,
        sample: str | None = None,
        analyte: str | None = None,
        unit: str | None = None,
        line: int | None = None,
        value: Value | None = None,
    ) -> Reading:
        """Keep a cell that should hold a number. Texts that are neither number nor a known word are noted."""
        value = value or self.value(text)
        reading = Reading(
            plate=plate,
            location=location,
            sample=sample,
            analyte=analyte,
            quantity=quantity,
            value=value.value,
            comparator=value.comparator,
            raw=text,
            unit=unit,
            flag=value.flag,
        )
        self.readings.append(reading)
        if not value.known:
            self._strange.setdefault(quantity, []).append(Cell(line or 0, quantity, text))
        return reading

    def fact(
        self,
        name: str,
        text: str,
        *,
        plate: str | None = None,
        location: str | None = None,
        sample: str | None = None,
        analyte: str | None = None,
    ) -> None:
        """Keep a text; a blank one says nothing."""
        if text.strip():
            self.facts.append(
                Fact(plate=plate, location=location, sample=sample, analyte=analyte, name=name, text=text)
            )

    def all_notes(self) -> tuple[str, ...]:
        """The notes, and those on cells that were expected to hold a number and do not."""
        return (
            *self.notes,
            *(
                f"{quantity}: {len(cells)} cells are not numbers, the first is {cells[0].text!r}, line {cells[0].line}"
                for quantity, cells in self._strange.items()
            ),
        )


def text_at(row: Row, column: int | None) -> str:
    """The cell of a row as it stands; nothing where the row is shorter or the table has no such column."""
    return row.cells[column] if column is not None and column < len(row.cells) else ""


def well_at(row: Row, column: int, name: str) -> str:
    """The well that the row names. Raises `FaultyFile` for none."""
    text = text_at(row, column)
    location = read_well(text)
    if location is None:
        raise FaultyFile("the row names no well", line=row.line, column=name, value=text, expected="a well such as A1")
    return location


def dilution_at(row: Row, column: int | None, name: str) -> Decimal | None:
    """The dilution factor of the row, None where it has none. Raises `FaultyFile` for one that cannot be read."""
    text = text_at(row, column).strip()
    if not text or text.casefold() in {"nan", "n/a", "na", "-"}:
        return None
    factor = read_dilution(text)
    if factor is None:
        raise FaultyFile(
            "the dilution cannot be read", line=row.line, column=name, value=text, expected="a factor: 50 or 1:50"
        )
    return factor


def is_numeric(cells: Iterable[Cell], collector: Collector) -> bool:
    """Whether a column holds numbers: at least one, and besides them known words for missing ones alone."""
    values = [collector.value(cell.text) for cell in cells]
    return any(value.value is not None for value in values) and all(value.known for value in values)
