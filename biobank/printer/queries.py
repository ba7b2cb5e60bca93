"""Printers and the rules that choose one, within reach."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, text

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.printer import rules
from biobank.printer.models import Printer, PrinterRule, PrinterStatus, PrintJob
from biobank.study.models import Site
from biobank.study.queries import site_by_code, site_reach
from biobank.tx import ReadTx


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
    found = await rules_within(tx, site=site)
    several = len({rule.site for rule in found}) > 1
    judged = rules.judge(found, rules.Wanted(user or tx.actor.username, workstation or None, label_kind, several))
    won = next((one.rule for one in judged if one.wins), None)
    return ChoiceView(
        printer=won.printer if won else None,
        site=won.site if won else None,
        rules=tuple(JudgedView(**rule_view(one.rule).model_dump(), wins=one.wins, why=one.why) for one in judged),
    )
