"""Instruments' files, read without a database."""

import sys
from itertools import takewhile
from pathlib import Path

import click


class _WithReading(click.Command):
    """Takes `--reading SAMPLE ANALYTE [QUANTITY]`: click's options have a fixed number of values."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--reading" in args:
            at = args.index("--reading")
            names = list(takewhile(lambda arg: not arg.startswith("--"), args[at + 1 : at + 4]))
            if len(names) < 2:
                raise click.UsageError("--reading needs a sample and an analyte, and takes a quantity.", ctx)
            ctx.meta["reading"] = names
            args = args[:at] + args[at + 1 + len(names) :]
        return super().parse_args(ctx, args)


@click.command(cls=_WithReading)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--format", "format_key", help="Read as this format instead of asking every importer.")
@click.option("--json", "as_json", is_flag=True, help="The whole run as JSON.")
@click.option(
    "--features", type=click.Path(path_type=Path), help="Write the whole matrix to this file, .parquet or .h5ad."
)
@click.option(
    "--reading", is_flag=True, expose_value=False, help="SAMPLE ANALYTE [QUANTITY], behind the files: one value alone."
)
@click.option(
    "--against", type=click.Path(path_type=Path), help="Print what differs from this earlier output of --json."
)
@click.option(
    "--mapping", type=click.Path(path_type=Path), help="Read a table as this file of JSON says what its columns mean."
)
@click.pass_context
def parse(
    context: click.Context,
    files: tuple[Path, ...],
    format_key: str | None,
    as_json: bool,
    features: Path | None,
    against: Path | None,
    mapping: Path | None,
) -> None:
    """Read the file of an instrument, or the files of one run, and print what is in it. No database. Exits 2 if no
    importer or several claim it, 3 if it is faulty or does not hold what was asked for.
    """
    from assay_importers.command import run_parse

    sys.exit(
        run_parse(
            files,
            format_key=format_key,
            as_json=as_json,
            features=features,
            reading=context.meta.get("reading", ()),
            against=against,
            mapping=mapping,
            out=sys.stdout,
            err=sys.stderr,
        )
    )
