"""Ziath DataPaq: columns of the user's choice, known by the name of the maker or program above them."""

from __future__ import annotations

from assay_importers.racks.layouts.base import Layout, above, named, names_of
from assay_importers.racks.table import Table


def _knows(table: Table) -> str | None:
    names = names_of(table)
    if names and any(word in above(table) for word in ("ziath", "datapaq", "containeruid")):
        return "the name of maker or program stands in or above the names of the columns"
    return None


ZIATH = Layout("ziath", "Ziath DataPaq", "1", "documentation", _knows, named)
