"""A look at a table before it is read: its first rows, what its columns may mean, and by which of its rows a mapping of
before is known again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from assay_importers.archives import unpack
from assay_importers.contract import HEAD_ROWS, ParsedRun, SourceFile
from assay_importers.delimited import Grid, head_grids, open_grids
from assay_importers.errors import FaultyFile
from assay_importers.mapping import Delimiter, Layout, Mapping, guess_from, layout_at, names_at, read_with
from assay_importers.registry import discover, recognise

KEY = "generic_table"
SHOWN_BELOW, SHOWN_ABOVE, MOST_COLUMNS = 8, 4, 400
_CELL = 120


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spot(_Frozen):
    """Where the names of the columns stand: a line from 1, of a sheet, or of a text under a delimiter."""

    sheet: str | None = None
    delimiter: Delimiter
    header_line: int = Field(ge=1)


class Heading(Spot):
    """A row that may hold the names of the columns, by its signature."""

    signature: str


class ShownRow(_Frozen):
    """A row as it stands in the file; long cells are cut."""

    line: int
    cells: tuple[str, ...]


class TableLook(_Frozen):
    """The beginning of a table. `layout` is the guess, or None with the `problem` where no table can be seen; `rows`
    are those around its column names, or the first; `headings` those that a mapping of before may belong to.
    """

    sheets: tuple[str, ...]
    delimiter: Delimiter
    layout: Layout | None
    problem: str | None
    rows: tuple[ShownRow, ...]
    headings: tuple[Heading, ...]


def signature(delimiter: str, names: Iterable[str]) -> str:
    """What tells the header of a table: the names of its columns in their order, and what divides them.

    The divider belongs to it because decimal commas come with semicolons: a mapping for one reads the other wrongly.
    """
    return hashlib.sha256(json.dumps([delimiter, *names], ensure_ascii=False).encode()).hexdigest()


def signature_of(layout: Layout) -> str:
    """The signature of the header that a mapping is for."""
    return signature(layout.delimiter, (column.name for column in layout.columns))


def fitted(mapping: Mapping, heading: Spot) -> Mapping:
    """A mapping of before for a file in which the same names stand in another line or sheet."""
    return mapping.model_copy(update={"sheet": heading.sheet, "header_line": heading.header_line})


def look_at(files: Sequence[SourceFile], at: Spot | None = None) -> TableLook:
    """Look at a table where the names of its columns are thought to be; without `at` as far as can be guessed.

    Raises `FaultyFile` for what cannot be opened, and for a line that is not there or has no names.
    """
    filled = _filled(_one(files), at)
    if not filled:
        raise FaultyFile("no table can be seen", line=1, expected="rows of cells that are divided by commas, tabs or ;")
    problem = None
    layout: Layout | None
    if at is not None:
        grid, index = _found(filled, at)
        layout = layout_at(grid, index)
    else:
        try:
            layout = Layout(**guess_from(filled).model_dump(exclude={"shape"}))
        except FaultyFile as error:
            layout, problem = None, str(error)
            grid = max(filled, key=lambda one: sum(len(row.cells) for row in one.rows[:HEAD_ROWS]))
        else:
            grid, _ = _found(filled, Spot(**layout.model_dump(include={"sheet", "delimiter", "header_line"})))
    first = 1 if layout is None else max(1, layout.header_line - SHOWN_ABOVE)
    last = first + SHOWN_ABOVE + SHOWN_BELOW if layout is None else layout.header_line + SHOWN_BELOW
    return TableLook(
        sheets=tuple(one.name for one in filled if not one.delimiter),
        delimiter=grid.delimiter,
        layout=layout,
        problem=problem,
        rows=tuple(
            ShownRow(line=row.line, cells=tuple(_cut(cell) for cell in row.cells[:MOST_COLUMNS]))
            for row in grid.rows
            if first <= row.line <= last
        ),
        headings=tuple(
            Heading(
                sheet=None if one.delimiter else one.name,
                delimiter=one.delimiter,
                header_line=row.line,
                signature=signature(one.delimiter, names_at(one, index)),
            )
            for one in filled
            for index, row in enumerate(one.rows[:HEAD_ROWS])
            if 1 < len(row.cells) <= MOST_COLUMNS
        ),
    )


def read_mapped(files: Sequence[SourceFile], mapping: Mapping) -> ParsedRun:
    """Read a table as a mapping says, beside the verdicts of all importers. Raises `ImporterError`."""
    file = _one(files)
    known = discover()
    own = next(importer for importer in known if importer.key == KEY)
    return read_with(mapping, file, own.key, own.version).model_copy(update={"match": recognise(file, known)})


def _filled(file: SourceFile, at: Spot | None) -> list[Grid]:
    """The grids that hold anything, by their first rows where those tell: a file of any size is looked at as fast."""
    if at is None or at.header_line <= HEAD_ROWS - SHOWN_BELOW:
        grids = [grid for grid in head_grids(file.head) if any(row.cells for row in grid.rows)]
        lines = {row.line for grid in grids for row in grid.rows}
        if grids and (at is None or at.header_line in lines):
            return grids
    return [grid for grid in open_grids(file.content)[0] if any(row.cells for row in grid.rows)]


def _one(files: Sequence[SourceFile]) -> SourceFile:
    together = unpack(files)
    if len(together) != 1:
        raise FaultyFile(f"a table is one file, and {len(together)} were given", expected="one file at a time")
    if not together[0].content:
        raise FaultyFile("the file is empty", expected="a table with a row of column names")
    return together[0]


def _found(grids: Sequence[Grid], at: Spot) -> tuple[Grid, int]:
    for grid in grids:
        if grid.delimiter == at.delimiter and (at.delimiter or at.sheet in {grid.name, None}):
            for index, row in enumerate(grid.rows):
                if row.line == at.header_line and 1 < len(row.cells) <= MOST_COLUMNS:
                    return grid, index
    where = "" if at.sheet is None else f" of sheet {at.sheet!r}"
    raise FaultyFile(
        f"no column names stand here{where}", line=at.header_line, expected=f"a line of 2 to {MOST_COLUMNS} names"
    )


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
