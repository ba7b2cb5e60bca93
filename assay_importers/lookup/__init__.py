"""Single values of a `ParsedRun` by the names that a person or a manifest uses: sample, analyte, field."""

from assay_importers.lookup.find import find, same

__all__ = ["find", "same"]
