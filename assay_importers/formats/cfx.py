"""Cq results of CFX Manager and CFX Maestro (Bio-Rad): one table, as text or workbook, with or without a header."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import started_at
from assay_importers.formats.qpcr_words import WORDS, role
from assay_importers.grids import delimited, sheet_rows
from assay_importers.peek import peek
from assay_importers.row_table import RowTable, Shape
from assay_importers.text import Row, decode
from assay_importers.workbook import is_workbook, read_workbook

# Under an empty name stand the numbers of the rows.
_HEAD = re.compile(
    r"^(?:\"?\"?[,;\t])?\"?Well\"?(?P<delimiter>[,;\t])\"?Fluor\"?[,;\t]"
    r"(?=[^\r\n]*(?:Cq|C\(t\)|Starting Quantity|End RFU|Melt Temp))",
    re.MULTILINE,
)
_CELLS = re.compile(r">Fluor<.*>Content<|>Content<.*>Fluor<", re.DOTALL)
_SHAPE = Shape(
    sample=("sample", "sample name"),
    well=("well",),
    analyte=("target", "gene"),
    role=("content",),
    read_role=role,
    texts=frozenset({"fluor", "content", "biological set name", "biological group name", "well note"}),
)


class Cfx(Importer):
    """A well has a row for each dye that was read in it."""

    key = "cfx"
    title = "Bio-Rad CFX Cq results"
    version = "1"
    extensions = (".csv", ".txt", ".xlsx", ".xls")
    technique = "qPCR"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if is_workbook(head.data):
            seen = peek(head)
            if _CELLS.search(seen) and ">Cq<" in seen:
                return Finding(Verdict.YES, "a workbook with the columns Fluor, Content and Cq of CFX")
            return Finding(Verdict.NO, "a workbook without the columns Fluor, Content and Cq")
        try:
            text = decode(head.data, cut=not head.complete).text.replace("\r\n", "\n").replace("\r", "\n")
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _HEAD.search(text):
            return Finding(Verdict.YES, "has the columns Well, Fluor and Cq of CFX")
        return Finding(Verdict.NO, "no columns Well, Fluor and Cq")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector(words=WORDS)
        if is_workbook(file.content):
            sheets = [(sheet.name, sheet_rows(sheet.rows)) for sheet in read_workbook(file.content)]
        else:
            decoded = decode(file.content)
            found.notes += decoded.notes
            head = _HEAD.search(decoded.text.replace("\r\n", "\n").replace("\r", "\n"))
            if head is None:
                raise FaultyFile("the file has no table of results", expected="columns that begin with Well and Fluor")
            sheets = [("Cq Results", delimited(decoded.text, head["delimiter"]))]
            found.notes += last_line_note(decoded.text)
        for title, rows in sheets:
            _read(found, title, rows)
        header = {name.casefold().rstrip(":"): text for name, text in found.header.items()}
        run = Run(
            instrument=header.get("instrument") or "CFX",
            software=header.get("cfx maestro version") or header.get("software version"),
            serial_number=header.get("base serial number"),
            batch=header.get("file name"),
            operator=header.get("created by user"),
            protocol=header.get("protocol file name"),
            started_at=started_at(found, re.sub(r"\s+(?:UTC|GMT|Z)$", "", header.get("run started", ""))),
        )
        return found.finish(self.key, self.version, run, "a table with the columns Well, Fluor and Cq")


def _read(found: Collector, title: str, rows: Sequence[Row]) -> None:
    at = next((n for n, row in enumerate(rows) if {"Well", "Fluor"} <= {cell.strip() for cell in row.cells}), None)
    if at is None:
        for row in rows:
            _pair(found, row)
        found.table(title, (), 0)
        return
    for row in rows[:at]:
        _pair(found, row)
    names = [cell.strip() for cell in rows[at].cells]
    table = RowTable(found, names, rows[at + 1 :], _SHAPE)
    found.table(title, names, len(table.rows))
    table.read()


def _pair(found: Collector, row: Row) -> None:
    cells = [cell.strip() for cell in row.cells if cell.strip()]
    if cells:
        found.add_header(cells[0], " ".join(cells[1:]))
