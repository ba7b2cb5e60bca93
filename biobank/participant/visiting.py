"""What becomes of a planned visit: it takes place, is missed, is cancelled, or is planned again."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.participant import queries, rules
from biobank.participant.models import Participant, Visit
from biobank.participant.queries import ParticipantView
from biobank.protocol.models import PlannedVisit, ProtocolVersion
from biobank.protocol.queries import version_in_force
from biobank.protocol.rules import NoProtocolInForce, VisitNotInProtocol
from biobank.study.commands import Code
from biobank.study.models import Site, VisitType
from biobank.study.rules import check_not_future, today
from biobank.tx import Tx

Reason = Annotated[str, Field(min_length=3, max_length=400)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class RecordVisit(Command):
    """A visit took place. Outside its window a reason is asked for."""

    type: Code
    occurred_on: date
    outside_window_reason: Reason | None = None
    fasting: bool | None = None


class CloseVisit(Command):
    """A planned visit did not or is not to take place."""

    type: Code
    number: Annotated[int, Field(ge=1, le=10_000)] = 1
    reason: Reason


async def record_visit(tx: Tx, code: str, command: RecordVisit) -> ParticipantView:
    """Record that a visit took place, pinned to the version of the protocol that was in force on the day.

    A scheduled visit happens once, within its window or for a reason; unscheduled ones repeat and are numbered.

    Raises:
        NoProtocolInForce, VisitNotInProtocol: the protocol plans no such visit on that day.
        OutsideWindow: the day lies outside the window and no reason is given.
        VisitExists, VisitNotOpen: it is recorded already, or was cancelled.
    """
    person = await queries.find_participant(
        tx, code, Permission.VISIT_RECORD, lock=True
    )  # two flares are numbered in turn
    kind = await _kind(tx, person, command.type)
    check_not_future(command.occurred_on, tx.now, await _timezone(tx, person), "occurred_on")
    if command.occurred_on < person.enrolled_on:
        raise Invalid(
            "A visit lies on or after the day of enrolment.", errors={"occurred_on": "lies before the enrolment"}
        )
    version = await version_in_force(tx, person.study_id, command.occurred_on)
    planned = await _planned(tx, version, kind)
    latest = await _latest(tx, person, kind)
    if planned is not None and planned.planned_day is None:
        number = 1 if latest is None else latest.number + 1
        visit = _new(person, kind, number)
    else:
        visit = latest or _new(person, kind, 1)
        if planned is not None and planned.planned_day is not None:
            visit.planned_on = person.t0 + timedelta(days=planned.planned_day)
            visit.window_from, visit.window_to = rules.visit_window(
                person.t0, planned.planned_day, planned.days_before, planned.days_after
            )
        elif latest is None:
            raise _not_planned(version, kind, command.occurred_on)
        rules.check_open(kind.title, visit.status, visit.status_reason)
    if planned is not None and version is not None:
        visit.protocol_version_id = version.id
    if visit.window_from is not None and visit.window_to is not None:
        visit.outside_window_reason = rules.check_in_window(
            kind.title, (visit.window_from, visit.window_to), command.occurred_on, command.outside_window_reason
        )
    visit.status, visit.status_reason = "done", None
    visit.occurred_on, visit.fasting = command.occurred_on, command.fasting
    tx.session.add(visit)
    visit.row_version = (visit.row_version or 0) + 1
    await tx.session.flush()
    _record(tx, "visit.recorded", person, visit, visit.outside_window_reason)
    return await queries.participant(tx, person.code)


def _new(person: Participant, kind: VisitType, number: int) -> Visit:
    return Visit(
        participant_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
        visit_type_id=kind.id,
        number=number,
        status="planned",
    )


def _not_planned(version: ProtocolVersion | None, kind: VisitType, day: date) -> NoProtocolInForce | VisitNotInProtocol:
    if version is None:
        return NoProtocolInForce(
            f"No version of the protocol was in force on {day.isoformat()}: publish one from that day on first.",
            day=day.isoformat(),
        )
    return VisitNotInProtocol(
        f"Version {version.number} of the protocol, in force on {day.isoformat()}, has no visit {kind.code}.",
        errors={"type": f"is not in version {version.number} of the protocol"},
        version=version.number,
    )


async def miss_visit(tx: Tx, code: str, command: CloseVisit) -> ParticipantView:
    """Record that a planned visit did not take place while its window lasted.

    Raises:
        VisitNotOpen: it is not planned.
        VisitWindowOpen: it may still take place.
    """
    person, visit, kind = await _open_visit(tx, code, command)
    rules.check_window_over(kind.title, visit.window_to, today(tx.now, await _timezone(tx, person)))
    return await _close(tx, person, visit, "missed", command.reason)


async def cancel_visit(tx: Tx, code: str, command: CloseVisit) -> ParticipantView:
    """Record that a planned visit is not to take place.

    Raises:
        VisitNotOpen: it is not planned.
    """
    person, visit, _ = await _open_visit(tx, code, command)
    return await _close(tx, person, visit, "cancelled", command.reason)


async def reopen_visit(tx: Tx, code: str, command: CloseVisit) -> ParticipantView:
    """Plan a visit again that was missed or cancelled, in the window it had.

    Raises:
        VisitNotOpen: it is neither.
    """
    person, visit, kind = await _find(tx, code, command)
    if visit.status not in {"missed", "cancelled"}:
        raise rules.VisitNotOpen(
            f"{kind.title} is {visit.status}: only a missed or cancelled visit is planned again.", status=visit.status
        )
    visit.status, visit.status_reason = "planned", None
    visit.row_version += 1
    await tx.session.flush()
    _record(tx, "visit.reopened", person, visit, command.reason)
    return await queries.participant(tx, person.code)


async def _close(tx: Tx, person: Participant, visit: Visit, status: str, reason: str) -> ParticipantView:
    visit.status, visit.status_reason = status, reason
    visit.row_version += 1
    await tx.session.flush()
    _record(tx, f"visit.{status}", person, visit, reason)
    return await queries.participant(tx, person.code)


async def _open_visit(tx: Tx, code: str, command: CloseVisit) -> tuple[Participant, Visit, VisitType]:
    person, visit, kind = await _find(tx, code, command)
    if visit.status != "planned":
        raise rules.VisitNotOpen(f"{kind.title} is {visit.status}, no longer planned.", status=visit.status)
    return person, visit, kind


async def _find(tx: Tx, code: str, command: CloseVisit) -> tuple[Participant, Visit, VisitType]:
    person = await queries.find_participant(tx, code, Permission.VISIT_RECORD, lock=True)
    kind = await _kind(tx, person, command.type)
    visit = (
        await tx.session.execute(
            select(Visit)
            .where(Visit.participant_id == person.id, Visit.visit_type_id == kind.id, Visit.number == command.number)
            .with_for_update()
        )
    ).scalar_one_or_none()
    if visit is None:
        raise NotFound(f"The participant has no visit {kind.code} {command.number}.", type=kind.code)
    return person, visit, kind


async def _kind(tx: Tx, person: Participant, code: str) -> VisitType:
    kind = (
        await tx.session.execute(select(VisitType).where(VisitType.study_id == person.study_id, VisitType.code == code))
    ).scalar_one_or_none()
    if kind is None:
        raise NotFound(f"The study has no visit type {code}.", type=code)
    return kind


async def _planned(tx: Tx, version: ProtocolVersion | None, kind: VisitType) -> PlannedVisit | None:
    if version is None:
        return None
    return (
        await tx.session.execute(
            select(PlannedVisit).where(
                PlannedVisit.protocol_version_id == version.id, PlannedVisit.visit_type_id == kind.id
            )
        )
    ).scalar_one_or_none()


async def _latest(tx: Tx, person: Participant, kind: VisitType) -> Visit | None:
    """The visit of this type with the highest number, locked."""
    return (
        await tx.session.execute(
            select(Visit)
            .where(Visit.participant_id == person.id, Visit.visit_type_id == kind.id)
            .order_by(Visit.number.desc())
            .limit(1)
            .with_for_update()
        )
    ).scalar_one_or_none()


async def _timezone(tx: Tx, person: Participant) -> str:
    return (await tx.session.execute(select(Site.timezone).where(Site.id == person.site_id))).scalar_one()


def _record(tx: Tx, verb: str, person: Participant, visit: Visit, reason: str | None) -> None:
    tx.record(
        verb, subject="visit", subject_id=visit.id, study_id=person.study_id, site_id=person.site_id, reason=reason
    )
