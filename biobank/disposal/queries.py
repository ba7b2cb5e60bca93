"""Disposal lists as people may see them, in the order in which one walks along the freezers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.db import visible
from biobank.disposal import rules
from biobank.disposal.models import Disposal, DisposalTube
from biobank.errors import NotFound
from biobank.paging import Page, cut
from biobank.picking.models import PickList, PickListLine
from biobank.specimen.models import Custody, Specimen
from biobank.storage.places import TubePlace, places
from biobank.study.models import Site, Study
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class DisposalRow(View):
    """A disposal list. `open` counts its tubes that wait for a word. `id` is the key of paging and is not shown."""

    id: Annotated[int, Field(exclude=True)] = 0
    number: UUID
    study: str
    site: str
    reason: str
    words: str
    created_at: datetime
    created_by: str
    tubes: int
    open: int


class DisposalTubeView(View):
    """A tube of a list. `place` says where it is now, or where the first person took it from."""

    tube: str
    specimen_type: str
    status: str
    place: str
    box: str | None
    position: str | None
    method: str | None
    first_by: str | None
    first_at: datetime | None
    second_by: str | None
    second_at: datetime | None
    struck_reason: str | None


class DisposalView(DisposalRow):
    """A list with its tubes in freezer order; what is settled comes last."""

    timezone: str
    counts: dict[str, int]
    lines: tuple[DisposalTubeView, ...]


def place_of(custody: Custody) -> str:
    """The kind of place, as the rules call it."""
    if custody.terminal is not None:
        return "ended"
    if custody.package_id is not None:
        return "package"
    if custody.external_party_id is not None:
        return "party"
    return "holder" if custody.holder_id is not None else "position"


async def find_disposal(tx: ReadTx, number: str, permission: Permission) -> Disposal:
    """Raises NotFound: no list of this number within reach."""
    try:
        wanted = UUID(number)
    except ValueError:
        raise NotFound("There is no such disposal list.") from None
    found = (
        await tx.session.execute(
            select(Disposal).where(
                Disposal.number == wanted, visible(tx.scope(permission), Disposal.study_id, Disposal.site_id)
            )
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such disposal list.")
    return found


async def disposals(
    tx: ReadTx,
    *,
    is_open: bool | None = None,
    site: str | None = None,
    ids: Iterable[int] | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[DisposalRow]:
    """The disposal lists within reach, in the order in which they were made."""
    counts = (
        select(
            DisposalTube.disposal_id,
            func.count().label("tubes"),
            func.count().filter(DisposalTube.status.in_(rules.OPEN)).label("open"),
        )
        .group_by(DisposalTube.disposal_id)
        .subquery()
    )
    query = (
        select(
            Disposal.id,
            Disposal.number,
            Study.code.label("study"),
            Site.code.label("site"),
            Disposal.reason,
            Disposal.words,
            Disposal.created_at,
            AppUser.display_name.label("created_by"),
            func.coalesce(counts.c.tubes, 0).label("tubes"),
            func.coalesce(counts.c.open, 0).label("open"),
        )
        .join(Study, Study.id == Disposal.study_id)
        .join(Site, Site.id == Disposal.site_id)
        .join(AppUser, AppUser.id == Disposal.created_by)
        .outerjoin(counts, counts.c.disposal_id == Disposal.id)
        .where(Disposal.id > after)
        .order_by(Disposal.id)
        .limit(limit + 1)
    )
    if ids is None:
        query = query.where(visible(tx.scope(Permission.STORAGE_READ), Disposal.study_id, Disposal.site_id))
    else:
        query = query.where(Disposal.id.in_(sorted(set(ids))))
    if is_open is not None:
        query = query.where((counts.c.open > 0) if is_open else (counts.c.open == 0))
    if site:
        query = query.where(Site.code == site)
    rows = [DisposalRow(**row._asdict()) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.id)


async def disposal(tx: ReadTx, number: str) -> DisposalView:
    """Raises NotFound: no list of this number within reach."""
    return await disposal_view(tx, await find_disposal(tx, number, Permission.STORAGE_READ))


async def disposal_view(tx: ReadTx, found: Disposal) -> DisposalView:
    """A list that the caller has found."""
    (row,) = (await disposals(tx, ids=[found.id])).rows
    timezone = (await tx.session.execute(select(Site.timezone).where(Site.id == found.site_id))).scalar_one()
    first, second = aliased(AppUser), aliased(AppUser)
    lines = (
        await tx.session.execute(
            select(
                DisposalTube,
                Specimen.code,
                SpecimenType.title,
                first.display_name.label("first"),
                second.display_name.label("second"),
            )
            .join(Specimen, Specimen.id == DisposalTube.specimen_id)
            .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
            .outerjoin(first, first.id == DisposalTube.first_by)
            .outerjoin(second, second.id == DisposalTube.second_by)
            .where(DisposalTube.disposal_id == found.id)
        )
    ).all()
    where = await places(tx, [line.DisposalTube.specimen_id for line in lines])
    ordered = sorted(
        lines,
        key=lambda line: (line.DisposalTube.status not in rules.OPEN, where[line.DisposalTube.specimen_id].order),
    )
    statuses = Counter(line.DisposalTube.status for line in lines)
    names = ("listed", "confirmed", "missed", "disposed", "not_found", "struck")
    return DisposalView(
        **row.model_dump(exclude={"id"}),
        id=row.id,
        timezone=timezone,
        counts={name: statuses[name] for name in names},
        lines=tuple(
            _line(line.DisposalTube, line.code, line.title, line.first, line.second, where) for line in ordered
        ),
    )


def _line(
    line: DisposalTube,
    code: str,
    title: str,
    first: str | None,
    second: str | None,
    where: Mapping[int, TubePlace],
) -> DisposalTubeView:
    at = where[line.specimen_id]
    told = line.status in {"listed", "missed"} or line.was_at is None
    return DisposalTubeView(
        tube=code,
        specimen_type=title,
        status=line.status,
        place=at.words if told else str(line.was_at),
        box=at.box,
        position=at.position,
        method=line.method,
        first_by=first,
        first_at=line.first_at,
        second_by=second,
        second_at=line.second_at,
        struck_reason=line.struck_reason,
    )


async def picked(tx: ReadTx, specimen_ids: Iterable[int]) -> dict[int, str]:
    """By tube id, the open pick list that it is on."""
    rows = await tx.session.execute(
        select(PickListLine.specimen_id, PickList.code)
        .join(PickList, PickList.id == PickListLine.pick_list_id)
        .where(PickListLine.specimen_id.in_(sorted(set(specimen_ids))), PickListLine.is_open)
    )
    return {row.specimen_id: row.code for row in rows}


async def listed_on(tx: ReadTx, specimen_ids: Iterable[int]) -> dict[int, int]:
    """By tube id, the open list that it is on."""
    rows = await tx.session.execute(
        select(DisposalTube.specimen_id, DisposalTube.disposal_id).where(
            and_(DisposalTube.specimen_id.in_(sorted(set(specimen_ids))), DisposalTube.status.in_(rules.OPEN))
        )
    )
    return {row.specimen_id: row.disposal_id for row in rows}
