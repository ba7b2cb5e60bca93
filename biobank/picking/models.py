"""Reservations of tubes, pick lists with their lines, and the searches for tubes that were not where they should be."""

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

from biobank.db import Base, Id, RowVersion


class Reservation(Base):
    """A soft claim on a tube for a purpose, until it ends or expires. A tube has one open reservation at most; one
    that has expired is open in name only: it keeps nobody off, and the next person ends it.
    """

    __tablename__ = "reservation"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    purpose: Mapped[str] = mapped_column(Text)
    reserved_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    reserved_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    ending: Mapped[str | None] = mapped_column(Text)
    ending_note: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["specimen_id", "study_id"], ["specimen.id", "specimen.study_id"], name="fk_reservation_specimen"
        ),
        Index("uq_reservation_open", "specimen_id", unique=True, postgresql_where=text("ended_at is null")),
        Index("ix_reservation_specimen", "specimen_id"),
        Index("ix_reservation_open_until", "study_id", "expires_at", postgresql_where=text("ended_at is null")),
        CheckConstraint("expires_at > reserved_at", name="expires_after_it_began"),
        CheckConstraint("ending in ('released', 'fulfilled', 'expired', 'withdrawn', 'tube_gone')", name="ending"),
        CheckConstraint("num_nonnulls(ended_at, ending) in (0, 2)", name="ended_whole"),
        CheckConstraint("char_length(purpose) between 1 and 200", name="purpose_length"),
    )


class PickList(Base):
    """Tubes of one study at one site that are taken out of the freezers together. `in_progress` and `picked` follow
    from the lines and are written by the database.
    """

    __tablename__ = "pick_list"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    purpose: Mapped[str] = mapped_column(Text)
    destination: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    created_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    started_at: Mapped[datetime | None]
    verified_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    verified_at: Mapped[datetime | None]
    handed_over_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    handed_over_at: Mapped[datetime | None]
    handed_to: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    handed_for: Mapped[str | None] = mapped_column(Text)
    cancelled_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None] = mapped_column(Text)
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_pick_list_study_site"
        ),
        UniqueConstraint("id", "study_id", name="uq_pick_list_study"),
        Index("ix_pick_list_study_site", "study_id", "site_id"),
        CheckConstraint("code ~ '^Q'", name="code_is_a_pick_list_id"),
        CheckConstraint("destination in ('packing', 'bench')", name="destination"),
        CheckConstraint(
            "status in ('open', 'in_progress', 'picked', 'verified', 'handed_over', 'cancelled')", name="status"
        ),
        CheckConstraint("status in ('open', 'cancelled') or started_at is not null", name="started_has_a_time"),
        CheckConstraint(
            "status not in ('verified', 'handed_over') or verified_at is not null", name="verified_has_a_time"
        ),
        CheckConstraint(
            "(status = 'handed_over') = (handed_over_at is not null) "
            "and num_nonnulls(handed_over_at, handed_over_by, handed_to, handed_for) in (0, 4)",
            name="handed_over_whole",
        ),
        CheckConstraint(
            "(status = 'cancelled') = (cancelled_at is not null) "
            "and num_nonnulls(cancelled_at, cancelled_by, cancel_reason) in (0, 3)",
            name="cancelled_whole",
        ),
        CheckConstraint("char_length(purpose) between 1 and 200", name="purpose_length"),
    )


class PickListLine(Base):
    """A tube of a pick list. `is_open` is written by the database: the line waits or is picked, and its list is
    neither handed over nor cancelled. A tube has one open line at most, and none while it is in an open shipment.
    """

    __tablename__ = "pick_list_line"
    id: Mapped[Id]
    pick_list_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    specimen_id: Mapped[int] = mapped_column()
    status: Mapped[str] = mapped_column(Text, server_default="to_pick")
    is_open: Mapped[bool] = mapped_column(server_default="true")
    substitute_of: Mapped[int | None] = mapped_column(ForeignKey("pick_list_line.id"))
    from_container_id: Mapped[int | None] = mapped_column(ForeignKey("container.id"))
    from_row: Mapped[int | None] = mapped_column(Integer)
    from_col: Mapped[int | None] = mapped_column(Integer)
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    settled_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["pick_list_id", "study_id"], ["pick_list.id", "pick_list.study_id"], name="fk_pick_list_line_list"
        ),
        ForeignKeyConstraint(
            ["specimen_id", "study_id"], ["specimen.id", "specimen.study_id"], name="fk_pick_list_line_specimen"
        ),
        UniqueConstraint("pick_list_id", "specimen_id", name="uq_pick_list_line_once"),
        Index("uq_pick_list_line_open", "specimen_id", unique=True, postgresql_where=text("is_open")),
        Index("ix_pick_list_line_specimen", "specimen_id"),
        CheckConstraint(
            "status in ('to_pick', 'picked', 'not_found', 'short', 'substituted', 'skipped', 'withdrawn')",
            name="status",
        ),
        CheckConstraint("(status = 'to_pick') = (settled_at is null)", name="settled_has_a_time"),
        CheckConstraint("num_nonnulls(from_container_id, from_row, from_col) in (0, 3)", name="from_is_whole"),
    )
