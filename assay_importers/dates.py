"""Dates of unknown order: read only when the file itself says whether the day or the month comes first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

Order = Literal["day", "month"]

_TIME = r"(?:[ T]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:\.\d+)?\s*(?:([AaPp])\.?\s?[Mm]\.?)?)?"
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME, re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4})" + _TIME, re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3})[a-z]*[- ,]+(\d{4}),?", re.ASCII)
_MONTH_FIRST = re.compile(
    r"(?:[A-Z][a-z]{2},? )?([A-Z][a-z]{2})[a-z]* +(\d{1,2})(?:,? (\d{4})|( [\d:]+) (\d{4}))", re.ASCII
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SLASHED = re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})/\d{4}(?!\d)", re.ASCII)


class Moment(NamedTuple):
    """A date and time without zone, ISO 8601; `iso` is None for a text that can be read in two ways or in none."""

    iso: str | None
    ambiguous: bool = False


def date_order(texts: Iterable[str]) -> Order | None:
    """Whether the day or the month comes first in these texts, from dates that allow one reading only.

    None when none of them tells, or when they contradict each other.
    """
    orders: set[Order] = set()
    for text in texts:
        for first, second in _SLASHED.findall(text):
            if int(first) > 12 >= int(second):
                orders.add("day")
            if int(second) > 12 >= int(first):
                orders.add("month")
    return orders.pop() if len(orders) == 1 else None


def read_moment(text: str, order: Order | None = None) -> Moment:
    """Read a date with an optional time. Dotted dates are day first; slashed ones follow `order`."""
    text = _MONTH_FIRST.sub(_turned, _NAMED.sub(_numbered, text.strip(), count=1), count=1)
    found = _YEAR_FIRST.fullmatch(text)
    if found is not None:
        return Moment(_iso(found[1], found[2], found[3], found.groups()[3:]))
    found = _YEAR_LAST.fullmatch(text)
    if found is None:
        return Moment(None)
    first, mark, second, year = found.groups()[:4]
    clock = found.groups()[4:]
    day_first, month_first = _iso(year, second, first, clock), _iso(year, first, second, clock)
    if mark == ".":
        return Moment(day_first)
    if day_first is None or month_first is None or day_first == month_first:
        return Moment(day_first or month_first)
    if order is None:
        return Moment(None, ambiguous=True)
    return Moment(day_first if order == "day" else month_first)


def _numbered(found: re.Match[str]) -> str:
    """`21-Jun-2011` as `2011-06-21`."""
    name = found[2].lower()
    return f"{found[3]}-{_MONTHS.index(name) + 1}-{found[1]}" if name in _MONTHS else found[0]


def _turned(found: re.Match[str]) -> str:
    """`Thu Feb 15 16:39:42 2024` and `Feb 15, 2024` with the year first."""
    name = found[1].lower()
    year, clock = found[3] or found[5], found[4] or ""
    return f"{year}-{_MONTHS.index(name) + 1}-{found[2]}{clock}" if name in _MONTHS else found[0]


def _iso(year: str, month: str, day: str, clock: tuple[str | None, ...]) -> str | None:
    hour, minute, second, half = clock
    try:
        if hour is None:
            return datetime(int(year), int(month), int(day)).date().isoformat()  # noqa: DTZ001 - the file has no zone
        hours = int(hour)
        if half is not None:
            if not 1 <= hours <= 12:
                return None
            hours = hours % 12 + (12 if half in "pP" else 0)
        return datetime(  # noqa: DTZ001 - the file has no zone
            int(year), int(month), int(day), hours, int(minute or 0), int(second or 0)
        ).isoformat()
    except ValueError:
        return None
