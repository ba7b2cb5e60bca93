"""What is scanned that names no tube and no place: why something is done, in which state a tube came, a printer."""

from biobank import ids
from biobank.accession import codes
from biobank.accession.bench import attempt
from biobank.accession.queries import deviation_types
from biobank.actor import Permission
from biobank.printer.queries import PrinterView, printers
from biobank.scan import parcels, rules
from biobank.scan.answers import Answer, Context, StationScan, stop
from biobank.specimen.deviations import RecordDeviation, record_deviation
from biobank.tx import ReadTx, Tx


async def said(tx: Tx, command: StationScan, canonical: str) -> Answer | None:
    """The answer to a bench code; None where the text is none, and names a thing."""
    if canonical.startswith(rules.BECAUSE):
        return _reason(command, canonical)
    if canonical.startswith(rules.ARRIVED):
        return await _condition(tx, command, canonical)
    if canonical.startswith(rules.PRINTER):
        return await _printer(tx, command, canonical)
    if command.mode == "receive" and codes.is_deviation(canonical):
        return await _deviation(tx, command, canonical)
    return None


def _reason(command: StationScan, canonical: str) -> Answer:
    reason = next((one for one in rules.REASONS if one.code == canonical), None)
    if reason is None:
        return stop(command.mode, canonical, "Unknown reason", "This code names no reason: use the present sheet.")
    if reason.mode != command.mode:
        wanted = rules.MODES[reason.mode]
        return stop(command.mode, canonical, f"A reason of {wanted}", f'Scan "{wanted}" first, then this reason.')
    return Answer(
        verdict="ok",
        word="Reason",
        title=reason.words,
        message=rules.REASON_HINTS[reason.mode],
        mode=command.mode,
        reason=reason.words,
    )


def _last(command: StationScan, canonical: str) -> str | Answer:
    """The tube that a condition is of: the one that was scanned last, in receiving alone."""
    if command.mode != "receive":
        wanted = rules.MODES["receive"]
        return stop(command.mode, canonical, f"A code of {wanted}", f'Scan "{wanted}" and the package first.')
    if command.last is None:
        return stop(command.mode, canonical, "Which tube?", "Scan the tube first, then what is wrong with it.")
    return ids.canonical(command.last)


async def _condition(tx: Tx, command: StationScan, canonical: str) -> Answer:
    condition = next((one for one in rules.CONDITIONS if one.code == canonical), None)
    if condition is None:
        return stop(command.mode, canonical, "Unknown condition", "Use the present sheet of codes.")
    tube = _last(command, canonical)
    if isinstance(tube, Answer):
        return tube
    if not tx.actor.may(Permission.SHIPMENT_RECEIVE):
        return stop(command.mode, canonical, "Not allowed", "Your roles do not include receiving shipments.")
    return await parcels.came(tx, command, tube, condition.words, condition.condition)


async def _deviation(tx: Tx, command: StationScan, canonical: str) -> Answer:
    known = await deviation_types(tx)
    kind = codes.deviation(canonical, known)
    if kind is None:
        return stop(command.mode, canonical, "Unknown deviation", "This code names none: use the present sheet.")
    tube = _last(command, canonical)
    if isinstance(tube, Answer):
        return tube
    if not tx.actor.may(Permission.SPECIMEN_PROCESS):
        return stop(command.mode, canonical, "Not allowed", "Your roles do not include recording deviations.")
    await attempt(tx, lambda: record_deviation(tx, RecordDeviation(specimens=(tube,), type=kind)))
    return Answer(
        verdict="warning",
        word="Deviation",
        code=tube,
        title=known[kind],
        message="Recorded. It is settled on the page of the tube.",
        href=f"/specimens/{tube}",
        mode=command.mode,
        final=True,
    )


async def _printer(tx: ReadTx, command: StationScan, canonical: str) -> Answer:
    """The printer that labels come out of from here on."""
    if command.mode != "print":
        wanted = rules.MODES["print"]
        return stop(command.mode, canonical, "This is a printer", f'Scan "{wanted}" first, then the printer.')
    found = [one for one in await known_printers(tx) if rules.printer_code(one.site, one.name) == canonical]
    if len(found) != 1:
        detail = "No printer in use within your reach has this code." if not found else "Two printers have this code."
        return stop(command.mode, canonical, "Unknown printer", f"{detail} Scan another one.")
    (printer,) = found
    words = f"{printer.name} at {printer.site}"
    return Answer(
        verdict="warning" if printer.is_paused else "ok",
        word="Printer",
        title=words,
        message="It is paused: labels wait until it goes on." if printer.is_paused else "Scan what gets a label.",
        href=f"/printers/{printer.key}",
        mode=command.mode,
        context=Context(code=printer.key, words=words),
    )


async def known_printers(tx: ReadTx) -> list[PrinterView]:
    """The printers in use at which this person may print."""
    if not tx.actor.may(Permission.LABEL_PRINT):
        return []
    return [one for one in await printers(tx) if one.is_active]
