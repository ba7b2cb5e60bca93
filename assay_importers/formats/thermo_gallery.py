"""Results of Thermo Scientific photometric analysers (Gallery, Arena, Konelab): a row for each test of each sample."""

from __future__ import annotations

import re

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import started_at
from assay_importers.grids import delimited
from assay_importers.row_table import RowTable, Shape
from assay_importers.text import decode

_HEAD = re.compile(
    r"^\"?Sample/ctrl ID\"?(?P<delimiter>[\t;,])(?=[^\r\n]*Test (?:short )?name)(?=[^\r\n]*Result)",
    re.MULTILINE | re.IGNORECASE,
)
_FIRST = "sample/ctrl id"
_TIME = re.compile(r"(\d{1,2}:\d\d(?::\d\d)?)\s*([AP]M)?", re.IGNORECASE)
_SHAPE = Shape(
    sample=("sample/ctrl id",),
    analyte=("test name", "test short name"),
    texts=frozenset({"errors", "notes", "result time", "stat", "status", "pat/ctr/cal", "test type", "result unit"}),
    units={"result": "result unit"},
)


class ThermoGallery(Importer):
    """The decimal mark is that of the computer's language: it is asked of each column."""

    key = "thermo_gallery"
    title = "Thermo Scientific Gallery results"
    version = "1"
    extensions = (".tsv", ".csv", ".txt")
    technique = "photometric analyser"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text.replace("\r\n", "\n").replace("\r", "\n")
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _FIRST in text.casefold() and _HEAD.search(text):
            return Finding(Verdict.YES, "has the columns 'Sample/ctrl ID', test name and result")
        return Finding(Verdict.NO, "no columns 'Sample/ctrl ID', test name and result")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        head = _HEAD.search(decoded.text.replace("\r\n", "\n").replace("\r", "\n"))
        if head is None:
            raise FaultyFile("this is no list of results", expected="a row that begins with 'Sample/ctrl ID'")
        found = Collector()
        found.notes += decoded.notes
        rows = delimited(decoded.text, head["delimiter"])
        at = next((n for n, row in enumerate(rows) if row.cells and row.cells[0].strip().casefold() == _FIRST), None)
        if at is None:
            raise FaultyFile("the names of the columns cannot be split into cells", expected="a cell 'Sample/ctrl ID'")
        for row in rows[:at]:
            _header(found, [cell.strip() for cell in row.cells if cell.strip()])
        names = [cell.strip() for cell in rows[at].cells]
        table = RowTable(found, names, rows[at + 1 :], _SHAPE)
        found.table("Results", names, len(table.rows))
        table.read()
        found.notes += last_line_note(decoded.text)
        version = found.header.get("Software version")
        clock = _TIME.fullmatch(found.header.get("Time", ""))
        time = f"{clock[1]} {clock[2] or ''}".strip() if clock else ""
        run = Run(
            software=version,
            operator=found.header.get("User"),
            started_at=started_at(found, f"{found.header.get('Date', '')} {time}".strip()),
        )
        return found.finish(self.key, self.version, run, "rows below 'Sample/ctrl ID'")


def _header(found: Collector, cells: list[str]) -> None:
    """`Date`, its value, `User`, its value; `Software version: 4.0` in one cell; or a line of the laboratory's name."""
    at = 0
    while at < len(cells):
        name, colon, text = cells[at].partition(": ")
        if colon:
            found.add_header(name, text)
        elif at + 1 < len(cells):
            at += 1
            found.add_header(name, cells[at])
        else:
            found.add_header("Text", name)
        at += 1
