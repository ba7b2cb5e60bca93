"""What stands where and how full it is: containers with the boxes, tubes and slots at any depth."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Subquery, and_, case, exists, false, func, select
from sqlalchemy.orm import aliased

from biobank.actor import Permission
from biobank.paging import Page, cut
from biobank.storage import rules
from biobank.storage.grids import Grid, col_labels, label, row_labels
from biobank.storage.models import (
    BoxCount,
    Container,
    ContainerPlace,
    ContainerType,
    ReservedPosition,
    StorageReservation,
)
from biobank.storage.queries import (
    Place,
    View,
    below,
    find_container,
    grid_of,
    held,
    in_force,
    path,
    place,
    reach,
)
from biobank.storage.rules import Held
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import ReadTx


class ContainerRow(View):
    """A container in a list, with what stands in it at any depth: `occupied` of `capacity` positions hold a tube,
    `slots_taken` of `slots` a container, and `reserved` of either are kept free. `slot` is its own in its parent. `id`
    is the key of keyset paging and is not shown.
    """

    id: Annotated[int, Field(exclude=True)]
    code: str
    name: str
    type: str
    level: str
    site: str
    temperature_class: str
    status: str
    slot: str | None
    slot_row: int | None
    slot_col: int | None
    boxes: int
    occupied: int
    capacity: int
    slots: int
    slots_taken: int
    reserved: int


class SlotGrid(View):
    """The slots of a container, its notched corner at the top left. `held` are those that are reserved, by their label:
    the name of the reservation and its page.
    """

    rows: int
    cols: int
    row_labels: tuple[str, ...]
    col_labels: tuple[str, ...]
    labels: tuple[str, ...]
    fill: str
    held: dict[str, Place]


class ContainerView(View):
    """A container. `grid` is of its slots, for what has any; `undo` takes its last move back, for who made it and
    within the shift.
    """

    code: str
    name: str
    type: str
    type_title: str
    level: str
    site: str
    timezone: str
    temperature_class: str
    status: str
    row_version: int
    path: tuple[Place, ...]
    slot: str | None
    slot_row: int | None
    slot_col: int | None
    placed_at: datetime
    undo: UUID | None
    grid: SlotGrid | None
    boxes: int
    occupied: int
    capacity: int
    slots: int
    slots_taken: int
    reserved: int
    children: tuple[ContainerRow, ...]


class SiteStorage(View):
    """The outermost containers of a site."""

    code: str
    name: str
    containers: tuple[ContainerRow, ...]


def _occupancy(tx: ReadTx, condition: ColumnElement[bool]) -> Subquery:
    """By root: how many boxes are below it, what they hold and could hold, the slots at any depth and how many of them
    are taken, and what is reserved. Tubes are not counted here: the database keeps a count of each box.
    """
    down = below(condition)
    tubes = (
        select(func.coalesce(func.sum(BoxCount.tubes), 0))
        .where(BoxCount.container_id == down.c.id)
        .correlate(down)
        .scalar_subquery()
    )
    kept = (
        select(ReservedPosition.container_id, func.count().label("count"))
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(in_force(tx))
        .group_by(ReservedPosition.container_id)
        .subquery()
    )
    is_box = ContainerType.level == "box"
    places = ContainerType.rows * ContainerType.cols
    return (
        select(
            down.c.root,
            func.count().filter(is_box).label("boxes"),
            func.sum(case((is_box, places))).label("capacity"),
            func.sum(case((is_box, tubes))).label("occupied"),
            func.sum(case((is_box, 0), else_=places)).label("slots"),
            func.count().filter(and_(Container.slot_row.is_not(None), down.c.id != down.c.root)).label("slots_taken"),
            func.sum(kept.c.count).label("reserved"),
        )
        .join(Container, Container.id == down.c.id)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .outerjoin(kept, kept.c.container_id == down.c.id)
        .group_by(down.c.root)
        .subquery()
    )


_COUNTS = ("boxes", "occupied", "capacity", "slots", "slots_taken", "reserved")


async def _rows(
    tx: ReadTx, condition: ColumnElement[bool], limit: int | None = None, *, counted: bool = True
) -> list[ContainerRow]:
    counts = _occupancy(tx, condition if counted else false())
    around = aliased(ContainerType, name="around")
    rows = await tx.session.execute(
        select(
            Container.id,
            Container.code,
            Container.name,
            ContainerType.code.label("type"),
            ContainerType.level,
            Site.code.label("site"),
            Container.temperature_class,
            Container.status,
            Container.slot_row,
            Container.slot_col,
            around,
            *(func.coalesce(counts.c[name], 0).label(name) for name in _COUNTS),
        )
        .join(ContainerType, ContainerType.id == Container.type_id)
        .join(Site, Site.id == Container.site_id)
        .outerjoin(around, around.id == Container.parent_type_id)
        .outerjoin(counts, counts.c.root == Container.id)
        .where(condition)
        .order_by(Container.id)
        .limit(limit)
    )
    return [_row(row) for row in rows]


def _row(row: Any) -> ContainerRow:
    values = dict(row._mapping)  # the documented way to a row's mapping
    around = values.pop("around")
    slot = None
    if row.slot_row is not None and (grid := grid_of(around)):
        slot = label(grid, row.slot_row, row.slot_col)
    return ContainerRow(**values, slot=slot)


async def containers(
    tx: ReadTx, *, parent: str | None = None, site: str | None = None, after: int = 0, limit: int = 50
) -> Page[ContainerRow]:
    """The containers in `parent`, or the outermost ones, with their occupancy."""
    within_reach = reach(tx.scope(Permission.STORAGE_READ))
    if parent is None:
        condition = and_(Container.parent_id.is_(None), within_reach)
    else:
        found, _ = await find_container(tx, parent, Permission.STORAGE_READ)
        condition = and_(Container.parent_id == found.id, within_reach)
    if site is not None:
        site_id = select(Site.id).where(Site.code == site).scalar_subquery()
        condition = and_(condition, Container.site_id == site_id)
    chosen = select(Container.id).where(condition, Container.id > after).order_by(Container.id).limit(limit + 1)
    return cut(await _rows(tx, Container.id.in_(chosen)), limit, lambda row: row.id)


async def sites(tx: ReadTx) -> list[SiteStorage]:
    """The outermost containers within reach, by site."""
    scope = tx.scope(Permission.STORAGE_READ)
    known = await tx.session.execute(select(Site.code, Site.name).where(site_reach(scope)).order_by(Site.code))
    by_site: dict[str, list[ContainerRow]] = {}
    for row in await _rows(tx, and_(Container.parent_id.is_(None), reach(scope))):
        by_site.setdefault(row.site, []).append(row)
    return [SiteStorage(code=row.code, name=row.name, containers=tuple(by_site.get(row.code, ()))) for row in known]


async def container(tx: ReadTx, code: str, permission: Permission = Permission.STORAGE_READ) -> ContainerView:
    """A container with its path and what stands in it.

    Raises:
        NotFound: none of this id within reach.
    """
    found, kind = await find_container(tx, code, permission)
    timezone = (await tx.session.execute(select(Site.timezone).where(Site.id == found.site_id))).scalar_one()
    children = await _rows(tx, Container.parent_id == found.id)
    # What stands in it is counted once: a building has thousands of boxes.
    told = bool(children)
    (own,) = await _rows(tx, Container.id == found.id, counted=not told)
    grid = grid_of(kind) if kind.level != "box" else None
    kept = await held(tx, found.id) if grid else {}
    below_it = {name: sum(getattr(child, name) for child in children) for name in _COUNTS}
    if grid:
        below_it["slots"] += grid.capacity
        below_it["slots_taken"] += sum(child.slot_row is not None for child in children)
        below_it["reserved"] += len(kept)
    return ContainerView(
        **own.model_dump(exclude={"id"}) | (below_it if told else {}),
        placed_at=found.placed_at,
        undo=await _undo(tx, found.id),
        grid=_slots(grid, kept) if grid else None,
        type_title=kind.title,
        timezone=timezone,
        row_version=found.row_version,
        path=tuple(place(step) for step in await path(tx, found.id)),
        children=tuple(sorted(children, key=lambda child: rules.natural(child.name))),
    )


async def _undo(tx: ReadTx, container_id: int) -> UUID | None:
    """The token of the last move, where the asking person made it a short while ago."""
    now, before = aliased(ContainerPlace), aliased(ContainerPlace)
    return (
        await tx.session.execute(
            select(now.tx).where(
                now.container_id == container_id,
                now.until.is_(None),
                now.actor_id == tx.actor.user_id,
                now.since >= tx.now - rules.SHIFT,
                exists().where(before.container_id == container_id, before.id < now.id),
            )
        )
    ).scalar_one_or_none()


def _slots(grid: Grid, kept: Mapping[tuple[int, int], Held]) -> SlotGrid:
    return SlotGrid(
        rows=grid.rows,
        cols=grid.cols,
        row_labels=row_labels(grid),
        col_labels=col_labels(grid),
        labels=tuple(label(grid, row, col) for row in range(grid.rows) for col in range(grid.cols)),
        fill=grid.fill_order,
        held={
            label(grid, *at): Place(name=one.name, code=str(one.number), href=f"/space/reservations/{one.number}")
            for at, one in kept.items()
        },
    )
