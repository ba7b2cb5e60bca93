"""What the commands share: how a failure is said, and work within the service's database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import click

from biobank.settings import Settings

if TYPE_CHECKING:
    from biobank.tx import Tx

Outcome = TypeVar("Outcome")


class Failure(click.ClickException):
    """An expected failure: one line, exit status 1."""


def with_connection(settings: Settings, work: Callable[[asyncpg.Connection], Awaitable[Outcome]]) -> Outcome:
    from biobank.runtime import running

    async def connected(dsn: str) -> Outcome:
        connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
        try:
            return await work(connection)
        finally:
            await connection.close()

    with running(settings) as database:
        return asyncio.run(connected(database.dsn))


def in_tx(settings: Settings, work: Callable[["Tx"], Awaitable[Outcome]]) -> Outcome:
    from sqlalchemy.exc import IntegrityError

    from biobank import migrate, models  # noqa: F401  # a row refers to tables of slices that the work does not import
    from biobank.actor import SERVICE
    from biobank.db import Database
    from biobank.runtime import running
    from biobank.tx import open_tx
    from biobank.violations import from_database

    async def inside(dsn: str) -> Outcome:
        async with Database.open(dsn, role=settings.database_role, size=2) as opened, open_tx(opened, SERVICE) as tx:
            return await work(tx)

    with running(settings) as database:
        migrate.prepare(database.dsn, role=settings.database_role)
        try:
            return asyncio.run(inside(database.dsn))
        except IntegrityError as error:
            from biobank.constraints import CONSTRAINTS

            meant = from_database(error, CONSTRAINTS)
            if meant is None:
                raise
            raise meant from None
