"""From settings to a database that answers: the embedded PostgreSQL or a server's, migrated, with the secret all
processes share.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from biobank import embedded
from biobank.settings import Settings

DATABASE = "biobank"
_MEBIBYTE = 1024 * 1024
_CACHE = max(128, min(1024, psutil.virtual_memory().total // 8 // _MEBIBYTE))
EMBEDDED = {"shared_buffers": f"{_CACHE}MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
"""What the embedded server is started with: room for a study of some thousand participants, at most an eighth of the
machine's memory. With the usual 128 MB and a checkpoint at every gigabyte, large imports write most pages twice.
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A database to connect to, and the folder of PostgreSQL's programs where one is known."""

    dsn: str
    bin: Path | None

    def program(self, name: str) -> str:
        """The path of pg_dump, pg_restore and the like.

        Raises:
            FileNotFoundError: neither beside the server nor on PATH.
        """
        if self.bin is not None:
            return str(self.bin / name)
        found = shutil.which(name, path=os.environ.get("PG_BIN")) or shutil.which(name)
        if found is None:
            raise FileNotFoundError(
                f"{name} was not found: install the PostgreSQL client programs or name their folder in PG_BIN"
            )
        return found


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    """The database of this installation, started if it is the embedded one and stopped when its last user is done."""
    if settings.database_url is not None:
        yield Running(settings.database_url.get_secret_value(), None)
        return
    with embedded.start(settings.data, options=EMBEDDED) as server:
        server.create_database(DATABASE)
        yield Running(server.url(DATABASE), server.bin)


async def csrf_secret(dsn: str) -> str:
    """The secret that signs CSRF tokens, made at the first migration and shared by all processes."""
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("select value from service_secret where name = 'csrf'"))
    finally:
        await connection.close()


async def is_empty(dsn: str) -> bool:
    """Whether no study was ever set up."""
    connection = await asyncpg.connect(dsn)
    try:
        return not await connection.fetchval("select exists (select from study)")
    finally:
        await connection.close()
