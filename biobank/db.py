"""The database: declarative base, naming convention, column types, and the connections of one process.

Three ways in, each for its kind of work: `engine` writes, `reader` answers GET requests in sessions that PostgreSQL
itself keeps read-only, and `hot` is a bare asyncpg pool for the few reads that happen on every scan.
"""

from collections.abc import AsyncIterator
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


class Database:
    """The connections of one process. Open with `Database.open`, close with `close`."""

    def __init__(self, dsn: str, *, role: str, size: int) -> None:
        self._dsn = dsn
        self._settings = {
            "role": role,
            "timezone": "UTC",
            "application_name": "biobank",
            "statement_timeout": "60s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "120s",
            "jit": "off",  # our statements are short; compiling them costs more than it saves
        }
        self._size = size
        self.engine: AsyncEngine = self._engine({})
        self.reader: AsyncEngine = self._engine({"default_transaction_read_only": "on"})
        self._hot: asyncpg.Pool | None = None

    def _engine(self, extra: dict[str, str]) -> AsyncEngine:
        async def connect() -> Any:
            return await asyncpg.connect(
                self._dsn, server_settings={**self._settings, **extra}, statement_cache_size=512
            )

        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=self._size,
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

    async def hot(self) -> asyncpg.Pool:
        """Read-only connections without a session around them; no reset between uses, since nothing in them can
        change.
        """
        if self._hot is None:
            self._hot = await asyncpg.create_pool(
                self._dsn,
                min_size=0,
                max_size=self._size,
                server_settings={**self._settings, "default_transaction_read_only": "on"},
                reset=_no_reset,
                statement_cache_size=256,
            )
        return self._hot

    async def connect(self) -> asyncpg.Connection:
        """One connection of its own, for work outside any request (the sealer, a look at the server's state)."""
        return await asyncpg.connect(self._dsn, server_settings=self._settings)

    async def close(self) -> None:
        if self._hot is not None:
            await self._hot.close()
        await self.engine.dispose()
        await self.reader.dispose()


async def _no_reset(_connection: Any) -> None:
    return None
