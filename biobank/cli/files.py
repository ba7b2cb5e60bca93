"""Instruments' files, read without a database."""

import sys
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_key", help="Read as this format instead of asking every importer.")
@click.option("--json", "as_json", is_flag=True, help="The whole run as JSON.")
def parse(file: Path, format_key: str | None, as_json: bool) -> None:
    """Read an instrument's file and print what is in it. No database. Exits 2 if no importer or several claim it, 3 if
    it is faulty.
    """
    from assay_importers.command import run_parse

    sys.exit(run_parse(file, format_key, as_json, sys.stdout, sys.stderr))
