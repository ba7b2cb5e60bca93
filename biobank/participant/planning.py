"""The visits that the protocol plans for participants: at enrolment, when a version is published, when a T0 changes.

A version plans every visit whose window was not over on the day it came into force. What took place, was missed or was
cancelled by a person stays as it is. All of it is set-based: one statement for any number of participants.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import zip_longest

from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, Boolean, Date, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from biobank.participant.models import CohortMembership, Visit
from biobank.protocol import commands as protocol
from biobank.protocol import queries as protocols
from biobank.protocol.models import ProtocolVersion
from biobank.protocol.queries import TubePlan, VersionView
from biobank.protocol.rules import NoProtocolDraft
from biobank.study.models import Study
from biobank.tx import ReadTx, Tx


class VisitChange(BaseModel):
    """What a version does to the planned visits of one code."""

    model_config = ConfigDict(frozen=True)

    code: str
    title: str
    added: int
    moved: int
    kept: int
    dropped: int


class Publication(BaseModel):
    """What publishing a draft from a day on would do to the visits that are open."""

    model_config = ConfigDict(frozen=True)

    effective_from: date
    added: int
    moved: int
    kept: int
    dropped: int
    visits: tuple[VisitChange, ...]


_MOVE = text(
    """
    update visit v
       set planned_on = plan.planned_on, window_from = plan.window_from, window_to = plan.window_to, status = 'planned',
           status_reason = null, protocol_version_id = :version, row_version = v.row_version + 1
      from biobank_visit_plan(:study, :version, :begins, :people, :anew) plan
     where v.id = plan.visit_id and plan.what <> 'dropped'
       and (plan.what <> 'kept' or v.protocol_version_id is distinct from :version)
    """
)
_ADD = text(
    """
    insert into visit (participant_id, study_id, site_id, visit_type_id, number, status, protocol_version_id,
                       planned_on, window_from, window_to, row_version)
    select participant_id, study_id, site_id, visit_type_id, 1, 'planned', :version, planned_on, window_from,
           window_to, 1
      from biobank_visit_plan(:study, :version, :begins, :people, :anew)
     where visit_id is null and (:until is null or window_to < :until) order by participant_id, planned_on
    """
)
_DROP = text(
    """
    update visit v
       set status = 'cancelled', status_reason = :reason, protocol_version_id = :version,
           row_version = v.row_version + 1
      from biobank_visit_plan(:study, :version, :begins, :people, :anew) plan
     where v.id = plan.visit_id and plan.what = 'dropped'
    """
)
_COUNT = text(
    """
    select plan.code, min(plan.title) as title, count(*) filter (where what = 'added') as added,
           count(*) filter (where what = 'moved') as moved, count(*) filter (where what = 'kept') as kept,
           count(*) filter (where what = 'dropped') as dropped
      from biobank_visit_plan(:study, :version, :begins, :people, :anew) plan
      left join planned_visit k on k.protocol_version_id = :version and k.code = plan.code
     group by plan.code order by min(k.position) nulls last, plan.code
    """
)
_TYPES = (
    bindparam("study", type_=BigInteger),
    bindparam("version", type_=BigInteger),
    bindparam("begins", type_=Date),
    bindparam("people", type_=ARRAY(BigInteger)),
    bindparam("anew", type_=Boolean),
)


async def plan_visits(tx: Tx, study_id: int, participants: Sequence[int], *, anew: bool = False) -> None:
    """Plan the visits of these participants by every version that concerns them, the latest last.

    With `anew` what is open is planned from the beginning, as after a correction of T0.
    """
    # Who publishes at this moment is waited for: nobody is left behind with an older plan.
    await tx.session.execute(select(Study.id).where(Study.id == study_id).with_for_update(read=True))
    versions = list(
        (
            await tx.session.execute(
                select(ProtocolVersion)
                .where(ProtocolVersion.study_id == study_id, ProtocolVersion.status == "published")
                .order_by(ProtocolVersion.effective_from)
            )
        ).scalars()
    )
    for version, later in zip_longest(versions, versions[1:]):
        await _apply(tx, version, participants, later=later, anew=anew and version is versions[0])


async def _apply(
    tx: Tx,
    version: ProtocolVersion,
    participants: Iterable[int] | None,
    *,
    later: ProtocolVersion | None = None,
    anew: bool = False,
) -> None:
    """Plan by one version. Before a `later` one it adds only what that one leaves alone, and drops nothing."""
    values = {
        "version": version.id,
        "study": version.study_id,
        "begins": version.effective_from,
        "people": None if participants is None else list(participants),
        "anew": anew,
    }
    until = None if later is None else later.effective_from
    await tx.session.execute(_MOVE.bindparams(*_TYPES), values)
    await tx.session.execute(_ADD.bindparams(*_TYPES, bindparam("until", type_=Date)), {**values, "until": until})
    if later is None:
        reason = f"Version {version.number} of the protocol does not have this visit"
        await tx.session.execute(_DROP.bindparams(*_TYPES), {**values, "reason": reason})


async def publication(tx: ReadTx, study_code: str, effective_from: date | None = None) -> Publication:
    """What publishing the draft from a day on would do; unless one is named, from the day that the draft proposes, or
    else from today. Nothing is written.

    Raises:
        NotFound, Forbidden: the study is out of reach, or only partly within.
        NoProtocolDraft: there is no draft.
    """
    study = await protocol.managed(tx, study_code)
    draft = (
        await tx.session.execute(
            select(ProtocolVersion).where(ProtocolVersion.study_id == study.id, ProtocolVersion.status == "draft")
        )
    ).scalar_one_or_none()
    if draft is None:
        raise NoProtocolDraft(f"The protocol of {study.code} has no draft: start one first.", study=study.code)
    begins = effective_from or draft.effective_from or tx.now.date()
    values = {"version": draft.id, "study": study.id, "begins": begins, "people": None, "anew": False}
    rows = await tx.session.execute(_COUNT.bindparams(*_TYPES), values)
    visits = tuple(VisitChange(**row._asdict()) for row in rows)
    return Publication(
        effective_from=begins,
        added=sum(one.added for one in visits),
        moved=sum(one.moved for one in visits),
        kept=sum(one.kept for one in visits),
        dropped=sum(one.dropped for one in visits),
        visits=visits,
    )


async def publish(tx: Tx, study_code: str, command: protocol.PublishDraft) -> VersionView:
    """Publish the draft of a protocol and plan the open visits of all participants by it, in one transaction.

    Raises:
        NoProtocolDraft, Stale: there is no draft, or another one than the sender saw.
        EffectiveDayTooEarly: on or before the day of the present version.
        ProtocolRefused: the house's terms have changed since the draft was written.
    """
    study = await protocol.managed(tx, study_code)
    await tx.session.execute(select(Study.id).where(Study.id == study.id).with_for_update(key_share=True))
    version = await protocol.publish_draft(tx, study_code, command)
    await _apply(tx, version, None)
    return await protocols.version(tx, study_code, version.number)


async def plan_of_visit(tx: ReadTx, visit: Visit) -> tuple[TubePlan, ...]:
    """What the protocol plans to collect at this visit: the tubes of everybody and those of the cohort that the
    participant belongs to on the day, with steps and aliquots, in the order of the draw.

    The version is the one the visit is pinned to, or else the one in force on the day. Empty where there is none.
    """
    day = visit.occurred_on or visit.planned_on or tx.now.date()
    version_id = visit.protocol_version_id
    if version_id is None:
        version = await protocols.version_in_force(tx, visit.study_id, day)
        if version is None:
            return ()
        version_id = version.id
    cohort = await cohort_on(tx, visit.participant_id, day)
    return await protocols.plan_of(tx, version_id, visit.visit_type_id, cohort)


async def cohort_on(tx: ReadTx, participant_id: int, day: date) -> int | None:
    """The cohort that a participant belongs to on a day."""
    return (
        await tx.session.execute(
            select(CohortMembership.cohort_id).where(
                CohortMembership.participant_id == participant_id,
                CohortMembership.from_on <= day,
                or_(CohortMembership.to_on.is_(None), CohortMembership.to_on > day),
            )
        )
    ).scalar_one_or_none()
