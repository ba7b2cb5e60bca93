"""What people said of the columns of tables."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class ColumnMapping(Base):
    """What the columns of a table mean, as a person said it for the header with this signature, in its versions.

    Never changed: a correction is a further version, and so is a withdrawal, which keeps the mapping that it ends. The
    latest version of a header is in force unless it is a withdrawal.
    """

    __tablename__ = "column_mapping"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    signature: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    mapping: Mapped[str] = mapped_column(Text)
    withdrawn: Mapped[bool] = mapped_column(server_default="false")
    reason: Mapped[str | None] = mapped_column(Text)
    made_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        UniqueConstraint("study_id", "signature", "number", name="uq_column_mapping_number"),
        UniqueConstraint("id", "study_id", name="uq_column_mapping_study"),
        CheckConstraint("signature ~ '^[0-9a-f]{64}$'", name="signature"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("not withdrawn or (reason is not null and number > 1)", name="withdrawn_with_a_reason"),
    )
