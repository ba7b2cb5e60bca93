"""Bringing an instrument's file into a run: what it would do, then doing it, whole or not at all."""

import hashlib
import json
from collections import Counter
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from assay_importers import ParsedRun
from assay_importers.mapping import Mapping
from biobank.actor import Permission
from biobank.assay import formats, mappings, queries, rules
from biobank.assay.commands import Command
from biobank.assay.matching import FileMatch, KnownAnalyte, MapWell, Placed, match, units
from biobank.assay.models import (
    Analyte,
    AssayRun,
    AssayVersion,
    AssayVersionAnalyte,
    ControlReading,
    Plate,
    RawFile,
    Well,
)
from biobank.assay.views import CandidateView, ImportPreview, QuantityCount, RunView
from biobank.tx import ReadTx, Tx


class ImportFile(Command):
    """The file as it was handed in, by its digest; its bytes travel beside it. `mapping` is what a person said of the
    columns of a table, who saw version `known` of what is remembered of them.
    """

    name: str
    sha256: str
    size: int
    format: str | None = None
    mapping: Mapping | None = None
    known: int = 0


def file_command(
    name: str, content: bytes, format_key: str | None = None, mapping: Mapping | None = None, known: int = 0
) -> ImportFile:
    """The command that importing these bytes is."""
    return ImportFile(
        name=name[:200] or "file",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        format=format_key,
        mapping=mapping,
        known=known,
    )


async def preview(tx: ReadTx, key: str, command: ImportFile, parsed: ParsedRun) -> ImportPreview:
    """What importing the file into the run would do. Nothing is stored."""
    run = await queries.find_run(tx, key, Permission.ASSAY_RUN)
    rules.check_status(run.name, run.status, rules.IMPORTABLE | {"parsed"}, "given a file")
    expected, found = await _match(tx, run, parsed)
    other = await _imported_in(tx, run, command.sha256)
    problems = list(found.problems)
    if parsed.format != expected:
        problems.insert(0, _wrong_format(parsed, expected))
    if other is not None:
        problems.insert(0, f"Run {other} imported this file already.")
    if run.status == "parsed" and other is None and await _own_file(tx, run) != command.sha256:
        problems.insert(0, f"Run {run.name} has imported another file already.")
    return ImportPreview(
        run=run.name,
        name=command.name,
        sha256=command.sha256,
        size=command.size,
        importer=parsed.format,
        importer_version=parsed.importer_version,
        candidates=tuple(CandidateView(format=m.format, verdict=m.verdict, reason=m.reason) for m in parsed.match),
        instrument=parsed.run.instrument,
        software=rules.software_of(parsed.run.header, parsed.run.software),
        serial_number=parsed.run.serial_number,
        batch=parsed.run.batch,
        started_at=parsed.run.started_at,
        wells_in_file=len(found.wells_in_file),
        unknown_wells=tuple(found.unknown_wells),
        missing_wells=tuple(found.missing_wells),
        unknown_analytes=tuple(found.unknown_analytes),
        missing_analytes=tuple(found.missing_analytes),
        quantities=tuple(
            QuantityCount(quantity=quantity, readings=count, units=names)
            for quantity, (count, names) in units(found.placed).items()
        ),
        in_file_only=dict(found.in_file_only),
        roles=dict(Counter(one.well.role for one in found.placed)),
        flags=dict(Counter(one.reading.flag for one in found.placed if one.reading.flag)),
        notes=parsed.notes,
        unread=parsed.unread,
        problems=tuple(problems),
    )


async def import_file(
    tx: Tx, key: str, command: ImportFile, content: bytes, parsed: ParsedRun, mapping: Mapping | None = None
) -> RunView:
    """Import a parsed file into a run: all of it or nothing. The same bytes again give the first outcome. `mapping` is
    what the columns of a table were read by; it is kept with the run, and remembered for its header.

    Raises:
        RunNotReady: the run has another file, or this one by another mapping, or is past its import.
        MappingChanged: somebody else said meanwhile what the columns mean.
        WrongFormat, FileDoesNotFit: naming everything that does not fit.
        FileAlreadyImported: naming the run that has it.
    """
    run = await queries.find_run(tx, key, Permission.ASSAY_RUN, lock=True)
    if run.raw_file_id is not None and await _own_file(tx, run) == command.sha256:
        own = mapping_of_run(run)
        if command.mapping is not None and (own is None or not mappings.same(command.mapping, own)):
            raise rules.RunNotReady(
                f"Run {run.name} has read this file by another mapping: fail it and plan a run to read it otherwise.",
                run=run.name,
                run_status=run.status,
            )
        return await queries.run_view(tx, run.id)
    rules.check_status(run.name, run.status, rules.IMPORTABLE, "given a file")
    expected, found = await _match(tx, run, parsed)
    if parsed.format != expected:
        raise rules.WrongFormat(f"Nothing was stored. {_wrong_format(parsed, expected)}", format=parsed.format)
    file_id = await _store_file(tx, run, command, content)
    if found.problems:
        raise rules.FileDoesNotFit(f"Nothing was stored. {' '.join(found.problems)}", problems=found.problems)
    mapping_id = None if mapping is None else await mappings.keep(tx, run.study_id, mapping, command.known)
    await _store_run(tx, run, file_id, parsed, mapping_id)
    await _store_names(tx, found)
    await _store_results(tx, run, [one for one in found.placed if one.well.role == "unknown"])
    await _store_controls(tx, [one for one in found.placed if one.well.role != "unknown"])
    tx.record(
        "run.imported",
        subject="assay_run",
        subject_id=run.id,
        study_id=run.study_id,
        site_id=run.site_id,
        sha256=command.sha256,
        importer=parsed.format,
        readings=len(found.placed),
        wells_missing=len(found.missing_wells),
    )
    return await queries.run_view(tx, run.id)


def mapping_of_run(run: AssayRun) -> Mapping | None:
    """The mapping by which the run's table was read, line and sheet included; None for a file that was no table."""
    text = json.loads(run.header or "{}").get("mapping")
    return None if run.column_mapping_id is None or text is None else Mapping.model_validate_json(text)


async def matched(tx: ReadTx, run: AssayRun, parsed: ParsedRun) -> FileMatch:
    """The file against the run's plate map and the assay's analytes."""
    return (await _match(tx, run, parsed))[1]


def _wrong_format(parsed: ParsedRun, expected: str) -> str:
    named = formats.titles()
    return (
        f"The file is of this format: {named.get(parsed.format, parsed.format)}. The assay takes files of: "
        f"{named.get(expected, expected)}. Choose the run or the file again."
    )


async def _match(tx: ReadTx, run: AssayRun, parsed: ParsedRun) -> tuple[str, FileMatch]:
    """The importer that the assay's version reads with, and the file against the run."""
    expected = (
        await tx.session.execute(select(AssayVersion.importer).where(AssayVersion.id == run.assay_version_id))
    ).scalar_one()
    plates = await tx.session.execute(select(Plate.number, Plate.rows, Plate.cols).where(Plate.run_id == run.id))
    wells = await tx.session.execute(
        select(Plate.number, Well.row, Well.col, Well.id, Well.role)
        .join(Plate, Plate.id == Well.plate_id)
        .where(Plate.run_id == run.id)
        .order_by(Plate.number, Well.row, Well.col)
    )
    analytes = await tx.session.execute(
        select(AssayVersionAnalyte.name_in_file, AssayVersionAnalyte.unit, Analyte.id, Analyte.code)
        .join(Analyte, Analyte.id == AssayVersionAnalyte.analyte_id)
        .where(AssayVersionAnalyte.assay_version_id == run.assay_version_id)
        .order_by(AssayVersionAnalyte.id)
    )
    return expected, match(
        parsed,
        {row.number: (row.rows, row.cols) for row in plates},
        {(row.number, row.row, row.col): MapWell(row.id, row.role) for row in wells},
        {row.name_in_file: KnownAnalyte(row.id, row.code, row.unit) for row in analytes},
    )


async def _own_file(tx: ReadTx, run: AssayRun) -> str | None:
    return (
        await tx.session.execute(select(RawFile.sha256).where(RawFile.id == run.raw_file_id))
    ).scalar_one_or_none()  # fmt: skip


async def _imported_in(tx: ReadTx, run: AssayRun, sha256: str) -> str | None:
    """The name of another run of the study that has imported these bytes and was not failed."""
    return (
        await tx.session.execute(
            select(AssayRun.name)
            .join(RawFile, RawFile.id == AssayRun.raw_file_id)
            .where(
                RawFile.study_id == run.study_id,
                RawFile.sha256 == sha256,
                AssayRun.id != run.id,
                AssayRun.status != "failed",
            )
        )
    ).scalar_one_or_none()


async def _store_file(tx: Tx, run: AssayRun, command: ImportFile, content: bytes) -> int:
    """Keep the bytes, once in a study. A second import of them waits here for the first, then names its run."""
    kept = await tx.session.execute(
        upsert(RawFile)
        .values(
            study_id=run.study_id,
            sha256=command.sha256,
            name=rules.storable(command.name),
            size=command.size,
            content=content,
            uploaded_by=tx.actor.user_id,
        )
        .on_conflict_do_nothing(constraint="uq_raw_file_content")
        .returning(RawFile.id)
    )
    file_id = kept.scalar_one_or_none()
    if file_id is not None:
        return file_id
    other = await _imported_in(tx, run, command.sha256)
    if other is not None:
        raise rules.FileAlreadyImported(f"Run {other} imported this file already.", run=other)
    same = select(RawFile.id).where(RawFile.study_id == run.study_id, RawFile.sha256 == command.sha256)
    return (await tx.session.execute(same)).scalar_one()


async def _store_run(tx: Tx, run: AssayRun, file_id: int, parsed: ParsedRun, mapping_id: int | None) -> None:
    facts = parsed.run
    texts = {
        "instrument": facts.instrument,
        "software": rules.software_of(facts.header, facts.software),
        "serial_number": facts.serial_number,
        "batch": facts.batch,
        "acquired_at": facts.started_at,
        "kit_lot": run.kit_lot or facts.kit_lot,
        "header": json.dumps(dict(facts.header), ensure_ascii=False).replace("\\u0000", "\N{REPLACEMENT CHARACTER}"),
    }
    await tx.session.execute(
        update(AssayRun)
        .where(AssayRun.id == run.id)
        .values(
            **{name: rules.storable(text) if text else None for name, text in texts.items()},
            status="parsed",
            raw_file_id=file_id,
            importer=parsed.format,
            importer_version=parsed.importer_version,
            column_mapping_id=mapping_id,
            imported_by=tx.actor.user_id,
            imported_at=tx.now,
            row_version=AssayRun.row_version + 1,
        )
    )


async def _store_names(tx: Tx, found: FileMatch) -> None:
    """Keep what the instrument called each well: the file can be told against the plate map for ever."""
    connection = await _driver(tx)
    await connection.execute(
        "update well w set name_in_file = i.name "
        "from unnest($1::bigint[], $2::text[]) as i(id, name) where w.id = i.id",
        list(found.samples),
        [rules.storable(name) for name in found.samples.values()],
    )


_COLUMNS = ("well_id", "analyte_id", "quantity", "value", "comparator", "limit_kind", "unit", "raw_text", "flag")
_STAGE = (
    "create temporary table staged_reading (well_id bigint, analyte_id bigint, quantity text, value numeric, "
    "comparator text, limit_kind text, unit text, raw_text text, flag text) on commit drop"
)
_RESULTS = (
    "with made as (insert into result (study_id, run_id, well_id, specimen_id, participant_id, analyte_id, quantity) "
    "select $1, $2, w.id, s.id, s.participant_id, i.analyte_id, i.quantity "
    "from staged_reading i join well w on w.id = i.well_id "
    "join specimen s on s.id = w.specimen_id returning id, well_id, analyte_id, quantity) "
    "insert into result_version (result_id, value, comparator, limit_kind, unit, raw_text, flag) "
    "select made.id, i.value, i.comparator, i.limit_kind, i.unit, i.raw_text, i.flag "
    "from made join staged_reading i using (well_id, analyte_id, quantity)"
)


async def _store_results(tx: Tx, run: AssayRun, placed: list[Placed]) -> None:
    """By COPY into a staging table and one statement: whose each result is, the database takes from the tube."""
    connection = await _driver(tx)
    await connection.execute(_STAGE)
    await connection.copy_records_to_table(
        "staged_reading", records=[tuple(_values(one).values()) for one in placed], columns=list(_COLUMNS)
    )
    await connection.execute("analyze staged_reading")
    await connection.execute(_RESULTS, run.study_id, run.id)


async def _store_controls(tx: Tx, placed: list[Placed]) -> None:
    rows = [_values(one) for one in placed]
    for row in rows:
        del row["limit_kind"]
    if rows:
        await tx.session.execute(insert(ControlReading), rows)


def _values(one: Placed) -> dict[str, Any]:
    reading = one.reading
    values = (
        one.well.id,
        one.analyte.id,
        rules.storable(reading.quantity),
        reading.value,
        reading.comparator,
        rules.limit_kind(reading.comparator),
        one.unit,
        rules.storable(reading.raw),
        reading.flag,
    )
    return dict(zip(_COLUMNS, values, strict=True))


async def _driver(tx: Tx) -> Any:
    """The driver's own connection, in the same transaction."""
    held = await (await tx.session.connection()).get_raw_connection()
    return held.driver_connection
