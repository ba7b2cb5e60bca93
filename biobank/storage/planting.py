"""Many containers at once: a tree from a file, and more freezers like one that stands already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.actor import Permission
from biobank.catalogue.models import TemperatureClass
from biobank.errors import TooLarge
from biobank.storage import grids, queries, rules, trees
from biobank.storage.commands import Command
from biobank.storage.models import (
    Container,
    ContainerType,
    ContainerTypeChild,
    ReservedPosition,
    StorageReservation,
)
from biobank.storage.queries import Place, View, grid_of, in_force
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import Tx

MOST = 20_000
"""Containers that are added at once."""


class ImportTree(Command):
    """A CSV file with a header: site, parent, type, name, slot, temperature_class. The parent is a code, or the names
    on the way to it with slashes between: Freezer 3 / Shelf 1. It stands already or in an earlier row.
    """

    text: Annotated[str, Field(min_length=1, max_length=4_000_000)]


class TreeView(View):
    """`unchanged` rows said what was so already. `places` are the outermost of what was added."""

    added: int
    unchanged: int
    places: tuple[Place, ...]


class CopyContainer(Command):
    """More like it, beside it: the same shelves and racks with codes of their own, nothing in them. With `with_boxes`
    empty boxes too. `name` is that of the first; without it the number in its name goes on.
    """

    copies: Annotated[int, Field(ge=1, le=50)] = 1
    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    with_boxes: bool = False


@dataclass(slots=True)
class _Fresh:
    """A container to add: `parent` is a key, another of these, or None; `id` follows."""

    name: str
    type_id: int
    level: str
    site_id: int
    temperature: str
    slot: tuple[int, int] | None
    parent: "int | _Fresh | None"
    parent_type_id: int | None
    code: str = ""
    id: int = 0


async def _plant(tx: Tx, fresh: Sequence[_Fresh]) -> None:
    """Insert containers, parents before what stands in them, one statement for each depth."""
    waiting = list(fresh)
    while waiting:
        now = [one for one in waiting if not isinstance(one.parent, _Fresh) or one.parent.id]
        rows = []
        for one in now:
            one.code = ids.mint(rules.kind_of(one.level), tx.randomness)
            rows.append(
                {
                    "code": one.code,
                    "name": one.name,
                    "type_id": one.type_id,
                    "parent_id": one.parent.id if isinstance(one.parent, _Fresh) else one.parent,
                    "parent_type_id": one.parent_type_id,
                    "slot_row": one.slot[0] if one.slot else None,
                    "slot_col": one.slot[1] if one.slot else None,
                    "placed_at": tx.now,
                    "site_id": one.site_id,
                    "temperature_class": one.temperature,
                }
            )
        for one, key in zip(now, await tx.insert(Container, rows), strict=True):
            one.id = key
        waiting = [one for one in waiting if not one.id]


async def import_tree(tx: Tx, command: ImportTree) -> TreeView:
    """Add a tree of places from a file, all or nothing; the same file again changes nothing.

    Raises:
        Invalid: the file cannot be read, or rows of it are wrong: each is named by its number.
    """
    rows = trees.read(command.text)
    known, kinds, sites = await _known(tx, {row.get("site", "") for row in rows})
    tree = trees.plan(rows, known)
    by_key: dict[int, _Fresh] = {}
    for spot in tree.added:
        parent: int | _Fresh | None = spot.parent
        if spot.parent is not None:
            parent = by_key.get(spot.parent, spot.parent)
        around = kinds[known.spots[spot.parent].type] if spot.parent is not None else None
        kind = kinds[spot.type]
        by_key[spot.key] = _Fresh(
            name=spot.name,
            type_id=kind.id,
            level=kind.level,
            site_id=sites[spot.site],
            temperature=spot.temperature,
            slot=spot.slot,
            parent=parent,
            parent_type_id=around.id if around else None,
        )
    await _plant(tx, list(by_key.values()))
    outermost = [one for one in by_key.values() if not isinstance(one.parent, _Fresh)]
    for site in sorted({one.site_id for one in by_key.values()}):
        mine = [one for one in by_key.values() if one.site_id == site]
        tx.record(
            "containers.added",
            subject="container",
            subject_id=None,
            site_id=site,
            count=len(mine),
            containers=[one.code for one in outermost if one.site_id == site][:50],
        )
    return TreeView(added=len(by_key), unchanged=tree.unchanged, places=_places(outermost))


def _places(fresh: Sequence[_Fresh]) -> tuple[Place, ...]:
    return tuple(Place(name=one.name, code=one.code, href=f"/storage/{one.code}") for one in fresh[:50])


async def _known(tx: Tx, wanted: set[str]) -> tuple[trees.Known, dict[str, ContainerType], dict[str, int]]:
    """What the rows of a file refer to: the types, the sites within reach that it names, and what stands there."""
    run = tx.session.execute
    reachable = await run(
        select(Site.code, Site.id).where(site_reach(tx.scope(Permission.STORAGE_MANAGE)), Site.code.in_(wanted))
    )
    sites = {row.code: row.id for row in reachable}
    # Two who add to one site take turns, so that each sees what the other added.
    await run(select(Site.id).where(Site.id.in_(sites.values())).order_by(Site.id).with_for_update(key_share=True))
    kinds = {kind.code: kind for kind in (await run(select(ContainerType))).scalars()}
    around = aliased(ContainerType)
    into: dict[str, set[str]] = {}
    pairs = (
        select(around.code, ContainerType.code)
        .select_from(ContainerTypeChild)
        .join(around, around.id == ContainerTypeChild.parent_type_id)
        .join(ContainerType, ContainerType.id == ContainerTypeChild.child_type_id)
    )
    for parent, child in await run(pairs):
        into.setdefault(child, set()).add(parent)
    held = await run(
        select(ReservedPosition.container_id, ReservedPosition.row, ReservedPosition.col)
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(ReservedPosition.site_id.in_(sites.values()), in_force(tx))
    )
    known = trees.Known(
        sites=set(sites),
        kinds={
            code: trees.Kind(
                code=code,
                level=kind.level,
                grid=grid_of(kind) if kind.level != "box" else None,
                temperature=kind.temperature_class,
                into=frozenset(into.get(code, ())),
            )
            for code, kind in kinds.items()
        },
        classes=set((await run(select(TemperatureClass.code))).scalars()),
        held={(row.container_id, row.row, row.col) for row in held},
    )
    codes = {site_id: code for code, site_id in sites.items()}
    standing = await run(
        select(
            Container.id,
            Container.site_id,
            Container.parent_id,
            ContainerType.code.label("type"),
            Container.name,
            Container.slot_row,
            Container.slot_col,
            Container.temperature_class,
            Container.code,
            Container.status,
        )
        .join(ContainerType, ContainerType.id == Container.type_id)
        .where(Container.site_id.in_(sites.values()))
    )
    for row in standing:
        known.add(
            trees.Spot(
                key=row.id,
                site=codes[row.site_id],
                parent=row.parent_id,
                type=row.type,
                name=row.name,
                slot=None if row.slot_row is None else (row.slot_row, row.slot_col),
                temperature=row.temperature_class,
                code=row.code,
                closed=row.status in rules.TAKES_NOTHING,
            )
        )
    return known, kinds, sites


async def copy_container(tx: Tx, code: str, command: CopyContainer) -> TreeView:
    """Another freezer like this one, or several, beside it.

    Raises:
        TooLarge: more places than are added at once.
        BoxFull: what it stands in has no slots left for them.
    """
    found, kind = await queries.find_container(tx, code, Permission.STORAGE_MANAGE)
    around = None
    if found.parent_id is not None:
        of = select(Container.code).where(Container.id == found.parent_id)
        beside_in = (await tx.session.execute(of)).scalar_one()
        _, around = await queries.find_container(tx, beside_in, Permission.STORAGE_MANAGE, lock=True)
        rules.check_takes((await queries.path(tx, found.parent_id))[-1:])
    down = queries.below(Container.id == found.id)
    inside = (
        await tx.session.execute(
            select(Container, ContainerType.level)
            .join(down, down.c.id == Container.id)
            .join(ContainerType, ContainerType.id == Container.type_id)
            .where(Container.id != found.id)
            .order_by(Container.id)
        )
    ).all()
    kept = [row for row in inside if command.with_boxes or row.level != "box"]
    if (len(kept) + 1) * command.copies > MOST:
        raise TooLarge(f"That is more than {MOST} places at once: make fewer copies.")
    beside = Container.parent_id == found.parent_id if found.parent_id is not None else Container.parent_id.is_(None)
    siblings = (
        await tx.session.execute(
            select(Container.name, Container.slot_row, Container.slot_col).where(
                beside, Container.site_id == found.site_id
            )
        )
    ).all()
    names = _names(found.name, command, {row.name for row in siblings})
    slots = await _slots(tx, found, around, [(row.slot_row, row.slot_col) for row in siblings], command.copies)
    fresh: list[_Fresh] = []
    tops = []
    for name, slot in zip(names, slots, strict=True):
        made = {found.id: _fresh(found, kind.level, name, slot, found.parent_id)}
        for row in kept:
            made[row.Container.id] = _fresh(row.Container, row.level, row.Container.name, _slot_of(row.Container), None)
        for row in kept:
            made[row.Container.id].parent = made[row.Container.parent_id]
        tops.append(made[found.id])
        fresh += made.values()
    await _plant(tx, fresh)
    for top in tops:
        tx.record(
            "container.copied",
            subject="container",
            subject_id=top.id,
            site_id=top.site_id,
            container=top.code,
            like=found.code,
            count=len(kept) + 1,
        )
    return TreeView(added=len(fresh), unchanged=0, places=_places(tops))


def _fresh(like: Container, level: str, name: str, slot: tuple[int, int] | None, parent: int | None) -> _Fresh:
    return _Fresh(name, like.type_id, level, like.site_id, like.temperature_class, slot, parent, like.parent_type_id)


def _slot_of(container: Container) -> tuple[int, int] | None:
    if container.slot_row is None or container.slot_col is None:
        return None
    return container.slot_row, container.slot_col


def _names(like: str, command: CopyContainer, taken: set[str]) -> list[str]:
    if command.name is None:
        return trees.numbered(like, command.copies, taken)
    return [command.name, *trees.numbered(command.name, command.copies - 1, taken)]


async def _slots(
    tx: Tx, found: Container, around: ContainerType | None, taken: Sequence[tuple[int | None, int | None]], copies: int
) -> list[tuple[int, int] | None]:
    """The next free slots of what it stands in; None each, where there are none."""
    grid = grid_of(around) if around else None
    if grid is None or found.parent_id is None:
        return [None] * copies
    blocked = {*taken, *await queries.held(tx, found.parent_id)}
    free = [at for at in grids.fill_order(grid) if at not in blocked]
    if len(free) < copies:
        raise rules.BoxFull(
            f"There are {len(free)} free slots beside {found.name}, not {copies}: make fewer.", container=found.code
        )
    return [*free[:copies]]
