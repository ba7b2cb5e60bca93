"""The process that shuts a server down when nobody uses it any more, however its users ended."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

from biobank.embedded.cluster import Place, open_lock, outlives_us, shut_down

# Isolated, without site packages: it starts in a few milliseconds and imports nothing but this package.
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from biobank.embedded.watcher import main; main()"


def ensure_watched(place: Place) -> None:
    """Start a watcher unless the data folder has one."""
    with open_lock(place.watch) as watch, open_lock(place.users) as users:
        try:
            fcntl.flock(watch, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        root = Path(__file__).parents[2]
        locks = (watch.fileno(), users.fileno())
        command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(root), str(place.data), *map(str, locks)]
        with place.log.open("ab") as log:
            outlives_us(
                subprocess.Popen(
                    command,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=locks,  # the lock goes with it, and ends with it; it opens nothing by name
                    start_new_session=True,
                )
            )


def main() -> None:
    """Wait until nobody uses the server, then shut it down. A start that comes meanwhile waits for the end of this."""
    _, _, data, watch, users = sys.argv
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    fcntl.flock(int(users), fcntl.LOCK_EX)
    shut_down(Place(Path(data)))
    os.close(int(watch))  # before the other lock: whoever waits for that one then starts a watcher of their own
