"""Withdrawals over JSON: the statement of what would happen, the deed, and all that is done until it is closed."""

from litestar import Controller, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from biobank.access.limits import SECRET
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import After, Limit
from biobank.paging import Page
from biobank.participant.queries import find_participant
from biobank.storage.commands import PlacementView
from biobank.tx import ReadTx
from biobank.withdrawal import certificate, commands, notices, policy, queries, rescission
from biobank.withdrawal.policy import Level, PolicyView, SetPolicy
from biobank.withdrawal.queries import CaseRow, CaseView, WaitingTube
from biobank.withdrawal.survey import Statement, survey

READ = {"permission": Permission.PARTICIPANT_READ}
RECORD = {"permission": Permission.CONSENT_RECORD}
STORE = {"permission": Permission.STORAGE_STORE}
MANAGE = {"permission": Permission.STUDY_MANAGE}
MANAGE_SIGN = {"permission": Permission.STUDY_MANAGE, "rate": SECRET}
SIGN = {"permission": Permission.CONSENT_RECORD, "rate": SECRET}
FILES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8", "json": "application/json"}


class ParticipantWithdrawalController(Controller):
    path = "/participants/{code:str}/withdrawals"
    tags = ("Withdrawal",)

    @get("/statement", operation_id="stateWithdrawal", opt=RECORD)
    async def statement(
        self, tx: Reading, code: FromPath[str], level: FromQuery[Level] = "no_further_use"
    ) -> Statement:
        """What a withdrawal of this level would do now, and what not. Its digest goes into the withdrawal."""
        return (await survey(tx, await find_participant(tx, code, Permission.CONSENT_RECORD), level)).statement

    @post(operation_id="withdrawParticipant", opt=SIGN)
    async def withdraw(self, tx: Writing, code: FromPath[str], data: JSONBody[commands.Withdraw], key: Key) -> CaseView:
        return await tx.once(key, data, CaseView, lambda: commands.withdraw(tx, code, data), of=code)


class WithdrawalController(Controller):
    path = "/withdrawals"
    tags = ("Withdrawal",)

    @get(operation_id="listWithdrawals", opt=READ)
    async def withdrawals(
        self,
        tx: Reading,
        participant: FromQuery[str | None] = None,
        is_open: FromQuery[bool | None] = None,
        site: FromQuery[str | None] = None,
        after: After = 0,
        limit: Limit = 50,
    ) -> Page[CaseRow]:
        return await queries.cases(tx, participant=participant, is_open=is_open, site=site, after=after, limit=limit)

    @get("/{withdrawal:str}", operation_id="getWithdrawal", opt=READ)
    async def withdrawal(self, tx: Reading, withdrawal: FromPath[str]) -> CaseView:
        return await queries.case(tx, withdrawal)

    @post("/{withdrawal:str}/notices/{notice:int}/sent", operation_id="sendNotice", opt=RECORD)
    async def send(
        self,
        tx: Writing,
        withdrawal: FromPath[str],
        notice: FromPath[int],
        data: JSONBody[notices.SendNotice],
        key: Key,
    ) -> CaseView:
        of = f"{withdrawal}/{notice}"
        return await tx.once(key, data, CaseView, lambda: notices.send(tx, withdrawal, notice, data), of=of)

    @post("/{withdrawal:str}/notices/{notice:int}/answer", operation_id="answerNotice", opt=RECORD)
    async def answer(
        self,
        tx: Writing,
        withdrawal: FromPath[str],
        notice: FromPath[int],
        data: JSONBody[notices.AnswerNotice],
        key: Key,
    ) -> CaseView:
        of = f"{withdrawal}/{notice}"
        return await tx.once(key, data, CaseView, lambda: notices.answer(tx, withdrawal, notice, data), of=of)

    @post("/{withdrawal:str}/returned", operation_id="listReturnedTubes", opt=RECORD)
    async def returned(
        self, tx: Writing, withdrawal: FromPath[str], data: JSONBody[commands.ListReturned], key: Key
    ) -> CaseView:
        return await tx.once(key, data, CaseView, lambda: commands.list_returned(tx, withdrawal, data), of=withdrawal)

    @post("/{withdrawal:str}/close", operation_id="closeWithdrawal", opt=SIGN)
    async def close(
        self, tx: Writing, withdrawal: FromPath[str], data: JSONBody[commands.CloseCase], key: Key
    ) -> CaseView:
        return await tx.once(key, data, CaseView, lambda: commands.close(tx, withdrawal, data), of=withdrawal)

    @get("/{withdrawal:str}/rescission", operation_id="stateRescission", opt=MANAGE)
    async def state_rescission(self, tx: Reading, withdrawal: FromPath[str]) -> rescission.RescissionStatement:
        """What would come back now if this withdrawal, recorded by mistake, were taken back, and what would not."""
        return await rescission.statement(tx, withdrawal)

    @post("/{withdrawal:str}/rescission", operation_id="rescindWithdrawal", opt=MANAGE_SIGN)
    async def rescind(
        self, tx: Writing, withdrawal: FromPath[str], data: JSONBody[rescission.Rescind], key: Key
    ) -> CaseView:
        return await tx.once(
            key, data, CaseView, lambda: rescission.rescind(tx, withdrawal, data), of=f"{withdrawal}/rescission"
        )

    @get("/{withdrawal:str}/certificate/{kind:str}", operation_id="withdrawalCertificate", opt=READ)
    async def certificate(self, tx: Reading, withdrawal: FromPath[str], kind: FromPath[str]) -> Response[bytes]:
        """The certificate of a closed withdrawal as pdf, csv or json."""
        return await certificate_file(tx, withdrawal, kind)


async def certificate_file(tx: ReadTx, number: str, kind: str) -> Response[bytes]:
    """Raises NotFound: the withdrawal is not closed, or there is no such kind of file."""
    found = await queries.find_case(tx, number, Permission.PARTICIPANT_READ)
    if found.certificate is None or found.certificate_sha256 is None or kind not in FILES:
        raise NotFound("There is no such certificate: it is drawn up when the withdrawal is closed.")
    if kind == "pdf":
        view = await queries.case_view(tx, found)
        assert view.closing_signature is not None  # noqa: S101  # held by ck_withdrawal_case_closed_whole
        content = certificate.as_pdf(found.certificate, found.certificate_sha256, view.closing_signature)
    else:
        content = found.certificate.encode() if kind == "json" else certificate.as_csv(found.certificate)
    disposition = f'{"inline" if kind == "pdf" else "attachment"}; filename="withdrawal-{number[:8]}.{kind}"'
    return Response(content, media_type=FILES[kind], headers={"content-disposition": disposition})


class PutBackController(Controller):
    path = "/put-backs"
    tags = ("Withdrawal",)

    @get(operation_id="listPutBacks", opt=STORE)
    async def waiting(self, tx: Reading) -> list[WaitingTube]:
        """The tubes on hold that are in a hand and wait for their place."""
        return list(await queries.waiting_for_place(tx, Permission.STORAGE_STORE))

    @post(operation_id="putBackTube", opt=STORE)
    async def put_back(self, tx: Writing, data: JSONBody[commands.PutBack], key: Key) -> PlacementView:
        return await tx.once(key, data, PlacementView, lambda: commands.put_back(tx, data))


class PolicyController(Controller):
    path = "/studies/{study:str}/consent-forms/{version:str}/policy"
    tags = ("Withdrawal",)

    @get(operation_id="getWithdrawalPolicy", opt={"permission": Permission.STUDY_READ})
    async def policy(self, tx: Reading, study: FromPath[str], version: FromPath[str]) -> PolicyView:
        """What a withdrawal does to those who signed this version, by level and object."""
        return await policy.policy(tx, study, version)

    @post(operation_id="setWithdrawalPolicy", opt={"permission": Permission.STUDY_MANAGE})
    async def set_policy(
        self, tx: Writing, study: FromPath[str], version: FromPath[str], data: JSONBody[SetPolicy], key: Key
    ) -> PolicyView:
        of = f"{study}/{version}"
        return await tx.once(key, data, PolicyView, lambda: policy.set_policy(tx, study, version, data), of=of)


router = Router(
    "/api/v1",
    route_handlers=[
        ParticipantWithdrawalController,
        WithdrawalController,
        PutBackController,
        PolicyController,
    ],
)
