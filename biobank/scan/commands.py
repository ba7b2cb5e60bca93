"""The scan station's verb: resolve a code, then do what the station is set to, and say exactly what happened."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from biobank import ids
from biobank.actor import Permission
from biobank.errors import DomainError, NotFound
from biobank.scan import queries, rules
from biobank.scan.queries import CodeView, PlaceView, TubeView
from biobank.specimen.queries import find_specimen
from biobank.storage import boxes, checks
from biobank.storage import commands as storage
from biobank.storage.boxes import BoxView
from biobank.storage.grids import label as label_of
from biobank.storage.queries import find_box
from biobank.storage.rules import AlreadyElsewhere, LabelOnTwoTubes, two_tubes_words
from biobank.tx import Tx

_DOUBLE_FIRE = timedelta(seconds=30)
"""A tube that is scanned again into the box where it was put so long ago at most is the same tube."""


class StationScan(BaseModel):
    """One scan: what the gun read, the station's mode and box, and whether a question about it got a yes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: Annotated[str, Field(max_length=200)]
    mode: Literal["find", "store"] = "find"
    box: Annotated[str, Field(max_length=40)] | None = None
    move: bool = False
    first_in_hand: bool = False


class Answer(BaseModel):
    """The outcome of a scan.

    `next` is the position that is filled next, `undo` the token that takes the deed back, `confirm` a question, and
    `command` what the station does itself.
    """

    model_config = ConfigDict(frozen=True)
    verdict: Literal["ok", "duplicate", "warning", "stop"]
    word: str
    code: str | None = None
    title: str | None = None
    message: str | None = None
    path: tuple[PlaceView, ...] = ()
    position: str | None = None
    href: str | None = None
    mode: str
    box: BoxView | None = None
    next: str | None = None
    confirm: Literal["move", "first_in_hand"] | None = None
    undo: UUID | None = None
    command: str | None = None


async def scan(tx: Tx, command: StationScan) -> Answer:
    """Answer one scan of a station. What the lab's rules refuse is an answer too: STOP, with the way out."""
    canonical = ids.canonical(command.text)
    if canonical in rules.BY_CODE:
        return _commanded(rules.BY_CODE[canonical], command.mode)
    try:
        return await _scanned(tx, command, canonical)
    except AlreadyElsewhere as question:
        return await _asked(tx, command, canonical, question)
    except LabelOnTwoTubes as question:
        return await _asked_twice(tx, command, question)
    except DomainError as refusal:
        return _stop(command.mode, canonical, refusal.title, refusal.detail)


def _commanded(done: rules.CommandCode, mode: str) -> Answer:
    if done.verb in {"next", "print"}:
        message = "This code is for the benches."
        return Answer(
            verdict="warning", word="Not here", title=done.title, message=message, mode=mode, command=done.verb
        )
    if done.verb in rules.MODES:
        return Answer(verdict="ok", word=rules.MODES[done.verb], title=done.title, mode=done.verb)
    return Answer(verdict="ok", word="Command", title=done.title, mode=mode, command=done.verb)


def _stop(mode: str, code: str, title: str, message: str) -> Answer:
    return Answer(verdict="stop", word="Stop", code=code[:40] or None, title=title, message=message, mode=mode)


async def _scanned(tx: Tx, command: StationScan, canonical: str) -> Answer:
    if not canonical:
        return _stop(command.mode, "", "Nothing was read", "The scan was empty: scan again.")
    try:
        found = await queries.resolve(tx, command.text)
    except NotFound as unknown:
        return await _unknown(tx, command, canonical, unknown)
    if found.kind == "box":
        return await _boxed(tx, command, found)
    if command.mode == "store":
        return await _stored(tx, command, found)
    return _found(found)


async def _unknown(tx: Tx, command: StationScan, canonical: str, unknown: NotFound) -> Answer:
    """A misread is told apart from a foreign code, and suggestions come from the box in front of the person alone."""
    if not ids.looks_like_house_id(canonical):
        return _stop(command.mode, canonical, "Unknown code", unknown.detail)
    try:
        ids.parse(canonical)
    except ids.BadIdentifier:
        standing: list[str] = []
        if command.box is not None:
            view = await boxes.box(tx, command.box)
            standing = [cell.code for cell in view.cells if cell.code is not None]
        return _stop(
            command.mode,
            canonical,
            "Check character wrong",
            "A character was misread or two were swapped: nothing was looked up. Scan again, or type it from the label."
            + rules.did_you_mean(rules.near(canonical, standing)),
        )
    return _stop(command.mode, canonical, "Unknown code", unknown.detail)


async def _boxed(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    view = await boxes.box(tx, found.code)
    full = command.mode == "store" and view.next is None
    return Answer(
        verdict="warning" if full else "ok",
        word="Full" if full else "Box",
        code=found.code,
        title=f"{view.name}: {view.occupied} of {view.capacity} occupied",
        message="Scan another box, or take tubes out of this one." if full else None,
        path=found.path,
        href=found.href,
        mode=command.mode,
        box=view,
        next=view.next,
    )


def _described(tube: TubeView) -> str:
    amount = f"{tube.quantity} {tube.unit}{' (partial)' if tube.is_partial else ''}"
    parts = [f"{tube.title}, {amount}", _whose(tube)]
    return " · ".join(parts)


_CLAIMED = {"reserved": "reserved", "listed": "on a pick list", "picked": "picked for a list"}


def _whose(tube: TubeView) -> str:
    """The participant; nobody is named for a pool, nor for a blind duplicate, whoever scans it."""
    if tube.participant:
        return ids.grouped(tube.participant)
    return "pool" if tube.level == "pool" else "blind duplicate"


def _state_words(tube: TubeView) -> list[str]:
    words = [f"on hold: {tube.hold.replace('_', ' ')}"] if tube.hold else []
    quality = f"{tube.quality}: {tube.quality_label}" if tube.quality_label else tube.quality
    words += [quality] if tube.quality != "acceptable" or tube.quality_label else []
    words += [_CLAIMED[tube.reservation]] if tube.reservation in _CLAIMED else []
    words += [tube.existence.replace("_", " ")] if tube.existence != "exists" else []
    words += [f"thawed {tube.freeze_thaw_count} times"] if tube.freeze_thaw_count else []
    return words


def _found(found: CodeView) -> Answer:
    if found.tube is None:
        return Answer(
            verdict="ok",
            word=found.kind.capitalize(),
            code=found.code,
            title=found.name or None,
            path=found.path,
            href=found.href,
            mode="find",
        )
    tube = found.tube
    words = _state_words(tube)
    if tube.place != "position":
        words.append(tube.where)
    if found.replaced_by is not None:
        words.insert(0, f"this label was replaced by {ids.grouped(found.replaced_by)}")
    sound = tube.hold is None and tube.quality == "acceptable" and tube.existence == "exists"
    uneasy = found.replaced_by is not None or not sound
    return Answer(
        verdict="warning" if uneasy else "ok",
        word="Look" if uneasy else "Found",
        code=found.code,
        title=_described(tube),
        message=", ".join(words) or None,
        path=found.path,
        position=tube.position,
        href=found.href,
        mode="find",
    )


async def _stored(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    if found.replaced_by is not None:
        return _stop(
            "store", found.code, "This label was replaced", rules.replaced_words(found.code, found.replaced_by)
        )
    if found.tube is None:
        detail = rules.wrong_kind(ids.Kind(found.code[0]), found.code)
        return _stop("store", found.code, f"This is a {found.kind}", detail)
    if not tx.actor.may(Permission.STORAGE_STORE):
        return _stop("store", found.code, "Not allowed", "Your roles do not include storing tubes.")
    if command.box is None:
        return _stop("store", found.code, "No box", "Scan the box that the tubes go into first.")
    # Locked before it is looked at: of two scans of one tube at the same moment the second sees what the first did.
    tube, custody = await find_specimen(tx, found.code, Permission.STORAGE_STORE, lock=True)
    box, grid = await find_box(tx, command.box, Permission.STORAGE_STORE)
    if custody.container_id == box.id and custody.row is not None and custody.col is not None:
        await checks.check_may_be_stored(tx, tube, custody)
        if not command.first_in_hand and tx.now - custody.since > _DOUBLE_FIRE:
            await checks.check_one_tube(tx, tube, custody)
        view = await boxes.box(tx, box.code, just=tube.code)
        label = label_of(grid, custody.row, custody.col)
        return _placed(
            found, view, label, verdict="duplicate", word="Already stored", message=f"It stands in {label} of this box."
        )
    placed = await storage.store(
        tx,
        storage.StoreTube(
            tube=found.code,
            box=command.box,
            move=command.move or command.first_in_hand,
            first_in_hand=command.first_in_hand,
        ),
    )
    view = await boxes.box(tx, box.code, just=tube.code)
    word = "Moved" if placed.left else "Stored"
    return _placed(found, view, placed.position, word=word, undo=placed.undo)


def _placed(found: CodeView, view: BoxView, position: str | None, **outcome: Any) -> Answer:
    tube = found.tube
    path = tuple(PlaceView(name=step.name, code=step.code, href=step.href) for step in view.path)
    return Answer(
        **{"verdict": "ok", **outcome},
        code=found.code,
        title=_described(tube) if tube else None,
        path=path,
        position=position,
        href=found.href,
        mode="store",
        box=view,
        next=view.next,
    )


async def _asked(tx: Tx, command: StationScan, canonical: str, question: AlreadyElsewhere) -> Answer:
    found = await queries.resolve(tx, command.text)
    return Answer(
        verdict="warning",
        word="Move it here?",
        code=found.code,
        title=_described(found.tube) if found.tube else canonical,
        message=question.detail,
        path=found.path,
        position=found.tube.position if found.tube else None,
        href=found.href,
        mode="store",
        confirm="move",
    )


async def _asked_twice(tx: Tx, command: StationScan, question: LabelOnTwoTubes) -> Answer:
    """A STOP that CONFIRM overrules: the one tube is in hand. `href` leads to where the other gets an id of its own."""
    found = await queries.resolve(tx, command.text)
    copies = question.fields["copies"]
    return Answer(
        verdict="stop",
        word="Stop",
        code=found.code,
        title=f"Copy {copies} of this label: is the first tube in hand?",
        message=two_tubes_words(found.code, str(question.fields["place"])),
        path=found.path,
        position=found.tube.position if found.tube else None,
        href=f"/specimens/{found.code}/identity",
        mode="store",
        confirm="first_in_hand",
    )


async def undo(tx: Tx, command: storage.UndoMove) -> Answer:
    """Take a placement of this person back, as a new event."""
    try:
        done = (await storage.undo(tx, command)).placements[0]
    except DomainError as refusal:
        return Answer(verdict="stop", word="Stop", title=refusal.title, message=refusal.detail, mode="")
    box = done.left or done.box
    view = await boxes.box(tx, box) if box is not None else None
    return Answer(
        verdict="ok",
        word="Undone",
        code=done.tube,
        title=f"It is {done.words} again." if done.box is None else f"It is back in {done.words}.",
        href=f"/specimens/{done.tube}",
        mode="",
        box=view,
        next=view.next if view else None,
    )
