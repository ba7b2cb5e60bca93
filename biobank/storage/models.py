"""Containers from the facility down to the box, who holds each tube, and who held it before."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class ContainerType(Base):
    """A make of container: its grid (None: gridless), how its positions are named and in which order it is filled."""

    __tablename__ = "container_type"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    rows: Mapped[int | None] = mapped_column(Integer)
    cols: Mapped[int | None] = mapped_column(Integer)
    label_scheme: Mapped[str | None] = mapped_column(Text)
    fill_order: Mapped[str] = mapped_column(Text, server_default="row")
    __table_args__ = (
        CheckConstraint("level in ('facility', 'room', 'freezer', 'shelf', 'rack', 'box', 'bench')", name="level"),
        CheckConstraint("(rows is null) = (cols is null) and (rows is null) = (label_scheme is null)", name="grid_is_whole"),
        CheckConstraint("rows between 1 and 32 and cols between 1 and 48", name="grid_size"),
        CheckConstraint("label_scheme in ('letter_number', 'letter_zero_number', 'number_by_row', 'number_by_column')", name="label_scheme"),
        CheckConstraint("fill_order in ('row', 'column')", name="fill_order"),
        CheckConstraint("(level = 'box') = (rows is not null)", name="tubes_stand_in_grids"),
    )


class ContainerTypeChild(Base):
    """Which types may stand in which: a box can never be put where a tube goes, nor a freezer in a rack."""

    __tablename__ = "container_type_child"
    id: Mapped[Id]
    parent_type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    child_type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    __table_args__ = (UniqueConstraint("parent_type_id", "child_type_id", name="uq_container_type_child_pair"),)


class Container(Base):
    """A place: facility, room, freezer, shelf, rack or box. Moving one moves all it holds, as one event on it alone."""

    __tablename__ = "container"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    parent_id: Mapped[int | None] = mapped_column()
    parent_type_id: Mapped[int | None] = mapped_column()
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    temperature_class: Mapped[str] = mapped_column(ForeignKey("temperature_class.code"))
    status: Mapped[str] = mapped_column(Text, server_default="active")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    row_version: Mapped[RowVersion]
    __table_args__ = (
        # The composite keys hold a container to its type while something stands in it, and to its parent's site.
        UniqueConstraint("id", "type_id", name="uq_container_type"),
        UniqueConstraint("id", "site_id", name="uq_container_site"),
        ForeignKeyConstraint(["parent_id", "parent_type_id"], ["container.id", "container.type_id"], name="fk_container_parent"),
        ForeignKeyConstraint(["parent_id", "site_id"], ["container.id", "container.site_id"], name="fk_container_parent_site"),
        ForeignKeyConstraint(
            ["parent_type_id", "type_id"],
            ["container_type_child.parent_type_id", "container_type_child.child_type_id"],
            name="fk_container_type_fits_parent",
        ),
        UniqueConstraint("parent_id", "name", name="uq_container_name_in_parent"),
        CheckConstraint("(parent_id is null) = (parent_type_id is null)", name="parent_has_its_type"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        CheckConstraint("status in ('planned', 'active', 'full', 'maintenance', 'alarm', 'decommissioned')", name="status"),
        CheckConstraint("code ~ '^[BLR]'", name="code_is_a_place_id"),
    )


_ARC = "num_nonnulls(container_id, package_id, holder_id, external_party_id, terminal) = 1"
_TERMINAL = "terminal in ('disposed', 'consumed', 'lost', 'transferred')"
_POSITION = "(container_id is null) = (\"row\" is null) and (container_id is null) = (col is null)"


class Custody(Base):
    """Where a tube is now: exactly one of a position, a package, a holder, an external party or an end.

    Occupancy sits on the occupant, and its uniqueness is checked at commit, so two tubes can swap places in one transaction.
    `site_id` is the site that has the tube now (None once it has left the house).
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
        ForeignKeyConstraint(["container_id", "site_id"], ["container.id", "container.site_id"], name="fk_custody_container_site"),
        UniqueConstraint("container_id", "row", "col", name="uq_custody_position", deferrable=True, initially="DEFERRED"),
        CheckConstraint(_ARC, name="exactly_one_place"),
        CheckConstraint(_TERMINAL, name="terminal"),
        CheckConstraint(_POSITION, name="position_is_whole"),
        CheckConstraint("container_id is null or site_id is not null", name="position_has_a_site"),
        CheckConstraint('"row" >= 1 and col >= 1', name="position_counts_from_one"),
    )


class CustodyHistory(Base):
    """Where a tube has been, written by the database at every change of `custody`; the open row (`until` null) is the present."""

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
        Index("ix_custody_history_container", "container_id", "since", postgresql_where=text("container_id is not null")),
        Index("ix_custody_history_tx", "tx"),
    )
