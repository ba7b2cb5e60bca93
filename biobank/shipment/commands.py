"""Making a shipment, packing it, and handing it over."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank import ids
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.errors import Forbidden, Invalid, NotFound
from biobank.picking import commands as picking
from biobank.picking.claims import fulfil
from biobank.picking.queries import find_pick_list
from biobank.shipment import gate, manifest, queries, rules
from biobank.shipment.models import ExternalParty, Package, PackageItem, Shipment
from biobank.shipment.queries import PackageView, PartyView, ShipmentView
from biobank.shipment.rules import Deed
from biobank.specimen.custody import Ended, InPackage, Place, WithHolder, WithParty, hand_over
from biobank.specimen.models import Specimen
from biobank.specimen.queries import labelled
from biobank.study.models import Site, Study
from biobank.study.queries import study_and_site
from biobank.study.rules import today
from biobank.tx import Tx

Code = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$", description="2 to 16 capital letters, digits or hyphens.")
]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Scanned = Annotated[str, Field(min_length=1, max_length=60, description="A code as scanned or typed.")]
Version = Annotated[int, Field(ge=1, description="`row_version` of the shipment as you saw it.")]
ReasonText = Annotated[str, Field(min_length=3, max_length=500)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AddParty(Command):
    """An external laboratory, vendor or researcher. Address and contact stand on manifests."""

    code: Code
    name: Text
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
    address: Annotated[str, Field(min_length=1, max_length=500)]
    contact: Text
    phone: Annotated[str, Field(min_length=3, max_length=40)]


class CreateShipment(Command):
    """A consignment of one study from a site to another site or to an external party, one of the two."""

    study: Code
    from_site: Code
    to_site: Code | None = None
    to_party: Code | None = None
    purpose: Text
    classification: Literal["exempt_human_specimen", "un3373_category_b"] = "un3373_category_b"


class PackageSpec(Command):
    """An outer box. `dry_ice_net_kg` is the net mass of dry ice, needed with dry ice and only then."""

    refrigerant: Literal["none", "gel_packs", "dry_ice", "ln2_dry_shipper"]
    dry_ice_net_kg: Annotated[Decimal | None, Field(gt=0, le=200, max_digits=6, decimal_places=3)] = None
    temperature_class: Annotated[str, Field(max_length=10)]
    logger_serial: Annotated[str | None, Field(max_length=60)] = None


class PackItems(Command):
    """Tubes that go into a package. All go in or none does."""

    tubes: Annotated[tuple[Scanned, ...], Field(min_length=1, max_length=500)]
    package: Annotated[int, Field(ge=1)] = 1


class PackPickList(Command):
    """A pick list whose tubes go into a package. All go in or none does."""

    pick_list: Scanned
    package: Annotated[int, Field(ge=1)] = 1


class UnpackItem(Command):
    tube: Scanned


class Finish(Command):
    row_version: Version


class Reopen(Command):
    row_version: Version
    reason: ReasonText


class Ship(Command):
    """The hand-over. The tracking number is entered twice, scanned both times or typed once; `hand_carried` goes
    without.
    """

    row_version: Version
    courier: Annotated[str, Field(min_length=1, max_length=80)]
    tracking_no: Annotated[str | None, Field(max_length=80)] = None
    tracking_again: Annotated[str | None, Field(max_length=80)] = None
    hand_carried: bool = False


class DeclareLost(Command):
    row_version: Version
    reason: ReasonText


class Cancel(Command):
    row_version: Version
    reason: ReasonText


class PackedView(BaseModel):
    """What one scan did, without the whole list: the tubes that went in, and how many are in the shipment now."""

    model_config = ConfigDict(frozen=True)
    shipment: str
    package: int
    tubes: tuple[str, ...]
    expected: int
    row_version: int


async def add_party(tx: Tx, command: AddParty) -> PartyView:
    """Enter an external laboratory in the house's directory."""
    party = ExternalParty(**command.model_dump())
    tx.session.add(party)
    await tx.session.flush()
    tx.record("party.added", subject="external_party", subject_id=party.id, code=party.code)
    return queries.party_view(party)


async def create_shipment(tx: Tx, command: CreateShipment) -> ShipmentView:
    """Begin a consignment."""
    study, site = await study_and_site(tx, command.study, command.from_site, Permission.SHIPMENT_PACK)
    if (command.to_site is None) == (command.to_party is None):
        raise Invalid(
            "A shipment goes to one site or to one external laboratory.",
            errors={"to_site": "name a site or an external laboratory, one of the two"},
        )
    to_site = to_party = None
    if command.to_site is not None:
        to_site = await _site_id(tx, command.to_site)
    else:
        to_party = await _party_id(tx, command.to_party)
    made = Shipment(
        code=ids.mint(ids.Kind.SHIPMENT, tx.randomness),
        study_id=study.id,
        from_site_id=site.id,
        to_site_id=to_site,
        to_party_id=to_party,
        status="draft",
        purpose=command.purpose,
        classification=command.classification,
        created_by=tx.actor.user_id,
        created_at=tx.now,
    )
    tx.session.add(made)
    await tx.session.flush()
    record(tx, "shipment.created", made)
    return await queries.shipment_view(tx, made)


async def _site_id(tx: Tx, code: str) -> int:
    found = (await tx.session.execute(select(Site.id).where(Site.code == code))).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no site {code} in this study.", site=code)
    return found


async def _party_id(tx: Tx, code: str | None) -> int:
    found = (await tx.session.execute(select(ExternalParty.id).where(ExternalParty.code == code))).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no external laboratory {code}: add it first.", party=code)
    return found


async def add_package(tx: Tx, code: str, command: PackageSpec) -> PackageView:
    """Add an outer box to a draft; packages are numbered from 1."""
    shipment = await _at(tx, code, Deed.PACK)
    rules.check_refrigerant(command.refrigerant, command.dry_ice_net_kg)
    last = select(func.coalesce(func.max(Package.number), 0)).where(Package.shipment_id == shipment.id)
    made = Package(
        code=ids.mint(ids.Kind.SHIPMENT, tx.randomness),
        shipment_id=shipment.id,
        number=(await tx.session.execute(last)).scalar_one() + 1,
        **command.model_dump(),
    )
    tx.session.add(made)
    await touch(tx, shipment)
    record(tx, "package.added", shipment, package=made.number)
    return _package_view(made, 0)


async def change_package(tx: Tx, code: str, number: int, command: PackageSpec) -> PackageView:
    """Correct refrigerant, dry ice, temperature class or logger of a package while it is being packed."""
    shipment = await _at(tx, code, Deed.PACK)
    rules.check_refrigerant(command.refrigerant, command.dry_ice_net_kg)
    package = await package_of(tx, shipment, number)
    for name, value in command.model_dump().items():
        setattr(package, name, value)
    await touch(tx, shipment)
    record(tx, "package.changed", shipment, package=number)
    inside = select(func.count()).where(PackageItem.package_id == package.id, PackageItem.is_open)
    return _package_view(package, (await tx.session.execute(inside)).scalar_one())


def _package_view(package: Package, tubes: int) -> PackageView:
    return PackageView(
        number=package.number,
        code=package.code,
        refrigerant=package.refrigerant,
        dry_ice_net_kg=package.dry_ice_net_kg,
        temperature_class=package.temperature_class,
        logger_serial=package.logger_serial,
        tubes=tubes,
    )


async def pack_items(tx: Tx, code: str, command: PackItems) -> PackedView:
    """Put tubes into a package. Consent, quality and place are judged under lock, and every refused tube is named
    with its reason.
    """
    shipment = await _at(tx, code, Deed.PACK)
    package = await package_of(tx, shipment, command.package)
    wanted = await labelled(tx, [queries.tube_code(tube) for tube in command.tubes])
    tubes = await gate.pass_packing(tx, shipment, wanted)
    by_id = {tube.id: tube for tube in tubes}
    again = (
        await tx.session.execute(
            select(PackageItem).where(
                PackageItem.shipment_id == shipment.id, PackageItem.specimen_id.in_(by_id), ~PackageItem.is_open
            )
        )
    ).scalars()
    before = {item.specimen_id: item for item in again}
    given = {"package_id": package.id, "packed_by": person(tx), "packed_at": tx.now}
    for item in before.values():
        for name, value in (given | {"status": "packed", "is_open": True}).items():
            setattr(item, name, value)
    fresh = {"shipment_id": shipment.id, "study_id": shipment.study_id, **given}
    await tx.insert(PackageItem, [{**fresh, "specimen_id": tube} for tube in by_id if tube not in before])
    await hand_over(tx, [(tube, InPackage(package.id, shipment.from_site_id)) for tube in by_id])
    await fulfil(tx, by_id, f"Packed into shipment {shipment.code}")
    await touch(tx, shipment)
    record(tx, "shipment.packed_tubes", shipment, package=package.number, tubes=wanted)
    return await _packed(tx, shipment, package.number, wanted)


async def pack_list(tx: Tx, code: str, command: PackPickList) -> PackedView:
    """Put the tubes of a pick list into a package in one deed: a verified list is handed over to the shipment first,
    and every tube passes the gate of packing as it does by itself.

    Raises:
        PickListState: the list is neither verified nor handed over.
        TubesBlocked: naming each tube that may not go; then the list is not handed over either.
    """
    shipment = await _at(tx, code, Deed.PACK)
    found = await find_pick_list(tx, command.pick_list, Permission.SPECIMEN_READ)
    if found.status != "handed_over":
        words = f"Shipment {ids.grouped(shipment.code)}"
        await picking.hand_over(tx, found.code, picking.HandOverPicked(handed_for=words, row_version=found.row_version))
    tubes = await picking.picked_codes(tx, found)
    return await pack_items(tx, shipment.code, PackItems(tubes=tubes, package=command.package))


async def unpack_item(tx: Tx, code: str, command: UnpackItem) -> PackedView:
    """Take a tube out of a draft; it is in the hands of who took it out."""
    shipment = await _at(tx, code, Deed.PACK)
    (tube,) = await labelled(tx, [queries.tube_code(command.tube)])
    row = (
        await tx.session.execute(
            select(PackageItem, Package.number)
            .join(Specimen, Specimen.id == PackageItem.specimen_id)
            .join(Package, Package.id == PackageItem.package_id)
            .where(PackageItem.shipment_id == shipment.id, PackageItem.is_open, Specimen.code == tube)
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"{ids.grouped(tube)} is not in this shipment.", tube=tube)
    await _take_out(tx, shipment, [row.PackageItem])
    await touch(tx, shipment)
    record(tx, "shipment.unpacked_tube", shipment, package=row.number, tubes=[tube])
    return await _packed(tx, shipment, row.number, [tube])


async def _take_out(tx: Tx, shipment: Shipment, items: list[PackageItem]) -> None:
    for item in items:
        item.status, item.is_open = "unpacked", False
    here = WithHolder(person(tx), shipment.from_site_id)
    await hand_over(tx, [(item.specimen_id, here) for item in items])


async def _packed(tx: Tx, shipment: Shipment, package: int, tubes: list[str]) -> PackedView:
    counts = await queries.counts(tx, shipment.id)
    return PackedView(
        shipment=shipment.code,
        package=package,
        tubes=tuple(tubes),
        expected=counts.expected,
        row_version=shipment.row_version,
    )


async def finish_packing(tx: Tx, code: str, command: Finish) -> ShipmentView:
    """Close the boxes and freeze the manifest. From here on paper and tubes say the same until it is reopened."""
    shipment = await _at(tx, code, Deed.FINISH_PACKING, command.row_version)
    lines = await _lines(tx, shipment)
    if not lines:
        raise rules.NothingPacked("The shipment holds no tube: pack at least one, or cancel it.")
    boxes = await tx.session.execute(select(Package).where(Package.shipment_id == shipment.id))
    study = (await tx.session.execute(select(Study).where(Study.id == shipment.study_id))).scalar_one()
    sender = (await tx.session.execute(select(Site).where(Site.id == shipment.from_site_id))).scalar_one()
    frozen = manifest.freeze(
        shipment=shipment.code,
        study=study.code,
        protocol_no=study.protocol_no,
        sender=_address(sender),
        consignee=_address(await _consignee(tx, shipment)),
        purpose=shipment.purpose,
        classification=shipment.classification,
        packed_on=today(tx.now, sender.timezone).isoformat(),
        boxes=[
            manifest.Box(
                box.number,
                box.code,
                box.refrigerant,
                box.dry_ice_net_kg,
                box.temperature_class,
                box.logger_serial,
            )
            for box in boxes.scalars()
        ],
        lines=lines,
    )
    shipment.manifest, shipment.manifest_sha256 = frozen.text, frozen.digest
    shipment.status, shipment.packed_by, shipment.packed_at = "packed", tx.actor.user_id, tx.now
    await touch(tx, shipment)
    record(tx, "shipment.packed", shipment, tubes=len(lines), manifest_sha256=frozen.digest)
    return await queries.shipment_view(tx, shipment)


async def _lines(tx: Tx, shipment: Shipment) -> list[manifest.Line]:
    rows = await tx.session.execute(
        select(
            Specimen.code.label("tube"),
            Specimen.specimen_type.label("type"),
            SpecimenType.title.label("type_title"),
            Specimen.quantity,
            Specimen.unit,
            Package.number.label("package"),
        )
        .join(PackageItem, PackageItem.specimen_id == Specimen.id)
        .join(Package, Package.id == PackageItem.package_id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .where(PackageItem.shipment_id == shipment.id, PackageItem.is_open)
    )
    return [manifest.Line(**row._mapping) for row in rows]  # the documented way to a row's mapping


async def _consignee(tx: Tx, shipment: Shipment) -> Site | ExternalParty:
    if shipment.to_site_id is not None:
        return (await tx.session.execute(select(Site).where(Site.id == shipment.to_site_id))).scalar_one()
    return (
        await tx.session.execute(select(ExternalParty).where(ExternalParty.id == shipment.to_party_id))
    ).scalar_one()


def _address(end: Site | ExternalParty) -> manifest.Address:
    return manifest.Address(end.code, end.name, end.country, end.address, end.contact, end.phone)


async def reopen(tx: Tx, code: str, command: Reopen) -> ShipmentView:
    """Open a packed shipment again. Its manifest is void; papers that were printed of it are to be torn up."""
    shipment = await _at(tx, code, Deed.REOPEN, command.row_version)
    voided = shipment.manifest_sha256
    shipment.manifest = shipment.manifest_sha256 = None
    shipment.status, shipment.packed_by, shipment.packed_at = "draft", None, None
    await touch(tx, shipment)
    record(tx, "shipment.reopened", shipment, reason=command.reason, voided_manifest_sha256=voided)
    return await queries.shipment_view(tx, shipment)


async def ship(tx: Tx, code: str, command: Ship) -> ShipmentView:
    """Hand the boxes to the courier. Consent and quality are judged again under lock: the shipment leaves with none
    but tubes that may go.

    Tubes for an external party are in its hands from here on; those for a site stay in their package until somebody
    receives them.
    """
    shipment = await _at(tx, code, Deed.SHIP, command.row_version)
    number = rules.tracking_twice(command.tracking_no, command.tracking_again, hand_carried=command.hand_carried)
    tubes = await queries.open_tubes(tx, shipment.id)
    await gate.pass_shipping(tx, shipment, [specimen for _, specimen, _ in tubes])
    if shipment.to_party_id is not None:
        there = WithParty(shipment.to_party_id)
        await hand_over(tx, [(specimen.id, there) for _, specimen, _ in tubes])
    shipment.courier, shipment.tracking_no = command.courier, number
    shipment.status, shipment.shipped_by, shipment.shipped_at = "shipped", tx.actor.user_id, tx.now
    await touch(tx, shipment)
    record(tx, "shipment.shipped", shipment, tubes=len(tubes), courier=command.courier, tracking_no=number)
    return await queries.shipment_view(tx, shipment)


async def declare_lost(tx: Tx, code: str, command: DeclareLost) -> ShipmentView:
    """The courier lost it: every tube is missing and written off. Not once a tube of it was received: then the others
    are missing.
    """
    shipment = await _at(tx, code, Deed.DECLARE_LOST, command.row_version)
    counts = await queries.counts(tx, shipment.id)
    if counts.waiting != counts.expected or counts.extra:
        raise rules.ShipmentState("Tubes of it were received, so it is not lost: finish the receipt instead.")
    tubes = await queries.open_tubes(tx, shipment.id)
    for item, _, _ in tubes:
        item.status, item.is_open = "missing", False
        item.received_by, item.received_at = person(tx), tx.now
        item.resolution, item.resolved_by, item.resolved_at = "written_off", person(tx), tx.now
    gone: Place = Ended("lost")
    await hand_over(tx, [(specimen.id, gone) for _, specimen, _ in tubes])
    shipment.status = "lost"
    await touch(tx, shipment)
    record(tx, "shipment.lost", shipment, reason=command.reason, tubes=len(tubes))
    return await queries.shipment_view(tx, shipment)


async def cancel(tx: Tx, code: str, command: Cancel) -> ShipmentView:
    """Give up a draft: its tubes are in the hands of who cancels it."""
    shipment = await _at(tx, code, Deed.CANCEL, command.row_version)
    tubes = await queries.open_tubes(tx, shipment.id)
    await _take_out(tx, shipment, [item for item, _, _ in tubes])
    shipment.status = "cancelled"
    await touch(tx, shipment)
    record(tx, "shipment.cancelled", shipment, reason=command.reason, tubes=len(tubes))
    return await queries.shipment_view(tx, shipment)


async def package_of(tx: Tx, shipment: Shipment, number: int) -> Package:
    """Raises NotFound: the shipment has no package of this number."""
    found = (
        await tx.session.execute(select(Package).where(Package.shipment_id == shipment.id, Package.number == number))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"The shipment has no package {number}: add it first.", package=number)
    return found


async def _at(tx: Tx, code: str, deed: Deed, seen: int | None = None) -> Shipment:
    return await at_state(tx, code, deed, Permission.SHIPMENT_PACK, seen)


async def at_state(tx: Tx, code: str, deed: Deed, permission: Permission, seen: int | None = None) -> Shipment:
    """The shipment, locked, if it is in the state for `deed` and still as the person saw it.

    The state is judged first: who sends a finished form again learns that it is done rather than that somebody was
    faster.
    """
    shipment = await queries.find_shipment(tx, code, permission, lock=True)
    rules.check_state(shipment.status, deed)
    if seen is not None:
        rules.check_version(seen, shipment.row_version)
    return shipment


async def touch(tx: Tx, shipment: Shipment) -> None:
    shipment.row_version += 1
    await tx.session.flush()


def person(tx: Tx) -> int:
    if tx.actor.user_id is None:
        raise Forbidden("Only a person packs and receives: log in.")
    return tx.actor.user_id


def record(tx: Tx, verb: str, shipment: Shipment, *, reason: str | None = None, **details: object) -> None:
    tx.record(
        verb,
        subject="shipment",
        subject_id=shipment.id,
        study_id=shipment.study_id,
        site_id=shipment.from_site_id,
        reason=reason,
        shipment=shipment.code,
        **details,
    )
