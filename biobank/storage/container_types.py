"""Types of containers: what managers set up once, and what may stand in what."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.orm import aliased

from biobank.actor import Permission
from biobank.catalogue.models import TemperatureClass, TubeFormat
from biobank.errors import Forbidden, Invalid, NotFound, Stale
from biobank.specimen.models import Custody
from biobank.storage import grids, queries, rules
from biobank.storage.commands import Command
from biobank.storage.models import Container, ContainerType, ContainerTypeChild, ContainerTypeFormat
from biobank.storage.queries import View, grid_of
from biobank.tx import ReadTx, Tx

Level = Literal["facility", "room", "freezer", "shelf", "rack", "box", "bench"]
Scheme = Literal[
    "letter_number",
    "letter_zero_number",
    "letter_number_no_io",
    "letter_zero_number_no_io",
    "number_by_row",
    "number_by_column",
    "zero_number_by_row",
    "zero_number_by_column",
    "goblet_cane_position",
    "tower_level_box",
    "names",
    "unordered",
]
Order = Literal[
    "row",
    "row_from_right",
    "row_from_bottom",
    "row_serpentine",
    "column",
    "column_from_right",
    "column_from_bottom",
    "column_serpentine",
]
Code = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,19}$", description="Capital letters, digits, hyphens.")]
Codes = Annotated[tuple[Code, ...], Field(max_length=100)]


class TypeContent(Command):
    """What a type says. Without rows it has no grid: a shelf on which things just stand.

    `goes_into` and `takes` are codes of types; `tube_formats` those that a box takes, none for all.
    """

    title: Annotated[str, Field(min_length=1, max_length=80)]
    rows: Annotated[int, Field(ge=1, le=128)] | None = None
    cols: Annotated[int, Field(ge=1, le=64)] | None = None
    label_scheme: Scheme | None = None
    fill_order: Order = "row"
    rows_per_group: Annotated[int, Field(ge=1, le=128)] | None = None
    position_names: Annotated[tuple[str, ...], Field(max_length=1536)] | None = None
    temperature_class: str | None = None
    goes_into: Codes = ()
    takes: Codes = ()
    tube_formats: Annotated[tuple[str, ...], Field(max_length=50)] = ()


class AddType(TypeContent):
    code: Code
    level: Level


class ChangeType(TypeContent):
    """Code and level stay. `row_version` is that of the type as it was seen."""

    row_version: int


class TypeView(View):
    """A type of container. `in_use`: something stands in a container of it, so its grid stays. `labels` are the names
    of its positions, row by row, and `order` the turn in which each is filled.
    """

    code: str
    title: str
    level: str
    rows: int | None
    cols: int | None
    label_scheme: str | None
    fill_order: str
    rows_per_group: int | None
    position_names: tuple[str, ...] | None
    temperature_class: str | None
    goes_into: tuple[str, ...]
    takes: tuple[str, ...]
    tube_formats: tuple[str, ...]
    containers: int
    in_use: bool
    row_version: int
    labels: tuple[str, ...]
    order: tuple[int, ...]


async def container_types(tx: ReadTx, code: str | None = None) -> list[TypeView]:
    """The types of the house, by level and code; with `code` that one alone."""
    run = tx.session.execute
    inside = aliased(Container)
    here = Container.type_id == ContainerType.id
    count = select(func.count()).select_from(Container).where(here).scalar_subquery()
    tube = exists().where(Container.type_id == ContainerType.id, Custody.container_id == Container.id)
    child = exists().where(
        Container.type_id == ContainerType.id, inside.parent_id == Container.id, inside.slot_row.is_not(None)
    )
    query = select(ContainerType, count.label("containers"), (tube | child).label("in_use"))
    if code is not None:
        query = query.where(ContainerType.code == code)
    rows = (await run(query.order_by(ContainerType.id))).all()
    around, within = aliased(ContainerType), aliased(ContainerType)
    pairs = (
        await run(
            select(around.code, within.code)
            .select_from(ContainerTypeChild)
            .join(around, around.id == ContainerTypeChild.parent_type_id)
            .join(within, within.id == ContainerTypeChild.child_type_id)
            .order_by(around.id, within.id)
        )
    ).all()
    formats = (
        await run(
            select(ContainerTypeFormat.container_type_id, ContainerTypeFormat.tube_format).order_by(
                ContainerTypeFormat.tube_format
            )
        )
    ).all()
    return [
        _view(
            row.ContainerType,
            goes_into=tuple(parent for parent, one in pairs if one == row.ContainerType.code),
            takes=tuple(one for parent, one in pairs if parent == row.ContainerType.code),
            tube_formats=tuple(one for type_id, one in formats if type_id == row.ContainerType.id),
            containers=row.containers,
            in_use=row.in_use,
        )
        for row in rows
    ]


def _view(
    kind: ContainerType,
    *,
    goes_into: tuple[str, ...],
    takes: tuple[str, ...],
    tube_formats: tuple[str, ...],
    containers: int,
    in_use: bool,
) -> TypeView:
    grid = grid_of(kind)
    places = [] if grid is None else [(row, col) for row in range(grid.rows) for col in range(grid.cols)]
    turn = {} if grid is None else {at: number for number, at in enumerate(grids.fill_order(grid), start=1)}
    own = ("code", "title", "level", "rows", "cols", "label_scheme", "fill_order", "rows_per_group")
    return TypeView(
        **{name: getattr(kind, name) for name in (*own, "temperature_class", "row_version")},
        position_names=None if kind.position_names is None else tuple(kind.position_names),
        goes_into=goes_into,
        takes=takes,
        tube_formats=tube_formats,
        containers=containers,
        in_use=in_use,
        labels=() if grid is None else tuple(grids.label(grid, *at) for at in places),
        order=tuple(turn[at] for at in places),
    )


async def container_type(tx: ReadTx, code: str) -> TypeView:
    """One type.

    Raises:
        NotFound: there is none of this code.
    """
    found = await container_types(tx, code)
    if not found:
        raise NotFound(f"There is no container type {code[:20]}.", container_type=code[:20])
    return found[0]


async def tube_formats(tx: ReadTx) -> list[tuple[str, str]]:
    rows = await tx.session.execute(select(TubeFormat.code, TubeFormat.title).order_by(TubeFormat.title))
    return [(row.code, row.title) for row in rows]


async def add_type(tx: Tx, command: AddType) -> TypeView:
    """A new make of container.

    Raises:
        ContainerTypeExists: the code is taken (from the constraint).
        Invalid: a grid that makes no sense, or a code that is none.
        DoesNotFit: it would stand in itself (from the constraint).
    """
    await _check(tx, command, command.level)
    (type_id,) = await tx.insert(ContainerType, [{"code": command.code, "level": command.level, **_own(command)}])
    await _relate(tx, type_id, command)
    tx.record("container_type.added", subject="container_type", subject_id=type_id, container_type=command.code)
    return await container_type(tx, command.code)


async def change_type(tx: Tx, code: str, command: ChangeType) -> TypeView:
    """Change a type. Its grid and the names in it stay while something stands in a container of it.

    Raises:
        NotFound: there is none of this code.
        Stale: somebody changed it meanwhile.
        TypeInUse: its grid cannot change, or what stands in what would not fit any more.
        Forbidden: containers of it stand outside the reach of who asks.
        Invalid: a grid that makes no sense, or a code that is none.
    """
    query = select(ContainerType).where(ContainerType.code == code).with_for_update()
    kind = (await tx.session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if kind is None:
        raise NotFound(f"There is no container type {code[:20]}.", container_type=code[:20])
    if kind.row_version != command.row_version:
        raise Stale(
            f"{kind.title} was changed by somebody else meanwhile: look at it and decide again.",
            container_type=code,
            row_version=kind.row_version,
        )
    beyond = select(Container.id).where(
        Container.type_id == kind.id, ~queries.reach(tx.scope(Permission.STORAGE_MANAGE))
    )
    if (await tx.session.execute(beyond.limit(1))).scalar_one_or_none() is not None:
        raise Forbidden("Containers of this type stand at sites outside your reach: ask an administrator.")
    await _check(tx, command, kind.level)
    for name, value in _own(command).items():
        setattr(kind, name, value)
    kind.row_version += 1
    await tx.session.flush()
    await _relate(tx, kind.id, command)
    tx.record("container_type.changed", subject="container_type", subject_id=kind.id, container_type=code)
    return await container_type(tx, code)


def _own(command: TypeContent) -> dict[str, object]:
    fields = command.model_dump(include=set(TypeContent.model_fields) - {"goes_into", "takes", "tube_formats"})
    names = fields["position_names"]
    return {**fields, "position_names": None if names is None else list(names)}


async def _check(tx: Tx, command: TypeContent, level: str) -> None:
    """What the database would refuse without saying where."""
    rules.check_type_grid(
        level,
        command.rows,
        command.cols,
        command.label_scheme,
        command.rows_per_group,
        None if command.position_names is None else len(command.position_names),
    )
    known = set((await tx.session.execute(select(TemperatureClass.code))).scalars())
    if command.temperature_class is not None and command.temperature_class not in known:
        raise Invalid(
            f"There is no temperature class {command.temperature_class}.",
            errors={"temperature_class": "is not a temperature class"},
        )
    formats = set((await tx.session.execute(select(TubeFormat.code))).scalars())
    strange = [one for one in command.tube_formats if one not in formats]
    if strange or (command.tube_formats and level != "box"):
        raise Invalid(
            "Formats of tubes are said of boxes, by their codes.",
            errors={"tube_formats": f"{strange[0][:20]} is no format of a tube" if strange else "are said of boxes"},
        )


async def _relate(tx: Tx, type_id: int, command: TypeContent) -> None:
    """What it goes into, what it takes, and the formats: what is not said any more is removed."""
    codes = {row.code: row.id for row in await tx.session.execute(select(ContainerType.code, ContainerType.id))}
    for name, said in (("goes_into", command.goes_into), ("takes", command.takes)):
        strange = [one for one in said if one not in codes]
        if strange:
            raise Invalid(f"There is no container type {strange[0]}.", errors={name: f"{strange[0]} is no type"})
    wanted = {(codes[one], type_id) for one in command.goes_into} | {(type_id, codes[one]) for one in command.takes}
    pair = (ContainerTypeChild.parent_type_id, ContainerTypeChild.child_type_id)
    mine = (pair[0] == type_id) | (pair[1] == type_id)
    there = {(row[0], row[1]) for row in await tx.session.execute(select(*pair).where(mine))}
    for parent, child in sorted(there - wanted):
        await _check_unused(tx, parent, child)
        await tx.session.execute(delete(ContainerTypeChild).where(pair[0] == parent, pair[1] == child))
    rows = [{"parent_type_id": parent, "child_type_id": child} for parent, child in sorted(wanted - there)]
    await tx.insert(ContainerTypeChild, rows)
    await _set_formats(tx, type_id, set(command.tube_formats))


async def _check_unused(tx: Tx, parent: int, child: int) -> None:
    around, kind = aliased(ContainerType), aliased(ContainerType)
    used = (
        await tx.session.execute(
            select(Container.name, kind.title, around.title.label("around"))
            .join(kind, kind.id == Container.type_id)
            .join(around, and_(around.id == Container.parent_type_id))
            .where(Container.parent_type_id == parent, Container.type_id == child)
            .limit(1)
        )
    ).one_or_none()
    if used is not None:
        raise rules.TypeInUse(f"{used.title} stands in {used.around} already ({used.name}): move it first.")


async def _set_formats(tx: Tx, type_id: int, wanted: Collection[str]) -> None:
    mine = ContainerTypeFormat.container_type_id == type_id
    there = set((await tx.session.execute(select(ContainerTypeFormat.tube_format).where(mine))).scalars())
    for gone in sorted(there - set(wanted)):
        await tx.session.execute(delete(ContainerTypeFormat).where(mine, ContainerTypeFormat.tube_format == gone))
    fresh = [{"container_type_id": type_id, "tube_format": one} for one in sorted(set(wanted) - there)]
    await tx.insert(ContainerTypeFormat, fresh)
