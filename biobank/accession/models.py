"""What became of the tubes that the protocol plans for a visit."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class TubeOutcome(Base):
    """A planned tube of a visit was collected, or was not for a reason. One that turns up later supersedes the reason,
    which stays on record.
    """

    __tablename__ = "tube_outcome"
    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    planned_tube_id: Mapped[int] = mapped_column(ForeignKey("planned_tube.id"))
    ordinal: Mapped[int] = mapped_column(Integer)
    specimen_id: Mapped[int | None] = mapped_column(ForeignKey("specimen.id"))
    reason_code: Mapped[str | None] = mapped_column(ForeignKey("not_collected_reason.code"))
    note: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    superseded_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "uq_tube_outcome_current",
            "visit_id",
            "planned_tube_id",
            "ordinal",
            unique=True,
            postgresql_where=text("superseded_at is null"),
        ),
        Index("uq_tube_outcome_specimen", "specimen_id", unique=True, postgresql_where=text("superseded_at is null")),
        CheckConstraint("num_nonnulls(specimen_id, reason_code) = 1", name="collected_or_a_reason"),
        CheckConstraint("ordinal between 1 and 50", name="ordinal"),
    )
