"""Registering the tubes of a visit."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from sqlalchemy import func, select

from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.participant.models import Visit
from biobank.participant.queries import decisions, find_participant
from biobank.participant.rules import check_consent
from biobank.specimen import queries, rules
from biobank.specimen.custody import WithHolder, begin_custody
from biobank.specimen.models import CollectionEvent, Specimen
from biobank.specimen.quantity import Posting, post
from biobank.specimen.queries import SpecimenRow
from biobank.specimen.record import View
from biobank.specimen.work import Basis, Command, Label, Quantity, TypeCode, Unit, codes_for, hands
from biobank.study.models import Site, VisitType
from biobank.tx import Tx


class CollectedTube(Command):
    """`label` is the pre-printed label that is on the tube; without one a fresh code is minted."""

    specimen_type: TypeCode
    tube_type: TypeCode
    quantity: Quantity
    unit: Unit = None
    basis: Basis = "nominal"
    label: Label = None


class Collect(Command):
    """What was drawn or handed in at a visit: one entry for each physical tube."""

    visit: Annotated[str, Field(min_length=1, max_length=16, description="The visit's type.")]
    number: Annotated[int, Field(ge=1, le=1000)] = 1
    collected_at: AwareDatetime
    tubes: Annotated[tuple[CollectedTube, ...], Field(min_length=1, max_length=100)]


class CollectionView(View):
    participant: str
    visit: str
    number: int
    collected_at: AwareDatetime
    timezone: str
    specimens: tuple[SpecimenRow, ...]


async def collect(tx: Tx, participant_code: str, command: Collect) -> CollectionView:
    """Register the tubes of a visit under fresh ids, or under those of the pre-printed labels that are on them, in the
    hands of the person who registers them.

    A tube that turns up later is registered the same way under the same visit; its ordinal follows on.

    Raises:
        NotFound: no such participant or visit within reach.
        VisitNotDone: the visit is planned, missed or cancelled.
        ParticipantWithdrawn, ConsentMissing: storage of material is not allowed.
        Invalid: a moment, a type or a volume that cannot be.
        LabelNotIssued, LabelOfAnotherSite, LabelVoided, LabelApplied, UnknownLabel: a label that is not to be used.
    """
    person = await find_participant(tx, participant_code, Permission.SPECIMEN_COLLECT)
    visit, timezone = await _visit(tx, person.id, command)
    rules.check_visit_done(visit.status, f"{command.visit} {command.number}")
    assert visit.occurred_on is not None  # noqa: S101  # held by ck_visit_done_has_a_day
    rules.check_collected(command.collected_at, visit.occurred_on, person.enrolled_on, tx.now, timezone)
    check_consent(await decisions(tx, [person.id]), rules.CONSENT_TO_KEEP)
    (collection_id,) = await tx.insert(
        CollectionEvent,
        [
            {
                "visit_id": visit.id,
                "participant_id": person.id,
                "collected_at": command.collected_at,
                "timezone": timezone,
                "recorded_by": hands(tx),
            }
        ],
    )
    used = await _ordinals(tx, visit.id)
    codes = await codes_for(tx, [tube.label for tube in command.tubes], person.study_id, visit.site_id, "tubes")
    tubes: list[dict[str, Any]] = []
    contents: list[tuple[Decimal, str, str]] = []
    for index, tube in enumerate(command.tubes):
        at = f"tubes.{index}."
        kind = await queries.kind(tx, tube.specimen_type, at + "specimen_type")
        quantity = rules.in_unit(tube.quantity, tube.unit, kind, at + "unit")
        rules.check_fits(quantity, kind, await queries.tube_kind(tx, tube.tube_type, at + "tube_type"), at + "quantity")
        used[kind.code] = used.get(kind.code, 0) + 1
        contents.append((quantity, kind.unit, tube.basis))
        tubes.append(
            {
                "code": codes[index],
                "study_id": person.study_id,
                "site_id": visit.site_id,
                "participant_id": person.id,
                "collection_event_id": collection_id,
                "level": "primary",
                "specimen_type": kind.code,
                "tube_type": tube.tube_type,
                "ordinal": used[kind.code],
                "unit": kind.unit,
            }
        )
    made = await tx.insert(Specimen, tubes)
    await begin_custody(tx, [(one, WithHolder(hands(tx), visit.site_id)) for one in made])
    await post(
        tx,
        [
            Posting(one, quantity, unit, "initial", basis)
            for one, (quantity, unit, basis) in zip(made, contents, strict=True)
        ],
    )
    tx.record(
        "specimen.collected",
        subject="collection_event",
        subject_id=collection_id,
        study_id=person.study_id,
        site_id=visit.site_id,
        tubes=len(made),
    )
    return CollectionView(
        participant=person.code,
        visit=command.visit,
        number=command.number,
        collected_at=command.collected_at,
        timezone=timezone,
        specimens=await queries.rows_of(tx, made),
    )


async def _visit(tx: Tx, participant_id: int, command: Collect) -> tuple[Visit, str]:
    """The visit, held so that two people who register its tubes number them in turn, and its site's zone."""
    row = (
        await tx.session.execute(
            select(Visit, Site.timezone)
            .join(VisitType, VisitType.id == Visit.visit_type_id)
            .join(Site, Site.id == Visit.site_id)
            .where(
                Visit.participant_id == participant_id,
                VisitType.code == command.visit,
                Visit.number == command.number,
            )
            .with_for_update(of=Visit)
        )
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"The participant has no visit {command.visit} {command.number}: record the visit first.",
            visit=command.visit,
            number=command.number,
        )
    return row.Visit, row.timezone


async def _ordinals(tx: Tx, visit_id: int) -> dict[str, int]:
    """The highest ordinal of the visit's primary tubes, by specimen type."""
    rows = await tx.session.execute(
        select(Specimen.specimen_type, func.max(Specimen.ordinal).label("highest"))
        .join(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .where(CollectionEvent.visit_id == visit_id, Specimen.level == "primary")
        .group_by(Specimen.specimen_type)
    )
    return {row.specimen_type: row.highest for row in rows}
