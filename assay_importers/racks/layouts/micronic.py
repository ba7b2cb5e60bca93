"""Micronic Code Reader: columns of the user's choice, known by the maker's name in or above their names."""

from __future__ import annotations

from assay_importers.racks.layouts.base import Layout, above, named, names_of
from assay_importers.racks.table import Table


def _knows(table: Table) -> str | None:
    if names_of(table) and any(word in above(table) for word in ("micronic", "micronix")):
        return "the maker's name stands in or above the names of the columns"
    return None


MICRONIC = Layout("micronic", "Micronic Code Reader", "1", "documentation", _knows, named)
