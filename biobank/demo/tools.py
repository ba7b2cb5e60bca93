"""What the benches work with, and what the protocol plans there, by the words that the generator knows them by."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select

from biobank.demo import plan
from biobank.demo.people import Term
from biobank.equipment.models import Equipment, EquipmentProgram, ProgramTubeType, ReagentLot
from biobank.protocol.models import PlannedAliquot, PlannedTube, PlannedVisit, ProtocolVersion
from biobank.tx import Tx

CENTRIFUGE, CABINET, FREEZER, COUNTER, SPECTROMETER = "CF-1", "BSC-1", "CRF-1", "CC-1", "SPEC-1"
BATH, ANALYZER = "WB-1", "BA-1"
_CLINIC = (
    (CENTRIFUGE, "Centrifuge 1", "centrifuge", 120),
    (CABINET, "Biosafety cabinet 1", "other", None),
    (FREEZER, "Controlled-rate freezer 1", "controlled_rate_freezer", 200),
    (COUNTER, "Cell counter 1", "cell_counter", 75),
    (SPECTROMETER, "Spectrophotometer 1", "spectrophotometer", 160),
)
_CENTRAL = ((BATH, "Water bath 1", "other", None), (ANALYZER, "Bioanalyzer 1", "bioanalyzer", 40))
_OVERDUE = ("DEN", COUNTER, -12)
"""One calibration ran out: site, code and the days since."""
_LOTS = (("Nucleic acid extraction kit", 300), ("Cell freezing medium", 90), ("PBS", 18))


@dataclass(frozen=True, slots=True)
class Tools:
    """Keys of equipment by site and code, of programs by site and line of the bundle, and of lots by site."""

    equipment: dict[tuple[str, str], int]
    programs: dict[tuple[str, str], int]
    lots: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Planned:
    """The protocol in force: its key, when its visits are, and by visit type and tube the planned tube, and of that and
    a type of material the planned vial.
    """

    version: int
    terms: dict[str, Term]
    tubes: dict[tuple[str, str], int]
    vials: dict[tuple[int, str], int]


async def set_up(tx: Tx, sites: dict[str, int], as_of: date) -> Tools:
    rows = [(site, *each) for site in sites for each in _CLINIC]
    rows += [(plan.CENTRAL.code, *each) for each in _CENTRAL]
    found = await tx.insert(
        Equipment,
        [
            {
                "site_id": sites[site],
                "code": code,
                "title": title,
                "kind": kind,
                "serial_no": f"{site}-{code}-0{len(code)}",
                "calibration_due": None if due is None else as_of + timedelta(days=_due(site, code, due)),
            }
            for site, code, title, kind, due in rows
        ],
    )
    equipment = {(site, code): key for (site, code, *_), key in zip(rows, found, strict=True)}
    spun = [(site, line, line.spin) for site in sites for line in plan.BUNDLE if line.spin is not None]
    keys = await tx.insert(
        EquipmentProgram,
        [
            {
                "equipment_id": equipment[site, CENTRIFUGE],
                "code": line.key.upper(),
                "title": f"{line.key.capitalize()}, {spin.g} g",
                "g_force": Decimal(spin.g),
                "minutes": Decimal(spin.minutes),
                "celsius": Decimal(spin.celsius),
                "brake": spin.brake,
            }
            for site, line, spin in spun
        ],
    )
    await tx.insert(
        ProgramTubeType,
        [{"program_id": key, "tube_type": line.tube_type} for (_, line, _), key in zip(spun, keys, strict=True)],
    )
    lots = [(site, reagent, days) for site in sites for reagent, days in _LOTS]
    made = await tx.insert(
        ReagentLot,
        [
            {
                "site_id": sites[site],
                "reagent": reagent,
                "lot": f"{reagent[:2].upper()}{sites[site]:02d}-{days}",
                "expires_on": as_of + timedelta(days=days),
            }
            for site, reagent, days in lots
        ],
    )
    tx.record("equipment.added", subject="equipment", subject_id=None, count=len(found), programs=len(keys))
    by_site: dict[str, list[int]] = {}
    for (site, *_), key in zip(lots, made, strict=True):
        by_site.setdefault(site, []).append(key)
    programs = {(site, line.key): key for (site, line, _), key in zip(spun, keys, strict=True)}
    return Tools(equipment, programs, by_site)


def _due(site: str, code: str, due: int) -> int:
    return _OVERDUE[2] if (site, code) == _OVERDUE[:2] else due


async def planned(tx: Tx, study: int) -> Planned:
    """What the published protocol plans."""
    version = (
        await tx.session.execute(select(ProtocolVersion.id).where(ProtocolVersion.study_id == study))
    ).scalar_one()
    visits = (
        await tx.session.execute(
            select(
                PlannedVisit.id,
                PlannedVisit.code,
                PlannedVisit.same_tubes_as_id,
                PlannedVisit.planned_day,
                PlannedVisit.days_before,
                PlannedVisit.days_after,
            )
            .where(PlannedVisit.protocol_version_id == version)
            .order_by(PlannedVisit.position)
        )
    ).all()
    tubes: dict[int, list[tuple[str, int]]] = {}
    for row in await tx.session.execute(select(PlannedTube.planned_visit_id, PlannedTube.code, PlannedTube.id)):
        tubes.setdefault(row.planned_visit_id, []).append((row.code, row.id))
    vials = await tx.session.execute(
        select(PlannedAliquot.planned_tube_id, PlannedAliquot.specimen_type, PlannedAliquot.id)
    )
    return Planned(
        version,
        {
            visit.code: Term(visit.planned_day, timedelta(days=visit.days_before), timedelta(days=visit.days_after))
            for visit in visits
        },
        {
            (visit.code, tube): key
            for visit in visits
            for tube, key in tubes.get(visit.same_tubes_as_id or visit.id, ())
        },
        {(row.planned_tube_id, row.specimen_type): row.id for row in vials},
    )
