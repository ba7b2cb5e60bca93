"""Every label that was printed, so that a second copy of one is known for what it is."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class LabelPrint(Base):
    """One printed label of one code. Copy 1 is the first; every further copy says why. `verified_at` is the scan after
    applying.
    """

    __tablename__ = "label_print"
    id: Mapped[Id]
    identifier_id: Mapped[int] = mapped_column(ForeignKey("identifier.id"))
    copy_no: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    template_version: Mapped[int] = mapped_column(Integer)
    stock: Mapped[str] = mapped_column(Text)
    printed_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    printed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    verified_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    verified_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("identifier_id", "copy_no", name="uq_label_print_copy"),
        ForeignKeyConstraint(
            ["template", "template_version"],
            ["label_template_version.template", "label_template_version.number"],
            name="fk_label_print_template_version",
        ),
        CheckConstraint("copy_no >= 1", name="copy_counts_from_one"),
        CheckConstraint("reason in ('first', 'reprint_damaged', 'reprint_lost', 'reprint_not_printed')", name="reason"),
        CheckConstraint("(copy_no = 1) = (reason = 'first')", name="reprint_has_a_reason"),
        CheckConstraint("(verified_by is null) = (verified_at is null)", name="verified_whole"),
        Index("ix_label_print_unverified", "printed_by", "id", postgresql_where=text("verified_at is null")),
    )
