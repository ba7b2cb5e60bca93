"""Code tables: the field's terms for materials, tubes and temperatures, as data."""

from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class TemperatureClass(Base):
    """A storage temperature (RT, 4, -20, -80, LN2 vapour, LN2 liquid) and its range; `rank` rises as it gets colder."""

    __tablename__ = "temperature_class"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    rank: Mapped[int] = mapped_column(Integer, unique=True)
    min_celsius: Mapped[Decimal]
    max_celsius: Mapped[Decimal]
    __table_args__ = (CheckConstraint("min_celsius <= max_celsius", name="range"),)


class SpecimenType(Base):
    """What is in the tube. `sprec_type` is null for what SPREC has no code for (DNA, RNA, sediment); SNOMED CT is kept
    apart because the mapping is lossy.
    """

    __tablename__ = "specimen_type"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    sprec_type: Mapped[str | None] = mapped_column(Text)
    snomed: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    temperature_class: Mapped[str] = mapped_column(ForeignKey("temperature_class.code"))
    freeze_thaw_cap: Mapped[int | None] = mapped_column(Integer)


class TubeFormat(Base):
    """The outer shape of a tube, by which it goes into a box or not."""

    __tablename__ = "tube_format"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)


class TubeType(Base):
    """The tube itself: what it holds, in microlitres; its SPREC code as a primary container (element 2) and its family
    as a container of long-term storage (element 7); its format, where that is known.
    """

    __tablename__ = "tube_type"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    sprec_container: Mapped[str | None] = mapped_column(Text)
    sprec_family: Mapped[str | None] = mapped_column(Text)
    capacity_ul: Mapped[Decimal]
    format: Mapped[str | None] = mapped_column(ForeignKey("tube_format.code"))
    __table_args__ = (
        CheckConstraint(
            "sprec_family in ('pp_40_500', 'pp_500_2000', 'pp_5000', 'cryotube', 'straw', 'microplate', 'paraffin', "
            "'bag', 'dry_medium', 'original')",
            name="sprec_family",
        ),
    )


class MaterialOrigin(Base):
    """A material that can be made of another, as serum of blood. `sprec_container` names the primary tubes that it
    takes, because serum cannot be made of blood that was kept from clotting; null is any tube.
    """

    __tablename__ = "material_origin"
    id: Mapped[Id]
    specimen_type: Mapped[str] = mapped_column(ForeignKey("specimen_type.code"))
    made_of: Mapped[str] = mapped_column(ForeignKey("specimen_type.code"))
    sprec_container: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint(
            "specimen_type",
            "made_of",
            "sprec_container",
            name="uq_material_origin_once",
            postgresql_nulls_not_distinct=True,
        ),
    )


class DeviationType(Base):
    """What may go wrong with a tube, as the field names it; whether it keeps the tube from leaving or being measured,
    or sets it apart at once, is data.
    """

    __tablename__ = "deviation_type"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    blocks_shipping: Mapped[bool] = mapped_column(server_default="false")
    blocks_assay: Mapped[bool] = mapped_column(server_default="false")
    quarantines: Mapped[bool] = mapped_column(server_default="false")
    __table_args__ = (CheckConstraint("severity in ('minor', 'major', 'critical')", name="severity"),)


class NotCollectedReason(Base):
    """Why a planned tube was not collected."""

    __tablename__ = "not_collected_reason"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)


class QcQuantity(Base):
    """What is measured about the quality of a sample (RIN, viability, a ratio): its unit, and what it can be at all."""

    __tablename__ = "qc_quantity"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    lowest: Mapped[Decimal | None]
    highest: Mapped[Decimal | None]
