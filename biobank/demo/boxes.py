"""The central repository's freezers, filled position by position; a new box, rack, shelf or freezer is put up when
the last is full.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import NamedTuple

from biobank import ids
from biobank.db import Database
from biobank.demo import plan
from biobank.demo.bulk import Bulk
from biobank.demo.chance import Minter
from biobank.demo.house import House
from biobank.tx import open_tx

_SIDE = {"BOX81": 9, "BOX25": 5}
_COLUMNS = "code name type_id parent_id parent_type_id slot_row slot_col placed_at site_id temperature_class status"
_RACKS = {16: ("RACK16", 4), 10: ("TOWER10", 1)}
"""By how many boxes it takes: the type of a rack, and how many slots it has in a row."""
_LEVELS = ("facility", "room", "unit", "shelf", "rack", "box")


class Position(NamedTuple):
    """A place in a box, counted from 0 at A1. The box is known by its place in `Freezers.places` until it has its
    key.
    """

    box: int
    row: int
    col: int


@dataclass(slots=True)
class _Place:
    code: str
    name: str
    type: str
    parent: int | None
    temperature: str
    level: str
    slot: tuple[int, int] | None = None
    id: int = 0


@dataclass(slots=True)
class _Filling:
    """The box that a type of tube goes into now, and how many it holds."""

    box: int
    count: int = 0


@dataclass(slots=True)
class _Unit:
    """The freezer that is being furnished for one kind of storage: how many boxes stand in it."""

    unit: int = -1
    shelf: int = -1
    rack: int = -1
    boxes: int = 0


@dataclass(slots=True)
class Freezers:
    """Gives out positions in filling order. `flush` writes the containers that were put up since."""

    house: House
    minter: Minter
    places: list[_Place] = field(default_factory=list)
    _open: dict[str, _Filling] = field(default_factory=dict)
    _units: dict[tuple[str, str], _Unit] = field(default_factory=dict)
    _written: int = 0
    _rooms: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        building = self._put("L", "Central Biorepository", "FACILITY", None, "RT", "facility")
        for room, title in (("ULT", "Freezer room"), ("LN2TANK", "Cryo room"), ("CABINET", "Sample store")):
            self._rooms[room] = self._put("L", title, "ROOM", building, "RT", "room")

    def take(self, specimen_type: str) -> Position:
        """The next free position for a tube of this type."""
        storage = plan.STORED[specimen_type]
        side = _SIDE[storage.box]
        filling = self._open.get(specimen_type)
        if filling is None or filling.count == side * side:
            filling = self._open[specimen_type] = _Filling(self._new_box(storage))
        row, col = divmod(filling.count, side)
        filling.count += 1
        return Position(filling.box, row, col)

    def box_id(self, position: Position) -> int:
        return self.places[position.box].id

    @property
    def count(self) -> int:
        return len(self.places)

    async def flush(self, database: Database) -> None:
        """Write new containers, parents before what stands in them."""
        fresh = self.places[self._written :]
        if not fresh:
            return
        async with open_tx(database, self.house.actors["technician"]) as tx:
            await self._write(await Bulk.of(tx), fresh)
            tx.record(
                "containers.added",
                subject="container",
                subject_id=None,
                study_id=self.house.study,
                site_id=self.house.central,
                count=len(fresh),
            )
        self._written = len(self.places)

    async def _write(self, bulk: Bulk, fresh: list[_Place]) -> None:
        types = self.house.container_types
        begun = datetime.combine(self.house.start, time(), UTC)
        for level in _LEVELS:
            now = [place for place in fresh if place.level == level]
            rows = [
                (
                    place.code,
                    place.name,
                    types[place.type],
                    *self._parent(place),
                    *(place.slot or (None, None)),
                    begun,
                    self.house.central,
                    place.temperature,
                    "active",
                )
                for place in now
            ]
            for place, key in zip(now, await bulk.insert("container", _COLUMNS, rows), strict=True):
                place.id = key

    def _parent(self, place: _Place) -> tuple[int | None, int | None]:
        if place.parent is None:
            return None, None
        parent = self.places[place.parent]
        return parent.id, self.house.container_types[parent.type]

    def _new_box(self, storage: plan.Storage) -> int:
        unit = self._units.setdefault((storage.unit, storage.box), _Unit())
        per_shelf = storage.boxes * storage.racks
        capacity = per_shelf * max(storage.shelves, 1)
        if unit.unit < 0 or unit.boxes == capacity:
            number = self._numbers[storage.unit] = self._numbers.get(storage.unit, 0) + 1
            name = f"{plan.UNIT_NAMES[storage.unit]} {number}"
            unit.unit = self._put("L", name, storage.unit, self._rooms[storage.unit], storage.temperature, "unit")
            unit.boxes = 0
        within = unit.boxes % per_shelf
        if within == 0 and storage.shelves:
            unit.shelf = self._put(
                "L", f"Shelf {unit.boxes // per_shelf + 1}", "SHELF", unit.unit, storage.temperature, "shelf"
            )
        if within % storage.boxes == 0:
            parent = unit.shelf if storage.shelves else unit.unit
            unit.rack = self._put(
                "R",
                f"Rack {within // storage.boxes + 1}",
                _RACKS[storage.boxes][0],
                parent,
                storage.temperature,
                "rack",
            )
        unit.boxes += 1
        number = within % storage.boxes
        box = self._put("B", f"Box {number + 1}", storage.box, unit.rack, storage.temperature, "box")
        self.places[box].slot = divmod(number, _RACKS[storage.boxes][1])
        return box

    def _put(self, letter: str, name: str, kind: str, parent: int | None, temperature: str, level: str) -> int:
        self.places.append(_Place(self.minter(ids.Kind(letter)), name, kind, parent, temperature, level))
        return len(self.places) - 1
