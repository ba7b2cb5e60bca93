"""What the database itself holds about places and quantities, tried by a superuser in a recorded transaction."""

import asyncpg
import pytest

from biobank import ids
from tests.material import make_material

RECORDED = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


async def test_a_tube_has_exactly_one_place(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    await superuser.execute(RECORDED)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute("update custody set terminal = 'lost' where specimen_id = $1", made.tube_ids[0])
    assert refused.value.constraint_name == "ck_custody_exactly_one_place"


async def test_a_quantity_is_never_written_past_its_ledger(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    await superuser.execute(RECORDED)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute("update specimen set quantity = 1 where id = $1", made.tube_ids[0])
    assert refused.value.constraint_name == "ck_specimen_quantity_follows_ledger"
    assert await superuser.fetchval("select quantity from specimen where id = $1", made.tube_ids[0]) == 500


BORN = (
    "insert into specimen (code, study_id, site_id, participant_id, collection_event_id, level, specimen_type, "
    "tube_type, unit, quantity) select $1, study_id, site_id, participant_id, collection_event_id, level, "
    "specimen_type, tube_type, unit, $2 from specimen limit 1 returning id"
)
LEDGER = "select coalesce(sum(delta), 0) from quantity_ledger where specimen_id = $1"


async def test_a_tube_that_is_born_with_its_content_has_it_in_its_ledger(database, world, superuser):
    await make_material(database, world, tubes=1)
    await superuser.execute(RECORDED)
    tube = await superuser.fetchval(BORN, ids.mint(ids.Kind.TUBE), 300)
    postings = await superuser.fetch(
        "select delta, unit, reason, basis from quantity_ledger where specimen_id = $1", tube
    )
    assert [tuple(row) for row in postings] == [(300, "uL", "initial", "nominal")]
    assert await superuser.fetchval("select quantity from specimen where id = $1", tube) == 300
    # To claim that a posting is a birth is of no use: it counts like any other.
    await superuser.execute("select set_config('biobank.born', 'yes', false)")
    await superuser.execute(
        "insert into quantity_ledger (specimen_id, delta, unit, reason, basis) "
        "values ($1, -50, 'uL', 'spill', 'measured')",
        tube,
    )
    assert await superuser.fetchval("select quantity from specimen where id = $1", tube) == 250
    assert await superuser.fetchval(LEDGER, tube) == 250
    empty = await superuser.fetchval(BORN, ids.mint(ids.Kind.TUBE), 0)
    assert await superuser.fetchval("select count(*) from quantity_ledger where specimen_id = $1", empty) == 0
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.fetchval(BORN, ids.mint(ids.Kind.TUBE), -1)
    assert refused.value.constraint_name == "ck_specimen_quantity_not_negative"


async def test_nothing_changes_outside_a_recorded_transaction(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute("update specimen set quality = 'rejected' where id = $1", made.tube_ids[0])
    assert refused.value.constraint_name == "ck_audit_entry_needs_a_transaction"
