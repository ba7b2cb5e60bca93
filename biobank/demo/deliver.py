"""Writing consignments: material, shipments, custody with its history, and the places at the repository, in a few
large statements.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from biobank import ids
from biobank.demo import consign, plan
from biobank.demo.boxes import Freezers, Position
from biobank.demo.bulk import Bulk, Row
from biobank.demo.chance import Minter
from biobank.demo.consign import Consignment
from biobank.demo.house import House
from biobank.demo.manifest import freeze_manifest, package_row, packed_tubes
from biobank.demo.material import Material, Tube
from biobank.demo.record import write_record
from biobank.specimen.custody import AtPosition, Ended, InPackage, Place, WithHolder, columns
from biobank.tx import Tx

_SHIPMENT = (
    "code study_id from_site_id to_site_id to_party_id status purpose classification courier tracking_no "
    "manifest manifest_sha256 created_by created_at packed_by packed_at shipped_by shipped_at "
    "received_by received_at reconciled_by reconciled_at"
)
_PACKAGE = "code shipment_id number refrigerant dry_ice_net_kg temperature_class logger_serial"
_ITEM = (
    "package_id shipment_id study_id specimen_id is_open status note packed_by packed_at received_by received_at "
    "resolution resolved_by resolved_at"
)
_SPECIMEN = (
    "code study_id site_id participant_id collection_event_id level specimen_type tube_type ordinal unit quantity "
    "is_partial planned_aliquot_id is_blind_duplicate existence quality freeze_thaw_count created_at"
)
_CUSTODY = "specimen_id container_id row col package_id holder_id external_party_id terminal site_id since"
_EVENT = (
    "study_id site_id type started_at ended_at operator_id equipment_id program_id g_force minutes celsius "
    "held_celsius brake sop_version"
)
_WHOLE_STORY = timedelta(days=365)
_MOVE = """
update custody c
   set container_id = given.container_id, row = given.row, col = given.col, package_id = given.package_id,
       holder_id = given.holder_id, external_party_id = given.external_party_id, terminal = given.terminal,
       site_id = given.site_id, since = given.since
  from unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
              $9::bigint[], $10::timestamptz[])
       as given(specimen_id, container_id, row, col, package_id, holder_id, external_party_id, terminal, site_id, since)
 where c.specimen_id = given.specimen_id
"""
_LABELS = """
insert into label_print
       (identifier_id, copy_no, reason, template, template_version, stock, printed_by, printed_at, verified_by,
        verified_at)
select i.id, 1, 'first', 'tube', 1, 'cryo-letter-85', given.by, given.at, given.by, given.at + interval '3 minutes'
  from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as given(tube, by, at)
  join identifier i on i.specimen_id = given.tube
 order by given.tube
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a tube fared on its way: the item's state and how a discrepancy was settled, and what that did to the
    tube.
    """

    status: str
    resolution: str | None = None
    existence: str = "exists"
    quality: str = "acceptable"
    thaws: int = 0


_GOOD = Outcome("received")
_BY_FATE = {
    "draft": Outcome("packed"),
    "packed": Outcome("packed"),
    "shipped": Outcome("packed"),
    "cancelled": Outcome("unpacked"),
    "lost": Outcome("missing", "written_off", existence="lost"),
}
# By place in the shipment: what was found when it was opened, and once settled, what became of it.
_OPEN = (Outcome("damaged"), Outcome("thawed", thaws=1), Outcome("missing"))
_SETTLED = (
    Outcome("damaged", "accepted_as_is"),
    Outcome("thawed", "quarantined", quality="quarantined", thaws=1),
    Outcome("missing", "written_off", existence="lost"),
)


def outcome(one: Consignment, number: int) -> Outcome:
    """What became of the tube of this number in its consignment."""
    if one.fate in _BY_FATE:
        return _BY_FATE[one.fate]
    if one.fate == "received":
        return Outcome("extra") if number == len(one.tubes) - 1 else _OPEN[number] if number < len(_OPEN) else _GOOD
    if one.fate == "discrepant" and number < len(_SETTLED):
        return _SETTLED[number]
    return _GOOD


@dataclass(slots=True)
class Load:
    """Consignments that are written in one transaction: their material, and the positions of the tubes that were put
    away, by the tube's identity.
    """

    consignments: list[Consignment]
    made: Material
    positions: dict[int, Position]

    @property
    def visits(self) -> int:
        return sum(len(one.visits) for one in self.consignments)


class Delivery:
    """Writes the material of some consignments and everything that happened to it.

    Whatever depends on what came before (codes, positions) is settled by `prepare`, one load after the other; the
    writing of loads may then overtake one another.
    """

    def __init__(self, house: House, freezers: Freezers, minter: Minter) -> None:
        self.house = house
        self.freezers = freezers
        self.minter = minter

    def prepare(self, consignments: list[Consignment], made: Material) -> Load:
        """Give shipments and packages their codes and stored tubes their positions."""
        for one in consignments:
            if one.sent:
                one.code = self.minter(ids.Kind.SHIPMENT)
                one.boxes = consign.plan_packages(one, self.minter)
        boxed = [tube for one in consignments for number, tube in enumerate(one.tubes) if self._is_boxed(one, number)]
        return Load(consignments, made, {id(tube): self.freezers.take(tube.type) for tube in boxed})

    async def write(self, tx: Tx, bulk: Bulk, load: Load) -> None:
        made, consignments = load.made, load.consignments
        fares = {
            id(tube): outcome(one, number)
            for one in consignments
            if one.fate != "in_hand"
            for number, tube in enumerate(one.tubes)
        }
        events = await self._write_material(bulk, made, fares)
        await write_record(bulk, house=self.house, made=made, events=events)
        await self._write_shipments(tx, bulk, consignments)
        await self._write_custody(bulk, load)
        await self._write_labels(bulk, made)
        for person, visit, _ in made.collections:
            tx.record(
                "tubes.collected",
                subject="visit",
                subject_id=visit.id,
                study_id=self.house.study,
                site_id=self.house.sites[person.site.code],
                visit=visit.type,
            )

    async def _write_material(self, bulk: Bulk, made: Material, fares: dict[int, Outcome]) -> list[int]:
        house = self.house
        collections = await bulk.insert(
            "collection_event",
            "visit_id participant_id collected_at timezone recorded_by",
            [
                (visit.id, person.id, at, person.site.timezone, house.staff(person.site.code))
                for person, visit, at in made.collections
            ],
        )
        events = await bulk.insert("processing_event", _EVENT, made.events)
        rows = []
        for tube in made.tubes:
            fare = fares.get(id(tube), _GOOD)
            person = tube.person
            rows.append(
                (
                    tube.code,
                    house.study,
                    house.sites[person.site.code],
                    person.id,
                    collections[tube.collection],
                    tube.level,
                    tube.type,
                    tube.tube_type,
                    tube.ordinal,
                    tube.unit,
                    tube.quantity,
                    tube.is_partial,
                    tube.planned,
                    tube.is_blind,
                    "exists" if tube.kept else "consumed",
                    fare.quality,
                    fare.thaws,
                    tube.made_at,
                )
            )
        for tube, key in zip(made.tubes, await bulk.insert("specimen", _SPECIMEN, rows), strict=True):
            tube.id = key
        key_of = [tube.id for tube in made.tubes]
        await bulk.copy(
            "processing_input",
            "processing_event_id specimen_id",
            [(events[event], key_of[tube]) for event, tube in made.inputs],
        )
        await bulk.copy(
            "derivation",
            "child_id parent_id processing_event_id",
            [(key_of[child], key_of[parent], events[event]) for child, parent, event in made.edges],
        )
        await bulk.copy(
            "quantity_ledger",
            "specimen_id delta unit reason basis processing_event_id recorded_by",
            [
                (
                    key_of[tube],
                    delta,
                    unit,
                    reason,
                    basis,
                    None if event is None else events[event],
                    house.staff(made.tubes[tube].person.site.code),
                )
                for tube, delta, unit, reason, basis, event in made.ledger
            ],
        )
        return events

    async def _write_shipments(self, tx: Tx, bulk: Bulk, consignments: list[Consignment]) -> None:
        """Shipments, their packages and their items; a consignment that is still in hand has none."""
        sent = [one for one in consignments if one.sent]
        shipments = [self._shipment(one) for one in sent]
        for one, key in zip(sent, await bulk.insert("shipment", _SHIPMENT, shipments), strict=True):
            one.id = key
        flat = [(one, package) for one in sent for package in one.boxes]
        rows = [package_row(one.id, *package) for one, package in flat]
        for (one, package), key in zip(flat, await bulk.insert("package", _PACKAGE, rows), strict=True):
            one.packages[package[0]] = key
        items = [
            self._item(one, tube, number) for one in sent for number, tube in enumerate(packed_tubes(one, extra=True))
        ]
        await bulk.copy("package_item", _ITEM, items)
        for one in sent:
            tx.record(
                f"shipment.{'created' if one.status == 'draft' else one.status}",
                subject="shipment",
                subject_id=one.id,
                study_id=self.house.study,
                site_id=self.house.sites[one.site.code],
                tubes=len(packed_tubes(one, extra=True)),
            )

    def _shipment(self, one: Consignment) -> Row:
        house, times, status = self.house, one.times, one.status
        sender, receiver = house.sender(one.site.code), house.users["clerk"]
        code = one.code
        frozen = None if status in {"draft", "cancelled"} else freeze_manifest(one, code, one.boxes, house.titles)
        left = status in {"shipped", "received", "reconciled", "lost"}
        there = status in {"received", "reconciled"}
        place = (code, house.study, house.sites[one.site.code], house.central, None, status)
        carried = (plan.COURIER, f"PC{code}") if left else (None, None)
        paper = (frozen.text, frozen.digest) if frozen else (None, None)
        return (
            *place,
            plan.PURPOSE,
            plan.CLASSIFICATION,
            *carried,
            *paper,
            sender,
            times.created,
            *((sender, times.packed) if frozen else (None, None)),
            *((sender, times.shipped) if left else (None, None)),
            *((receiver, times.received) if there else (None, None)),
            *((receiver, times.stored) if status == "reconciled" else (None, None)),
        )

    def _item(self, one: Consignment, tube: Tube, number: int) -> tuple[Any, ...]:
        times, fare, clerk = one.times, outcome(one, number), self.house.users["clerk"]
        seen = fare.status not in {"packed", "unpacked"}
        settled = (fare.resolution, clerk, times.stored) if fare.resolution else (None, None, None)
        note = {"damaged": "Cap cracked", "thawed": "Thawed at the top of the box"}.get(fare.status)
        packed_by = clerk if fare.status == "extra" else self.house.sender(one.site.code)
        return (
            one.packages[consign.package_of(tube)],
            one.id,
            self.house.study,
            tube.id,
            fare.status == "packed",
            fare.status,
            note,
            packed_by,
            times.received if fare.status == "extra" else times.packed,
            clerk if seen else None,
            times.received if seen else None,
            *settled,
        )

    async def _write_custody(self, bulk: Bulk, load: Load) -> None:
        """Every tube at its first place, then one statement for each further step: the database keeps the history."""
        positions = load.positions
        ways = [(tube, [(Ended("consumed"), tube.ends)]) for tube in load.made.tubes if tube.ends is not None]
        moves: list[list[Row]] = [[_row(tube.id, *way[0]) for tube, way in ways]]
        for one in load.consignments:
            for number, tube in enumerate(one.tubes):
                for step, (place, since) in enumerate(self._way(one, number, tube, self._position(positions, tube))):
                    if step == len(moves):
                        moves.append([])
                    moves[step].append(_row(tube.id, place, since))
        await bulk.copy("custody", _CUSTODY, moves[0])
        for rows in moves[1:]:
            await bulk.run(_MOVE, *zip(*rows, strict=True))
            bulk.rows += len(rows)

    def _position(self, positions: dict[int, Position], tube: Tube) -> Place | None:
        position = positions.get(id(tube))
        if position is None:
            return None
        return AtPosition(self.freezers.box_id(position), position.row, position.col, self.house.central)

    @staticmethod
    def _is_boxed(one: Consignment, number: int) -> bool:
        return one.fate in {consign.STORED, "discrepant"} and outcome(one, number).existence == "exists"

    def _way(self, one: Consignment, number: int, tube: Tube, box: Place | None) -> list[tuple[Place, datetime]]:
        """The places of a tube in order with the moment it came there; the last is where it is."""
        house, times = self.house, one.times
        site = house.sites[one.site.code]
        holder = (
            house.users["coordinator"]
            if one.fate == "in_hand" and one.site is plan.CLINICS[0]
            else house.staff(one.site.code)
        )
        hand = (WithHolder(holder, site), tube.made_at)
        fare = outcome(one, number)
        if one.fate == "in_hand" or (one.fate == "draft" and number >= len(packed_tubes(one))):
            return [hand]
        packed = (InPackage(one.packages[consign.package_of(tube)], site), times.packed)
        if one.fate == "cancelled":
            return [hand, packed, (hand[0], times.packed + timedelta(minutes=40))]
        if one.fate in {"draft", "packed", "shipped"}:
            return [hand, packed]
        received = (WithHolder(house.users["technician"], house.central), times.received)
        if one.fate == "received":
            # What is missing stays where it was last seen, and the record of a tube that nobody listed waits for the
            # resolution.
            on_the_way: list[tuple[Place, datetime]] = [hand, packed, received]
            return on_the_way[: {"extra": 1, "missing": 2}.get(fare.status, 3)]
        end = (box or Ended("lost"), times.stored)
        # The record of older material begins where it was put, as it does when an earlier inventory was taken over.
        return [end] if one.last < house.as_of - _WHOLE_STORY else [hand, packed, end]

    async def _write_labels(self, bulk: Bulk, made: Material) -> None:
        tubes = made.tubes
        staff = [self.house.staff(tube.person.site.code) for tube in tubes]
        await bulk.run(
            _LABELS, [tube.id for tube in tubes], staff, [tube.made_at - timedelta(minutes=30) for tube in tubes]
        )
        bulk.rows += len(tubes)


def _row(tube: int, place: Place, since: datetime) -> tuple[Any, ...]:
    return (tube, *columns(place).values(), since)
