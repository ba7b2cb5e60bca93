"""Studies, sites and participants as people may see them, and the consent gate's look at what counts now."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, func, literal, select

from biobank import ids
from biobank.actor import Permission
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.paging import Page, cut
from biobank.participant.belief import ConsentView, WithdrawalView, consents, governing, standing, withdrawals
from biobank.participant.models import CohortMembership, ConsentDecision, Participant, Visit, Withdrawal
from biobank.participant.rules import Decisions, strongest
from biobank.protocol.models import ProtocolVersion
from biobank.study.models import Cohort, Site, Study, VisitType
from biobank.tx import ReadTx, Tx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ParticipantRow(View):
    """A participant in a list. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)]
    code: str
    study: str
    site: str
    cohort: str | None
    status: str
    enrolled_on: date
    visits_done: int


class VisitView(View):
    """`day` is the study day: days from T0. `version` is the protocol's that planned the visit or was in force."""

    type: str
    title: str
    number: int
    status: str
    planned_on: date | None
    window_from: date | None
    window_to: date | None
    occurred_on: date | None
    day: int | None
    outside_window_reason: str | None
    status_reason: str | None
    fasting: bool | None
    finished_at: datetime | None
    version: int | None


class ParticipantView(View):
    code: str
    study: str
    site: str
    timezone: str
    cohort: str | None
    status: str
    enrolled_on: date
    t0: date
    year_of_birth: int | None
    sex_at_birth: str | None
    visits: tuple[VisitView, ...]
    consents: tuple[ConsentView, ...]
    withdrawals: tuple[WithdrawalView, ...]


def participant_code(text: str) -> str:
    """The canonical code of what was typed or scanned.

    Raises:
        Invalid: no participant's id; a wrong check character is said to be one.
    """
    try:
        kind, code = ids.parse(text)
    except ids.BadIdentifier as error:
        raise Invalid(
            f"{ids.grouped(error.text)[:40]} is no participant's id: {error}.", errors={"participant": str(error)}
        ) from None
    if kind is not ids.Kind.PARTICIPANT:
        raise Invalid(
            f"{ids.grouped(code)} is not a participant's id: those start with P.",
            errors={"participant": "does not start with P"},
        )
    return code


async def find_participant(tx: ReadTx, code: str, permission: Permission, *, lock: bool = False) -> Participant:
    """A participant within reach; with `lock` the row is held: consent cannot change before this transaction ends.

    Raises:
        Invalid: the text is no participant's id.
        NotFound: none of this id within reach.
    """
    canonical = participant_code(code)
    query = select(Participant).where(
        Participant.code == canonical, visible(tx.scope(permission), Participant.study_id, Participant.site_id)
    )
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no participant {ids.grouped(canonical)}.", participant=canonical)
    return found


async def decisions(tx: Tx, participant_ids: Iterable[int]) -> Mapping[str, Decisions]:
    """What counts now for these participants, by code, for the consent gate.

    The participants are locked FOR SHARE in one order: a withdrawal, which locks its participant, cannot slip between
    this look and the commit of what it allowed.
    """
    wanted = sorted(set(participant_ids))
    await tx.session.execute(
        select(Participant.id).where(Participant.id.in_(wanted)).order_by(Participant.id).with_for_update(read=True)
    )
    return await foreseen(tx, wanted)


async def foreseen(tx: ReadTx, participant_ids: Iterable[int]) -> Mapping[str, Decisions]:
    """What the consent gate would say of these participants at this moment, by code; nobody is held to it."""
    wanted = sorted(set(participant_ids))
    people = (
        await tx.session.execute(select(Participant.id, Participant.code).where(Participant.id.in_(wanted)))
    ).all()
    # A consent may be later than the moment at which this began: it waited for the lock, and the later word counts.
    moment = func.greatest(literal(tx.now, DateTime(timezone=True)), func.clock_timestamp())
    consent = governing(wanted, moment).subquery()
    granted = await tx.session.execute(
        select(consent.c.participant_id, func.array_agg(ConsentDecision.scope_code).label("scopes"))
        .join(ConsentDecision, ConsentDecision.consent_id == consent.c.id)
        .where(ConsentDecision.decision == "granted")
        .group_by(consent.c.participant_id)
    )
    scopes = {row.participant_id: frozenset(row.scopes) for row in granted}
    # Whatever is recorded counts: none lies ahead, but one may be later than the moment this transaction began at.
    withdrawn = await tx.session.execute(
        select(Withdrawal.participant_id, func.array_agg(Withdrawal.level).label("levels"))
        .where(Withdrawal.participant_id.in_(wanted), standing())
        .group_by(Withdrawal.participant_id)
    )
    levels = {row.participant_id: strongest(row.levels) for row in withdrawn}
    return {person.code: Decisions(scopes.get(person.id, frozenset()), levels.get(person.id)) for person in people}


_COHORT = (
    select(Cohort.code)
    .join(CohortMembership, CohortMembership.cohort_id == Cohort.id)
    .where(CohortMembership.participant_id == Participant.id, CohortMembership.to_on.is_(None))
    .correlate(Participant)
    .scalar_subquery()
    .label("cohort")
)


async def participants(
    tx: ReadTx,
    *,
    study: str | None = None,
    site: str | None = None,
    cohort: str | None = None,
    status: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[ParticipantRow]:
    """Participants within reach in the order of enrolment, filtered by codes."""
    done = (
        select(func.count())
        .select_from(Visit)
        .where(Visit.participant_id == Participant.id, Visit.status == "done")
        .correlate(Participant)
    )
    query = (
        select(
            Participant.id,
            Participant.code,
            Study.code.label("study"),
            Site.code.label("site"),
            _COHORT,
            Participant.status,
            Participant.enrolled_on,
            done.scalar_subquery().label("visits_done"),
        )
        .join(Study, Study.id == Participant.study_id)
        .join(Site, Site.id == Participant.site_id)
        .where(
            Participant.id > after,
            visible(tx.scope(Permission.PARTICIPANT_READ), Participant.study_id, Participant.site_id),
        )
        .order_by(Participant.id)
        .limit(limit + 1)
    )
    if study:
        query = query.where(Study.code == study)
    if site:
        query = query.where(Site.code == site)
    if cohort:
        query = query.where(_COHORT.is_not_distinct_from(cohort))
    if status:
        query = query.where(Participant.status == status)
    rows = [ParticipantRow(**row._asdict()) for row in await tx.session.execute(query)]
    return cut(rows, limit, lambda row: row.id)


async def participant(tx: ReadTx, code: str) -> ParticipantView:
    """A participant with visits, consents and withdrawals.

    Raises:
        NotFound: none of this id within reach.
    """
    found = await find_participant(tx, code, Permission.PARTICIPANT_READ)
    place = (
        await tx.session.execute(
            select(Study.code.label("study"), Site.code.label("site"), Site.timezone, _COHORT)
            .select_from(Participant)
            .join(Study, Study.id == Participant.study_id)
            .join(Site, Site.id == Participant.site_id)
            .where(Participant.id == found.id)
        )
    ).one()
    return ParticipantView(
        code=found.code,
        study=place.study,
        site=place.site,
        timezone=place.timezone,
        cohort=place.cohort,
        status=found.status,
        enrolled_on=found.enrolled_on,
        t0=found.t0,
        year_of_birth=found.year_of_birth,
        sex_at_birth=found.sex_at_birth,
        visits=await visits(tx, found),
        consents=await consents(tx, found.id),
        withdrawals=await withdrawals(tx, found.id),
    )


async def visits(tx: ReadTx, person: Participant) -> tuple[VisitView, ...]:
    """All visits of a participant by their day, planned ones by the day they are planned for."""
    rows = await tx.session.execute(
        select(Visit, VisitType.code, VisitType.title, ProtocolVersion.number)
        .join(VisitType, VisitType.id == Visit.visit_type_id)
        .outerjoin(ProtocolVersion, ProtocolVersion.id == Visit.protocol_version_id)
        .where(Visit.participant_id == person.id)
        .order_by(func.coalesce(Visit.occurred_on, Visit.planned_on).nulls_last(), Visit.id)
    )
    return tuple(
        VisitView(
            type=code,
            title=title,
            number=visit.number,
            status=visit.status,
            planned_on=visit.planned_on,
            window_from=visit.window_from,
            window_to=visit.window_to,
            occurred_on=visit.occurred_on,
            day=(visit.occurred_on - person.t0).days if visit.occurred_on else None,
            outside_window_reason=visit.outside_window_reason,
            status_reason=visit.status_reason,
            fasting=visit.fasting,
            finished_at=visit.finished_at,
            version=version,
        )
        for visit, code, title, version in rows
    )
