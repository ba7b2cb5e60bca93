"""Reserving tubes for a purpose, releasing them, and who has reserved what."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.errors import Forbidden, NotFound
from biobank.paging import Page, cut
from biobank.picking import gate, rules
from biobank.picking.blocks import refuse_blocked
from biobank.picking.models import Reservation
from biobank.picking.queries import View, named_tubes
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.study.models import Site, Study
from biobank.tx import ReadTx, Tx

Scanned = Annotated[str, Field(min_length=1, max_length=60, description="A tube's code as scanned or typed.")]
Purpose = Annotated[str, Field(min_length=3, max_length=200, description="What the tubes are for, in a few words.")]
Reason = Annotated[str, Field(min_length=3, max_length=500)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ReserveTubes(Command):
    """Tubes that are claimed for a purpose. All are or none is; a claim of one's own is renewed."""

    tubes: Annotated[tuple[Scanned, ...], Field(min_length=1, max_length=500)]
    purpose: Purpose
    days: Annotated[int, Field(ge=1, le=rules.MOST_DAYS, description="How long the claim lasts.")] = 14


class ReleaseTubes(Command):
    """Tubes whose reservations are given up."""

    tubes: Annotated[tuple[Scanned, ...], Field(min_length=1, max_length=500)]
    reason: Reason


class ReservationView(View):
    """A tube's reservation. `ending` says how it ended; an expired one that nobody ended yet is over all the same."""

    id: Annotated[int, Field(exclude=True)] = 0
    tube: str
    study: str
    type_title: str
    purpose: str
    reserved_by: str
    reserved_at: datetime
    expires_at: datetime
    timezone: str
    ended_at: datetime | None
    ending: str | None
    mine: bool


class PurposeSet(View):
    """The tubes that one person reserved for one purpose and that wait at one place."""

    purpose: str
    tubes: int


class ReservedView(View):
    """The reservations as they stand after the deed."""

    reservations: tuple[ReservationView, ...]


async def reserve(tx: Tx, command: ReserveTubes) -> ReservedView:
    """Claim tubes for a purpose. Consent, quality and other claims are judged under lock.

    Raises:
        TubesBlocked: naming each tube that cannot be reserved, with its reason.
    """
    codes = tuple(dict.fromkeys(await named_tubes(tx, command.tubes, "tubes")))
    held = await gate.hold(tx, Specimen.code.in_(codes), Permission.SPECIMEN_RESERVE)
    refuse_blocked(await gate.claim_blocks(tx, held, codes, command.purpose, mine_only=True), "Nothing was reserved")
    tubes = [held.tubes[code][0] for code in codes]
    open_ones = await tx.session.execute(
        select(Reservation).where(
            Reservation.specimen_id.in_([tube.id for tube in tubes]), Reservation.ended_at.is_(None)
        )
    )
    for before in open_ones.scalars():
        before.ending = "expired" if before.expires_at <= tx.now else "released"
        before.ended_at, before.ended_by, before.ending_note = tx.now, tx.actor.user_id, "Reserved anew"
    await tx.session.flush()
    row = {
        "purpose": command.purpose,
        "reserved_by": _person(tx),
        "reserved_at": tx.now,
        "expires_at": tx.now + timedelta(days=command.days),
    }
    made = await tx.insert(Reservation, [{**row, "specimen_id": tube.id, "study_id": tube.study_id} for tube in tubes])
    for tube in tubes:
        tx.record(
            "tube.reserved",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=tube.site_id,
            tube=tube.code,
            purpose=command.purpose,
            days=command.days,
        )
    return await _reserved(tx, made)


def _person(tx: Tx) -> int:
    if tx.actor.user_id is None:
        raise Forbidden("A person reserves tubes: log in.")
    return tx.actor.user_id


async def release(tx: Tx, command: ReleaseTubes) -> ReservedView:
    """Give reservations up.

    Raises:
        NotFound: a tube is not reserved, or not within reach.
        Forbidden: somebody else reserved it, and only they or a manager of the study release it.
    """
    codes = tuple(dict.fromkeys(await named_tubes(tx, command.tubes, "tubes")))
    held = await gate.hold(tx, Specimen.code.in_(codes), Permission.SPECIMEN_RESERVE)
    rows = await tx.session.execute(
        select(Reservation, Specimen, AppUser.display_name)
        .join(Specimen, Specimen.id == Reservation.specimen_id)
        .join(AppUser, AppUser.id == Reservation.reserved_by)
        .where(
            Reservation.specimen_id.in_([tube.id for tube, _ in held.tubes.values()]), Reservation.ended_at.is_(None)
        )
    )
    found = {tube.code: (claim, tube, by) for claim, tube, by in rows}
    missing = [code for code in codes if code not in found]
    if missing:
        raise NotFound(f"{', '.join(ids.grouped(code) for code in missing[:10])} is not reserved.", codes=missing)
    manages = tx.scope(Permission.STUDY_MANAGE)
    for code in codes:
        claim, tube, by = found[code]
        rules.check_may_release(
            code, by, mine=claim.reserved_by == tx.actor.user_id, manages=manages.covers(tube.study_id, tube.site_id)
        )
        claim.ended_at, claim.ended_by = tx.now, tx.actor.user_id
        claim.ending, claim.ending_note = "released", command.reason
        tx.record(
            "tube.released",
            subject="specimen",
            subject_id=tube.id,
            study_id=tube.study_id,
            site_id=tube.site_id,
            reason=command.reason,
            tube=code,
        )
    await tx.session.flush()
    return await _reserved(tx, [found[code][0].id for code in codes])


async def _reserved(tx: Tx, reservation_ids: list[int]) -> ReservedView:
    rows = await tx.session.execute(_reservation_rows(tx).where(Reservation.id.in_(reservation_ids)))
    by_id = {row.id: ReservationView(**row._mapping) for row in rows}
    return ReservedView(reservations=tuple(by_id[one] for one in reservation_ids if one in by_id))


def _reservation_rows(tx: ReadTx) -> Any:
    return (
        select(
            Reservation.id,
            Specimen.code.label("tube"),
            Study.code.label("study"),
            SpecimenType.title.label("type_title"),
            Reservation.purpose,
            AppUser.display_name.label("reserved_by"),
            Reservation.reserved_at,
            Reservation.expires_at,
            Site.timezone,
            Reservation.ended_at,
            Reservation.ending,
            (Reservation.reserved_by == tx.actor.user_id).label("mine"),
        )
        .join(Specimen, Specimen.id == Reservation.specimen_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(Study, Study.id == Reservation.study_id)
        .join(Site, Site.id == Specimen.site_id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .join(AppUser, AppUser.id == Reservation.reserved_by)
        .where(within(tx.scope(Permission.SPECIMEN_READ)))
    )


async def reservations(
    tx: ReadTx,
    *,
    study: str | None = None,
    purpose: str | None = None,
    tube: str | None = None,
    mine: bool = False,
    ended: bool = False,
    after: int = 0,
    limit: int = 50,
) -> Page[ReservationView]:
    """Reservations of tubes within reach, the newest first: those in force, or with `ended` all of them."""
    query = _reservation_rows(tx).order_by(Reservation.id.desc()).limit(limit + 1)
    if not ended:
        query = query.where(Reservation.ended_at.is_(None), Reservation.expires_at > tx.now)
    if after:
        query = query.where(Reservation.id < after)
    if study:
        query = query.where(Study.code == study)
    if purpose:
        query = query.where(func.lower(Reservation.purpose) == purpose.strip().lower())
    if tube:
        query = query.where(Specimen.code == ids.canonical(tube))
    if mine:
        query = query.where(Reservation.reserved_by == tx.actor.user_id)
    rows = [ReservationView(**row._mapping) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.id)


async def purposes(tx: ReadTx) -> tuple[PurposeSet, ...]:
    """What this person reserved tubes for, with how many of them wait."""
    rows = await tx.session.execute(
        select(Reservation.purpose, func.count().label("tubes"))
        .where(
            Reservation.reserved_by == tx.actor.user_id,
            Reservation.ended_at.is_(None),
            Reservation.expires_at > tx.now,
        )
        .group_by(Reservation.purpose)
        .order_by(Reservation.purpose)
    )
    return tuple(PurposeSet(**row._mapping) for row in rows)
