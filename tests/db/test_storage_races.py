"""Two stations at once, each on its own connection: one gets the position, the other is told, no tube is lost."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import UniqueViolationError

from biobank.actor import SERVICE
from biobank.errors import Forbidden
from biobank.storage import boxes, containers
from biobank.storage.commands import StoreTube, SwapTubes, TakeOut, UndoMove, store, swap, take_out, undo
from biobank.storage.rules import NothingToUndo, PositionOccupied
from biobank.tx import open_read, open_tx
from tests.material import actor, make_material


async def a_box(database, kind="BOX81"):
    async with open_tx(database, SERVICE) as tx:
        cold = await containers.add_container(
            tx, containers.AddContainer(type="ULT", name="F", site="LAB", temperature_class="-80")
        )
        rack = await containers.add_container(
            tx, containers.AddContainer(type="RACK", name="R", site="LAB", parent=cold.code)
        )
        made = await containers.add_container(
            tx, containers.AddContainer(type=kind, name="B", site="LAB", parent=rack.code)
        )
    return made.code


async def one(database, who, tube, box, position=None):
    async with open_tx(database, who) as tx:
        return await store(tx, StoreTube(tube=tube, box=box, position=position))


async def test_two_stations_one_position(database, world):
    code, made = await a_box(database), await make_material(database, world, tubes=2)
    users = [await actor(database, world, name) for name in ("technician", "technician2")]
    for _ in range(3):
        outcomes = await asyncio.gather(
            *(one(database, user, tube, code, "C4") for user, tube in zip(users, made.tubes, strict=True)),
            return_exceptions=True,
        )
        (won,) = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        (lost,) = [outcome for outcome in outcomes if isinstance(outcome, PositionOccupied)]
        assert (lost.fields["container"], lost.fields["position"], lost.fields["occupant"]) == (code, "C4", won.tube)
        async with open_tx(database, users[0]) as tx:
            await take_out(tx, TakeOut(tube=won.tube))


async def test_many_stations_fill_one_box_without_a_gap(database, world):
    code, made = await a_box(database, "BOX25"), await make_material(database, world, tubes=25)
    users = [await actor(database, world, name) for name in ("technician", "technician2")]
    placed = await asyncio.gather(
        *(one(database, users[number % 2], tube, code) for number, tube in enumerate(made.tubes))
    )
    assert len({view.position for view in placed}) == 25
    async with open_read(database, users[0]) as tx:
        assert {cell.code for cell in (await boxes.box(tx, code)).cells} == set(made.tubes)


async def test_swaps_that_cross_leave_every_tube_somewhere(database, world):
    code, made = await a_box(database), await make_material(database, world, tubes=3)
    who = await actor(database, world, "technician")
    for tube in made.tubes:
        await one(database, who, tube, code)

    async def exchange(first, second):
        async with open_tx(database, who) as tx:
            return await swap(tx, SwapTubes(first=first, second=second))

    a, b, c = made.tubes
    await asyncio.gather(exchange(a, b), exchange(b, c), exchange(c, a))
    async with open_read(database, who) as tx:
        standing = [cell.code for cell in (await boxes.box(tx, code)).cells if cell.code]
    assert sorted(standing) == sorted(made.tubes)


async def test_a_placement_of_another_shift_stays(database, world):
    code, made = await a_box(database), await make_material(database, world, tubes=1)
    who, earlier = await actor(database, world, "technician"), datetime.now(UTC) - timedelta(hours=13)
    async with open_tx(database, who, clock=lambda: earlier) as tx:
        placed = await store(tx, StoreTube(tube=made.tubes[0], box=code))
    with pytest.raises(NothingToUndo, match="12 hours"):
        async with open_tx(database, who) as tx:
            await undo(tx, UndoMove(undo=placed.undo))


async def test_the_service_has_no_hands(database, world):
    made = await make_material(database, world, tubes=1)
    with pytest.raises(Forbidden):
        async with open_tx(database, SERVICE) as tx:
            await take_out(tx, TakeOut(tube=made.tubes[0]))


async def test_the_database_itself_refuses_two_in_one_position(database, world, superuser):
    code, made = await a_box(database), await make_material(database, world, tubes=2)
    who = await actor(database, world, "technician")
    await one(database, who, made.tubes[0], code, "A1")
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    with pytest.raises(UniqueViolationError) as refused:
        await superuser.execute(
            "update custody set holder_id = null, row = 0, col = 0, "
            "container_id = (select id from container where code = $1) where specimen_id = $2",
            code,
            made.tube_ids[1],
        )
    assert refused.value.constraint_name == "uq_custody_position"
