"""Exports of CTL ImmunoSpot: lines about the count, then plates that are drawn, several of them side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assay_importers.contract import Flag, Table
from assay_importers.dates import read_moment
from assay_importers.delimited import Cell, Collector, decimal_mark, text_at
from assay_importers.text import Row
from assay_importers.values import Value
from assay_importers.wells import read_well

MARK = re.compile(r"\bImmunoSpot \d+(?:\.\d+)+")
_RULE = re.compile(r"[_=\-\s]+")
_PLATE = re.compile(r"Plate Code =\s*(\S.*?)\s*(?:$|\t)")
_PATH = re.compile(r"(?:[A-Za-z]:|\\\\)[^\t:]*?([^\\/\t]+)\.(?:xlsx?|txt)\s*$")
_UNIT = re.compile(r"\(([^()]*)\)\s*$")
_NAMED = re.compile(r"\s*([^:;]{2,40}):\s+(.*?)\s*")
_LAYOUT = "layout"
# Spots cannot be fewer than none: numbers below zero say why a well has no count.
_CODES: dict[str, Flag] = {
    "-1": "not_reported",
    "-2": "above_range",
    "-3": "masked",
    "-4": "not_reported",
    "-5": "not_reported",
}


@dataclass
class Count:
    """What the lines above the plates say, and the tables that were found."""

    header: dict[str, str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    plate: str | None = None

    @property
    def started_at(self) -> str | None:
        """When the plate was counted."""
        return read_moment(self.header.get("Counted", "")).iso


class _Drawn(NamedTuple):
    """A plate: its title, the columns that its numbers stand in, and its rows by letter."""

    title: str
    columns: tuple[tuple[int, int], ...]
    rows: tuple[tuple[str, Row], ...]


def read_count(rows: Sequence[Row], found: Collector) -> Count:
    """Read all plates that are drawn into the collector."""
    count = Count()
    at = 0
    while at < len(rows):
        drawn, end = _drawn(rows, at)
        if drawn:
            for plate in drawn:
                count.tables.append(_read(plate, found, count.plate))
            at = end
            continue
        if _is_curve(rows[at]):
            end = next((n for n in range(at + 1, len(rows)) if not _is_of_well(rows[n])), len(rows))
            found.unread.append(f"line {rows[at].line}: {end - at} rows of a histogram")
            at = end
            continue
        _line(rows[at], count)
        at += 1
    return count


def _line(row: Row, count: Count) -> None:
    """`Counted: …; Authenticated user: …` are two fields; a path alone is that of the plate."""
    text = "\t".join(row.cells)
    plate, path = _PLATE.search(text), _PATH.search(text)
    if plate is not None:
        count.plate = plate[1]
        count.header["Plate Code"] = plate[1]
    elif path is not None and ": " not in text:
        count.plate = count.plate or path[1]
        count.header["File path"] = text.strip()
    else:
        for part in re.split(r";|\t+", text):
            named = _NAMED.fullmatch(part)
            if named is not None:
                count.header.setdefault(named[1], named[2].strip("'"))
            elif part.strip() and not _RULE.fullmatch(part):
                texts = dict.fromkeys((*count.header.get("Text", "").splitlines(), part.strip()))
                count.header["Text"] = "\n".join(texts)


def _drawn(rows: Sequence[Row], at: int) -> tuple[list[_Drawn], int]:
    """The plates whose numbers 1, 2, 3, … stand in this row, side by side, and the index behind their last row."""
    groups = list(_groups(rows[at].cells))
    first = next((n for n in range(at + 1, min(at + 5, len(rows))) if not _is_rule(rows[n])), None)
    if not groups or first is None:
        return [], at
    lines: list[Row] = []
    for row in rows[first:]:
        if text_at(row, groups[0][0] - 1).strip() != chr(ord("A") + len(lines)):
            break
        lines.append(row)
    if not lines:
        return [], at
    above = next((rows[n] for n in range(at - 1, max(at - 5, -1), -1) if not _is_rule(rows[n])), None)
    titles = {} if above is None else {n: cell.strip() for n, cell in enumerate(above.cells) if cell.strip()}
    plates = []
    for start, numbers in groups:
        beside = [title for n, title in titles.items() if start - 1 <= n < start + numbers]
        title = beside[0] if beside else next(iter(titles.values()), "Spot Count")
        columns = tuple((start + n, n + 1) for n in range(numbers))
        letters = tuple((text_at(row, start - 1).strip(), row) for row in lines)
        plates.append(_Drawn("Spot Count" if _PLATE.search(title) else title, columns, letters))
    return plates, first + len(lines)


def _groups(cells: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where 1, 2, 3, … begin, and how many they are."""
    start = length = 0
    for index, cell in enumerate((*cells, "")):
        text = cell.strip()
        if length and text == str(length + 1):
            length += 1
            continue
        if length > 1:
            yield start, length
        start, length = index, int(text == "1" and index > 0)


def _is_rule(row: Row) -> bool:
    return all(_RULE.fullmatch(cell) or not cell.strip() for cell in row.cells)


def _is_of_well(row: Row) -> bool:
    return bool(row.cells) and read_well(row.cells[0]) is not None


def _is_curve(row: Row) -> bool:
    return _is_of_well(row) and len(row.cells) > 2


def _read(plate: _Drawn, found: Collector, name: str | None) -> Table:
    cells = [(letter, row, at, number) for letter, row in plate.rows for at, number in plate.columns]
    found.mark = decimal_mark((Cell(row.line, str(number), text_at(row, at)) for _, row, at, number in cells), "\t")
    unit = _UNIT.search(plate.title)
    for letter, row, at, number in cells:
        location, text = f"{letter}{number}", text_at(row, at)
        found.well(name, location, None, role="unknown", line=row.line)
        if _LAYOUT in plate.title.casefold():
            found.fact(plate.title, text, plate=name, location=location)
            continue
        code = _CODES.get(text.strip())
        found.cell(
            text, plate.title, plate=name, location=location, line=row.line, unit=unit[1] if unit else None,
            value=None if code is None else Value(None, None, code),
        )  # fmt: skip
    return Table(name=plate.title, columns=tuple(str(number) for _, number in plate.columns), rows=len(plate.rows))
