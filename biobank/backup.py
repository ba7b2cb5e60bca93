"""Backup and restore by PostgreSQL's own tools, and the proof that what was restored is whole."""

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from biobank import migrate
from biobank.audit.verdict import Verdict
from biobank.audit.verify import verify
from biobank.errors import OperationFailed
from biobank.runtime import Running


class BackupFailed(OperationFailed):
    """pg_dump or pg_restore failed, or the target is not fit; the message says which and what to do."""


def _apart(dsn: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and the environment that holds the password: every user of a machine can read
    the arguments of its processes.
    """
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn, dict(os.environ)
    person, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=f"{person.partition(':')[0]}@{host}"))
    return bare, {**os.environ, "PGPASSWORD": unquote(parts.password)}


def _run(program: str, options: list[str], dsn: str, *rest: str) -> None:
    bare, environment = _apart(dsn)
    command = [program, *options, f"--dbname={bare}", *rest]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603  # our own programs and paths
    if done.returncode != 0:
        raise BackupFailed(f"{Path(command[0]).name} failed: {done.stderr.strip()[-2000:]}")


def backup(database: Running, target: Path) -> int:
    """Write a consistent copy of the whole database, in pg_dump's custom format, and return its size in bytes.

    The copy appears under its name only when it is complete. It holds participants' data: keep it as safe as the
    database.
    """
    if target.exists():
        raise BackupFailed(f"{target} exists already: name a new file")
    aside = target.with_name(target.name + ".part")
    aside.touch(mode=0o600)  # before there is anything in it to read
    try:
        options = ["--format=custom", "--compress=6", f"--file={aside}"]
        _run(database.program("pg_dump"), options, database.dsn)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target.stat().st_size


async def restore(database: Running, source: Path, *, role: str) -> Verdict:
    """Bring a backup back into an empty database, in one transaction, migrate it to this version, and verify its audit
    trail.

    Raises:
        BackupFailed: the source is damaged, or the database is not empty; then nothing was changed.
    """
    connection = await asyncpg.connect(database.dsn)
    try:
        if await connection.fetchval(
            "select exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p'))"
        ):
            raise BackupFailed("the database is not empty: restore into a new data folder or a new database")
        await connection.execute(
            f"do $$ begin create role {role} nologin; exception when duplicate_object then null; end $$"
        )
        await connection.execute(f"grant {role} to current_user")
    finally:
        await connection.close()
    options = ["--single-transaction", "--exit-on-error", "--no-owner"]
    _run(database.program("pg_restore"), options, database.dsn, str(source))
    await migrate.upgrade(database.dsn, role=role)
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute("analyze")
        return await verify(connection)
    finally:
        await connection.close()
