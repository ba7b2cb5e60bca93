"""Reads what whole-rack scanners write into `RackScan`: which tube code is at which position. No database, no web."""

from assay_importers.racks.reading import FORMAT, read_rack, recognise_rack
from assay_importers.racks.scan import Duplicate, RackCell, RackScan

__all__ = ["FORMAT", "Duplicate", "RackCell", "RackScan", "read_rack", "recognise_rack"]
