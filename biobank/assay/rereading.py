"""Reading a run's file again with the importer of today: what that would change. Nothing is stored."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select

from assay_importers import ParsedRun
from assay_importers.changes import said, words
from assay_importers.mapping import Mapping as ColumnMeanings
from biobank.actor import Permission
from biobank.assay import importing, queries, rules
from biobank.assay.models import Analyte, AssayRun, ControlReading, Plate, RawFile, Result, ResultVersion, Well
from biobank.assay.views import ChangedReading, Rereading
from biobank.tx import ReadTx


class StoredFile(NamedTuple):
    """The file of a run as it was handed in, the importer that read it, and of a table the mapping it was read by."""

    name: str
    content: bytes
    importer: str
    mapping: ColumnMeanings | None


class _Cell(NamedTuple):
    plate: int
    row: int
    col: int
    analyte: str
    quantity: str


async def stored_file(tx: ReadTx, key: str) -> StoredFile:
    """The bytes that the run was imported from.

    Raises:
        RunNotReady: no file was imported into it.
    """
    run = await queries.find_run(tx, key, Permission.ASSAY_REVIEW)
    if run.raw_file_id is None or run.importer is None:
        raise rules.RunNotReady(f"Run {run.name} has no file yet: import one first.", run=run.name, status=run.status)
    found = await tx.session.execute(select(RawFile.name, RawFile.content).where(RawFile.id == run.raw_file_id))
    file = found.one()
    return StoredFile(file.name, file.content, run.importer, importing.mapping_of_run(run))


async def compare(tx: ReadTx, key: str, parsed: ParsedRun) -> Rereading:
    """What the file says now beside what was imported from it. Corrections that people made are no part of either."""
    run = await queries.find_run(tx, key, Permission.ASSAY_REVIEW)
    found = await importing.matched(tx, run, parsed)
    places = await _places(tx, run)
    now = {
        _Cell(*places[one.well.id], one.analyte.code, rules.storable(one.reading.quantity)): said(
            one.reading.model_copy(update={"unit": one.unit})
        )
        for one in found.placed
    }
    then = await _imported(tx, run, places)
    cells = sorted(cell for cell in then.keys() | now.keys() if then.get(cell) != now.get(cell))
    return Rereading(
        run=run.name,
        importer=parsed.format,
        version_then=run.importer_version or "",
        version_now=parsed.importer_version,
        readings=len(then),
        changes=tuple(
            ChangedReading(
                plate=cell.plate,
                well=rules.location(cell.row, cell.col),
                analyte=cell.analyte,
                quantity=cell.quantity,
                before=then.get(cell),
                after=now.get(cell),
            )
            for cell in cells
        ),
        problems=tuple(found.problems),
    )


async def _places(tx: ReadTx, run: AssayRun) -> dict[int, tuple[int, int, int]]:
    rows = await tx.session.execute(
        select(Well.id, Plate.number, Well.row, Well.col)
        .join(Plate, Plate.id == Well.plate_id)
        .where(Plate.run_id == run.id)
    )
    return {row.id: (row.number, row.row, row.col) for row in rows}


async def _imported(tx: ReadTx, run: AssayRun, places: Mapping[int, tuple[int, int, int]]) -> dict[_Cell, str]:
    """The first version of each result, and the readings of controls: both are as the file was read."""
    columns = ("value", "comparator", "unit", "flag", "raw_text")
    results = (
        select(Result.well_id, Analyte.code, Result.quantity, *(getattr(ResultVersion, name) for name in columns))
        .join(ResultVersion, (ResultVersion.result_id == Result.id) & (ResultVersion.number == 1))
        .join(Analyte, Analyte.id == Result.analyte_id)
        .where(Result.run_id == run.id)
    )
    controls = (
        select(
            ControlReading.well_id,
            Analyte.code,
            ControlReading.quantity,
            *(getattr(ControlReading, name) for name in columns),
        )
        .join(Analyte, Analyte.id == ControlReading.analyte_id)
        .where(ControlReading.well_id.in_(places))
    )
    return {
        _Cell(*places[row.well_id], row.code, row.quantity): words(
            row.value, row.comparator, row.unit, row.flag, row.raw_text
        )
        for query in (results, controls)
        for row in await tx.session.execute(query)
    }
