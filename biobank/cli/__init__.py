"""The command line: thin callers of the same functions that the pages and the API call. Libraries that only one command
needs are imported within it, so that each starts quickly.
"""

import gc
import signal
import sys

import asyncpg
import click
from pydantic import ValidationError

from biobank import __version__
from biobank.cli import files, people, printers, protocols, service, sprec, upkeep
from biobank.cli.connect import Failure
from biobank.cli.label import labels
from biobank.errors import DomainError, OperationFailed
from biobank.settings import SettingsError, load_settings


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


for command in (
    service.serve,
    service.demo,
    service.migrate,
    service.bench,
    files.parse,
    labels,
    printers.print_agent,
    printers.printer_simulator,
    sprec.sprec,
    upkeep.audit,
    upkeep.backup,
    upkeep.restore,
    people.user,
    people.token,
    protocols.protocol,
):
    biobank.add_command(command)


def main() -> None:
    # Starting makes a million objects that stay, of which a third of its time went into looking for cycles again and
    # again.
    gc.set_threshold(50_000, 20, 20)
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
