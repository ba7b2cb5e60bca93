"""Consent on pages: recording a form, the history in its two times, and marking what was entered in error."""

from datetime import datetime
from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, shown_again
from biobank.participant import consents, queries
from biobank.participant.belief import belief
from biobank.participant.pages import local_input
from biobank.participant.queries import ParticipantView
from biobank.study import queries as study_queries
from biobank.study.documents import documents
from biobank.study.rules import at_site, today
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
RECORD = {"permission": Permission.CONSENT_RECORD}
READ = {"permission": Permission.PARTICIPANT_READ}


async def _consent(tx: ReadTx, code: str, form: str | None, visit: str) -> dict[str, Any]:
    """The forms of the study with the chosen one, else the newest that is approved today, and what it asks for.

    `visit` is the one that the person came from ("BASE/1"), which they go back to; any other text is none.
    """
    person = await queries.participant(tx, code)
    forms = {f"{one.version}/{one.language}": one for one in await documents(tx, person.study)}
    day = today(tx.now, person.timezone)
    good = [
        name
        for name, one in forms.items()
        if one.approved_from <= day and (one.approved_to is None or one.approved_to >= day)
    ]
    chosen = form if form in forms else next(iter([*good, *forms]), None)
    visits = {f"{one.type}/{one.number}": one.title for one in person.visits}
    titles = {scope.code: scope.title for scope in await study_queries.consent_scopes(tx)}
    return {
        "person": person,
        "visit": visit if visit in visits else "",
        "visit_title": visits.get(visit),
        "form": chosen,
        "document": forms[chosen] if chosen else None,
        "scopes": [(scope, titles[scope]) for scope in forms[chosen].scopes] if chosen else [],
        "form_options": [(name, f"{one.version} ({one.language})") for name, one in forms.items()],
        "site_tz": person.timezone,
        "now": local_input(tx.now, person.timezone),
    }


@get("/participants/{code:str}/consent", operation_id="consentPage", opt=RECORD, include_in_schema=False)
async def consent_page(
    request: Here, tx: Reading, code: FromPath[str], form: FromQuery[str | None] = None, visit: FromQuery[str] = ""
) -> Template:
    """The form is chosen first where it is not the newest; then its scopes are decided one by one."""
    return page(request, "participant/consent.html", title="Record a consent", **await _consent(tx, code, form, visit))


@post(
    "/participants/{code:str}/consent",
    operation_id="consentForm",
    opt=RECORD,
    include_in_schema=False,
    status_code=303,
)
async def consent_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _consent(tx, code, data.get("form"), data.get("visit", ""))
    person: ParticipantView = view["person"]
    with shown_again("participant/consent.html", title="Record a consent", values=data, **view):
        version, _, language = data.get("form", "").partition("/")
        decided = {name.removeprefix("scope."): value for name, value in data.items() if name.startswith("scope.")}
        moments = {
            name: at_site(data[name], person.timezone, name)
            for name in ("effective_from", "effective_to")
            if data.get(name)
        }
        command = consents.RecordConsent(
            version=version,
            language=language,
            signed_at=at_site(data.get("signed_at", ""), person.timezone, "signed_at"),
            granted=tuple(scope for scope, decision in decided.items() if decision == "granted"),
            denied=tuple(scope for scope, decision in decided.items() if decision == "denied"),
            file_sha256=data.get("file_sha256") or None,
            **moments,
        )
        await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: consents.record_consent(tx, person.code, command),
            of=person.code,
        )
    if view["visit"]:
        return Redirect(f"/participants/{person.code}/visits/{view['visit']}", status_code=303)
    return Redirect(f"/participants/{person.code}/consents", status_code=303)


def _asked(text: str | None, timezone: str) -> datetime | None:
    return at_site(text, timezone, "moment") if text else None


async def _history(
    tx: ReadTx, code: str, believed_at: str | None = None, in_force_at: str | None = None
) -> dict[str, Any]:
    person = await queries.participant(tx, code)
    found = await queries.find_participant(tx, code, Permission.PARTICIPANT_READ)
    believed = await belief(
        tx,
        found,
        believed_at=_asked(believed_at, person.timezone),
        in_force_at=_asked(in_force_at, person.timezone),
    )
    return {
        "person": person,
        "belief": believed,
        "scopes": await study_queries.scope_titles(tx),
        "asked": {
            "believed_at": believed_at or local_input(tx.now, person.timezone),
            "in_force_at": in_force_at or local_input(tx.now, person.timezone),
        },
        "site_tz": person.timezone,
    }


@get("/participants/{code:str}/consents", operation_id="consentsPage", opt=READ, include_in_schema=False)
async def consents_page(
    request: Here,
    tx: Reading,
    code: FromPath[str],
    believed_at: FromQuery[str | None] = None,
    in_force_at: FromQuery[str | None] = None,
) -> Template:
    """Every consent in its two times, and what was believed at one moment to be in force at another."""
    view = await _history(tx, code, believed_at, in_force_at)
    return page(request, "participant/consents.html", title="Consents", **view)


@post(
    "/participants/{code:str}/consents/{consent:int}/entered-in-error",
    operation_id="consentInErrorForm",
    opt=RECORD,
    include_in_schema=False,
    status_code=303,
)
async def in_error_form(tx: Writing, code: FromPath[str], consent: FromPath[int], data: Form) -> Redirect:
    view = await _history(tx, code)
    person: ParticipantView = view["person"]
    with shown_again("participant/consents.html", title="Consents", values={**data, "consent": consent}, **view):
        command = consents.MarkConsentInError(reason=data.get("reason", ""))
        await tx.once(
            form_key(data),
            command,
            ParticipantView,
            lambda: consents.mark_in_error(tx, person.code, consent, command),
            of=f"{person.code}/{consent}",
        )
    return Redirect(f"/participants/{person.code}/consents", status_code=303)


router = Router("/", route_handlers=[consent_page, consent_form, consents_page, in_error_form])
