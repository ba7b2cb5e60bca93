"""Looking up: what a code is, a box that is opened, and a code that nobody knows."""

from biobank import ids
from biobank.errors import NotFound
from biobank.scan import rules
from biobank.scan.answers import Answer, StationScan, described, shown_box, stop
from biobank.scan.queries import CodeView, TubeView
from biobank.storage import boxes
from biobank.tx import Tx

_CLAIMED = {"reserved": "reserved", "listed": "on a pick list", "picked": "picked for a list"}
_FILLING = frozenset({"store", "move", "return"})


async def unknown(tx: Tx, command: StationScan, canonical: str, refusal: NotFound) -> Answer:
    """A misread is told apart from a foreign code, and suggestions come from the box in front of the person alone."""
    if not ids.looks_like_house_id(canonical):
        if command.mode == "quantity" and command.context is not None:
            words = rules.no_quantity(command.text.strip(), command.context)
            return stop(command.mode, canonical, "No quantity", words)
        return stop(command.mode, canonical, "Unknown code", refusal.detail)
    try:
        ids.parse(canonical)
    except ids.BadIdentifier:
        standing: list[str] = []
        if command.box is not None:
            view = await boxes.box(tx, command.box)
            standing = [cell.code for cell in view.cells if cell.code is not None]
        return stop(
            command.mode,
            canonical,
            "Check character wrong",
            "A character was misread or two were swapped: nothing was looked up. Scan again, or type it from the label."
            + rules.did_you_mean(rules.near(canonical, standing)),
        )
    return stop(command.mode, canonical, "Unknown code", refusal.detail)


async def boxed(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """A box that was scanned: from here on it is the one in front of the person."""
    shown = await shown_box(tx, found.code)
    view = shown["box"]
    full = command.mode in _FILLING and view.next is None
    return Answer(
        verdict="warning" if full else "ok",
        word="Full" if full else "Box",
        code=found.code,
        title=f"{view.name}: {view.occupied} of {view.capacity} occupied",
        message="Scan another box, or take tubes out of this one." if full else None,
        path=found.path,
        href=found.href,
        mode=command.mode,
        **shown,
    )


def _state_words(tube: TubeView) -> list[str]:
    words = [f"on hold: {tube.hold.replace('_', ' ')}"] if tube.hold else []
    quality = f"{tube.quality}: {tube.quality_label}" if tube.quality_label else tube.quality
    words += [quality] if tube.quality != "acceptable" or tube.quality_label else []
    words += [_CLAIMED[tube.reservation]] if tube.reservation in _CLAIMED else []
    words += [tube.existence.replace("_", " ")] if tube.existence != "exists" else []
    words += [f"thawed {tube.freeze_thaw_count} times"] if tube.freeze_thaw_count else []
    return words


async def find(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """What a code is, and nothing changes."""
    del tx
    if found.tube is None:
        return Answer(
            verdict="ok",
            word=found.kind.capitalize(),
            code=found.code,
            title=found.name or None,
            path=found.path,
            href=found.href,
            mode=command.mode,
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
        title=described(tube),
        message=", ".join(words) or None,
        path=found.path,
        position=tube.position,
        href=found.href,
        mode=command.mode,
    )
