"""Label stocks on pages: the list, one with its versions, and the form that measures one in millimetres."""

import base64
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import DomainError
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.stock import commands, queries, rules
from biobank.stock.api import MANAGE, READ, stock_file
from biobank.stock.queries import LabelStockView
from biobank.study import queries as studies
from biobank.study.queries import timezone_of
from biobank.tx import ReadTx
from labels import PRINTER_DPI, STOCKS, Stock, render_stock_svg, stock_from_data

Here = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
_CHOICES: Mapping[str, Any] = {
    "kinds": list(rules.KINDS.items()),
    "kind_words": rules.KINDS,
    "papers": list(rules.PAPERS.items()),
    "resolutions": [(str(dpi), f"{dpi} dpi") for dpi in PRINTER_DPI],
}


def picture(stock: Stock) -> str:
    """The drawing as an address of its own, which a page may show without asking again."""
    return f"data:image/svg+xml;base64,{base64.b64encode(render_stock_svg(stock).encode()).decode()}"


def _drawing(values: Mapping[str, str], name: str) -> dict[str, Any]:
    """The stock as the fields say, or why there is no such stock."""
    areas = max([rules.AREAS, *(n + 1 for n in range(rules.MOST_AREAS) if f"areas[{n}].name" in values)])
    try:
        content = rules.content_of(values)
        stock = rules.read(content | {"title": content["title"] or name}, name, 1)
    except DomainError as refused:
        return {"areas": areas, "picture": None, "drawn": None, "not_drawn": str(refused)}
    return {"areas": areas, "picture": picture(stock), "drawn": stock, "not_drawn": None}


@get("/label-stocks", operation_id="labelStocksPage", opt=READ, include_in_schema=False)
async def stocks(request: Here, tx: Reading) -> Template:
    found = await queries.stocks(tx)
    return page(
        request, "stock/list.html", title="Label stocks", found=found, shipped=list(STOCKS.values()), **_CHOICES
    )


async def _new(tx: ReadTx, values: Mapping[str, str]) -> dict[str, Any]:
    own = [(study.code, f"{study.code}, {study.title}") for study in await studies.studies(tx)]
    drawing = _drawing(values, "new")
    return {**_CHOICES, "own_studies": own, "found": None, "here": "/label-stocks/new", **drawing}


@get("/label-stocks/new", operation_id="newLabelStockPage", opt=MANAGE, include_in_schema=False)
async def new(request: Here, tx: Reading) -> Template:
    values = dict(rules.BLANK)
    return page(request, "stock/measure.html", title="New label stock", values=values, **await _new(tx, values))


@post(
    "/label-stocks/new",
    operation_id="defineLabelStockForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def define(tx: Writing, data: Form) -> Redirect:
    with shown_again("stock/measure.html", title="New label stock", values=data, **await _new(tx, data)):
        command = parse_form(commands.DefineLabelStock, data, content=rules.content_of(data))
        made = await tx.once(form_key(data), command, LabelStockView, lambda: commands.define_stock(tx, command))
    return Redirect(f"/label-stocks/{made.name}", status_code=303)


@post(
    "/label-stocks/new/file",
    operation_id="labelStockFileForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=200,
)
async def file_form(request: Here, tx: Writing) -> Template:
    """The measures of a JSON file in the form. Nothing is saved."""
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    values = dict(rules.BLANK) | data
    file = form.get("file")
    with shown_again("stock/measure.html", title="New label stock", values=values, **await _new(tx, values)):
        content = await file.read(rules.LARGEST_CONTENT + 1) if isinstance(file, UploadFile) else b""
        read = rules.flat(rules.read(rules.parse(content), "new", 1))
    values = data | read
    return page(request, "stock/measure.html", title="New label stock", values=values, **await _new(tx, values))


@post(
    "/label-stocks/new/drawing",
    operation_id="drawLabelStockForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=200,
)
async def draw(request: Here, tx: Writing, data: Form) -> Template:
    """The form with the stock as its fields say. Nothing is saved."""
    return page(request, "stock/measure.html", title="New label stock", values=data, **await _new(tx, data))


async def _shown(tx: ReadTx, name: str) -> dict[str, Any]:
    found = await queries.stock(tx, name)
    drawn = stock_from_data(found.versions[0].content)
    return {
        **_CHOICES,
        "found": found,
        "drawn": drawn,
        "picture": picture(drawn),
        "not_drawn": None,
        "site_tz": await timezone_of(tx, Permission.STUDY_READ),
    }


@get("/label-stocks/{label_stock:str}", operation_id="labelStockPage", opt=READ, include_in_schema=False)
async def stock(request: Here, tx: Reading, label_stock: FromPath[str]) -> Template:
    view = await _shown(tx, label_stock)
    return page(request, "stock/stock.html", title=view["found"].title, **view)


@get(
    "/label-stocks/{label_stock:str}/versions/{number:int}/file",
    operation_id="labelStockFile",
    opt=READ,
    include_in_schema=False,
)
async def file(tx: Reading, label_stock: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    return stock_file(await queries.version(tx, label_stock, number))


async def _anew(tx: ReadTx, name: str, values: Mapping[str, str]) -> dict[str, Any]:
    found = await queries.stock(tx, name)
    return {**_CHOICES, "found": found, "here": f"/label-stocks/{name}/measures", **_drawing(values, name)}


@get(
    "/label-stocks/{label_stock:str}/measures",
    operation_id="measureLabelStockPage",
    opt=MANAGE,
    include_in_schema=False,
)
async def measures(request: Here, tx: Reading, label_stock: FromPath[str]) -> Template:
    found = await queries.stock(tx, label_stock)
    latest = found.versions[0]
    values = rules.flat(stock_from_data(latest.content)) | {"seen": str(latest.number)}
    title = f"Measure {found.name} anew"
    return page(request, "stock/measure.html", title=title, values=values, **await _anew(tx, label_stock, values))


@post(
    "/label-stocks/{label_stock:str}/measures",
    operation_id="measureLabelStockForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def measure(tx: Writing, label_stock: FromPath[str], data: Form) -> Redirect:
    view = await _anew(tx, label_stock, data)
    with shown_again("stock/measure.html", title=f"Measure {label_stock} anew", values=data, **view):
        command = parse_form(commands.MeasureLabelStock, data, content=rules.content_of(data))
        action = commands.measure_stock
        await tx.once(form_key(data), command, LabelStockView, lambda: action(tx, label_stock, command), of=label_stock)
    return Redirect(f"/label-stocks/{label_stock}", status_code=303)


@post(
    "/label-stocks/{label_stock:str}/measures/drawing",
    operation_id="drawLabelStockAnewForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=200,
)
async def draw_anew(request: Here, tx: Writing, label_stock: FromPath[str], data: Form) -> Template:
    """The form with the stock as its fields say. Nothing is saved."""
    title = f"Measure {label_stock} anew"
    return page(request, "stock/measure.html", title=title, values=data, **await _anew(tx, label_stock, data))


@post(
    "/label-stocks/{label_stock:str}/offer",
    operation_id="offerLabelStockForm",
    opt=MANAGE,
    include_in_schema=False,
    status_code=303,
)
async def offer(tx: Writing, label_stock: FromPath[str], data: Form) -> Redirect:
    view = await _shown(tx, label_stock)
    with shown_again("stock/stock.html", title=view["found"].title, values=data, **view):
        command = parse_form(commands.OfferLabelStock, data)
        action = commands.offer_stock
        await tx.once(form_key(data), command, LabelStockView, lambda: action(tx, label_stock, command), of=label_stock)
    return Redirect(f"/label-stocks/{label_stock}", status_code=303)


router = Router(
    "/",
    route_handlers=[stocks, new, define, file_form, draw, stock, file, measures, measure, draw_anew, offer],
)
