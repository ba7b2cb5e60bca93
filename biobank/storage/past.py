"""Where things were: a box or a freezer as it was at any moment, and what was in it between two of them.

The place of a tube at a moment is its custody history joined with where the containers stood then (the view
`container_stood`), level by level.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    DateTime,
    Numeric,
    Select,
    TextualSelect,
    bindparam,
    case,
    column,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.paging import Page, cut
from biobank.participant.models import Participant
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import shown, within
from biobank.storage import grids
from biobank.storage.boxes import BoxView, Cell
from biobank.storage.models import Container, ContainerPlace, ContainerType
from biobank.storage.queries import Place, View, find_container, grid_of
from biobank.tx import ReadTx

MOST_IN_A_FILE = 100_000
_INSTANT = timedelta(microseconds=1)

# Every container in `:container` during part of the time from `:from` to `:to`, with that part; a container that left
# and came back has two.
_INSIDE = """
with recursive inside as (
    select cast(:container as bigint) as id, cast(:container as bigint) as child,
           cast(:from as timestamptz) as since, cast(:to as timestamptz) as until
    union all
    select p.container_id, case when i.id = :container then p.container_id else i.child end,
           greatest(p.began, i.since), least(coalesce(p.until, i.until), i.until)
      from inside i join container_stood p on p.parent_id = i.id
     where p.began < i.until and (p.until is null or p.until > i.since)
)"""
_STAYS = """
 select h.specimen_id, h.row, h.col, i.id as box_id, i.child as child_id, greatest(h.since, i.since) as since,
        least(coalesce(h.until, i.until), i.until) as until
   from inside i join custody_history h
     on h.container_id = i.id and h.since < i.until and (h.until is null or h.until > i.since)"""
_CHILDREN = """
 select i.id as box_id from inside i where i.id = i.child and i.id <> :container group by i.id"""

# The way down to each of `:containers` from `:since` to `:until`, split where something on it was moved.
_WAYS = """
with recursive up as (
    select o.number, o.container as id, o.since, o.until, array[o.container] as way
      from unnest(cast(:containers as bigint[]), cast(:since as timestamptz[]), cast(:until as timestamptz[]))
           with ordinality as o(container, since, until, number)
    union all
    select u.number, p.parent_id, greatest(p.began, u.since), least(p.until, u.until),
           case when p.parent_id is null then u.way else p.parent_id || u.way end
      from up u join container_stood p on p.container_id = u.id
     where (u.until is null or p.began < u.until) and (p.until is null or p.until > u.since)
)
select number, since, until, way from up where id is null order by number, since"""


class PastTube(View):
    """A tube that was there for `minutes` in all, over `stays` stays from `since` to `until`. `id` is the key of keyset
    paging and is not shown.
    """

    id: Annotated[int, Field(exclude=True)]
    tube: str
    type: str
    participant: str | None
    since: datetime
    until: datetime
    minutes: Decimal
    stays: int


class PastChild(View):
    """A container that stood there, and how many tubes were in it."""

    code: str
    name: str
    type: str
    level: str
    tubes: int


class PastPlace(View):
    """A container at a moment: the way to it then, and what was in it; `box` where tubes stand in it. Of the time
    before it was entered it is said that it stood where it was entered.
    """

    code: str
    name: str
    at: datetime
    entered_at: datetime
    path: tuple[Place, ...]
    tubes: int
    box: BoxView | None
    children: tuple[PastChild, ...]


class PastCount(View):
    """How many tubes were there between two moments, and how many of them are within the reader's reach."""

    tubes: int
    within_reach: int


class Span(View):
    """A way down to a place, from `since` to `until` (None: until now)."""

    since: datetime
    until: datetime | None
    path: tuple[Place, ...]


def _stays(container_id: int, since: datetime, until: datetime) -> TextualSelect:
    return (
        text(_INSIDE + _STAYS)
        .bindparams(
            bindparam("container", container_id, BigInteger),
            bindparam("from", since, DateTime(timezone=True)),
            bindparam("to", until, DateTime(timezone=True)),
        )
        .columns(
            column("specimen_id", BigInteger),
            column("row", BigInteger),
            column("col", BigInteger),
            column("box_id", BigInteger),
            column("child_id", BigInteger),
            column("since", DateTime(timezone=True)),
            column("until", DateTime(timezone=True)),
        )
    )


def check_between(tx: ReadTx, since: datetime, until: datetime) -> None:
    """What is asked for is a span of time that has begun.

    Raises:
        Invalid: the end is not after the beginning, or the beginning is yet to come.
    """
    if until <= since:
        raise Invalid("The end is not after the beginning.", errors={"until": "is not after the beginning"})
    if since > tx.now:
        raise Invalid("The beginning is yet to come.", errors={"since": "is yet to come"})


async def tubes_between(
    tx: ReadTx, code: str, since: datetime, until: datetime, *, after: int = 0, limit: int = 100
) -> Page[PastTube]:
    """Every tube that was in a container, at any depth, between two moments, with the minutes each.

    Raises:
        NotFound: no such container within reach.
        Invalid: the end is not after the beginning.
    """
    found, _ = await find_container(tx, code, Permission.STORAGE_READ)
    check_between(tx, since, until)
    stays = _stays(found.id, since, min(until, tx.now)).cte("stays")
    minutes = func.sum(func.extract("epoch", stays.c.until - stays.c.since)) / 60
    per_tube = (
        select(
            stays.c.specimen_id,
            func.min(stays.c.since).label("since"),
            func.max(stays.c.until).label("until"),
            func.round(minutes.cast(Numeric), 1).label("minutes"),
            func.count().label("stays"),
        )
        .where(stays.c.specimen_id > after)
        .group_by(stays.c.specimen_id)
        .subquery()
    )
    rows = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.code.label("tube"),
            Specimen.specimen_type.label("type"),
            case((shown(tx), Participant.code)).label("participant"),
            per_tube.c.since,
            per_tube.c.until,
            per_tube.c.minutes,
            per_tube.c.stays,
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(per_tube, per_tube.c.specimen_id == Specimen.id)
        .outerjoin(Participant, Participant.id == Specimen.participant_id)
        .where(within(tx.scope(Permission.STORAGE_READ)))
        .order_by(Specimen.id)
        .limit(limit + 1)
    )
    return cut([PastTube(**row._mapping) for row in rows], limit, lambda row: row.id)


async def count_between(tx: ReadTx, code: str, since: datetime, until: datetime) -> PastCount:
    found, _ = await find_container(tx, code, Permission.STORAGE_READ)
    check_between(tx, since, until)
    stays = _stays(found.id, since, min(until, tx.now)).cte("stays")
    ids = select(stays.c.specimen_id).distinct().subquery()
    row = (
        await tx.session.execute(
            select(func.count().label("tubes"), func.count().filter(within(tx.scope(Permission.STORAGE_READ))))
            .select_from(ids)
            .join(Specimen, Specimen.id == ids.c.specimen_id)
            .join(Custody, Custody.specimen_id == Specimen.id)
        )
    ).one()
    return PastCount(tubes=row[0], within_reach=row[1])


async def place_at(tx: ReadTx, code: str, at: datetime) -> PastPlace:
    """A container as it was at a moment.

    Raises:
        NotFound: no such container within reach.
        Invalid: the moment is yet to come.
    """
    found, kind = await find_container(tx, code, Permission.STORAGE_READ)
    if at > tx.now:
        raise Invalid("That moment is yet to come.", errors={"at": "is yet to come"})
    grid = grid_of(kind)
    way = (await ways(tx, [(found.id, at, at + _INSTANT)])).get(0, ())
    stays = _stays(found.id, at, at + _INSTANT).cte("stays")
    box, tubes = None, 0
    children: tuple[PastChild, ...] = ()
    if kind.level == "box" and grid is not None:
        box = await _box(tx, found, grid, stays, way[0].path if way else ())
        tubes = box.occupied
    else:
        children = await _children(tx, found.id, at, stays)
        tubes = sum(child.tubes for child in children)
    return PastPlace(
        code=found.code,
        name=found.name,
        at=at,
        entered_at=(await tx.session.execute(_entered(found.id))).scalar_one(),
        path=way[0].path if way else (),
        tubes=tubes,
        box=box,
        children=children,
    )


def _entered(container_id: int | InstrumentedAttribute[int]) -> Select[datetime]:
    """When a container was first entered."""
    return select(func.min(ContainerPlace.since)).where(ContainerPlace.container_id == container_id)


async def _box(tx: ReadTx, found: Container, grid: grids.Grid, stays: Any, path: tuple[Place, ...]) -> BoxView:
    rows = await tx.session.execute(
        select(
            stays.c.row,
            stays.c.col,
            Specimen.code,
            Specimen.specimen_type,
            within(tx.scope(Permission.STORAGE_READ)).label("seen"),
        )
        .join(Specimen, Specimen.id == stays.c.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
    )
    standing = {(row.row, row.col): row for row in rows}
    return BoxView(
        code=found.code,
        name=found.name,
        rows=grid.rows,
        cols=grid.cols,
        row_labels=grids.row_labels(grid),
        col_labels=grids.col_labels(grid),
        cells=tuple(
            _cell(grid, (row, col), standing.get((row, col))) for row in range(grid.rows) for col in range(grid.cols)
        ),
        occupied=len(standing),
        capacity=grid.capacity,
        temperature_class=None,
        fill=None,
        path=path,
    )


def _cell(grid: grids.Grid, at: tuple[int, int], tube: Any) -> Cell:
    row, col = at
    seen = tube is not None and tube.seen
    return Cell(
        row=row,
        col=col,
        label=grids.label(grid, row, col),
        state="free" if tube is None else "full",
        code=tube.code if seen else None,
        text=tube.specimen_type if seen else "",
        href=f"/specimens/{tube.code}" if seen else None,
    )


async def _children(tx: ReadTx, container_id: int, at: datetime, stays: Any) -> tuple[PastChild, ...]:
    there = (
        text(_INSIDE + _CHILDREN)
        .bindparams(
            bindparam("container", container_id, BigInteger),
            bindparam("from", at, DateTime(timezone=True)),
            bindparam("to", at + _INSTANT, DateTime(timezone=True)),
        )
        .columns(column("box_id", BigInteger))
        .subquery()
    )
    counts = select(stays.c.child_id, func.count().label("tubes")).group_by(stays.c.child_id).subquery()
    rows = await tx.session.execute(
        select(
            Container.code,
            Container.name,
            ContainerType.title.label("type"),
            ContainerType.level,
            func.coalesce(counts.c.tubes, 0).label("tubes"),
        )
        .join(there, there.c.box_id == Container.id)
        .join(ContainerType, ContainerType.id == Container.type_id)
        .outerjoin(counts, counts.c.child_id == Container.id)
        # What was entered later is told of only where the history of tubes says that they were in it.
        .where(or_(counts.c.tubes > 0, _entered(Container.id).scalar_subquery() <= at))
        .order_by(Container.id)
    )
    return tuple(PastChild(**row._mapping) for row in rows)


async def ways(tx: ReadTx, stays: Sequence[tuple[int, datetime, datetime | None]]) -> Mapping[int, tuple[Span, ...]]:
    """The way down to containers in time: for each (container, since, until), by its number, the spans between moves of
    anything on the way.
    """
    if not stays:
        return {}
    statement = text(_WAYS).bindparams(
        bindparam("containers", [stay[0] for stay in stays], ARRAY(BigInteger)),
        bindparam("since", [stay[1] for stay in stays], ARRAY(DateTime(timezone=True))),
        bindparam("until", [stay[2] for stay in stays], ARRAY(DateTime(timezone=True))),
    )
    rows = (await tx.session.execute(statement)).all()
    names = await _places(tx, {container for row in rows for container in row.way})
    found: dict[int, list[Span]] = {}
    for row in rows:
        span = Span(since=row.since, until=row.until, path=tuple(names[container] for container in row.way))
        found.setdefault(row.number - 1, []).append(span)
    return {number: tuple(spans) for number, spans in found.items()}


async def _places(tx: ReadTx, container_ids: Iterable[int]) -> dict[int, Place]:
    rows = await tx.session.execute(
        select(Container.id, Container.code, Container.name).where(Container.id.in_(sorted(container_ids)))
    )
    return {row.id: Place(name=row.name, code=row.code, href=f"/storage/{row.code}") for row in rows}
