"""Users, what they may do and where, and how they prove who they are."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class AppUser(Base):
    """A person or program with a login. `password_hash` is argon2; None means no password login (API tokens only)."""

    __tablename__ = "app_user"
    id: Mapped[Id]
    username: Mapped[str] = mapped_column(Text, unique=True)
    display_name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    failed_logins: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    row_version: Mapped[RowVersion]
    __table_args__ = (
        CheckConstraint("username = lower(username) and username ~ '^[a-z][a-z0-9._-]{1,62}$'", name="username"),
        CheckConstraint("failed_logins >= 0", name="failed_logins_not_negative"),
    )


class RoleGrant(Base):
    """A role held in a study (null: all) at a site (null: all of the study's), from a moment until it is ended."""

    __tablename__ = "role_grant"
    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    role: Mapped[str] = mapped_column(Text)
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_to: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint(
            "user_id",
            "role",
            "study_id",
            "site_id",
            "valid_to",
            name="uq_role_grant_once",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("site_id is null or study_id is not null", name="site_needs_study"),
        CheckConstraint("role = 'administrator' or study_id is not null", name="only_administrators_hold_all_studies"),
    )


class LoginSession(Base):
    """A login in a browser, kept on the server: the cookie holds a random token, the row only its SHA-256."""

    __tablename__ = "login_session"
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApiToken(Base):
    """A named key for a program: 256 random bits, of which only the SHA-256 is kept."""

    __tablename__ = "api_token"
    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("user_id", "name", name="uq_api_token_name"),
        CheckConstraint("expires_at > created_at", name="expires_after_creation"),
    )


class RateBucket(Base):
    """How often a key was used in its present window. Unlogged: a crash forgets counts, nothing else."""

    __tablename__ = "rate_bucket"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    window_start: Mapped[datetime]
    count: Mapped[int] = mapped_column(Integer)
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012  # SQLAlchemy reads this name from the class


class ServiceSecret(Base):
    """A secret that all processes of the service share, made at the first migration: it signs CSRF tokens."""

    __tablename__ = "service_secret"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
