"""Short ways to hand made-up files to an importer, and to ask for single cells of what it read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import openpyxl

from assay_importers.contract import Head, Importer, ParsedRun, Reading, SourceFile, Verdict


def source(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def parse(importer: Importer, text: str | bytes) -> ParsedRun:
    return importer.parse(SourceFile("x", source(text)))


def verdict(importer: Importer, text: str | bytes) -> Verdict:
    data = source(text)
    return importer.sniff(Head("x", data[: 64 * 1024], len(data))).verdict


def raw(run: ParsedRun, quantity: str, location: str | None = "A1", plate: str | None = None) -> list[str]:
    """The texts of the readings of this quantity in this well."""
    return [reading.raw for reading in cells(run, quantity, location, plate)]


def cells(run: ParsedRun, quantity: str, location: str | None = "A1", plate: str | None = None) -> list[Reading]:
    return [
        r for r in run.readings
        if (r.quantity, r.location) == (quantity, location) and plate in (None, r.plate)
    ]  # fmt: skip


def facts(run: ParsedRun, name: str, location: str | None = None) -> list[str]:
    return [fact.text for fact in run.facts if (fact.name, fact.location) == (name, location)]


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """An xlsx with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def grid(rows: int, columns: int, cell: str = "0.{row}{column:02}", delimiter: str = "\t", label: str = "") -> str:
    """A plate as it is drawn: columns across, letters down."""
    lines = [delimiter.join(["", *(str(column) for column in range(1, columns + 1))])]
    for row in range(rows):
        texts = [cell.format(row=row, column=column) for column in range(1, columns + 1)]
        lines.append(delimiter.join([chr(65 + row), *texts, *([label] if label else [])]))
    return "\n".join(lines) + "\n"
