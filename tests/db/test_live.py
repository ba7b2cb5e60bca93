"""That a place changed is said by the database to every process, and who looks at it by the processes to each other."""

import asyncio
from contextlib import asynccontextmanager

from sqlalchemy import select

from biobank.actor import SERVICE
from biobank.db import Database
from biobank.live import Hub
from biobank.storage.models import Container
from biobank.tx import open_tx
from tests import shelves
from tests.material import make_material

SOON = 5


@asynccontextmanager
async def hubs(dsn, role, count=2):
    """As many processes of the service as asked for, each with its own ear at the database."""
    opened = [Database(dsn, role=role, size=1) for _ in range(count)]
    running = [Hub(database) for database in opened]
    tasks = [asyncio.create_task(hub.run()) for hub in running]
    try:
        yield running
    finally:
        for hub in running:
            hub.close()
        await asyncio.gather(*tasks)
        for database in opened:
            await database.close()


async def heard(watch, what):
    async with asyncio.timeout(SOON):
        while True:
            news = await watch.wait(SOON)
            if getattr(news, what):
                return news


async def place_id(database, code):
    async with open_tx(database, SERVICE) as tx:
        return (await tx.session.execute(select(Container.id).where(Container.code == code))).scalar_one()


async def settled(watch):
    """Nothing more is said of what went before."""
    while (news := await watch.wait(0.2)).changed or news.people:
        pass


async def test_a_stored_tube_is_heard_at_its_box_and_all_above_and_nowhere_else(api, dsn, database, world):
    made = await make_material(database, world, tubes=2)
    rack = await shelves.rack(api, await shelves.freezer(api))
    box, other = await shelves.box(api, rack), await shelves.box(api, rack, name="Box 13")
    ids = {code: await place_id(database, code) for code in (rack, box, other)}
    async with hubs(dsn, "biobank_app") as (here, there):
        with (
            here.watch(ids[box], "Ann", frozenset({ids[box]})) as first,
            there.watch(ids[rack], "Ben", frozenset(ids.values())) as above,
            there.watch(ids[other], "Cas", frozenset({ids[other]})) as beside,
        ):
            for watch in (first, above, beside):
                await heard(watch, "changed")  # the ear is at the database: look once
                await settled(watch)
            stored = await api("technician").ok("/storage/placements", {"tube": made.tubes[0], "box": box})
            assert not (await heard(first, "changed")).moved
            await heard(above, "changed")
            assert not (await beside.wait(0.3)).changed
            await api("technician").ok("/storage/undo", {"undo": stored["undo"]})
            await heard(first, "changed")
            await shelves.box(api, rack, name="Box 14")
            assert (await heard(above, "moved")).changed


async def test_a_deed_that_failed_is_not_heard(api, dsn, database, world):
    made = await make_material(database, world, tubes=1)
    box = await shelves.boxed(api)
    number = await place_id(database, box)
    async with hubs(dsn, "biobank_app", 1) as (hub,):
        with hub.watch(number, "Ann", frozenset({number})) as watch:
            await heard(watch, "changed")
            await settled(watch)
            wrong = {"tube": made.tubes[0], "box": box, "position": "Z99"}
            assert (await api("technician").post("/storage/placements", wrong)).status_code == 422
            assert not (await watch.wait(0.3)).changed


async def test_people_at_one_place_know_of_each_other_across_processes(dsn, database, world):
    async with hubs(dsn, "biobank_app") as (here, there):
        with here.watch(1, "Ann", frozenset({1})) as ann, there.watch(2, "Cas", frozenset({2})) as cas:
            with there.watch(1, "Ben", frozenset({1})) as ben:
                for watch, hub, other in ((ann, here, "Ben"), (ben, there, "Ann")):
                    async with asyncio.timeout(SOON):
                        while hub.others(watch) != (other,):
                            await watch.wait(SOON)
                assert there.others(cas) == ()
            async with asyncio.timeout(SOON):
                while here.others(ann):
                    await ann.wait(SOON)
