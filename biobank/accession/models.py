"""What became of the planned tubes of a visit, which tubes reached the bench, and spins under way."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
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


class Accession(Base):
    """A tube was taken in at a bench of a site. Taken back, the row stays with its `undone_at`."""

    __tablename__ = "accession"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    accessioned_at: Mapped[datetime]
    accessioned_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    undone_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "uq_accession_current", "specimen_id", "site_id", unique=True, postgresql_where=text("undone_at is null")
        ),
    )


class Spin(Base):
    """A centrifuge with tubes in it. Stopped, it becomes a processing event of each study whose tubes it spun.
    `held_celsius`: at which its tubes were kept until it started.
    """

    __tablename__ = "spin"
    id: Mapped[Id]
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    program_id: Mapped[int | None] = mapped_column()
    started_at: Mapped[datetime]
    started_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    stopped_at: Mapped[datetime | None]
    held_celsius: Mapped[Decimal | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "equipment_id"],
            ["equipment_program.id", "equipment_program.equipment_id"],
            name="fk_spin_program",
        ),
        Index("uq_spin_running", "equipment_id", unique=True, postgresql_where=text("stopped_at is null")),
        CheckConstraint("stopped_at >= started_at", name="stops_after_start"),
    )


class SpinTube(Base):
    """A tube in a spin; `is_running` until the spin is stopped. A tube is in one running centrifuge at most."""

    __tablename__ = "spin_tube"
    id: Mapped[Id]
    spin_id: Mapped[int] = mapped_column(ForeignKey("spin.id"))
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    is_running: Mapped[bool] = mapped_column(server_default="true")
    __table_args__ = (
        UniqueConstraint("spin_id", "specimen_id", name="uq_spin_tube_once"),
        Index("uq_spin_tube_running", "specimen_id", unique=True, postgresql_where=text("is_running")),
    )
