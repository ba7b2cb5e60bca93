"""Searches: tubes that were not where their record says."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.db import visible
from biobank.errors import NotFound
from biobank.paging import Page, cut
from biobank.picking import gate
from biobank.picking.models import PickList, PickListLine, TubeSearch
from biobank.picking.queries import View, named_tubes, places
from biobank.picking.reserving import Command, Reason
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.study.models import Site
from biobank.tx import ReadTx, Tx


class TubeSearchView(View):
    """A tube that was not where its record says, and what stood there instead."""

    id: Annotated[int, Field(exclude=True)] = 0
    tube: str
    type_title: str
    pick_list: str
    expected: str | None
    there_instead: str | None
    note: str | None
    opened_by: str
    opened_at: datetime
    timezone: str


class GiveUp(Command):
    """Nobody looks for the tube any more. It stays recorded as lost."""

    reason: Reason


class GivenUpView(View):
    tube: str
    outcome: str


async def give_up(tx: Tx, tube: str, command: GiveUp) -> GivenUpView:
    """End a search without a find. The tube may still turn up: storing it anywhere finds it.

    Raises:
        NotFound: the tube is not searched for, or not within reach.
    """
    (code,) = await named_tubes(tx, [tube])
    held = await gate.hold(tx, Specimen.code == code, Permission.SPECIMEN_PICK)
    found = None
    if code in held.tubes:
        found = (
            await tx.session.execute(
                select(TubeSearch).where(
                    TubeSearch.specimen_id == held.tubes[code][0].id, TubeSearch.closed_at.is_(None)
                )
            )
        ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"Nobody searches for {ids.grouped(code)}.", tube=code)
    specimen, _ = held.tubes[code]
    found.closed_at, found.closed_by, found.outcome = tx.now, tx.actor.user_id, "given_up"
    await tx.session.flush()
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
    query = (
        select(
            TubeSearch.id,
            Specimen.code.label("tube"),
            SpecimenType.title.label("type_title"),
            PickList.code.label("pick_list"),
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
        .join(PickListLine, PickListLine.id == TubeSearch.pick_list_line_id)
        .join(PickList, PickList.id == PickListLine.pick_list_id)
        .join(Site, Site.id == PickList.site_id)
        .join(opener, opener.id == TubeSearch.opened_by)
        .outerjoin(there, there.id == TubeSearch.there_instead)
        .where(
            TubeSearch.closed_at.is_(None),
            or_(
                within(tx.scope(Permission.SPECIMEN_READ)),
                visible(tx.scope(Permission.SPECIMEN_READ), PickList.study_id, PickList.site_id),
            ),
        )
        .order_by(TubeSearch.id.desc())
        .limit(limit + 1)
    )
    if after:
        query = query.where(TubeSearch.id < after)
    rows = (await tx.session.execute(query)).all()
    known = await places(tx, [(row.container_id, row.row, row.col) for row in rows if row.container_id is not None])
    views = []
    for row in rows:
        values = dict(row._mapping)
        at = known.get((values.pop("container_id"), values.pop("row"), values.pop("col")))
        views.append(TubeSearchView(expected=at.words if at else None, **values))
    return cut(views, limit, lambda row: row.id)
