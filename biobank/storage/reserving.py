"""Positions and slots are kept free for what is to come: reserved, used, released."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import update

from biobank.storage import grids, rules
from biobank.storage.grids import Grid
from biobank.storage.models import Container, ReservedPosition
from biobank.storage.rules import Held
from biobank.tx import Tx

Place = tuple[int, int]


def next_place(
    grid: Grid, taken: Collection[Place], held: Mapping[Place, Held], named: UUID | None, container: Container
) -> Place:
    """The next place in fill order: a free one, or under a reservation the next one that it holds here.

    Raises:
        BoxFull: there is none.
        ReservationEnded: the reservation that is named holds nothing here, or not any more.
    """
    if named is not None:
        mine = {place for place, one in held.items() if one.number == named}
        at = next((place for place in grids.fill_order(grid) if place in mine), None)
        if at is None:
            raise rules.ReservationEnded(
                f"This reservation holds nothing in {container.name}, or not any more: look at what it holds.",
                container=container.code,
                reservation=str(named),
            )
        return at
    at = grids.next_free(grid, {*taken, *held})
    if at is None:
        kept = f", {len(held)} of them reserved" if held else ""
        raise rules.BoxFull(
            f"All {grid.capacity} positions of {container.name} are taken{kept}: scan another box.",
            container=container.code,
        )
    return at


async def use(tx: Tx, container_id: int, at: Place) -> None:
    """What was reserved is put there now. The caller holds the container locked and has seen that it may."""
    row, col = at
    await tx.session.execute(
        update(ReservedPosition)
        .where(
            ReservedPosition.container_id == container_id,
            ReservedPosition.row == row,
            ReservedPosition.col == col,
            ReservedPosition.ended_at.is_(None),
        )
        .values(ended_at=tx.now, ended_as="used", ended_by=tx.actor.user_id)
    )
