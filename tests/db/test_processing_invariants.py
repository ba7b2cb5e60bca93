"""Invariants of processing, tried from SQL: order of times, nothing ahead of time, records that are only added to, and
two who record the same deviation at once.
"""

import asyncio
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from biobank.errors import DomainError
from biobank.specimen import deviations, dividing, rules
from biobank.tx import open_tx
from tests.material import actor, make_material


@pytest.fixture
async def behind(superuser):
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    return superuser


EVENT = (
    "insert into processing_event (study_id, site_id, type, started_at, operator_id) "
    "select s.study_id, s.site_id, 'centrifuge', {moment}, (select min(id) from app_user) from specimen s "
    "where s.code = '{code}' returning id"
)
INPUT = "insert into processing_input (processing_event_id, specimen_id) select $1, id from specimen where code = $2"


async def event(behind, code, moment):
    return await behind.fetchval(EVENT.format(moment=moment, code=code))


async def test_invariant_20_work_follows_the_collection(database, world, behind):
    (code,) = (await make_material(database, world, tubes=1)).tubes  # collected 40 days ago
    early = await event(behind, code, "now() - interval '41 days'")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await behind.execute(INPUT, early, code)
    assert refused.value.constraint_name == "ck_processing_input_after_collection"
    assert rules.CONSTRAINTS["ck_processing_input_after_collection"]().code == "out-of-order"
    # By name it may: the warning stands with the event.
    await behind.execute(
        "insert into processing_warning (processing_event_id, warning, detail) values ($1, 'out_of_order', 'known')",
        early,
    )
    await behind.execute(INPUT, early, code)
    within = await event(behind, code, "now() - interval '40 days' - interval '4 minutes'")
    await behind.execute(INPUT, within, code)


async def test_invariant_20_nothing_lies_ahead(database, world, behind):
    (code,) = (await make_material(database, world, tubes=1)).tubes
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await event(behind, code, "now() + interval '6 minutes'")
    assert refused.value.constraint_name == "ck_processing_event_not_ahead"
    assert rules.CONSTRAINTS["ck_processing_event_not_ahead"]().detail


async def test_no_tube_is_made_before_its_parent(database, world, behind):
    made = await make_material(database, world, tubes=2)
    technician = await actor(database, world, "technician")
    async with open_tx(database, technician) as tx:
        command = dividing.Aliquot(
            specimen_type="SER", tube_type="CRYO05", quantities=(Decimal(100),), started_at=tx.now
        )
        child = (await dividing.aliquot(tx, made.tubes[0], command)).made[0].code
    for parent, days in ((made.tubes[0], 41), (child, 1)):
        early = await event(behind, parent, f"now() - interval '{days} days'")
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await behind.execute(
                "insert into derivation (child_id, parent_id, processing_event_id) "
                "select c.id, p.id, $1 from specimen c, specimen p where p.code = $2 and c.code = $3",
                early,
                parent,
                made.tubes[1],
            )
        assert refused.value.constraint_name == "ck_derivation_after_parent"
    assert rules.CONSTRAINTS["ck_derivation_after_parent"]().detail


async def test_measurements_and_warnings_are_only_added_to(database, world, behind):
    (code,) = (await make_material(database, world, tubes=1)).tubes
    await behind.execute(
        "insert into qc_measurement (specimen_id, quantity, value, raw_text, measured_at) "
        "select id, 'rin', 8.7, '8.7', now() from specimen where code = $1",
        code,
    )
    for statement in ("update qc_measurement set value = 9", "delete from qc_measurement"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await behind.execute(statement)
        assert refused.value.constraint_name == "ck_qc_measurement_append_only"
    async with database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw.execute("update processing_warning set detail = 'nothing'")


async def test_the_same_deviation_by_two_people_at_once_is_one(database, world):
    (code,) = (await make_material(database, world, tubes=1)).tubes
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    meet = asyncio.Barrier(2)

    async def note(who):
        try:
            async with open_tx(database, who) as tx:
                await meet.wait()
                command = deviations.RecordDeviation(type="leaked", specimens=(code,))
                return await deviations.record_deviation(tx, command)
        except DomainError as refusal:
            return refusal

    outcomes = await asyncio.gather(*(note(who) for who in people))
    assert sorted(type(one).__name__ for one in outcomes) == ["DeviatedView", "DeviationOpen"]


async def test_a_deviation_and_a_division_at_once_follow_each_other(database, world):
    """Broken while somebody divides it: either the vials were made before, or the tube was set apart in time."""
    (code,) = (await make_material(database, world, tubes=1)).tubes
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    meet = asyncio.Barrier(2)

    async def act(who, verb):
        try:
            async with open_tx(database, who) as tx:
                await meet.wait()
                return await verb(tx)
        except DomainError as refusal:
            return refusal

    async def broken(tx):
        return await deviations.record_deviation(tx, deviations.RecordDeviation(type="broken", specimens=(code,)))

    async def divide(tx):
        command = dividing.Aliquot(
            specimen_type="SER",
            tube_type="CRYO05",
            quantities=(Decimal(100),),
            started_at=tx.now - timedelta(minutes=1),
        )
        return await dividing.aliquot(tx, code, command)

    noted, divided = await asyncio.gather(act(people[0], broken), act(people[1], divide))
    assert not isinstance(noted, DomainError)
    assert isinstance(divided, rules.TubeNotUsable) or divided.parents[0].quality == "acceptable"
