"""Grids: the positions of a box and the slots of a rack, what people call them, and the order in which they are filled.

Pure functions on plain values. Rows and columns count from 0 at the notched corner, in the database and everywhere
else; a name is a view of them, made and read here alone.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from biobank.errors import Invalid

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WITHOUT_I_AND_O = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LETTERED = re.compile(r"([A-Z]{1,2})0*([1-9][0-9]?)")
_NUMBERED = re.compile(r"#?0*([1-9][0-9]{0,3})")
_THREE_PARTS = re.compile(r"[A-Z]?0*([1-9][0-9]{0,2})[ -]*[A-Z ]?0*([1-9][0-9]{0,2})[ -]*[A-Z ]?0*([1-9][0-9]{0,2})")

LABEL_SCHEMES = {
    "letter_number": "letters and numbers, A1",
    "letter_zero_number": "letters and numbers of two digits, A01",
    "letter_number_no_io": "letters without I and O, and numbers",
    "letter_zero_number_no_io": "letters without I and O, and numbers of two digits",
    "number_by_row": "numbers along the rows",
    "number_by_column": "numbers down the columns",
    "zero_number_by_row": "numbers of equal length along the rows",
    "zero_number_by_column": "numbers of equal length down the columns",
    "goblet_cane_position": "goblet, cane and position, G3-C12-P5",
    "tower_level_box": "tower, level and box, T2-L4-B1",
    "names": "names of its own",
    "unordered": "no fixed places, counted only",
}
"""How positions are called, and what people read when they choose."""

FILL_ORDERS = (
    "row",
    "row_from_right",
    "row_from_bottom",
    "row_serpentine",
    "column",
    "column_from_right",
    "column_from_bottom",
    "column_serpentine",
)
"""The eight orders in which a grid is filled."""

_PARTS = {"goblet_cane_position": ("G", "C", "P"), "tower_level_box": ("T", "L", "B")}


class UnknownPosition(Invalid):
    code = "unknown-position"
    title = "There is no such position"


@dataclass(frozen=True, slots=True)
class Grid:
    """Positions of a box or slots of a rack. Rows and columns count from 0 at the notched corner; the scheme is how
    people name them. `group`: of names of three parts, how many rows share the first; `names`: those of a scheme of
    its own, row by row.
    """

    rows: int
    cols: int
    scheme: str
    fill_order: str = "row"
    group: int = 1
    names: tuple[str, ...] = ()

    @property
    def capacity(self) -> int:
        return self.rows * self.cols


def letters(row: int, alphabet: str = _LETTERS) -> str:
    """A row's letters: A ... Z, AA, AB and so on."""
    size = len(alphabet)
    return alphabet[row] if row < size else alphabet[row // size - 1] + alphabet[row % size]


def _alphabet(grid: Grid) -> str:
    return _WITHOUT_I_AND_O if grid.scheme.endswith("no_io") else _LETTERS


def label(grid: Grid, row: int, col: int) -> str:
    """What the position is called on the box itself, for example C4, C04, 22 or G3-C12-P5."""
    scheme = grid.scheme
    if scheme.startswith("letter"):
        number = f"{col + 1:02}" if "zero" in scheme else str(col + 1)
        return letters(row, _alphabet(grid)) + number
    if scheme in _PARTS:
        first, second, third = _PARTS[scheme]
        return f"{first}{row // grid.group + 1}-{second}{row % grid.group + 1}-{third}{col + 1}"
    if scheme == "names":
        return grid.names[row * grid.cols + col]
    number = str(col * grid.rows + row + 1 if scheme.endswith("by_column") else row * grid.cols + col + 1)
    if scheme == "unordered":
        return f"#{number}"
    return number.zfill(len(str(grid.capacity))) if scheme.startswith("zero") else number


@lru_cache(256)
def labels(grid: Grid) -> Mapping[tuple[int, int], str]:
    """What all positions are called, row by row."""
    places = ((row, col) for row in range(grid.rows) for col in range(grid.cols))
    return MappingProxyType({at: label(grid, *at) for at in places})


def position(grid: Grid, text: str, field: str = "position") -> tuple[int, int]:
    """Row and column of a position as people write it; case and leading zeros do not matter. `field` is where it was
    written.

    Raises:
        UnknownPosition: the box has no position of this name.
    """
    found = _numbers(grid, text.strip().upper())
    if found is None or not (0 <= found[0] < grid.rows and 0 <= found[1] < grid.cols):
        last = label(grid, grid.rows - 1, grid.cols - 1)
        raise UnknownPosition(
            f"There is no {field} {text.strip()[:20]} here: they are named {label(grid, 0, 0)} to {last}.",
            errors={field: f"is not a {field} there"},
        )
    return found


def _numbers(grid: Grid, text: str) -> tuple[int, int] | None:
    if grid.scheme.startswith("letter"):
        return _lettered(text, _alphabet(grid))
    if grid.scheme in _PARTS:
        return _three_parts(grid, text)
    if grid.scheme == "names":
        names = [name.upper() for name in grid.names]
        return divmod(names.index(text), grid.cols) if text in names else None
    numbered = _NUMBERED.fullmatch(text)
    if numbered is None:
        return None
    if grid.scheme.endswith("by_column"):
        col, row = divmod(int(numbered[1]) - 1, grid.rows)
        return row, col
    return divmod(int(numbered[1]) - 1, grid.cols)


def _lettered(text: str, alphabet: str) -> tuple[int, int] | None:
    lettered = _LETTERED.fullmatch(text)
    if lettered is None or not set(lettered[1]) <= set(alphabet):
        return None
    row = 0
    for letter in lettered[1]:
        row = row * len(alphabet) + alphabet.index(letter) + 1
    return row - 1, int(lettered[2]) - 1


def _three_parts(grid: Grid, text: str) -> tuple[int, int] | None:
    """G3-C12-P5, G3 C12 P5 or 3-12-5."""
    parts = _THREE_PARTS.fullmatch(text)
    if parts is None or [part for part in text if part.isalpha()] not in ([], list(_PARTS[grid.scheme])):
        return None
    first, second, third = (int(part) - 1 for part in parts.groups())
    return (first * grid.group + second, third) if second < grid.group else None


def row_labels(grid: Grid) -> tuple[str, ...]:
    """Names beside the rows: letters, goblet and cane, or in a numbered box the number that each row begins with."""
    if grid.scheme.startswith("letter"):
        return tuple(letters(row, _alphabet(grid)) for row in range(grid.rows))
    if grid.scheme in _PARTS:
        return tuple(label(grid, row, 0).rpartition("-")[0] for row in range(grid.rows))
    if grid.scheme == "names":
        return tuple(str(row + 1) for row in range(grid.rows))
    return tuple(label(grid, row, 0) for row in range(grid.rows))


def col_labels(grid: Grid) -> tuple[str, ...]:
    """Names above the columns: numbers, or in a numbered box the number that each column begins with."""
    if grid.scheme.startswith("letter"):
        return tuple(label(grid, 0, col).removeprefix("A") for col in range(grid.cols))
    if grid.scheme in _PARTS:
        return tuple(label(grid, 0, col).rpartition("-")[2] for col in range(grid.cols))
    if grid.scheme == "names":
        return tuple(str(col + 1) for col in range(grid.cols))
    return tuple(label(grid, 0, col) for col in range(grid.cols))


def fill_order(grid: Grid) -> Iterator[tuple[int, int]]:
    """All positions in the order in which the grid is filled: each once."""
    order = grid.fill_order
    rows: Sequence[int] = range(grid.rows)
    cols: Sequence[int] = range(grid.cols)
    if order.endswith("from_right"):
        cols = cols[::-1]
    if order.endswith("from_bottom"):
        rows = rows[::-1]
    to_and_fro = order.endswith("serpentine")
    if order.startswith("column"):
        return ((row, col) for col in cols for row in (rows[::-1] if to_and_fro and col % 2 else rows))
    return ((row, col) for row in rows for col in (cols[::-1] if to_and_fro and row % 2 else cols))


def next_free(grid: Grid, taken: Collection[tuple[int, int]]) -> tuple[int, int] | None:
    """The first free position in fill order; None when the box is full."""
    return next((place for place in fill_order(grid) if place not in taken), None)


def runs(grid: Grid, taken: Collection[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The free positions in fill order, those that follow each other without a gap together."""
    found: list[list[tuple[int, int]]] = [[]]
    for place in fill_order(grid):
        if place not in taken:
            found[-1].append(place)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]
