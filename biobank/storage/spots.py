"""Many positions in words at once."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from biobank.specimen.custody import AtPosition, Place
from biobank.storage import grids, rules
from biobank.storage.boxes import Spot
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import grid_of, paths
from biobank.tx import ReadTx


async def spots(tx: ReadTx, places: Iterable[Place | None]) -> Mapping[AtPosition, Spot]:
    """By position, its box, its name and the way to it; other places are left out."""
    wanted = {place for place in places if isinstance(place, AtPosition)}
    boxes = {place.container_id for place in wanted}
    ways = await paths(tx, boxes) if boxes else {}
    kinds = await tx.session.execute(
        select(Container.id, ContainerType)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .where(Container.id.in_(boxes))
    )
    named = {row.id: grid_of(row.ContainerType) for row in kinds}
    found = {}
    for place in wanted:
        grid, steps = named[place.container_id], ways[place.container_id]
        name = "" if grid is None else grids.label(grid, place.row, place.col)
        found[place] = Spot(box=steps[-1].code, position=name, words=rules.path_words(steps, name))
    return found
