"""The database: declarative base, naming convention, column types, and the connections of one process.

Three ways in, each for its kind of work: `engine` writes, `reader` answers GET requests in sessions that PostgreSQL
itself keeps read-only, and `hot` is a bare asyncpg pool for the few reads that happen on every scan.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Identity,
    Integer,
    MetaData,
    Numeric,
    SQLColumnExpression,
    and_,
    or_,
    true,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column

from biobank.actor import Scope

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads this name from the class
        datetime: DateTime(timezone=True),
        Decimal: Numeric(),
        int: BigInteger(),
    }


Id = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
"""A surrogate key. It is never shown to people: they see house ids."""

RowVersion = Annotated[int, mapped_column(Integer, nullable=False, default=1, server_default="1")]
"""Counts the changes of a row, so that a form made from an older state is refused."""


def visible(scope: Scope, study: SQLColumnExpression[Any], *sites: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """The condition that a row of `study` which belongs to any of `sites` lies within `scope`."""
    if scope.everything:
        return true()
    by_study: dict[int, list[int]] = {}
    for study_id, site_id in scope.sites:
        by_study.setdefault(study_id, []).append(site_id)
    pairs = [and_(study == study_id, site.in_(site_ids)) for study_id, site_ids in by_study.items() for site in sites]
    return or_(study.in_(scope.studies), *pairs)


class HotPool:
    """Read-only connections without a session around them, for the few look-ups that happen on every scan.

    A library's pool resets and shields each return, which costs more than the look-up itself (139 against 62 us of
    processor time, measured); nothing can be changed on these connections, so there is nothing to reset.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], size: int) -> None:
        self._connect = connect
        self._idle: list[asyncpg.Connection] = []
        self._places = asyncio.Semaphore(size)

    async def _run(self, method: str, statement: str, arguments: tuple[Any, ...]) -> Any:
        async with self._places:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                answer = await getattr(connection, method)(statement, *arguments)
            except asyncpg.PostgresError:
                self._keep(connection)
                raise
            except BaseException:
                connection.terminate()  # cancelled or cut off in the middle: nobody may get the rest of that answer
                raise
            self._keep(connection)
            return answer

    def _keep(self, connection: asyncpg.Connection) -> None:
        if not connection.is_closed():
            self._idle.append(connection)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        try:
            return await self._run("fetchrow", statement, arguments)
        except (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
            # The server closed an idle connection, in a restart for example: the look-up is read-only, so try anew.
            self._idle.clear()
            return await self._run("fetchrow", statement, arguments)

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        return await self._run("fetch", statement, arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        return await self._run("fetchval", statement, arguments)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()


class Database:
    """The connections of one process. Open with `Database.open`, close with `close`."""

    def __init__(self, dsn: str, *, role: str, size: int) -> None:
        self._dsn = dsn
        self._settings = {
            "role": role,
            "timezone": "UTC",
            "standard_conforming_strings": "on",  # `tx` writes texts as literals where it begins and commits
            "application_name": "biobank",
            "statement_timeout": "60s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "120s",
            "jit": "off",  # our statements are short; compiling them costs more than it saves
            "random_page_cost": "1.1",  # of memory and of disks that do not turn: an index is nearly always the way
        }
        self._size = size
        self.engine: AsyncEngine = self._engine({})
        # `tx` begins and commits by itself: who acts, and why, goes to the database in the same two messages.
        self.writer = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.reader: AsyncEngine = self._engine({"default_transaction_read_only": "on"})
        self.hot = HotPool(self._connector({"default_transaction_read_only": "on"}), size)

    def _connector(self, extra: dict[str, str]) -> Callable[[], Awaitable[asyncpg.Connection]]:
        async def connect() -> asyncpg.Connection:
            return await asyncpg.connect(
                self._dsn, server_settings={**self._settings, **extra}, statement_cache_size=512
            )

        return connect

    def _engine(self, extra: dict[str, str]) -> AsyncEngine:
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connector(extra),
            pool_size=self._size,
            pool_use_lifo=True,
            max_overflow=0,
            pool_timeout=20,
            pool_pre_ping=False,
            pool_recycle=1800,
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, *, role: str, size: int) -> AsyncIterator["Database"]:
        database = cls(dsn, role=role, size=size)
        try:
            yield database
        finally:
            await database.close()

    async def connect(self) -> asyncpg.Connection:
        """One connection of its own, for work outside any request (the sealer, a look at the server's state)."""
        return await asyncpg.connect(self._dsn, server_settings=self._settings)

    async def close(self) -> None:
        await self.hot.close()
        await self.engine.dispose()
        await self.reader.dispose()
