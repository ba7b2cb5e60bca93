"""Print jobs within reach."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, case, exists, func, not_, or_, select, text, true

from biobank.access.models import AppUser
from biobank.actor import Permission, Scope
from biobank.db import visible
from biobank.errors import Invalid, NotFound
from biobank.printer import rules
from biobank.printer.models import Printer, PrintJob, PrintJobLabel, PrintJobStep
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import ReadTx

PAGE = 100


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class JobLabelView(View):
    code: str
    template: str
    template_version: int
    copy_no: int
    lines: tuple[str, ...]


class StepView(View):
    status: str
    printer: str
    trouble: str | None
    detail: str | None
    at: datetime
    by: str | None


class JobView(View):
    """A print job. `what_to_do` is what a person is to do next; empty where nothing is. `labels` and `steps` are
    empty in lists.
    """

    number: UUID
    site: str
    printer: str
    transport: str
    stock: str
    dpi: int
    status: str
    trouble: str | None
    detail: str | None
    what_to_do: str
    count: int
    first_code: str
    requested_by: str
    requested_at: datetime
    workstation: str | None
    sent_at: datetime | None
    ended_at: datetime | None
    copy_of: UUID | None
    reason: str | None
    labels: tuple[JobLabelView, ...] = ()
    steps: tuple[StepView, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.site}/{self.printer}"


def label_reach(scope: Scope) -> ColumnElement[bool]:
    """The condition that a print job holds no label of a study which the scope does not reach at the printer's site."""
    if scope.everything:
        return true()
    foreign = exists(
        select(PrintJobLabel.id)
        .where(
            PrintJobLabel.job_id == PrintJob.id,
            PrintJobLabel.study_id.is_not(None),
            not_(func.coalesce(visible(scope, PrintJobLabel.study_id, PrintJob.site_id), False)),  # SQL
        )
        .correlate(PrintJob)
    )
    return and_(site_reach(scope), not_(foreign))


def _jobs(scope: Scope) -> Any:
    original = select(PrintJob.id, PrintJob.number).subquery()
    first = (
        select(PrintJobLabel.code)
        .where(PrintJobLabel.job_id == PrintJob.id, PrintJobLabel.ordinal == 1)
        .correlate(PrintJob)
        .scalar_subquery()
    )
    return (
        select(
            PrintJob,
            Site.code.label("site"),
            Printer.name.label("printer"),
            Printer.is_active,
            Printer.is_paused,
            AppUser.display_name,
            original.c.number.label("original"),
            first.label("first_code"),
        )
        .join(Printer, Printer.id == PrintJob.printer_id)
        .join(Site, Site.id == PrintJob.site_id)
        .join(AppUser, AppUser.id == PrintJob.requested_by)
        .outerjoin(original, original.c.id == PrintJob.copy_of)
        .where(label_reach(scope))
    )


def _view(row: Any, labels: tuple[JobLabelView, ...] = (), steps: tuple[StepView, ...] = ()) -> JobView:
    job: PrintJob = row.PrintJob
    trouble = job.trouble
    if job.status == "queued" and not row.is_active:
        trouble = "inactive"
    elif job.status == "queued" and row.is_paused:
        trouble = "held"
    return JobView(
        number=job.number,
        site=row.site,
        printer=row.printer,
        transport=job.transport,
        stock=job.stock,
        dpi=job.dpi,
        status=job.status,
        trouble=trouble,
        detail=job.detail,
        what_to_do=rules.what_to_do(job.status, trouble, job.transport),
        count=job.labels,
        first_code=row.first_code,
        requested_by=row.display_name,
        requested_at=job.requested_at,
        workstation=job.workstation,
        sent_at=job.sent_at,
        ended_at=job.ended_at,
        copy_of=row.original,
        reason=job.reason,
        labels=labels,
        steps=steps,
    )


async def jobs(
    tx: ReadTx,
    *,
    site: str | None = None,
    printer: str | None = None,
    status: str | None = None,
    after: int = 0,
) -> tuple[tuple[JobView, ...], int | None]:
    """Print jobs within reach: those with which somebody or something has still to do first, then the latest; and where
    the next page begins.

    Raises:
        Invalid: no such state.
    """
    if status is not None and status != "open" and status not in rules.STATES:
        known = ", ".join(rules.STATES)
        raise Invalid(
            f"There is no state {status} of print jobs: choose open, {known}.", errors={"status": "is unknown"}
        )
    attention = case((PrintJob.status == "unknown", 0), (PrintJob.status.in_(rules.OPEN), 1), else_=2)
    query = _jobs(tx.scope(Permission.LABEL_PRINT)).order_by(attention, PrintJob.id.desc())
    if site:
        query = query.where(Site.code == site)
    if printer:
        query = query.where(Printer.name == printer)
    if status == "open":
        query = query.where(PrintJob.status.in_(rules.OPEN))
    elif status:
        query = query.where(PrintJob.status == status)
    offset = max(0, after)
    rows = (await tx.session.execute(query.limit(PAGE + 1).offset(offset))).all()
    return tuple(_view(row) for row in rows[:PAGE]), offset + PAGE if len(rows) > PAGE else None


async def job(tx: ReadTx, number: UUID) -> JobView:
    """A print job with its labels and its history.

    Raises:
        NotFound: no such job within reach.
    """
    row = (
        await tx.session.execute(_jobs(tx.scope(Permission.LABEL_PRINT)).where(PrintJob.number == number))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such print job.", job=str(number))
    labels = tuple(
        JobLabelView(
            code=one.code,
            template=one.template,
            template_version=row.PrintJob.templates[one.template]["version"],
            copy_no=one.copy_no,
            lines=tuple(one.tokens[key] for key in sorted(one.tokens) if key.startswith("line")),
        )
        for one in await labels_of(tx, row.PrintJob.id)
    )
    found = await tx.session.execute(
        select(
            PrintJobStep.status,
            Printer.name.label("printer"),
            PrintJobStep.trouble,
            PrintJobStep.detail,
            PrintJobStep.at,
            AppUser.display_name.label("by"),
        )
        .join(Printer, Printer.id == PrintJobStep.printer_id)
        .outerjoin(AppUser, AppUser.id == PrintJobStep.actor_id)
        .where(PrintJobStep.job_id == row.PrintJob.id)
        .order_by(PrintJobStep.id)
    )
    return _view(row, labels, tuple(StepView(**one._asdict()) for one in found))


async def labels_of(tx: ReadTx, job_id: int) -> Sequence[PrintJobLabel]:
    rows = await tx.session.execute(
        select(PrintJobLabel).where(PrintJobLabel.job_id == job_id).order_by(PrintJobLabel.ordinal)
    )
    return rows.scalars().all()


async def find_job(tx: ReadTx, number: UUID, permission: Permission = Permission.LABEL_PRINT) -> PrintJob:
    """A print job within reach, its row held.

    Raises:
        NotFound: no such job within reach.
    """
    found = (
        await tx.session.execute(
            select(PrintJob)
            .join(Site, Site.id == PrintJob.site_id)
            .where(PrintJob.number == number, label_reach(tx.scope(permission)))
            .with_for_update(of=PrintJob)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such print job.", job=str(number))
    return found


def due_at(printer_id: int) -> ColumnElement[bool]:
    """The condition that a job waits for this printer and nobody has it in hand."""
    return and_(
        text("print_job.status in ('queued', 'sent') and print_job.transport <> 'download'"),  # as the index has it
        PrintJob.printer_id == printer_id,
        PrintJob.status == "queued",
        or_(PrintJob.claimed_until.is_(None), PrintJob.claimed_until < func.now()),
    )
