"""The list of codes that a maker sends with its tubes: every code, and every line that cannot be one."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from assay_importers.errors import FaultyFile, shorten
from assay_importers.racks.columns import LONGEST, by_content, find_header, roles_of
from assay_importers.racks.table import Line, Table, column_name, read_table
from assay_importers.racks.words import missing

MOST_CODES = 20_000
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")


class CodeLine(BaseModel):
    """A code and the line of the file that it stands in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    line: int
    code: str


class BadLine(BaseModel):
    """A line without a code that could be registered, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    line: int
    value: str
    problem: str


class CodeList(BaseModel):
    """The codes of a file in its order, each once, as text: leading zeros stay. `bad` is empty for a good file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    codes: tuple[CodeLine, ...]
    bad: tuple[BadLine, ...]


def read_codes(name: str, data: bytes) -> CodeList:
    """Read a list of codes: one a line, or the column of codes of a table, or the map of a rack. Positions without a
    tube are skipped. Raises `FaultyFile` or `FileTooLarge` where the file as a whole cannot be read.
    """
    if not data:
        raise FaultyFile(f"{name} is empty", expected="the list of codes as the maker sent it")
    table = read_table(data, MOST_CODES + 30, by_blanks=False)
    lines, column = _column(table)
    codes: dict[str, int] = {}
    bad: list[BadLine] = []
    for line in lines:
        text = line.cell(column)
        if missing(text) == "no_tube":
            continue
        problem = _problem(table, line, column)
        if problem is None and text in codes:
            problem = f"stands in line {codes[text]} already"
        if problem is not None:
            bad.append(BadLine(line=line.number, value=shorten(text), problem=problem))
        else:
            codes[text] = line.number
    if not codes and not bad:
        raise FaultyFile("the file has no codes", expected="a code in each line")
    if len(codes) > MOST_CODES:
        raise FaultyFile(f"the file has {len(codes)} codes", expected=f"at most {MOST_CODES} in one file")
    return CodeList(codes=tuple(CodeLine(line=line, code=code) for code, line in codes.items()), bad=tuple(bad))


def _column(table: Table) -> tuple[tuple[Line, ...], int]:
    """The lines that hold codes, and the column in which they stand."""
    first = table.lines[0]
    named = roles_of(first.cells)
    if "code" in named:
        return table.lines[1:], named["code"]
    header = find_header(table)
    if header is not None:
        return table.lines[header + 1 :], roles_of(table.lines[header].cells)["code"]
    mapped = by_content(table.lines)
    if mapped is not None:
        return table.lines, mapped.places["code"]
    if table.width > 1:
        raise FaultyFile(
            f"the file has {table.width} columns and none is called a code",
            line=first.number,
            value=", ".join(first.cells),
            expected="one code a line, or a column called code, barcode or tube id",
        )
    return table.lines, 0


def _problem(table: Table, line: Line, column: int) -> str | None:
    text = line.cell(column)
    if missing(text) is not None:
        return "the scanner read no code"
    if (line.number, column) in table.dates:
        return f"a spreadsheet turned the code of column {column_name(column)} into a date"
    if _SHORTENED.fullmatch(text):
        return "a spreadsheet shortened the code: format the column as text"
    if len(text) > LONGEST or not text.isprintable() or re.search(r"\s", text):
        return f"is no code: codes have 1 to {LONGEST} printable characters and no blanks"
    return None
