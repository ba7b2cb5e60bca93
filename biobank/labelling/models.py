"""Ranges of pre-printed labels, each label of a range, kits of them, and every time that a range was printed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class LabelRange(Base):
    """Codes that were minted together to be printed before there are tubes. Issued to a site once and for ever; below
    `warn_below` unused labels the site is warned.
    """

    __tablename__ = "label_range"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    site_id: Mapped[int | None] = mapped_column()
    purpose: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(Integer)
    warn_below: Mapped[int] = mapped_column(Integer, server_default="0")
    minted_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    minted_at: Mapped[datetime]
    issued_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    issued_at: Mapped[datetime | None]
    received_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    received_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_label_range_study_site"
        ),
        UniqueConstraint("id", "site_id", name="uq_label_range_site"),
        CheckConstraint("count between 1 and 5000", name="count"),
        CheckConstraint("warn_below between 0 and 5000", name="warn_below"),
        CheckConstraint("char_length(purpose) between 1 and 80", name="purpose_length"),
        CheckConstraint("num_nonnulls(site_id, issued_by, issued_at) in (0, 3)", name="issued_whole"),
        CheckConstraint("num_nonnulls(received_by, received_at) in (0, 2)", name="received_whole"),
        CheckConstraint("received_at is null or issued_at is not null", name="received_after_issue"),
        Index("ix_label_range_study_site", "study_id", "site_id"),
    )


class RangeLabel(Base):
    """One label of a range. It is applied to one tube of the site that the range was issued to, or voided, once and for
    ever.
    """

    __tablename__ = "range_label"
    id: Mapped[Id]
    range_id: Mapped[int] = mapped_column(ForeignKey("label_range.id"))
    position: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(Text, unique=True)
    applied_site_id: Mapped[int | None] = mapped_column()
    applied_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    applied_at: Mapped[datetime | None]
    specimen_id: Mapped[int | None] = mapped_column(ForeignKey("specimen.id"))
    voided_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        # A range that was not issued has no site, so that nothing can refer to it: its labels cannot be applied.
        ForeignKeyConstraint(
            ["range_id", "applied_site_id"], ["label_range.id", "label_range.site_id"], name="fk_range_label_issued_to"
        ),
        UniqueConstraint("range_id", "position", name="uq_range_label_position"),
        CheckConstraint("code ~ '^T' and biobank_house_id_is_valid(code)", name="code_is_a_tube_id"),
        CheckConstraint("num_nonnulls(applied_site_id, applied_by, applied_at) in (0, 3)", name="applied_whole"),
        CheckConstraint("num_nonnulls(voided_by, voided_at, void_reason) in (0, 3)", name="voided_whole"),
        CheckConstraint("applied_at is null or voided_at is null", name="applied_or_voided"),
        CheckConstraint("specimen_id is null or applied_at is not null", name="tube_where_applied"),
        Index("ix_range_label_unused", "range_id", postgresql_where=text("applied_at is null and voided_at is null")),
        Index("ix_range_label_specimen", "specimen_id", postgresql_where=text("specimen_id is not null")),
    )


class Kit(Base):
    """Labels `first` to `last` of a range, which go out together, with what is drawn into the tubes they are for. A kit
    has a code of its own and never changes.
    """

    __tablename__ = "kit"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    range_id: Mapped[int] = mapped_column(ForeignKey("label_range.id"))
    number: Mapped[int] = mapped_column(Integer)
    first: Mapped[int] = mapped_column(Integer)
    last: Mapped[int] = mapped_column(Integer)
    __table_args__ = (
        UniqueConstraint("range_id", "number", name="uq_kit_number"),
        CheckConstraint("code ~ '^K'", name="code_is_a_kit_id"),
        CheckConstraint("number >= 1 and first >= 1 and last >= first", name="counts_from_one"),
    )


class RangePrint(Base):
    """The unused labels of a range were printed. Printing 1 is the first; every further one says why."""

    __tablename__ = "range_print"
    id: Mapped[Id]
    range_id: Mapped[int] = mapped_column(ForeignKey("label_range.id"))
    copy_no: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    template_version: Mapped[int] = mapped_column(Integer)
    stock: Mapped[str] = mapped_column(Text)
    labels: Mapped[int] = mapped_column(Integer)
    printed_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    printed_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("range_id", "copy_no", name="uq_range_print_copy"),
        ForeignKeyConstraint(
            ["template", "template_version"],
            ["label_template_version.template", "label_template_version.number"],
            name="fk_range_print_template_version",
        ),
        CheckConstraint("copy_no >= 1", name="copy_counts_from_one"),
        CheckConstraint("reason in ('first', 'reprint_damaged', 'reprint_lost', 'reprint_not_printed')", name="reason"),
        CheckConstraint("(copy_no = 1) = (reason = 'first')", name="reprint_has_a_reason"),
        CheckConstraint("labels >= 1", name="labels_counted"),
    )
