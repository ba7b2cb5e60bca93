"""Where many tubes are, in words and in the order in which one walks: freezer, shelf, rack, box, position."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from biobank.access.models import AppUser
from biobank.specimen.models import Custody, Specimen
from biobank.storage import grids, rules
from biobank.storage.models import Container, ContainerType
from biobank.storage.queries import grid_of, paths
from biobank.study.models import Site
from biobank.tx import ReadTx

LAST = ((1, ()),)
"""What stands nowhere in storage comes after everything that does."""


@dataclass(frozen=True, slots=True)
class TubePlace:
    """Where a tube is. `kind` is position, holder, package, party or ended; `unit` the freezer or other outermost
    piece of equipment, for counting; `order` sorts as one walks.
    """

    specimen_id: int
    code: str
    kind: str
    words: str
    unit: str
    site_id: int | None
    box: str | None
    position: str | None
    order: tuple[Any, ...]


async def places(tx: ReadTx, specimen_ids: Iterable[int]) -> Mapping[int, TubePlace]:
    """By tube id, where it is. The caller has found the tubes, so nothing is filtered."""
    rows = (
        await tx.session.execute(
            select(
                Specimen.id,
                Specimen.code,
                Custody.container_id,
                Custody.row,
                Custody.col,
                Custody.package_id,
                Custody.external_party_id,
                Custody.terminal,
                Custody.site_id,
                Site.name.label("site"),
                AppUser.display_name.label("holder"),
                ContainerType,
            )
            .join(Custody, Custody.specimen_id == Specimen.id)
            .outerjoin(Site, Site.id == Custody.site_id)
            .outerjoin(AppUser, AppUser.id == Custody.holder_id)
            .outerjoin(Container, Container.id == Custody.container_id)
            .outerjoin(ContainerType, ContainerType.id == Container.type_id)
            .where(Specimen.id.in_(sorted(set(specimen_ids))))
        )
    ).all()
    ways = await paths(tx, {row.container_id for row in rows if row.container_id is not None})
    return {row.id: _place(row, ways) for row in rows}


def _place(row: Any, ways: Mapping[int, tuple[rules.Step, ...]]) -> TubePlace:
    box = position = None
    if row.container_id is not None:
        steps = ways[row.container_id]
        grid = grid_of(row.ContainerType)
        box, position = steps[-1].code, "" if grid is None else grids.label(grid, row.row, row.col)
        unit = next((step for step in steps if step.level == "freezer"), steps[0])
        kind, words = "position", rules.path_words(steps, position)
        # What stands by code after the name keeps two freezers of one name apart.
        where: tuple[Any, ...] = tuple((0, (*rules.natural(step.name), (0, step.code))) for step in steps)
        order = (row.site or "", where, row.row, row.col)
        name = f"{unit.name}, {row.site}"
    else:
        if row.terminal is not None:
            kind, words = "ended", row.terminal
        elif row.package_id is not None:
            kind, words = "package", "in a package of a shipment"
        elif row.external_party_id is not None:
            kind, words = "party", "with a partner outside the house"
        else:
            kind, words = "holder", f"in the hands of {row.holder}, {row.site}"
        order, name = (row.site or "", LAST, 0, 0), words
    return TubePlace(row.id, row.code, kind, words, name, row.site_id, box, position, (*order, row.code))
