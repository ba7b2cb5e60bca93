"""Taking tubes in at a bench of the laboratory, as they arrive: one by one, by scan."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.accession import queries, rules
from biobank.accession.commands import Command, settle
from biobank.accession.models import Accession
from biobank.accession.queries import SlotView, View
from biobank.actor import Permission
from biobank.catalogue.models import DeviationType
from biobank.db import visible
from biobank.errors import Conflict, NotFound
from biobank.labelling.taking import blank
from biobank.participant.models import Participant, Visit
from biobank.participant.planning import plan_of_visit
from biobank.specimen import queries as specimens
from biobank.specimen.custody import FINDABLE, WithHolder, hand_over
from biobank.specimen.models import CollectionEvent, Custody, Deviation, Specimen
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.rules import TubeState, check_usable
from biobank.specimen.work import TubeId, hands
from biobank.study.models import Site, VisitType
from biobank.tx import ReadTx, Tx

SHIFT = timedelta(hours=12)
"""What was done at a bench may be undone by the same person for this long."""


class TakeIn(Command):
    """A tube that arrived. `with_tube` is one of the visit at hand: a tube of another visit is then refused."""

    tube: TubeId
    with_tube: TubeId | None = None


class TakeBack(Command):
    tube: TubeId


class IntakeRow(View):
    """A tube of a visit at the bench. `state` is taken_in, expected or gone."""

    tube: SpecimenRow
    planned: str | None
    state: str
    taken_in_at: datetime | None
    taken_in_by: str | None
    deviations: tuple[str, ...]


class Intake(View):
    """A visit at the bench: `taken_in` of `expected` tubes; `missing` are planned tubes without a tube or a reason."""

    participant: str
    study: str
    visit: str
    title: str
    number: int
    occurred_on: date | None
    timezone: str
    finished_at: datetime | None
    rows: tuple[IntakeRow, ...]
    not_collected: tuple[SlotView, ...]
    missing: tuple[str, ...]
    planned: int
    taken_in: int
    expected: int

    @property
    def remaining(self) -> tuple[IntakeRow, ...]:
        return tuple(row for row in self.rows if row.state == "expected")


class TakenIn(View):
    """`straggler` says what a tube that turned up late superseded or joined; None for one in time."""

    tube: str
    straggler: str | None
    intake: Intake


async def take_in(tx: Tx, command: TakeIn) -> TakenIn:
    """Take a tube in: it is in the hands of the technician from now on, and stands for the planned tube it fits.

    A tube that was lost is found; one that arrives after its visit was finished joins it, and the reason why it was
    said not to be collected is superseded.

    Raises:
        NotFound: no such tube within reach.
        NotThisTube: no primary tube, one that is stored, or one of another visit than `with_tube`.
        TubeNotUsable: it is gone, packed, away or on hold.
        AlreadyAccessioned: who took it in, and when.
    """
    code = specimens.tube_code(await queries.tube_of_code(tx, command.tube), "tube")
    visit_id = await _visit_of(tx, code)
    if command.with_tube is not None:
        await _check_same_visit(tx, code, visit_id, specimens.tube_code(command.with_tube, "with_tube"))
    visit = (
        await tx.session.execute(
            select(Visit).where(Visit.id == visit_id).with_for_update().execution_options(populate_existing=True)
        )
    ).scalar_one()
    tube, custody = await specimens.find_specimen(tx, code, Permission.SPECIMEN_PROCESS, lock=True)
    check_usable([_state(tube, custody)], quality=False)
    site_id = custody.site_id or tube.site_id
    await _check_new(tx, tube, site_id)
    if custody.container_id is not None:
        raise rules.NotThisTube(
            f"{ids.grouped(code)} stands in a box: take it out there before it is worked on.", tube=code
        )
    late = visit.finished_at is not None and tube.created_at > visit.finished_at
    lost = tube.existence if tube.existence in FINDABLE else None
    mine = {"accessioned_at": tx.now, "accessioned_by": hands(tx)}
    await tx.insert(Accession, [{"specimen_id": tube.id, "site_id": site_id, **mine}])
    await hand_over(tx, [(tube.id, WithHolder(hands(tx), site_id))])
    superseded = [slot for slot, was in await settle(tx, visit) if was]
    tx.record(
        "specimen.accessioned",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=site_id,
        specimen=code,
    )
    intake = await intake_of(tx, code)
    return TakenIn(tube=code, straggler=_straggler(late, lost, superseded, intake, code), intake=intake)


def _state(tube: Specimen, custody: Custody) -> TubeState:
    place = "package" if custody.package_id else "party" if custody.external_party_id else "here"
    # A tube that turns up is not missing any more.
    existence = "exists" if tube.existence in FINDABLE else tube.existence
    return TubeState(tube.code, existence, tube.quality, tube.hold, place)


def _straggler(late: bool, lost: str | None, superseded: Iterable[rules.Slot], intake: Intake, code: str) -> str | None:
    if lost:
        return f"It was recorded as {lost}: it is found again."
    row = next(row for row in intake.rows if row.tube.code == code)
    earlier = next((slot for slot in superseded if slot.words == row.planned), None)
    if earlier is not None:
        return f"{earlier.words} was recorded as not collected: this tube supersedes the reason."
    return "Its visit was finished before: the tube joins it." if late else None


async def _visit_of(tx: ReadTx, code: str) -> int:
    """The visit of a primary tube within reach."""
    row = (
        await tx.session.execute(
            select(Specimen.level, CollectionEvent.visit_id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
            .where(Specimen.code == code, specimens.within(tx.scope(Permission.SPECIMEN_PROCESS)))
        )
    ).one_or_none()
    if row is None:
        said = await blank(tx, code, Permission.SPECIMEN_PROCESS)
        raise said or NotFound(f"There is no tube {ids.grouped(code)} within your reach.", codes=[code])
    if row.level != "primary" or row.visit_id is None:
        raise rules.NotThisTube(
            f"{ids.grouped(code)} is no tube as it was collected but a vial made of one ({row.level}): "
            "it is not taken in, store it.",
            tube=code,
        )
    return int(row.visit_id)


async def _check_same_visit(tx: ReadTx, code: str, visit_id: int, other: str) -> None:
    """Raises:
    NotThisTube: saying whether the tube is of another study, participant or visit.
    """
    here, there = await _whose(tx, visit_id), await _whose(tx, await _visit_of(tx, other))
    if here.id == there.id:
        return
    shown = ids.grouped(code)
    if here.study_id != there.study_id:
        words = f"{shown} belongs to another study."
    elif here.participant_id != there.participant_id:
        words = (
            f"{shown} is of another participant: {ids.grouped(here.code)}, {here.visit} {here.number}. "
            f"At hand is {ids.grouped(there.code)}, {there.visit} {there.number}."
        )
    else:
        words = f"{shown} is of another visit: {here.visit} {here.number}. At hand is {there.visit} {there.number}."
    raise rules.NotThisTube(f"{words} Keep it apart, or put the visit at hand aside first (NEXT).", tube=code)


async def _whose(tx: ReadTx, visit_id: int) -> "_Whose":
    row = (
        await tx.session.execute(
            select(
                Visit.id,
                Visit.study_id,
                Visit.participant_id,
                Visit.number,
                Participant.code,
                VisitType.code.label("visit"),
            )
            .join(Participant, Participant.id == Visit.participant_id)
            .join(VisitType, VisitType.id == Visit.visit_type_id)
            .where(Visit.id == visit_id)
        )
    ).one()
    return _Whose(**row._asdict())


class _Whose(View):
    id: int
    study_id: int
    participant_id: int
    number: int
    code: str
    visit: str


async def _check_new(tx: ReadTx, tube: Specimen, site_id: int) -> None:
    """Raises:
    AlreadyAccessioned: who took the tube in at this site, and when.
    """
    row = (
        await tx.session.execute(
            select(Accession.accessioned_at, AppUser.display_name, Site.timezone)
            .join(AppUser, AppUser.id == Accession.accessioned_by)
            .join(Site, Site.id == Accession.site_id)
            .where(Accession.specimen_id == tube.id, Accession.site_id == site_id, Accession.undone_at.is_(None))
        )
    ).one_or_none()
    if row is not None and tube.existence not in FINDABLE:
        when = queries.local(row.accessioned_at, row.timezone)
        raise rules.AlreadyAccessioned(
            f"{ids.grouped(tube.code)} was taken in on {when} by {row.display_name}.",
            tube=tube.code,
            at=row.accessioned_at.isoformat(),
        )


async def take_back(tx: Tx, command: TakeBack) -> Intake:
    """Undo an intake of this person's within the shift: the tube is expected again.

    Raises:
        NotFound: no such tube within reach.
        Conflict: it was not taken in by this person within the shift, or has been handed on since.
    """
    code = specimens.tube_code(await queries.tube_of_code(tx, command.tube), "tube")
    await _visit_of(tx, code)
    tube, custody = await specimens.find_specimen(tx, code, Permission.SPECIMEN_PROCESS, lock=True)
    mine = (
        await tx.session.execute(
            select(Accession)
            .where(
                Accession.specimen_id == tube.id,
                Accession.accessioned_by == hands(tx),
                Accession.accessioned_at >= tx.now - SHIFT,
                Accession.undone_at.is_(None),
            )
            .order_by(Accession.id.desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    if mine is None or custody.holder_id != hands(tx):
        raise Conflict(
            f"{ids.grouped(code)} was not taken in by you within this shift, or is not in your hands any more: "
            "there is nothing to undo.",
            tube=code,
        )
    mine.undone_at = tx.now
    await tx.session.flush()
    tx.record(
        "specimen.accession_undone",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=mine.site_id,
        specimen=code,
    )
    return await intake_of(tx, code)


async def intake_of(tx: ReadTx, tube: str) -> Intake:
    """The visit of a tube as its bench sees it.

    Raises:
        NotFound: no such tube within reach.
        NotThisTube: no primary tube.
    """
    visit_id = await _visit_of(tx, specimens.tube_code(tube, "tube"))
    row = (
        await tx.session.execute(
            select(Visit, VisitType, Participant.code.label("participant"), Site)
            .join(VisitType, VisitType.id == Visit.visit_type_id)
            .join(Participant, Participant.id == Visit.participant_id)
            .join(Site, Site.id == Visit.site_id)
            .where(Visit.id == visit_id)
            .execution_options(populate_existing=True)
        )
    ).one()
    visit: Visit = row.Visit
    tubes = await queries.tubes_of(tx, visit.id)
    plan = await plan_of_visit(tx, visit)
    # A tube that asks for a consent of its own is missed at the visit day, where that consent is seen.
    slots = await queries.slot_views(tx, visit, plan, frozenset())
    planned = {slot.tube: slot.words for slot in slots if slot.tube is not None}
    taken = await _taken(tx, [tube.id for tube in tubes])
    deviations = await open_deviations(tx, [tube.id for tube in tubes])
    rows = tuple(
        IntakeRow(
            tube=one,
            planned=planned.get(one.code),
            state=_row_state(one, one.id in taken),
            taken_in_at=taken[one.id][0] if one.id in taken else None,
            taken_in_by=taken[one.id][1] if one.id in taken else None,
            deviations=deviations.get(one.id, ()),
        )
        for one in tubes
    )
    whole = visible(tx.scope(Permission.SPECIMEN_PROCESS), Visit.study_id, Visit.site_id)
    reaches = (await tx.session.execute(select(Visit.id).where(Visit.id == visit.id, whole))).scalar_one_or_none()
    return Intake(
        participant=row.participant,
        study=tubes[0].study,
        visit=row.VisitType.code,
        title=row.VisitType.title,
        number=visit.number,
        occurred_on=visit.occurred_on,
        timezone=row.Site.timezone,
        finished_at=visit.finished_at,
        rows=rows,
        not_collected=tuple(slot for slot in slots if slot.state == "not_collected"),
        missing=tuple(slot.words for slot in slots if slot.state == "open") if reaches else (),
        planned=len(slots),
        taken_in=sum(row.state == "taken_in" for row in rows),
        expected=sum(row.state != "gone" for row in rows),
    )


def _row_state(tube: SpecimenRow, taken: bool) -> str:
    if taken:
        return "taken_in"
    return "expected" if tube.existence in {"exists", "missing", "lost", "planned"} else "gone"


async def _taken(tx: ReadTx, tube_ids: list[int]) -> dict[int, tuple[datetime, str]]:
    """By tube id, when and by whom it was taken in where it is now."""
    rows = await tx.session.execute(
        select(Accession.specimen_id, Accession.accessioned_at, AppUser.display_name)
        .join(AppUser, AppUser.id == Accession.accessioned_by)
        .join(Custody, Custody.specimen_id == Accession.specimen_id)
        .where(
            Accession.specimen_id.in_(tube_ids),
            Accession.undone_at.is_(None),
            Accession.site_id == func.coalesce(Custody.site_id, Accession.site_id),
        )
        .order_by(Accession.id)
    )
    return {row.specimen_id: (row.accessioned_at, row.display_name) for row in rows}


async def open_deviations(tx: ReadTx, tube_ids: list[int]) -> dict[int, tuple[str, ...]]:
    """By tube id, the titles of what went wrong with it and is not resolved."""
    rows = await tx.session.execute(
        select(Deviation.specimen_id, DeviationType.title)
        .join(DeviationType, DeviationType.code == Deviation.type_code)
        .where(Deviation.specimen_id.in_(tube_ids), Deviation.resolved_at.is_(None))
        .order_by(Deviation.id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        found[row.specimen_id] = (*found.get(row.specimen_id, ()), row.title)
    return found


class WaitingVisit(View):
    """A visit with tubes that are here and not taken in."""

    participant: str
    visit: str
    number: int
    occurred_on: date | None
    first_tube: str
    expected: int
    taken_in: int


async def waiting(tx: ReadTx, limit: int = 50) -> tuple[WaitingVisit, ...]:
    """Visits of the last fortnight with tubes in somebody's hands that no bench of the site has taken in. Stragglers
    bring their visit back here by themselves.
    """
    taken = aliased(Accession)
    tubes = (
        select(
            CollectionEvent.visit_id,
            func.count(taken.id).label("taken_in"),
            func.count().label("expected"),
            func.min(Specimen.code).label("first_tube"),
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(
            taken,
            (taken.specimen_id == Specimen.id) & (taken.site_id == Custody.site_id) & taken.undone_at.is_(None),
        )
        .where(
            Specimen.level == "primary",
            Specimen.existence == "exists",
            Custody.holder_id.is_not(None),
            CollectionEvent.collected_at > tx.now - timedelta(days=14),
            specimens.within(tx.scope(Permission.SPECIMEN_PROCESS)),
        )
        .group_by(CollectionEvent.visit_id)
        .having(func.count(taken.id) < func.count())
        .subquery()
    )
    rows = await tx.session.execute(
        select(
            Participant.code.label("participant"),
            VisitType.code.label("visit"),
            Visit.number,
            Visit.occurred_on,
            tubes.c.first_tube,
            tubes.c.expected,
            tubes.c.taken_in,
        )
        .join(tubes, tubes.c.visit_id == Visit.id)
        .join(Participant, Participant.id == Visit.participant_id)
        .join(VisitType, VisitType.id == Visit.visit_type_id)
        .order_by(Visit.occurred_on.desc(), Visit.id.desc())
        .limit(limit)
    )
    return tuple(WaitingVisit(**row._asdict()) for row in rows)
