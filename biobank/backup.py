"""Backup and restore by PostgreSQL's own tools, and the proof that what was restored is whole."""

import subprocess
from pathlib import Path

import asyncpg

from biobank import migrate
from biobank.audit.verify import Verdict, verify
from biobank.runtime import Running


class BackupFailed(Exception):
    """pg_dump or pg_restore failed, or the target is not fit; the message says which and what to do."""


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own programs and paths
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
    try:
        _run([database.program("pg_dump"), "--format=custom", "--compress=6", f"--file={aside}", database.dsn])
        aside.chmod(0o600)
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
    _run(
        [
            database.program("pg_restore"),
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            f"--dbname={database.dsn}",
            str(source),
        ]
    )
    await migrate.upgrade(database.dsn, role=role)
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute("analyze")
        return await verify(connection)
    finally:
        await connection.close()
