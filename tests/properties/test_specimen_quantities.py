"""Any order of dividing and thawing conserves quantity, keeps thaws from falling and lineage from closing."""

import asyncio
from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import text

from biobank.db import Database
from biobank.specimen import dividing, processing, rules
from biobank.tx import open_tx
from tests.conftest import ROLE
from tests.material import actor, make_material

WHOLE = Decimal(500)
amounts = st.decimals(min_value="0.001", max_value="300", places=3)
divisions = st.tuples(st.just("divide"), st.integers(0, 9), st.lists(amounts, min_size=1, max_size=4))
thaws = st.tuples(st.just("thaw"), st.integers(0, 9), st.just([]))

FACTS = text(
    "select s.code, s.quantity, s.freeze_thaw_count as thaws, "
    "(select sum(delta) from quantity_ledger l where l.specimen_id = s.id) as ledger "
    "from specimen s where s.participant_id = :person"
)
CIRCLES = text(
    "with recursive up(origin, id) as (select child_id, parent_id from derivation union "
    "select up.origin, d.parent_id from up join derivation d on d.child_id = up.id) "
    "select count(*) from up where origin = id"
)


async def _steps(dsn, world, steps):
    async with Database.open(dsn, role=ROLE, size=1) as database:
        made = await make_material(database, world, tubes=1, quantity=WHOLE)
        who = await actor(database, world, "technician")
        tubes = [made.tubes[0]]
        held, thawed = {made.tubes[0]: WHOLE}, {made.tubes[0]: 0}
        refusals = []
        for kind, number, quantities in steps:
            code = tubes[number % len(tubes)]
            try:
                async with open_tx(database, who) as tx:
                    if kind == "thaw":
                        await processing.process(
                            tx, processing.Process(type="thaw", specimens=(code,), started_at=tx.now)
                        )
                        thawed[code] += 1
                        continue
                    command = dividing.Aliquot(
                        specimen_type="SER", tube_type="CRYO10", quantities=quantities, started_at=tx.now
                    )
                    new = (await dividing.aliquot(tx, code, command)).made
            except rules.NotEnoughMaterial as error:
                refusals.append((Decimal(str(error.fields["balance"])), held[code], sum(quantities)))
                continue
            assert [row.quantity for row in new] == quantities
            held[code] -= sum(quantities)
            for row in new:
                tubes.append(row.code)
                held[row.code], thawed[row.code] = row.quantity, thawed[code]
        async with open_tx(database, who) as tx:
            facts = (await tx.session.execute(FACTS, {"person": made.participant_id})).all()
            circles = (await tx.session.execute(CIRCLES)).scalar_one()
        assert {row.code: row.quantity for row in facts} == held
        assert {row.code: row.thaws for row in facts} == thawed
        assert all(row.quantity == row.ledger >= 0 for row in facts)
        assert sum(row.quantity for row in facts) == WHOLE
        assert circles == 0
        assert all(told == balance < wanted for told, balance, wanted in refusals)


async def test_dividing_conserves_quantity(dsn, world):
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(st.one_of(divisions, thaws), min_size=1, max_size=8))
    def check(steps):
        asyncio.run(_steps(dsn, world, steps))

    await asyncio.to_thread(check)
