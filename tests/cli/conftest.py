"""A data folder whose server these tests hold, and databases in it that are a copy of a migrated one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from commandline import PASSWORD, CommandLine, sql

from biobank import embedded


def short_folder() -> Path:
    """A folder that every user may enter and whose path is short enough for a socket; the framework's is neither."""
    folder = Path(tempfile.mkdtemp(prefix="cli-", dir="/var/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    made = short_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """The embedded server of a data folder where `migrate` was run; held, so that commands join it."""
    parent = short_folder()
    with embedded.start(parent / "data", options={"fsync": "off", "synchronous_commit": "off"}) as held:
        done = CommandLine(data=parent / "data")("migrate")
        assert "Bringing the database to this version" in done.stderr
        held.data = parent / "data"
        CommandLine(data=parent / "data", password=PASSWORD)(
            "user", "create", "root.admin", "--name", "Root Admin", "--role", "administrator"
        )
        # A copy that nothing writes to: what a test does in the folder's own database is not seen by the next.
        sql(held.url("postgres"), "create database pristine template biobank")
        yield held
    shutil.rmtree(parent)


@pytest.fixture
def dsn(server: Any) -> Iterator[str]:
    """A copy of the migrated database with one administrator, `root.admin`, for one test."""
    name = f"cli_{uuid4().hex}"
    sql(server.url("postgres"), f"create database {name} template pristine")
    yield server.url(name)
    sql(server.url("postgres"), f"drop database {name} with (force)")


@pytest.fixture
def line(server: Any, dsn: str, folder: Path) -> CommandLine:
    """Commands on that copy, with PostgreSQL's programs beside the server."""
    assert urlsplit(dsn).password is None
    made = CommandLine(database_url=dsn, data=folder / "data")
    made.environment["PG_BIN"] = str(server.bin)
    return made
