"""Recording measured qualities of tubes: one by one, for the vials of a deed, or in bulk. All of them or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from biobank.actor import Permission
from biobank.catalogue.models import QcQuantity
from biobank.equipment.models import Equipment
from biobank.errors import Invalid
from biobank.exact import Exact
from biobank.specimen import queries, readings
from biobank.specimen.models import Custody, QcMeasurement, Specimen
from biobank.specimen.queries import SpecimenView, within
from biobank.specimen.readings import Measurable
from biobank.specimen.record import View
from biobank.specimen.rules import CLOCK_TOLERANCE, to_the_minute
from biobank.specimen.work import Command
from biobank.study.models import Site
from biobank.study.rules import at_site
from biobank.tx import ReadTx, Tx


class Measured(Command):
    """One reading. `text` is as the instrument wrote it; without a moment it was measured now."""

    quantity: Annotated[str, Field(min_length=1, max_length=40, description="A quantity, such as rin.")]
    text: Annotated[str, Field(min_length=1, max_length=40)]
    unit: Annotated[str | None, Field(min_length=1, max_length=20)] = None
    measured_at: AwareDatetime | None = None
    equipment: Annotated[str | None, Field(min_length=1, max_length=20)] = None


class RecordMeasurements(Command):
    """What was measured of one tube."""

    measurements: Annotated[tuple[Measured, ...], Field(min_length=1, max_length=50)]


class TubeMeasured(Measured):
    specimen: Annotated[str, Field(min_length=1, max_length=40, description="A tube's house id.")]


class RecordMany(Command):
    """What was measured of many tubes."""

    rows: Annotated[tuple[TubeMeasured, ...], Field(min_length=1, max_length=5000)]


class ReadTable(Command):
    """A table of measurements as CSV: specimen, quantity, value; and perhaps unit, measured_at, equipment. A moment
    without an offset is local time at the site that has the tube.
    """

    text: Annotated[str, Field(min_length=1, max_length=4_000_000)]


class MeasuredView(View):
    """How many values were recorded, and of which tubes."""

    values: int
    specimens: tuple[str, ...]


class QuantityView(View):
    code: str
    title: str
    unit: str | None
    lowest: Exact | None
    highest: Exact | None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it was sent; `moment` may be a text."""

    line: int | None
    specimen: str
    quantity: str
    text: str
    unit: str | None
    moment: datetime | str | None
    equipment: str | None
    extra: bool = False


@dataclass(frozen=True, slots=True)
class _Tube:
    id: int
    code: str
    study_id: int
    site_id: int
    timezone: str
    born: datetime | None


async def record_measurements(tx: Tx, code: str, command: RecordMeasurements) -> SpecimenView:
    """Record what was measured of a tube; earlier values stay, the latest counts.

    Raises:
        NotFound: no such tube within reach.
        MeasurementsRefused: naming every value that cannot be, and why.
    """
    tube, _ = await queries.find_specimen(tx, queries.tube_code(code), Permission.SPECIMEN_PROCESS)
    await _record(tx, [_row(None, tube.code, one) for one in command.measurements])
    return await queries.view_of(tx, tube)


async def record_many(tx: Tx, command: RecordMany) -> MeasuredView:
    """Record what was measured of many tubes.

    Raises:
        MeasurementsRefused: naming every row that cannot be taken, by its number, and why.
    """
    return await _record(tx, [_row(number, one.specimen, one) for number, one in enumerate(command.rows, start=1)])


async def read_table(tx: Tx, command: ReadTable) -> MeasuredView:
    """Record a table of measurements.

    Raises:
        Invalid: no table of this kind.
        MeasurementsRefused: naming every row that cannot be taken, by its line, and why.
    """
    rows = [
        _Row(
            line=row["line"],
            specimen=row.get("specimen") or "",
            quantity=row.get("quantity") or "",
            text=row.get("text") or "",
            unit=row.get("unit"),
            moment=row.get("measured_at"),
            equipment=row.get("equipment"),
            extra=row["extra"],
        )
        for row in readings.read_csv(command.text)
    ]
    return await _record(tx, rows)


def _row(line: int | None, specimen: str, one: Measured) -> _Row:
    return _Row(line, specimen, one.quantity, one.text, one.unit, one.measured_at, one.equipment)


async def _record(tx: Tx, rows: Sequence[_Row]) -> MeasuredView:
    kinds = await measurables(tx)
    codes = {row.specimen: _house_code(row.specimen) for row in rows}
    tubes = await _tubes(tx, {code for code in codes.values() if code})
    devices = await _devices(tx, {tube.site_id for tube in tubes.values()})
    problems: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    seen: dict[tuple[object, ...], int | None] = {}
    for row in rows:
        tube = tubes.get(codes[row.specimen] or "")
        value, problem = _judge(tx, row, tube, kinds, devices)
        if value is not None:
            same = (value["specimen_id"], value["quantity"], value["raw_text"], value["measured_at"])
            if same not in seen:
                seen[same] = row.line
                values.append(value)
                continue
            problem = f"the same stands in line {seen[same]} already"
        problems.append({"line": row.line, "specimen": row.specimen, "quantity": row.quantity, "problem": problem})
    readings.refuse_rows(problems)
    await tx.insert(QcMeasurement, values)
    of_rows = {value["specimen_id"] for value in values}
    measured = [tube for tube in tubes.values() if tube.id in of_rows]
    for study_id, site_id in sorted({(tube.study_id, tube.site_id) for tube in measured}):
        here = [tube for tube in measured if (tube.study_id, tube.site_id) == (study_id, site_id)]
        tx.record(
            "specimen.measured",
            subject="specimen",
            subject_id=here[0].id,
            study_id=study_id,
            site_id=site_id,
            tubes=len(here),
            specimens=[tube.code for tube in here[:100]],
        )
    return MeasuredView(values=len(values), specimens=tuple(tube.code for tube in measured))


def _house_code(text: str) -> str | None:
    """The canonical code; None for what is no tube's id."""
    try:
        return queries.tube_code(text)
    except Invalid:
        return None


def _judge(
    tx: Tx,
    row: _Row,
    tube: _Tube | None,
    kinds: Mapping[str, Measurable],
    devices: Mapping[tuple[int, str], int],
) -> tuple[dict[str, Any] | None, str]:
    """The value that a row means, or what is wrong with it."""
    kind = kinds.get(row.quantity.lower())
    if problem := _unknown(row, tube, kind, kinds):
        return None, problem
    assert tube is not None and kind is not None  # noqa: S101, PT018  # held by `_unknown`
    number, problem = readings.value_of(row.text, row.unit, kind)
    if number is None:
        return None, problem
    moment, problem = _moment(tx, row, tube)
    if moment is None:
        return None, problem
    device = None
    if row.equipment is not None:
        device = devices.get((tube.site_id, row.equipment))
        if device is None:
            return None, f"the site that has the tube has no equipment {row.equipment[:40]}"
    return {
        "specimen_id": tube.id,
        "quantity": kind.code,
        "value": number,
        "raw_text": row.text.strip(),
        "unit": kind.unit,
        "measured_at": moment,
        "equipment_id": device,
        "recorded_by": tx.actor.user_id,
    }, ""


def _unknown(row: _Row, tube: _Tube | None, kind: Measurable | None, kinds: Mapping[str, Measurable]) -> str | None:
    """What a row names that there is not."""
    if row.extra:
        return "the row has more cells than there are columns"
    if tube is None:
        return "there is no such tube" if _house_code(row.specimen) else "this is no tube's id"
    if kind is None:
        return f"there is no quantity {row.quantity[:40]}: there are {', '.join(sorted(kinds))}"
    return None


def _moment(tx: Tx, row: _Row, tube: _Tube) -> tuple[datetime | None, str]:
    moment = row.moment
    if isinstance(moment, str):
        try:
            moment = at_site(moment, tube.timezone, "measured_at")
        except Invalid as error:
            return None, f"{str(row.moment)[:40]}: {error.errors['measured_at']}"
    if moment is None:
        return tx.now, ""
    if moment > tx.now + CLOCK_TOLERANCE:
        return None, "the moment lies in the future"
    if tube.born is not None and moment < to_the_minute(tube.born):
        return None, "the tube did not exist yet at that time"
    return moment, ""


_HERE = aliased(Site)


async def _tubes(tx: Tx, codes: set[str]) -> dict[str, _Tube]:
    """Tubes within reach by house id, or by the label that they got instead."""
    replaced = await queries.replacements(tx, sorted(codes))
    rows = (
        await tx.session.execute(
            select(Specimen, func.coalesce(Custody.site_id, Specimen.site_id).label("at"), _HERE.timezone)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .join(_HERE, _HERE.id == func.coalesce(Custody.site_id, Specimen.site_id))
            .where(Specimen.code.in_({*codes, *replaced.values()}), within(tx.scope(Permission.SPECIMEN_PROCESS)))
            .order_by(Specimen.id)
        )
    ).all()
    born = await queries.born(tx, [row.Specimen for row in rows])
    found = {
        row.Specimen.code: _Tube(
            row.Specimen.id,
            row.Specimen.code,
            row.Specimen.study_id,
            row.at,
            row.timezone,
            born[row.Specimen.code],
        )
        for row in rows
    }
    return found | {label: found[code] for label, code in replaced.items() if code in found}


async def _devices(tx: Tx, site_ids: set[int]) -> dict[tuple[int, str], int]:
    rows = await tx.session.execute(
        select(Equipment.site_id, Equipment.code, Equipment.id).where(Equipment.site_id.in_(site_ids))
    )
    return {(row.site_id, row.code): row.id for row in rows}


async def measurables(tx: ReadTx) -> dict[str, Measurable]:
    """What can be measured, by code."""
    return {
        one.code: Measurable(one.code, one.title, one.unit, one.lowest, one.highest)
        for one in (await tx.session.execute(select(QcQuantity))).scalars()
    }


async def quantities(tx: ReadTx) -> tuple[QuantityView, ...]:
    """What can be measured, by title."""
    columns = [getattr(QcQuantity, name) for name in QuantityView.model_fields]
    rows = await tx.session.execute(select(*columns).order_by(QcQuantity.title))
    return tuple(QuantityView(**row._asdict()) for row in rows)


async def of_vials(
    tx: Tx,
    made: Sequence[int],
    readings_of: Sequence[Sequence[Measured]],
    contents: Sequence[tuple[Any, str]],
    event_id: int,
    site_id: int,
    at: datetime,
) -> None:
    """Record what was measured of vials in the deed that makes them. `contents` is what each holds, with its unit.

    Raises:
        MeasurementsRefused: a value that cannot be, or that contradicts what its vial holds; vials are counted from 1.
    """
    kinds = await measurables(tx)
    devices = await _devices(tx, {site_id})
    problems: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    for number, (vial, given, (quantity, unit)) in enumerate(zip(made, readings_of, contents, strict=True), start=1):
        found: dict[str, Any] = {}
        tube = _Tube(vial, f"vial {number}", 0, site_id, "UTC", None)
        for one in given:
            value, problem = _judge(tx, _row(number, f"vial {number}", one), tube, kinds, devices)
            if value is None:
                problems.append({"line": number, "specimen": tube.code, "quantity": one.quantity, "problem": problem})
                continue
            found[value["quantity"]] = value["value"]
            values.append(value | {"processing_event_id": event_id, "measured_at": one.measured_at or at})
        if differs := readings.disagreement(quantity, unit, found):
            problems.append({"line": number, "specimen": tube.code, "quantity": "content", "problem": differs})
    readings.refuse_rows(problems)
    await tx.insert(QcMeasurement, values)
