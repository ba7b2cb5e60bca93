"""Verifying, failing and releasing runs, and correcting released results."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import func, select, update

from biobank.actor import Permission
from biobank.assay import gate, plates, queries, rules
from biobank.assay.commands import AnalyteCode, Command, Unit
from biobank.assay.models import Analyte, AssayRun, Plate, Result, ResultVersion, Well
from biobank.assay.views import RunView, WellDetail
from biobank.errors import Conflict, Invalid, NotFound
from biobank.tx import Tx

Reason = Annotated[str, Field(min_length=3, max_length=500)]


class Verify(Command):
    """A reviewer's yes. `reason` is needed where the run has no control."""

    reason: Reason | None = None


class Fail(Command):
    reason: Reason


class Release(Command):
    """The run and the person are all there is to say."""


class CorrectResult(Command):
    """A new version of one released result. `raw_text` is what the evidence says, word by word."""

    plate: Annotated[int, Field(ge=1)] = 1
    well: Annotated[str, Field(max_length=5)]
    analyte: AnalyteCode
    quantity: Annotated[str, Field(min_length=1, max_length=200)]
    value: Annotated[Decimal | None, Field(allow_inf_nan=False)] = None
    comparator: Literal["<", "<=", ">", ">="] | None = None
    unit: Unit | None = None
    raw_text: Annotated[str, Field(max_length=200)]
    flag: Literal["below_range", "above_range", "not_reported", "not_a_number", "too_few_beads", "masked"] | None = None
    reason: Reason


async def verify(tx: Tx, key: str, command: Verify) -> RunView:
    """Say that a run's results are right. The database refuses the operator and the importer as reviewers."""
    run = await queries.find_run(tx, key, Permission.ASSAY_REVIEW, lock=True)
    rules.check_status(run.name, run.status, rules.REVIEWED_FROM, "verified")
    counted = (
        select(func.count())
        .select_from(Well)
        .join(Plate, Plate.id == Well.plate_id)
        .where(Plate.run_id == run.id, Well.role.in_(["standard", "control", "blank"]))
    )
    controls = (await tx.session.execute(counted)).scalar_one()
    rules.check_controls(run.name, controls, command.reason)
    await _run_to(tx, run, status="verified", verified_by=tx.actor.user_id, verified_at=tx.now)
    await _results_to(tx, run.id, ["preliminary"], status="verified")
    _record(tx, "run.verified", run, command.reason, controls=controls)
    return await queries.run_view(tx, run.id)


async def fail(tx: Tx, key: str, command: Fail) -> RunView:
    """Give a run up, with a reason. Its readings stay as cancelled; its file may be imported in another run."""
    run = await queries.find_run(tx, key, Permission.ASSAY_REVIEW, lock=True)
    rules.check_status(run.name, run.status, rules.FAILED_FROM, "failed")
    await _run_to(tx, run, status="failed")
    await _results_to(tx, run.id, ["preliminary", "verified"], status="cancelled", reason=command.reason)
    _record(tx, "run.failed", run, command.reason)
    return await queries.run_view(tx, run.id)


async def release(tx: Tx, key: str, command: Release) -> RunView:
    """Release a verified run. Results of people who do not allow it any more are withheld: they stay verified."""
    del command
    run = await queries.find_run(tx, key, Permission.ASSAY_REVIEW, lock=True)
    rules.check_status(run.name, run.status, rules.RELEASED_FROM, "released")
    tubes = await tx.session.execute(select(Result.specimen_id).distinct().where(Result.run_id == run.id))
    withheld = await gate.refused(tx, tubes.scalars())
    await _results_to(tx, run.id, ["verified"], without=list(withheld), status="released", released_at=tx.now)
    await _run_to(tx, run, status="released", released_by=tx.actor.user_id, released_at=tx.now)
    _record(tx, "run.released", run, None, withheld_tubes=len(withheld))
    return await queries.run_view(tx, run.id)


async def correct_result(tx: Tx, key: str, command: CorrectResult) -> WellDetail:
    """Correct a released result: the version in force is marked corrected and a new one takes its place."""
    run = await queries.find_run(tx, key, Permission.ASSAY_REVIEW)
    rules.check_four_eyes(tx.actor.user_id, run.operator_id, run.imported_by)
    if command.value is None and command.flag is None:
        raise Invalid("Give a value, or a flag that says why there is none.", errors={"value": "is missing"})
    if command.comparator is not None and command.value is None:
        raise Invalid("A comparator needs the limit as its value.", errors={"value": "is missing"})
    result, old = await _in_force(tx, run, command)
    if reason := (await gate.refused(tx, [result.specimen_id])).get(result.specimen_id):
        raise Conflict(f"The result is not touched any more: {reason}.", well=command.well)
    old.status, old.is_current, old.reason, old.ended_at = "corrected", False, command.reason, tx.now
    await tx.session.flush()
    version = {
        "result_id": result.id,
        "number": old.number + 1,
        "status": "released",
        "value": command.value,
        "comparator": command.comparator,
        "limit_kind": rules.limit_kind(command.comparator),
        "unit": command.unit if command.unit is not None else old.unit,
        "raw_text": rules.storable(command.raw_text),
        "flag": command.flag,
        "reason": command.reason,
        "released_at": tx.now,
    }
    await tx.insert(ResultVersion, [version])
    _record(tx, "result.corrected", run, command.reason, well=command.well, analyte=command.analyte)
    return await plates.well_detail(tx, run, command.plate, command.well)


async def _in_force(tx: Tx, run: AssayRun, command: CorrectResult) -> tuple[Result, ResultVersion]:
    """The result that a correction means and its version in force, held until the end."""
    row = (
        await tx.session.execute(
            select(Result, ResultVersion)
            .join(ResultVersion, ResultVersion.result_id == Result.id)
            .join(Well, Well.id == Result.well_id)
            .join(Plate, Plate.id == Well.plate_id)
            .join(Analyte, Analyte.id == Result.analyte_id)
            .where(
                Result.run_id == run.id,
                Plate.number == command.plate,
                Analyte.code == command.analyte,
                Result.quantity == command.quantity,
                ResultVersion.is_current,
                *plates.at(command.well),
            )
            .with_for_update(of=ResultVersion)
        )
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"Run {run.name} has no {command.quantity} of {command.analyte} in well {command.well}.", well=command.well
        )
    if row.ResultVersion.status != "released":
        raise rules.NotReleased(
            f"This result is {row.ResultVersion.status}: only what was released is corrected.",
            result_status=row.ResultVersion.status,
        )
    return row.Result, row.ResultVersion


async def _run_to(tx: Tx, run: AssayRun, **values: Any) -> None:
    await tx.session.execute(
        update(AssayRun).where(AssayRun.id == run.id).values(**values, row_version=AssayRun.row_version + 1)
    )


async def _results_to(tx: Tx, run_id: int, was: list[str], *, without: list[int] | None = None, **values: Any) -> None:
    """Set the current versions of a run that are in one of the states `was`, but of these tubes none."""
    chosen = select(Result.id).where(Result.run_id == run_id, Result.specimen_id.not_in(without or []))
    await tx.session.execute(
        update(ResultVersion)
        .where(ResultVersion.result_id.in_(chosen), ResultVersion.is_current, ResultVersion.status.in_(was))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _record(tx: Tx, verb: str, run: AssayRun, reason: str | None, **details: Any) -> None:
    tx.record(
        verb,
        subject="assay_run",
        subject_id=run.id,
        study_id=run.study_id,
        site_id=run.site_id,
        reason=reason,
        **details,
    )
