"""The design of a study: its sites, cohorts, visit types and consent forms."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class Study(Base):
    __tablename__ = "study"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    protocol_no: Mapped[str | None] = mapped_column(Text)
    registry_no: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,15}$'", name="code"),)


class Site(Base):
    """A clinic, central laboratory or repository. Its time zone decides what "today" is; its contact stands on
    manifests.
    """

    __tablename__ = "site"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,15}$'", name="code"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    )


class StudySite(Base):
    """A site takes part in a study."""

    __tablename__ = "study_site"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    __table_args__ = (UniqueConstraint("study_id", "site_id", name="uq_study_site_once"),)


class Cohort(Base):
    __tablename__ = "cohort"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    code: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("study_id", "code", name="uq_cohort_code"),
        UniqueConstraint("id", "study_id", name="uq_cohort_study"),
    )


class ConsentScope(Base):
    """What a person may allow or refuse: a code table, not a list in the program."""

    __tablename__ = "consent_scope"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)


class ConsentDocument(Base):
    """A consent form's version in one language, with the dates of its approval and the digest of its file. The file
    itself is kept where the study keeps its approved documents.
    """

    __tablename__ = "consent_document"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    version: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    approved_from: Mapped[date]
    approved_to: Mapped[date | None]
    approval_no: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    row_version: Mapped[RowVersion]
    __table_args__ = (
        UniqueConstraint("study_id", "version", "language", name="uq_consent_document_version"),
        UniqueConstraint("id", "study_id", name="uq_consent_document_study"),
        CheckConstraint("approved_to is null or approved_to >= approved_from", name="approval_dates"),
        CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name="file_digest"),
    )


class ConsentDocumentScope(Base):
    """A consent form asks for this scope."""

    __tablename__ = "consent_document_scope"
    id: Mapped[Id]
    document_id: Mapped[int] = mapped_column(ForeignKey("consent_document.id"))
    scope_code: Mapped[str] = mapped_column(ForeignKey("consent_scope.code"))
    __table_args__ = (UniqueConstraint("document_id", "scope_code", name="uq_consent_document_scope_once"),)


class VisitType(Base):
    """A visit as the study names it, such as a baseline or a flare. When it is planned, and what is collected at it,
    says the protocol; a version that is published makes the types that it names first.
    """

    __tablename__ = "visit_type"
    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    code: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("study_id", "code", name="uq_visit_type_code"),
        UniqueConstraint("id", "study_id", name="uq_visit_type_study"),
    )
