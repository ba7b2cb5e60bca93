"""Two people at once, each on a connection of their own: a tube is promised once, and nothing is picked against a
withdrawal.
"""

import asyncio

import pytest

from biobank.errors import Conflict, DomainError
from biobank.picking import lines
from biobank.picking.blocks import TubesBlocked
from biobank.picking.commands import MakePickList, make
from biobank.picking.reserving import ReserveTubes, reserve
from biobank.shipment.commands import PackItems, pack_items
from biobank.specimen.claiming import TubeReserved
from biobank.specimen.upkeep import UseUp, use_up
from biobank.tx import open_tx
from biobank.withdrawal.rules import StatementChanged
from tests.material import actor, make_material
from tests.picklists import PURPOSE, listed, stored
from tests.shipping import draft
from tests.withdrawing import sign_withdrawal

ROUNDS = 4


async def test_a_tube_is_reserved_once(database, world, superuser):
    people = [await actor(database, world, name) for name in ("technician", "scientist")]
    for _ in range(ROUNDS):
        made = await make_material(database, world, tubes=1)

        async def claim(who, tubes=made.tubes):
            async with open_tx(database, who) as tx:
                await reserve(tx, ReserveTubes(tubes=tubes, purpose=f"For {who.username}"))

        done = await asyncio.gather(*(claim(who) for who in people), return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["NoneType", "TubesBlocked"]
    assert await superuser.fetchval("select count(*) from reservation") == ROUNDS


async def test_a_tube_is_reserved_or_used_up(database, world, superuser):
    """Nobody uses up what somebody else has reserved, however close the two are: the second waits for the first."""
    scientist, technician = [await actor(database, world, name) for name in ("scientist", "technician")]
    for round_ in range(2 * ROUNDS):
        made = await make_material(database, world, tubes=1)

        async def claim(tubes=made.tubes, wait=round_ % 3):
            await asyncio.sleep(wait * 0.003)
            async with open_tx(database, scientist) as tx:
                await reserve(tx, ReserveTubes(tubes=tubes, purpose="Proteomics"))

        async def spend(tube=made.tubes[0]):
            async with open_tx(database, technician) as tx:
                await use_up(tx, tube, UseUp(reason="It is empty"))

        claimed, spent = await asyncio.gather(claim(), spend(), return_exceptions=True)
        assert {type(one) for one in (claimed, spent)} in ({type(None), TubesBlocked}, {type(None), TubeReserved})
        if claimed is None:
            assert "reserved by Scientist for Proteomics" in str(spent)
    both = "select count(*) from reservation r join specimen s on s.id = r.specimen_id "
    assert await superuser.fetchval(both + "where r.ended_at is null and s.existence <> 'exists'") == 0


async def test_a_tube_is_listed_or_packed(api, database, world, superuser):
    tech, clerk = await actor(database, world, "technician"), await actor(database, world, "clerk")
    for round_ in range(2 * ROUNDS):
        made = await make_material(database, world, tubes=1)
        code = await draft(api("clerk"))

        async def listing(tubes=made.tubes, wait=round_ % 3):
            await asyncio.sleep(wait * 0.003)
            async with open_tx(database, tech) as tx:
                await make(tx, MakePickList(tubes=tubes, purpose=PURPOSE, destination="bench"))

        async def packing(tubes=made.tubes, code=code):
            async with open_tx(database, clerk) as tx:
                await pack_items(tx, code, PackItems(tubes=tubes))

        on_list, packed = await asyncio.gather(listing(), packing(), return_exceptions=True)
        assert (on_list is None) != (packed is None)
        assert isinstance(on_list or packed, TubesBlocked)
    both = "select count(*) from pick_list_line l join package_item i using (specimen_id) where l.is_open and i.is_open"
    assert await superuser.fetchval(both) == 0


@pytest.mark.parametrize("late", ["list", "shipment"])
async def test_two_connections_past_the_rules_do_not_list_and_pack_one_tube(api, database, world, dsn, late):
    """The second to write waits for the first to commit, and is then refused by the database."""
    import asyncpg

    from tests.db.test_picking_integrity import CONTEXT, a_list

    made = await make_material(database, world, tubes=1)
    code = await draft(api("clerk"))
    pack = (
        "insert into package_item (package_id, shipment_id, study_id, specimen_id, packed_by) "
        "select p.id, s.id, s.study_id, $1, s.created_by from shipment s "
        "join package p on p.shipment_id = s.id where s.code = $2"
    )
    one, two = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        for connection in (one, two):
            await connection.execute(CONTEXT)

        async def listing(connection):
            await a_list(connection, made.tube_ids)

        async def packing(connection):
            await connection.execute(pack, made.tube_ids[0], code)

        first, second = (packing, listing) if late == "list" else (listing, packing)
        transaction = one.transaction()
        await transaction.start()
        await first(one)
        waiting = asyncio.create_task(second(two))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await transaction.commit()
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await waiting
        assert refused.value.constraint_name == "uq_tube_in_one_list_or_shipment"
    finally:
        await one.close()
        await two.close()


async def test_a_withdrawal_and_a_pick_never_both_win(api, database, world, superuser):
    tech, coordinator = await actor(database, world, "technician"), await actor(database, world, "coordinator")
    for head_start in (0.0, 0.004, 0.008, 0.012):
        made = await make_material(database, world, tubes=1)
        code = await listed(api("technician"), made.tubes)

        async def take(code=code, tube=made.tubes[0]):
            async with open_tx(database, tech) as tx:
                await lines.pick(tx, code, lines.PickTube(tube=tube))

        async def stop(made=made, head_start=head_start):
            await asyncio.sleep(head_start)
            async with open_tx(database, coordinator) as tx:
                await sign_withdrawal(tx, made.participant)

        taken, stopped = await asyncio.gather(take(), stop(), return_exceptions=True)
        # A tube that was picked between reading and signing is not what the statement says: it is read again.
        assert stopped is None or (isinstance(stopped, StatementChanged) and taken is None)
        assert taken is None or isinstance(taken, DomainError)
        status = await superuser.fetchval(
            "select l.status from pick_list_line l where l.specimen_id = $1", made.tube_ids[0]
        )
        assert status == ("withdrawn" if stopped is None else "picked")


async def test_a_pick_that_begins_during_a_withdrawal_waits_and_sees_it(api, database, world, superuser):
    tech, coordinator = await actor(database, world, "technician"), await actor(database, world, "coordinator")
    made = await make_material(database, world, tubes=1)
    code = await listed(api("technician"), made.tubes)
    pressed, written = asyncio.Event(), asyncio.Event()

    async def take():
        async with open_tx(database, tech) as tx:
            pressed.set()
            await written.wait()
            await lines.pick(tx, code, lines.PickTube(tube=made.tubes[0]))

    async def stop():
        await pressed.wait()
        async with open_tx(database, coordinator) as tx:
            await sign_withdrawal(tx, made.participant)
            written.set()
            await asyncio.sleep(0.1)

    taken, stopped = await asyncio.gather(take(), stop(), return_exceptions=True)
    assert stopped is None
    assert isinstance(taken, Conflict)
    holder = await superuser.fetchval("select holder_id from custody where specimen_id = $1", made.tube_ids[0])
    assert holder == world.user_ids["technician"]
    status = await superuser.fetchval("select status from pick_list_line where specimen_id = $1", made.tube_ids[0])
    assert status == "withdrawn"


async def test_two_pickers_on_one_list_lose_nothing(api, database, world, superuser):
    made = await stored(api, database, world, tubes=12)
    code = await listed(api("technician"), made.tubes)
    people = [await actor(database, world, name) for name in ("technician", "technician2")]

    async def take(who, tubes):
        for tube in tubes:
            async with open_tx(database, who) as tx:
                await lines.pick(tx, code, lines.PickTube(tube=tube))

    await asyncio.gather(take(people[0], made.tubes[::2]), take(people[1], made.tubes[1::2]))
    rows = await superuser.fetch(
        "select l.status, c.holder_id = l.settled_by as right_hands from pick_list_line l "
        "join custody c using (specimen_id)"
    )
    assert [(row["status"], row["right_hands"]) for row in rows] == [("picked", True)] * 12
    assert await superuser.fetchval("select status from pick_list where code = $1", code) == "picked"


async def test_one_tube_is_picked_once(api, database, world):
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    for _ in range(ROUNDS):
        made = await make_material(database, world, tubes=1)
        code = await listed(api("technician"), made.tubes)

        async def take(who, code=code, tube=made.tubes[0]):
            async with open_tx(database, who) as tx:
                await lines.pick(tx, code, lines.PickTube(tube=tube))

        done = await asyncio.gather(*(take(who) for who in people), return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["LineState", "NoneType"]
