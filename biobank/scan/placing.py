"""Tubes and their places: stored, moved, checked out and returned by scan."""

from datetime import timedelta

from sqlalchemy import select

from biobank import ids
from biobank.accession.bench import attempt
from biobank.actor import Permission
from biobank.scan import queries, rules
from biobank.scan.answers import Answer, StationScan, described, placed, shown, shown_box, stop
from biobank.scan.queries import CodeView
from biobank.specimen.models import CustodyHistory
from biobank.specimen.queries import find_specimen
from biobank.storage import boxes, checks
from biobank.storage import commands as storage
from biobank.storage.grids import label as label_of
from biobank.storage.home import home
from biobank.storage.looking import look
from biobank.storage.rules import AlreadyElsewhere, LabelOnTwoTubes, two_tubes_words
from biobank.tx import ReadTx, Tx

_DOUBLE_FIRE = timedelta(seconds=30)
"""A tube that is scanned again into the box where it was put so long ago at most is the same tube."""


async def store(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """Put a tube into the scanned box."""
    if command.box is None:
        return stop(command.mode, found.code, "No box", "Scan the box that the tubes go into first.")
    # Locked before it is looked at: of two scans of one tube at the same moment the second sees what the first did.
    sight = await look(tx, found.code, command.box)
    tube = sight.tube
    checks.check_may_be_stored(tube)
    if sight.here is not None:
        if not command.first_in_hand and tx.now - tube.since > _DOUBLE_FIRE:
            await checks.check_one_tube(tx, tube)
        label = label_of(sight.box.grid, *sight.here)
        return placed(
            found,
            shown(boxes.drawn(sight.box, just=tube.code)),
            label,
            command.mode,
            verdict="duplicate",
            word="Already stored",
            message=f"It stands in {label} of this box.",
        )
    await check_not_overtaken(tx, command, tube.id, tube.code)
    done = await storage.place(
        tx,
        sight,
        storage.StoreTube(
            tube=found.code,
            box=command.box,
            position=command.position,
            move=command.move or command.first_in_hand or command.mode == "move",
            first_in_hand=command.first_in_hand,
        ),
    )
    named = tx.scope(Permission.STORAGE_READ).covers(tube.study_id, tube.site_id, sight.box.site_id)
    after = shown(boxes.drawn(sight.with_tube(done.position or "", named=named), just=tube.code))
    word = "Moved" if done.left else "Stored"
    return placed(found, after, done.position, command.mode, word=word, undo=done.undo)


async def check_not_overtaken(tx: ReadTx, command: StationScan, tube_id: int, code: str) -> None:
    """A scan that waited says what was so when it was made; what somebody else did to the tube since is newer.

    Raises:
        ScanOvertaken: naming the moment.
    """
    if command.scanned_at is None:
        return
    newer = (
        await tx.session.execute(
            select(CustodyHistory.since).where(
                CustodyHistory.specimen_id == tube_id,
                CustodyHistory.until.is_(None),
                CustodyHistory.since > command.scanned_at,
                CustodyHistory.actor_id.is_distinct_from(tx.actor.user_id),
            )
        )
    ).scalar_one_or_none()
    if newer is not None:
        raise rules.ScanOvertaken(
            f"{ids.grouped(code)} was moved by somebody else after this scan was made: look where it is, then scan it "
            "again or drop this scan.",
            tube=code,
        )


async def check_out(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """Take a tube out of its box; the box that it left is shown."""
    tube, _ = await find_specimen(tx, found.code, Permission.STORAGE_STORE, lock=True)
    if found.tube is not None and found.tube.place == "holder" and await _mine(tx, tube.id):
        return Answer(
            verdict="duplicate",
            word="In hand already",
            code=found.code,
            title=described(found.tube),
            href=found.href,
            mode=command.mode,
        )
    await check_not_overtaken(tx, command, tube.id, tube.code)
    done = await storage.take_out(tx, storage.TakeOut(tube=found.code, reason=command.reason))
    shown = await shown_box(tx, done.left) if done.left else {}
    where = f"Out of {found.tube.where}." if found.tube else None
    return Answer(
        verdict="ok",
        word="In hand",
        code=found.code,
        title=described(found.tube) if found.tube else None,
        message=where,
        href=found.href,
        mode=command.mode,
        undo=done.undo,
        look=True,
        **shown,
    )


async def _mine(tx: ReadTx, tube_id: int) -> bool:
    query = select(CustodyHistory.holder_id).where(
        CustodyHistory.specimen_id == tube_id, CustodyHistory.until.is_(None)
    )
    return (await tx.session.execute(query)).scalar_one_or_none() == tx.actor.user_id


async def give_back(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """A tube in hand goes back: into the scanned box, or else to the position where it stood last."""
    if command.box is not None:
        return await store(tx, command, found)
    tube, custody = await find_specimen(tx, found.code, Permission.STORAGE_STORE, lock=True)
    if custody.container_id is not None:
        spot = await boxes.spot(tx, custody.container_id, custody.row or 0, custody.col or 0)
        return placed(
            found,
            await shown_box(tx, spot.box, just=tube.code),
            spot.position,
            command.mode,
            verdict="duplicate",
            word="Back already",
            message=f"It stands in {spot.words}.",
            look=True,
        )
    before = await home(tx, tube.id)
    if before is None:
        return stop(
            command.mode, found.code, "It came from no box", "It never stood in one: scan the box that it goes into."
        )
    await check_not_overtaken(tx, command, tube.id, tube.code)
    deed = storage.StoreTube(tube=found.code, box=before.box, position=before.position, move=command.move)
    done = await attempt(tx, lambda: storage.store(tx, deed))
    return placed(
        found,
        await shown_box(tx, before.box, just=tube.code),
        done.position,
        command.mode,
        word="Returned",
        message=f"Put it into {done.words}.",
        undo=done.undo,
        look=True,
    )


async def asked(tx: Tx, command: StationScan, canonical: str, question: AlreadyElsewhere) -> Answer:
    found = await queries.resolve(tx, command.text)
    return Answer(
        verdict="warning",
        word="Move it here?",
        code=found.code,
        title=described(found.tube) if found.tube else canonical,
        message=question.detail,
        path=found.path,
        position=found.tube.position if found.tube else None,
        href=found.href,
        mode=command.mode,
        confirm="move",
    )


async def asked_twice(tx: Tx, command: StationScan, question: LabelOnTwoTubes) -> Answer:
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
        mode=command.mode,
        confirm="first_in_hand",
    )
