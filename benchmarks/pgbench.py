"""What the database alone does: PostgreSQL's own load generator on the same server."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def rate(folder: Path, dsn: str, script: str, *, clients: int, seconds: int) -> float:
    """Transactions a second of a script of prepared statements."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    environment = {
        **os.environ,
        "PGHOST": query["host"][0],
        "PGPORT": query["port"][0],
        "PGUSER": parts.username or "biobank",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            str(folder / "pgbench"),
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(seconds),
            "-f",
            file.name,
            parts.path.lstrip("/"),
        ]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-2000:]}")
    return float(found.group(1))
