"""Reading what BRISQ says of tubes from the database."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import and_, func, or_, select

from biobank.actor import Permission
from biobank.catalogue.models import QcQuantity, SpecimenType
from biobank.participant.models import CohortMembership, Participant
from biobank.preanalytics.brisq import Sample
from biobank.preanalytics.gather import gather
from biobank.preanalytics.queries import coded
from biobank.preanalytics.versions import version_of, versions
from biobank.specimen.models import CollectionEvent, Custody, QcMeasurement, Specimen
from biobank.specimen.queries import shown
from biobank.study.models import Cohort
from biobank.tx import ReadTx


async def samples(tx: ReadTx, specimen_ids: Iterable[int], shipped: Mapping[int, Sequence[str]]) -> tuple[Sample, ...]:
    """What BRISQ says of tubes, in the order asked. `shipped`: by tube, the temperatures that it was sent at.

    The caller has found the tubes within reach. Whose a blind duplicate is, is kept from those who may not know.
    """
    wanted = list(dict.fromkeys(specimen_ids))
    known = await versions(tx)
    storage = {one.specimen_id: one for one in await gather(tx, wanted, version_of(None, known))}
    codes = await coded(tx, wanted)
    measured: dict[int, dict[str, tuple[str, Decimal, str | None]]] = {}
    for reading in await tx.session.execute(
        select(QcMeasurement.specimen_id, QcQuantity.title, QcMeasurement.value, QcMeasurement.unit)
        .join(QcQuantity, QcQuantity.code == QcMeasurement.quantity)
        .where(QcMeasurement.specimen_id.in_(wanted))
        .order_by(QcMeasurement.measured_at, QcMeasurement.id)
    ):
        measured.setdefault(reading.specimen_id, {})[reading.title] = (reading.title, reading.value, reading.unit)
    day = func.timezone(CollectionEvent.timezone, CollectionEvent.collected_at)
    rows = await tx.session.execute(
        select(
            Specimen.id,
            Specimen.code,
            SpecimenType.title.label("type_title"),
            Participant.code.label("participant"),
            Participant.sex_at_birth,
            Cohort.title.label("cohort"),
            shown(tx).label("told"),
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .outerjoin(Participant, Participant.id == Specimen.participant_id)
        .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
        .outerjoin(
            CohortMembership,
            and_(
                CohortMembership.participant_id == Specimen.participant_id,
                CohortMembership.from_on <= func.date(day),
                or_(CohortMembership.to_on.is_(None), CohortMembership.to_on > func.date(day)),
            ),
        )
        .outerjoin(Cohort, Cohort.id == CohortMembership.cohort_id)
        .where(Specimen.id.in_(wanted))
        .order_by(Specimen.id, CohortMembership.id)
    )
    may_know = tx.actor.may(Permission.PARTICIPANT_READ)
    found = {}
    for row in rows:
        here, code = storage[row.id], codes.get(row.id)
        sex = row.sex_at_birth if row.sex_at_birth != "unknown" else None
        found[row.id] = Sample(
            tube=row.code,
            participant=row.participant if row.told else None,
            type_title=row.type_title,
            cohort=row.cohort if row.told else None,
            sex=sex if row.told and may_know else None,
            container=here.container_title,
            stabilisation=code[1].elements[1].meaning if code and here.container else None,
            preservation=here.preservation,
            storage=here.stays[-1].title if here.stays else None,
            stored_from=here.stays[0].since if here.stays else None,
            stored_until=here.stored_until,
            shipped=tuple(shipped.get(row.id, ())),
            measured=tuple(measured.get(row.id, {}).values()),
            sprec=code[1].code if code else None,
            sprec_version=code[1].version if code else None,
        )
    return tuple(found[one] for one in wanted)
