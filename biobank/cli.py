"""The command line: thin callers of the same functions that the pages and the API call."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import click
from pydantic import SecretStr, ValidationError

from biobank import __version__
from biobank.errors import DomainError, OperationFailed
from biobank.label_cli import labels
from biobank.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from biobank.protocol.queries import VersionView
    from biobank.tx import Tx

Outcome = TypeVar("Outcome")


class Failure(click.ClickException):
    """An expected failure: one line, exit status 1."""


@click.group()
@click.version_option(__version__, prog_name="biobank")
@click.pass_context
def biobank(context: click.Context) -> None:
    """Tracks biological samples and lab-assay inventory for prospective studies. Settings are BIOBANK_* variables."""
    if context.invoked_subcommand in ("parse", "print-agent", "printer-simulator", "labels"):
        return  # they know no database and no settings, or ask for them when they need one
    try:
        context.obj = load_settings()
    except SettingsError as error:
        raise Failure(str(error)) from None


biobank.add_command(labels)


def main() -> None:
    # A service manager's stop unwinds like Ctrl-C does, so that the database is let go in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        biobank.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except Exception as error:
        message = _explained(error)
        if message is None:
            raise
        click.echo(f"Error: {message}", err=True)
        sys.exit(1)


def _explained(error: Exception) -> str | None:
    """What an expected failure says; None where it is a fault of ours."""
    from biobank.embedded import EmbeddedError

    match error:
        case DomainError() | EmbeddedError() | OperationFailed():
            return str(error)
        case ValidationError():
            return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        case FileNotFoundError() if error.errno is None:  # ours: it says what is missing and what to do
            return str(error)
        case OSError() | asyncpg.PostgresError():
            return f"the database or a file cannot be used: {error}"
    return None


@biobank.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Start the database, migrate it and serve (BIOBANK_DEMO=true fills an empty one with the demo study)."""
    from biobank import serve as serving

    serving.serve(settings)


@biobank.command()
@click.option(
    "--participants",
    type=click.IntRange(1, 100_000),
    default=60,
    show_default=True,
    help="How many made-up participants.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same study.")
@click.option("--no-serve", is_flag=True, help="Fill the database and stop.")
@click.pass_obj
def demo(settings: Settings, participants: int, seed: int, no_serve: bool) -> None:
    """Fill an empty database with the demo study, and serve it."""
    from biobank import migrate
    from biobank import serve as serving
    from biobank.runtime import running

    with running(settings) as database:
        migrate.prepare(database.dsn, role=settings.database_role)
        summary = serving.fill_demo(settings, database, participants=participants, seed=seed)
        click.echo(json.dumps(summary.counts))
        if no_serve:
            serving.show_logins(settings.data)
        else:
            serving.serve_prepared(settings, database)


@biobank.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from biobank.migrate import prepare
    from biobank.runtime import running

    with running(settings) as database:
        prepare(database.dsn, role=settings.database_role)


@biobank.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_key", help="Read as this format instead of asking every importer.")
@click.option("--json", "as_json", is_flag=True, help="The whole run as JSON.")
def parse(file: Path, format_key: str | None, as_json: bool) -> None:
    """Read an instrument's file and print what is in it. No database. Exits 2 if no importer or several claim it, 3 if
    it is faulty.
    """
    from assay_importers.command import run_parse

    sys.exit(run_parse(file, format_key, as_json, sys.stdout, sys.stderr))


@biobank.command("print-agent")
@click.option("--url", required=True, help="Address of the service, https://…")
@click.option(
    "--token",
    required=True,
    envvar="BIOBANK_PRINT_TOKEN",
    help="Token of a user with the role print_agent; BIOBANK_PRINT_TOKEN keeps it out of the list of processes.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("print-agent.json"),
    show_default=True,
    help="Where it notes what it is doing, so that nothing prints twice after it was killed.",
)
@click.option(
    "--answer", type=click.FloatRange(0.1, 120), default=5.0, show_default=True, help="Seconds for a printer to answer."
)
@click.option(
    "--done",
    type=click.FloatRange(0.1, 3600),
    default=120.0,
    show_default=True,
    help="Seconds without a further label until a job is unknown.",
)
@click.option("--once", is_flag=True, help="Take one job, or none, and stop.")
def print_agent(url: str, token: str, journal: Path, answer: float, done: float, once: bool) -> None:
    """Print at a site what the service has for its printers. Needs outbound HTTPS only, and no database."""
    from biobank.printer.client import AgentError, run_agent

    try:
        run_agent(url, token, journal, answer=answer, done=done, once=once, say=lambda text: click.echo(text, err=True))
    except AgentError as error:
        raise Failure(str(error)) from None


@biobank.command("printer-simulator")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9100, show_default=True, help="Takes ZPL here; 0 takes a free one."
)
@click.option(
    "--page",
    "page_port",
    type=click.IntRange(0, 65535),
    help="Shows its labels and its switches on a local page at this port.",
)
@click.option(
    "--pictures", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Writes each label there as PNG."
)
@click.option(
    "--dpi", type=click.Choice(["203", "300", "600"]), default="203", show_default=True, help="Dots per inch."
)
@click.option(
    "--condition",
    default="ready",
    show_default=True,
    help="How it begins: ready, out_of_labels, head_open, paused, slow, cut_off, ...",
)
def printer_simulator(port: int, page_port: int | None, pictures: Path | None, dpi: str, condition: str) -> None:
    """A printer without paper: takes ZPL over TCP on this machine and shows the labels as pictures."""
    from biobank.printer.simulator import CONDITIONS, run_simulator

    if condition not in CONDITIONS:
        raise Failure(f"A printer cannot be {condition}: choose {', '.join(CONDITIONS)}.")
    run_simulator(port, page_port, pictures, int(dpi), condition, click.echo)


def _with_connection(settings: Settings, work: Callable[[asyncpg.Connection], Awaitable[Outcome]]) -> Outcome:
    from biobank.runtime import running

    async def connected(dsn: str) -> Outcome:
        connection = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
        try:
            return await work(connection)
        finally:
            await connection.close()

    with running(settings) as database:
        return asyncio.run(connected(database.dsn))


@biobank.group()
def sprec() -> None:
    """SPREC codes of tubes."""


@sprec.command()
@click.option("--all", "everything", is_flag=True, help="Every tube, not only those of which something changed.")
@click.pass_obj
def recompute(settings: Settings, everything: bool) -> None:
    """Compute SPREC codes now instead of bit by bit in the background, and keep those that are new or different."""
    from biobank.db import Database
    from biobank.preanalytics.recompute import recompute as recompute_all
    from biobank.runtime import running

    async def work(dsn: str) -> str:
        async with Database.open(dsn, role=settings.database_role, size=2) as database:
            done = await recompute_all(
                database, everything=everything, progress=lambda text: click.echo(text, err=True)
            )
        return f"{done.due:,} tubes: {done.first:,} codes are new, {done.superseded:,} replaced another"

    with running(settings) as database:
        click.echo(asyncio.run(work(database.dsn)))


@biobank.group()
def audit() -> None:
    """The audit trail: seal, verify, export."""


@audit.command()
@click.pass_obj
def seal(settings: Settings) -> None:
    """Seal every committed entry now instead of at the next round of the service."""
    from biobank.audit.seal import seal as seal_now

    sealed = _with_connection(settings, seal_now)
    click.echo(f"{sealed.entries:,} entries sealed in {sealed.seals} seals")


@audit.command()
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Verify an exported trail, without a database.",
)
@click.option("--head", help="The chain's last hash as you noted it: fails when the chain does not pass through it.")
@click.pass_obj
def verify(settings: Settings, exported: Path | None, head: str | None) -> None:
    """Find every edited, deleted, inserted or reordered entry, and every row that is not as its last entry left it."""
    from biobank.audit.verify import verify as verify_all
    from biobank.audit.verify import verify_export

    if exported is not None:
        try:
            with exported.open(encoding="utf-8") as lines:
                verdict = verify_export(lines)
        except ValueError as error:
            raise Failure(f"{exported}: {error}") from None
    else:
        verdict = _with_connection(settings, verify_all)
    for fault in verdict.faults[:1000]:
        click.echo(f"{fault.where}: {fault.what}")
    noted = head is None or head in verdict.hashes
    if not noted:
        click.echo(f"the chain does not pass through {head}: seals after it were cut off or rewritten")
    state = "sound" if verdict.sound and noted else f"{len(verdict.faults) + (not noted)} FAULTS"
    click.echo(
        f"{state}: {verdict.entries:,} sealed entries in {verdict.seals:,} seals, "
        f"{verdict.unsealed:,} not sealed yet, {verdict.rows:,} rows"
    )
    click.echo(f"head {verdict.head}")
    sys.exit(0 if verdict.sound and noted else 1)


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def export_trail(settings: Settings, file: Path) -> None:
    """Write the trail as JSON lines, for `audit verify --export` or for anybody with SHA-256."""
    from biobank.audit.verify import export

    with file.open("x", encoding="utf-8") as target:

        async def work(connection: asyncpg.Connection) -> int:
            count = 0
            async for line in export(connection):
                target.write(line + "\n")
                count += 1
            return count

        try:
            count = _with_connection(settings, work)
        except BaseException:
            file.unlink()  # half a trail would look like one that was cut off
            raise
    click.echo(f"{count:,} lines written to {file}")


@biobank.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(settings: Settings, file: Path) -> None:
    """Write a consistent copy of the whole database to a new file."""
    from biobank.backup import backup as write
    from biobank.runtime import running

    with running(settings) as database:
        click.echo(f"{write(database, file):,} bytes written to {file}")


@biobank.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def restore(settings: Settings, file: Path) -> None:
    """Bring a backup back into an empty database and verify it."""
    from biobank.backup import restore as bring_back
    from biobank.runtime import running

    with running(settings) as database:
        verdict = asyncio.run(bring_back(database, file, role=settings.database_role))
    for fault in verdict.faults:
        click.echo(f"{fault.where}: {fault.what}")
    click.echo(
        f"restored; {verdict.rows:,} rows and {verdict.entries:,} sealed entries "
        f"are {'sound' if verdict.sound else 'NOT sound'}"
    )
    sys.exit(0 if verdict.sound else 1)


@biobank.group()
def user() -> None:
    """People with a login."""


@user.command("create")
@click.argument("username")
@click.option("--name", required=True, help="Name shown on pages.")
@click.option("--role", help="A role to begin with, for example administrator or technician.")
@click.option("--study", help="Code of the study the role is held in.")
@click.option("--site", help="Code of the site; none means all of the study's.")
@click.option("--no-password", is_flag=True, help="API tokens only.")
@click.password_option(
    prompt_required=False,
    default=None,
    help="Asked for when it is not given; BIOBANK_PASSWORD works too.",
    envvar="BIOBANK_PASSWORD",
)
@click.pass_obj
def create_user(
    settings: Settings,
    username: str,
    name: str,
    role: str | None,
    study: str | None,
    site: str | None,
    no_password: bool,
    password: str | None,
) -> None:
    """Create a user, with a role if one is named."""
    from biobank.access import commands

    if password is None and not no_password:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    spec = commands.CreateUser(
        username=username, display_name=name, password=None if password is None else SecretStr(password)
    )

    async def work(tx: "Tx") -> None:
        await commands.create_user(tx, spec)
        if role is not None:
            await commands.grant_role(tx, username, commands.GrantRole(role=role, study=study, site=site))

    _in_tx(settings, work)
    click.echo(f"user {username} created")


@biobank.group()
def token() -> None:
    """Keys for programs."""


@token.command("create")
@click.argument("username")
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 730), default=90, show_default=True, help="Days until it expires.")
@click.pass_obj
def create_token(settings: Settings, username: str, name: str, days: int) -> None:
    """Make an API token for a user and print it, this once."""
    from biobank.access import commands

    made = _in_tx(settings, lambda tx: commands.create_token(tx, username, commands.CreateToken(name=name, days=days)))
    click.echo(f"expires {made.expires_at:%Y-%m-%d}; this is shown only now:", err=True)
    click.echo(made.token)


def _in_tx(settings: Settings, work: Callable[["Tx"], Awaitable[Outcome]]) -> Outcome:
    from sqlalchemy.exc import IntegrityError

    from biobank import migrate
    from biobank.actor import SERVICE
    from biobank.constraints import CONSTRAINTS
    from biobank.db import Database
    from biobank.runtime import running
    from biobank.tx import open_tx
    from biobank.violations import from_database

    async def inside(dsn: str) -> Outcome:
        async with Database.open(dsn, role=settings.database_role, size=2) as opened, open_tx(opened, SERVICE) as tx:
            return await work(tx)

    with running(settings) as database:
        migrate.prepare(database.dsn, role=settings.database_role)
        try:
            return asyncio.run(inside(database.dsn))
        except IntegrityError as error:
            meant = from_database(error, CONSTRAINTS)
            if meant is None:
                raise
            raise meant from None


@biobank.group()
def protocol() -> None:
    """The protocol of a study as a YAML file."""


@protocol.command("export")
@click.argument("study")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--version", type=int, help="Another version than the latest published one.")
@click.pass_obj
def export_protocol(settings: Settings, study: str, file: Path | None, version: int | None) -> None:
    """Write a version of a study's protocol to a new file, or to standard output."""
    from biobank.protocol.commands import exported

    text = _in_tx(settings, lambda tx: exported(tx, study, version))
    if file is None:
        click.echo(text, nl=False)
        return
    with file.open("x", encoding="utf-8") as target:
        target.write(text)
    click.echo(f"{len(text.splitlines())} lines written to {file}")


@protocol.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def check_protocol(settings: Settings, file: Path) -> None:
    """Name everything that is wrong in a file, with line and column. Nothing is written."""
    from biobank.protocol.commands import read_file

    document = _protocol_file(settings, lambda tx: read_file(tx, file.read_bytes()))
    click.echo(f"sound: {len(document.visits)} visits of the protocol of {document.study}")


@protocol.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--publish", "day", type=click.DateTime(["%Y-%m-%d"]), help="Publish it at once, in force from this day on."
)
@click.pass_obj
def import_protocol(settings: Settings, file: Path, day: datetime | None) -> None:
    """Put a file into the draft of its study's protocol; a draft is started where there is none."""
    from biobank.participant.planning import publish
    from biobank.protocol import commands

    content = file.read_bytes()

    async def work(tx: "Tx") -> "VersionView":
        document = await commands.read_file(tx, content)
        view = await commands.import_document(tx, document.study, document)
        if day is None:
            return view
        command = commands.PublishDraft(row_version=view.head.row_version, effective_from=day.date())
        return await publish(tx, document.study, command)

    made = _protocol_file(settings, work)
    begins = f" from {made.head.effective_from}" if day is not None else ""
    click.echo(f"version {made.head.number} of the protocol of {made.study} is {made.head.status}{begins}")


def _protocol_file(settings: Settings, work: Callable[["Tx"], Awaitable[Outcome]]) -> Outcome:
    """What is wrong in a file is said a line each."""
    from biobank.protocol.rules import ProtocolRefused

    try:
        return _in_tx(settings, work)
    except ProtocolRefused as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        raise Failure(f"{len(error.problems)} problems, nothing was changed") from None


@biobank.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option(
    "--aliquots",
    type=click.IntRange(1_000, 10_000_000),
    help="Size of the made-up inventory of scan and store; labels to draw.",
)
@click.option("--participants", type=click.IntRange(1, 100_000), help="Size of the made-up study of pages.")
def bench(name: str, as_json: bool, aliquots: int | None, participants: int | None) -> None:
    """Measure something beside its floor. Exits 1 when a target is missed."""
    from benchmarks import run

    sys.exit(run(name, as_json=as_json, size=participants if name == "pages" else aliquots))


if __name__ == "__main__":
    main()
