"""Delimited text as instruments write it: any encoding, any line end, ragged or padded rows, lines numbered."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from assay_importers.errors import FaultyFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Text(NamedTuple):
    """Decoded text without its byte order mark, and how it was decoded."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


class Row(NamedTuple):
    """A row with its one-based line in the file; `width` counts the cells before blank ones at the end were cut."""

    line: int
    cells: tuple[str, ...]
    width: int


def decode(data: bytes, *, cut: bool = False) -> Text:
    """Decode UTF-8, UTF-16 (with or without a mark) or, failing both, Windows-1252.

    `cut` says that `data` is the beginning of a file and may end within a character. Raises `FaultyFile` for data that
    is no text.
    """
    encoding, skip = next(((name, len(bom)) for bom, name in _BOMS if data.startswith(bom)), ("", 0))
    body = data[skip:]
    encoding = encoding or _without_mark(body)
    notes: list[str] = []
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(body, final=not cut)
    except UnicodeDecodeError as error:
        if encoding != "utf-8" or skip:
            raise FaultyFile(
                f"the file begins as {encoding} text but byte {error.start + skip} is not", expected="an undamaged file"
            ) from error
        encoding = "cp1252"
        text = body.decode("cp1252", "replace")
        notes.append("the file is not UTF-8: it was read as Windows-1252")
    if "\0" in text:
        raise FaultyFile("the file is not text: it holds NUL characters", expected="a delimited text file")
    if "�" in text:
        notes.append("some characters were already lost when the file was written; they stand as U+FFFD")
    return Text(text, encoding, tuple(notes))


def _without_mark(body: bytes) -> str:
    """UTF-16 of Western text has a NUL in every second byte."""
    sample = body[:200]
    half = len(sample) // 2
    if half and sample[1::2].count(0) > half * 0.7:
        return "utf-16-le"
    if half and sample[::2].count(0) > half * 0.7:
        return "utf-16-be"
    return "utf-8"


def read_rows(text: str, delimiter: str) -> Iterator[Row]:
    """The rows of the text, blank lines included, cells at the end of a row that are blank cut off."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            width = len(cells)
            while cells and not cells[-1].strip():
                cells.pop()
            yield Row(line, tuple(cells), width)
            line = reader.line_num + 1
    except csv.Error as error:
        raise FaultyFile(
            f"the row that begins here cannot be split into cells: {error}",
            line=line,
            expected="cells in which every quotation mark is closed",
        ) from error
