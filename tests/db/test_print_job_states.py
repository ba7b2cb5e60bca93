"""What the database holds of print jobs by itself: the order of their states, their snapshot, one at a printer."""

import asyncpg
import pytest

from tests.material import make_material
from tests.printing_steps import add_printer, order

STATES = ("queued", "sent", "acknowledged", "verified", "unknown", "failed", "cancelled")
ALLOWED = {
    ("queued", "sent"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("sent", "acknowledged"),
    ("sent", "unknown"),
    ("sent", "verified"),
    ("unknown", "acknowledged"),
    ("unknown", "verified"),
    ("unknown", "failed"),
    ("acknowledged", "verified"),
    ("acknowledged", "failed"),
}
WAYS = {
    "queued": (),
    "sent": ("sent",),
    "acknowledged": ("sent", "acknowledged"),
    "verified": ("sent", "verified"),
    "unknown": ("sent", "unknown"),
    "failed": ("failed",),
    "cancelled": ("cancelled",),
}


@pytest.fixture
async def queued(api, database, world, superuser):
    """Two jobs at one printer, and a connection that acts as the service does."""
    tubes = (await make_material(database, world, tubes=2)).tubes
    key = await add_printer(api, 9100)
    for tube in tubes:
        await order(api, [tube], key)
    await superuser.execute(
        "select set_config('biobank.tx', gen_random_uuid()::text, false), "
        "set_config('biobank.actor', 'service', false), set_config('biobank.request', '', false), "
        "set_config('biobank.channel', 'service', false)"
    )
    return superuser, list(await superuser.fetch("select id from print_job order by id"))


async def become(connection, job, state):
    sent = ", sent_at = coalesce(sent_at, now())" if state in ("sent", "acknowledged", "verified", "unknown") else ""
    await connection.execute(f"update print_job set status = '{state}'{sent} where id = $1", job["id"])


async def test_a_job_takes_no_step_that_is_none(queued):
    connection, (job, _) = queued
    for start in STATES:
        for goal in STATES:
            transaction = connection.transaction()
            await transaction.start()
            for step in WAYS[start]:
                await become(connection, job, step)
            if start == goal or (start, goal) in ALLOWED:
                await become(connection, job, goal)
            else:
                with pytest.raises(asyncpg.CheckViolationError) as refused:
                    await become(connection, job, goal)
                assert refused.value.constraint_name in (
                    "ck_print_job_follows_its_states",
                    "ck_print_job_sent_when_it_was_sent",
                ), (start, goal)
            await transaction.rollback()


async def test_one_job_at_a_time_is_sent_to_a_printer(queued):
    connection, (first, second) = queued
    await become(connection, first, "sent")
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await become(connection, second, "sent")
    assert refused.value.constraint_name == "uq_print_job_one_at_a_printer"
    await become(connection, first, "unknown")
    await become(connection, second, "sent")


NEW = """insert into print_job
    (number, printer_id, site_id, transport, stock, dpi, templates, labels, requested_by, requested_at, status, sent_at)
    select gen_random_uuid(), printer_id, site_id, transport, stock, dpi, templates, 1, requested_by, requested_at, """


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "update print_job set stock = 'other', status = 'sent', sent_at = now()",
            "ck_print_job_snapshot_never_changes",
        ),
        ("update print_job set templates = '{}'", "ck_print_job_snapshot_never_changes"),
        ("update print_job set labels = 2", "ck_print_job_snapshot_never_changes"),
        ("update print_job set reason = 'x', copy_of = id", "ck_print_job_snapshot_never_changes"),
        ("update print_job_label set copy_no = 9", "ck_print_job_label_append_only"),
        ("delete from print_job_label", "ck_print_job_label_append_only"),
        ("delete from print_job_step", "ck_print_job_step_append_only"),
        ("update printer set kind = 'pull'", "ck_printer_kind_never_changes"),
        ("update printer set dpi = 204", "ck_printer_dpi"),
        ("update printer set host = null", "ck_printer_address_where_needed"),
        (f"{NEW} 'sent', now() from print_job limit 1", "ck_print_job_follows_its_states"),
        (f"{NEW} 'queued', null from print_job limit 1", "ck_print_job_whole"),
    ],
)
async def test_what_was_ordered_never_changes(queued, statement, constraint):
    connection, _ = queued
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await connection.execute(statement)
    assert refused.value.constraint_name == constraint


async def test_a_step_is_written_for_each_change_and_by_nobody_else(queued):
    connection, (job, _) = queued
    await become(connection, job, "sent")
    await connection.execute("update print_job set trouble = 'head_open' where id = $1", job["id"])
    await connection.execute("update print_job set detail = 'nothing new' where id = $1", job["id"])
    steps = await connection.fetch(
        "select status, trouble from print_job_step where job_id = $1 order by id", job["id"]
    )
    assert [tuple(step) for step in steps] == [("queued", None), ("sent", None), ("sent", "head_open")]
    await connection.execute("set role biobank_app")
    for table in ("print_job_step", "print_job_label"):
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(f"update {table} set job_id = job_id")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(
            "insert into print_job_step (job_id, status, printer_id) values ($1, 'verified', 1)", job["id"]
        )
    await connection.execute("reset role")
