"""The protocol of a study in versions: which visits are planned when, and what is collected and made at each."""

from datetime import date, datetime
from decimal import Decimal

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

from biobank.db import Base, Id, RowVersion
from biobank.protocol.document import STEP_TYPES


class ProtocolVersion(Base):
    """One version of a study's protocol. In force from `effective_from` until the next one; a published version is
    never changed. The day of a draft is only proposed.
    """

    __tablename__ = "protocol_version"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int] = mapped_column(Integer)
    effective_from: Mapped[date | None]
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    published_at: Mapped[datetime | None]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    row_version: Mapped[RowVersion]
    __table_args__ = (
        UniqueConstraint("study_id", "number", name="uq_protocol_version_number"),
        UniqueConstraint("id", "study_id", name="uq_protocol_version_study"),
        Index("uq_protocol_version_draft", "study_id", unique=True, postgresql_where=text("status = 'draft'")),
        Index(
            "uq_protocol_version_effective",
            "study_id",
            "effective_from",
            unique=True,
            postgresql_where=text("status = 'published'"),
        ),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("status in ('draft', 'published', 'discarded')", name="status"),
        CheckConstraint("(status = 'published') = (published_at is not null)", name="published_at_a_time"),
        CheckConstraint("status <> 'published' or effective_from is not null", name="published_from_a_day"),
    )


class PlannedVisit(Base):
    """A visit of a protocol version: on `planned_day` from T0 with a window in days, or unscheduled and repeatable.

    Code and title belong to the version; the visit type of the study is found or made when the version is published.
    The tubes are its own or those of another visit of the version, `same_tubes_as`.
    """

    __tablename__ = "planned_visit"
    id: Mapped[Id]
    protocol_version_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    visit_type_id: Mapped[int | None] = mapped_column()
    code: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)
    planned_day: Mapped[int | None] = mapped_column(Integer)
    days_before: Mapped[int] = mapped_column(Integer, server_default="0")
    days_after: Mapped[int] = mapped_column(Integer, server_default="0")
    same_tubes_as_id: Mapped[int | None] = mapped_column()
    __table_args__ = (
        ForeignKeyConstraint(
            ["protocol_version_id", "study_id"],
            ["protocol_version.id", "protocol_version.study_id"],
            name="fk_planned_visit_protocol_version",
        ),
        ForeignKeyConstraint(
            ["visit_type_id", "study_id"], ["visit_type.id", "visit_type.study_id"], name="fk_planned_visit_visit_type"
        ),
        ForeignKeyConstraint(
            ["same_tubes_as_id", "protocol_version_id"],
            ["planned_visit.id", "planned_visit.protocol_version_id"],
            name="fk_planned_visit_same_tubes_as",
        ),
        UniqueConstraint("protocol_version_id", "code", name="uq_planned_visit_code"),
        UniqueConstraint("protocol_version_id", "visit_type_id", name="uq_planned_visit_type"),
        UniqueConstraint("id", "protocol_version_id", name="uq_planned_visit_version"),
        UniqueConstraint("id", "study_id", name="uq_planned_visit_study"),
        CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,15}$'", name="code"),
        CheckConstraint("days_before >= 0 and days_after >= 0", name="window"),
        CheckConstraint(
            "planned_day is not null or (days_before = 0 and days_after = 0)", name="unscheduled_has_no_window"
        ),
    )


class PlannedTube(Base):
    """`count` tubes of one kind that are collected at a planned visit, in the order of the draw.

    Without a cohort everybody gives them; with one, its members do besides. With a consent scope only those give them
    who granted it. `temperature_class` is where a tube goes that is kept as it is.
    """

    __tablename__ = "planned_tube"
    id: Mapped[Id]
    planned_visit_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    cohort_id: Mapped[int | None] = mapped_column()
    code: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)
    specimen_type: Mapped[str] = mapped_column(ForeignKey("specimen_type.code"))
    tube_type: Mapped[str] = mapped_column(ForeignKey("tube_type.code"))
    count: Mapped[int] = mapped_column(Integer, server_default="1")
    quantity: Mapped[Decimal]
    unit: Mapped[str] = mapped_column(Text)
    consent_scope: Mapped[str | None] = mapped_column(ForeignKey("consent_scope.code"))
    temperature_class: Mapped[str | None] = mapped_column(ForeignKey("temperature_class.code"))
    handling: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["planned_visit_id", "study_id"],
            ["planned_visit.id", "planned_visit.study_id"],
            name="fk_planned_tube_planned_visit",
        ),
        ForeignKeyConstraint(
            ["cohort_id", "study_id"], ["cohort.id", "cohort.study_id"], name="fk_planned_tube_cohort"
        ),
        UniqueConstraint("planned_visit_id", "code", name="uq_planned_tube_code"),
        CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,29}$'", name="code"),
        CheckConstraint("count between 1 and 50", name="count"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )


class PlannedStep(Base):
    """Work on a planned tube in its order: what, begun within how many minutes of the collection, with which
    settings.
    """

    __tablename__ = "planned_step"
    id: Mapped[Id]
    planned_tube_id: Mapped[int] = mapped_column(ForeignKey("planned_tube.id"))
    position: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(Text)
    within_minutes: Mapped[int | None] = mapped_column(Integer)
    min_minutes: Mapped[int | None] = mapped_column(Integer)
    max_minutes: Mapped[int | None] = mapped_column(Integer)
    min_g: Mapped[int | None] = mapped_column(Integer)
    max_g: Mapped[int | None] = mapped_column(Integer)
    min_celsius: Mapped[int | None] = mapped_column(Integer)
    max_celsius: Mapped[int | None] = mapped_column(Integer)
    brake: Mapped[bool | None]
    sop_version: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("planned_tube_id", "position", name="uq_planned_step_position"),
        CheckConstraint(f"type in {STEP_TYPES}", name="type"),
        CheckConstraint("min_minutes <= max_minutes", name="minutes"),
        CheckConstraint("min_g <= max_g", name="force"),
        CheckConstraint("min_celsius <= max_celsius", name="temperature"),
        CheckConstraint("within_minutes > 0", name="within_positive"),
    )


class PlannedAliquot(Base):
    """`count` vials that are made of a planned tube group, `blind_duplicates` of them under a number of their own."""

    __tablename__ = "planned_aliquot"
    id: Mapped[Id]
    planned_tube_id: Mapped[int] = mapped_column(ForeignKey("planned_tube.id"))
    position: Mapped[int] = mapped_column(Integer)
    specimen_type: Mapped[str] = mapped_column(ForeignKey("specimen_type.code"))
    tube_type: Mapped[str] = mapped_column(ForeignKey("tube_type.code"))
    count: Mapped[int] = mapped_column(Integer)
    blind_duplicates: Mapped[int] = mapped_column(Integer, server_default="0")
    quantity: Mapped[Decimal]
    unit: Mapped[str] = mapped_column(Text)
    temperature_class: Mapped[str] = mapped_column(ForeignKey("temperature_class.code"))
    __table_args__ = (
        UniqueConstraint("planned_tube_id", "position", name="uq_planned_aliquot_position"),
        CheckConstraint("count between 1 and 100", name="count"),
        CheckConstraint("blind_duplicates between 0 and count", name="blind_duplicates"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )
