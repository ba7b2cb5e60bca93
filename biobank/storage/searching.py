"""Searches: tubes that were not where their record says, until they turn up or are declared lost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import column, func, or_, select, table
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.db import visible
from biobank.errors import NotFound
from biobank.paging import Page, cut
from biobank.specimen.custody import Ended, hand_over
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import find_specimen, within
from biobank.storage import grids, rules
from biobank.storage.commands import Command, Reason
from biobank.storage.models import Container, ContainerType, TubeSearch
from biobank.storage.queries import View, grid_of, paths, tube_code
from biobank.study.models import Site
from biobank.tx import ReadTx, Tx

LINE = table("pick_list_line", column("id"), column("pick_list_id"))
PICK_LIST = table("pick_list", column("id"), column("code"), column("study_id"), column("site_id"))
"""Pick lists are a slice above: only their codes are told."""

At = tuple[int | None, int | None, int | None]
"""Container, row and column where a tube should have been; nowhere for one that was in hand."""


class TubeSearchView(View):
    """A tube that was not where its record says, what stood there instead, and the pick list it was wanted for, where
    it was one.
    """

    id: Annotated[int, Field(exclude=True)] = 0
    tube: str
    type_title: str
    pick_list: str | None
    expected: str | None
    box: str | None
    there_instead: str | None
    note: str | None
    opened_by: str
    opened_at: datetime
    timezone: str


class GiveUp(Command):
    """Nobody looks for the tube any more: it is declared lost, by who says so and with the reason."""

    reason: Reason


class GivenUpView(View):
    tube: str
    outcome: str


async def open_searches(tx: Tx, missing: Mapping[int, At], context: Mapping[str, Any] | None = None) -> None:
    """Search for tubes, by id, that were not at these places. One that is searched for already stays as it is."""
    if not missing:
        return
    said = {"opened_by": tx.actor.user_id, "opened_at": tx.now, **(context or {})}
    rows = [
        {"specimen_id": tube, "container_id": box, "row": row, "col": col, **said}
        for tube, (box, row, col) in missing.items()
    ]
    opened = upsert(TubeSearch).on_conflict_do_nothing(
        index_elements=[TubeSearch.specimen_id], index_where=TubeSearch.closed_at.is_(None)
    )
    await tx.session.execute(opened, rows)


async def give_up(tx: Tx, tube: str, command: GiveUp) -> GivenUpView:
    """Declare a missing tube lost. It may still turn up: storing it anywhere finds it.

    Raises:
        NotFound: the tube is not searched for, or not within reach.
    """
    code = tube_code(tube)
    specimen, custody = await find_specimen(tx, code, Permission.SPECIMEN_PICK, lock=True)
    searched = select(TubeSearch).where(TubeSearch.specimen_id == specimen.id, TubeSearch.closed_at.is_(None))
    found = (await tx.session.execute(searched)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"Nobody searches for {ids.grouped(code)}.", tube=code)
    found.closed_at, found.closed_by, found.outcome = tx.now, tx.actor.user_id, "given_up"
    await tx.session.flush()
    await hand_over(tx, [(specimen.id, Ended("lost", custody.site_id))])
    tx.record(
        "tube.search_given_up",
        subject="specimen",
        subject_id=specimen.id,
        study_id=specimen.study_id,
        site_id=specimen.site_id,
        reason=command.reason,
        tube=code,
    )
    return GivenUpView(tube=code, outcome="given_up")


async def searches(tx: ReadTx, *, after: int = 0, limit: int = 50) -> Page[TubeSearchView]:
    """Open searches for tubes within reach, the newest first."""
    there, opener = aliased(Specimen), aliased(AppUser)
    scope = tx.scope(Permission.SPECIMEN_READ)
    query = (
        select(
            TubeSearch.id,
            Specimen.code.label("tube"),
            SpecimenType.title.label("type_title"),
            PICK_LIST.c.code.label("pick_list"),
            TubeSearch.container_id,
            TubeSearch.row,
            TubeSearch.col,
            there.code.label("there_instead"),
            TubeSearch.note,
            opener.display_name.label("opened_by"),
            TubeSearch.opened_at,
            Site.timezone,
        )
        .join(Specimen, Specimen.id == TubeSearch.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .outerjoin(LINE, LINE.c.id == TubeSearch.pick_list_line_id)
        .outerjoin(PICK_LIST, PICK_LIST.c.id == LINE.c.pick_list_id)
        .outerjoin(Container, Container.id == TubeSearch.container_id)
        .join(Site, Site.id == func.coalesce(PICK_LIST.c.site_id, Container.site_id, Specimen.site_id))
        .join(opener, opener.id == TubeSearch.opened_by)
        .outerjoin(there, there.id == TubeSearch.there_instead)
        .where(
            TubeSearch.closed_at.is_(None),
            or_(within(scope), visible(scope, PICK_LIST.c.study_id, PICK_LIST.c.site_id)),
        )
        .order_by(TubeSearch.id.desc())
        .limit(limit + 1)
    )
    if after:
        query = query.where(TubeSearch.id < after)
    rows = (await tx.session.execute(query)).all()
    boxes = {row.container_id for row in rows if row.container_id is not None}
    ways = await paths(tx, boxes) if boxes else {}
    kinds = await tx.session.execute(
        select(Container.id, ContainerType).join(ContainerType).where(Container.id.in_(boxes))
    )
    named = {row.id: grid_of(row.ContainerType) for row in kinds}
    views = []
    for row in rows:
        values = dict(row._mapping)
        box, at = values.pop("container_id"), (values.pop("row"), values.pop("col"))
        grid = named.get(box)
        views.append(
            TubeSearchView(
                expected=rules.path_words(ways[box], grids.label(grid, *at)) if grid is not None else None,
                box=ways[box][-1].code if box is not None else None,
                **values,
            )
        )
    return cut(views, limit, lambda row: row.id)
