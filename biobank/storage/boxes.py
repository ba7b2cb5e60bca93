"""Boxes as people may see them: the map of one, and what stands in it."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import case, select

from biobank.actor import Permission
from biobank.participant.models import Participant
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import shown, within
from biobank.storage import grids, rules
from biobank.storage.looking import SeenBox, Standing, look_into
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import Place, View, find_box, grid_of, path, place
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


async def box(tx: ReadTx, code: str, *, just: str | None = None) -> BoxView:
    """The map of a box; `just` is the tube that was stored a moment ago.

    Raises:
        NotFound: none of this id within reach.
        NotABox: it has no grid.
    """
    return drawn(await look_into(tx, code), just=just)


def drawn(seen: SeenBox, *, just: str | None = None) -> BoxView:
    """The map of a box that was looked into."""
    grid = seen.grid
    labels = grids.labels(grid)
    free = grids.next_free(grid, {*seen.standing, *seen.held})
    return BoxView(
        code=seen.code,
        name=seen.name,
        rows=grid.rows,
        cols=grid.cols,
        row_labels=grids.row_labels(grid),
        col_labels=grids.col_labels(grid),
        cells=tuple(
            _cell(at, name, seen.standing.get(at), seen.held.get(at), free, just) for at, name in labels.items()
        ),
        occupied=len(seen.standing),
        capacity=grid.capacity,
        temperature_class=seen.temperature_class,
        fill=grid.fill_order,
        path=tuple(place(step) for step in seen.steps),
    )


def _cell(
    at: tuple[int, int],
    name: str,
    tube: Standing | None,
    kept: Held | None,
    free: tuple[int, int] | None,
    just: str | None,
) -> Cell:
    row, col = at
    if tube is None and kept is not None:
        href = f"/space/reservations/{kept.number}"
        return Cell(row=row, col=col, label=name, state="reserved", code=None, text=kept.name, href=href)
    if tube is None:
        return Cell(row=row, col=col, label=name, state="next" if at == free else "free", code=None, text="", href=None)
    if tube.code is None:
        return Cell(row=row, col=col, label=name, state="full", code=None, text="", href=None)
    return Cell(
        row=row,
        col=col,
        label=name,
        state="just" if tube.code == just else "hold" if tube.held else "full",
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
