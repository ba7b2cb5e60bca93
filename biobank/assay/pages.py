"""Pages of assays and runs: planning, plating by file or by scan, importing after a preview, and reviewing."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.assay import commands, formats, listing, mapping_pages, plating, queries, reviewing, rules, uploads
from biobank.assay.api import Before
from biobank.assay.views import AssayView, ImportPreview, RunView
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.study.queries import studies
from biobank.tx import ReadTx, open_read

Web = Request[Any, Any, Any]
READ = {"permission": Permission.ASSAY_READ}
RUN = {"permission": Permission.ASSAY_RUN}
LOAD = {"permission": Permission.ASSAY_RUN, "rate": UPLOAD}
REVIEW = {"permission": Permission.ASSAY_REVIEW}
MANAGE = {"permission": Permission.ASSAY_MANAGE}

STATES: Mapping[str, tuple[str, str]] = {
    "planned": ("pending", "Planned"),
    "plated": ("info", "Plated"),
    "parsed": ("hold", "Waits for review"),
    "verified": ("info", "Verified"),
    "released": ("ok", "Released"),
    "failed": ("stop", "Failed"),
}
RESULT_STATES: Mapping[str, tuple[str, str]] = {
    "preliminary": ("pending", "Preliminary"),
    "verified": ("info", "Verified"),
    "released": ("ok", "Released"),
    "superseded": ("muted", "Superseded"),
    "corrected": ("muted", "Corrected"),
    "withdrawn": ("stop", "Withdrawn"),
    "cancelled": ("stop", "Cancelled"),
}


@get("/runs", operation_id="runsPage", opt=READ, include_in_schema=False)
async def runs_page(
    request: Web,
    tx: Reading,
    status: FromQuery[str | None] = None,
    before: Before = None,
    pick_list: FromQuery[str] = "",
) -> Template:
    """`pick_list` is carried along to the run that its tubes are plated in."""
    values = {"pick_list": pick_list}
    return page(request, "assay/runs.html", title="Runs", **await _runs(tx, status or None, before), values=values)


@post("/runs", operation_id="planRunForm", opt=RUN, include_in_schema=False, status_code=303)
async def plan_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """The place is chosen as STUDY/SITE."""
    with shown_again("assay/runs.html", title="Runs", values=data, **await _runs(tx, None, None)):
        study, _, site = data.get("place", "").partition("/")
        wells = data.get("plate_size", "")
        size = {"plate_size": int(wells)} if wells.isdecimal() else {}  # a choice of numbers takes no text
        command = parse_form(commands.PlanRun, data, study=study, site=site, **size)
        made = await tx.once(form_key(data), command, RunView, lambda: commands.plan_run(tx, command))
    carried = f"?{urlencode({'pick_list': data['pick_list']})}#pick-list" if data.get("pick_list") else ""
    return Redirect(f"/runs/{made.code}{carried}", status_code=303)


async def _runs(tx: ReadTx, status: str | None, before: int | None) -> dict[str, Any]:
    known = await studies(tx)
    found = await queries.runs(tx, status=status, before=before)
    return {
        "found": found,
        "status": status,
        "states": STATES,
        "places": [(f"{s.code}/{site.code}", f"{s.code}: {site.name}") for s in known for site in s.sites],
        "assays": [(assay.code, f"{assay.code}: {assay.title}") for assay in await queries.assays(tx)],
    }


@get("/runs/{run:str}", operation_id="runPage", opt=READ, include_in_schema=False)
async def run_page(request: Web, tx: Reading, run: FromPath[str], pick_list: FromQuery[str] = "") -> Template:
    view = await _run(tx, run)
    return page(request, "assay/run.html", title=view["run"].name, **view, values={"pick_list": pick_list})


async def _run(tx: ReadTx, key: str, preview: ImportPreview | None = None, packed: str = "") -> dict[str, Any]:
    run = await queries.run(tx, key)
    mine = tx.actor.username in {run.operator, run.imported_by}
    return {
        "run": run,
        "states": STATES,
        "result_states": RESULT_STATES,
        "mine": mine,
        "preview": preview,
        "packed": packed,
        "formats": formats.titles(),
        "table": rules.TABLE,
    }


@get("/runs/{run:str}/wells/{plate:int}/{well:str}", operation_id="wellPage", opt=READ, include_in_schema=False)
async def well_page(
    request: Web, tx: Reading, run: FromPath[str], plate: FromPath[int], well: FromPath[str]
) -> Template:
    view = await queries.well(tx, run, plate, well)
    return page(
        request,
        "assay/well.html",
        title=f"{view.run}: well {view.well.label}",
        key=run,
        detail=view,
        result_states=RESULT_STATES,
    )


@post("/runs/{run:str}/wells", operation_id="plateWellForm", opt=RUN, include_in_schema=False, status_code=303)
async def well_form(tx: Writing, run: FromPath[str], data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """One well by scan: the well, then the tube, or the role and name of a standard, control or blank."""
    with await _again(tx, run, data):
        spec = parse_form(plating.WellSpec, data)
        command = parse_form(plating.PlateWells, {"plate": data.get("plate")}, wells=(spec,))
        await tx.once(form_key(data), command, RunView, lambda: plating.plate_wells(tx, run, command), of=run)
    return Redirect(f"/runs/{run}#plates", status_code=303)


@post("/runs/{run:str}/pick-list", operation_id="plateListForm", opt=RUN, include_in_schema=False, status_code=303)
async def list_form(tx: Writing, run: FromPath[str], data: URLEncodedBody[dict[str, str]]) -> Redirect:
    """The tubes that a pick list brought, on the free wells of a plate."""
    with await _again(tx, run, data):
        command = await listing.wells_of(tx, run, parse_form(listing.PlateList, data))
        await tx.once(form_key(data), command, RunView, lambda: plating.plate_wells(tx, run, command), of=run)
    return Redirect(f"/runs/{run}#plates", status_code=303)


@post("/runs/{run:str}/plate-map", operation_id="plateMapForm", opt=LOAD, include_in_schema=False, status_code=303)
async def map_form(request: Web, tx: Writing, run: FromPath[str]) -> Redirect:
    data, file = await uploads.multipart(request)
    with await _again(tx, run, data):
        _, content = await uploads.content_of(file)
        plate = parse_form(plating.PlateWells, {"plate": data.get("plate")}, wells=({"well": "A1"},)).plate
        command = plating.read_map(content, plate)
        await tx.once(form_key(data), command, RunView, lambda: plating.plate_wells(tx, run, command), of=run)
    return Redirect(f"/runs/{run}#plates", status_code=303)


@post("/runs/{run:str}/preview", operation_id="previewForm", opt=LOAD, include_in_schema=False, status_code=200)
async def preview_form(request: Web, run: FromPath[str]) -> Template:
    """Shows what the file would do; of a table first what its columns mean. The page carries the file along, so that
    confirming needs no second choice.
    """
    data, file = await uploads.multipart(request)
    view = await _run_now(request, run)
    with shown_again("assay/run.html", title=view["run"].name, values=data, **view):
        name, content = await uploads.content_of(file)
        key = data.get("format") or None
        if await uploads.is_table(request, run, key):
            return await mapping_pages.table_page(request, run, name, content)
        found = await uploads.preview(request, run, name, content, key)
    view |= {"preview": found, "packed": uploads.pack(content)}
    return page(request, "assay/run.html", title=view["run"].name, **view)


@post(
    "/runs/{run:str}/reading-again",
    operation_id="readAgainForm",
    opt={"permission": Permission.ASSAY_REVIEW, "rate": UPLOAD},
    include_in_schema=False,
    status_code=200,
)
async def again_form(request: Web, run: FromPath[str]) -> Template:
    """Shows what reading the stored file anew would change. Asked for by a button: it starts a process."""
    found = await uploads.read_again(request, run)
    return page(
        request, "assay/again.html", title=f"{found.run}: read again", key=run, found=found, formats=formats.titles()
    )


@post("/runs/{run:str}/import", operation_id="importForm", opt=LOAD, include_in_schema=False, status_code=303)
async def import_form(request: Web, run: FromPath[str]) -> Redirect:
    data, _ = await uploads.multipart(request)
    view = await _run_now(request, run)
    with shown_again("assay/run.html", title=view["run"].name, values=data, **view):
        content = uploads.unpack(data.get("packed", ""), request.app.state.settings.upload_bytes)
        key: UUID = form_key(data)
        await uploads.import_file(request, run, data.get("name", "file"), content, data.get("format") or None, key)
    return Redirect(f"/runs/{run}", status_code=303)


@post("/runs/{run:str}/{step:str}", operation_id="reviewForm", opt=REVIEW, include_in_schema=False, status_code=303)
async def review_form(
    tx: Writing, run: FromPath[str], step: FromPath[str], data: URLEncodedBody[dict[str, str]]
) -> Redirect:
    """Verify, release or fail, each with its own button."""
    with await _again(tx, run, data):
        key = form_key(data)
        match step:
            case "verify":
                yes = parse_form(reviewing.Verify, data)
                await tx.once(key, yes, RunView, lambda: reviewing.verify(tx, run, yes), of=run)
            case "release":
                out = reviewing.Release()
                await tx.once(key, out, RunView, lambda: reviewing.release(tx, run, out), of=run)
            case "fail":
                no = parse_form(reviewing.Fail, data)
                await tx.once(key, no, RunView, lambda: reviewing.fail(tx, run, no), of=run)
            case _:
                raise Invalid("There is no such step: load the page again.")
    return Redirect(f"/runs/{run}", status_code=303)


async def _again(tx: ReadTx, run: str, data: Mapping[str, Any]) -> Any:
    view = await _run(tx, run)
    return shown_again("assay/run.html", title=view["run"].name, values=data, **view)


async def _run_now(request: Web, run: str) -> dict[str, Any]:
    """The run's view by itself, for handlers that open their transaction only after the file is parsed."""
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        return await _run(tx, run)


@get("/assays", operation_id="assaysPage", opt=READ, include_in_schema=False)
async def assays_page(request: Web, tx: Reading) -> Template:
    return page(request, "assay/assays.html", title="Assays", **await _assays(tx))


@post("/assays", operation_id="createAssayForm", opt=MANAGE, include_in_schema=False, status_code=303)
async def assay_form(tx: Writing, data: URLEncodedBody[dict[str, str]]) -> Redirect:
    with shown_again("assay/assays.html", title="Assays", values=data, **await _assays(tx)):
        version = parse_form(commands.VersionSpec, data, analytes=analyte_lines(data.get("analytes", "")))
        command = parse_form(commands.CreateAssay, data, version=version)
        await tx.once(form_key(data), command, AssayView, lambda: commands.create_assay(tx, command))
    return Redirect("/assays", status_code=303)


async def _assays(tx: ReadTx) -> dict[str, Any]:
    return {
        "assays": await queries.assays(tx),
        "studies": [(study.code, f"{study.code}: {study.title}") for study in await studies(tx)],
        "formats": formats.titles(),
    }


def analyte_lines(text: str) -> tuple[commands.MeasuredSpec, ...]:
    """One analyte a line: code, unit, name in the file, title, lower and upper limit, divided by commas or tabs.

    Raises:
        Invalid: naming the line.
    """
    names = ("code", "unit", "name_in_file", "title", "lloq", "uloq")
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.replace("\t", ",").split(",")]
        if not any(cells):
            continue
        if len(cells) > len(names):
            raise Invalid(f"Line {number} has more than six parts.", errors={"analytes": f"line {number} is too long"})
        fields = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
        try:
            found.append(commands.MeasuredSpec.model_validate(fields))
        except ValueError:
            raise Invalid(
                f"Line {number} is no analyte: write code, unit, and if wanted name in the file, title and limits.",
                errors={"analytes": f"line {number} cannot be read"},
            ) from None
    return tuple(found)


router = Router(
    "/",
    route_handlers=[
        runs_page,
        plan_form,
        run_page,
        well_page,
        well_form,
        list_form,
        map_form,
        preview_form,
        again_form,
        import_form,
        review_form,
        assays_page,
        assay_form,
    ],
)
