"""The storage browser: sites, the tree with its occupancy, and the box."""

import asyncio
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank import csvfile, ids
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.storage import (
    boxes,
    commands,
    containers,
    occupancy,
    planting,
    queries,
    reservations,
    rules,
    service,
)
from biobank.storage.boxes import BoxView, ContentRow
from biobank.storage.commands import PlacementView, SwapView
from biobank.storage.occupancy import ContainerView
from biobank.storage.planting import TreeView
from biobank.storage.trees import COLUMNS
from biobank.tx import ReadTx
from labels import BoxCell, BoxMap, LabelError, render_box_map

Form = URLEncodedBody[dict[str, str]]
_MANAGE = {"permission": Permission.STORAGE_MANAGE}


async def _index(tx: ReadTx) -> dict[str, Any]:
    sites = await occupancy.sites(tx)
    return {
        "sites": sites,
        "site_options": [(site.code, site.name) for site in sites],
        "types": await queries.types_into(tx, None),
        "classes": await queries.temperature_classes(tx),
    }


async def _view(tx: ReadTx, code: str) -> dict[str, Any]:
    place = await occupancy.container(tx, code)
    manages = tx.actor.may(Permission.STORAGE_MANAGE)
    box = await boxes.box(tx, code) if place.level == "box" else None
    return {
        "place": place,
        "box": box,
        "types": await queries.types_into(tx, place.type) if manages and not box else [],
        "own_types": await queries.types_of_level(tx, place.level) if manages else [],
        "classes": await queries.temperature_classes(tx) if manages else [],
        "reserved": await reservations.open_names(tx, place.site) if tx.actor.may(Permission.STORAGE_STORE) else [],
        "status_words": rules.STATUS_WORDS,
        "statuses": rules.next_statuses(place.status, manages=manages)
        if manages or tx.actor.may(Permission.STORAGE_STORE)
        else (),
        "site_tz": place.timezone,
    }


@get("/storage", operation_id="storagePage", opt={"permission": Permission.STORAGE_READ}, include_in_schema=False)
async def storage_page(request: Request[Any, Any, Any], tx: Reading) -> Template:
    return page(request, "storage/index.html", title="Storage", **await _index(tx))


@get(
    "/storage/{code:str}",
    operation_id="containerPage",
    opt={"permission": Permission.STORAGE_READ},
    include_in_schema=False,
)
async def container_page(request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Template:
    view = await _view(tx, code)
    return page(request, "storage/container.html", title=view["place"].name, **view)


@get(
    "/storage/{code:str}/map.pdf",
    operation_id="boxMapPdf",
    opt={"permission": Permission.STORAGE_READ},
    include_in_schema=False,
)
async def map_pdf(tx: Reading, code: FromPath[str]) -> Response[bytes]:
    return await box_map(tx, code)


async def box_map(tx: ReadTx, code: str) -> Response[bytes]:
    """The box on paper, for the day the screen is dark."""
    box = await boxes.box(tx, code)
    try:
        content = await asyncio.to_thread(render_box_map, _paper(box, await boxes.content(tx, code)))
    except LabelError as error:
        raise Invalid(f"The map of {box.name} cannot be printed: {error}.") from None
    headers = {"content-disposition": f'inline; filename="box-{box.code}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


MOST_BYTES = 4_000_000
_LINE = 66
"""Characters that the line of a box map has room for, whatever letters they are."""


def _whose(row: ContentRow) -> str:
    return ids.grouped(row.participant) if row.participant else "pool or blind"


def _details(box: BoxView) -> str:
    """Where the box stands and how full it is. Of a long way the outermost steps are left out: whoever holds the
    paper is in the building.
    """
    count = f"{box.occupied} of {box.capacity} occupied"
    steps = [step.name for step in box.path[:-1]]
    if not steps:
        return count
    said = f"{' / '.join(steps)} · {count}"
    while len(said) > _LINE and len(steps) > 1:
        del steps[0]
        said = f"… / {' / '.join(steps)} · {count}"
    return said


def _paper(box: BoxView, rows: list[ContentRow]) -> BoxMap:
    seen = {row.tube: row for row in rows}
    cells = []
    for cell in box.cells:
        if cell.state in {"free", "next"}:
            continue
        row = seen.get(cell.code or "")
        lines = ("taken",) if row is None else (ids.grouped(row.tube), row.type, _whose(row))
        cells.append(BoxCell(cell.row, cell.col, lines))
    details = _details(box)
    return BoxMap(box.code, box.name, details, box.row_labels, box.col_labels, tuple(cells))


@get(
    "/storage/{code:str}/content.csv",
    operation_id="boxContentCsv",
    opt={"permission": Permission.STORAGE_READ},
    include_in_schema=False,
)
async def content_csv(tx: Reading, code: FromPath[str]) -> Response[str]:
    """The tubes of a box in fill order."""
    rows = [row.model_dump(mode="json").values() for row in await boxes.content(tx, code)]
    text = csvfile.written(ContentRow.model_fields, rows, end="\r\n")
    name = queries.container_code(code)
    headers = {"content-disposition": f'attachment; filename="box-{name}.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


@post(
    "/storage/containers",
    operation_id="addContainerForm",
    opt={"permission": Permission.STORAGE_MANAGE},
    include_in_schema=False,
    status_code=303,
)
async def add_form(tx: Writing, data: Form) -> Redirect:
    parent = data.get("parent") or None
    if parent is None:
        template, title, view = "storage/index.html", "Storage", await _index(tx)
    else:
        view = await _view(tx, parent)
        template, title = "storage/container.html", view["place"].name
    with shown_again(template, title=title, values=data, **view):
        command = parse_form(containers.AddContainer, data)
        made = await tx.once(form_key(data), command, ContainerView, lambda: containers.add_container(tx, command))
    return Redirect(f"/storage/{parent or made.code}", status_code=303)


@post(
    "/storage/{code:str}/move",
    operation_id="moveContainerForm",
    opt={"permission": Permission.STORAGE_STORE},
    include_in_schema=False,
    status_code=303,
)
async def move_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    with shown_again("storage/container.html", title=view["place"].name, values=data, **view):
        command = parse_form(containers.MoveContainer, data, override_reason=data.get("move_reason") or None)
        await tx.once(
            form_key(data), command, ContainerView, lambda: containers.move_container(tx, code, command), of=code
        )
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/tubes",
    operation_id="storeTubeForm",
    opt={"permission": Permission.STORAGE_STORE},
    include_in_schema=False,
    status_code=303,
)
async def store_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    with shown_again("storage/container.html", title=view["place"].name, values=data, **view):
        reason = data.get("store_reason") or None
        command = parse_form(commands.StoreTube, data, box=code, override_reason=reason)
        await tx.once(form_key(data), command, PlacementView, lambda: commands.store(tx, command))
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/removals",
    operation_id="takeTubeOutForm",
    opt={"permission": Permission.STORAGE_STORE},
    include_in_schema=False,
    status_code=303,
)
async def take_out_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    with shown_again("storage/container.html", title=view["place"].name, values=data, **view):
        command = parse_form(commands.TakeOut, {}, tube=data.get("taken", ""))
        await tx.once(form_key(data), command, PlacementView, lambda: commands.take_out(tx, command), of=code)
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/swaps",
    operation_id="swapTubesForm",
    opt={"permission": Permission.STORAGE_STORE},
    include_in_schema=False,
    status_code=303,
)
async def swap_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    with shown_again("storage/container.html", title=view["place"].name, values=data, **view):
        command = parse_form(commands.SwapTubes, data)
        await tx.once(form_key(data), command, SwapView, lambda: commands.swap(tx, command), of=code)
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/move-back",
    operation_id="moveContainerBackForm",
    opt={"permission": Permission.STORAGE_STORE},
    include_in_schema=False,
    status_code=303,
)
async def move_back_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    with shown_again("storage/container.html", title=view["place"].name, values=data, **view):
        command = parse_form(containers.MoveBack, data, override_reason=data.get("back_reason") or None)
        await tx.once(form_key(data), command, ContainerView, lambda: containers.move_back(tx, code, command), of=code)
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/status",
    operation_id="setContainerStatusForm",
    opt={"permission": Permission.STORAGE_READ},
    include_in_schema=False,
    status_code=303,
)
async def status_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    values = {**data, "status_reason": data.get("reason", ""), "reason": ""}
    with shown_again("storage/container.html", title=view["place"].name, values=values, **view):
        command = parse_form(service.SetStatus, data)
        await tx.once(form_key(data), command, ContainerView, lambda: service.set_status(tx, code, command), of=code)
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/change",
    operation_id="changeContainerForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def change_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    values = {**data, "new_name": data.get("name", ""), "name": ""}
    with shown_again("storage/container.html", title=view["place"].name, values=values, **view):
        command = parse_form(containers.ChangeContainer, data)
        await tx.once(
            form_key(data), command, ContainerView, lambda: containers.change_container(tx, code, command), of=code
        )
    return Redirect(f"/storage/{code}", status_code=303)


@post(
    "/storage/{code:str}/copies",
    operation_id="copyContainerForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def copy_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _view(tx, code)
    values = {**data, "copy_name": data.get("name", ""), "name": ""}
    with shown_again("storage/container.html", title=view["place"].name, values=values, **view):
        command = parse_form(planting.CopyContainer, data)
        made = await tx.once(
            form_key(data), command, TreeView, lambda: planting.copy_container(tx, code, command), of=code
        )
    return Redirect(made.places[0].href, status_code=303)


@get("/storage/import", operation_id="importContainersPage", opt=_MANAGE, include_in_schema=False)
async def import_page(request: Request[Any, Any, Any]) -> Template:
    return page(request, "storage/import.html", title="Places from a file", done=None, columns=COLUMNS)


@post("/storage/import", operation_id="importContainersForm", opt=_MANAGE, include_in_schema=False, status_code=200)
async def import_form(request: Request[Any, Any, Any], tx: Writing) -> Template:
    """A file, or text that was pasted; what is wrong comes back row by row."""
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    file = form.get("file")
    view = {"done": None, "columns": COLUMNS}
    with shown_again("storage/import.html", title="Places from a file", values=data, **view):
        if isinstance(file, UploadFile) and file.filename:
            data["text"] = _decoded(await file.read(MOST_BYTES + 1))
        command = parse_form(planting.ImportTree, data)
        done = await tx.once(form_key(data), command, TreeView, lambda: planting.import_tree(tx, command))
    return page(request, "storage/import.html", title="Places from a file", done=done, columns=COLUMNS)


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise Invalid("The file is larger than 4 MB: divide it.", errors={"file": "is too large"})
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is not in UTF-8: save it as CSV UTF-8.", errors={"file": "is not in UTF-8"}) from None


router = Router(
    "/",
    route_handlers=[
        storage_page,
        container_page,
        map_pdf,
        content_csv,
        add_form,
        move_form,
        store_form,
        take_out_form,
        swap_form,
        move_back_form,
        status_form,
        change_form,
        copy_form,
        import_page,
        import_form,
    ],
)
