"""Results of Qubit fluorometers (Invitrogen): one table with a row for each tube."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector
from assay_importers.contract import Finding, Flag, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import started_at
from assay_importers.formats.quality_table import beginning, open_tables
from assay_importers.row_table import RowTable, Shape
from assay_importers.text import Row

_TUBE = re.compile(r"Qubit[^,;\t<>\r\n]{0,3} ?tube conc|(?:^|[,;\t>\"])Assay Conc\.?(?=[,;\t<\"])", re.IGNORECASE)
_SAMPLE = re.compile(r"Original sample conc|Stock Conc", re.IGNORECASE)
_WORDS = ("ube conc", "ube Conc", "ssay Conc", "ssay conc")
WORDS: dict[str, Flag] = {
    "out of range": "not_reported",
    "too high": "above_range",
    "too low": "below_range",
    "oor high": "above_range",
    "oor low": "below_range",
    "> std2": "above_range",
    "--": "not_reported",
}
_SHAPE = Shape(
    sample=("sample name", "test name", "name", "sample id"),
    texts=frozenset(
        {"run id", "test date", "date/time", "assay name", "assay type", "units", "extended low range", "core range",
         "extended high range", "excitation", "emission", "last read standards", "reagent lot#", "plate barcode",
         "well", "sample id", "tags", "software version", "original sample conc. units", "qubit tube conc. units"}
    ),
    units={
        "original sample conc.": "original sample conc. units",
        "qubit tube conc.": "qubit tube conc. units",
        "qubit® tube conc.": "units",
        "assay conc.": "units",
    },
    blanks=True,
)  # fmt: skip


class Qubit(Importer):
    """Two concentrations of each tube: that of the assay tube, and that of the sample before it was diluted."""

    key = "qubit"
    title = "Qubit fluorometer results"
    version = "1"
    extensions = (".csv", ".xlsx")
    technique = "nucleic acid quantification"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        text = beginning(head)
        # A cheap look first: most files have none of these words.
        if any(word in text for word in _WORDS) and _TUBE.search(text) and _SAMPLE.search(text):
            return Finding(Verdict.YES, "has the concentrations of tube and sample as a Qubit writes them")
        return Finding(Verdict.NO, "no concentrations of tube and sample")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector(words=WORDS)
        for title, rows in open_tables(file.content, found, _TUBE):
            _read(found, title, rows)
        if not found.tables:
            raise FaultyFile("the file has no table of results", expected="columns with the concentration in the tube")
        return found.finish(self.key, self.version, _run(found), "a row for each tube below the names of the columns")


def _read(found: Collector, title: str, rows: Sequence[Row]) -> None:
    at = next((n for n, row in enumerate(rows) if _TUBE.search(",".join(row.cells))), None)
    for row in rows if at is None else rows[:at]:
        if row.cells:
            found.unread.append(f"line {row.line}: {' '.join(row.cells).strip()}")
    if at is None:
        return
    names = [cell.strip() for cell in rows[at].cells]
    table = _Table(found, names, rows[at + 1 :], _SHAPE)
    found.table(title, names, len(table.rows))
    table.read()
    for name, at_name in (
        ("Software Version", "software version"),
        ("Test Date", "test date"),
        ("Date/Time", "date/time"),
        ("Run ID", "run id"),
    ):
        lines = [line.cell(table.lower.index(at_name)) for line in table.lines()] if at_name in table.lower else []
        if lines and lines[0]:
            found.add_header(name, lines[0])


class _Table(RowTable):
    """Where two columns are called `Units`, each is that of the concentration before it."""

    def unit_of(self, index: int) -> int | None:
        if self.lower[index + 1 : index + 2] == ["units"]:
            return index + 1
        return super().unit_of(index)


def _run(found: Collector) -> Run:
    header = found.header
    return Run(
        instrument="Qubit",
        software=header.get("Software Version"),
        batch=header.get("Run ID"),
        started_at=started_at(found, header.get("Test Date") or header.get("Date/Time")),
    )
