"""Boxes as people may see them: the map of one, and what stands in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Text, case, false, literal, select

from biobank.actor import Permission, Scope
from biobank.participant.models import Participant
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import shown, within
from biobank.storage import grids, rules
from biobank.storage.grids import Grid
from biobank.storage.models import Container, ContainerType, ReservedPosition, StorageReservation
from biobank.storage.queries import Place, View, find_box, grid_of, held, in_force, no_reservation, path, place
from biobank.storage.rules import Held
from biobank.tx import ReadTx


class Cell(View):
    """A position of a box. `state` is free, full, hold, just, next or reserved, and take or pick where a list is
    walked; the code is left out where it is out of reach. Of a reserved position `text` names the reservation.
    """

    row: int
    col: int
    label: str
    state: str
    code: str | None
    text: str
    href: str | None


class BoxView(View):
    """A box as one looks into it, its notched corner at the top left. Rows and columns count from 0."""

    code: str
    name: str
    rows: int
    cols: int
    row_labels: tuple[str, ...]
    col_labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    occupied: int
    capacity: int
    temperature_class: str | None
    fill: str | None
    path: tuple[Place, ...]

    @property
    def next(self) -> str | None:
        """The position that is filled next; None when the box is full."""
        return next((cell.label for cell in self.cells if cell.state == "next"), None)


class ContentRow(View):
    """A tube in a box."""

    position: str
    tube: str
    type: str
    participant: str | None
    quantity: Decimal
    unit: str
    is_partial: bool
    freeze_thaw_count: int
    quality: str
    hold: str | None
    since: datetime


class Spot(View):
    """A position by its names: the box's code, the position's label, and the whole place in one line."""

    box: str
    position: str
    words: str


async def spot(tx: ReadTx, box_id: int, row: int, col: int) -> Spot:
    kind = (
        await tx.session.execute(
            select(ContainerType).join(Container, Container.type_id == ContainerType.id).where(Container.id == box_id)
        )
    ).scalar_one()
    steps = await path(tx, box_id)
    grid = grid_of(kind)
    name = "" if grid is None else grids.label(grid, row, col)
    return Spot(box=steps[-1].code, position=name, words=rules.path_words(steps, name))


@dataclass(frozen=True, slots=True)
class Filled:
    """What is in the way in a box, by row and column: the tubes that stand there (None where one is out of reach), and
    what is kept free under a reservation.
    """

    taken: Mapping[tuple[int, int], str | None]
    held: Mapping[tuple[int, int], Held]


async def filled(tx: ReadTx, box_id: int, scope: Scope) -> Filled:
    tubes = (
        select(Custody.row, Custody.col, Specimen.code, within(scope).label("seen"), *no_reservation)
        .join(Specimen, Specimen.id == Custody.specimen_id)
        .where(Custody.container_id == box_id)
    )
    kept = (
        select(
            ReservedPosition.row,
            ReservedPosition.col,
            literal(None, Text),
            false(),
            StorageReservation.number,
            StorageReservation.name,
        )
        .join(StorageReservation, StorageReservation.id == ReservedPosition.reservation_id)
        .where(ReservedPosition.container_id == box_id, in_force(tx))
    )
    taken: dict[tuple[int, int], str | None] = {}
    held: dict[tuple[int, int], Held] = {}
    for row, col, code, seen, number, name in await tx.session.execute(tubes.union_all(kept)):
        if number is None:
            taken[row, col] = code if seen else None
        else:
            held[row, col] = Held(number, name)
    return Filled(taken, held)


async def box(tx: ReadTx, code: str, *, just: str | None = None) -> BoxView:
    """The map of a box; `just` is the tube that was stored a moment ago.

    Raises:
        NotFound: none of this id within reach.
        NotABox: it has no grid.
    """
    scope = tx.scope(Permission.STORAGE_READ)
    found, grid = await find_box(tx, code, Permission.STORAGE_READ)
    rows = await tx.session.execute(
        select(
            Custody.row,
            Custody.col,
            Specimen.code,
            Specimen.specimen_type,
            Specimen.hold,
            Specimen.quality,
            within(scope).label("seen"),
        )
        .join(Specimen, Specimen.id == Custody.specimen_id)
        .where(Custody.container_id == found.id)
    )
    standing = {(row.row, row.col): row for row in rows}
    kept = await held(tx, found.id)
    free = grids.next_free(grid, {*standing, *kept})
    return BoxView(
        code=found.code,
        name=found.name,
        rows=grid.rows,
        cols=grid.cols,
        row_labels=grids.row_labels(grid),
        col_labels=grids.col_labels(grid),
        cells=tuple(
            _cell(grid, (row, col), standing.get((row, col)), kept.get((row, col)), free, just)
            for row in range(grid.rows)
            for col in range(grid.cols)
        ),
        occupied=len(standing),
        capacity=grid.capacity,
        temperature_class=found.temperature_class,
        fill=grid.fill_order,
        path=tuple(place(step) for step in await path(tx, found.id)),
    )


def _cell(
    grid: Grid, at: tuple[int, int], tube: Any, kept: Held | None, free: tuple[int, int] | None, just: str | None
) -> Cell:
    row, col = at
    name = grids.label(grid, row, col)
    if tube is None and kept is not None:
        href = f"/space/reservations/{kept.number}"
        return Cell(row=row, col=col, label=name, state="reserved", code=None, text=kept.name, href=href)
    if tube is None:
        return Cell(row=row, col=col, label=name, state="next" if at == free else "free", code=None, text="", href=None)
    if not tube.seen:
        return Cell(row=row, col=col, label=name, state="full", code=None, text="", href=None)
    held = tube.hold is not None or tube.quality != "acceptable"
    return Cell(
        row=row,
        col=col,
        label=name,
        state="just" if tube.code == just else "hold" if held else "full",
        code=tube.code,
        text=tube.specimen_type,
        href=f"/specimens/{tube.code}",
    )


async def content(tx: ReadTx, code: str) -> list[ContentRow]:
    """The tubes in a box that are within reach, in fill order.

    Raises:
        NotFound: none of this id within reach.
        NotABox: it has no grid.
    """
    found, grid = await find_box(tx, code, Permission.STORAGE_READ)
    rows = await tx.session.execute(
        select(
            Custody.row,
            Custody.col,
            Specimen.code.label("tube"),
            Specimen.specimen_type.label("type"),
            case((shown(tx), Participant.code)).label("participant"),
            Specimen.quantity,
            Specimen.unit,
            Specimen.is_partial,
            Specimen.freeze_thaw_count,
            Specimen.quality,
            Specimen.hold,
            Custody.since,
        )
        .join(Specimen, Specimen.id == Custody.specimen_id)
        .outerjoin(Participant, Participant.id == Specimen.participant_id)
        .where(Custody.container_id == found.id, within(tx.scope(Permission.STORAGE_READ)))
    )
    standing = {(row.row, row.col): row._mapping for row in rows}  # the documented way to a row's mapping
    return [
        ContentRow(
            position=grids.label(grid, *at),
            **{name: standing[at][name] for name in ContentRow.model_fields if name != "position"},
        )
        for at in grids.fill_order(grid)
        if at in standing
    ]
