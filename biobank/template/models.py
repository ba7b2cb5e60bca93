"""Label templates as rows: who made which version of what stands where on a label, and which one is the standard."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class LabelTemplate(Base):
    """A template of the house (without a study) or of a study, for labels of one kind. The standard one is taken where
    nobody names another: that of the study if it has one, else that of the house.
    """

    __tablename__ = "label_template"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    is_standard: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    __table_args__ = (
        UniqueConstraint("name", name="uq_label_template_name"),
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name="name"),
        CheckConstraint("kind in ('tube', 'box', 'rack', 'shelf', 'freezer', 'shipment', 'kit', 'badge')", name="kind"),
        Index(
            "uq_label_template_standard",
            "kind",
            "study_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("is_standard"),
        ),
    )


class LabelTemplateVersion(Base):
    """One version of a label template, laid out for a stock. Its content is what `labels.Template` reads; once
    published or discarded it never changes.
    """

    __tablename__ = "label_template_version"
    id: Mapped[Id]
    template: Mapped[str] = mapped_column(ForeignKey("label_template.name"))
    number: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    stock: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    published_at: Mapped[datetime | None]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    row_version: Mapped[RowVersion]
    __table_args__ = (
        UniqueConstraint("template", "number", name="uq_label_template_version_number"),
        Index("uq_label_template_version_draft", "template", unique=True, postgresql_where=text("status = 'draft'")),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("status in ('draft', 'published', 'discarded')", name="status"),
        CheckConstraint("(status = 'published') = (published_at is not null)", name="published_at_a_time"),
        CheckConstraint("content ->> 'name' = template", name="content_of_the_template"),
    )
