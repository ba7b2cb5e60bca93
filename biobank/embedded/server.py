"""One process's hold on the server of a data folder."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlencode

from biobank.embedded.account import account_for, check_owner
from biobank.embedded.cluster import (
    PORT,
    SOCKET_NAME,
    SUPERUSER,
    Place,
    await_ready,
    cluster_version,
    held,
    initialise,
    open_lock,
    reap,
    running,
    shut_down,
    start_server,
)
from biobank.embedded.errors import AccessDenied, OtherMajorVersion, StartFailed
from biobank.embedded.programs import find_binaries, major_version
from biobank.embedded.watcher import ensure_watched

SOCKET_PATH_LIMIT = 103  # bytes; sun_path holds 104 with its end on macOS, 108 on Linux


def start(data: Path, *, pg_bin: Path | None = None, options: Mapping[str, str] | None = None) -> "EmbeddedServer":
    """Join the server of this data folder, after making and starting it where that is needed.

    ``options`` are server settings (``{"fsync": "off"}``) for a server that is started by this call; one that runs
    already keeps its own. Waits while another process makes, starts or stops the same server. Raises `EmbeddedError`.
    """
    folder = find_binaries(pg_bin)
    place = Place(data.absolute())
    try:
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        users = open_lock(place.users)
        lock = open_lock(place.lock)
    except OSError as error:
        raise AccessDenied(
            f"The data folder {place.data} may not be written: {error.strerror}.",
            place=place.data,
            way_out="Start as the user it belongs to, or name another one (BIOBANK_DATA).",
        ) from error
    try:
        with held(lock):
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a watcher that is shutting the server down
            ensure_watched(place)  # first, so that a server is never without one
            _ensure_running(place, folder, options or {})
            return EmbeddedServer(place, folder, users, lock)
    except BaseException:
        users.close()
        lock.close()
        raise


class EmbeddedServer:
    """One user's hold on a running server, released by `stop` or at the end of a ``with`` block."""

    def __init__(self, place: Place, folder: Path, users: IO[bytes], lock: IO[bytes]) -> None:
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
        with held(self._lock):  # between the question and the answer nobody else creates it
            done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartFailed(
                f"The database {name} could not be created.", place=self._place.log, log=done.stderr.strip()
            )

    def stop(self) -> None:
        """Leave the server; the last one to leave shuts it down and returns when it is down. Twice is harmless."""
        if self._users.closed:
            return
        with held(self._lock):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Either others use it, and this returns at once, or the watcher was quicker, and this waits for it.
                fcntl.flock(self._users, fcntl.LOCK_SH)
            else:
                shut_down(self._place)
            self._users.close()
        self._lock.close()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
        reap()

    def _reachable(self, cluster: Path) -> Path:
        """The cluster folder under a name short enough for the address of a socket."""
        if len(os.fsencode(cluster / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            return cluster
        base = tempfile.gettempdir()
        self._short = Path(tempfile.mkdtemp(prefix="biobank-", dir=base if len(os.fsencode(base)) < 40 else "/tmp"))  # noqa: S108 - mkdtemp makes it private
        link = self._short / "pg"
        link.symlink_to(cluster)
        return link


def _ensure_running(place: Place, folder: Path, options: Mapping[str, str]) -> None:
    check_owner(place.cluster)
    expected = major_version(folder)
    if place.cluster.exists():
        found = cluster_version(place.cluster)
        if found != expected:
            raise OtherMajorVersion(place=place.cluster, found=found, expected=expected)
    if (pid := running(place.cluster)) is not None:
        if await_ready(place, pid):
            return
        shut_down(place)  # it runs, but can no longer be reached
    account = account_for(place.cluster, folder)
    if not place.cluster.exists():
        initialise(place, account, expected)
    start_server(place, account, options)
