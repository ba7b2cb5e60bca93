"""Plates drawn in the rows of a text or a workbook: columns 1, 2, 3, … across, rows A, B, C, … down.

A row of the plate may have several lines, one below the other, each with a value of the same wells; what stands behind
the last column says which. The frame is what a grid is found by: titles, units and places differ with the software.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay_importers.errors import FaultyFile
from assay_importers.text import Row, read_rows

_NUMBER = re.compile(r"0?([1-9]\d?)(?:\.0)?", re.ASCII)
_LETTERS = re.compile(r"[A-Z]|A[A-F]", re.ASCII)
# Rows of a plate that has so many columns.
_HEIGHTS = {12: 8, 24: 16, 48: 32}


class GridLine(NamedTuple):
    """The cells of one line, as many as the grid has columns, and the label behind them."""

    letters: str
    line: int
    cells: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Grid:
    """A plate as it was drawn: `at` and `end` are the indices of its first row and of the one behind it."""

    at: int
    end: int
    line: int
    corner: str
    columns: tuple[int, ...]
    lines: tuple[GridLine, ...]

    def cells(self) -> Iterator[tuple[str, int, str, str]]:
        """Well, line, label and text of every cell, blank ones included."""
        for row in self.lines:
            for column, text in zip(self.columns, row.cells, strict=True):
                yield f"{row.letters}{column}", row.line, row.label, text

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels behind the lines, each once."""
        return tuple(dict.fromkeys(row.label for row in self.lines))

    @property
    def letters(self) -> tuple[str, ...]:
        """The rows of the plate that the grid has."""
        return tuple(dict.fromkeys(row.letters for row in self.lines))


def row_letters(number: int) -> str:
    """The name of a row of the plate, counted from 1: A to Z, then AA to AF."""
    return chr(64 + number) if number <= 26 else "A" + chr(64 + number - 26)


def tabbed(text: str) -> list[Row]:
    """The rows of a tab-separated text in which a quotation mark is a mark like any other, save around a whole cell."""
    rows = []
    for line, content in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        cells = [_unquoted(cell) for cell in content.split("\t")]
        width = len(cells)
        while cells and not cells[-1].strip():
            cells.pop()
        rows.append(Row(line, tuple(cells), width))
    return rows


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def delimited(text: str, delimiter: str) -> list[Row]:
    """The rows of a text with this delimiter."""
    return tabbed(text) if delimiter == "\t" else list(read_rows(text, delimiter))


_HEAD = re.compile(
    r"^[^\r\n,;\t]{0,60}(?P<delimiter>[,;\t])\"?0?1\"?(?P=delimiter)\"?0?2\"?(?:(?P=delimiter)|$)", re.MULTILINE
)


def grid_delimiter(text: str) -> str | None:
    """The character between the numbers of the columns, asked of the first head of a grid; None without one."""
    found = _HEAD.search(text.replace("\r\n", "\n").replace("\r", "\n"))
    return None if found is None else found["delimiter"]


def sheet_rows(cells: Sequence[Sequence[str]]) -> list[Row]:
    """The rows of a sheet, cut behind their last cell that is not blank."""
    rows = []
    for line, row in enumerate(cells, start=1):
        width = len(row)
        while width and not row[width - 1].strip():
            width -= 1
        rows.append(Row(line, tuple(row[:width]), len(row)))
    return rows


def grid_header(cells: Sequence[str], most_leading: int = 2) -> tuple[int, int] | None:
    """Where the numbers of the columns begin, and how many there are; None for a row that is no head of a grid."""
    for start in range(min(most_leading, len(cells) - 1) + 1):
        count = len(_columns(cells[start:]))
        if count > 1:
            return start, count
    return None


def _columns(cells: Sequence[str]) -> tuple[int, ...]:
    """Numbers that follow each other; the first is not 1 on a plate that was read in part."""
    columns: list[int] = []
    for cell in cells:
        found = _NUMBER.fullmatch(cell.strip())
        if found is None or (columns and int(found[1]) != columns[-1] + 1):
            break
        columns.append(int(found[1]))
    return tuple(columns)


def find_grid(rows: Sequence[Row], at: int) -> Grid | None:
    """The grid whose head is the row at this index: below it, rows must begin with letters of rows."""
    header = grid_header(rows[at].cells)
    if header is None or header[0] == 0:
        return None
    start, count = header
    lines: list[GridLine] = []
    end = at + 1
    for row in rows[at + 1 :]:
        name = _row_name(row.cells[start - 1].strip(), lines) if len(row.cells) >= start else ""
        if not row.cells or (name and not _LETTERS.fullmatch(name)) or (not name and not lines):
            break
        letters = name or lines[-1].letters
        cells = tuple(row.cells[start : start + count])
        label = " ".join(cell.strip() for cell in row.cells[start + count :] if cell.strip())
        lines.append(GridLine(letters, row.line, cells + ("",) * (count - len(cells)), label))
        end += 1
    if not lines or len(lines[0].letters) > 1:
        return None
    corner = " ".join(cell.strip() for cell in rows[at].cells[:start] if cell.strip())
    return Grid(at, end, rows[at].line, corner, _columns(rows[at].cells[start : start + count]), tuple(lines))


def _row_name(text: str, above: Sequence[GridLine]) -> str:
    """The letters of a row. Below row Z of a plate of 1536 wells `a` is AA for software that has one letter a row."""
    name = text.upper()
    after_z = bool(above) and (above[-1].letters == "Z" or len(above[-1].letters) > 1)
    return f"A{name}" if after_z and len(text) == 1 and text != name else name


def find_grids(rows: Sequence[Row]) -> list[Grid]:
    """All grids, in file order."""
    grids = []
    at = 0
    while at < len(rows):
        grid = find_grid(rows, at)
        if grid is not None:
            grids.append(grid)
        at = at + 1 if grid is None else grid.end
    return grids


def check_rows(grid: Grid, *, last: bool = False) -> list[str]:
    """Refuse a grid whose rows have a gap; a note when it is the last and not a whole plate.

    A plate of 12 columns has 8 rows: fewer at the end of the file are a plate in part, or a file that was cut off.
    """
    first = next(number for number in range(1, 33) if row_letters(number) == grid.letters[0])
    for number, letters in enumerate(grid.letters, start=first):
        if letters != row_letters(number):
            raise FaultyFile(
                f"row {letters} of the plate stands where row {row_letters(number)} should",
                line=next(row.line for row in grid.lines if row.letters == letters),
                expected="rows A, B, C and so on",
            )
    height = _HEIGHTS.get(len(grid.columns), 0)
    if not last or first > 1 or len(grid.letters) >= height:
        return []
    end, whole = grid.letters[-1], row_letters(height)
    why = "a plate in part, or a file that was cut off"
    return [f"line {grid.lines[-1].line}: the file ends with row {end} of a plate that has {whole}: {why}"]
