"""Ranges of labels within reach, what is left of them, and how many a site has."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.db import visible
from biobank.errors import NotFound
from biobank.labelling.models import Kit, LabelRange, RangeLabel, RangePrint
from biobank.labelling.rules import RangeState
from biobank.paging import Page, cut
from biobank.study.models import Site, Study
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class RangeRow(View):
    """A range of labels in a list. `state` is minted, issued or received; `left` of `count` labels are neither used nor
    voided.
    """

    number: int
    study: str
    site: str | None
    purpose: str
    state: str
    count: int
    applied: int
    voided: int
    left: int
    printed: int
    minted_at: datetime
    timezone: str


class PrintedView(View):
    copy_no: int
    reason: str
    labels: int
    stock: str
    printed_by: str
    printed_at: datetime


class LabelView(View):
    """A label of a range. `state` is minted, issued, applied or voided; `tube` is what an applied one is on."""

    position: int
    code: str
    state: str
    at: datetime | None
    by: str | None
    reason: str | None


class KitView(View):
    """A kit of a range: its labels `first` to `last`, of which `left` are neither used nor voided."""

    number: int
    code: str
    first: int
    last: int
    left: int


class RangeView(RangeRow):
    """A range with its history and its labels in the order in which they are printed."""

    warn_below: int
    minted_by: str
    issued_by: str | None
    issued_at: datetime | None
    received_by: str | None
    received_at: datetime | None
    prints: tuple[PrintedView, ...]
    kits: tuple[KitView, ...]
    labels: tuple[LabelView, ...]


class StockView(View):
    """How many pre-printed labels a site has left; `low` when they are fewer than `warn_below`."""

    study: str
    site: str
    site_name: str
    left: int
    on_the_way: int
    warn_below: int
    low: bool


async def find_range(
    tx: ReadTx, number: int, permission: Permission, *, lock: bool = False
) -> tuple[LabelRange, Study, Site | None]:
    """A range by its number, with its study and the site that it was issued to.

    Raises:
        NotFound: no such range within reach. One that was not issued is reached by whoever reaches the whole study.
    """
    query = (
        select(LabelRange, Study, Site)
        .join(Study, Study.id == LabelRange.study_id)
        .outerjoin(Site, Site.id == LabelRange.site_id)
        .where(LabelRange.id == number, visible(tx.scope(permission), LabelRange.study_id, LabelRange.site_id))
        .execution_options(populate_existing=True)
    )
    row = (await tx.session.execute(query.with_for_update(of=LabelRange) if lock else query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no range of labels {number} within your reach.", range=number)
    return row.LabelRange, row.Study, row.Site


_USED = RangeLabel.applied_at.is_not(None)
_VOID = RangeLabel.voided_at.is_not(None)


def _counted() -> Any:
    return (
        select(
            RangeLabel.range_id,
            func.count().filter(_USED).label("applied"),
            func.count().filter(_VOID).label("voided"),
        )
        .group_by(RangeLabel.range_id)
        .subquery()
    )


def _rows(tx: ReadTx) -> Any:
    """A select of what `RangeRow` shows, of the ranges within reach."""
    counted = _counted()
    prints = (
        select(func.count())
        .select_from(RangePrint)
        .where(RangePrint.range_id == LabelRange.id)
        .correlate(LabelRange)
        .scalar_subquery()
    )
    return (
        select(
            LabelRange.id.label("number"),
            Study.code.label("study"),
            Site.code.label("site"),
            LabelRange.purpose,
            LabelRange.count,
            LabelRange.issued_at,
            LabelRange.received_at,
            LabelRange.minted_at,
            func.coalesce(counted.c.applied, 0).label("applied"),
            func.coalesce(counted.c.voided, 0).label("voided"),
            prints.label("printed"),
            func.coalesce(Site.timezone, "UTC").label("timezone"),
        )
        .join(Study, Study.id == LabelRange.study_id)
        .outerjoin(Site, Site.id == LabelRange.site_id)
        .outerjoin(counted, counted.c.range_id == LabelRange.id)
        .where(visible(tx.scope(Permission.LABEL_PRINT), LabelRange.study_id, LabelRange.site_id))
    )


def _row(row: Any) -> dict[str, Any]:
    found = dict(row._mapping)
    state = "received" if found["received_at"] else "issued" if found["issued_at"] else "minted"
    left = found["count"] - found["applied"] - found["voided"]
    return {**found, "state": state, "left": left}


async def label_ranges(
    tx: ReadTx, *, study: str | None = None, site: str | None = None, after: int = 0, limit: int = 50
) -> Page[RangeRow]:
    """Ranges within reach, the newest first; `after` is the number of the last one shown."""
    query = _rows(tx).order_by(LabelRange.id.desc()).limit(limit + 1)
    if after:
        query = query.where(LabelRange.id < after)
    if study is not None:
        query = query.where(Study.code == study)
    if site is not None:
        query = query.where(Site.code == site)
    rows = [RangeRow(**_row(row)) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.number)


async def label_range(tx: ReadTx, number: int) -> RangeView:
    """One range with all of its labels.

    Raises:
        NotFound: no such range within reach.
    """
    row = (await tx.session.execute(_rows(tx).where(LabelRange.id == number))).one_or_none()
    if row is None:
        raise NotFound(f"There is no range of labels {number} within your reach.", range=number)
    minter, issuer, receiver = aliased(AppUser), aliased(AppUser), aliased(AppUser)
    people = (
        await tx.session.execute(
            select(
                LabelRange.warn_below,
                LabelRange.issued_at,
                LabelRange.received_at,
                minter.display_name.label("minted_by"),
                issuer.display_name.label("issued_by"),
                receiver.display_name.label("received_by"),
            )
            .join(minter, minter.id == LabelRange.minted_by)
            .outerjoin(issuer, issuer.id == LabelRange.issued_by)
            .outerjoin(receiver, receiver.id == LabelRange.received_by)
            .where(LabelRange.id == number)
        )
    ).one()
    return RangeView(
        **{**_row(row), **people._asdict()},
        prints=await _prints(tx, number),
        kits=await _kits(tx, number),
        labels=await _labels(tx, number, issued=row.issued_at is not None),
    )


async def _kits(tx: ReadTx, number: int) -> tuple[KitView, ...]:
    left = (
        select(func.count())
        .where(RangeLabel.range_id == Kit.range_id, RangeLabel.position.between(Kit.first, Kit.last), ~_USED, ~_VOID)
        .correlate(Kit)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(Kit.number, Kit.code, Kit.first, Kit.last, left.label("left"))
        .where(Kit.range_id == number)
        .order_by(Kit.number)
    )
    return tuple(KitView(**row._asdict()) for row in rows)


async def _prints(tx: ReadTx, number: int) -> tuple[PrintedView, ...]:
    rows = await tx.session.execute(
        select(
            RangePrint.copy_no,
            RangePrint.reason,
            RangePrint.labels,
            RangePrint.stock,
            AppUser.display_name.label("printed_by"),
            RangePrint.printed_at,
        )
        .join(AppUser, AppUser.id == RangePrint.printed_by)
        .where(RangePrint.range_id == number)
        .order_by(RangePrint.copy_no)
    )
    return tuple(PrintedView(**row._asdict()) for row in rows)


async def _labels(tx: ReadTx, number: int, *, issued: bool) -> tuple[LabelView, ...]:
    rows = await tx.session.execute(
        select(RangeLabel, AppUser.display_name)
        .outerjoin(AppUser, AppUser.id == func.coalesce(RangeLabel.applied_by, RangeLabel.voided_by))
        .where(RangeLabel.range_id == number)
        .order_by(RangeLabel.position)
    )
    fresh = "issued" if issued else "minted"
    return tuple(
        LabelView(
            position=row.RangeLabel.position,
            code=row.RangeLabel.code,
            state="voided" if row.RangeLabel.voided_at else "applied" if row.RangeLabel.applied_at else fresh,
            at=row.RangeLabel.voided_at or row.RangeLabel.applied_at,
            by=row.display_name,
            reason=row.RangeLabel.void_reason,
        )
        for row in rows
    )


async def stocks(tx: ReadTx) -> tuple[StockView, ...]:
    """What each site within reach has left of the labels that were issued to it. The latest range says when that is
    little.
    """
    # Counted by an index of the unused ones: those that are on tubes become ever more.
    unused_labels = (
        select(RangeLabel.range_id, func.count().label("left"))
        .where(~_USED, ~_VOID)
        .group_by(RangeLabel.range_id)
        .subquery()
    )
    left = func.coalesce(unused_labels.c.left, 0)
    rows = await tx.session.execute(
        select(
            Study.code.label("study"),
            Site.code.label("site"),
            Site.name.label("site_name"),
            func.sum(left).label("left"),
            func.coalesce(func.sum(left).filter(LabelRange.received_at.is_(None)), 0).label("on_the_way"),
            _latest().label("warn_below"),
        )
        .join(Study, Study.id == LabelRange.study_id)
        .join(Site, Site.id == LabelRange.site_id)
        .outerjoin(unused_labels, unused_labels.c.range_id == LabelRange.id)
        .where(visible(tx.scope(Permission.LABEL_PRINT), LabelRange.study_id, LabelRange.site_id))
        .group_by(Study.id, Study.code, Site.id, Site.code, Site.name, LabelRange.study_id, LabelRange.site_id)
        .order_by(Study.code, Site.code)
    )
    return tuple(
        StockView(**{**row._asdict(), "left": int(row.left), "on_the_way": int(row.on_the_way)}, low=_is_low(row))
        for row in rows
    )


def _latest() -> Any:
    later = aliased(LabelRange)
    return (
        select(later.warn_below)
        .where(later.study_id == LabelRange.study_id, later.site_id == LabelRange.site_id)
        .order_by(later.issued_at.desc(), later.id.desc())
        .limit(1)
        .correlate(LabelRange)
        .scalar_subquery()
    )


def _is_low(row: Any) -> bool:
    return bool(row.left < row.warn_below)


async def unused(tx: ReadTx, number: int) -> Sequence[tuple[int, str]]:
    """Positions and codes of a range's labels that are neither used nor voided, in their order."""
    rows = await tx.session.execute(
        select(RangeLabel.position, RangeLabel.code)
        .where(RangeLabel.range_id == number, ~_USED, ~_VOID)
        .order_by(RangeLabel.position)
    )
    return [(row.position, row.code) for row in rows]


async def running_low(tx: ReadTx) -> int:
    """How many sites within reach have few labels left."""
    return sum(stock.low for stock in await stocks(tx))


async def left_at(tx: ReadTx, study: str, site: str) -> int:
    """How many unused labels a site has of a study."""
    query = (
        select(func.count())
        .select_from(RangeLabel)
        .join(LabelRange, LabelRange.id == RangeLabel.range_id)
        .join(Study, Study.id == LabelRange.study_id)
        .join(Site, Site.id == LabelRange.site_id)
        .where(Study.code == study, Site.code == site, ~_USED, ~_VOID)
    )
    return int((await tx.session.execute(query)).scalar_one())


async def refuse_blank(tx: ReadTx, codes: Sequence[str]) -> None:
    """Labels of a range are printed again with their range, which counts the copies.

    Raises:
        RangeState: some of these codes are labels of a range.
    """
    query = select(RangeLabel.range_id).where(RangeLabel.code.in_(codes)).limit(1)
    number = (await tx.session.execute(query)).scalar_one_or_none()
    if number is not None:
        raise RangeState(
            f"These are pre-printed labels: print what is left of range {number} again, on its page.", range=number
        )
