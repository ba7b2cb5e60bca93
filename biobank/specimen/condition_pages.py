"""Pages of a tube's condition: deviations of one tube or of many, measurements of one or by a table, derivatives."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Response, Template

from biobank.actor import Permission
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import form_key, page, parse_form, shown_again
from biobank.participant.pages import local_input
from biobank.specimen import deviations, dividing, measuring, queries
from biobank.specimen.deviations import DeviatedView
from biobank.specimen.measuring import MeasuredView
from biobank.specimen.pages import codes_in, made_href, materials
from biobank.specimen.queries import SpecimenView
from biobank.specimen.work import MadeView
from biobank.study.rules import at_site
from biobank.tx import ReadTx

Form = URLEncodedBody[dict[str, str]]
Here = Request[Any, Any, Any]
VIALS = 8
"""Rows of the form for derivatives; empty ones are left out."""
MEASURED = ("cell_count", "viability", "concentration", "yield", "rin", "a260_280", "a260_230")
"""What the form for derivatives asks of each vial."""
WORKS = [("extract", "Extracted"), ("ficoll", "Separated on a gradient"), ("aliquot", "Divided")]

_PROCESS = {"permission": Permission.SPECIMEN_PROCESS}


async def _deed(tx: Writing, code: str, command: Any, key: Any, verb: Any) -> Redirect:
    tube = queries.tube_code(code)
    await tx.once(key, command, SpecimenView, lambda: verb(tx, tube, command), of=tube)
    return Redirect(f"/specimens/{tube}", status_code=303)


@post(
    "/specimens/{code:str}/deviations",
    operation_id="deviationForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def deviation(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    tube = queries.tube_code(code)
    command = parse_form(deviations.RecordDeviation, data, specimens=[tube])
    await tx.once(form_key(data), command, DeviatedView, lambda: deviations.record_deviation(tx, command))
    return Redirect(f"/specimens/{tube}#deviations", status_code=303)


@post(
    "/specimens/{code:str}/deviations/resolve",
    operation_id="resolveDeviationForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def resolve(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    command = parse_form(deviations.ResolveDeviation, data)
    return await _deed(tx, code, command, form_key(data), deviations.resolve_deviation)


@post(
    "/specimens/{code:str}/measurements",
    operation_id="measureForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def measure(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    tube = await queries.specimen(tx, code)
    given = {name: data[name] for name in ("quantity", "text", "equipment") if data.get(name)}
    if data.get("measured_at"):
        given["measured_at"] = at_site(data["measured_at"], tube.timezone, "measured_at")  # type: ignore[assignment]
    command = measuring.RecordMeasurements.model_validate({"measurements": [given]})
    return await _deed(tx, tube.code, command, form_key(data), measuring.record_measurements)


async def _types(tx: ReadTx) -> list[tuple[str, str]]:
    return [(one.code, f"{one.title} ({one.severity})") for one in await deviations.deviation_types(tx)]


@get("/specimens/deviations", operation_id="deviationsPage", opt=_PROCESS, include_in_schema=False)
async def deviations_page(request: Here, tx: Reading, codes: FromQuery[str] = "") -> Template:
    return page(
        request,
        "specimen/deviations.html",
        title="Record a deviation",
        specimens=codes.replace(",", " "),
        deviation_options=await _types(tx),
    )


@post(
    "/specimens/deviations",
    operation_id="recordDeviationForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def record_deviation(tx: Writing, data: Form) -> Redirect:
    view = {"specimens": "", "deviation_options": await _types(tx)}
    with shown_again("specimen/deviations.html", title="Record a deviation", values=data, **view):
        command = parse_form(deviations.RecordDeviation, data, specimens=codes_in(data.get("specimens", "")))
        done = await tx.once(form_key(data), command, DeviatedView, lambda: deviations.record_deviation(tx, command))
    return Redirect(made_href(done.specimens), status_code=303)


@get("/specimens/measurements", operation_id="measurementsPage", opt=_PROCESS, include_in_schema=False)
async def measurements_page(request: Here, tx: Reading) -> Template:
    return page(
        request,
        "specimen/measurements.html",
        title="Record measurements",
        quantities=await measuring.quantities(tx),
        rows=(),
    )


@post(
    "/specimens/measurements",
    operation_id="measurementsForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def read_table(request: Here, tx: Writing) -> Response[Any]:
    data = dict(await request.form())
    view = {"quantities": await measuring.quantities(tx), "rows": ()}
    try:
        command = measuring.ReadTable(text=await _table(data))
        done = await tx.once(form_key(data), command, MeasuredView, lambda: measuring.read_table(tx, command))
    except Invalid as error:
        values = {"text": data.get("text", "")}
        bad = {"rows": error.fields.get("rows", ())}
        with shown_again("specimen/measurements.html", title="Record measurements", values=values, **(view | bad)):
            raise
    shown = done.specimens[:100]
    return Redirect(f"/specimens/made?codes={','.join(shown)}", status_code=303)


async def _table(data: dict[str, Any]) -> str:
    """The text of the chosen file, or what was pasted.

    Raises:
        Invalid: neither, or a file that is no text.
    """
    file = data.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    if not content:
        pasted = str(data.get("text") or "").strip()
        if not pasted:
            raise Invalid("Choose a file, or paste the table.", errors={"text": "is missing"})
        return pasted
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is no text in UTF-8: save it as CSV UTF-8.", errors={"file": "is no text"}) from None


async def _derivation(tx: ReadTx, code: str) -> dict[str, Any]:
    parent = await queries.specimen(tx, code)
    titles = {one.code: one for one in await measuring.quantities(tx)}
    return {
        "parent": parent,
        **await materials(tx),
        "works": WORKS,
        "rows": VIALS,
        "measured": [titles[name] for name in MEASURED if name in titles],
        "site_tz": parent.timezone,
        "now": local_input(tx.now, parent.timezone),
    }


@get("/specimens/{code:str}/derive", operation_id="derivePage", opt=_PROCESS, include_in_schema=False)
async def derive_page(request: Here, tx: Reading, code: FromPath[str]) -> Template:
    return page(request, "specimen/derive.html", title="Make derivatives", **await _derivation(tx, code))


def vial_rows(data: dict[str, str]) -> list[dict[str, Any]]:
    """The filled rows of the form: what each vial holds, whether it is blind, and what was measured of it."""
    found = []
    for number in range(VIALS):
        at = f"vials.{number}."
        quantity = data.get(f"{at}quantity", "").strip()
        if quantity:
            values = [(name, data.get(f"{at}{name}", "").strip()) for name in MEASURED]
            found.append(
                {
                    "quantity": quantity,
                    "is_blind_duplicate": bool(data.get(f"{at}blind")),
                    "measurements": [{"quantity": name, "text": text} for name, text in values if text],
                }
            )
    return found


@post(
    "/specimens/{code:str}/derive",
    operation_id="deriveForm",
    opt=_PROCESS,
    include_in_schema=False,
    status_code=303,
)
async def derive(tx: Writing, code: FromPath[str], data: Form) -> Redirect:
    view = await _derivation(tx, code)
    parent: SpecimenView = view["parent"]
    with shown_again("specimen/derive.html", title="Make derivatives", values=data, **view):
        command = parse_form(
            dividing.Derive,
            data,
            vials=vial_rows(data),
            started_at=at_site(data.get("started_at", ""), parent.timezone, "started_at"),
        )
        made = await tx.once(
            form_key(data), command, MadeView, lambda: dividing.derive(tx, parent.code, command), of=parent.code
        )
    return Redirect(made_href(made.made), status_code=303)


router = Router(
    "/",
    route_handlers=[
        deviation,
        resolve,
        measure,
        deviations_page,
        record_deviation,
        measurements_page,
        read_table,
        derive_page,
        derive,
    ],
)
