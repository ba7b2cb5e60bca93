"""The one transaction edge: every write of the service, the command line and the background goes through `open_tx`."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ForeignKey, Text, Uuid, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
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
        fingerprint = hashlib.sha256(f"{type(command).__name__} {of} {command.model_dump_json()}".encode()).hexdigest()
        claim = (
            upsert(CommandReceipt)
            .values(actor_id=self.actor.user_id, key=key, fingerprint=fingerprint)
            .on_conflict_do_nothing()
        )
        claimed = await self.session.execute(claim.returning(CommandReceipt.key))
        mine = (CommandReceipt.actor_id == self.actor.user_id, CommandReceipt.key == key)
        if claimed.scalar_one_or_none() is None:
            earlier = (
                await self.session.execute(select(CommandReceipt.fingerprint, CommandReceipt.outcome).where(*mine))
            ).one()
            if earlier.fingerprint != fingerprint:
                raise KeyReused(
                    "This idempotency key was already used for a different request: make a new one.", key=str(key)
                )
            return view.model_validate_json(earlier.outcome)
        outcome = await action()
        await self.session.execute(update(CommandReceipt).where(*mine).values(outcome=outcome.model_dump_json()))
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


_CONTEXT = text(
    "select set_config('biobank.tx', :tx, true), set_config('biobank.actor', :actor, true), "
    "set_config('biobank.request', :request, true), set_config('biobank.channel', :channel, true)"
)
_CLOSE = text("select biobank_audit_close(cast(:events as jsonb))")


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
    async with AsyncSession(database.engine, expire_on_commit=False, autoflush=False) as session:
        tx.session = session
        await session.execute(
            _CONTEXT,
            {
                "tx": str(tx.id),
                "actor": "service" if tx.actor.user_id is None else str(tx.actor.user_id),
                "request": request_id,
                "channel": tx.actor.channel,
            },
        )
        yield
        await session.flush()
        await session.execute(_CLOSE, {"events": json.dumps([event.as_json() for event in tx.events], default=str)})
        await session.commit()


@asynccontextmanager
async def open_read(database: Database, actor: Actor, *, clock: Clock = system_clock) -> AsyncIterator[ReadTx]:
    """A read-only view for a GET request; a write in it fails in PostgreSQL."""
    async with AsyncSession(database.reader, expire_on_commit=False, autoflush=False) as session:
        yield ReadTx(session=session, actor=actor, now=clock())
