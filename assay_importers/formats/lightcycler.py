"""Text exports of LightCycler 480 and 96 (Roche): a line of the experiment and filter, then a table of wells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.qpcr_words import WORDS, role
from assay_importers.grids import delimited
from assay_importers.row_table import Line, RowTable, Shape
from assay_importers.text import Row, decode

_TITLE = re.compile(r"\"?Experiment: (?P<name>.*?)\s+(?:(?:Selected |Active )?Filters?): (?P<filter>.*?)\"?", re.DOTALL)
_HEAD_480 = re.compile(
    r"^\"?Inc(?:lude)?\"?(?P<delimiter>[\t,;])(?:\"?Color\"?[\t,;])?\"?Pos\"?[\t,;]\"?Name\"?[\t,;]", re.MULTILINE
)
_HEAD_96 = re.compile(
    r"^\"?(?:Color|Position)\"?(?P<delimiter>[\t,;])(?=[^\r\n]*(?:Gene Name|Sample Type))(?=[^\r\n]*\bCq\b)"
    r"(?=[^\r\n]*Sample Name)(?=(?:[^\r\n]*[\t,;])?\"?Position\b|\"?Sample)",
    re.MULTILINE,
)
_SHAPE = Shape(
    sample=("name", "sample name"),
    well=("pos", "position"),
    analyte=("gene name", "target name", "target"),
    role=("type", "sample type"),
    read_role=role,
    texts=frozenset({"include", "inc", "color", "status", "type", "sample type", "dye", "combined sample and gene"}),
)


class Lightcycler(Importer):
    """Several filters may stand below each other, each under a line of its own."""

    key = "lightcycler"
    title = "Roche LightCycler text export"
    version = "1"
    extensions = (".txt", ".csv")
    technique = "qPCR"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text.replace("\r\n", "\n").replace("\r", "\n")
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if _HEAD_480.search(text):
            return Finding(Verdict.YES, "has the columns Include, Pos and Name of a LightCycler")
        if _HEAD_96.search(text):
            return Finding(Verdict.YES, "has the columns Position, Sample Name and Cq of a LightCycler 96")
        return Finding(Verdict.NO, "no columns of a LightCycler")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        head = _HEAD_480.search(text) or _HEAD_96.search(text)
        if head is None:
            raise FaultyFile(
                "the file has no table of wells", expected="columns that begin with Include, Color and Pos"
            )
        found = Collector(words=WORDS)
        found.notes += decoded.notes
        _read(found, delimited(decoded.text, head["delimiter"]))
        found.notes += last_line_note(decoded.text)
        run = Run(instrument="LightCycler", batch=found.header.get("Experiment"))
        return found.finish(self.key, self.version, run, "a row for each well")


def _is_head(row: Row) -> bool:
    names = {cell.strip().casefold() for cell in row.cells}
    return bool(names & {"pos", "position"}) and bool(names & {"name", "sample name"})


def _read(found: Collector, rows: Sequence[Row]) -> None:
    at, title = 0, ""
    while at < len(rows):
        row = rows[at]
        text = " ".join(cell.strip() for cell in row.cells).strip()
        named = _TITLE.fullmatch(text)
        if named is not None:
            found.add_header("Experiment", named["name"])
            title = named["filter"]
            found.add_header("Selected Filter", title)
        elif _is_head(row):
            end = at + 1
            while end < len(rows) and rows[end].cells and not _TITLE.fullmatch(" ".join(rows[end].cells).strip()):
                end += 1
            table = _Table(found, row.cells, rows[at + 1 : end], title)
            found.table(title or "Results", table.names, len(table.rows))
            table.read()
            at = end
            continue
        elif row.cells:
            name, _, value = text.partition(": ")
            found.add_header(name if value else "Text", value or text)
        at += 1


class _Table(RowTable):
    """Without the name of a gene the filter is what was measured."""

    def __init__(self, found: Collector, head: Sequence[str], rows: Sequence[Row], title: str) -> None:
        super().__init__(found, head, rows, _SHAPE)
        self.filter = title or None

    def location(self, text: str) -> str | None:
        """A carousel of capillaries (LightCycler 1.5, 2.0) has numbers in place of wells."""
        return str(int(text)) if text.isascii() and text.isdigit() else super().location(text)

    def cell(self, line: Line, index: int, style: object) -> None:
        analyte = line.analyte or self.filter
        super().cell(Line(line.row, line.location, line.sample, analyte), index, style)  # type: ignore[arg-type]
