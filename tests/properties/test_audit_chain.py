"""Tampering with the audit trail, every way that SQL allows a superuser: verification names the row."""

import json

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank.audit.canonical import GENESIS, digest, digest_sql, exported, link, pack
from biobank.audit.seal import Sealed, seal
from biobank.audit.verify import SealRow, check_chain, export, verify, verify_export
from biobank.participant import commands
from biobank.tx import open_tx
from tests.material import actor, make_material


def chain(sizes: list[int]) -> tuple[list[SealRow], dict[int, bytes]]:
    """A sound chain with a seal of each size."""
    entries: dict[int, bytes] = {}
    seals: list[SealRow] = []
    previous, next_id = GENESIS, 1
    for number, size in enumerate(sizes, start=1):
        items = [(entry_id, digest([str(entry_id), "body"])) for entry_id in range(next_id, next_id + size)]
        entries.update(items)
        packed = pack(items)
        seals.append(SealRow(number, next_id - 1, packed, previous, link(previous, next_id - 1, packed)))
        previous, next_id = seals[-1].hash, next_id + size
    return seals, entries


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.data())
def test_any_single_change_of_an_entry_is_named(sizes, data):
    seals, entries = chain(sizes)
    victim = data.draw(st.sampled_from(sorted(entries)))
    match data.draw(st.sampled_from(["edit", "delete", "insert", "swap"])):
        case "edit":
            entries[victim] = digest([str(victim), "other"])
        case "delete":
            del entries[victim]
        case "insert":
            victim = 0
            entries[victim] = digest(["forged"])
        case _:
            other = data.draw(st.sampled_from(sorted(entries)))
            if other == victim:
                return
            entries[victim], entries[other] = entries[other], entries[victim]
    verdict = check_chain(seals, entries)
    assert f"audit_entry {victim}" in {fault.where for fault in verdict.faults}


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.data())
def test_any_change_of_a_seal_is_found(sizes, data):
    seals, entries = chain(sizes)
    at = data.draw(st.integers(0, len(seals) - 1))
    victim = seals[at]
    match data.draw(
        st.sampled_from(
            ["content", "settled", "hash", "previous", "swap", *(["remove"] if at < len(seals) - 1 else [])]
        )
    ):
        case "content":
            seals[at] = SealRow(
                victim.number, victim.settled_id, pack([(1, bytes(32))]), victim.previous_hash, victim.hash
            )
        case "settled":
            seals[at] = SealRow(victim.number, victim.settled_id + 1, victim.entries, victim.previous_hash, victim.hash)
        case "hash":
            seals[at] = SealRow(victim.number, victim.settled_id, victim.entries, victim.previous_hash, bytes(32))
        case "previous":
            seals[at] = SealRow(victim.number, victim.settled_id, victim.entries, b"\1" * 32, victim.hash)
        case "remove":
            del seals[at]
        case _:
            other = seals[at - 1]
            seals[at], seals[at - 1] = other, victim
    verdict = check_chain(seals, entries)
    assert not verdict.sound


def test_a_sound_chain_has_no_fault_and_counts_what_is_not_sealed_yet():
    seals, entries = chain([3, 2])
    entries[6] = digest(["fresh"])
    verdict = check_chain(seals, entries)
    assert (verdict.sound, verdict.seals, verdict.entries, verdict.unsealed) == (True, 2, 5, 1)
    assert verdict.head == seals[-1].hash.hex()


def test_an_entry_sealed_twice_is_a_fault():
    seals, entries = chain([1])
    packed = seals[0].entries
    again = SealRow(2, 1, packed, seals[0].hash, link(seals[0].hash, 1, packed))
    assert [fault.what for fault in check_chain([*seals, again], entries).faults] == ["is sealed twice"]


@pytest.fixture
async def sealed(database, world, dsn):
    """A database with deeds in it, sealed twice over, and a superuser's connection whose triggers are off."""
    await make_material(database, world, tubes=2)
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
    await seal(connection, batch=7)
    while not await connection.fetchval(
        "select max(settled_id) > 30 from audit_seal"
    ):  # other tests' transactions hold it back
        await make_material(database, world, tubes=1)
        await seal(connection)
    assert (await verify(connection)).sound
    await connection.execute("set session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("update audit_entry set body = '{}' where id = 20", "audit_entry 20"),
        ("update audit_entry set actor_id = 1 where id = 21", "audit_entry 21"),
        ("update audit_entry set at = at + interval '1 second' where id = 22", "audit_entry 22"),
        ("delete from audit_entry where id = 23", "audit_entry 23"),
        (
            "update audit_entry a set body = b.body from audit_entry b where a.id in (24, 25) and b.id = 49 - a.id",
            "audit_entry 24",
        ),
        ("delete from audit_seal where number = 2", "audit_seal 3"),
        ("update audit_seal set entries = substr(entries, 41) where number = 2", "audit_seal 2"),
        ("update specimen set quality = 'rejected' where id = (select min(id) from specimen)", "specimen "),
        ("update participant set status = 'deceased' where id = (select min(id) from participant)", "participant "),
        ("delete from quantity_ledger where id = (select min(id) from quantity_ledger)", "quantity_ledger "),
        ("insert into analyte (code, title) values ('X', 'forged')", "analyte "),
    ],
)
async def test_what_a_superuser_tampers_with_is_named(sealed, tampering, named):
    await sealed.execute(tampering)
    verdict = await verify(sealed)
    assert any(fault.where.startswith(named) for fault in verdict.faults), verdict.faults


async def test_an_entry_inserted_among_sealed_ones_is_named(sealed, database, world):
    gap = await sealed.fetchval("delete from audit_entry where id = 9 returning id")
    await sealed.execute(
        "insert into audit_entry (id, tx, kind, name, body) overriding system value "
        "values ($1, gen_random_uuid(), 'event', 'forged', '{}')",
        gap,
    )
    assert "audit_entry 9" in {fault.where for fault in (await verify(sealed)).faults}


async def test_a_row_that_came_back_after_its_delete_is_named(sealed):
    await sealed.execute("set session_replication_role = origin")
    await sealed.execute(
        "select set_config('biobank.actor', 'service', false), set_config('biobank.tx', gen_random_uuid()::text, false)"
    )
    await sealed.execute("insert into analyte (code, title) values ('GONE', 'to be deleted')")
    row = await sealed.fetchrow("delete from analyte where code = 'GONE' returning *")
    assert (await verify(sealed)).sound
    await sealed.execute("set session_replication_role = replica")
    await sealed.execute(
        "insert into analyte (id, code, title) overriding system value values ($1, 'GONE', 'to be deleted')", row["id"]
    )
    assert [fault.what for fault in (await verify(sealed)).faults] == [
        "is there although the trail says that it was deleted"
    ]


async def test_an_export_is_verified_without_a_database(sealed):
    lines = [line async for line in export(sealed)]
    assert verify_export(lines).sound
    at = next(number for number, line in enumerate(lines) if "material.made" in line)
    entry = json.loads(lines[at])["entry"]
    lines[at] = lines[at].replace("material.made", "material.lost")
    assert [fault.where for fault in verify_export(lines).faults] == [f"audit_entry {entry[0]}"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        '{"seal": {"number": 1}}',
        '{"entry": ["x"]}',
        '{"seal": {"number": 1, "settled_id": 0, "entries": "zz", "previous_hash": "", "hash": ""}}',
    ],
)
def test_a_line_that_is_not_of_an_export_is_named(line):
    with pytest.raises(ValueError, match="line 1 of the export"):
        verify_export([line])


async def test_a_transaction_that_commits_late_is_sealed_late(database, world, dsn):
    """An id taken before a seal and committed after it is neither lost nor called an insertion."""
    connection = await asyncpg.connect(dsn)
    coordinator = await actor(database, world, "coordinator")
    slow = open_tx(database, coordinator)
    tx = await slow.__aenter__()
    await commands.enrol(tx, commands.Enrol(study="LLS", site="CHI", enrolled_on="2026-01-05"))
    await make_material(database, world, tubes=1)
    await seal(connection)
    await slow.__aexit__(None, None, None)
    verdict = await verify(connection)
    assert verdict.sound, verdict.faults
    assert verdict.unsealed > 0
    assert (await seal(connection)).entries == verdict.unsealed
    assert (await verify(connection)).unsealed == 0
    await connection.close()


async def test_only_one_process_seals_at_a_time(database, world, dsn):
    await make_material(database, world, tubes=1)
    first, second = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    async with first.transaction():
        await first.execute("select pg_advisory_xact_lock($1)", 0x5EA1)
        assert (await seal(second)).seals == 0
    assert (await seal(second)).entries > 0
    assert await seal(second) == Sealed(0, 0)
    await first.close()
    await second.close()


@pytest.mark.parametrize(
    "body",
    ["{}", '{"a": "\\"quoted\\" \\\\ and / slash"}', "tab\tline\r\nfeed\f\b", "\x01\x1f\x7f", "µ → 🧪\u2028\u2029", ""],
)
async def test_the_database_and_python_digest_an_entry_alike(superuser, world, body):
    row = await superuser.fetchrow(
        "insert into audit_entry (tx, at, kind, name, row_id, body) "
        "values (gen_random_uuid(), '2026-03-31 23:59:59.000120-05', 'event', $1, -7, $1) returning *",
        body,
    )
    computed = await superuser.fetchval(f"select {digest_sql()} from audit_entry where id = $1", row["id"])
    assert computed == digest(exported(row))
