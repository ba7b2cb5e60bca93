"""What a parsed file means for a run: its wells against the plate map, its names against the assay's analytes.

Pure: neither a database nor a file. Import and preview look at the same `FileMatch`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assay_importers import ParsedRun, Reading
from biobank.assay.rules import location, position, unit_of

Spot = tuple[int, int, int]
"""Plate number from 1, row and column from 0."""


@dataclass(frozen=True, slots=True)
class MapWell:
    """A well of the plate map."""

    id: int
    role: str


@dataclass(frozen=True, slots=True)
class KnownAnalyte:
    """An analyte of the assay version; `unit` is for readings to which the file gives none."""

    id: int
    code: str
    unit: str


class Placed(NamedTuple):
    """A reading on its well."""

    well: MapWell
    analyte: KnownAnalyte
    reading: Reading
    unit: str | None


@dataclass(slots=True)
class FileMatch:
    """`placed` are the readings with their well and analyte; everything else says what did not find its place."""

    placed: list[Placed] = field(default_factory=list)
    samples: dict[int, str] = field(default_factory=dict)
    wells_in_file: list[str] = field(default_factory=list)
    unknown_wells: list[str] = field(default_factory=list)
    missing_wells: list[str] = field(default_factory=list)
    unknown_analytes: list[str] = field(default_factory=list)
    missing_analytes: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    in_file_only: Counter[str] = field(default_factory=Counter)

    @property
    def problems(self) -> list[str]:
        """Why the file cannot be imported into this run, each with the way out; empty when it can."""
        found = []
        if not self.wells_in_file:
            found.append("The file holds no reading of a well: it is not an export of a plate.")
        if self.unknown_wells:
            found.append(
                f"The plate map says nothing of {_some(self.unknown_wells)}: "
                "add them, as empty where nothing was in them."
            )
        if self.unknown_analytes:
            found.append(
                f"The assay version has no analyte that the file calls {_some(self.unknown_analytes)}: "
                "add a version with them and plan the run with it."
            )
        if self.twice:
            found.append(
                f"The file has more than one value for {_some(self.twice)}: export it again with each well once."
            )
        return found


def match(
    parsed: ParsedRun,
    plates: Mapping[int, tuple[int, int]],
    wells: Mapping[Spot, MapWell],
    analytes: Mapping[str, KnownAnalyte],
) -> FileMatch:
    """Put every reading of the file on a well of the run.

    Args:
        parsed: the file.
        plates: rows and columns by plate number.
        wells: the plate map.
        analytes: by their name in the file.
    """
    result = FileMatch()
    spots = _Spots(parsed, plates)
    seen: set[tuple[int, int, str]] = set()
    in_file: dict[tuple[str | None, str], Spot | None] = {}
    names: Counter[str] = Counter()
    for reading in parsed.readings:
        if reading.location is None or reading.analyte is None:
            result.in_file_only[reading.quantity] += 1
            continue
        key = (reading.plate, reading.location)
        if key not in in_file:
            in_file[key] = spots.of(*key)
        names[reading.analyte] += 1
        spot = in_file[key]
        well = wells.get(spot) if spot else None
        analyte = analytes.get(reading.analyte)
        if well is None or analyte is None:
            continue
        once = (well.id, analyte.id, reading.quantity)
        if once in seen:
            result.twice.append(f"{reading.location}, {reading.analyte}, {reading.quantity}")
        seen.add(once)
        unit = unit_of(reading.quantity, reading.unit, analyte.unit)
        result.placed.append(Placed(well, analyte, reading, unit))
        if reading.sample is not None:
            result.samples.setdefault(well.id, reading.sample)
    label = {key: f"{key[1]} of plate {key[0]}" if len(plates) > 1 and key[0] else key[1] for key in in_file}
    result.wells_in_file = list(label.values())
    result.unknown_wells = [label[key] for key, spot in in_file.items() if spot is None or spot not in wells]
    measured = set(in_file.values())
    result.missing_wells = [
        f"{location(row, col)} of plate {plate}" if len(plates) > 1 else location(row, col)
        for (plate, row, col), well in wells.items()
        if well.role != "empty" and (plate, row, col) not in measured
    ]
    result.unknown_analytes = [name for name in names if name not in analytes]
    result.missing_analytes = [known.code for name, known in analytes.items() if name not in names]
    return result


class _Spots:
    """From a plate and location as the file writes them to a spot of the run; None where the run has none such."""

    def __init__(self, parsed: ParsedRun, plates: Mapping[int, tuple[int, int]]) -> None:
        self._plates = plates
        labels = {reading.plate for reading in parsed.readings if reading.location is not None}
        # A file of one plate belongs to a run of one plate, whatever the instrument calls it.
        self._only = next(iter(plates)) if len(labels) == 1 and len(plates) == 1 else None

    def of(self, plate: str | None, well: str) -> Spot | None:
        number = self._only or (int(plate) if plate and plate.isascii() and plate.isdigit() else 1)
        if number not in self._plates:
            return None
        place = position(well, *self._plates[number])
        return (number, *place) if place else None


def units(placed: Sequence[Placed]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """By quantity, how many readings it has and in which units."""
    counts: Counter[str] = Counter()
    seen: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for one in placed:
        counts[one.reading.quantity] += 1
        if one.unit:
            seen[one.reading.quantity][one.unit] = None
    return {quantity: (count, tuple(seen[quantity])) for quantity, count in counts.items()}


def _some(names: list[str]) -> str:
    listed = ", ".join(names[:12])
    return f"{listed} and {len(names) - 12} more" if len(names) > 12 else listed
