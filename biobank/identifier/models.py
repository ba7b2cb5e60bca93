"""The register of every code that was ever given to a thing, in any namespace. Rows are never deleted: unique means
for ever.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id

HOUSE = "house"


class Namespace(Base):
    """Who gave a code out: the house itself, a tube vendor, an external laboratory, an older system."""

    __tablename__ = "namespace"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)


class Identifier(Base):
    """One code of one thing. A thing may have several; its house id is also kept on its own row as `code`."""

    __tablename__ = "identifier"
    id: Mapped[Id]
    namespace: Mapped[str] = mapped_column(ForeignKey("namespace.code"))
    value: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    participant_id: Mapped[int | None] = mapped_column(ForeignKey("participant.id"))
    specimen_id: Mapped[int | None] = mapped_column(ForeignKey("specimen.id"))
    container_id: Mapped[int | None] = mapped_column(ForeignKey("container.id"))
    shipment_id: Mapped[int | None] = mapped_column(ForeignKey("shipment.id"))
    package_id: Mapped[int | None] = mapped_column(ForeignKey("package.id"))
    plate_id: Mapped[int | None] = mapped_column(ForeignKey("plate.id"))
    pick_list_id: Mapped[int | None] = mapped_column(ForeignKey("pick_list.id"))
    kit_id: Mapped[int | None] = mapped_column(ForeignKey("kit.id"))
    __table_args__ = (
        UniqueConstraint("namespace", "value", name="uq_identifier_namespace_value"),
        CheckConstraint("status in ('active', 'superseded', 'void', 'damaged')", name="status"),
        CheckConstraint("namespace <> 'house' or biobank_house_id_is_valid(value)", name="house_check_character"),
        CheckConstraint(
            "num_nonnulls(participant_id, specimen_id, container_id, shipment_id, package_id, plate_id, pick_list_id, "
            "kit_id) = 1",
            name="exactly_one_thing",
        ),
        # Searches by the beginning of a code, page by page, however the database sorts text otherwise.
        Index("ix_identifier_beginning", "value", "id", postgresql_ops={"value": "text_pattern_ops"}),
        # A replaced label stays in the register; one code of the house at a time is the one to print.
        Index(
            "uq_identifier_label",
            "specimen_id",
            unique=True,
            postgresql_where=text("namespace = 'house' and status = 'active' and specimen_id is not null"),
        ),
        *(
            Index(f"ix_identifier_{column}", column, postgresql_where=text(f"{column} is not null"))
            for column in (
                "participant_id",
                "specimen_id",
                "container_id",
                "shipment_id",
                "package_id",
                "plate_id",
                "pick_list_id",
                "kit_id",
            )
        ),
    )
