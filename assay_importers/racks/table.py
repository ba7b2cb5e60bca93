"""A rack file as rows of texts: delimited text of any kind, or the one filled sheet of a workbook."""

from __future__ import annotations

import importlib
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from assay_importers.errors import FaultyFile, FileTooLarge, shorten
from assay_importers.text import decode, read_rows

MAX_BYTES = 1024 * 1024
MAX_ROWS = 2000
MAX_COLUMNS = 64
_MAX_UNPACKED = 16 * 1024 * 1024
_ZIP = b"PK\x03\x04"
_SEPARATORS = ",;\t|"
# Beyond this a spreadsheet no longer keeps every digit.
_EXACT = 10**15


@dataclass(frozen=True)
class Line:
    """A row that is not blank, with its one-based line in the file."""

    number: int
    cells: tuple[str, ...]

    def cell(self, column: int) -> str:
        """The text of the cell, without the blanks around it; empty beyond the end of the row."""
        return self.cells[column] if column < len(self.cells) else ""


@dataclass(frozen=True)
class Table:
    """`numbers` and `dates` are the cells (line, column) that are no text in the workbook."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    numbers: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    dates: frozenset[tuple[int, int]] = field(default_factory=frozenset)

    @property
    def width(self) -> int:
        """Cells of the longest row."""
        return max(len(line.cells) for line in self.lines)


def read_table(data: bytes, rows: int = MAX_ROWS, *, by_blanks: bool = True) -> Table:
    """At most `rows` lines; with `by_blanks` a text without separators is split at its blanks.

    Raises `FaultyFile` or `FileTooLarge`; never gives a table without a line.
    """
    if len(data) > MAX_BYTES:
        raise FileTooLarge(len(data), MAX_BYTES)
    table = _workbook(data, rows) if data.startswith(_ZIP) else _text(data, rows, by_blanks)
    if not table.lines:
        raise FaultyFile("the file is empty", expected="a row for each position of the rack")
    if table.width > MAX_COLUMNS:
        raise FaultyFile(f"the file has {table.width} columns", expected=f"at most {MAX_COLUMNS}")
    return table


def _text(data: bytes, most: int, by_blanks: bool) -> Table:
    decoded = decode(data)
    # A mark may also stand in the middle, where files were joined.
    text = decoded.text.replace("\ufeff", "")
    skipped = 0
    stated = re.match(r"sep=([,;\t|])\r?\n", text, re.IGNORECASE)
    if stated is not None:
        text, skipped = text[stated.end() :], 1
    separator = stated[1] if stated else _separator(text)
    rows = (
        _by_blanks(text, by_blanks)
        if separator is None
        else ((row.line, row.cells) for row in read_rows(text, separator))
    )
    return Table(tuple(_lines(((line + skipped, cells) for line, cells in rows), most)), decoded.notes)


def _lines(rows: Iterator[tuple[int, tuple[str, ...]]], most: int) -> Iterator[Line]:
    for count, (number, cells) in enumerate(rows):
        if count >= most:
            raise FaultyFile(f"the file has more than {most} lines", line=number, expected="the scan of one rack")
        texts = tuple(_unwrapped(cell) for cell in cells)
        if any(texts):
            yield Line(number, texts)


def _unwrapped(cell: str) -> str:
    """Spreadsheets write `="0012"` so that the zeros stay."""
    cell = cell.strip()
    found = re.fullmatch(r'="?([^"]*)"?', cell)
    return found[1].strip() if found else cell


def _separator(text: str) -> str | None:
    """The separator that most lines have; None for columns that only blanks part."""
    lines = [line for line in text.splitlines()[:MAX_ROWS] if line.strip()]
    found = {mark: sum(mark in line for line in lines) for mark in _SEPARATORS}
    best = max(_SEPARATORS, key=lambda mark: found[mark])
    return best if found[best] else None


def _by_blanks(text: str, split: bool) -> Iterator[tuple[int, tuple[str, ...]]]:
    """`A01   NO READ` is a position and what follows it."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, tuple(line.split(None, 1)) if split else (line,)


def _workbook(data: bytes, most: int) -> Table:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        sheets = _sheets(data, most) if unpacked <= _MAX_UNPACKED else []
    except FaultyFile:
        raise
    except Exception as error:  # a damaged workbook raises whatever the zip, XML and cell readers happen to raise
        raise FaultyFile(
            f"the workbook cannot be read: {type(error).__name__}: {shorten(str(error))}", expected="an xlsx workbook"
        ) from error
    if unpacked > _MAX_UNPACKED:
        raise FaultyFile("the workbook unpacks to far more than a rack scan holds")
    filled = [table for table in sheets if table.lines]
    if len(filled) != 1:
        raise FaultyFile(f"the workbook has {len(filled)} sheets that hold anything", expected="one sheet")
    return filled[0]


def _sheets(data: bytes, most: int) -> list[Table]:
    openpyxl = importlib.import_module("openpyxl")
    with warnings.catch_warnings():
        # It warns of what it leaves out of a workbook (conditional formats, validation): none of that is a code.
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        return [_sheet(sheet, most) for sheet in book.worksheets]


def _sheet(sheet: Any, most: int) -> Table:
    lines: list[Line] = []
    numbers: set[tuple[int, int]] = set()
    dates: set[tuple[int, int]] = set()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if len(row) > MAX_COLUMNS or number > most:
            raise FaultyFile(
                "the sheet is far larger than a rack scan",
                line=number,
                expected=f"at most {most} rows and {MAX_COLUMNS} columns",
            )
        cells = []
        for column, cell in enumerate(row):
            value = cell.value
            if isinstance(value, int | float) and not isinstance(value, bool):
                numbers.add((number, column))
            elif isinstance(value, date | datetime | time):
                dates.add((number, column))
            cells.append(_cell_text(value, str(getattr(cell, "number_format", "") or ""), number, column))
        if any(cells):
            lines.append(Line(number, tuple(cells)))
    return Table(tuple(lines), (), frozenset(numbers), frozenset(dates))


def _cell_text(value: Any, number_format: str, line: int, column: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= _EXACT):
        raise FaultyFile(
            "a number of the workbook lost digits, or never was a code",
            line=line,
            column=column_name(column),
            value=str(value),
            expected="codes as text: format the column as text before the file is opened",
        )
    text = _unwrapped(str(value))
    # A format of zeros shows the leading zeros that the number has not.
    return text.zfill(len(number_format)) if isinstance(value, int) and set(number_format) == {"0"} else text


def column_name(column: int) -> str:
    """One-based number of the column, for messages about files without names of columns."""
    return str(column + 1)
