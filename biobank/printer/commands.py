"""Registering printers, changing and pausing them, and the rules that choose one."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.errors import Invalid, TooLarge
from biobank.printer import queries, rules
from biobank.printer.models import Printer, PrinterRule
from biobank.printer.queries import PrinterView, RuleView
from biobank.stock import queries as stocks
from biobank.study.queries import site_by_code
from biobank.tx import ReadTx, Tx
from labels import RollStock, Stock

Name = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$", description="Capital letters, digits, hyphens.")]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$", description="Host name or address.")]
Port = Annotated[int, Field(ge=1, le=65535)]
Reason = Annotated[str, Field(min_length=3, max_length=500)]
SiteCode = Annotated[str, Field(min_length=1, max_length=16)]
StockName = Annotated[str, Field(min_length=1, max_length=80)]
Workstation = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$")]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AddPrinter(Command):
    """A printer of a site: its address is that on the network of whoever sends to it, the service or the print
    agent.
    """

    site: SiteCode
    name: Name
    kind: Literal["zpl_tcp", "pull", "download"]
    host: Host | None = None
    port: Port | None = None
    dpi: Literal[203, 300, 600] = 203
    stock: StockName


class ChangePrinter(Command):
    """What a printer is from now on. Jobs that were ordered before keep their stock."""

    host: Host | None = None
    port: Port | None = None
    dpi: Literal[203, 300, 600]
    stock: StockName
    is_active: bool = True
    row_version: int


class PausePrinter(Command):
    """Jobs wait while a printer is paused."""

    paused: bool
    reason: Reason
    row_version: int


class RuleSpec(Command):
    """What is left out fits everything."""

    user: Annotated[str | None, Field(min_length=1, max_length=63)] = None
    workstation: Workstation | None = None
    label_kind: Literal["tube", "box", "rack", "place", "shipment", "kit", "command"] | None = None
    printer: Name


class SetRules(Command):
    """All rules of a site in their order, in place of those in force. `seen` are those that were looked at."""

    site: SiteCode
    rules: tuple[RuleSpec, ...]
    seen: int


class RulesView(BaseModel):
    model_config = ConfigDict(frozen=True)
    site: str
    version: int
    rules: tuple[RuleView, ...]


def _check(kind: str, host: str | None, port: int | None, dpi: int, stock: Stock) -> None:
    rules.check_address(kind, host, port)
    rules.check_stock(kind, dpi, stock.dpi if isinstance(stock, RollStock) else None)


async def add_printer(tx: Tx, command: AddPrinter) -> PrinterView:
    """Register a printer of a site.

    Raises:
        NotFound: no such site within reach.
        PrinterExists: the site has one of this name (from the constraint).
        Invalid: an address or stock that such a printer cannot have.
    """
    site = await site_by_code(tx, command.site, Permission.PRINTER_MANAGE)
    stock = await stocks.chosen(tx, command.stock)
    _check(command.kind, command.host, command.port, command.dpi, stock)
    row = {**command.model_dump(exclude={"site"}), "stock": stock.name, "site_id": site.id}
    (printer_id,) = await tx.insert(Printer, [row])
    tx.record("printer.added", subject="printer", subject_id=printer_id, site_id=site.id, printer=command.name)
    return await queries.printer(tx, site.code, command.name, Permission.PRINTER_MANAGE)


async def change_printer(tx: Tx, site: str, name: str, command: ChangePrinter) -> PrinterView:
    """Change address, resolution, stock or use of a printer.

    Raises:
        NotFound: no such printer within reach.
        PrinterChanged: somebody changed it meanwhile.
        Invalid: an address or stock that it cannot have.
    """
    found, _ = await queries.find_printer(tx, site, name, Permission.PRINTER_MANAGE, lock=True)
    rules.check_version(name, command.row_version, found.row_version)
    held = command.stock == found.stock
    stock = await (stocks.drawn if held else stocks.chosen)(tx, command.stock)
    _check(found.kind, command.host, command.port, command.dpi, stock)
    found.host, found.port = command.host, command.port
    found.dpi, found.stock, found.is_active = command.dpi, stock.name, command.is_active
    _changed(tx, found, "printer.changed", stock=stock.name, is_active=command.is_active)
    await tx.session.flush()
    return await queries.printer(tx, site, name, Permission.PRINTER_MANAGE)


async def pause_printer(tx: Tx, site: str, name: str, command: PausePrinter) -> PrinterView:
    """Hold the jobs of a printer, or let them go on.

    Raises:
        NotFound: no such printer within reach.
        PrinterChanged: somebody changed it meanwhile.
    """
    found, _ = await queries.find_printer(tx, site, name, Permission.PRINTER_MANAGE, lock=True)
    rules.check_version(name, command.row_version, found.row_version)
    found.is_paused = command.paused
    _changed(tx, found, "printer.paused" if command.paused else "printer.resumed", reason=command.reason)
    await tx.session.flush()
    return await queries.printer(tx, site, name, Permission.PRINTER_MANAGE)


def _changed(tx: Tx, printer: Printer, verb: str, *, reason: str | None = None, **details: Any) -> None:
    printer.row_version += 1
    tx.record(
        verb,
        subject="printer",
        subject_id=printer.id,
        site_id=printer.site_id,
        reason=reason,
        printer=printer.name,
        **details,
    )


async def set_rules(tx: Tx, command: SetRules) -> RulesView:
    """Put the rules of a site in place of those in force, all at once: an order is one thing. Old rules stay on record.

    Raises:
        NotFound: no such site within reach.
        RulesChanged: somebody changed them meanwhile.
        Invalid, TooLarge: an unknown user or printer, too many rules.
    """
    site = await site_by_code(tx, command.site, Permission.PRINTER_MANAGE)
    if len(command.rules) > rules.PER_SITE:
        raise TooLarge(f"{len(command.rules)} rules are more than the {rules.PER_SITE} of one site.")
    owned = select(Printer.name, Printer.id).where(Printer.site_id == site.id).with_for_update()
    printers = {row.name: row.id for row in await tx.session.execute(owned)}
    before = (
        await tx.session.execute(
            select(PrinterRule.id).where(PrinterRule.site_id == site.id).order_by(PrinterRule.id.desc()).limit(1)
        )
    ).scalar_one_or_none()
    if command.seen != (before or 0):
        raise rules.RulesChanged("Somebody else changed the rules of this site meanwhile: look at them again.")
    names = {rule.user for rule in command.rules if rule.user}
    named = select(AppUser.username, AppUser.id).where(AppUser.username.in_(names))
    users = {row.username: row.id for row in await tx.session.execute(named)}
    rows = []
    for position, rule in enumerate(command.rules, start=1):
        if rule.printer not in printers:
            raise Invalid(
                f"Rule {position}: {site.code} has no printer {rule.printer}.",
                errors={f"rules.{position}.printer": "is not a printer of the site"},
            )
        if rule.user is not None and rule.user not in users:
            raise Invalid(
                f"Rule {position}: there is no user {rule.user}.", errors={f"rules.{position}.user": "is not a user"}
            )
        rows.append(
            {
                "site_id": site.id,
                "position": position,
                "user_id": users.get(rule.user or ""),
                "workstation": rule.workstation,
                "label_kind": rule.label_kind,
                "printer_id": printers[rule.printer],
            }
        )
    await tx.session.execute(
        update(PrinterRule)
        .where(PrinterRule.site_id == site.id, PrinterRule.ended_at.is_(None))
        .values(ended_at=tx.now)
    )
    await tx.insert(PrinterRule, rows)
    tx.record("printer_rules.set", subject="printer_rule", subject_id=None, site_id=site.id, rules=len(rows))
    return await rules_view(tx, site.code)


async def rules_view(tx: ReadTx, site: str) -> RulesView:
    """The rules of a site and what to send as `seen` to change them.

    Raises:
        NotFound: no such site within reach.
    """
    place = await site_by_code(tx, site, Permission.LABEL_PRINT)
    version = (
        await tx.session.execute(
            select(PrinterRule.id).where(PrinterRule.site_id == place.id).order_by(PrinterRule.id.desc()).limit(1)
        )
    ).scalar_one_or_none()
    found = await queries.rules_within(tx, site=site)
    return RulesView(site=site, version=version or 0, rules=tuple(queries.rule_view(one) for one in found))
