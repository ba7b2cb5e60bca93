"""What went other than planned with a tube: recorded, resolved with words, and asked about before it leaves or is
measured.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from biobank.actor import Permission
from biobank.catalogue.models import DeviationType
from biobank.errors import Invalid, NotFound
from biobank.ids import grouped
from biobank.specimen import queries, rules
from biobank.specimen.models import Deviation, Specimen
from biobank.specimen.queries import SpecimenRow, SpecimenView
from biobank.specimen.record import View
from biobank.specimen.work import Command, NamedDeviation, Reason, TubeId
from biobank.tx import ReadTx, Tx


class RecordDeviation(NamedDeviation):
    """One deviation of some tubes, wherever they are."""

    specimens: Annotated[tuple[TubeId, ...], Field(min_length=1, max_length=400)]


class ResolveDeviation(Command):
    type: Annotated[str, Field(min_length=1, max_length=40)]
    resolution: Reason


class DeviationTypeView(View):
    code: str
    title: str
    severity: str
    blocks_shipping: bool
    blocks_assay: bool
    quarantines: bool


class DeviatedView(View):
    """The tubes that a deviation was recorded of; a critical one has set them apart."""

    type: str
    specimens: tuple[SpecimenRow, ...]


async def record_deviation(tx: Tx, command: RecordDeviation) -> DeviatedView:
    """Note that something went other than planned with tubes: all of them or none.

    They may be anywhere, in a package or on hold; only one whose record ended is refused. A type that sets apart puts
    them in quarantine.

    Raises:
        NotFound: a tube is unknown or out of reach.
        TubeNotUsable: the record of a tube has ended.
        DeviationOpen: a tube has this deviation already.
        Invalid: no such type, or a tube named twice.
    """
    codes = [queries.tube_code(text, "specimens") for text in command.specimens]
    rules.check_each_once(codes, "specimens")
    found = await queries.find_specimens(tx, codes, Permission.SPECIMEN_PROCESS, lock=True)
    rules.check_there((tube.code, tube.existence) for tube, _ in found)
    tubes = [tube for tube, _ in found]
    open_ = select(Specimen.code).join(Deviation, Deviation.specimen_id == Specimen.id)
    already = await tx.session.execute(
        open_.where(
            Specimen.id.in_([tube.id for tube in tubes]),
            Deviation.type_code == command.type,
            Deviation.resolved_at.is_(None),
        ).order_by(Specimen.id)
    )
    rules.check_not_open(command.type, list(already.scalars()))
    await note(tx, tubes, command, None)
    for study_id, site_id in sorted({(tube.study_id, custody.site_id or tube.site_id) for tube, custody in found}):
        here = [t.code for t, c in found if (t.study_id, c.site_id or t.site_id) == (study_id, site_id)]
        tx.record(
            "deviation.recorded",
            subject="specimen",
            subject_id=next(tube.id for tube in tubes if tube.code == here[0]),
            study_id=study_id,
            site_id=site_id,
            type=command.type,
            specimens=here,
        )
    return DeviatedView(type=command.type, specimens=await queries.rows_of(tx, [tube.id for tube in tubes]))


async def resolve_deviation(tx: Tx, code: str, command: ResolveDeviation) -> SpecimenView:
    """Say how a deviation was settled. It blocks nothing any more and stays on record; a quarantine that it caused
    stays until somebody ends it.

    Raises:
        NotFound: no such tube within reach, or no open deviation of this type.
    """
    tube, custody = await queries.find_specimen(tx, queries.tube_code(code), Permission.SPECIMEN_PROCESS, lock=True)
    resolved = (
        await tx.session.execute(
            update(Deviation)
            .where(
                Deviation.specimen_id == tube.id,
                Deviation.type_code == command.type,
                Deviation.resolved_at.is_(None),
            )
            .values(resolved_at=tx.now, resolved_by=tx.actor.user_id, resolution=command.resolution)
            .returning(Deviation.id)
        )
    ).scalar_one_or_none()
    if resolved is None:
        raise NotFound(
            f"{grouped(tube.code)} has no open deviation of this kind.", specimen=tube.code, type=command.type
        )
    tx.record(
        "deviation.resolved",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=custody.site_id or tube.site_id,
        reason=command.resolution,
        type=command.type,
        specimen=tube.code,
    )
    return await queries.view_of(tx, tube)


async def note(tx: Tx, tubes: Sequence[Specimen], named: NamedDeviation | None, event_id: int | None) -> None:
    """Write a deviation of tubes that the caller has locked; one that is open already stays as it is.

    Raises:
        Invalid: no such type.
    """
    if named is None:
        return
    kind = await tx.session.get(DeviationType, named.type)
    if kind is None:
        raise Invalid(f"There is no deviation {named.type}.", errors={"type": "is not a deviation type"})
    rows = [
        {
            "specimen_id": tube.id,
            "type_code": kind.code,
            "processing_event_id": event_id,
            "comment": named.comment,
            "recorded_at": tx.now,
            "recorded_by": tx.actor.user_id,
        }
        for tube in tubes
    ]
    once = upsert(Deviation).on_conflict_do_nothing(
        index_elements=[Deviation.specimen_id, Deviation.type_code], index_where=Deviation.resolved_at.is_(None)
    )
    await tx.session.execute(once, rows)
    if kind.quarantines:
        for tube in tubes:
            if tube.quality == "acceptable":
                tube.quality = "quarantined"
                tube.row_version += 1
        await tx.session.flush()


async def note_made(
    tx: Tx, made: Sequence[tuple[int, Decimal]], named: NamedDeviation | None, event_id: int | None
) -> None:
    """Write the deviation that work named of the vials that it made.

    Raises:
        Invalid: no such type.
    """
    if named is not None:
        tubes = (await tx.session.execute(select(Specimen).where(Specimen.id.in_([one for one, _ in made])))).scalars()
        await note(tx, list(tubes), named, event_id)


async def blocking(tx: ReadTx, specimen_ids: Iterable[int], what: Literal["shipping", "assay"]) -> dict[int, str]:
    """By specimen id, the open deviations that keep it from being shipped or measured; others are left out."""
    column = DeviationType.blocks_shipping if what == "shipping" else DeviationType.blocks_assay
    rows = await tx.session.execute(
        select(Deviation.specimen_id, func.string_agg(DeviationType.title, "; ").label("titles"))
        .join(DeviationType, DeviationType.code == Deviation.type_code)
        .where(Deviation.specimen_id.in_(list(specimen_ids)), Deviation.resolved_at.is_(None), column)
        .group_by(Deviation.specimen_id)
    )
    return {row.specimen_id: row.titles for row in rows}


async def deviation_types(tx: ReadTx) -> tuple[DeviationTypeView, ...]:
    """What may go wrong, the gravest first."""
    columns = [getattr(DeviationType, name) for name in DeviationTypeView.model_fields]
    rows = await tx.session.execute(select(*columns).order_by(DeviationType.title))
    rank = {"critical": 0, "major": 1, "minor": 2}
    return tuple(sorted((DeviationTypeView(**row._asdict()) for row in rows), key=lambda one: rank[one.severity]))
