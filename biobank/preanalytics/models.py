"""SPREC: its code tables in versions, the code of each tube with its history, and where boxes have stood."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class SprecVersion(Base):
    """A version of the code tables. Tubes collected from `used_from` on are coded by it, until a later version's day;
    without a day it is there to compare with.

    `carry_minutes`: for how long a recorded temperature is taken to last where nothing else is recorded (the walk from
    the bench to the freezer); 0: not at all.
    """

    __tablename__ = "sprec_version"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    used_from: Mapped[date | None] = mapped_column(unique=True)
    carry_minutes: Mapped[int] = mapped_column(Integer, server_default="0")
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    loaded_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]+[.][0-9]+([.][A-Z0-9]+)*$'", name="code"),
        CheckConstraint("carry_minutes between 0 and 60", name="carry_minutes"),
    )


def _ends(name: str) -> CheckConstraint:
    return CheckConstraint(f"{name} in ('[]', '[)', '(]', '()')", name=name)


class SprecCode(Base):
    """A line of a code table: a code of an element and what is coded by it. What a line leaves open (null) may be
    anything; a code may have several lines. Ends of ranges are closed `[ ]` or open `( )`, as written.

    `storage` and `storage_before` are temperature classes: the one of storage, and those of which one came before it
    (empty: none did). `min_spins` and `max_spins` say how often such a material is spun.
    """

    __tablename__ = "sprec_code"
    id: Mapped[Id]
    version: Mapped[str] = mapped_column(ForeignKey("sprec_version.code"))
    element: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default="match")
    meaning: Mapped[str] = mapped_column(Text)
    min_minutes: Mapped[Decimal | None]
    max_minutes: Mapped[Decimal | None]
    minutes_ends: Mapped[str] = mapped_column(Text, server_default="[)")
    min_celsius: Mapped[Decimal | None]
    max_celsius: Mapped[Decimal | None]
    celsius_ends: Mapped[str] = mapped_column(Text, server_default="[]")
    min_g: Mapped[Decimal | None]
    max_g: Mapped[Decimal | None]
    g_ends: Mapped[str] = mapped_column(Text, server_default="[)")
    brake: Mapped[bool | None]
    container_family: Mapped[str | None] = mapped_column(Text)
    storage: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    storage_before: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    freezing: Mapped[str | None] = mapped_column(Text)
    min_spins: Mapped[int | None] = mapped_column(Integer)
    max_spins: Mapped[int | None] = mapped_column(Integer)
    verified: Mapped[bool] = mapped_column(server_default="false")
    source: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        Index("ix_sprec_code_version", "version", "element"),
        CheckConstraint("element between 1 and 7", name="element"),
        CheckConstraint("role in ('match', 'unknown', 'other', 'none')", name="role"),
        CheckConstraint("freezing in ('controlled', 'plain')", name="freezing"),
        CheckConstraint("code ~ '^[A-Z0-9]+$' and length(code) = case when element < 3 then 3 else 1 end", name="code"),
        CheckConstraint("min_minutes <= max_minutes", name="minutes"),
        CheckConstraint("min_celsius <= max_celsius", name="celsius"),
        CheckConstraint("min_g <= max_g", name="force"),
        CheckConstraint("min_spins <= max_spins", name="spins"),
        _ends("minutes_ends"),
        _ends("celsius_ends"),
        _ends("g_ends"),
    )


class Sprec(Base):
    """The SPREC of a tube as it was computed at a moment, by a version, from inputs with a digest. One is current;
    earlier ones stay, with the reason why they are so no more.
    """

    __tablename__ = "sprec"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"))
    version: Mapped[str] = mapped_column(ForeignKey("sprec_version.code"))
    code: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    computed_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    superseded_at: Mapped[datetime | None]
    superseded_because: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("uq_sprec_current", "specimen_id", unique=True, postgresql_where=text("superseded_at is null")),
        Index("ix_sprec_specimen", "specimen_id", "computed_at"),
        CheckConstraint("code ~ '^[A-Z0-9]{3}-[A-Z0-9]{3}(-[A-Z]){5}$'", name="code"),
        CheckConstraint("num_nonnulls(superseded_at, superseded_because) in (0, 2)", name="superseded_with_words"),
    )


class SprecDue(Base):
    """A tube whose SPREC is to be computed anew, and why; written by the database when something it depends on
    changes.
    """

    __tablename__ = "sprec_due"
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (Index("ix_sprec_due_since", "since", "specimen_id"),)


class BoxClimate(Base):
    """The temperature class that a box has stood at, written by the database when a box or what it stands in is moved.

    `since` null: from the beginning; `until` null: now.
    """

    __tablename__ = "box_climate"
    id: Mapped[Id]
    container_id: Mapped[int] = mapped_column(ForeignKey("container.id"))
    temperature_class: Mapped[str] = mapped_column(ForeignKey("temperature_class.code"))
    on_bench: Mapped[bool]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("container_id", "since", name="uq_box_climate_since"),
        Index("uq_box_climate_open", "container_id", unique=True, postgresql_where=text("until is null")),
    )
