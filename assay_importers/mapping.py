"""What the columns of any table mean: guessed from names and cells as plain data, which a person can see and correct,
and by which such tables are then read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Names
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay_importers.contract import ParsedRun, Run, SourceFile
from assay_importers.contract import Table as Listed
from assay_importers.delimited import (
    SAMPLE_NAMES,
    Cell,
    Collector,
    Grid,
    Place,
    Table,
    decimal_mark,
    dilution_at,
    open_grids,
    plain_name,
    table_at,
    text_at,
    well_at,
)
from assay_importers.errors import FaultyFile
from assay_importers.text import Row
from assay_importers.text_matrix import how_many
from assay_importers.values import DecimalMark, read_value
from assay_importers.wells import fits, read_well

Meaning = Literal["well", "plate", "sample", "analyte", "value", "unit", "flag", "dilution", "fact", "ignored"]
Delimiter = Literal["", ",", ";", "\t", "|"]
ONCE: tuple[Meaning, ...] = ("well", "plate", "sample", "analyte", "unit", "flag", "dilution")
_WORDS: tuple[tuple[Meaning, tuple[str, ...]], ...] = (
    (
        "well",
        ("well", "well id", "well name", "well position", "location", "position", "pos", "puits", "kavität", "pozo"),
    ),
    ("plate", ("plate", "plate id", "plate name", "plate number", "platte", "plaque", "placa")),
    (
        "sample",
        (*SAMPLE_NAMES, "id", "specimen", "tube", "code", "name", "probe", "échantillon", "muestra", "campione"),
    ),
    ("analyte", ("analyte", "assay", "target", "test", "antibody", "antigen", "gene", "parameter", "marker", "analyt")),
    ("unit", ("unit", "units", "einheit", "unité", "unidad")),
    ("flag", ("flag", "flags", "status", "call", "interpretation", "qc", "remark")),
    ("dilution", ("dilution", "dilution factor", "df", "verdünnung")),
    (
        "value",
        (
            "value",
            "result",
            "concentration",
            "conc",
            "od",
            "mfi",
            "signal",
            "count",
            "index",
            "wert",
            "ergebnis",
            "valeur",
        ),
    ),
)
_UNIT = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]*)[)\]]")
# A guess looks at these many rows for the names, and at these many below them; wider tables are matrices.
_LONGEST = 200
_HEADS, _MOST_HEADS, _BELOW, _MOST_COLUMNS = 20, 3, 15, 400
_NUMBER = re.compile(r"\s*[<>≤≥=\s]*[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_EMPTY = re.compile(r"Unnamed: \d+|")


class Column(BaseModel):
    """A column: its name as the file has it, what it means, and of a value its unit if the name says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    meaning: Meaning
    unit: str | None = None


class Layout(BaseModel):
    """Where a table is, how its numbers are written, and what its columns may mean, whether or not it can be read so.
    `header_line` is the line of the column names, from 1; `sheet` is null for text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sheet: str | None = None
    delimiter: Delimiter
    decimal: DecimalMark
    header_line: int = Field(ge=1)
    columns: tuple[Column, ...]


class Mapping(Layout):
    """How to read a table. `shape` is long where a column names the analyte of each row, wide where each column of
    values is an analyte.
    """

    shape: Literal["long", "wide"]

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        meant = [column.meaning for column in self.columns]
        for meaning in ONCE:
            if meant.count(meaning) > 1:
                named = ", ".join(column.name or "(no name)" for column in self.columns if column.meaning == meaning)
                raise ValueError(f"only one column can be the {meaning}, and these are: {named}")
        names = [column.name for column in self.columns if column.name]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"column {twice} stands twice")
        if "value" not in meant:
            raise ValueError("at least one column must hold values")
        if "sample" not in meant and "well" not in meant:
            raise ValueError("a column must name the sample or the well")
        if (self.shape == "long") != ("analyte" in meant):
            raise ValueError("a long table has a column of analytes, and a wide one has none")
        return self


def mapping_of(layout: Layout) -> Mapping:
    """The mapping that a layout is: long where a column is the analyte. Raises `ValidationError` where it can not be
    read so.
    """
    shape = "long" if any(column.meaning == "analyte" for column in layout.columns) else "wide"
    return Mapping.model_validate({**layout.model_dump(exclude={"shape"}), "shape": shape})


def guess_mapping(file: SourceFile) -> Mapping:
    """What the columns may mean. Raises `FaultyFile` for a file in which no table can be seen.

    The guess is for a person to confirm: names of columns decide, then what stands in them.
    """
    grids, _ = open_grids(file.content)
    return guess_from(grids)


def guess_from(grids: Sequence[Grid]) -> Mapping:
    """As `guess_mapping`, of grids that were opened, or of their first rows."""
    best: tuple[int, Mapping] | None = None
    for grid in grids:
        rows = grid.rows[:_HEADS]
        heads = [at for at, row in enumerate(rows) if 1 < len(row.cells) <= _MOST_COLUMNS and _are_names(row.cells)]
        for at in heads[:_MOST_HEADS]:
            found = _guess(grid, at)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
    if best is None:
        raise FaultyFile(
            "no table can be seen", line=1, expected="a row of column names, with a sample or well and numbers below it"
        )
    return best[1]


def _guess(grid: Grid, at: int) -> tuple[int, Mapping] | None:
    """The mapping when this is the row of names, and how many cells below it would be read; None for no table."""
    head = grid.rows[at]
    names = [cell.strip() for cell in head.cells]
    filled = [name for name in names if name]
    below = _below(grid, at)
    if not below or any(len(row.cells) > len(names) for row in below):
        return None
    cells = [[text_at(row, number).strip() for row in below] for number in range(len(names))]
    layout = _layout(grid, head.line, names, cells)
    meanings = [column.meaning for column in layout.columns]
    if "value" not in meanings or not {"sample", "well"} & set(meanings):
        return None
    known = sum(meaning in ONCE for meaning in meanings)
    return len(filled) * len(below) + known, mapping_of(layout)


def names_at(grid: Grid, at: int) -> tuple[str, ...]:
    """The names of the columns when this row holds them; one without a name comes first where each row below is longer
    by one, as R writes a table.
    """
    names = tuple(cell.strip() for cell in grid.rows[at].cells)
    below = _below(grid, at)
    numbered = bool(grid.delimiter and below) and all(len(row.cells) == len(names) + 1 for row in below)
    return ("", *names) if numbered else names


def layout_at(grid: Grid, at: int) -> Layout:
    """What the columns may mean when this row holds their names, whether or not a table can be read so."""
    names = names_at(grid, at)
    below = _below(grid, at)
    cells = [[text_at(row, number).strip() for row in below] for number in range(len(names))]
    return _layout(grid, grid.rows[at].line, names, cells)


def _below(grid: Grid, at: int) -> list[Row]:
    return [row for row in grid.rows[at + 1 : at + 1 + _BELOW] if any(cell.strip() for cell in row.cells)]


def _layout(grid: Grid, line: int, names: Sequence[str], cells: Sequence[Sequence[str]]) -> Layout:
    meanings = _meanings(names, cells)
    if "sample" not in meanings and "well" not in meanings:
        meanings = _with_a_sample(meanings, cells)
    try:
        mark = _mark(names, cells, meanings, grid.delimiter)
    except FaultyFile:
        mark = "."
    columns = []
    for name, meaning in zip(names, meanings, strict=True):
        unit = _UNIT.fullmatch(name) if meaning == "value" else None
        columns.append(Column(name=name, meaning=meaning, unit=unit[2] if unit else None))
    return Layout(
        sheet=None if grid.delimiter else grid.name,
        delimiter=grid.delimiter,
        decimal=mark,
        header_line=line,
        columns=tuple(columns),
    )


def _are_names(cells: Sequence[str]) -> bool:
    """Whether a row can be one of names: all different, and none a number."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(set(filled)) == len(filled) and not any(_is_number(name) for name in filled)


def _meanings(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[Meaning]:
    found: list[Meaning] = []
    for name, texts in zip(names, cells, strict=True):
        # A line of thousands of characters under a delimiter that is not its own is no name, and slow to search.
        plain = plain_name(_UNIT.sub(r"\1", name)) if len(name) < _LONGEST else ""
        named = next((meaning for meaning, words in _WORDS if plain in words), None)
        numbers = sum(_is_number(text) for text in texts)
        if _EMPTY.fullmatch(name):
            found.append("ignored")
        elif named in ONCE and named not in found and (named != "well" or _are_wells(texts)):
            found.append(named)
        elif named == "value" or (numbers and _are_numbers(texts)):
            found.append("value" if numbers else "fact")
        elif "well" not in found and _are_wells(texts, 96):
            found.append("well")
        else:
            found.append("fact")
    return found


def _are_numbers(texts: Sequence[str]) -> bool:
    """Whether more than half of the cells that are not blank are numbers, or say why there is none."""
    filled = [text for text in texts if text]
    return sum(_is_number(text) or read_value(text).known for text in filled) * 2 > len(filled)


def _with_a_sample(meanings: Sequence[Meaning], cells: Sequence[Sequence[str]]) -> list[Meaning]:
    """Where no name tells, the first column whose cells are all filled and all different names the samples."""
    found = list(meanings)
    for number, texts in enumerate(cells):
        if found[number] in {"fact", "ignored"} and all(texts) and len(set(texts)) == len(texts):
            found[number] = "sample"
            break
    return found


def _are_wells(texts: Sequence[str], size: int = 1536) -> bool:
    wells = [read_well(text) for text in texts if text]
    return bool(wells) and all(well is not None and fits(well, size) for well in wells)


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _mark(
    names: Sequence[str], cells: Sequence[Sequence[str]], meanings: Sequence[Meaning], delimiter: str
) -> DecimalMark:
    return decimal_mark(
        (
            Cell(0, name, text)
            for name, texts, meaning in zip(names, cells, meanings, strict=True)
            if meaning == "value"
            for text in texts
        ),
        delimiter,
    )


def read_with(mapping: Mapping, file: SourceFile, key: str = "generic_table", version: str = "1") -> ParsedRun:
    """Read a file as the mapping says. Raises `FaultyFile` where the file does not fit it: other columns than the
    mapping names, a row that names no sample, a number that is none with this decimal mark.
    """
    grids, notes = open_grids(file.content)
    table, grid = _table(mapping, grids)
    found = Collector(mark=mapping.decimal, in_book=not mapping.delimiter)
    reader = _Reader(mapping, found)
    for row in table.rows:
        if table.delimiter and row.width < len(table.names):
            raise FaultyFile("the row is too short", line=row.line, expected=f"{len(table.names)} cells")
        reader.row(row)
    if not found.readings:
        raise FaultyFile("the table has no rows", line=table.line, expected="values below the column names")
    above = [row for row in grid.rows if row.line < mapping.header_line and row.cells]
    found.unread += [f"line {row.line}: {' | '.join(row.cells)}" for row in above]
    found.unread += [f"column {column.name} is ignored" for column in mapping.columns if _is_ignored(column)]
    found.unread += [
        f"sheet {other.name!r}: {len(other.rows)} rows"
        for other in grids
        if not other.delimiter and other is not grid and other.rows
    ]
    return ParsedRun(
        format=key,
        importer_version=version,
        run=Run(header={"mapping": mapping.model_dump_json()}),
        wells=found.wells,
        readings=tuple(found.readings),
        facts=tuple(found.facts),
        tables=(Listed(name=table.title or "table", columns=table.names, rows=len(table.rows)),),
        unread=tuple(found.unread),
        notes=(*notes, *found.all_notes(), how_many(len(table.rows), "rows")),
    )


def _is_ignored(column: Column) -> bool:
    return column.meaning == "ignored" and bool(column.name)


def _table(mapping: Mapping, grids: Sequence[Grid]) -> tuple[Table, Grid]:
    expected = [column.name for column in mapping.columns]
    for grid in grids:
        if grid.delimiter != mapping.delimiter or (mapping.sheet is not None and grid.name != mapping.sheet):
            continue
        for at, row in enumerate(grid.rows):
            if row.line == mapping.header_line:
                table = table_at(Place(grid, at))
                if list(table.names) != expected:
                    break
                return table, grid
    raise FaultyFile(
        "the columns are not those of the mapping",
        line=mapping.header_line,
        expected=f"{', '.join(expected)}{'' if mapping.sheet is None else f' in sheet {mapping.sheet!r}'}",
    )


class _Reader:
    """Reads row after row."""

    def __init__(self, mapping: Mapping, found: Collector) -> None:
        self.mapping, self.found = mapping, found
        self.at: Names[str, int] = {
            column.meaning: number for number, column in enumerate(mapping.columns) if column.meaning in ONCE
        }

    def row(self, row: Row) -> None:
        """A row: a value of each column of values, and what else it says."""
        found, columns = self.found, self.mapping.columns
        location = None
        plate, sample, analyte, unit = (self._text(row, meaning) for meaning in ("plate", "sample", "analyte", "unit"))
        if "well" in self.at:
            number = self.at["well"]
            location = well_at(row, number, columns[number].name)
            factor = dilution_at(row, self.at.get("dilution"), "dilution")
            found.well(plate, location, sample, dilution=factor, line=row.line)
        elif sample is None:
            raise FaultyFile(
                "the row names no sample", line=row.line, column=columns[self.at["sample"]].name, expected="a sample"
            )
        if self.mapping.shape == "long" and analyte is None:
            raise FaultyFile(
                "the row names no analyte",
                line=row.line,
                column=columns[self.at["analyte"]].name,
                expected="an analyte",
            )
        for number, column in enumerate(columns):
            text = text_at(row, number)
            if column.meaning == "value":
                long = self.mapping.shape == "long"
                found.cell(
                    text,
                    column.name if long else "value",
                    plate=plate,
                    location=location,
                    sample=sample,
                    analyte=analyte if long else column.name,
                    unit=unit or column.unit,
                    line=row.line,
                )
            elif column.meaning in {"fact", "flag"} or (column.meaning == "dilution" and location is None):
                found.fact(column.name, text, plate=plate, location=location, sample=sample, analyte=analyte)

    def _text(self, row: Row, meaning: str) -> str | None:
        return text_at(row, self.at.get(meaning)).strip() or None
