"""Label stocks are measured, measured anew as the next version, and offered no more."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank.actor import Permission
from biobank.errors import Forbidden
from biobank.stock import queries, rules
from biobank.stock.models import LabelStock, LabelStockVersion
from biobank.stock.queries import LabelStockView
from biobank.study.queries import study_by_code
from biobank.tx import Tx
from labels import Stock, stock_to_data

Note = Annotated[str, Field(min_length=3, max_length=400)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DefineLabelStock(Command):
    """A new stock; `content` are its measures as a file of a stock holds them. Without a study it is the house's."""

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{1,39}$")]
    study: str | None = None
    content: dict[str, Any]
    note: Note | None = None


class MeasureLabelStock(Command):
    """Other measures, as the version after the one that was `seen` last."""

    seen: int
    content: dict[str, Any]
    note: Note


class OfferLabelStock(Command):
    """The stock may be chosen, or is chosen no more. What holds it already keeps it."""

    offered: bool
    reason: Note


async def define_stock(tx: Tx, command: DefineLabelStock) -> LabelStockView:
    """Measure a stock.

    Raises:
        NotFound: no such study within reach.
        Forbidden: the person manages only a part of the study, or not the house.
        LabelStockFaulty: naming the place of what is wrong in the measures.
        LabelStockExists: the name is taken, here or in another study.
    """
    rules.check_name(command.name)
    study_id = None
    if command.study is not None:
        study_id = (await study_by_code(tx, command.study, Permission.STUDY_MANAGE)).id
    if not queries.may_change(tx.scope(Permission.STUDY_MANAGE), study_id):
        whose = "of the house" if study_id is None else "for all sites of a study"
        raise Forbidden(f"You define no stocks {whose}: name a study that you manage.", errors={"study": "is missing"})
    read = rules.read(command.content, command.name, 1)
    made = LabelStock(name=command.name, kind=rules.kind_of(read), study_id=study_id)
    tx.session.add(made)
    await tx.session.flush()
    await _add(tx, made, 1, read, command.note)
    _note(tx, made, "label_stock.defined", version=1)
    return await queries.stock(tx, made.name)


async def _add(tx: Tx, stock: LabelStock, number: int, read: Stock, note: str | None) -> None:
    tx.session.add(
        LabelStockVersion(
            stock=stock.name,
            number=number,
            content=stock_to_data(read),
            note=note,
            created_at=tx.now,
            created_by=tx.actor.user_id,
        )
    )
    await tx.session.flush()


async def _changeable(tx: Tx, name: str) -> LabelStock:
    found = await queries.find(tx, name, lock=True)
    if not queries.may_change(tx.scope(Permission.STUDY_MANAGE), found.study_id):
        whose = "the house" if found.study_id is None else "the whole study"
        raise Forbidden(f"Label stock {name} is changed by a manager of {whose} only: define one of your own.")
    return found


async def measure_stock(tx: Tx, name: str, command: MeasureLabelStock) -> LabelStockView:
    """Add a version with other measures. Printers and records keep the version that they name.

    Raises:
        NotFound: no such stock within reach.
        Forbidden: it is the house's, or that of sites that this person does not manage.
        LabelStockChanged: somebody else added a version meanwhile.
        LabelStockFaulty: naming the place of what is wrong, or another kind of stock.
    """
    found = await _changeable(tx, name)
    latest = await tx.session.scalar(select(func.max(LabelStockVersion.number)).where(LabelStockVersion.stock == name))
    number = latest or 0
    rules.check_seen(name, command.seen, number)
    read = rules.read(command.content, name, number + 1)
    rules.check_kind(name, found.kind, read)
    await _add(tx, found, number + 1, read, command.note)
    _note(tx, found, "label_stock.measured", version=number + 1)
    return await queries.stock(tx, name)


async def offer_stock(tx: Tx, name: str, command: OfferLabelStock) -> LabelStockView:
    """Offer a stock, or offer it no more.

    Raises:
        NotFound, Forbidden: as for `measure_stock`.
    """
    found = await _changeable(tx, name)
    if found.is_offered != command.offered:
        found.is_offered = command.offered
        await tx.session.flush()
        verb = "label_stock.offered" if command.offered else "label_stock.withdrawn"
        _note(tx, found, verb, reason=command.reason)
    return await queries.stock(tx, name)


def _note(tx: Tx, stock: LabelStock, verb: str, *, reason: str | None = None, **details: Any) -> None:
    tx.record(
        verb,
        subject="label_stock",
        subject_id=stock.id,
        study_id=stock.study_id,
        reason=reason,
        stock=stock.name,
        **details,
    )
