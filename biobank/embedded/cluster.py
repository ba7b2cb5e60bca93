"""One cluster in a data folder: made whole or not at all, started, recognised and shut down."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from biobank.embedded.account import Account, group_of
from biobank.embedded.errors import EmbeddedError, InitFailed, StartFailed

SUPERUSER = "biobank"
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
START_SECONDS = 300.0  # recovery after a crash of the machine reads the whole log since the last checkpoint
STOP_SECONDS = 60.0
REMOVE_SECONDS = 10.0
ASIDE = "postgresql.new-"
LOG_BYTES = 10_000_000
BUILTIN_LOCALE_SINCE = 17

# Written into the cluster, so that it stays closed when somebody starts it by hand.
CLUSTER_SETTINGS = """
# biobank: reached through the socket in this folder only
listen_addresses = ''
unix_socket_directories = '.'
unix_socket_permissions = 0700
"""

# The process ids of programs that outlive us; kept so that they are reaped when they end before us.
_children: list[int] = []


@dataclass(frozen=True)
class Place:
    """Where things lie in a data folder."""

    data: Path

    @property
    def cluster(self) -> Path:
        return self.data / "postgresql"

    @property
    def lock(self) -> Path:
        return self.data / "postgresql.lock"

    @property
    def users(self) -> Path:
        return self.data / "postgresql.users"

    @property
    def watch(self) -> Path:
        return self.data / "postgresql.watch"

    @property
    def log(self) -> Path:
        return self.data / "postgresql.log"


def cluster_version(cluster: Path) -> int:
    try:
        return int((cluster / "PG_VERSION").read_text().strip())
    except (OSError, ValueError) as error:
        raise EmbeddedError(
            f"The folder {cluster} does not hold a PostgreSQL database: its PG_VERSION cannot be read ({error}).",
            place=cluster,
            way_out="Move it away to start with an empty database, or restore it from a backup.",
        ) from error


def initialise(place: Place, account: Account, major: int) -> None:
    """Make the cluster aside and rename it, so that a cluster that is there is whole."""
    for left in place.data.glob(ASIDE + "*"):
        _remove_unfinished(left)
    # A name of its own each time: the initdb of a killed process may still be at work on the one it was given.
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=place.data))
    if account.uid is not None:
        os.chown(aside, account.uid, group_of(account.uid))
    # Byte order for sorting everywhere; upper and lower case of all letters wherever that needs no installed locale.
    if major >= BUILTIN_LOCALE_SINCE:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        locale = ["--locale=C", *(["--lc-ctype=C.UTF-8"] if sys.platform == "linux" else [])]
    access = ["--username", SUPERUSER, "--auth-local=trust", "--auth-host=reject"]
    with tempfile.TemporaryFile() as output:
        initdb = account.spawn(
            "initdb", [*access, "--encoding=UTF8", *locale, "--no-instructions"], cluster=aside, log=output
        )
        try:
            failed = initdb.wait()
        except BaseException:
            os.killpg(initdb.pid, signal.SIGKILL)
            initdb.wait()
            raise
        output.seek(0)
        said = output.read().decode(errors="replace")
    if failed:
        shutil.rmtree(aside, ignore_errors=True)
        raise InitFailed(place=place.cluster, output=said)
    with (aside / "postgresql.conf").open("a") as configuration:
        configuration.write(CLUSTER_SETTINGS)
        configuration.flush()
        os.fsync(configuration.fileno())
    aside.rename(place.cluster)
    parent = os.open(place.data, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _remove_unfinished(aside: Path) -> None:
    """Remove what the initdb of a killed process made.

    It may still be at work and put files back while they are removed; without its folder it ends by itself.
    """
    deadline = time.monotonic() + REMOVE_SECONDS
    while aside.exists() and time.monotonic() < deadline:
        shutil.rmtree(aside, ignore_errors=True)
        time.sleep(0.01)


def start_server(place: Place, account: Account, options: Mapping[str, str]) -> None:
    _remove_stale_names(place.cluster)
    if place.log.exists() and place.log.stat().st_size > LOG_BYTES:
        place.log.rename(place.log.with_suffix(".log.1"))
    settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    deadline = time.monotonic() + START_SECONDS
    while True:
        with place.log.open("ab") as log:
            begin = log.tell()
            server = account.spawn("postgres", ["-p", str(PORT), *settings], cluster=place.cluster, log=log)
        if await_ready(place, server.pid, server):
            outlives_us(server)
            return
        said = _tail(place.log, begin)
        if server.poll() is None:
            raise StartFailed(f"PostgreSQL was not ready after {START_SECONDS:.0f} s.", place=place.log, log=said)
        # Children of a killed server end by themselves, but not at once, and until then no other may start.
        if "still in use" not in said or time.monotonic() > deadline:
            raise StartFailed("PostgreSQL did not start.", place=place.log, log=said)
        time.sleep(0.1)


def _remove_stale_names(cluster: Path) -> None:
    """Remove the lock files a killed server left, if their process id is somebody else's by now.

    PostgreSQL itself recognises those whose process is gone, and only those. That no server runs here is known already.
    """
    lines = pid_file(cluster)
    if lines and lines[0].isdigit() and _exists(int(lines[0])):
        for name in ("postmaster.pid", SOCKET_NAME + ".lock"):
            (cluster / name).unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def await_ready(place: Place, pid: int, server: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the server becomes ready; False when it ended, cannot be reached or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server is not None and server.poll() is not None:
            return False
        lines = pid_file(place.cluster)
        # The eighth line tells the state; the server writes it, from the first connection it would accept.
        if len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready":
            return _reachable(place.cluster)
        if server is None and running(place.cluster) != pid:
            return False
        time.sleep(0.005)
    return False


def _reachable(cluster: Path) -> bool:
    """Whether something listens on the cluster's socket. The name is relative, so that no length limits it."""
    folder = os.open(cluster, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            name = f"/proc/self/fd/{folder}" if Path("/proc/self/fd").exists() else str(cluster)
            client.connect(f"{name}/{SOCKET_NAME}")
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


def running(cluster: Path) -> int | None:
    """The process id of the server that runs in this cluster folder, None when there is none.

    A process id alone proves nothing: after a restart of the machine it may be anybody's. But a server's working
    directory is its cluster folder, and nobody else's is.
    """
    lines = pid_file(cluster)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    if Path("/proc/self").exists():
        try:
            return pid if (Path("/proc") / str(pid) / "cwd").samefile(cluster) else None
        except OSError:
            return None
    return pid if _reachable(cluster) else None


def pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def shut_down(place: Place) -> None:
    """Shut the server down: connections are cut and their transactions rolled back, everything committed is kept."""
    for how in (signal.SIGINT, signal.SIGQUIT):  # fast; at once, with a recovery at the next start
        pid = running(place.cluster)
        if pid is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while running(place.cluster) == pid and time.monotonic() < deadline:
            time.sleep(0.005)
    reap()


def outlives_us(child: subprocess.Popen[bytes]) -> None:
    """Keep a program that is not waited for, by its number alone."""
    _children.append(child.pid)
    child.returncode = 0  # else it warns when we end before the program does, which is what is meant


def reap() -> None:
    _children[:] = [pid for pid in _children if not _has_ended(pid)]


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _tail(log: Path, begin: int) -> str:
    with log.open("rb") as lines:
        lines.seek(begin)
        return b"".join(lines.readlines()[-8:]).decode(errors="replace").strip()


def open_lock(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


@contextlib.contextmanager
def held(lock: IO[bytes]) -> Iterator[None]:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)
