"""A withdrawal that acts: recorded, signed, and everything it reaches stopped, in one transaction; then worked off and
closed with a certificate.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from biobank import ids
from biobank.actor import Permission
from biobank.disposal import commands as disposal_commands
from biobank.disposal.queries import listed_on
from biobank.errors import Invalid
from biobank.participant.models import Participant, Visit, Withdrawal
from biobank.participant.queries import find_participant
from biobank.participant.rules import STOPPING_LEVELS, check_withdrawn_when
from biobank.picking.commands import take_out_of_lists
from biobank.shipment.keeping import keep_back, waiting_shipments
from biobank.shipment.models import Shipment
from biobank.signature.commands import Sign, sign
from biobank.signature.rules import canonical
from biobank.specimen.models import Specimen
from biobank.specimen.queries import find_specimen, tube_code
from biobank.storage.commands import PlacementView, StoreTube, place
from biobank.storage.looking import look
from biobank.study.documents import Sha256
from biobank.study.models import Site
from biobank.study.rules import today
from biobank.tx import Tx
from biobank.withdrawal import certificate, comeback, queries, rules
from biobank.withdrawal.models import PartnerNotice, WithdrawalCase, WithdrawalTube
from biobank.withdrawal.policy import Level
from biobank.withdrawal.queries import CaseView
from biobank.withdrawal.survey import Survey, survey

DEED = "withdrawal.recorded"
CLOSED = "withdrawal.closed"
REASON = "consent was withdrawn"
_ATTEMPTS = 20


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Withdraw(Command):
    """A participant takes consent back. `statement_sha256` names the statement that was read; `requested_at` is when
    the participant said so, `effective_at` from when it holds.
    """

    level: Level
    effective_at: AwareDatetime
    requested_at: AwareDatetime | None = None
    statement_sha256: Sha256
    signature: Sign


class PutBack(Command):
    """A tube that came out of a shipment, a pick or a hand goes back into a box, on hold as it is."""

    tube: Annotated[str, Field(min_length=1, max_length=60)]
    box: Annotated[str, Field(min_length=1, max_length=60)]
    position: Annotated[str | None, Field(min_length=1, max_length=8)] = None
    override_reason: Annotated[str | None, Field(min_length=3, max_length=400)] = None


class CloseCase(Command):
    """Everything is done: the certificate is drawn up and signed."""

    row_version: Annotated[int, Field(ge=1)]
    signature: Sign


class ListReturned(Command):
    row_version: Annotated[int, Field(ge=1)]


async def withdraw(tx: Tx, code: str, command: Withdraw) -> CaseView:
    """Record a withdrawal and stop, in the same transaction, all that its consent form's policy says.

    From this commit on the consent gate refuses what the level forbids; whoever packs, ships, measures or pulls at
    this moment either is done before or sees it.

    Raises:
        NotFound: no such participant within reach.
        StatementChanged: what would happen is not what was read.
        SignatureRefused: see `sign`.
        Invalid: a moment that cannot be.
    """
    found = await find_participant(tx, code, Permission.CONSENT_RECORD)
    shipments, person = await _hold(tx, found.id)
    zone = (await tx.session.execute(select(Site.timezone).where(Site.id == person.site_id))).scalar_one()
    day = today(command.effective_at, zone)
    check_withdrawn_when(command.effective_at, command.requested_at, day, person.enrolled_on, tx.now)
    reached = await survey(tx, person, command.level)
    rules.check_statement(command.statement_sha256, reached.statement.sha256)
    content = queries.signed_content(
        reached.statement.model_dump(mode="json"), command.effective_at, command.requested_at, tx.now
    )
    signature = await sign(
        tx, command.signature, deed=DEED, content=content, study_id=person.study_id, site_id=person.site_id
    )
    (withdrawal_id,) = await tx.insert(
        Withdrawal,
        [
            {
                "participant_id": person.id,
                "level": command.level,
                "effective_at": command.effective_at,
                "recorded_at": tx.now,
                "recorded_by": tx.actor.user_id,
            }
        ],
    )
    case = WithdrawalCase(
        number=ids.new_uuid(),
        withdrawal_id=withdrawal_id,
        participant_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
        requested_at=command.requested_at,
        status_before=person.status,
        statement=canonical(reached.statement.model_dump(mode="json")),
        statement_sha256=reached.statement.sha256,
        signature_id=signature.id,
    )
    tx.session.add(case)
    await tx.session.flush()
    if reached.policy["planned_visits"] == "cancel":
        planned = (Visit.participant_id == person.id, Visit.status == "planned")
        await tx.session.execute(
            update(Visit)
            .where(*planned)
            .values(status="cancelled", status_reason=REASON, row_version=Visit.row_version + 1)
        )
    if command.level in STOPPING_LEVELS:
        await _stop(tx, case, person, reached, shipments)
    tx.record(
        "participant.withdrawn",
        subject="participant",
        subject_id=person.id,
        study_id=person.study_id,
        site_id=person.site_id,
        level=command.level,
        withdrawal=str(case.number),
        statement_sha256=reached.statement.sha256,
    )
    return await queries.case_view(tx, case)


async def _hold(tx: Tx, participant_id: int) -> tuple[Sequence[Shipment], Participant]:
    """The waiting shipments with tubes of the participant, and the participant, locked in this order.

    Those who pack and ship lock in the same order. A shipment that a tube went into meanwhile is only known behind the
    participant's lock, which is then given up and taken again.
    """
    for _ in range(_ATTEMPTS):
        shipments = await waiting_shipments(tx, participant_id, lock=True)
        point = await tx.session.begin_nested()
        query = select(Participant).where(Participant.id == participant_id).with_for_update()
        person = (await tx.session.execute(query.execution_options(populate_existing=True))).scalar_one()
        now = {one.id for one in await waiting_shipments(tx, participant_id)}
        if now <= {one.id for one in shipments}:
            return [one for one in shipments if one.id in now], person
        await point.rollback()  # gives the participant's lock up
    raise Invalid("Tubes of this participant are being packed at this moment: try again when that is done.")


async def _stop(
    tx: Tx, case: WithdrawalCase, person: Participant, reached: Survey, shipments: Sequence[Shipment]
) -> None:
    """Everything of the participant is on hold by now; take out what is packed, list what is to be destroyed, and open
    a notice for each who has or awaits tubes.
    """
    if person.status != "withdrawn":
        person.status = "withdrawn"
        person.row_version += 1
        await tx.session.flush()
    here = {tube.specimen_id: tube for tube in reached.here}
    kept = {one.specimen_id: one.shipment for one in await keep_back(tx, shipments, set(here), REASON)}
    by_code = {tube.code: tube.specimen_id for tube in reached.here}
    for taken in await take_out_of_lists(tx, set(here), REASON):
        if taken.picked and taken.pick_list is not None:
            kept.setdefault(by_code[taken.tube], taken.pick_list)
    await _hold_pools(tx, reached.pools)

    def plan(tube: int) -> str:
        kind = "pools" if tube in reached.pools else "stored_tubes"
        return "dispose" if reached.policy[kind] == "dispose" else "hold"

    packed = {one for one, tube in here.items() if tube.kind == "package"}
    standing = {one: tube.site_id for one, tube in here.items() if one in kept or one not in packed}
    lists = await _list(tx, case, {one: site for one, site in standing.items() if plan(one) == "dispose"})
    rows = [
        {"specimen_id": one, "plan": plan(one), "taken_out_of": kept.get(one), "disposal_id": lists.get(one)}
        for one in here
    ]
    if reached.policy["tubes_away"] != "keep":
        parties = {one.external_party_id for one in reached.away.values()}
        notices = await _notices(tx, case, parties, reached.policy["tubes_away"])
        rows += [
            {"specimen_id": tube, "plan": plan(tube), "notice_id": notices[one.external_party_id]}
            for tube, one in reached.away.items()
        ]
    nothing = {"taken_out_of": None, "disposal_id": None, "notice_id": None}
    await tx.insert(WithdrawalTube, [{**nothing, **row, "case_id": case.id} for row in rows])


async def _hold_pools(tx: Tx, pools: Collection[int]) -> None:
    """Pools belong to nobody, so no trigger holds them. They are locked in the order in which all lock tubes."""
    await tx.session.execute(select(Specimen.id).where(Specimen.id.in_(pools)).order_by(Specimen.id).with_for_update())
    await tx.session.execute(
        update(Specimen)
        .where(Specimen.id.in_(pools), Specimen.hold.is_(None))
        .values(hold="consent_withdrawn", row_version=Specimen.row_version + 1)
        .execution_options(synchronize_session=False)
    )


async def _list(tx: Tx, case: WithdrawalCase, sites: dict[int, int | None]) -> dict[int, int]:
    """By tube, the disposal list that it is on: a list for each site, and earlier ones for what they hold already."""
    listed = await listed_on(tx, sites)
    words = f"Withdrawal {str(case.number)[:8]}"  # who reads the list need not know whose tubes they are
    for site_id in sorted({site for site in sites.values() if site is not None}):
        tubes = [one for one, site in sites.items() if site == site_id and one not in listed]
        if tubes:
            made = await disposal_commands.make_list(tx, case.study_id, site_id, "consent_withdrawn", words, tubes)
            listed |= dict.fromkeys(tubes, made.id)
    return listed


async def _notices(tx: Tx, case: WithdrawalCase, parties: set[int], wish: str) -> dict[int, int]:
    """By external party, the notice to it."""
    to = sorted(parties)
    rows = [{"case_id": case.id, "external_party_id": party, "wish": wish} for party in to]
    return dict(zip(to, await tx.insert(PartnerNotice, rows), strict=True))


async def put_back(tx: Tx, command: PutBack) -> PlacementView:
    """Put a tube of a withdrawn participant away. It stays on hold; this is the one way in which such a tube is stored.

    Raises:
        NotFound: the tube is unknown, out of reach, or nothing asks for it to be put back.
        PositionOccupied, BoxFull, UnknownPosition, TooWarm: as storing says.
    """
    tube, custody = await find_specimen(tx, tube_code(command.tube, "tube"), Permission.STORAGE_STORE, lock=True)
    await queries.check_waits_for_place(tx, tube)
    placed = await place(
        tx,
        await look(tx, tube.code, command.box),
        StoreTube(
            tube=tube.code,
            box=command.box,
            position=command.position,
            move=True,
            override_reason=command.override_reason,
        ),
    )
    tx.record(
        "tube.put_back_on_hold",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=custody.site_id,
        tube=tube.code,
    )
    return placed


async def list_returned(tx: Tx, number: str, command: ListReturned) -> CaseView:
    """Put tubes that are to be destroyed and have come back since on a disposal list.

    Raises:
        NotFound: no such withdrawal within reach.
        Stale, WithdrawalClosed: as the rules say.
        Invalid: there is none.
    """
    case = await queries.find_case(tx, number, Permission.CONSENT_RECORD, lock=True)
    await queries.check_open(tx, case)
    rules.check_version(command.row_version, case.row_version)
    waiting = await queries.unlisted(tx, case.id)
    if not waiting:
        raise Invalid("No tube of this withdrawal has come back that is not on a disposal list.")
    lists = await _list(tx, case, waiting)
    for tube, disposal_id in lists.items():
        await tx.session.execute(
            update(WithdrawalTube)
            .where(WithdrawalTube.case_id == case.id, WithdrawalTube.specimen_id == tube)
            .values(disposal_id=disposal_id)
        )
    await touch(tx, case)
    record(tx, "withdrawal.returned_listed", case, tubes=len(lists))
    return await queries.case_view(tx, case)


async def close(tx: Tx, number: str, command: CloseCase) -> CaseView:
    """Close a withdrawal of which everything is done. Its certificate is drawn up, signed and never changes.

    Raises:
        NotFound: no such withdrawal within reach.
        WithdrawalOpen: naming what is to be done.
        WithdrawalClosed, Stale: as the rules say.
        SignatureRefused: see `sign`.
    """
    case = await queries.find_case(tx, number, Permission.CONSENT_RECORD, lock=True)
    comeback.check_standing(rescinded=await queries.is_rescinded(tx, case))
    view = await queries.case_view(tx, case)
    unanswered = sum(notice.answered_at is None for notice in view.notices)
    rules.check_closable(view.steps, unanswered, closed=view.closed_at is not None)
    rules.check_version(command.row_version, case.row_version)
    content = await certificate.content(tx, view)
    signature = await sign(
        tx, command.signature, deed=CLOSED, content=content, study_id=case.study_id, site_id=case.site_id
    )
    case.certificate, case.certificate_sha256 = signature.content, signature.content_sha256
    case.closed_at, case.closing_signature_id = tx.now, signature.id
    await touch(tx, case)
    record(tx, CLOSED, case, certificate_sha256=signature.content_sha256)
    return await queries.case_view(tx, case)


async def touch(tx: Tx, case: WithdrawalCase) -> None:
    case.row_version += 1
    await tx.session.flush()


def record(tx: Tx, verb: str, case: WithdrawalCase, *, reason: str | None = None, **details: Any) -> None:
    tx.record(
        verb,
        subject="withdrawal_case",
        subject_id=case.id,
        study_id=case.study_id,
        site_id=case.site_id,
        reason=reason,
        withdrawal=str(case.number),
        **details,
    )
