"""Reserved space as people may see it: what is kept free, for whom, and until when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import column, exists, select, table

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.storage import grids, queries, rules
from biobank.storage.models import Container, ContainerType, ReservedPosition, StorageReservation
from biobank.storage.queries import View, grid_of
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import ReadTx

SHIPMENT = table("shipment", column("id"), column("code"), column("to_site_id"))
"""Shipments are a slice above: only their codes are told."""


class ReservedPlaces(View):
    """What a reservation holds, or held, in one container."""

    code: str
    words: str
    href: str
    held: tuple[str, ...]
    used: tuple[str, ...]
    released: tuple[str, ...]


class ReservationView(View):
    """Reserved space. `state` is held, ended (nothing is held any more) or expired."""

    number: UUID
    name: str
    site: str
    timezone: str
    shipment: str | None
    reserved_by: str
    reserved_at: datetime
    expires_at: datetime
    state: str
    held: int
    used: int
    released: int
    places: tuple[ReservedPlaces, ...]


async def find_reservation(tx: ReadTx, number: UUID, permission: Permission) -> StorageReservation:
    query = select(StorageReservation).where(StorageReservation.number == number, _reach(tx, permission))
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such reservation of space.", reservation=str(number))
    return found


def _reach(tx: ReadTx, permission: Permission) -> Any:
    sites = select(Site.id).where(site_reach(tx.scope(permission)))
    return StorageReservation.site_id.in_(sites)


async def reservation(tx: ReadTx, number: UUID) -> ReservationView:
    """One reservation, with all that it holds and held.

    Raises:
        NotFound: none of this number within reach.
    """
    found = await find_reservation(tx, number, Permission.STORAGE_READ)
    return await one_reservation(tx, StorageReservation.id == found.id, Permission.STORAGE_READ)


async def reservations(tx: ReadTx, *, site: str | None = None, limit: int = 200) -> list[ReservationView]:
    """Those that hold something now, the next to expire first."""
    holds = select(ReservedPosition.reservation_id).where(ReservedPosition.ended_at.is_(None))
    condition = StorageReservation.id.in_(holds) & (StorageReservation.expires_at > tx.now)
    if site is not None:
        condition &= StorageReservation.site_id.in_(select(Site.id).where(Site.code == site))
    return await _views(tx, condition & _reach(tx, Permission.STORAGE_READ), limit)


async def one_reservation(tx: ReadTx, condition: Any, permission: Permission) -> ReservationView:
    (found,) = await _views(tx, condition & _reach(tx, permission), 1)
    return found


async def _views(tx: ReadTx, condition: Any, limit: int) -> list[ReservationView]:
    heads = (
        await tx.session.execute(
            select(
                StorageReservation,
                Site.code.label("site"),
                Site.timezone,
                AppUser.display_name,
                SHIPMENT.c.code.label("shipment"),
            )
            .join(Site, Site.id == StorageReservation.site_id)
            .join(AppUser, AppUser.id == StorageReservation.reserved_by)
            .outerjoin(SHIPMENT, SHIPMENT.c.id == StorageReservation.shipment_id)
            .where(condition)
            .order_by(StorageReservation.expires_at, StorageReservation.id)
            .limit(limit)
        )
    ).all()
    rows = (
        await tx.session.execute(
            select(ReservedPosition, ContainerType)
            .join(Container, Container.id == ReservedPosition.container_id)
            .join(ContainerType, ContainerType.id == Container.type_id)
            .where(ReservedPosition.reservation_id.in_([head.StorageReservation.id for head in heads]))
        )
    ).all()
    ways = await queries.paths(tx, {row.ReservedPosition.container_id for row in rows}) if rows else {}
    return [
        _view(
            tx, head, [row for row in rows if row.ReservedPosition.reservation_id == head.StorageReservation.id], ways
        )
        for head in heads
    ]


def _view(tx: ReadTx, head: Any, rows: Sequence[Any], ways: Mapping[int, Any]) -> ReservationView:
    own: StorageReservation = head.StorageReservation
    counts = {"held": 0, "used": 0, "released": 0}
    places: dict[int, dict[str, list[tuple[int, int, str]]]] = {}
    for row in rows:
        spot: ReservedPosition = row.ReservedPosition
        grid = grid_of(row.ContainerType)
        how = {None: "held", "used": "used"}.get(spot.ended_as, "released")
        counts[how] += 1
        label = grids.label(grid, spot.row, spot.col) if grid else ""
        places.setdefault(spot.container_id, {}).setdefault(how, []).append((spot.row, spot.col, label))
    by_way = sorted(places, key=lambda container: [rules.natural(step.name) for step in ways[container]])
    expired = own.expires_at <= tx.now
    return ReservationView(
        number=own.number,
        name=own.name,
        site=head.site,
        timezone=head.timezone,
        shipment=head.shipment,
        reserved_by=head.display_name,
        reserved_at=own.reserved_at,
        expires_at=own.expires_at,
        state="ended" if not counts["held"] else "expired" if expired else "held",
        **counts,
        places=tuple(
            ReservedPlaces(
                code=ways[container][-1].code,
                words=rules.path_words(ways[container]),
                href=f"/storage/{ways[container][-1].code}",
                **{how: tuple(label for *_, label in sorted(places[container].get(how, ()))) for how in counts},
            )
            for container in by_way
        ),
    )


async def open_names(tx: ReadTx, site: str) -> list[tuple[str, str]]:
    """Number and name of the reservations of a site that are in force, for a form."""
    rows = await tx.session.execute(
        select(StorageReservation.number, StorageReservation.name)
        .join(Site, Site.id == StorageReservation.site_id)
        .where(
            Site.code == site,
            StorageReservation.expires_at > tx.now,
            exists().where(
                ReservedPosition.reservation_id == StorageReservation.id, ReservedPosition.ended_at.is_(None)
            ),
        )
        .order_by(StorageReservation.name)
    )
    return [(str(row.number), row.name) for row in rows]
