"""Deliveries of tubes that bear codes of their maker, each code of them, and studies that take no others."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class VendorCodeDelivery(Base):
    """The codes of one file of a maker, registered at goods-in for a study at a site."""

    __tablename__ = "vendor_code_delivery"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    namespace: Mapped[str] = mapped_column(ForeignKey("namespace.code"))
    lot: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(Integer)
    received_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    received_at: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"],
            ["study_site.study_id", "study_site.site_id"],
            name="fk_vendor_code_delivery_study_site",
        ),
        UniqueConstraint("id", "study_id", "namespace", name="uq_vendor_code_delivery_study_namespace"),
        CheckConstraint("count between 1 and 20000", name="count"),
        CheckConstraint("namespace <> 'house'", name="of_a_maker"),
        CheckConstraint("char_length(file_name) between 1 and 200", name="file_name_length"),
        CheckConstraint("char_length(lot) between 1 and 80", name="lot_length"),
        Index("ix_vendor_code_delivery_study_site", "study_id", "site_id"),
    )


class VendorCode(Base):
    """A code of a delivery. It is on no tube yet, or on one for ever; in a namespace it is registered once for ever."""

    __tablename__ = "vendor_code"
    id: Mapped[Id]
    delivery_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    namespace: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    specimen_id: Mapped[int | None] = mapped_column(ForeignKey("specimen.id"))
    applied_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["delivery_id", "study_id", "namespace"],
            ["vendor_code_delivery.id", "vendor_code_delivery.study_id", "vendor_code_delivery.namespace"],
            name="fk_vendor_code_delivery",
        ),
        UniqueConstraint("namespace", "value", name="uq_vendor_code_value"),
        CheckConstraint("char_length(value) between 1 and 64", name="value_length"),
        CheckConstraint("num_nonnulls(specimen_id, applied_at) in (0, 2)", name="applied_whole"),
        Index("ix_vendor_code_unused", "delivery_id", postgresql_where=text("specimen_id is null")),
        Index("ix_vendor_code_specimen", "specimen_id", postgresql_where=text("specimen_id is not null")),
    )


class VendorCodeRule(Base):
    """In this study tubes take codes of this namespace only where these were registered at goods-in."""

    __tablename__ = "vendor_code_rule"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    namespace: Mapped[str] = mapped_column(ForeignKey("namespace.code"))
    required: Mapped[bool] = mapped_column()
    set_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    set_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("study_id", "namespace", name="uq_vendor_code_rule"),
        CheckConstraint("namespace <> 'house'", name="of_a_maker"),
    )
