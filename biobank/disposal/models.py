"""Disposal lists: tubes that are to be destroyed, each confirmed by two people."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id

REASONS = ("consent_withdrawn", "expired", "unfit", "surplus", "study_closed")
METHODS = ("autoclaved", "incinerated", "chemical", "returned_to_origin")


class Disposal(Base):
    """A worklist of tubes of one study at one site that are to be destroyed. People know it by `number`."""

    __tablename__ = "disposal"
    id: Mapped[Id]
    number: Mapped[UUID] = mapped_column(Uuid, unique=True)
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    reason: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    created_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_disposal_study_site"
        ),
        UniqueConstraint("id", "study_id", name="uq_disposal_study"),
        CheckConstraint(f"reason in {REASONS}", name="reason"),
        CheckConstraint("words <> ''", name="has_words"),
        Index("ix_disposal_study_site", "study_id", "site_id"),
    )


class DisposalTube(Base):
    """A tube on a disposal list. The first person confirms or misses it, a second and different person confirms that;
    only then is it disposed of, or lost. `was_at` says where it stood when the first person took it out.
    """

    __tablename__ = "disposal_tube"
    id: Mapped[Id]
    disposal_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    specimen_id: Mapped[int] = mapped_column()
    status: Mapped[str] = mapped_column(Text, server_default="listed")
    method: Mapped[str | None] = mapped_column(Text)
    was_at: Mapped[str | None] = mapped_column(Text)
    first_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    first_at: Mapped[datetime | None]
    second_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    second_at: Mapped[datetime | None]
    struck_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["disposal_id", "study_id"], ["disposal.id", "disposal.study_id"], name="fk_disposal_tube_disposal"
        ),
        ForeignKeyConstraint(
            ["specimen_id", "study_id"], ["specimen.id", "specimen.study_id"], name="fk_disposal_tube_specimen"
        ),
        UniqueConstraint("disposal_id", "specimen_id", name="uq_disposal_tube_once"),
        Index(
            "uq_disposal_tube_open",
            "specimen_id",
            unique=True,
            postgresql_where=text("status in ('listed', 'confirmed', 'missed')"),
        ),
        CheckConstraint(
            "status in ('listed', 'confirmed', 'missed', 'disposed', 'not_found', 'struck')", name="status"
        ),
        CheckConstraint(f"method in {METHODS}", name="method"),
        CheckConstraint("first_by <> second_by", name="two_people"),
        CheckConstraint("num_nonnulls(first_by, first_at) in (0, 2)", name="first_whole"),
        CheckConstraint("num_nonnulls(second_by, second_at) in (0, 2)", name="second_whole"),
        CheckConstraint("(status in ('listed', 'struck')) or first_by is not null", name="first_confirms"),
        CheckConstraint("(status in ('disposed', 'not_found')) = (second_by is not null)", name="second_confirms"),
        CheckConstraint("(status in ('confirmed', 'disposed')) = (method is not null)", name="disposed_has_a_method"),
        CheckConstraint("(status = 'struck') = (struck_reason is not null)", name="struck_has_a_reason"),
    )
