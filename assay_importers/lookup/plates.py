"""Words for what plate readers wrote: grids in file order, wavelengths and times, and the layout of the plate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from assay_importers.contract import Fact, ParsedRun, Reading
from assay_importers.lookup.question import Answer, Question
from assay_importers.wells import read_well

_MOST_GRIDS = 512
# Tables that are lists with a row for each time, wavelength or well, and no drawn plates.
_LISTS = {"time", "wavelength", "well", "well row", "well positions"}
_MEASURED = re.compile(r"(?P<wavelength>\d+)?\s*(?:nm)?\s*(?:t\s*=\s*(?P<time>\S+))?", re.IGNORECASE)
_QUANTITY = re.compile(r"(?P<mode>.*?)\s*(?P<wavelength>\d+)?(?: at (?P<time>\S+))?", re.DOTALL)


def name_of(item: Reading | Fact) -> str:
    """The name of what it holds."""
    return item.quantity if isinstance(item, Reading) else item.name


def text_of(item: Reading | Fact) -> str:
    """The cell as it stands in the file."""
    return item.raw if isinstance(item, Reading) else item.text


def _items(run: ParsedRun) -> Iterator[Reading | Fact]:
    return chain(run.readings, run.facts)


def _grids(run: ParsedRun) -> list[tuple[str, str]]:
    """Name and first column of each grid in file order."""
    return [
        (table.name, table.columns[0])
        for table in run.tables
        if table.columns and table.columns[0].casefold() not in _LISTS and "Well" not in table.columns
    ]


def _nth_grid(number: int, asked: Question) -> list[Any]:
    """The cell of the grid at this place in the file: of equal grids each belongs to the next plate."""
    grids = _grids(asked.run)
    well = read_well(asked.sample)
    if number >= len(grids) or well is None:
        return []
    column = grids[number][1]
    before = grids[:number].count(grids[number])
    named = [item for item in _items(asked.run) if name_of(item) == column and item.location is not None]
    plates = list(dict.fromkeys(item.plate for item in named))
    cells = [item for item in named if item.location == well]
    if before < len(plates):
        cells = [item for item in cells if item.plate == plates[before]]
    return [text_of(item) for item in cells]


def _count(asked: Question) -> list[Any]:
    return [len(_grids(asked.run))]


def _plates(asked: Question) -> list[Any]:
    return [len({well.plate for well in asked.run.wells})]


GRIDS: Mapping[str, Answer] = {
    **{f"grid{number} (0-based grid in file order)": partial(_nth_grid, number) for number in range(_MOST_GRIDS)},
    "n_grids_found": _count,
    "n_plates_in_file": _plates,
}


def _stated(label: str, asked: Question) -> list[Any]:
    """A field of the header that each plate has, all of them."""
    return [text for name, text in asked.run.run.header.items() if name.endswith(f": {label}")]


def _plate_names(asked: Question) -> list[Any]:
    return list(dict.fromkeys(well.plate for well in asked.run.wells))


def _measured(asked: Question) -> list[Any]:
    """`450`, `520 nm`, `405 nm t=0:00` or the unit: what was read at this wavelength and time."""
    wanted, well = _MEASURED.fullmatch(asked.analyte), read_well(asked.sample)
    found = []
    for reading in asked.run.readings:
        has = _QUANTITY.fullmatch(reading.quantity)
        fits = reading.unit == asked.analyte or (
            wanted is not None
            and has is not None
            and (wanted["wavelength"], wanted["time"]) == (has["wavelength"], has["time"])
        )
        if fits and reading.location == well:
            found.append(reading.raw)
    return found


def _flag(asked: Question) -> list[Any]:
    """The column `R` of a group: `R` stands in it where a value is outside of the standards."""
    well = read_well(asked.sample)
    return [fact.text for fact in asked.run.facts if fact.name == "R" and fact.location == well]


SOFTMAX: Mapping[str, Answer] = {
    "plate_name": _plate_names,
    "format": partial(_stated, "Export format"),
    "read_type": partial(_stated, "Read type"),
    "read_mode": partial(_stated, "Read mode"),
    "value": _measured,
    "R flag": _flag,
}


def _magellan(asked: Question) -> list[Any]:
    """`layout` is the name in the well; `OD` what was measured in a grid that the file gives no title."""
    well = read_well(asked.sample)
    if asked.analyte.casefold() == "layout":
        return [item.sample for item in asked.run.wells if item.location == well]
    untitled = [reading for reading in asked.run.readings if reading.quantity.startswith("Measured value")]
    return [r.raw for r in untitled if asked.analyte == "OD" and r.location == well]


MAGELLAN: Mapping[str, Answer] = {"value": _magellan}
