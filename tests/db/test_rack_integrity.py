"""What the database holds of scans of racks and of makers' codes, whatever the program does."""

import pytest
from asyncpg import CheckViolationError, UniqueViolationError

from tests.db.test_rack_scan_races import keep
from tests.db.test_storage_races import a_box
from tests.material import actor, make_material
from tests.racks import scan_file

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


async def refused(connection, name, statement, *given):
    with pytest.raises((CheckViolationError, UniqueViolationError)) as caught:
        await connection.execute(statement, *given)
    assert caught.value.constraint_name == name


async def test_a_scan_stays_as_it_was_read_and_as_it_was_settled(database, world, superuser):
    code, who = await a_box(database, "BOX25"), await actor(database, world, "technician")
    made = await make_material(database, world, tubes=1)
    view = await keep(database, who, code, scan_file({(0, 0): made.tubes[0]}, rows=5, cols=5))
    await superuser.execute(CONTEXT)
    change = "update rack_scan set cells = '[]' where id = $1"
    await refused(superuser, "ck_rack_scan_stays_as_read", change, view.number)
    await refused(
        superuser,
        "uq_rack_scan_open",
        "insert into rack_scan "
        "(container_id, file_name, sha256, content, layout, layout_version, cells, notes, read_by, read_at) "
        "select container_id, 'again', sha256, content, layout, '1', cells, notes, read_by, read_at "
        "from rack_scan where id = $1",
        view.number,
    )
    settled = "update rack_scan set status = 'discarded', settled_by = read_by, settled_at = now() where id = $1"
    await superuser.execute(settled, view.number)
    await refused(
        superuser, "ck_rack_scan_settled_is_final", "update rack_scan set notes = '[]' where id = $1", view.number
    )
    answer = (
        "insert into rack_scan_answer (rack_scan_id, row, col, answered_by, answered_at) values ($1, 0, 0, 1, now())"
    )
    await refused(superuser, "ck_rack_scan_settled_is_final", answer, view.number)


async def test_a_makers_code_is_on_one_tube_for_ever(database, world, superuser):
    made = await make_material(database, world, tubes=2)
    await superuser.execute(CONTEXT)
    number = await superuser.fetchval(
        "insert into vendor_code_delivery "
        "(study_id, site_id, namespace, file_name, sha256, count, received_by, received_at) "
        "select study_id, site_id, 'azenta', 'f', 'x', 1, 1, now() from specimen where id = $1 returning id",
        made.tube_ids[0],
    )
    code = (
        "insert into vendor_code (delivery_id, study_id, namespace, value) "
        "select id, study_id, namespace, $2 from vendor_code_delivery where id = $1"
    )
    await superuser.execute(code, number, "001")
    await refused(superuser, "uq_vendor_code_value", code, number, "001")
    named = "insert into identifier (namespace, value, specimen_id) values ('azenta', $2, $1)"
    await superuser.execute(named, made.tube_ids[0], "001")
    moved = "update vendor_code set specimen_id = $1 where value = '001'"
    await refused(superuser, "ck_vendor_code_stays", moved, made.tube_ids[1])
    await superuser.execute(
        "insert into vendor_code_rule (study_id, namespace, required, set_by, set_at) "
        "select study_id, 'azenta', true, 1, now() from specimen where id = $1",
        made.tube_ids[0],
    )
    await refused(superuser, "ck_identifier_vendor_code_registered", named, made.tube_ids[1], "002")
