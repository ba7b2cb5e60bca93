"""Many stations at once, and two people in one box: each request on a connection of its own."""

import asyncio
from uuid import uuid4

from sqlalchemy import select

from biobank.actor import SERVICE
from biobank.db import Database
from biobank.scan.answers import Answer, StationScan
from biobank.scan.commands import scan
from biobank.scan.warming import warm
from biobank.storage.models import Container
from biobank.tx import open_tx
from tests import shelves
from tests.conftest import ROLE
from tests.db.test_live import heard, hubs, settled
from tests.material import actor, make_material

STATIONS, EACH = 20, 50
SECONDS = 2
_WHERE = (
    "select s.code, c.code as box, u.row * 9 + u.col as place, "
    "(select count(*) from custody_history h where h.specimen_id = s.id) as moves "
    "from specimen s join custody u on u.specimen_id = s.id left join container c on c.id = u.container_id"
)


async def test_scenario_29_a_thousand_scans_of_twenty_stations(api, dsn, database, world, superuser):
    """1,000 scans of 20 stations, faster than 5 a second each, one in ten sent again as after a lost answer: none is
    lost or doubled, and each box is in the order in which its station scanned.
    """
    rack = await shelves.rack(api, await shelves.freezer(api))
    boxes = [await shelves.box(api, rack, name=f"Box {number}") for number in range(STATIONS)]
    made = [await make_material(database, world, tubes=EACH) for _ in boxes]
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    wide = Database(dsn, role=ROLE, size=STATIONS)

    async def send(who, key, command):
        async with open_tx(wide, who) as tx:
            return await tx.once(key, command, Answer, lambda: scan(tx, command))

    async def station(number):
        for place, tube in enumerate(made[number].tubes):
            key, command = uuid4(), StationScan(text=tube, mode="store", box=boxes[number])
            answer = await send(people[number % 2], key, command)
            assert (answer.word, answer.position) == ("Stored", f"{'ABCDEFGHI'[place // 9]}{place % 9 + 1}")
            if place % 10 == 0:
                assert await send(people[number % 2], key, command) == answer

    await asyncio.gather(*(station(number) for number in range(STATIONS)))
    await wide.close()
    stored = {row["code"]: tuple(row)[1:] for row in await superuser.fetch(_WHERE)}
    assert stored == {
        tube: (box, place, 2) for box, one in zip(boxes, made, strict=True) for place, tube in enumerate(one.tubes)
    }
    count = "select count(*) from audit_entry where name = 'tube.stored'"
    assert await superuser.fetchval(count) == STATIONS * EACH


async def test_scenario_16_two_people_fill_one_box(api, dsn, database, world):
    """All tubes are there, none twice; each sees what the other added within two seconds; and who re-maps the box by a
    look that the other's scan has overtaken is told to look again.
    """
    box, made = await shelves.boxed(api), await make_material(database, world, tubes=24)
    ann, ben = api("technician"), api("technician2")
    async with open_tx(database, SERVICE) as tx:
        place = (await tx.session.execute(select(Container.id).where(Container.code == box))).scalar_one()

    async def put(who, tubes):
        for tube in tubes:
            answer = await who.ok("/scan", {"text": tube, "mode": "store", "box": box, "move": True})
            assert answer["word"] in {"Stored", "Already stored"}

    async def inside(who):
        cells = (await who.see(f"/containers/{box}/box"))["cells"]
        return {cell["code"] for cell in cells if cell["code"]}

    async with hubs(dsn, ROLE) as (here, there):
        with (
            here.watch(place, "Ann", frozenset({place})) as of_ann,
            there.watch(place, "Ben", frozenset({place})) as of_ben,
        ):
            for watch in (of_ann, of_ben):
                await heard(watch, "changed")  # the ear is at the database: look once
                await settled(watch)
            for who, other, watch, tube in ((ann, ben, of_ben, 0), (ben, ann, of_ann, 1)):
                await put(who, made.tubes[tube : tube + 1])
                async with asyncio.timeout(SECONDS):
                    await heard(watch, "changed")
                    assert made.tubes[tube] in await inside(other)
                for one in (of_ann, of_ben):
                    await settled(one)
    await asyncio.gather(put(ann, made.tubes[:14]), put(ben, made.tubes[10:-1]))
    assert await inside(ann) == set(made.tubes[:-1])
    cells = (await ann.see(f"/containers/{box}/box"))["cells"]
    order = [cell["code"] for cell in cells if cell["code"]]
    assert len(order) == len(set(order)) == 23
    look = {"text": box, "mode": "remap", "box": box, "codes": list(reversed(order))}
    asked = await ann.ok("/scan", look)
    assert asked["confirm"] == "remap"
    await put(ben, made.tubes[-1:])
    refused = await ann.ok("/scan", look | {"digest": asked["digest"]})
    assert (refused["verdict"], refused["title"]) == ("stop", "The box changed since you looked"), refused
    assert await inside(ben) == set(made.tubes)


async def test_connections_have_their_plans_before_the_first_scan(database, world):
    await warm(database, 2)
    async with open_tx(database, SERVICE) as one, open_tx(database, SERVICE) as two:
        for tx in (one, two):
            rows = await (await tx.bare()).fetch("select statement from pg_prepared_statements where generic_plans > 0")
            planned = [row["statement"] for row in rows]
            for part in ("for update of s, u", "cross join lateral (select", "where i.namespace = 'house'"):
                assert any(part in statement for statement in planned), part
