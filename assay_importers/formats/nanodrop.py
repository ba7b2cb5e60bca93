"""Results of NanoDrop spectrophotometers (1000 to Eight): a table of concentrations and ratios of absorbance."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import started_at
from assay_importers.formats.quality_table import beginning, open_tables
from assay_importers.row_table import RowTable, Shape
from assay_importers.text import Row

_PROTEIN = re.compile(r"(?:^|[,;\t>\"])(?:A?260/A?280|260_280)(?=[,;\t<\"\r\n]|$)", re.MULTILINE)
_SOLVENT = re.compile(r"(?:^|[,;\t>\"])(?:A?260/A?230|260_230)(?=[,;\t<\"\r\n]|$)", re.MULTILINE)
_CONCENTRATION = re.compile(r"(?:^|[,;\t>\"])Protein ?(?:Conc\b|\()", re.MULTILINE | re.IGNORECASE)
_SAMPLE = re.compile(r"(?:^|[,;\t>\"])Sample ?(?:ID|Name)(?=[,;\t<\"])", re.MULTILINE | re.IGNORECASE)
_UNIT = re.compile(r"\(([^()]*)\)$")
_SAMPLES = ("sample name", "sample id")
_SHAPE = Shape(
    sample=_SAMPLES,
    texts=frozenset(
        {
            "#",
            "application",
            "date",
            "date and time",
            "impurity 1",
            "impurity 2",
            "impurity 3",
            "measure mode",
            "module",
            "na type",
            "plate id",
            "sample id",
            "sample type",
            "serial number",
            "time",
            "unit",
            "units",
            "user id",
            "user name",
            "well",
        }
    ),
    blanks=True,
)


class Nanodrop(Importer):
    """Lines above the table, which the NanoDrop 1000 writes, go to the header."""

    key = "nanodrop"
    title = "NanoDrop results"
    version = "1"
    extensions = (".csv", ".tsv", ".txt", ".xlsx")
    technique = "nucleic acid quantification"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        text = beginning(head)
        if (
            ("260/" in text or "260_" in text)
            and _PROTEIN.search(text)
            and (_SOLVENT.search(text) or _CONCENTRATION.search(text))
            and _SAMPLE.search(text)
        ):
            return Finding(Verdict.YES, "has the ratios 260/280 and 260/230, or of proteins 260/280, of named samples")
        return Finding(Verdict.NO, "no ratios of absorbance of named samples")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector()
        for title, rows in open_tables(file.content, found, _PROTEIN):
            _read(found, title, rows)
        if not found.tables:
            raise FaultyFile("the file has no table of results", expected="columns with the sample and 260/280")
        header = found.header
        run = Run(
            instrument="NanoDrop",
            software=header.get("Software"),
            serial_number=header.get("Serial number"),
            operator=header.get("User"),
            started_at=started_at(found, header.get("Measured")),
        )
        return found.finish(self.key, self.version, run, "a row for each sample below the names of the columns")


def _is_head(row: Row) -> bool:
    cells = [cell.strip() for cell in row.cells]
    return any(_PROTEIN.fullmatch(cell) for cell in cells) and any(cell.casefold() in _SAMPLES for cell in cells)


def _read(found: Collector, title: str, rows: Sequence[Row]) -> None:
    at = next((n for n, row in enumerate(rows) if _is_head(row)), None)
    for row in rows if at is None else rows[:at]:
        cells = [cell.strip() for cell in row.cells if cell.strip()]
        if cells:
            name, colon, text = cells[0].partition(":")
            found.add_header(name, " ".join([text.strip(), *cells[1:]]).strip() if colon else " ".join(cells[1:]))
    if at is None:
        return
    names = [cell.strip() for cell in rows[at].cells]
    table = _Table(found, names, rows[at + 1 :], _SHAPE)
    found.table(title, names, len(table.rows))
    table.read()
    for line in list(table.lines())[:1]:
        when = [line.cell(table.lower.index(name)) for name in ("date and time", "date", "time") if name in table.lower]
        found.add_header("Measured", " ".join(when).strip())
        users = [line.cell(table.lower.index(name)) for name in ("user name", "user id") if name in table.lower]
        found.add_header("User", " ".join(users).strip())


class _Table(RowTable):
    """The unit stands in a column behind the concentration, in its name, or is the name: `ng/ul`."""

    def unit_text(self, index: int) -> str | None:
        name = self.names[index]
        inside = _UNIT.search(name)
        return inside[1] if inside else name if re.fullmatch(r"[nuµμm]g/[uµμm]?l", name, re.IGNORECASE) else None

    def unit_of(self, index: int) -> int | None:
        if self.lower[index + 1 : index + 2] in (["unit"], ["units"]):
            return index + 1
        return super().unit_of(index)
