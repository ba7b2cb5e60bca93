"""Luminex xMAP INTELLIFLEX: its own table, a row for each well, and the layout of xPONENT that it writes as well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assay_importers.contract import OTHER_NAME, Finding, Head, ParsedRun, Run, SourceFile, Verdict
from assay_importers.contract import Table as Listed
from assay_importers.dates import date_order, read_moment
from assay_importers.delimited import (
    Collector,
    Table,
    decimal_mark,
    dilution_at,
    head_grids,
    locate,
    open_grids,
    plain_name,
    table_at,
    text_at,
    well_at,
)
from assay_importers.errors import FaultyFile
from assay_importers.formats.luminex_xponent import FIRST_LINE, LuminexXponent
from assay_importers.peek import peek
from assay_importers.text_matrix import how_many
from assay_importers.workbook import is_workbook

# `R25: RP1 MEDIAN`, `IL-6 (25): RP2 COUNT`
_CELL = re.compile(r"(?P<analyte>.*\S)\s*:\s*(?P<quantity>RP\s?[12]\b.*\S)", re.IGNORECASE)
_NAME = re.compile(r"RP\s?[12] ANALYTE NAME", re.IGNORECASE)
_WELL, _SAMPLE, _DILUTION = ("well location", "location", "well"), ("sample id", "sample", "sample name"), ("dilution",)
_FIELDS = {
    "instrument type": "instrument",
    "serial number": "serial_number",
    "software version": "software",
    "plate name": "batch",
    "operator": "operator",
    "protocol name": "protocol",
}


class LuminexIntelliflex(LuminexXponent):
    """A file in xPONENT's layout is read as xPONENT's; of its own every column `ANALYTE: RP1 QUANTITY` is a reading."""

    key = "luminex_intelliflex"
    title = "Luminex INTELLIFLEX"
    version = "1"
    extensions = (".csv", ".xlsx")
    technique = "multiplex bead immunoassay"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        text = peek(head) if is_workbook(head.data) else head.text
        if text is None:
            return Finding(Verdict.NO, "neither text nor a workbook")
        first = FIRST_LINE.match(text)
        if first is not None and first["name"].casefold() == "program":
            if "intelliflex" in first["rest"].casefold():
                return Finding(Verdict.YES, "laid out as xPONENT writes it, by an INTELLIFLEX")
            return Finding(Verdict.NO, "the first line names another program")
        if ": RP" in text and locate(head_grids(head), is_native) is not None:
            return Finding(Verdict.YES, "a row for each well, with columns of reporters (RP1, RP2)")
        return Finding(Verdict.NO, "no columns of reporters, and not the layout of xPONENT")

    def parse(self, file: SourceFile) -> ParsedRun:
        grids, notes = open_grids(file.content)
        place = locate(grids, is_native)
        return super().parse(file) if place is None else _native(table_at(place), self, notes)


def is_native(cells: Sequence[str]) -> bool:
    """Whether these are the column names of the instrument's own CSV."""
    return any(plain_name(cell) in _WELL for cell in cells) and any(_CELL.fullmatch(cell.strip()) for cell in cells)


def _native(table: Table, importer: LuminexXponent, notes: Sequence[str]) -> ParsedRun:
    found = Collector(in_book=not table.delimiter)
    columns = _columns(table)
    names = _names(table, columns)
    _tell_names(found, columns, names)
    measured = {
        number: (names.get(region, region), quantity)
        for number, (region, quantity) in columns.items()
        if region not in names or not _NAME.fullmatch(quantity)
    }
    where = table.index(*_WELL)
    if where is None or not table.rows:
        raise FaultyFile("the table has no wells", line=table.line, expected="a row for each well")
    found.mark = decimal_mark(table.cells(measured), table.delimiter)
    sample_at, dilution, plate_at = table.index(*_SAMPLE), table.index(*_DILUTION), table.index("plate name")
    others = [
        number for number in range(len(table.names)) if number not in {*columns, where, sample_at, dilution, plate_at}
    ]
    said = {number: list(dict.fromkeys(text_at(row, number).strip() for row in table.rows)) for number in others}
    header = {table.names[number]: texts[0] for number, texts in said.items() if len(texts) == 1 and texts[0]}
    plates = list(dict.fromkeys(text_at(row, plate_at).strip() for row in table.rows))
    if plate_at is not None:
        header[table.names[plate_at]] = ", ".join(plates)
    seen = set()
    for row in table.rows:
        plate = text_at(row, plate_at).strip() or None
        location = well_at(row, where, table.names[where])
        sample = text_at(row, sample_at).strip() or None
        if (plate, location) in seen:
            raise FaultyFile("the well stands twice", line=row.line, value=location, expected="each well once")
        if row.width < len(table.names):
            raise FaultyFile("the row is too short", line=row.line, expected=f"{len(table.names)} cells")
        seen.add((plate, location))
        found.well(plate, location, sample, dilution=dilution_at(row, dilution, "DILUTION"), line=row.line)
        for number, (analyte, quantity) in measured.items():
            found.cell(
                text_at(row, number),
                quantity,
                plate=plate,
                location=location,
                sample=sample,
                analyte=analyte,
                line=row.line,
            )
        for number, texts in said.items():
            if len(texts) > 1:
                found.fact(table.names[number], text_at(row, number), plate=plate, location=location, sample=sample)
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=_run(header, found),
        wells=found.wells,
        readings=tuple(found.readings),
        facts=tuple(found.facts),
        tables=(Listed(name="wells", columns=table.names, rows=len(table.rows)),),
        notes=(*notes, *found.all_notes(), how_many(len(table.rows), "wells")),
    )


def _columns(table: Table) -> dict[int, tuple[str, str]]:
    """What stands before and behind the colon, of each column of a reporter."""
    matches = {number: _CELL.fullmatch(name) for number, name in enumerate(table.names)}
    return {number: (match["analyte"], match["quantity"]) for number, match in matches.items() if match}


def _names(table: Table, columns: Mapping[int, tuple[str, str]]) -> dict[str, str]:
    """The analyte of each region, where a column says the same one in every row."""
    found: dict[str, str] = {}
    for number, (region, quantity) in columns.items():
        texts = {text_at(row, number).strip() for row in table.rows} if _NAME.fullmatch(quantity) else set()
        if len(texts) == 1 and "" not in texts:
            found.setdefault(region, texts.pop())
    return found if len(set(found.values())) == len(found) else {}


def _tell_names(found: Collector, columns: Mapping[int, tuple[str, str]], names: Mapping[str, str]) -> None:
    for region, analyte in names.items():
        found.fact(OTHER_NAME, region, analyte=analyte)
    for region, quantity in columns.values():
        if region in names and _NAME.fullmatch(quantity):
            found.fact(quantity, names[region], analyte=names[region])


def _run(header: dict[str, str], found: Collector) -> Run:
    named = {_FIELDS[plain_name(name)]: text for name, text in header.items() if plain_name(name) in _FIELDS}
    started = next((text for name, text in header.items() if plain_name(name) == "plate start"), None)
    moment = None if started is None else read_moment(started, date_order([started]))
    if moment is not None and moment.iso is None:
        found.notes.append(f"PLATE START {started!r} is left as text: it is no date that reads in one way only")
    return Run(**named, started_at=None if moment is None else moment.iso, header=header)
