"""The migrations tell the whole story, and the database judges house ids as the program does."""

import random

import asyncpg
import pytest

from biobank import ids, migrate
from migrations import rewrite


async def test_the_migrations_and_the_models_are_the_same(empty_dsn):
    assert await migrate.drift(empty_dsn) == []
    assert await migrate.current(empty_dsn) == migrate.head()


def test_the_migration_is_what_the_models_say_with_every_check():
    assert rewrite.HOUSE.read_text() == rewrite.formatted(), "write it anew: make schema"


async def test_migrating_again_changes_nothing(empty_dsn):
    await migrate.upgrade(empty_dsn, role="biobank_app")
    assert await migrate.current(empty_dsn) == migrate.head()


async def test_the_database_judges_ids_as_the_program_does(superuser):
    rng = random.Random(7)  # noqa: S311
    texts = [ids.mint(rng.choice(list(ids.Kind)), rng) for _ in range(300)]
    texts += ["".join(rng.choices(ids.CHECK_ALPHABET, k=10)) for _ in range(300)]
    texts += [text[:4] + rng.choice(ids.BODY_ALPHABET) + text[5:] for text in texts[:300]]

    def good(text: str) -> bool:
        try:
            return ids.parse(text)[1] == text
        except ids.BadIdentifier:
            return False

    rows = await superuser.fetch("select t, biobank_house_id_is_valid(t) as ok from unnest($1::text[]) t", texts)
    assert {row["t"]: row["ok"] for row in rows} == {text: good(text) for text in texts}


@pytest.mark.parametrize("value", ["TKQ7M3X9V*", "tkq7m3x9v1", "", "TKQ7M3X9V11"])
async def test_the_register_refuses_what_is_no_house_id(superuser, value):
    await superuser.execute("set session_replication_role = replica")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute("insert into identifier (namespace, value, specimen_id) values ('house', $1, 1)", value)
    assert refused.value.constraint_name == "ck_identifier_house_check_character"


async def test_a_code_is_taken_for_ever_and_never_changes(database, world, superuser):
    from tests.material import make_material

    made = await make_material(database, world, tubes=2)
    await superuser.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await superuser.execute(
            "insert into identifier (namespace, value, specimen_id) values ('house', $1, $2)",
            made.tubes[0],
            made.tube_ids[1],
        )
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await superuser.execute(
            "update specimen set code = $1 where id = $2", ids.mint(ids.Kind.TUBE), made.tube_ids[0]
        )
    assert refused.value.constraint_name == "ck_specimen_code_never_changes"


async def test_a_withdrawal_holds_the_material_in_the_same_moment(database, world, api, superuser):
    from tests.material import make_material
    from tests.withdrawing import withdraw

    made = await make_material(database, world, tubes=2)
    await withdraw(api("coordinator"), made.participant)
    assert await superuser.fetchval("select count(*) from specimen where hold = 'consent_withdrawn'") == 2
