"""BRISQ of a set of tubes: pasted codes, those of a shipment, of the plates of a run, or of a participant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import Select, select

from biobank import ids
from biobank.actor import Permission
from biobank.assay.models import Plate, Well
from biobank.assay.queries import find_run
from biobank.catalogue.models import TemperatureClass
from biobank.errors import Invalid, NotFound
from biobank.overview.queries import View
from biobank.participant.queries import find_participant
from biobank.preanalytics import brisq
from biobank.preanalytics.brisq import Sample
from biobank.preanalytics.samples import samples
from biobank.shipment.models import Package, PackageItem, Shipment
from biobank.shipment.queries import find_shipment
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import find_specimens, shown, tube_code, within
from biobank.tx import ReadTx

MOST = 5000
"""Tubes of one report: more than any shipment."""

MOST_CODES = 500
"""Of these, codes that a person pastes: they travel in the address."""


class ItemView(View):
    """One of the fifteen items of BRISQ tier 1. `recorded`: something of it is known."""

    number: int
    name: str
    text: str
    recorded: bool


class BrisqReport(View):
    """`left_out`: tubes of the set that are out of reach; nothing is said of them."""

    of: str
    tubes: int
    left_out: int
    made_at: AwareDatetime
    paragraph: str
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tubes: exactly one of codes, a shipment, a run or a participant."""

    codes: Sequence[str] = ()
    shipment: str | None = None
    run: str | None = None
    participant: str | None = None


async def report(tx: ReadTx, wanted: Wanted) -> BrisqReport:
    """The fifteen items and the paragraph.

    Raises:
        Invalid: not exactly one set is named, or it is empty or too large.
        NotFound: a code, shipment, run or participant is not within reach.
    """
    of, found, left_out = await _samples(tx, wanted)
    items = brisq.items(found, tx.now)
    return BrisqReport(
        of=of,
        tubes=len(found),
        left_out=left_out,
        made_at=tx.now,
        paragraph=brisq.paragraph(found, items),
        items=tuple(ItemView(number=one.number, name=one.name, text=one.text, recorded=one.recorded) for one in items),
    )


async def table(tx: ReadTx, wanted: Wanted) -> str:
    """The CSV: one row a tube.

    Raises:
        Invalid, NotFound: as `report` says.
    """
    _, found, _ = await _samples(tx, wanted)
    return brisq.as_csv(found, tx.now)


async def _samples(tx: ReadTx, wanted: Wanted) -> tuple[str, tuple[Sample, ...], int]:
    named = [bool(wanted.codes), wanted.shipment is not None, wanted.run is not None, wanted.participant is not None]
    if sum(named) != 1:
        raise Invalid(
            "Name one set of tubes: codes, a shipment, a run or a participant.", errors={"codes": "is not one set"}
        )
    of, every = await _tubes(tx, wanted)
    rows = await tx.session.execute(
        select(Specimen.id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(Specimen.id.in_(every), within(tx.scope(Permission.SPECIMEN_READ)))
    )
    here = set(rows.scalars())
    reached = [one for one in every if one in here]
    if not reached:
        raise Invalid(f"{of[0].upper()}{of[1:]} has no tubes within your reach.", errors={"codes": "has no tubes"})
    return of, await samples(tx, reached, await _shipped(tx, reached)), len(every) - len(reached)


async def _tubes(tx: ReadTx, wanted: Wanted) -> tuple[str, list[int]]:
    query: Select[Any]
    if wanted.shipment is not None:
        shipment = await find_shipment(tx, wanted.shipment, Permission.SHIPMENT_READ)
        packed = select(PackageItem.specimen_id).where(
            PackageItem.shipment_id == shipment.id, PackageItem.status != "unpacked"
        )
        query, of = packed.order_by(PackageItem.id), f"shipment {ids.grouped(shipment.code)}"
    elif wanted.run is not None:
        run = await find_run(tx, wanted.run, Permission.ASSAY_READ)
        query = (
            select(Well.specimen_id)
            .join(Plate, Plate.id == Well.plate_id)
            .where(Plate.run_id == run.id, Well.specimen_id.is_not(None))
            .order_by(Well.id)
        )
        of = f"run {run.name}"
    elif wanted.participant is not None:
        if not tx.actor.may(Permission.PARTICIPANT_READ):
            raise NotFound("There is nothing at this address.")
        person = await find_participant(tx, wanted.participant, Permission.PARTICIPANT_READ)
        query = (
            select(Specimen.id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where(Specimen.participant_id == person.id, shown(tx))
            .order_by(Specimen.id)
        )
        of = f"participant {ids.grouped(person.code)}"
    else:
        if len(wanted.codes) > MOST_CODES:
            raise Invalid(f"Name {MOST_CODES} tubes at most.", errors={"codes": f"are more than {MOST_CODES}"})
        codes = list(dict.fromkeys(tube_code(text, "codes") for text in wanted.codes))
        found = await find_specimens(tx, codes, Permission.SPECIMEN_READ)
        return "the tubes that were named", [tube.id for tube, _ in found]
    rows = list(dict.fromkeys((await tx.session.execute(query.limit(MOST * 2))).scalars()))
    if len(rows) > MOST:
        raise Invalid(f"A report is of {MOST} tubes at most: name some of them.", errors={"codes": "are too many"})
    return of, [one for one in rows if one is not None]


async def _shipped(tx: ReadTx, specimen_ids: Sequence[int]) -> Mapping[int, list[str]]:
    """By tube, the temperatures at which it was sent."""
    rows = await tx.session.execute(
        select(PackageItem.specimen_id, TemperatureClass.title)
        .join(Package, Package.id == PackageItem.package_id)
        .join(Shipment, Shipment.id == Package.shipment_id)
        .join(TemperatureClass, TemperatureClass.code == Package.temperature_class)
        .where(
            PackageItem.specimen_id.in_(specimen_ids),
            PackageItem.status != "unpacked",
            Shipment.shipped_at.is_not(None),
        )
        .order_by(Shipment.shipped_at, PackageItem.id)
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        titles = found.setdefault(row.specimen_id, [])
        if row.title not in titles:
            titles.append(row.title)
    return found
