"""Notices to those who have or await tubes of a withdrawn participant: sent, then answered."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from biobank import ids
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.specimen.custody import Ended, hand_over
from biobank.specimen.models import Specimen
from biobank.specimen.queries import tube_code
from biobank.tx import Tx
from biobank.withdrawal import queries, rules
from biobank.withdrawal.commands import record, touch
from biobank.withdrawal.models import PartnerNotice, WithdrawalCase, WithdrawalTube
from biobank.withdrawal.queries import CaseView

Outcome = Literal["destroyed", "used_up", "sent_back", "kept"]
Words = Annotated[str, Field(min_length=3, max_length=500)]
_ENDS = {"destroyed": "disposed", "used_up": "consumed"}


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    row_version: Annotated[int, Field(ge=1, description="Of the withdrawal as you saw it.")]


class SendNotice(Command):
    """The notice went out. `how` says by which way, and to whom: no name of a participant."""

    how: Words


class AnswerNotice(Command):
    """The reply: what became of the tubes, and of those that differ from the others. `words` is what was written."""

    outcome: Outcome
    exceptions: dict[str, Outcome] = Field(default_factory=dict)
    words: Words


async def send(tx: Tx, number: str, notice: int, command: SendNotice) -> CaseView:
    """Record that a notice was sent.

    Raises:
        NotFound: no such withdrawal or notice within reach.
        NoticeState, WithdrawalClosed, Stale: as the rules say.
    """
    case, found, _ = await _notice(tx, number, notice, command)
    rules.check_notice(sent=found.sent_at is not None, answered=found.answered_at is not None, answering=False)
    found.sent_at, found.sent_by, found.sent_how = tx.now, tx.actor.user_id, command.how
    await touch(tx, case)
    record(tx, "notice.sent", case, notice=notice)
    return await queries.case_view(tx, case)


async def answer(tx: Tx, number: str, notice: int, command: AnswerNotice) -> CaseView:
    """Record a partner's reply. Tubes that were destroyed or used up there end; what is sent back waits for its
    receipt; what is kept stays with the partner.

    Raises:
        NotFound: no such withdrawal or notice within reach.
        NoticeState, WithdrawalClosed, Stale: as the rules say.
        Invalid: an exception that the notice does not name.
    """
    case, found, tubes = await _notice(tx, number, notice, command)
    rules.check_notice(sent=found.sent_at is not None, answered=found.answered_at is not None, answering=True)
    exceptions = {tube_code(text, "exceptions"): outcome for text, outcome in command.exceptions.items()}
    rules.check_each_answered(exceptions, tubes)
    outcomes = {code: exceptions.get(code, command.outcome) for code in tubes}
    for code, outcome in outcomes.items():
        await tx.session.execute(
            update(WithdrawalTube)
            .where(WithdrawalTube.case_id == case.id, WithdrawalTube.specimen_id == tubes[code].id)
            .values(outcome=outcome)
        )
    found.answered_at, found.answered_by, found.answer = tx.now, tx.actor.user_id, command.words
    await tx.session.flush()
    gone = [
        (tubes[code].id, Ended(_ENDS[outcome]))
        for code, outcome in outcomes.items()
        if outcome in _ENDS and tubes[code].existence == "exists"
    ]
    await hand_over(tx, gone)
    await touch(tx, case)
    record(tx, "notice.answered", case, notice=notice, tubes=len(tubes), ended=len(gone))
    return await queries.case_view(tx, case)


async def _notice(
    tx: Tx, number: str, notice: int, command: Command
) -> tuple[WithdrawalCase, PartnerNotice, dict[str, Specimen]]:
    """The case and its notice of this number, locked, and the notice's tubes by code, locked too."""
    case = await queries.find_case(tx, number, Permission.CONSENT_RECORD, lock=True)
    await queries.check_open(tx, case)
    rules.check_version(command.row_version, case.row_version)
    rows = await tx.session.execute(
        select(PartnerNotice).where(PartnerNotice.case_id == case.id).order_by(PartnerNotice.id)
    )
    known = dict(enumerate(rows.scalars(), start=1))
    if notice not in known:
        raise NotFound(f"The withdrawal has no notice number {notice}.", notice=notice)
    tubes = await tx.session.execute(
        select(Specimen)
        .join(WithdrawalTube, WithdrawalTube.specimen_id == Specimen.id)
        .where(WithdrawalTube.notice_id == known[notice].id)
        .order_by(Specimen.id)
        .with_for_update(of=Specimen)
    )
    return case, known[notice], {tube.code: tube for tube in tubes.scalars()}


def letter(case: CaseView, notice: int) -> str:
    """The text of a notice, to be copied into a letter. It names tubes and no participant.

    Raises:
        NotFound: the withdrawal has no such notice.
    """
    found = next((one for one in case.notices if one.number == notice), None)
    if found is None:
        raise NotFound(f"The withdrawal has no notice number {notice}.", notice=notice)
    wish = "send them back to us" if found.wish == "recall" else "destroy them"
    lines = [
        f"To {found.addressee}",
        "",
        f"Study {case.study}: consent to the use of {rules.count(len(found.tubes), 'tube')} was withdrawn.",
        f"Please do not use what is left of them, {wish}, and write to us what became of each:",
        "",
        *(ids.grouped(tube) for tube in found.tubes),
        "",
        "What you measured before this notice is not affected. Reference: withdrawal " + str(case.number),
    ]
    return "\n".join(lines) + "\n"
