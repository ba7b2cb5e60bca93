"""Titres: a grid of antigens by sera, or columns beside a sample; reciprocals, `640`, or dilutions, `1:640`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict
from assay_importers.contract import Table as Listed
from assay_importers.delimited import (
    SAMPLE_NAMES,
    Cell,
    Collector,
    Grid,
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
from assay_importers.formats.autoantibody import is_autoantibody
from assay_importers.text import Row
from assay_importers.text_matrix import how_many
from assay_importers.values import Value

_QUANTITY = "titer"
_TITER = re.compile(r"(?P<sign>[<>≤≥]=?)?\s*(?:1\s*[:/]\s*)?(?P<sign2>[<>≤≥]=?)?\s*(?P<number>\d+(?:[.,]\d+)?)")
_MISSING = {"", "*", ".", "-", "nd", "n.d.", "n/d", "nt", "n.t.", "na", "n/a", "qns", "tntc", "neg", "negative", "nan"}
# What spreadsheets make of `1/50` and `1-2`: Jan-50, 1-Feb, 1950-01-01.
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T].*)?|[A-Za-z]{3}[-/ ]\d{2,4}|\d{1,2}[-/ ][A-Za-z]{3}([-/ ]\d{2,4})?|\d{1,2}/\d{1,2}/\d{2,4}"
)
_COLUMN = re.compile(r"\btit(er|re)s?\b|\b[nip][tdcr](nt)? ?50\b|\bprnt\d*\b|\bhai\b|\bvnt\d*\b", re.IGNORECASE)
_ANTIGEN = ("virus strain reported", "virus strain preferred", "virus", "strain", "virus strain", "antigen",
            "test virus", "assay", "target", "analyte")  # fmt: skip
_SERA, _ANTIGENS = (
    {"sample", "sample id", "serum", "sera", "subject", "subject id", "id"},
    {"antigen", "virus", "strain", "antigens", "viruses"},
)
_MOST = 60


class Titers(Importer):
    """Every titre is a reading of its serum and antigen: the reciprocal, and the text as it stands."""

    key = "titers"
    title = "Antibody titres, grids and columns"
    version = "1"
    extensions = (".csv", ".txt", ".tsv", ".xlsx", ".xls")
    technique = "serology titration"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        grids = head_grids(head)
        if (place := locate(grids, _is_columns, 20)) is not None:
            if is_autoantibody(place.grid.rows[place.at].cells):
                return Finding(Verdict.NO, "a table of autoantibodies")
            return Finding(Verdict.YES, "a sample and columns of titres")
        for grid in grids:
            found = _Drawn.find(grid)
            if found is not None:
                sure = found.is_sure()
                why = "a grid of antigens by sera" if sure else "a grid of numbers that need not be titres"
                return Finding(Verdict.YES if sure else Verdict.MAYBE, why)
        return Finding(Verdict.NO, "neither columns nor a grid of titres")

    def parse(self, file: SourceFile) -> ParsedRun:
        grids, notes = open_grids(file.content)
        found = Collector()
        tables: list[Listed] = []
        place = locate(grids, _is_columns, 1000)
        if place is not None:
            used: list[Grid] = [place.grid]
            tables.append(_read_columns(table_at(place), found))
            found.unread += [
                f"line {row.line}: {' | '.join(row.cells)}" for row in place.grid.rows[: place.at] if row.cells
            ]
        else:
            drawn = [(grid, one) for grid in grids if (one := _Drawn.find(grid)) is not None]
            drawn = drawn if drawn and not drawn[0][0].delimiter else drawn[:1]
            used = [grid for grid, _ in drawn]
            tables += [_read_grid(grid, one, found) for grid, one in drawn]
        if not found.readings:
            raise FaultyFile(
                "there are no titres",
                line=1,
                expected="a grid with names above and before the titres, or columns of a sample and a titre",
            )
        found.unread += [f"sheet {grid.name!r}: {len(grid.rows)} rows" for grid in grids if _left(grid, used)]
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(),
            readings=tuple(found.readings),
            facts=tuple(found.facts),
            tables=tuple(tables),
            unread=tuple(found.unread),
            notes=(*notes, *found.all_notes(), how_many(sum(table.rows for table in tables), "rows")),
        )


def _left(grid: Grid, used: Sequence[Grid]) -> bool:
    return not grid.delimiter and bool(grid.rows) and grid not in used


def _is_titer(text: str) -> bool:
    return text.strip().casefold() in _MISSING or _TITER.fullmatch(text.strip()) is not None


def _may_be(text: str) -> bool:
    """A titre, or what a spreadsheet has made of one."""
    return _is_titer(text) or _DATE.fullmatch(text) is not None


def _is_columns(cells: Sequence[str]) -> bool:
    plain = [plain_name(cell) for cell in cells]
    if not any(name in SAMPLE_NAMES or name in _SERA for name in plain):
        return False
    return any(_COLUMN.search(name) for name in plain) or {"virus strain reported", "value reported"} <= set(plain)


def _is_smooth(number: int) -> bool:
    """Whether a number is one of a series of dilutions: a product of 2, 3 and 5."""
    for factor in (2, 3, 5):
        while number > 1 and number % factor == 0:
            number //= factor
    return number == 1


@dataclass(frozen=True)
class _Drawn:
    """A grid: the names above it, the further lines of names, and its rows with `labels` cells before their titres."""

    names: tuple[str, ...]
    head: Row
    above: tuple[Row, ...]
    rows: tuple[Row, ...]
    delimiter: str

    @classmethod
    def find(cls, grid: Grid) -> _Drawn | None:
        rows = [row for row in grid.rows if any(cell.strip() for cell in row.cells)]
        if len(rows) < 2:
            return None
        head = rows[0]
        corner = head.cells[0].strip()
        names = tuple(cell.strip() for cell in head.cells[1:] if cell.strip())
        numbered = all(name.isdigit() for name in names)
        if len(names) < 2 or numbered or (corner and plain_name(corner) not in _SERA | _ANTIGENS):
            return None
        start = 1
        drawn = cls(names, head, (), (), grid.delimiter)
        while start < min(len(rows), 5) and not all(_may_be(text) for text in drawn.titers(rows[start])):
            start += 1
        drawn = cls(names, head, tuple(rows[1:start]), tuple(rows[start:]), grid.delimiter)
        first = [text for row in drawn.rows[:_MOST] for text in drawn.titers(row)]
        is_drawn = any(_TITER.fullmatch(text) for text in first) and all(
            _is_titer(text) or _DATE.fullmatch(text) for text in first
        )
        return drawn if is_drawn else None

    def labels(self, row: Row) -> int:
        """How many cells stand before the titres: one, or as many as stand blank above them."""
        if row.width == len(self.names) + 1:
            return 1
        return next(number for number, cell in enumerate(self.head.cells) if number and cell.strip())

    def titers(self, row: Row) -> list[str]:
        """The titres of a row, one for each name."""
        at = self.labels(row)
        cells = [cell.strip() for cell in row.cells[at : at + len(self.names)]]
        return cells + [""] * (len(self.names) - len(cells))

    def is_sure(self) -> bool:
        """Whether the numbers are those of dilutions: signs and ratios, or a series."""
        texts = [text for row in self.rows[:_MOST] for text in self.titers(row)]
        found = [match for text in texts if (match := _TITER.fullmatch(text))]
        if any(match["sign"] or match["sign2"] or ":" in match[0] for match in found):
            return True
        numbers = [match["number"] for match in found]
        smooth = all(number.isdigit() and 0 < int(number) < 10**7 and _is_smooth(int(number)) for number in numbers)
        return smooth and len(numbers) > 5 and len(set(numbers)) > 2 and max(int(number) for number in numbers) > 7

    def cells(self) -> Iterator[Cell]:
        for row in self.rows:
            for name, text in zip(self.names, self.titers(row), strict=True):
                yield Cell(row.line, name, text)


def _value(found: Collector, text: str, line: int, column: str) -> Value:
    """The reciprocal of a titre. What a spreadsheet has made a date of, is refused: its digits are lost."""
    text = text.strip()
    if text.casefold() in _MISSING:
        return Value(None, None, "not_reported")
    match = _TITER.fullmatch(text)
    if match is not None:
        return found.value(f"{match['sign'] or match['sign2'] or ''}{match['number']}")
    if _DATE.fullmatch(text):
        raise FaultyFile(
            "a spreadsheet has made a date of this titre",
            line=line,
            column=column,
            value=text,
            expected="a titre such as 640 or 1:640, in a cell that is formatted as text",
        )
    return found.value(text)


def _read_grid(grid: Grid, drawn: _Drawn, found: Collector) -> Listed:
    if grid.rest is not None:
        raise grid.rest
    found.in_book = not grid.delimiter
    found.mark = decimal_mark(drawn.cells(), grid.delimiter)
    rows_are_sera = plain_name(drawn.head.cells[0]) in _SERA
    for number, row in enumerate(drawn.above, start=2):
        further = [cell.strip() for cell in row.cells if cell.strip()][-len(drawn.names) :]
        for name, text in zip(drawn.names, further, strict=False):
            of = {"analyte" if rows_are_sera else "sample": name}
            found.fact(f"header row {number}", text, **of)
    for row in drawn.rows:
        at = drawn.labels(row)
        name = row.cells[0].strip()
        if not name or len(row.cells) > at + len(drawn.names):
            raise FaultyFile(
                "the row does not fit the names above it",
                line=row.line,
                value=" | ".join(row.cells),
                expected=f"a name and {len(drawn.names)} titres",
            )
        if row.width < len(drawn.names) + 1:
            raise FaultyFile("the row is too short", line=row.line, value=name, expected=f"{len(drawn.names)} titres")
        for text in row.cells[1:at]:
            of = {"sample" if rows_are_sera else "analyte": name}
            found.fact("label", text, **of)
        for column, text in zip(drawn.names, drawn.titers(row), strict=True):
            sample, analyte = (name, column) if rows_are_sera else (column, name)
            value = _value(found, text, row.line, column)
            found.cell(text, _QUANTITY, sample=sample, analyte=analyte, line=row.line, value=value)
    return Listed(name=grid.name or "grid", columns=drawn.head.cells, rows=len(drawn.rows))


def _read_columns(table: Table, found: Collector) -> Listed:
    """A row for each sample, or for each sample and antigen."""
    plain = [plain_name(name) for name in table.names]
    sample_at = table.index(*SAMPLE_NAMES, *_SERA) or 0
    antigen_at = table.index(*_ANTIGEN)
    titers = [number for number, name in enumerate(plain) if number != sample_at and _COLUMN.search(name)]
    titers = titers or [number for number, name in enumerate(plain) if name in {"value reported", "value preferred"}]
    found.in_book = not table.delimiter
    found.mark = decimal_mark(table.cells(titers), table.delimiter)
    for row in table.rows:
        if table.delimiter and row.width < len(table.names):
            raise FaultyFile("the row is too short", line=row.line, expected=f"{len(table.names)} cells")
        sample = text_at(row, sample_at)
        if not sample.strip():
            raise FaultyFile("the row has no sample", line=row.line, column=table.names[sample_at], expected="a sample")
        antigen = text_at(row, antigen_at).strip() or None
        for number, name in enumerate(table.names):
            text = text_at(row, number)
            if number in titers:
                value = _value(found, text, row.line, name)
                analyte = antigen or _COLUMN.sub("", name.replace("_", " ")).strip(" ()-:") or None
                found.cell(
                    text, name if antigen else _QUANTITY, sample=sample, analyte=analyte, line=row.line, value=value
                )
            elif name and number not in {sample_at, antigen_at}:
                found.fact(name, text, sample=sample, analyte=antigen)
    return Listed(name=table.title or "titres", columns=table.names, rows=len(table.rows))
