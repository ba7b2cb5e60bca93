"""BioMicroLab SampleScan: rack, position, code and a status, mostly without a row of names.

The numbers of the status column stand in no public description; they are listed as not read, and a cell without a code
counts as a position without a tube only where the status or the code says so in words.
"""

from __future__ import annotations

from assay_importers.racks.columns import Columns, Draft, left_over, read_cells
from assay_importers.racks.layouts.base import Layout, named, names_of
from assay_importers.racks.positions import read_position
from assay_importers.racks.table import Line, Table


def _knows(table: Table) -> str | None:
    names = names_of(table)
    if "tube2dbarcode" in names or {"tuberackid", "tubeposition"} <= names:
        return "columns `Tube Rack ID`, `Tube Position`, `Tube 2D Barcode`"
    if not names and all(_is_row(line) for line in table.lines) and len({line.cell(0) for line in table.lines}) == 1:
        return "four columns: rack, position, code, status"
    return None


def _is_row(line: Line) -> bool:
    return len(line.cells) == 4 and read_position(line.cell(0)) is None and read_position(line.cell(1)) is not None


def _read(table: Table) -> Draft:
    if names_of(table):
        return named(table)
    columns = Columns({"rack": 0, "position": 1, "code": 2, "status": 3})
    draft = Draft(notes=list(table.notes))
    read_cells(draft, table, columns, table.lines)
    draft.unread += left_over(Columns({"rack": 0, "position": 1, "code": 2}), table.lines)
    return draft


SAMPLESCAN = Layout("samplescan", "BioMicroLab SampleScan", "1", "documentation", _knows, _read)
