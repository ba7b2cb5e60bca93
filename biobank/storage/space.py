"""Find space: where so many tubes, or boxes, of a temperature class can go, in the order in which one walks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import exists, func, or_, select

from biobank.actor import Permission
from biobank.catalogue.models import TemperatureClass, TubeFormat
from biobank.errors import Invalid
from biobank.specimen.models import Custody
from biobank.storage import finding, grids, rules
from biobank.storage.finding import Holder, Offer
from biobank.storage.models import (
    BoxCount,
    Container,
    ContainerType,
    ContainerTypeChild,
    ContainerTypeFormat,
    ReservedPosition,
    StorageReservation,
)
from biobank.storage.queries import View, grid_of, in_force
from biobank.storage.rules import Step
from biobank.study.queries import site_by_code
from biobank.tx import ReadTx

MOST = 100_000
_LOOKED_INTO = 60
"""Boxes with room for all that are looked into for a row without a gap."""


class SpacePart(View):
    """Places in one container: `first` to `last` of `positions` in fill order."""

    code: str
    name: str
    words: str
    href: str
    count: int
    positions: tuple[str, ...]


class SpaceOffer(View):
    """A way to put them: `kind` is one_run (one box, without a gap), one_holder (one box), one_parent (boxes of one
    rack), one_unit (of one freezer) or several. Of racks and boxes the same is said.
    """

    kind: str
    count: int
    parts: tuple[SpacePart, ...]


class SpaceView(View):
    """`free` places of the class at the site in all, reserved ones left out; `offers` the best first."""

    site: str
    wanted: int
    free: int
    offers: tuple[SpaceOffer, ...]


async def find_space(
    tx: ReadTx, *, site: str, temperature_class: str, count: int, tube_format: str | None = None, box: str | None = None
) -> SpaceView:
    """Room for `count` tubes of a format (None: of any), or for `count` boxes of the type `box`.

    Raises:
        NotFound: no such site within reach.
        Invalid: no such class, format or type, or a count that makes no sense.
    """
    here = await site_by_code(tx, site, Permission.STORAGE_READ)
    if not 1 <= count <= MOST:
        raise Invalid(f"Look for 1 to {MOST} places.", errors={"count": f"is not between 1 and {MOST}"})
    await _check_terms(tx, temperature_class, tube_format)
    ways = _Ways(await _standing(tx, here.id), temperature_class)
    kinds = await _kinds_of_boxes(tx, tube_format) if box is None else await _kinds_that_take(tx, box)
    holders = await _holders(tx, here.id, ways, kinds, tubes=box is None)
    large = sorted((one for one in holders if one.free >= count), key=lambda one: one.order)
    looked = {one.id: one for one in large[:_LOOKED_INTO]}
    taken = await _taken(tx, looked, tubes=box is None)
    for one in looked.values():
        runs = grids.runs(kinds[ways.types[one.id]], taken.get(one.id, set()))
        looked[one.id] = replace(one, run=max((len(run) for run in runs), default=0))
    offers = finding.single([*looked.values()], count) or finding.together(holders, count)
    wanted = {holder for offer in offers for holder, _ in offer.parts}
    taken |= await _taken(tx, wanted - set(looked), tubes=box is None)
    return SpaceView(
        site=site,
        wanted=count,
        free=sum(one.free for one in holders),
        offers=tuple(_offer(offer, ways, kinds, taken) for offer in offers),
    )


async def _check_terms(tx: ReadTx, temperature_class: str, tube_format: str | None) -> None:
    if await tx.session.get(TemperatureClass, temperature_class) is None:
        raise Invalid(
            f"There is no temperature class {temperature_class[:20]}.",
            errors={"temperature_class": "is not a temperature class"},
        )
    if tube_format is not None and await tx.session.get(TubeFormat, tube_format) is None:
        raise Invalid(
            f"There is no format {tube_format[:20]} of tubes.", errors={"tube_format": "is no format of tubes"}
        )


async def _standing(tx: ReadTx, site_id: int) -> Sequence[Any]:
    return (
        await tx.session.execute(
            select(
                Container.id,
                Container.parent_id,
                Container.type_id,
                Container.code,
                Container.name,
                ContainerType.level,
                Container.status,
                Container.temperature_class,
                TemperatureClass.rank,
            )
            .join(ContainerType, ContainerType.id == Container.type_id)
            .join(TemperatureClass, TemperatureClass.code == Container.temperature_class)
            .where(Container.site_id == site_id)
        )
    ).all()


class _Ways:
    """The ways to all containers of a site, of which those are open that have the temperature asked for."""

    def __init__(self, rows: Sequence[Any], temperature_class: str) -> None:
        self._rows = {row.id: row for row in rows}
        self.types = {row.id: row.type_id for row in rows}
        self._class = temperature_class
        self._steps: dict[int, tuple[Step, ...]] = {}
        self._orders: dict[int, tuple[Any, ...]] = {}

    def steps(self, container_id: int) -> tuple[Step, ...]:
        known = self._steps.get(container_id)
        if known is None:
            row = self._rows[container_id]
            above = self.steps(row.parent_id) if row.parent_id is not None else ()
            own = Step(row.id, row.code, row.name, row.level, row.status, row.temperature_class, row.rank)
            known = self._steps[container_id] = (*above, own)
        return known

    def order(self, container_id: int) -> tuple[Any, ...]:
        known = self._orders.get(container_id)
        if known is None:
            row = self._rows[container_id]
            above = self.order(row.parent_id) if row.parent_id is not None else ()
            known = self._orders[container_id] = (*above, (*rules.natural(row.name), (0, row.code)))
        return known

    def is_open(self, container_id: int) -> bool:
        steps = self.steps(container_id)
        closed = any(step.status in rules.CLOSED | {"full"} for step in steps)
        return not closed and rules.climate(steps).temperature_class == self._class

    def unit(self, container_id: int) -> int:
        steps = self.steps(container_id)
        return next((step for step in steps if step.level == "freezer"), steps[0]).id

    def parent(self, container_id: int) -> int | None:
        parent: int | None = self._rows[container_id].parent_id
        return parent


async def _kinds_of_boxes(tx: ReadTx, tube_format: str | None) -> dict[int, grids.Grid]:
    """Types of boxes that take tubes of a format, with their grids."""
    listed = exists().where(ContainerTypeFormat.container_type_id == ContainerType.id)
    takes = (
        or_(~listed, exists().where(
            ContainerTypeFormat.container_type_id == ContainerType.id, ContainerTypeFormat.tube_format == tube_format
        ))
        if tube_format is not None
        else ContainerType.rows.is_not(None)
    )  # fmt: skip
    kinds = (await tx.session.execute(select(ContainerType).where(ContainerType.level == "box", takes))).scalars()
    return {kind.id: grid for kind in kinds if (grid := grid_of(kind))}


async def _kinds_that_take(tx: ReadTx, box: str) -> dict[int, grids.Grid]:
    """Types with slots in which a box of this type may stand, with their grids."""
    of = (await tx.session.execute(select(ContainerType.id).where(ContainerType.code == box))).scalar_one_or_none()
    if of is None:
        raise Invalid(f"There is no container type {box[:20]}.", errors={"box": "is not a container type"})
    kinds = (
        await tx.session.execute(
            select(ContainerType)
            .join(ContainerTypeChild, ContainerTypeChild.parent_type_id == ContainerType.id)
            .where(ContainerTypeChild.child_type_id == of)
        )
    ).scalars()
    return {kind.id: grid for kind in kinds if (grid := grid_of(kind))}


async def _holders(
    tx: ReadTx, site_id: int, ways: _Ways, kinds: Mapping[int, grids.Grid], *, tubes: bool
) -> list[Holder]:
    counted: Any
    if tubes:
        counted = (
            select(BoxCount.container_id.label("at"), func.sum(BoxCount.tubes).label("count"))
            .join(Container, Container.id == BoxCount.container_id)
            .where(Container.site_id == site_id)
            .group_by(BoxCount.container_id)
        )
    else:
        counted = (
            select(Container.parent_id.label("at"), func.count().label("count"))
            .where(Container.site_id == site_id, Container.slot_row.is_not(None))
            .group_by(Container.parent_id)
        )
    kept = (
        select(ReservedPosition.container_id.label("at"), func.count().label("count"))
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(ReservedPosition.site_id == site_id, in_force(tx))
        .group_by(ReservedPosition.container_id)
    )
    used: dict[int, int] = {}
    rows: Iterable[Any] = await tx.session.execute(counted.union_all(kept))
    for at, count in rows:
        used[at] = used.get(at, 0) + count
    found = []
    for holder, kind in ways.types.items():
        grid = kinds.get(kind)
        free = grid.capacity - used.get(holder, 0) if grid else 0
        if grid and free > 0 and ways.is_open(holder):
            found.append(
                Holder(holder, ways.parent(holder), ways.unit(holder), ways.order(holder), free, grid.capacity)
            )
    return found


async def _taken(tx: ReadTx, holders: Collection[int], *, tubes: bool) -> dict[int, set[tuple[int, int]]]:
    """By container, the places that are taken or reserved."""
    if not holders:
        return {}
    if tubes:
        standing = select(Custody.container_id.label("at"), Custody.row, Custody.col).where(
            Custody.container_id.in_(sorted(holders))
        )
    else:
        standing = select(Container.parent_id.label("at"), Container.slot_row, Container.slot_col).where(
            Container.parent_id.in_(sorted(holders)), Container.slot_row.is_not(None)
        )
    kept = (
        select(ReservedPosition.container_id, ReservedPosition.row, ReservedPosition.col)
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(ReservedPosition.container_id.in_(sorted(holders)), in_force(tx))
    )
    found: dict[int, set[tuple[int, int]]] = {}
    rows: Iterable[Any] = await tx.session.execute(standing.union_all(kept))
    for at, row, col in rows:
        found.setdefault(at, set()).add((row, col))
    return found


def _offer(
    offer: Offer, ways: _Ways, kinds: Mapping[int, grids.Grid], taken: Mapping[int, set[tuple[int, int]]]
) -> SpaceOffer:
    parts = []
    for holder, count in offer.parts:
        steps = ways.steps(holder)
        grid = kinds[ways.types[holder]]
        runs = grids.runs(grid, taken.get(holder, set()))
        long = next((run for run in runs if len(run) >= count), None)
        places = long if long is not None else [place for run in runs for place in run]
        parts.append(
            SpacePart(
                code=steps[-1].code,
                name=steps[-1].name,
                words=rules.path_words(steps),
                href=f"/storage/{steps[-1].code}",
                count=count,
                positions=tuple(grids.label(grid, *at) for at in places[:count]),
            )
        )
    return SpaceOffer(kind=offer.kind, count=offer.count, parts=tuple(parts))
