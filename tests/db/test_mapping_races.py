"""What the columns of one header mean, said by two people at the same moment; and what SQL alone cannot do to it."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from biobank.assay.mapping_views import MappingView
from biobank.assay.mappings import RememberMapping, WithdrawMapping, remember, withdraw
from biobank.assay.rules import CONSTRAINTS, MappingChanged
from biobank.errors import DomainError
from biobank.tx import open_tx
from biobank.violations import constraint_of
from tests.bench import plan, table_mapping
from tests.material import actor

CONTEXT = (
    "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
)
INSERT = (
    "insert into column_mapping (study_id, signature, number, withdrawn, mapping, made_by) "
    "select study_id, {}, mapping, made_by from column_mapping"
)


def said(known=0, **meant):
    return RememberMapping(study="LLS", mapping=table_mapping(**meant), known=known)


async def together(database, world, *deeds):
    """Deeds of two people in transactions that begin together; the views, and what the other was refused by."""
    meet = asyncio.Barrier(len(deeds))
    people = [await actor(database, world, name) for name in ("technician", "technician2")]

    async def one(who, deed):
        try:
            async with open_tx(database, who) as tx:
                await tx.session.execute(select(1))
                await meet.wait()
                return await deed(tx)
        except (DomainError, IntegrityError) as refusal:
            return refusal

    return await asyncio.gather(*(one(who, deed) for who, deed in zip(people, deeds, strict=True)))


def check_one_won(outcomes):
    """Whoever comes second is told so, by the version that they saw or by the constraint on versions."""
    views = [one for one in outcomes if isinstance(one, MappingView)]
    (refused,) = [one for one in outcomes if not isinstance(one, MappingView)]
    if isinstance(refused, IntegrityError):
        refused = CONSTRAINTS[constraint_of(refused)]()
    assert (len(views), type(refused)) == (1, MappingChanged)


async def test_of_two_corrections_at_once_one_wins_and_the_other_person_is_told(database, world, superuser):
    first, second = said(note="fact"), said(note="flag")
    outcomes = await together(database, world, lambda tx: remember(tx, first), lambda tx: remember(tx, second))
    check_one_won(outcomes)
    assert await superuser.fetchval("select array_agg(number) from column_mapping") == [1]
    signature = await superuser.fetchval("select signature from column_mapping")

    other, end = said(known=1, note="dilution"), WithdrawMapping(known=1, reason="the robot has changed")
    outcomes = await together(
        database, world, lambda tx: remember(tx, other), lambda tx: withdraw(tx, "LLS", signature, end)
    )
    check_one_won(outcomes)
    assert await superuser.fetchval("select array_agg(number order by number) from column_mapping") == [1, 2]


async def test_a_table_has_its_mapping(api, database, world, superuser):
    await plan(api, database, world, analytes=["alpha"], tubes=1, importer="generic_table")
    await superuser.execute(CONTEXT)
    with pytest.raises(asyncpg.CheckViolationError, match="ck_assay_run_table_has_its_mapping"):
        await superuser.execute("update assay_run set importer = 'generic_table'")


async def test_what_was_said_is_never_changed(database, world, superuser):
    async with open_tx(database, await actor(database, world, "technician")) as tx:
        await remember(tx, said())
    await superuser.execute(CONTEXT)
    for statement, name in (
        ("update column_mapping set mapping = '{}'", "ck_column_mapping_append_only"),
        ("delete from column_mapping", "ck_column_mapping_append_only"),
        (INSERT.format("signature, 2, true"), "ck_column_mapping_withdrawn_with_a_reason"),
        (INSERT.format("'short', 1, false"), "ck_column_mapping_signature"),
        (INSERT.format("signature, 1, false"), "uq_column_mapping_number"),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as broken:
            await superuser.execute(statement)
        assert broken.value.constraint_name == name
