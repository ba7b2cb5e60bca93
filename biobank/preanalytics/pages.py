"""Code tables, and the forms on the tube's page that correct when things happened."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.preanalytics import commands, queries
from biobank.preanalytics.api import csv_file
from biobank.preanalytics.commands import CorrectedView, LoadTable
from biobank.preanalytics.table import ELEMENTS
from biobank.specimen.correcting import CorrectCollectionTime, CorrectWork
from biobank.specimen.queries import find_specimen as find
from biobank.specimen.queries import rows_of, tube_code
from biobank.study.rules import at_site
from biobank.tx import ReadTx

Web = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
READ = {"permission": Permission.SPECIMEN_READ}
MANAGE = {"permission": Permission.STUDY_MANAGE}
TABLE_BYTES = 1_000_000


@get("/sprec", operation_id="sprecPage", opt=READ, include_in_schema=False)
async def sprec_page(request: Web, tx: Reading) -> Template:
    return page(request, "preanalytics/versions.html", title="SPREC code tables", versions=await queries.tables(tx))


@post("/sprec", operation_id="loadSprecForm", opt=MANAGE, include_in_schema=False, status_code=303)
async def load_form(request: Web, tx: Writing) -> Redirect:
    form = await request.form()
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    view = {"versions": await queries.tables(tx)}
    with shown_again("preanalytics/versions.html", title="SPREC code tables", values=data, **view):
        command = parse_form(LoadTable, data, table=await _text(form.get("file")))
        made = await tx.once(form_key(data), command, queries.VersionView, lambda: commands.load_table(tx, command))
    return Redirect(f"/sprec/{made.code}", status_code=303)


async def _text(file: object) -> str:
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose the CSV of the code table.", errors={"file": "is missing"})
    content = await file.read(TABLE_BYTES + 1)
    if len(content) > TABLE_BYTES:
        raise Invalid("A code table has at most 1 MB.", errors={"file": "is too large"})
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is no text in UTF-8.", errors={"file": "is no text in UTF-8"}) from None


@get("/sprec/{version:str}", operation_id="sprecVersionPage", opt=READ, include_in_schema=False)
async def version_page(request: Web, tx: Reading, version: FromPath[str]) -> Template:
    table = await queries.table(tx, version)
    return page(request, "preanalytics/table.html", title=f"SPREC {table.code}", table=table, elements=ELEMENTS)


@get("/sprec/{version:str}/table.csv", operation_id="sprecVersionFile", opt=READ, include_in_schema=False)
async def version_file(tx: Reading, version: FromPath[str]) -> Response[bytes]:
    return csv_file(await queries.table_csv(tx, version), f"sprec-{version}.csv")


async def _zone(tx: ReadTx, code: str, permission: Permission) -> str:
    tube, _ = await find(tx, code, permission)
    (row,) = await rows_of(tx, [tube.id])
    return row.timezone


@post(
    "/specimens/{code:str}/collection-time",
    operation_id="collectionTimeForm",
    opt={"permission": Permission.SPECIMEN_COLLECT},
    include_in_schema=False,
    status_code=303,
)
async def collection_time(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    tube = tube_code(code)
    zone = await _zone(tx, tube, Permission.SPECIMEN_COLLECT)
    at = at_site(data.get("collected_at", ""), zone, "collected_at")
    command = parse_form(CorrectCollectionTime, data, collected_at=at)
    await tx.once(
        form_key(data), command, CorrectedView, lambda: commands.correct_collection_time(tx, tube, command), of=tube
    )
    return Redirect(f"/specimens/{tube}#sprec", status_code=303)


@post(
    "/specimens/{code:str}/work",
    operation_id="correctWorkForm",
    opt={"permission": Permission.SPECIMEN_PROCESS},
    include_in_schema=False,
    status_code=303,
)
async def work(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    """The work is chosen as its type and beginning. What is left empty stays as it is."""
    tube = tube_code(code)
    zone = await _zone(tx, tube, Permission.SPECIMEN_PROCESS)
    kind, _, seen = data.get("work", "").partition(" ")
    times: dict[str, datetime] = {
        name: at_site(data[name], zone, name) for name in ("started_at", "ended_at") if data.get(name, "").strip()
    }
    command = parse_form(CorrectWork, data, type=kind, seen=seen, **times)
    await tx.once(form_key(data), command, CorrectedView, lambda: commands.correct_work(tx, tube, command), of=tube)
    return Redirect(f"/specimens/{tube}#sprec", status_code=303)


router = Router("/", route_handlers=[sprec_page, load_form, version_page, version_file, collection_time, work])
