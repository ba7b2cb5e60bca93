"""What labels say, and which templates a blank label takes."""

from decimal import Decimal

import pytest

from biobank.errors import Invalid
from biobank.printing import rules

BOX = {"type": "image", "png": ""}


@pytest.mark.parametrize(
    ("number", "packages", "ice", "copy_no", "first", "last"),
    [
        (0, 1, None, 1, "Shipment, 1 package", "UN 3373 Biological substance, Category B"),
        (0, 2, None, 2, "Shipment, 2 packages R2", "UN 3373 Biological substance, Category B"),
        (2, 2, Decimal("5.00"), 1, "Package 2/2", "Dry ice, 5 kg net"),
    ],
)
def test_a_parcel_says_what_it_is_where_it_goes_and_what_is_in_it(number, packages, ice, copy_no, first, last):
    values = rules.parcel_values(
        "XKQ7M3X9V7",
        number,
        packages,
        sender="Chicago clinic",
        consignee="Central laboratory",
        classification="un3373_category_b",
        dry_ice=ice,
        copy_no=copy_no,
    )
    lines = [values[key] for key in sorted(values) if key.startswith("line")]
    assert (lines[0], lines[-1], values["shipment"]) == (first, last, "XKQ7-M3X9-V7")


def test_a_blank_label_takes_no_template_that_says_what_only_a_tube_has():
    rules.check_blank("own", {"elements": [BOX, {"type": "text", "text": "{id} {number}/{of} {line1}"}]})
    with pytest.raises(Invalid, match=r"prints \{amount\}, \{type\}, which"):
        rules.check_blank("own", {"elements": [{"text": "{type}"}, {"value": "{code}"}, {"value": "{amount}"}]})
