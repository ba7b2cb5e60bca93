"""What a layout is: how it is known, how it is read, and what it is known from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assay_importers.racks.columns import Draft, find_header, plain, read_named
from assay_importers.racks.table import Table


@dataclass(frozen=True)
class Layout:
    """`basis` says whether real files were read or only descriptions of the format.

    `knows` gives the reason why a table is of this layout, or None; `read` raises `FaultyFile` for what it cannot read;
    `sure` says whether the table can be nothing but the scan of a rack.
    """

    key: str
    title: str
    version: str
    basis: Literal["real files", "documentation"]
    knows: Callable[[Table], str | None]
    read: Callable[[Table], Draft]
    sure: Callable[[Table], bool] = lambda _: True


def names_of(table: Table) -> frozenset[str]:
    """The names of the columns, as `plain` writes them; empty for a table without names."""
    header = find_header(table)
    return frozenset() if header is None else frozenset(plain(text) for text in table.lines[header].cells)


def above(table: Table) -> str:
    """All that stands in and above the row of names, as one plain text."""
    header = find_header(table)
    return "" if header is None else " ".join(plain(" ".join(line.cells)) for line in table.lines[: header + 1])


def named(table: Table) -> Draft:
    """Read a table whose columns have names."""
    header = find_header(table)
    if header is None:  # `knows` was not asked
        raise LookupError("the table has no names of columns")
    return read_named(table, header)
