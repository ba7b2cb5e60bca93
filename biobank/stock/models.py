"""Label stocks that a site measured itself, in versions, beside those that ship with the library of labels."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class LabelStock(Base):
    """A stock of the house (without a study) or of a study. One that is not offered is chosen no more; what is printed
    on it already, and printers that hold it, keep it.
    """

    __tablename__ = "label_stock"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    is_offered: Mapped[bool] = mapped_column(default=True, server_default="true")
    __table_args__ = (
        UniqueConstraint("name", name="uq_label_stock_name"),
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name="name"),
        CheckConstraint("kind in ('sheet', 'roll')", name="kind"),
    )


class LabelStockVersion(Base):
    """The measures of a stock at one time: what `labels.stock_from_data` reads. They never change, for labels are
    printed again exactly; other measures are the next version.
    """

    __tablename__ = "label_stock_version"
    id: Mapped[Id]
    stock: Mapped[str] = mapped_column(ForeignKey("label_stock.name"))
    number: Mapped[int] = mapped_column(Integer)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        UniqueConstraint("stock", "number", name="uq_label_stock_version_number"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("content ->> 'name' = stock || '@' || number", name="content_of_the_version"),
    )
