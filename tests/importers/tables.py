"""Made-up tables: a workbook of rows, delimited text, and what a test asks of a run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import openpyxl

from assay_importers.contract import ParsedRun

Rows = Sequence[Sequence[object]]


def book(sheets: Mapping[str, Rows]) -> bytes:
    """An xlsx workbook."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def text(rows: Rows, delimiter: str = ",", newline: str = "\n") -> bytes:
    """Delimited text."""
    return "".join(delimiter.join(str(cell) for cell in row) + newline for row in rows).encode()


def values(run: ParsedRun, quantity: str, analyte: str | None = None) -> list[tuple[str, str | None, str | None]]:
    """The readings of a quantity: as written, the value, the flag."""
    return [
        (reading.raw, None if reading.value is None else str(reading.value), reading.flag)
        for reading in run.readings
        if reading.quantity == quantity and analyte in {None, reading.analyte}
    ]


def facts(run: ParsedRun, name: str) -> list[str]:
    """The facts of a name."""
    return [fact.text for fact in run.facts if fact.name == name]
