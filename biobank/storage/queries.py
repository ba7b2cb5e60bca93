"""Containers as people may see them: the tree with its occupancy, and paths in it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    literal,
    select,
    true,
)
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.actor import Permission, Scope
from biobank.catalogue.models import TemperatureClass
from biobank.errors import Invalid, NotFound
from biobank.storage import rules
from biobank.storage.grids import Grid
from biobank.storage.models import (
    Container,
    ContainerType,
    ContainerTypeChild,
    ReservedPosition,
    StorageReservation,
)
from biobank.storage.rules import Held, Step
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
    """The positions of a box, or the slots of what boxes and racks stand in; None without any."""
    if kind.rows is None or kind.cols is None or kind.label_scheme is None:
        return None
    names = tuple(kind.position_names or ())
    return Grid(kind.rows, kind.cols, kind.label_scheme, kind.fill_order, kind.rows_per_group or 1, names)


no_reservation = (literal(None, Uuid).label("number"), literal(None, Text).label("reservation"))


def in_force(tx: ReadTx) -> ColumnElement[bool]:
    """The condition that a position is reserved now, its reservation being joined."""
    return and_(ReservedPosition.ended_at.is_(None), StorageReservation.expires_at > tx.now)


async def held(tx: ReadTx, container_id: int) -> Mapping[tuple[int, int], Held]:
    """By row and column, what is kept free in a box or rack."""
    rows = await tx.session.execute(
        select(ReservedPosition.row, ReservedPosition.col, StorageReservation.number, StorageReservation.name)
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(ReservedPosition.container_id == container_id, in_force(tx))
    )
    return {(row.row, row.col): Held(row.number, row.name) for row in rows}


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
    if grid is None or kind.level != "box":
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


async def types_into(tx: ReadTx, parent: str | None) -> list[tuple[str, str]]:
    """Code and title of the types that go into a container of type `parent`; None: of those that stand outermost."""
    query = select(ContainerType.code, ContainerType.title).order_by(ContainerType.id)
    if parent is None:
        query = query.where(ContainerType.level.not_in(("box", "rack", "shelf")))
    else:
        around = aliased(ContainerType)
        query = (
            query.join(ContainerTypeChild, ContainerTypeChild.child_type_id == ContainerType.id)
            .join(around, around.id == ContainerTypeChild.parent_type_id)
            .where(around.code == parent)
        )
    return [(row.code, row.title) for row in await tx.session.execute(query)]


async def types_of_level(tx: ReadTx, level: str) -> list[tuple[str, str]]:
    rows = await tx.session.execute(
        select(ContainerType.code, ContainerType.title).where(ContainerType.level == level).order_by(ContainerType.id)
    )
    return [(row.code, row.title) for row in rows]


async def temperature_classes(tx: ReadTx) -> list[tuple[str, str]]:
    rows = await tx.session.execute(
        select(TemperatureClass.code, TemperatureClass.title).order_by(TemperatureClass.rank)
    )
    return [(row.code, f"{row.title} ({row.code})") for row in rows]
