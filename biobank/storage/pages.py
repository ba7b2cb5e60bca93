"""The storage browser: sites, the tree with its occupancy, and the box."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from pydantic import BaseModel

from biobank import csvfile, ids
from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import CommandModel, form_key, page, parse_form, shown_again
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
from biobank.tx import ReadTx, Tx
from labels import BoxCell, BoxMap, LabelError, render_box_map

Form = URLEncodedBody[dict[str, str]]
_READ = {"permission": Permission.STORAGE_READ}
_STORE = {"permission": Permission.STORAGE_STORE}
_MANAGE = {"permission": Permission.STORAGE_MANAGE}
ViewModel = TypeVar("ViewModel", bound=BaseModel)


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
    manages, stores = tx.actor.may(Permission.STORAGE_MANAGE), tx.actor.may(Permission.STORAGE_STORE)
    box = await boxes.box(tx, code) if place.level == "box" else None
    return {
        "place": place,
        "box": box,
        "types": await queries.types_into(tx, place.type) if manages and not box else [],
        "own_types": await queries.types_of_level(tx, place.level) if manages else [],
        "classes": await queries.temperature_classes(tx) if manages else [],
        "reserved": await reservations.open_names(tx, place.site) if stores else [],
        "statuses": [(one, rules.STATUS_WORDS[one]) for one in rules.next_statuses(place.status, manages=manages)]
        if manages or stores
        else [],
        "site_tz": place.timezone,
    }


@get("/storage", operation_id="storagePage", opt=_READ, include_in_schema=False)
async def storage_page(request: Request[Any, Any, Any], tx: Reading) -> Template:
    return page(request, "storage/index.html", title="Storage", **await _index(tx))


@get(
    "/storage/{code:str}",
    operation_id="containerPage",
    opt=_READ,
    include_in_schema=False,
)
async def container_page(request: Request[Any, Any, Any], tx: Reading, code: FromPath[str]) -> Template:
    view = await _view(tx, code)
    return page(request, "storage/container.html", title=view["place"].name, **view)


@get(
    "/storage/{code:str}/map.pdf",
    operation_id="boxMapPdf",
    opt=_READ,
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
    opt=_READ,
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
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def add_form(tx: Writing, data: Form) -> Redirect:
    parent = data.get("parent") or None
    if parent is not None:
        await _done(
            tx, parent, "add", data, containers.AddContainer, partial(containers.add_container, tx), ContainerView
        )
        return Redirect(f"/storage/{parent}", status_code=303)
    with shown_again("storage/index.html", title="Storage", values=data, **await _index(tx)):
        command = parse_form(containers.AddContainer, data)
        made = await tx.once(form_key(data), command, ContainerView, lambda: containers.add_container(tx, command))
    return Redirect(f"/storage/{made.code}", status_code=303)


async def _done(
    tx: Tx,
    code: str,
    form: str,
    data: dict[str, str],
    command: type[CommandModel],
    deed: Callable[[CommandModel], Awaitable[ViewModel]],
    answer: type[ViewModel],
    **given: str,
) -> ViewModel:
    """Do what a form on the page of a container asks for. Refused, the page comes back with what was typed and what is
    wrong, in this form only.
    """
    view = await _view(tx, code)
    with shown_again("storage/container.html", title=view["place"].name, values={**data, "form": form}, **view):
        asked = parse_form(command, data, **given)
        return await tx.once(form_key(data), asked, answer, lambda: deed(asked), of=code)


_form = partial(post, include_in_schema=False, status_code=303)


@_form("/storage/{code:str}/move", operation_id="moveContainerForm", opt=_STORE)
async def move_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    deed = partial(containers.move_container, tx, code)
    await _done(tx, code, "move", data, containers.MoveContainer, deed, ContainerView)
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/tubes", operation_id="storeTubeForm", opt=_STORE)
async def store_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    await _done(tx, code, "store", data, commands.StoreTube, partial(commands.store, tx), PlacementView, box=code)
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/removals", operation_id="takeTubeOutForm", opt=_STORE)
async def take_out_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    await _done(tx, code, "take_out", data, commands.TakeOut, partial(commands.take_out, tx), PlacementView)
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/swaps", operation_id="swapTubesForm", opt=_STORE)
async def swap_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    await _done(tx, code, "swap", data, commands.SwapTubes, partial(commands.swap, tx), SwapView)
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/move-back", operation_id="moveContainerBackForm", opt=_STORE)
async def move_back_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    await _done(
        tx, code, "move_back", data, containers.MoveBack, partial(containers.move_back, tx, code), ContainerView
    )
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/status", operation_id="setContainerStatusForm", opt=_READ)
async def status_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    await _done(tx, code, "status", data, service.SetStatus, partial(service.set_status, tx, code), ContainerView)
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/change", operation_id="changeContainerForm", opt=_MANAGE)
async def change_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    deed = partial(containers.change_container, tx, code)
    await _done(tx, code, "change", data, containers.ChangeContainer, deed, ContainerView)
    return Redirect(f"/storage/{code}", status_code=303)


@_form("/storage/{code:str}/copies", operation_id="copyContainerForm", opt=_MANAGE)
async def copy_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    deed = partial(planting.copy_container, tx, code)
    made = await _done(tx, code, "copy", data, planting.CopyContainer, deed, TreeView)
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
