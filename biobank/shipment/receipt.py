"""Receiving a shipment, tube by tube, until nothing is unexplained.

A tube that nobody looked at is not a missing tube: missing is said by a person, tube by tube. Expected = good +
damaged + thawed + missing; extra tubes stand outside the sum.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, func, select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Conflict, Invalid, NotFound
from biobank.picking.blocks import Blocked, Reason, refuse_blocked
from biobank.shipment import gate, queries, rules
from biobank.shipment.commands import Command, Finish, Scanned, at_state, package_of, person, record, touch
from biobank.shipment.models import Package, PackageItem, Shipment
from biobank.shipment.queries import CountsView, ShipmentView
from biobank.shipment.rules import Deed
from biobank.specimen.custody import FINDABLE, Ended, Place, WithHolder, hand_over
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import hold_donors, labelled
from biobank.specimen.thawing import Thawed, ThawedView, count_thaw, thaw, thawed_since
from biobank.tx import Tx

Note = Annotated[str | None, Field(max_length=500)]


class Receive(Command):
    """A tube in the receiver's hand. One that the manifest does not name is extra, whatever its condition."""

    tube: Scanned
    condition: Literal["received", "damaged", "thawed"] = "received"
    note: Note = None
    package: Annotated[
        int | None, Field(ge=1, description="Where an extra tube lay; the first package if not said.")
    ] = None


class MarkMissing(Command):
    """Tubes that were looked for and are not there."""

    tubes: Annotated[tuple[Scanned, ...], Field(min_length=1, max_length=2000)]
    note: Note = None


class Resolve(Command):
    """How a discrepancy was settled. `returned` of a missing tube: it never left the sender."""

    tube: Scanned
    resolution: Literal["found", "accepted_as_is", "quarantined", "written_off", "returned"]
    note: Note = None


class ReceiptView(BaseModel):
    """What one scan did: the tubes and what they were found to be, and the counts now. `extra_of` tells of an extra
    tube whose it is.
    """

    model_config = ConfigDict(frozen=True)
    shipment: str
    tubes: tuple[str, ...]
    status: str
    extra_of: Literal["this study", "another study"] | None = None
    counts: CountsView
    row_version: int


async def receive(tx: Tx, code: str, command: Receive) -> ReceiptView:
    """Receive one tube by scan. It is in the receiver's hands from here on; a thawed one has one thaw more."""
    shipment = await at_state(tx, code, Deed.RECEIVE, Permission.SHIPMENT_RECEIVE)
    (tube,) = await labelled(tx, [queries.tube_code(command.tube)])
    row = await _item(tx, shipment, tube)
    if row is None or row.PackageItem.status in ("unpacked", "extra"):
        return await _receive_extra(tx, shipment, tube, row, command)
    item, specimen = row.PackageItem, row.Specimen
    rules.check_receivable(item.status, command.condition, tube)
    item.status, item.note = command.condition, command.note
    item.received_by, item.received_at = person(tx), tx.now
    if shipment.to_site_id is not None:
        item.is_open = False
        await hand_over(tx, [(specimen.id, WithHolder(person(tx), shipment.to_site_id))])
    if command.condition == "thawed" and not await _thaw_told(tx, shipment, specimen):
        await count_thaw(tx, [specimen])
    await touch(tx, shipment)
    record(tx, "shipment.received_tube", shipment, tube=tube, condition=command.condition)
    return await _receipt(tx, shipment, [tube], command.condition)


async def _thaw_told(tx: Tx, shipment: Shipment, specimen: Specimen) -> bool:
    """Whether this thaw on the way is on record already, of the whole package."""
    return shipment.shipped_at is not None and await thawed_since(tx, specimen.id, shipment.shipped_at)


class PackageThawed(Thawed):
    """A whole package warmed up on its way."""


async def thaw_package(tx: Tx, code: str, number: int, command: PackageThawed) -> ThawedView:
    """One thaw more of every tube that travels in a package. A tube of it that is then received as thawed is not
    counted again.

    Raises:
        NotFound: no such shipment or package within reach.
        ShipmentState: it is not on its way.
        NothingPacked: nothing is in the package any more.
        Invalid: a moment that cannot be.
    """
    shipment = await at_state(tx, code, Deed.RECEIVE, Permission.SHIPMENT_RECEIVE)
    package = await package_of(tx, shipment, number)
    inside = Specimen.id.in_(select(Custody.specimen_id).where(Custody.package_id == package.id))
    await hold_donors(tx, inside)
    rows = await tx.session.execute(
        select(Specimen, Custody)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(inside)
        .order_by(Specimen.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = [(row.Specimen, row.Custody) for row in rows]
    if not found:
        raise rules.NothingPacked(f"Nothing is in package {number} any more: receive its tubes as thawed.")
    if shipment.shipped_at is not None and command.thawed_at < shipment.shipped_at:
        raise Invalid(
            "A package warms up on its way after it was shipped.", errors={"thawed_at": "lies before the shipping"}
        )
    done = await thaw(tx, found, command)
    await touch(tx, shipment)
    record(tx, "shipment.package_thawed", shipment, reason=command.reason, package=package.code, tubes=done.tubes)
    return done


async def _item(tx: Tx, shipment: Shipment, tube: str) -> Row[PackageItem, Specimen, Custody] | None:
    await hold_donors(tx, Specimen.code == tube)
    return (
        await tx.session.execute(
            select(PackageItem, Specimen, Custody)
            .join(Specimen, Specimen.id == PackageItem.specimen_id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where(PackageItem.shipment_id == shipment.id, Specimen.code == tube)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one_or_none()


async def _receive_extra(
    tx: Tx, shipment: Shipment, tube: str, row: Row[PackageItem, Specimen, Custody] | None, command: Receive
) -> ReceiptView:
    """A tube that the manifest does not name. Its own record stays as it is until the discrepancy is resolved; its
    study is told.
    """
    if row is not None and row.PackageItem.status == "extra":
        raise rules.TubeSeen(f"{ids.grouped(tube)} was looked at already: extra.", tube=tube, status="extra")
    if shipment.to_site_id is None:
        raise NotFound(f"{ids.grouped(tube)} is not in this shipment.", tube=tube)
    specimen = (await tx.session.execute(select(Specimen).where(Specimen.code == tube))).scalar_one_or_none()
    if specimen is None:
        raise NotFound(f"There is no tube {ids.grouped(tube)}.", tube=tube)
    first = select(func.min(Package.number)).where(Package.shipment_id == shipment.id)
    number = command.package or (await tx.session.execute(first)).scalar_one()
    found = {
        "package_id": (await package_of(tx, shipment, number)).id,
        "status": "extra",
        "note": command.note,
        "received_by": person(tx),
        "received_at": tx.now,
    }
    if row is None:
        given = {"shipment_id": shipment.id, "study_id": shipment.study_id, "specimen_id": specimen.id}
        await tx.insert(PackageItem, [{**given, **found, "is_open": False, "packed_by": person(tx)}])
    else:
        for name, value in found.items():
            setattr(row.PackageItem, name, value)
    await touch(tx, shipment)
    record(tx, "shipment.extra_tube", shipment, tube=tube)
    tx.record(  # for the people of the tube's own study and site
        "specimen.found_in_shipment",
        subject="specimen",
        subject_id=specimen.id,
        study_id=specimen.study_id,
        site_id=specimen.site_id,
    )
    whose: Literal["this study", "another study"] = (
        "this study" if specimen.study_id == shipment.study_id else "another study"
    )
    return await _receipt(tx, shipment, [tube], "extra", whose)


async def mark_missing(tx: Tx, code: str, command: MarkMissing) -> ReceiptView:
    """Say that tubes are not there."""
    shipment = await at_state(tx, code, Deed.RECEIVE, Permission.SHIPMENT_RECEIVE)
    wanted = await labelled(tx, [queries.tube_code(tube) for tube in command.tubes])
    waiting = {
        specimen.code: item
        for item, specimen, _ in await queries.open_tubes(tx, shipment.id)
        if item.status == "packed"
    }
    unknown = [tube for tube in wanted if tube not in waiting]
    if unknown:
        named = ", ".join(ids.grouped(tube) for tube in unknown[:10])
        raise Conflict(f"Not waiting for {named} in this shipment: not on the manifest, or looked at.", tubes=unknown)
    for tube in wanted:
        _miss(tx, waiting[tube], command.note)
    await touch(tx, shipment)
    record(tx, "shipment.missing_tubes", shipment, tubes=wanted)
    return await _receipt(tx, shipment, wanted, "missing")


def _miss(tx: Tx, item: PackageItem, note: str | None) -> None:
    item.status, item.is_open, item.note = "missing", False, note
    item.received_by, item.received_at = person(tx), tx.now


async def _receipt(
    tx: Tx,
    shipment: Shipment,
    tubes: list[str],
    status: str,
    extra_of: Literal["this study", "another study"] | None = None,
) -> ReceiptView:
    return ReceiptView(
        shipment=shipment.code,
        tubes=tuple(tubes),
        status=status,
        extra_of=extra_of,
        counts=await queries.counts(tx, shipment.id),
        row_version=shipment.row_version,
    )


async def finish_receipt(tx: Tx, code: str, command: Finish) -> ShipmentView:
    """Close the receipt, once every tube was received or said to be missing."""
    shipment = await at_state(tx, code, Deed.FINISH_RECEIPT, Permission.SHIPMENT_RECEIVE, command.row_version)
    if shipment.to_site_id is None:
        raise rules.ShipmentState("An external party receives this one: confirm the delivery instead.")
    waiting = [
        specimen.code for item, specimen, _ in await queries.open_tubes(tx, shipment.id) if item.status == "packed"
    ]
    if waiting:
        named = ", ".join(ids.grouped(tube) for tube in waiting[:10]) + ("" if len(waiting) <= 10 else ", …")
        raise rules.NotLookedAt(
            f"{len(waiting)} were neither received nor said to be missing: {named}.", tubes=sorted(waiting)
        )
    shipment.status, shipment.received_by, shipment.received_at = "received", person(tx), tx.now
    await touch(tx, shipment)
    counts = await queries.counts(tx, shipment.id)
    record(tx, "shipment.received", shipment, **counts.model_dump())
    return await queries.shipment_view(tx, shipment)


async def confirm_delivery(tx: Tx, code: str, command: Finish) -> ShipmentView:
    """Close a shipment to an external party on its word: what was not reported damaged, thawed or missing arrived well.

    Without a discrepancy it is reconciled at once; otherwise it is received and each discrepancy waits for its
    resolution.
    """
    shipment = await at_state(tx, code, Deed.CONFIRM_DELIVERY, Permission.SHIPMENT_PACK, command.row_version)
    if shipment.to_party_id is None:
        raise rules.ShipmentState("A site receives this one, tube by tube: finish the receipt there.")
    for item, _, _ in await queries.open_tubes(tx, shipment.id):
        item.is_open = False
        if item.status == "packed":
            item.status, item.received_by, item.received_at = "received", person(tx), tx.now
    shipment.status, shipment.received_by, shipment.received_at = "received", person(tx), tx.now
    await touch(tx, shipment)
    counts = await queries.counts(tx, shipment.id)
    if counts.good == counts.expected:
        _close(tx, shipment)
        await tx.session.flush()
    record(tx, "shipment.delivered", shipment, **counts.model_dump())
    return await queries.shipment_view(tx, shipment)


async def resolve(tx: Tx, code: str, command: Resolve) -> ShipmentView:
    """Settle a discrepancy; the tube's own record follows from how."""
    shipment = await at_state(tx, code, Deed.RESOLVE, Permission.SHIPMENT_RECEIVE)
    (tube,) = await labelled(tx, [queries.tube_code(command.tube)])
    row = await _item(tx, shipment, tube)
    if row is None or row.PackageItem.status not in rules.DISCREPANT:
        raise NotFound(f"{ids.grouped(tube)} is no discrepancy of this shipment.", tube=tube)
    item, specimen, custody = row.PackageItem, row.Specimen, row.Custody
    if item.resolution is not None:
        raise Conflict(f"{ids.grouped(tube)} was resolved already: {item.resolution.replace('_', ' ')}.", tube=tube)
    rules.check_resolution(item.status, command.resolution, in_study=specimen.study_id == shipment.study_id)
    if item.status == "extra" and command.resolution != "returned":
        _check_free(specimen, custody)
    item.resolution, item.resolved_by, item.resolved_at = command.resolution, person(tx), tx.now
    if command.resolution == "quarantined" and specimen.quality == "acceptable":
        specimen.quality = "quarantined"
        specimen.row_version += 1
    place = _place_after(tx, shipment, item)
    if place is not None:
        await hand_over(tx, [(specimen.id, place)])
    await touch(tx, shipment)
    record(
        tx,
        "shipment.resolved",
        shipment,
        reason=command.note,
        tube=tube,
        discrepancy=item.status,
        resolution=command.resolution,
    )
    return await queries.shipment_view(tx, shipment)


def _check_free(specimen: Specimen, custody: Custody) -> None:
    """An extra tube that another shipment still holds is first taken out there; one that was used up or disposed of
    cannot come back.
    """
    place = gate.place_of(custody)
    words = {"package": (Reason.IN_SHIPMENT, "is in another open shipment"), "ended": (Reason.ENDED, "has ended")}
    if place == "package" or (place == "ended" and custody.terminal not in FINDABLE):
        refuse_blocked(
            [Blocked(specimen.code, *words[place])], "Its own record does not fit; settle that first, or return it"
        )


def _place_after(tx: Tx, shipment: Shipment, item: PackageItem) -> Place | None:
    """Where a tube is once its discrepancy is resolved; None when it stays where its record says."""
    if item.resolution == "written_off":
        return Ended("lost")
    if item.status == "missing" and item.resolution == "returned":
        return WithHolder(item.packed_by, shipment.from_site_id)
    if shipment.to_site_id is None:
        return None
    arrived = item.status == "missing" or (item.status == "extra" and item.resolution != "returned")
    return WithHolder(person(tx), shipment.to_site_id) if arrived else None


async def reconcile(tx: Tx, code: str, command: Finish) -> ShipmentView:
    """Close a shipment: everything that was sent is accounted for."""
    shipment = await at_state(tx, code, Deed.RECONCILE, Permission.SHIPMENT_RECEIVE, command.row_version)
    rows = await tx.session.execute(
        select(Specimen.code)
        .join(PackageItem, PackageItem.specimen_id == Specimen.id)
        .where(
            PackageItem.shipment_id == shipment.id,
            PackageItem.status.in_(rules.DISCREPANT),
            PackageItem.resolution.is_(None),
        )
        .order_by(Specimen.code)
    )
    unsettled = list(rows.scalars())
    if unsettled:
        named = ", ".join(ids.grouped(tube) for tube in unsettled[:10]) + ("" if len(unsettled) <= 10 else ", …")
        raise rules.DiscrepancyOpen(f"{len(unsettled)} wait for a resolution: {named}.", tubes=unsettled)
    _close(tx, shipment)
    await touch(tx, shipment)
    record(tx, "shipment.reconciled", shipment)
    return await queries.shipment_view(tx, shipment)


def _close(tx: Tx, shipment: Shipment) -> None:
    shipment.status, shipment.reconciled_by, shipment.reconciled_at = "reconciled", person(tx), tx.now
