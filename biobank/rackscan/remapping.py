"""A spilled box: the same tubes in a new order, recorded by one list of scans."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.rackscan import queries, rules
from biobank.rackscan.commands import Command, move, record
from biobank.rackscan.looking import Sight, hold, labels_of
from biobank.rackscan.queries import View
from biobank.rackscan.rules import At, Cell, Diff, Gone, Seen
from biobank.storage import grids
from biobank.storage import queries as storage
from biobank.storage.grids import Grid
from biobank.tx import ReadTx, Tx

EMPTY = "-"


class RemapBox(Command):
    """What stands in the box now, scanned in fill order from its first position; `-` is a position that is empty.

    `digest` is that of a look that was taken before; without it the box is re-mapped as it is.
    """

    scans: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(min_length=1)]
    digest: Annotated[str, Field(min_length=64, max_length=64)] | None = None


class RemappedTube(View):
    """A tube of the box with its old and its new position; the new one is None for a tube that was not found."""

    tube: str | None
    was: str
    now: str | None


class ForeignTube(View):
    """A code that does not belong in this box, where it stands, and its true home where that may be known."""

    code: str
    tube: str | None
    position: str
    home: str


class RemapView(View):
    """What re-mapping a box does, or did. Tubes that were not found are missing; foreign ones stay where they are
    recorded, and are to be taken there. `undo` takes it back.
    """

    box: str
    name: str
    moved: tuple[RemappedTube, ...]
    unchanged: int
    missing: tuple[RemappedTube, ...]
    foreign: tuple[ForeignTube, ...]
    next: str | None
    digest: str
    undo: str | None = None


async def look(tx: ReadTx, code: str, scans: Sequence[str]) -> RemapView:
    """What re-mapping the box by these scans would do. Nothing is changed.

    Raises:
        NotFound, NotABox, Invalid: as `remap_box` says.
    """
    box, grid = await storage.find_box(tx, code, Permission.STORAGE_STORE)
    seen = _seen(grid, scans)
    now, sight = await _compared(tx, box.id, seen)
    return _view(sight, now, seen)


async def remap_box(tx: Tx, code: str, command: RemapBox) -> RemapView:
    """Record the new order of the tubes in a box, in one transaction: the box stays what it is, and the history of each
    tube has its old and its new position. Tubes of the box that were not scanned are missing from now on.

    Raises:
        NotFound, NotABox: as for the box.
        Invalid: no tube was scanned, more than the box has positions, or one twice.
        BoxHoldsOthers: a tube that is out of reach should stand in the box and was not scanned.
        BoxChanged: something is not as it was at the look.
    """
    box, grid = await storage.find_box(tx, code, Permission.STORAGE_STORE)
    seen = _seen(grid, command.scans)
    await hold(tx, box.code, box.id, queries.codes_of(seen))
    now, sight = await _compared(tx, box.id, seen)
    done = _view(sight, now, seen)
    if command.digest is not None and command.digest != done.digest:
        raise rules.BoxChanged(
            f"{sight.box.name}, or one of the tubes, changed since you looked. Nothing was stored: look again.",
            container=box.code,
        )
    rules.check_settled(now, sight.grid)
    await move(tx, sight, now)
    record(
        tx,
        "box.remapped",
        sight.box,
        moved=len(done.moved),
        unchanged=done.unchanged,
        missing=[tube.tube for tube in done.missing],
        foreign=[tube.code for tube in done.foreign],
    )
    return done.model_copy(update={"undo": str(tx.id)})


def _seen(grid: Grid, scans: Sequence[str]) -> dict[At, Seen]:
    """The scans by position, in fill order."""
    if len(scans) > grid.capacity:
        raise Invalid(
            f"{len(scans)} scans are more than the {grid.capacity} positions of the box.",
            errors={"scans": "are more than the box has positions"},
        )
    found: dict[At, Seen] = {}
    first: dict[str, str] = {}
    for at, text in zip(grids.fill_order(grid), scans, strict=False):
        if text == EMPTY:
            found[at] = Seen("no_tube", by_hand=True)
            continue
        value, _ = labels_of([text])[text]
        here = grids.label(grid, *at)
        if value in first:
            raise Invalid(
                f"{ids.grouped(value)[:40]} was scanned at {first[value]} and at {here}: scan each tube once.",
                errors={"scans": "name a tube twice"},
            )
        first[value] = here
        found[at] = Seen("code", text, by_hand=True)
    if not first:
        raise Invalid("No tube was scanned.", errors={"scans": "name no tube"})
    return found


async def _compared(tx: ReadTx, box_id: int, seen: dict[At, Seen]) -> tuple[Diff, Sight]:
    """The diff of a re-map: what does not belong in the box is left where it is, what was not found is missing."""
    found, sight = await queries.compare(tx, box_id, seen, {})
    left = Diff(
        cells=tuple(_left(cell) for cell in found.cells),
        gone=tuple(Gone(gone.id, gone.tube, gone.at, gone.may_be_unread, "missing") for gone in found.gone),
        counts=found.counts,
    )
    return left, sight


_HERE = frozenset({"empty", "gone", "unchanged", "moved"})


def _left(cell: Cell) -> Cell:
    """A tube from elsewhere is not moved by a re-map: it is only told."""
    if cell.kind == "duplicate":
        raise Invalid(
            f"Two scans name one tube: {ids.grouped(cell.code or '')[:40]}. Scan each tube once.",
            errors={"scans": "name a tube twice"},
        )
    return cell if cell.kind in _HERE else Cell(cell.at, "left", cell.code, cell.tube, cell.id, cell.was, cell.by_hand)


def _view(sight: Sight, found: Diff, seen: dict[At, Seen]) -> RemapView:
    box, grid = sight.box, sight.grid
    moved = [cell for cell in found.cells if cell.kind == "moved"]
    order = list(grids.fill_order(grid))
    return RemapView(
        box=box.code,
        name=box.name,
        moved=tuple(
            RemappedTube(tube=cell.tube, was=(cell.was or "").rpartition(" / ")[2], now=grids.label(grid, *cell.at))
            for cell in moved
        ),
        unchanged=sum(cell.kind == "unchanged" for cell in found.cells),
        missing=tuple(RemappedTube(tube=gone.tube, was=grids.label(grid, *gone.at), now=None) for gone in found.gone),
        foreign=tuple(
            ForeignTube(
                code=cell.code or "",
                tube=cell.tube,
                position=grids.label(grid, *cell.at),
                home=cell.was or "",
            )
            for cell in found.cells
            if cell.kind == "left"
        ),
        next=grids.label(grid, *order[len(seen)]) if len(seen) < len(order) else None,
        digest=queries.digest(found),
    )
