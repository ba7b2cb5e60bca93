"""Deliveries of coded tubes as people may see them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, func, select

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.db import visible
from biobank.delivery.models import VendorCode, VendorCodeDelivery, VendorCodeRule
from biobank.errors import NotFound
from biobank.identifier.models import HOUSE, Namespace
from biobank.study.models import Site, Study, StudySite
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class DeliveryView(View):
    """A delivery: `count` codes, of which `used` are on tubes."""

    number: int
    study: str
    site: str
    namespace: str
    maker: str
    lot: str | None
    file_name: str
    count: int
    used: int
    received_by: str
    received_at: datetime


class RuleView(View):
    study: str
    namespace: str
    required: bool


def _deliveries(tx: ReadTx) -> Select[tuple[object, ...]]:
    used = (
        select(func.count())
        .where(VendorCode.delivery_id == VendorCodeDelivery.id, VendorCode.specimen_id.is_not(None))
        .correlate(VendorCodeDelivery)
        .scalar_subquery()
    )
    scope = tx.scope(Permission.LABEL_PRINT)
    return (
        select(
            VendorCodeDelivery.id.label("number"),
            Study.code.label("study"),
            Site.code.label("site"),
            VendorCodeDelivery.namespace,
            Namespace.title.label("maker"),
            VendorCodeDelivery.lot,
            VendorCodeDelivery.file_name,
            VendorCodeDelivery.count,
            used.label("used"),
            AppUser.display_name.label("received_by"),
            VendorCodeDelivery.received_at,
        )
        .join(Study, Study.id == VendorCodeDelivery.study_id)
        .join(Site, Site.id == VendorCodeDelivery.site_id)
        .join(Namespace, Namespace.code == VendorCodeDelivery.namespace)
        .join(AppUser, AppUser.id == VendorCodeDelivery.received_by)
        .where(visible(scope, VendorCodeDelivery.study_id, VendorCodeDelivery.site_id))
    )


async def deliveries(tx: ReadTx) -> list[DeliveryView]:
    """The deliveries within reach, the latest 100, newest first."""
    rows = await tx.session.execute(_deliveries(tx).order_by(VendorCodeDelivery.id.desc()).limit(100))
    return [DeliveryView(**row._mapping) for row in rows]  # the documented way to a row's mapping


async def delivery(tx: ReadTx, number: int) -> DeliveryView:
    """One delivery.

    Raises:
        NotFound: none of this number within reach.
    """
    row = (await tx.session.execute(_deliveries(tx).where(VendorCodeDelivery.id == number))).one_or_none()
    if row is None:
        raise NotFound(f"There is no delivery {number}.", number=number)
    return DeliveryView(**row._mapping)  # the documented way to a row's mapping


async def code_rules(tx: ReadTx) -> list[RuleView]:
    """The studies within reach that take only registered codes of a maker."""
    rows = await tx.session.execute(
        select(Study.code.label("study"), VendorCodeRule.namespace, VendorCodeRule.required)
        .join(Study, Study.id == VendorCodeRule.study_id)
        .where(visible(tx.scope(Permission.LABEL_PRINT), Study.id), VendorCodeRule.required)
        .order_by(Study.code, VendorCodeRule.namespace)
    )
    return [RuleView(**row._mapping) for row in rows]  # the documented way to a row's mapping


async def makers(tx: ReadTx) -> list[tuple[str, str]]:
    """Whose codes can be registered: code and title."""
    rows = await tx.session.execute(
        select(Namespace.code, Namespace.title).where(Namespace.code != HOUSE).order_by(Namespace.code)
    )
    return [(row.code, row.title) for row in rows]


async def places(tx: ReadTx) -> list[tuple[str, str]]:
    """Studies and sites at which this person registers codes, for a form."""
    rows = await tx.session.execute(
        select(Study.code.label("study"), Site.code, Site.name)
        .join(StudySite, StudySite.study_id == Study.id)
        .join(Site, Site.id == StudySite.site_id)
        .where(visible(tx.scope(Permission.LABEL_PRINT), Study.id, Site.id))
        .order_by(Study.code, Site.code)
    )
    return [(f"{row.study}/{row.code}", f"{row.study}, {row.name}") for row in rows]
