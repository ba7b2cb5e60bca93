"""Starting and filling the service, and measuring it."""

import json
import sys
from pathlib import Path

import click

from biobank.settings import Settings


@click.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Start the database, migrate it and serve (BIOBANK_DEMO=true fills an empty one with the demo study)."""
    from biobank import serve as serving

    serving.serve(settings)


@click.command()
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


@click.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from biobank.migrate import prepare
    from biobank.runtime import running

    with running(settings) as database:
        prepare(database.dsn, role=settings.database_role)


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option(
    "--aliquots",
    type=click.IntRange(1_000, 10_000_000),
    help="Size of the made-up inventory of scan, store, box, search and rackscan; labels to draw.",
)
@click.option("--participants", type=click.IntRange(1, 100_000), help="Size of the made-up study of pages.")
@click.option("--only", multiple=True, help="Of pages: those with this in their address; may be given more than once.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which the made-up inventory stays, so that the next run need not make it.",
)
def bench(
    name: str,
    as_json: bool,
    aliquots: int | None,
    participants: int | None,
    only: tuple[str, ...],
    data: Path | None,
) -> None:
    """Measure something beside its floor. Exits 1 when a target is missed or something could not be measured."""
    from benchmarks import HOUSES, run, say

    if name == "pages":
        sys.exit(run(name, as_json=as_json, size=participants, only=only))
    if data is None:
        sys.exit(run(name, as_json=as_json, size=aliquots))
    if name not in HOUSES:
        say(f"Nothing is kept of {name}: --data is for {', '.join(sorted(HOUSES))}.")
        sys.exit(2)
    sys.exit(run(name, as_json=as_json, size=aliquots, kept=data))
