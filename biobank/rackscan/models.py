"""Scans of whole racks as they were handed in, and what people said of what the scanner could not tell."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class RackScan(Base):
    """The file of a whole-rack scanner for one box: its bytes, and its cells as they were read. Neither changes; the
    same bytes for the same box are one open scan.
    """

    __tablename__ = "rack_scan"
    id: Mapped[Id]
    container_id: Mapped[int] = mapped_column(ForeignKey("container.id"), index=True)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    layout: Mapped[str] = mapped_column(Text)
    layout_version: Mapped[str] = mapped_column(Text)
    rack_code: Mapped[str | None] = mapped_column(Text)
    scanner: Mapped[str | None] = mapped_column(Text)
    scanned_at: Mapped[str | None] = mapped_column(Text)
    cells: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    notes: Mapped[list[str]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    read_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    read_at: Mapped[datetime]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    settled_at: Mapped[datetime | None]
    deed: Mapped[UUID | None] = mapped_column(Uuid)
    __table_args__ = (
        Index("uq_rack_scan_open", "container_id", "sha256", unique=True, postgresql_where=text("status = 'open'")),
        CheckConstraint("status in ('open', 'committed', 'discarded')", name="status"),
        CheckConstraint("octet_length(content) between 1 and 1048576", name="size"),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="digest"),
        CheckConstraint("num_nonnulls(settled_by, settled_at) in (0, 2)", name="settled_whole"),
        CheckConstraint("(status = 'open') = (settled_at is null)", name="settled_once"),
        CheckConstraint("(status = 'committed') = (deed is not null)", name="deed_of_a_commit"),
        CheckConstraint("char_length(file_name) between 1 and 200", name="file_name_length"),
    )


class RackScanAnswer(Base):
    """What a person says of a position: the code that was scanned by hand, or that nothing stands there any more."""

    __tablename__ = "rack_scan_answer"
    id: Mapped[Id]
    rack_scan_id: Mapped[int] = mapped_column(ForeignKey("rack_scan.id"))
    row: Mapped[int] = mapped_column(Integer)
    col: Mapped[int] = mapped_column(Integer)
    code: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    answered_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("rack_scan_id", "row", "col", name="uq_rack_scan_answer_position"),
        CheckConstraint('"row" between 0 and 31 and col between 0 and 47', name="position"),
        CheckConstraint("char_length(code) between 1 and 64", name="code_length"),
    )


class RackScanDecision(Base):
    """What became of a tube that should stand in the box and was not seen."""

    __tablename__ = "rack_scan_decision"
    id: Mapped[Id]
    rack_scan_id: Mapped[int] = mapped_column(ForeignKey("rack_scan.id"))
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    decision: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    decided_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("rack_scan_id", "specimen_id", name="uq_rack_scan_decision_tube"),
        CheckConstraint("decision in ('unread', 'taken_out', 'missing')", name="decision"),
    )
