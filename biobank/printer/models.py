"""Printers of a site, the rules that choose one, and print jobs with all that is needed to print them exactly again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id, RowVersion


class Printer(Base):
    """A label printer of a site. `zpl_tcp` is reached by the service itself, `pull` by a print agent on the site's own
    network, and a `download` is printed by a person from a file. A paused printer keeps its jobs.
    """

    __tablename__ = "printer"
    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    host: Mapped[str | None] = mapped_column(Text)
    port: Mapped[int | None] = mapped_column(Integer)
    dpi: Mapped[int] = mapped_column(Integer)
    stock: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    is_paused: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    row_version: Mapped[RowVersion]
    __table_args__ = (
        UniqueConstraint("site_id", "name", name="uq_printer_name"),
        UniqueConstraint("id", "site_id", name="uq_printer_site"),
        CheckConstraint("name ~ '^[A-Z0-9][A-Z0-9-]{0,19}$'", name="name"),
        CheckConstraint("kind in ('zpl_tcp', 'pull', 'download')", name="kind"),
        CheckConstraint(
            "(kind = 'download') = (host is null) and (host is null) = (port is null)", name="address_where_needed"
        ),
        CheckConstraint("port between 1 and 65535", name="port"),
        CheckConstraint("dpi = any (array[203, 300, 600])", name="dpi"),
    )


class PrinterStatus(Base):
    """What a printer said of itself when it was last asked. It is no fact about a sample and is not audited."""

    __tablename__ = "printer_status"
    printer_id: Mapped[int] = mapped_column(ForeignKey("printer.id"), primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(
            "status in ('ready', 'out_of_labels', 'out_of_ribbon', 'head_open', 'paused', 'busy', 'unreachable', "
            "'unreadable')",
            name="status",
        ),
    )


class PrinterRule(Base):
    """Which printer is taken for whom, where and for what. Of the rules of a site the first in order that fits wins;
    what a rule does not name fits everything.
    """

    __tablename__ = "printer_rule"
    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    position: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    workstation: Mapped[str | None] = mapped_column(Text)
    label_kind: Mapped[str | None] = mapped_column(Text)
    printer_id: Mapped[int]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["printer_id", "site_id"], ["printer.id", "printer.site_id"], name="fk_printer_rule_printer_of_the_site"
        ),
        CheckConstraint("position >= 1", name="position_counts_from_one"),
        CheckConstraint(
            "label_kind in ('tube', 'box', 'rack', 'place', 'shipment', 'kit', 'command')", name="label_kind"
        ),
        CheckConstraint("workstation <> ''", name="workstation_named"),
        Index(
            "uq_printer_rule_position",
            "site_id",
            "position",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
    )


class PrintJob(Base):
    """Labels for one printer, with a snapshot of the templates, the stock and the resolution. The labels and the
    templates never change, and the printer only while the job waits; `status` follows the order that a trigger holds.
    `trouble` says what keeps a job waiting or unknown.
    """

    __tablename__ = "print_job"
    id: Mapped[Id]
    number: Mapped[UUID] = mapped_column(Uuid, unique=True)
    printer_id: Mapped[int]
    site_id: Mapped[int]
    transport: Mapped[str] = mapped_column(Text)
    stock: Mapped[str] = mapped_column(Text)
    dpi: Mapped[int] = mapped_column(Integer)
    templates: Mapped[dict[str, Any]] = mapped_column(JSONB)
    start: Mapped[int] = mapped_column(Integer, server_default="0")
    labels: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(Text, server_default="queued")
    trouble: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    requested_at: Mapped[datetime]
    workstation: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    claim: Mapped[UUID | None] = mapped_column(Uuid)
    claimed_until: Mapped[datetime | None]
    copy_of: Mapped[int | None] = mapped_column(ForeignKey("print_job.id"))
    reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        ForeignKeyConstraint(
            ["printer_id", "site_id"], ["printer.id", "printer.site_id"], name="fk_print_job_printer_of_the_site"
        ),
        CheckConstraint(
            "status in ('queued', 'sent', 'acknowledged', 'verified', 'unknown', 'failed', 'cancelled')", name="status"
        ),
        CheckConstraint("transport in ('zpl_tcp', 'pull', 'download')", name="transport"),
        CheckConstraint("labels >= 1 and start >= 0", name="counts"),
        CheckConstraint(
            "(status in ('sent', 'acknowledged', 'verified', 'unknown')) <= (sent_at is not null) "
            "and (status in ('queued', 'cancelled')) <= (sent_at is null)",
            name="sent_when_it_was_sent",
        ),
        CheckConstraint("(copy_of is null) = (reason is null)", name="copy_has_a_reason"),
        CheckConstraint("(claim is null) = (claimed_until is null)", name="claim_whole"),
        Index(
            "uq_print_job_one_at_a_printer",
            "printer_id",
            unique=True,
            postgresql_where=text("status = 'sent' and transport <> 'download'"),
        ),
        Index(
            "ix_print_job_waiting",
            "printer_id",
            "id",
            postgresql_where=text("status in ('queued', 'sent') and transport <> 'download'"),
        ),
        Index("ix_print_job_site_id", "site_id", "id"),
    )


class PrintJobLabel(Base):
    """One label of a job: its code and what each token of its template stands for. `label_print` counts the copy."""

    __tablename__ = "print_job_label"
    id: Mapped[Id]
    job_id: Mapped[int] = mapped_column(ForeignKey("print_job.id"))
    ordinal: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    tokens: Mapped[dict[str, Any]] = mapped_column(JSONB)
    copy_no: Mapped[int] = mapped_column(Integer)
    study_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    label_print_id: Mapped[int | None] = mapped_column(ForeignKey("label_print.id"), unique=True)
    __table_args__ = (
        UniqueConstraint("job_id", "ordinal", name="uq_print_job_label_place"),
        CheckConstraint("ordinal >= 1 and copy_no >= 1", name="counts_from_one"),
    )


class PrintJobStep(Base):
    """Every state that a job was in, written by a trigger: when, at which printer, what was the trouble, and whose deed
    it was.
    """

    __tablename__ = "print_job_step"
    id: Mapped[Id]
    job_id: Mapped[int] = mapped_column(ForeignKey("print_job.id"), index=True)
    status: Mapped[str] = mapped_column(Text)
    trouble: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    printer_id: Mapped[int] = mapped_column(ForeignKey("printer.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
