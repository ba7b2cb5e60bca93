"""What a station sends with a scan, and what it is answered: the shapes and the words that all modes share."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from biobank import ids
from biobank.exact import unit_words
from biobank.scan import rules
from biobank.scan.queries import CodeView, PlaceView, TubeView
from biobank.storage import boxes
from biobank.storage.boxes import BoxView
from biobank.storage.grids import Grid, fill_order
from biobank.tx import ReadTx

Mode = Literal[
    "find",
    "store",
    "move",
    "check_out",
    "return",
    "aliquot",
    "discard",
    "verify",
    "remap",
    "pack",
    "receive",
    "quantity",
    "print",
]
Short = Annotated[str, Field(max_length=40)]
ScannedText = Annotated[str, Field(max_length=4000)]
"""What a scanner sent or somebody pasted. What is too long for a code is answered like any other scan."""


class StationScan(BaseModel):
    """One scan: what the gun read, the station's mode and what it has at hand, and whether a question got a yes.

    `context` is the parent, package, shipment, tube or printer that the mode works with, and `last` the tube that was
    scanned before this. A scan that was made offline says when
    (`scanned_at`), who made it (`made_by`) and into which `position` the hand put the tube. `dry_run` is training: the
    answer is the real one, and nothing is kept. `codes` are the tubes of a box in the order in which they stand in it
    now, and `digest` that of what was shown of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: ScannedText
    mode: Mode = "find"
    box: Short | None = None
    context: Short | None = None
    last: Short | None = None
    position: Annotated[str, Field(min_length=1, max_length=8)] | None = None
    reason: Annotated[str, Field(min_length=3, max_length=400)] | None = None
    move: bool = False
    first_in_hand: bool = False
    codes: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=1000)] = ()
    digest: Annotated[str, Field(min_length=64, max_length=64)] | None = None
    scanned_at: AwareDatetime | None = None
    made_by: Annotated[str, Field(max_length=63)] | None = None
    dry_run: bool = False


class Context(BaseModel):
    """What a mode works with: a parent, a package, a shipment, a tube or a printer, and how to call it."""

    model_config = ConfigDict(frozen=True)
    code: str
    words: str


class Answer(BaseModel):
    """The outcome of a scan.

    `next` is the position that is filled next, and `free` all that are, in the order of filling; with `look` the box is
    only shown, and is not the one that tubes go into; `undo` is the token that takes the deed back, `unpack` says that
    it is taken back by unpacking, `final` that it is not taken back here; `confirm` is a question, `command` what the
    station does itself, and `go` says that the work goes on at `href`. `reason` is what is done from here on for;
    empty, it is done for nothing any more.
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
    look: bool = False
    free: tuple[str, ...] | None = None
    next: str | None = None
    context: Context | None = None
    confirm: Literal["move", "first_in_hand", "remap"] | None = None
    digest: str | None = None
    undo: UUID | None = None
    unpack: bool = False
    final: bool = False
    go: bool = False
    command: str | None = None
    reason: str | None = None


def stop(mode: str, code: str, title: str, message: str) -> Answer:
    """A refusal: nothing changed."""
    return Answer(verdict="stop", word="Stop", code=code[:40] or None, title=title, message=message, mode=mode)


def described(tube: TubeView) -> str:
    amount = f"{tube.quantity} {unit_words(tube.unit)}{' (partial)' if tube.is_partial else ''}"
    parts = [f"{tube.title}, {amount}", whose(tube)]
    return " · ".join(parts)


def whose(tube: TubeView) -> str:
    """The participant; nobody is named for a pool, nor for a blind duplicate, whoever scans it."""
    if tube.participant:
        return ids.grouped(tube.participant)
    return "pool" if tube.level == "pool" else "blind duplicate"


async def shown_box(tx: ReadTx, code: str, *, just: str | None = None) -> dict[str, Any]:
    """A box as an answer shows it, with its free positions in the order of filling."""
    return shown(await boxes.box(tx, code, just=just))


def shown(view: BoxView) -> dict[str, Any]:
    empty = {(cell.row, cell.col): cell.label for cell in view.cells if cell.state in {"free", "next"}}
    order = fill_order(Grid(view.rows, view.cols, "letter_number", view.fill or "row"))  # the order asks for no names
    return {"box": view, "free": tuple(empty[at] for at in order if at in empty), "next": view.next}


def placed(found: CodeView, shown: dict[str, Any], position: str | None, mode: str, **outcome: Any) -> Answer:
    """A tube that stands in the box that is shown."""
    view: BoxView = shown["box"]
    path = tuple(PlaceView(name=step.name, code=step.code, href=step.href) for step in view.path)
    return Answer(
        **{"verdict": "ok", **shown, **outcome},
        code=found.code,
        title=described(found.tube) if found.tube else None,
        path=path,
        position=position,
        href=found.href,
        mode=mode,
    )


def not_a_tube(mode: str, found: CodeView) -> Answer:
    detail = rules.wrong_kind(ids.Kind(found.code[0]), found.code)
    return stop(mode, found.code, f"This is a {found.kind}", detail)
