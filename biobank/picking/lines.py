"""What becomes of the tubes of a pick list at the freezer: picked, not found, short, substituted, skipped, and undone.

Whoever works on a line holds the tube's participants first, then the tube, then the list.
"""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Conflict, Invalid
from biobank.picking import gate, queries, rules
from biobank.picking.blocks import Blocked, claim_block, refuse_blocked
from biobank.picking.blocks import Reason as Kept
from biobank.picking.commands import at_state, begin, person, record, touch
from biobank.picking.gate import Held
from biobank.picking.models import PickList, PickListLine
from biobank.picking.queries import PickListView, named_tubes
from biobank.picking.reserving import Command, Reason, Scanned
from biobank.picking.rules import Deed
from biobank.specimen.claims import claims
from biobank.specimen.custody import FINDABLE, AtPosition, Ended, Place, WithHolder, hand_over
from biobank.specimen.models import Custody, Specimen
from biobank.storage import boxes
from biobank.storage.checks import check_free
from biobank.storage.searching import open_searches
from biobank.tx import Tx

Note = Annotated[str, Field(min_length=3, max_length=500)]


class PickTube(Command):
    tube: Scanned


class NotFoundTube(Command):
    """A tube is not where its record says. `there` is what stands at its position instead, as scanned."""

    tube: Scanned
    there: Scanned | None = None
    note: Note | None = None


class SettleLine(Command):
    """A tube is left where it is, and why."""

    tube: Scanned
    note: Reason


class SubstituteTube(Command):
    """Another tube of the same participant and material is taken in place of one on the list."""

    tube: Scanned
    by: Scanned
    note: Reason


class UndoLine(Command):
    tube: Scanned


async def _line(tx: Tx, found: PickList, code: str) -> PickListLine:
    """The line of a tube on the list, which is locked."""
    line = (
        await tx.session.execute(
            select(PickListLine)
            .join(Specimen, Specimen.id == PickListLine.specimen_id)
            .where(PickListLine.pick_list_id == found.id, Specimen.code == code)
            .with_for_update(of=PickListLine)
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if line is None:
        raise rules.NotOnList(
            f"{ids.grouped(code)} is not on pick list {ids.grouped(found.code)}: put it back.", tube=code
        )
    return line


def _settle(tx: Tx, line: PickListLine, status: str, note: str | None = None) -> None:
    line.status, line.settled_by, line.settled_at, line.note = status, person(tx), tx.now, note


def _from(line: PickListLine, custody: Custody) -> None:
    """Remember where a tube stood, so that it can be put back there."""
    line.from_container_id, line.from_row, line.from_col = custody.container_id, custody.row, custody.col


async def _written(tx: Tx, found: PickList) -> PickListView:
    """A list that somebody works on is in progress, from the first line on."""
    begin(tx, found)
    await touch(tx, found)
    return await queries.pick_list_view(tx, found)


async def pick(tx: Tx, code: str, command: PickTube) -> PickListView:
    """Take a tube out for the list: it leaves its box for the picker's hands in the same transaction. Consent and
    quality are judged under lock.

    Raises:
        NotOnList: the list does not ask for it.
        LineState: it was settled already.
        TubesBlocked: it may not be taken, with the reason.
    """
    (tube,) = await named_tubes(tx, [command.tube])
    held = await gate.hold(tx, Specimen.code == tube, Permission.SPECIMEN_PICK)
    found = await at_state(tx, code, Deed.PICK)
    line = await _line(tx, found, tube)
    rules.check_waits(tube, line.status)
    await _take(tx, found, line, held, tube)
    record(tx, "pick_list.picked", found, tube=tube)
    return await _written(tx, found)


async def _take(tx: Tx, found: PickList, line: PickListLine, held: Held, code: str) -> None:
    _refuse_unseen(held, code)
    tube, custody = held.tubes[code]
    refuse_blocked(gate.pick_blocks(held, [tube], found.site_id), "Nothing was picked. Leave it where it is")
    _from(line, custody)
    _settle(tx, line, "picked", line.note)
    await hand_over(tx, [(tube.id, WithHolder(person(tx), found.site_id))])


def _refuse_unseen(held: Held, code: str) -> None:
    """A tube of the list that left the picker's reach since: it is at another site, or outside the house."""
    if code not in held.tubes:
        refuse_blocked(
            [Blocked(code, Kept.NOT_HERE, "is not at this site any more")], "Nothing was done. Skip the line"
        )


async def not_found(tx: Tx, code: str, command: NotFoundTube) -> PickListView:
    """The tube is not at its place: it is missing until it turns up, and a search is opened. What stands there instead
    is recorded where it really is.

    Raises:
        NotOnList, LineState: as for picking.
        Invalid: nothing can stand in place of a tube that is in no box.
        Conflict: what stands there is recorded in a shipment or outside the house: unpack or receive it first.
    """
    codes = await named_tubes(tx, [command.tube, *([command.there] if command.there else [])])
    tube = codes[0]
    held = await gate.hold(tx, Specimen.code.in_(codes), Permission.SPECIMEN_PICK)
    found = await at_state(tx, code, Deed.PICK)
    line = await _line(tx, found, tube)
    rules.check_waits(tube, line.status)
    _refuse_unseen(held, tube)
    specimen, custody = held.tubes[tube]
    there = await _found_there(tx, held, codes, custody) if command.there else None
    _from(line, custody)
    _settle(tx, line, "not_found", command.note)
    moves: list[tuple[int, Place]] = [(specimen.id, Ended("missing", found.site_id))]
    if there is not None:
        moves.append((there.id, _at(custody)))
    await hand_over(tx, moves)
    at = (line.from_container_id, line.from_row, line.from_col)
    context = {"pick_list_line_id": line.id, "there_instead": there.id if there else None, "note": command.note}
    await open_searches(tx, {specimen.id: at}, context)
    record(tx, "pick_list.not_found", found, reason=command.note, tube=tube, there=there.code if there else None)
    return await _written(tx, found)


def _at(custody: Custody) -> AtPosition:
    if custody.container_id is None or custody.row is None or custody.col is None or custody.site_id is None:
        raise Invalid(
            "The tube is recorded in no box, so nothing can stand in its place.", errors={"there": "has no place"}
        )
    return AtPosition(custody.container_id, custody.row, custody.col, custody.site_id)


async def _found_there(tx: Tx, held: Held, codes: tuple[str, ...], at: Custody) -> Specimen:
    """What was scanned at the position instead; the database refuses one that ended for good."""
    tube, there = codes
    _at(at)
    if there == tube:
        raise Invalid("This is the tube that was looked for: pick it.", errors={"there": "is the same tube"})
    if there not in held.tubes:
        raise Conflict(f"{ids.grouped(there)} is not known to you: put it aside and tell the manager.", tube=there)
    specimen, custody = held.tubes[there]
    if custody.package_id is not None or custody.external_party_id is not None:
        raise Conflict(
            f"{ids.grouped(there)} is recorded in a shipment or outside the house: unpack or receive it first.",
            tube=there,
        )
    spot = await boxes.spot(tx, at.container_id or 0, at.row or 0, at.col or 0)
    tx.record(
        "tube.found_elsewhere",
        subject="specimen",
        subject_id=specimen.id,
        study_id=specimen.study_id,
        site_id=at.site_id,
        tube=there,
        box=spot.box,
        position=spot.position,
    )
    return specimen


async def short(tx: Tx, code: str, command: SettleLine) -> PickListView:
    """The tube holds less than is needed; it is left where it is."""
    return await _leave(tx, code, command, "short")


async def skip(tx: Tx, code: str, command: SettleLine) -> PickListView:
    """The tube is left where it is for another reason. One that was picked is put back to where it came from, also
    after the list was verified.

    Raises:
        PositionOccupied: another tube stands there by now: store it elsewhere, then skip.
    """
    return await _leave(tx, code, command, "skipped")


async def _leave(tx: Tx, code: str, command: SettleLine, status: str) -> PickListView:
    (tube,) = await named_tubes(tx, [command.tube])
    held = await gate.hold(tx, Specimen.code == tube, Permission.SPECIMEN_PICK)
    found = await at_state(tx, code, Deed.SKIP if status == "skipped" else Deed.PICK)
    line = await _line(tx, found, tube)
    if status == "skipped" and line.status == "picked":
        await _put_back(tx, line, held, tube)
    else:
        rules.check_waits(tube, line.status)
    _settle(tx, line, status, command.note)
    record(tx, f"pick_list.{status}", found, reason=command.note, tube=tube)
    return await _written(tx, found)


async def _put_back(tx: Tx, line: PickListLine, held: Held, code: str) -> None:
    """A picked tube that is still in hand goes back to where it came from; one that was put elsewhere stays there."""
    _refuse_unseen(held, code)
    tube, custody = held.tubes[code]
    came_from = (line.from_container_id, line.from_row, line.from_col)
    if custody.holder_id is None or None in came_from or custody.site_id is None:
        return
    back = AtPosition(line.from_container_id or 0, line.from_row or 0, line.from_col or 0, custody.site_id)
    await check_free(tx, [back], {tube.id})
    await hand_over(tx, [(tube.id, back)])
    line.from_container_id = line.from_row = line.from_col = None


async def substitute(tx: Tx, code: str, command: SubstituteTube) -> PickListView:
    """Take another tube in place of one on the list. It passes the gates of making a list and of picking.

    Raises:
        NoSubstitute: it is of another participant or material.
        NotOnList, LineState, TubesBlocked: as for picking.
    """
    tube, by = await named_tubes(tx, [command.tube, command.by])
    held = await gate.hold(tx, Specimen.code.in_([tube, by]), Permission.SPECIMEN_PICK)
    found = await at_state(tx, code, Deed.PICK)
    line = await _line(tx, found, tube)
    rules.check_waits(tube, line.status)
    refuse_blocked(await gate.claim_blocks(tx, held, [by], found.purpose), "Nothing was picked. Leave it where it is")
    _refuse_unseen(held, tube)
    (old, _), (new, _) = held.tubes[tube], held.tubes[by]
    rules.check_substitute(
        tube,
        by,
        same_person=old.participant_id is not None and old.participant_id == new.participant_id,
        same_type=old.specimen_type == new.specimen_type,
        blind=old.is_blind_duplicate or new.is_blind_duplicate,
    )
    # The state of the list follows from its lines: the new one waits before the old one is settled.
    fresh = PickListLine(
        pick_list_id=found.id,
        study_id=found.study_id,
        specimen_id=new.id,
        status="to_pick",
        substitute_of=line.id,
        note=command.note,
    )
    tx.session.add(fresh)
    await tx.session.flush()
    _settle(tx, line, "substituted", command.note)
    await tx.session.flush()
    await _take(tx, found, fresh, held, by)
    record(tx, "pick_list.substituted", found, reason=command.note, tube=tube, by=by)
    return await _written(tx, found)


async def undo(tx: Tx, code: str, command: UndoLine) -> PickListView:
    """Let a line wait again, as a new deed: a picked tube is put back to where it came from, one that was not found is
    where its record said.

    Raises:
        LineState: there is nothing to undo.
        PositionOccupied: another tube stands there by now.
        TubesBlocked: somebody else claimed the tube meanwhile.
    """
    (tube,) = await named_tubes(tx, [command.tube])
    held = await gate.hold(tx, Specimen.code == tube, Permission.SPECIMEN_PICK)
    found = await at_state(tx, code, Deed.PICK)
    line = await _line(tx, found, tube)
    rules.check_undone(tube, line.status)
    _refuse_unseen(held, tube)
    specimen, custody = held.tubes[tube]
    if line.status == "picked":
        await _put_back(tx, line, held, tube)
    else:
        claim = (await claims(tx, [specimen.id])).get(specimen.id)
        block = claim_block(tube, claim, [found.purpose])
        refuse_blocked([block] if block else [], "Nothing was undone")
    if line.status == "not_found" and custody.terminal in FINDABLE:
        await _found_again(tx, found, line, specimen)
    line.status, line.settled_by, line.settled_at = "to_pick", None, None
    record(tx, "pick_list.undone", found, tube=tube)
    return await _written(tx, found)


async def _found_again(tx: Tx, found: PickList, line: PickListLine, tube: Specimen) -> None:
    """It was there after all: back at its position, or in the hands of who says so where it stood in no box."""
    back: Place = WithHolder(person(tx), found.site_id)
    if line.from_container_id is not None and line.from_row is not None and line.from_col is not None:
        back = AtPosition(line.from_container_id, line.from_row, line.from_col, found.site_id)
        await check_free(tx, [back], {tube.id})
    await hand_over(tx, [(tube.id, back)])
    line.from_container_id = line.from_row = line.from_col = None
