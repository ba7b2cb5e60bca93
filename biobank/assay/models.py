"""Assays, runs, plates and wells, and results with their versions. Values are numeric with unit and original text,
never float.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class Analyte(Base):
    """A canonical antigen or biomarker, whatever a kit or a file calls it."""

    __tablename__ = "analyte"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    uniprot: Mapped[str | None] = mapped_column(Text)


class Assay(Base):
    __tablename__ = "assay"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    code: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    platform: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("study_id", "code", name="uq_assay_code"),
        UniqueConstraint("id", "study_id", name="uq_assay_study"),
    )


class AssayVersion(Base):
    """A method as it stood from a day on: its file format and its analytes. Results name the version, never the assay
    alone.
    """

    __tablename__ = "assay_version"
    id: Mapped[Id]
    assay_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    number: Mapped[int] = mapped_column(Integer)
    method: Mapped[str] = mapped_column(Text)
    importer: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[date]
    __table_args__ = (
        ForeignKeyConstraint(["assay_id", "study_id"], ["assay.id", "assay.study_id"], name="fk_assay_version_assay"),
        UniqueConstraint("assay_id", "number", name="uq_assay_version_number"),
        UniqueConstraint("id", "study_id", name="uq_assay_version_study"),
    )


class AssayVersionAnalyte(Base):
    """An analyte as a version measures it: what the file calls it, the unit where the file gives none, and its
    limits.
    """

    __tablename__ = "assay_version_analyte"
    id: Mapped[Id]
    assay_version_id: Mapped[int] = mapped_column(ForeignKey("assay_version.id"))
    analyte_id: Mapped[int] = mapped_column(ForeignKey("analyte.id"))
    name_in_file: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    lloq: Mapped[Decimal | None]
    uloq: Mapped[Decimal | None]
    __table_args__ = (
        UniqueConstraint("assay_version_id", "analyte_id", name="uq_assay_version_analyte_once"),
        UniqueConstraint("assay_version_id", "name_in_file", name="uq_assay_version_analyte_name"),
        CheckConstraint("lloq is null or uloq is null or lloq < uloq", name="limits_in_order"),
    )


class FitnessRule(Base):
    """What a tube of one material must be for a version of an assay. What is left open is not asked.

    `min_quantity` is in the material's unit. Delays are minutes: from collection to the first spin, and from
    collection to long-term storage.
    """

    __tablename__ = "fitness_rule"
    id: Mapped[Id]
    assay_version_id: Mapped[int] = mapped_column(ForeignKey("assay_version.id"))
    specimen_type: Mapped[str] = mapped_column(ForeignKey("specimen_type.code"))
    min_quantity: Mapped[Decimal | None]
    max_freeze_thaws: Mapped[int | None] = mapped_column(Integer)
    max_minutes_to_spin: Mapped[int | None] = mapped_column(Integer)
    max_minutes_to_storage: Mapped[int | None] = mapped_column(Integer)
    __table_args__ = (
        UniqueConstraint("assay_version_id", "specimen_type", name="uq_fitness_rule_type"),
        CheckConstraint("min_quantity > 0", name="min_quantity"),
        CheckConstraint("max_freeze_thaws >= 0", name="max_freeze_thaws"),
        CheckConstraint("max_minutes_to_spin > 0 and max_minutes_to_storage > 0", name="minutes"),
    )


class FitnessMeasurement(Base):
    """A fitness rule asks for a measured quality (RIN, viability) within limits; a tube without it is unfit."""

    __tablename__ = "fitness_measurement"
    id: Mapped[Id]
    fitness_rule_id: Mapped[int] = mapped_column(ForeignKey("fitness_rule.id"))
    quantity: Mapped[str] = mapped_column(ForeignKey("qc_quantity.code"))
    lowest: Mapped[Decimal | None]
    highest: Mapped[Decimal | None]
    __table_args__ = (
        UniqueConstraint("fitness_rule_id", "quantity", name="uq_fitness_measurement_once"),
        CheckConstraint("num_nonnulls(lowest, highest) > 0", name="limit"),
        CheckConstraint("lowest <= highest", name="limits_in_order"),
    )


class FitnessDeviation(Base):
    """An open deviation of this type makes a tube unfit, besides the types that keep a tube from every assay."""

    __tablename__ = "fitness_deviation"
    id: Mapped[Id]
    fitness_rule_id: Mapped[int] = mapped_column(ForeignKey("fitness_rule.id"))
    type_code: Mapped[str] = mapped_column(ForeignKey("deviation_type.code"))
    __table_args__ = (UniqueConstraint("fitness_rule_id", "type_code", name="uq_fitness_deviation_once"),)


class FitnessSprec(Base):
    """An element of SPREC may have these codes only."""

    __tablename__ = "fitness_sprec"
    id: Mapped[Id]
    fitness_rule_id: Mapped[int] = mapped_column(ForeignKey("fitness_rule.id"))
    element: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("fitness_rule_id", "element", "code", name="uq_fitness_sprec_once"),
        CheckConstraint("element between 1 and 7", name="element"),
    )


class RawFile(Base):
    """The bytes that an instrument wrote, kept whole; the same bytes twice in a study are one file."""

    __tablename__ = "raw_file"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    sha256: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    uploaded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        UniqueConstraint("study_id", "sha256", name="uq_raw_file_content"),
        UniqueConstraint("id", "study_id", name="uq_raw_file_study"),
        CheckConstraint("size >= 0", name="size"),
    )


RUN_STATUSES = ("planned", "plated", "parsed", "verified", "released", "failed")


class AssayRun(Base):
    """One run of an assay: from a plate on the bench to released results. The reviewer is never the operator."""

    __tablename__ = "assay_run"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(Text)
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    assay_version_id: Mapped[int] = mapped_column()
    status: Mapped[str] = mapped_column(Text, server_default="planned")
    operator_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    kit_lot: Mapped[str | None] = mapped_column(Text)
    raw_file_id: Mapped[int | None] = mapped_column()
    importer: Mapped[str | None] = mapped_column(Text)
    importer_version: Mapped[str | None] = mapped_column(Text)
    column_mapping_id: Mapped[int | None] = mapped_column()
    instrument: Mapped[str | None] = mapped_column(Text)
    software: Mapped[str | None] = mapped_column(Text)
    serial_number: Mapped[str | None] = mapped_column(Text)
    batch: Mapped[str | None] = mapped_column(Text)
    acquired_at: Mapped[str | None] = mapped_column(Text)
    header: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    imported_at: Mapped[datetime | None]
    verified_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    verified_at: Mapped[datetime | None]
    released_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    released_at: Mapped[datetime | None]
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_assay_run_study_site"
        ),
        ForeignKeyConstraint(
            ["assay_version_id", "study_id"],
            ["assay_version.id", "assay_version.study_id"],
            name="fk_assay_run_assay_version",
        ),
        ForeignKeyConstraint(
            ["raw_file_id", "study_id"], ["raw_file.id", "raw_file.study_id"], name="fk_assay_run_raw_file"
        ),
        ForeignKeyConstraint(
            ["column_mapping_id", "study_id"],
            ["column_mapping.id", "column_mapping.study_id"],
            name="fk_assay_run_column_mapping",
        ),
        UniqueConstraint("study_id", "name", name="uq_assay_run_name"),
        UniqueConstraint("id", "study_id", name="uq_assay_run_study"),
        # A failed run gives its file back, so that a run with the right plate map can import it.
        Index("uq_assay_run_one_file_once", "raw_file_id", unique=True, postgresql_where=text("status <> 'failed'")),
        CheckConstraint(f"status in {RUN_STATUSES}", name="status"),
        CheckConstraint(
            "verified_by is null or (verified_by <> operator_id and verified_by <> imported_by)",
            name="reviewer_is_not_operator",
        ),
        CheckConstraint(
            "released_by is null or (released_by <> operator_id and released_by <> imported_by)",
            name="releaser_is_not_operator",
        ),
        CheckConstraint(
            "status in ('planned', 'plated', 'failed') "
            "or num_nonnulls(raw_file_id, importer, importer_version, imported_by, imported_at) = 5",
            name="parsed_has_its_file",
        ),
        CheckConstraint(
            "(column_mapping_id is not null) = (importer is not null and importer = 'generic_table')",
            name="table_has_its_mapping",
        ),
        CheckConstraint(
            "status not in ('verified', 'released') or num_nonnulls(verified_by, verified_at) = 2",
            name="verified_by_someone",
        ),
        CheckConstraint(
            "status <> 'released' or num_nonnulls(released_by, released_at) = 2", name="released_by_someone"
        ),
        CheckConstraint("status <> 'failed' or released_at is null", name="failed_is_never_released"),
        Index("ix_assay_run_study_site", "study_id", "site_id"),
    )


class Plate(Base):
    __tablename__ = "plate"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("assay_run.id"))
    number: Mapped[int] = mapped_column(Integer)
    rows: Mapped[int] = mapped_column(Integer)
    cols: Mapped[int] = mapped_column(Integer)
    __table_args__ = (
        UniqueConstraint("run_id", "number", name="uq_plate_number"),
        CheckConstraint("code ~ '^W'", name="code_is_a_plate_id"),
        CheckConstraint("(rows, cols) in ((8, 12), (16, 24))", name="format"),
    )


class Well(Base):
    """What a well holds: the tube that was scanned onto it, or a standard, control or blank with its name.

    `freeze_thaw_count` is the tube's when it was plated: later thaws say nothing about what was measured here. A tube
    that was unfit for the assay is there because a person took it upon themselves, with a reason.
    """

    __tablename__ = "well"
    id: Mapped[Id]
    plate_id: Mapped[int] = mapped_column(ForeignKey("plate.id"))
    row: Mapped[int] = mapped_column(Integer)
    col: Mapped[int] = mapped_column(Integer)
    role: Mapped[str] = mapped_column(Text)
    specimen_id: Mapped[int | None] = mapped_column(ForeignKey("specimen.id"), index=True)
    name: Mapped[str | None] = mapped_column(Text)
    name_in_file: Mapped[str | None] = mapped_column(Text)
    dilution: Mapped[Decimal] = mapped_column(server_default="1")
    freeze_thaw_count: Mapped[int | None] = mapped_column(Integer)
    unfit: Mapped[str | None] = mapped_column(Text)
    override_reason: Mapped[str | None] = mapped_column(Text)
    overridden_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        UniqueConstraint("plate_id", "row", "col", name="uq_well_position"),
        UniqueConstraint("id", "specimen_id", name="uq_well_specimen"),
        CheckConstraint("role in ('unknown', 'standard', 'control', 'blank', 'empty')", name="role"),
        CheckConstraint("(role = 'unknown') = (specimen_id is not null)", name="unknown_names_its_tube"),
        CheckConstraint("dilution > 0", name="dilution_positive"),
        CheckConstraint(
            "num_nonnulls(unfit, override_reason, overridden_by) in (0, 3)", name="unfit_needs_an_override"
        ),
        CheckConstraint('"row" >= 0 and col >= 0', name="counts_from_zero"),
    )


def _value_checks() -> tuple[CheckConstraint, ...]:
    """What holds for every reading: a known comparator and flag, and never neither value nor flag."""
    return (
        CheckConstraint("comparator in ('<', '<=', '>', '>=')", name="comparator"),
        CheckConstraint(
            "flag in ('below_range', 'above_range', 'not_reported', 'not_a_number', 'too_few_beads', 'masked')",
            name="flag",
        ),
        CheckConstraint("value is not null or flag is not null", name="value_or_flag"),
    )


class ControlReading(Base):
    """What a standard, control or blank well read: the run is judged by it, no participant has it."""

    __tablename__ = "control_reading"
    id: Mapped[Id]
    well_id: Mapped[int] = mapped_column(ForeignKey("well.id"))
    analyte_id: Mapped[int] = mapped_column(ForeignKey("analyte.id"))
    quantity: Mapped[str] = mapped_column(Text)
    value: Mapped[Decimal | None]
    comparator: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    raw_text: Mapped[str] = mapped_column(Text)
    flag: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("well_id", "analyte_id", "quantity", name="uq_control_reading_once"),
        *_value_checks(),
    )


class Result(Base):
    """A measured quantity of one analyte in one tube on one well. Whose it is follows from the tube, and the database
    holds it to that.
    """

    __tablename__ = "result"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column()
    run_id: Mapped[int] = mapped_column()
    well_id: Mapped[int] = mapped_column()
    specimen_id: Mapped[int] = mapped_column()
    participant_id: Mapped[int | None] = mapped_column()
    analyte_id: Mapped[int] = mapped_column(ForeignKey("analyte.id"))
    quantity: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "study_id"], ["assay_run.id", "assay_run.study_id"], name="fk_result_run"),
        ForeignKeyConstraint(
            ["well_id", "specimen_id"], ["well.id", "well.specimen_id"], name="fk_result_well_specimen"
        ),
        ForeignKeyConstraint(
            ["specimen_id", "participant_id"],
            ["specimen.id", "specimen.participant_id"],
            name="fk_result_specimen_participant",
        ),
        UniqueConstraint("well_id", "analyte_id", "quantity", name="uq_result_once"),
        Index("ix_result_participant", "participant_id", "analyte_id"),
        Index("ix_result_run", "run_id"),
    )


RESULT_STATUSES = ("preliminary", "verified", "released", "superseded", "corrected", "withdrawn", "cancelled")


class ResultVersion(Base):
    """One reading of a result. A released version is never edited: a successor supersedes or corrects it, with a
    reason.

    `released_at` and `ended_at` (superseded, corrected or withdrawn) say what was in force at any past moment.
    """

    __tablename__ = "result_version"
    id: Mapped[Id]
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"))
    number: Mapped[int] = mapped_column(Integer, server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="preliminary")
    value: Mapped[Decimal | None]
    comparator: Mapped[str | None] = mapped_column(Text)
    limit_kind: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    raw_text: Mapped[str] = mapped_column(Text)
    flag: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    is_current: Mapped[bool] = mapped_column(server_default="true")
    released_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("result_id", "number", name="uq_result_version_number"),
        Index("uq_result_version_current", "result_id", unique=True, postgresql_where=text("is_current")),
        CheckConstraint(f"status in {RESULT_STATUSES}", name="status"),
        CheckConstraint("limit_kind in ('LLOD', 'LLOQ', 'ULOQ', 'ladder_top')", name="limit_kind"),
        CheckConstraint("(comparator is null) = (limit_kind is null)", name="limit_has_its_kind"),
        CheckConstraint("status <> 'released' or released_at is not null", name="released_at_a_time"),
        CheckConstraint(
            "(ended_at is not null) = (status in ('superseded', 'corrected', 'withdrawn'))", name="ended_at_a_time"
        ),
        CheckConstraint(
            "status not in ('superseded', 'corrected', 'withdrawn') or reason is not null", name="change_has_a_reason"
        ),
        *_value_checks(),
    )
