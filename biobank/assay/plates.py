"""The plates of a run: their wells as a map, what was read in them, and which of them consent withholds."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, false, func, select

from biobank import ids
from biobank.access.models import AppUser
from biobank.assay import gate, rules
from biobank.assay.models import Analyte, AssayRun, ControlReading, Plate, Result, ResultVersion, Well
from biobank.assay.views import PlateView, QuantitySummary, ReadingView, WellDetail, WellView
from biobank.errors import NotFound
from biobank.specimen.models import Specimen
from biobank.tx import ReadTx

_WELL_COLUMNS = (
    Well.row,
    Well.col,
    Well.role,
    Well.name,
    Well.name_in_file,
    Well.dilution,
    Well.unfit,
    Well.override_reason,
    AppUser.display_name.label("overridden_by"),
    Specimen.code.label("tube"),
    Well.specimen_id,
)


def _well_view(row: Any, run_code: str, plate: int, flag: str | None, withheld: Mapping[int, str]) -> WellView:
    values = row._mapping
    label = rules.location(values["row"], values["col"])
    tube: str | None = values["tube"]
    return WellView(
        row=values["row"],
        col=values["col"],
        label=label,
        role=values["role"],
        code=tube,
        text=tube[-4:] if tube else (values["name"] or "")[:4],
        href=f"/runs/{run_code}/wells/{plate}/{label}" if values["role"] != "empty" else None,
        flag=flag,
        withheld=withheld.get(values["specimen_id"]),
        name=values["name"],
        name_in_file=values["name_in_file"],
        dilution=values["dilution"],
        unfit=values["unfit"],
        override_reason=values["override_reason"],
        overridden_by=values["overridden_by"],
    )


async def plate_views(tx: ReadTx, run_id: int, run_code: str) -> tuple[PlateView, ...]:
    plates = (
        await tx.session.execute(select(Plate).where(Plate.run_id == run_id).order_by(Plate.number))
    ).scalars().all()  # fmt: skip
    flagged = (
        select(Result.well_id, func.count().label("number"))
        .join(ResultVersion, ResultVersion.result_id == Result.id)
        .where(Result.run_id == run_id, ResultVersion.is_current, ResultVersion.flag.is_not(None))
        .group_by(Result.well_id)
        .subquery()
    )
    rows = (
        await tx.session.execute(
            select(Well.plate_id, flagged.c.number, *_WELL_COLUMNS)
            .outerjoin(Specimen, Specimen.id == Well.specimen_id)
            .outerjoin(AppUser, AppUser.id == Well.overridden_by)
            .outerjoin(flagged, flagged.c.well_id == Well.id)
            .where(Well.plate_id.in_([plate.id for plate in plates]))
            .order_by(Well.plate_id, Well.row, Well.col)
        )
    ).all()
    withheld = await gate.would_be_refused(tx, [row.specimen_id for row in rows if row.specimen_id is not None])
    numbers = {plate.id: plate.number for plate in plates}
    wells: dict[int, list[WellView]] = {plate.id: [] for plate in plates}
    for row in rows:
        flags = (f"{row.number} readings flagged" if row.number else "", "unfit, overridden" if row.unfit else "")
        words = "; ".join(one for one in flags if one) or None
        wells[row.plate_id].append(_well_view(row, run_code, numbers[row.plate_id], words, withheld))
    return tuple(
        PlateView(
            code=plate.code,
            number=plate.number,
            name=f"Plate {plate.number} ({ids.grouped(plate.code)})",
            row_labels=tuple(rules.location(row, 0)[:-1] for row in range(plate.rows)),
            col_labels=tuple(str(col + 1) for col in range(plate.cols)),
            wells=tuple(wells[plate.id]),
        )
        for plate in plates
    )


async def summary(tx: ReadTx, run_id: int) -> tuple[QuantitySummary, ...]:
    """By analyte and quantity, in the order of the file."""
    results = (
        select(
            Result.analyte_id,
            Result.quantity,
            func.min(Result.id).label("first"),
            func.max(ResultVersion.unit).label("unit"),
            func.count().label("number"),
            func.count(ResultVersion.flag).label("flagged"),
            func.min(ResultVersion.value).label("least"),
            func.max(ResultVersion.value).label("most"),
        )
        .join(ResultVersion, ResultVersion.result_id == Result.id)
        .where(Result.run_id == run_id, ResultVersion.is_current)
        .group_by(Result.analyte_id, Result.quantity)
        .subquery()
    )
    controls = (
        select(
            ControlReading.analyte_id,
            ControlReading.quantity,
            func.count().label("number"),
            func.max(ControlReading.unit).label("unit"),
        )
        .join(Well, Well.id == ControlReading.well_id)
        .join(Plate, Plate.id == Well.plate_id)
        .where(Plate.run_id == run_id)
        .group_by(ControlReading.analyte_id, ControlReading.quantity)
        .subquery()
    )
    analyte = func.coalesce(results.c.analyte_id, controls.c.analyte_id)
    quantity = func.coalesce(results.c.quantity, controls.c.quantity).label("quantity")
    both = (results.c.analyte_id == controls.c.analyte_id) & (results.c.quantity == controls.c.quantity)
    rows = await tx.session.execute(
        select(
            Analyte.code.label("analyte"),
            quantity,
            func.coalesce(results.c.unit, controls.c.unit).label("unit"),
            func.coalesce(results.c.number, 0).label("results"),
            func.coalesce(controls.c.number, 0).label("controls"),
            func.coalesce(results.c.flagged, 0).label("flagged"),
            results.c.least,
            results.c.most,
        )
        .select_from(results.outerjoin(controls, both, full=True))
        .join(Analyte, Analyte.id == analyte)
        .order_by(results.c.first.nulls_last(), Analyte.code, quantity)
    )
    return tuple(QuantitySummary(**row._mapping) for row in rows)


def at(label: str) -> tuple[ColumnElement[bool], ...]:
    """The condition that a well is the one of this label; none is where there is no such label."""
    place = rules.position(label, *rules.PLATE_FORMATS[384])
    return (Well.row == place[0], Well.col == place[1]) if place else (false(),)


async def well_detail(tx: ReadTx, found: AssayRun, plate: int, label: str) -> WellDetail:
    """What a well of a run holds.

    Raises:
        NotFound: the run's plate map has no such well.
    """
    row = (
        await tx.session.execute(
            select(Plate, Well.id.label("well_id"), *_WELL_COLUMNS)
            .join(Plate, Plate.id == Well.plate_id)
            .outerjoin(Specimen, Specimen.id == Well.specimen_id)
            .outerjoin(AppUser, AppUser.id == Well.overridden_by)
            .where(Plate.run_id == found.id, Plate.number == plate, *at(label))
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"The plate map of run {found.name} has no well {label} on plate {plate}.", well=label)
    value = (
        Analyte.code.label("analyte"),
        ResultVersion.value,
        ResultVersion.comparator,
        ResultVersion.limit_kind,
        ResultVersion.unit,
        ResultVersion.raw_text,
        ResultVersion.flag,
        ResultVersion.number.label("version"),
        ResultVersion.status,
        ResultVersion.reason,
        ResultVersion.is_current,
        Result.quantity,
    )
    results = (
        await tx.session.execute(
            select(*value)
            .join(Result, Result.id == ResultVersion.result_id)
            .join(Analyte, Analyte.id == Result.analyte_id)
            .where(Result.well_id == row.well_id)
            .order_by(Result.id, ResultVersion.number)
        )
    ).all()
    controls = await tx.session.execute(
        select(ControlReading, Analyte.code)
        .join(Analyte, Analyte.id == ControlReading.analyte_id)
        .where(ControlReading.well_id == row.well_id)
        .order_by(ControlReading.id)
    )
    readings = [
        ReadingView.model_validate({name: one._mapping[name] for name in ReadingView.model_fields}) for one in results
    ]
    current = [one.is_current for one in results]
    withheld = await gate.would_be_refused(tx, [row.specimen_id] if row.specimen_id is not None else [])
    first = (
        await tx.session.execute(select(Plate.code).where(Plate.run_id == found.id, Plate.number == 1))
    ).scalar_one()
    return WellDetail(
        run=found.name,
        plate=row.Plate.code,
        well=_well_view(row, first, plate, None, withheld),
        readings=(
            *(one for one, now in zip(readings, current, strict=True) if now),
            *(_control(one, analyte) for one, analyte in controls),
        ),
        earlier=tuple(one for one, now in zip(readings, current, strict=True) if not now),
    )


def _control(one: ControlReading, analyte: str) -> ReadingView:
    return ReadingView(
        analyte=analyte,
        quantity=one.quantity,
        value=one.value,
        comparator=one.comparator,
        limit_kind=rules.limit_kind(one.comparator),
        unit=one.unit,
        raw_text=one.raw_text,
        flag=one.flag,
        version=None,
        status=None,
        reason=None,
    )
