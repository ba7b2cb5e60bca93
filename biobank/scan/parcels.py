"""Packages by scan: tubes that are packed into one, and tubes that came in one."""

from typing import Literal

from sqlalchemy import select

from biobank import ids
from biobank.accession.bench import attempt
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.scan.answers import Answer, Context, StationScan, described, not_a_tube, stop
from biobank.scan.queries import CodeView
from biobank.shipment import commands as shipments
from biobank.shipment import queries, receipt
from biobank.shipment.models import Package, Shipment
from biobank.tx import ReadTx, Tx

_WORDS = {"received": "Received", "damaged": "Damaged", "thawed": "Thawed", "extra": "Not expected"}
_THEN = {
    "received": "Where it came damaged or thawed, scan that now.",
    "damaged": "Keep it apart: it is settled on the page of the shipment.",
    "thawed": "One thaw was counted; it is settled on the page of the shipment.",
}


async def pack(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """A package, then the tubes that go into it."""
    if found.kind == "shipment":
        return await _opened(tx, command, found, Permission.SHIPMENT_PACK)
    if found.tube is None:
        return not_a_tube(command.mode, found)
    if command.context is None:
        return stop(command.mode, found.code, "No package", "Scan the package that the tubes go into first.")
    shipment = await queries.find_shipment(tx, command.context, Permission.SHIPMENT_PACK)
    package = await _package(tx, shipment, command.context)
    deed = shipments.PackItems(tubes=(found.code,), package=package.number)
    done = await attempt(tx, lambda: shipments.pack_items(tx, shipment.code, deed))
    return Answer(
        verdict="ok",
        word="Packed",
        code=found.code,
        title=described(found.tube),
        message=f"In package {done.package}; {done.expected} tubes in the shipment.",
        href=f"/shipments/{shipment.code}",
        mode=command.mode,
        unpack=True,
    )


async def unpack(tx: Tx, context: str, tube: str) -> Answer:
    """A tube that was packed comes out again, into the hands of who takes it out."""
    done = await shipments.unpack_item(tx, context, shipments.UnpackItem(tube=tube))
    return Answer(
        verdict="ok",
        word="Unpacked",
        code=tube,
        title="It is in hand again.",
        message=f"{done.expected} tubes in the shipment.",
        href=f"/shipments/{done.shipment}",
        mode="",
    )


async def receive(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """A shipment or package, then each tube that came in it."""
    if found.kind == "shipment":
        return await _opened(tx, command, found, Permission.SHIPMENT_RECEIVE)
    if found.tube is None:
        return not_a_tube(command.mode, found)
    return await came(tx, command, found.code, described(found.tube))


async def came(
    tx: Tx,
    command: StationScan,
    code: str,
    title: str | None,
    condition: Literal["received", "damaged", "thawed"] = "received",
) -> Answer:
    """A tube that came, or the word that it came damaged or thawed. It need not be within reach: one of another study
    may lie in the package as well.
    """
    if command.context is None:
        return stop(command.mode, code, "No shipment", "Scan the package or the shipment that arrived first.")
    shipment = await queries.find_shipment(tx, command.context, Permission.SHIPMENT_RECEIVE)
    deed = receipt.Receive(tube=code, condition=condition)
    done = await attempt(tx, lambda: receipt.receive(tx, shipment.code, deed))
    extra = done.status == "extra"
    left = done.counts.waiting
    return Answer(
        verdict="ok" if done.status == "received" else "warning",
        word=_WORDS[done.status],
        code=code,
        title=title,
        message=f"The manifest does not name it: it is of {done.extra_of}. Keep it apart."
        if extra
        else f"{left} still to be scanned. {_THEN[done.status]}",
        href=f"/shipments/{shipment.code}",
        mode=command.mode,
        final=True,
    )


async def _opened(tx: ReadTx, command: StationScan, found: CodeView, permission: Permission) -> Answer:
    shipment = await queries.find_shipment(tx, found.code, permission)
    counts = await queries.counts(tx, shipment.id)
    words = f"Shipment {ids.grouped(shipment.code)}"
    if permission is Permission.SHIPMENT_PACK:
        package = await _package(tx, shipment, found.code)
        words = f"Package {package.number} of {ids.grouped(shipment.code)}"
    return Answer(
        verdict="ok",
        word="Package" if permission is Permission.SHIPMENT_PACK else "Shipment",
        code=found.code,
        title=f"{words}: {counts.expected} tubes",
        message="Scan its tubes.",
        href=f"/shipments/{shipment.code}",
        mode=command.mode,
        context=Context(code=found.code, words=words),
    )


async def _package(tx: ReadTx, shipment: Shipment, code: str) -> Package:
    """The package that a code names: its own, or the shipment's where there is one package only.

    Raises:
        NotFound: the shipment has none, or several.
    """
    canonical = ids.canonical(code)
    mine = (await tx.session.execute(select(Package).where(Package.shipment_id == shipment.id))).scalars().all()
    named = [one for one in mine if one.code == canonical] or list(mine)
    if len(named) != 1:
        raise NotFound(
            f"Shipment {ids.grouped(shipment.code)} has {len(mine)} packages: scan the code of the one at hand.",
            shipment=shipment.code,
        )
    return named[0]
