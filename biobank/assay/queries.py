"""Assays and runs within reach."""

import json

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from biobank import ids
from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.assay import plates
from biobank.assay.fitness import Rule
from biobank.assay.fitting import rules_of
from biobank.assay.mapping_models import ColumnMapping
from biobank.assay.models import (
    Analyte,
    Assay,
    AssayRun,
    AssayVersion,
    AssayVersionAnalyte,
    Plate,
    RawFile,
    Result,
    ResultVersion,
)
from biobank.assay.views import (
    AllowedView,
    AnalyteView,
    AssayView,
    FileView,
    FitnessView,
    LimitsView,
    MeasuredView,
    RunMapping,
    RunRow,
    RunView,
    VersionView,
    WellDetail,
)
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.paging import Page, cut
from biobank.study.models import Site, Study
from biobank.tx import ReadTx


async def analytes(tx: ReadTx) -> list[AnalyteView]:
    rows = await tx.session.execute(select(Analyte.code, Analyte.title, Analyte.uniprot).order_by(Analyte.code))
    return [AnalyteView(**row._mapping) for row in rows]


async def assays(tx: ReadTx, *, study: str | None = None, code: str | None = None) -> list[AssayView]:
    """The assays of the studies within reach, with every version and its analytes."""
    scope = tx.scope(Permission.ASSAY_READ)
    reach = scope.studies | {study_id for study_id, _ in scope.sites}
    query = select(Assay, Study.code).join(Study, Study.id == Assay.study_id).order_by(Study.code, Assay.code)
    if not scope.everything:
        query = query.where(Assay.study_id.in_(reach))
    if study:
        query = query.where(Study.code == study)
    if code:
        query = query.where(Assay.code == code)
    found = (await tx.session.execute(query)).all()
    measured = await tx.session.execute(
        select(AssayVersion, AssayVersionAnalyte, Analyte.code, Analyte.title)
        .outerjoin(AssayVersionAnalyte, AssayVersionAnalyte.assay_version_id == AssayVersion.id)
        .outerjoin(Analyte, Analyte.id == AssayVersionAnalyte.analyte_id)
        .where(AssayVersion.assay_id.in_([assay.id for assay, _ in found]))
        .order_by(AssayVersion.number, AssayVersionAnalyte.id)
    )
    versions: dict[int, dict[int, tuple[AssayVersion, list[MeasuredView]]]] = {}
    for version, one, analyte, title in measured:
        held = versions.setdefault(version.assay_id, {}).setdefault(version.number, (version, []))
        held[1].append(
            MeasuredView(
                code=analyte,
                title=title,
                name_in_file=one.name_in_file,
                unit=one.unit,
                lloq=one.lloq,
                uloq=one.uloq,
            )
        )
    asked = await rules_of(tx, [version.id for held in versions.values() for version, _ in held.values()])
    return [
        AssayView(
            study=study_code,
            code=assay.code,
            title=assay.title,
            platform=assay.platform,
            versions=tuple(
                VersionView(
                    number=version.number,
                    method=version.method,
                    importer=version.importer,
                    effective_from=version.effective_from,
                    analytes=tuple(held),
                    fitness=tuple(_fitness(rule) for rule in asked.get(version.id, ())),
                )
                for version, held in versions.get(assay.id, {}).values()
            ),
        )
        for assay, study_code in found
    ]


def _fitness(rule: Rule) -> FitnessView:
    return FitnessView(
        specimen_type=rule.specimen_type,
        min_quantity=rule.min_quantity,
        max_freeze_thaws=rule.max_freeze_thaws,
        max_minutes_to_spin=rule.max_minutes_to_spin,
        max_minutes_to_storage=rule.max_minutes_to_storage,
        measurements=tuple(
            LimitsView(quantity=one.quantity, title=one.title, lowest=one.lowest, highest=one.highest)
            for one in rule.measurements
        ),
        deviations=tuple(sorted(rule.deviations)),
        sprec=tuple(AllowedView(element=number, codes=tuple(sorted(codes))) for number, codes in rule.sprec.items()),
    )


def _runs() -> Select[AssayRun, str, str, str, str, str, int]:
    """Runs with study, site, assay and operator by code, and the code of the first plate."""
    return (
        select(
            AssayRun,
            Plate.code.label("code"),
            Study.code.label("study"),
            Site.code.label("site"),
            Assay.code.label("assay"),
            AppUser.username.label("operator"),
            AssayVersion.number.label("version"),
        )
        .join(Plate, (Plate.run_id == AssayRun.id) & (Plate.number == 1))
        .join(Study, Study.id == AssayRun.study_id)
        .join(Site, Site.id == AssayRun.site_id)
        .join(AssayVersion, AssayVersion.id == AssayRun.assay_version_id)
        .join(Assay, Assay.id == AssayVersion.assay_id)
        .join(AppUser, AppUser.id == AssayRun.operator_id)
    )


async def runs(
    tx: ReadTx,
    *,
    study: str | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[RunRow]:
    """Runs within reach, the newest first; `before` is the `next` of the page before."""
    query = (
        _runs()
        .where(visible(tx.scope(Permission.ASSAY_READ), AssayRun.study_id, AssayRun.site_id))
        .order_by(AssayRun.id.desc())
        .limit(limit + 1)
    )
    if before:
        query = query.where(AssayRun.id < before)
    if study:
        query = query.where(Study.code == study)
    if status:
        query = query.where(AssayRun.status == status)
    rows = [
        RunRow(
            id=row.AssayRun.id,
            name=row.AssayRun.name,
            status=row.AssayRun.status,
            created_at=row.AssayRun.created_at,
            code=row.code,
            study=row.study,
            site=row.site,
            assay=row.assay,
            version=row.version,
            operator=row.operator,
        )
        for row in await tx.session.execute(query)
    ]
    return cut(rows, limit, lambda row: row.id)


async def find_run(tx: ReadTx, key: str, permission: Permission, *, lock: bool = False) -> AssayRun:
    """A run within reach by the code of one of its plates, or by its name; with `lock` it is held until the end.

    Raises:
        NotFound: none within reach.
        Invalid: runs of several studies have this name.
    """
    code = ids.canonical(key)
    query = select(AssayRun).where(visible(tx.scope(permission), AssayRun.study_id, AssayRun.site_id))
    if ids.looks_like_house_id(code) and code.startswith(ids.Kind.PLATE):
        query = query.where(AssayRun.id.in_(select(Plate.run_id).where(Plate.code == code)))
    else:
        query = query.where(AssayRun.name == key)
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalars().all()
    if not found:
        raise NotFound(f"There is no run {ids.grouped(key)}.", run=key)
    if len(found) > 1:
        raise Invalid(f"Several runs are called {key}: use the code of the plate.", errors={"run": "is not unique"})
    return found[0]


async def run(tx: ReadTx, key: str) -> RunView:
    """A run with its plates, files and counts.

    Raises:
        NotFound: none within reach.
    """
    found = await find_run(tx, key, Permission.ASSAY_READ)
    return await run_view(tx, found.id)


async def run_view(tx: ReadTx, run_id: int) -> RunView:
    """As the database has it now, whatever the session remembers of it."""
    importer, verifier, releaser = (aliased(AppUser) for _ in range(3))
    row = (
        await tx.session.execute(
            _runs()
            .add_columns(
                Site.timezone,
                Assay.title.label("assay_title"),
                AssayVersion.method,
                AssayVersion.importer.label("expected_importer"),
                importer.username.label("importer_name"),
                verifier.username.label("verifier_name"),
                releaser.username.label("releaser_name"),
                RawFile.name.label("file_name"),
                RawFile.sha256,
                RawFile.size,
                ColumnMapping.signature,
                ColumnMapping.number.label("mapping_number"),
            )
            .outerjoin(importer, importer.id == AssayRun.imported_by)
            .outerjoin(verifier, verifier.id == AssayRun.verified_by)
            .outerjoin(releaser, releaser.id == AssayRun.released_by)
            .outerjoin(RawFile, RawFile.id == AssayRun.raw_file_id)
            .outerjoin(ColumnMapping, ColumnMapping.id == AssayRun.column_mapping_id)
            .where(AssayRun.id == run_id)
            .execution_options(populate_existing=True)
        )
    ).one()
    held: AssayRun = row.AssayRun
    maps = await plates.plate_views(tx, run_id, row.code)
    roles: dict[str, int] = {}
    for plate in maps:
        for well_view in plate.wells:
            roles[well_view.role] = roles.get(well_view.role, 0) + 1
    statuses = await tx.session.execute(
        select(ResultVersion.status, func.count().label("number"))
        .join(Result, Result.id == ResultVersion.result_id)
        .where(Result.run_id == run_id, ResultVersion.is_current)
        .group_by(ResultVersion.status)
        .order_by(ResultVersion.status)
    )
    summary = await plates.summary(tx, run_id)
    return RunView(
        code=row.code,
        name=held.name,
        study=row.study,
        site=row.site,
        timezone=row.timezone,
        assay=row.assay,
        assay_title=row.assay_title,
        version=row.version,
        method=row.method,
        expected_importer=row.expected_importer,
        status=held.status,
        operator=row.operator,
        created_at=held.created_at,
        kit_lot=held.kit_lot,
        importer=held.importer,
        importer_version=held.importer_version,
        mapping=RunMapping(signature=row.signature, number=row.mapping_number) if row.signature else None,
        instrument=held.instrument,
        software=held.software,
        serial_number=held.serial_number,
        batch=held.batch,
        acquired_at=held.acquired_at,
        header=json.loads(held.header or "{}"),
        imported_by=row.importer_name,
        imported_at=held.imported_at,
        verified_by=row.verifier_name,
        verified_at=held.verified_at,
        released_by=row.releaser_name,
        released_at=held.released_at,
        file=FileView(name=row.file_name, sha256=row.sha256, size=row.size) if row.sha256 else None,
        plates=maps,
        wells=roles,
        results={one.status: one.number for one in statuses},
        control_readings=sum(one.controls for one in summary),
        analytes=summary,
    )


async def well(tx: ReadTx, key: str, plate: int, label: str) -> WellDetail:
    """What a well holds and everything that was read in it, earlier versions of corrected results included.

    Raises:
        NotFound: no such run within reach, or no such well on its plates.
    """
    return await plates.well_detail(tx, await find_run(tx, key, Permission.ASSAY_READ), plate, label)
