"""Workbooks (xls, xlsx, xlsb, ods) as sheets of texts."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import reduce
from importlib import import_module
from typing import Any

from assay_importers.compound import check_compound
from assay_importers.contract import WORKBOOKS, Sheet
from assay_importers.errors import FaultyFile, shorten

ZIP, OLE2 = WORKBOOKS
MAX_UNPACKED = 256 * 1024 * 1024
MAX_CELLS = 20_000_000
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_ROW = re.compile(rb"<(\w+:|)row[ />]")
_CELL = re.compile(rb""" r=["']([A-Z]{0,3})([0-9]{1,7})["']""")
# Without such a cell a sheet has at most 9,999 rows and 702 columns.
_FAR = re.compile(rb""" r=["'](?:[A-Z]{3}[0-9]|[A-Z]{0,2}[0-9]{5})""")
_PART = 64 * 1024
# Of a wide sheet fewer rows are enough: the names of its columns alone are more than other sheets hold.
_WIDE, _FEWEST_ROWS = 256 * 1024, 20
# Beyond this a spreadsheet no longer keeps every digit of a whole number.
_EXACT = 10**15


def is_workbook(data: bytes) -> bool:
    """Whether the bytes begin as those of an xlsx or of an old xls workbook do."""
    return data.startswith((ZIP, OLE2))


def read_workbook(data: bytes, most_rows: int | None = None) -> tuple[Sheet, ...]:
    """All sheets in order, chart sheets and macros left out; with `most_rows` the first rows of each, and of
    a wide one fewer, but at least 20.

    Raises `FaultyFile` as `read_cells` does.
    """
    return tuple(
        Sheet(name, tuple(tuple(text_of(cell) for cell in row) for row in rows))
        for name, rows in read_cells(data, most_rows)
    )


def read_cells(data: bytes, most_rows: int | None = None) -> tuple[tuple[str, list[list[Any]]], ...]:
    """As `read_workbook`, with numbers, dates and texts apart: a blank cell is an empty text, every number a float.

    Raises `FaultyFile` for what is no workbook, for an encrypted or damaged one, and for one that unpacks to more than
    any result holds.
    """
    if data.startswith(ZIP):
        data = _checked(data, most_rows)
    else:
        check_compound(data)
    try:
        return tuple(_sheets(data, most_rows))
    except FaultyFile:
        raise
    except BaseException as error:  # a damaged workbook raises whatever its readers happen to raise, panics included
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise FaultyFile(
            f"the workbook cannot be read: {type(error).__name__}: {shorten(str(error))}",
            expected="an xls or xlsx workbook without a password",
        ) from error


def _sheets(data: bytes, most_rows: int | None) -> Iterator[tuple[str, list[list[Any]]]]:
    book = import_module("python_calamine").CalamineWorkbook.from_filelike(io.BytesIO(data))
    cells = 0
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        cells += (sheet.total_height + 1) * (sheet.total_width + 1)  # they are the last row and column, from 0
        if cells > MAX_CELLS:
            raise FaultyFile("the workbook has more cells than any result", expected="the export of one run")
        yield name, sheet.to_python(skip_empty_area=False, nrows=most_rows)


def _checked(data: bytes, most_rows: int | None) -> bytes:
    """The workbook, with `most_rows` with the first rows of its sheets alone: all rows are what takes time to read.

    One cell far down and one far to the right are a rectangle that no memory holds, in a file of a few bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > MAX_UNPACKED:
                raise FaultyFile(f"the workbook unpacks to {unpacked:,} bytes", expected="the export of one run")
            sheets = [entry for entry in archive.infolist() if _SHEET.fullmatch(entry.filename)]
            first = {entry.filename: _first_rows(archive, entry, most_rows) for entry in sheets}
            for content in first.values():
                _check_area(content)
            return data if most_rows is None else _with(archive, first)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise FaultyFile(f"the workbook is damaged: {error}", expected="a whole xlsx workbook") from error


def _first_rows(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most_rows: int | None) -> bytes:
    if most_rows is None:
        return archive.read(entry)
    content, end, left = b"", 0, most_rows
    with archive.open(entry) as stream:
        while part := stream.read(_PART):
            content += part
            for row in _ROW.finditer(content, end):
                enough = row.start() > _WIDE and most_rows - left >= _FEWEST_ROWS
                if not left or enough:
                    return content[: row.start()] + b"</%bsheetData></%bworksheet>" % (row[1], row[1])
                left, end = left - 1, row.end()
    return content


def _check_area(sheet: bytes) -> None:
    if _FAR.search(sheet) is None:
        return
    cells = _CELL.findall(sheet)
    rows = max(int(row) for row in {row for _, row in cells})
    columns = max(_number_of(name) for name in {name for name, _ in cells})
    if rows * columns > MAX_CELLS:
        raise FaultyFile("the workbook has more cells than any result", expected="the export of one run")


def _number_of(column: bytes) -> int:
    """28 of AB; 0 of a row, whose reference has no letters."""
    return reduce(lambda number, letter: 26 * number + letter - 64, column, 0)


def _with(archive: zipfile.ZipFile, members: Mapping[str, bytes]) -> bytes:
    """The archive with other contents of these members, not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as copy:
        for name in dict.fromkeys(archive.namelist()):
            copy.writestr(zipfile.ZipInfo(name), members[name] if name in members else archive.read(name))
    return out.getvalue()


def text_of(cell: Any) -> str:
    """The text of a cell's value."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell)
