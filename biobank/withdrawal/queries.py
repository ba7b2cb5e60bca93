"""Withdrawals as people may see them: what was stated and signed, what is open, and what is done."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType
from biobank.db import visible
from biobank.disposal.queries import DisposalRow, disposals, listed_on
from biobank.errors import NotFound
from biobank.paging import Page, cut
from biobank.participant.belief import standing
from biobank.participant.models import Participant, Withdrawal, WithdrawalRescission
from biobank.shipment.models import ExternalParty
from biobank.signature.models import Signature
from biobank.signature.queries import SignatureView, signatures
from biobank.signature.rules import canonical, moment
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage.places import TubePlace, places
from biobank.study.models import Site, Study
from biobank.tx import ReadTx
from biobank.withdrawal import comeback, rules
from biobank.withdrawal.models import PartnerNotice, WithdrawalCase, WithdrawalTube
from biobank.withdrawal.survey import Statement


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class CaseRow(View):
    """A withdrawal in a list. `id` is the key of keyset paging and is not shown."""

    id: Annotated[int, Field(exclude=True)] = 0
    number: UUID
    participant: str
    study: str
    site: str
    level: str
    level_title: str
    effective_at: datetime
    recorded_at: datetime
    recorded_by: str
    closed_at: datetime | None
    rescinded_at: datetime | None = None


class RescissionView(View):
    """A withdrawal was recorded by mistake and taken back: what came back and what did not, as it was signed."""

    rescinded_at: datetime
    rescinded_by: str
    reason: str
    comes_back: tuple[str, ...]
    stays: tuple[str, ...]
    signature: SignatureView


class CaseTube(View):
    """A tube that the withdrawal reached; a pool holds material of others as well. `step` is what it waits for:
    put_back, dispose, reply, receive; or done.
    """

    tube: str
    specimen_type: str
    is_pool: bool = False
    existence: str
    plan: str
    step: str
    place: str
    taken_out_of: str | None
    outcome: str | None


class NoticeView(View):
    """A notice to a partner. `number` counts the notices of the withdrawal."""

    number: int
    party: str
    addressee: str
    wish: str
    tubes: tuple[str, ...]
    sent_at: datetime | None
    sent_by: str | None
    sent_how: str | None
    answered_at: datetime | None
    answered_by: str | None
    answer: str | None


class CaseView(CaseRow):
    """A withdrawal with everything that follows from it. `steps` counts the tubes by what they wait for; `unlisted`
    are those that came back to be destroyed and are on no disposal list yet.
    """

    timezone: str
    requested_at: datetime | None
    statement: Statement
    signature: SignatureView
    tubes: tuple[CaseTube, ...]
    notices: tuple[NoticeView, ...]
    disposals: tuple[DisposalRow, ...]
    steps: dict[str, int]
    unlisted: int
    certificate_sha256: str | None
    closing_signature: SignatureView | None
    rescission: RescissionView | None = None
    row_version: int


class WaitingTube(View):
    """A tube on hold that waits for its place."""

    tube: str
    specimen_type: str
    place: str
    taken_out_of: str | None
    withdrawal: UUID


def signed_content(
    statement: Mapping[str, Any], effective_at: datetime, requested_at: datetime | None, recorded_at: datetime
) -> dict[str, Any]:
    """What a signature of a withdrawal stands for."""
    return {
        "deed": "withdrawal",
        "effective_at": moment(effective_at),
        "requested_at": None if requested_at is None else moment(requested_at),
        "recorded_at": moment(recorded_at),
        "statement": dict(statement),
    }


def rescission_content(statement: Mapping[str, Any], reason: str, rescinded_at: datetime) -> dict[str, Any]:
    """What the signature of a rescission stands for."""
    return {
        "deed": "rescission",
        "reason": reason,
        "rescinded_at": moment(rescinded_at),
        "statement": dict(statement),
    }


async def find_case(tx: ReadTx, number: str, permission: Permission, *, lock: bool = False) -> WithdrawalCase:
    """Raises NotFound: no withdrawal of this number within reach."""
    try:
        wanted = UUID(number)
    except ValueError:
        raise NotFound("There is no such withdrawal.") from None
    query = select(WithdrawalCase).where(
        WithdrawalCase.number == wanted,
        visible(tx.scope(permission), WithdrawalCase.study_id, WithdrawalCase.site_id),
    )
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such withdrawal.")
    return found


async def cases(
    tx: ReadTx,
    *,
    participant: str | None = None,
    is_open: bool | None = None,
    site: str | None = None,
    case_id: int | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[CaseRow]:
    """The withdrawals within reach, in the order in which they were recorded."""
    query = (
        select(
            WithdrawalCase.id,
            WithdrawalCase.number,
            Participant.code.label("participant"),
            Study.code.label("study"),
            Site.code.label("site"),
            Withdrawal.level,
            Withdrawal.effective_at,
            Withdrawal.recorded_at,
            AppUser.display_name.label("recorded_by"),
            WithdrawalCase.closed_at,
            WithdrawalRescission.rescinded_at,
        )
        .outerjoin(WithdrawalRescission, WithdrawalRescission.withdrawal_id == WithdrawalCase.withdrawal_id)
        .join(Withdrawal, Withdrawal.id == WithdrawalCase.withdrawal_id)
        .join(Participant, Participant.id == WithdrawalCase.participant_id)
        .join(Study, Study.id == WithdrawalCase.study_id)
        .join(Site, Site.id == WithdrawalCase.site_id)
        .join(AppUser, AppUser.id == Withdrawal.recorded_by)
        .where(WithdrawalCase.id > after)
        .order_by(WithdrawalCase.id)
        .limit(limit + 1)
    )
    if case_id is None:
        scope = tx.scope(Permission.PARTICIPANT_READ)
        query = query.where(visible(scope, WithdrawalCase.study_id, WithdrawalCase.site_id))
    else:
        query = query.where(WithdrawalCase.id == case_id)
    if participant:
        query = query.where(Participant.code == participant)
    if site:
        query = query.where(Site.code == site)
    if is_open is not None:
        unfinished = WithdrawalCase.closed_at.is_(None) & WithdrawalRescission.id.is_(None)
        query = query.where(unfinished if is_open else ~unfinished)
    rows = [
        CaseRow(**row._asdict(), level_title=rules.LEVEL_TITLES[row.level]) for row in await tx.session.execute(query)
    ]
    return cut(rows, limit, lambda row: row.id)


async def case(tx: ReadTx, number: str) -> CaseView:
    """Raises NotFound: no withdrawal of this number within reach."""
    return await case_view(tx, await find_case(tx, number, Permission.PARTICIPANT_READ))


async def case_row(tx: ReadTx, found: WithdrawalCase) -> tuple[CaseRow, str]:
    """A withdrawal that the caller has found, without its tubes, and the time zone of its site."""
    (row,) = (await cases(tx, case_id=found.id)).rows
    return row, (await tx.session.execute(select(Site.timezone).where(Site.id == found.site_id))).scalar_one()


async def case_view(tx: ReadTx, found: WithdrawalCase) -> CaseView:
    """A withdrawal that the caller has found. Its signatures are verified against what is recorded now."""
    row, timezone = await case_row(tx, found)
    statement = json.loads(found.statement)
    present = signed_content(
        statement | {"level": row.level, "participant": row.participant},
        row.effective_at,
        found.requested_at,
        row.recorded_at,
    )
    signed = await signatures(
        tx,
        [one for one in (found.signature_id, found.closing_signature_id) if one is not None],
        present={found.signature_id: canonical(present)}
        | ({} if found.closing_signature_id is None else {found.closing_signature_id: found.certificate or ""}),
    )
    tubes = await _tubes(tx, found.id, rescinded=row.rescinded_at is not None)
    lists = (
        await tx.session.execute(
            select(WithdrawalTube.disposal_id).distinct().where(WithdrawalTube.case_id == found.id)
        )
    ).scalars()
    listed = [one for one in lists if one is not None]
    return CaseView(
        **row.model_dump(exclude={"id"}),
        id=row.id,
        timezone=timezone,
        requested_at=found.requested_at,
        statement=Statement(**statement),
        signature=signed[found.signature_id],
        tubes=tubes,
        notices=await _notices(tx, found.id),
        disposals=(await disposals(tx, ids=listed, limit=500)).rows if listed else (),
        steps=dict(Counter(tube.step for tube in tubes)),
        unlisted=0 if row.rescinded_at else len(await unlisted(tx, found.id)),
        rescission=await _rescission(tx, found),
        certificate_sha256=found.certificate_sha256,
        closing_signature=None if found.closing_signature_id is None else signed[found.closing_signature_id],
        row_version=found.row_version,
    )


async def is_rescinded(tx: ReadTx, case: WithdrawalCase) -> bool:
    found = select(WithdrawalRescission.id).where(WithdrawalRescission.withdrawal_id == case.withdrawal_id)
    return (await tx.session.execute(found)).first() is not None


async def check_open(tx: ReadTx, case: WithdrawalCase) -> None:
    """Raises WithdrawalClosed, WithdrawalRescinded: nothing more is done to this withdrawal."""
    rules.check_open(closed=case.closed_at is not None)
    comeback.check_standing(rescinded=await is_rescinded(tx, case))


async def _rescission(tx: ReadTx, case: WithdrawalCase) -> RescissionView | None:
    row = (
        await tx.session.execute(
            select(WithdrawalRescission, AppUser.display_name, Signature.content)
            .join(AppUser, AppUser.id == WithdrawalRescission.rescinded_by)
            .join(Signature, Signature.id == WithdrawalRescission.signature_id)
            .where(WithdrawalRescission.withdrawal_id == case.withdrawal_id)
        )
    ).one_or_none()
    if row is None:
        return None
    one: WithdrawalRescission = row.WithdrawalRescission
    stated = json.loads(row.content)["statement"]
    present = rescission_content(stated | {"sha256": one.statement_sha256}, one.reason, one.rescinded_at)
    signed = await signatures(tx, [one.signature_id], present={one.signature_id: canonical(present)})
    return RescissionView(
        rescinded_at=one.rescinded_at,
        rescinded_by=row.display_name,
        reason=one.reason,
        comes_back=tuple(stated["comes_back"]),
        stays=tuple(stated["stays"]),
        signature=signed[one.signature_id],
    )


def _now(row: Any, where: Mapping[int, TubePlace]) -> rules.TubeNow:
    one: WithdrawalTube = row.WithdrawalTube
    return rules.TubeNow(
        tube=row.code,
        plan=one.plan,
        place=where[one.specimen_id].kind,
        noticed=one.notice_id is not None,
        outcome=one.outcome,
    )


async def _tubes(tx: ReadTx, case_id: int, *, rescinded: bool) -> tuple[CaseTube, ...]:
    rows = (
        await tx.session.execute(
            select(
                WithdrawalTube,
                Specimen.code,
                Specimen.existence,
                Specimen.participant_id.is_(None).label("is_pool"),
                SpecimenType.title,
            )
            .join(Specimen, Specimen.id == WithdrawalTube.specimen_id)
            .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
            .where(WithdrawalTube.case_id == case_id)
        )
    ).all()
    where = await places(tx, [row.WithdrawalTube.specimen_id for row in rows])
    return tuple(
        CaseTube(
            tube=row.code,
            specimen_type=row.title,
            is_pool=row.is_pool,
            existence=row.existence,
            plan=row.WithdrawalTube.plan,
            step="done" if rescinded else rules.step(_now(row, where)),
            place=where[row.WithdrawalTube.specimen_id].words,
            taken_out_of=row.WithdrawalTube.taken_out_of,
            outcome=row.WithdrawalTube.outcome,
        )
        for row in sorted(rows, key=lambda row: where[row.WithdrawalTube.specimen_id].order)
    )


async def _notices(tx: ReadTx, case_id: int) -> tuple[NoticeView, ...]:
    sender, answerer = aliased(AppUser), aliased(AppUser)
    rows = (
        await tx.session.execute(
            select(
                PartnerNotice,
                ExternalParty.code.label("party"),
                ExternalParty.name,
                ExternalParty.address,
                ExternalParty.contact,
                sender.display_name.label("sent_by"),
                answerer.display_name.label("answered_by"),
            )
            .join(ExternalParty, ExternalParty.id == PartnerNotice.external_party_id)
            .outerjoin(sender, sender.id == PartnerNotice.sent_by)
            .outerjoin(answerer, answerer.id == PartnerNotice.answered_by)
            .where(PartnerNotice.case_id == case_id)
            .order_by(PartnerNotice.id)
        )
    ).all()
    tubes: dict[int, list[str]] = {}
    for named in await tx.session.execute(
        select(WithdrawalTube.notice_id, Specimen.code)
        .join(Specimen, Specimen.id == WithdrawalTube.specimen_id)
        .where(WithdrawalTube.case_id == case_id, WithdrawalTube.notice_id.is_not(None))
        .order_by(Specimen.code)
    ):
        tubes.setdefault(named.notice_id or 0, []).append(named.code)
    return tuple(
        NoticeView(
            number=number,
            party=row.party,
            addressee=f"{row.name}, {row.contact}",
            wish=row.PartnerNotice.wish,
            tubes=tuple(tubes.get(row.PartnerNotice.id, ())),
            sent_at=row.PartnerNotice.sent_at,
            sent_by=row.sent_by,
            sent_how=row.PartnerNotice.sent_how,
            answered_at=row.PartnerNotice.answered_at,
            answered_by=row.answered_by,
            answer=row.PartnerNotice.answer,
        )
        for number, row in enumerate(rows, start=1)
    )


async def unlisted(tx: ReadTx, case_id: int) -> dict[int, int | None]:
    """By tube, the site of those that are to be destroyed, stand in the house, and are on no disposal list."""
    rows = await tx.session.execute(
        select(WithdrawalTube.specimen_id, Custody.site_id)
        .join(Custody, Custody.specimen_id == WithdrawalTube.specimen_id)
        .where(
            WithdrawalTube.case_id == case_id,
            WithdrawalTube.plan == "dispose",
            WithdrawalTube.outcome.is_distinct_from("kept"),
            Custody.terminal.is_(None),
            Custody.package_id.is_(None),
            Custody.external_party_id.is_(None),
        )
    )
    found = {row.specimen_id: row.site_id for row in rows}
    listed = await listed_on(tx, found)
    return {tube: site for tube, site in found.items() if tube not in listed}


async def waiting_for_place(tx: ReadTx, permission: Permission) -> tuple[WaitingTube, ...]:
    """The tubes on hold within reach that are in a hand, are not to be destroyed, and wait for their place."""
    rows = (
        await tx.session.execute(
            select(WithdrawalTube, WithdrawalCase.number, Specimen.code, SpecimenType.title)
            .join(WithdrawalCase, WithdrawalCase.id == WithdrawalTube.case_id)
            .join(Specimen, Specimen.id == WithdrawalTube.specimen_id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
            .join(Withdrawal, Withdrawal.id == WithdrawalCase.withdrawal_id)
            .where(
                WithdrawalTube.plan == "hold",
                Custody.holder_id.is_not(None),
                within(tx.scope(permission)),
                standing(),
            )
            .ext(distinct_on(Specimen.code))
            .order_by(Specimen.code, WithdrawalCase.id.desc())
        )
    ).all()
    where = await places(tx, [row.WithdrawalTube.specimen_id for row in rows])
    return tuple(
        WaitingTube(
            tube=row.code,
            specimen_type=row.title,
            place=where[row.WithdrawalTube.specimen_id].words,
            taken_out_of=row.WithdrawalTube.taken_out_of,
            withdrawal=row.number,
        )
        for row in rows
    )


async def check_waits_for_place(tx: ReadTx, tube: Specimen) -> None:
    """Raises NotFound: no withdrawal asks for this tube to be put back."""
    asked = (
        select(WithdrawalTube.id)
        .join(Custody, Custody.specimen_id == WithdrawalTube.specimen_id)
        .join(WithdrawalCase, WithdrawalCase.id == WithdrawalTube.case_id)
        .join(Withdrawal, Withdrawal.id == WithdrawalCase.withdrawal_id)
        .where(WithdrawalTube.specimen_id == tube.id, Custody.holder_id.is_not(None), standing())
        .limit(1)
    )
    if (await tx.session.execute(asked)).scalar_one_or_none() is None:
        raise NotFound(
            f"No withdrawal asks for {ids.grouped(tube.code)} to be put back: store it at the scan station.",
            tube=tube.code,
        )
