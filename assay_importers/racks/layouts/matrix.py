"""The rack drawn as a grid: rows A, B, … down and columns 1, 2, … across, or the codes alone."""

from __future__ import annotations

from assay_importers.racks.columns import Columns, Draft, like_codes, read_cell
from assay_importers.racks.layouts.base import Layout
from assay_importers.racks.positions import RACKS, Place, name, read_column, read_row
from assay_importers.racks.table import Table
from assay_importers.racks.words import missing


def _frame(table: Table) -> tuple[int, Place] | None:
    """The index of the row 1, 2, … and the rows and columns that it and the letters below it frame."""
    for index, line in enumerate(table.lines):
        across = [read_column(text) for text in line.cells[1:] if text]
        columns = len(across)
        if columns < 2 or across != list(range(columns)) or line.cell(0).isdecimal():
            continue
        rows = 0
        for below in table.lines[index + 1 :]:
            if not below.cell(0).isalpha() or read_row(below.cell(0)) != rows:
                break
            rows += 1
        if (rows, columns) in RACKS:
            return index, (rows, columns)
    return None


def _bare(table: Table) -> Place | None:
    """The rack that has as many rows and columns as the table, where no cell names a row or a column."""
    size = (len(table.lines), table.width)
    whole = size in RACKS and all(len(line.cells) == size[1] for line in table.lines)
    return size if whole else None


def _knows(table: Table) -> str | None:
    if _frame(table) is not None:
        return "a grid with rows A, B, … and columns 1, 2, …"
    return "a grid of codes" if _bare(table) is not None else None


def _sure(table: Table) -> bool:
    """A grid may as well be a plate's layout or its readings; the codes of one maker are long, and of one length."""
    texts = [text for line in table.lines for text in line.cells if missing(text) is None and len(text) > 2]
    return like_codes(texts) and len({len(text) for text in texts}) == 1 and len(texts[0]) >= 8


def _read(table: Table) -> Draft:
    framed, draft = _frame(table), Draft(notes=list(table.notes))
    if framed is not None:
        index, (rows, columns) = framed
        lines, shift = table.lines[index + 1 : index + 1 + rows], 1
        for line in (*table.lines[:index], *table.lines[index + 1 + rows :]):
            draft.unread.append(f"line {line.number}: {', '.join(text for text in line.cells if text)}")
    else:
        lines, shift, columns = table.lines, 0, table.width
        draft.notes.append("the grid names no rows and columns: its first cell was taken for A1")
    for row, line in enumerate(lines):
        for column in range(columns):
            where, place = Columns({"code": column + shift}), (row, column)
            draft.cells.append(read_cell(draft, table, where, line, place, name(place)))
        for column, text in enumerate(line.cells[columns + shift :], start=columns + shift + 1):
            if text:
                draft.unread.append(f"line {line.number}: column {column}: {text}")
    return draft


MATRIX = Layout("matrix", "Grid", "1", "documentation", _knows, _read, _sure)
