"""The editor of a template's draft, without scripts and with them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from biobank.errors import DomainError, Invalid, NotFound
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.printing import designs
from biobank.printing.template_api import label_file
from biobank.printing.template_pages import CHOICES, MANAGE, TEST, Form, Here, home_of, object_of, picture, read_file
from biobank.stock import queries as stocks
from biobank.template import commands, editing, queries, rules
from biobank.template.queries import LabelTemplateView, TemplateVersionView
from biobank.tx import ReadTx

TEMPLATE = "printing/template_draft.html"


async def _draft(tx: ReadTx, name: str) -> tuple[LabelTemplateView, TemplateVersionView]:
    """A template that this person may change, and its draft.

    Raises:
        NotFound: no such template within reach, or no draft of it.
        Forbidden: it is not this person's to change.
    """
    await commands.changeable(tx, name, lock=False)
    found = await queries.template(tx, name)
    if found.draft is None:
        raise NotFound(f"Label template {name} has no draft: start one first.")
    return found, await queries.version(tx, name, found.draft)


def _title(found: LabelTemplateView) -> str:
    return f"Draft of version {found.draft} of {found.name}"


async def _editor(
    tx: ReadTx, found: LabelTemplateView, draft: TemplateVersionView, values: Mapping[str, str]
) -> dict[str, Any]:
    """What the editor shows beside the fields: the label as they say, and what stands against it."""
    stock, code = values.get("stock") or draft.head.stock, values.get("code", "")
    view: dict[str, Any] = {"found": found, "draft": draft, "element_kinds": editing.kinds(values), **CHOICES}
    view["stocks"] = await stocks.choices(tx, draft.head.stock)
    view |= {"tokens": rules.tokens_of(found.kind), "preview": None, "picture": None, "preview_refused": None}
    try:
        content = rules.read(editing.content_of(values, draft.content), found.name, found.kind)
        item = await designs.item_for(tx, found.kind, found.study, code or None)
        laid = await (stocks.drawn if stock == draft.head.stock else stocks.chosen)(tx, stock)
        view["preview"] = await designs.preview(content, laid, item)
        view["picture"] = picture(view["preview"])
    except DomainError as refused:
        view["preview_refused"] = str(refused)
    return view


@get(
    "/label-templates/{template:str}/draft",
    operation_id="labelTemplateDraftPage",
    opt=MANAGE,
    include_in_schema=False,
)
async def draft(request: Here, tx: Reading, template: FromPath[str], code: FromQuery[str] = "") -> Template:
    found, drafted = await _draft(tx, template)
    values = editing.flat(drafted.content) | {"stock": drafted.head.stock, "code": code}
    view = await _editor(tx, found, drafted, values)
    return page(request, TEMPLATE, title=_title(found), values=values, **view)


@post(
    "/label-templates/{template:str}/draft/preview",
    operation_id="previewDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=200,
)
async def preview_form(request: Here, tx: Writing, template: FromPath[str], data: Form) -> Template:
    """The editor with the label as the fields say. Nothing is saved. A change that is still on its way when the draft
    is published or discarded is told so.
    """
    await commands.changeable(tx, template, lock=False)
    found = await queries.template(tx, template)
    drafted = await queries.version(tx, template, found.draft or found.versions[0].number)
    view = await _editor(tx, found, drafted, data)
    if found.draft is None:
        over = f"Version {drafted.head.number} is {drafted.head.status}: it never changes again."
        view |= {"preview": None, "picture": None, "preview_refused": over}
    return page(request, TEMPLATE, title=_title(found), values=data, **view)


@post(
    "/label-templates/{template:str}/draft",
    operation_id="saveDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def save(tx: Writing, template: FromPath[str], data: Form) -> Redirect:
    """Saves the draft after what the button says: add, remove or move an element, or publish."""
    found, drafted = await _draft(tx, template)
    view = await _editor(tx, found, drafted, data)
    publishes = data.get("do") == "publish"
    with shown_again(TEMPLATE, title=_title(found), values=data, **view):
        content = editing.arranged(editing.content_of(data, drafted.content), data.get("do", ""))
        command = parse_form(commands.SaveTemplateDraft, data, content=content)
        note = data.get("note") or None

        async def done() -> TemplateVersionView:
            saved = await commands.save_draft(tx, template, command)
            if not publishes:
                return saved
            publication = commands.PublishTemplateDraft(row_version=saved.head.row_version, note=note)
            return await commands.publish_draft(tx, template, publication)

        await tx.once(form_key(data), command, TemplateVersionView, done, of=f"{template} {data.get('do')} {note}")
    if publishes:
        return Redirect(home_of(template), status_code=303)
    query = f"?{urlencode({'code': data['code']})}" if data.get("code") else ""
    return Redirect(f"{home_of(template)}/draft{query}", status_code=303)


@post(
    "/label-templates/{template:str}/draft/test",
    operation_id="testDraftForm",
    opt=TEST,
    include_in_schema=False,
    status_code=200,
)
async def test_draft(tx: Writing, template: FromPath[str], data: Form) -> Response[bytes]:
    """A test label as the fields say, whether they are saved or not."""
    found, drafted = await _draft(tx, template)
    view = await _editor(tx, found, drafted, data)
    with shown_again(TEMPLATE, title=_title(found), values=data, **view):
        content = rules.read(editing.content_of(data, drafted.content), found.name, found.kind)
        command = designs.LabelTest(stock=data.get("stock") or None, code=data.get("code") or None)
        made = await designs.draw_test(tx, template, drafted.head.number, command, content)
    return label_file(*made, f"{template}-test")


@post(
    "/label-templates/{template:str}/draft/file",
    operation_id="draftFileForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def upload(request: Here, tx: Writing, template: FromPath[str]) -> Redirect:
    """Puts a JSON file into the draft. What is wrong in it is named with its place."""
    found, drafted = await _draft(tx, template)
    values = editing.flat(drafted.content) | {"stock": drafted.head.stock}
    view = await _editor(tx, found, drafted, values)
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("file")
    with shown_again(TEMPLATE, title=_title(found), values=values, **view):
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid("Choose a file.", errors={"file": "is missing"})
        command = parse_form(commands.SaveTemplateDraft, data, content=object_of(await read_file(file)))
        await tx.once(
            form_key(data),
            command,
            TemplateVersionView,
            lambda: commands.save_draft(tx, template, command),
            of=template,
        )
    return Redirect(f"{home_of(template)}/draft", status_code=303)


@post(
    "/label-templates/{template:str}/draft/picture",
    operation_id="draftPictureForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def picture_form(request: Here, tx: Writing, template: FromPath[str]) -> Redirect:
    """Puts a PNG file into the draft: a new picture, or in place of one. It is looked into, whatever its name says."""
    found, drafted = await _draft(tx, template)
    values = editing.flat(drafted.content) | {"stock": drafted.head.stock}
    view = await _editor(tx, found, drafted, values)
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("picture")
    with shown_again(TEMPLATE, title=_title(found), values=values, **view):
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid("Choose a PNG file.", errors={"picture": "is missing"})
        number = int(data["number"]) if data.get("number", "").isdecimal() else None
        content = editing.with_picture(drafted.content, await file.read(rules.LARGEST_PICTURE + 1), number)
        try:
            rules.read(content, found.name, found.kind)
        except rules.LabelTemplateFaulty as refused:
            raise rules.faulty("picture", next(iter(refused.errors.values()))) from None
        command = parse_form(commands.SaveTemplateDraft, data, content=content)
        await tx.once(
            form_key(data),
            command,
            TemplateVersionView,
            lambda: commands.save_draft(tx, template, command),
            of=template,
        )
    at = number or len(content["elements"])
    return Redirect(f"{home_of(template)}/draft#elements[{at - 1}]", status_code=303)


@post(
    "/label-templates/{template:str}/draft/discarded",
    operation_id="discardTemplateDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def discard(tx: Writing, template: FromPath[str], data: Form) -> Redirect:
    found, drafted = await _draft(tx, template)
    values = editing.flat(drafted.content) | {"stock": drafted.head.stock, "reason": data.get("reason", "")}
    view = await _editor(tx, found, drafted, values)
    with shown_again(TEMPLATE, title=_title(found), values=values, **view):
        command = parse_form(commands.DiscardTemplateDraft, data)
        action = commands.discard_draft
        await tx.once(form_key(data), command, TemplateVersionView, lambda: action(tx, template, command), of=template)
    return Redirect(home_of(template), status_code=303)


router = Router("/", route_handlers=[draft, preview_form, save, test_draft, upload, picture_form, discard])
