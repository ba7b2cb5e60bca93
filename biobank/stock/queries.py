"""Label stocks: those that ship and those that were measured here, by the name that records and printers carry."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, or_, select, true, tuple_

from biobank.access.models import AppUser
from biobank.actor import Permission, Scope
from biobank.errors import NotFound
from biobank.stock import rules
from biobank.stock.models import LabelStock, LabelStockVersion
from biobank.study.models import Study
from biobank.tx import ReadTx
from labels import STOCKS, Stock, stock_from_data


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StockVersionView(View):
    """The measures of a stock at one time. `key` is what printers and records name."""

    key: str
    number: int
    title: str
    content: dict[str, Any]
    note: str | None
    created_at: datetime
    created_by: str


class LabelStockView(View):
    """A stock that was measured here, its latest version first."""

    name: str
    title: str
    kind: str
    study: str | None
    is_offered: bool
    may_change: bool
    versions: tuple[StockVersionView, ...]


def within(scope: Scope) -> ColumnElement[bool]:
    """Stocks of the house, and those of studies that the scope reaches."""
    if scope.everything:
        return true()
    studies = scope.studies | {study for study, _ in scope.sites}
    return or_(LabelStock.study_id.is_(None), LabelStock.study_id.in_(studies))


def may_change(scope: Scope, study_id: int | None) -> bool:
    """A study's stocks are used at all its sites, the house's in all studies."""
    return scope.everything if study_id is None else scope.covers(study_id)


async def find(tx: ReadTx, name: str, *, lock: bool = False) -> LabelStock:
    """Raises:
    NotFound: no such stock within reach was measured here.
    """
    query = select(LabelStock).where(LabelStock.name == name, within(tx.scope(Permission.STUDY_READ)))
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no label stock of this name that was measured here.")
    return found


async def stocks(tx: ReadTx) -> tuple[LabelStockView, ...]:
    """All stocks within reach that were measured here, by name."""
    query = select(LabelStock).where(within(tx.scope(Permission.STUDY_READ))).order_by(LabelStock.name)
    return await _views(tx, (await tx.session.execute(query)).scalars().all())


async def stock(tx: ReadTx, name: str) -> LabelStockView:
    """Raises:
    NotFound: as for `find`.
    """
    (view,) = await _views(tx, [await find(tx, name)])
    return view


async def _views(tx: ReadTx, found: Sequence[LabelStock]) -> tuple[LabelStockView, ...]:
    rows = await tx.session.execute(
        select(LabelStockVersion, AppUser.display_name)
        .join(AppUser, AppUser.id == LabelStockVersion.created_by)
        .where(LabelStockVersion.stock.in_([one.name for one in found]))
        .order_by(LabelStockVersion.number.desc())
    )
    versions: dict[str, list[StockVersionView]] = {}
    for one, maker in rows:
        versions.setdefault(one.stock, []).append(
            StockVersionView(
                key=rules.key(one.stock, one.number),
                number=one.number,
                title=one.content["title"],
                content=one.content,
                note=one.note,
                created_at=one.created_at,
                created_by=maker,
            )
        )
    codes = {row.id: row.code for row in await tx.session.execute(select(Study.id, Study.code))}
    scope = tx.scope(Permission.STUDY_MANAGE)
    return tuple(
        LabelStockView(
            name=one.name,
            title=versions[one.name][0].title,
            kind=one.kind,
            study=None if one.study_id is None else codes[one.study_id],
            is_offered=one.is_offered,
            may_change=may_change(scope, one.study_id),
            versions=tuple(versions[one.name]),
        )
        for one in found
    )


async def version(tx: ReadTx, name: str, number: int) -> StockVersionView:
    """Raises:
    NotFound: no such stock within reach, or no such version of it.
    """
    for one in (await stock(tx, name)).versions:
        if one.number == number:
            return one
    raise NotFound(f"Label stock {name} has no such version.")


async def drawn(tx: ReadTx, key: str) -> Stock:
    """The stock that a record, a printer or a print job names, whoever asks: what is printed does not depend on it.

    Raises:
        Invalid: there is none.
    """
    if key in STOCKS:
        return STOCKS[key]
    name, number = rules.split(key)
    content = await tx.session.scalar(
        select(LabelStockVersion.content).where(LabelStockVersion.stock == name, LabelStockVersion.number == number)
    )
    if content is None:
        raise rules.unknown(key)
    return stock_from_data(content)


async def chosen(tx: ReadTx, text: str) -> Stock:
    """The stock that a person names: one that ships, one that was measured here, by its latest version unless the name
    says another.

    Raises:
        Invalid: there is none within reach that is offered.
    """
    if text in STOCKS:
        return STOCKS[text]
    name, number = rules.split(text)
    query = (
        select(LabelStockVersion.content)
        .join(LabelStock, LabelStock.name == LabelStockVersion.stock)
        .where(LabelStock.name == name, LabelStock.is_offered, within(tx.scope(Permission.STUDY_READ)))
        .order_by(LabelStockVersion.number.desc())
        .limit(1)
    )
    if number is not None:
        query = query.where(LabelStockVersion.number == number)
    content = await tx.session.scalar(query)
    if content is None:
        raise rules.unknown(text)
    return stock_from_data(content)


async def choices(tx: ReadTx, *held: str) -> list[tuple[str, str]]:
    """What may be chosen, as key and title: the stocks that were measured here in their latest versions, those that
    ship, and `held`, which something names already.
    """
    latest = (
        select(LabelStockVersion.stock, func.max(LabelStockVersion.number).label("number"))
        .join(LabelStock, LabelStock.name == LabelStockVersion.stock)
        .where(LabelStock.is_offered, within(tx.scope(Permission.STUDY_READ)))
        .group_by(LabelStockVersion.stock)
    )
    own = [rules.key(row.stock, row.number) for row in await tx.session.execute(latest.order_by("stock"))]
    named = await titles(tx, [*own, *held])
    shipped = [name for name in STOCKS if name not in held]
    return [(key, named[key]) for key in dict.fromkeys([*own, *held])] + [(key, STOCKS[key].title) for key in shipped]


async def titles(tx: ReadTx, keys: Iterable[str]) -> dict[str, str]:
    """By key, what a stock is called that something names; the key itself where there is none of this name."""
    wanted = set(keys)
    found = {key: STOCKS[key].title if key in STOCKS else key for key in wanted}
    own = {rules.split(key): key for key in wanted if key not in STOCKS}
    if own:
        rows = await tx.session.execute(
            select(LabelStockVersion.stock, LabelStockVersion.number, LabelStockVersion.content["title"].astext).where(
                tuple_(LabelStockVersion.stock, LabelStockVersion.number).in_(
                    [(name, number) for name, number in own if number]
                )
            )
        )
        found |= {own[name, number]: f"{title} ({own[name, number]})" for name, number, title in rows}
    return found
