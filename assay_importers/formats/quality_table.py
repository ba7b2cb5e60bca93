"""What the readers of Qubit, NanoDrop and cell counters share: where their table stands, in text or in a workbook."""

from __future__ import annotations

import re

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Head
from assay_importers.grids import delimited, sheet_rows
from assay_importers.peek import peek
from assay_importers.text import Row, decode
from assay_importers.workbook import is_workbook, read_workbook

_SEEN = 4000


def beginning(head: Head) -> str:
    """What recognition looks for marks in: the beginning of a text, or what a workbook says; nothing for all else."""
    return peek(head) if is_workbook(head.data) else (head.text or "")[:_SEEN]


def open_tables(content: bytes, found: Collector, mark: re.Pattern[str]) -> list[tuple[str, list[Row]]]:
    """The sheets of a workbook, or the rows of a text, whose delimiter is that of the line that holds the mark."""
    if is_workbook(content):
        return [(sheet.name, sheet_rows(sheet.rows)) for sheet in read_workbook(content)]
    decoded = decode(content)
    found.notes += [*decoded.notes, *last_line_note(decoded.text)]
    place = mark.search(decoded.text)
    # A mark may begin with the delimiter before it, or with the line end: the line is that of its end.
    before, after = (decoded.text[: place.end()], decoded.text[place.end() :]) if place else ("", "")
    line = "".join(before.splitlines()[-1:] + after.splitlines()[:1])
    delimiter = max(",;\t", key=line.count)
    return [("Results", delimited(decoded.text, delimiter))]
