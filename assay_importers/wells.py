"""Wells: their names on SBS plates of up to 1536 wells, and what the name of a sample hints at."""

from __future__ import annotations

import re

from assay_importers.contract import Role

_WELL = re.compile(r"([A-Z]|A[A-F])0*([1-9]\d?)", re.ASCII)
_GEOMETRY = {96: (8, 12), 384: (16, 24), 1536: (32, 48)}

_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    (
        "standard",
        re.compile(r"(s|st|std|standard|cal|calibrator)[ _-]?\d*|.*[ _-](standard|std)[ _-]?\d*", re.IGNORECASE),
    ),
    ("control", re.compile(r"(c|qc|ctl|ctrl|control)[ _-]?\d*", re.IGNORECASE)),
    ("blank", re.compile(r"(b|bg|bkg|blk|blank|background)[ _-]?\d*", re.IGNORECASE)),
)


def read_well(text: str) -> str | None:
    """`a01` and `A1` are both `A1`; None for a text that names no well of a 1536-well plate or smaller."""
    found = _WELL.fullmatch(text.strip().upper())
    if found is None or int(found[2]) > _GEOMETRY[1536][1]:
        return None
    return f"{found[1]}{int(found[2])}"


def row_and_column(well: str) -> tuple[int, int]:
    """One-based row and column of a well that `read_well` returned: `B3` is (2, 3), `AA1` is (27, 1)."""
    letters = well.rstrip("0123456789")
    row = 0
    for letter in letters:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row, int(well[len(letters) :])


def fits(well: str, plate_size: int) -> bool:
    """Whether the well exists on a plate of that many wells (96, 384 or 1536)."""
    rows, columns = _GEOMETRY[plate_size]
    row, column = row_and_column(well)
    return row <= rows and column <= columns


def role_hint(sample: str | None) -> Role:
    """What a sample name such as `Standard3`, `S`, `Control1` or `Background0` hints at; `unknown` otherwise.

    Only whole names count: `B_sid_13` is a sample, and so is a person in a group of healthy controls.
    """
    if not sample:
        return "empty"
    return next((role for role, pattern in _ROLES if pattern.fullmatch(sample)), "unknown")
