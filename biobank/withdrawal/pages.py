"""Withdrawals on pages: the statement that is signed, the case that is worked off, tubes that wait for their place."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank import ids
from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import FormRefused, form_key, page, parse_form, shown_again
from biobank.http.paging import After
from biobank.participant import queries as participant_queries
from biobank.participant.pages import chips, local_input, next_page
from biobank.participant.queries import ParticipantView, find_participant
from biobank.signature.forms import signature_of, typed
from biobank.signature.rules import MEANING_TITLES
from biobank.storage.commands import PlacementView
from biobank.study.rules import at_site
from biobank.tx import ReadTx
from biobank.withdrawal import comeback, commands, notices, policy, queries, rescission, rules
from biobank.withdrawal.api import MANAGE, MANAGE_SIGN, READ, RECORD, SIGN, STORE, certificate_file
from biobank.withdrawal.policy import PolicyView
from biobank.withdrawal.queries import CaseView
from biobank.withdrawal.survey import survey

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
OUTCOMES = (
    ("destroyed", "Destroyed there"),
    ("used_up", "Used up before"),
    ("sent_back", "Sent back to us"),
    ("kept", "Kept, with a reason"),
)
STEPS: Mapping[str, tuple[str, str]] = {
    "put_back": ("warning", "Put back"),
    "dispose": ("warning", "Dispose of"),
    "reply": ("pending", "Waits for the reply"),
    "receive": ("pending", "To be received"),
    "done": ("ok", "Done"),
}
BACK = "back-"


async def _withdrawal(tx: ReadTx, code: str, level: str | None) -> dict[str, Any]:
    person = await participant_queries.participant(tx, code)
    chosen = level if level in rules.LEVEL_TITLES else None
    statement = None
    if chosen:
        found = await find_participant(tx, code, Permission.CONSENT_RECORD)
        statement = (await survey(tx, found, chosen)).statement
    return {
        "person": person,
        "level_options": list(rules.LEVEL_TITLES.items()),
        "level": chosen,
        "statement": statement,
        "meanings": [(code, MEANING_TITLES[code]) for code in ("responsibility", "authorship", "approval")],
        "site_tz": person.timezone,
        "now": local_input(tx.now, person.timezone),
    }


@get("/participants/{code:str}/withdrawal", operation_id="withdrawalPage", opt=RECORD, include_in_schema=False)
async def withdrawal_page(
    request: Here, tx: Reading, code: FromPath[str], level: FromQuery[str | None] = None
) -> Template:
    """First the level is chosen; then the page states what that does and does not do, and asks for a signature."""
    view = await _withdrawal(tx, code, level)
    return page(request, "withdrawal/withdraw.html", title="Record a withdrawal", **view)


@post(
    "/participants/{code:str}/withdrawal",
    operation_id="withdrawalForm",
    opt=SIGN,
    include_in_schema=False,
    status_code=303,
)
async def withdraw_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _withdrawal(tx, code, data.get("level"))
    person: ParticipantView = view["person"]
    title, template = "Record a withdrawal", "withdrawal/withdraw.html"
    with shown_again(template, title=title, values=typed(data), **view):
        moments = {
            name: at_site(data[name], person.timezone, name)
            for name in ("effective_at", "requested_at")
            if data.get(name)
        }
        command = parse_form(commands.Withdraw, data, signature=signature_of(data), **moments)
        try:
            made = await tx.once(
                form_key(data), command, CaseView, lambda: commands.withdraw(tx, person.code, command), of=person.code
            )
        except rules.StatementChanged as error:
            # What is shown again is the statement as it is now, to be read before it is signed.
            again = await _withdrawal(tx, code, command.level)
            raise FormRefused(error, template, title, {**again, "values": typed(data)}) from error
    return Redirect(f"/withdrawals/{made.number}", status_code=303)


@get("/withdrawals", operation_id="withdrawalsPage", opt=READ, include_in_schema=False)
async def withdrawals_page(
    request: Here,
    tx: Reading,
    *,
    status: FromQuery[str | None] = None,
    site: FromQuery[str | None] = None,
    participant: FromQuery[str | None] = None,
    after: After = 0,
) -> Template:
    filters = {"status": status, "site": site, "participant": participant}
    is_open = {"open": True, "closed": False}.get(status or "")
    found = await queries.cases(tx, is_open=is_open, site=site or None, participant=participant or None, after=after)
    return page(
        request,
        "withdrawal/list.html",
        title="Withdrawals",
        found=found,
        filters=filters,
        chips=chips("/withdrawals", filters),
        next_href=next_page("/withdrawals", filters, found.next),
    )


async def _case(tx: ReadTx, number: str) -> dict[str, Any]:
    view = await queries.case(tx, number)
    unanswered = sum(notice.answered_at is None for notice in view.notices)
    return {
        "view": view,
        "new_key": ids.new_uuid,
        "steps": STEPS,
        "open_steps": rules.OPEN_STEPS,
        "waiting": sum(tubes for step, tubes in view.steps.items() if step != "done"),
        "unanswered": unanswered,
        "outcomes": OUTCOMES,
        "wishes": rules.CONSEQUENCE_TITLES,
        "letters": {notice.number: notices.letter(view, notice.number) for notice in view.notices},
        "meanings": [(code, MEANING_TITLES[code]) for code in ("responsibility", "approval", "review", "witness")],
        "site_tz": view.timezone,
    }


def _title(view: CaseView) -> str:
    return f"Withdrawal of {ids.grouped(view.participant)}"


@get("/withdrawals/{withdrawal:str}", operation_id="withdrawalCasePage", opt=READ, include_in_schema=False)
async def case_page(request: Here, tx: Reading, withdrawal: FromPath[str]) -> Template:
    view = await _case(tx, withdrawal)
    return page(request, "withdrawal/case.html", title=_title(view["view"]), **view)


def _step(path: str, operation: str, opt: Mapping[str, Any], act: Any) -> Any:
    """A handler of one step's form on the page of a withdrawal; all of them read alike, so they are made alike."""

    @post(
        f"/withdrawals/{{withdrawal:str}}/{path}",
        operation_id=operation,
        opt=dict(opt),
        include_in_schema=False,
        status_code=303,
    )
    async def handler(request: Here, tx: Writing, withdrawal: FromPath[str], data: Form) -> Redirect:
        view = await _case(tx, withdrawal)
        notice = int(request.path_params.get("notice", 0))
        values = {**typed(data), "notice": notice}
        with shown_again("withdrawal/case.html", title=_title(view["view"]), values=values, **view):
            command, deed = act(tx, withdrawal, notice, data)
            of = f"{withdrawal}/{path}/{notice}"
            await tx.once(form_key(data), command, CaseView, deed, of=of)
        return Redirect(f"/withdrawals/{withdrawal}", status_code=303)

    return handler


def _send(tx: Any, number: str, notice: int, data: Mapping[str, str]) -> Any:
    command = parse_form(notices.SendNotice, data)
    return command, lambda: notices.send(tx, number, notice, command)


def _answer(tx: Any, number: str, notice: int, data: Mapping[str, str]) -> Any:
    exceptions = {
        name.removeprefix("tube."): value for name, value in data.items() if name.startswith("tube.") and value
    }
    command = parse_form(notices.AnswerNotice, data, exceptions=exceptions)
    return command, lambda: notices.answer(tx, number, notice, command)


def _returned(tx: Any, number: str, _: int, data: Mapping[str, str]) -> Any:
    command = parse_form(commands.ListReturned, data)
    return command, lambda: commands.list_returned(tx, number, command)


def _close(tx: Any, number: str, _: int, data: Mapping[str, str]) -> Any:
    command = parse_form(commands.CloseCase, data, signature=signature_of(data))
    return command, lambda: commands.close(tx, number, command)


CASE_STEPS = (
    _step("notices/{notice:int}/sent", "sendNoticeForm", RECORD, _send),
    _step("notices/{notice:int}/answer", "answerNoticeForm", RECORD, _answer),
    _step("returned", "listReturnedForm", RECORD, _returned),
    _step("close", "closeWithdrawalForm", SIGN, _close),
)


async def _rescission(tx: ReadTx, number: str) -> dict[str, Any]:
    found = await queries.find_case(tx, number, Permission.STUDY_MANAGE)
    view, timezone = await queries.case_row(tx, found)
    return {
        "view": view,
        "statement": await rescission.statement(tx, number),
        "meanings": [(code, MEANING_TITLES[code]) for code in ("responsibility", "approval")],
        "site_tz": timezone,
    }


RESCIND = ("withdrawal/rescind.html", "Take a withdrawal back")


@get("/withdrawals/{withdrawal:str}/rescission", operation_id="rescissionPage", opt=MANAGE, include_in_schema=False)
async def rescission_page(request: Here, tx: Reading, withdrawal: FromPath[str]) -> Template:
    """What would come back and what would not, and the signature."""
    return page(request, RESCIND[0], title=RESCIND[1], **await _rescission(tx, withdrawal))


@post(
    "/withdrawals/{withdrawal:str}/rescission",
    operation_id="rescissionForm",
    opt=MANAGE_SIGN,
    include_in_schema=False,
    status_code=303,
)
async def rescission_form(tx: Writing, withdrawal: FromPath[str], data: Form) -> Redirect:
    view = await _rescission(tx, withdrawal)
    with shown_again(RESCIND[0], title=RESCIND[1], values=typed(data), **view):
        command = parse_form(rescission.Rescind, data, signature=signature_of(data))
        of = f"{withdrawal}/rescission"
        await tx.once(form_key(data), command, CaseView, lambda: rescission.rescind(tx, withdrawal, command), of=of)
    return Redirect(f"/withdrawals/{withdrawal}", status_code=303)


@get(
    "/withdrawals/{withdrawal:str}/certificate/{kind:str}",
    operation_id="withdrawalCertificatePage",
    opt=READ,
    include_in_schema=False,
)
async def certificate_page(tx: Reading, withdrawal: FromPath[str], kind: FromPath[str]) -> Response[bytes]:
    return await certificate_file(tx, withdrawal, kind)


@get("/put-backs", operation_id="putBacksPage", opt=STORE, include_in_schema=False)
async def put_backs_page(
    request: Here, tx: Reading, box: FromQuery[str | None] = None, done: FromQuery[str | None] = None
) -> Template:
    """The tubes that wait, and two fields for the scanner. The box stays, so that the next tube goes into it too."""
    waiting = await queries.waiting_for_place(tx, Permission.STORAGE_STORE)
    return page(
        request, "withdrawal/put_backs.html", title="Put back on hold", waiting=waiting, box=box or "", done=done or ""
    )


@post("/put-backs", operation_id="putBackForm", opt=STORE, include_in_schema=False, status_code=303)
async def put_back_form(tx: Writing, data: Form) -> Redirect:
    waiting = await queries.waiting_for_place(tx, Permission.STORAGE_STORE)
    view = {"waiting": waiting, "box": data.get("box", ""), "done": ""}
    with shown_again("withdrawal/put_backs.html", title="Put back on hold", values=data, **view):
        command = parse_form(commands.PutBack, data)
        placed = await tx.once(form_key(data), command, PlacementView, lambda: commands.put_back(tx, command))
    shown = urlencode({"box": command.box, "done": f"{ids.grouped(placed.tube)}: {placed.words}"})
    return Redirect(f"/put-backs?{shown}", status_code=303)


async def _policy(tx: ReadTx, study: str, version: str, permission: Permission) -> dict[str, Any]:
    return {
        "view": await policy.policy(tx, study, version, permission),
        "levels": rules.LEVEL_TITLES,
        "objects": rules.OBJECT_TITLES,
        "fitting": {
            level: {
                kind: [(one, rules.CONSEQUENCE_TITLES[one]) for one in rules.fitting(level, kind)]
                for kind in rules.OBJECT_TITLES
            }
            for level in rules.LEVEL_TITLES
        },
        "titles": rules.CONSEQUENCE_TITLES,
        "choosable": comeback.CHOOSABLE,
    }


@get(
    "/studies/{study:str}/consent-forms/{version:str}/policy",
    operation_id="policyPage",
    opt={"permission": Permission.STUDY_READ},
    include_in_schema=False,
)
async def policy_page(request: Here, tx: Reading, study: FromPath[str], version: FromPath[str]) -> Template:
    view = await _policy(tx, study, version, Permission.STUDY_READ)
    return page(request, "withdrawal/policy.html", title=f"What a withdrawal does: form {version}", **view)


@post(
    "/studies/{study:str}/consent-forms/{version:str}/policy",
    operation_id="policyForm",
    opt={"permission": Permission.STUDY_MANAGE},
    include_in_schema=False,
    status_code=303,
)
async def policy_form(tx: Writing, study: FromPath[str], version: FromPath[str], data: Form) -> Redirect:
    view = await _policy(tx, study, version, Permission.STUDY_MANAGE)
    title = f"What a withdrawal does: form {version}"
    with shown_again("withdrawal/policy.html", title=title, values=data, **view):
        chosen: dict[str, dict[str, str]] = {}
        back: dict[str, dict[str, str]] = {}
        for name, value in data.items():
            level, dot, kind = name.partition(".")
            if dot and level.startswith(BACK):
                back.setdefault(level.removeprefix(BACK), {})[kind] = value
            elif dot:
                chosen.setdefault(level, {})[kind] = value
        command = policy.SetPolicy.model_validate({"policy": chosen, "reversible": back})
        of = f"{study}/{version}"
        await tx.once(
            form_key(data), command, PolicyView, lambda: policy.set_policy(tx, study, version, command), of=of
        )
    return Redirect(f"/studies/{study}/consent-forms/{version}/policy", status_code=303)


router = Router(
    "/",
    route_handlers=[
        withdrawal_page,
        withdraw_form,
        withdrawals_page,
        case_page,
        *CASE_STEPS,
        rescission_page,
        rescission_form,
        certificate_page,
        put_backs_page,
        put_back_form,
        policy_page,
        policy_form,
    ],
)
