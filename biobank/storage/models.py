"""Containers from the facility down to the box, where they have stood, and positions that are kept free. Where each
tube stands is its custody (`specimen/models.py`).

Others may rely on: a place is `(container_id, row, col)`, counted from 0 at the notch, whether a tube stands there (a
position of a box) or a container (a slot of a rack or freezer, `slot_row` and `slot_col` of what stands there);
`container_place` tells where every container stood at any moment, and the path of a tube then is its custody history
joined with it, level by level.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class ContainerType(Base):
    """A make of container: its grid (None: gridless), how its positions are named and in which order it is filled.

    In a box the positions are those of tubes; in any other container they are slots for what stands in it.
    `rows_per_group`: of names of three parts, how many rows the first part has (canes of a goblet, levels of a tower).
    `position_names`: the names of a scheme of its own, row by row. `temperature_class` is the one it is made for, and
    what a new one of it has where nothing else is said.
    """

    __tablename__ = "container_type"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    rows: Mapped[int | None] = mapped_column(Integer)
    cols: Mapped[int | None] = mapped_column(Integer)
    label_scheme: Mapped[str | None] = mapped_column(Text)
    fill_order: Mapped[str] = mapped_column(Text, server_default="row")
    rows_per_group: Mapped[int | None] = mapped_column(Integer)
    position_names: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    temperature_class: Mapped[str | None] = mapped_column(ForeignKey("temperature_class.code"))
    row_version: Mapped[RowVersion]
    __table_args__ = (
        CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{1,19}$'", name="code"),
        CheckConstraint("level in ('facility', 'room', 'freezer', 'shelf', 'rack', 'box', 'bench')", name="level"),
        CheckConstraint(
            "(rows is null) = (cols is null) and (rows is null) = (label_scheme is null)", name="grid_is_whole"
        ),
        CheckConstraint("rows between 1 and 128 and cols between 1 and 64 and rows * cols <= 1536", name="grid_size"),
        CheckConstraint(
            "label_scheme in ('letter_number', 'letter_zero_number', 'letter_number_no_io', "
            "'letter_zero_number_no_io', 'number_by_row', 'number_by_column', 'zero_number_by_row', "
            "'zero_number_by_column', 'goblet_cane_position', 'tower_level_box', 'names', 'unordered')",
            name="label_scheme",
        ),
        CheckConstraint(
            "fill_order in ('row', 'row_from_right', 'row_from_bottom', 'row_serpentine', 'column', "
            "'column_from_right', 'column_from_bottom', 'column_serpentine')",
            name="fill_order",
        ),
        CheckConstraint(
            "(rows_per_group is not null) = coalesce(label_scheme in ('goblet_cane_position', 'tower_level_box'), "
            "false) and (rows_per_group is null or (rows_per_group > 0 and mod(rows, rows_per_group) = 0))",
            name="groups_are_whole",
        ),
        CheckConstraint(
            "(position_names is not null) = coalesce(label_scheme = 'names', false) "
            "and (position_names is null or cardinality(position_names) = rows * cols)",
            name="every_position_has_its_name",
        ),
        CheckConstraint("level <> 'box' or rows is not null", name="tubes_stand_in_grids"),
        CheckConstraint("char_length(title) between 1 and 80", name="title_length"),
    )


class ContainerTypeFormat(Base):
    """A format of tube that goes into a type of box. A box without any takes every format."""

    __tablename__ = "container_type_format"
    id: Mapped[Id]
    container_type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    tube_format: Mapped[str] = mapped_column(ForeignKey("tube_format.code"))
    __table_args__ = (UniqueConstraint("container_type_id", "tube_format", name="uq_container_type_format_once"),)


class ContainerTypeChild(Base):
    """Which types may stand in which: a box can never be put where a tube goes, nor a freezer in a rack. The pairs
    make no circle, so no container can ever stand in itself.
    """

    __tablename__ = "container_type_child"
    id: Mapped[Id]
    parent_type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    child_type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    __table_args__ = (
        UniqueConstraint("parent_type_id", "child_type_id", name="uq_container_type_child_pair"),
        CheckConstraint("parent_type_id <> child_type_id", name="not_in_its_own_kind"),
    )


class Container(Base):
    """A place: facility, room, freezer, shelf, rack or box. Moving one moves all it holds, as one event on it alone.

    In a parent with a grid it may stand in a slot; `placed_at` is since when it stands where it stands.
    """

    __tablename__ = "container"
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    type_id: Mapped[int] = mapped_column(ForeignKey("container_type.id"))
    parent_id: Mapped[int | None] = mapped_column()
    parent_type_id: Mapped[int | None] = mapped_column()
    slot_row: Mapped[int | None] = mapped_column(Integer)
    slot_col: Mapped[int | None] = mapped_column(Integer)
    placed_at: Mapped[datetime] = mapped_column(server_default=func.now())
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
        UniqueConstraint(
            "parent_id", "slot_row", "slot_col", name="uq_container_slot", deferrable=True, initially="DEFERRED"
        ),
        CheckConstraint("(parent_id is null) = (parent_type_id is null)", name="parent_has_its_type"),
        CheckConstraint("(slot_row is null) = (slot_col is null)", name="slot_is_whole"),
        CheckConstraint("slot_row is null or parent_id is not null", name="slot_of_its_parent"),
        CheckConstraint("slot_row >= 0 and slot_col >= 0", name="slot_counts_from_zero"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        CheckConstraint(
            "status in ('planned', 'active', 'full', 'maintenance', 'alarm', 'decommissioned')", name="status"
        ),
        CheckConstraint("code ~ '^[BLR]'", name="code_is_a_place_id"),
        Index(
            "ix_container_name_beginning",
            literal_column("lower(name)").label("lowered"),
            postgresql_ops={"lowered": "text_pattern_ops"},
        ),
    )


class ContainerPlace(Base):
    """Where a container has stood, written by the database at every change of its parent or slot; the open row (`until`
    null) is the present. Without a parent it was an outermost container.
    """

    __tablename__ = "container_place"
    id: Mapped[Id]
    container_id: Mapped[int] = mapped_column(ForeignKey("container.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("container.id"))
    slot_row: Mapped[int | None] = mapped_column(Integer)
    slot_col: Mapped[int | None] = mapped_column(Integer)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    tx: Mapped[UUID] = mapped_column(Uuid)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        Index("uq_container_place_open", "container_id", unique=True, postgresql_where=text("until is null")),
        Index("ix_container_place_container", "container_id", "since"),
        Index("ix_container_place_parent", "parent_id", "since"),
        Index("ix_container_place_tx", "tx"),
        CheckConstraint("until >= since", name="ends_after_start"),
        CheckConstraint("parent_id <> container_id", name="not_in_itself"),
    )


class ContainerPath(Base):
    """The way down to each container now: keys from the outermost to itself, kept by the database. By it what a
    building holds is summed up without walking the tree.
    """

    __tablename__ = "container_path"
    container_id: Mapped[int] = mapped_column(ForeignKey("container.id"), primary_key=True)
    ancestors: Mapped[list[int]] = mapped_column(postgresql.ARRAY(BigInteger))
    __table_args__ = (Index("ix_container_path_ancestors", "ancestors", postgresql_using="gin"),)


class BoxCount(Base):
    """How many tubes stand in a box, kept by the database: the sum over its rows. A box may have several, because a
    store that finds the row of its box in another's hands writes one of its own and waits for nobody.
    """

    __tablename__ = "box_count"
    id: Mapped[Id]
    container_id: Mapped[int] = mapped_column(ForeignKey("container.id"))
    tubes: Mapped[int] = mapped_column(Integer)
    __table_args__ = (
        Index("ix_box_count_container", "container_id"),
        {"postgresql_with": {"fillfactor": 50}},
    )


class StorageReservation(Base):
    """Positions of boxes, or slots of racks, that are kept free for a shipment or a box that is to come. People know it
    by `number` and by its name; who puts something there names it. It ends when it is released, used up or expires.
    """

    __tablename__ = "storage_reservation"
    id: Mapped[Id]
    number: Mapped[UUID] = mapped_column(Uuid, unique=True)
    name: Mapped[str] = mapped_column(Text)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    shipment_id: Mapped[int | None] = mapped_column(ForeignKey("shipment.id"), index=True)
    reserved_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    reserved_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("id", "site_id", name="uq_storage_reservation_site"),
        CheckConstraint("expires_at > reserved_at", name="expires_later"),
        CheckConstraint("char_length(name) between 1 and 80", name="name_length"),
        Index("ix_storage_reservation_at_site", "site_id", "expires_at"),
    )


class ReservedPosition(Base):
    """A position or slot of a reservation: held while `ended_at` is null and the reservation has not expired. No two
    reservations hold the same one.
    """

    __tablename__ = "reserved_position"
    id: Mapped[Id]
    reservation_id: Mapped[int] = mapped_column()
    site_id: Mapped[int] = mapped_column()
    container_id: Mapped[int] = mapped_column()
    row: Mapped[int] = mapped_column(Integer)
    col: Mapped[int] = mapped_column(Integer)
    ended_at: Mapped[datetime | None]
    ended_as: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        ForeignKeyConstraint(
            ["reservation_id", "site_id"],
            ["storage_reservation.id", "storage_reservation.site_id"],
            name="fk_reserved_position_reservation",
        ),
        ForeignKeyConstraint(
            ["container_id", "site_id"], ["container.id", "container.site_id"], name="fk_reserved_position_container"
        ),
        Index(
            "uq_reserved_position_once",
            "container_id",
            "row",
            "col",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index("ix_reserved_position_reservation", "reservation_id"),
        CheckConstraint("ended_as in ('used', 'released', 'expired')", name="ended_as"),
        CheckConstraint("(ended_at is null) = (ended_as is null)", name="ends_somehow"),
        CheckConstraint('"row" >= 0 and col >= 0', name="position_counts_from_zero"),
    )


class TubeSearch(Base):
    """A tube was not where its record says: missing from its box, or not found for a pick list. The search is open
    until the tube turns up anywhere in the house, which the database notices, or somebody declares it lost. A tube has
    one open search at most.
    """

    __tablename__ = "tube_search"
    id: Mapped[Id]
    specimen_id: Mapped[int] = mapped_column(ForeignKey("specimen.id"), index=True)
    pick_list_line_id: Mapped[int | None] = mapped_column(ForeignKey("pick_list_line.id"))
    container_id: Mapped[int | None] = mapped_column(ForeignKey("container.id"))
    row: Mapped[int | None] = mapped_column(Integer)
    col: Mapped[int | None] = mapped_column(Integer)
    there_instead: Mapped[int | None] = mapped_column(ForeignKey("specimen.id"))
    note: Mapped[str | None] = mapped_column(Text)
    opened_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("uq_tube_search_open", "specimen_id", unique=True, postgresql_where=text("closed_at is null")),
        CheckConstraint("outcome in ('found', 'given_up')", name="outcome"),
        CheckConstraint("num_nonnulls(closed_at, outcome) in (0, 2)", name="closed_whole"),
    )
