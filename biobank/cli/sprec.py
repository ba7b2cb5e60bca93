"""SPREC codes, computed at once."""

import asyncio

import click

from biobank.settings import Settings


@click.group()
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
