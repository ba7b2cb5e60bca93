"""As whom the server runs: as root, where namespaces are forbidden too, and as an ordinary user."""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from embedded_holders import HOLDER, ROOT, Hold

from biobank.embedded import AccessDenied, start
from biobank.embedded.account import PRIVATE_COPIES

COLD_SECONDS = 30.0  # a loaded machine may be slow; the figures measured stand in docs/adr/0002-embedded-postgresql.md
WARM_SECONDS = 10.0

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes as other users")


@dataclass(frozen=True)
class Ordinary:
    """An ordinary user, and how they run the holder: with an interpreter and files they may read."""

    uid: int
    program: tuple[str | Path, ...]


@pytest.fixture
def ordinary(data: Path, pg_bin: Path) -> Ordinary:
    uid = pwd.getpwnam("nobody").pw_uid
    os.chown(data.parent, uid, -1)
    root = data.parent / "source"
    shutil.copytree(ROOT / "biobank" / "embedded", root / "biobank" / "embedded")
    shutil.copy(ROOT / "biobank" / "__init__.py", root / "biobank")
    shutil.copy(HOLDER, root)

    def runs(*command: str | Path) -> bool:
        try:
            return not subprocess.run(
                command, check=False, user=uid, extra_groups=[], cwd="/", capture_output=True
            ).returncode
        except PermissionError:
            return False

    if not runs(pg_bin / "postgres", "-V"):
        pytest.skip(f"the user nobody may not run the programs in {pg_bin}")
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if runs(python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
            return Ordinary(uid, (python, root / HOLDER.name, root))
    pytest.skip("the user nobody may not run any Python 3.11")


def times(name: str, cold: float, warm: float) -> None:
    print(f"{name}: cold {cold:.2f} s, warm {warm:.3f} s")  # noqa: T201 - shown by pytest -s
    assert cold < COLD_SECONDS
    assert warm < WARM_SECONDS


def test_as_whoever_runs_this(data: Path, pg_bin: Path, hold: Hold) -> None:
    seconds = []
    for _ in range(2):
        holder = hold(pg_bin)
        seconds.append(holder.started["seconds"])
        holder.leave()
    times(f"{pg_bin}, user {os.geteuid()}", *seconds)
    cluster = data / "postgresql"
    assert cluster.stat().st_mode & 0o777 == 0o700
    assert cluster.stat().st_uid == os.geteuid() or os.geteuid() == 0
    assert not (cluster / "postmaster.pid").exists(), "the last to leave shut it down in order"


@as_root
def test_as_an_ordinary_user(data: Path, pg_bin: Path, hold: Hold, ordinary: Ordinary) -> None:
    seconds = []
    for _ in range(2):
        holder = hold(pg_bin, user=ordinary.uid, program=ordinary.program)
        assert holder.started["user"] == ordinary.uid
        seconds.append(holder.started["seconds"])
        holder.leave()
    times(f"{pg_bin}, user {ordinary.uid}", *seconds)
    assert (data / "postgresql").stat().st_uid == ordinary.uid


@as_root
def test_as_root_without_namespaces(data: Path, pg_bin: Path, hold: Hold) -> None:
    """Without ``unshare`` an unprivileged user runs the server, though the parent folder is closed to them."""
    data.parent.chmod(0o700)
    seconds = []
    for _ in range(2):
        holder = hold(pg_bin, path="/nowhere")
        seconds.append(holder.started["seconds"])
        server = Path(f"/proc/{holder.started['server']}")
        assert server.stat().st_uid not in {0, None}
        holder.leave()
    times(f"{pg_bin}, root without namespaces", *seconds)
    assert (data / "postgresql").stat().st_uid != 0
    assert data.parent.stat().st_mode & 0o777 == 0o700, "no parent folder was opened"
    with start(data, pg_bin=pg_bin):  # and with namespaces again, the folder is used as the user it belongs to now
        assert (data / "postgresql").stat().st_uid != 0


@as_root
def test_programs_nobody_else_may_reach_are_copied(data: Path, hold: Hold) -> None:
    """The programs of a closed folder run as an unprivileged user from a copy, and the folder stays closed."""
    source = next(path for path in _copyable())
    closed = data.parent / "closed"
    closed.mkdir(mode=0o700)
    package = source.parent.parent
    for folder in package.parent.glob(f"{package.name}*"):  # and the folder of its shared libraries
        subprocess.run(["cp", "-a", folder, closed], check=True)
    before = set(PRIVATE_COPIES.glob("*"))
    try:
        holder = hold(closed / package.name / source.parent.name / "bin", path="/nowhere")
        program = Path(f"/proc/{holder.started['server']}/exe").resolve()
        assert program.is_relative_to(PRIVATE_COPIES)
        assert PRIVATE_COPIES.stat().st_mode & 0o777 == 0o711
        assert closed.stat().st_mode & 0o777 == 0o700
        holder.leave()
    finally:
        for made in set(PRIVATE_COPIES.glob("*")) - before:
            subprocess.run(["rm", "-r", made], check=True)


def _copyable() -> list[Path]:
    """Programs that find their own files beside them, which a distribution's, with files all over, do not."""
    from biobank.embedded import find_binaries

    found = find_binaries()
    if found.is_relative_to("/usr"):
        pytest.skip("only a distribution's PostgreSQL is installed, which every user may run")
    return [found]


@as_root
def test_a_folder_of_another_user_is_refused(data: Path, hold: Hold, ordinary: Ordinary) -> None:
    with start(data):
        pass
    os.chown(data, ordinary.uid, -1)
    for lock in data.glob("postgresql.*"):
        os.chown(lock, ordinary.uid, -1)
    holder = hold(user=ordinary.uid, program=ordinary.program, wait=False)
    _, errors = holder.process.communicate(timeout=60)
    assert "AccessDenied" in errors
    assert "belongs to user 0" in errors
    assert str(data / "postgresql") in errors


def test_a_folder_that_may_not_be_written_is_refused(data: Path) -> None:
    data.parent.joinpath("data").write_text("a file")
    with pytest.raises((AccessDenied, FileExistsError)) as refused:
        start(data)
    assert str(data) in str(refused.value)
