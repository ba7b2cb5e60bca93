"""Box moves as a state machine on a real database, by one actor and by two at once: never two tubes in a position, none
in two places or none, and history tells every past.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from biobank.db import Database
from biobank.errors import DomainError
from biobank.rackscan.commands import CommitRackScan, SettleRackScan, TubeDecision, commit_scan, settle
from biobank.rackscan.remapping import RemapBox, remap_box
from biobank.storage.commands import StoreTube, SwapTubes, TakeOut, UndoMove, store, swap, take_out, undo
from biobank.tx import open_tx
from tests.conftest import ROLE
from tests.db.test_rack_scan_races import keep
from tests.db.test_storage_races import a_box
from tests.material import actor, make_material
from tests.racks import scan_file

TUBES, BOXES = 6, 2
LOST = "missing"
numbers = st.integers(0, TUBES - 1)
positions = st.sampled_from(["A1", "A2", "E5", None])


class Storage(RuleBasedStateMachine):
    """The model: where each tube is (box and position, None for in hand, or LOST), and every snapshot that was ever
    true.
    """

    dsn: str
    world: object
    undos = Bundle("undos")

    @initialize()
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.database = Database(self.dsn, role=ROLE, size=3)
        self.run(self._make())

    async def _make(self):
        self.boxes = [await a_box(self.database, "BOX25") for _ in range(BOXES)]
        self.made = await make_material(self.database, self.world, tubes=TUBES)
        self.who = await actor(self.database, self.world, "technician")
        self.other = await actor(self.database, self.world, "technician2")
        self.where = dict.fromkeys(self.made.tubes)
        self.past = []
        self.tokens = {}

    def _do(self, verb, *given):
        return self.run(self._act(self.who, verb, *given))

    async def _act(self, who, verb, *given):
        try:
            async with open_tx(self.database, who) as tx:
                return await verb(tx, *given)
        except DomainError as refusal:
            return refusal

    def _in(self, box):
        """The tubes of a box by position."""
        return {place[1]: tube for tube, place in self.where.items() if isinstance(place, tuple) and place[0] == box}

    def _moved(self, token, after):
        """Note what a deed changed, and how to take it back."""
        changed = {tube: self.where[tube] for tube, place in after.items() if self.where[tube] != place}
        self.where.update(after)
        self.tokens[token] = changed
        return token if changed else None

    def _free(self, box):
        taken = set(self._in(box))
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
        if not isinstance(before, tuple):
            assert done.code == "not-stored"
            return None
        self.where[tube] = None
        self.tokens[done.undo] = {tube: before}
        return done.undo

    @rule(target=undos, first=numbers, second=numbers)
    def swap(self, first, second):
        one, two = self.made.tubes[first], self.made.tubes[second]
        done = self._do(swap, SwapTubes(first=one, second=two))
        if one == two or not all(isinstance(self.where[tube], tuple) for tube in (one, two)):
            assert isinstance(done, DomainError)
            return None
        before = {one: self.where[one], two: self.where[two]}
        self.where[one], self.where[two] = before[two], before[one]
        self.tokens[done.placements[0].undo] = before
        return done.placements[0].undo

    @rule(target=undos, box=st.integers(0, BOXES - 1), order=st.permutations(range(TUBES)), count=st.integers(1, TUBES))
    def remap(self, box, order, count):
        """All tubes are offered in some order; those of other places are foreign and stay where they are."""
        code, tubes = self.boxes[box], [self.made.tubes[number] for number in order[:count]]
        here = set(self._in(code).values())
        done = self._do(remap_box, code, RemapBox(scans=tuple(tubes)))
        after = {tube: (code, f"{'ABCDE'[n // 5]}{n % 5 + 1}") for n, tube in enumerate(tubes) if tube in here}
        after |= dict.fromkeys(here - set(tubes), LOST)
        assert {one.tube for one in done.foreign} == set(tubes) - here
        assert {one.tube for one in done.missing} == here - set(tubes)
        return self._moved(UUID(done.undo), after)

    @rule(
        target=undos,
        box=st.integers(0, BOXES - 1),
        order=st.permutations(range(TUBES)),
        count=st.integers(0, TUBES),
        first=st.integers(0, 24),
        gone=st.sampled_from(["taken_out", "missing"]),
    )
    def commit_rack(self, box, order, count, first, gone):
        code = self.boxes[box]
        after = {}
        for n, number in enumerate(order[:count]):
            row, col = divmod((first + n * 4) % 25, 5)
            after[self.made.tubes[number]] = (code, f"{'ABCDE'[row]}{col + 1}")
        cells = {("ABCDE".index(at[0]), int(at[1]) - 1): tube for tube, (_, at) in after.items()}
        missed = set(self._in(code).values()) - set(after)
        view = self.run(keep(self.database, self.who, code, scan_file(cells, rows=5, cols=5)))
        if view.status == "committed":
            assert {tube: self.where[tube] for tube in after} == after
            return None
        said = tuple(TubeDecision(tube=tube, decision=gone) for tube in sorted(missed))
        view = self._do(settle, code, view.number, SettleRackScan(decisions=said))
        done = self._do(commit_scan, code, view.number, CommitRackScan(digest=view.digest))
        if isinstance(done, DomainError):
            assert done.code == "rack-turned"
            return None
        after |= dict.fromkeys(missed, None if gone == "taken_out" else LOST)
        return self._moved(UUID(done.undo), after)

    @rule(box=st.integers(0, BOXES - 1), order=st.permutations(range(TUBES)), number=numbers, position=positions)
    def two_at_once(self, box, order, number, position):
        """One re-maps a box while another one stores a tube into it: whoever is first, all of it holds together."""
        code = self.boxes[box]
        again = RemapBox(scans=tuple(self.made.tubes[n] for n in order))
        put = StoreTube(tube=self.made.tubes[number], box=code, position=position, move=True)

        async def both():
            deeds = (self._act(self.who, remap_box, code, again), self._act(self.other, store, put))
            return await asyncio.gather(*deeds), await self._places()

        done, self.where = self.run(both())
        for outcome in done:
            assert not isinstance(outcome, DomainError) or outcome.code in {"position-occupied", "box-changed"}

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

    async def _places(self):
        connection = await self.database.connect()
        try:
            rows = await connection.fetch(_NOW, list(self.made.tube_ids))
            assert await connection.fetch(_MISCOUNTED) == []
        finally:
            await connection.close()
        assert len(rows) == TUBES
        return {row["code"]: _place(row) for row in rows}

    async def _compare(self):
        assert await self._places() == self.where
        taken = [place for place in self.where.values() if isinstance(place, tuple)]
        assert len(taken) == len(set(taken))
        self.past.append((datetime.now(UTC), dict(self.where)))

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


_MISCOUNTED = (
    "select c.id from container c "
    "where coalesce((select sum(b.tubes) from box_count b where b.container_id = c.id), 0) "
    "<> (select count(*) from custody u where u.container_id = c.id)"
)
_NOW = "select s.code, c.code as box, u.row, u.col, u.terminal from custody u join specimen s on s.id = u.specimen_id left join container c on c.id = u.container_id where s.id = any($1)"  # fmt: skip  # noqa: E501
_THEN = "select s.code, c.code as box, u.row, u.col, u.terminal from custody_history u join specimen s on s.id = u.specimen_id left join container c on c.id = u.container_id where s.id = any($1) and u.since <= $2 and (u.until is null or u.until > $2)"  # fmt: skip  # noqa: E501


def _place(row):
    if row["box"] is None:
        return row["terminal"]
    return row["box"], f"{'ABCDE'[row['row']]}{row['col'] + 1}"


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
