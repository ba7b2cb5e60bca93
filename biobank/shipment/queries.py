"""Shipments as people on either end may see them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Executable, case, func, or_, select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType, TemperatureClass
from biobank.db import visible
from biobank.errors import Forbidden, Invalid, NotFound
from biobank.paging import Page, cut
from biobank.participant.models import Participant
from biobank.shipment import rules
from biobank.shipment.models import ExternalParty, Package, PackageItem, Shipment
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import hold_donors
from biobank.study.models import Site, Study
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class PartyView(View):
    """An external laboratory, vendor or researcher."""

    code: str
    name: str
    country: str
    address: str
    contact: str
    phone: str


class EndView(View):
    """One end of a shipment. `kind` is site or party; only a site has a time zone."""

    kind: str
    code: str
    name: str
    country: str
    timezone: str | None = None


class ShipmentRow(View):
    """A shipment in a list. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]
    code: str
    study: str
    from_site: str
    to: str
    status: str
    purpose: str
    tubes: int
    courier: str | None
    tracking_no: str | None
    created_at: datetime
    shipped_at: datetime | None


class PackageView(View):
    number: int
    code: str
    refrigerant: str
    dry_ice_net_kg: Decimal | None
    temperature_class: str
    logger_serial: str | None
    tubes: int


class ItemView(View):
    """A tube of a shipment. Of an extra tube of another study nothing but its code is told."""

    tube: str
    package: int
    status: str
    in_study: bool
    type: str | None
    type_title: str | None
    quantity: Decimal | None
    unit: str | None
    participant: str | None
    note: str | None
    packed_by: str
    packed_at: datetime
    received_by: str | None
    received_at: datetime | None
    resolution: str | None
    resolved_by: str | None


class CountsView(View):
    """Expected = good + damaged + thawed + missing + waiting; extra tubes stand outside the sum."""

    expected: int
    good: int
    damaged: int
    thawed: int
    missing: int
    waiting: int
    extra: int


class StepView(View):
    """A step that was taken: who and when."""

    step: str
    by: str | None
    at: datetime


class ShipmentView(View):
    """A shipment with all it holds. `next` names what the viewer may do now; `row_version` goes with the finishing
    steps.
    """

    code: str
    study: str
    from_site: EndView
    to: EndView
    status: str
    purpose: str
    classification: str
    courier: str | None
    tracking_no: str | None
    manifest_sha256: str | None
    row_version: int
    packages: tuple[PackageView, ...]
    items: tuple[ItemView, ...]
    counts: CountsView
    steps: tuple[StepView, ...]
    next: tuple[str, ...]

    @property
    def discrepancies(self) -> tuple[ItemView, ...]:
        return tuple(item for item in self.items if item.status in rules.DISCREPANT)


def shipment_code(text: str) -> str:
    """The canonical code of a shipment or package that was typed or scanned.

    Raises:
        Invalid: no shipment's id.
    """
    return _parsed(text, ids.Kind.SHIPMENT, "shipment", "X")


def tube_code(text: str) -> str:
    """The canonical code of a tube that was typed or scanned.

    Raises:
        Invalid: no tube's id; a wrong check character is said to be one.
    """
    return _parsed(text, ids.Kind.TUBE, "tube", "T")


def _parsed(text: str, wanted: ids.Kind, noun: str, letter: str) -> str:
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(
            f"{ids.grouped(error.text)[:40]} is no {noun}'s id: {error}.", errors={noun: str(error)}
        ) from None
    if kind is not wanted:
        raise Invalid(
            f"{ids.grouped(code)} is not a {noun}'s id: those start with {letter}.",
            errors={noun: f"does not start with {letter}"},
        )
    return code


async def find_shipment(tx: ReadTx, code: str, permission: Permission, *, lock: bool = False) -> Shipment:
    """A shipment by its own code or a package's, seen from either end; with `lock` nobody else changes it until the
    end.

    `permission` other than reading is asked for at the end whose deed it is: packing at the sender, receiving at the
    consignee, and at the sender where the consignee is an external party.

    Raises:
        Invalid: the text is no shipment's id.
        NotFound: none of this id within reach.
        Forbidden: it is seen, but the deed belongs to the other end.
    """
    canonical = shipment_code(code)
    query = select(Shipment).where(
        or_(Shipment.code == canonical, Shipment.id.in_(select(Package.shipment_id).where(Package.code == canonical))),
        visible(tx.scope(Permission.SHIPMENT_READ), Shipment.study_id, Shipment.from_site_id, Shipment.to_site_id),
    )
    if lock:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no shipment {ids.grouped(canonical)}.", shipment=canonical)
    if permission is not Permission.SHIPMENT_READ and not may(tx, found, permission):
        raise Forbidden(
            f"You work at another end of shipment {ids.grouped(found.code)}: this is not yours to do.",
            permission=str(permission),
        )
    return found


def may(tx: ReadTx, shipment: Shipment, permission: Permission) -> bool:
    """Whether this person packs at the sending end, or receives at the receiving end."""
    receiving = permission is Permission.SHIPMENT_RECEIVE and shipment.to_site_id is not None
    site = shipment.to_site_id if receiving else shipment.from_site_id
    return tx.scope(permission).covers(shipment.study_id, site)


async def parties(tx: ReadTx) -> list[PartyView]:
    """All external laboratories: the house shares one directory."""
    rows = await tx.session.execute(select(ExternalParty).order_by(ExternalParty.name, ExternalParty.code))
    return [party_view(party) for party in rows.scalars()]


def party_view(party: ExternalParty) -> PartyView:
    return PartyView(
        code=party.code,
        name=party.name,
        country=party.country,
        address=party.address,
        contact=party.contact,
        phone=party.phone,
    )


async def temperature_classes(tx: ReadTx) -> list[tuple[str, str]]:
    rows = await tx.session.execute(
        select(TemperatureClass.code, TemperatureClass.title).order_by(TemperatureClass.rank)
    )
    return [(row.code, row.title) for row in rows]


_From = aliased(Site)
_To = aliased(Site)


async def shipments(
    tx: ReadTx,
    *,
    status: str | None = None,
    study: str | None = None,
    site: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[ShipmentRow]:
    """Shipments that come from or go to a site within reach, the newest first; `site` is either end."""
    tubes = (
        select(func.count())
        .select_from(PackageItem)
        .where(PackageItem.shipment_id == Shipment.id, PackageItem.status.not_in(("unpacked", "extra")))
        .correlate(Shipment)
    )
    query = (
        select(
            Shipment.id,
            Shipment.code,
            Study.code.label("study"),
            _From.code.label("from_site"),
            func.coalesce(_To.code, ExternalParty.code).label("to"),
            Shipment.status,
            Shipment.purpose,
            tubes.scalar_subquery().label("tubes"),
            Shipment.courier,
            Shipment.tracking_no,
            Shipment.created_at,
            Shipment.shipped_at,
        )
        .join(Study, Study.id == Shipment.study_id)
        .join(_From, _From.id == Shipment.from_site_id)
        .outerjoin(_To, _To.id == Shipment.to_site_id)
        .outerjoin(ExternalParty, ExternalParty.id == Shipment.to_party_id)
        .where(
            visible(tx.scope(Permission.SHIPMENT_READ), Shipment.study_id, Shipment.from_site_id, Shipment.to_site_id)
        )
        .order_by(Shipment.id.desc())
        .limit(limit + 1)
    )
    if after:
        query = query.where(Shipment.id < after)
    if status:
        query = query.where(Shipment.status == status)
    if study:
        query = query.where(Study.code == study)
    if site:
        query = query.where(or_(_From.code == site, _To.code == site))
    rows = [ShipmentRow(**row._mapping) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.id)


async def shipment(tx: ReadTx, code: str) -> ShipmentView:
    """One shipment with its packages and tubes, seen from either end."""
    return await shipment_view(tx, await find_shipment(tx, code, Permission.SHIPMENT_READ))


async def shipment_view(tx: ReadTx, found: Shipment) -> ShipmentView:
    study = (await tx.session.execute(select(Study.code).where(Study.id == found.study_id))).scalar_one()
    from_site, to = await _site(tx, found.from_site_id), await _consignee(tx, found)
    items = await _items(tx, found)
    return ShipmentView(
        code=found.code,
        study=study,
        from_site=from_site,
        to=to,
        status=found.status,
        purpose=found.purpose,
        classification=found.classification,
        courier=found.courier,
        tracking_no=found.tracking_no,
        manifest_sha256=found.manifest_sha256,
        row_version=found.row_version,
        packages=await _packages(tx, found.id),
        items=items,
        counts=await counts(tx, found.id),
        steps=await _steps(tx, found),
        next=tuple(
            deed.value
            for deed in rules.next_deeds(
                found.status,
                sends=may(tx, found, Permission.SHIPMENT_PACK),
                receives=may(tx, found, Permission.SHIPMENT_RECEIVE),
                external=found.to_party_id is not None,
            )
        ),
    )


async def _site(tx: ReadTx, site_id: int) -> EndView:
    row = (
        await tx.session.execute(select(Site.code, Site.name, Site.country, Site.timezone).where(Site.id == site_id))
    ).one()
    return EndView(kind="site", **row._mapping)


async def _consignee(tx: ReadTx, found: Shipment) -> EndView:
    if found.to_site_id is not None:
        return await _site(tx, found.to_site_id)
    party = (await tx.session.execute(select(ExternalParty).where(ExternalParty.id == found.to_party_id))).scalar_one()
    return EndView(kind="party", code=party.code, name=party.name, country=party.country)


async def _packages(tx: ReadTx, shipment_id: int) -> tuple[PackageView, ...]:
    tubes = (
        select(func.count())
        .select_from(PackageItem)
        .where(PackageItem.package_id == Package.id, PackageItem.status.not_in(("unpacked", "extra")))
        .correlate(Package)
    )
    rows = await tx.session.execute(
        select(
            Package.number,
            Package.code,
            Package.refrigerant,
            Package.dry_ice_net_kg,
            Package.temperature_class,
            Package.logger_serial,
            tubes.scalar_subquery().label("tubes"),
        )
        .where(Package.shipment_id == shipment_id)
        .order_by(Package.number)
    )
    return tuple(PackageView(**row._mapping) for row in rows)


def _items_query(shipment_id: int) -> Executable:
    packer, receiver, resolver = aliased(AppUser), aliased(AppUser), aliased(AppUser)
    return (
        select(
            Specimen.code.label("tube"),
            Specimen.study_id,
            Package.number.label("package"),
            PackageItem.status,
            Specimen.specimen_type.label("type"),
            SpecimenType.title.label("type_title"),
            Specimen.quantity,
            Specimen.unit,
            case((~Specimen.is_blind_duplicate, Participant.code)).label("participant"),
            Participant.site_id.label("participant_site"),
            PackageItem.note,
            packer.display_name.label("packed_by"),
            PackageItem.packed_at,
            receiver.display_name.label("received_by"),
            PackageItem.received_at,
            PackageItem.resolution,
            resolver.display_name.label("resolved_by"),
        )
        .join(Specimen, Specimen.id == PackageItem.specimen_id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .join(Package, Package.id == PackageItem.package_id)
        .join(packer, packer.id == PackageItem.packed_by)
        .outerjoin(receiver, receiver.id == PackageItem.received_by)
        .outerjoin(resolver, resolver.id == PackageItem.resolved_by)
        .outerjoin(Participant, Participant.id == Specimen.participant_id)
        .where(PackageItem.shipment_id == shipment_id, PackageItem.status != "unpacked")
        .order_by(Package.number, PackageItem.packed_at, PackageItem.id)
    )


async def _items(tx: ReadTx, found: Shipment) -> tuple[ItemView, ...]:
    reach = tx.scope(Permission.PARTICIPANT_READ)
    views = []
    for row in await tx.session.execute(_items_query(found.id)):
        fields = dict(row._mapping)
        in_study = fields.pop("study_id") == found.study_id
        site = fields.pop("participant_site")
        if not in_study:
            fields |= {"type": None, "type_title": None, "quantity": None, "unit": None}
        if not in_study or found.to_site_id is None or not reach.covers(found.study_id, site):
            fields["participant"] = None
        views.append(ItemView(in_study=in_study, **fields))
    return tuple(views)


async def counts(tx: ReadTx, shipment_id: int) -> CountsView:
    statuses = await tx.session.execute(select(PackageItem.status).where(PackageItem.shipment_id == shipment_id))
    found = rules.count(statuses.scalars())
    return CountsView(
        expected=found.expected,
        good=found.good,
        damaged=found.damaged,
        thawed=found.thawed,
        missing=found.missing,
        waiting=found.waiting,
        extra=found.extra,
    )


async def _steps(tx: ReadTx, found: Shipment) -> tuple[StepView, ...]:
    taken = [
        ("created", found.created_by, found.created_at),
        ("packed", found.packed_by, found.packed_at),
        ("shipped", found.shipped_by, found.shipped_at),
        ("received", found.received_by, found.received_at),
        ("reconciled", found.reconciled_by, found.reconciled_at),
    ]
    people = await tx.session.execute(
        select(AppUser.id, AppUser.display_name).where(AppUser.id.in_({by for _, by, _ in taken if by is not None}))
    )
    names = {row.id: row.display_name for row in people}
    return tuple(StepView(step=step, by=names.get(by or 0), at=at) for step, by, at in taken if at is not None)


async def open_tubes(tx: ReadTx, shipment_id: int) -> Sequence[tuple[PackageItem, Specimen, Custody]]:
    """The tubes that are in the shipment now, locked in the order of all locks on tubes."""
    inside = select(PackageItem.specimen_id).where(PackageItem.shipment_id == shipment_id, PackageItem.is_open)
    await hold_donors(tx, Specimen.id.in_(inside))
    rows = await tx.session.execute(
        select(PackageItem, Specimen, Custody)
        .join(Specimen, Specimen.id == PackageItem.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(PackageItem.shipment_id == shipment_id, PackageItem.is_open)
        .order_by(Specimen.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [(row.PackageItem, row.Specimen, row.Custody) for row in rows]


async def manifest_of(tx: ReadTx, code: str) -> tuple[Shipment, str, str]:
    """A shipment's frozen manifest: the shipment, the text and its digest.

    Raises:
        NotFound: nothing is packed yet, so there is none.
    """
    found = await find_shipment(tx, code, Permission.SHIPMENT_READ)
    if found.manifest is None or found.manifest_sha256 is None:
        raise NotFound(f"Shipment {ids.grouped(found.code)} has no manifest yet: finish packing first.")
    return found, found.manifest, found.manifest_sha256
