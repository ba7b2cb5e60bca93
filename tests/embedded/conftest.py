"""Folders and processes that use an embedded server; what a test leaves running is ended with it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from embedded_holders import HOLDER, ROOT, Hold, Holder

from biobank.embedded import find_binaries, start


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
