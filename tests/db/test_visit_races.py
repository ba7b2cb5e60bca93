"""Two people at one visit, and one tube at two benches, at the same second; what the database holds by itself."""

import asyncio

import asyncpg
import pytest

from biobank.accession import commands, intake, rules
from biobank.errors import DomainError
from biobank.tx import open_tx
from tests.material import actor
from tests.visits import ALL, draw, publish, ref, visit


@pytest.fixture(autouse=True)
async def protocol(database):
    await publish(database)


async def at_once(database, people, deed):
    """The same deed of several people, begun together; the refusals where they were refused."""
    meet = asyncio.Barrier(len(people))

    async def one(who):
        try:
            async with open_tx(database, who) as tx:
                await meet.wait()
                return await deed(tx)
        except DomainError as refusal:
            return refusal

    return await asyncio.gather(*(one(who) for who in people))


async def test_of_two_who_finish_the_second_is_told_what_the_first_did(database, world, api):
    at = await visit(api)
    await draw(api, at, *ALL)
    people = [await actor(database, world, name) for name in ("coordinator", "manager")]
    seen = (await api("coordinator").see(at.path))["row_version"]

    async def finish(tx):
        return await commands.finish_visit(tx, at.participant, "BASE", 1, commands.FinishVisit(row_version=seen))

    outcomes = await at_once(database, people, finish)
    (refused,) = [one for one in outcomes if isinstance(one, DomainError)]
    assert isinstance(refused, rules.VisitFinished)
    assert "finished this visit on" in refused.detail
    assert "4 of 4 planned tubes collected" in refused.detail
    (done,) = [one for one in outcomes if not isinstance(one, DomainError)]
    assert done.finished_by in refused.detail


async def test_of_two_who_collect_the_same_planned_tube_one_does(database, world, api):
    at = await visit(api)
    people = [await actor(database, world, name) for name in ("coordinator", "technician_chi")]
    command = commands.RecordDraw(collected_at=at.drawn_at, tubes=[commands.DrawnTube(**ref("urine"))])
    outcomes = await at_once(database, people, lambda tx: commands.record_draw(tx, at.participant, "BASE", 1, command))
    assert [type(one) for one in outcomes if isinstance(one, DomainError)] == [rules.OutcomeRecorded]
    assert len((await api("coordinator").see(at.path))["tubes"]) == 1


async def test_finishing_and_collecting_at_once_never_leaves_an_open_tube_behind(database, world, api):
    at = await visit(api)
    await draw(api, at, *ALL[:3])
    people = [await actor(database, world, name) for name in ("coordinator", "technician_chi")]
    seen = (await api("coordinator").see(at.path))["row_version"]
    command = commands.RecordDraw(collected_at=at.drawn_at, tubes=[commands.DrawnTube(**ref("urine"))])

    async def deed(tx):
        if tx.actor.username == "coordinator":
            return await commands.finish_visit(tx, at.participant, "BASE", 1, commands.FinishVisit(row_version=seen))
        return await commands.record_draw(tx, at.participant, "BASE", 1, command)

    finished, drawn = await at_once(database, people, deed)
    assert isinstance(finished, rules.TubesUnaccounted | rules.VisitChanged)
    assert not isinstance(drawn, DomainError)


async def test_one_tube_at_two_benches_is_taken_in_once(database, world, api):
    at = await visit(api)
    codes = await draw(api, at, *ALL)
    people = [await actor(database, world, name) for name in ("technician_chi", "manager")]
    outcomes = await at_once(database, people, lambda tx: intake.take_in(tx, intake.TakeIn(tube=codes[0])))
    assert [type(one) for one in outcomes if isinstance(one, DomainError)] == [rules.AlreadyAccessioned]


async def test_the_database_holds_outcomes_and_accessions_by_itself(api, superuser):
    at = await visit(api)
    codes = await draw(api, at, *ALL)
    await api("technician_chi").ok("/intake", {"tube": codes[0]})
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    again = "insert into {0} ({1}) select {1} from {0} limit 1"
    outcome = "visit_id, planned_tube_id, ordinal, specimen_id, recorded_at, recorded_by"
    accession = "specimen_id, site_id, accessioned_at, accessioned_by"
    for statement, constraint in (
        (again.format("tube_outcome", outcome), "uq_tube_outcome_current"),
        (again.format("accession", accession), "uq_accession_current"),
    ):
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await superuser.execute(statement)
        assert refused.value.constraint_name == constraint
        assert isinstance(rules.CONSTRAINTS[constraint](), DomainError)
    with pytest.raises(asyncpg.CheckViolationError) as neither:
        await superuser.execute("update tube_outcome set specimen_id = null")
    assert neither.value.constraint_name == "ck_tube_outcome_collected_or_a_reason"
