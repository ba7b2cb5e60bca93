"""Writing what became of the planned tubes, what went wrong and what was measured."""

from decimal import Decimal

from biobank.demo.bulk import Bulk
from biobank.demo.house import House
from biobank.demo.material import Material

_OUTCOME = "visit_id planned_tube_id ordinal specimen_id reason_code note recorded_at recorded_by superseded_at"
_DEVIATION = (
    "specimen_id processing_event_id type_code comment recorded_at recorded_by resolved_at resolved_by resolution"
)
_READING = (
    "specimen_id quantity value raw_text unit measured_at processing_event_id equipment_id recorded_at recorded_by"
)


async def write_record(bulk: Bulk, *, house: House, made: Material, events: list[int]) -> None:
    """Outcomes, reagent lots, deviations and measurements; tubes and steps stand already. `events` are the keys of the
    steps.
    """
    tubes = made.tubes
    await bulk.copy(
        "tube_outcome",
        _OUTCOME,
        [
            (
                one.visit.id,
                one.planned,
                one.ordinal,
                None if one.tube is None else tubes[one.tube].id,
                one.reason,
                one.note,
                one.at,
                house.staff(one.site),
                one.superseded_at,
            )
            for one in made.outcomes
        ],
    )
    await bulk.copy(
        "processing_reagent", "processing_event_id reagent_lot_id", [(events[event], lot) for event, lot in made.lots]
    )
    judge = house.users["manager"]
    await bulk.copy(
        "deviation",
        _DEVIATION,
        [
            (
                tubes[one.tube].id,
                None if one.event is None else events[one.event],
                one.type,
                one.comment,
                tubes[one.tube].made_at,
                house.staff(tubes[one.tube].person.site.code),
                one.resolved_at,
                judge if one.resolved_at else None,
                one.resolution,
            )
            for one in made.mishaps
        ],
    )
    await bulk.copy(
        "qc_measurement",
        _READING,
        [
            (
                tubes[one.tube].id,
                one.quantity,
                Decimal(one.text),
                one.text,
                one.unit,
                one.at,
                events[one.event],
                one.equipment,
                one.at,
                house.staff(tubes[one.tube].person.site.code),
            )
            for one in made.readings
        ],
    )
