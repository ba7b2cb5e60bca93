"""Whether a tube may stand somewhere: what every way of storing one asks first."""

from collections.abc import Sequence

from sqlalchemy import exists, or_, select, tuple_

from biobank import ids
from biobank.actor import Permission
from biobank.catalogue.models import SpecimenType, TemperatureClass, TubeFormat, TubeType
from biobank.labelling.copies import copies
from biobank.participant.rules import Decisions, check_consent, strongest
from biobank.specimen.custody import AtPosition, Place
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import within
from biobank.storage import boxes, rules
from biobank.storage.looking import SeenTube
from biobank.storage.models import Container, ContainerTypeFormat
from biobank.storage.queries import held
from biobank.storage.rules import Step
from biobank.study.models import Site
from biobank.tx import Tx


def check_may_be_stored(tube: SeenTube) -> None:
    """Whether a tube may be stored, wherever that is.

    Raises:
        TubeEnded, TubeNotCollected, TubeInPackage, TubeWithParty, TubeOnHold, ParticipantWithdrawn
    """
    rules.check_in_existence(tube.code, tube.existence)
    if tube.package_id is not None:
        raise rules.TubeInPackage(
            f"{ids.grouped(tube.code)} is in a shipment: unpack or receive it first.", tube=tube.code
        )
    if tube.external_party_id is not None:
        raise rules.TubeWithParty(
            f"{ids.grouped(tube.code)} is with a laboratory outside the house: receive it first.", tube=tube.code
        )
    rules.check_not_held(tube.code, tube.hold)
    if tube.participant is not None:
        check_consent({tube.participant: Decisions(frozenset(), strongest(tube.withdrawn))}, ())


async def check_place(tx: Tx, tube: Specimen, type_id: int, steps: Sequence[Step], override: str | None = None) -> bool:
    """Whether a box is cold enough for a tube and made for its format. Returns whether the cold is overridden.

    Raises:
        TooWarm: it needs a colder place and no reason is given.
        DoesNotFit: a box of this type does not take tubes of its format.
    """
    allowed = ContainerTypeFormat.container_type_id == type_id
    row = (
        await tx.session.execute(
            select(
                TemperatureClass.code,
                TemperatureClass.rank,
                TubeFormat.title,
                or_(
                    TubeFormat.code.is_(None),
                    ~exists().where(allowed),
                    exists().where(allowed, ContainerTypeFormat.tube_format == TubeFormat.code),
                ).label("fits"),
            )
            .select_from(SpecimenType)
            .join(TemperatureClass, SpecimenType.temperature_class == TemperatureClass.code)
            .join(TubeType, TubeType.code == tube.tube_type)
            .outerjoin(TubeFormat, TubeFormat.code == TubeType.format)
            .where(SpecimenType.code == tube.specimen_type)
        )
    ).one()
    rules.check_fits(tube.code, row.fits, row.title, steps[-1])
    return rules.check_cold(row.code, row.rank, steps, override)


async def check_one_tube(tx: Tx, tube: SeenTube) -> None:
    """Whether what was scanned can be a second tube, while the first stands in a box.

    Raises:
        LabelOnTwoTubes: its label was printed more than once.
    """
    if tube.at is not None:
        printed = await copies(tx, tube.id)
        spot = await boxes.spot(tx, tube.at.container_id, tube.at.row, tube.at.col)
        rules.check_one_tube(tube.code, printed, spot.words)


async def check_nowhere_else(tx: Tx, tube: SeenTube, site_id: int) -> None:
    """A tube in a hand goes into a box of site `site_id` as it comes; one that is recorded elsewhere is asked about
    first.
    """
    if tube.at is not None:
        spot = await boxes.spot(tx, tube.at.container_id, tube.at.row, tube.at.col)
        raise rules.AlreadyElsewhere(
            f"{ids.grouped(tube.code)} is already in {spot.words}. Move it here?", tube=tube.code, place=spot.words
        )
    if tube.terminal is not None:
        raise rules.AlreadyElsewhere(
            f"{ids.grouped(tube.code)} is recorded as {tube.terminal}. Was it found, and is it stored here?",
            tube=tube.code,
            place=tube.terminal,
        )
    if tube.at_site_id != site_id:
        site = (await tx.session.execute(select(Site.name).where(Site.id == tube.at_site_id))).scalar_one()
        raise rules.AlreadyElsewhere(
            f"{ids.grouped(tube.code)} is recorded at {site} and was not received here. Store it here?",
            tube=tube.code,
            place=site,
        )


async def check_free(tx: Tx, places: list[Place], moving: set[int]) -> None:
    """Whether tubes can be put to these places. The boxes stay locked.

    Raises:
        PositionOccupied: another tube than those that move stands at one.
        PositionReserved: one is kept free by now.
    """
    wanted = [place for place in places if isinstance(place, AtPosition)]
    lock = select(Container.id).where(Container.id.in_({place.container_id for place in wanted})).order_by(Container.id)
    await tx.session.execute(lock.with_for_update(key_share=True))
    at = tuple_(Custody.container_id, Custody.row, Custody.col)
    occupant = (
        await tx.session.execute(
            select(
                Custody.container_id,
                Custody.row,
                Custody.col,
                Specimen.code,
                within(tx.scope(Permission.STORAGE_READ)).label("seen"),
            )
            .join(Specimen, Specimen.id == Custody.specimen_id)
            .where(
                at.in_([(place.container_id, place.row, place.col) for place in wanted]),
                Custody.specimen_id.not_in(moving),
            )
            .order_by(Custody.container_id, Custody.row, Custody.col)
            .limit(1)
        )
    ).one_or_none()
    if occupant is not None:
        spot = await boxes.spot(tx, occupant.container_id, occupant.row, occupant.col)
        raise rules.PositionOccupied(spot.box, spot.position, occupant.code if occupant.seen else None)
    kept = {box: await held(tx, box) for box in sorted({place.container_id for place in wanted})}
    for place in wanted:
        reserved = kept[place.container_id].get((place.row, place.col))
        if reserved is not None:
            spot = await boxes.spot(tx, place.container_id, place.row, place.col)
            rules.check_reserved(reserved, None, spot.words)
