"""Analysers of the clinical laboratory: a wide row for each sample (Sysmex, Beckman, ...), or a row for each result
(Cobas, Architect, Atellica, Immulite, Phadia, Bioplex 2200, ...).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_importers.contract import Finding, Flag, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.contract import Table as Listed
from assay_importers.delimited import (
    SAMPLE_NAMES,
    Collector,
    Table,
    decimal_mark,
    head_grids,
    locate,
    open_grids,
    plain_name,
    table_at,
    text_at,
)
from assay_importers.errors import FaultyFile
from assay_importers.text import Row
from assay_importers.text_matrix import how_many
from assay_importers.values import Value

_SAMPLE = (
    "sample id no", "sample id no.", "sample no", "sample no.", "specimen id", "specimen", "accession number",
    "accession", *SAMPLE_NAMES, "sid", "tube id", "patient/sample id",
)  # fmt: skip
_TEST = (
    "test name", "test", "assay name", "assay", "test code", "analyte", "parameter", "universal test id",
    "method name", "assay number", "test id", "lis test code", "method",
)  # fmt: skip
_RESULT = (
    "result", "results", "result value", "conc", "concentration", "conc.", "value", "dose", "reported result",
    "quant result",
)  # fmt: skip
_UNIT = ("unit", "units", "result units", "result unit", "conc units", "conc. unit", "unit of measure")
_INSTRUMENT = (
    "instrument id", "instrument", "instrument name", "analyzer", "analyser", "module", "module id",
    "serial number", "instrument serial number", "system id", "analyzer id",
)  # fmt: skip
_CONTEXT = {
    "flag", "flags", "result flag", "abnormal flag", "reference range", "normal range", "rack", "rack no.",
    "position", "pos.", "tube pos.", "sample type", "dilution", "rlu", "raw", "signal", "cutoff", "s/co",
    "interpretation", "lot", "reagent lot", "calibration lot", "operator", "qualitative", "control lot", "cup",
    "completed", "run date", "date", "date/time", "result date", "analysis date",
}  # fmt: skip
_PERSONAL = re.compile(
    r"patient (name|comment|id)|name of patient|\b(date of birth|dob|birth ?date|surname|first name|last name)\b"
    r"|\b(doctor|ward|sex|gender|mrn|medical record|age)\b",
    re.IGNORECASE,
)
# `WBC(10/uL)`, `HCT(10^(-1)%)`: the unit may hold brackets of its own.
_WITH_UNIT = re.compile(r"(?P<name>[^()]+?)\s*[(\[](?P<unit>(?:[^()\[\]]|\([^()]*\))+)[)\]]")
_LOOKS_LIKE_UNIT = re.compile(r"%|/|10\^|\b(g|mg|ug|µg|ng|pg|fL|mmol|umol|mU|IU|U|s|sec|mm|ratio|index|COI|S/CO)\b")
_MARK = "/M"
# Wider rows are those of matrices: to read all their cells takes time, and finds nothing.
_MOST_COLUMNS = 1000
_FLAGGED = re.compile(r"([<>]?\s*[\d.,]+)\s*[HLhlA*+\-!]{1,2}")
_OUTSIDE: dict[str, Flag] = {"<": "below_range", ">": "above_range"}
_HIDDEN = {"----", "+++++", "****", "-----", "++++", "*****"}


class ImmunoassayAnalyzer(Importer):
    """A result is a reading of its sample and test. Names, birth dates and other words on persons are not read."""

    key = "immunoassay_analyzer"
    title = "Clinical analysers (haematology, immunoassay)"
    version = "1"
    extensions = (".csv", ".txt", ".tsv", ".xlsx", ".xls")
    technique = "clinical analyser"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        place = locate(head_grids(head), _is_header, 30)
        if place is None:
            return Finding(Verdict.NO, "no columns of an analyser")
        if _is_wide(place.grid.rows[place.at].cells):
            if any("viability" in cell.casefold() for cell in place.grid.rows[place.at].cells):
                return Finding(Verdict.NO, "a cell counter's table")
            return Finding(Verdict.YES, "an instrument, a sample, and parameters with their units and marks")
        return Finding(Verdict.YES, "a sample, a test and its result, with columns of an analyser")

    def parse(self, file: SourceFile) -> ParsedRun:
        grids, notes = open_grids(file.content)
        place = locate(grids, _is_header, 1000)
        if place is None:
            raise FaultyFile(
                "no columns of an analyser", line=1, expected="an instrument, a sample, and tests with their results"
            )
        table = table_at(place)
        if not table.rows:
            raise FaultyFile("the table has no rows", line=table.line, expected="a row for each sample or result")
        reader = _Reader(table)
        for row in table.rows:
            if table.delimiter and row.width < len(table.names):
                raise FaultyFile("the row is too short", line=row.line, expected=f"{len(table.names)} cells")
            reader.row(row)
        above = [row for row in place.grid.rows[: place.at] if row.cells]
        header = {row.cells[0].strip(" :"): row.cells[1].strip() for row in above if len(row.cells) == 2}
        found = reader.found
        found.unread += [f"line {row.line}: {' | '.join(row.cells)}" for row in above if len(row.cells) != 2]
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(instrument=reader.only(_INSTRUMENT), header=header),
            readings=tuple(found.readings),
            facts=tuple(found.facts),
            tables=(Listed(name=table.title or "results", columns=table.names, rows=len(table.rows)),),
            unread=tuple(found.unread),
            notes=(*notes, *found.all_notes(), how_many(len(table.rows), "rows")),
        )


def _is_header(cells: Sequence[str]) -> bool:
    return len(cells) < _MOST_COLUMNS and (_is_wide(cells) or _is_long(cells))


def _is_wide(cells: Sequence[str]) -> bool:
    """An instrument, a sample, and parameters: `WBC(10/uL)` with `WBC/M`, or several with units in brackets."""
    plain = {plain_name(cell) for cell in cells}
    if not plain.intersection(_SAMPLE):
        return False
    names = {cell.strip() for cell in cells}
    units = [match["name"] for cell in cells if (match := _unit(cell))]
    marked = [name for name in units if f"{name}{_MARK}" in names]
    return len(marked) > 1 or (len(units) > 2 and bool(plain.intersection(_INSTRUMENT)))


def _is_long(cells: Sequence[str]) -> bool:
    plain = {plain_name(cell) for cell in cells}
    context = plain & (_CONTEXT | set(_INSTRUMENT) | set(_UNIT))
    needed = (_SAMPLE, _TEST, _RESULT)
    return all(plain.intersection(names) for names in needed) and len(context) > 1 and not plain & {"well", "location"}


def _unit(name: str) -> re.Match[str] | None:
    match = _WITH_UNIT.fullmatch(name.strip())
    return match if match is not None and _LOOKS_LIKE_UNIT.search(match["unit"]) else None


class _Reader:
    def __init__(self, table: Table) -> None:
        self.table = table
        self.found = Collector(in_book=not table.delimiter)
        self.sample_at = table.index(*_SAMPLE) or 0
        self.test_at, self.result_at, self.unit_at = (table.index(*names) for names in (_TEST, _RESULT, _UNIT))
        self.wide = _is_wide(table.names)
        self.units = {number: match for number, name in enumerate(table.names) if (match := _unit(name))}
        numbers = set(self.units) if self.wide else {self.result_at or 0}
        self.found.mark = decimal_mark(table.cells(numbers), table.delimiter)
        self.personal = {number for number, name in enumerate(table.names) if _PERSONAL.search(plain_name(name))}
        self.personal.discard(self.sample_at)
        for number in sorted(self.personal):
            if any(text_at(row, number).strip() for row in table.rows):
                self.found.unread.append(f"column {table.names[number]}: words on a person are not read")

    def only(self, names: Sequence[str]) -> str | None:
        """The text of a column where it says the same in every row."""
        at = self.table.index(*names)
        texts = {text_at(row, at).strip() for row in self.table.rows}
        return texts.pop() or None if len(texts) == 1 else None

    def row(self, row: Row) -> None:
        """A row: results of a sample, or one result."""
        sample = text_at(row, self.sample_at).strip()
        if not sample:
            raise FaultyFile(
                "the row has no sample", line=row.line, column=self.table.names[self.sample_at], expected="a sample"
            )
        if self.wide:
            self._wide(row, sample)
        else:
            self._long(row, sample)

    def _wide(self, row: Row, sample: str) -> None:
        marks = {f"{match['name']}{_MARK}": match["name"] for match in self.units.values()}
        for number, name in enumerate(self.table.names):
            text = text_at(row, number)
            if number in self.units:
                match = self.units[number]
                value = self._value(text)
                self.found.cell(
                    text, "result", sample=sample, analyte=match["name"], unit=match["unit"], line=row.line, value=value
                )
            elif name and number != self.sample_at and number not in self.personal:
                self.found.fact(name, text, sample=sample, analyte=marks.get(name))

    def _long(self, row: Row, sample: str) -> None:
        test = text_at(row, self.test_at).strip()
        if not test:
            raise FaultyFile("the row has no test", line=row.line, expected="the name or code of a test")
        text = text_at(row, self.result_at)
        value = self._value(text)
        name = self.table.names[self.result_at or 0]
        unit = text_at(row, self.unit_at).strip() or None
        if value.known:
            self.found.cell(text, name, sample=sample, analyte=test, unit=unit, line=row.line, value=value)
        else:
            self.found.fact(name, text, sample=sample, analyte=test)
        used = {self.sample_at, self.test_at, self.result_at, self.unit_at, *self.personal}
        for number, column in enumerate(self.table.names):
            if not column or number in used:
                continue
            cell = text_at(row, number)
            if plain_name(column) in {"rlu", "signal", "raw", "s/co", "cutoff", "dilution"}:
                self.found.cell(cell, column, sample=sample, analyte=test, line=row.line)
            else:
                self.found.fact(column, cell, sample=sample, analyte=test)

    def _value(self, text: str) -> Value:
        """A result. `----` was not obtained, `+++++` is above what can be shown, `12.3 H` has a flag behind it."""
        text = text.strip()
        if text in _HIDDEN:
            return Value(None, None, "above_range" if text.startswith("+") else "not_reported")
        if text in _OUTSIDE:
            return Value(None, None, _OUTSIDE[text])
        value = self.found.value(text)
        if not value.known and (flagged := _FLAGGED.fullmatch(text)):
            return self.found.value(flagged[1])
        return value
