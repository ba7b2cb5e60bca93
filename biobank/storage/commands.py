"""Tubes are stored, swapped, taken out of their boxes, and put back."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank import ids
from biobank.actor import Permission
from biobank.errors import Forbidden, Invalid
from biobank.specimen.custody import FINDABLE, AtPosition, Ended, Place, WithHolder, hand_over
from biobank.specimen.models import Custody, CustodyHistory, Specimen
from biobank.specimen.queries import find_specimen, find_specimens
from biobank.storage import boxes, checks, grids, queries, reserving, rules
from biobank.storage.looking import Sight, look
from biobank.storage.models import Container
from biobank.storage.queries import View, tube_code
from biobank.storage.spots import spots
from biobank.tx import Tx

Reason = Annotated[str, Field(min_length=3, max_length=400)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class StoreTube(Command):
    """Without a position the tube goes to the next free one. `move` confirms that it leaves another place, and
    `first_in_hand`, where its label was printed more than once, that it is no second tube with the same label. What is
    reserved is used under the number of its `reservation`.
    """

    tube: str
    box: str
    position: Annotated[str, Field(min_length=1, max_length=16)] | None = None
    reservation: UUID | None = None
    move: bool = False
    first_in_hand: bool = False
    override_reason: Reason | None = None


class SwapTubes(Command):
    """Two tubes that stand in boxes change places."""

    first: str
    second: str


class TakeOut(Command):
    """A tube leaves its box for the hands of the person who acts."""

    tube: str
    reason: Reason | None = None


class UndoMove(Command):
    """`undo` is the token that the placement was answered with."""

    undo: UUID


class PlacementView(View):
    """Where a tube is now, and the box it left. `undo` takes it back while nothing else has happened to the tube."""

    tube: str
    box: str | None
    position: str | None
    words: str
    next: str | None
    left: str | None
    undo: UUID | None


class SwapView(View):
    placements: tuple[PlacementView, ...]


async def store(tx: Tx, command: StoreTube) -> PlacementView:
    """Put a tube into a position of a box. Those who fill one box at the same moment take turns, so each gets a place.

    Raises:
        PositionOccupied, BoxFull, UnknownPosition, DoesNotFit: the box cannot take it there.
        PositionReserved: the position is kept free under another reservation, or another than the one that is named.
        AlreadyElsewhere: it is recorded at another place and `move` is not set.
        LabelOnTwoTubes: it stands in a box, its label was printed more than once, and `first_in_hand` is not set.
        TubeOnHold, ParticipantWithdrawn, TubeEnded, TubeInPackage, TubeWithParty: it may not be stored at all.
        TooWarm: it needs a colder place and no reason is given.
    """
    sight = await look(tx, tube_code(command.tube), command.box)
    checks.check_may_be_stored(sight.tube)
    return await place(tx, sight, command)


async def place(tx: Tx, sight: Sight, command: StoreTube) -> PlacementView:
    """Put a tube that was looked at, and found fit to be stored, into a position of the box that was looked at.

    Raises:
        PositionOccupied, BoxFull, UnknownPosition, AlreadyElsewhere, TooWarm: as `store` says.
    """
    tube, box = sight.tube, sight.box
    grid, steps = box.grid, box.steps
    rules.check_open(steps)
    rules.check_fits(tube.code, tube.fits, tube.format, steps[-1])
    overridden = rules.check_cold(tube.required, tube.required_rank, steps, command.override_reason)
    at = (
        reserving.next_place(grid, box.standing, box.held, command.reservation, box)
        if command.position is None
        else grids.position(grid, command.position)
    )
    label = grids.label(grid, *at)
    here = sight.here == at
    if at in box.standing and not here:
        raise rules.PositionOccupied(box.code, label, box.standing[at].code)
    kept = rules.check_reserved(box.held.get(at), command.reservation, f"Position {label} of {box.name}")
    left = {sight.here} - {None}
    came_from = await _box_code(tx, sight)
    if not here:
        if not command.first_in_hand:
            await checks.check_one_tube(tx, tube)
        if not command.move:
            await checks.check_nowhere_else(tx, tube, box.site_id)
        if kept:
            await reserving.use(tx, box.id, at)
        await hand_over(tx, [(tube.id, AtPosition(box.id, *at, site_id=box.site_id))])
        tx.record(
            "tube.stored",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=box.site_id,
            reason=command.override_reason,
            tube=tube.code,
            box=box.code,
            position=label,
            too_warm=overridden,
            reservation=kept,
        )
    others = {place for place, one in box.held.items() if one.number != command.reservation}
    free = grids.next_free(grid, {*(set(box.standing) - left), *others, at})
    return PlacementView(
        tube=tube.code,
        box=box.code,
        position=label,
        words=rules.path_words(steps, label),
        next=grids.label(grid, *free) if free else None,
        left=came_from,
        undo=None if here else tx.id,
    )


async def _box_code(tx: Tx, sight: Sight) -> str | None:
    """The box that the tube comes from."""
    if sight.tube.at is None:
        return None
    if sight.here is not None:
        return sight.box.code
    return (
        await tx.session.execute(select(Container.code).where(Container.id == sight.tube.at.container_id))
    ).scalar_one()


async def swap(tx: Tx, command: SwapTubes) -> SwapView:
    """Two tubes change places in one transaction: no third position is needed, and neither is ever nowhere.

    Raises:
        NotStored: one of them stands in no box.
        TooWarm: one of them needs a colder place than the other's.
    """
    codes = [tube_code(command.first), tube_code(command.second)]
    if codes[0] == codes[1]:
        raise Invalid("These are the same tube: scan two.", errors={"second": "is the same tube"})
    (first, at_first), (second, at_second) = await find_specimens(tx, codes, Permission.STORAGE_STORE, lock=True)
    here, there = _position(first, at_first), _position(second, at_second)
    both = select(Container.id, Container.type_id).where(Container.id.in_({here.container_id, there.container_id}))
    types = {row.id: row.type_id for row in await tx.session.execute(both)}
    for tube, to in ((first, there), (second, here)):
        await checks.check_place(tx, tube, types[to.container_id], await queries.path(tx, to.container_id))
    await hand_over(tx, [(first.id, there), (second.id, here)])
    placements = []
    for tube, to, left in ((first, there, here), (second, here, there)):
        view = await _placement(tx, tube.code, to, left)
        tx.record(
            "tube.swapped",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=to.site_id,
            tube=tube.code,
            box=view.box,
            position=view.position,
        )
        placements.append(view)
    return SwapView(placements=tuple(placements))


def _position(tube: Specimen, custody: Custody) -> AtPosition:
    if custody.container_id is None or custody.row is None or custody.col is None or custody.site_id is None:
        raise rules.NotStored(f"{ids.grouped(tube.code)} stands in no box: store it first.", tube=tube.code)
    return AtPosition(custody.container_id, custody.row, custody.col, custody.site_id)


async def _placement(tx: Tx, tube: str, to: AtPosition, left: AtPosition) -> PlacementView:
    spot = await boxes.spot(tx, to.container_id, to.row, to.col)
    before = (
        spot if left.container_id == to.container_id else await boxes.spot(tx, left.container_id, left.row, left.col)
    )
    return PlacementView(
        tube=tube, box=spot.box, position=spot.position, words=spot.words, next=None, left=before.box, undo=tx.id
    )


async def take_out(tx: Tx, command: TakeOut) -> PlacementView:
    """A tube leaves its box. It is then with the person who took it, and its position is free.

    Raises:
        NotStored: it stands in no box.
    """
    if tx.actor.user_id is None:
        raise Forbidden("A person takes a tube out: log in.")
    tube, custody = await find_specimen(tx, tube_code(command.tube), Permission.STORAGE_STORE, lock=True)
    left = _position(tube, custody)
    spot = await boxes.spot(tx, left.container_id, left.row, left.col)
    await hand_over(tx, [(tube.id, WithHolder(tx.actor.user_id, left.site_id))])
    tx.record(
        "tube.taken_out",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=left.site_id,
        reason=command.reason,
        tube=tube.code,
        box=spot.box,
        position=spot.position,
    )
    words = f"with {tx.actor.display_name}, out of {spot.words}"
    return PlacementView(tube=tube.code, box=None, position=None, words=words, next=None, left=spot.box, undo=tx.id)


async def undo(tx: Tx, command: UndoMove) -> SwapView:
    """Put tubes back to where one deed took them from, as a new event: nothing is erased.

    Only the person who did it may, within the shift, while nothing else has happened to the tubes and their places are
    still free.

    Raises:
        NothingToUndo: otherwise, saying why.
        PositionOccupied: another tube stands there by now.
    """
    made = select(Specimen.code).join(CustodyHistory, CustodyHistory.specimen_id == Specimen.id)
    mine = (CustodyHistory.tx == command.undo, CustodyHistory.actor_id == tx.actor.user_id)
    codes = (await tx.session.execute(made.where(*mine).order_by(Specimen.id))).scalars().all()
    if not codes:
        raise rules.NothingToUndo("You did nothing of this kind that could be undone.")
    tubes = [
        tube for tube, _ in await find_specimens(tx, codes, Permission.STORAGE_STORE, lock=True)
    ]  # locked before their history is read
    steps = await _steps_back(tx, command.undo, tubes)
    named = await spots(tx, [place for step in steps for place in step])
    await checks.check_free(tx, [back for _, back in steps], {tube.id for tube in tubes})
    await hand_over(tx, [(tube.id, back) for tube, (_, back) in zip(tubes, steps, strict=True)])
    views = []
    for tube, (now, back) in zip(tubes, steps, strict=True):
        left = named[now] if isinstance(now, AtPosition) else None
        to = named[back] if isinstance(back, AtPosition) else None
        tx.record(
            "tube.put_back",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=getattr(back, "site_id", None),
            tube=tube.code,
            undone=str(command.undo),
        )
        views.append(
            PlacementView(
                tube=tube.code,
                box=to.box if to else None,
                position=to.position if to else None,
                words=to.words if to else f"recorded as {back.terminal}" if isinstance(back, Ended) else "in hand",
                next=None,
                left=left.box if left else None,
                undo=None,
            )
        )
    return SwapView(placements=tuple(views))


async def _steps_back(tx: Tx, deed: UUID, tubes: Sequence[Specimen]) -> list[tuple[Place | None, Place]]:
    """Where the deed brought each tube, and where it took it from."""
    ids_ = [tube.id for tube in tubes]
    rows = select(CustodyHistory).where(CustodyHistory.specimen_id.in_(ids_)).order_by(CustodyHistory.id.desc())
    latest: dict[int, list[CustodyHistory]] = {}
    for was in (await tx.session.execute(rows)).scalars():
        latest.setdefault(was.specimen_id, []).append(was)
    return [_step_back(tx, deed, tube, latest[tube.id]) for tube in tubes]


def _step_back(tx: Tx, deed: UUID, tube: Specimen, latest: Sequence[CustodyHistory]) -> tuple[Place | None, Place]:
    latest = _since_then(tx, deed, latest)
    now = latest[0]
    if now.tx != deed:
        raise rules.NothingToUndo(f"{ids.grouped(tube.code)} was moved again since: undo that first.", tube=tube.code)
    if now.since < tx.now - rules.SHIFT:
        raise rules.NothingToUndo(
            f"{ids.grouped(tube.code)} was placed more than 12 hours ago: move it as a new step.", tube=tube.code
        )
    back = _place_then(latest[1]) if len(latest) > 1 else None
    if back is None:
        raise rules.NothingToUndo(
            f"{ids.grouped(tube.code)} came here from outside the house: move it as a new step.", tube=tube.code
        )
    return _place_then(now), back


def _since_then(tx: Tx, deed: UUID, latest: Sequence[CustodyHistory]) -> Sequence[CustodyHistory]:
    """The history back from a deed, where all that followed it was this person's own and led back to where the deed
    left the tube: what was taken back stands in the way of nothing. Otherwise all of it.
    """
    at = next((at for at, was in enumerate(latest) if was.tx == deed), 0)
    stands = _place_then(latest[at])
    mine = all(was.actor_id == tx.actor.user_id for was in latest[:at])
    return latest[at:] if mine and stands is not None and stands == _place_then(latest[0]) else latest


def _place_then(was: CustodyHistory) -> Place | None:
    """The place that a row of history tells of, where a tube can be put back to it."""
    if was.container_id is not None and was.row is not None and was.col is not None and was.site_id is not None:
        return AtPosition(was.container_id, was.row, was.col, was.site_id)
    if was.holder_id is not None and was.site_id is not None:
        return WithHolder(was.holder_id, was.site_id)
    return Ended(was.terminal, was.site_id) if was.terminal in FINDABLE else None
