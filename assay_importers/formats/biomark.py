"""Table results of a Fluidigm BioMark: a header, three stacked lines of column names, a row for each chamber."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.plate_text import started_at
from assay_importers.formats.qpcr_words import WORDS, role
from assay_importers.grids import delimited
from assay_importers.numbers import Style, number_style
from assay_importers.text import Row, decode
from assay_importers.values import Value

_FIRST = re.compile(r"\s*\"?Chip Run (?:Filename|Info)\"?(?P<delimiter>[,;\t])", re.IGNORECASE)
_EXPORT = re.compile(r"^\"?Export Type\"?[,;\t]\"?(?P<kind>[^,;\t\r\n\"]*)", re.MULTILINE)
_CYCLE = re.compile(r"[,;\t]\"?Ct\"?(?:[,;\t]|$)", re.MULTILINE)
_WHEN = re.compile(r"\d{1,4}[-/]\d{1,2}[-/]\d{2,4} \d{1,2}:\d\d.*")
_TABLE = "Experiment Information"
_NO_CYCLE = "999"
_TEXTS = {"call", "name", "type", "comments"}


class Biomark(Importer):
    """A chamber is where a sample meets an assay: `S48-A01` is the place of both. Its cycle is 999 when it has none."""

    key = "biomark"
    title = "Fluidigm BioMark table results"
    version = "1"
    extensions = (".csv",)
    technique = "qPCR"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        try:
            text = decode(head.data, cut=not head.complete).text.replace("\r\n", "\n").replace("\r", "\n")
        except FaultyFile as error:
            return Finding(Verdict.NO, f"not text: {error}")
        if not _FIRST.match(text):
            return Finding(Verdict.NO, "does not begin with a chip run")
        kind = _EXPORT.search(text)
        if kind is None or "table" not in kind["kind"].casefold():
            return Finding(Verdict.MAYBE, "begins with a chip run, but is no table of results")
        if not _CYCLE.search(text):
            return Finding(Verdict.MAYBE, "begins with a chip run, but its table has no cycles: genotypes, perhaps")
        return Finding(Verdict.YES, "begins with a chip run and is a table of results")

    def parse(self, file: SourceFile) -> ParsedRun:
        decoded = decode(file.content)
        first = _FIRST.match(decoded.text)
        if first is None:
            raise FaultyFile("this is no BioMark export", line=1, expected="a first line 'Chip Run Filename'")
        rows = delimited(decoded.text, first["delimiter"])
        found = Collector(words=WORDS)
        found.notes += decoded.notes
        at = next((n for n, row in enumerate(rows) if row.cells and row.cells[0].strip() == _TABLE), None)
        if at is None or at + 3 > len(rows):
            raise FaultyFile("the file ends before its table", line=rows[-1].line, expected=f"lines below {_TABLE!r}")
        for row in rows[:at]:
            if row.cells:
                found.add_header(row.cells[0].strip(), " ".join(cell.strip() for cell in row.cells[1:]))
        end = at + 3
        while end < len(rows) and rows[end].cells:
            end += 1
        _chambers(found, rows[at : at + 3], rows[at + 3 : end])
        found.unread += [f"line {row.line}: {' '.join(row.cells)}" for row in rows[end:] if row.cells]
        found.notes += last_line_note(decoded.text)
        version = " ".join(found.header.get(name, "") for name in ("Application Version", "Application Build")).strip()
        # Version 4 writes a line of the chip run: file, barcode, chip, protocol, dyes, time, duration, reader.
        chip = [cell.strip() for cell in rows[0].cells[1:]]
        run = Run(
            instrument="BioMark",
            software=version or None,
            serial_number=next((cell for cell in chip[1:] if cell.casefold().startswith("biomark")), None),
            batch=chip[0] if chip else None,
            protocol=chip[3] if len(chip) > 3 else None,
            started_at=started_at(found, next((cell for cell in chip if _WHEN.fullmatch(cell)), None)),
        )
        return found.finish(self.key, self.version, run, "a row for each chamber")


def _chambers(found: Collector, heads: Sequence[Row], rows: Sequence[Row]) -> None:
    width = max(len(head.cells) for head in heads)
    above, group, names = ([_cell(head, index) for index in range(width)] for head in heads)
    columns = [f"{one} {other}".strip() for one, other in zip(group, names, strict=True)]
    found.table(_TABLE, columns, len(rows))
    # What is neither chamber nor sample among the first columns is the assay, whatever its dye is called.
    assay = next(
        (
            index
            for index in range(width)
            if above[index] == _TABLE and group[index] not in {"Chamber", "Sample"} and names[index] == "Name"
        ),
        None,
    )
    if "Chamber ID" not in columns or assay is None:
        raise FaultyFile(
            "the columns are not those of a table of results",
            line=heads[2].line,
            expected="the chamber, the sample and the assay",
        )
    sample, kind = (columns.index(name) if name in columns else None for name in ("Sample Name", "Sample Type"))
    chamber = columns.index("Chamber ID")
    styles = {
        index: number_style((row.line, _cell(row, index)) for row in rows)
        for index in range(width)
        if index not in {chamber, assay, sample, kind} and names[index].casefold() not in _TEXTS
    }
    missing = 0
    for row in rows:
        if len(row.cells) > width:
            raise FaultyFile(
                f"the row has {len(row.cells)} cells and the table {width} columns",
                line=row.line,
                expected="as many cells as columns",
            )
        location = _cell(row, chamber)
        if not location:
            raise FaultyFile("this row names no chamber", line=row.line, expected="a chamber such as S01-A01")
        name, target = _cell(row, sample) or None, _cell(row, assay) or None
        found.well(None, location, sample=name, role=role(_cell(row, kind)))
        for index, column in enumerate(columns):
            text = _cell(row, index)
            if index in styles:
                value = Value(None, None, "not_reported") if _is_missing(column, text, styles[index]) else None
                missing += value is not None
                found.reading(
                    column, text, location=location, sample=name, analyte=target, value=value, style=styles[index]
                )
            elif text and index not in {chamber, assay, sample}:
                found.fact(column, text, location=location, sample=name, analyte=target)
    if missing:
        found.notes.append(f"{missing} chambers have the cycle {_NO_CYCLE}, which says that there was none")


def _is_missing(column: str, text: str, style: Style) -> bool:
    return column.casefold().endswith("value") and style.plain(text).rstrip("0").rstrip(".,") == _NO_CYCLE


def _cell(row: Row, index: int | None) -> str:
    return "" if index is None or index >= len(row.cells) else row.cells[index].strip()
