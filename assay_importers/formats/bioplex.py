"""Bio-Plex Manager: workbooks with a sheet for each analyte or each quantity, summaries of replicates, text and XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Role, Run, SourceFile, Table, Verdict
from assay_importers.dates import date_order, read_moment
from assay_importers.delimited import (
    Cell,
    Collector,
    Grid,
    decimal_mark,
    dilution_at,
    head_grids,
    locate,
    open_grids,
    plain_name,
    text_at,
)
from assay_importers.errors import FaultyFile
from assay_importers.formats.bioplex_xml import is_bioplex_xml, read_bioplex_xml
from assay_importers.text import Row
from assay_importers.text_matrix import how_many
from assay_importers.values import Value
from assay_importers.wells import read_well

# What Bio-Plex Manager calls its quantities: columns of a sheet of one analyte, or the titles of sheets of all.
QUANTITIES = {
    "fi",
    "fi - bkgd",
    "std dev",
    "%cv",
    "obs conc",
    "exp conc",
    "(obs/exp) * 100",
    "bead count",
    "conc in range",
}
_TEXTS = {"analyte", "type", "well", "description", "group", "sampling errors", "region", "outlier"}
_BESIDE = {"dilution", "ratio"}
_TYPE = re.compile(r"[A-Z]{1,2}\d*")
_UNIT = re.compile(r".*\(\s*([^()\s]*/[^()\s]*[A-Za-z])\s*\)")
_FIELD = re.compile(r"([A-Z%][^:;]{1,60}?)\s*:\s*(.*)", re.DOTALL)
_LEGEND = re.compile(
    r"\*|OOR\b|Exp Conc\s*=|Obs Conc\s*=|Ratio\s*=|---|Sampling Errors\s*:|.*\bValue (not available|extrapolated)"
)
_OF_ANALYTES = {"analyte", "regression type", "std. curve", "fitprob"}
_ROLES: dict[str, Role] = {"B": "blank", "S": "standard", "C": "control", "X": "unknown"}


class _Line(NamedTuple):
    """A row of data below the column names of a table."""

    row: Row
    names: tuple[str, ...]
    wells: tuple[str, ...]


@dataclass
class _Sheet:
    """A sheet taken apart: its lines of data, and what stands above and below them."""

    grid: Grid
    columns: tuple[str, ...] = ()
    lines: list[_Line] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    legend: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


class BioPlex(Importer):
    """Each number is a reading of its well, or of its sample where a row is the mean of several wells."""

    key = "bioplex"
    title = "Bio-Plex Manager (xls, xlsx, text, XML)"
    version = "1"
    extensions = (".xls", ".xlsx", ".xml", ".csv", ".txt")
    technique = "multiplex bead immunoassay"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if is_bioplex_xml(head.data):
            return Finding(Verdict.YES, "an XML export of Bio-Plex Manager")
        if head.book is None and (head.text is None or "Well" not in head.text or "Type" not in head.text):
            return Finding(Verdict.NO, "no columns Type and Well")
        place = locate(head_grids(head), _is_header)
        if place is None:
            return Finding(Verdict.NO, "no columns Type and Well")
        if _is_of_analyte(place.grid.rows[place.at].cells) or plain_name(place.grid.name) in QUANTITIES:
            return Finding(Verdict.YES, "has columns Type, Well and Description as Bio-Plex Manager writes them")
        return Finding(
            Verdict.MAYBE, "has columns Type, Well and Description but none of Bio-Plex Manager's quantities"
        )

    def parse(self, file: SourceFile) -> ParsedRun:
        if is_bioplex_xml(file.content):
            return read_bioplex_xml(file.content, self)
        grids, notes = open_grids(file.content)
        found = locate(grids, _is_header, 1_000_000)
        if found is None:
            raise FaultyFile("no sheet has results", expected="columns Type, Well and Description, as Bio-Plex writes")
        sheets = [_take_apart(grid) for grid in grids if grid.delimiter == found.grid.delimiter]
        if found.grid.rest is not None:
            raise found.grid.rest
        reader = _Reader()
        for sheet in sheets:
            reader.sheet(sheet)
        out = reader.found
        if reader.extrapolated:
            out.notes.append(
                f"{reader.extrapolated} values are extrapolated beyond the standards (marked * in the file)"
            )
        if not out.readings:
            raise FaultyFile("the sheets have no wells", line=found.grid.rows[found.at].line, expected="rows of wells")
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=_run(reader),
            wells=out.wells,
            readings=tuple(out.readings),
            facts=tuple(out.facts),
            tables=tuple(Table(name=sheet.grid.name, columns=sheet.columns, rows=len(sheet.lines)) for sheet in sheets),
            unread=tuple(out.unread),
            notes=(*notes, *out.all_notes(), how_many(sum(len(sheet.lines) for sheet in sheets), "rows")),
        )


def _is_header(cells: Sequence[str]) -> bool:
    names = {plain_name(cell) for cell in cells}
    return {"type", "well", "description"} <= names and len(names) > 3


def _is_of_analyte(cells: Sequence[str]) -> bool:
    """Whether the columns are quantities; else they are analytes."""
    return bool(QUANTITIES.intersection(_base(cell) for cell in cells))


def _base(name: str) -> str:
    """The name of a quantity without its unit."""
    return plain_name(name.partition(" (")[0] if _UNIT.fullmatch(name) else name)


def _take_apart(grid: Grid) -> _Sheet:
    sheet = _Sheet(grid)
    names: tuple[str, ...] = ()
    for row in grid.rows:
        filled = [cell for cell in row.cells if cell.strip()]
        if not filled:
            continue
        if _is_header(row.cells):
            names = tuple(cell.strip() for cell in row.cells)
            if repeated := next((name for name in names if name and names.count(name) > 1), None):
                raise FaultyFile("a column stands twice", line=row.line, value=repeated, expected="each column once")
            sheet.columns = sheet.columns or names
        elif names and (wells := _wells_of(row, names)) is not None:
            sheet.lines.append(_Line(row, names, wells))
        elif len(filled) == 1:
            _aside(sheet, filled[0].strip())
        else:
            sheet.unread.append(f"{_sheet_of(grid)}line {row.line}: {' | '.join(row.cells)}")
    return sheet


def _sheet_of(grid: Grid) -> str:
    return f"sheet {grid.name!r}, " if grid.name else ""


def _wells_of(row: Row, names: Sequence[str]) -> tuple[str, ...] | None:
    """The wells of a row of data, several in a summary; None for a row that is none."""
    plain = [plain_name(name) for name in names]
    if not _TYPE.fullmatch(text_at(row, plain.index("type")).strip()):
        return None
    text = text_at(row, plain.index("well")).strip()
    wells = [read_well(part) for part in re.split(r"[,;\s]+", text) if part]
    if None in wells:
        raise FaultyFile("the row names no well", line=row.line, column="Well", value=text, expected="A1, or A1,B1")
    return tuple(well for well in wells if well)


def _aside(sheet: _Sheet, text: str) -> None:
    """A line above or below the table: a field, or what its signs mean."""
    named = _FIELD.fullmatch(text)
    if _LEGEND.match(text) or not (named or text.startswith("FitProb")):
        sheet.legend.append(text)
    elif named:
        sheet.fields[named[1]] = named[2].strip()
    else:
        sheet.fields["FitProb"] = text


class _Reader:
    """Reads sheet after sheet into one run."""

    def __init__(self) -> None:
        self.found = Collector(words={"---": "masked"})
        self.header: dict[str, str] = {}
        self.extrapolated = 0
        self._typed: set[tuple[str | None, str | None]] = set()

    def sheet(self, sheet: _Sheet) -> None:
        found = self.found
        analyte = sheet.fields.get("Analyte") or sheet.grid.name
        for name, text in sheet.fields.items():
            of_analyte = plain_name(name) in _OF_ANALYTES
            self._field(f"{name}: {analyte}" if of_analyte and name != "Analyte" else name, text)
        if sheet.legend:
            self._field("Legend", "; ".join(sheet.legend))
        found.unread += sheet.unread
        if not sheet.lines:
            found.unread.append(f"{_sheet_of(sheet.grid) or 'the file '}has no rows of wells")
        found.in_book = not sheet.grid.delimiter
        found.mark = decimal_mark(_numbers(sheet), sheet.grid.delimiter)
        named = _shared_names(sheet.lines)
        for line in sheet.lines:
            self._line(sheet, line, analyte, named)

    def _field(self, name: str, text: str) -> None:
        """Fields stand in every sheet; one that differs gets a number."""
        key, count = name, 1
        while self.header.get(key, text) != text:
            count += 1
            key = f"{name} ({count})"
        self.header[key] = text

    def _line(self, sheet: _Sheet, line: _Line, analyte: str, shared: set[str]) -> None:
        found, row = self.found, line.row
        at = {plain_name(name): number for number, name in enumerate(line.names)}
        kind = text_at(row, at["type"]).strip()
        described = text_at(row, at["description"]).strip()
        sample = described or kind
        plate = sheet.fields.get("Plate ID") or None
        dilution = dilution_at(row, at.get("dilution"), "Dilution") if found.mark == "." else self._dilution(row, at)
        role = _ROLES.get(kind[0], "unknown")
        for well in line.wells:
            found.well(plate, well, sample, role=role, dilution=dilution, line=row.line)
        location = line.wells[0] if len(line.wells) == 1 else None
        if location is None:
            sample = f"{kind} {described}" if described in shared else sample
            found.fact("Well", text_at(row, at["well"]), plate=plate, sample=sample)
        where = {"plate": plate, "location": location, "sample": sample}
        if location is None or (plate, location) not in self._typed:
            self._typed.add((plate, location))
            found.fact("Type", kind, **where)
        wide = not _is_of_analyte(line.names)
        stated = text_at(row, at.get("analyte")).strip() or analyte
        for number, name in enumerate(line.names):
            text = text_at(row, number)
            plain = plain_name(name)
            if plain in _TEXTS:
                if plain not in {"analyte", "type", "well", "description"}:
                    found.fact(name, text, **where, analyte=None if wide else stated)
            elif name and (text.strip() or plain not in {"group", "ratio"}):
                unit = _UNIT.fullmatch(name)
                quantity, of = (sheet.grid.name, name) if wide and plain not in _BESIDE else (name, stated)
                found.cell(
                    text,
                    quantity,
                    **where,
                    analyte=None if wide and plain in _BESIDE else of,
                    unit=unit[1] if unit else None,
                    line=row.line,
                    value=self._value(text),
                )

    def _dilution(self, row: Row, at: dict[str, int]) -> Decimal | None:
        """With decimal commas a dilution has one too."""
        value = self.found.value(text_at(row, at.get("dilution"))).value
        return value if value is not None and value > 0 else None

    def _value(self, text: str) -> Value:
        """`*12.3` is a value beyond the standards."""
        text = text.strip()
        if text.startswith("*") and text.strip("*"):
            value = self.found.value(text.lstrip("*"))
            self.extrapolated += value.value is not None
            return value
        return self.found.value(text)


def _numbers(sheet: _Sheet) -> Iterator[Cell]:
    for line in sheet.lines:
        for name, text in zip(line.names, line.row.cells, strict=False):
            if plain_name(name) not in _TEXTS:
                yield Cell(line.row.line, name, text.strip())


def _shared_names(lines: Sequence[_Line]) -> set[str]:
    """Descriptions that stand with several types, as `Standard1` with S1 to S8: alone they name no sample."""
    kinds: dict[str, set[str]] = {}
    for line in lines:
        at = {plain_name(name): number for number, name in enumerate(line.names)}
        described = text_at(line.row, at["description"]).strip()
        kinds.setdefault(described, set()).add(text_at(line.row, at["type"]).strip())
    return {name for name, found in kinds.items() if name and len(found) > 1}


def _run(reader: _Reader) -> Run:
    header = {name: text for name, text in reader.header.items() if text}
    stated = header.get("Acquisition Date")
    moment = None if stated is None else read_moment(stated, date_order(header.values()))
    if moment is not None and moment.iso is None:
        reader.found.notes.append(f"Acquisition Date {stated!r} is left as text: it does not read in one way only")
    return Run(
        instrument="Bio-Plex",
        software="Bio-Plex Manager",
        serial_number=header.get("Reader Serial Number"),
        batch=header.get("Plate ID"),
        operator=header.get("Signed By"),
        started_at=None if moment is None else moment.iso,
        protocol=header.get("File Name"),
        kit_lot=header.get("Standard Lot", "").partition(" Expiration Date")[0] or None,
        header=header,
    )
