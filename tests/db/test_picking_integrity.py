"""What the database holds of reservations and pick lists by itself, whatever is written to it."""

import asyncpg
import pytest

from biobank import ids
from biobank.picking.commands import take_out_of_lists
from biobank.tx import open_tx
from tests.material import actor, make_material
from tests.shipping import draft

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)


async def a_list(superuser, tubes, *, status="open"):
    """A pick list with these tubes, written past the service."""
    await superuser.execute(CONTEXT)
    made = await superuser.fetchval(
        "insert into pick_list (code, study_id, site_id, purpose, destination, created_by) "
        "select $1, st.study_id, st.site_id, 'Assay', 'bench', (select min(id) from app_user) "
        "from study_site st join site s on s.id = st.site_id join study y on y.id = st.study_id "
        "where s.code = 'LAB' and y.code = 'LLS' returning id",
        ids.mint(ids.Kind.PICK_LIST),
    )
    for tube in tubes:
        await superuser.execute(
            "insert into pick_list_line (pick_list_id, study_id, specimen_id) "
            "select id, study_id, $2 from pick_list where id = $1",
            made,
            tube,
        )
    if status != "open":
        await superuser.execute("update pick_list set status = $2, started_at = now() where id = $1", made, status)
    return made


async def a_reservation(superuser, tube, *, begins="now()", ends="now() + interval '7 days'"):
    await superuser.execute(CONTEXT)
    return await superuser.fetchval(
        "insert into reservation (specimen_id, study_id, purpose, reserved_by, reserved_at, expires_at) "
        f"select id, study_id, 'Assay', (select min(id) from app_user), {begins}, {ends} "
        "from specimen where id = $1 returning id",
        tube,
    )


async def reservation_of(superuser, tube):
    return await superuser.fetchval("select reservation from tube_claim where specimen_id = $1", tube) or "free"


async def settle(superuser, made, status, tube=None):
    await superuser.execute(
        "update pick_list_line set status = $2, settled_at = case when $2 <> 'to_pick' then now() end "
        "where pick_list_id = $1 and specimen_id = coalesce($3, specimen_id)",
        made,
        status,
        tube,
    )


async def refused(superuser, constraint, statement, *values):
    with pytest.raises(asyncpg.PostgresError) as error:
        await superuser.execute(statement, *values)
    assert error.value.constraint_name == constraint


async def test_a_tube_has_one_open_reservation(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    first = await a_reservation(superuser, made.tube_ids[0])
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_reservation_open"):
        await a_reservation(superuser, made.tube_ids[0])
    await superuser.execute("update reservation set ended_at = now(), ending = 'released' where id = $1", first)
    await a_reservation(superuser, made.tube_ids[0])


async def test_a_tube_is_on_one_open_list(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    first = await a_list(superuser, made.tube_ids)
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_pick_list_line_open"):
        await a_list(superuser, made.tube_ids)
    await settle(superuser, first, "skipped")
    await a_list(superuser, made.tube_ids)
    await refused(
        superuser,
        "uq_pick_list_line_open",
        "update pick_list_line set status = 'to_pick', settled_at = null where pick_list_id = $1",
        first,
    )


async def test_a_tube_is_in_an_open_list_or_an_open_shipment(api, database, world, superuser):
    """Both ways round, and also where a closed row is opened again."""
    pack = (
        "insert into package_item (package_id, shipment_id, study_id, specimen_id, packed_by) "
        "select p.id, s.id, s.study_id, $1, s.created_by from shipment s "
        "join package p on p.shipment_id = s.id where s.code = $2"
    )
    made = await make_material(database, world, tubes=2)
    shipment = await draft(api("clerk"))
    listed, packed = made.tube_ids
    first = await a_list(superuser, [listed])
    await refused(superuser, "uq_tube_in_one_list_or_shipment", pack, listed, shipment)
    await superuser.execute(pack, packed, shipment)
    with pytest.raises(asyncpg.UniqueViolationError, match="one open pick list or shipment"):
        await a_list(superuser, [packed])
    await settle(superuser, first, "skipped")
    await superuser.execute(pack, listed, shipment)
    await refused(
        superuser,
        "uq_tube_in_one_list_or_shipment",
        "update pick_list_line set status = 'to_pick', settled_at = null where pick_list_id = $1",
        first,
    )


async def test_whether_a_line_is_open_is_never_written_by_hand(database, world, superuser):
    made = await make_material(database, world, tubes=2)
    first = await a_list(superuser, made.tube_ids)
    await superuser.execute("update pick_list_line set is_open = false")
    assert await superuser.fetchval("select bool_and(is_open) from pick_list_line")
    await superuser.execute(
        "update pick_list set status = 'cancelled', cancelled_at = now(), cancelled_by = created_by, "
        "cancel_reason = 'no' where id = $1",
        first,
    )
    assert not await superuser.fetchval("select bool_or(is_open) from pick_list_line")
    await superuser.execute("update pick_list_line set is_open = true")
    assert not await superuser.fetchval("select bool_or(is_open) from pick_list_line")


async def test_a_list_follows_its_lines(database, world, superuser):
    made = await make_material(database, world, tubes=2)
    first = await a_list(superuser, made.tube_ids, status="in_progress")
    status = "select status from pick_list where id = $1"
    await settle(superuser, first, "picked", made.tube_ids[0])
    assert await superuser.fetchval(status, first) == "in_progress"
    await superuser.execute("update pick_list set status = 'picked' where id = $1", first)
    assert await superuser.fetchval(status, first) == "in_progress"
    await settle(superuser, first, "not_found", made.tube_ids[1])
    assert await superuser.fetchval(status, first) == "picked"
    await settle(superuser, first, "to_pick", made.tube_ids[1])
    assert await superuser.fetchval(status, first) == "in_progress"
    await refused(
        superuser,
        "ck_pick_list_follows_its_states",
        "update pick_list set status = 'verified', verified_at = now() where id = $1",
        first,
    )


async def test_lines_and_lists_go_one_way(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    first = await a_list(superuser, made.tube_ids, status="in_progress")
    await settle(superuser, first, "substituted")
    back = "update pick_list_line set status = 'to_pick', settled_at = null where pick_list_id = $1"
    await refused(superuser, "ck_pick_list_line_follows_its_states", back, first)
    await refused(
        superuser, "ck_pick_list_follows_its_states", "update pick_list set status = 'open' where id = $1", first
    )


async def test_the_axes_follow_and_are_never_written(database, world, superuser):
    """Reservation is a view; existence follows custody."""
    made = await make_material(database, world, tubes=1)
    (tube,) = made.tube_ids
    assert await reservation_of(superuser, tube) == "free"
    await a_reservation(superuser, tube)
    assert await reservation_of(superuser, tube) == "reserved"
    first = await a_list(superuser, made.tube_ids, status="in_progress")
    assert await reservation_of(superuser, tube) == "listed"
    await settle(superuser, first, "picked")
    assert await reservation_of(superuser, tube) == "picked"
    with pytest.raises(asyncpg.PostgresError, match='cannot update view "tube_claim"'):
        await superuser.execute("update tube_claim set reservation = 'free'")
    for state in ("lost", "consumed", "planned"):
        await refused(
            superuser,
            "ck_specimen_existence_follows_custody",
            "update specimen set existence = $2 where id = $1",
            tube,
            state,
        )
    await superuser.execute("update specimen set existence = 'entered_in_error' where id = $1", tube)


async def test_an_expired_reservation_is_none(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    await a_reservation(
        superuser, made.tube_ids[0], begins="now() - interval '2 days'", ends="now() - interval '1 second'"
    )
    assert await reservation_of(superuser, made.tube_ids[0]) == "free"


async def test_what_happens_to_a_tube_ends_its_claims(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    (tube,) = made.tube_ids
    claim = await a_reservation(superuser, tube)
    first = await a_list(superuser, made.tube_ids)
    seek = (
        "insert into tube_search (specimen_id, pick_list_line_id, opened_by) "
        "select specimen_id, id, (select min(id) from app_user) from pick_list_line where pick_list_id = $1 "
        "returning id"
    )
    lose = "update custody set holder_id = null, terminal = 'missing', since = now() where specimen_id = $1"
    for half, given in ((seek, first), (lose, tube)):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await superuser.execute(half, given)
        assert refused.value.constraint_name == "ck_specimen_missing_is_searched"
    async with superuser.transaction():
        search = await superuser.fetchval(seek, first)
        await superuser.execute(lose, tube)
    assert await superuser.fetchval("select ending from reservation where id = $1", claim) == "tube_gone"
    assert await superuser.fetchval("select closed_at from tube_search where id = $1", search) is None
    await superuser.execute(
        "update custody set holder_id = (select min(id) from app_user), terminal = null, since = now() "
        "where specimen_id = $1",
        tube,
    )
    assert await superuser.fetchval("select outcome from tube_search where id = $1", search) == "found"


async def test_a_withdrawal_takes_tubes_out_of_lists_and_reservations(database, world, superuser):
    made = await make_material(database, world, tubes=4)
    waiting, picked, reserved, free = made.tube_ids
    first = await a_list(superuser, [waiting, picked], status="in_progress")
    await settle(superuser, first, "picked", picked)
    await a_reservation(superuser, waiting)
    await a_reservation(superuser, reserved)
    async with open_tx(database, await actor(database, world, "coordinator")) as tx:
        taken = await take_out_of_lists(tx, made.tube_ids, "Consent was withdrawn")
        again = await take_out_of_lists(tx, made.tube_ids, "Consent was withdrawn")
    code = await superuser.fetchval("select code from pick_list where id = $1", first)
    told = {one.tube: (one.pick_list, one.picked) for one in taken}
    assert told == {made.tubes[0]: (code, False), made.tubes[1]: (code, True), made.tubes[2]: (None, False)}
    assert again == ()
    assert {await reservation_of(superuser, tube) for tube in made.tube_ids} == {"free"}
    assert await superuser.fetchval("select status from pick_list where id = $1", first) == "picked"
    assert await superuser.fetchval("select count(*) from reservation where ending = 'withdrawn'") == 2
    assert await superuser.fetchval("select status from pick_list_line where specimen_id = $1", free) is None


async def test_a_label_and_its_state_cannot_disagree(database, world, superuser):
    made = await make_material(database, world, tubes=1)
    (tube,) = made.tube_ids
    await superuser.execute(CONTEXT)
    label = await superuser.fetchval(
        "insert into state_label (study_id, site_id, axis, state, label, created_by) "
        "select study_id, site_id, 'quality', 'quarantined', 'Haemolysed', (select min(id) from app_user) "
        "from specimen where id = $1 returning id",
        tube,
    )
    await refused(
        superuser, "fk_specimen_quality_label", "update specimen set quality_label_id = $2 where id = $1", tube, label
    )
    await superuser.execute(
        "update specimen set quality = 'quarantined', quality_label_id = $2 where id = $1", tube, label
    )
    await superuser.execute("update specimen set quality = 'acceptable' where id = $1", tube)
    assert await superuser.fetchval("select quality_label_id from specimen where id = $1", tube) is None
    await refused(
        superuser,
        "ck_state_label_state_of_its_axis",
        "insert into state_label (study_id, site_id, axis, state, label, created_by) "
        "select study_id, site_id, 'custody', 'quarantined', 'Away', created_by from state_label where id = $1",
        label,
    )
