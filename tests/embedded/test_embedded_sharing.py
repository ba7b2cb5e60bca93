"""Several processes share one server; however they end, nothing committed is lost and nothing is left running."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import asyncpg
import pytest
from embedded_holders import Hold

from biobank.embedded import EmbeddedServer, OtherMajorVersion, find_binaries, major_version, start
from biobank.embedded.cluster import running

CLUSTER = "postgresql"


def await_stopped(data: Path) -> None:
    deadline = time.monotonic() + 30
    while running(data / CLUSTER) is not None:
        assert time.monotonic() < deadline, "the server still runs"
        time.sleep(0.01)


def watcher_of(data: Path) -> int:
    """The process that waits for the last user of a data folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_text()
            if "biobank.embedded.watcher" in command and f"\0{data}\0" in command:
                return int(process.name)
    pytest.fail("the data folder has no watcher")


async def count(server: EmbeddedServer) -> int:
    connection = await asyncpg.connect(server.url("thread"))
    try:
        number: int = await connection.fetchval("SELECT count(*) FROM tube")
        return number
    finally:
        await connection.close()


async def test_two_processes_share_one_server(made: Path, pg_bin: Path, hold: Hold) -> None:
    first, second = hold(pg_bin), hold(pg_bin)
    assert first.started["server"] == second.started["server"]
    assert second.started["seconds"] < first.started["seconds"]
    first.leave()  # the one that started it leaves, the other goes on
    connection = await asyncpg.connect(second.started["url"])
    assert await connection.fetchval("SELECT current_user") == "biobank"
    await connection.close()
    second.leave()
    assert running(made / CLUSTER) is None
    assert not (made / CLUSTER / "postmaster.pid").exists()


async def test_the_owner_is_killed_while_writing(made: Path, pg_bin: Path, hold: Hold) -> None:
    owner = hold(pg_bin, "write")
    committed = 0
    while committed < 200:
        committed = owner.line()["number"]
    owner.kill()
    with start(made, pg_bin=pg_bin) as server:
        assert await count(server) > committed
    await_stopped(made)


async def test_the_owner_is_killed_while_another_uses_the_server(made: Path, hold: Hold) -> None:
    owner = hold(task="write")
    other = hold()
    owner.line()
    owner.kill()
    connection = await asyncpg.connect(other.started["url"])
    assert await connection.fetchval("SELECT count(*) FROM tube") >= 1
    await connection.close()
    other.kill()  # the last one too: nobody is left who could stop the server, except the watcher
    await_stopped(made)


async def test_everything_is_killed(made: Path, pg_bin: Path, hold: Hold) -> None:
    """As when the machine stops: owner, watcher and server at once, with a process id that is somebody else's later."""
    owner = hold(pg_bin, "write")
    committed = [owner.line()["number"] for _ in range(50)][-1]
    watcher = watcher_of(made)
    os.kill(owner.started["server"], signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it may have seen that the server is gone
        os.kill(watcher, signal.SIGKILL)
    owner.kill()
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        path = made / CLUSTER / name
        first, *others = path.read_text().splitlines()
        assert int(first) == owner.started["server"]
        path.write_text("\n".join([str(os.getpid()), *others, ""]))
    with start(made, pg_bin=pg_bin) as server:
        assert await count(server) > committed


def test_starts_at_the_same_time_wait_for_the_first(data: Path, hold: Hold) -> None:
    holders = [hold(wait=False) for _ in range(3)]
    assert len({holder.line()["server"] for holder in holders}) == 1
    for holder in holders:
        holder.leave()
    assert running(data / CLUSTER) is None


def test_starts_in_threads_wait_for_the_first(data: Path) -> None:
    servers: list[EmbeddedServer] = []
    threads = [threading.Thread(target=lambda: servers.append(start(data))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(servers) == 3
    for server in servers:
        assert running(data / CLUSTER) is not None
        server.stop()
        server.stop()
    assert running(data / CLUSTER) is None


def test_a_killed_initdb_leaves_nothing_in_the_way(data: Path, hold: Hold) -> None:
    first = hold(wait=False)
    deadline = time.monotonic() + 30
    while not list(data.glob("postgresql.new-*/PG_VERSION")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    first.kill()
    assert not (data / CLUSTER).exists()
    with start(data):
        assert not list(data.glob("postgresql.new-*"))


def test_another_major_version_is_named(made: Path) -> None:
    used = major_version(find_binaries())
    with start(made):
        pass
    (made / CLUSTER / "PG_VERSION").write_text(f"{used - 1}\n")
    with pytest.raises(OtherMajorVersion) as refused:
        start(made)
    assert (refused.value.found, refused.value.expected, refused.value.place) == (used - 1, used, made / CLUSTER)
    for words in (f"PostgreSQL {used - 1}", f"PostgreSQL {used}", "biobank backup", "biobank restore"):
        assert words in str(refused.value)
    assert running(made / CLUSTER) is None
