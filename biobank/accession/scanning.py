"""The benches' verb: read one code at the intake, spin or aliquot bench, do what it means there, and say exactly what
happened.
"""

from biobank import ids
from biobank.accession import bench_aliquot, bench_intake, bench_spin, codes, queries
from biobank.accession.bench import BenchAnswer, BenchScan, answer, attempt, view_of
from biobank.errors import DomainError
from biobank.identifier.command_codes import BENCH_VERBS, BY_CODE
from biobank.specimen.deviations import RecordDeviation, record_deviation
from biobank.specimen.queries import namespaces
from biobank.tx import Tx


async def scan(tx: Tx, command: BenchScan) -> BenchAnswer:
    """Answer one scan of a bench. What the lab's rules refuse is an answer too: STOP, with the way out, and nothing
    is changed by it.
    """
    text = command.text.strip()
    canonical = ids.canonical(text)
    if not canonical:
        return _stop(command, "", "Nothing was read", "The scan was empty: scan again.")
    benches = {"intake": bench_intake.scanned, "spin": bench_spin.scanned, "aliquot": bench_aliquot.scanned}
    verb = BY_CODE[canonical].verb if canonical in BY_CODE else None
    try:
        if verb is not None and (verb not in BENCH_VERBS or verb in {"ack", "print"}):
            return _local(command, str(verb), BY_CODE[canonical].title)
        said = await _said(tx, command) if verb is None else None
        if said is not None:
            return said
        return await attempt(tx, lambda: benches[command.bench](tx, command, verb))
    except DomainError as refusal:
        return _stop(command, canonical, refusal.title, refusal.detail)


async def _said(tx: Tx, command: BenchScan) -> BenchAnswer | None:
    """The answer to what is said of tubes, at whichever bench; None for any other text."""
    if codes.is_deviation(command.text):
        return await _deviated(tx, command)
    if codes.is_held(command.text):
        return _held(command)
    return await _maker(tx, command) if codes.is_maker(command.text) else None


_KEPT = {"spin": "since their collection or the spin before", "aliquot": "since the spin"}


def _held(command: BenchScan) -> BenchAnswer:
    """At which temperature the tubes of this bench were kept until they came to it, until another is said."""
    since = _KEPT.get(command.bench)
    if since is None:
        words = "Say it at the centrifuge or the aliquot bench: there it becomes part of what is recorded."
        return answer(command.bench, command.at, "warning", "Not here", title="A temperature", message=words)
    celsius = codes.held(command.text)
    if celsius is None and ids.canonical(command.text) != codes.NOT_KNOWN:
        return _stop(
            command, command.text, "Unknown temperature", "Scan a code of the sheet, or type as 4 C or 20.5 C."
        )
    now = command.at.model_copy(update={"held_celsius": None if celsius is None else f"{celsius:f}"})
    if celsius is None:
        words = "Until a temperature is said, none is recorded, and SPREC says X."
        return answer(command.bench, now, "ok", "Not known", title="At which they were kept", message=words)
    words = f"Recorded of all tubes at this bench, {since}, until you say otherwise."
    return answer(command.bench, now, "ok", f"Kept at {celsius:f} °C", title="Until they came here", message=words)


async def _maker(tx: Tx, command: BenchScan) -> BenchAnswer:
    """Whose codes the vials at the aliquot bench carry, until another maker is said."""
    if command.bench != "aliquot":
        words = "Say it at the aliquot bench: there vials are bound to their maker's codes."
        return answer(command.bench, command.at, "warning", "Not here", title="A maker of codes", message=words)
    known = dict(await namespaces(tx))
    chosen = codes.maker(command.text, known)
    if chosen is None:
        return _stop(command, command.text, "Unknown maker", "Scan a code of the sheet, or choose on this page.")
    now = command.at.model_copy(update={"namespace": chosen})
    words = "Codes that nobody has yet are read as these, until you say otherwise."
    return answer(command.bench, now, "ok", "Maker", title=known[chosen], message=words)


def _local(command: BenchScan, verb: str, title: str) -> BenchAnswer:
    if verb not in BENCH_VERBS:
        words = "This code is for the scan station."
        return answer(command.bench, command.at, "warning", "Not here", title=title, message=words)
    return BenchAnswer(
        verdict="ok", word="Command", title=title, command=verb, at=command.at, view=view_of(command.bench, command.at)
    )


def _stop(command: BenchScan, code: str, title: str, message: str) -> BenchAnswer:
    return answer(command.bench, command.at, "stop", "Stop", code=code[:40] or None, title=title, message=message)


async def _deviated(tx: Tx, command: BenchScan) -> BenchAnswer:
    """A deviation of the tube at hand: the last one scanned at this bench."""
    known = await queries.deviation_types(tx)
    kind = codes.deviation(command.text, known)
    if kind is None:
        return _stop(command, command.text, "Unknown deviation", "This code names no deviation: use the present sheet.")
    at = command.at
    tube = at.tube or (at.tubes[-1] if at.tubes else None) or at.parent
    if tube is None:
        return _stop(command, "", "Which tube?", "Scan the tube first, then its deviation.")
    await attempt(tx, lambda: record_deviation(tx, RecordDeviation(specimens=(tube,), type=kind)))
    return answer(command.bench, at, "warning", "Deviation", code=tube, title=known[kind], message="Recorded.")
