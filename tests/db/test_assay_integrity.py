"""What the database itself holds about runs and results, and two people at once."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy.exc import IntegrityError

from biobank.assay import importing, reading, reviewing
from biobank.assay.rules import FileAlreadyImported
from biobank.errors import DomainError
from biobank.tx import open_tx
from biobank.violations import constraint_of
from tests.bench import imported, plan, plated, released, xponent
from tests.material import actor

FILE = xponent({"A1": "s", "B1": "c"}, ["alpha"])


async def ready(api, database, world, name="run-1"):
    bench = await plan(api, database, world, analytes=["alpha"], tubes=1, name=name)
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": "control"})
    return bench


async def recorded(connection):
    await connection.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )


async def refused_by(connection, constraint, statement, *values):
    with pytest.raises(asyncpg.PostgresError) as error:
        await connection.execute(statement, *values)
    assert error.value.constraint_name == constraint


async def test_neither_operator_nor_importer_reviews(api, database, world, superuser):
    bench = await ready(api, database, world)
    await imported(api, bench, FILE)
    await recorded(superuser)
    operator, importer = world.user_ids["technician"], world.user_ids["technician2"]
    await superuser.execute("update assay_run set imported_by = $1", importer)
    for person in (operator, importer):
        await refused_by(
            superuser,
            "ck_assay_run_reviewer_is_not_operator",
            "update assay_run set status = 'verified', verified_by = $1, verified_at = now()",
            person,
        )
        await refused_by(
            superuser,
            "ck_assay_run_releaser_is_not_operator",
            "update assay_run set status = 'released', released_by = $1, released_at = now()",
            person,
        )
    both = replace(await actor(database, world, "reviewer"), user_id=operator)
    with pytest.raises(IntegrityError) as error:
        async with open_tx(database, both) as tx:
            await reviewing.verify(tx, bench.run, reviewing.Verify())
    assert constraint_of(error.value) == "ck_assay_run_reviewer_is_not_operator"


async def test_what_is_released_never_changes_not_even_for_a_superuser(api, database, world, superuser):
    bench = await ready(api, database, world)
    await imported(api, bench, FILE)
    await released(api, bench, None)
    await recorded(superuser)
    final = "ck_result_version_released_is_immutable"
    for statement in (
        "update result_version set value = value + 1",
        "update result_version set raw_text = 'other'",
        "update result_version set status = 'preliminary'",
        "update result_version set status = 'corrected', is_current = false, ended_at = now()",
        "delete from result_version",
    ):
        await refused_by(superuser, final, statement)
    await refused_by(superuser, "ck_result_version_append_only", "truncate result_version cascade")
    await refused_by(superuser, "ck_result_append_only", "delete from result")
    await refused_by(superuser, "ck_result_append_only", "update result set quantity = 'x'")
    await refused_by(superuser, "ck_raw_file_append_only", "update raw_file set content = ''")
    await refused_by(superuser, "ck_assay_run_released_is_immutable", "update assay_run set kit_lot = 'x'")
    assert (
        await superuser.fetchval("select count(*) from result_version where value = 100 and status = 'released'") == 2
    )


async def test_a_result_belongs_to_whom_the_tube_belongs(api, database, world, superuser):
    bench = await ready(api, database, world)
    await imported(api, bench, FILE)
    other = await ready(api, database, world, name="run-2")
    await recorded(superuser)
    await refused_by(
        superuser,
        "fk_result_specimen_participant",
        "insert into result (study_id, run_id, well_id, specimen_id, participant_id, analyte_id, quantity) "
        "select study_id, run_id, well_id, specimen_id, $1, analyte_id, 'Mean' from result limit 1",
        other.material.participant_id,
    )


async def import_by(database, world, user, run, content):
    command = importing.file_command("export.csv", content)
    parsed = await reading.read("export.csv", content, format_key=None, limit=10_000_000)
    async with open_tx(database, await actor(database, world, user)) as tx:
        return await importing.import_file(tx, run, command, content, parsed)


async def test_two_imports_into_one_run_at_once_are_one(api, database, world, superuser):
    bench = await ready(api, database, world)
    views = await asyncio.gather(
        import_by(database, world, "technician", bench.run, FILE),
        import_by(database, world, "technician2", bench.run, FILE),
    )
    assert {view.results["preliminary"] for view in views} == {3}
    assert await superuser.fetchval("select count(*) from result") == 3
    assert await superuser.fetchval("select count(*) from raw_file") == 1


async def test_one_file_into_two_runs_at_once_goes_into_one(api, database, world, superuser):
    first, second = await ready(api, database, world), await ready(api, database, world, name="run-2")
    outcomes = await asyncio.gather(
        import_by(database, world, "technician", first.run, FILE),
        import_by(database, world, "technician2", second.run, FILE),
        return_exceptions=True,
    )
    (refused,) = [one for one in outcomes if isinstance(one, DomainError)]
    assert isinstance(refused, FileAlreadyImported)
    assert refused.fields["run"] in {"run-1", "run-2"}
    assert await superuser.fetchval("select count(*) from result") == 3
    assert await superuser.fetchval("select count(*) from assay_run where status = 'parsed'") == 1
