"""The pages on which a person says what the columns of a table mean, and those of what is remembered of it."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from pydantic import ValidationError

from assay_importers.mapping import Layout
from assay_importers.mapping import Mapping as ColumnMeanings
from assay_importers.table_look import Spot
from biobank.access.limits import UPLOAD
from biobank.actor import Permission
from biobank.assay import formats, mappings, rules, tables, uploads
from biobank.assay.api import Before
from biobank.assay.mapping_views import MappingView
from biobank.errors import Invalid
from biobank.http.deps import Reading, Writing
from biobank.http.pages import FormRefused, form_key, page, parse_form, shown_again
from biobank.tx import ReadTx

Web = Request[Any, Any, Any]
READ = {"permission": Permission.ASSAY_READ}
RUN = {"permission": Permission.ASSAY_RUN}

MEANINGS: Mapping[str, str] = {
    "sample": "Sample",
    "well": "Well",
    "plate": "Plate",
    "analyte": "Analyte",
    "value": "Value",
    "unit": "Unit of the values",
    "flag": "Call or flag",
    "dilution": "Dilution",
    "fact": "Other text",
    "ignored": "Nothing: leave it out",
}
DELIMITERS: Mapping[str, str] = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}
MARKS: Mapping[str, str] = {".": "Point: 1.5", ",": "Comma: 1,5"}
_TABS = {"tab": "\t"}
_WORDS: dict[str, Any] = {
    "meanings": MEANINGS,
    "delimiters": DELIMITERS,
    "dividers": [("tab" if mark == "\t" else mark, word) for mark, word in DELIMITERS.items()],
    "marks": MARKS,
}


async def table_page(
    request: Web,
    run: str,
    name: str,
    content: bytes,
    *,
    at: Spot | None = None,
    layout: Layout | None = None,
    changed: bool = False,
) -> Template:
    """The page of a table before it is imported. `changed`: what was confirmed is not what had been shown."""
    view = await _view(request, run, name, content, at=at, layout=layout)
    return page(request, "assay/mapping.html", title=_title(view), **view | {"changed": changed})


async def _view(
    request: Web, run: str, name: str, content: bytes, *, at: Spot | None = None, layout: Layout | None = None
) -> dict[str, Any]:
    found = await tables.preview(request, run, name, content, at=at, layout=layout)
    return {
        "found": found,
        "key": run,
        "packed": uploads.pack(content),
        "changed": False,
        "corrected": layout is not None,
        "formats": formats.titles(),
        "sheet_options": [(sheet, sheet) for sheet in found.sheets],
        **_WORDS,
    }


def _title(view: Mapping[str, Any]) -> str:
    return f"{view['found'].run}: what the columns mean"


@post(
    "/runs/{run:str}/mapping",
    operation_id="mappingForm",
    opt={**RUN, "rate": UPLOAD},
    include_in_schema=False,
    status_code=200,
)
async def mapping_form(request: Web, run: FromPath[str]) -> Template | Redirect:
    """Looks again with what the person corrected, or imports: only by a mapping whose readings were shown."""
    data, _ = await uploads.multipart(request)
    found = await tables.run_of(request, run)
    content = uploads.unpack(data.get("packed", ""), request.app.state.settings.upload_bytes)
    name = data.get("name", "") or "file"
    at, layout = spoken(data)
    shown = _shown(data)
    if data.get("step") != "import":
        return await table_page(request, run, name, content, at=at, layout=layout)
    if layout is None or layout != shown:
        return await table_page(request, run, name, content, at=at, layout=layout, changed=True)
    try:
        mapping = tables.mapping_from(layout)
        key = form_key(data)
        await uploads.import_file(
            request, run, name, content, rules.TABLE, key, mapping=mapping, known=_number(data.get("known", ""))
        )
    except Exception as error:
        view = await _view(request, run, name, content, layout=layout)
        raise FormRefused(error, "assay/mapping.html", f"{found.name}: what the columns mean", view) from error
    return Redirect(f"/runs/{run}", status_code=303)


def spoken(data: Mapping[str, str]) -> tuple[Spot | None, Layout | None]:
    """What a form says: where the column names stand, if that is elsewhere than shown, or else what the columns mean.

    Raises:
        Invalid: a field that no page of ours has sent.
    """
    shown = _shown(data)
    line = data.get("header_line", "")
    delimiter = _TABS.get(data.get("delimiter", ""), data.get("delimiter", ""))
    sheet = data.get("sheet") or None
    if line and not _number(line):
        raise Invalid("The line of the column names is a number from 1.", errors={"header_line": "is no line"})
    if shown is None or (line, delimiter, sheet) != (str(shown.header_line), shown.delimiter, shown.sheet):
        return tables.read_spot(_number(line) or None, sheet, delimiter), None
    columns = [
        {
            "name": column.name,
            "meaning": data.get(f"meaning-{number}", column.meaning),
            "unit": (data.get(f"unit-{number}") or None) if f"unit-{number}" in data else column.unit,
        }
        for number, column in enumerate(shown.columns)
    ]
    return None, _layout({**shown.model_dump(), "decimal": data.get("decimal", shown.decimal), "columns": columns})


def _shown(data: Mapping[str, str]) -> Layout | None:
    """What the page showed, as it sends it along."""
    if not data.get("shown"):
        return None
    try:
        return Layout.model_validate_json(data["shown"])
    except ValidationError:
        raise Invalid("The form lost its columns: choose the file again.", errors={"shown": "is damaged"}) from None


def _layout(fields: Mapping[str, Any]) -> Layout:
    try:
        return Layout.model_validate(fields)
    except ValidationError as error:
        raise Invalid(f"A column means nothing that is known: {tables.said(error)}.") from None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


# --- what is remembered -----------------------------------------------------------------------------------------------


@get("/column-mappings", operation_id="columnMappingsPage", opt=READ, include_in_schema=False)
async def mappings_page(request: Web, tx: Reading, before: Before = None) -> Template:
    found = await mappings.mappings(tx, before=before)
    return page(request, "assay/mappings.html", title="Column mappings", found=found)


@get(
    "/column-mappings/{study:str}/{signature:str}", operation_id="columnMappingPage", opt=READ, include_in_schema=False
)
async def remembered_page(request: Web, tx: Reading, study: FromPath[str], signature: FromPath[str]) -> Template:
    return page(request, "assay/remembered.html", title="Column mapping", **await _remembered(tx, study, signature))


@post(
    "/column-mappings/{study:str}/{signature:str}",
    operation_id="correctMappingForm",
    opt=RUN,
    include_in_schema=False,
    status_code=303,
)
async def correct_form(
    tx: Writing, study: FromPath[str], signature: FromPath[str], data: URLEncodedBody[dict[str, str]]
) -> Redirect:
    """A further version of what the columns mean, without a file."""
    view = await _remembered(tx, study, signature)
    with shown_again("assay/remembered.html", title="Column mapping", values=data, **view):
        before: ColumnMeanings = view["found"].mapping
        columns = [
            {
                "name": column.name,
                "meaning": data.get(f"meaning-{number}", column.meaning),
                "unit": data.get(f"unit-{number}") or None,
            }
            for number, column in enumerate(before.columns)
        ]
        fields = before.model_dump(exclude={"shape"})
        layout = _layout({**fields, "decimal": data.get("decimal", before.decimal), "columns": columns})
        command = parse_form(
            mappings.RememberMapping, {"reason": data.get("reason")}, study=study, mapping=tables.mapping_from(layout),
            known=_number(data.get("known", "")),
        )  # fmt: skip
        await tx.once(form_key(data), command, MappingView, lambda: mappings.remember(tx, command))
    return Redirect(f"/column-mappings/{study}/{signature}", status_code=303)


@post(
    "/column-mappings/{study:str}/{signature:str}/withdraw",
    operation_id="withdrawMappingForm",
    opt=RUN,
    include_in_schema=False,
    status_code=303,
)
async def withdraw_form(
    tx: Writing, study: FromPath[str], signature: FromPath[str], data: URLEncodedBody[dict[str, str]]
) -> Redirect:
    view = await _remembered(tx, study, signature)
    with shown_again("assay/remembered.html", title="Column mapping", values=data, **view):
        command = parse_form(
            mappings.WithdrawMapping, {"reason": data.get("reason")}, known=_number(data.get("known", ""))
        )
        await tx.once(
            form_key(data),
            command,
            MappingView,
            lambda: mappings.withdraw(tx, study, signature, command),
            of=f"{study}/{signature}",
        )
    return Redirect(f"/column-mappings/{study}/{signature}", status_code=303)


async def _remembered(tx: ReadTx, study: str, signature: str) -> dict[str, Any]:
    return {"found": await mappings.mapping(tx, study, signature), **_WORDS}


router = Router("/", route_handlers=[mapping_form, mappings_page, remembered_page, correct_form, withdraw_form])
