"""The protocol of a study on pages: what is in force, how versions differ, and the editor of the draft."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.protocol import commands, comparison, editing, queries
from biobank.protocol.api import content_of
from biobank.protocol.document import STEP_TYPES, Document, Head
from biobank.protocol.queries import ProtocolView, VersionView
from biobank.protocol.rules import NoProtocolDraft, Path, Problem, ProtocolRefused
from biobank.study import queries as study_queries
from biobank.tx import ReadTx, Tx

Here = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
READ = {"permission": Permission.STUDY_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}
NOUNS = {"visits": "visit", "tubes": "tube", "steps": "step", "aliquots": "vials"}


def home_of(study: str) -> str:
    return f"/studies/{study}/protocol"


@get("/studies", operation_id="studiesPage", opt=READ, include_in_schema=False)
async def studies(request: Here, tx: Reading) -> Template:
    found = [await queries.protocol(tx, study.code) for study in await study_queries.studies(tx)]
    return page(request, "protocol/studies.html", title="Studies", found=found)


@get("/studies/{study:str}/protocol", operation_id="protocolPage", opt=READ, include_in_schema=False)
async def protocol(request: Here, tx: Reading, study: FromPath[str], version: FromQuery[int | None] = None) -> Template:
    """All versions, and what one of them plans: the one asked for, else the one in force, else the latest."""
    found = await queries.protocol(tx, study)
    latest = found.versions[0].number if found.versions else None
    number = version or found.in_force or latest
    shown = await queries.version(tx, study, number) if number is not None else None
    return page(
        request,
        "protocol/protocol.html",
        title=f"Protocol of {found.study}",
        found=found,
        shown=shown,
        numbers=[(head.number, f"Version {head.number}, {head.status}") for head in found.versions],
        words=await queries.words(tx),
    )


@get("/studies/{study:str}/protocol/comparison", operation_id="comparisonPage", opt=READ, include_in_schema=False)
async def compare(
    request: Here,
    tx: Reading,
    study: FromPath[str],
    earlier: FromQuery[int | None] = None,
    later: FromQuery[int | None] = None,
) -> Template:
    compared = await comparison.compare_versions(tx, study, earlier, later)
    heads = (await queries.protocol(tx, study)).versions
    return page(
        request,
        "protocol/comparison.html",
        title=f"Version {compared.earlier.number} and version {compared.later.number}",
        compared=compared,
        numbers=[(head.number, f"Version {head.number}, {head.status}") for head in heads],
    )


# --- the draft --------------------------------------------------------------------------------------------------------


async def _draft(tx: ReadTx, study: str) -> dict[str, Any]:
    """The draft with what its pages need.

    Raises:
        NotFound, Forbidden: the study is out of reach, or only partly within.
        NoProtocolDraft: there is none.
    """
    await commands.managed(tx, study)
    found: ProtocolView = await queries.protocol(tx, study)
    if found.draft is None:
        raise NoProtocolDraft(f"The protocol of {found.study} has no draft: start one first.", study=found.study)
    return {"found": found, "draft": await queries.version(tx, study, found.draft), "words": await queries.words(tx)}


@get("/studies/{study:str}/protocol/draft", operation_id="draftPage", opt=MANAGE, include_in_schema=False)
async def draft(request: Here, tx: Reading, study: FromPath[str]) -> Template:
    view = await _draft(tx, study)
    return page(request, "protocol/draft.html", title=_draft_title(view), **view)


def _draft_title(view: Mapping[str, Any]) -> str:
    return f"Draft of version {view['draft'].head.number}"


@post(
    "/studies/{study:str}/protocol/draft",
    operation_id="startDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def start(tx: Writing, study: FromPath[str], data: Form) -> Redirect:
    command = parse_form(commands.StartDraft, data)
    await tx.once(form_key(data), command, VersionView, lambda: commands.start_draft(tx, study, command), of=study)
    return Redirect(f"{home_of(study)}/draft", status_code=303)


@post(
    "/studies/{study:str}/protocol/draft/discarded",
    operation_id="discardDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def discard(tx: Writing, study: FromPath[str], data: Form) -> Redirect:
    view = await _draft(tx, study)
    with shown_again("protocol/draft.html", title=_draft_title(view), values=data, **view):
        command = parse_form(commands.DiscardDraft, data)
        await tx.once(
            form_key(data), command, VersionView, lambda: commands.discard_draft(tx, study, command), of=study
        )
    return Redirect(home_of(study), status_code=303)


@get("/studies/{study:str}/protocol/file", operation_id="protocolFilePage", opt=MANAGE, include_in_schema=False)
async def file_page(request: Here, tx: Reading, study: FromPath[str]) -> Template:
    await commands.managed(tx, study)
    found = await queries.protocol(tx, study)
    return page(request, "protocol/file.html", title="Protocol from a file", found=found, problems=())


@post(
    "/studies/{study:str}/protocol/file",
    operation_id="protocolFileForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def upload(request: Here, tx: Writing, study: FromPath[str]) -> Redirect:
    """Puts a YAML file into the draft. What is wrong in it comes back as a table with lines and columns."""
    await commands.managed(tx, study)
    found = await queries.protocol(tx, study)
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("file")
    view: dict[str, Any] = {"found": found, "problems": ()}
    try:
        content = await content_of(file if isinstance(file, UploadFile) else None)
        version = int(data["row_version"]) if data.get("row_version", "").isdigit() else None
        command = commands.file_command(content, version)
        await tx.once(
            form_key(data), command, VersionView, lambda: commands.import_file(tx, study, command, content), of=study
        )
    except Exception as error:
        if isinstance(error, ProtocolRefused):
            view["problems"] = error.problems
        with shown_again("protocol/file.html", title="Protocol from a file", values=data, **view):
            raise
    return Redirect(f"{home_of(study)}/draft", status_code=303)


# --- one part of the draft --------------------------------------------------------------------------------------------


async def _part(tx: ReadTx, study: str, at: str, adding: str | None) -> dict[str, Any]:
    """The form of a part: of the one at a path, or of a new one in a list of it."""
    view = await _draft(tx, study)
    document: Document = view["draft"].document
    path = editing.path_of(at)
    part = editing.part_at(document, path)
    kind = editing.kind_of(path)
    if adding is not None:
        if adding not in editing.HOLDS.get(kind, frozenset()):
            raise NotFound("A protocol has no such part.")
        kind = adding
    return view | {
        "at": at,
        "adding": adding,
        "kind": kind,
        "part": None if adding is not None else part,
        "trail": _trail(document, path),
        "back": _back(study, path if adding is not None else path[:-2]),
        "step_options": [(one, one.replace("_", " ").capitalize()) for one in STEP_TYPES],
        "visit_options": [
            (one.code, f"{one.code}, {one.title}")
            for one in document.visits
            if one.same_tubes_as is None and one is not part
        ],
        "cohort_options": [
            (one.code, one.title)
            for found in await study_queries.studies(tx)
            if found.code == view["found"].study
            for one in found.cohorts
        ],
        "scope_options": [(one.code, one.title) for one in await study_queries.consent_scopes(tx)],
    }


def _trail(document: Document, path: Path) -> list[dict[str, str]]:
    """The parts above this one, from the visit down, with their addresses."""
    found = []
    for end in range(2, len(path) + 1, 2):
        part = editing.part_at(document, path[:end])
        noun, code = NOUNS[str(path[end - 2])], getattr(part, "code", None)
        name = code or f"{noun} {int(path[end - 1]) + 1}"
        found.append({"name": name, "words": f"{noun} {code}" if code else name, "at": editing.text_of(path[:end])})
    return found


def _back(study: str, path: Path) -> str:
    if not path:
        return f"{home_of(study)}/draft"
    return f"{home_of(study)}/draft/part?{urlencode({'at': editing.text_of(path)})}"


def _part_title(view: Mapping[str, Any]) -> str:
    if not view["kind"]:
        return "Note and day of the draft"
    noun = NOUNS[view["kind"]]
    if view["adding"] is not None:
        return "Add vials" if noun == "vials" else f"Add a {noun}"
    return "Change the vials" if noun == "vials" else f"Change {view['trail'][-1]['words']}"


@get("/studies/{study:str}/protocol/draft/part", operation_id="draftPartPage", opt=MANAGE, include_in_schema=False)
async def part_page(
    request: Here, tx: Reading, study: FromPath[str], at: FromQuery[str] = "", add: FromQuery[str | None] = None
) -> Template:
    view = await _part(tx, study, at, add)
    return page(request, "protocol/part.html", title=_part_title(view), **view)


@post(
    "/studies/{study:str}/protocol/draft/part",
    operation_id="draftPartForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def part_form(tx: Writing, study: FromPath[str], data: Form) -> Redirect:
    """Changes or adds one part. Messages of the rules that concern it stand at its fields."""
    view = await _part(tx, study, data.get("at", ""), data.get("add") or None)
    with shown_again("protocol/part.html", title=_part_title(view), values=data, **view):
        document: Document = view["draft"].document
        path = editing.path_of(view["at"])
        sent = {name: value.replace("\r\n", "\n") for name, value in data.items()}
        if not view["kind"]:
            head = parse_form(Head, sent)
            changed = document.model_copy(update=head.model_dump())
        elif view["adding"] is not None:
            part = parse_form(editing.KINDS[view["kind"]], sent)
            changed, path = editing.add(document, path, view["kind"], part)
        else:
            kept = {
                name: getattr(view["part"], name)
                for name in ("tubes", "steps", "aliquots")
                if hasattr(view["part"], name)
            }
            part = parse_form(editing.KINDS[view["kind"]], sent, **kept)
            changed = editing.put(document, path, part)
        with _fields_of(path):
            await _replace(tx, study, data, changed)
    return Redirect(view["back"] if view["adding"] is None else _back(study, path), status_code=303)


async def _replace(tx: Tx, study: str, data: Mapping[str, str], document: Document) -> None:
    command = parse_form(commands.ReplaceDraft, {"row_version": data.get("row_version")}, document=document)
    await tx.once(form_key(data), command, VersionView, lambda: commands.replace_draft(tx, study, command), of=study)


@contextmanager
def _fields_of(path: Path) -> Iterator[None]:
    """Problems within this part become messages of its fields; others are said above the form."""
    try:
        yield
    except ProtocolRefused as error:
        errors: dict[str, str] = {}
        for problem in error.problems:
            errors |= _message(path, problem, errors)
        raise Invalid("; ".join(errors.values()), errors=errors) from error


def _message(path: Path, problem: Problem, taken: Mapping[str, str]) -> dict[str, str]:
    within = problem.path[: len(path)] == path and len(problem.path) == len(path) + 1
    name = str(problem.path[-1]) if within and problem.path[-1] not in {"tubes", "steps", "aliquots"} else ""
    said = problem.message if within and name else f"{problem.place}: {problem.message}"
    return {name: f"{taken[name]}; {said}" if name in taken else said}


@post(
    "/studies/{study:str}/protocol/draft/arrangement",
    operation_id="arrangeDraftForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def arrange(tx: Writing, study: FromPath[str], data: Form) -> Redirect:
    """Moves a part up or down among its neighbours, or removes it."""
    view = await _draft(tx, study)
    with shown_again("protocol/draft.html", title=_draft_title(view), values=data, **view):
        path = editing.path_of(data.get("at", ""))
        document: Document = view["draft"].document
        match data.get("deed"):
            case "up":
                changed = editing.move(document, path, -1)
            case "down":
                changed = editing.move(document, path, 1)
            case "remove":
                changed = editing.remove(document, path)
            case _:
                raise Invalid("There is no such deed: load the page again.")
        await _replace(tx, study, data, changed)
    return Redirect(_back(study, path[:-2]), status_code=303)


router = Router(
    "/",
    route_handlers=[
        studies,
        protocol,
        compare,
        draft,
        start,
        discard,
        file_page,
        upload,
        part_page,
        part_form,
        arrange,
    ],
)
