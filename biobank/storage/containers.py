"""Containers are added, and moved with all they hold."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType, TemperatureClass
from biobank.errors import Invalid, Stale
from biobank.specimen.models import Custody, Specimen
from biobank.storage import grids, occupancy, queries, reserving, rules
from biobank.storage.commands import Command, Reason
from biobank.storage.grids import Grid
from biobank.storage.models import Container, ContainerPlace, ContainerType
from biobank.storage.occupancy import ContainerView
from biobank.storage.queries import grid_of
from biobank.study.queries import site_by_code
from biobank.tx import Tx

Slot = Annotated[str, Field(min_length=1, max_length=16)]


class AddContainer(Command):
    """A new place. Without a temperature class it has the one that its type is made for, or that of the container it
    stands in; without a slot the next free one, where its parent has slots. `planned`: it is not in use yet, and takes
    no tubes until it is.
    """

    type: str
    name: Annotated[str, Field(min_length=1, max_length=80)]
    site: str
    parent: str | None = None
    slot: Slot | None = None
    temperature_class: str | None = None
    reservation: UUID | None = None
    planned: bool = False


class MoveContainer(Command):
    """`row_version` is that of the container as it was seen: a move decided on an older state is refused. Without a
    slot it goes to the next free one, where the parent has slots.
    """

    parent: str
    row_version: int
    slot: Slot | None = None
    reservation: UUID | None = None
    override_reason: Reason | None = None


class ChangeContainer(Command):
    """Another name, or another type: of a box while nothing stands in it or is to come."""

    row_version: int
    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    type: str | None = None


class MoveBack(Command):
    """`undo` is the token that the container is shown with after its move."""

    undo: UUID
    override_reason: Reason | None = None


async def add_container(tx: Tx, command: AddContainer) -> ContainerView:
    """Set up a place: a freezer, a shelf, a rack, a box."""
    kind = await _kind(tx, command.type)
    parent = around = None
    if command.parent is not None:
        parent, around = await queries.find_container(tx, command.parent, Permission.STORAGE_MANAGE, lock=True)
        rules.check_takes((await queries.path(tx, parent.id))[-1:])
    inherited = parent.temperature_class if parent else None
    temperature = command.temperature_class or kind.temperature_class or inherited
    if temperature is None:
        raise Invalid(
            "Name the temperature class of an outermost container.", errors={"temperature_class": "is missing"}
        )
    known = select(TemperatureClass.code).where(TemperatureClass.code == temperature)
    if (await tx.session.execute(known)).scalar_one_or_none() is None:
        raise Invalid(
            f"There is no temperature class {temperature}.", errors={"temperature_class": "is not a temperature class"}
        )
    site_id = (await site_by_code(tx, command.site, Permission.STORAGE_MANAGE)).id
    at = await _slot(tx, parent, around, command.slot, command.reservation, moved=None)
    made = Container(
        code=ids.mint(rules.kind_of(kind.level), tx.randomness),
        name=command.name,
        type_id=kind.id,
        parent_id=parent.id if parent else None,
        parent_type_id=parent.type_id if parent else None,
        slot_row=at[0] if at else None,
        slot_col=at[1] if at else None,
        placed_at=tx.now,
        site_id=site_id,
        temperature_class=temperature,
        status="planned" if command.planned else "active",
    )
    tx.session.add(made)
    await tx.session.flush()
    tx.record(
        "container.added",
        subject="container",
        subject_id=made.id,
        site_id=site_id,
        container=made.code,
        parent=parent.code if parent else None,
    )
    return await occupancy.container(tx, made.code, Permission.STORAGE_MANAGE)


async def change_container(tx: Tx, code: str, command: ChangeContainer) -> ContainerView:
    """Give a container another name or another type.

    Raises:
        Stale: somebody moved or changed it meanwhile.
        TypeInUse: something stands in it.
        DoesNotFit: the type is of another level, or does not go where the container stands.
    """
    found, kind = await queries.find_container(tx, code, Permission.STORAGE_MANAGE, lock=True)
    check_version(found, command.row_version)
    if command.type is not None and command.type != kind.code:
        other = await _kind(tx, command.type)
        if other.level != kind.level:
            raise rules.DoesNotFit(f"{found.name} is a {kind.level} and stays one: choose a type of {kind.level}.")
        inside = select(Container.name).where(Container.parent_id == found.id).limit(1)
        there = (await tx.session.execute(inside)).scalar_one_or_none()
        if there is not None:
            raise rules.TypeInUse(f"{there} stands in {found.name}: empty it first.", container=found.code)
        found.type_id = other.id
    found.name = command.name or found.name
    found.row_version += 1
    await tx.session.flush()
    tx.record(
        "container.changed",
        subject="container",
        subject_id=found.id,
        site_id=found.site_id,
        container=found.code,
        type=command.type,
    )
    return await occupancy.container(tx, found.code, Permission.STORAGE_MANAGE)


def check_version(found: Container, seen: int) -> None:
    if found.row_version != seen:
        raise Stale(
            f"{found.name} was changed by somebody else meanwhile: look where it is and decide again.",
            container=found.code,
            row_version=found.row_version,
        )


async def _kind(tx: Tx, code: str) -> ContainerType:
    kind = (await tx.session.execute(select(ContainerType).where(ContainerType.code == code))).scalar_one_or_none()
    if kind is None:
        raise Invalid(f"There is no container type {code[:20]}.", errors={"type": "is not a container type"})
    return kind


async def move_container(tx: Tx, code: str, command: MoveContainer) -> ContainerView:
    """Move a container with all it holds: one change of one row. What stands in it keeps its positions.

    Raises:
        Stale: somebody moved or changed it meanwhile.
        DoesNotFit: it would stand in itself, or where its type does not go.
        SlotTaken, UnknownPosition, BoxFull, PositionReserved: the parent cannot take it there.
        TooWarm: something in it needs a colder place and no reason is given.
    """
    moved, parent, around = await _hold(tx, code, command.parent)
    check_version(moved, command.row_version)
    overridden = await _check_move(tx, moved, parent, command.override_reason)
    at = await _slot(tx, parent, around, command.slot, command.reservation, moved=moved)
    before = await _step(tx, moved, parent, at)
    tx.record(
        "container.moved",
        subject="container",
        subject_id=moved.id,
        site_id=moved.site_id,
        reason=command.override_reason,
        container=moved.code,
        parent=parent.code,
        slot=_label(around, at),
        from_container=before,
        too_warm=overridden,
    )
    return await occupancy.container(tx, moved.code, Permission.STORAGE_STORE)


async def move_back(tx: Tx, code: str, command: MoveBack) -> ContainerView:
    """Put a container back to where its last move took it from, as a new event: nothing is erased.

    Only the person who moved it may, within the shift, while it was not moved again and its slot is still free.

    Raises:
        NothingToUndo: otherwise, saying why.
        SlotTaken, PositionReserved, TooWarm, ContainerClosed: it cannot go back there any more.
    """
    moved, _ = await queries.find_container(tx, code, Permission.STORAGE_STORE, lock=True)
    history = select(ContainerPlace).where(ContainerPlace.container_id == moved.id)
    latest = (await tx.session.execute(history.order_by(ContainerPlace.id.desc()).limit(2))).scalars().all()
    now = latest[0]
    if now.tx != command.undo or now.actor_id != tx.actor.user_id:
        raise rules.NothingToUndo(
            f"{moved.name} was moved again since, or by somebody else: look where it is and move it as a new step.",
            container=moved.code,
        )
    if len(latest) == 1:
        raise rules.NothingToUndo(
            f"{moved.name} has stood here from the beginning: move it as a new step.", container=moved.code
        )
    if now.since < tx.now - rules.SHIFT:
        raise rules.NothingToUndo(
            f"{moved.name} was moved more than 12 hours ago: move it as a new step.", container=moved.code
        )
    parent = around = None
    was = latest[1]
    overridden = False
    if was.parent_id is not None:
        back = (await tx.session.execute(select(Container.code).where(Container.id == was.parent_id))).scalar_one()
        moved, parent, around = await _hold(tx, code, back)
        overridden = await _check_move(tx, moved, parent, command.override_reason)
    at = (was.slot_row, was.slot_col) if was.slot_row is not None and was.slot_col is not None else None
    if parent is not None and around is not None and at is not None:
        await _check_slot(tx, parent, grid_of(around), at, None, moved)
    await _step(tx, moved, parent, at)
    tx.record(
        "container.put_back",
        subject="container",
        subject_id=moved.id,
        site_id=moved.site_id,
        reason=command.override_reason,
        container=moved.code,
        parent=parent.code if parent else None,
        undone=str(command.undo),
        too_warm=overridden,
    )
    return await occupancy.container(tx, moved.code, Permission.STORAGE_STORE)


async def _hold(tx: Tx, code: str, parent: str) -> tuple[Container, Container, ContainerType]:
    """What moves and where it goes, locked in one order, so that two who move crosswise take turns."""
    wanted = {queries.container_code(code), queries.container_code(parent)}
    lock = select(Container.id).where(Container.code.in_(wanted), queries.reach(tx.scope(Permission.STORAGE_STORE)))
    await tx.session.execute(lock.order_by(Container.id).with_for_update(key_share=True))
    moved, _ = await queries.find_container(tx, code, Permission.STORAGE_STORE, lock=True)
    into, around = await queries.find_container(tx, parent, Permission.STORAGE_STORE, lock=True)
    return moved, into, around


async def _check_move(tx: Tx, moved: Container, parent: Container, override: str | None) -> bool:
    """Whether a container can go there with all it holds. Returns whether the temperature is overridden."""
    steps = await queries.path(tx, parent.id)
    if moved.id in {step.id for step in steps}:
        raise rules.DoesNotFit(f"{moved.name} cannot stand in itself.", container=moved.code)
    rules.check_takes(steps)
    # Whoever stores into a box holds it and then asks how cold it is there: held, the boxes stay as they are.
    down = queries.below(Container.id == moved.id)
    inside = select(Container.id).where(Container.id.in_(select(down.c.id))).order_by(Container.id)
    await tx.session.execute(inside.with_for_update(key_share=True))
    (own,) = (await queries.path(tx, moved.id))[-1:]
    needed = await _coldest_need(tx, moved.id)
    if needed is not None:
        rules.check_open(steps)  # what is only planned takes empty containers, and no tubes
    return needed is not None and rules.check_cold(*needed, (*steps, own), override)


async def _step(tx: Tx, moved: Container, parent: Container | None, at: tuple[int, int] | None) -> int | None:
    """The one change of one row; the database writes the history. Returns the key of the parent that it leaves."""
    before = moved.parent_id
    moved.parent_id, moved.parent_type_id = (parent.id, parent.type_id) if parent else (None, None)
    moved.slot_row, moved.slot_col = at or (None, None)
    moved.placed_at = tx.now
    moved.row_version += 1
    await tx.session.flush()
    return before


async def _slot(
    tx: Tx,
    parent: Container | None,
    around: ContainerType | None,
    named: str | None,
    reservation: UUID | None,
    *,
    moved: Container | None,
) -> tuple[int, int] | None:
    """The slot that a container goes to: the one that is named, or the next free one; None where there are none."""
    grid = grid_of(around) if around is not None else None
    if parent is None or grid is None:
        if named is not None:
            place = parent.name if parent else "An outermost container"
            raise grids.UnknownPosition(f"{place} has no slots: leave the slot out.", errors={"slot": "is not there"})
        return None
    if named is None:
        taken, held = await _standing(tx, parent, moved), await queries.held(tx, parent.id)
        at = reserving.next_place(grid, taken, held, reservation, parent)
    else:
        at = grids.position(grid, named, field="slot")
    await _check_slot(tx, parent, grid, at, reservation, moved)
    return at


async def _standing(tx: Tx, parent: Container, moved: Container | None) -> Mapping[tuple[int, int], str]:
    """By slot, what stands in a container, but for what is about to move."""
    rows = await tx.session.execute(
        select(Container.id, Container.slot_row, Container.slot_col, Container.name).where(
            Container.parent_id == parent.id, Container.slot_row.is_not(None)
        )
    )
    own = moved.id if moved is not None else None
    return {(row.slot_row, row.slot_col): row.name for row in rows if row.id != own}


async def _check_slot(
    tx: Tx, parent: Container, grid: Grid | None, at: tuple[int, int], reservation: UUID | None, moved: Container | None
) -> None:
    """Whether a slot is free. What was reserved there under the reservation that is named is used."""
    name = grids.label(grid, *at) if grid else ""
    there = (await _standing(tx, parent, moved)).get(at)
    if there is not None:
        raise rules.SlotTaken(
            f"{there} stands in slot {name} of {parent.name}: choose a free one.", container=parent.code, slot=name
        )
    kept = (await queries.held(tx, parent.id)).get(at)
    if rules.check_reserved(kept, reservation, f"Slot {name} of {parent.name}"):
        await reserving.use(tx, parent.id, at)


def _label(around: ContainerType, at: tuple[int, int] | None) -> str | None:
    grid = grid_of(around)
    return None if grid is None or at is None else grids.label(grid, *at)


async def _coldest_need(tx: Tx, container_id: int) -> tuple[str, int] | None:
    """The coldest class, with its rank, that any tube in this container needs; None when it holds none."""
    down = queries.below(Container.id == container_id)
    row = (
        await tx.session.execute(
            select(TemperatureClass.code, TemperatureClass.rank)
            .join(SpecimenType, SpecimenType.temperature_class == TemperatureClass.code)
            .join(Specimen, Specimen.specimen_type == SpecimenType.code)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .join(down, down.c.id == Custody.container_id)
            .order_by(TemperatureClass.rank.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (row.code, row.rank)
