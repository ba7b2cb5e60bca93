"""Study, site, cohort, participant, consent and visit. A participant is a pseudonym: no name, birth date or record
number is kept here.
"""

from datetime import date, datetime

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

PARTICIPANT_STATUSES = ("screening", "enrolled", "followed", "off_study", "withdrawn", "deceased", "duplicate")


class Participant(Base):
    """A person in a study, under a pseudonym drawn at random. `t0` is the day from which study days count."""

    __tablename__ = "participant"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    status: Mapped[str] = mapped_column(Text, server_default="enrolled")
    enrolled_on: Mapped[date]
    t0: Mapped[date]
    year_of_birth: Mapped[int | None] = mapped_column(Integer)
    sex_at_birth: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_participant_study_site"
        ),
        UniqueConstraint("id", "study_id", name="uq_participant_study"),
        CheckConstraint("code ~ '^P'", name="code_is_a_participant_id"),
        CheckConstraint(f"status in {PARTICIPANT_STATUSES}", name="status"),
        CheckConstraint("sex_at_birth in ('female', 'male', 'intersex', 'unknown')", name="sex_at_birth"),
        CheckConstraint("year_of_birth between 1900 and 2100", name="year_of_birth"),
        Index("ix_participant_study_site", "study_id", "site_id"),
    )


class ParticipantAlias(Base):
    """Another system's name for a participant (EDC id, GUID): unique in that system, added and never edited."""

    __tablename__ = "participant_alias"
    id: Mapped[Id]
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    system: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("system", "value", name="uq_participant_alias_value"),)


class CohortMembership(Base):
    """Dated: a participant may move to another cohort, and the earlier membership stays on record. It ends before
    `to_on`, the day on which the next one begins.
    """

    __tablename__ = "cohort_membership"
    id: Mapped[Id]
    participant_id: Mapped[int] = mapped_column()
    cohort_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["participant_id", "study_id"],
            ["participant.id", "participant.study_id"],
            name="fk_cohort_membership_participant",
        ),
        ForeignKeyConstraint(
            ["cohort_id", "study_id"], ["cohort.id", "cohort.study_id"], name="fk_cohort_membership_cohort"
        ),
        CheckConstraint("to_on is null or to_on >= from_on", name="dates"),
        Index("uq_cohort_membership_open", "participant_id", unique=True, postgresql_where=text("to_on is null")),
    )


class Consent(Base):
    """What a participant decided, in two times. Valid time: from `effective_from`, until `effective_to` where the
    form names an end, or until the next consent begins. Recorded time: from `recorded_at`, until `in_error_at` where it
    turned out to be entered in error. Nothing else of it ever changes.
    """

    __tablename__ = "consent"
    id: Mapped[Id]
    participant_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    document_id: Mapped[int] = mapped_column()
    signed_at: Mapped[datetime]
    effective_from: Mapped[datetime]
    effective_to: Mapped[datetime | None]
    file_sha256: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    in_error_at: Mapped[datetime | None]
    in_error_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    in_error_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["participant_id", "study_id"], ["participant.id", "participant.study_id"], name="fk_consent_participant"
        ),
        ForeignKeyConstraint(
            ["document_id", "study_id"],
            ["consent_document.id", "consent_document.study_id"],
            name="fk_consent_document",
        ),
        CheckConstraint("effective_to is null or effective_to > effective_from", name="effective_times"),
        CheckConstraint("num_nonnulls(in_error_at, in_error_by, in_error_reason) in (0, 3)", name="in_error_whole"),
        CheckConstraint("in_error_at is null or in_error_at >= recorded_at", name="in_error_after_recorded"),
        CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name="file_digest"),
        # Two that begin at one moment would leave it open which of them counts.
        Index(
            "uq_consent_beginning",
            "participant_id",
            "effective_from",
            unique=True,
            postgresql_where=text("in_error_at is null"),
        ),
    )


class ConsentDecision(Base):
    __tablename__ = "consent_decision"
    id: Mapped[Id]
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"))
    scope_code: Mapped[str] = mapped_column(ForeignKey("consent_scope.code"))
    decision: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("consent_id", "scope_code", name="uq_consent_decision_scope"),
        CheckConstraint("decision in ('granted', 'denied', 'not_asked')", name="decision"),
    )


class Withdrawal(Base):
    """A participant takes consent back, wholly or in part. `effective_at` may lie before `recorded_at`."""

    __tablename__ = "withdrawal"
    id: Mapped[Id]
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    level: Mapped[str] = mapped_column(Text)
    effective_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    recorded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        CheckConstraint("level in ('no_contact', 'no_access', 'no_further_use', 'destroy')", name="level"),
    )


class WithdrawalRescission(Base):
    """A withdrawal was recorded by mistake and counts no more from `rescinded_at` on. That it counted until then stays
    on record: what was believed when can always be told.
    """

    __tablename__ = "withdrawal_rescission"
    id: Mapped[Id]
    withdrawal_id: Mapped[int] = mapped_column(ForeignKey("withdrawal.id"))
    rescinded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    rescinded_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    reason: Mapped[str] = mapped_column(Text)
    statement_sha256: Mapped[str] = mapped_column(Text)
    signature_id: Mapped[int] = mapped_column(ForeignKey("signature.id"), unique=True)
    __table_args__ = (
        UniqueConstraint("withdrawal_id", name="uq_withdrawal_rescission_once"),
        CheckConstraint("char_length(reason) >= 3", name="has_a_reason"),
    )


class Visit(Base):
    """A visit that the protocol plans or that took place. One that took place is pinned to the version that was in
    force; window and planned day are those of the version that planned it.
    """

    __tablename__ = "visit"
    id: Mapped[Id]
    participant_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    visit_type_id: Mapped[int] = mapped_column()
    number: Mapped[int] = mapped_column(Integer, server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="planned")
    protocol_version_id: Mapped[int | None] = mapped_column()
    planned_on: Mapped[date | None]
    window_from: Mapped[date | None]
    window_to: Mapped[date | None]
    occurred_on: Mapped[date | None]
    outside_window_reason: Mapped[str | None] = mapped_column(Text)
    status_reason: Mapped[str | None] = mapped_column(Text)
    fasting: Mapped[bool | None]
    finished_at: Mapped[datetime | None]
    finished_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["participant_id", "study_id"], ["participant.id", "participant.study_id"], name="fk_visit_participant"
        ),
        ForeignKeyConstraint(
            ["visit_type_id", "study_id"], ["visit_type.id", "visit_type.study_id"], name="fk_visit_type"
        ),
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_visit_study_site"
        ),
        ForeignKeyConstraint(
            ["protocol_version_id", "study_id"],
            ["protocol_version.id", "protocol_version.study_id"],
            name="fk_visit_protocol_version",
        ),
        UniqueConstraint("participant_id", "visit_type_id", "number", name="uq_visit_once"),
        UniqueConstraint("id", "participant_id", name="uq_visit_participant"),
        CheckConstraint("status in ('planned', 'done', 'missed', 'cancelled')", name="status"),
        CheckConstraint("(status = 'done') = (occurred_on is not null)", name="done_has_a_day"),
        CheckConstraint(
            "status not in ('missed', 'cancelled') or status_reason is not null", name="not_held_has_a_reason"
        ),
        CheckConstraint("num_nonnulls(planned_on, window_from, window_to) in (0, 3)", name="window_is_whole"),
        CheckConstraint("planned_on between window_from and window_to", name="planned_within_window"),
        CheckConstraint(
            "outside_window_reason is not null or occurred_on is null or window_from is null "
            "or occurred_on between window_from and window_to",
            name="outside_window_has_a_reason",
        ),
        CheckConstraint("num_nonnulls(finished_at, finished_by) in (0, 2)", name="finished_by_someone"),
        CheckConstraint("finished_at is null or status = 'done'", name="finished_is_done"),
        Index("ix_visit_unfinished", "occurred_on", postgresql_where=text("status = 'done' and finished_at is null")),
        Index("ix_visit_open", "window_from", postgresql_where=text("status = 'planned'")),
        Index("ix_visit_due", "study_id", "site_id", "window_to", postgresql_where=text("status = 'planned'")),
    )
