"""A throw-away house for benchmarks: a real embedded PostgreSQL that syncs to disk, a study with N aliquots in boxes,
a real server.
"""

import asyncio
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import psutil

import migrations
from benchmarks import say
from biobank import embedded, ids, migrate
from biobank.access import commands as access
from biobank.actor import SERVICE
from biobank.db import Database
from biobank.protocol import commands as protocol
from biobank.protocol.document import Document, VisitSpec
from biobank.study import commands as study
from biobank.tx import open_tx

ROLE = "biobank_app"
BOX = 81
FREEZERS = 500
RACKS = 5
"""In each freezer."""
HELD = 66_000
FEWEST = 20_000
SPARE_BOXES = 120
"""More than one for each station, and for each connection, that begins a box of its own."""
CHUNK = 50_000
_MADE, _RUN = "bench_made", "bench"


@dataclass(frozen=True)
class House:
    """`codes` are ids of tubes in boxes and `held` of those on the technician's bench, in no order; `boxes` the ids of
    empty boxes; `token` is a technician's.
    """

    dsn: str
    bin: Path
    port: int
    token: str
    codes: list[str]
    held: list[str]
    boxes: list[str]
    server: psutil.Process


@contextmanager
def house(aliquots: int, kept: Path | None = None) -> Iterator[House]:
    """A house of its own for one run. It is removed afterwards; in the folder `kept` the filled database stays and each
    run works on a copy of it, so that the next run need not fill.

    Always of one shape: half of the tubes, at most `HELD`, lie on the technician's bench, the others stand in boxes in
    `FREEZERS` freezers, and there are empty boxes for all that lie on the bench.
    """
    folder = Path(tempfile.mkdtemp(prefix="biobank-bench-")) if kept is None else kept.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with embedded.start(folder / "data", options={"shared_buffers": "512MB", "max_wal_size": "4GB"}) as server:
            told = _filled(server, folder, max(aliquots, FEWEST))
            _admin(server, f"drop database if exists {_RUN} with (force)")
            _admin(server, f"create database {_RUN} template {_MADE} strategy file_copy")
            dsn = server.url(_RUN)
            stored, held, boxes = asyncio.run(_codes(dsn))
            try:
                with served(dsn, folder) as (port, process):
                    yield House(dsn, server.bin, port, told["token"], stored, held, boxes, process)
            finally:
                _admin(server, f"drop database if exists {_RUN} with (force)")
    finally:
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


def _filled(server: embedded.EmbeddedServer, folder: Path, aliquots: int) -> dict[str, Any]:
    """What is told of the filled database: made now, unless one of this size and of this schema is there."""
    note = folder / "house.json"
    scripts = sorted(
        (*Path(migrations.__file__).parent.rglob("*.sql"), *Path(migrations.__file__).parent.rglob("0*.py"))
    )
    schema = hashlib.sha256(b"".join(script.read_bytes() for script in scripts)).hexdigest()
    if note.is_file():
        told: dict[str, Any] = json.loads(note.read_text())
        if (told["aliquots"], told["schema"]) == (aliquots, schema):
            return told
        note.unlink()
    _admin(server, f"drop database if exists {_MADE} with (force)")
    server.create_database(_MADE)
    asyncio.run(migrate.upgrade(server.url(_MADE), role=ROLE))
    in_hand = min(aliquots // 2, HELD)
    token = asyncio.run(_fill(server.url(_MADE), aliquots, in_hand))
    told = {"aliquots": aliquots, "schema": schema, "token": token}
    note.touch(mode=0o600)
    note.write_text(json.dumps(told))
    return told


def _admin(server: embedded.EmbeddedServer, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


async def _codes(dsn: str) -> tuple[list[str], list[str], list[str]]:
    """Tubes in boxes and tubes on the bench, in no order, and empty boxes."""
    connection = await asyncpg.connect(dsn)
    try:
        tubes = (
            "select s.code from custody u join specimen s on s.id = u.specimen_id where u.{} is not null order by s.id"
        )
        stored, held = [
            [row["code"] for row in await connection.fetch(tubes.format(place))]
            for place in ("container_id", "holder_id")
        ]
        boxes = await connection.fetch(
            "select c.code from container c join container_type t on t.id = c.type_id where t.level = 'box' "
            "and not exists (select from custody u where u.container_id = c.id) order by c.id"
        )
    finally:
        await connection.close()
    shuffle = random.Random(1).shuffle  # noqa: S311  # made-up data
    shuffle(stored), shuffle(held)
    return stored, held, [row["code"] for row in boxes]


async def _fill(dsn: str, aliquots: int, in_hand: int) -> str:
    async with Database.open(dsn, role=ROLE, size=2) as database, open_tx(database, SERVICE) as tx:
        await study.create_study(tx, study.CreateStudy(code="BENCH", title="Benchmark"))
        plan = Document(study="BENCH", visits=(VisitSpec(code="BASE", title="Baseline", day=0),))
        draft = await protocol.import_document(tx, "BENCH", plan)
        from_the_start = protocol.PublishDraft(row_version=draft.head.row_version, effective_from=date(2020, 1, 1))
        await protocol.publish_draft(tx, "BENCH", from_the_start)
        site = {
            "code": "LAB",
            "name": "Laboratory",
            "country": "US",
            "timezone": "America/New_York",
            "address": "-",
            "contact": "Desk",
            "phone": "000",
        }
        await study.add_site(tx, "BENCH", study.AddSite(**site))
        await access.create_user(tx, access.CreateUser(username="technician", display_name="Technician"))
        await access.grant_role(tx, "technician", access.GrantRole(role="technician", study="BENCH", site="LAB"))
        token = (await access.create_token(tx, "technician", access.CreateToken(name="bench"))).token
    connection = await asyncpg.connect(dsn)
    try:
        await _inventory(connection, aliquots, in_hand)
    finally:
        await connection.close()
    return token


_TABLES = ("participant", "visit", "collection_event", "container", "specimen")
_SPECIMEN = [
    "id",
    "code",
    "study_id",
    "site_id",
    "participant_id",
    "collection_event_id",
    "level",
    "specimen_type",
    "tube_type",
    "unit",
    "quantity",
]
_CUSTODY = ["specimen_id", "container_id", "row", "col", "holder_id", "site_id", "since"]
_FINISH = """
create table bench_commit (id bigint generated always as identity primary key, text text);
insert into identifier (namespace, value, container_id) select 'house', code, id from container;
insert into identifier (namespace, value, participant_id) select 'house', code, id from participant;
insert into custody_history (specimen_id, container_id, row, col, holder_id, site_id, since, tx)
select specimen_id, container_id, row, col, holder_id, site_id, since, gen_random_uuid() from custody;
insert into container_place (container_id, parent_id, slot_row, slot_col, since, tx)
select id, parent_id, slot_row, slot_col, placed_at, gen_random_uuid() from container;
insert into container_path (container_id, ancestors)
with recursive down(id, ancestors) as (
    select id, array[id] from container where parent_id is null
    union all select c.id, d.ancestors || c.id from down d join container c on c.parent_id = d.id
) select id, ancestors from down;
insert into box_count (container_id, tubes)
select container_id, count(*) from custody where container_id is not null group by container_id;
"""


async def _inventory(connection: asyncpg.Connection, aliquots: int, in_hand: int) -> None:
    """N aliquots of N / 150 participants by COPY, with the triggers off: what is measured is what comes afterwards."""
    rng = random.Random(1)  # noqa: S311  # made-up data
    now = datetime.now(UTC)
    user = await connection.fetchval("select id from app_user")
    await connection.execute("set session_replication_role = replica")
    for table in _TABLES:
        await connection.execute(f"alter table {table} alter column id set generated by default")
    people = await _people(connection, rng, max(1, aliquots // 150), user, now)
    stored = aliquots - in_hand
    boxes = await _containers(connection, rng, -(-stored // BOX) + in_hand // BOX + SPARE_BOXES)
    for begin in range(0, aliquots, CHUNK):
        numbers = range(begin, min(aliquots, begin + CHUNK))
        fresh = [ids.mint(ids.Kind.TUBE, rng) for _ in numbers]
        tubes = [
            (n + 1, code, 1, 1, n // 150 % people + 1, n // 150 % people + 1, "aliquot", "SER", "CRYO05", "uL", 500)
            for n, code in zip(numbers, fresh, strict=True)
        ]
        named = [("house", code, n + 1) for n, code in zip(numbers, fresh, strict=True)]
        places = [_bench(n, user, now) if n >= stored else _position(n, boxes[n // BOX], now) for n in numbers]
        await connection.copy_records_to_table("specimen", columns=_SPECIMEN, records=tubes)
        await connection.copy_records_to_table(
            "identifier", columns=["namespace", "value", "specimen_id"], records=named
        )
        await connection.copy_records_to_table("custody", columns=_CUSTODY, records=places)
        say(f"  aliquots: {numbers[-1] + 1:,} of {aliquots:,}")
    await connection.execute(_FINISH)
    for table in _TABLES:
        await connection.execute(
            f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))"
        )
        await connection.execute(f"alter table {table} alter column id set generated always")
    await connection.execute("vacuum analyze")
    await connection.execute("checkpoint")


async def _people(connection: asyncpg.Connection, rng: random.Random, people: int, user: int, now: datetime) -> int:
    """Participants with one visit and one collection each; all three have the same ids, from 1."""
    visit_type = await connection.fetchval("select id from visit_type")
    numbers, day = range(1, people + 1), now.date()
    await connection.copy_records_to_table(
        "participant",
        columns=["id", "code", "study_id", "site_id", "enrolled_on", "t0"],
        records=[(n, ids.mint(ids.Kind.PARTICIPANT, rng), 1, 1, day, day) for n in numbers],
    )
    await connection.copy_records_to_table(
        "visit",
        columns=["id", "participant_id", "study_id", "site_id", "visit_type_id", "status", "occurred_on"],
        records=[(n, n, 1, 1, visit_type, "done", day) for n in numbers],
    )
    await connection.copy_records_to_table(
        "collection_event",
        columns=["id", "visit_id", "participant_id", "collected_at", "timezone", "recorded_by"],
        records=[(n, n, n, now, "America/New_York", user) for n in numbers],
    )
    return people


async def _containers(connection: asyncpg.Connection, rng: random.Random, boxes: int) -> list[int]:
    """Freezers full of racks full of boxes: the ids of the boxes in order."""
    types = {row["code"]: row["id"] for row in await connection.fetch("select code, id from container_type")}
    rows: list[tuple[Any, ...]] = []

    def place(kind: str, letter: ids.Kind, name: str, parent: int | None, parent_kind: str | None) -> int:
        parent_type = None if parent_kind is None else types[parent_kind]
        rows.append((len(rows) + 1, ids.mint(letter, rng), name, types[kind], parent, parent_type, 1, "-80"))
        return len(rows)

    found: list[int] = []
    facility = place("FACILITY", ids.Kind.LOCATION, "Repository", None, None)
    on_a_rack = max(1, -(-boxes // (FREEZERS * RACKS)))
    while len(found) < boxes:
        freezer = place("ULT", ids.Kind.LOCATION, f"Freezer {len(rows)}", facility, "FACILITY")
        for rack_number in range(1, RACKS + 1):
            rack = place("RACK", ids.Kind.RACK, f"Rack {rack_number}", freezer, "ULT")
            found += [
                place("BOX81", ids.Kind.BOX, f"Box {box_number}", rack, "RACK")
                for box_number in range(1, min(on_a_rack, boxes - len(found)) + 1)
            ]
    columns = ["id", "code", "name", "type_id", "parent_id", "parent_type_id", "site_id", "temperature_class"]
    await connection.copy_records_to_table("container", columns=columns, records=rows)
    return found


def _position(number: int, box: int, now: datetime) -> tuple[Any, ...]:
    return (number + 1, box, number % BOX // 9, number % 9, None, 1, now)


def _bench(number: int, user: int, now: datetime) -> tuple[Any, ...]:
    return (number + 1, None, None, None, user, 1, now)


@contextmanager
def served(dsn: str, folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The service as `biobank serve` runs it, in a process of its own, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "BIOBANK_DATABASE_URL": dsn,
        "BIOBANK_DATA": str(folder / "none"),
        "BIOBANK_PORT": str(port),
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "biobank.cli", "serve"], env=environment, stdout=log, stderr=log
        )
        try:
            _await_port(port, process, folder / "server.log")
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(40)


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server stopped at once:\n{log.read_text()[-3000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not answer within 60 s")
