"""The intake bench: tubes are taken in as they arrive, visit by visit."""

from biobank.accession import intake, rules
from biobank.accession.bench import AtBench, BenchAnswer, BenchScan, answer
from biobank.accession.intake import Intake, IntakeRow, TakeBack, TakeIn
from biobank.errors import NotFound
from biobank.ids import canonical, grouped
from biobank.tx import Tx


async def scanned(tx: Tx, command: BenchScan, verb: str | None) -> BenchAnswer:
    at = command.at
    if verb == "next":
        return answer("intake", AtBench(), "ok", "Put aside", title="Scan a tube of the next visit.")
    if verb == "undo":
        return await _undone(tx, command)
    if verb is not None:
        return answer("intake", at, "warning", "Nothing to confirm", title="No question is open at this bench.")
    if at.tube is not None and canonical(command.text) == at.tube:
        seen = await intake.intake_of(tx, at.tube)
        row = _row(seen, at.tube)
        if row.state == "taken_in":
            said = "Scanned twice: it counts once."
            return _said(seen, row, "duplicate", "Taken in already", at, said)
    return await _taken_in(tx, command)


async def _taken_in(tx: Tx, command: BenchScan) -> BenchAnswer:
    done = await intake.take_in(tx, TakeIn(tube=command.text, with_tube=await _at_hand(tx, command.at.tube)))
    row = _row(done.intake, done.tube)
    now = AtBench(tube=done.tube)
    if done.straggler is not None:
        return _said(done.intake, row, "warning", "Straggler", now, done.straggler)
    if row.planned is None and done.intake.planned:
        return _said(done.intake, row, "warning", "Unplanned", now, "The protocol does not plan this tube: it is kept.")
    complete = done.intake.taken_in == done.intake.expected
    return _said(done.intake, row, "ok", "Complete" if complete else "Taken in", now, None)


def _row(seen: Intake, code: str) -> IntakeRow:
    return next(row for row in seen.rows if row.tube.code == code)


async def _at_hand(tx: Tx, tube: str | None) -> str | None:
    """The visit at hand as one of its tubes; none when all of it is in, so that the next visit begins by itself."""
    if tube is None:
        return None
    try:
        seen = await intake.intake_of(tx, tube)
    except NotFound:
        return None
    return None if seen.taken_in == seen.expected else tube


def _said(seen: Intake, row: IntakeRow, verdict: str, word: str, at: AtBench, note: str | None) -> BenchAnswer:
    what = row.planned or "unplanned"
    title = (
        f"{what}: {row.tube.specimen_title} in {row.tube.tube_type} · {grouped(seen.participant)} · "
        f"{seen.title} {seen.number}"
    )
    rest = [row.planned or row.tube.specimen_title for row in seen.remaining]
    counted = f"{seen.taken_in} of {seen.expected} taken in"
    left = f"{counted}; still expected: {', '.join(rest)}." if rest else f"{counted}."
    message = " ".join(part for part in (note, left) if part)
    return answer("intake", at, verdict, word, code=row.tube.code, title=title, message=message)  # type: ignore[arg-type]


async def _undone(tx: Tx, command: BenchScan) -> BenchAnswer:
    at = command.at
    if at.tube is None:
        raise rules.NotThisTube("There is nothing to undo at this bench: scan a tube first.")
    seen = await intake.take_back(tx, TakeBack(tube=at.tube))
    last = max((row for row in seen.rows if row.taken_in_at is not None), key=lambda row: row.tube.id, default=None)
    title = f"It is expected again. {seen.taken_in} of {seen.expected} taken in."
    now = AtBench(tube=last.tube.code if last else None)
    return answer("intake", now, "ok", "Undone", code=at.tube, title=title)
