"""Where things were: by moment and by span, with boxes and racks that moved meanwhile."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from biobank.storage import containers
from biobank.storage.commands import StoreTube, TakeOut, store, take_out
from biobank.tx import open_tx
from tests.material import actor, make_material

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=10)


def minute(number):
    return BEGAN + timedelta(minutes=number)


def iso(number):
    return minute(number).isoformat()


class House:
    """Deeds at the laboratory, each at a minute of its own."""

    def __init__(self, database, manager, technician):
        self.database, self.manager, self.technician = database, manager, technician

    async def add(self, at, kind, name, parent=None):
        async with open_tx(self.database, self.manager, clock=lambda: minute(at)) as tx:
            extra = {"parent": parent} if parent else {"temperature_class": "-80"}
            command = containers.AddContainer(type=kind, name=name, site="LAB", **extra)
            return (await containers.add_container(tx, command)).code

    async def move(self, at, code, parent, seen):
        async with open_tx(self.database, self.technician, clock=lambda: minute(at)) as tx:
            await containers.move_container(tx, code, containers.MoveContainer(parent=parent, row_version=seen))

    async def store(self, at, tube, box, **extra):
        async with open_tx(self.database, self.technician, clock=lambda: minute(at)) as tx:
            await store(tx, StoreTube(tube=tube, box=box, **extra))

    async def take_out(self, at, tube):
        async with open_tx(self.database, self.technician, clock=lambda: minute(at)) as tx:
            await take_out(tx, TakeOut(tube=tube))


@pytest.fixture
async def house(database, world):
    return House(database, await actor(database, world, "administrator"), await actor(database, world, "technician"))


async def test_what_was_in_a_freezer_is_counted_by_the_history_of_boxes_and_tubes(house, api, browser, database, world):
    first, second = await house.add(0, "ULT", "Freezer 1"), await house.add(0, "ULT", "Freezer 2")
    rack, other = await house.add(0, "RACK", "Rack A", first), await house.add(0, "RACK", "Rack B", second)
    box = await house.add(0, "BOX81", "Box 1", rack)
    tubes = (await make_material(database, world, tubes=3)).tubes
    await house.store(10, tubes[0], box, position="A1")
    await house.store(20, tubes[1], box, position="C4")
    await house.move(60, box, other, 1)
    await house.take_out(90, tubes[1])
    await house.move(120, box, rack, 2)
    await house.store(130, tubes[2], box, position="B2")
    see = api("technician").see

    async def minutes(code, since, until):
        page = await see(f"/containers/{code}/past-tubes", since=iso(since), until=iso(until))
        return {row["tube"]: (Decimal(row["minutes"]), row["stays"]) for row in page["rows"]}

    assert await minutes(first, 0, 200) == {tubes[0]: (130, 2), tubes[1]: (40, 1), tubes[2]: (70, 1)}
    assert await minutes(second, 0, 200) == {tubes[0]: (60, 1), tubes[1]: (30, 1)}
    # Scenario 13's case: a box that left in the middle is counted until it left, and what came later is not.
    assert await minutes(first, 30, 65) == {tubes[0]: (30, 1), tubes[1]: (30, 1)}
    assert await minutes(box, 95, 100) == {tubes[0]: (5, 1)}
    assert await minutes(rack, 0, 10) == {}

    async def at(code, when):
        was = await see(f"/containers/{code}/at", at=iso(when))
        cells = [] if was["box"] is None else was["box"]["cells"]
        return (
            [step["name"] for step in was["path"]],
            was["tubes"],
            {cell["label"]: cell["code"] for cell in cells if cell["code"]},
            [(child["name"], child["tubes"]) for child in was["children"]],
        )

    assert await at(box, 30) == (["Freezer 1", "Rack A", "Box 1"], 2, {"A1": tubes[0], "C4": tubes[1]}, [])
    assert await at(box, 60) == (["Freezer 2", "Rack B", "Box 1"], 2, {"A1": tubes[0], "C4": tubes[1]}, [])
    assert await at(box, 100) == (["Freezer 2", "Rack B", "Box 1"], 1, {"A1": tubes[0]}, [])
    assert await at(first, 100) == (["Freezer 1"], 0, {}, [("Rack A", 0)])
    assert await at(first, -5) == (["Freezer 1"], 0, {}, []), "what was entered later stood nowhere"
    assert await at(other, 61) == (["Freezer 2", "Rack B"], 2, {}, [("Box 1", 2)])
    story = await see(f"/specimens/{tubes[0]}/story")
    stood = [
        ([step["name"] for step in stay["path"]], stay["position"], stay["by"])
        for stay in story["stays"]
        if stay["kind"] == "position"
    ]
    assert stood == [
        (["Freezer 1", "Rack A", "Box 1"], "A1", "moved with its box"),
        (["Freezer 2", "Rack B", "Box 1"], "A1", "moved with its box"),
        (["Freezer 1", "Rack A", "Box 1"], "A1", "Technician"),
    ]
    page = await browser("technician")
    local = minute(30).astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    shown = (await page.get(f"/storage/{first}/past?since={local}&until={local}")).text
    assert "The end is not after the beginning" in shown
    listed = await page.get(f"/storage/{first}/past.csv?since={iso(0)[:-6]}%2B00:00&until={iso(200)[:-6]}%2B00:00")
    lines = listed.text.splitlines()
    assert lines[0].split(",") == ["tube", "type", "participant", "since", "until", "minutes", "stays"]
    assert sorted(line.split(",")[0] for line in lines[1:]) == sorted(tubes)
    then = (await page.get(f"/storage/{box}/past?at={iso(30)[:-6]}%2B00:00")).text
    assert ("Map, as it was" in then, f"/specimens/{tubes[1]}" in then, "was entered" in then) == (True, True, False)
    assert "Box 1 was entered" in (await page.get(f"/storage/{box}/past?at={iso(-5)[:-6]}%2B00:00")).text


async def test_a_moment_that_is_no_past_is_refused(api, house):
    freezer = await house.add(0, "ULT", "Freezer 1")
    see = api("technician").get
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await see(f"/containers/{freezer}/at", at=ahead)).status_code == 422
    assert (await see(f"/containers/{freezer}/at", at="yesterday")).status_code == 422
    wrong = await see(f"/containers/{freezer}/past-tubes", since=iso(5), until=iso(5))
    assert wrong.status_code == 422
