"""Containers are added and moved."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType, TemperatureClass
from biobank.errors import Invalid, Stale
from biobank.specimen.models import Custody, Specimen
from biobank.storage import queries, rules
from biobank.storage.commands import Command, Reason
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import ContainerView
from biobank.study.queries import site_by_code
from biobank.tx import Tx


class AddContainer(Command):
    """A new place. Without a temperature class it has that of the container it stands in."""

    type: str
    name: Annotated[str, Field(min_length=1, max_length=80)]
    site: str
    parent: str | None = None
    temperature_class: str | None = None


class MoveContainer(Command):
    """`row_version` is that of the container as it was seen: a move decided on an older state is refused."""

    parent: str
    row_version: int
    override_reason: Reason | None = None


async def add_container(tx: Tx, command: AddContainer) -> ContainerView:
    """Set up a place: a freezer, a shelf, a rack, a box."""
    kind = (
        await tx.session.execute(select(ContainerType).where(ContainerType.code == command.type))
    ).scalar_one_or_none()
    if kind is None:
        raise Invalid(f"There is no container type {command.type}.", errors={"type": "is not a container type"})
    parent = None
    if command.parent is not None:
        parent, _ = await queries.find_container(tx, command.parent, Permission.STORAGE_MANAGE, lock=True)
        rules.check_open((await queries.path(tx, parent.id))[-1:])
    temperature = command.temperature_class or (parent.temperature_class if parent else None)
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
    made = Container(
        code=ids.mint(rules.kind_of(kind.level), tx.randomness),
        name=command.name,
        type_id=kind.id,
        parent_id=parent.id if parent else None,
        parent_type_id=parent.type_id if parent else None,
        site_id=site_id,
        temperature_class=temperature,
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
    return await queries.container(tx, made.code, Permission.STORAGE_MANAGE)


async def move_container(tx: Tx, code: str, command: MoveContainer) -> ContainerView:
    """Move a container with all it holds: one change of one row. What stands in it keeps its positions.

    Raises:
        Stale: somebody moved or changed it meanwhile.
        DoesNotFit: it would stand in itself, or where its type does not go.
        TooWarm: something in it needs a colder place and no reason is given.
    """
    moved, _ = await queries.find_container(tx, code, Permission.STORAGE_STORE, lock=True)
    if moved.row_version != command.row_version:
        raise Stale(
            f"{moved.name} was changed by somebody else meanwhile: look where it is and decide again.",
            container=moved.code,
            row_version=moved.row_version,
        )
    parent, _ = await queries.find_container(tx, command.parent, Permission.STORAGE_STORE)
    steps = await queries.path(tx, parent.id)
    if moved.id in {step.id for step in steps}:
        raise rules.DoesNotFit(f"{moved.name} cannot stand in itself.", container=moved.code)
    rules.check_open(steps)
    (own,) = (await queries.path(tx, moved.id))[-1:]
    needed = await _coldest_need(tx, moved.id)
    overridden = needed is not None and rules.check_cold(*needed, (*steps, own), command.override_reason)
    before = moved.parent_id
    moved.parent_id, moved.parent_type_id = parent.id, parent.type_id
    moved.row_version += 1
    await tx.session.flush()
    tx.record(
        "container.moved",
        subject="container",
        subject_id=moved.id,
        site_id=moved.site_id,
        reason=command.override_reason,
        container=moved.code,
        parent=parent.code,
        from_container=before,
        too_warm=overridden,
    )
    return await queries.container(tx, moved.code, Permission.STORAGE_STORE)


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
