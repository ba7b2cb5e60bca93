"""A plate drawn as a grid in a workbook: columns 1 to 12 across, rows A to H down, a sample name in every well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Verdict, Well
from assay_importers.errors import FaultyFile
from assay_importers.wells import role_hint
from assay_importers.workbook import ZIP, read_cells, text_of

_SIZES = ((8, 12), (16, 24))

Grid = Sequence[Sequence[Any]]


class PlateLayoutGrid(Importer):
    """Gives wells with the names of their samples and no readings."""

    key = "plate_layout_grid"
    title = "Plate layout as a grid (xlsx)"
    version = "1"
    extensions = (".xlsx",)
    technique = "plate layout"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if not head.data.startswith(ZIP) or not head.complete:
            return Finding(Verdict.NO, "not a workbook, or one larger than any plate layout")
        if not any(_size([*sheet.rows, ()]) for sheet in head.sheets):
            return Finding(Verdict.NO, "no sheet is a grid of rows A, B, … and columns 1, 2, …")
        try:
            title, grid = _only_sheet(head.data)
        except FaultyFile as error:
            return Finding(Verdict.NO, str(error))
        if all(isinstance(cell, int | float) for row in grid[1:] for cell in row[1:] if cell is not None):
            return Finding(Verdict.MAYBE, "a plate grid of numbers: measurements, or samples named by numbers")
        return Finding(Verdict.YES, f"the sheet {title!r} is a plate grid of names")

    def parse(self, file: SourceFile) -> ParsedRun:
        title, grid = _only_sheet(file.content)
        size = _size(grid)
        if size is None:
            raise FaultyFile(
                f"the sheet {title!r} is not a plate layout",
                line=1,
                expected="columns 1 to 12 (or 24) in the first row and rows A to H (or P) in the first column",
            )
        rows, columns = size
        wells = []
        for row in range(1, rows + 1):
            for column in range(1, columns + 1):
                cell = grid[row][column] if column < len(grid[row]) else None
                sample = _name(cell, row + 1, str(column))
                location = f"{_letter(row)}{column}"
                wells.append(Well(plate=None, location=location, sample=sample, role=role_hint(sample)))
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(header={"Sheet": title}),
            wells=tuple(wells),
            unread=tuple(_outside(grid, rows, columns)),
        )


def _only_sheet(data: bytes) -> tuple[str, Grid]:
    """Title and cells of the one sheet that holds anything, a blank cell as None. `FaultyFile` for anything else."""
    sheets = [
        (title, [[None if cell == "" else cell for cell in row] for row in rows]) for title, rows in read_cells(data)
    ]
    filled = [(title, grid) for title, grid in sheets if any(cell is not None for row in grid for cell in row)]
    if len(filled) != 1:
        raise FaultyFile(f"the workbook has {len(filled)} sheets that hold anything", expected="one sheet")
    return filled[0]


def _size(grid: Grid) -> tuple[int, int] | None:
    """Rows and columns of the plate whose frame the first row and column are: 8 x 12 or 16 x 24."""
    across = [_text(cell) for cell in grid[0]]
    down = [_text(row[0]).upper() for row in grid if row]
    for rows, columns in reversed(_SIZES):
        letters = [_letter(row) for row in range(1, rows + 1)]
        numbers = [str(column) for column in range(1, columns + 1)]
        if across[1 : columns + 1] == numbers and down[1 : rows + 1] == letters:
            return rows, columns
    return None


def _outside(grid: Grid, rows: int, columns: int) -> list[str]:
    """Cells that stand beside the plate, and the corner."""
    return [
        f"line {line}: column {column}: {_text(cell)}"
        for line, row in enumerate(grid, start=1)
        for column, cell in enumerate(row, start=1)
        if cell is not None and ((line, column) == (1, 1) or line > rows + 1 or column > columns + 1)
    ]


def _letter(row: int) -> str:
    return chr(ord("A") + row - 1)


def _text(cell: Any) -> str:
    return "" if cell is None else text_of(cell).strip()


def _name(cell: Any, line: int, column: str) -> str | None:
    """A sample name is text or a whole number; a date is what a spreadsheet makes of `1/50`."""
    if cell is None or isinstance(cell, str):
        return _text(cell) or None
    if isinstance(cell, float) and cell.is_integer():
        return text_of(cell)
    raise FaultyFile(
        "the name of the sample is no longer what was typed",
        line=line,
        column=column,
        value=str(cell),
        expected="text: format the cells as text before typing names such as 1/50",
    )
