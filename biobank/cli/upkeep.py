"""The audit trail, and copies of the database."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import click

from biobank.cli.connect import Failure, with_connection
from biobank.settings import Settings


@click.group()
def audit() -> None:
    """The audit trail: seal, verify, export."""


@audit.command()
@click.pass_obj
def seal(settings: Settings) -> None:
    """Seal every committed entry now instead of at the next round of the service."""
    from biobank.audit.seal import seal as seal_now

    sealed = with_connection(settings, seal_now)
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
        verdict = with_connection(settings, verify_all)
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
            count = with_connection(settings, work)
        except BaseException:
            file.unlink()  # half a trail would look like one that was cut off
            raise
    click.echo(f"{count:,} lines written to {file}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(settings: Settings, file: Path) -> None:
    """Write a consistent copy of the whole database to a new file."""
    from biobank.backup import backup as write
    from biobank.runtime import running

    with running(settings) as database:
        click.echo(f"{write(database, file):,} bytes written to {file}")


@click.command()
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
