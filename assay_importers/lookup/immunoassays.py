"""Words for facts of files of bead assays, plates of spots, antibody tables and titres."""

from __future__ import annotations

from typing import Any

from assay_importers.lookup import xponent
from assay_importers.lookup.question import Answer, Question
from assay_importers.wells import row_and_column


def _bead_regions(asked: Question) -> list[Any]:
    return [len({reading.analyte for reading in asked.run.readings if reading.analyte})]


def _analytes(asked: Question) -> list[Any]:
    """The sheets that hold an analyte each."""
    return [[table.name for table in asked.run.tables]]


def _of_region(quantity: str) -> Answer:
    """A statistic of a bead region of a well, by the number of the region."""

    def answer(asked: Question) -> list[Any]:
        facts = asked.run.facts
        region = asked.analyte.removeprefix("region ")
        names = {fact.analyte for fact in facts if fact.name == "RegionNumber" and fact.text == region}
        return [
            reading.raw
            for reading in asked.run.readings
            if reading.quantity == quantity
            and reading.analyte in names
            and reading.location is not None
            and asked.sample == "row{}col{}".format(*row_and_column(reading.location))
        ]

    return answer


INTELLIFLEX = {**xponent.FIELDS, "n_bead_regions": _bead_regions}
BIOPLEX = {
    "analyte_sheets": _analytes,
    **{name: _of_region(name) for name in ("RegionCount", "Median", "Mean", "CV", "StdDev", "StdErr")},
}
