"""The plate map that a laboratory uploads: which tube, standard, control or blank is in which well, how diluted."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from assay_importers.contract import Exact, Role
from assay_importers.errors import FaultyFile
from assay_importers.text import Row, decode, read_rows
from assay_importers.values import read_dilution
from assay_importers.wells import fits, read_well

PlateSize = Literal[96, 384]

_COLUMNS = {
    "location": ("well", "location", "position", "wellposition", "wellid"),
    "code": ("code", "sample", "samplecode", "sampleid", "barcode", "tube", "content", "name", "samplename"),
    "role": ("role", "kind", "type", "sampletype", "welltype"),
    "dilution": ("dilution", "dilutionfactor", "factor"),
}
_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("standard", re.compile(r"(standard|std|calibrator|cal)(\W.*|\d*)")),
    ("control", re.compile(r"(control|ctrl|qc)(\W.*|\d*)")),
    ("blank", re.compile(r"(blank|background|bkg)(\W.*|\d*)")),
    ("empty", re.compile(r"empty|none|-")),
    ("unknown", re.compile(r"unknown|sample|specimen|patient")),
)


class PlateMapRow(BaseModel):
    """A well of the map. `code` is the tube's code; `name` what a standard, control or blank is called in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    location: str
    role: Role
    code: str | None
    name: str | None
    dilution: Exact
    line: int
    raw: str


class PlateMap(BaseModel):
    """The rows in file order, the plate that holds them all, and what a person should look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: tuple[PlateMapRow, ...]
    plate_size: PlateSize
    notes: tuple[str, ...] = ()


def read_plate_map(data: bytes, plate_size: PlateSize | None = None) -> PlateMap:
    """Read a plate map: CSV with a header, separated by commas, semicolons or tabs.

    Columns: well, code (of a tube, or the word control, standard, blank or empty), and if wanted role and dilution (a
    factor: 50, 1:50 or 1/50; 1 when blank). Without `plate_size` a well beyond H12 makes it a plate of 384. Raises
    `FaultyFile` with line, column and value.
    """
    decoded = decode(data)
    rows = [row for row in read_rows(decoded.text, _delimiter(decoded.text)) if row.cells]
    if not rows:
        raise FaultyFile("the plate map is empty", expected="a header and a row for each well")
    columns = _columns(rows[0])
    names = tuple(cell.strip() for cell in rows[0].cells)
    entries: dict[str, PlateMapRow] = {}
    for row in rows[1:]:
        entry = _entry(row, columns, names, plate_size or 384)
        if (first := entries.get(entry.location)) is not None:
            raise FaultyFile(
                f"well {entry.location} stands in the map twice, first at line {first.line}",
                line=row.line,
                column=names[columns["location"]],
                value=entry.location,
                expected="each well once",
            )
        entries[entry.location] = entry
    if not entries:
        raise FaultyFile("the plate map has a header and no wells", line=rows[0].line, expected="a row for each well")
    needed: PlateSize = 96 if all(fits(location, 96) for location in entries) else 384
    wells = tuple(entries.values())
    return PlateMap(rows=wells, plate_size=plate_size or needed, notes=(*decoded.notes, *_replicates(wells)))


def _delimiter(text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=header.count)


def _columns(header: Row) -> dict[str, int]:
    found: dict[str, int] = {}
    keys = [re.sub(r"[\W_]", "", cell.casefold()) for cell in header.cells]
    for column, accepted in _COLUMNS.items():
        for name in accepted:
            if name in keys and keys.index(name) not in found.values():
                found[column] = keys.index(name)
                break
    for column, title in (("location", "well"), ("code", "code")):
        if column not in found:
            raise FaultyFile(
                f"the plate map has no column {title!r}",
                line=header.line,
                value=", ".join(header.cells),
                expected="columns well and code, and if wanted role and dilution",
            )
    return found


def _entry(row: Row, columns: dict[str, int], names: Sequence[str], plate_size: int) -> PlateMapRow:
    def cell(column: str) -> str:
        index = columns.get(column, len(row.cells))
        return row.cells[index].strip() if index < len(row.cells) else ""

    def faulty(column: str, problem: str, expected: str) -> FaultyFile:
        place = names[columns[column]]
        return FaultyFile(problem, line=row.line, column=place, value=cell(column), expected=expected)

    location = read_well(cell("location"))
    if location is None or not fits(location, plate_size):
        raise faulty("location", f"there is no such well on a plate of {plate_size}", "a well such as A1 or A01")
    text = cell("code")
    stated = _role(cell("role"))
    if stated is None and cell("role"):
        raise faulty("role", "the role is not known", "unknown, standard, control, blank or empty")
    role = stated or (_role(text) if text else "empty") or "unknown"
    if role == "unknown" and not text:
        raise faulty("code", f"well {location} has no code", "the code of a tube, or control, standard, blank or empty")
    dilution = read_dilution(cell("dilution")) if cell("dilution") else Decimal(1)
    if dilution is None:
        raise faulty("dilution", "the dilution cannot be read", "a positive factor such as 50, 1:50 or 1/50")
    is_tube = role == "unknown"
    return PlateMapRow(
        location=location,
        role=role,
        code=text if is_tube else None,
        name=None if is_tube else text or None,
        dilution=dilution,
        line=row.line,
        raw=",".join(row.cells),
    )


def _role(text: str) -> Role | None:
    text = text.casefold()
    return next((role for role, pattern in _ROLES if pattern.fullmatch(text)), None)


def _replicates(rows: Sequence[PlateMapRow]) -> list[str]:
    """The same tube in several wells is a replicate; said, because it may be a slip of the scanner as well."""
    wells: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.code is not None:
            wells[row.code].append(row.location)
    counts = Counter({code: len(places) for code, places in wells.items() if len(places) > 1})
    return [f"{code} is in {count} wells: {', '.join(wells[code])}" for code, count in counts.items()]
