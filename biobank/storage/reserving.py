"""Positions and slots are kept free for what is to come: reserved, used, released."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select, tuple_, update

from biobank.actor import Permission
from biobank.errors import Forbidden, Invalid, NotFound
from biobank.ids import new_uuid
from biobank.specimen.models import Custody
from biobank.storage import grids, queries, rules
from biobank.storage.grids import Grid
from biobank.storage.looking import SeenBox
from biobank.storage.models import Container, ReservedPosition, StorageReservation
from biobank.storage.queries import grid_of
from biobank.storage.reservations import SHIPMENT, ReservationView, find_reservation, one_reservation
from biobank.storage.rules import Held
from biobank.study.queries import site_by_code
from biobank.tx import Tx

Place = tuple[int, int]
MOST_DAYS = 366
Label = Annotated[str, Field(min_length=1, max_length=16)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ReservePlaces(Command):
    """Positions of a box, or slots of a rack, by their names; without names the next `count` free ones."""

    container: str
    positions: Annotated[tuple[Label, ...], Field(max_length=1536)] = ()
    count: Annotated[int, Field(ge=1, le=1536)] | None = None


class ReserveSpace(Command):
    """Keep places free for what is to come. `shipment` is the code of the one that is expected."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    site: str
    expires_at: AwareDatetime
    shipment: str | None = None
    places: Annotated[tuple[ReservePlaces, ...], Field(min_length=1, max_length=500)]


class ReleaseSpace(Command):
    """Give places back; without any, all that are still held."""

    places: Annotated[tuple[ReservePlaces, ...], Field(max_length=500)] = ()


def next_place(
    grid: Grid,
    taken: Collection[Place],
    held: Mapping[Place, Held],
    named: UUID | None,
    container: Container | SeenBox,
) -> Place:
    """The next place in fill order: a free one, or under a reservation the next one that it holds here.

    Raises:
        BoxFull: there is none.
        ReservationEnded: the reservation that is named holds nothing here, or not any more.
    """
    if named is not None:
        mine = {place for place, one in held.items() if one.number == named}
        at = next((place for place in grids.fill_order(grid) if place in mine), None)
        if at is None:
            raise rules.ReservationEnded(
                f"This reservation holds nothing in {container.name}, or not any more: look at what it holds.",
                container=container.code,
                reservation=str(named),
            )
        return at
    at = grids.next_free(grid, {*taken, *held})
    if at is None:
        kept = f", {len(held)} of them reserved" if held else ""
        raise rules.BoxFull(
            f"All {grid.capacity} positions of {container.name} are taken{kept}: scan another box.",
            container=container.code,
        )
    return at


async def use(tx: Tx, container_id: int, *at: Place) -> None:
    """What was reserved is put there now. The caller holds the container locked and has seen that it may."""
    await tx.session.execute(
        update(ReservedPosition)
        .where(
            ReservedPosition.container_id == container_id,
            tuple_(ReservedPosition.row, ReservedPosition.col).in_(at),
            ReservedPosition.ended_at.is_(None),
        )
        .values(ended_at=tx.now, ended_as="used", ended_by=tx.actor.user_id)
    )


async def reserve(tx: Tx, command: ReserveSpace) -> ReservationView:
    """Keep positions and slots free until a day.

    Raises:
        NotFound: no such site, container or shipment within reach.
        PositionReserved, PositionOccupied, SlotTaken: one is not free.
        BoxFull: fewer are free than were asked for.
        UnknownPosition, Invalid: a place that is none, or a time that makes no sense.
    """
    if tx.actor.user_id is None:
        raise Forbidden("A person reserves space: log in.")
    site = await site_by_code(tx, command.site, Permission.STORAGE_STORE)
    days = (command.expires_at - tx.now).total_seconds() / 86_400
    if not 0 < days <= MOST_DAYS:
        raise Invalid(
            "A reservation expires after now and within a year.", errors={"expires_at": "is past or too far away"}
        )
    shipment = await _shipment(tx, command.shipment, site.id)
    wanted = await _wanted(tx, command.places, site.id)
    (reservation_id,) = await tx.insert(
        StorageReservation,
        [
            {
                "number": new_uuid(),
                "name": command.name,
                "site_id": site.id,
                "shipment_id": shipment,
                "reserved_by": tx.actor.user_id,
                "reserved_at": tx.now,
                "expires_at": command.expires_at,
            }
        ],
    )
    rows = [
        {"reservation_id": reservation_id, "site_id": site.id, "container_id": container, "row": row, "col": col}
        for container, places in wanted.items()
        for row, col in places
    ]
    await tx.insert(ReservedPosition, rows)
    tx.record(
        "space.reserved",
        subject="storage_reservation",
        subject_id=reservation_id,
        site_id=site.id,
        name=command.name,
        places=len(rows),
        shipment=command.shipment,
    )
    return await one_reservation(tx, StorageReservation.id == reservation_id, Permission.STORAGE_STORE)


async def _shipment(tx: Tx, code: str | None, site_id: int) -> int | None:
    if code is None:
        return None
    coming = select(SHIPMENT.c.id).where(
        SHIPMENT.c.code == code.replace("-", "").upper(), SHIPMENT.c.to_site_id == site_id
    )
    found: int | None = (await tx.session.execute(coming)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"No shipment {code[:20]} is on its way to this site.", shipment=code[:20])
    return found


async def _wanted(tx: Tx, places: Sequence[ReservePlaces], site_id: int) -> dict[int, list[Place]]:
    """By container, the places to reserve. The containers stay locked, in one order."""
    codes = sorted({queries.container_code(one.container) for one in places})
    if len(codes) < len(places):
        raise Invalid("Name each container once.", errors={"places": "name a container twice"})
    lock = select(Container.id).where(Container.code.in_(codes), queries.reach(tx.scope(Permission.STORAGE_STORE)))
    await tx.session.execute(lock.order_by(Container.id).with_for_update())
    wanted: dict[int, list[Place]] = {}
    for one in places:
        found, kind = await queries.find_container(tx, one.container, Permission.STORAGE_STORE)
        if found.site_id != site_id:
            raise Invalid(f"{found.name} is at another site.", errors={"places": f"{found.name} is elsewhere"})
        grid = grid_of(kind)
        if grid is None:
            raise rules.NotABox(
                f"{found.name} has no positions or slots to reserve: name a box or a rack.", container=found.code
            )
        rules.check_takes(await queries.path(tx, found.id))
        await _expire(tx, found.id)
        wanted[found.id] = await _free(tx, found, grid, one)
    return wanted


async def _expire(tx: Tx, container_id: int) -> None:
    """What expired reservations still hold here is held no more."""
    over = select(StorageReservation.id).where(StorageReservation.expires_at <= tx.now)
    await tx.session.execute(
        update(ReservedPosition)
        .where(
            ReservedPosition.container_id == container_id,
            ReservedPosition.ended_at.is_(None),
            ReservedPosition.reservation_id.in_(over),
        )
        .values(ended_at=tx.now, ended_as="expired")
    )


async def _free(tx: Tx, found: Container, grid: Grid, asked: ReservePlaces) -> list[Place]:
    standing = (
        select(Custody.row, Custody.col)
        .where(Custody.container_id == found.id)
        .union_all(
            select(Container.slot_row, Container.slot_col).where(
                Container.parent_id == found.id, Container.slot_row.is_not(None)
            )
        )
    )
    taken = {(row[0], row[1]) for row in await tx.session.execute(standing)}
    held = await queries.held(tx, found.id)
    if asked.positions and asked.count is not None:
        raise Invalid("Name positions, or say how many: not both.", errors={"count": "goes without positions"})
    if not asked.positions:
        free = [at for at in grids.fill_order(grid) if at not in taken and at not in held]
        count = asked.count or len(free)
        if len(free) < count or not free:
            raise rules.BoxFull(
                f"{found.name} has {len(free)} free places, not {count}: ask for fewer, or look for space.",
                container=found.code,
            )
        return free[:count]
    places = [grids.position(grid, label) for label in asked.positions]
    if len(set(places)) < len(places):
        raise Invalid(f"Name each position of {found.name} once.", errors={"places": "name a position twice"})
    for at in places:
        label = grids.label(grid, *at)
        if at in taken:
            raise rules.PositionOccupied(found.code, label)
        rules.check_reserved(held.get(at), None, f"{label} of {found.name}")
    return places


async def release(tx: Tx, number: UUID, command: ReleaseSpace) -> ReservationView:
    """Give back what a reservation still holds, all of it or the places that are named.

    Raises:
        NotFound: no such reservation within reach.
        ReservationEnded: it does not hold what is named, or nothing any more.
    """
    found = await find_reservation(tx, number, Permission.STORAGE_STORE)
    held = ReservedPosition.reservation_id == found.id, ReservedPosition.ended_at.is_(None)
    chosen = [ReservedPosition.id.is_not(None)]
    if command.places:
        rows = (await tx.session.execute(select(ReservedPosition).where(*held))).scalars().all()
        by_place = {(row.container_id, row.row, row.col): row.id for row in rows}
        wanted = [place for one in command.places for place in await _named(tx, one)]
        missing = [place for place in wanted if place not in by_place]
        if missing:
            raise rules.ReservationEnded(f"{found.name} does not hold {len(missing)} of these places any more.")
        chosen = [ReservedPosition.id.in_([by_place[place] for place in wanted])]
    given_back = (
        await tx.session.execute(
            update(ReservedPosition)
            .where(*held, *chosen)
            .values(ended_at=tx.now, ended_as="released", ended_by=tx.actor.user_id)
            .returning(ReservedPosition.id)
        )
    ).all()
    if not given_back:
        raise rules.ReservationEnded(f"{found.name} holds nothing any more.", reservation=str(number))
    tx.record(
        "space.released",
        subject="storage_reservation",
        subject_id=found.id,
        site_id=found.site_id,
        name=found.name,
        places=len(given_back),
    )
    return await one_reservation(tx, StorageReservation.id == found.id, Permission.STORAGE_STORE)


async def _named(tx: Tx, asked: ReservePlaces) -> list[tuple[int, int, int]]:
    found, kind = await queries.find_container(tx, asked.container, Permission.STORAGE_STORE)
    grid = grid_of(kind)
    if grid is None or not asked.positions:
        raise Invalid(f"Name the positions of {found.name}.", errors={"places": "name no positions"})
    return [(found.id, *grids.position(grid, label)) for label in asked.positions]
