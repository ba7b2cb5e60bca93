"""Keeping tubes back: when consent is withdrawn, they come out of the shipments that have not left yet."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from biobank.shipment.commands import record, touch
from biobank.shipment.models import PackageItem, Shipment
from biobank.specimen.custody import WithHolder, hand_over
from biobank.specimen.lineage import holding
from biobank.tx import ReadTx, Tx

HERE = ("draft", "packed")


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A tube that came out of a shipment. `reopened` says that the shipment's manifest became void by it."""

    specimen_id: int
    shipment: str
    reopened: bool


async def waiting_shipments(tx: ReadTx, participant_id: int, *, lock: bool = False) -> Sequence[Shipment]:
    """The shipments that hold tubes of a participant, or pools with material of theirs, and have not left yet; with
    `lock` they are held until the end.

    To be locked before the participant, as those who pack and ship do: locks that all take in one order cannot end in a
    deadlock.
    """
    inside = select(PackageItem.shipment_id).where(
        PackageItem.is_open, PackageItem.specimen_id.in_(holding(participant_id))
    )
    query = select(Shipment).where(Shipment.id.in_(inside), Shipment.status.in_(HERE)).order_by(Shipment.id)
    if lock:
        # What was seen of it before the lock may be old by now.
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await tx.session.execute(query)).scalars().all()


async def keep_back(tx: Tx, shipments: Collection[Shipment], tube_ids: Collection[int], reason: str) -> list[KeptBack]:
    """Take tubes out of shipments that the caller has locked. A packed one goes back to packing and its manifest is
    void. Each tube is in the hands of who packed it: it is beside the package until it is put back.
    """
    kept = []
    for shipment in shipments:
        items = (
            (
                await tx.session.execute(
                    select(PackageItem)
                    .where(
                        PackageItem.shipment_id == shipment.id,
                        PackageItem.is_open,
                        PackageItem.specimen_id.in_(sorted(tube_ids)),
                    )
                    .order_by(PackageItem.id)
                )
            )
            .scalars()
            .all()
        )
        if not items:
            continue
        reopened = shipment.status == "packed"
        voided = shipment.manifest_sha256
        for item in items:
            item.status, item.is_open = "unpacked", False
        if reopened:
            shipment.manifest = shipment.manifest_sha256 = None
            shipment.status, shipment.packed_by, shipment.packed_at = "draft", None, None
        await touch(tx, shipment)
        here = [(item.specimen_id, WithHolder(item.packed_by, shipment.from_site_id)) for item in items]
        await hand_over(tx, here)
        record(tx, "shipment.kept_back", shipment, reason=reason, tubes=len(items), voided_manifest_sha256=voided)
        kept += [KeptBack(item.specimen_id, shipment.code, reopened) for item in items]
    return kept
