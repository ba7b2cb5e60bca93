"""Containers as people may see them: the tree with its occupancy, and paths in it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import CTE, ColumnElement, Select, Subquery, and_, bindparam, false, func, literal, select, true

from biobank import ids
from biobank.actor import Permission, Scope
from biobank.catalogue.models import TemperatureClass
from biobank.errors import Invalid, NotFound
from biobank.paging import Page, cut
from biobank.specimen.models import Custody
from biobank.storage import rules
from biobank.storage.models import Container, ContainerType
from biobank.storage.rules import Grid, Step
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import ReadTx

PLACE_KINDS = frozenset({ids.Kind.BOX, ids.Kind.RACK, ids.Kind.LOCATION})


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Place(View):
    """A container on a path, with its page."""

    name: str
    code: str
    href: str


class ContainerRow(View):
    """A container in a list, with what stands in it at any depth. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]
    code: str
    name: str
    type: str
    level: str
    site: str
    temperature_class: str
    status: str
    boxes: int
    occupied: int
    capacity: int


class ContainerView(View):
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
    boxes: int
    occupied: int
    capacity: int
    children: tuple[ContainerRow, ...]


class SiteStorage(View):
    """The outermost containers of a site."""

    code: str
    name: str
    containers: tuple[ContainerRow, ...]


class TypeView(View):
    code: str
    title: str
    level: str


def place(step: Step) -> Place:
    return Place(name=step.name, code=step.code, href=f"/storage/{step.code}")


def container_code(text: str) -> str:
    """The canonical code of a place that was typed or scanned.

    Raises:
        Invalid: no id of a place; a wrong check character is said to be one.
    """
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(
            f"{ids.grouped(error.text)[:40]} is no id of a place: {error}.", errors={"container": str(error)}
        ) from None
    if kind not in PLACE_KINDS:
        raise Invalid(
            f"{ids.grouped(code)} is not the id of a place: those start with B, R or L.",
            errors={"container": "does not start with B, R or L"},
        )
    return code


def tube_code(text: str) -> str:
    """The canonical code of a tube that was typed or scanned.

    Raises:
        Invalid: no id of a tube; a wrong check character is said to be one.
    """
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(
            f"{ids.grouped(error.text)[:40]} is no id of a tube: {error}.", errors={"tube": str(error)}
        ) from None
    if kind is not ids.Kind.TUBE:
        raise Invalid(
            f"{ids.grouped(code)} is not the id of a tube: those start with T.",
            errors={"tube": "does not start with T"},
        )
    return code


def reach(scope: Scope) -> ColumnElement[bool]:
    """The condition that a container is within reach."""
    if scope.everything:
        return true()
    return Container.site_id.in_(select(Site.id).where(site_reach(scope)))


def grid_of(kind: ContainerType) -> Grid | None:
    if kind.rows is None or kind.cols is None or kind.label_scheme is None:
        return None
    return Grid(kind.rows, kind.cols, kind.label_scheme, kind.fill_order)


async def find_container(
    tx: ReadTx, code: str, permission: Permission, *, lock: bool = False
) -> tuple[Container, ContainerType]:
    """A container within reach with its type; with `lock` its row is held, so that those who fill it take turns.

    Raises:
        Invalid: the text is no id of a place.
        NotFound: none of this id within reach.
    """
    canonical = container_code(code)
    query = (
        select(Container, ContainerType)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .where(Container.code == canonical, reach(tx.scope(permission)))
    )
    if lock:
        # What was seen of it before the lock may be old by now.
        query = query.with_for_update(of=Container, key_share=True).execution_options(populate_existing=True)
    row = (await tx.session.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no place {ids.grouped(canonical)}.", container=canonical)
    return row.Container, row.ContainerType


async def find_box(tx: ReadTx, code: str, permission: Permission, *, lock: bool = False) -> tuple[Container, Grid]:
    """A container that tubes stand in, with its grid.

    Raises:
        Invalid: the text is no id of a place.
        NotFound: none of this id within reach.
        NotABox: a rack, a shelf or a freezer.
    """
    box, kind = await find_container(tx, code, permission, lock=lock)
    grid = grid_of(kind)
    if grid is None:
        raise rules.NotABox(f"{box.name} is a {kind.level}: scan the box in it.", container=box.code, level=kind.level)
    return box, grid


def _ways_down() -> Select[Any]:
    up = (
        select(Container.id.label("origin"), Container.id, Container.parent_id, literal(0).label("depth"))
        .where(Container.id.in_(bindparam("origins", expanding=True)))
        .cte("up", recursive=True)
    )
    up = up.union_all(
        select(up.c.origin, Container.id, Container.parent_id, up.c.depth + 1).join(up, up.c.parent_id == Container.id)
    )
    return (
        select(
            up.c.origin,
            Container.id,
            Container.code,
            Container.name,
            ContainerType.level,
            Container.status,
            Container.temperature_class,
            TemperatureClass.rank,
        )
        .select_from(up)
        .join(Container, Container.id == up.c.id)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .join(TemperatureClass, TemperatureClass.code == Container.temperature_class)
        .order_by(up.c.origin, up.c.depth.desc())
    )


# Made once: every scan asks for a path, and making this statement costs more than running it.
_WAYS_DOWN = _ways_down()


async def paths(tx: ReadTx, container_ids: Iterable[int]) -> Mapping[int, tuple[Step, ...]]:
    """By container id, the way down to it: the outermost container first, itself last."""
    rows = await tx.session.execute(_WAYS_DOWN, {"origins": sorted(set(container_ids))})
    found: dict[int, list[Step]] = {}
    for origin, *step in rows:
        found.setdefault(origin, []).append(Step(*step))
    return {origin: tuple(steps) for origin, steps in found.items()}


async def path(tx: ReadTx, container_id: int) -> tuple[Step, ...]:
    return (await paths(tx, [container_id]))[container_id]


def below(condition: ColumnElement[bool]) -> CTE:
    """Every container at or under those that meet `condition`: columns `root` and `id`."""
    down = select(Container.id.label("root"), Container.id).where(condition).cte("down", recursive=True)
    return down.union_all(select(down.c.root, Container.id).join(down, Container.parent_id == down.c.id))


def _occupancy(condition: ColumnElement[bool]) -> Subquery:
    """By root: how many boxes are below it, what they hold and could hold."""
    down = below(condition)
    standing = (
        select(func.count())
        .select_from(Custody)
        .where(Custody.container_id == down.c.id)
        .correlate(down)
        .scalar_subquery()
    )
    return (
        select(
            down.c.root,
            func.count().label("boxes"),
            func.sum(ContainerType.rows * ContainerType.cols).label("capacity"),
            func.sum(standing).label("occupied"),
        )
        .join(Container, Container.id == down.c.id)
        .join(ContainerType, and_(ContainerType.id == Container.type_id, ContainerType.rows.is_not(None)))
        .group_by(down.c.root)
        .subquery()
    )


async def _rows(
    tx: ReadTx, condition: ColumnElement[bool], limit: int | None = None, *, counted: bool = True
) -> list[ContainerRow]:
    counts = _occupancy(condition if counted else false())
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
            func.coalesce(counts.c.boxes, 0).label("boxes"),
            func.coalesce(counts.c.occupied, 0).label("occupied"),
            func.coalesce(counts.c.capacity, 0).label("capacity"),
        )
        .join(ContainerType, ContainerType.id == Container.type_id)
        .join(Site, Site.id == Container.site_id)
        .outerjoin(counts, counts.c.root == Container.id)
        .where(condition)
        .order_by(Container.id)
        .limit(limit)
    )
    return [ContainerRow(**row._mapping) for row in rows]  # the documented way to a row's mapping


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
    told = bool(children) and kind.rows is None
    (own,) = await _rows(tx, Container.id == found.id, counted=not told)
    below_it = {name: sum(getattr(child, name) for child in children) for name in ("boxes", "occupied", "capacity")}
    return ContainerView(
        **own.model_dump(exclude={"id"}) | (below_it if told else {}),
        type_title=kind.title,
        timezone=timezone,
        row_version=found.row_version,
        path=tuple(place(step) for step in await path(tx, found.id)),
        children=tuple(sorted(children, key=lambda child: rules.natural(child.name))),
    )


async def types(tx: ReadTx) -> list[TypeView]:
    rows = await tx.session.execute(
        select(ContainerType.code, ContainerType.title, ContainerType.level).order_by(ContainerType.id)
    )
    return [TypeView(**row._mapping) for row in rows]  # the documented way to a row's mapping


async def temperature_classes(tx: ReadTx) -> list[tuple[str, str]]:
    rows = await tx.session.execute(
        select(TemperatureClass.code, TemperatureClass.title).order_by(TemperatureClass.rank)
    )
    return [(row.code, row.title) for row in rows]
