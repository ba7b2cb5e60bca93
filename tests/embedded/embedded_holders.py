"""Processes that use an embedded server, and how the tests speak to them."""

import json
import os
import pwd
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HOLDER = Path(__file__).with_name("embedded_holder.py")


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
        warned = {"PYTHONWARNINGS": "always::ResourceWarning"}
        environment = {**os.environ, "PG_BIN": str(pg_bin), **warned} | ({} if path is None else {"PATH": path})
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
