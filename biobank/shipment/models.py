"""Shipments, their packages and what each package holds, from draft to reconciled."""

from datetime import datetime
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


class ExternalParty(Base):
    """A laboratory, vendor or researcher outside the house that receives or sends tubes."""

    __tablename__ = "external_party"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text)
    __table_args__ = (CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),)


class Shipment(Base):
    """A consignment. Once packed its manifest is frozen: `manifest` is canonical text and `manifest_sha256` its
    digest.
    """

    __tablename__ = "shipment"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    study_id: Mapped[int] = mapped_column()
    from_site_id: Mapped[int] = mapped_column()
    to_site_id: Mapped[int | None] = mapped_column()
    to_party_id: Mapped[int | None] = mapped_column(ForeignKey("external_party.id"))
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    purpose: Mapped[str] = mapped_column(Text)
    classification: Mapped[str] = mapped_column(Text)
    courier: Mapped[str | None] = mapped_column(Text)
    tracking_no: Mapped[str | None] = mapped_column(Text)
    manifest: Mapped[str | None] = mapped_column(Text)
    manifest_sha256: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    packed_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    packed_at: Mapped[datetime | None]
    shipped_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    shipped_at: Mapped[datetime | None]
    received_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    received_at: Mapped[datetime | None]
    reconciled_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    reconciled_at: Mapped[datetime | None]
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "from_site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_shipment_from_site"
        ),
        ForeignKeyConstraint(
            ["study_id", "to_site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_shipment_to_site"
        ),
        UniqueConstraint("id", "study_id", name="uq_shipment_study"),
        CheckConstraint("code ~ '^X'", name="code_is_a_shipment_id"),
        CheckConstraint("num_nonnulls(to_site_id, to_party_id) = 1", name="one_consignee"),
        CheckConstraint("to_site_id is null or to_site_id <> from_site_id", name="goes_elsewhere"),
        CheckConstraint(
            "status in ('draft', 'packed', 'shipped', 'received', 'reconciled', 'cancelled', 'lost')", name="status"
        ),
        CheckConstraint("classification in ('exempt_human_specimen', 'un3373_category_b')", name="classification"),
        CheckConstraint(
            "status in ('draft', 'cancelled') "
            "or (manifest is not null and manifest_sha256 is not null and packed_at is not null)",
            name="packed_has_a_manifest",
        ),
        CheckConstraint(
            "status not in ('shipped', 'received', 'reconciled', 'lost') "
            "or (shipped_at is not null and courier is not null)",
            name="shipped_has_a_courier",
        ),
        CheckConstraint(
            "status not in ('received', 'reconciled') or received_at is not null", name="received_has_a_time"
        ),
        CheckConstraint("status <> 'reconciled' or reconciled_at is not null", name="reconciled_has_a_time"),
        CheckConstraint("received_at is null or received_at >= shipped_at", name="received_after_shipped"),
        Index("ix_shipment_study_sites", "study_id", "from_site_id", "to_site_id"),
    )


class Package(Base):
    """One outer box of a shipment. With dry ice its net mass in kilograms is named: without it no air paper may be
    printed.
    """

    __tablename__ = "package"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipment.id"))
    number: Mapped[int] = mapped_column(Integer)
    refrigerant: Mapped[str] = mapped_column(Text)
    dry_ice_net_kg: Mapped[Decimal | None]
    temperature_class: Mapped[str] = mapped_column(ForeignKey("temperature_class.code"))
    logger_serial: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("shipment_id", "number", name="uq_package_number"),
        UniqueConstraint("id", "shipment_id", name="uq_package_shipment"),
        CheckConstraint("code ~ '^X'", name="code_is_a_shipment_id"),
        CheckConstraint("refrigerant in ('none', 'gel_packs', 'dry_ice', 'ln2_dry_shipper')", name="refrigerant"),
        CheckConstraint("(refrigerant = 'dry_ice') = (dry_ice_net_kg is not null)", name="dry_ice_has_net_mass"),
        CheckConstraint("dry_ice_net_kg > 0 and dry_ice_net_kg <= 200", name="dry_ice_limit"),
    )


ITEM_STATUSES = ("packed", "unpacked", "received", "damaged", "thawed", "missing", "extra")


class PackageItem(Base):
    """A tube in a package. `is_open` until it is received, found missing or unpacked: a tube is in one open shipment
    at most.
    """

    __tablename__ = "package_item"
    id: Mapped[Id]
    package_id: Mapped[int] = mapped_column()
    shipment_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    specimen_id: Mapped[int] = mapped_column()
    is_open: Mapped[bool] = mapped_column(server_default="true")
    status: Mapped[str] = mapped_column(Text, server_default="packed")
    note: Mapped[str | None] = mapped_column(Text)
    packed_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    packed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    received_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    received_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    resolved_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["package_id", "shipment_id"], ["package.id", "package.shipment_id"], name="fk_package_item_package"
        ),
        ForeignKeyConstraint(
            ["shipment_id", "study_id"], ["shipment.id", "shipment.study_id"], name="fk_package_item_shipment"
        ),
        ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name="fk_package_item_specimen"),
        UniqueConstraint("shipment_id", "specimen_id", name="uq_package_item_once_a_shipment"),
        Index("uq_package_item_open", "specimen_id", unique=True, postgresql_where=text("is_open")),
        Index("ix_package_item_package", "package_id"),
        CheckConstraint(f"status in {ITEM_STATUSES}", name="status"),
        CheckConstraint(
            "resolution in ('found', 'accepted_as_is', 'quarantined', 'written_off', 'returned')", name="resolution"
        ),
        CheckConstraint("num_nonnulls(resolution, resolved_by, resolved_at) in (0, 3)", name="resolved_whole"),
        CheckConstraint("(status in ('packed', 'unpacked')) = (received_at is null)", name="received_has_a_time"),
    )
