"""The one transaction edge: every write of the service, the command line and the background goes through `open_tx`."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from sqlalchemy import ForeignKey, Text, Uuid, func, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from biobank.actor import Actor, Permission, Scope
from biobank.clock import Clock, system_clock
from biobank.db import Base, Database
from biobank.errors import Conflict
from biobank.ids import SYSTEM_RANDOM, Randomness, new_uuid
from biobank.settings import Lockout

View = TypeVar("View", bound=BaseModel)
LOCKOUT = Lockout()


class KeyReused(Conflict):
    code = "idempotency-key-reused"
    title = "This key belongs to another request"


class CommandReceipt(Base):
    """The first outcome of a scan, an import or a form post, by the UUID that its sender made: a replay gets it
    again.
    """

    __tablename__ = "command_receipt"
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    key: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


@dataclass(frozen=True, slots=True)
class Event:
    """Why something changed: the lab's verb, the subject it was done to, and the reason where one is asked for."""

    verb: str
    subject: str
    subject_id: int | None
    study_id: int | None
    site_id: int | None
    reason: str | None
    details: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "verb": self.verb,
            "subject": self.subject,
            "subject_id": self.subject_id,
            "study_id": self.study_id,
            "site_id": self.site_id,
            "reason": self.reason,
            "details": dict(self.details),
        }


@dataclass(slots=True)
class ReadTx:
    """A look at the database on behalf of an actor. PostgreSQL refuses any write in it."""

    session: AsyncSession
    actor: Actor
    now: datetime

    def scope(self, permission: Permission) -> Scope:
        return self.actor.scope(permission)

    async def bare(self) -> asyncpg.Connection:
        """The connection of this transaction without a session around it, for the few statements of every scan."""
        return await _driver(await self.session.connection())

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        """The first row of a plain statement, or None. The connection prepares it once; what it raises is what the
        session raises.
        """
        with _as_of_the_session(statement):
            return await (await self.bare()).fetchrow(statement, *arguments)


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection


@contextmanager
def _as_of_the_session(statement: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(statement, None, error) from error
    except asyncpg.PostgresError as error:
        raise DBAPIError(statement, None, error) from error


@dataclass(slots=True)
class Tx(ReadTx):
    """An open transaction that may write. `id` names it in the audit trail; `randomness` mints identifiers; `lockout`
    is the house's rule for wrong passwords.
    """

    id: UUID
    randomness: Randomness = SYSTEM_RANDOM
    lockout: Lockout = LOCKOUT
    events: list[Event] = field(default_factory=list)
    undone: "list[Callable[[Tx], Awaitable[None]]]" = field(default_factory=list)
    outcomes: dict[UUID, str] = field(default_factory=dict)
    """By key, what is told of the commands that were done here; it goes to their receipts with the commit."""

    def if_undone(self, action: "Callable[[Tx], Awaitable[None]]") -> None:
        """What is to be on record although this transaction is rolled back, a wrong password for example: it is then
        done in a transaction of its own.
        """
        self.undone.append(action)

    def record(
        self,
        verb: str,
        *,
        subject: str,
        subject_id: int | None,
        study_id: int | None = None,
        site_id: int | None = None,
        reason: str | None = None,
        **details: Any,
    ) -> None:
        """Note why this transaction changes what it changes. `details` hold codes and counts, never a person's data."""
        self.events.append(Event(verb, subject, subject_id, study_id, site_id, reason, details))

    async def once(
        self, key: UUID, command: BaseModel, view: type[View], action: Callable[[], Awaitable[View]], *, of: str = ""
    ) -> View:
        """Do `action`, or return what it returned when this actor sent `key` before.

        A replay that arrives while the first is under way waits for it. The receipt is part of the same transaction,
        so an action that failed leaves none and may be tried again. `of` names what the command is done to where the
        command does not say so itself.

        Raises:
            KeyReused: the key was used for another command.
        """
        done: list[View] = []

        async def kept() -> View:
            done.append(await action())
            return done[0]

        told = await self.once_told(key, command, kept, of=of)
        return done[0] if done else view.model_validate_json(told)

    async def once_told(
        self, key: UUID, command: BaseModel, action: Callable[[], Awaitable[BaseModel]], *, of: str = ""
    ) -> str:
        """The same, told as JSON: what was done now is not read again from what is told of it."""
        fingerprint = hashlib.sha256(f"{type(command).__name__} {of} {command.model_dump_json()}".encode()).hexdigest()
        claimed = await self.fetchrow(_CLAIM, self.actor.user_id, key, fingerprint)
        if claimed is None:
            earlier = await self.fetchrow(_EARLIER, self.actor.user_id, key)
            if earlier["fingerprint"] != fingerprint:
                raise KeyReused(
                    "This idempotency key was already used for a different request: make a new one.", key=str(key)
                )
            return self.outcomes[key] if key in self.outcomes else str(earlier["outcome"])
        outcome = (await action()).model_dump_json()
        self.outcomes[key] = outcome
        return outcome

    async def rehearse(self, action: Callable[[], Awaitable[View]]) -> View:
        """Do `action` to see what comes of it, constraints included, and take all of it back: nothing is kept, and
        nothing is on record.
        """
        events, undone = len(self.events), len(self.undone)
        try:
            async with self.session.begin_nested() as savepoint:
                outcome = await action()
                await self.session.flush()
                await self.session.execute(text("set constraints all immediate"))
                await savepoint.rollback()
        finally:
            del self.events[events:], self.undone[undone:]
        return outcome

    async def insert(self, table: Any, rows: list[dict[str, Any]]) -> list[int]:
        """Insert rows in one statement and return their ids in the order of `rows`."""
        if not rows:
            return []
        result = await self.session.execute(insert(table).returning(table.id, sort_by_parameter_order=True), rows)
        return list(result.scalars())


_CLAIM = (
    "insert into command_receipt (actor_id, key, fingerprint) values ($1, $2, $3) on conflict do nothing returning key"
)
_EARLIER = "select fingerprint, outcome from command_receipt where actor_id = $1 and key = $2"


def _literal(value: str) -> str:
    """A text within a statement. Every connection has `standard_conforming_strings`, and no text of ours holds a NUL,
    which would end the statement.
    """
    if "\0" in value:
        raise ValueError("a text with a NUL cannot be said to the database")
    return "'" + value.replace("'", "''") + "'"


def _begin(tx: Tx, request_id: str) -> str:
    """The beginning and who acts, in one message: each message to the database costs as much as a small statement."""
    settings = {
        "biobank.tx": str(tx.id),
        "biobank.actor": "service" if tx.actor.user_id is None else str(tx.actor.user_id),
        "biobank.request": request_id,
        "biobank.channel": tx.actor.channel,
    }
    said = ", ".join(f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in settings.items())
    return f"begin; select {said}"


def _commit(tx: Tx) -> str:
    """The receipts, the reasons and the commit, in one message: what comes behind a refusal in it is not done."""
    events = json.dumps([event.as_json() for event in tx.events], default=str)
    told = [
        f"update command_receipt set outcome = {_literal(outcome)} "  # noqa: S608  # literals
        f"where actor_id = {tx.actor.user_id} and key = {_literal(str(key))}"
        for key, outcome in tx.outcomes.items()
    ]
    return "; ".join([*told, f"select biobank_audit_close({_literal(events)})", "commit"])


@asynccontextmanager
async def open_tx(
    database: Database,
    actor: Actor,
    *,
    request_id: str = "",
    clock: Clock = system_clock,
    randomness: Randomness = SYSTEM_RANDOM,
    lockout: Lockout = LOCKOUT,
) -> AsyncIterator[Tx]:
    """A transaction that commits when its body ends and rolls back when its body raises.

    Before the commit the database checks its deferred constraints and refuses changed audited tables without an event.
    """
    tx = Tx(None, actor, clock(), new_uuid(), randomness, lockout)  # type: ignore[arg-type]  # the session follows
    try:
        async with _session(database, tx, request_id):
            yield tx
    except Exception:
        if tx.undone:
            after = open_tx(database, actor, request_id=request_id, clock=clock, lockout=lockout)
            async with after as late:
                for action in tx.undone:
                    await action(late)
        raise


@asynccontextmanager
async def _session(database: Database, tx: Tx, request_id: str) -> AsyncIterator[None]:
    async with _alive(database) as held:
        connection = await _driver(held)
        try:
            async with AsyncSession(held, expire_on_commit=False, autoflush=False) as session:
                tx.session = session
                with _as_of_the_session("begin"):
                    await connection.execute(_begin(tx, request_id))
                yield
                # Writes what waits and ends its savepoints; the connection commits nothing itself.
                await session.commit()
            with _as_of_the_session("commit"):
                await connection.execute(_commit(tx))
        except BaseException:
            await _roll_back(held, connection)
            raise


@asynccontextmanager
async def _alive(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection that the server did not close meanwhile, in a restart for example.

    One that was closed is given back and another asked for: a connection that is renewed in place would begin
    transactions of its own again.
    """
    while True:
        async with database.writer.connect() as held:
            if not (await _driver(held)).is_closed():
                yield held
                return
            await held.invalidate()


async def _roll_back(held: AsyncConnection, connection: asyncpg.Connection) -> None:
    """Nothing of a transaction that failed stays, and nobody gets a connection that is still in it."""
    ended = False
    try:
        with suppress(Exception):  # a lost connection says less, in one way or another, than what ended the transaction
            await connection.execute("rollback")
            ended = not connection.is_in_transaction()
    finally:
        if not ended:
            await held.invalidate()


@asynccontextmanager
async def open_read(database: Database, actor: Actor, *, clock: Clock = system_clock) -> AsyncIterator[ReadTx]:
    """A read-only view for a GET request; a write in it fails in PostgreSQL."""
    async with AsyncSession(database.reader, expire_on_commit=False, autoflush=False) as session:
        yield ReadTx(session=session, actor=actor, now=clock())
