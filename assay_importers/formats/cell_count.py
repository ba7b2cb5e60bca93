"""Results of cell counters: a table with counts, concentrations and viability of each sample."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.cell_report import read_report, started_at
from assay_importers.formats.quality_table import beginning, open_tables
from assay_importers.numbers import Style
from assay_importers.row_table import Line, RowTable, Shape
from assay_importers.text import Row, decode
from assay_importers.values import Value
from assay_importers.wells import read_well
from assay_importers.workbook import is_workbook

_VIABILITY = re.compile(
    r"(?:^|[,;\t>\"])(?:% ?)?Viability[^,;\t<\r\n]{0,12}(?=[,;\t<\"\r\n]|$)", re.IGNORECASE | re.MULTILINE
)
_COUNT = re.compile(
    r"(?:^|[,;\t>\"])(?:Live|Viable|Total|Dead|Non-?viable)\b[^,;\t<\r\n]{0,20}(?:count|cells?|conc)",
    re.IGNORECASE | re.MULTILINE,
)
_SAMPLES = ("well name", "sample id", "sample name", "sample", "name", "cell sample", "image", "well")
_PLACED = re.compile(r"(?P<plate>[^:]+):(?P<well>[A-P]\d{1,2})", re.ASCII)
_PERCENT = re.compile(r"(.*\d)\s*%", re.DOTALL)
_IN_NAME = re.compile(r"\(([^()]*)\)$|((?:x ?10\^?6 )?cells?/m[lL])$", re.IGNORECASE)
_SPACE = re.compile(r"[ \u00a0\u202f]")
_GROUPED = re.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+", re.ASCII)
_PER_ML = re.compile(r"(cells ?/ ?ml) \((x ?10\^?\d{1,2})\)$", re.IGNORECASE)
_POWER = re.compile(r"\((x ?10\^?\d{1,2})\) ?$", re.IGNORECASE)
_SHAPE = Shape(
    sample=_SAMPLES,
    texts=frozenset(
        {"note", "note:", "errors", "errors:", "date", "time", "date/time", "operator", "instrument", "cell type"}
    ),
)


class CellCount(Importer):
    """The sample may be named by plate and well, `DN871908M:A1`: the name stays as it is, and the well is known."""

    key = "cell_count"
    title = "Cell counts and viability"
    version = "1"
    extensions = (".csv", ".txt", ".xlsx")
    technique = "cell counting"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        text = beginning(head)
        if _names_viability(text) and _COUNT.search(text):
            return Finding(Verdict.YES, "has columns of viability and of living or dead cells")
        return Finding(Verdict.NO, "no columns of viability and of living or dead cells")

    def parse(self, file: SourceFile) -> ParsedRun:
        found = Collector()
        tables = open_tables(file.content, found, _VIABILITY)
        report = None
        if not is_workbook(file.content) and not any(_is_head(row) for _, rows in tables for row in rows):
            report = read_report(decode(file.content).text, found, _unit)
        else:
            for title, rows in tables:
                _read(found, title, rows)
        if not found.tables:
            raise FaultyFile("the file has no table of counts", expected="columns with the sample and its viability")
        header = found.header
        run = Run(
            instrument=header.get("Instrument") or header.get("Instrument type"),
            operator=header.get("Operator") or header.get("User") or None,
            serial_number=header.get("Instrument s/n") or header.get("Unit S/N"),
            started_at=started_at(found) if report else None,
        )
        return found.finish(self.key, self.version, run, "a row for each sample below the names of the columns")


def _names_viability(text: str) -> bool:
    """Looks where the word is, and nowhere else: the XML of a workbook is long."""
    for word in ("Viability", "viability", "VIABILITY"):
        at = text.find(word)
        while at >= 0:
            if _VIABILITY.search(text, max(0, at - 3), at + 60):
                return True
            at = text.find(word, at + 1)
    return False


def _is_head(row: Row) -> bool:
    cells = [cell.strip() for cell in row.cells]
    return any(_VIABILITY.fullmatch(cell) for cell in cells) and any(cell.casefold() in _SAMPLES for cell in cells)


def _read(found: Collector, title: str, rows: Sequence[Row]) -> None:
    at = next((n for n, row in enumerate(rows) if _is_head(row)), None)
    for row in rows if at is None else rows[:at]:
        cells = [cell.strip() for cell in row.cells if cell.strip()]
        if cells:
            found.add_header(cells[0].rstrip(":"), " ".join(cells[1:]))
    if at is None:
        return
    names = [cell.strip() for cell in rows[at].cells]
    table = _Table(found, names, rows[at + 1 :], _SHAPE)
    found.table(title, names, len(table.rows))
    table.read()


class _Table(RowTable):
    def cell(self, line: Line, index: int, style: Style | None) -> None:
        placed = _PLACED.fullmatch(line.sample or "")
        well = read_well(placed["well"]) if placed else None
        self.plate = placed["plate"] if placed and well else None
        if well is not None:
            self.found.well(self.plate, well, sample=line.sample)
        super().cell(Line(line.row, well, line.sample, None), index, style)

    def value(self, text: str, style: Style) -> Value | None:
        """75.00 of `75.00%`, whose sign is the unit, and 274000 of `274 000`."""
        percent = _PERCENT.fullmatch(text)
        if percent is not None:
            return self.found.read(percent[1], style)
        return self.found.read(_SPACE.sub("", text), style) if _GROUPED.fullmatch(text) else None

    def unit_text(self, index: int) -> str | None:
        if any("%" in (row.cells[index] if index < len(row.cells) else "") for row in self.rows):
            return "%"
        return _unit(self.names[index])


def _unit(name: str) -> str | None:
    """The unit in the name of a quantity."""
    inside = _IN_NAME.search(name)
    if inside is None:
        return None
    # `Total (x10^6) cells/mL`, `Total cells / ml (x 10^6)`: without the power of ten it would be wrong by a million.
    power, before = _POWER.search(name[: inside.start()]), _PER_ML.search(name)
    if before is not None:
        return f"{before[2]} {before[1]}"
    return f"{power[1]} {inside[2]}" if power and inside[2] else inside[1] or inside[2]
