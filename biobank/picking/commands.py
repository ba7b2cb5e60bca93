"""Pick lists: made, started, verified, handed over or cancelled; and what a withdrawal takes out of them."""

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import or_, select

from biobank import ids
from biobank.access.models import AppUser, RoleGrant
from biobank.actor import Permission
from biobank.errors import Forbidden, NotFound
from biobank.picking import gate, queries, rules
from biobank.picking.blocks import refuse_blocked
from biobank.picking.claims import fulfil
from biobank.picking.gate import Held
from biobank.picking.models import PickList, PickListLine, Reservation
from biobank.picking.queries import PickListView, View, find_pick_list, named_tubes
from biobank.picking.reserving import Command, Purpose, Reason, Scanned
from biobank.picking.rules import Deed
from biobank.specimen.custody import WithHolder
from biobank.specimen.custody import hand_over as give
from biobank.specimen.models import Specimen
from biobank.tx import Tx

Version = Annotated[int, Field(ge=1, description="`row_version` of the pick list as you saw it.")]


class MakePickList(Command):
    """Tubes of one study at one site, by their codes, or those that you reserved for a purpose (`reserved_for`)."""

    purpose: Purpose
    destination: Literal["packing", "bench"]
    tubes: Annotated[tuple[Scanned, ...], Field(max_length=rules.MOST_TUBES)] = ()
    reserved_for: Annotated[str, Field(min_length=3, max_length=200)] | None = None


class StartPicking(Command):
    row_version: Version


class VerifyPicked(Command):
    """Every tube in hand, scanned again."""

    tubes: Annotated[tuple[Scanned, ...], Field(min_length=1, max_length=rules.MOST_TUBES)]
    row_version: Version


class HandOverPicked(Command):
    """Who takes the tubes (absent: the person who hands over keeps them), and for which run, shipment or bench."""

    receiver: Annotated[str, Field(min_length=1, max_length=63, description="A user name.")] | None = None
    handed_for: Annotated[str, Field(min_length=2, max_length=200, description="A run, a shipment or a bench.")]
    row_version: Version


class CancelPickList(Command):
    reason: Reason
    row_version: Version


async def make(tx: Tx, command: MakePickList) -> PickListView:
    """Make a pick list. Consent, quality, claims and place are judged under lock, and every refused tube is named.

    Raises:
        TubesBlocked: naming each tube that cannot be listed, with its reason.
        Invalid: no tube is named, or they are not of one study at one site.
    """
    codes = await wanted(tx, command.tubes, command.reserved_for)
    rules.check_number(codes)
    held = await gate.hold(tx, Specimen.code.in_(codes), Permission.SPECIMEN_PICK)
    refuse_blocked(await gate.claim_blocks(tx, held, codes, command.purpose), "No list was made. Keep these out")
    places = {(tube.study_id, custody.site_id) for tube, custody in held.tubes.values()}
    rules.check_one_place(places)
    ((study_id, site_id),) = places
    made = PickList(
        code=ids.mint(ids.Kind.PICK_LIST, tx.randomness),
        study_id=study_id,
        site_id=site_id,
        purpose=command.purpose,
        destination=command.destination,
        status="open",
        created_by=person(tx),
        created_at=tx.now,
    )
    tx.session.add(made)
    await tx.session.flush()
    common = {"pick_list_id": made.id, "study_id": study_id}
    await tx.insert(PickListLine, [{**common, "specimen_id": held.tubes[code][0].id} for code in codes])
    record(tx, "pick_list.made", made, tubes=len(codes), purpose=command.purpose)
    return await queries.pick_list_view(tx, made)


async def wanted(tx: Tx, tubes: Sequence[str], reserved_for: str | None) -> list[str]:
    """The house ids of the tubes that a list is to be made of: those named and those reserved, each once."""
    return list(dict.fromkeys([*await named_tubes(tx, tubes, "tubes"), *await _reserved(tx, reserved_for)]))


async def _reserved(tx: Tx, purpose: str | None) -> list[str]:
    """The codes of the tubes that this person reserved for the purpose and that are on no list yet."""
    if purpose is None:
        return []
    listed = select(PickListLine.specimen_id).where(PickListLine.is_open)
    rows = await tx.session.execute(
        select(Specimen.code, Reservation.purpose)
        .join(Specimen, Specimen.id == Reservation.specimen_id)
        .where(
            Reservation.reserved_by == tx.actor.user_id,
            Reservation.ended_at.is_(None),
            Reservation.expires_at > tx.now,
            Reservation.specimen_id.not_in(listed),
        )
        .order_by(Specimen.code)
    )
    return [row.code for row in rows if row.purpose.casefold() == purpose.casefold()]


def person(tx: Tx) -> int:
    if tx.actor.user_id is None:
        raise Forbidden("A person picks tubes: log in.")
    return tx.actor.user_id


async def at_state(tx: Tx, code: str, deed: Deed, seen: int | None = None) -> PickList:
    """The pick list, locked, if it is in the state for `deed` and still as the person saw it.

    The state is judged first: who sends a finished form again learns that it is done rather than that somebody was
    faster.
    """
    found = await find_pick_list(tx, code, Permission.SPECIMEN_PICK, lock=True)
    rules.check_state(found.status, deed)
    if seen is not None:
        rules.check_version(seen, found.row_version)
    return found


async def touch(tx: Tx, found: PickList) -> None:
    """Count the change, write it, and read the state that the database made of it."""
    found.row_version += 1
    await tx.session.flush()
    await tx.session.refresh(found)


async def start(tx: Tx, code: str, command: StartPicking) -> PickListView:
    """Begin to pick. Where every line was withdrawn meanwhile the list is picked at once."""
    found = await at_state(tx, code, Deed.START, command.row_version)
    begin(tx, found)
    await touch(tx, found)
    record(tx, "pick_list.started", found)
    return await queries.pick_list_view(tx, found)


def begin(tx: Tx, found: PickList) -> None:
    """The first deed on an open list starts it."""
    if found.status == "open":
        found.status, found.started_by, found.started_at = "in_progress", person(tx), tx.now


async def _picked(tx: Tx, found: PickList) -> list[tuple[PickListLine, Specimen]]:
    rows = await tx.session.execute(
        select(PickListLine, Specimen)
        .join(Specimen, Specimen.id == PickListLine.specimen_id)
        .where(PickListLine.pick_list_id == found.id, PickListLine.status == "picked")
        .order_by(Specimen.code)
    )
    return [(row.PickListLine, row.Specimen) for row in rows]


async def picked_codes(tx: Tx, found: PickList) -> tuple[str, ...]:
    """The house ids of the tubes that a list brought."""
    return tuple(tube.code for _, tube in await _picked(tx, found))


async def verify(tx: Tx, code: str, command: VerifyPicked) -> PickListView:
    """A second look: every tube in hand is scanned again, and they are those of the list.

    Raises:
        TubesDiffer: naming what was not scanned and what is not on the list.
    """
    scanned = await named_tubes(tx, command.tubes, "tubes")
    found = await at_state(tx, code, Deed.VERIFY, command.row_version)
    picked = await _picked(tx, found)
    rules.check_same_tubes([tube.code for _, tube in picked], scanned)
    found.status, found.verified_by, found.verified_at = "verified", person(tx), tx.now
    await touch(tx, found)
    record(tx, "pick_list.verified", found, tubes=len(picked))
    return await queries.pick_list_view(tx, found)


async def _hold_lines(tx: Tx, code: str) -> Held:
    """The tubes of a list, locked before the list itself."""
    inside = (
        select(PickListLine.specimen_id)
        .join(PickList, PickList.id == PickListLine.pick_list_id)
        .where(PickList.code == queries.pick_list_code(code), PickListLine.status == "picked")
    )
    return await gate.hold(tx, Specimen.id.in_(inside), Permission.SPECIMEN_PICK)


async def hand_over(tx: Tx, code: str, command: HandOverPicked) -> PickListView:
    """Give the tubes of a verified list into the hands of the person who packs or measures them. Consent and quality
    are judged again under lock; their reservations are fulfilled.

    Raises:
        TubesBlocked: naming the tubes to set aside first.
        TubesDiffer: some are not in hand any more.
        NotFound: there is no such receiver in the study at this site.
    """
    held = await _hold_lines(tx, code)
    found = await at_state(tx, code, Deed.HAND_OVER, command.row_version)
    tubes = [tube for _, tube in await _picked(tx, found)]
    refuse_blocked(gate.pick_blocks(held, tubes, found.site_id), "Nothing was handed over. Set these aside first")
    rules.check_in_hand({tube.code: gate.place_of(held.tubes[tube.code][1]) for tube in tubes})
    receiver = await _receiver(tx, found, command.receiver)
    await give(tx, [(tube.id, WithHolder(receiver, found.site_id)) for tube in tubes])
    await fulfil(tx, [tube.id for tube in tubes], f"Handed over with pick list {found.code}")
    found.status, found.handed_over_by, found.handed_over_at = "handed_over", person(tx), tx.now
    found.handed_to, found.handed_for = receiver, command.handed_for
    await touch(tx, found)
    record(tx, "pick_list.handed_over", found, tubes=len(tubes), handed_for=command.handed_for)
    return await queries.pick_list_view(tx, found)


async def _receiver(tx: Tx, found: PickList, username: str | None) -> int:
    if username is None:
        return person(tx)
    here = or_(RoleGrant.site_id.is_(None), RoleGrant.site_id == found.site_id)
    receiver = await tx.session.execute(
        select(AppUser.id)
        .join(RoleGrant, RoleGrant.user_id == AppUser.id)
        .where(
            AppUser.username == username,
            AppUser.is_active,
            RoleGrant.study_id == found.study_id,
            RoleGrant.valid_from <= tx.now,
            or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > tx.now),
            here,
        )
        .limit(1)
    )
    user_id = receiver.scalar_one_or_none()
    if user_id is None:
        raise NotFound(f"Nobody called {username} works for this study at this site.", receiver=username)
    return user_id


async def cancel(tx: Tx, code: str, command: CancelPickList) -> PickListView:
    """Give a list up. What was picked stays in hand and is named with the place that it came from."""
    await _hold_lines(tx, code)
    found = await at_state(tx, code, Deed.CANCEL, command.row_version)
    picked = await _picked(tx, found)
    found.status, found.cancelled_by, found.cancelled_at = "cancelled", person(tx), tx.now
    found.cancel_reason = command.reason
    await touch(tx, found)
    record(tx, "pick_list.cancelled", found, reason=command.reason, in_hand=[tube.code for _, tube in picked])
    return await queries.pick_list_view(tx, found)


def record(tx: Tx, verb: str, found: PickList, *, reason: str | None = None, **details: object) -> None:
    tx.record(
        verb,
        subject="pick_list",
        subject_id=found.id,
        study_id=found.study_id,
        site_id=found.site_id,
        reason=reason,
        pick_list=found.code,
        **details,
    )


class TakenOut(View):
    """A tube that left a pick list or lost its reservation. With `picked` somebody has it in hand and puts it back."""

    tube: str
    pick_list: str | None
    picked: bool


async def take_out_of_lists(tx: Tx, specimen_ids: Collection[int], reason: str) -> tuple[TakenOut, ...]:
    """End every open line and reservation of these tubes because their participant withdrew.

    To be called after the participants are locked, before or after the tubes are: all who work on pick lists hold the
    participants first, then the tubes, then the list.

    Returns:
        The tubes that were in an open pick list or reserved, by code.
    """
    lists = select(PickListLine.pick_list_id).where(PickListLine.specimen_id.in_(specimen_ids), PickListLine.is_open)
    await tx.session.execute(
        select(PickList.id).where(PickList.id.in_(lists)).order_by(PickList.id).with_for_update(key_share=True)
    )
    lines = await tx.session.execute(
        select(PickListLine, Specimen, PickList)
        .join(Specimen, Specimen.id == PickListLine.specimen_id)
        .join(PickList, PickList.id == PickListLine.pick_list_id)
        .where(PickListLine.specimen_id.in_(specimen_ids), PickListLine.is_open)
        .order_by(Specimen.code)
        .with_for_update(of=PickListLine)
        .execution_options(populate_existing=True)
    )
    taken = {}
    for line, tube, pick_list in lines:
        taken[tube.code] = TakenOut(tube=tube.code, pick_list=pick_list.code, picked=line.status == "picked")
        line.status, line.note = "withdrawn", reason
        line.settled_by, line.settled_at = tx.actor.user_id, tx.now
        pick_list.row_version += 1
        tx.record(
            "pick_list.line_withdrawn",
            subject="pick_list",
            subject_id=pick_list.id,
            study_id=pick_list.study_id,
            site_id=pick_list.site_id,
            reason=reason,
            pick_list=pick_list.code,
            tube=tube.code,
        )
    claims = await tx.session.execute(
        select(Reservation, Specimen)
        .join(Specimen, Specimen.id == Reservation.specimen_id)
        .where(Reservation.specimen_id.in_(specimen_ids), Reservation.ended_at.is_(None))
        .order_by(Reservation.id)
        .with_for_update(of=Reservation)
        .execution_options(populate_existing=True)
    )
    for claim, tube in claims:
        taken.setdefault(tube.code, TakenOut(tube=tube.code, pick_list=None, picked=False))
        claim.ended_at, claim.ended_by, claim.ending = tx.now, tx.actor.user_id, "withdrawn"
        claim.ending_note = reason
        tx.record(
            "reservation.withdrawn",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=tube.site_id,
            reason=reason,
            tube=tube.code,
        )
    await tx.session.flush()
    return tuple(taken[code] for code in sorted(taken))
