"""The tubes in a person's hands, and for how long: what comes out of -80 does not wait on a bench."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, or_, select

from biobank.catalogue.models import SpecimenType, TemperatureClass
from biobank.scan import rules
from biobank.specimen.models import Custody, CustodyHistory, Specimen
from biobank.tx import ReadTx

_COLD = "-80"
_MOST = 200


class TubeInHand(BaseModel):
    """`tone` is ok, warning (amber, from 10 minutes) or stop (red, from 30 minutes); only cold material is timed."""

    model_config = ConfigDict(frozen=True)
    code: str
    title: str
    since: datetime
    minutes: int
    cold: bool
    tone: str


async def in_hand(tx: ReadTx) -> list[TubeInHand]:
    """The tubes that this person holds, the longest first; at most 200."""
    cold = (await tx.session.execute(select(TemperatureClass.rank).where(TemperatureClass.code == _COLD))).scalar_one()
    was = or_(CustodyHistory.container_id.is_not(None), CustodyHistory.package_id.is_not(None))
    frozen = exists().where(CustodyHistory.specimen_id == Specimen.id, was)
    rows = await tx.session.execute(
        select(
            Specimen.code,
            SpecimenType.title,
            Custody.since,
            (frozen & (TemperatureClass.rank >= cold)).label("cold"),
        )
        .join(Custody, Custody.specimen_id == Specimen.id)
        .join(SpecimenType, SpecimenType.code == Specimen.specimen_type)
        .join(TemperatureClass, TemperatureClass.code == SpecimenType.temperature_class)
        .where(Custody.holder_id == tx.actor.user_id)
        .order_by(Custody.since, Specimen.id)
        .limit(_MOST)
    )
    return [
        TubeInHand(
            code=row.code,
            title=row.title,
            since=row.since,
            minutes=max(0, int((tx.now - row.since).total_seconds() // 60)),
            cold=row.cold,
            tone=rules.tone(tx.now - row.since, cold=row.cold),
        )
        for row in rows
    ]


async def out_of_the_cold(tx: ReadTx) -> list[TubeInHand]:
    """The tubes of -80 that this person holds: nobody leaves with them without a word."""
    return [tube for tube in await in_hand(tx) if tube.cold]
