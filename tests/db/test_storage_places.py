"""What the database itself holds about places: types and their grids, slots, history, counts, reserved positions. Tried
by a superuser in a recorded transaction, and by two at once.
"""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from biobank import ids
from biobank.actor import SERVICE
from biobank.errors import Stale
from biobank.storage import commands, containers
from biobank.storage.commands import StoreTube
from biobank.storage.containers import AddContainer, MoveContainer
from biobank.storage.reserving import ReserveSpace, reserve
from biobank.storage.rules import PositionReserved, SlotTaken
from biobank.tx import open_tx
from tests.material import actor, make_material

RECORDED = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)
RESERVE = (
    "with r as (insert into storage_reservation (number, name, site_id, reserved_by, reserved_at, expires_at) "
    "select gen_random_uuid(), 'for later', c.site_id, (select min(id) from app_user), now() - interval '1 day', "
    "now() + $2::interval from container c where c.id = $1 returning id, site_id) "
    "insert into reserved_position (reservation_id, site_id, container_id, row, col) "
    "select r.id, r.site_id, $1, $3, $4 from r"
)
TYPE = (
    "insert into container_type (code, title, level, rows, cols, label_scheme, fill_order, position_names) "
    "values ('NEW', 'New', 'box', $1, $2, $3, $4, $5)"
)


class Shelves:
    """A freezer with two racks of 16 slots and a box in the first; keys and codes by name."""

    def __init__(self):
        self.code, self.id = {}, {}

    @classmethod
    async def made(cls, database, superuser):
        shelves = cls()
        async with open_tx(database, SERVICE) as tx:
            for name, kind, parent in (
                ("freezer", "ULT", None),
                ("spare", "ULT", None),
                ("one", "RACK16", "freezer"),
                ("two", "RACK16", "freezer"),
                ("box", "BOX81", "one"),
                ("other", "BOX81", "one"),
            ):
                command = AddContainer(type=kind, name=name, site="LAB", parent=shelves.code.get(parent))
                shelves.code[name] = (await containers.add_container(tx, command)).code
        for row in await superuser.fetch("select id, name from container"):
            shelves.id[row["name"]] = row["id"]
        await superuser.execute(RECORDED)
        return shelves


async def refused(superuser, constraint, statement, *values):
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as error:
        await superuser.execute(statement, *values)
    assert error.value.constraint_name == constraint


async def places(superuser, container):
    rows = await superuser.fetch(
        "select p.name, h.slot_row, h.slot_col, h.until is null as open from container_place h "
        "left join container p on p.id = h.parent_id where h.container_id = $1 order by h.id",
        container,
    )
    return [tuple(row) for row in rows]


async def test_where_a_container_stood_is_written_by_the_database(database, world, superuser):
    made = await Shelves.made(database, superuser)
    assert await places(superuser, made.id["freezer"]) == [(None, None, None, True)]
    assert await places(superuser, made.id["other"]) == [("one", 0, 1, True)]
    move = "update container set parent_id = $2, slot_row = 2, slot_col = 3 where id = $1"
    await superuser.execute(move, made.id["box"], made.id["two"])
    assert await places(superuser, made.id["box"]) == [("one", 0, 0, False), ("two", 2, 3, True)]
    joined = await superuser.fetchrow(
        "select a.until = b.since as joined, b.since = c.placed_at as said from container_place a "
        "join container_place b on b.container_id = a.container_id and b.until is null join container c on c.id = $1 "
        "where a.container_id = $1 and a.until is not null",
        made.id["box"],
    )
    assert tuple(joined) == (True, True)
    await superuser.execute("update container set name = 'renamed' where id = $1", made.id["box"])
    assert len(await places(superuser, made.id["box"])) == 2
    assert await superuser.fetchval("select count(*) from audit_entry where name = 'container_place'") == 8


PATHS = """
with recursive down(id, ancestors) as (
    select id, array[id] from container where parent_id is null
    union all select c.id, d.ancestors || c.id from down d join container c on c.parent_id = d.id
) select (select count(*) from container) as containers, count(*) filter (where p.ancestors = down.ancestors) as right
    from down left join container_path p on p.container_id = down.id
"""


async def test_the_ways_down_follow_every_move(database, dsn, world, superuser):
    made = await Shelves.made(database, superuser)
    assert tuple(await superuser.fetchrow(PATHS)) == (6, 6)
    hall = (
        "insert into container (code, name, type_id, site_id, temperature_class) "
        "select $1, 'hall', t.id, c.site_id, 'RT' from container_type t, container c "
        "where t.code = 'FACILITY' and c.id = $2 returning id"
    )
    into = (
        "update container set parent_id = $2, parent_type_id = (select type_id from container where id = $2) "
        "where id = $1"
    )
    inside = await superuser.fetchval(hall, ids.mint(ids.Kind.LOCATION), made.id["freezer"])
    await superuser.execute(into, made.id["freezer"], inside)
    assert tuple(await superuser.fetchrow(PATHS)) == (7, 7)
    # A rack goes into the freezer that goes outside again: the second waits for the first.
    other = await asyncpg.connect(dsn)
    try:
        await other.execute(RECORDED)
        await superuser.execute(into, made.id["two"], made.id["spare"])
        first = superuser.transaction()
        await first.start()
        await superuser.execute(into, made.id["two"], made.id["freezer"])
        out = "update container set parent_id = null, parent_type_id = null where id = $1"
        waiting = asyncio.create_task(other.execute(out, made.id["freezer"]))
        await asyncio.wait([waiting], timeout=0.1)
        assert not waiting.done()
        await first.commit()
        await waiting
    finally:
        await other.close()
    assert tuple(await superuser.fetchrow(PATHS)) == (7, 7)
    both = (
        "update container set parent_id = case id when $1 then $2::bigint end, slot_row = null, slot_col = null, "
        "parent_type_id = case id when $1 then (select type_id from container where id = $2) end where id in ($1, $2)"
    )
    await superuser.execute(into, made.id["freezer"], inside)
    await superuser.execute(both, made.id["one"], made.id["freezer"])
    assert tuple(await superuser.fetchrow(PATHS)) == (7, 7)


async def test_two_who_reserve_one_position_one_is_told(database, world, superuser):
    made = await Shelves.made(database, superuser)
    users = [await actor(database, world, name) for name in ("technician", "technician2")]

    async def keep(who):
        async with open_tx(database, who) as tx:
            places = [{"container": made.code["box"], "positions": ["A1"]}]
            until = tx.now + timedelta(days=1)
            command = {"name": who.username, "site": "LAB", "expires_at": until, "places": places}
            return await reserve(tx, ReserveSpace.model_validate(command))

    outcomes = await asyncio.gather(*(keep(who) for who in users), return_exceptions=True)
    (won,) = [one for one in outcomes if not isinstance(one, Exception)]
    (lost,) = [one for one in outcomes if isinstance(one, PositionReserved)]
    assert lost.fields["name"] == won.name


async def test_circles_and_what_has_no_slot_are_refused(database, world, superuser):
    made = await Shelves.made(database, superuser)
    inside = "update container set parent_id = $2, parent_type_id = (select type_id from container where id = $2) "
    await refused(
        superuser, "fk_container_type_fits_parent", inside + "where id = $1", made.id["freezer"], made.id["one"]
    )
    await refused(
        superuser, "ck_container_not_its_own_parent", "update container set parent_id = id where name = 'one'"
    )
    slot = "update container set slot_row = $2, slot_col = $3 where id = $1"
    await refused(superuser, "ck_container_slot_in_bounds", slot, made.id["box"], 4, 0)
    await refused(superuser, "ck_container_slot_in_bounds", slot, made.id["one"], 0, 0)
    await refused(superuser, "ck_container_slot_counts_from_zero", slot, made.id["box"], -1, 0)
    await refused(superuser, "ck_container_slot_is_whole", slot, made.id["box"], 1, None)
    await refused(superuser, "uq_container_slot", slot, made.id["box"], 0, 1)
    pair = (
        "insert into container_type_child (parent_type_id, child_type_id) "
        "select p.id, c.id from container_type p, container_type c where p.code = $1 and c.code = $2"
    )
    await refused(superuser, "ck_container_type_child_circle", pair, "RACK", "ULT")
    await refused(superuser, "ck_container_type_child_boxes_hold_tubes", pair, "BOX81", "BOX25")
    await refused(superuser, "ck_container_type_child_not_in_its_own_kind", pair, "RACK", "RACK")


async def test_two_pairs_of_types_that_close_a_circle_take_turns(database, dsn, world, superuser):
    await superuser.execute(RECORDED)
    await superuser.execute(
        "insert into container_type (code, title, level) "
        "select 'DRAWER-' || n, 'Drawer', 'shelf' from generate_series(1, 2) n"
    )
    other = await asyncpg.connect(dsn)
    try:
        await other.execute(RECORDED)
        pair = (
            "insert into container_type_child (parent_type_id, child_type_id) "
            "select p.id, c.id from container_type p, container_type c where p.code = $1 and c.code = $2"
        )
        first = superuser.transaction()
        await first.start()
        await superuser.execute(pair, "DRAWER-1", "DRAWER-2")
        waiting = asyncio.create_task(other.execute(pair, "DRAWER-2", "DRAWER-1"))
        await asyncio.wait([waiting], timeout=0.1)
        assert not waiting.done()
        await first.commit()
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await waiting
        assert error.value.constraint_name == "ck_container_type_child_circle"
    finally:
        await other.close()


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ((9, None, "letter_number", "row", None), "ck_container_type_grid_is_whole"),
        ((0, 9, "letter_number", "row", None), "ck_container_type_grid_size"),
        ((64, 64, "letter_number", "row", None), "ck_container_type_grid_size"),
        ((9, 9, "roman", "row", None), "ck_container_type_label_scheme"),
        ((9, 9, "letter_number", "spiral", None), "ck_container_type_fill_order"),
        ((9, 9, "tower_level_box", "row", None), "ck_container_type_groups_are_whole"),
        ((1, 2, "names", "row", None), "ck_container_type_every_position_has_its_name"),
        ((1, 2, "names", "row", ["a"]), "ck_container_type_every_position_has_its_name"),
        ((1, 2, "letter_number", "row", ["a", "b"]), "ck_container_type_every_position_has_its_name"),
        ((1, 2, "names", "row", ["a", "A"]), "ck_container_type_names_differ"),
        ((1, 2, "names", "row", ["a", " b"]), "ck_container_type_names_differ"),
        ((None, None, None, "row", None), "ck_container_type_tubes_stand_in_grids"),
    ],
)
async def test_a_type_makes_sense(database, world, superuser, values, constraint):
    await superuser.execute(RECORDED)
    await refused(superuser, constraint, TYPE, *values)


async def test_a_grid_stays_while_something_stands_in_it(database, world, superuser):
    made = await Shelves.made(database, superuser)
    grid = "update container_type set rows = 8 where code = $1"
    kind = "update container set type_id = (select id from container_type where code = $2) where id = $1"
    await refused(superuser, "ck_container_type_grid_in_use", grid, "RACK16")
    await superuser.execute(kind, made.id["other"], "BOX100")
    await refused(superuser, "ck_container_level_stays", kind, made.id["spare"], "ROOM")
    tubes = await make_material(database, world, tubes=1)
    who = await actor(database, world, "technician")
    async with open_tx(database, who) as tx:
        await commands.store(tx, StoreTube(tube=tubes.tubes[0], box=made.code["box"]))
    await superuser.execute(RECORDED)
    await refused(superuser, "ck_container_type_grid_in_use", grid, "BOX81")
    await refused(superuser, "ck_container_type_stays_while_in_use", kind, made.id["box"], "BOX100")
    await superuser.execute("update container_type set fill_order = 'column', title = 'x' where code = 'BOX81'")
    await superuser.execute(grid, "BOX100")
    await superuser.execute(RESERVE, made.id["other"], timedelta(hours=1), 0, 0)
    await refused(superuser, "ck_container_type_grid_in_use", grid.replace("8", "9"), "BOX100")
    await refused(superuser, "ck_container_type_stays_while_in_use", kind, made.id["other"], "BOX81")


async def test_a_type_that_shrinks_waits_for_the_tube_that_is_being_stored(database, dsn, world, superuser):
    made = await Shelves.made(database, superuser)
    tubes = await make_material(database, world, tubes=1)
    who, other = await actor(database, world, "technician"), await asyncpg.connect(dsn)
    try:
        await other.execute(RECORDED)
        async with open_tx(database, who) as tx:
            await commands.store(tx, StoreTube(tube=tubes.tubes[0], box=made.code["box"], position="I9"))
            shrink = asyncio.create_task(other.execute("update container_type set rows = 2 where code = 'BOX81'"))
            await asyncio.wait([shrink], timeout=0.1)
            assert not shrink.done()
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await shrink
        assert error.value.constraint_name == "ck_container_type_grid_in_use"
    finally:
        await other.close()


async def test_a_tube_goes_into_a_box_for_its_format(database, world, superuser):
    made = await Shelves.made(database, superuser)
    tubes = await make_material(database, world, tubes=1)
    await superuser.execute(RECORDED)
    put = "update custody set holder_id = null, container_id = $2, row = 0, col = 0 where specimen_id = $1"
    await superuser.execute("update specimen set tube_type = 'SST'")
    await refused(superuser, "ck_custody_tube_fits_box", put, tubes.tube_ids[0], made.id["box"])
    await superuser.execute("update specimen set tube_type = 'CRYO10'")  # of no known format
    await superuser.execute(put, tubes.tube_ids[0], made.id["box"])


async def test_a_count_waits_for_nobody_and_is_right(database, dsn, world, superuser):
    made = await Shelves.made(database, superuser)
    tubes = await make_material(database, world, tubes=3)
    await superuser.execute(RECORDED)
    put = "update custody set holder_id = null, container_id = $2, row = 0, col = $3 where specimen_id = $1"
    count = "select sum(tubes), count(*) from box_count where container_id = $1"
    await superuser.execute(put, tubes.tube_ids[0], made.id["box"], 0)
    other = await asyncpg.connect(dsn)
    try:
        await other.execute(RECORDED)
        await other.execute("set lock_timeout = '1s'")
        first = superuser.transaction()
        await first.start()
        await superuser.execute(put, tubes.tube_ids[1], made.id["box"], 1)
        await other.execute(put, tubes.tube_ids[2], made.id["box"], 2)
        assert tuple(await other.fetchrow(count, made.id["box"])) == (2, 2)
        await first.commit()
        assert tuple(await other.fetchrow(count, made.id["box"])) == (3, 2)
        await other.execute(put, tubes.tube_ids[0], made.id["other"], 0)
        assert tuple(await other.fetchrow(count, made.id["box"])) == (2, 2)
    finally:
        await other.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await superuser.execute("set role biobank_app; update box_count set tubes = 81")


async def test_a_position_is_reserved_once_where_it_is_and_where_nothing_stands(database, world, superuser):
    made = await Shelves.made(database, superuser)
    soon = timedelta(hours=1)
    await superuser.execute(RESERVE, made.id["box"], soon, 0, 0)
    await refused(superuser, "uq_reserved_position_once", RESERVE, made.id["box"], soon, 0, 0)
    await refused(superuser, "ck_reserved_position_in_bounds", RESERVE, made.id["box"], soon, 9, 0)
    await refused(superuser, "ck_reserved_position_in_bounds", RESERVE, made.id["freezer"], soon, 0, 0)
    await refused(superuser, "ck_reserved_position_is_free", RESERVE, made.id["one"], soon, 0, 1)
    tubes = await make_material(database, world, tubes=1)
    await superuser.execute(RECORDED)
    put = "update custody set holder_id = null, container_id = $2, row = 0, col = $3 where specimen_id = $1"
    await refused(superuser, "ck_custody_position_reserved", put, tubes.tube_ids[0], made.id["box"], 0)
    await superuser.execute(put, tubes.tube_ids[0], made.id["box"], 1)
    await refused(superuser, "ck_reserved_position_is_free", RESERVE, made.id["box"], soon, 0, 1)
    await superuser.execute(RESERVE, made.id["two"], soon, 0, 0)
    move = "update container set parent_id = $2, slot_row = 0, slot_col = $3 where id = $1"
    await refused(superuser, "ck_container_slot_reserved", move, made.id["box"], made.id["two"], 0)
    await superuser.execute(move, made.id["box"], made.id["two"], 1)
    # What has expired is in nobody's way, and an end is an end.
    await superuser.execute("update reserved_position set ended_at = now(), ended_as = 'released'")
    await refused(
        superuser, "ck_reserved_position_end_is_final", "update reserved_position set ended_at = null, ended_as = null"
    )
    await superuser.execute(RESERVE, made.id["two"], timedelta(hours=-1), 0, 0)
    await superuser.execute(move, made.id["other"], made.id["two"], 0)
    await refused(superuser, "ck_reserved_position_append_only", "delete from reserved_position")
    await refused(superuser, "ck_container_append_only", "delete from container")


async def test_a_tube_and_a_reservation_at_once_one_is_told(database, dsn, world, superuser):
    made = await Shelves.made(database, superuser)
    tubes = await make_material(database, world, tubes=2)
    who, other = await actor(database, world, "technician"), await asyncpg.connect(dsn)
    try:
        await other.execute(RECORDED)
        async with open_tx(database, who) as tx:
            await commands.store(tx, StoreTube(tube=tubes.tubes[0], box=made.code["box"]))
            reserve = asyncio.create_task(other.execute(RESERVE, made.id["box"], timedelta(hours=1), 0, 0))
            await asyncio.wait([reserve], timeout=0.1)
            assert not reserve.done()
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await reserve
        assert error.value.constraint_name == "ck_reserved_position_is_free"
        first = other.transaction()
        await first.start()
        await other.execute(RESERVE, made.id["box"], timedelta(hours=1), 0, 1)

        async def store():
            async with open_tx(database, who) as tx:
                await commands.store(tx, StoreTube(tube=tubes.tubes[1], box=made.code["box"], position="A2"))

        late = asyncio.create_task(store())
        await asyncio.wait([late], timeout=0.1)
        assert not late.done()
        await first.commit()
        with pytest.raises(PositionReserved, match="for later"):
            await late
    finally:
        await other.close()


async def test_two_boxes_one_slot_and_one_box_two_racks(database, world, superuser):
    made = await Shelves.made(database, superuser)
    users = [await actor(database, world, name) for name in ("technician", "technician2")]

    async def move(who, name, to, slot):
        async with open_tx(database, who) as tx:
            command = MoveContainer(parent=made.code[to], row_version=1, slot=slot)
            return await containers.move_container(tx, made.code[name], command)

    outcomes = await asyncio.gather(
        *(move(who, name, "two", "D4") for who, name in zip(users, ("box", "other"), strict=True)),
        return_exceptions=True,
    )
    (won,) = [one for one in outcomes if not isinstance(one, Exception)]
    (lost,) = [one for one in outcomes if isinstance(one, SlotTaken)]
    assert (won.slot, lost.fields["slot"]) == ("D4", "D4")
    left = "other" if won.name == "box" else "box"
    outcomes = await asyncio.gather(
        *(move(who, left, to, None) for who, to in zip(users, ("one", "two"), strict=True)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["ContainerView", "Stale"]
    assert any(isinstance(one, Stale) for one in outcomes)
