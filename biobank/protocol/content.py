"""Writing a document into a draft: rows that stay the same are left alone, so that the audit trail tells the change."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from sqlalchemy import RowMapping, bindparam, delete, select, update

from biobank.protocol.document import Document, StepSpec
from biobank.protocol.models import PlannedAliquot, PlannedStep, PlannedTube, PlannedVisit, ProtocolVersion
from biobank.study.models import Cohort
from biobank.tx import Tx

Key = TypeVar("Key", bound=Hashable)
Rows = dict[Key, dict[str, Any]]


async def write_content(tx: Tx, draft: ProtocolVersion, document: Document) -> None:
    """Make the draft plan what the document says, which keeps the rules already. Counts as one change of the draft."""
    draft.effective_from, draft.note = document.effective_from, document.note
    draft.row_version += 1
    await tx.session.flush()
    visits = await _present(tx, PlannedVisit, PlannedVisit.protocol_version_id == draft.id)
    tubes = await _present(tx, PlannedTube, PlannedTube.planned_visit_id.in_(list(visits)))
    steps = await _present(tx, PlannedStep, PlannedStep.planned_tube_id.in_(list(tubes)))
    aliquots = await _present(tx, PlannedAliquot, PlannedAliquot.planned_tube_id.in_(list(tubes)))

    visit_ids = await _write_visits(tx, draft, document, visits)
    cohorts = (await tx.session.execute(select(Cohort.code, Cohort.id).where(Cohort.study_id == draft.study_id))).all()
    wanted_tubes = _tubes(document, draft.study_id, visit_ids, {row.code: row.id for row in cohorts})
    tube_ids = await _sync(
        tx, PlannedTube, {(row["planned_visit_id"], row["code"]): row for row in tubes.values()}, wanted_tubes
    )
    by_place = {
        (visit.code, tube.code): (tube, tube_ids[visit_ids[visit.code], tube.code])
        for visit in document.visits
        for tube in visit.tubes
    }
    step_ids = await _sync(
        tx,
        PlannedStep,
        {(row["planned_tube_id"], row["position"]): row for row in steps.values()},
        {
            (key, position): {
                "planned_tube_id": key,
                "position": position,
                **{name: getattr(step, name) for name in StepSpec.model_fields},
            }
            for tube, key in by_place.values()
            for position, step in enumerate(tube.steps, start=1)
        },
    )
    aliquot_ids = await _sync(
        tx,
        PlannedAliquot,
        {(row["planned_tube_id"], row["position"]): row for row in aliquots.values()},
        {
            (key, position): {
                "planned_tube_id": key,
                "position": position,
                **one.model_dump(exclude={"store"}),
                "temperature_class": one.store,
            }
            for tube, key in by_place.values()
            for position, one in enumerate(tube.aliquots, start=1)
        },
    )
    # The parts that are left over go last and from the bottom up.
    await _remove(tx, PlannedStep, set(steps) - set(step_ids.values()))
    await _remove(tx, PlannedAliquot, set(aliquots) - set(aliquot_ids.values()))
    await _remove(tx, PlannedTube, set(tubes) - set(tube_ids.values()))
    await _remove(tx, PlannedVisit, set(visits) - set(visit_ids.values()))


async def _write_visits(
    tx: Tx, draft: ProtocolVersion, document: Document, visits: Mapping[int, RowMapping]
) -> dict[str, int]:
    """The keys of the visits by code. Which visit shares whose tubes is said once all of them are there."""
    rows: Rows[str] = {
        visit.code: {
            "protocol_version_id": draft.id,
            "study_id": draft.study_id,
            "code": visit.code,
            "title": visit.title,
            "position": position,
            "planned_day": visit.day,
            "days_before": visit.before,
            "days_after": visit.after,
        }
        for position, visit in enumerate(document.visits, start=1)
    }
    ids = await _sync(tx, PlannedVisit, {row["code"]: row for row in visits.values()}, rows)
    shared = {visit.code: ids[visit.same_tubes_as] if visit.same_tubes_as else None for visit in document.visits}
    before = {row["code"]: row["same_tubes_as_id"] for row in visits.values()}
    changed = [{"key": ids[code], "other": other} for code, other in shared.items() if before.get(code) != other]
    gone = [{"key": key, "other": None} for key in visits if key not in ids.values()]
    if changed or gone:
        statement = (
            update(PlannedVisit).where(PlannedVisit.id == bindparam("key")).values(same_tubes_as_id=bindparam("other"))
        )
        await (await tx.session.connection()).execute(statement, [*changed, *gone])
    return ids


def _tubes(
    document: Document, study_id: int, visit_ids: Mapping[str, int], cohorts: Mapping[str, int]
) -> Rows[tuple[int, str]]:
    return {
        (visit_ids[visit.code], tube.code): {
            "planned_visit_id": visit_ids[visit.code],
            "study_id": study_id,
            "position": position,
            **tube.model_dump(exclude={"cohort", "store", "steps", "aliquots"}),
            "cohort_id": cohorts[tube.cohort] if tube.cohort else None,
            "temperature_class": tube.store,
        }
        for visit in document.visits
        for position, tube in enumerate(visit.tubes, start=1)
    }


async def _present(tx: Tx, model: Any, which: Any) -> dict[int, RowMapping]:
    rows = await tx.session.execute(select(*model.__table__.columns).where(which))
    return {row["id"]: row for row in rows.mappings()}


async def _sync(tx: Tx, model: Any, present: Mapping[Key, RowMapping], wanted: Rows[Key]) -> dict[Key, int]:
    """Insert what is new and change what differs. Answers the keys of what is wanted."""
    fresh = [key for key in wanted if key not in present]
    ids = {key: present[key]["id"] for key in wanted if key in present}
    ids |= dict(zip(fresh, await tx.insert(model, [wanted[key] for key in fresh]), strict=True))
    changed = [
        {"key": present[key]["id"], **values}
        for key, values in wanted.items()
        if key in present and any(present[key][name] != value for name, value in values.items())
    ]
    if changed:
        statement = update(model).where(model.id == bindparam("key"))
        await (await tx.session.connection()).execute(statement, changed)
    return ids


async def _remove(tx: Tx, model: Any, ids: set[int]) -> None:
    if ids:
        await tx.session.execute(delete(model).where(model.id.in_(ids)).execution_options(synchronize_session=False))
