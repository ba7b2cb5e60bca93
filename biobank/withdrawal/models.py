"""What a withdrawal sets going: the policy that says what follows, and the case that is worked off until it is closed.

The withdrawal itself stands with the participant, where the consent gate asks for it.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class WithdrawalPolicy(Base):
    """What a withdrawal of a level does to one kind of object, for a version of a study's consent form; the rows
    without a study are the house's own, for forms that say nothing else. `reversible`: a rescission undoes it.
    """

    __tablename__ = "withdrawal_policy"
    id: Mapped[Id]
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    version: Mapped[str | None] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    consequence: Mapped[str] = mapped_column(Text)
    reversible: Mapped[bool] = mapped_column(Boolean, server_default=true())
    __table_args__ = (
        UniqueConstraint(
            "study_id",
            "version",
            "level",
            "object",
            name="uq_withdrawal_policy_once",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("(study_id is null) = (version is null)", name="form_is_whole"),
        CheckConstraint("level in ('no_contact', 'no_access', 'no_further_use', 'destroy')", name="level"),
        CheckConstraint(
            "object in ('planned_visits', 'stored_tubes', 'packed_tubes', 'tubes_away', 'pools', 'unreleased_results', "
            "'released_results')",
            name="object",
        ),
        CheckConstraint(
            "consequence in ('keep', 'cancel', 'hold', 'dispose', 'take_out', 'recall', 'destroy', 'withhold', 'hide')",
            name="consequence",
        ),
        CheckConstraint(
            "(object, consequence) in (('planned_visits', 'keep'), ('planned_visits', 'cancel'), "
            "('stored_tubes', 'keep'), ('stored_tubes', 'hold'), ('stored_tubes', 'dispose'), "
            "('packed_tubes', 'keep'), ('packed_tubes', 'take_out'), "
            "('tubes_away', 'keep'), ('tubes_away', 'recall'), ('tubes_away', 'destroy'), "
            "('pools', 'keep'), ('pools', 'hold'), ('pools', 'dispose'), "
            "('unreleased_results', 'keep'), ('unreleased_results', 'withhold'), "
            "('released_results', 'keep'), ('released_results', 'hide'))",
            name="consequence_fits_object",
        ),
        # The consent gate stops all use at two levels and none at the others, so a policy cannot say otherwise.
        CheckConstraint(
            "object = 'planned_visits' or (level in ('no_further_use', 'destroy') and "
            "(consequence <> 'keep' or object in ('tubes_away', 'pools'))) or "
            "(level in ('no_contact', 'no_access') and consequence = 'keep')",
            name="agrees_with_the_gate",
        ),
        # Results come back with the gate; what left a parcel or was written to a partner does not come back by itself.
        CheckConstraint(
            "reversible or object not in ('unreleased_results', 'released_results')", name="results_come_back"
        ),
        CheckConstraint("not reversible or object not in ('packed_tubes', 'tubes_away')", name="parcels_stay_out"),
    )


class WithdrawalCase(Base):
    """A withdrawal as it is worked off: what was stated and signed, and when everything was done. `statement` is
    canonical text; people know the case by `number`.
    """

    __tablename__ = "withdrawal_case"
    id: Mapped[Id]
    number: Mapped[UUID] = mapped_column(Uuid, unique=True)
    withdrawal_id: Mapped[int] = mapped_column(ForeignKey("withdrawal.id"), unique=True)
    participant_id: Mapped[int] = mapped_column()
    study_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    requested_at: Mapped[datetime | None]
    status_before: Mapped[str | None] = mapped_column(Text)
    statement: Mapped[str] = mapped_column(Text)
    statement_sha256: Mapped[str] = mapped_column(Text)
    signature_id: Mapped[int] = mapped_column(ForeignKey("signature.id"), unique=True)
    certificate: Mapped[str | None] = mapped_column(Text)
    certificate_sha256: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None]
    closing_signature_id: Mapped[int | None] = mapped_column(ForeignKey("signature.id"), unique=True)
    row_version: Mapped[RowVersion]
    __table_args__ = (
        ForeignKeyConstraint(
            ["participant_id", "study_id"],
            ["participant.id", "participant.study_id"],
            name="fk_withdrawal_case_participant",
        ),
        ForeignKeyConstraint(
            ["study_id", "site_id"], ["study_site.study_id", "study_site.site_id"], name="fk_withdrawal_case_study_site"
        ),
        CheckConstraint(
            "num_nonnulls(certificate, certificate_sha256, closed_at, closing_signature_id) in (0, 4)",
            name="closed_whole",
        ),
        Index("ix_withdrawal_case_participant", "participant_id"),
        Index("ix_withdrawal_case_study_site", "study_id", "site_id"),
    )


class PartnerNotice(Base):
    """Tubes of a withdrawn participant are with a partner: a notice goes there and is tracked to its reply."""

    __tablename__ = "partner_notice"
    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("withdrawal_case.id"))
    external_party_id: Mapped[int] = mapped_column(ForeignKey("external_party.id"))
    wish: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    sent_how: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    answer: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("id", "case_id", name="uq_partner_notice_case"),
        UniqueConstraint("case_id", "external_party_id", name="uq_partner_notice_once"),
        CheckConstraint("wish in ('recall', 'destroy')", name="wish"),
        CheckConstraint("num_nonnulls(sent_at, sent_by, sent_how) in (0, 3)", name="sent_whole"),
        CheckConstraint("num_nonnulls(answered_at, answered_by, answer) in (0, 3)", name="answered_whole"),
        CheckConstraint("answered_at is null or sent_at is not null", name="answered_after_sent"),
    )


class WithdrawalTube(Base):
    """A tube that a withdrawal reached, what is to become of it, and what came of it at a partner. Where it is and
    whether it still exists stands in its custody; nothing is told twice.
    """

    __tablename__ = "withdrawal_tube"
    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("withdrawal_case.id"))
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    plan: Mapped[str] = mapped_column(Text)
    taken_out_of: Mapped[str | None] = mapped_column(Text)
    disposal_id: Mapped[int | None] = mapped_column(ForeignKey("disposal.id"))
    notice_id: Mapped[int | None] = mapped_column()
    outcome: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["notice_id", "case_id"], ["partner_notice.id", "partner_notice.case_id"], name="fk_withdrawal_tube_notice"
        ),
        UniqueConstraint("case_id", "specimen_id", name="uq_withdrawal_tube_once"),
        CheckConstraint("plan in ('hold', 'dispose')", name="plan"),
        CheckConstraint("outcome in ('destroyed', 'used_up', 'sent_back', 'kept')", name="outcome"),
        CheckConstraint("outcome is null or notice_id is not null", name="outcome_of_a_notice"),
    )
