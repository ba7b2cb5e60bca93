"""Which decimal mark a table was written with, asked of its own cells: one file can hold tables of both kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from assay_importers.errors import FaultyFile
from assay_importers.values import DecimalMark

_SIGNS = r"[<>≤≥=*\s]*[+-]?"
_TAIL = r"(?:[eE][+-]?\d+)?[%*\s]*"
_POINT = re.compile(_SIGNS + r"\d*\.\d+" + _TAIL, re.ASCII)
_COMMA = re.compile(_SIGNS + r"\d*,\d+" + _TAIL, re.ASCII)
_GROUPED_POINT = re.compile(_SIGNS + r"[1-9]\d{0,2}(?:,\d{3})+\.\d+" + _TAIL, re.ASCII)
_GROUPED_COMMA = re.compile(_SIGNS + r"[1-9]\d{0,2}(?:\.\d{3})+,\d+" + _TAIL, re.ASCII)
# A number that may as well be a whole one with a separator of thousands: `1,234` but not `0,123`.
_EITHER = re.compile(_SIGNS + r"[1-9]\d{0,2}(?:,\d{3})+" + _TAIL, re.ASCII)


class Style(NamedTuple):
    """How a table writes numbers: its decimal mark, and the separator of thousands if it has one."""

    mark: DecimalMark = "."
    thousands: str = ""

    def plain(self, text: str) -> str:
        """The text without separators of thousands, if it is a number that has them."""
        if not self.thousands or self.thousands not in text:
            return text
        grouped = _GROUPED_POINT if self.mark == "." else _GROUPED_COMMA
        if grouped.fullmatch(text) or _EITHER.fullmatch(text):
            return text.replace(self.thousands, "")
        return text


def number_style(cells: Iterable[tuple[int, str]]) -> Style:
    """The style of a table, from its cells with their lines.

    Raises `FaultyFile` when some cells have a decimal comma and others a decimal point, and when `1,234` is all there
    is to tell by: a guess would be wrong by a factor of a thousand.
    """
    first: dict[str, tuple[int, str]] = {}
    for line, text in cells:
        kind = _kind(text)
        if kind:
            first.setdefault(kind, (line, text))
    point = min((first[kind] for kind in ("point", "grouped point") if kind in first), default=None)
    comma = min((first[kind] for kind in ("comma", "grouped comma") if kind in first), default=None)
    either = first.get("either")
    grouped = "grouped point" in first or "grouped comma" in first
    if point is not None and comma is not None:
        later = max(point, comma)
        raise FaultyFile(
            f"this number has another decimal mark than {min(point, comma)[1]!r} on line {min(point, comma)[0]}",
            line=later[0],
            value=later[1],
            expected="one decimal mark within a table",
        )
    if comma is not None:
        return Style(",", "." if grouped else "")
    if either is not None and point is None:
        raise FaultyFile(
            "this number can be read in two ways, and no other number of the table tells which mark it has",
            line=either[0],
            value=either[1],
            expected="an export with a decimal point and without separators of thousands",
        )
    return Style(".", "," if grouped or either is not None else "")


def _kind(text: str) -> str:
    """Which mark a cell has that can have one only; empty for whole numbers and for other texts."""
    if "," not in text:
        return "point" if "." in text and _POINT.fullmatch(text) else ""
    kinds = (
        ("grouped point", _GROUPED_POINT),
        ("grouped comma", _GROUPED_COMMA),
        ("either", _EITHER),
        ("comma", _COMMA),
    )
    return next((kind for kind, pattern in kinds if pattern.fullmatch(text)), "")
