"""Folders and processes that use an embedded server; what a test leaves running is ended with it."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from biobank.embedded import find_binaries, start

ROOT = Path(__file__).parents[2]
HOLDER = Path(__file__).with_name("holder.py")


def installed() -> list[Path]:
    """Programs of PostgreSQL on this machine: those that would be used, and the distribution's."""
    return sorted({find_binaries(), *(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres"))})


@pytest.fixture(params=installed(), ids=lambda path: "-".join(path.parts[-3:-1]))
def pg_bin(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder with a short path that every user may enter (the test framework's own is neither)."""
    parent = Path(tempfile.mkdtemp(prefix="embedded-", dir="/var/tmp"))
    parent.chmod(0o755)
    yield parent / "data"
    shutil.rmtree(parent)


@pytest.fixture(scope="session")
def templates() -> Iterator[dict[Path, Path]]:
    """Per folder of programs, a data folder with a fresh cluster, for the tests that are not about making one."""
    made: dict[Path, Path] = {}
    yield made
    for path in made.values():
        shutil.rmtree(path)


@pytest.fixture
def made(data: Path, templates: dict[Path, Path], request: pytest.FixtureRequest) -> Path:
    """A data folder in which a cluster was made, of the programs the test names."""
    folder = request.getfixturevalue("pg_bin") if "pg_bin" in request.fixturenames else find_binaries()
    if folder not in templates:
        template = Path(tempfile.mkdtemp(prefix="embedded-", dir="/var/tmp"))
        start(template, pg_bin=folder).stop()
        templates[folder] = template
    shutil.copytree(templates[folder], data)
    return data


class Holder:
    """A process that holds a server."""

    def __init__(
        self,
        data: Path,
        pg_bin: Path,
        task: str,
        *,
        user: int | None,
        program: Sequence[str | Path],
        path: str | None,
    ) -> None:
        environment = {**os.environ, "PG_BIN": str(pg_bin)} | ({} if path is None else {"PATH": path})
        self.process = subprocess.Popen(
            [*program, data, task],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            text=True,
            user=user,
            group=None if user is None else pwd.getpwuid(user).pw_gid,
            extra_groups=None if user is None else [],
        )
        self.started: dict[str, Any] = {}

    def line(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr
            pytest.fail(f"the holder ended: {self.process.stderr.read()}")
        values: dict[str, Any] = json.loads(line)
        return values

    def leave(self) -> None:
        """Stop in order; what it says on the way out is a fault."""
        _, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, "")

    def kill(self) -> None:
        if self.process.stdin and not self.process.stdin.closed:
            self.process.kill()
            self.process.communicate()


Hold = Callable[..., Holder]


@pytest.fixture
def hold(data: Path) -> Iterator[Hold]:
    """Start another process that uses the server of a data folder."""
    holders: list[Holder] = []

    def begin(
        pg_bin: Path | None = None,
        task: str = "hold",
        *,
        user: int | None = None,
        program: Sequence[str | Path] = (sys.executable, HOLDER, ROOT),
        path: str | None = None,
        wait: bool = True,
    ) -> Holder:
        holders.append(Holder(data, pg_bin or find_binaries(), task, user=user, program=program, path=path))
        if wait:
            holders[-1].started = holders[-1].line()
        return holders[-1]

    yield begin
    for holder in holders:
        holder.kill()
