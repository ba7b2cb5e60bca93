"""Two people at one tube at the same second, and lineage tried from SQL."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest
from sqlalchemy import select

from biobank.errors import DomainError
from biobank.participant import rules as participant_rules
from biobank.participant import visiting
from biobank.specimen import dividing, rules
from biobank.specimen.models import Specimen
from biobank.tx import open_tx
from biobank.withdrawal.rules import StatementChanged
from tests.material import actor, make_material
from tests.withdrawing import sign_withdrawal


def vials(*quantities, started_at, **more):
    return dividing.Aliquot(
        specimen_type="SER", tube_type="CRYO05", quantities=quantities, started_at=started_at, **more
    )


async def take(database, who, code, quantity, meet=None):
    """Take from a tube in a transaction of its own; the refusal where it was refused."""
    try:
        async with open_tx(database, who) as tx:
            if meet is not None:
                await meet.wait()
            return await dividing.aliquot(tx, code, vials(quantity, started_at=tx.now))
    except DomainError as refusal:
        return refusal


async def test_two_technicians_cannot_take_more_than_there_is(database, world):
    """Scenario 9: 120 uL left and two technicians each taking 80: one succeeds, the other is told the live balance."""
    made = await make_material(database, world, tubes=1, quantity=Decimal(120))
    people = [await actor(database, world, name) for name in ("technician", "technician2")]
    meet = asyncio.Barrier(2)
    outcomes = await asyncio.gather(*(take(database, who, made.tubes[0], Decimal(80), meet) for who in people))
    refused = [one for one in outcomes if isinstance(one, DomainError)]
    assert [type(one) for one in refused] == [rules.NotEnoughMaterial]
    assert refused[0].fields["balance"] == "40"
    async with open_tx(database, people[0]) as tx:
        left = (await tx.session.execute(select(Specimen.quantity).order_by(Specimen.id))).scalars().all()
    assert left == [Decimal(40), Decimal(80)]


async def test_a_withdrawal_and_a_deed_at_once_leave_no_deed_after_the_withdrawal(database, world):
    made = await make_material(database, world, tubes=1)
    technician, manager = [await actor(database, world, name) for name in ("technician", "manager")]
    meet = asyncio.Barrier(2)

    async def withdraw(meet=None):
        async with open_tx(database, manager) as tx:
            if meet is not None:
                await meet.wait()
            await sign_withdrawal(tx, made.participant, "destroy", tx.now - timedelta(minutes=1))

    outcome, stopped = await asyncio.gather(
        take(database, technician, made.tubes[0], Decimal(10), meet), withdraw(meet), return_exceptions=True
    )
    if stopped is not None:  # the new tube is not in the statement that was read
        assert isinstance(stopped, StatementChanged)
        await withdraw()
    again = await take(database, technician, made.tubes[0], Decimal(10))
    assert isinstance(again, participant_rules.ParticipantWithdrawn)
    async with open_tx(database, technician) as tx:
        tubes = (await tx.session.execute(select(Specimen.id))).scalars().all()
    assert len(tubes) == (1 if isinstance(outcome, DomainError) else 2)


async def test_two_flares_at_once_are_numbered_in_turn(database, world):
    made = await make_material(database, world, tubes=1)
    manager = await actor(database, world, "manager")

    async def flare():
        async with open_tx(database, manager) as tx:
            command = visiting.RecordVisit(type="FLARE", occurred_on=(tx.now - timedelta(days=2)).date())
            return await visiting.record_visit(tx, made.participant, command)

    await asyncio.gather(flare(), flare())
    person = await flare()
    assert [visit.number for visit in person.visits if visit.type == "FLARE"] == [1, 2, 3]


@pytest.fixture
async def behind(superuser):
    """SQL past the service, in a transaction that the database itself would record."""
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    return superuser


POSTING = "insert into quantity_ledger (specimen_id, delta, unit, reason, basis) "
EDGE = (
    "insert into derivation (child_id, parent_id, processing_event_id) "
    "select c.id, p.id, (select min(id) from processing_event) "
    "from specimen c, specimen p where c.code = $1 and p.code = $2"
)


async def test_lineage_has_no_circle_and_stays_within_one_person(database, world, behind):
    made = await make_material(database, world, tubes=1)
    other = await make_material(database, world, tubes=1)
    technician = await actor(database, world, "technician")
    child = (await take(database, technician, made.tubes[0], Decimal(100))).made[0].code
    grandchild = (await take(database, technician, child, Decimal(50))).made[0].code
    for ends, constraint in (
        ((made.tubes[0], grandchild), "ck_derivation_acyclic"),
        ((child, child), "ck_derivation_no_self"),
        ((child, other.tubes[0]), "ck_derivation_same_participant"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await behind.execute(EDGE, *ends)
        assert refused.value.constraint_name == constraint
        assert isinstance(rules.CONSTRAINTS[constraint](), rules.LineageRefused)
    with pytest.raises(asyncpg.UniqueViolationError) as twice:
        await behind.execute(EDGE, child, made.tubes[0])
    assert twice.value.constraint_name == "uq_derivation_edge"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("update specimen set freeze_thaw_count = freeze_thaw_count - 1", "ck_specimen_freeze_thaw_monotone"),
        ("update specimen set code = 'TKQ7M3X9V7'", "ck_specimen_code_never_changes"),
        ("update quantity_ledger set delta = 1", "ck_quantity_ledger_append_only"),
        ("delete from derivation", "ck_derivation_append_only"),
        (
            POSTING + "select id, -501, 'uL', 'assay', 'nominal' from specimen",
            "ck_specimen_quantity_not_negative",
        ),
        (
            POSTING + "select id, 1, 'mL', 'correction', 'nominal' from specimen",
            "ck_quantity_ledger_unit_of_the_tube",
        ),
    ],
)
async def test_the_database_itself_refuses(database, world, behind, statement, constraint):
    await make_material(database, world, tubes=1)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await behind.execute(statement)
    assert refused.value.constraint_name == constraint
    assert rules.CONSTRAINTS[constraint]().detail
