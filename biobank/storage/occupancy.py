"""What stands where and how full it is: containers with the boxes, tubes and slots at any depth."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, SQLColumnExpression, Subquery, and_, case, exists, func, literal, select, true
from sqlalchemy.orm import aliased

from biobank.actor import Permission
from biobank.paging import Page, cut
from biobank.storage import rules
from biobank.storage.grids import Grid, col_labels, label, row_labels
from biobank.storage.models import (
    BoxCount,
    Container,
    ContainerPath,
    ContainerPlace,
    ContainerType,
    ReservedPosition,
    StorageReservation,
)
from biobank.storage.queries import (
    Place,
    View,
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


class Standing(View):
    """A container, the state it is in, and what stands in it at any depth: `occupied` of `capacity` positions hold a
    tube, `slots_taken` of `slots` a container; `reserved` positions and `reserved_slots` are kept free. `slot` is its
    own in its parent.
    """

    code: str
    name: str
    type: str
    type_title: str
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
    reserved_slots: int

    @property
    def state(self) -> tuple[str, str]:
        """The icon and the words of its state."""
        return rules.STATUS_KINDS[self.status], rules.STATUS_WORDS[self.status]


class ContainerRow(Standing):
    """A container in a list. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]


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


class ContainerView(Standing):
    """A container by itself. `grid` is of its slots, for what has any; `undo` takes its last move back, for who made it
    and within the shift.
    """

    timezone: str
    row_version: int
    path: tuple[Place, ...]
    placed_at: datetime
    undo: UUID | None
    grid: SlotGrid | None
    children: tuple[ContainerRow, ...]


class TypeCapacity(View):
    """What the boxes of one type hold and could hold; `free` leaves out what is reserved."""

    type: str
    title: str
    boxes: int
    occupied: int
    capacity: int
    free: int


class CapacityView(View):
    """How full a container is, with all that stands in it."""

    code: str
    name: str
    boxes: int
    occupied: int
    capacity: int
    slots: int
    slots_taken: int
    reserved: int
    reserved_slots: int
    by_type: tuple[TypeCapacity, ...]


class SiteStorage(View):
    """The outermost containers of a site."""

    code: str
    name: str
    containers: tuple[ContainerRow, ...]


def _occupancy(
    tx: ReadTx,
    inside: ColumnElement[bool],
    root: SQLColumnExpression[Any],
    top: SQLColumnExpression[Any],
    *,
    many: bool,
) -> Subquery:
    """By root: how many boxes are in it at any depth, what they hold and could hold, the slots and how many of them are
    taken, and what is reserved. Tubes are not counted here, and no tree is walked: the database keeps a count of each
    box and the way down to each container.

    `inside` chooses by the way, `root` is the step of it that is summed up by, and `top` the container that is not in
    itself. `many`: boxes by the thousand, which are best counted all at once.
    """
    path = ContainerPath
    per_box = select(BoxCount.container_id, func.sum(BoxCount.tubes).label("tubes")).group_by(BoxCount.container_id)
    counts = (
        per_box.subquery()
        if many
        else per_box.where(BoxCount.container_id == path.container_id).correlate(path).subquery().lateral()
    )
    kept = (
        select(ReservedPosition.container_id, func.count().label("count"))
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(in_force(tx))
        .group_by(ReservedPosition.container_id)
        .subquery()
    )
    # By type first: what a type says is then looked at once for each, and not for each container.
    by_type = (
        select(
            root.label("root"),
            Container.type_id.label("kind"),
            func.count().label("containers"),
            func.sum(counts.c.tubes).label("tubes"),
            func.count(Container.slot_row).filter(path.container_id != top).label("in_slots"),
            func.sum(kept.c.count).label("kept"),
        )
        .select_from(path)
        .join(Container, Container.id == path.container_id)
        .outerjoin(counts, counts.c.container_id == path.container_id if many else true())
        .outerjoin(kept, kept.c.container_id == path.container_id)
        .where(inside)
        .group_by("root", "kind")
        .subquery()
    )
    is_box = ContainerType.level == "box"
    places = by_type.c.containers * ContainerType.rows * ContainerType.cols
    return (
        select(
            by_type.c.root,
            func.sum(case((is_box, by_type.c.containers), else_=0)).label("boxes"),
            func.sum(case((is_box, places))).label("capacity"),
            func.sum(by_type.c.tubes).label("occupied"),
            func.sum(case((is_box, 0), else_=places)).label("slots"),
            func.sum(by_type.c.in_slots).label("slots_taken"),
            func.sum(case((is_box, by_type.c.kept))).label("reserved"),
            func.sum(case((is_box, 0), else_=by_type.c.kept)).label("reserved_slots"),
        )
        .join(ContainerType, ContainerType.id == by_type.c.kind)
        .group_by(by_type.c.root)
        .subquery()
    )


_WIDE = {"facility", "room"}
"""Levels with boxes by the thousand."""
_COUNTS = ("boxes", "occupied", "capacity", "slots", "slots_taken", "reserved", "reserved_slots")


async def _rows(
    tx: ReadTx,
    condition: ColumnElement[bool],
    inside: Container | None,
    depth: int,
    *,
    many: bool = True,
    counted: bool = True,
) -> list[ContainerRow]:
    """Containers that meet `condition`, all of which are at `depth` (the outermost at 1), at or in `inside`."""
    counts = None
    if counted:
        way = ContainerPath.ancestors
        chosen = way.contains([inside.id]) if inside is not None else true()
        counts = _occupancy(tx, chosen, way[depth], way[depth], many=many)
    named = _COUNTS if counts is not None else ()
    query = (
        select(
            Container.id,
            Container.code,
            Container.name,
            ContainerType.code.label("type"),
            ContainerType.title.label("type_title"),
            ContainerType.level,
            Site.code.label("site"),
            Container.temperature_class,
            Container.status,
            Container.slot_row,
            Container.slot_col,
            Container.parent_type_id,
            *(func.coalesce(counts.c[name], 0).label(name) for name in named if counts is not None),
        )
        .join(ContainerType, ContainerType.id == Container.type_id)
        .join(Site, Site.id == Container.site_id)
        .where(condition)
        .order_by(Container.id)
    )
    if counts is not None:
        query = query.outerjoin(counts, counts.c.root == Container.id)
    rows = (await tx.session.execute(query)).all()
    around = {row.parent_type_id for row in rows if row.slot_row is not None}
    kinds = (
        (await tx.session.execute(select(ContainerType).where(ContainerType.id.in_(around)))).scalars()
        if around
        else ()
    )
    grids = {kind.id: grid_of(kind) for kind in kinds}
    return [_row(row, grids) for row in rows]


def _row(row: Any, grids: Mapping[int, Grid | None]) -> ContainerRow:
    values = {**dict.fromkeys(_COUNTS, 0), **row._mapping}  # the documented way to a row's mapping
    grid = grids.get(values.pop("parent_type_id"))
    slot = label(grid, row.slot_row, row.slot_col) if grid and row.slot_row is not None else None
    return ContainerRow(**values, slot=slot)


async def containers(
    tx: ReadTx, *, parent: str | None = None, site: str | None = None, after: int = 0, limit: int = 50
) -> Page[ContainerRow]:
    """The containers in `parent`, or the outermost ones, with their occupancy."""
    within_reach = reach(tx.scope(Permission.STORAGE_READ))
    found, depth, many = None, 1, True
    if parent is None:
        condition = and_(Container.parent_id.is_(None), within_reach)
    else:
        found, kind = await find_container(tx, parent, Permission.STORAGE_READ)
        many = kind.level in _WIDE
        depth = len(await path(tx, found.id)) + 1
        condition = and_(Container.parent_id == found.id, within_reach)
    if site is not None:
        site_id = select(Site.id).where(Site.code == site).scalar_subquery()
        condition = and_(condition, Container.site_id == site_id)
    chosen = select(Container.id).where(condition, Container.id > after).order_by(Container.id).limit(limit + 1)
    return cut(await _rows(tx, Container.id.in_(chosen), found, depth, many=many), limit, lambda row: row.id)


async def sites(tx: ReadTx) -> list[SiteStorage]:
    """The outermost containers within reach, by site."""
    scope = tx.scope(Permission.STORAGE_READ)
    known = await tx.session.execute(select(Site.code, Site.name).where(site_reach(scope)).order_by(Site.code))
    by_site: dict[str, list[ContainerRow]] = {}
    for row in await _rows(tx, and_(Container.parent_id.is_(None), reach(scope)), None, 1):
        by_site.setdefault(row.site, []).append(row)
    return [SiteStorage(code=row.code, name=row.name, containers=tuple(by_site.get(row.code, ()))) for row in known]


async def capacity(tx: ReadTx, code: str) -> CapacityView:
    """How full a container is, at any depth, by type of box.

    Raises:
        NotFound: none of this id within reach.
    """
    found, kind = await find_container(tx, code, Permission.STORAGE_READ)
    inside = ContainerPath.ancestors.contains([found.id])
    counts = _occupancy(tx, inside, Container.type_id, literal(found.id), many=kind.level in _WIDE)
    rows = (
        await tx.session.execute(
            select(ContainerType.code, ContainerType.title, ContainerType.level, counts)
            .join(counts, counts.c.root == ContainerType.id)
            .order_by(ContainerType.id)
        )
    ).all()
    total = {name: sum(getattr(row, name) or 0 for row in rows) for name in _COUNTS}
    return CapacityView(
        code=found.code,
        name=found.name,
        **total,
        by_type=tuple(
            TypeCapacity(
                type=row.code,
                title=row.title,
                boxes=row.boxes,
                occupied=row.occupied or 0,
                capacity=row.capacity,
                free=row.capacity - (row.occupied or 0) - (row.reserved or 0),
            )
            for row in rows
            if row.level == "box"
        ),
    )


async def container(tx: ReadTx, code: str, permission: Permission = Permission.STORAGE_READ) -> ContainerView:
    """A container with its path and what stands in it.

    Raises:
        NotFound: none of this id within reach.
    """
    found, kind = await find_container(tx, code, permission)
    timezone = (await tx.session.execute(select(Site.timezone).where(Site.id == found.site_id))).scalar_one()
    steps = await path(tx, found.id)
    many = kind.level in _WIDE
    inside = Container.parent_id == found.id
    children = [] if kind.level == "box" else await _rows(tx, inside, found, len(steps) + 1, many=many)
    # What stands in it is counted once: a building has thousands of boxes.
    told = bool(children)
    (own,) = await _rows(tx, Container.id == found.id, found, len(steps), many=many, counted=not told)
    grid = grid_of(kind) if kind.level != "box" else None
    kept = await held(tx, found.id) if grid else {}
    below_it = {name: sum(getattr(child, name) for child in children) for name in _COUNTS}
    if grid:
        below_it["slots"] += grid.capacity
        below_it["slots_taken"] += sum(child.slot_row is not None for child in children)
        below_it["reserved_slots"] += len(kept)
    return ContainerView(
        **own.model_dump(exclude={"id"}) | (below_it if told else {}),
        placed_at=found.placed_at,
        undo=await _undo(tx, found.id),
        grid=_slots(grid, kept) if grid else None,
        timezone=timezone,
        row_version=found.row_version,
        path=tuple(place(step) for step in steps),
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
