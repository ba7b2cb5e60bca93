"""One server: how it is set up and addressed, and what it says when it cannot start."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from biobank.embedded import BinariesNotFound, EmbeddedError, InitFailed, StartFailed, find_binaries, start

CLUSTER = "postgresql"


async def test_set_up(data: Path, pg_bin: Path) -> None:
    with start(data, pg_bin=pg_bin, options={"fsync": "off"}) as server:
        server.create_database("lab")
        server.create_database("lab")
        connection = await asyncpg.connect(server.url("lab"))
        try:
            for setting, value in {
                "listen_addresses": "",
                "server_encoding": "UTF8",
                "fsync": "off",
                "unix_socket_permissions": "0700",
            }.items():
                assert await connection.fetchval("SELECT current_setting($1)", setting) == value
            assert await connection.fetchval("SELECT current_user") == "biobank"
            assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            assert await connection.fetchval("SELECT lower('É')") == "é"
            assert await connection.fetchval("SELECT 'Z' < 'a' AND 'z' < 'é'"), "sorted by code point"
        finally:
            await connection.close()
        assert server.socket_dir == data / CLUSTER


async def test_url_for_sqlalchemy_and_psql(made: Path) -> None:
    name = 'odd "name"; % é'
    with start(made) as server:
        server.create_database(name)
        engine = create_async_engine(server.url(name).replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT current_database()")) == name
        await engine.dispose()
        psql = await asyncio.create_subprocess_exec(
            server.bin / "psql", "-XAtc", "SELECT current_database()", server.url(name), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await psql.communicate()
        assert said.decode().strip() == name


@pytest.fixture(params=[60, 100, 240])
def long(made: Path, request: pytest.FixtureRequest) -> Path:
    """A data folder whose path has about so many bytes more."""
    path = made.parent / ("d" * (request.param // 2)) / ("é" * (request.param // 4))
    path.parent.mkdir()
    return made.rename(path)


async def test_long_paths(long: Path) -> None:
    """The address of a socket holds about 100 bytes; a data folder's path may be longer."""
    with start(long) as server:
        assert len(str(server.socket_dir)) < 100
        assert server.socket_dir.samefile(long / CLUSTER)
        connection = await asyncpg.connect(server.url("postgres"))
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    if server.socket_dir != long / CLUSTER:
        assert not server.socket_dir.parent.exists()


def test_a_setting_postgresql_refuses(made: Path) -> None:
    with pytest.raises(StartFailed) as refused:
        start(made, options={"shared_buffers": "much"})
    assert 'invalid value for parameter "shared_buffers"' in refused.value.log
    assert refused.value.place == made / "postgresql.log"
    with start(made):
        pass


def test_a_database_that_cannot_be_created(made: Path) -> None:
    with start(made) as server, pytest.raises(StartFailed, match="zero-length"):
        server.create_database("")


def test_a_folder_that_is_no_database(data: Path) -> None:
    (data / CLUSTER).mkdir(parents=True)
    (data / CLUSTER / "notes.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="does not hold a PostgreSQL database") as refused:
        start(data)
    assert refused.value.place == data / CLUSTER
    assert (data / CLUSTER / "notes.txt").read_text() == "mine"


def test_initdb_says_why(data: Path, tmp_path: Path) -> None:
    real = find_binaries()
    for name in ("postgres", "psql"):
        (tmp_path / name).symlink_to(real / name)
    (tmp_path / "initdb").write_text("#!/bin/sh\necho the disk is full >&2\nexit 1\n")
    (tmp_path / "initdb").chmod(0o755)
    with pytest.raises(InitFailed, match="the disk is full"):
        start(data, pg_bin=tmp_path)
    assert not list(data.glob("postgresql.new-*"))
    assert not (data / CLUSTER).exists()


def test_named_binaries_are_used_or_refused(pg_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(pg_bin))
    assert find_binaries() == pg_bin
    with pytest.raises(BinariesNotFound, match="postgres, initdb, psql"):
        find_binaries(tmp_path)
    for name in ("postgres", "initdb", "psql"):
        (tmp_path / name).write_text('#!/bin/sh\necho "postgres (PostgreSQL) 13.4"\n')
        (tmp_path / name).chmod(0o755)
    with pytest.raises(BinariesNotFound, match="are PostgreSQL 13") as refused:
        find_binaries(tmp_path)
    assert refused.value.place == tmp_path
