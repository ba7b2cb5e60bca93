"""Two people at once, each on a connection of their own.

Nothing is lost, nothing is in two shipments, nothing leaves against a withdrawal.
"""

import asyncio

import pytest

from biobank.errors import Stale
from biobank.picking.blocks import TubesBlocked
from biobank.shipment import commands
from biobank.shipment.commands import Finish, PackItems, Ship
from biobank.shipment.rules import ShipmentState
from biobank.tx import open_tx
from biobank.withdrawal.rules import StatementChanged
from tests.material import actor, make_material
from tests.shipping import draft, packed, version
from tests.withdrawing import sign_withdrawal

ROUNDS = 4


async def test_a_withdrawal_and_a_hand_over_never_both_win(api, database, world, superuser):
    """Whoever is first, the shipment leaves before the withdrawal or does not leave with the tube."""
    clerk, coordinator = await actor(database, world, "clerk"), await actor(database, world, "coordinator")
    for head_start in (0.0, 0.004, 0.008, 0.012):
        made = await make_material(database, world, tubes=1)
        code = await packed(api("clerk"), made.tubes)
        seen = await version(api("clerk"), code)

        async def leave(code=code, seen=seen):
            async with open_tx(database, clerk) as tx:
                await commands.ship(tx, code, Ship(row_version=seen, courier="Ann Walker", hand_carried=True))

        async def stop(made=made, head_start=head_start):
            await asyncio.sleep(head_start)
            async with open_tx(database, coordinator) as tx:
                await sign_withdrawal(tx, made.participant)

        left, stopped = await asyncio.gather(leave(), stop(), return_exceptions=True)
        # Where the shipment left first, the statement that was read is not what would happen any more.
        assert stopped is None or (isinstance(stopped, StatementChanged) and left is None)
        assert left is None or isinstance(left, ShipmentState)
        status = await superuser.fetchval("select status from shipment where code = $1", code)
        assert status == ("shipped" if left is None else "draft")


async def test_a_withdrawal_that_began_first_keeps_the_shipment_back(api, database, world, superuser):
    """The hand-over begins while the withdrawal is written but not yet committed: it waits, then sees it."""
    clerk, coordinator = await actor(database, world, "clerk"), await actor(database, world, "coordinator")
    made = await make_material(database, world, tubes=1)
    code = await packed(api("clerk"), made.tubes)
    seen = await version(api("clerk"), code)
    pressed, written = asyncio.Event(), asyncio.Event()

    async def leave():
        async with open_tx(database, clerk) as tx:
            pressed.set()  # the clerk's moment lies before the withdrawal's
            await written.wait()
            await commands.ship(tx, code, Ship(row_version=seen, courier="Ann Walker", hand_carried=True))

    async def stop():
        await pressed.wait()
        async with open_tx(database, coordinator) as tx:
            await sign_withdrawal(tx, made.participant)
            written.set()
            await asyncio.sleep(0.1)

    left, stopped = await asyncio.gather(leave(), stop(), return_exceptions=True)
    assert stopped is None
    assert isinstance(left, ShipmentState)
    assert await superuser.fetchval("select status from shipment where code = $1", code) == "draft"


async def test_two_packers_lose_nothing(api, database, world, superuser):
    made = await make_material(database, world, tubes=16)
    code = await draft(api("clerk"))
    people = [await actor(database, world, name) for name in ("clerk", "clerk_lab")]

    async def pack(who, tubes):
        for tube in tubes:
            async with open_tx(database, who) as tx:
                await commands.pack_items(tx, code, PackItems(tubes=(tube,)))

    await asyncio.gather(pack(people[0], made.tubes[:8]), pack(people[1], made.tubes[8:]))
    inside = await superuser.fetch(
        "select i.specimen_id from package_item i join custody c using (specimen_id) "
        "where i.is_open and c.package_id = i.package_id"
    )
    assert sorted(row["specimen_id"] for row in inside) == sorted(made.tube_ids)


async def test_the_same_tube_goes_in_once(api, database, world, superuser):
    """Both packers scan one tube, into one shipment and into two: one scan counts, the other is told."""
    people = [await actor(database, world, name) for name in ("clerk", "clerk_lab")]
    for shared in (True, False):
        for _ in range(ROUNDS):
            made = await make_material(database, world, tubes=1)
            first = await draft(api("clerk"))
            second = first if shared else await draft(api("clerk"))

            async def pack(who, code, tube=made.tubes[0]):
                async with open_tx(database, who) as tx:
                    await commands.pack_items(tx, code, PackItems(tubes=(tube,)))

            done = await asyncio.gather(pack(people[0], first), pack(people[1], second), return_exceptions=True)
            refused = [one for one in done if one is not None]
            assert [type(one) for one in refused] == [TubesBlocked]
            assert refused[0].fields["blocked"][0]["reason"] == ("already_packed" if shared else "in_shipment")
            count = "select count(*) from package_item where specimen_id = $1"
            assert await superuser.fetchval(count, made.tube_ids[0]) == 1


async def test_packing_is_not_finished_over_another_ones_scan(api, database, world):
    """While one packer scans, the other finishes: the manifest holds every tube that is inside, or is not made."""
    people = [await actor(database, world, name) for name in ("clerk", "clerk_lab")]
    for _ in range(ROUNDS):
        made = await make_material(database, world, tubes=2)
        code = await draft(api("clerk"))
        await api("clerk").ok(f"/shipments/{code}/items", {"tubes": [made.tubes[0]]})
        seen = await version(api("clerk"), code)

        async def finish(code=code, seen=seen):
            async with open_tx(database, people[0]) as tx:
                await commands.finish_packing(tx, code, Finish(row_version=seen))

        async def pack(code=code, tube=made.tubes[1]):
            async with open_tx(database, people[1]) as tx:
                await commands.pack_items(tx, code, PackItems(tubes=(tube,)))

        finished, put = await asyncio.gather(finish(), pack(), return_exceptions=True)
        assert (finished is None) != (put is None)
        assert isinstance(finished or put, Stale | ShipmentState)


async def test_a_tube_is_in_one_open_shipment_whatever_is_written(api, database, world, superuser):
    """The database holds it too, past the rules."""
    made = await make_material(database, world, tubes=1)
    await packed(api("clerk"), made.tubes)
    other = await draft(api("clerk"))
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    with pytest.raises(Exception, match="uq_package_item_open"):
        await superuser.execute(
            "insert into package_item (package_id, shipment_id, study_id, specimen_id, packed_by) "
            "select p.id, s.id, s.study_id, $1, s.created_by from shipment s "
            "join package p on p.shipment_id = s.id where s.code = $2",
            made.tube_ids[0],
            other,
        )
