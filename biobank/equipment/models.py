"""What a site works with: equipment with its calibration, its programs, and lots of reagents."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class Equipment(Base):
    """A centrifuge, counter, freezer, ... of a site. Work after `calibration_due` is told."""

    __tablename__ = "equipment"
    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    code: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    serial_no: Mapped[str | None] = mapped_column(Text)
    calibration_due: Mapped[date | None]
    status: Mapped[str] = mapped_column(Text, server_default="in_service")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    row_version: Mapped[RowVersion]
    __table_args__ = (
        UniqueConstraint("site_id", "code", name="uq_equipment_code"),
        CheckConstraint("code ~ '^[A-Z0-9][A-Z0-9-]{0,19}$'", name="code"),
        CheckConstraint(
            "kind in ('centrifuge', 'controlled_rate_freezer', 'incubator', 'cell_counter', 'spectrophotometer', "
            "'bioanalyzer', 'extractor', 'pipette', 'balance', 'other')",
            name="kind",
        ),
        CheckConstraint("status in ('in_service', 'out_of_service', 'retired')", name="status"),
    )


class EquipmentProgram(Base):
    """Settings that a piece of equipment runs under a name."""

    __tablename__ = "equipment_program"
    id: Mapped[Id]
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    code: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    g_force: Mapped[Decimal | None]
    minutes: Mapped[Decimal | None]
    celsius: Mapped[Decimal | None]
    brake: Mapped[bool | None]
    is_active: Mapped[bool] = mapped_column(server_default="true")
    __table_args__ = (
        UniqueConstraint("equipment_id", "code", name="uq_equipment_program_code"),
        UniqueConstraint("id", "equipment_id", name="uq_equipment_program_equipment"),
        CheckConstraint("g_force > 0 and minutes > 0", name="settings_positive"),
    )


class ProgramTubeType(Base):
    """A program is meant for these tubes: another tube in it is a mistake that is told before the spin."""

    __tablename__ = "program_tube_type"
    id: Mapped[Id]
    program_id: Mapped[int] = mapped_column(ForeignKey("equipment_program.id"))
    tube_type: Mapped[str] = mapped_column(ForeignKey("tube_type.code"))
    __table_args__ = (UniqueConstraint("program_id", "tube_type", name="uq_program_tube_type_once"),)


class ReagentLot(Base):
    """A lot of a reagent or consumable at a site."""

    __tablename__ = "reagent_lot"
    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    reagent: Mapped[str] = mapped_column(Text)
    lot: Mapped[str] = mapped_column(Text)
    expires_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (UniqueConstraint("site_id", "reagent", "lot", name="uq_reagent_lot_once"),)
