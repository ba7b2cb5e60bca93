"""FluidX (Azenta) XTR-96, Perception and IntelliXcan: `Rack ID, Well, 2D Barcode`, with the tubes counted above."""

from __future__ import annotations

from assay_importers.racks.layouts.base import Layout, above, named, names_of
from assay_importers.racks.table import Table


def _knows(table: Table) -> str | None:
    names = names_of(table)
    if "2dbarcode" in names:
        return "a column `2D Barcode`"
    if names and any(word in above(table) for word in ("fluidx", "intellixcan", "xtr96", "azenta")):
        return "the scanner's name stands above the table"
    return None


FLUIDX = Layout("fluidx", "FluidX / Azenta XTR-96, Perception, IntelliXcan", "1", "real files", _knows, named)
