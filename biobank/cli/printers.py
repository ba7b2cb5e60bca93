"""Printing at a site, and the printer without paper."""

from pathlib import Path

import click

from biobank.cli.connect import Failure


@click.command("print-agent")
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


@click.command("printer-simulator")
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
