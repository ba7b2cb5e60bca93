"""Plain lists, with or without a row of names: position and code; row, column and code; rack, position and code."""

from __future__ import annotations

from assay_importers.racks.columns import NAMES, Columns, Draft, by_content, left_over, like_codes, read_cells
from assay_importers.racks.layouts.base import Layout, named, names_of
from assay_importers.racks.table import Table

# Columns that say that a list is something else: a plate map, a list of measurements, a manifest.
_OTHER = frozenset(
    {
        "dilution",
        "dilutionfactor",
        "role",
        "samplename",
        "content",
        "welltype",
        "sampletype",
        "result",
        "value",
        "units",
    }
)


def _knows(table: Table) -> str | None:
    names = names_of(table)
    if names:
        return None if names & _OTHER else "columns of positions and codes"
    return "a column of positions and one of codes" if by_content(table.lines) else None


def _sure(table: Table) -> bool:
    """Columns that no scanner writes, or texts that are hardly codes, may be a manifest, a plate map or readings."""
    names = names_of(table)
    if names:
        known = {name for accepted in NAMES.values() for name in accepted}
        return len(names - known - {""}) <= len(names & known)
    columns = by_content(table.lines)
    return (
        columns is not None
        and table.width <= 8
        and like_codes([line.cell(columns.places["code"]) for line in table.lines])
    )


def _read(table: Table) -> Draft:
    if names_of(table):
        return named(table)
    columns = by_content(table.lines) or Columns({})
    draft = Draft(notes=list(table.notes))
    read_cells(draft, table, columns, table.lines)
    draft.unread += left_over(columns, table.lines)
    return draft


PLAIN = Layout("plain", "Plain list", "1", "real files", _knows, _read, _sure)
