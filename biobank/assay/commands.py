"""Setting up analytes, assays and their versions, and planning runs."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from biobank import ids
from biobank.actor import Permission
from biobank.assay import queries, rules
from biobank.assay.fitness_commands import FitnessSpec, add_rules
from biobank.assay.models import (
    Analyte,
    Assay,
    AssayRun,
    AssayVersion,
    AssayVersionAnalyte,
    Plate,
)
from biobank.assay.views import AnalyteView, AssayView, RunView
from biobank.errors import Invalid, NotFound
from biobank.study.queries import study_and_site, study_by_code
from biobank.tx import Tx

StudyCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$")]
AssayCode = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,23}$", description="2 to 24 capital letters, digits or hyphens.")
]
AnalyteCode = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/+()-]{0,59}$",
        description="1 to 60 letters, digits, spaces and . _ / + ( ) -, a letter or digit first.",
    ),
]
RunName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$",
        description="1 to 60 letters, digits, dots, hyphens or underscores.",
    ),
]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Unit = Annotated[str, Field(min_length=1, max_length=40, description="UCUM where there is one, else as the kit says.")]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnalyteSpec(Command):
    """A canonical analyte; one that exists already keeps its title."""

    code: AnalyteCode
    title: Title
    uniprot: Annotated[str | None, Field(max_length=20)] = None


class CreateAnalytes(Command):
    analytes: Annotated[tuple[AnalyteSpec, ...], Field(min_length=1, max_length=2000)]


class MeasuredSpec(AnalyteSpec):
    """An analyte as a version measures it: its name in the file (its code where nothing is said), unit and limits."""

    title: Annotated[str, Field(max_length=200)] = ""
    name_in_file: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    unit: Unit
    lloq: Decimal | None = None
    uloq: Decimal | None = None


class VersionSpec(Command):
    """`fitness` says what a tube must be, by material; without it any material is taken."""

    method: Annotated[str, Field(min_length=1, max_length=2000)]
    importer: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,59}$", description="The key of an importer.")]
    effective_from: date | None = None
    analytes: Annotated[tuple[MeasuredSpec, ...], Field(min_length=1, max_length=2000)]
    fitness: Annotated[tuple[FitnessSpec, ...], Field(max_length=50)] = ()


class CreateAssay(Command):
    study: StudyCode
    code: AssayCode
    title: Title
    platform: Title
    version: VersionSpec


class AddVersion(VersionSpec):
    study: StudyCode


class ReviseFitness(Command):
    """Other fitness rules, all else as in the latest version: they are those of a new version."""

    study: StudyCode
    fitness: Annotated[tuple[FitnessSpec, ...], Field(max_length=50)]


class PlanRun(Command):
    """A run of an assay's version (the latest, where none is named) at a site, with its plates."""

    study: StudyCode
    site: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9-]{1,15}$")]
    assay: AssayCode
    version: Annotated[int | None, Field(ge=1)] = None
    name: RunName
    kit_lot: Annotated[str | None, Field(max_length=80)] = None
    plates: Annotated[int, Field(ge=1, le=20)] = 1
    plate_size: Literal[96, 384] = 96


class Analytes(Command):
    analytes: tuple[AnalyteView, ...]


async def create_analytes(tx: Tx, command: CreateAnalytes) -> Analytes:
    """Make canonical analytes; those of a code that exists already stay as they are."""
    rows = [one.model_dump() for one in command.analytes]
    made = await _missing_analytes(tx, rows)
    tx.record("analytes.created", subject="analyte", subject_id=None, made=made, named=len(rows))
    named = {one.code for one in command.analytes}
    return Analytes(analytes=tuple(one for one in await queries.analytes(tx) if one.code in named))


async def _missing_analytes(tx: Tx, rows: list[dict[str, Any]]) -> int:
    made = await tx.session.execute(
        upsert(Analyte).values(rows).on_conflict_do_nothing(index_elements=["code"]).returning(Analyte.id)
    )
    return len(made.all())


async def create_assay(tx: Tx, command: CreateAssay) -> AssayView:
    """Set up an assay with its first version; analytes that do not exist yet are made."""
    study = await study_by_code(tx, command.study, Permission.ASSAY_MANAGE)
    (assay_id,) = await tx.insert(
        Assay,
        [{"study_id": study.id, "code": command.code, "title": command.title, "platform": command.platform}],
    )
    await _insert_version(tx, assay_id, study.id, 1, command.version)
    tx.record("assay.created", subject="assay", subject_id=assay_id, study_id=study.id, code=command.code)
    return await _assay_view(tx, command.study, command.code)


async def add_version(tx: Tx, code: str, command: AddVersion) -> AssayView:
    """Add a version to an assay: results name the version they were measured with, so none is ever edited."""
    study = await study_by_code(tx, command.study, Permission.ASSAY_MANAGE)
    assay_id = (
        await tx.session.execute(select(Assay.id).where(Assay.study_id == study.id, Assay.code == code))
    ).scalar_one_or_none()
    if assay_id is None:
        raise NotFound(f"Study {study.code} has no assay {code}.", assay=code)
    latest = select(func.max(AssayVersion.number)).where(AssayVersion.assay_id == assay_id)
    number = (await tx.session.execute(latest)).scalar_one() + 1
    await _insert_version(tx, assay_id, study.id, number, command)
    tx.record("assay.version_added", subject="assay", subject_id=assay_id, study_id=study.id, number=number)
    return await _assay_view(tx, study.code, code)


async def revise_fitness(tx: Tx, code: str, command: ReviseFitness) -> AssayView:
    """Add a version that differs from the latest in its fitness rules only; runs of before keep theirs.

    Raises:
        NotFound: no such study or assay within reach.
        Invalid: rules that cannot be.
    """
    study = await study_by_code(tx, command.study, Permission.ASSAY_MANAGE)
    found = await queries.assays(tx, study=study.code, code=code)
    if not found:
        raise NotFound(f"Study {study.code} has no assay {code}.", assay=code)
    latest = found[0].versions[-1]
    version = VersionSpec(
        method=latest.method,
        importer=latest.importer,
        analytes=tuple(MeasuredSpec(**one.model_dump()) for one in latest.analytes),
        fitness=command.fitness,
    )
    return await add_version(tx, code, AddVersion(study=study.code, **version.model_dump()))


async def _insert_version(tx: Tx, assay_id: int, study_id: int, number: int, spec: VersionSpec) -> None:
    (version_id,) = await tx.insert(
        AssayVersion,
        [
            {
                "assay_id": assay_id,
                "study_id": study_id,
                "number": number,
                "method": spec.method,
                "importer": spec.importer,
                "effective_from": spec.effective_from or tx.now.date(),
            }
        ],
    )
    named = [{"code": one.code, "title": one.title or one.code, "uniprot": one.uniprot} for one in spec.analytes]
    await _missing_analytes(tx, named)
    codes = [one.code for one in spec.analytes]
    rows = await tx.session.execute(select(Analyte.code, Analyte.id).where(Analyte.code.in_(codes)))
    found = {row.code: row.id for row in rows}
    await tx.insert(
        AssayVersionAnalyte,
        [
            {
                "assay_version_id": version_id,
                "analyte_id": found[one.code],
                "name_in_file": one.name_in_file or one.code,
                "unit": one.unit,
                "lloq": one.lloq,
                "uloq": one.uloq,
            }
            for one in spec.analytes
        ],
    )
    await add_rules(tx, version_id, spec.fitness)


async def _assay_view(tx: Tx, study: str, code: str) -> AssayView:
    (view,) = await queries.assays(tx, study=study, code=code)
    return view


async def plan_run(tx: Tx, command: PlanRun) -> RunView:
    """Plan a run: its plates get their codes now, so that they can be labelled before anything is pipetted."""
    study, site = await study_and_site(tx, command.study, command.site, Permission.ASSAY_RUN)
    if ids.looks_like_house_id(ids.canonical(command.name)):
        raise Invalid("A run's name cannot look like a code.", errors={"name": "looks like a code: choose a name"})
    query = (
        select(AssayVersion.id)
        .join(Assay, Assay.id == AssayVersion.assay_id)
        .where(Assay.study_id == study.id, Assay.code == command.assay)
        .order_by(AssayVersion.number.desc())
        .limit(1)
    )
    if command.version is not None:
        query = query.where(AssayVersion.number == command.version)
    version_id = (await tx.session.execute(query)).scalar_one_or_none()
    if version_id is None:
        which = f" in version {command.version}" if command.version else ""
        raise NotFound(f"Study {study.code} has no assay {command.assay}{which}.", assay=command.assay)
    (run_id,) = await tx.insert(
        AssayRun,
        [
            {
                "name": command.name,
                "study_id": study.id,
                "site_id": site.id,
                "assay_version_id": version_id,
                "operator_id": tx.actor.user_id,
                "kit_lot": command.kit_lot,
            }
        ],
    )
    rows, cols = rules.PLATE_FORMATS[command.plate_size]
    await tx.insert(
        Plate,
        [
            {
                "code": ids.mint(ids.Kind.PLATE, tx.randomness),
                "run_id": run_id,
                "number": number,
                "rows": rows,
                "cols": cols,
            }
            for number in range(1, command.plates + 1)
        ],
    )
    tx.record("run.planned", subject="assay_run", subject_id=run_id, study_id=study.id, site_id=site.id)
    return await queries.run_view(tx, run_id)
