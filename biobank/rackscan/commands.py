"""A scan of a rack is kept, settled by hand where the scanner could not tell, and committed as one deed."""

import hashlib
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from assay_importers.racks import RackScan as ScannedRack
from biobank import ids
from biobank.actor import Permission
from biobank.errors import Forbidden, NotFound
from biobank.identifier.models import Identifier
from biobank.identifier.rules import foreign_code
from biobank.participant.rules import Decisions, check_consent, strongest
from biobank.rackscan import queries, rules
from biobank.rackscan.looking import Box, Need, Sight, hold, labels_of, said
from biobank.rackscan.models import RackScan, RackScanAnswer, RackScanDecision
from biobank.rackscan.queries import RackScanView
from biobank.rackscan.rules import At, Diff
from biobank.specimen.custody import AtPosition, Ended, Place, WithHolder, hand_over
from biobank.storage import grids, reserving, searching
from biobank.storage import queries as storage
from biobank.storage import rules as places
from biobank.storage.commands import Reason
from biobank.storage.grids import Grid
from biobank.storage.models import Container
from biobank.tx import ReadTx, Tx

MOST = 384
Code = Annotated[str, Field(min_length=1, max_length=200)]
Label = Annotated[str, Field(min_length=1, max_length=8)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class KeepRackScan(Command):
    """A file by its digest; its bytes travel beside it."""

    file_name: Annotated[str, Field(min_length=1, max_length=200)]
    sha256: str


class CellAnswer(Command):
    """What was scanned by hand at a position; without a code nothing stands there any more: it was taken out."""

    position: Label
    code: Code | None = None


class TubeDecision(Command):
    """What became of a tube that was not seen: it is still there but unread, I took it out, or it is missing."""

    tube: Code
    decision: Literal["unread", "taken_out", "missing"]


class SettleRackScan(Command):
    """Later answers for a position, and decisions about a tube, take the place of earlier ones."""

    answers: Annotated[tuple[CellAnswer, ...], Field(max_length=MOST)] = ()
    decisions: Annotated[tuple[TubeDecision, ...], Field(max_length=MOST)] = ()


class CommitRackScan(Command):
    """`digest` is that of the differences that the person looked at. A place that is reserved is used under the number
    of its `reservation`.
    """

    digest: Annotated[str, Field(min_length=64, max_length=64)]
    override_reason: Reason | None = None
    reservation: UUID | None = None


class DiscardRackScan(Command):
    """The scan is put aside; nothing it says is stored."""

    reason: Reason | None = None


def file_command(name: str, content: bytes) -> KeepRackScan:
    """The command that keeping these bytes is."""
    return KeepRackScan(file_name=name[:200].strip() or "scan", sha256=hashlib.sha256(content).hexdigest())


async def keep(tx: Tx, code: str, command: KeepRackScan, content: bytes, scanned: ScannedRack) -> RackScanView:
    """Keep the scan of a box as open. The same bytes again are the scan that is open, or the committed one while the
    box still is as it says.

    Raises:
        NotFound, NotABox: as for the box.
        RackDoesNotFit: it has positions that the box has not, or is of another rack of the house.
    """
    box, grid = await storage.find_box(tx, code, Permission.STORAGE_STORE, lock=True)
    rules.check_fits(grid, [(cell.row, cell.col) for cell in scanned.cells], box.name)
    rules.check_rack_code(scanned.rack_code, await _named(tx, scanned.rack_code), box.code, box.name)
    before = await _before(tx, box, command.sha256)
    if before is None:
        (number,) = await tx.insert(
            RackScan,
            [
                {
                    "container_id": box.id,
                    "file_name": command.file_name,
                    "sha256": command.sha256,
                    "content": content,
                    "layout": scanned.layout,
                    "layout_version": scanned.version,
                    "rack_code": scanned.rack_code,
                    "scanner": scanned.scanner,
                    "scanned_at": scanned.scanned_at,
                    "cells": [cell.model_dump(exclude={"line"}) for cell in scanned.cells],
                    "notes": [*scanned.notes, *(f"not read: {text}" for text in scanned.unread)],
                    "read_by": person(tx),
                    "read_at": tx.now,
                }
            ],
        )
        record(tx, "rack_scan.read", box, scan=number, file=command.file_name, layout=scanned.layout)
    else:
        number = before
    return await queries.rack_scan(tx, box.code, number)


async def _before(tx: Tx, box: Container, sha256: str) -> int | None:
    """The scan that these bytes are already: the open one, or the last committed one that still holds."""
    found = (
        await tx.session.execute(
            select(RackScan)
            .where(RackScan.container_id == box.id, RackScan.sha256 == sha256, RackScan.status != "discarded")
            .order_by(RackScan.id.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    if found is None or found.status == "open":
        return None if found is None else found.id
    now, _ = await queries.diff(tx, found, await said(tx, found.id))
    return None if now.placed() or now.undecided() else found.id


async def _named(tx: ReadTx, rack_code: str | None) -> str | None:
    """The box that the code of a rack names, where it is one of the house."""
    if rack_code is None:
        return None
    ((value, _),) = labels_of([rack_code]).values()
    named = select(Container.code).join(Identifier, Identifier.container_id == Container.id)
    reached = storage.reach(tx.scope(Permission.STORAGE_READ))
    return (await tx.session.execute(named.where(Identifier.value == value, reached).limit(1))).scalar_one_or_none()


async def settle(tx: Tx, code: str, number: int, command: SettleRackScan) -> RackScanView:
    """Say what stands at positions that the scanner could not tell, and what became of tubes that it did not see.

    Raises:
        NotFound: no such box or scan; a tube that is not among those that were not seen.
        UnknownPosition: the box has no such position.
        RackScanUnsettled: a tube cannot be unread where another one was read.
        RackScanSettled: the scan is finished.
    """
    found, box, grid = await queries.find_scan(tx, code, number, Permission.STORAGE_STORE, lock=True)
    rules.check_open(found.status)
    who = {"rack_scan_id": found.id}
    if command.answers:
        rows = [
            {**who, **_at(grid, answer), "answered_by": person(tx), "answered_at": tx.now} for answer in command.answers
        ]
        await _put(tx, RackScanAnswer, "uq_rack_scan_answer_position", rows, ("row", "col"))
    if command.decisions:
        seen, sight = await queries.diff(tx, found, await said(tx, found.id))
        rows = [
            {**who, **_decided(seen, sight.grid, one), "decided_by": person(tx), "decided_at": tx.now}
            for one in command.decisions
        ]
        await _put(tx, RackScanDecision, "uq_rack_scan_decision_tube", rows, ("specimen_id",))
    record(tx, "rack_scan.settled", box, scan=found.id, answers=len(command.answers), decisions=len(command.decisions))
    return await queries.rack_scan(tx, box.code, found.id)


def _at(grid: Grid, answer: CellAnswer) -> dict[str, Any]:
    row, col = grids.position(grid, answer.position)
    return {"row": row, "col": col, "code": None if answer.code is None else _code(answer.code)}


def _code(text: str) -> str:
    canonical = ids.canonical(text)
    return canonical if ids.looks_like_house_id(canonical) else foreign_code(text)


def _decided(seen: Diff, grid: Grid, said: TubeDecision) -> dict[str, Any]:
    tube = ids.canonical(said.tube)
    gone = next((gone for gone in seen.gone if gone.tube == tube), None)
    if gone is None:
        raise NotFound(f"{ids.grouped(tube)} is not among the tubes that were not seen.", tube=tube)
    if said.decision == "unread":
        rules.check_may_be_unread(gone, grid)
    return {"specimen_id": gone.id, "decision": said.decision}


async def _put(tx: Tx, table: Any, constraint: str, rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    """Insert rows, or let them take the place of those with the same key; of two in one command the last counts."""
    latest = {tuple(row[name] for name in key): row for row in rows}
    statement = upsert(table).values(list(latest.values()))
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    await tx.session.execute(statement.on_conflict_do_update(constraint=constraint, set_=changed))


async def commit_scan(tx: Tx, code: str, number: int, command: CommitRackScan) -> RackScanView:
    """Store what the scan says, in one transaction and as one deed. Undo takes all of it back.

    Raises:
        BoxChanged: something is not as it was when the person looked.
        RackTurned: the rack was probably held the wrong way round.
        RackScanUnsettled, BoxHoldsOthers: positions or tubes are not settled.
        ContainerClosed, TooWarm, DoesNotFit, ParticipantWithdrawn, PositionReserved: the box may not take them.
        RackScanSettled: the scan is finished.
    """
    found, box, _ = await queries.find_scan(tx, code, number, Permission.STORAGE_STORE, lock=True)
    rules.check_open(found.status)
    told = await said(tx, found.id)
    await hold(tx, box.code, box.id, queries.codes_of(queries.seen_in(found.cells, told.answers)))
    seen, sight = await queries.diff(tx, found, told)
    if queries.digest(seen) != command.digest:
        raise rules.BoxChanged(
            f"{sight.box.name}, or a tube of the scan, changed since you looked. Nothing was stored: look at the "
            "differences again.",
            container=box.code,
        )
    rules.check_straight(seen, sight.box.name)
    rules.check_settled(seen, sight.grid)
    overridden = await move(tx, sight, seen, command.override_reason, command.reservation)
    found.status, found.settled_by, found.settled_at, found.deed = "committed", person(tx), tx.now, tx.id
    await tx.session.flush()
    gone = {decision: sum(gone.decision == decision for gone in seen.gone) for decision in rules.DECISIONS}
    record(
        tx,
        "rack_scan.committed",
        sight.box,
        command.override_reason,
        scan=found.id,
        found={kind: count for kind, count in seen.counts.items() if kind not in {"empty", "gone"}},
        not_seen=gone,
        too_warm=overridden,
    )
    return queries.view(found, sight.box, sight.grid, sight.steps, told.read_by)


async def move(tx: Tx, sight: Sight, seen: Diff, override: str | None = None, reservation: UUID | None = None) -> bool:
    """Move every tube of a settled diff in one statement. Returns whether a place was too warm and that was overridden.

    Raises:
        ContainerClosed, TooWarm, DoesNotFit, ParticipantWithdrawn: the box may not take a tube that comes into it.
        PositionReserved: a position is kept free for something else.
    """
    box, overridden = sight.box, False
    coming = sorted(cell.id for cell in seen.cells if cell.id is not None and cell.kind in {"new", "brought"})
    if coming:
        places.check_open(sight.steps)
        for tube in _one_of_each_kind(sight.needs[tube] for tube in coming):
            places.check_fits(tube.tube, tube.fits, tube.format, sight.steps[-1])
            overridden = places.check_cold(tube.required, tube.required_rank, sight.steps, override) or overridden
        people = {sight.needs[tube].participant_id for tube in coming}
        withdrawn = [one for number, one in sight.withdrawn.items() if number in people]
        check_consent({code: Decisions(frozenset(), strongest(levels)) for code, levels in withdrawn}, ())
    used = [at for _, at in seen.placed() if _uses(sight, at, reservation)]
    if used:
        await reserving.use(tx, box.id, *used)
    moves: list[tuple[int, Place]] = [
        (tube, AtPosition(box.id, row, col, box.site_id)) for tube, (row, col) in seen.placed()
    ]
    for gone in seen.gone:
        if gone.decision == "taken_out":
            moves.append((gone.id, WithHolder(person(tx), box.site_id)))
        elif gone.decision == "missing":
            moves.append((gone.id, Ended("missing", box.site_id)))
    await hand_over(tx, moves)
    missing = {gone.id: (box.id, *gone.at) for gone in seen.gone if gone.decision == "missing"}
    await searching.open_searches(tx, missing)
    return overridden


def _uses(sight: Sight, at: At, reservation: UUID | None) -> bool:
    """Whether a position is used that was kept free under this number.

    Raises:
        PositionReserved: it is kept free under another.
    """
    name = f"Position {grids.label(sight.grid, *at)} of {sight.box.name}"
    return places.check_reserved(sight.held.get(at), reservation, name) is not None


def _one_of_each_kind(tubes: Iterable[Need]) -> Collection[Need]:
    """Of each material and make of tube among these, the first: all of a kind need the same."""
    first: dict[tuple[str, str], Need] = {}
    for tube in tubes:
        first.setdefault((tube.specimen_type, tube.tube_type), tube)
    return first.values()


async def discard(tx: Tx, code: str, number: int, command: DiscardRackScan) -> RackScanView:
    """Put a scan aside.

    Raises:
        RackScanSettled: the scan is finished.
    """
    found, box, _ = await queries.find_scan(tx, code, number, Permission.STORAGE_STORE, lock=True)
    rules.check_open(found.status)
    found.status, found.settled_by, found.settled_at = "discarded", person(tx), tx.now
    await tx.session.flush()
    record(tx, "rack_scan.discarded", box, command.reason, scan=found.id)
    return await queries.rack_scan(tx, box.code, found.id)


def person(tx: Tx) -> int:
    """The user who acts.

    Raises:
        Forbidden: it is the service itself.
    """
    if tx.actor.user_id is None:
        raise Forbidden("A person scans racks: log in.")
    return tx.actor.user_id


def record(tx: Tx, verb: str, box: Container | Box, reason: str | None = None, **said: Any) -> None:
    """Note a deed on a box in the trail."""
    tx.record(verb, subject="container", subject_id=box.id, site_id=box.site_id, reason=reason, box=box.code, **said)
