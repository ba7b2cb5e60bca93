"""The command line as people and service managers run it: real processes on a real data folder."""

import asyncio
import atexit
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Self

import asyncpg

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
_SECONDS = 120


def sql(dsn: str, *statements: str) -> Any:
    """Run statements past all grants; the first value of the last one."""

    async def work() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(work())


@cache
def _compiled() -> Path:
    """A folder for compiled sources that all commands of this run share."""
    folder = tempfile.TemporaryDirectory(prefix="cli-compiled-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


class CommandLine:
    """Runs commands under one environment. `settings` are BIOBANK_* variables without their prefix, in small
    letters.
    """

    def __init__(self, **settings: object) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BIOBANK_")}
        given = {f"BIOBANK_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", **given}
        if self.environment.pop("PYTHONDONTWRITEBYTECODE", None):  # else each process compiles every library again
            self.environment["PYTHONPYCACHEPREFIX"] = str(_compiled())

    def __call__(self, *arguments: object, status: int = 0, **settings: object) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and insist on its exit status."""
        given = {f"BIOBANK_{name.upper()}": str(value) for name, value in settings.items()}
        done = subprocess.run(
            [sys.executable, "-m", "biobank.cli", *map(str, arguments)],
            env={**self.environment, **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def serve(self, **settings: object) -> "Service":
        given = {f"BIOBANK_{name.upper()}": str(value) for name, value in settings.items()}
        return Service({**self.environment, "BIOBANK_PORT": "0", **given})


class Service:
    """A `serve` in the background on a free port; `address` is known once it answers."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "biobank.cli", "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._address: str | None = None

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said.append(line)
            self._lines.put(line)
        self._lines.put(None)

    @property
    def address(self) -> str:
        while self._address is None:
            try:
                line = self._lines.get(timeout=_SECONDS)
            except Empty:
                line = None
            assert line is not None, self.said
            found = re.search(r"answers at (http://\S+)", line)
            self._address = found and found[1]
        return self._address

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """The exit status."""
        status = self.process.wait(_SECONDS)
        self._reader.join(_SECONDS)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(_SECONDS)
        assert self.process.stderr
        self.process.stderr.close()
