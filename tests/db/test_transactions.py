"""The transaction edge: what it refuses, what it keeps, and what a replay gets."""

import asyncio
from uuid import uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from biobank.participant import commands
from biobank.participant.commands import Enrol
from biobank.participant.queries import ParticipantView
from biobank.tx import KeyReused, open_read, open_tx
from biobank.violations import constraint_of
from tests.material import actor

ENROL = Enrol(study="LLS", site="CHI", enrolled_on="2026-01-05")


async def test_a_change_without_a_reason_is_refused_and_undone(database, world, superuser):
    with pytest.raises(IntegrityError, match="without an event") as refused:
        async with open_tx(database, await actor(database, world, "manager")) as tx:
            await tx.session.execute(text("insert into analyte (code, title) values ('X', 'X')"))
    assert constraint_of(refused.value) == "ck_audit_entry_change_needs_an_event"
    assert await superuser.fetchval("select count(*) from analyte") == 0


async def test_a_get_that_writes_fails_in_postgresql(database, world):
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with open_read(database, await actor(database, world, "manager")) as tx:
            await tx.session.execute(text("insert into analyte (code, title) values ('X', 'X')"))


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entry set body = '{}'",
        "delete from audit_entry",
        "truncate audit_entry",
        "delete from specimen",
        "update audit_seal set count = 0",
        "update service_secret set value = 'mine'",
        "create table mine ()",
    ],
)
async def test_the_service_may_not(database, world, statement):
    with pytest.raises(DBAPIError, match="permission denied"):
        async with open_tx(database, await actor(database, world, "manager")) as tx:
            await tx.session.execute(text(statement))


async def test_a_plain_statement_raises_what_the_session_raises(database, world):
    with pytest.raises(DBAPIError, match="permission denied"):
        async with open_tx(database, await actor(database, world, "manager")) as tx:
            await tx.fetchrow("select value from service_secret for update")


async def _enrol_and_fail(database, who):
    async with open_tx(database, who) as tx:
        await commands.enrol(tx, ENROL)
        raise RuntimeError


async def test_an_error_after_a_write_leaves_nothing(database, world, superuser):
    with pytest.raises(RuntimeError):
        await _enrol_and_fail(database, await actor(database, world, "coordinator"))
    assert await superuser.fetchval("select count(*) from participant") == 0


async def _enrol(database, who, key, command=ENROL):
    async with open_tx(database, who) as tx:
        return await tx.once(key, command, ParticipantView, lambda: commands.enrol(tx, command))


async def test_two_replays_at_once_are_one_deed(database, world, superuser):
    who, key = await actor(database, world, "coordinator"), uuid4()
    first, second, third = await asyncio.gather(*(_enrol(database, who, key) for _ in range(3)))
    assert first == second == third
    assert await superuser.fetchval("select count(*) from participant") == 1


async def test_a_key_belongs_to_one_command_of_one_actor(database, world, superuser):
    who, key = await actor(database, world, "coordinator"), uuid4()
    await _enrol(database, who, key)
    with pytest.raises(KeyReused):
        await _enrol(database, who, key, Enrol(study="LLS", site="CHI", enrolled_on="2026-01-06"))
    await _enrol(database, await actor(database, world, "manager"), key)
    assert await superuser.fetchval("select count(*) from participant") == 2


async def test_a_failed_deed_leaves_its_key_free(database, world):
    who, key = await actor(database, world, "coordinator"), uuid4()
    with pytest.raises(ValueError, match="first time"):
        async with open_tx(database, who) as tx:
            await tx.once(key, ENROL, ParticipantView, _fail)
    assert (await _enrol(database, who, key)).study == "LLS"


async def _fail() -> ParticipantView:
    raise ValueError("first time")


class Empty(BaseModel):
    pass


async def test_inserting_nothing_asks_the_database_nothing(database, world):
    async with open_tx(database, await actor(database, world, "manager")) as tx:
        assert await tx.insert(Empty, []) == []


async def test_what_ends_a_statement_early_is_never_said(database, world):
    with pytest.raises(ValueError, match="NUL"):
        async with open_tx(database, await actor(database, world, "manager"), request_id="a\0'; drop table study"):
            raise AssertionError
    async with open_tx(database, await actor(database, world, "manager"), request_id="it's; rollback") as tx:
        assert await tx.session.scalar(text("select current_setting('biobank.request')")) == "it's; rollback"


async def test_a_key_that_comes_twice_in_one_transaction_is_one_deed(database, world, superuser):
    key = uuid4()
    async with open_tx(database, await actor(database, world, "coordinator")) as tx:
        told = [await tx.once(key, ENROL, ParticipantView, lambda: commands.enrol(tx, ENROL)) for _ in range(2)]
    assert told[0] == told[1]
    assert await superuser.fetchval("select count(*) from participant") == 1


async def _cut_off(database, who, superuser):
    """The connection is lost while the transaction is under way, which then fails."""
    async with open_tx(database, who) as tx:
        lost = await tx.session.scalar(text("select pg_backend_pid()"))
        await superuser.execute("select pg_terminate_backend($1)", lost)
        raise RuntimeError


async def test_a_lost_connection_is_given_to_nobody(database, world, superuser):
    """What ended the transaction is raised, not that its end could not be said; and the next one gets a fresh one."""
    who = await actor(database, world, "coordinator")
    with pytest.raises(RuntimeError):
        await _cut_off(database, who, superuser)
    async with open_tx(database, who) as tx:
        await commands.enrol(tx, ENROL)
        idle = await tx.bare()
        lost = await tx.session.scalar(text("select pg_backend_pid()"))
    await superuser.execute("select pg_terminate_backend($1)", lost)  # between two transactions, as in a restart
    while not idle.is_closed():
        await superuser.execute("select 1")
    # Sooner or later each connection has its turn: what stands in the place of the lost one begins nothing by itself.
    for _ in range(10):
        async with open_tx(database, who) as tx:
            assert await tx.session.scalar(text("select count(*) from participant")) == 1
