"""Processing as a state machine over the real commands and a real database: whatever is done in whatever order,
quantity is conserved, thaw counts never fall, and lineage has no circle and stays within one participant unless pooled.
"""

import asyncio
from datetime import timedelta
from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from biobank.db import Database
from biobank.errors import DomainError
from biobank.specimen import deviations, dividing, pooling, processing, thawing, upkeep
from biobank.tx import open_tx
from tests.conftest import ROLE
from tests.material import actor, make_material

WHOLE = Decimal(500)
PEOPLE = 2
tubes = st.integers(0, 19)
amounts = st.decimals(min_value="0.5", max_value="300", places=1)

FACTS = text(
    "select s.code, s.quantity, s.level, s.participant_id, s.freeze_thaw_count as thaws, s.specimen_type, "
    "(select coalesce(sum(delta), 0) from quantity_ledger l where l.specimen_id = s.id) as ledger from specimen s"
)
EDGES = text(
    "select c.code as child, p.code as parent, c.level, c.participant_id as mine, p.participant_id as theirs, "
    "c.freeze_thaw_count as child_thaws from derivation d join specimen c on c.id = d.child_id "
    "join specimen p on p.id = d.parent_id"
)
CIRCLES = text(
    "with recursive up(origin, id) as (select child_id, parent_id from derivation union "
    "select up.origin, d.parent_id from up join derivation d on d.child_id = up.id) "
    "select count(*) from up where origin = id"
)
# What came in and went out of the house's ledger, by why. Dividing only moves: what is taken from one is in others.
FLOWS = text("select reason, sum(delta) as sum from quantity_ledger where unit = 'uL' group by reason")


class Bench(RuleBasedStateMachine):
    """The model: what each tube holds, how often it was thawed, and whether its record is open."""

    dsn: str
    world: object

    @initialize()
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.database = Database(self.dsn, role=ROLE, size=1)
        self.run(self._make())

    async def _make(self):
        self.who = await actor(self.database, self.world, "technician")
        self.holds, self.thaws, self.seen = {}, {}, {}
        for _ in range(PEOPLE):
            made = await make_material(self.database, self.world, tubes=1, quantity=WHOLE)
            self.holds[made.tubes[0]], self.thaws[made.tubes[0]] = WHOLE, 0
        self.codes = list(self.holds)
        self.ended = set()
        async with open_tx(self.database, self.who) as tx:
            before = {row.reason: row.sum for row in await tx.session.execute(FLOWS)}
        self.found = before.get("measured", Decimal(0))  # one database serves all histories of a run

    def _tube(self, number):
        return self.codes[number % len(self.codes)]

    def _do(self, act):
        async def within():
            async with open_tx(self.database, self.who) as tx:
                return await act(tx)

        try:
            return self.run(within())
        except DomainError as refusal:
            return refusal

    def _born(self, made, thaws):
        for row in made:
            self.codes.append(row.code)
            self.holds[row.code], self.thaws[row.code] = row.quantity, thaws

    @rule(number=tubes, quantities=st.lists(amounts, min_size=1, max_size=3), obtained=st.none() | amounts)
    def divide(self, number, quantities, obtained):
        code = self._tube(number)
        taken_before = self.holds[code] != WHOLE or code in self.ended
        done = self._do(
            lambda tx: dividing.aliquot(
                tx,
                code,
                dividing.Aliquot(
                    specimen_type="SER",
                    tube_type="CRYO05",
                    quantities=quantities,
                    obtained=obtained,
                    started_at=tx.now,
                ),
            )
        )
        if isinstance(done, DomainError):
            known = obtained if obtained is not None else self.holds[code]
            assert code in self.ended or sum(quantities) > known or taken_before or obtained is not None
            return
        if obtained is not None:
            self.found += obtained - self.holds[code]
            self.holds[code] = obtained
        self.holds[code] -= sum(quantities)
        self._born(done.made, self.thaws[code])

    @rule(number=tubes, consumes=amounts)
    def extract(self, number, consumes):
        code = self._tube(number)
        vial = {"quantity": "50", "measurements": [{"quantity": "concentration", "text": "100"}]}
        done = self._do(
            lambda tx: dividing.derive(
                tx,
                code,
                dividing.Derive(
                    specimen_type="STL",
                    tube_type="CRYO05",
                    work="extract",
                    vials=(vial,),
                    consumes=consumes,
                    started_at=tx.now,
                ),
            )
        )
        if isinstance(done, DomainError):
            assert code in self.ended or consumes > self.holds[code] or self._kind(code) != "SER"
            return
        self.holds[code] -= consumes
        self._born(done.made, self.thaws[code])

    def _kind(self, code):
        return {row.code: row.specimen_type for row in self._rows(FACTS)}[code]

    @rule(first=tubes, second=tubes, parts=st.tuples(amounts, amounts))
    def pool(self, first, second, parts):
        ends = (self._tube(first), self._tube(second))
        done = self._do(
            lambda tx: pooling.pool(
                tx,
                pooling.Pool(
                    parents=tuple(
                        pooling.PoolPart(specimen=code, quantity=part) for code, part in zip(ends, parts, strict=True)
                    ),
                    tube_type="CRYO10",
                    quantities=(sum(parts),),
                    started_at=tx.now,
                ),
            )
        )
        if isinstance(done, DomainError):
            return
        for code, part in zip(ends, parts, strict=True):
            self.holds[code] -= part
        self._born(done.made, max(self.thaws[code] for code in ends))

    @rule(number=tubes)
    def thaw(self, number):
        code = self._tube(number)
        done = self._do(
            lambda tx: processing.process(tx, processing.Process(type="thaw", specimens=(code,), started_at=tx.now))
        )
        if isinstance(done, DomainError):
            assert code in self.ended
        else:
            self.thaws[code] += 1

    @rule(numbers=st.lists(tubes, min_size=1, max_size=4))
    def freezer_fails(self, numbers):
        codes = list(dict.fromkeys(self._tube(number) for number in numbers))
        done = self._do(
            lambda tx: thawing.thaw_tubes(
                tx, thawing.ThawTubes(specimens=codes, thawed_at=tx.now, reason="Compressor failed")
            )
        )
        if isinstance(done, DomainError):
            assert self.ended & set(codes)
        else:
            for code in codes:
                self.thaws[code] += 1

    @rule(number=tubes, quantity=amounts)
    def correct(self, number, quantity):
        code = self._tube(number)
        done = self._do(
            lambda tx: upkeep.correct_quantity(
                tx, code, upkeep.CorrectQuantity(quantity=quantity, reason="Weighed again")
            )
        )
        if not isinstance(done, DomainError):
            self.holds[code] = quantity

    @rule(number=tubes)
    def use_up(self, number):
        code = self._tube(number)
        done = self._do(lambda tx: upkeep.use_up(tx, code, upkeep.UseUp(reason="Empty")))
        if not isinstance(done, DomainError):
            self.holds[code] = Decimal(0)
            self.ended.add(code)

    @rule(number=tubes)
    def deviate(self, number):
        """A deviation of no weight stops nothing."""
        code = self._tube(number)
        self._do(
            lambda tx: deviations.record_deviation(tx, deviations.RecordDeviation(type="low_volume", specimens=(code,)))
        )

    @rule(number=tubes, days=st.integers(1, 400))
    def never_before_it_was_there(self, number, days):
        code = self._tube(number)
        done = self._do(
            lambda tx: dividing.aliquot(
                tx,
                code,
                dividing.Aliquot(
                    specimen_type="SER",
                    tube_type="CRYO05",
                    quantities=(Decimal(1),),
                    started_at=tx.now - timedelta(days=40 + days),
                ),
            )
        )
        assert isinstance(done, DomainError)

    def _rows(self, statement):
        async def within():
            async with open_tx(self.database, self.who) as tx:
                return (await tx.session.execute(statement)).all()

        return self.run(within())

    @invariant()
    def holds_true(self):
        if not hasattr(self, "holds"):
            return
        facts = {row.code: row for row in self._rows(FACTS) if row.code in self.holds}
        assert {code: row.quantity for code, row in facts.items()} == self.holds
        assert all(row.quantity == row.ledger >= 0 for row in facts.values())
        assert {code: row.thaws for code, row in facts.items()} == self.thaws
        for code, row in facts.items():
            assert row.thaws >= self.seen.get(code, 0)
            self.seen[code] = row.thaws
        for edge in self._rows(EDGES):
            assert edge.level == "pool" or edge.mine == edge.theirs
        assert self._rows(CIRCLES)[0][0] == 0
        flows = {row.reason: row.sum for row in self._rows(FLOWS)}
        assert flows.get("measured", Decimal(0)) == self.found

    def teardown(self):
        if hasattr(self, "database"):
            self.run(self.database.close())
            self.loop.close()


@pytest.fixture
def machine(dsn, world):
    return type("BenchHere", (Bench,), {"dsn": dsn, "world": world})


async def test_no_history_of_processing_loses_material_or_a_thaw(machine):
    check = settings(
        max_examples=8,
        stateful_step_count=20,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=check)
