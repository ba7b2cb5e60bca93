"""The protocol of a study as a file."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biobank.cli.connect import Failure, Outcome, in_tx
from biobank.settings import Settings

if TYPE_CHECKING:
    from biobank.protocol.queries import VersionView
    from biobank.tx import Tx


@click.group()
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

    text = in_tx(settings, lambda tx: exported(tx, study, version))
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
        return in_tx(settings, work)
    except ProtocolRefused as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        raise Failure(f"{len(error.problems)} problems, nothing was changed") from None
