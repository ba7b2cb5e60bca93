"""Numbers as people write them: exact, without trailing zeros and without an exponent."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator


def plain(number: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent."""
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


UNIT_WORDS = {"10*6": "\N{MULTIPLICATION SIGN} 10\N{SUPERSCRIPT SIX}"}
"""The units whose code is not how people write them: cells are counted in millions."""


def unit_words(unit: str) -> str:
    """A unit as people write it."""
    return UNIT_WORDS.get(unit, unit)


Exact = Annotated[Decimal, AfterValidator(plain)]
"""A quantity as people write it: the driver reads 50000 from the database as 5E+4."""
