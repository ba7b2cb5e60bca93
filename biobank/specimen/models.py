"""Specimens of every level in one table, what was made from what, the quantity ledger, processing events, and
custody.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class CollectionEvent(Base):
    """One draw or collection at a visit. `timezone` is the site's, so that the local hour can be told for ever."""

    __tablename__ = "collection_event"
    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column()
    participant_id: Mapped[int] = mapped_column()
    collected_at: Mapped[datetime]
    timezone: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        ForeignKeyConstraint(
            ["visit_id", "participant_id"], ["visit.id", "visit.participant_id"], name="fk_collection_event_visit"
        ),
        UniqueConstraint("id", "participant_id", name="uq_collection_event_participant"),
    )


_STATES = (
    "(axis = 'existence' and state in ('planned', 'exists', 'consumed', 'disposed', 'missing', 'lost', 'transferred', "
    "'entered_in_error')) or (axis = 'custody' and state in ('position', 'holder', 'package', 'party', 'ended')) "
    "or (axis = 'quality' and state in ('acceptable', 'quarantined', 'rejected')) "
    "or (axis = 'reservation' and state in ('free', 'reserved', 'listed', 'picked'))"
)


class StateLabel(Base):
    """A site's own word for a state of its tubes. Of quality several words may stand for one state, and who sets the
    quality chooses one; of the axes that follow by themselves a state has one word. Retired words stay readable.
    """

    __tablename__ = "state_label"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    axis: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    colour: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    retired_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_state_label_study_site"
        ),
        UniqueConstraint("id", "state", name="uq_state_label_state"),
        Index(
            "uq_state_label_word",
            "study_id",
            "site_id",
            "axis",
            text("lower(label)"),
            unique=True,
            postgresql_where=text("retired_at is null"),
        ),
        Index(
            "uq_state_label_one_word",
            "study_id",
            "site_id",
            "axis",
            "state",
            unique=True,
            postgresql_where=text("retired_at is null and axis <> 'quality'"),
        ),
        CheckConstraint("axis in ('existence', 'custody', 'quality', 'reservation')", name="axis"),
        CheckConstraint(_STATES, name="state_of_its_axis"),
        CheckConstraint("colour in ('ok', 'warning', 'stop', 'duplicate', 'neutral')", name="colour"),
        CheckConstraint("char_length(label) between 1 and 40", name="label_length"),
    )


class Specimen(Base):
    """One physical tube, vial, block or swab, of whatever level.

    Where it is stands in `custody`; how much is left follows from `quantity_ledger`, kept here by the database.
    Existence, quality and hold are separate axes: a tube on hold still exists and still lies somewhere.
    """

    __tablename__ = "specimen"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    participant_id: Mapped[int | None] = mapped_column()
    collection_event_id: Mapped[int | None] = mapped_column()
    level: Mapped[str] = mapped_column(Text)
    specimen_type: Mapped[str] = mapped_column(ForeignKey("specimen_type.code"))
    tube_type: Mapped[str] = mapped_column(ForeignKey("tube_type.code"))
    ordinal: Mapped[int] = mapped_column(Integer, server_default="1")
    unit: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(server_default="0")
    is_partial: Mapped[bool] = mapped_column(server_default="false")
    planned_aliquot_id: Mapped[int | None] = mapped_column(ForeignKey("planned_aliquot.id"))
    is_blind_duplicate: Mapped[bool] = mapped_column(server_default="false")
    existence: Mapped[str] = mapped_column(Text, server_default="exists")
    quality: Mapped[str] = mapped_column(Text, server_default="acceptable")
    quality_label_id: Mapped[int | None] = mapped_column()
    hold: Mapped[str | None] = mapped_column(Text)
    freeze_thaw_count: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_specimen_study_site"
        ),
        ForeignKeyConstraint(
            ["participant_id", "study_id"], ["participant.id", "participant.study_id"], name="fk_specimen_participant"
        ),
        ForeignKeyConstraint(
            ["collection_event_id", "participant_id"],
            ["collection_event.id", "collection_event.participant_id"],
            name="fk_specimen_collection_event",
        ),
        # A label and the state that it stands for cannot disagree; without a label nothing is compared.
        ForeignKeyConstraint(
            ["quality_label_id", "quality"], ["state_label.id", "state_label.state"], name="fk_specimen_quality_label"
        ),
        UniqueConstraint("id", "participant_id", name="uq_specimen_participant"),
        UniqueConstraint("id", "study_id", name="uq_specimen_study"),
        CheckConstraint("code ~ '^T'", name="code_is_a_tube_id"),
        CheckConstraint("level in ('primary', 'derivative', 'aliquot', 'pool')", name="level"),
        CheckConstraint("(level = 'pool') or (participant_id is not null)", name="only_pools_have_no_participant"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint(
            "existence in ('planned', 'exists', 'consumed', 'disposed', 'missing', 'lost', 'transferred', "
            "'entered_in_error')",
            name="existence",
        ),
        CheckConstraint("quality in ('acceptable', 'quarantined', 'rejected')", name="quality"),
        CheckConstraint("hold in ('consent_withdrawn', 'identity_doubt')", name="hold"),
        CheckConstraint("freeze_thaw_count >= 0", name="freeze_thaw_not_negative"),
        Index("ix_specimen_participant", "participant_id"),
        Index("ix_specimen_collection_event", "collection_event_id"),
        Index("ix_specimen_study_site", "study_id", "site_id"),
        # What is out of the ordinary is looked for among hundreds of thousands of tubes that are not.
        Index("ix_specimen_held", "id", postgresql_where=text("hold is not null")),
        Index("ix_specimen_doubtful", "id", postgresql_where=text("quality <> 'acceptable'")),
        Index("ix_specimen_gone", "id", postgresql_where=text("existence not in ('exists', 'consumed')")),
    )


class ProcessingEvent(Base):
    """Something done to tubes: a spin, aliquoting, a thaw, with the equipment and settings that SPREC is later
    computed from. `held_celsius`: at which the tubes were kept until this began, since the collection or the spin
    before.
    """

    __tablename__ = "processing_event"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    type: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    operator_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    program_id: Mapped[int | None] = mapped_column()
    g_force: Mapped[Decimal | None]
    minutes: Mapped[Decimal | None]
    celsius: Mapped[Decimal | None]
    held_celsius: Mapped[Decimal | None]
    brake: Mapped[bool | None]
    sop_version: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"],
            ["study_site.study_id", "study_site.site_id"],
            name="fk_processing_event_study_site",
        ),
        ForeignKeyConstraint(
            ["program_id", "equipment_id"],
            ["equipment_program.id", "equipment_program.equipment_id"],
            name="fk_processing_event_program",
        ),
        CheckConstraint(
            "type in ('receive', 'clot', 'centrifuge', 'aliquot', 'ficoll', 'cryo_freeze', 'extract', 'quantify', "
            "'dilute', 'pool', 'wash', 'lyse', 'section', 'thaw', 'refreeze', 'incubate', 'transfer')",
            name="type",
        ),
        CheckConstraint("ended_at is null or ended_at >= started_at", name="ends_after_start"),
        CheckConstraint("started_at <= recorded_at + interval '5 minutes'", name="not_ahead"),
        CheckConstraint("g_force > 0 and minutes > 0", name="settings_positive"),
    )


class ProcessingInput(Base):
    """A tube that a processing event was done to. What it made is in `derivation`."""

    __tablename__ = "processing_input"
    id: Mapped[Id]
    processing_event_id: Mapped[int] = mapped_column(ForeignKey("processing_event.id"))
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    __table_args__ = (UniqueConstraint("processing_event_id", "specimen_id", name="uq_processing_input_once"),)


class ProcessingWarning(Base):
    """What was wrong with the work and done all the same, by its name: the calibration of the equipment was overdue, or
    a rule was broken under a named deviation.
    """

    __tablename__ = "processing_warning"
    id: Mapped[Id]
    processing_event_id: Mapped[int] = mapped_column(ForeignKey("processing_event.id"))
    warning: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("processing_event_id", "warning", name="uq_processing_warning_once"),
        CheckConstraint(
            "warning in ('calibration_overdue', 'wrong_program', 'wrong_step', 'reagent_expired', 'out_of_order')",
            name="warning",
        ),
    )


class ProcessingReagent(Base):
    """A lot of a reagent that a processing event used."""

    __tablename__ = "processing_reagent"
    id: Mapped[Id]
    processing_event_id: Mapped[int] = mapped_column(ForeignKey("processing_event.id"), index=True)
    reagent_lot_id: Mapped[int] = mapped_column(ForeignKey("reagent_lot.id"))
    __table_args__ = (UniqueConstraint("processing_event_id", "reagent_lot_id", name="uq_processing_reagent_once"),)


class Deviation(Base):
    """Something went other than planned with a tube. Whether that keeps it from being shipped or measured is said by
    the type; a deviation that was resolved blocks nothing any more and stays on record.
    """

    __tablename__ = "deviation"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    processing_event_id: Mapped[int | None] = mapped_column(ForeignKey("processing_event.id"))
    type_code: Mapped[str] = mapped_column(ForeignKey("deviation_type.code"))
    comment: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    resolution: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index(
            "uq_deviation_open",
            "specimen_id",
            "type_code",
            unique=True,
            postgresql_where=text("resolved_at is null"),
        ),
        CheckConstraint("num_nonnulls(resolved_at, resolution) in (0, 2)", name="resolved_with_words"),
    )


class QcMeasurement(Base):
    """A measured quality of the material in a tube: RIN, viability, a ratio of absorbances. `raw_text` is as it was
    read; the latest of a quantity counts, earlier ones stay.
    """

    __tablename__ = "qc_measurement"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    quantity: Mapped[str] = mapped_column(ForeignKey("qc_quantity.code"))
    value: Mapped[Decimal]
    raw_text: Mapped[str] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    measured_at: Mapped[datetime]
    processing_event_id: Mapped[int | None] = mapped_column(ForeignKey("processing_event.id"))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (Index("ix_qc_measurement_specimen", "specimen_id", "quantity", "measured_at"),)


class Derivation(Base):
    """`child` was made from `parent`. The graph is acyclic and stays within one participant unless the child is a
    pool.
    """

    __tablename__ = "derivation"
    id: Mapped[Id]
    child_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    parent_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    processing_event_id: Mapped[int] = mapped_column(ForeignKey("processing_event.id"))
    __table_args__ = (
        UniqueConstraint("child_id", "parent_id", name="uq_derivation_edge"),
        CheckConstraint("child_id <> parent_id", name="no_self"),
    )


class QuantityLedger(Base):
    """Every change of a tube's content. Append-only; the balance is the sum and can never be negative."""

    __tablename__ = "quantity_ledger"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    delta: Mapped[Decimal]
    unit: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    basis: Mapped[str] = mapped_column(Text)
    processing_event_id: Mapped[int | None] = mapped_column(ForeignKey("processing_event.id"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        CheckConstraint("delta <> 0", name="delta_not_zero"),
        CheckConstraint(
            "reason in ('initial', 'aliquoted', 'assay', 'spill', 'correction', 'evaporation', 'exhausted', "
            "'measured')",
            name="reason",
        ),
        CheckConstraint("basis in ('measured', 'nominal')", name="basis"),
    )


_ARC = "num_nonnulls(container_id, package_id, holder_id, external_party_id, terminal) = 1"
_TERMINAL = "terminal in ('disposed', 'consumed', 'missing', 'lost', 'transferred')"
_POSITION = '(container_id is null) = ("row" is null) and (container_id is null) = (col is null)'


class Custody(Base):
    """Where a tube is now: exactly one of a position, a package, a holder, an external party or an end.

    Occupancy sits on the occupant, and its uniqueness is checked at commit, so two tubes can swap places in one
    transaction. `site_id` is the site that has the tube now (None once it has left the house).
    """

    __tablename__ = "custody"
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), primary_key=True)
    container_id: Mapped[int | None] = mapped_column()
    row: Mapped[int | None] = mapped_column(Integer)
    col: Mapped[int | None] = mapped_column(Integer)
    package_id: Mapped[int | None] = mapped_column(ForeignKey("package.id"), index=True)
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"), index=True)
    external_party_id: Mapped[int | None] = mapped_column(ForeignKey("external_party.id"))
    terminal: Mapped[str | None] = mapped_column(Text)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    since: Mapped[datetime]
    __table_args__ = (
        ForeignKeyConstraint(
            ["container_id", "site_id"], ["container.id", "container.site_id"], name="fk_custody_container_site"
        ),
        UniqueConstraint(
            "container_id", "row", "col", name="uq_custody_position", deferrable=True, initially="DEFERRED"
        ),
        # For counting what a building holds: a third quicker than by the index of positions (measured).
        Index("ix_custody_container", "container_id", postgresql_where=text("container_id is not null")),
        CheckConstraint(_ARC, name="exactly_one_place"),
        CheckConstraint(_TERMINAL, name="terminal"),
        CheckConstraint(_POSITION, name="position_is_whole"),
        CheckConstraint("container_id is null or site_id is not null", name="position_has_a_site"),
        CheckConstraint('"row" >= 0 and col >= 0', name="position_counts_from_zero"),
    )


class CustodyHistory(Base):
    """Where a tube has been, written by the database at every change of `custody`; the open row (`until` null) is the
    present.
    """

    __tablename__ = "custody_history"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    container_id: Mapped[int | None] = mapped_column(ForeignKey("container.id"))
    row: Mapped[int | None] = mapped_column(Integer)
    col: Mapped[int | None] = mapped_column(Integer)
    package_id: Mapped[int | None] = mapped_column(ForeignKey("package.id"))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    external_party_id: Mapped[int | None] = mapped_column(ForeignKey("external_party.id"))
    terminal: Mapped[str | None] = mapped_column(Text)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    tx: Mapped[UUID] = mapped_column(Uuid)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        Index("uq_custody_history_open", "specimen_id", unique=True, postgresql_where=text("until is null")),
        Index("ix_custody_history_specimen", "specimen_id", "since"),
        Index(
            "ix_custody_history_container", "container_id", "since", postgresql_where=text("container_id is not null")
        ),
        Index("ix_custody_history_tx", "tx"),
    )


class IdentityDoubt(Base):
    """It is in doubt whose a tube is, since a label was found on two tubes: on `first_id` and on another. Settled once,
    with words and a signature; a tube has one open doubt at most.
    """

    __tablename__ = "identity_doubt"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    reason: Mapped[str] = mapped_column(Text)
    found_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    found_at: Mapped[datetime]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    words: Mapped[str | None] = mapped_column(Text)
    signature_id: Mapped[int | None] = mapped_column(ForeignKey("signature.id"), unique=True)
    __table_args__ = (
        Index("uq_identity_doubt_open", "specimen_id", unique=True, postgresql_where=text("settled_at is null")),
        CheckConstraint("outcome in ('as_labelled', 'unknown')", name="outcome"),
        CheckConstraint(
            "num_nonnulls(settled_by, settled_at, outcome, words, signature_id) in (0, 5)", name="settled_whole"
        ),
    )
