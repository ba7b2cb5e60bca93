"""What the database itself holds about places and quantities, tried by a superuser in a recorded transaction."""

import asyncpg
import pytest

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


async def test_nothing_changes_outside_a_recorded_transaction(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute("update specimen set quality = 'rejected' where id = $1", made.tube_ids[0])
    assert refused.value.constraint_name == "ck_audit_entry_needs_a_transaction"
