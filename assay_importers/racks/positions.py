"""Positions of a rack as scanners name them, and the rack that holds them."""

from __future__ import annotations

import re
from collections.abc import Collection

from assay_importers.wells import read_well, row_and_column

# Racks of 24, 48, 96 and 384 tubes, and the boxes of 5 x 5 to 10 x 10; smaller before larger.
RACKS = ((4, 6), (5, 5), (6, 8), (7, 7), (9, 9), (8, 12), (10, 10), (16, 24))
_FIRST_CHOICE = ((4, 6), (6, 8), (8, 12), (9, 9), (10, 10), (16, 24))

Place = tuple[int, int]


def read_position(text: str) -> Place | None:
    """`A1`, `a01`, `A-1`, `A:01` are all (0, 0); None for anything else, or beyond P24."""
    well = read_well(re.sub(r"[\s:_.\-]", "", text))
    return None if well is None else _bounded(*row_and_column(well))


def read_row(text: str) -> int | None:
    """A row by letter or by number: `B` and `2` are both 1."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return _index(text, RACKS[-1][0])
    place = read_position(text + "1") if text.isalpha() else None
    return None if place is None else place[0]


def read_column(text: str) -> int | None:
    """A column by number: `3` and `03` are both 2."""
    text = text.strip()
    return _index(text, RACKS[-1][1]) if text.isascii() and text.isdecimal() else None


def _index(text: str, most: int) -> int | None:
    number = int(text) if len(text) <= 3 else 0
    return number - 1 if 1 <= number <= most else None


def _bounded(row: int, column: int) -> Place | None:
    return (row - 1, column - 1) if row <= RACKS[-1][0] and column <= RACKS[-1][1] else None


def name(place: Place) -> str:
    """`A1` for (0, 0)."""
    return f"{chr(ord('A') + place[0])}{place[1] + 1}"


def rack_for(places: Collection[Place]) -> Place:
    """Rows and columns of the rack: the one that the places fill completely, else the smallest that holds them all."""
    rows, columns = max(row for row, _ in places) + 1, max(column for _, column in places) + 1
    if (rows, columns) in RACKS and len(places) == rows * columns:
        return rows, columns
    return next(size for size in _FIRST_CHOICE if rows <= size[0] and columns <= size[1])
