"""Types of containers on pages: the list, one type with the picture of its positions, and the form of managers."""

import re
from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.http.templating import MAP_WORDS
from biobank.storage import container_types, grids, queries
from biobank.storage.container_types import AddType, ChangeType, TypeView
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
LEVELS = ("facility", "room", "freezer", "shelf", "rack", "box", "bench")
_MANAGE = {"permission": Permission.STORAGE_MANAGE}
_READ = {"permission": Permission.STORAGE_READ}


async def _view(tx: ReadTx) -> dict[str, Any]:
    fill: dict[str, str] = MAP_WORDS["fill"]  # type: ignore[assignment]  # a mapping of words
    return {
        "kinds": await container_types.container_types(tx),
        "levels": [(level, level) for level in LEVELS],
        "schemes": list(grids.LABEL_SCHEMES.items()),
        "orders": [(order, fill[order].removeprefix("fill ")) for order in grids.FILL_ORDERS],
        "classes": await queries.temperature_classes(tx),
        "formats": await container_types.tube_formats(tx),
    }


def _said(data: dict[str, str]) -> dict[str, Any]:
    """What a form says in many fields: types and formats as boxes that are ticked, names of positions as text."""

    def ticked(prefix: str) -> tuple[str, ...]:
        return tuple(name.removeprefix(prefix) for name, value in data.items() if name.startswith(prefix) and value)

    names = [name for name in re.split(r"[,;\n]+", data.get("names", "")) if name.strip()]
    return {
        "goes_into": ticked("into."),
        "takes": ticked("takes."),
        "tube_formats": ticked("format."),
        "position_names": tuple(name.strip() for name in names) or None,
    }


@get("/container-types", operation_id="containerTypesPage", opt=_READ, include_in_schema=False)
async def types_page(request: Here, tx: Reading) -> Template:
    return page(request, "storage/types.html", title="Container types", **await _view(tx))


@post("/container-types", operation_id="addContainerTypeForm", opt=_MANAGE, include_in_schema=False, status_code=303)
async def add_form(tx: Writing, data: Form) -> Redirect:
    with shown_again("storage/types.html", title="Container types", values=data, **await _view(tx)):
        command = parse_form(AddType, data, **_said(data))
        made = await tx.once(form_key(data), command, TypeView, lambda: container_types.add_type(tx, command))
    return Redirect(f"/container-types/{made.code}", status_code=303)


def _values(kind: TypeView) -> dict[str, Any]:
    """What a type says, as the form writes it."""
    values: dict[str, Any] = {name: value for name, value in kind.model_dump().items() if value is not None}
    values["names"] = ", ".join(kind.position_names or ())
    for prefix, codes in (("into.", kind.goes_into), ("takes.", kind.takes), ("format.", kind.tube_formats)):
        values |= {f"{prefix}{code}": "on" for code in codes}
    return values


@get("/container-types/{code:str}", operation_id="containerTypePage", opt=_READ, include_in_schema=False)
async def type_page(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    kind = await container_types.container_type(tx, code)
    return page(request, "storage/type.html", title=kind.title, kind=kind, values=_values(kind), **await _view(tx))


@post(
    "/container-types/{code:str}",
    operation_id="changeContainerTypeForm",
    opt=_MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def change_form(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    kind = await container_types.container_type(tx, code)
    with shown_again("storage/type.html", title=kind.title, values=data, kind=kind, **await _view(tx)):
        command = parse_form(ChangeType, data, **_said(data))
        await tx.once(
            form_key(data), command, TypeView, lambda: container_types.change_type(tx, code, command), of=code
        )
    return Redirect(f"/container-types/{code}", status_code=303)


router = Router("/", route_handlers=[types_page, add_form, type_page, change_form])
