"""Large delimited text with a text or a number in each column, read by pyarrow: hundreds of megabytes in seconds.

The caller finds the header and says which columns are texts; every other column must hold numbers. A place that does
not is looked for cell by cell only once something is known to be wrong.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from assay_importers.errors import FaultyFile
from assay_importers.text import Text, decode
from assay_importers.values import DecimalMark

MISSING = (
    *("", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "Null"),
    # What spreadsheets and old C libraries put where there is no number.
    *("#N/A", "#DIV/0!", "#VALUE!", "#NUM!", "#REF!", "#NAME?", "1.#INF", "-1.#INF", "1.#QNAN", "-1.#IND", "1.#IND"),
)
_UNREAL = r"[+-]?(?:inf|infinity|nan)"
_NUMBER = {
    ".": re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|{_UNREAL}", re.ASCII | re.IGNORECASE),
    ",": re.compile(rf"[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?|{_UNREAL}", re.ASCII | re.IGNORECASE),
}
_LINE = re.compile(r"\r\n|\r|\n")
_MOST_BYTES_AT_ONCE = 1 << 28
# A comma that cannot separate thousands.
_DECIMAL_COMMA = re.compile(
    r"[+-]?(?:0?,\d+|\d+,(?:\d{1,2}|\d{4,}))(?:[eE][+-]?\d+)?|[+-]?\d+,\d+[eE][+-]?\d+", re.ASCII
)


@dataclass(frozen=True)
class Layout:
    """How a table is laid out. `texts` are the columns, from 0, that hold no numbers; `line` is the first row's."""

    names: tuple[str, ...]
    texts: frozenset[int] = frozenset({0})
    delimiter: str = "\t"
    mark: DecimalMark = "."
    quoted: bool = True
    line: int = 2


@dataclass(frozen=True, eq=False)
class Columns:
    """The rows that were read, column by column."""

    layout: Layout
    table: Any
    _missing: dict[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of data; blank lines are none."""
        return int(self.table.num_rows)

    def texts(self, column: int) -> list[str]:
        """A column of texts as they stand, without blanks around them."""
        return [text.strip() for text in self.table.column(column).to_pylist()]

    def numbers(self, column: int) -> Any:
        """A column of numbers as a numpy array: int64 when every cell is a whole number, else float64 with NaN for what
        is missing.
        """
        numpy = import_module("numpy")
        values = self.table.column(column).to_numpy()
        if values.dtype.kind not in "if":
            values = numpy.full(self.rows, numpy.nan)  # a column without a single value
        if values.dtype.kind == "f":
            infinite = numpy.isinf(values)
            count = int(infinite.sum())
            if count:
                values = numpy.where(infinite, numpy.nan, values)
                self._missing[column] = f"{self.layout.names[column]} has {count} infinite value(s), taken as missing"
        return values

    def matrix(self, columns: Sequence[int]) -> Any:
        """Several columns of numbers as one array, rows by columns."""
        numpy = import_module("numpy")
        found = [self.numbers(column) for column in columns]
        kind = numpy.result_type(*found) if found else numpy.float64
        values = numpy.empty((self.rows, len(found)), dtype=kind, order="F")
        for number, column in enumerate(found):
            values[:, number] = column
        return values

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found while numbers were read."""
        return tuple(self._missing.values())


class Lines(NamedTuple):
    """The first lines of a text, and where each begins."""

    texts: tuple[str, ...]
    starts: tuple[int, ...]


def first_lines(text: str, most: int) -> Lines:
    """The first lines, at most so many, without their ends; the last may be the cut one."""
    texts, starts, start = [], [], 0
    for end in _LINE.finditer(text):
        texts.append(text[start : end.start()])
        starts.append(start)
        start = end.end()
        if len(texts) == most:
            break
    else:
        if start < len(text):
            texts.append(text[start:])
            starts.append(start)
    return Lines(tuple(texts), tuple(starts))


def cells_of(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of one line, quotation marks taken off, blanks around them too."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        cells = line.split(delimiter)
    return tuple(cell.strip() for cell in cells)


def is_number(text: str, mark: DecimalMark = ".") -> bool:
    """Whether a cell is a number or says that there is none."""
    text = text.strip()
    return text in MISSING or _NUMBER[mark].fullmatch(text) is not None


def decimal_mark(cells: Iterator[str]) -> DecimalMark:
    """A comma when a cell has one that cannot separate thousands, and none has a point where a decimal mark stands."""
    commas = False
    for cell in cells:
        if _NUMBER["."].fullmatch(cell) is not None:
            if "." in cell:
                return "."
        elif _DECIMAL_COMMA.fullmatch(cell) is not None:
            commas = True
    return "," if commas else "."


def read_columns(text: str, start: int, layout: Layout) -> Columns:
    """Read what begins at character `start`. Raises `FaultyFile` with line and column."""
    body = text[start:]
    data = body.encode()
    arrow, reader = import_module("pyarrow"), import_module("pyarrow.csv")
    names = [str(number) for number in range(len(layout.names))]
    if not body.strip():
        return Columns(layout, arrow.table({name: arrow.array([], arrow.string()) for name in names}))
    try:
        table = reader.read_csv(
            io.BytesIO(data),
            read_options=reader.ReadOptions(
                column_names=names, use_threads=False, block_size=min(len(data) + 1, _MOST_BYTES_AT_ONCE)
            ),
            parse_options=reader.ParseOptions(
                delimiter=layout.delimiter, quote_char='"' if layout.quoted else False, double_quote=layout.quoted
            ),
            convert_options=reader.ConvertOptions(
                column_types={str(column): arrow.string() for column in layout.texts},
                null_values=list(MISSING),
                strings_can_be_null=False,
                true_values=[],
                false_values=[],
                timestamp_parsers=[],
                decimal_point=layout.mark,
            ),
        )
    except arrow.ArrowException as error:
        _tell_the_fault(body, layout, str(error))
    for column, kind in enumerate(table.schema.types):
        if column not in layout.texts and not (arrow.types.is_integer(kind) or arrow.types.is_floating(kind)):
            if arrow.types.is_null(kind):
                continue
            _tell_the_fault(body, layout, f"column {layout.names[column]} holds no numbers")
    return Columns(layout, table)


def _tell_the_fault(body: str, layout: Layout, problem: str) -> NoReturn:
    """Look for the first cell that is wrong."""
    source = io.StringIO(body, newline="")
    reader = csv.reader(
        source, delimiter=layout.delimiter, quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE
    )
    line = layout.line
    try:
        for row in reader:
            if row and len(row) != len(layout.names):
                raise FaultyFile(
                    f"the row has {len(row)} cells",
                    line=line,
                    value=row[0],
                    expected=f"{len(layout.names)} cells, as in the header",
                )
            for column, cell in enumerate(row):
                if column not in layout.texts and not is_number(cell, layout.mark):
                    raise FaultyFile(
                        "the cell is no number",
                        line=line,
                        column=layout.names[column],
                        value=cell,
                        expected="a number, or nothing",
                    )
            line = layout.line + reader.line_num
    except csv.Error as error:
        problem = str(error)
    raise FaultyFile(
        f"the table that begins here cannot be read: {problem}", line=layout.line, expected="rows of equal length"
    )


class Opened(NamedTuple):
    """A decoded file, and what is to be said about it."""

    text: str
    notes: tuple[str, ...]


def open_text(content: bytes) -> Opened:
    """Decode a whole file; one whose last line has no end may have been cut within it."""
    decoded: Text = decode(content)
    if not decoded.text.strip():
        raise FaultyFile("the file holds nothing but blanks", expected="the file as it was written")
    notes = decoded.notes
    if decoded.text[-1] not in "\r\n":
        notes += ("the last line has no end: check that the file was not cut off there",)
    return Opened(decoded.text, notes)


def how_many(rows: int, what: str) -> str:
    """The note of every table that does not declare its length: one that was cut between two lines looks whole."""
    return f"{rows:,} {what} were read; the file does not say how many there are"


def repeated(names: Collection[str]) -> list[str]:
    """The names that stand more than once, in order."""
    seen: set[str] = set()
    found: dict[str, None] = {}
    for name in names:
        if name in seen:
            found[name] = None
        seen.add(name)
    return list(found)
