"""Runs of assays on stored serum, from planned to released, and those of the bead panel with their files. What stands
in the database is what the importer read from the file.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from assay_importers.contract import ParsedRun, SourceFile
from assay_importers.formats.luminex_xponent import LuminexXponent
from biobank import ids
from biobank.assay.matching import KnownAnalyte, MapWell, match
from biobank.assay.rules import limit_kind, software_of
from biobank.demo import plan, tools
from biobank.demo.bulk import Bulk, Row
from biobank.demo.chance import Minter, at, stream
from biobank.demo.house import House
from biobank.demo.material import Tube
from biobank.demo.people import Person, VisitPlan
from biobank.demo.xponent import Spot, export, reference_spots
from biobank.tx import Tx

ASSAYED = (plan.BASELINE, "Y1", plan.FLARE)
PLATE = 80
LATEST = ("verified", "failed", "parsed", "plated", "planned")
"""What the last plates have come to, the oldest of them first; all before are released."""
_LEAST_PLATES = len(LATEST) + 2
_SETTLED_DAYS = 8
_RESULT_STATUS = {"parsed": "preliminary", "verified": "verified", "released": "released", "failed": "cancelled"}
_RUN = (
    "name study_id site_id assay_version_id status operator_id kit_lot column_mapping_id raw_file_id importer "
    "importer_version instrument software serial_number batch acquired_at header created_at imported_by imported_at "
    "verified_by verified_at released_by released_at"
)
_KITS = {plan.LUMINEX: "AX8", plan.ELISA: "DS2"}
_VALUE = "value comparator unit raw_text flag"


@dataclass(frozen=True, slots=True)
class Subject:
    """A serum vial in the repository, whose it is and from which visit."""

    tube: Tube
    person: Person
    visit: VisitPlan
    stored: date


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run to be: number, how far it came, the day of the bench work, what goes on the plate, and which thaw of the
    tubes that is.
    """

    number: int
    status: str
    day: date
    subjects: tuple[Subject, ...]
    plate: str
    assay: str = plan.LUMINEX
    thaw: int = 1

    @property
    def name(self) -> str:
        return f"{self.assay}-{self.number:03d}"

    def moment(self, days: int, minutes: int) -> datetime:
        return at(self.day + timedelta(days=days), plan.CENTRAL.timezone, minutes)


def plan_runs(subjects: Sequence[Subject], as_of: date, minter: Minter) -> list[RunPlan]:
    """Serum in the order in which it came, a plate at a time. Nobody is assayed after a withdrawal."""
    ready = [
        one for one in subjects if one.visit.type in ASSAYED and one.stored <= as_of - timedelta(days=_SETTLED_DAYS)
    ]
    size = max(1, min(PLATE, -(-len(ready) // _LEAST_PLATES)))
    plates = [ready[start : start + size] for start in range(0, len(ready), size)]
    runs = []
    for number, plate in enumerate(plates, start=1):
        place = number - 1 - (len(plates) - len(LATEST))
        status = LATEST[place] if place >= 0 else "released"
        day = max(one.stored for one in plate) + timedelta(days=2)
        kept = tuple(
            one
            for one in plate
            if one.person.withdrawn is None
            or (status == "released" and day + timedelta(days=3) < one.person.withdrawn.date())
        )
        runs.append(RunPlan(number, status, day, kept, minter(ids.Kind.PLATE)))
    return runs


async def write_run(tx: Tx, bulk: Bulk, house: House, run: RunPlan, seed: int) -> int:
    """One run with everything up to its status; answers how many results it has."""
    chance = stream(seed, "run", run.number)
    spots = reference_spots(failed=run.status == "failed")
    spots += [
        Spot(len(spots) + number, "unknown", f"Unknown{number + 1}", levels(one, seed))
        for number, one in enumerate(run.subjects)
    ]
    started = run.moment(0, 14 * 60 + chance.randint(0, 50)).astimezone(ZoneInfo(plan.CENTRAL.timezone))
    file = SourceFile(f"{run.name}.csv", export(spots, run.name, started, chance))
    parsed = LuminexXponent().parse(file) if run.status in _RESULT_STATUS else None
    return await write_read(tx, bulk, house, run, spots, file, parsed)


async def write_read(
    tx: Tx,
    bulk: Bulk,
    house: House,
    run: RunPlan,
    spots: Sequence[Spot],
    file: SourceFile,
    parsed: ParsedRun | None,
    mapping: int | None = None,
) -> int:
    """A run of these wells, the last of them its subjects, with what was read from its file, of a table by this
    mapping; answers how many results it has.
    """
    run_id = await _write_head(bulk, house, run, parsed, file, mapping)
    tx.record(
        f"run.{run.status}",
        subject="assay_run",
        subject_id=run_id,
        study_id=house.study,
        site_id=house.central,
        tubes=len(run.subjects),
    )
    if run.status == "planned":
        return 0
    (plate,) = await bulk.insert("plate", "code run_id number rows cols", [(run.plate, run_id, 1, 8, 12)])
    first = len(spots) - len(run.subjects)
    wells = await bulk.insert(
        "well",
        "plate_id row col role specimen_id name name_in_file dilution freeze_thaw_count",
        [
            (plate, spot.row, spot.col, spot.role, *_content(spot, run, first, named=parsed is not None))
            for spot in spots
        ],
    )
    await _thaw(bulk, house, run)
    if parsed is None:
        return 0
    return await _write_results(bulk, house, run, run_id, parsed, spots, wells)


def levels(one: Subject, seed: int) -> tuple[float, ...]:
    """A flare raises what flares raise; otherwise a person's levels stay about the same over the years."""
    chance = stream(seed, "levels", one.person.index, one.visit.type, one.visit.number)
    return tuple(
        one.person.levels[analyte.code] * (analyte.flare if one.visit.flare else 1.0) * chance.lognormvariate(0.0, 0.12)
        for analyte in plan.PANEL
    )


def _content(spot: Spot, run: RunPlan, first: int, *, named: bool) -> Row:
    """Tube or name, the name in the file once there is one, dilution, and the thaws of the tube with this one."""
    in_file = spot.sample if named else None
    if spot.role == "unknown":
        return (run.subjects[spot.number - first].tube.id, None, in_file, plan.DILUTION, run.thaw)
    return (None, spot.sample, in_file, Decimal(1), None)


async def _write_head(
    bulk: Bulk, house: House, run: RunPlan, parsed: ParsedRun | None, file: SourceFile, mapping: int | None
) -> int:
    operator, reviewer = house.users["technician"], house.users["reviewer"]
    read: tuple[Any, ...] = (None,) * 9
    imported: tuple[Any, ...] = (None, None)
    if parsed is not None:
        digest, moment = hashlib.sha256(file.content).hexdigest(), run.moment(0, 17 * 60)
        (raw,) = await bulk.insert(
            "raw_file",
            "study_id sha256 name size content uploaded_by uploaded_at",
            [(house.study, digest, file.name, len(file.content), file.content, operator, moment)],
        )
        head = parsed.run
        text = json.dumps(dict(head.header), ensure_ascii=False)
        read = (
            raw,
            parsed.format,
            parsed.importer_version,
            head.instrument,
            software_of(head.header, head.software),
            head.serial_number,
            head.batch,
            head.started_at,
            text,
        )
        imported = (operator, moment)
    verified = (reviewer, run.moment(1, 10 * 60)) if run.status in {"verified", "released"} else (None, None)
    released = (reviewer, run.moment(2, 9 * 60)) if run.status == "released" else (None, None)
    row = (
        run.name,
        house.study,
        house.central,
        house.versions[run.assay],
        run.status,
        operator,
        f"{_KITS[run.assay]}-{2400 + run.number // 6}",
        mapping,
        *read,
        run.moment(0, 9 * 60),
        *imported,
        *verified,
        *released,
    )
    (key,) = await bulk.insert("assay_run", _RUN, [row])
    return key


async def _thaw(bulk: Bulk, house: House, run: RunPlan) -> None:
    """What plating does to the vials: one thaw, and the serum of one well taken from each."""
    tubes = [one.tube.id for one in run.subjects]
    operator, begins = house.users["technician"], run.moment(0, 9 * 60 + 20)
    columns = "study_id site_id type started_at ended_at operator_id equipment_id celsius sop_version"
    row = (
        house.study,
        house.central,
        "thaw",
        begins,
        begins + timedelta(minutes=25),
        operator,
        house.tools.equipment[plan.CENTRAL.code, tools.BATH],
        Decimal(20),
        "SOP-5.0",
    )
    (event,) = await bulk.insert("processing_event", columns, [row])
    await bulk.copy("processing_input", "processing_event_id specimen_id", [(event, tube) for tube in tubes])
    await bulk.run(
        "update specimen set freeze_thaw_count = freeze_thaw_count + 1, row_version = row_version + 1 "
        "where id = any ($1::bigint[])",
        tubes,
    )
    await bulk.copy(
        "quantity_ledger",
        "specimen_id delta unit reason basis processing_event_id recorded_by",
        [(tube, -plan.SERUM_TAKEN, "uL", "assay", "nominal", event, operator) for tube in tubes],
    )


async def _write_results(
    bulk: Bulk, house: House, run: RunPlan, run_id: int, parsed: ParsedRun, spots: Sequence[Spot], wells: Sequence[int]
) -> int:
    """Readings of tubes become results in their first version, all others readings of controls."""
    on_plate = {(1, spot.row, spot.col): MapWell(key, spot.role) for spot, key in zip(spots, wells, strict=True)}
    known = {each.name: KnownAnalyte(house.analytes[each.code], each.code, "U/mL") for each in plan.PANEL}
    found = match(parsed, {1: (8, 12)}, on_plate, known)
    first = len(spots) - len(run.subjects)
    whose = dict(zip(wells[first:], run.subjects, strict=True))
    results: list[Row] = []
    values: list[Row] = []
    controls: list[Row] = []
    for placed in found.placed:
        well, analyte, reading = placed.well, placed.analyte, placed.reading
        value = (reading.value, reading.comparator, placed.unit, reading.raw, reading.flag)
        if well.role == "unknown":
            one = whose[well.id]
            results.append((house.study, run_id, well.id, one.tube.id, one.person.id, analyte.id, reading.quantity))
            values.append(value)
        else:
            controls.append((well.id, analyte.id, reading.quantity, *value))
    await bulk.copy("control_reading", f"well_id analyte_id quantity {_VALUE}", controls)
    keys = await bulk.insert(
        "result", "study_id run_id well_id specimen_id participant_id analyte_id quantity", results
    )
    status = _RESULT_STATUS[run.status]
    released = run.moment(2, 9 * 60) if run.status == "released" else None
    reason = "A control is out of its range" if run.status == "failed" else None
    versions = [
        (key, 1, status, limit_kind(value[1]), reason, True, released, None, *value)
        for key, value in zip(keys, values, strict=True)
    ]
    if versions and run.status == "released" and run.number == 1 and run.assay == plan.LUMINEX:
        versions[:1] = _corrected(versions[0], run)
    await bulk.copy(
        "result_version",
        f"result_id number status limit_kind reason is_current released_at ended_at {_VALUE}",
        versions,
    )
    return len(results)


def _corrected(version: Row, run: RunPlan) -> list[Row]:
    """One released value was read again from its evidence: the earlier version stays on record, with reason and end."""
    key, _, _, limit, _, _, released, _, *value = version
    reason, again = "The lot of the standard was entered wrongly; read again from the curve", run.moment(3, 11 * 60)
    return [
        (key, 1, "corrected", limit, reason, False, released, again, *value),
        (key, 2, "released", limit, reason, True, again, None, *value),
    ]
