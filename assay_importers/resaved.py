"""Workbooks that a spreadsheet made of a text export: each sheet as the text that it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay_importers.contract import SourceFile
from assay_importers.errors import FaultyFile
from assay_importers.workbook import is_workbook, read_workbook

_BREAK = re.compile(r"[\t\r\n]+")


def texts_of(file: SourceFile) -> Iterator[tuple[str, SourceFile, tuple[str, ...]]]:
    """The name of each sheet, its cells as text with tabs between them, and what the other sheets are."""
    if not is_workbook(file.content):
        return
    try:
        sheets = [sheet for sheet in read_workbook(file.content) if any(any(row) for row in sheet.rows)]
    except FaultyFile:
        return
    for sheet in sheets:
        lines = ("\t".join(_BREAK.sub(" ", cell) for cell in row) for row in sheet.rows)
        text = "".join(f"{line}\n" for line in lines).encode()
        others = tuple(f"sheet {other.name!r}: {len(other.rows)} rows" for other in sheets if other is not sheet)
        yield sheet.name, SourceFile(file.name, text), others
