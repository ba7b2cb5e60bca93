"""The scan station's verbs: resolve a code, do what the station is set to, and say exactly what happened."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from biobank import ids
from biobank.accession.bench import attempt
from biobank.errors import DomainError, NotFound
from biobank.scan import finding, marking, parcels, placing, queries, remapping, rules, saying
from biobank.scan.answers import Answer, Mode, ScannedText, Short, StationScan, not_a_tube, shown_box, stop
from biobank.scan.modes import MODES
from biobank.scan.queries import CodeView
from biobank.storage import commands as storage
from biobank.storage.rules import AlreadyElsewhere, LabelOnTwoTubes
from biobank.tx import Tx


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UndoScan(Command):
    """What is taken back: the deed that a scan was answered with, or a tube that was packed into a package."""

    undo: UUID | None = None
    tube: Short | None = None
    context: Short | None = None
    made_by: Annotated[str, Field(max_length=63)] | None = None


class UndoBox(Command):
    """The deeds of this station that concern one box, in the order in which they were done."""

    box: Short
    undos: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=500)]


class StartStation(Command):
    """How a station was found fit for the day: by its self-test symbol, or by a person who types by hand."""

    workstation: Annotated[str, Field(max_length=60)] = ""
    way: Literal["scanner", "hand"]


class DropScan(Command):
    """A scan that was made offline, was refused when it was sent, and is not tried again."""

    text: ScannedText
    mode: Mode
    box: Short | None = None
    scanned_at: AwareDatetime
    refusal: Annotated[str, Field(max_length=1000)]
    reason: Annotated[str, Field(min_length=3, max_length=400)]


class Noted(BaseModel):
    """What was noted, in words."""

    model_config = ConfigDict(frozen=True)
    words: str


async def scan(tx: Tx, command: StationScan) -> Answer:
    """Answer one scan of a station. What the lab's rules refuse is an answer too: STOP, with the way out."""
    canonical = ids.canonical(command.text)
    if canonical in rules.BY_CODE:
        return _commanded(tx, rules.BY_CODE[canonical], command.mode)
    before = len(tx.events)
    try:
        rules.check_scanned_at(command.scanned_at, tx.now)
        answer = await _scanned(tx, command, canonical)
    except AlreadyElsewhere as question:
        return await placing.asked(tx, command, canonical, question)
    except LabelOnTwoTubes as question:
        return await placing.asked_twice(tx, command, question)
    except DomainError as refusal:
        return stop(command.mode, canonical, refusal.title, refusal.detail)
    if command.scanned_at is not None and len(tx.events) > before:
        tx.record(
            "scan.sent_late",
            subject="scan",
            subject_id=None,
            code=answer.code,
            scanned_at=command.scanned_at.isoformat(),
        )
    return answer


def _commanded(tx: Tx, done: rules.CommandCode, mode: str) -> Answer:
    if done.verb in rules.MODES:
        if not tx.actor.may(MODES[done.verb].permission):
            return stop(mode, done.code, "Not allowed", f"Your roles do not include {MODES[done.verb].refused}.")
        return Answer(verdict="ok", word=rules.MODES[done.verb], title=done.title, mode=done.verb)
    return Answer(verdict="ok", word="Command", title=done.title, mode=mode, command=done.verb)


async def _scanned(tx: Tx, command: StationScan, canonical: str) -> Answer:
    if not 0 < len(canonical) <= rules.LONGEST:
        return stop(command.mode, canonical, *rules.no_code(canonical))
    if command.mode == "quantity" and command.context is not None:
        at_hand = await queries.resolve(tx, command.context)
        read = await marking.measured(tx, command, at_hand, at_hand.tube) if at_hand.tube else None
        if read is not None:
            return read
    told = await saying.said(tx, command, canonical)
    if told is not None:
        return told
    try:
        found = await queries.resolve(tx, command.text)
    except NotFound as unknown:
        if command.mode == "receive" and _is_tube(canonical) and tx.actor.may(MODES["receive"].permission):
            return await parcels.came(tx, command, canonical, None)
        return await finding.unknown(tx, command, canonical, unknown)
    return await _in_mode(tx, command, found)


def _is_tube(canonical: str) -> bool:
    try:
        return ids.parse(canonical)[0] is ids.Kind.TUBE
    except ids.BadIdentifier:
        return False


async def _in_mode(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    mode = MODES[command.mode]
    if found.kind == "box" and command.mode == "remap" and command.codes and tx.actor.may(mode.permission):
        return await remapping.remap(tx, command, found.code)
    if found.kind == "box" and not mode.boxes:
        return await finding.boxed(tx, command, found)
    if mode.tubes and found.replaced_by is not None:
        return stop(
            command.mode, found.code, "This label was replaced", rules.replaced_words(found.code, found.replaced_by)
        )
    if mode.tubes and found.tube is None:
        return not_a_tube(command.mode, found)
    if not tx.actor.may(mode.permission):
        return stop(command.mode, found.code, "Not allowed", f"Your roles do not include {mode.refused}.")
    return await mode.deed(tx, command, found)


async def undo(tx: Tx, command: UndoScan) -> Answer:
    """Take back what this person did at a station, as a new event: a placement, or a tube that was packed."""
    try:
        if command.undo is None:
            context, tube = command.context or "", ids.canonical(command.tube or "")
            return await attempt(tx, lambda: parcels.unpack(tx, context, tube))
        placements = (await storage.undo(tx, storage.UndoMove(undo=command.undo))).placements
    except DomainError as refusal:
        return stop("", "", refusal.title, refusal.detail)
    done = placements[0]
    box = done.left or done.box
    shown = await shown_box(tx, box) if box is not None else {}
    return Answer(
        verdict="ok",
        word="Undone",
        code=done.tube,
        title=_where(placements),
        href=f"/specimens/{done.tube}",
        mode="",
        **shown,
    )


def _where(placements: Sequence[storage.PlacementView]) -> str:
    if len(placements) > 1:
        return f"{len(placements)} tubes are where they were before."
    (done,) = placements
    return f"It is {done.words} again." if done.box is None else f"It is back in {done.words}."


async def undo_box(tx: Tx, command: UndoBox) -> Answer:
    """Take back what a station did with a box, the last deed first. What cannot be taken back any more is named, and
    the rest is.
    """
    kept: list[str] = []
    back: set[str] = set()
    for one in reversed(command.undos):
        deed = storage.UndoMove(undo=one)
        try:
            undone = await attempt(tx, lambda deed=deed: storage.undo(tx, deed))  # type: ignore[misc]
            back |= {placement.tube for placement in undone.placements}
        except DomainError as refusal:
            kept.append(refusal.detail)
    shown = await shown_box(tx, command.box)
    return Answer(
        verdict="warning" if kept else "ok",
        word="Undone" if back else "Nothing undone",
        code=shown["box"].code,
        title="1 tube is where it was before." if len(back) == 1 else f"{len(back)} tubes are where they were before.",
        message=" ".join(kept) or None,
        mode="",
        **shown,
    )


async def start(tx: Tx, command: StartStation) -> Noted:
    """Note that a station is in use, and whether its scanner was tested."""
    tx.record(
        "station.started",
        subject="user",
        subject_id=tx.actor.user_id,
        workstation=command.workstation,
        way=command.way,
    )
    return Noted(words="tested by its symbol" if command.way == "scanner" else "typed by hand, not tested")


async def drop(tx: Tx, command: DropScan) -> Noted:
    """Note that a scan which was made offline and refused afterwards is not tried again, and why.

    Raises:
        Invalid: the scan lies in the future, or is older than seven days.
    """
    rules.check_scanned_at(command.scanned_at, tx.now)
    tx.record(
        "scan.dropped",
        subject="scan",
        subject_id=None,
        reason=command.reason,
        code=ids.canonical(command.text)[:64],
        mode=command.mode,
        box=command.box,
        scanned_at=command.scanned_at.isoformat(),
        refusal=command.refusal,
    )
    return Noted(words="dropped")
