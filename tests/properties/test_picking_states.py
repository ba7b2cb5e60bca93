"""A pick list as a state machine on a real database: its state follows from its lines, no tube is on two errands, every
tube is where the last deed left it, and what is refused changes nothing.
"""

import asyncio

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from biobank.db import Database
from biobank.errors import DomainError
from biobank.picking import commands, lines
from biobank.storage.commands import StoreTube, store
from biobank.tx import open_tx
from tests.conftest import ROLE
from tests.db.test_storage_races import a_box
from tests.material import actor, make_material

TUBES = 4
numbers = st.integers(0, TUBES - 1)
SETTLED = {"picked", "not_found", "short", "skipped"}


class Picking(RuleBasedStateMachine):
    """The model: the state of each line and of the list."""

    dsn: str
    world: object

    @initialize()
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.database = Database(self.dsn, role=ROLE, size=2)
        self.run(self._make())

    async def _make(self):
        self.box = await a_box(self.database, "BOX25")
        self.made = await make_material(self.database, self.world, tubes=TUBES)
        self.who = await actor(self.database, self.world, "technician")
        for tube in self.made.tubes:
            async with open_tx(self.database, self.who) as tx:
                await store(tx, StoreTube(tube=tube, box=self.box))
        async with open_tx(self.database, self.who) as tx:
            made = await commands.make(
                tx, commands.MakePickList(purpose="Assay", destination="bench", tubes=self.made.tubes)
            )
        self.code, self.status = made.code, "open"
        self.lines = dict.fromkeys(self.made.tubes, "to_pick")
        self.view = made

    def _do(self, verb, command):
        """The list after a deed, or None where it was refused."""

        async def act():
            async with open_tx(self.database, self.who) as tx:
                return await verb(tx, self.code, command)

        try:
            self.view = self.run(act())
        except DomainError:
            return None
        return self.view

    def _settled(self, tube, status, done, *, allowed):
        assert (done is not None) == allowed
        if allowed:
            self.lines[tube] = status
            if self.status in {"open", "in_progress", "picked"}:
                self.status = "in_progress" if "to_pick" in self.lines.values() else "picked"

    def _picks(self):
        return self.status in {"open", "in_progress", "picked"}

    @rule(number=numbers, status=st.sampled_from(["picked", "not_found", "short", "skipped"]))
    def settle(self, number, status):
        tube = self.made.tubes[number]
        deeds = {
            "picked": (lines.pick, lines.PickTube(tube=tube)),
            "not_found": (lines.not_found, lines.NotFoundTube(tube=tube)),
            "short": (lines.short, lines.SettleLine(tube=tube, note="Too little")),
            "skipped": (lines.skip, lines.SettleLine(tube=tube, note="Not today")),
        }
        waits = self.lines[tube] == "to_pick" and self._picks()
        aside = status == "skipped" and self.lines[tube] == "picked" and (self._picks() or self.status == "verified")
        self._settled(tube, status, self._do(*deeds[status]), allowed=waits or aside)

    @rule(number=numbers)
    def undo(self, number):
        tube = self.made.tubes[number]
        allowed = self.lines[tube] in SETTLED and self._picks()
        self._settled(tube, "to_pick", self._do(lines.undo, lines.UndoLine(tube=tube)), allowed=allowed)

    def _picked(self):
        return tuple(tube for tube, status in self.lines.items() if status == "picked")

    @rule(all_of_them=st.booleans())
    def verify(self, all_of_them):
        tubes = self._picked() if all_of_them else self.made.tubes[:1]
        if not tubes:
            return
        command = commands.VerifyPicked(tubes=tubes, row_version=self.view.row_version)
        done = self._do(commands.verify, command)
        assert (done is not None) == (self.status == "picked" and set(tubes) == set(self._picked()))
        if done is not None:
            self.status = "verified"

    @rule(cancels=st.booleans())
    def finish(self, cancels):
        version = self.view.row_version
        if cancels:
            done = self._do(commands.cancel, commands.CancelPickList(reason="No more", row_version=version))
            allowed = self.status not in {"handed_over", "cancelled"}
        else:
            done = self._do(commands.hand_over, commands.HandOverPicked(handed_for="Run 14", row_version=version))
            allowed = self.status == "verified"
        assert (done is not None) == allowed
        if allowed:
            self.status = "cancelled" if cancels else "handed_over"

    @invariant()
    def what_is_recorded_is_the_model(self):
        if hasattr(self, "view"):
            self.run(self._check())

    async def _check(self):
        connection = await self.database.connect()
        try:
            rows = await connection.fetch(
                "select s.code, l.status, l.is_open, p.status as list, s.existence, "
                "c.container_id is not null as stored, coalesce(v.reservation, 'free') as reservation "
                "from pick_list_line l join pick_list p on p.id = l.pick_list_id "
                "join specimen s on s.id = l.specimen_id join custody c on c.specimen_id = s.id "
                "left join tube_claim v on v.specimen_id = s.id where p.code = $1",
                self.code,
            )
        finally:
            await connection.close()
        finished = self.status in {"handed_over", "cancelled"}
        claims = {"to_pick": "listed", "picked": "picked"}
        for row in rows:
            status = self.lines[row["code"]]
            assert (row["status"], row["list"]) == (status, self.status)
            assert row["is_open"] == (status in claims and not finished)
            assert row["reservation"] == ("free" if finished else claims.get(status, "free"))
            assert row["existence"] == ("missing" if status == "not_found" else "exists")
            assert row["stored"] == (status not in {"picked", "not_found"})

    def teardown(self):
        if hasattr(self, "view"):
            self.run(self.database.close())
            self.loop.close()


async def test_a_pick_list_is_what_its_deeds_made_of_it(dsn, world):
    machine = type("PickingHere", (Picking,), {"dsn": dsn, "world": world})
    check = settings(
        max_examples=4,
        stateful_step_count=16,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=check)
