"""What is scanned or typed at a bench besides tubes: a deviation, a yield, a temperature, a command. Pure functions.

Bench codes are letters and digits only: a scanner that types as a keyboard of another country turns signs into others.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from biobank.exact import plain
from biobank.ids import canonical

_DEVIATION = "DEV"
_QUANTITY = re.compile(r"QTY([0-9]{1,6})UL")
_TYPED = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,6})?)\s*(ml|ul|µl|\u03bcl|mg|g|10\*6)?", re.IGNORECASE)
_UNITS: Mapping[str, str] = {"ml": "mL", "ul": "uL", "µl": "uL", "\u03bcl": "uL", "mg": "mg", "g": "g", "10*6": "10*6"}


def deviation_code(deviation: str) -> str:
    """The bench code of a deviation type: `haemolysis` is `DEVHAEMOLYSIS`."""
    return _DEVIATION + deviation.replace("_", "").upper()


def deviation(text: str, known: Iterable[str]) -> str | None:
    """The deviation type that a bench code names; None for any other text."""
    wanted = canonical(text)
    return next((one for one in known if deviation_code(one) == wanted), None)


def is_deviation(text: str) -> bool:
    """Whether a text is meant as a deviation, known or not."""
    return canonical(text).startswith(_DEVIATION)


def quantity_code(microlitres: int) -> str:
    """The bench code of a yield: 3,100 uL is `QTY3100UL`."""
    return f"QTY{microlitres}UL"


def quantity(text: str, unit: str) -> tuple[Decimal, str] | None:
    """A yield and its unit, from a bench code, or as it was typed ("3.1", "3.1 mL", "3,1"); None for any other text.

    A number without a unit is in `unit`. A text of seven digits and more is a vendor's code, never a yield.
    """
    scanned = _QUANTITY.fullmatch(canonical(text))
    if scanned:
        return Decimal(scanned[1]), "uL"
    typed = _TYPED.fullmatch(text.strip())
    if typed is None:
        return None
    return plain(Decimal(typed[1].replace(",", "."))), _UNITS[typed[2].lower()] if typed[2] else unit


_MAKER = "MAKER"


def maker_code(namespace: str) -> str:
    """The bench code that says whose codes the vials carry: `thermo_matrix` is `MAKERTHERMOMATRIX`."""
    return _MAKER + namespace.replace("_", "").upper()


def is_maker(text: str) -> bool:
    """Whether a text is meant as a maker of codes, known or not."""
    return canonical(text).startswith(_MAKER)


def maker(text: str, known: Iterable[str]) -> str | None:
    """The namespace that a bench code names; None for any other text."""
    wanted = canonical(text)
    return next((one for one in known if maker_code(one) == wanted), None)


_EXTRA = re.compile(r"(?:\+|EXTRA)([0-9]{1,2})")


def further(text: str) -> int | None:
    """How many vials beyond the planned number are asked for (`+2`, or the bench code `EXTRA2`); None otherwise."""
    found = _EXTRA.fullmatch(text.strip().upper())
    return int(found[1]) if found else None


NOT_KNOWN = "HELDX"
"""The bench code that takes a temperature back: at which one the tubes were kept is not known."""
_HELD = re.compile(r"HELD([0-9]{1,2})C")
_DEGREES = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,2})?)\s*\N{DEGREE SIGN}?\s*[Cc]")


def held_code(celsius: Decimal) -> str:
    """The bench code of the temperature that tubes were kept at: 4 °C is `HELD4C`."""
    return f"HELD{celsius:.0f}C"


def is_held(text: str) -> bool:
    """Whether a text is meant as the temperature that tubes were kept at, known or not."""
    return canonical(text).startswith("HELD") or _DEGREES.fullmatch(text.strip()) is not None


def held(text: str) -> Decimal | None:
    """The temperature that tubes were kept at until now, from a bench code, or as it was typed ("4 °C", "20.5 C").

    None for "not known" and for any other text.
    """
    scanned = _HELD.fullmatch(canonical(text))
    if scanned:
        return Decimal(scanned[1])
    typed = _DEGREES.fullmatch(text.strip())
    return None if typed is None else plain(Decimal(typed[1].replace(",", ".")))
