"""Thermo Scientific VisionMate: `LocationCell, LocationRow, LocationColumn, TubeCode`, in any choice and order."""

from __future__ import annotations

from assay_importers.racks.layouts.base import Layout, named, names_of
from assay_importers.racks.table import Table


def _knows(table: Table) -> str | None:
    names = names_of(table)
    located = bool(names & {"locationcell", "locationrow", "location"})
    return "columns `TubeCode` and `Location…`" if "tubecode" in names and located else None


VISIONMATE = Layout("visionmate", "Thermo Scientific VisionMate", "1", "documentation", _knows, named)
