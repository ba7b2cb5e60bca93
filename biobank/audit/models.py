"""The audit trail: why things changed and what exactly changed, and the seals that make tampering evident."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, LargeBinary, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class AuditEntry(Base):
    """An event (why) or the insert, update or delete of one row (what). Written by the database, never changed.

    `body` is text, not jsonb: its very characters are what the seal covers. Columns that identify a person are left
    out of it and stand in `audit_private`, so that they can be erased without breaking the chain.
    """

    __tablename__ = "audit_entry"
    id: Mapped[Id]
    tx: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    row_id: Mapped[int | None] = mapped_column(BigInteger)
    study_id: Mapped[int | None] = mapped_column(BigInteger)
    site_id: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        Index("ix_audit_entry_subject", "name", "row_id"),
        Index("ix_audit_entry_tx", "tx"),
        Index("ix_audit_entry_event", "study_id", "id", postgresql_where=text("kind = 'event'")),
        Index("ix_audit_entry_deed", "row_id", postgresql_where=text("kind = 'event'")),
        Index("ix_audit_entry_actor", "actor_id", "id", postgresql_where=text("kind = 'event'")),
    )


class AuditPrivate(Base):
    """The values of a change that identify a person, apart from the chain."""

    __tablename__ = "audit_private"
    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entry.id"), primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class AuditSeal(Base):
    """A batch of committed entries and its place in the chain.

    `entries` holds 40 bytes for each: its id (8, big-endian) and the SHA-256 of its canonical text (32). `hash` is the
    SHA-256 of the previous seal's hash, `settled_id` (8 bytes) and `entries`. `xid` is the first transaction number
    not given out then: once all below it are over, no entry with an id up to `last_id` can appear any more.
    `settled_id` is the id up to which this had become certain, so that everything up to it is sealed.
    """

    __tablename__ = "audit_seal"
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True, minvalue=1), primary_key=True)
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(Integer)
    entries: Mapped[bytes] = mapped_column(LargeBinary)
    settled_id: Mapped[int] = mapped_column(BigInteger)
    xid: Mapped[int] = mapped_column(BigInteger)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    sealed_at: Mapped[datetime] = mapped_column(server_default=func.now())
