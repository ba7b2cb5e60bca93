"""Putting tubes, standards, controls and blanks on the wells of a run, by a plate map or one scan at a time."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from assay_importers import ImporterError
from assay_importers.plate_map import PlateSize, read_plate_map
from biobank import ids
from biobank.actor import Permission
from biobank.assay import gate, queries, rules
from biobank.assay.commands import Command
from biobank.assay.fitting import unfit_tubes
from biobank.assay.models import AssayRun, Plate, Well
from biobank.assay.views import RunView
from biobank.errors import NotFound
from biobank.identifier.models import Identifier
from biobank.picking.claims import fulfil
from biobank.specimen.models import Custody, Specimen
from biobank.specimen.queries import hold_donors, within
from biobank.tx import Tx

Tube = tuple[Specimen, Custody]

MAP_BYTES = 1024 * 1024
"""A plate map of 384 wells has some 20 kB: what is a hundred times that is no plate map."""


class WellSpec(Command):
    """A well: a tube by any of its codes, or a standard, control or blank by its name. `line` is that of the file.

    `override`: why a tube is measured that is unfit for the assay. It stays on the well with who said so.
    """

    well: Annotated[str, Field(min_length=2, max_length=8)]
    role: Literal["unknown", "standard", "control", "blank", "empty"] = "unknown"
    code: Annotated[str | None, Field(max_length=200)] = None
    name: Annotated[str | None, Field(max_length=200)] = None
    dilution: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(1)
    override: Annotated[str | None, Field(min_length=3, max_length=500)] = None
    line: int | None = None


class PlateWells(Command):
    """Wells of one plate. With `replace` they are its whole map; without, wells that hold something are not taken."""

    plate: Annotated[int, Field(ge=1)] = 1
    wells: Annotated[tuple[WellSpec, ...], Field(min_length=1, max_length=384)]
    replace: bool = False


def read_map(data: bytes, plate: int = 1, plate_size: PlateSize | None = None) -> PlateWells:
    """The command that a plate map file means: it is the whole map of the plate.

    Raises:
        FileTooLarge, FileRefused: naming line, column and value.
    """
    if len(data) > MAP_BYTES:
        raise rules.FileTooLarge(f"A plate map has at most {MAP_BYTES:,} bytes, this has {len(data):,}.")
    try:
        found = read_plate_map(data, plate_size)
    except ImporterError as error:
        raise rules.FileRefused(f"The plate map cannot be read: {error}.", **error.details) from None
    return PlateWells(
        plate=plate,
        replace=True,
        wells=tuple(
            WellSpec(
                well=row.location,
                role=row.role,
                code=row.code,
                name=row.name,
                dilution=row.dilution,
                line=row.line,
            )
            for row in found.rows
        ),
    )


async def plate_wells(tx: Tx, key: str, command: PlateWells) -> RunView:
    """Record what is in the wells of a plate. One bad row refuses all, and every bad row is named.

    Raises:
        PlateMapRefused: wells that do not exist or hold something else; tubes that are unknown, out of reach,
            of another study, not to be used, unfit for the assay, or whose people do not allow it.
        RunNotReady: the run's file was imported already.
    """
    run = await queries.find_run(tx, key, Permission.ASSAY_RUN, lock=True)
    rules.check_status(run.name, run.status, rules.IMPORTABLE, "plated")
    plate = (
        await tx.session.execute(select(Plate).where(Plate.run_id == run.id, Plate.number == command.plate))
    ).scalar_one_or_none()
    if plate is None:
        raise NotFound(f"Run {run.name} has no plate {command.plate}.", plate=command.plate)
    tubes = await _tubes(tx, [spec.code for spec in command.wells if spec.code])
    held = {
        (row.row, row.col): row
        for row in await tx.session.execute(
            select(
                Well.row, Well.col, Well.role, Well.specimen_id, Well.name, Well.override_reason, Well.overridden_by
            ).where(Well.plate_id == plate.id)
        )
    }
    here = [tube.id for found in tubes.values() for tube, _ in found]
    stopped = await gate.claimed(tx, await gate.purposes_of(tx, run), here) | await gate.unfit(tx, here)
    unfit = await unfit_tubes(tx, here, run.assay_version_id)
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    problems = []
    for spec in command.wells:
        place = rules.position(spec.well, plate.rows, plate.cols)
        tube, problem = _tube(run, spec, tubes, stopped)
        if place is None:
            problem = f"the plate has no well {spec.well}"
        elif place in rows:
            problem = "the well is named twice"
        elif problem is None:
            why = unfit.get(tube.id) if tube else None
            rows[place] = _row(plate.id, place, spec, tube) | _override(tx, spec, tube, why, held.get(place))
            problem = None if command.replace else _taken(held.get(place), rows[place])
            if problem is None and why and rows[place]["override_reason"] is None:
                problem = f"the tube is unfit: {'; '.join(why)}"
        if problem is not None:
            problems.append({"line": spec.line, "well": spec.well, "code": spec.code, "problem": problem})
    rules.refuse_rows(problems)
    if command.replace:
        for place in held.keys() - rows.keys():
            rows[place] = _row(plate.id, place, WellSpec(well="A1", role="empty"), None)
    await _store(tx, run, rows)
    await fulfil(tx, [row["specimen_id"] for row in rows.values() if row["specimen_id"]], f"Plated in run {run.name}")
    tx.record(
        "run.plated",
        subject="assay_run",
        subject_id=run.id,
        study_id=run.study_id,
        site_id=run.site_id,
        plate=plate.code,
        wells=len(rows),
        overridden=sum(row["override_reason"] is not None for row in rows.values()),
    )
    return await queries.run_view(tx, run.id)


async def _tubes(tx: Tx, codes: list[str]) -> dict[str, list[Tube]]:
    """Tubes within reach by every code as it was written, held so that none is put on hold before the commit."""
    wanted = {code: {code.strip(), ids.canonical(code)} for code in codes}
    values = set().union(*wanted.values()) if wanted else set()
    named = select(Identifier.specimen_id).where(Identifier.value.in_(values), Identifier.specimen_id.is_not(None))
    await hold_donors(tx, Specimen.id.in_(named))
    found = await tx.session.execute(
        select(Specimen, Custody, Identifier.value)
        .join(Identifier, Identifier.specimen_id == Specimen.id)
        .join(Custody, Custody.specimen_id == Specimen.id)
        .where(
            Identifier.value.in_(values),
            Identifier.status.in_(["active", "superseded", "damaged"]),
            within(tx.scope(Permission.ASSAY_RUN)),
        )
        .order_by(Specimen.id)
        .with_for_update(read=True, of=Specimen)
    )
    by_value: defaultdict[str, dict[int, Tube]] = defaultdict(dict)
    for tube, custody, value in found:
        by_value[value][tube.id] = (tube, custody)
    return {
        code: list({key: tube for value in names for key, tube in by_value.get(value, {}).items()}.values())
        for code, names in wanted.items()
    }


def _tube(
    run: AssayRun, spec: WellSpec, tubes: dict[str, list[Tube]], stopped: dict[int, str]
) -> tuple[Specimen | None, str | None]:
    """The tube that a row means, or what is wrong with it."""
    if spec.role != "unknown":
        return None, None if spec.code is None else f"a {spec.role} has a name, not the code of a tube"
    if not spec.code:
        return None, "the code of the tube is missing"
    found = tubes[spec.code]
    if not found:
        return None, _unknown(spec.code)
    if len(found) > 1:
        return None, f"several tubes have the code {spec.code}: scan the house label"
    ((tube, custody),) = found
    if tube.study_id != run.study_id:
        return None, "the tube belongs to another study"
    problem = rules.tube_problem(
        tube.existence,
        tube.quality,
        tube.hold,
        packed=custody.package_id is not None,
        outside=custody.external_party_id is not None,
    )
    return tube, problem or stopped.get(tube.id)


def _unknown(code: str) -> str:
    """Why a code names no tube: a house id with a wrong check character is a misread, anything else is unknown."""
    text = ids.canonical(code)
    if ids.looks_like_house_id(text):
        try:
            ids.parse(text)
        except ids.BadIdentifier as error:
            return f"{ids.grouped(text)} was misread: {error}"
    return f"there is no tube {ids.grouped(text)}"


def _row(plate_id: int, place: tuple[int, int], spec: WellSpec, tube: Specimen | None) -> dict[str, Any]:
    return {
        "plate_id": plate_id,
        "row": place[0],
        "col": place[1],
        "role": spec.role,
        "specimen_id": tube.id if tube else None,
        "name": None if tube else spec.name,
        "dilution": spec.dilution,
        "freeze_thaw_count": tube.freeze_thaw_count if tube else None,
        "unfit": None,
        "override_reason": None,
        "overridden_by": None,
    }


def _override(tx: Tx, spec: WellSpec, tube: Specimen | None, why: Sequence[str] | None, held: Any) -> dict[str, Any]:
    """Who took an unfit tube upon themselves: this person with a reason, or who did so before on the same well."""
    if tube is None or not why:
        return {}
    unfit = "; ".join(why)
    if spec.override is not None:
        return {"unfit": unfit, "override_reason": spec.override, "overridden_by": tx.actor.user_id}
    if held is not None and held.specimen_id == tube.id and held.override_reason is not None:
        return {"unfit": unfit, "override_reason": held.override_reason, "overridden_by": held.overridden_by}
    return {}


def _taken(held: Any, row: dict[str, Any]) -> str | None:
    """Why a well cannot be given this content by a scan; what it holds already may be scanned again."""
    same = held is not None and (held.role, held.specimen_id, held.name) == (
        row["role"],
        row["specimen_id"],
        row["name"],
    )
    if held is None or held.role == "empty" or row["role"] == "empty" or same:
        return None
    return "the well holds something else: set it to empty first"


async def _store(tx: Tx, run: AssayRun, rows: dict[tuple[int, int], dict[str, Any]]) -> None:
    statement = upsert(Well).values(list(rows.values()))
    changed = {
        name: statement.excluded[name]
        for name in (
            "role",
            "specimen_id",
            "name",
            "dilution",
            "freeze_thaw_count",
            "unfit",
            "override_reason",
            "overridden_by",
        )
    }  # fmt: skip
    await tx.session.execute(
        statement.on_conflict_do_update(
            index_elements=["plate_id", "row", "col"],
            set_=changed,
            where=or_(*(Well.__table__.c[name].is_distinct_from(value) for name, value in changed.items())),
        )
    )
    await tx.session.execute(
        update(AssayRun).where(AssayRun.id == run.id).values(status="plated", row_version=AssayRun.row_version + 1)
    )
