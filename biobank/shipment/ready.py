"""What a site could pack into a shipment now: a straggler stands here as soon as it is in somebody's hands."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from biobank.actor import Permission
from biobank.exact import Exact
from biobank.participant.models import Visit
from biobank.shipment import rules
from biobank.shipment.gate import place_of
from biobank.shipment.queries import find_shipment
from biobank.shipment.rules import TubeFacts
from biobank.specimen.claims import claims
from biobank.specimen.deviations import blocking
from biobank.specimen.models import CollectionEvent, Custody, Specimen
from biobank.specimen.queries import within
from biobank.study.models import VisitType
from biobank.tx import ReadTx

LOOKED_AT, SHOWN = 500, 100


class ReadyTube(BaseModel):
    """A tube that nothing keeps from being packed but consent, which is asked at the packing itself."""

    model_config = ConfigDict(frozen=True)

    tube: str
    specimen_type: str
    quantity: Exact
    unit: str
    visit: str | None
    place: str
    since: datetime


async def ready(tx: ReadTx, code: str) -> tuple[ReadyTube, ...]:
    """Tubes of the shipment's study at its sender that could be packed, those that came to hand last first.

    Raises:
        NotFound: no such shipment within reach.
    """
    shipment = await find_shipment(tx, code, Permission.SHIPMENT_READ)
    rows = (
        await tx.session.execute(
            select(Specimen, Custody, VisitType.code.label("visit"))
            .join(Custody, Custody.specimen_id == Specimen.id)
            .outerjoin(CollectionEvent, CollectionEvent.id == Specimen.collection_event_id)
            .outerjoin(Visit, Visit.id == CollectionEvent.visit_id)
            .outerjoin(VisitType, VisitType.id == Visit.visit_type_id)
            .where(
                Specimen.study_id == shipment.study_id,
                Custody.site_id == shipment.from_site_id,
                Custody.package_id.is_(None),
                within(tx.scope(Permission.SHIPMENT_PACK)),
                Specimen.existence == "exists",
                Specimen.quality == "acceptable",
                Specimen.hold.is_(None),
            )
            .order_by(Custody.since.desc(), Specimen.id)
            .limit(LOOKED_AT)
        )
    ).all()
    tube_ids = [row.Specimen.id for row in rows]
    claimed, blocked = await claims(tx, tube_ids), await blocking(tx, tube_ids, "shipping")
    found = []
    for row in rows:
        tube: Specimen = row.Specimen
        facts = TubeFacts(
            in_study=True,
            exists=True,
            place=place_of(row.Custody),
            here=True,
            in_this=False,
            quality=tube.quality,
            hold=tube.hold,
            claim=claimed.get(tube.id),
        )
        if tube.id not in blocked and rules.tube_block(tube.code, facts, shipment.purpose) is None:
            found.append(
                ReadyTube(
                    tube=tube.code,
                    specimen_type=tube.specimen_type,
                    quantity=tube.quantity,
                    unit=tube.unit,
                    visit=row.visit,
                    place="in hand" if row.Custody.holder_id is not None else "stored",
                    since=row.Custody.since,
                )
            )
    return tuple(found[:SHOWN])
