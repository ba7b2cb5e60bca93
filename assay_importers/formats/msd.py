"""Meso Scale Discovery: tables of Discovery Workbench (csv, txt, xlsx) and the plates of Methodical Mind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assay_importers.contract import Finding, Flag, Head, Importer, ParsedRun, Role, Run, SourceFile, Verdict
from assay_importers.contract import Table as Listed
from assay_importers.delimited import (
    Cell,
    Collector,
    Grid,
    Place,
    Table,
    decimal_mark,
    dilution_at,
    head_grids,
    locate,
    open_grids,
    places,
    plain_name,
    table_at,
    text_at,
    well_at,
)
from assay_importers.errors import FaultyFile
from assay_importers.formats.methodical_mind import is_methodical, read_methodical
from assay_importers.text import Row
from assay_importers.text_matrix import how_many
from assay_importers.values import Value

_NEEDED = {"sample", "assay", "well", "signal"}
_OF_MSD = {"spot", "adjusted signal", "calc. concentration", "detection range", "adj. sig. mean", "calc. conc. mean"}
_TEXTS = {
    "sample", "assay", "well", "spot", "plate", "plate name", "sample type", "sample group", "detection range",
    "assay group", "analyte",
    "fit statistic", "comments", "unit", "units", "concentration units", "excluded", "exclude", "flag",
}  # fmt: skip
_PLATE = ("plate", "plate name", "plate barcode", "plate id")
_OUTSIDE: tuple[tuple[re.Pattern[str], Flag], ...] = (
    (re.compile(r"below|<", re.IGNORECASE), "below_range"),
    (re.compile(r"above|>", re.IGNORECASE), "above_range"),
)
_CALCULATED = re.compile(r"calc\. conc", re.IGNORECASE)
_TITLE = re.compile(r"Plate[_ :].+", re.IGNORECASE)
_ROLES: tuple[tuple[re.Pattern[str], Role], ...] = (
    (re.compile(r"standard|calibrator", re.IGNORECASE), "standard"),
    (re.compile(r"control|qc", re.IGNORECASE), "control"),
    (re.compile(r"blank|background", re.IGNORECASE), "blank"),
)
_UNNAMED = re.compile(r"Unnamed: \d+")


class Msd(Importer):
    """A row of a table is a spot of a well: each number a reading of the assay on it."""

    key = "msd"
    title = "MSD Discovery Workbench and Methodical Mind"
    version = "1"
    extensions = (".csv", ".txt", ".xlsx", ".xls")
    technique = "electrochemiluminescence immunoassay"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if head.text is not None and is_methodical(head.text):
            return Finding(Verdict.YES, "a plate as Methodical Mind writes it, with spots per well")
        if head.book is None and (head.text is None or "Well" not in head.text):
            return Finding(Verdict.NO, "no wells")
        if locate(head_grids(head), _is_header) is not None:
            return Finding(Verdict.YES, "has the columns Sample, Assay, Well, Spot and Signal of Discovery Workbench")
        return Finding(Verdict.NO, "neither the columns of Discovery Workbench nor a plate of Methodical Mind")

    def parse(self, file: SourceFile) -> ParsedRun:
        grids, notes = open_grids(file.content)
        first = locate(grids, _is_header)
        if first is None:
            return read_methodical(file, self)
        reader = _Reader(self)
        for grid in grids:
            if grid.delimiter == first.grid.delimiter:
                reader.grid(grid)
        return reader.run(notes)


def _is_header(cells: Sequence[str]) -> bool:
    names = {plain_name(cell) for cell in cells}
    return names >= _NEEDED and bool(names & _OF_MSD)


class _Reader:
    def __init__(self, importer: Importer) -> None:
        self.importer = importer
        self.found = Collector()
        self.header: dict[str, str] = {}
        self.listed: list[Listed] = []
        self.rows = 0

    def grid(self, grid: Grid) -> None:
        """A sheet: its tables, or fields of the run, or what cannot be read."""
        heads = list(places([grid], _is_header))
        self._above(grid.rows[: heads[0].at] if heads else grid.rows, grid)
        if not heads:
            self.listed.append(Listed(name=grid.name, columns=(), rows=len(grid.rows)))
        for number, head in enumerate(heads):
            above = grid.rows[head.at - 1].cells if head.at else ()
            title = above[0].strip() if above and _TITLE.fullmatch(above[0].strip()) else ""
            self._table(head, title, several=len(heads) > 1, last=number == len(heads) - 1)

    def _above(self, rows: Sequence[Row], grid: Grid) -> None:
        for row in rows:
            cells = [cell.strip() for cell in row.cells if cell.strip() and not _UNNAMED.fullmatch(cell.strip())]
            if not cells:
                continue
            name, colon, rest = cells[0].partition(":")
            if len(cells) == 2 and (colon or grid.delimiter):
                self.header.setdefault(cells[0].rstrip(" :"), cells[1])
            elif len(cells) == 1 and colon:
                self.header.setdefault(name.strip(), rest.strip())
            elif len(cells) == 1 and _TITLE.fullmatch(name):
                self.header.setdefault("Plate", name)
            else:
                where = f"sheet {grid.name!r}, " if grid.name else ""
                self.found.unread.append(f"{where}line {row.line}: {' | '.join(cells)}")

    def _table(self, head: Place, title: str, *, several: bool, last: bool) -> None:
        table = table_at(head, None if last else lambda cells: _is_header(cells) or bool(_TITLE.fullmatch(cells[0])))
        found = self.found
        numbers = [number for number, name in enumerate(table.names) if name and plain_name(name) not in _TEXTS]
        found.in_book = not table.delimiter
        found.mark = decimal_mark(_cells(table, numbers), table.delimiter)
        plate_at = table.index(*_PLATE)
        plates = {text_at(row, plate_at).strip() for row in table.rows}
        self.listed.append(Listed(name=table.title or title, columns=table.names, rows=len(table.rows)))
        self.rows += len(table.rows)
        for row in table.rows:
            plate = text_at(row, plate_at).strip() if len(plates) > 1 else (title if several else "")
            self._row(table, row, plate or None, numbers)

    def _row(self, table: Table, row: Row, plate: str | None, numbers: Sequence[int]) -> None:
        found = self.found
        where_at, sample_at, assay_at = (table.index(name) or 0 for name in ("well", "sample", "assay"))
        if row.width < len(table.names) and table.delimiter:
            raise FaultyFile("the row is too short", line=row.line, expected=f"{len(table.names)} cells")
        location = well_at(row, where_at, "Well")
        sample = text_at(row, sample_at).strip() or None
        assay = text_at(row, assay_at).strip() or None
        kind = text_at(row, table.index("sample type", "sample group"))
        found.well(
            plate,
            location,
            sample,
            role=next((role for pattern, role in _ROLES if pattern.search(kind)), None),
            dilution=dilution_at(row, table.index("dilution"), "Dilution"),
            line=row.line,
        )
        where = {"plate": plate, "location": location, "sample": sample, "analyte": assay}
        detected = text_at(row, table.index("detection range"))
        outside = next((flag for pattern, flag in _OUTSIDE if pattern.search(detected)), None)
        unit = text_at(row, table.index("unit", "units", "concentration units")).strip() or None
        for number, name in enumerate(table.names):
            text = text_at(row, number)
            if number in numbers:
                value = found.value(text)
                calculated = bool(_CALCULATED.match(name))
                if calculated and outside is not None and value.comparator is None and "mean" not in name.casefold():
                    value = Value(value.value, None, outside)
                conc = calculated or plain_name(name) == "concentration"
                found.cell(text, name, **where, unit=unit if conc else None, line=row.line, value=value)
            elif name and plain_name(name) not in _NEEDED:
                found.fact(name, text, **where)

    def run(self, notes: Sequence[str]) -> ParsedRun:
        found = self.found
        if not self.rows:
            raise FaultyFile("the table has no rows", expected="a row for each spot of each well")
        return ParsedRun(
            format=self.importer.key,
            importer_version=self.importer.version,
            run=Run(
                instrument="MSD",
                software="Discovery Workbench",
                batch=self.header.get("Plate") or self.header.get("Plate ID") or None,
                header=self.header,
            ),
            wells=found.wells,
            readings=tuple(found.readings),
            facts=tuple(found.facts),
            tables=tuple(self.listed),
            unread=tuple(found.unread),
            notes=(*notes, *found.all_notes(), how_many(self.rows, "rows")),
        )


def _cells(table: Table, columns: Sequence[int]) -> Iterator[Cell]:
    return (Cell(cell.line, cell.column, cell.text.strip()) for cell in table.cells(columns))
