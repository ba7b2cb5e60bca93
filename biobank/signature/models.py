"""Electronic signatures: who signed what, with which meaning, and the digests that bind one to the other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id

MEANINGS = ("authorship", "review", "approval", "responsibility", "witness")


class Signature(Base):
    """A signature is bound to the SHA-256 of `content`, the canonical text of what was signed, and `record_sha256`
    binds name, meaning and time to that. It is added and never changed. People know it by `number`.
    """

    __tablename__ = "signature"
    id: Mapped[Id]
    number: Mapped[UUID] = mapped_column(Uuid, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    username: Mapped[str] = mapped_column(Text)
    printed_name: Mapped[str] = mapped_column(Text)
    meaning: Mapped[str] = mapped_column(Text)
    deed: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    content_sha256: Mapped[str] = mapped_column(Text)
    record_sha256: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime]
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    __table_args__ = (
        CheckConstraint(f"meaning in {MEANINGS}", name="meaning"),
        CheckConstraint("content_sha256 ~ '^[0-9a-f]{64}$' and record_sha256 ~ '^[0-9a-f]{64}$'", name="digests"),
        CheckConstraint("printed_name <> ''", name="has_a_name"),
    )
