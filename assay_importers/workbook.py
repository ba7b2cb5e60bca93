"""Workbooks (xls, xlsx, xlsb, ods) as sheets of texts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from importlib import import_module
from typing import Any

from assay_importers.contract import WORKBOOKS, Sheet
from assay_importers.errors import FaultyFile, shorten

ZIP, OLE2 = WORKBOOKS
MAX_UNPACKED = 256 * 1024 * 1024
MAX_CELLS = 20_000_000
# Beyond this a spreadsheet no longer keeps every digit of a whole number.
_EXACT = 10**15


def is_workbook(data: bytes) -> bool:
    """Whether the bytes begin as those of an xlsx or of an old xls workbook do."""
    return data.startswith((ZIP, OLE2))


def read_workbook(data: bytes, most_rows: int | None = None) -> tuple[Sheet, ...]:
    """All sheets in order, chart sheets and macros left out; with `most_rows` the first rows of each.

    Raises `FaultyFile` for what is no workbook, for an encrypted or damaged one, and for one that unpacks to more than
    any result holds.
    """
    if data.startswith(ZIP):
        _check_size(data)
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


def _sheets(data: bytes, most_rows: int | None) -> Iterator[Sheet]:
    book = import_module("python_calamine").CalamineWorkbook.from_filelike(io.BytesIO(data))
    cells = 0
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        cells += (sheet.total_height + 1) * (sheet.total_width + 1)  # they are the last row and column, from 0
        if cells > MAX_CELLS:
            raise FaultyFile("the workbook has more cells than any result", expected="the export of one run")
        rows = sheet.to_python(skip_empty_area=False, nrows=most_rows)
        yield Sheet(name, tuple(tuple(text_of(cell) for cell in row) for row in rows))


def _check_size(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise FaultyFile(f"the workbook is damaged: {error}", expected="a whole xlsx workbook") from error
    if unpacked > MAX_UNPACKED:
        raise FaultyFile(f"the workbook unpacks to {unpacked:,} bytes", expected="the export of one run")


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
