"""Consent forms on a page: what is approved, what each asks for, a new one, the end of an approval."""

import hashlib
from typing import Any

from litestar import Request, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.study import documents, queries
from biobank.study.documents import ConsentDocumentView
from biobank.tx import ReadTx

Here = Request[Any, Any, Any]
READ = {"permission": Permission.STUDY_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}


async def _shown(tx: ReadTx, study: str, permission: Permission) -> dict[str, Any]:
    return {
        "study": study,
        "forms": await documents.documents(tx, study, permission),
        "scopes": [(scope.code, scope.title) for scope in await queries.consent_scopes(tx)],
        "chosen": None,
    }


@get("/studies/{study:str}/consent-forms", operation_id="consentFormsPage", opt=READ, include_in_schema=False)
async def forms_page(request: Here, tx: Reading, study: FromPath[str]) -> Template:
    view = await _shown(tx, study, Permission.STUDY_READ)
    return page(request, "study/consent_forms.html", title=f"Consent forms of {study}", **view)


@post(
    "/studies/{study:str}/consent-forms",
    operation_id="addConsentFormForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def add_form(request: Here, tx: Writing, study: FromPath[str]) -> Redirect:
    """The file is read for its digest and not kept."""
    view = await _shown(tx, study, Permission.STUDY_MANAGE)
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    scopes = [one for one in form.getall("scopes", []) if isinstance(one, str)]
    shown = {**view, "chosen": scopes}
    with shown_again("study/consent_forms.html", title=f"Consent forms of {study}", values=data, **shown):
        given: dict[str, Any] = {"scopes": tuple(scopes)}
        file = form.get("file")
        if isinstance(file, UploadFile) and file.filename:
            given |= {"file_name": file.filename, "file_sha256": hashlib.sha256(await file.read()).hexdigest()}
        command = parse_form(documents.ConsentDocumentSpec, data, **given)
        await tx.once(
            form_key(data),
            command,
            ConsentDocumentView,
            lambda: documents.add_document(tx, study, command),
            of=f"{study}/form",
        )
    return Redirect(f"/studies/{study}/consent-forms", status_code=303)


@post(
    "/studies/{study:str}/consent-forms/{version:str}/{language:str}/end",
    operation_id="endConsentFormForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def end_form(
    tx: Writing,
    study: FromPath[str],
    version: FromPath[str],
    language: FromPath[str],
    data: URLEncodedBody[dict[str, str]],
) -> Redirect:
    view = await _shown(tx, study, Permission.STUDY_MANAGE)
    values = {"ended": f"{version}/{language}", "approved_to_end": data.get("approved_to", "")}
    with shown_again("study/consent_forms.html", title=f"Consent forms of {study}", values=values, **view):
        command = parse_form(documents.EndApproval, data)
        await tx.once(
            form_key(data),
            command,
            ConsentDocumentView,
            lambda: documents.end_approval(tx, study, version, language, command),
            of=f"{study}/{version}/{language}",
        )
    return Redirect(f"/studies/{study}/consent-forms", status_code=303)


router = Router("/", route_handlers=[forms_page, add_form, end_form])
