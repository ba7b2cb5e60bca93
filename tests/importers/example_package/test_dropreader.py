"""The contract, and what is particular to the Dropreader."""

from decimal import Decimal
from pathlib import Path

from dropreader.importer import Dropreader

from assay_importers.testing import ImporterContract, samples_in

SAMPLES = samples_in(Path(__file__).parent / "samples")


class TestDropreader(ImporterContract):
    importer = Dropreader()
    samples = SAMPLES


def test_a_limit_is_no_number() -> None:
    readings = {reading.location: reading for reading in Dropreader().parse(SAMPLES[1]).readings}
    assert (readings["C1"].value, readings["C1"].comparator, readings["C1"].flag) == (
        Decimal("0.05"),
        "<",
        "below_range",
    )
    assert (readings["D1"].value, readings["D1"].flag) == (None, "not_reported")
