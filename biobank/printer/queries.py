"""Printers, rules and print jobs within reach."""

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
from biobank.printer.models import Printer, PrinterRule, PrinterStatus, PrintJob, PrintJobLabel, PrintJobStep
from biobank.study.models import Site
from biobank.study.queries import site_by_code, site_reach
from biobank.tx import ReadTx

PAGE = 100


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class PrinterView(View):
    """`status` is what the printer said when it was last asked (`seen_at`); None where it never was. `waiting` counts
    the labels of jobs that wait for it.
    """

    site: str
    name: str
    kind: str
    host: str | None
    port: int | None
    dpi: int
    stock: str
    status: str | None
    seen_at: datetime | None
    is_active: bool
    is_paused: bool
    jobs: int
    waiting: int
    row_version: int

    @property
    def key(self) -> str:
        return f"{self.site}/{self.name}"


class RuleView(View):
    site: str
    position: int
    user: str | None
    workstation: str | None
    label_kind: str | None
    printer: str


class JudgedView(RuleView):
    """A rule with why it wins or does not."""

    wins: bool
    why: str


class ChoiceView(View):
    """The printer that the rules choose, and what each rule said to it."""

    printer: str | None
    site: str | None
    rules: tuple[JudgedView, ...]


class JobLabelView(View):
    code: str
    template: str
    template_version: int
    copy_no: int
    lines: tuple[str, ...]


class StepView(View):
    status: str
    trouble: str | None
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


async def printers(
    tx: ReadTx, permission: Permission = Permission.LABEL_PRINT, *, site: str | None = None, name: str | None = None
) -> tuple[PrinterView, ...]:
    """Printers of sites within reach, those in use first."""
    waiting = (
        select(
            PrintJob.printer_id,
            func.count().label("jobs"),
            func.sum(PrintJob.labels).label("labels"),
        )
        .where(text("print_job.status in ('queued', 'sent') and print_job.transport <> 'download'"))
        .group_by(PrintJob.printer_id)
        .subquery()
    )
    query = (
        select(
            Printer,
            Site.code.label("site"),
            PrinterStatus.status,
            PrinterStatus.seen_at,
            func.coalesce(waiting.c.jobs, 0).label("jobs"),
            func.coalesce(waiting.c.labels, 0).label("labels"),
        )
        .join(Site, Site.id == Printer.site_id)
        .outerjoin(PrinterStatus, PrinterStatus.printer_id == Printer.id)
        .outerjoin(waiting, waiting.c.printer_id == Printer.id)
        .where(site_reach(tx.scope(permission)))
        .order_by(Printer.is_active.desc(), Site.code, Printer.name)
    )
    if site:
        query = query.where(Site.code == site)
    if name:
        query = query.where(Printer.name == name)
    return tuple(
        PrinterView(
            site=row.site,
            name=row.Printer.name,
            kind=row.Printer.kind,
            host=row.Printer.host,
            port=row.Printer.port,
            dpi=row.Printer.dpi,
            stock=row.Printer.stock,
            status=row.status,
            seen_at=row.seen_at,
            is_active=row.Printer.is_active,
            is_paused=row.Printer.is_paused,
            jobs=row.jobs,
            waiting=row.labels,
            row_version=row.Printer.row_version,
        )
        for row in await tx.session.execute(query)
    )


async def printer(tx: ReadTx, site: str, name: str, permission: Permission = Permission.LABEL_PRINT) -> PrinterView:
    """Raises:
    NotFound: the site has no such printer within reach.
    """
    found = await printers(tx, permission, site=site, name=name)
    if not found:
        raise NotFound(f"There is no printer {name} at {site}.", site=site, printer=name)
    return found[0]


async def find_printer(
    tx: ReadTx, site: str, name: str, permission: Permission, *, lock: bool = False
) -> tuple[Printer, Site]:
    """A printer of a site at which this person holds `permission`.

    Raises:
        NotFound: no such site or printer within reach.
    """
    place = await site_by_code(tx, site, permission)
    query = select(Printer).where(Printer.site_id == place.id, Printer.name == name)
    found = (await tx.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no printer {name} at {site}.", site=site, printer=name)
    return found, place


async def rules_within(
    tx: ReadTx, permission: Permission = Permission.LABEL_PRINT, *, site: str | None = None
) -> tuple[rules.Rule, ...]:
    """The rules in force of sites within reach, by site and order."""
    query = (
        select(
            Site.code.label("site"),
            PrinterRule.position,
            AppUser.username,
            PrinterRule.workstation,
            PrinterRule.label_kind,
            Printer.name,
            Printer.is_active,
        )
        .join(Site, Site.id == PrinterRule.site_id)
        .join(Printer, Printer.id == PrinterRule.printer_id)
        .outerjoin(AppUser, AppUser.id == PrinterRule.user_id)
        .where(site_reach(tx.scope(permission)), PrinterRule.ended_at.is_(None))
        .order_by(Site.code, PrinterRule.position)
    )
    if site:
        query = query.where(Site.code == site)
    return tuple(
        rules.Rule(row.site, row.position, row.username, row.workstation, row.label_kind, row.name, row.is_active)
        for row in await tx.session.execute(query)
    )


def rule_view(rule: rules.Rule) -> RuleView:
    return RuleView(
        site=rule.site,
        position=rule.position,
        user=rule.user,
        workstation=rule.workstation,
        label_kind=rule.label_kind,
        printer=rule.printer,
    )


async def choose(
    tx: ReadTx,
    *,
    site: str | None = None,
    workstation: str | None = None,
    label_kind: str | None = None,
    user: str | None = None,
) -> ChoiceView:
    """The printer that the rules choose for this person (or for `user`), of the sites where labels may be printed.

    Raises:
        NotFound: no such site within reach.
        Invalid: no such kind of labels.
    """
    if label_kind is not None and label_kind not in rules.LABEL_KINDS:
        known = ", ".join(rules.LABEL_KINDS)
        raise Invalid(f"There are no labels of {label_kind}: choose {known}.", errors={"label_kind": "is unknown"})
    if site is not None:
        await site_by_code(tx, site, Permission.LABEL_PRINT)
    wanted = rules.Wanted(user or tx.actor.username, workstation or None, label_kind)
    judged = rules.judge(await rules_within(tx, site=site), wanted)
    won = next((one.rule for one in judged if one.wins), None)
    return ChoiceView(
        printer=won.printer if won else None,
        site=won.site if won else None,
        rules=tuple(JudgedView(**rule_view(one.rule).model_dump(), wins=one.wins, why=one.why) for one in judged),
    )


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
        select(PrintJobStep.status, PrintJobStep.trouble, PrintJobStep.at, AppUser.display_name.label("by"))
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
