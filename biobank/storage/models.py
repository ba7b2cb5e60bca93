"""Containers from the facility down to the box. Where each tube stands is its custody (`specimen/models.py`)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Integer, Text, UniqueConstraint, func
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
        CheckConstraint(
            "(rows is null) = (cols is null) and (rows is null) = (label_scheme is null)", name="grid_is_whole"
        ),
        CheckConstraint("rows between 1 and 32 and cols between 1 and 48", name="grid_size"),
        CheckConstraint(
            "label_scheme in ('letter_number', 'letter_zero_number', 'number_by_row', 'number_by_column')",
            name="label_scheme",
        ),
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
        ForeignKeyConstraint(
            ["parent_id", "parent_type_id"], ["container.id", "container.type_id"], name="fk_container_parent"
        ),
        ForeignKeyConstraint(
            ["parent_id", "site_id"], ["container.id", "container.site_id"], name="fk_container_parent_site"
        ),
        ForeignKeyConstraint(
            ["parent_type_id", "type_id"],
            ["container_type_child.parent_type_id", "container_type_child.child_type_id"],
            name="fk_container_type_fits_parent",
        ),
        UniqueConstraint("parent_id", "name", name="uq_container_name_in_parent"),
        CheckConstraint("(parent_id is null) = (parent_type_id is null)", name="parent_has_its_type"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        CheckConstraint(
            "status in ('planned', 'active', 'full', 'maintenance', 'alarm', 'decommissioned')", name="status"
        ),
        CheckConstraint("code ~ '^[BLR]'", name="code_is_a_place_id"),
    )
