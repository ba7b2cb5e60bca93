"""Label templates on pages: the list, a new one, one with its versions, and two versions side by side."""

import base64
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.access.limits import PRINT
from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.printer.job_queries import JobView
from biobank.printing import designs, ordering
from biobank.printing.designs import PreviewView
from biobank.printing.pages import printer_options
from biobank.printing.template_api import label_file, template_file
from biobank.stock import queries as stocks
from biobank.study import queries as studies
from biobank.template import commands, queries, rules
from biobank.template.queries import LabelTemplateView, TemplateVersionView
from biobank.tx import ReadTx
from labels import RollStock, Symbology

Here = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
READ = {"permission": Permission.STUDY_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}
TEST = {"permission": Permission.STUDY_MANAGE, "rate": PRINT}
_SYMBOLOGIES = [(one.key, one.title) for one in Symbology]
CHOICES: Mapping[str, Any] = {"symbologies": _SYMBOLOGIES, "kind_titles": rules.KINDS}


def home_of(template: str) -> str:
    return f"/label-templates/{template}"


def picture(preview: PreviewView) -> str | None:
    """The preview as an address of its own, which a page may show without asking again."""
    if preview.svg is None:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(preview.svg.encode()).decode()}"


@get("/label-templates", operation_id="labelTemplatesPage", opt=READ, include_in_schema=False)
async def templates(request: Here, tx: Reading) -> Template:
    found = await queries.templates(tx)
    return page(request, "printing/templates.html", title="Label templates", found=found, **CHOICES)


async def _new(tx: ReadTx) -> dict[str, Any]:
    own = [(study.code, f"{study.code}, {study.title}") for study in await studies.studies(tx)]
    like = [(one.name, f"{one.title} ({one.name})") for one in await queries.templates(tx)]
    return {**CHOICES, "kinds": list(rules.KINDS.items()), "own_studies": own, "like": like}


@get("/label-templates/new", operation_id="newLabelTemplatePage", opt=MANAGE, include_in_schema=False)
async def new(request: Here, tx: Reading, like: FromQuery[str] = "") -> Template:
    kind = (await queries.template(tx, like)).kind if like else ""
    values = {"like": like, "kind": kind}
    return page(request, "printing/template_new.html", title="New label template", values=values, **await _new(tx))


@post(
    "/label-templates/new",
    operation_id="newLabelTemplateForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def create(request: Here, tx: Writing) -> Redirect:
    """A new template from a file, or like another one."""
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("file")
    view = await _new(tx)
    with shown_again("printing/template_new.html", title="New label template", values=data, **view):
        given: dict[str, Any] = {}
        if isinstance(file, UploadFile) and file.filename:
            given = {"content": object_of(await read_file(file)), "like": None}
        command = parse_form(commands.CreateLabelTemplate, data, **given)
        made = await tx.once(
            form_key(data), command, TemplateVersionView, lambda: commands.create_template(tx, command)
        )
    return Redirect(f"{home_of(made.name)}/draft", status_code=303)


async def read_file(file: UploadFile) -> bytes:
    return await file.read(rules.LARGEST_CONTENT + 1)


def object_of(content: bytes) -> dict[str, Any]:
    """The content of a template that a file holds.

    Raises:
        LabelTemplateFaulty: naming what is no JSON, or no object.
    """
    if len(content) > rules.LARGEST_CONTENT:
        raise rules.faulty("file", "is larger than the 2 MB of a template")
    data = rules.parse(content)
    if not isinstance(data, dict):
        raise rules.faulty("file", "is not an object")
    return data


@get("/label-templates/{template:str}", operation_id="labelTemplatePage", opt=READ, include_in_schema=False)
async def template(
    request: Here,
    tx: Reading,
    template: FromPath[str],
    version: FromQuery[int | None] = None,
    stock: FromQuery[str] = "",
    code: FromQuery[str] = "",
) -> Template:
    """The versions of a template, and one of them as it is printed: the one asked for, else the one in force."""
    found = await queries.template(tx, template)
    shown = await queries.version(tx, template, version or found.in_force or found.versions[0].number)
    view: dict[str, Any] = {"preview_refused": None}
    try:
        preview = await designs.preview_version(tx, template, shown.head.number, stock=stock or None, code=code or None)
    except (Invalid, NotFound) as refused:
        view["preview_refused"] = str(refused)
        preview = await designs.preview_version(tx, template, shown.head.number)
    return page(
        request,
        "printing/template.html",
        title=found.title,
        found=found,
        shown=shown,
        preview=preview,
        picture=picture(preview),
        code=code,
        **await _stocks(tx, preview.stock),
        printer_options=await printer_options(tx),
        **view,
        **CHOICES,
    )


@get(
    "/label-templates/{template:str}/versions/{number:int}/file",
    operation_id="labelTemplateFile",
    opt=READ,
    include_in_schema=False,
)
async def file(tx: Reading, template: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    return template_file(await queries.version(tx, template, number))


@get(
    "/label-templates/{template:str}/comparison",
    operation_id="labelTemplateComparisonPage",
    opt=READ,
    include_in_schema=False,
)
async def comparison(
    request: Here,
    tx: Reading,
    template: FromPath[str],
    earlier: FromQuery[int | None] = None,
    later: FromQuery[int | None] = None,
) -> Template:
    """Two versions side by side, and what differs."""
    compared = await designs.compare(tx, template, earlier, later)
    heads = (await queries.template(tx, template)).versions
    sides = [compared.earlier, compared.later]
    looks = [picture(await designs.preview_version(tx, template, head.number)) for head in sides]
    return page(
        request,
        "printing/template_comparison.html",
        title=f"Version {compared.earlier.number} and version {compared.later.number}",
        compared=compared,
        sides=list(zip(sides, looks, strict=True)),
        numbers=[(head.number, f"Version {head.number}, {head.status}") for head in heads],
    )


async def _page(tx: ReadTx, name: str) -> dict[str, Any]:
    """What the page of a template shows, for a form of it that comes back."""
    found = await queries.template(tx, name)
    shown = await queries.version(tx, name, found.in_force or found.versions[0].number)
    preview = await designs.preview_version(tx, name, shown.head.number)
    view: dict[str, Any] = {"found": found, "shown": shown, "preview": preview, "picture": picture(preview), "code": ""}
    view |= {"preview_refused": None, "printer_options": await printer_options(tx)}
    return {**view, **await _stocks(tx, preview.stock), **CHOICES}


async def _stocks(tx: ReadTx, shown: str) -> dict[str, Any]:
    """The stocks to choose from, and whether the one that is shown is a roll."""
    return {
        "stocks": await stocks.choices(tx, shown),
        "on_a_roll": isinstance(await stocks.drawn(tx, shown), RollStock),
    }


@post(
    "/label-templates/{template:str}/draft/started",
    operation_id="startTemplateDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def start(tx: Writing, template: FromPath[str], data: Form) -> Redirect:
    view = await _page(tx, template)
    with shown_again("printing/template.html", title=view["found"].title, values=data, **view):
        command = parse_form(commands.StartTemplateDraft, data)
        action = commands.start_draft
        await tx.once(form_key(data), command, TemplateVersionView, lambda: action(tx, template, command), of=template)
    return Redirect(f"{home_of(template)}/draft", status_code=303)


@post(
    "/label-templates/{template:str}/standard",
    operation_id="makeStandardForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def standard(tx: Writing, template: FromPath[str], data: Form) -> Redirect:
    view = await _page(tx, template)
    with shown_again("printing/template.html", title=view["found"].title, values=data, **view):
        command = commands.MakeStandard()
        action = commands.make_standard
        await tx.once(form_key(data), command, LabelTemplateView, lambda: action(tx, template, command), of=template)
    return Redirect(home_of(template), status_code=303)


@post(
    "/label-templates/{template:str}/test",
    operation_id="testTemplateForm",
    opt=TEST,
    include_in_schema=False,
    status_code=200,
)
async def test(tx: Writing, template: FromPath[str], data: Form) -> Response[bytes]:
    """A test label of a version."""
    view = await _page(tx, template)
    with shown_again("printing/template.html", title=view["found"].title, values=data, **view):
        number = int(data["version"]) if data.get("version", "").isdecimal() else view["shown"].head.number
        command = parse_form(designs.LabelTest, data)
        made = await designs.draw_test(tx, template, number, command)
    return label_file(*made, f"{template}-{number}-test")


@post(
    "/label-templates/{template:str}/test-job",
    operation_id="testTemplateAtPrinterForm",
    opt=TEST,
    include_in_schema=False,
    status_code=303,
)
async def test_at_printer(tx: Writing, template: FromPath[str], data: Form) -> Redirect:
    """A test label of a version at a printer: the page of the job follows."""
    view = await _page(tx, template)
    with shown_again("printing/template.html", title=view["found"].title, values=data, **view):
        number = int(data["version"]) if data.get("version", "").isdecimal() else view["shown"].head.number
        command = parse_form(ordering.TryAtPrinter, data)
        made = await tx.once(
            form_key(data),
            command,
            JobView,
            lambda: ordering.print_template_test(tx, template, number, command),
            of=f"{template} {number}",
        )
    return Redirect(f"/print-jobs/{made.number}", status_code=303)


router = Router(
    "/",
    route_handlers=[
        templates,
        new,
        create,
        template,
        file,
        comparison,
        start,
        standard,
        test,
        test_at_printer,
    ],
)
