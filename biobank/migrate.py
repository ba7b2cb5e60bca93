"""Bringing a database to the schema of this version, and telling how far it is."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from biobank.errors import OperationFailed
from biobank.progress import say

_FOLDER = Path(migrations.__file__).parent
_LOCK = 0x42494F42  # "BIOB": one migration at a time, whoever starts it
Outcome = TypeVar("Outcome")


class UnknownRevision(OperationFailed):
    """The database is at a revision that this version of the service does not have."""


def _config(connection: Connection | None = None, role: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes.update(connection=connection, role=role)
    return config


def head() -> str:
    """The revision that this version of the service needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError(f"no migration was found in {_FOLDER}")
    return revision


async def _with_connection(dsn: str, work: Callable[[Connection], Outcome]) -> Outcome:
    async def connect() -> Any:
        return await asyncpg.connect(dsn, server_settings={"timezone": "UTC", "application_name": "biobank-migrate"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def prepare(dsn: str, *, role: str) -> None:
    """Bring a database to this version where it is not yet, and say so."""
    if asyncio.run(current(dsn)) != head():
        say("Bringing the database to this version …")
        asyncio.run(upgrade(dsn, role=role))


async def upgrade(dsn: str, *, role: str) -> None:
    """Apply what is missing, in one transaction: another start that migrates at the same time waits, a failure leaves
    nothing behind.

    Raises:
        UnknownRevision: a newer version of the service migrated it.
    """

    def work(connection: Connection) -> None:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text("set local lock_timeout = '10s'"))
        connection.execute(text("set local statement_timeout = '15min'"))
        command.upgrade(_config(connection, role), "head")

    try:
        await _with_connection(dsn, work)
    except CommandError as error:
        raise UnknownRevision(
            f"This version of Biobank cannot migrate the database ({error}): a newer version did, use that one."
        ) from None


async def current(dsn: str) -> str | None:
    """The revision a database is at; None where it was never migrated."""
    return await _with_connection(dsn, lambda connection: MigrationContext.configure(connection).get_current_revision())


async def drift(dsn: str) -> list[Any]:
    """What differs between the tables of a database and the models: empty when the migrations tell the whole story."""
    from alembic.autogenerate import compare_metadata

    from biobank.models import metadata

    def work(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    return await _with_connection(dsn, work)
