"""Trees of places as files: what each row of a CSV means beside what stands already. Pure functions on plain values."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from biobank.errors import Invalid
from biobank.storage import grids
from biobank.storage.grids import Grid, UnknownPosition

COLUMNS = ("site", "parent", "type", "name", "slot", "temperature_class")
MOST_ROWS = 20_000
_NUMBERED = re.compile(r"(.*?)([0-9]+)")
Key = int
"""Of a container that stands already its key in the database, of one in the file the negative number of its row."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of container: `into` are the types that it may stand in, `grid` that of its slots."""

    code: str
    level: str
    grid: Grid | None
    temperature: str | None
    into: frozenset[str]


@dataclass(frozen=True, slots=True)
class Spot:
    """A container: one that stands already, or one that a row of the file adds."""

    key: Key
    site: str
    parent: Key | None
    type: str
    name: str
    slot: tuple[int, int] | None
    temperature: str
    code: str = ""
    closed: bool = False


@dataclass(slots=True)
class Known:
    """What there is: sites within reach, types, temperature classes, containers by key, and reserved slots."""

    sites: Collection[str]
    kinds: Mapping[str, Kind]
    classes: Collection[str]
    held: Collection[tuple[Key, int, int]] = ()
    spots: dict[Key, Spot] = field(default_factory=dict)
    _named: dict[tuple[str, Key | None, str], list[Key]] = field(default_factory=dict)
    _slots: dict[tuple[Key, int, int], Key] = field(default_factory=dict)
    _codes: dict[str, Key] = field(default_factory=dict)

    def add(self, spot: Spot) -> None:
        self.spots[spot.key] = spot
        self._named.setdefault((spot.site, spot.parent, spot.name), []).append(spot.key)
        if spot.code:
            self._codes[spot.code] = spot.key
        if spot.parent is not None and spot.slot is not None:
            self._slots[spot.parent, *spot.slot] = spot.key

    def named(self, site: str, parent: Key | None, name: str) -> list[Spot]:
        return [self.spots[key] for key in self._named.get((site, parent, name), ())]

    def of_code(self, text: str) -> Spot | None:
        key = self._codes.get(re.sub(r"[\s-]", "", text).upper())
        return None if key is None else self.spots[key]

    def taken(self, parent: Key, at: tuple[int, int]) -> Spot | None:
        key = self._slots.get((parent, *at))
        return None if key is None else self.spots[key]

    def is_held(self, parent: Key, at: tuple[int, int]) -> bool:
        return (parent, *at) in self.held


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file adds, parents before what stands in them, and how many rows say what is so already."""

    added: tuple[Spot, ...]
    unchanged: int


class _Wrong(Exception):
    """What is wrong with a row, in words."""


def read(text: str) -> list[dict[str, str]]:
    """The rows of a file, by column. Columns may be left out but for site, type and name; a semicolon separates as well
    as a comma.

    Raises:
        Invalid: it is no such file.
    """
    body = text.removeprefix("\ufeff").strip("\r\n")
    head = body.partition("\n")[0]
    reader = csv.reader(io.StringIO(body), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
    try:
        lines = [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        raise Invalid(f"This is no CSV file: {error}.", errors={"text": "is no CSV"}) from None
    header = [name.lower() for name in lines[0]] if lines else []
    missing = [name for name in ("site", "type", "name") if name not in header]
    strange = [name for name in header if name not in COLUMNS]
    if missing or strange or len(set(header)) != len(header):
        raise Invalid(
            f"The first row names the columns, each once: {', '.join(COLUMNS)}. Site, type and name are needed"
            + (f"; {', '.join(strange)[:80]} is not known" if strange else "")
            + ".",
            errors={"text": "does not begin with the names of its columns"},
        )
    if len(lines) < 2:
        raise Invalid(
            "The file holds the names of its columns and no place: add a row for each.", errors={"text": "has no rows"}
        )
    if len(lines) - 1 > MOST_ROWS:
        raise Invalid(f"A file has at most {MOST_ROWS} rows: divide it.", errors={"text": "is too long"})
    return [dict(zip(header, [*line, *[""] * len(header)], strict=False)) for line in lines[1:]]


def plan(rows: Sequence[Mapping[str, str]], known: Known) -> Tree:
    """What the rows add to what is known. All or nothing.

    Raises:
        Invalid: naming each row that is wrong by its number in the file; the first row is the header.
    """
    added: list[Spot] = []
    wrong: dict[str, str] = {}
    unchanged = 0
    for number, row in enumerate(rows, start=2):
        if not any(row.values()):
            continue
        try:
            spot = _spot(row, number, known)
        except (_Wrong, UnknownPosition) as error:
            wrong[f"row {number}"] = str(error)
            continue
        if spot is None:
            unchanged += 1
        else:
            known.add(spot)
            added.append(spot)
    if wrong:
        rows_are = "row is" if len(wrong) == 1 else "rows are"
        raise Invalid(f"{len(wrong)} {rows_are} wrong, so nothing was added: mend the file.", errors=wrong)
    return Tree(tuple(added), unchanged)


def _spot(row: Mapping[str, str], number: int, known: Known) -> Spot | None:
    site, name, kind = row.get("site", ""), row.get("name", ""), known.kinds.get(row.get("type", ""))
    if site not in known.sites:
        raise _Wrong(f"no site {site[:20] or '(empty)'} is within your reach")
    if kind is None:
        raise _Wrong(f"there is no container type {row.get('type', '')[:20] or '(empty)'}")
    if not 1 <= len(name) <= 80:
        raise _Wrong("a name has 1 to 80 characters")
    parent = _parent(row.get("parent", ""), site, known)
    if parent is not None and parent.type not in kind.into:
        raise _Wrong(f"{kind.code} does not go into {parent.name}, which is {parent.type}")
    temperature = row.get("temperature_class", "")
    if temperature and temperature not in known.classes:
        raise _Wrong(f"there is no temperature class {temperature[:20]}")
    same = known.named(site, parent.key if parent else None, name)
    if same:
        _check_again(same[0], kind, row, known)
        return None
    if parent is not None and parent.closed:
        raise _Wrong(f"nothing is put into {parent.name} at present: look at its state")
    temperature = temperature or kind.temperature or (parent.temperature if parent else "")
    if not temperature:
        raise _Wrong("an outermost container needs a temperature class")
    slot = _slot(row.get("slot", ""), parent, known)
    return Spot(-number, site, parent.key if parent else None, kind.code, name, slot, temperature)


def _check_again(there: Spot, kind: Kind, row: Mapping[str, str], known: Known) -> None:
    """A row of what stands already changes nothing, and says nothing else of it."""
    if there.key < 0:
        raise _Wrong(f"{there.name} is in row {-there.key} already")
    if there.type != kind.code:
        raise _Wrong(f"{there.name} stands there already and is {there.type}")
    temperature = row.get("temperature_class", "")
    if temperature and temperature != there.temperature:
        raise _Wrong(f"{there.name} stands there already at class {there.temperature}")
    slot = row.get("slot", "")
    if slot:
        grid = known.kinds[known.spots[there.parent].type].grid if there.parent is not None else None
        if grid is None or there.slot is None or grids.position(grid, slot, "slot") != there.slot:
            raise _Wrong(f"{there.name} stands there already, in another slot: move it")


def _parent(text: str, site: str, known: Known) -> Spot | None:
    """A place by its code, or by the names on the way to it: Freezer 3 / Shelf 1."""
    if not text:
        return None
    found = known.of_code(text)
    if found is None:
        for step in (part.strip() for part in text.split("/")):
            same = known.named(site, found.key if found else None, step)
            if not same:
                inside = f"in {found.name}" if found else f"at {site}"
                raise _Wrong(f"there is no {step[:40] or '(empty)'} {inside}: parents stand in earlier rows")
            if len(same) > 1:
                raise _Wrong(f"{len(same)} places at {site} are called {step}: write the code")
            found = same[0]
    if found is None or found.site != site:
        raise _Wrong(f"{text[:40]} is not at {site}")
    return found


def _slot(text: str, parent: Spot | None, known: Known) -> tuple[int, int] | None:
    grid = known.kinds[parent.type].grid if parent is not None else None
    if parent is None or grid is None:
        if text:
            raise _Wrong("there are no slots: leave the slot empty")
        return None
    if not text:
        for at in grids.fill_order(grid):
            if known.taken(parent.key, at) is None and not known.is_held(parent.key, at):
                return at
        raise _Wrong(f"all {grid.capacity} slots of {parent.name} are taken or reserved")
    at = grids.position(grid, text, "slot")
    there = known.taken(parent.key, at)
    if there is not None:
        raise _Wrong(f"{there.name} stands in slot {text[:20]} of {parent.name}")
    if known.is_held(parent.key, at):
        raise _Wrong(f"slot {text[:20]} of {parent.name} is reserved")
    return at


def numbered(name: str, count: int, taken: Collection[str]) -> list[str]:
    """Names for more of the same: Freezer 3 is followed by Freezer 4; a name without a number begins with 2."""
    match = _NUMBERED.fullmatch(name)
    base, digits = (match[1], match[2]) if match else (f"{name} ", "1")
    found: list[str] = []
    number = int(digits)
    while len(found) < count:
        number += 1
        fresh = f"{base}{str(number).zfill(len(digits))}"
        if fresh not in taken:
            found.append(fresh)
    return found
