"""Protocols as people may see them, which version is in force on a day, and what it plans for a visit."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping, Select, func, or_, select
from sqlalchemy.orm import aliased

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.catalogue.models import MaterialOrigin, SpecimenType, TemperatureClass, TubeType
from biobank.errors import NotFound
from biobank.exact import Exact, plain
from biobank.protocol.document import AliquotSpec, Document, StepSpec, TubeSpec, VisitSpec
from biobank.protocol.models import PlannedAliquot, PlannedStep, PlannedTube, PlannedVisit, ProtocolVersion
from biobank.protocol.rules import Tube, Vocabulary
from biobank.study.models import Cohort, ConsentScope, Study
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class VersionHead(View):
    """One version of a protocol without what it plans. `in_force` is said of today, in UTC."""

    number: int
    status: str
    effective_from: date | None
    effective_to: date | None
    in_force: bool
    note: str | None
    created_at: datetime
    created_by: str | None
    published_at: datetime | None
    published_by: str | None
    row_version: int
    visits: int


class ProtocolView(View):
    """A study's protocol: its versions, the latest first."""

    study: str
    title: str
    in_force: int | None
    draft: int | None
    versions: tuple[VersionHead, ...]


class VersionView(View):
    """One version with what it plans."""

    study: str
    head: VersionHead
    document: Document


class StepPlan(View):
    type: str
    within_minutes: int | None
    min_minutes: int | None
    max_minutes: int | None
    min_g: int | None
    max_g: int | None
    min_celsius: int | None
    max_celsius: int | None
    brake: bool | None
    sop_version: str | None


class AliquotPlan(View):
    specimen_type: str
    title: str
    tube_type: str
    tube_title: str
    count: int
    blind_duplicates: int
    quantity: Exact
    unit: str
    temperature_class: str


class TubePlan(View):
    """Tubes of one kind to collect at a visit, in the order of the draw, with the work on them and what is made of
    them. `id` is the key of the planned tube and is not shown.
    """

    id: Annotated[int, Field(exclude=True)]
    code: str
    specimen_type: str
    title: str
    tube_type: str
    tube_title: str
    count: int
    quantity: Exact
    unit: str
    cohort: str | None
    consent_scope: str | None
    temperature_class: str | None
    handling: str | None
    steps: tuple[StepPlan, ...]
    aliquots: tuple[AliquotPlan, ...]


async def vocabulary(tx: ReadTx, study_id: int) -> Vocabulary:
    """The terms that a protocol of this study may use."""
    run = tx.session.execute
    units = await run(select(SpecimenType.code, SpecimenType.unit))
    tubes = await run(select(TubeType.code, TubeType.capacity_ul, TubeType.sprec_container))
    origins = await run(select(MaterialOrigin.specimen_type, MaterialOrigin.made_of, MaterialOrigin.sprec_container))
    return Vocabulary(
        units={row.code: row.unit for row in units},
        tubes={row.code: Tube(plain(row.capacity_ul), row.sprec_container) for row in tubes},
        temperatures=frozenset((await run(select(TemperatureClass.code))).scalars()),
        scopes=frozenset((await run(select(ConsentScope.code))).scalars()),
        cohorts=frozenset((await run(select(Cohort.code).where(Cohort.study_id == study_id))).scalars()),
        origins=frozenset((row.specimen_type, row.made_of, row.sprec_container) for row in origins),
    )


async def words(tx: ReadTx) -> dict[str, dict[str, str]]:
    """What people call the terms of a protocol: titles by code of materials, tubes, temperatures, consent scopes, and
    the units.
    """

    async def titles(model: Any) -> dict[str, str]:
        rows = await tx.session.execute(select(model.code, model.title).order_by(model.code))
        return {row.code: row.title for row in rows}

    units = await tx.session.execute(select(SpecimenType.unit).distinct().order_by(SpecimenType.unit))
    return {
        "materials": await titles(SpecimenType),
        "tubes": await titles(TubeType),
        "temperatures": await titles(TemperatureClass),
        "scopes": await titles(ConsentScope),
        "units": {unit: unit for unit in units.scalars()},
    }


async def planned_visits(tx: ReadTx, study_id: int, day: date) -> tuple[tuple[str, str, bool], ...]:
    """The visits of the version in force on a day: code, title and whether it is scheduled."""
    version_id = in_force_on(study_id, day).with_only_columns(ProtocolVersion.id).scalar_subquery()
    rows = await tx.session.execute(
        select(PlannedVisit.code, PlannedVisit.title, PlannedVisit.planned_day)
        .where(PlannedVisit.protocol_version_id == version_id)
        .order_by(PlannedVisit.position)
    )
    return tuple((row.code, row.title, row.planned_day is not None) for row in rows)


def in_force_on(study_id: Any, day: Any) -> Select[ProtocolVersion]:
    """The version that is in force on a day: the latest published one that began by then."""
    return (
        select(ProtocolVersion)
        .where(
            ProtocolVersion.study_id == study_id,
            ProtocolVersion.status == "published",
            ProtocolVersion.effective_from <= day,
        )
        .order_by(ProtocolVersion.effective_from.desc())
        .limit(1)
    )


async def version_in_force(tx: ReadTx, study_id: int, day: date) -> ProtocolVersion | None:
    return (await tx.session.execute(in_force_on(study_id, day))).scalar_one_or_none()


async def protocol(tx: ReadTx, study: str) -> ProtocolView:
    """A study's protocol with its versions.

    Raises:
        NotFound: no such study within reach.
    """
    found = await study_by_code(tx, study, Permission.STUDY_READ)
    heads = await _heads(tx, found.id)
    return ProtocolView(
        study=found.code,
        title=found.title,
        in_force=next((head.number for head in heads if head.in_force), None),
        draft=next((head.number for head in heads if head.status == "draft"), None),
        versions=tuple(heads),
    )


async def _heads(tx: ReadTx, study_id: int) -> list[VersionHead]:
    maker, publisher = aliased(AppUser), aliased(AppUser)
    planned = (
        select(func.count())
        .select_from(PlannedVisit)
        .where(PlannedVisit.protocol_version_id == ProtocolVersion.id)
        .correlate(ProtocolVersion)
    )
    rows = await tx.session.execute(
        select(
            ProtocolVersion.number,
            ProtocolVersion.status,
            ProtocolVersion.effective_from,
            ProtocolVersion.note,
            ProtocolVersion.created_at,
            maker.display_name.label("created_by"),
            ProtocolVersion.published_at,
            publisher.display_name.label("published_by"),
            ProtocolVersion.row_version,
            planned.scalar_subquery().label("visits"),
        )
        .outerjoin(maker, maker.id == ProtocolVersion.created_by)
        .outerjoin(publisher, publisher.id == ProtocolVersion.published_by)
        .where(ProtocolVersion.study_id == study_id)
        .order_by(ProtocolVersion.number.desc())
    )
    heads: list[VersionHead] = []
    until: date | None = None
    today = tx.now.date()
    for row in rows:
        is_published = row.status == "published"
        begun = is_published and row.effective_from <= today
        heads.append(
            VersionHead(
                **row._asdict(),
                effective_to=until if is_published else None,
                in_force=begun and (until is None or until > today),
            )
        )
        until = row.effective_from if is_published else until
    return heads


async def version(tx: ReadTx, study: str, number: int) -> VersionView:
    """One version of a protocol with what it plans.

    Raises:
        NotFound: no such study within reach, or no such version of it.
    """
    found = await study_by_code(tx, study, Permission.STUDY_READ)
    head = next((one for one in await _heads(tx, found.id) if one.number == number), None)
    if head is None:
        raise NotFound(f"The protocol of {found.code} has no version {number}.", study=found.code, version=number)
    row = await find_version(tx, found.id, number)
    return VersionView(study=found.code, head=head, document=await document_of(tx, row))


async def find_version(tx: ReadTx, study_id: int, number: int) -> ProtocolVersion:
    return (
        await tx.session.execute(
            select(ProtocolVersion).where(ProtocolVersion.study_id == study_id, ProtocolVersion.number == number)
        )
    ).scalar_one()


async def document_of(tx: ReadTx, row: ProtocolVersion) -> Document:
    """What a version plans, as a document."""
    other = aliased(PlannedVisit)
    visits = (
        await tx.session.execute(
            select(
                PlannedVisit.id,
                PlannedVisit.code,
                PlannedVisit.title,
                PlannedVisit.planned_day.label("day"),
                PlannedVisit.days_before.label("before"),
                PlannedVisit.days_after.label("after"),
                other.code.label("same_tubes_as"),
            )
            .outerjoin(other, other.id == PlannedVisit.same_tubes_as_id)
            .where(PlannedVisit.protocol_version_id == row.id)
            .order_by(PlannedVisit.position, PlannedVisit.id)
        )
    ).mappings()
    study = (await tx.session.execute(select(Study.code).where(Study.id == row.study_id))).scalar_one()
    listed = list(visits)
    tubes = await _tubes(tx, PlannedTube.planned_visit_id.in_([visit["id"] for visit in listed]))
    by_visit: defaultdict[int, list[TubeSpec]] = defaultdict(list)
    for tube, steps, aliquots in tubes:
        by_visit[tube["planned_visit_id"]].append(
            TubeSpec(
                **_fields(tube, TubeSpec),
                store=tube["temperature_class"],
                steps=tuple(StepSpec(**_fields(step, StepSpec)) for step in steps),
                aliquots=tuple(
                    AliquotSpec(**_fields(one, AliquotSpec), store=one["temperature_class"]) for one in aliquots
                ),
            )
        )
    return Document(
        study=study,
        effective_from=row.effective_from,
        note=row.note,
        visits=tuple(VisitSpec(**_fields(visit, VisitSpec), tubes=tuple(by_visit[visit["id"]])) for visit in listed),
    )


def _fields(row: RowMapping, model: type[BaseModel]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields if name in row}


async def _tubes(tx: ReadTx, which: Any) -> list[tuple[RowMapping, list[RowMapping], list[RowMapping]]]:
    """Planned tubes in their order, each with its steps and aliquots in theirs. Three statements, however many."""
    vial = aliased(TubeType)
    tubes = list(
        (
            await tx.session.execute(
                select(
                    *PlannedTube.__table__.columns,
                    Cohort.code.label("cohort"),
                    SpecimenType.title.label("title"),
                    TubeType.title.label("tube_title"),
                )
                .outerjoin(Cohort, Cohort.id == PlannedTube.cohort_id)
                .join(SpecimenType, SpecimenType.code == PlannedTube.specimen_type)
                .join(TubeType, TubeType.code == PlannedTube.tube_type)
                .where(which)
                .order_by(PlannedTube.planned_visit_id, PlannedTube.position, PlannedTube.id)
            )
        ).mappings()
    )
    keys = [tube["id"] for tube in tubes]
    steps = await tx.session.execute(
        select(*PlannedStep.__table__.columns)
        .where(PlannedStep.planned_tube_id.in_(keys))
        .order_by(PlannedStep.position)
    )
    aliquots = await tx.session.execute(
        select(*PlannedAliquot.__table__.columns, SpecimenType.title.label("title"), vial.title.label("tube_title"))
        .join(SpecimenType, SpecimenType.code == PlannedAliquot.specimen_type)
        .join(vial, vial.code == PlannedAliquot.tube_type)
        .where(PlannedAliquot.planned_tube_id.in_(keys))
        .order_by(PlannedAliquot.position)
    )
    steps_of, aliquots_of = _by_tube(steps.mappings()), _by_tube(aliquots.mappings())
    return [(tube, steps_of[tube["id"]], aliquots_of[tube["id"]]) for tube in tubes]


def _by_tube(rows: Iterable[RowMapping]) -> defaultdict[int, list[RowMapping]]:
    found: defaultdict[int, list[RowMapping]] = defaultdict(list)
    for row in rows:
        found[row["planned_tube_id"]].append(row)
    return found


async def plan_of(tx: ReadTx, version_id: int, visit_type_id: int, cohort_id: int | None) -> tuple[TubePlan, ...]:
    """What a version plans to collect at a visit of a type, from a member of a cohort: what everybody gives, and what
    this cohort gives besides, in the order of the draw. Empty where the version does not have the visit.
    """
    visit = (
        select(func.coalesce(PlannedVisit.same_tubes_as_id, PlannedVisit.id))
        .where(PlannedVisit.protocol_version_id == version_id, PlannedVisit.visit_type_id == visit_type_id)
        .scalar_subquery()
    )
    mine = or_(PlannedTube.cohort_id.is_(None), PlannedTube.cohort_id == cohort_id)
    found = await _tubes(tx, (PlannedTube.planned_visit_id == visit) & mine)
    return tuple(
        TubePlan(
            **_fields(tube, TubePlan),
            steps=tuple(StepPlan(**_fields(step, StepPlan)) for step in steps),
            aliquots=tuple(AliquotPlan(**_fields(one, AliquotPlan)) for one in aliquots),
        )
        for tube, steps, aliquots in found
    )
