"""Taking back a withdrawal that was recorded by mistake: what comes back is stated, signed, and recorded as a new fact.
Nothing of the withdrawal is edited or deleted.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, func, select, update

from biobank.actor import Permission
from biobank.assay.models import Result, ResultVersion
from biobank.disposal.models import Disposal, DisposalTube
from biobank.participant.belief import standing
from biobank.participant.models import Participant, Visit, Withdrawal, WithdrawalRescission
from biobank.participant.queries import foreseen
from biobank.participant.rules import STOPPING_LEVELS
from biobank.signature.commands import Sign, sign
from biobank.signature.rules import canonical, digest
from biobank.specimen.lineage import contributors
from biobank.specimen.models import Custody, Specimen
from biobank.study.documents import Sha256
from biobank.tx import ReadTx, Tx
from biobank.withdrawal import comeback, queries, rules
from biobank.withdrawal.commands import REASON, Command, record
from biobank.withdrawal.models import PartnerNotice, WithdrawalCase, WithdrawalTube
from biobank.withdrawal.policy import reversible_of
from biobank.withdrawal.queries import CaseView, View

DEED = "withdrawal.rescinded"
_OPEN = ("listed", "confirmed", "missed")


class Rescind(Command):
    """A manager takes a withdrawal back. `statement_sha256` names the statement that was read."""

    reason: Annotated[str, Field(min_length=10, max_length=500, description="What was mistaken, and how it is known.")]
    statement_sha256: Sha256
    signature: Sign


class RescissionStatement(View):
    """What would come back now and what would not, if the withdrawal were taken back. A signature binds to `sha256`."""

    withdrawal: str
    participant: str
    level: str
    level_title: str
    comes_back: tuple[str, ...]
    stays: tuple[str, ...]
    tubes: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What a rescission would do: the tubes whose hold ends, the lines that are struck, the visits planned again."""

    statement: RescissionStatement
    freed: Sequence[int]
    struck: Sequence[int]
    visits: Sequence[int]
    status: str | None


async def statement(tx: ReadTx, number: str) -> RescissionStatement:
    """What taking back a withdrawal would bring back at this moment.

    Raises:
        NotFound: no such withdrawal within reach.
        WithdrawalRescinded: that was done already.
    """
    case = await queries.find_case(tx, number, Permission.STUDY_MANAGE)
    return (await _found(tx, case)).statement


async def _found(tx: ReadTx, case: WithdrawalCase) -> _Found:
    comeback.check_standing(rescinded=await queries.is_rescinded(tx, case))
    person = (await tx.session.execute(select(Participant).where(Participant.id == case.participant_id))).scalar_one()
    level, others = await _levels(tx, case)
    reversible = await _reversible(tx, case, level)
    stopped = bool(STOPPING_LEVELS & set(others))
    rows = await _tubes(tx, case)
    blocked = await _held_otherwise(tx, case, [row.id for row in rows], stopped=stopped)
    lifted = {
        row.id: row
        for row in rows
        if row.hold == "consent_withdrawn" and row.existence == "exists" and row.id not in blocked
    }
    own = {one for one, row in lifted.items() if row.participant_id is not None}
    freed = [one for one in lifted if reversible["stored_tubes" if one in own else "pools"]]
    struck = await _lines(tx, freed)
    visits = await _visits(tx, case, others)
    notices = (await tx.session.execute(select(PartnerNotice).where(PartnerNotice.case_id == case.id))).scalars().all()
    reach = comeback.Reach(
        held=len(own),
        pools=len(lifted) - len(own),
        still_held=sum(row.hold == "consent_withdrawn" and row.existence == "exists" for row in rows) - len(lifted),
        listed=len(struck),
        gone=sum(row.existence != "exists" for row in rows),
        taken_out=sum(row.taken_out_of is not None for row in rows),
        away=sum(row.external_party_id is not None for row in rows),
        sent=sum(one.sent_at is not None for one in notices),
        unsent=sum(one.sent_at is None for one in notices),
        visits=len(visits),
        unreleased=await _results(tx, case, ResultVersion.status.in_(["preliminary", "verified"])),
        released=await _results(tx, case, ResultVersion.status == "released"),
        closed=case.closed_at is not None,
        others=others,
    )
    back, stays = comeback.comes_back(level, reversible, reach)
    status = case.status_before if level in STOPPING_LEVELS and not stopped and person.status == "withdrawn" else None
    if status is not None:
        back = (*back, f"The participant's status becomes {status.replace('_', ' ')} again.")
    made = RescissionStatement(
        withdrawal=str(case.number),
        participant=person.code,
        level=level,
        level_title=rules.LEVEL_TITLES[level],
        comes_back=back,
        stays=stays,
        tubes=tuple(lifted[one].code for one in freed),
        sha256="",
    )
    sha256 = digest(canonical(made.model_dump(mode="json", exclude={"sha256"})))
    return _Found(
        statement=made.model_copy(update={"sha256": sha256}),
        freed=freed,
        struck=struck,
        visits=visits if reversible["planned_visits"] else [],
        status=status,
    )


async def _levels(tx: ReadTx, case: WithdrawalCase) -> tuple[str, tuple[str, ...]]:
    """The level of the case, and those of the participant's other withdrawals that stand."""
    rows = (
        await tx.session.execute(
            select(Withdrawal.id, Withdrawal.level).where(Withdrawal.participant_id == case.participant_id, standing())
        )
    ).all()
    level = next(row.level for row in rows if row.id == case.withdrawal_id)
    return level, tuple(sorted({row.level for row in rows if row.id != case.withdrawal_id}))


async def _reversible(tx: ReadTx, case: WithdrawalCase, level: str) -> dict[str, bool]:
    """What the policy that was signed with the withdrawal lets come back; the house's where that says nothing."""
    signed: dict[str, bool] = json.loads(case.statement).get("reversible", {})
    return await reversible_of(tx, case.study_id, None, level) | signed


async def _tubes(tx: ReadTx, case: WithdrawalCase) -> Sequence[Any]:
    """The tubes that the withdrawal reached, and the participant's others that it put on hold."""
    reached = select(WithdrawalTube.specimen_id).where(WithdrawalTube.case_id == case.id)
    own = select(Specimen.id).where(
        Specimen.participant_id == case.participant_id, Specimen.hold == "consent_withdrawn"
    )
    rows = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.code,
            Specimen.participant_id,
            Specimen.hold,
            Specimen.existence,
            Custody.external_party_id,
            WithdrawalTube.taken_out_of,
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .outerjoin(WithdrawalTube, (WithdrawalTube.specimen_id == Specimen.id) & (WithdrawalTube.case_id == case.id))
        .where(Specimen.id.in_(reached.union(own)))  # either by its own index
        .order_by(Specimen.id)
    )
    return rows.all()


async def _held_otherwise(
    tx: ReadTx, case: WithdrawalCase, specimen_ids: Collection[int], *, stopped: bool
) -> set[int]:
    """The tubes that another withdrawal, of this participant or of another one in the pool, keeps on hold."""
    people = await contributors(tx, specimen_ids)
    everybody = {one for held in people.values() for one in held}
    codes = {
        row.code: row.id
        for row in await tx.session.execute(
            select(Participant.id, Participant.code).where(Participant.id.in_(everybody))
        )
    }
    holding = {codes[code] for code, one in (await foreseen(tx, everybody)).items() if one.stopped}
    if not stopped:
        holding -= {case.participant_id}
    return {tube for tube, held in people.items() if held & holding}


async def _lines(tx: ReadTx, specimen_ids: Collection[int]) -> Sequence[int]:
    """The open lines of disposal lists that a withdrawal put these tubes on."""
    rows = await tx.session.execute(
        select(DisposalTube.id)
        .join(Disposal, Disposal.id == DisposalTube.disposal_id)
        .where(
            DisposalTube.specimen_id.in_(specimen_ids),
            DisposalTube.status.in_(_OPEN),
            Disposal.reason == "consent_withdrawn",
        )
        .order_by(DisposalTube.id)
    )
    return rows.scalars().all()


async def _visits(tx: ReadTx, case: WithdrawalCase, others: Collection[str]) -> Sequence[int]:
    """The visits that withdrawals cancelled; none while another one stands that keeps visits from being planned."""
    if set(others) & {"no_contact", *STOPPING_LEVELS}:
        return []
    rows = await tx.session.execute(
        select(Visit.id)
        .where(Visit.participant_id == case.participant_id, Visit.status == "cancelled", Visit.status_reason == REASON)
        .order_by(Visit.id)
    )
    return rows.scalars().all()


async def _results(tx: ReadTx, case: WithdrawalCase, condition: ColumnElement[bool]) -> int:
    query = (
        select(func.count(Result.id))
        .join(ResultVersion, (ResultVersion.result_id == Result.id) & ResultVersion.is_current)
        .where(Result.participant_id == case.participant_id, condition)
    )
    return int((await tx.session.execute(query)).scalar_one())


async def rescind(tx: Tx, number: str, command: Rescind) -> CaseView:
    """Take a withdrawal back that was recorded by mistake: a new fact, by a manager, with reason and signature.

    From this commit on the consent gate does not count the withdrawal. The hold of what still exists is lifted, as far
    as the consent form's policy says and no other withdrawal holds it; what was disposed of is gone.

    Raises:
        NotFound: no such withdrawal within a manager's reach.
        WithdrawalRescinded: it was taken back already.
        StatementChanged: what would come back is not what was read.
        SignatureRefused: see `sign`.
    """
    case = await queries.find_case(tx, number, Permission.STUDY_MANAGE)
    person = (
        await tx.session.execute(
            select(Participant)
            .where(Participant.id == case.participant_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    case = await queries.find_case(tx, number, Permission.STUDY_MANAGE, lock=True)
    await _hold(tx, case)
    found = await _found(tx, case)
    rules.check_statement(command.statement_sha256, found.statement.sha256)
    content = queries.rescission_content(found.statement.model_dump(mode="json"), command.reason, tx.now)
    signature = await sign(
        tx, command.signature, deed=DEED, content=content, study_id=case.study_id, site_id=case.site_id
    )
    await tx.insert(
        WithdrawalRescission,
        [
            {
                "withdrawal_id": case.withdrawal_id,
                "rescinded_at": tx.now,
                "rescinded_by": tx.actor.user_id,
                "reason": command.reason,
                "statement_sha256": found.statement.sha256,
                "signature_id": signature.id,
            }
        ],
    )
    await _give_back(tx, found, command.reason)
    if found.status is not None:
        person.status = found.status
        person.row_version += 1
    await tx.session.flush()
    record(tx, DEED, case, reason=command.reason, tubes=len(found.freed), statement_sha256=found.statement.sha256)
    return await queries.case_view(tx, case)


async def _hold(tx: Tx, case: WithdrawalCase) -> None:
    """The tubes after their participant, in the order in which all lock them."""
    reached = select(WithdrawalTube.specimen_id).where(WithdrawalTube.case_id == case.id)
    await tx.session.execute(
        select(Specimen.id)
        .where(Specimen.id.in_(reached) | (Specimen.participant_id == case.participant_id))
        .order_by(Specimen.id)
        .with_for_update()
    )


async def _give_back(tx: Tx, found: _Found, reason: str) -> None:
    quietly = {"synchronize_session": False}
    await tx.session.execute(
        update(DisposalTube)
        .where(DisposalTube.id.in_(found.struck))
        .values(status="struck", struck_reason=f"The withdrawal was rescinded: {reason}"[:500], method=None)
        .execution_options(**quietly)
    )
    await tx.session.execute(
        update(Specimen)
        .where(Specimen.id.in_(found.freed))
        .values(hold=None, row_version=Specimen.row_version + 1)
        .execution_options(**quietly)
    )
    await tx.session.execute(
        update(Visit)
        .where(Visit.id.in_(found.visits))
        .values(status="planned", status_reason=None, row_version=Visit.row_version + 1)
        .execution_options(**quietly)
    )
