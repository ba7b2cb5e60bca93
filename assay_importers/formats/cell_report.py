"""Reports of one count, a name and a value in each line: of NucleoView (ChemoMetec) and Vi-CELL XR (Beckman)."""

from __future__ import annotations

import re
from collections.abc import Callable

from assay_importers.collect import Collector
from assay_importers.dates import date_order, read_moment
from assay_importers.errors import shorten
from assay_importers.numbers import number_style

_PAIR = re.compile(r"\s*([A-Za-z(%][^:;\t]{1,70}?)\s*(?:;|\t| : ?)\s*(.*?)[;\t\s]*")
_SAMPLE = ("sample id", "sample", "sample name", "image")
_VIABILITY = re.compile(r"(?:% ?)?viability(?: ?\(%\))?", re.IGNORECASE)
_WHEN = ("date time", "rundate", "date/time", "date")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)", re.ASCII)
# Between these lines stands what was counted; the others say how, and with which instrument.
_BEGIN, _END = "results:", ("settings:", "cm filename")


def read_report(text: str, found: Collector, unit_of: Callable[[str], str | None]) -> bool:
    """Read the lines into the collector; False for a text without a line of viability."""
    pairs = []
    lines = re.split(r"\r\n|\r|\n", text)
    begun = not any(line.strip().casefold() == _BEGIN for line in lines)
    for number, line in enumerate(lines, start=1):
        pair = _PAIR.fullmatch(line)
        title = (pair[1] if pair else line).strip().casefold()
        begun = title == _BEGIN or (begun and title not in _END)
        if pair is not None:
            pairs.append((number, pair[1], pair[2], begun))
        elif line.strip("; \t"):
            found.unread.append(f"line {number}: {shorten(line.strip())}")
    named = {name.casefold(): value for _, name, value, _ in reversed(pairs)}
    if not any(_VIABILITY.fullmatch(name) and value for name, value in named.items()):
        return False
    sample = next((named[name] for name in _SAMPLE if named.get(name)), None)
    style = number_style((number, value) for number, _, value, _ in pairs)
    for number, name, value, measured in pairs:
        if value.count(",") > 1:
            found.unread.append(f"line {number}: {name}: a list of numbers")
        elif measured and found.read(value, style).value is not None:
            found.reading(name, value, sample=sample, unit=unit_of(name), style=style)
        else:
            found.add_header(name, value)
    found.table("Report", ("name", "value"), len(pairs))
    return True


def started_at(found: Collector) -> str | None:
    """When the sample was counted."""
    header = {name.casefold(): value for name, value in found.header.items()}
    text = next((header[name] for name in _WHEN if header.get(name)), "")
    return read_moment(_COMPACT.sub(r"\1-\2-\3 \4:\5:\6", text), date_order(header.values())).iso
