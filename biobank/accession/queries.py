"""The visit day as people see it: what is planned, what became of it, what is in the tubes' way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, select

from biobank import ids
from biobank.access.models import AppUser
from biobank.accession.models import TubeOutcome
from biobank.accession.rules import Found, Outcome, Slot, Tally
from biobank.actor import Permission
from biobank.catalogue.models import DeviationType, NotCollectedReason
from biobank.db import visible
from biobank.errors import NotFound
from biobank.exact import Exact
from biobank.identifier.models import HOUSE, Identifier
from biobank.labelling.models import RangeLabel
from biobank.participant import queries as participants
from biobank.participant.models import Participant, Visit
from biobank.participant.planning import plan_of_visit
from biobank.participant.queries import ParticipantView, participant_code
from biobank.participant.rules import STOPPING_LEVELS
from biobank.printing.models import LabelPrint
from biobank.protocol.queries import TubePlan
from biobank.specimen import queries as specimens
from biobank.specimen.models import CollectionEvent, Custody, Specimen
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.rules import CONSENT_TO_KEEP
from biobank.study.models import Site, Study, VisitType
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class CodeTitle(View):
    code: str
    title: str


class EarlierReason(View):
    """Why a tube was said not to be collected, before it turned up."""

    reason: str
    note: str | None
    recorded_at: datetime


class SlotView(View):
    """One planned tube of a visit. `state` is open, collected, not_collected, or not_covered where the consent scope
    that the protocol asks for was not granted.
    """

    planned_id: Annotated[int, Field(exclude=True)] = 0
    planned: str
    ordinal: int
    count: int
    specimen_type: str
    specimen_title: str
    tube_type: str
    tube_title: str
    quantity: Exact
    unit: str
    handling: str | None
    consent_scope: str | None
    state: str
    tube: str | None
    collected_at: datetime | None
    reason: str | None
    reason_title: str | None
    note: str | None
    recorded_at: datetime | None
    recorded_by: str | None
    earlier: tuple[EarlierReason, ...]

    @property
    def words(self) -> str:
        return f"{self.planned} {self.ordinal} of {self.count}" if self.count > 1 else self.planned


class ConsentState(View):
    """`ok` when material may be taken and kept; `words` say why not."""

    ok: bool
    words: str
    granted: tuple[str, ...]
    denied: tuple[str, ...]
    withdrawal: str | None


class VisitDay(View):
    """A visit with its planned tubes and what became of them. `unplanned` are tubes that stand for none of them."""

    id: Annotated[int, Field(exclude=True)] = 0
    participant: str
    study: str
    site: str
    timezone: str
    cohort: str | None
    visit: str
    title: str
    number: int
    status: str
    planned_on: date | None
    window_from: date | None
    window_to: date | None
    occurred_on: date | None
    outside_window_reason: str | None
    day: int | None
    fasting: bool | None
    consent: ConsentState
    slots: tuple[SlotView, ...]
    unplanned: tuple[SpecimenRow, ...]
    tubes: tuple[SpecimenRow, ...]
    planned: int
    collected: int
    not_collected: int
    open: int
    finished_at: datetime | None
    finished_by: str | None
    row_version: int


MOST_VISITS = 1_000_000
"""No visit is numbered higher than this."""


@dataclass(frozen=True, slots=True)
class At:
    """A visit with whose and where it is."""

    visit: Visit
    kind: VisitType
    person: Participant
    study: str
    site: Site


async def find_visit(
    tx: ReadTx, participant: str, visit: str, number: int, permission: Permission, *, lock: bool = False
) -> At:
    """A visit of a participant within reach; with `lock` its row is held until the end.

    Raises:
        Invalid: the text is no participant's id.
        NotFound: no such participant or visit within reach.
    """
    code = participant_code(participant)
    known = number if 0 < number < MOST_VISITS else 0  # what the column cannot hold is no visit's number
    query = (
        select(Visit, VisitType, Participant, Study.code.label("study"), Site)
        .join(VisitType, VisitType.id == Visit.visit_type_id)
        .join(Participant, Participant.id == Visit.participant_id)
        .join(Study, Study.id == Visit.study_id)
        .join(Site, Site.id == Visit.site_id)
        .where(
            Participant.code == code,
            visible(tx.scope(permission), Participant.study_id, Participant.site_id),
            VisitType.code == visit,
            Visit.number == known,
        )
        .execution_options(populate_existing=True)
    )
    row = (await tx.session.execute(query.with_for_update(of=Visit) if lock else query)).one_or_none()
    if row is None:
        await participants.find_participant(tx, code, permission)
        raise NotFound(
            f"The participant has no visit {visit} {number}: record the visit first.", visit=visit, number=number
        )
    return At(row.Visit, row.VisitType, row.Participant, row.study, row.Site)


def slots_of(plan: Sequence[TubePlan], granted: frozenset[str]) -> list[Slot]:
    """The planned tubes of a visit, one by one, without those whose consent scope was not granted."""
    return [
        Slot(tube.id, tube.code, ordinal, tube.count, tube.specimen_type, tube.tube_type)
        for tube in plan
        if tube.consent_scope is None or tube.consent_scope in granted
        for ordinal in range(1, tube.count + 1)
    ]


async def outcomes_of(tx: ReadTx, visit_id: int) -> dict[tuple[int, int], Outcome]:
    """What stands for each planned tube of a visit now."""
    rows = await tx.session.execute(
        select(
            TubeOutcome.planned_tube_id, TubeOutcome.ordinal, TubeOutcome.specimen_id, TubeOutcome.reason_code
        ).where(TubeOutcome.visit_id == visit_id, TubeOutcome.superseded_at.is_(None))
    )
    return {(row.planned_tube_id, row.ordinal): Outcome(row.specimen_id, row.reason_code) for row in rows}


async def unmatched(tx: ReadTx, visit_id: int) -> list[Found]:
    """The primary tubes of a visit that stand for no planned tube, the earliest first."""
    standing = select(TubeOutcome.specimen_id).where(
        TubeOutcome.visit_id == visit_id, TubeOutcome.superseded_at.is_(None), TubeOutcome.specimen_id.is_not(None)
    )
    rows = await tx.session.execute(
        select(Specimen.id, Specimen.specimen_type, Specimen.tube_type)
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .where(
            CollectionEvent.visit_id == visit_id,
            Specimen.level == "primary",
            Specimen.existence != "entered_in_error",
            Specimen.id.not_in(standing),
        )
        .order_by(Specimen.id)
    )
    return [Found(row.id, row.specimen_type, row.tube_type) for row in rows]


def consent_state(person: ParticipantView) -> ConsentState:
    """What a participant allows now, in words for the visit day. The gate itself stands in the deeds."""
    current = next((one for one in person.consents if one.is_current), None)
    levels = {one.level for one in person.withdrawals}
    order = ("destroy", "no_further_use", "no_access", "no_contact")
    strongest = next((level for level in order if level in levels), None)
    stopped = strongest in STOPPING_LEVELS
    missing = [scope for scope in CONSENT_TO_KEEP if current is None or scope not in current.granted]
    if stopped:
        words = "Consent was withdrawn: nothing may be collected."
    elif current is None:
        words = "No consent is recorded: nothing may be collected."
    elif missing:
        words = f"Consent {current.version} does not grant {', '.join(missing).replace('_', ' ')}."
    else:
        words = f"Consent {current.version} is in force."
    return ConsentState(
        ok=not stopped and not missing,
        words=words,
        granted=current.granted if current and not stopped else (),
        denied=current.denied if current else (),
        withdrawal=strongest,
    )


async def visit_day(tx: ReadTx, participant: str, visit: str, number: int) -> VisitDay:
    """A visit as its page shows it.

    Raises:
        NotFound: no such participant or visit within reach.
    """
    return await view_of(tx, await find_visit(tx, participant, visit, number, Permission.PARTICIPANT_READ))


async def view_of(tx: ReadTx, at: At) -> VisitDay:
    visit = at.visit
    person = await participants.participant(tx, at.person.code)
    consent = consent_state(person)
    plan = await plan_of_visit(tx, visit)
    tubes = await tubes_of(tx, visit.id)
    slots = await slot_views(tx, visit, plan, frozenset(consent.granted))
    standing = {slot.tube for slot in slots if slot.tube}
    finished_by = (
        await tx.session.execute(select(AppUser.display_name).where(AppUser.id == visit.finished_by))
    ).scalar_one_or_none()
    return VisitDay(
        id=visit.id,
        participant=at.person.code,
        study=at.study,
        site=at.site.code,
        timezone=at.site.timezone,
        cohort=person.cohort,
        visit=at.kind.code,
        title=at.kind.title,
        number=visit.number,
        status=visit.status,
        planned_on=visit.planned_on,
        window_from=visit.window_from,
        window_to=visit.window_to,
        occurred_on=visit.occurred_on,
        outside_window_reason=visit.outside_window_reason,
        day=(visit.occurred_on - at.person.t0).days if visit.occurred_on else None,
        fasting=visit.fasting,
        consent=consent,
        slots=slots,
        unplanned=tuple(tube for tube in tubes if tube.code not in standing),
        tubes=tubes,
        planned=sum(slot.state != "not_covered" for slot in slots),
        collected=sum(slot.state == "collected" for slot in slots),
        not_collected=sum(slot.state == "not_collected" for slot in slots),
        open=sum(slot.state == "open" for slot in slots),
        finished_at=visit.finished_at,
        finished_by=finished_by,
        row_version=visit.row_version,
    )


async def tubes_of(tx: ReadTx, visit_id: int) -> tuple[SpecimenRow, ...]:
    """The primary tubes of a visit within reach, the earliest first."""
    rows = await tx.session.execute(
        select(Specimen.id)
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(
            CollectionEvent.visit_id == visit_id,
            Specimen.level == "primary",
            Specimen.existence != "entered_in_error",
            specimens.within(tx.scope(Permission.SPECIMEN_READ)),
        )
        .order_by(Specimen.id)
    )
    found = await specimens.rows_of(tx, list(rows.scalars()))
    return tuple(sorted(found, key=lambda row: row.id))


async def slot_views(
    tx: ReadTx, visit: Visit, plan: Sequence[TubePlan], granted: frozenset[str]
) -> tuple[SlotView, ...]:
    rows = await tx.session.execute(
        select(
            TubeOutcome.planned_tube_id,
            TubeOutcome.ordinal,
            TubeOutcome.superseded_at,
            TubeOutcome.note,
            TubeOutcome.recorded_at,
            TubeOutcome.reason_code.label("reason"),
            NotCollectedReason.title.label("reason_title"),
            AppUser.display_name.label("recorded_by"),
            Specimen.code.label("tube"),
            CollectionEvent.collected_at,
        )
        .join(AppUser, AppUser.id == TubeOutcome.recorded_by)
        .outerjoin(NotCollectedReason, NotCollectedReason.code == TubeOutcome.reason_code)
        .outerjoin(Specimen, Specimen.id == TubeOutcome.specimen_id)
        .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .where(TubeOutcome.visit_id == visit.id)
        .order_by(TubeOutcome.id)
    )
    current: dict[tuple[int, int], Any] = {}
    earlier: dict[tuple[int, int], list[EarlierReason]] = {}
    for row in rows:
        key = (row.planned_tube_id, row.ordinal)
        if row.superseded_at is None:
            current[key] = row
        elif row.reason_title is not None:
            reason = EarlierReason(reason=row.reason_title, note=row.note, recorded_at=row.recorded_at)
            earlier.setdefault(key, []).append(reason)
    return tuple(
        _slot(tube, ordinal, current.get((tube.id, ordinal)), earlier.get((tube.id, ordinal), ()), granted)
        for tube in plan
        for ordinal in range(1, tube.count + 1)
    )


_OUTCOME = ("tube", "collected_at", "reason", "reason_title", "note", "recorded_at", "recorded_by")


def _slot(
    tube: TubePlan, ordinal: int, row: Any, earlier: Sequence[EarlierReason], granted: frozenset[str]
) -> SlotView:
    if row is not None:
        state = "collected" if row.tube else "not_collected"
    else:
        covered = tube.consent_scope is None or tube.consent_scope in granted
        state = "open" if covered else "not_covered"
    return SlotView(
        planned_id=tube.id,
        planned=tube.code,
        ordinal=ordinal,
        count=tube.count,
        specimen_type=tube.specimen_type,
        specimen_title=tube.title,
        tube_type=tube.tube_type,
        tube_title=tube.tube_title,
        quantity=tube.quantity,
        unit=tube.unit,
        handling=tube.handling,
        consent_scope=tube.consent_scope,
        state=state,
        earlier=tuple(earlier),
        **{name: getattr(row, name, None) for name in _OUTCOME},
    )


def local(moment: datetime, timezone: str) -> str:
    """A moment on the site's clock, in words of a message."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M %Z")


def tally(view: VisitDay) -> Tally:
    """What a visit came to, in numbers."""
    return Tally(view.planned, view.collected, view.not_collected, len(view.unplanned))


async def reasons(tx: ReadTx) -> tuple[CodeTitle, ...]:
    """Why a planned tube was not collected: the code table, "other" last."""
    rows = await tx.session.execute(
        select(NotCollectedReason.code, NotCollectedReason.title).order_by(
            NotCollectedReason.code == "other", NotCollectedReason.title
        )
    )
    return tuple(CodeTitle(**row._asdict()) for row in rows)


async def deviation_types(tx: ReadTx) -> Mapping[str, str]:
    """Deviation types by code, in the order of the code table's titles."""
    rows = await tx.session.execute(select(DeviationType.code, DeviationType.title).order_by(DeviationType.title))
    return {row.code: row.title for row in rows}


async def tube_of_code(tx: ReadTx, text: str) -> str:
    """The house id of the tube that a scanned code names, whatever its namespace; the canonical text where none does.

    A text that looks like a house id is never looked up as a vendor's code: a wrong check is a misread.
    """
    canonical = ids.canonical(text)
    if ids.looks_like_house_id(canonical):
        return (await specimens.replacements(tx, [canonical])).get(canonical, canonical)
    rows = await tx.session.execute(
        select(Specimen.code)
        .join(Identifier, and_(Identifier.specimen_id == Specimen.id, Identifier.namespace != HOUSE))
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(
            Identifier.value.in_({canonical, text.strip()}),
            Identifier.status == "active",
            specimens.within(tx.scope(Permission.SPECIMEN_READ)),
        )
        .limit(2)
    )
    found = list(rows.scalars())
    if len(found) > 1:
        raise NotFound(
            f"Two tubes carry the code {canonical[:40]} of two makers: scan the house label.", scanned=canonical[:40]
        )
    if not found:
        raise NotFound(f"There is no tube with the code {canonical[:40]} within your reach.", scanned=canonical[:40])
    return found[0]


async def unprinted(tx: ReadTx, tubes: Sequence[SpecimenRow]) -> tuple[str, ...]:
    """The codes of those tubes whose label was never printed here, nor before them."""
    rows = await tx.session.execute(
        select(Identifier.specimen_id)
        .join(LabelPrint, LabelPrint.identifier_id == Identifier.id)
        .where(Identifier.specimen_id.in_([tube.id for tube in tubes]), Identifier.namespace == HOUSE)
    )
    before = await tx.session.execute(
        select(RangeLabel.specimen_id).where(RangeLabel.specimen_id.in_([tube.id for tube in tubes]))
    )
    printed = {*rows.scalars(), *before.scalars()}
    return tuple(tube.code for tube in tubes if tube.id not in printed)
