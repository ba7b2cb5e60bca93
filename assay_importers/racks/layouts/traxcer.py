"""Traxcer: `Position, Tube ID, Status, Error Count, Rack ID, Date`; the status says `No Tube` or `No Code`."""

from __future__ import annotations

from assay_importers.racks.layouts.base import Layout, named, names_of
from assay_importers.racks.table import Table


def _knows(table: Table) -> str | None:
    names = names_of(table)
    told = "tubeid" in names and "position" in names and bool(names & {"status", "errorcount"})
    return "columns `Position`, `Tube ID` and `Status`" if told else None


TRAXCER = Layout("traxcer", "Traxcer", "1", "documentation", _knows, named)
