"""Box moves as a state machine on a real database: never two in a position, none lost, history tells every past."""

import asyncio
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from biobank.db import Database
from biobank.errors import DomainError
from biobank.storage.commands import StoreTube, SwapTubes, TakeOut, UndoMove, store, swap, take_out, undo
from biobank.tx import open_tx
from tests.conftest import ROLE
from tests.db.test_storage_races import a_box
from tests.material import actor, make_material

TUBES, BOXES = 6, 2
numbers = st.integers(0, TUBES - 1)
positions = st.sampled_from(["A1", "A2", "E5", None])


class Storage(RuleBasedStateMachine):
    """The model: where each tube is (box and position, or None for in hand), and every snapshot that was ever true."""

    dsn: str
    world: object
    undos = Bundle("undos")

    @initialize()
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.database = Database(self.dsn, role=ROLE, size=2)
        self.run(self._make())

    async def _make(self):
        self.boxes = [await a_box(self.database, "BOX25") for _ in range(BOXES)]
        self.made = await make_material(self.database, self.world, tubes=TUBES)
        self.who = await actor(self.database, self.world, "technician")
        self.where = dict.fromkeys(self.made.tubes)
        self.past = []
        self.tokens = {}

    def _do(self, verb, command):
        async def act():
            async with open_tx(self.database, self.who) as tx:
                return await verb(tx, command)

        try:
            return self.run(act())
        except DomainError as refusal:
            return refusal

    def _free(self, box):
        taken = {position for at, position in filter(None, self.where.values()) if at == box}
        return next(
            f"{letter}{number}" for letter in "ABCDE" for number in range(1, 6) if f"{letter}{number}" not in taken
        )

    @rule(target=undos, number=numbers, box=st.integers(0, BOXES - 1), position=positions, move=st.booleans())
    def store(self, number, box, position, move):
        tube, code = self.made.tubes[number], self.boxes[box]
        before, wanted = self.where[tube], (code, position or self._free(code))
        done = self._do(store, StoreTube(tube=tube, box=code, position=position, move=move))
        if before == wanted:
            assert done.undo is None
        elif wanted in self.where.values():
            assert done.code == "position-occupied"
        elif before is not None and not move:
            assert done.code == "already-elsewhere"
        else:
            assert (done.box, done.position) == wanted
            self.where[tube] = wanted
            self.tokens[done.undo] = {tube: before}
            return done.undo
        return None

    @rule(target=undos, number=numbers)
    def take_out(self, number):
        tube = self.made.tubes[number]
        before = self.where[tube]
        done = self._do(take_out, TakeOut(tube=tube))
        if before is None:
            assert done.code == "not-stored"
            return None
        self.where[tube] = None
        self.tokens[done.undo] = {tube: before}
        return done.undo

    @rule(target=undos, first=numbers, second=numbers)
    def swap(self, first, second):
        one, two = self.made.tubes[first], self.made.tubes[second]
        done = self._do(swap, SwapTubes(first=one, second=two))
        if one == two or self.where[one] is None or self.where[two] is None:
            assert isinstance(done, DomainError)
            return None
        before = {one: self.where[one], two: self.where[two]}
        self.where[one], self.where[two] = before[two], before[one]
        self.tokens[done.placements[0].undo] = before
        return done.placements[0].undo

    @rule(token=undos)
    def undo(self, token):
        if token is None:
            return
        done = self._do(undo, UndoMove(undo=token))
        if isinstance(done, DomainError):
            assert done.code in {"nothing-to-undo", "position-occupied"}
        else:
            assert {view.tube for view in done.placements} == set(self.tokens[token])
            self.where.update(self.tokens[token])

    @invariant()
    def each_tube_has_one_place_of_its_own(self):
        if not hasattr(self, "where"):
            return
        self.run(self._compare())

    async def _compare(self):
        connection = await self.database.connect()
        try:
            rows = await connection.fetch(_NOW, list(self.made.tube_ids))
            assert len(rows) == TUBES
            assert {row["code"]: _place(row) for row in rows} == self.where
            taken = [place for place in self.where.values() if place]
            assert len(taken) == len(set(taken))
            self.past.append((datetime.now(UTC), dict(self.where)))
        finally:
            await connection.close()

    def teardown(self):
        if not hasattr(self, "where"):
            return
        self.run(self._replay())
        self.run(self.database.close())
        self.loop.close()

    async def _replay(self):
        connection = await self.database.connect()
        try:
            for moment, where in self.past:
                rows = await connection.fetch(_THEN, list(self.made.tube_ids), moment)
                assert {row["code"]: _place(row) for row in rows} == where
        finally:
            await connection.close()


_NOW = "select s.code, c.code as box, u.row, u.col from custody u join specimen s on s.id = u.specimen_id left join container c on c.id = u.container_id where s.id = any($1)"  # fmt: skip  # noqa: E501
_THEN = "select s.code, c.code as box, u.row, u.col from custody_history u join specimen s on s.id = u.specimen_id left join container c on c.id = u.container_id where s.id = any($1) and u.since <= $2 and (u.until is null or u.until > $2)"  # fmt: skip  # noqa: E501


def _place(row):
    return None if row["box"] is None else (row["box"], f"{'ABCDE'[row['row']]}{row['col'] + 1}")


@pytest.fixture
def machine(dsn, world):
    return type("StorageHere", (Storage,), {"dsn": dsn, "world": world})


async def test_no_sequence_of_moves_loses_a_tube(machine):
    check = settings(
        max_examples=5,
        stateful_step_count=16,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=check)
