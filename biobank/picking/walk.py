"""Walking a pick list by scan: what the person in front of the freezer is told after each scan, and what comes next."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from biobank import ids
from biobank.actor import Permission
from biobank.errors import DomainError
from biobank.picking import lines, queries, rules
from biobank.picking.queries import LineView, PickListView, View, find_pick_list
from biobank.storage import boxes
from biobank.storage.boxes import BoxView, Cell
from biobank.storage.queries import Place
from biobank.tx import ReadTx, Tx


class PickScan(BaseModel):
    """One scan at a pick list: a tube that is taken out, or a box that is opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: Annotated[str, Field(max_length=200)]


class NextTube(View):
    """The tube that is fetched next, with the box that it stands in as one looks into it."""

    tube: str
    title: str
    path: tuple[Place, ...]
    position: str | None
    box: BoxView | None


class PickAnswer(View):
    """The outcome of a scan at a pick list, in the shape of the scan station's. `undo` is the tube whose line can wait
    again; `following` is what is fetched next, absent when no line waits.
    """

    verdict: Literal["ok", "duplicate", "warning", "stop"]
    word: str
    code: str | None = None
    title: str | None = None
    message: str | None = None
    path: tuple[Place, ...] = ()
    position: str | None = None
    undo: str | None = None
    status: str
    to_pick: int
    picked: int
    total: int
    following: NextTube | None


async def scan(tx: Tx, code: str, command: PickScan) -> PickAnswer:
    """Answer one scan. What the rules refuse is an answer too: STOP, with the way out."""
    found = await queries.pick_list_view(tx, await find_pick_list(tx, code, Permission.SPECIMEN_PICK))
    canonical = ids.canonical(command.text)
    if not canonical:
        return await _stop(tx, found, "", "Nothing was read", "The scan was empty: scan again.")
    if canonical.startswith(ids.Kind.BOX) and ids.looks_like_house_id(canonical):
        return await _boxed(tx, found, canonical)
    try:
        (tube,) = await queries.named_tubes(tx, [command.text])
        line = next((line for line in found.lines if line.tube == tube), None)
        if line is not None and line.status == "picked":
            return await _told(tx, found, line, "duplicate", "Already picked")
        view = await lines.pick(tx, found.code, lines.PickTube(tube=tube))
    except rules.NotOnList as refusal:
        return await _stop(tx, found, canonical, refusal.title, refusal.detail + _instead(found))
    except DomainError as refusal:
        return await _stop(tx, found, canonical, refusal.title, refusal.detail)
    done = next(line for line in view.lines if line.tube == tube)
    return await _told(tx, view, done, "ok", "Picked", undo=tube)


def _instead(found: PickListView) -> str:
    wanted = found.waiting
    if wanted is None:
        return ""
    where = f" from {wanted.at.words}" if wanted.at else ""
    return f" Next is {ids.grouped(wanted.tube)}{where}."


async def _told(
    tx: Tx,
    view: PickListView,
    line: LineView,
    verdict: Literal["ok", "duplicate"],
    word: str,
    *,
    undo: str | None = None,
) -> PickAnswer:
    came_from = line.came_from
    return await _answer(
        tx,
        view,
        verdict=verdict,
        word=word,
        code=line.tube,
        title=_title(line),
        path=came_from.path if came_from else (),
        position=came_from.position if came_from else None,
        message=None if view.waiting else "That was the last one: scan the tubes in hand again to verify them.",
        undo=undo,
    )


def _title(line: LineView) -> str:
    return f"{line.type_title}, {line.quantity:f} {line.unit}"


async def _stop(tx: Tx, view: PickListView, code: str, title: str, message: str) -> PickAnswer:
    return await _answer(tx, view, verdict="stop", word="Stop", code=code[:40] or None, title=title, message=message)


async def _boxed(tx: Tx, view: PickListView, code: str) -> PickAnswer:
    """A box that was opened: what of this list stands in it."""
    here = [line for line in view.lines if line.status == "to_pick" and line.at is not None and line.at.box == code]
    if not here:
        return await _answer(
            tx,
            view,
            verdict="warning",
            word="Nothing here",
            code=code,
            title="No tube that waits on this list is recorded in this box.",
            message=_instead(view).strip() or None,
        )
    positions = ", ".join(line.at.position for line in here if line.at is not None)
    return await _answer(
        tx,
        view,
        first=here[0],
        verdict="ok",
        word="Box",
        code=code,
        title=f"{len(here)} of this list: {positions}",
        path=here[0].at.path if here[0].at else (),
    )


async def _answer(tx: ReadTx, view: PickListView, *, first: LineView | None = None, **outcome: object) -> PickAnswer:
    following = first or view.waiting
    return PickAnswer.model_validate(
        {
            **outcome,
            "status": view.status,
            "to_pick": view.counts.to_pick,
            "picked": view.counts.picked,
            "total": view.counts.total,
            "following": await next_tube(tx, view, following) if following else None,
        }
    )


async def next_tube(tx: ReadTx, view: PickListView, line: LineView) -> NextTube:
    """A line with the picture of its box, in which the tubes of this list stand out; without the right to see boxes
    there is no picture.
    """
    picture = None
    if line.at is not None and tx.actor.may(Permission.STORAGE_READ):
        waiting = {
            other.tube
            for other in view.lines
            if other.status == "to_pick" and other.at is not None and other.at.box == line.at.box
        }
        plain = await boxes.box(tx, line.at.box)
        cells = tuple(_cell(cell, line.tube, waiting) for cell in plain.cells)
        picture = plain.model_copy(update={"cells": cells})
    return NextTube(
        tube=line.tube,
        title=_title(line),
        path=line.at.path if line.at else (),
        position=line.at.position if line.at else None,
        box=picture,
    )


def _cell(cell: Cell, first: str, waiting: set[str]) -> Cell:
    if cell.state == "next":
        return cell.model_copy(update={"state": "free"})
    if cell.code is not None and cell.code in waiting:
        return cell.model_copy(update={"state": "take" if cell.code == first else "pick"})
    return cell
