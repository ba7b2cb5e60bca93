"""Tables of no known format from requests: looked at, read by a mapping, and shown before anything is stored."""

from collections.abc import Iterable
from collections.abc import Mapping as Known
from dataclasses import dataclass
from typing import Any, NamedTuple

from litestar import Request
from pydantic import ValidationError
from sqlalchemy import select

from assay_importers import ParsedRun, Reading
from assay_importers.contract import plain
from assay_importers.mapping import Layout, Mapping, mapping_of
from assay_importers.table_look import Spot, TableLook, fitted, signature_of
from biobank.actor import Permission
from biobank.assay import importing, mappings, queries, reading, rules
from biobank.assay.mapping_views import FirstReading, RememberedView, TablePreview, TableProblem
from biobank.assay.mappings import Remembered
from biobank.assay.models import AssayVersion
from biobank.errors import Invalid
from biobank.study.models import Study
from biobank.tx import open_read

Web = Request[Any, Any, Any]
_FIRST = 12


class RunOfTable(NamedTuple):
    """The run that a file is for: its study, and the importer that its assay reads with."""

    study_id: int
    study: str
    name: str
    importer: str


async def run_of(request: Web, run: str) -> RunOfTable:
    """The run, if it is within reach of a person who may import."""
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        found = await queries.find_run(tx, run, Permission.ASSAY_RUN)
        row = await tx.session.execute(
            select(Study.code, AssayVersion.importer)
            .join(Study, Study.id == AssayVersion.study_id)
            .where(AssayVersion.id == found.assay_version_id)
        )
        study, importer = row.one()
        return RunOfTable(found.study_id, study, found.name, importer)


def read_mapping(text: str) -> Mapping:
    """A mapping as JSON.

    Raises:
        Invalid: saying what is wrong in it.
    """
    try:
        return Mapping.model_validate_json(text)
    except ValidationError as error:
        raise Invalid(f"Nothing was stored: {said(error)}.", errors={"mapping": said(error)}) from None


def mapping_from(layout: Layout) -> Mapping:
    """The mapping that a layout is.

    Raises:
        Invalid: a table cannot be read so, and why.
    """
    try:
        return mapping_of(layout)
    except ValidationError as error:
        raise Invalid(f"Nothing was stored: {said(error)}.", errors={"columns": said(error)}) from None


def read_spot(header_line: int | None, sheet: str | None, delimiter: str | None) -> Spot | None:
    """Where a person says that the names of the columns stand; None where they say nothing of it.

    Raises:
        Invalid: it is no line, or no divider that is known.
    """
    if header_line is None:
        return None
    try:
        return Spot.model_validate({"header_line": header_line, "sheet": sheet or None, "delimiter": delimiter or ""})
    except ValidationError as error:
        raise Invalid(f"The column names stand nowhere: {said(error)}.", errors={"header_line": said(error)}) from None


def said(error: ValidationError) -> str:
    """What is wrong with a mapping, in words."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    text = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


async def mapping_for(request: Web, run: RunOfTable, name: str, content: bytes) -> Mapping:
    """The mapping that is remembered for the file's header.

    Raises:
        MappingNeeded: there is none.
    """
    look = await _look(request, name, content, None)
    held = _in_force(look, await _known(request, run, look))
    if held is None:
        raise rules.MappingNeeded(
            "Nothing was stored: nobody has said what the columns of this table mean. Look at it with a preview, "
            "correct what was guessed, and import it with that mapping."
        )
    return held[1]


async def preview(
    request: Web,
    key: str,
    name: str,
    content: bytes,
    *,
    at: Spot | None = None,
    mapping: Mapping | None = None,
    layout: Layout | None = None,
) -> TablePreview:
    """A table as it would be read: by `mapping`; else by the columns of `layout`, if that is a mapping; else with the
    names of its columns at `at`; else as is remembered for its header; else as can be guessed. Nothing is stored.

    Raises:
        NotFound: no such run within reach.
        FileRefused, FileTooLarge: the file cannot be opened, or holds no names at `at`.
    """
    run = await run_of(request, key)
    found = await _found(request, run, name, content, at, mapping or layout)
    shown, problem = found.shown, found.problem
    used: Mapping | None = None
    parsed: ParsedRun | None = None
    try:
        if shown is not None:
            used = shown if isinstance(shown, Mapping) else mapping_of(shown)
            parsed = await reading.read_table(name, content, used, limit=request.app.state.settings.upload_bytes)
    except ValidationError as error:
        problem = TableProblem(message=said(error))
    except rules.FileRefused as error:
        problem = _problem(error)
    signature = None if shown is None else signature_of(shown)
    latest = found.known.get(signature) if signature else None
    state = request.app.state
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        command = importing.file_command(name, content, rules.TABLE)
        would = None if parsed is None else await importing.preview(tx, key, command, parsed)
    readings = () if parsed is None else parsed.readings
    return TablePreview(
        run=run.name,
        study=run.study,
        name=name,
        sheets=found.look.sheets,
        delimiter=found.look.delimiter,
        rows=found.look.rows,
        layout=None if shown is None else Layout(**shown.model_dump(exclude={"shape"})),
        mapping=used,
        signature=signature,
        known=0 if latest is None else latest.number,
        remembered=found.remembered,
        problem=problem,
        readings=len(readings),
        samples=_different(one.sample for one in readings),
        wells=_different((one.plate, one.location) for one in readings if one.location),
        analytes=_different(one.analyte for one in readings),
        facts=0 if parsed is None else len(parsed.facts),
        first=tuple(_first(one) for one in readings[:_FIRST]),
        preview=would,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be shown of a table before it is read, and what was said of the headers that it may have."""

    look: TableLook
    known: Known[str, Remembered]
    shown: Layout | None
    remembered: RememberedView | None = None
    problem: TableProblem | None = None


async def _found(
    request: Web, run: RunOfTable, name: str, content: bytes, at: Spot | None, given: Layout | None
) -> _Found:
    place = at if given is None else _spot(given)
    try:
        look = await _look(request, name, content, place)
    except rules.FileRefused as error:
        if place is None:
            raise
        look = await _look(request, name, content, None)
        return _Found(look, await _known(request, run, look, given), given, problem=_problem(error))
    known = await _known(request, run, look, given)
    if given is not None:
        return _Found(look, known, given)
    held = _in_force(look, known, at)
    if held is None:
        problem = None if look.problem is None else TableProblem(message=look.problem)
        return _Found(look, known, look.layout, problem=problem)
    one, mapping = held
    if look.layout is None or _spot(mapping) != _spot(look.layout):
        look = await _look(request, name, content, _spot(mapping))
    view = RememberedView(signature=one.signature, number=one.number, made_by=one.made_by, made_at=one.made_at)
    return _Found(look, known, mapping, view)


async def _look(request: Web, name: str, content: bytes, at: Spot | None) -> TableLook:
    return await reading.look_at_table(name, content, at, limit=request.app.state.settings.upload_bytes)


async def _known(request: Web, run: RunOfTable, look: TableLook, shown: Layout | None = None) -> dict[str, Remembered]:
    """What was said of any header that the file may have, by signature."""
    state = request.app.state
    signatures = {one.signature for one in look.headings}
    signatures |= {signature_of(one) for one in (look.layout, shown) if one is not None}
    async with open_read(state.database, request.scope["user"], clock=state.clock) as tx:
        return dict(await mappings.latest(tx, run.study_id, signatures))


def _in_force(
    look: TableLook, known: Known[str, Remembered], at: Spot | None = None
) -> tuple[Remembered, Mapping] | None:
    """The version in force of a header of the file, and its mapping for this file. Of several headers the one that is
    guessed goes first; with `at` that one alone counts.
    """
    wanted = at or (None if look.layout is None else _spot(look.layout))
    for heading in sorted(look.headings, key=lambda one: _spot(one) != wanted):
        if at is not None and _spot(heading) != at:
            break
        held = known.get(heading.signature)
        if held is not None and not held.withdrawn:
            return held, fitted(held.mapping, heading)
    return None


def _spot(one: Layout | Spot) -> Spot:
    return Spot(sheet=one.sheet, delimiter=one.delimiter, header_line=one.header_line)


def _problem(error: rules.FileRefused) -> TableProblem:
    named = {name: error.fields.get(name) for name in ("line", "column", "value", "expected")}
    return TableProblem(message=str(error).removeprefix("Nothing was stored: "), **named)


def _different(values: Iterable[object]) -> int:
    return len({value for value in values if value is not None})


def _first(one: Reading) -> FirstReading:
    value = None if one.value is None else (one.comparator or "") + plain(one.value)
    return FirstReading(
        plate=one.plate,
        well=one.location,
        sample=one.sample,
        analyte=one.analyte,
        quantity=one.quantity,
        value=value,
        unit=one.unit,
        flag=one.flag,
        raw=one.raw,
    )
