"""Tubes that are checked, measured, or led on to where the work goes on."""

from urllib.parse import urlencode

from sqlalchemy import select

from biobank import ids
from biobank.accession.bench import attempt
from biobank.accession.codes import quantity as quantity_of
from biobank.actor import Permission
from biobank.disposal.models import Disposal
from biobank.disposal.queries import listed_on
from biobank.exact import unit_words
from biobank.printing.applying import VerifyApplied, labels_of, verify_applied
from biobank.scan.answers import Answer, Context, StationScan, described, not_a_tube, stop
from biobank.scan.queries import CodeView, TubeView
from biobank.specimen import queries as specimens
from biobank.specimen.rules import in_unit
from biobank.specimen.upkeep import CorrectQuantity, correct_quantity
from biobank.tx import Tx

_MEASURED = "Measured at the scan station"


async def verify(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """The parent first, or the participant; then the label on each tube that was made of it."""
    if command.context is None:
        states = await labels_of(tx, found.code)
        left = sum(not state.verified for state in states)
        title = described(found.tube) if found.tube else f"Tubes collected from {ids.grouped(found.code)}"
        return Answer(
            verdict="ok" if left else "duplicate",
            word="Parent" if left else "Verified already",
            code=found.code,
            title=title,
            message=f"{left} of {len(states)} labels wait for their scan.",
            href=found.href,
            mode=command.mode,
            context=Context(code=found.code, words=ids.grouped(found.code)),
        )
    parent = command.context
    done = await verify_applied(tx, VerifyApplied(parent=parent, code=command.text))
    rest = f"{len(done.left)} to go." if done.left else "That was the last one: scan NEXT, then the next parent."
    return Answer(
        verdict="duplicate" if done.verdict == "duplicate" else "ok",
        word="Verified",
        code=done.code,
        title=f"It is of {ids.grouped(parent)}.",
        message=f"{done.words} {rest}",
        href=f"/specimens/{found.code}",
        mode=command.mode,
        final=True,
    )


async def measure(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """The tube whose content is measured; its number follows."""
    del tx
    if found.tube is None:
        return not_a_tube(command.mode, found)
    return Answer(
        verdict="ok",
        word="Tube",
        code=found.code,
        title=described(found.tube),
        message=f"It holds {found.tube.quantity} {unit_words(found.tube.unit)} by its record. "
        "Type or scan what it holds.",
        href=found.href,
        mode=command.mode,
        context=Context(code=found.code, words=ids.grouped(found.code)),
    )


async def measured(tx: Tx, command: StationScan, found: CodeView, tube: TubeView) -> Answer | None:
    """The number that was measured of the tube at hand; None where the text is no number."""
    kind = await specimens.kind(tx, tube.type)
    read = quantity_of(command.text, kind.unit)
    if read is None:
        return None
    amount = in_unit(read[0], read[1], kind, "quantity")
    deed = CorrectQuantity(quantity=amount, reason=command.reason or _MEASURED)
    await attempt(tx, lambda: correct_quantity(tx, found.code, deed))
    return Answer(
        verdict="ok",
        word="Recorded",
        code=found.code,
        title=described(tube),
        message=f"{amount:f} {unit_words(kind.unit)}, by its record until now {tube.quantity} {unit_words(tube.unit)}. "
        "Scan the next tube.",
        href=found.href,
        mode=command.mode,
        final=True,
    )


async def aliquot(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """On to the aliquot bench, with the parent at hand."""
    del tx
    if found.tube is None:
        return not_a_tube(command.mode, found)
    return _led(command, found, found.tube, "/bench/aliquot?" + urlencode({"at": found.code}), "At the aliquot bench.")


async def discard(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """On to the disposal list that the tube is on, or to a new one. Two people destroy a tube, never one scan."""
    if found.tube is None:
        return not_a_tube(command.mode, found)
    tube, _ = await specimens.find_specimen(tx, found.code, Permission.SPECIMEN_READ)
    on = (await listed_on(tx, [tube.id])).get(tube.id)
    if on is not None and tx.actor.may(Permission.DISPOSAL_CONFIRM):
        number = (await tx.session.execute(select(Disposal.number).where(Disposal.id == on))).scalar_one()
        return _led(command, found, found.tube, f"/disposals/{number}", "On its disposal list: scan it there.")
    if on is None and tx.actor.may(Permission.DISPOSAL_PLAN):
        href = "/disposals/new?" + urlencode({"tubes": found.code})
        return _led(command, found, found.tube, href, "It is on no disposal list yet: make one.")
    return stop(
        command.mode,
        found.code,
        "On no disposal list" if on is None else "Not allowed",
        "A manager makes the list, and two people confirm each tube of it. Put the tube back where it was.",
    )


def _led(command: StationScan, found: CodeView, tube: TubeView, href: str, message: str) -> Answer:
    return Answer(
        verdict="ok",
        word="Go on",
        code=found.code,
        title=described(tube),
        message=message,
        href=href,
        mode=command.mode,
        go=True,
    )
