"""One module for each layout. The first that knows a table reads it: those of makers before the plain ones."""

from assay_importers.racks.layouts.base import Layout
from assay_importers.racks.layouts.fluidx import FLUIDX
from assay_importers.racks.layouts.matrix import MATRIX
from assay_importers.racks.layouts.micronic import MICRONIC
from assay_importers.racks.layouts.plain import PLAIN
from assay_importers.racks.layouts.samplescan import SAMPLESCAN
from assay_importers.racks.layouts.trakmate import TRAKMATE
from assay_importers.racks.layouts.traxcer import TRAXCER
from assay_importers.racks.layouts.visionmate import VISIONMATE
from assay_importers.racks.layouts.ziath import ZIATH

LAYOUTS: tuple[Layout, ...] = (
    TRAKMATE,
    VISIONMATE,
    TRAXCER,
    MICRONIC,
    ZIATH,
    SAMPLESCAN,
    FLUIDX,
    PLAIN,
    MATRIX,
)

__all__ = ["LAYOUTS", "Layout"]
