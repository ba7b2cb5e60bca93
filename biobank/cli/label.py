"""Labels from the command line: printed from a list of codes, and a printed file read back. A database is asked only
for templates that it alone has.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biobank.cli.connect import Failure

if TYPE_CHECKING:
    from labels import Item, LabelError, Stock, Template

_SHOWN = 50


class Faults(Failure):
    """What is wrong, a line each, and a last line that sums up."""

    def __init__(self, faults: list[str], summary: str) -> None:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        self.faults = [*faults[:_SHOWN], *more]
        super().__init__(summary)

    def show(self, file: Any = None) -> None:
        for fault in self.faults:
            click.echo(fault, err=True)
        super().show(file)


@click.group()
def labels() -> None:
    """Labels: print them from a list of codes, verify a printed file."""


@labels.command("print")
@click.option(
    "--template",
    "template_name",
    required=True,
    help="A template that ships (tube), a JSON file, or one of the database (lls-tube, or NAME@VERSION).",
)
@click.option("--codes", "codes_file", required=True, help="CSV: a code, then what its lines say; - reads stdin.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new file, .pdf or .zpl.")
@click.option(
    "--stock",
    "stock_name",
    help="Labels in the printer: a name, or a JSON file of measures; without it those nearest in size to the template.",
)
@click.option("--start", type=click.IntRange(0), default=0, show_default=True, help="First free label of the sheet.")
def print_labels(template_name: str, codes_file: str, out: Path, stock_name: str | None, start: int) -> None:
    """Print labels of codes into a file. The first line of the list may name its columns: code, line1, line2 or any
    other token of the template. Exits 1 with each line that cannot be printed, and writes nothing then.
    """
    from labels import LabelError, RollStock, render_pdf, render_zpl

    if out.suffix not in {".pdf", ".zpl"}:
        raise Failure(f"{out}: name a .pdf or a .zpl file")
    items, lines = _items(codes_file)
    template = _template(template_name, {token for item in items for token in item.values})
    stock = _stock(stock_name, template, roll=out.suffix == ".zpl")
    if out.suffix == ".zpl" and not isinstance(stock, RollStock):
        raise Failure(f"{stock.name} is a sheet, and ZPL is for labels on a roll: name such a stock, or a .pdf file")
    try:
        made = render_zpl(items, template, stock) if out.suffix == ".zpl" else render_pdf(items, template, stock, start)
    except LabelError as error:
        raise _refused(error, items, lines, template, stock) from None
    with out.open("xb") as target:
        target.write(made)
    click.echo(f"{len(items):,} labels of template {template.name} on {stock.name} written to {out}")


def _refused(
    error: "LabelError", items: "list[Item]", lines: list[int], template: "Template", stock: "Stock"
) -> Failure:
    """Every label that cannot be printed, by the line that it stands in."""
    from labels import LabelError, lay_out

    if error.label_number is None:
        return Failure(error.reason)
    faults = []
    for item, line in zip(items, lines, strict=True):
        try:
            lay_out(template, item, stock)
        except LabelError as fault:
            faults.append(f"line {line}: {fault.reason}")
    return Faults(faults, f"{len(faults):,} of {len(items):,} labels cannot be printed, nothing was written")


def _template(name: str, given: set[str]) -> "Template":
    """A template that ships, of a file, or of the database."""
    from biobank.errors import Invalid
    from biobank.template import rules
    from labels import TEMPLATES, TOKENS, Template, TemplateError

    if name in TEMPLATES:
        return TEMPLATES[name]
    if not name.endswith(".json"):
        return _from_database(name)
    try:
        data = rules.parse(Path(name).read_bytes())
        known = {*TOKENS, *given, *(token for kind in rules.KINDS for token in rules.tokens_of(kind))}
        template = Template.from_data(data, known=known)
    except (TemplateError, Invalid) as error:
        raise Failure(f"{name}: {error}") from None
    return template


def _from_database(name: str) -> "Template":
    """A published version of a template: the one that is named as NAME@VERSION, else the one in force."""
    import asyncio

    from biobank.actor import SERVICE
    from biobank.db import Database
    from biobank.errors import DomainError
    from biobank.runtime import running
    from biobank.settings import SettingsError, load_settings
    from biobank.template import queries
    from biobank.tx import open_read

    name, _, number = name.partition("@")
    if number and not number.isdecimal():
        raise Failure(f"{number[:20]!r} is no version: name a template as NAME or NAME@VERSION")
    try:
        settings = load_settings()
    except SettingsError as error:
        raise Failure(str(error)) from None

    async def work(dsn: str) -> "Template":
        opened = Database.open(dsn, role=settings.database_role, size=1)
        async with opened as database, open_read(database, SERVICE) as tx:
            found = await queries.template(tx, name)
            version = int(number) if number else found.in_force
            published = [head.number for head in found.versions if head.status == "published"]
            if version is None or version not in published:
                raise Failure(f"template {name} has no published version{f' {number}' if number else ''}")
            return queries.drawn(await queries.version(tx, name, version))

    try:
        with running(settings) as database:
            return asyncio.run(work(database.dsn))
    except DomainError as error:
        raise Failure(f"template {name}: {error}") from None


def _stock(name: str | None, template: "Template", *, roll: bool) -> "Stock":
    from labels import STOCKS, RollStock

    if name is None:
        fitting = {key: one for key, one in STOCKS.items() if isinstance(one, RollStock) is roll}
        return min(
            fitting.values(),
            key=lambda one: abs(one.label_width - template.width) + abs(one.label_height - template.height),
        )
    if name.endswith(".json"):
        return _measured(name)
    if name not in STOCKS:
        raise Failure(f"there is no stock {name}: choose {', '.join(STOCKS)}, or a JSON file of measures")
    return STOCKS[name]


def _measured(file: str) -> "Stock":
    """The stock that a file measures."""
    from biobank.errors import Invalid
    from biobank.stock import rules
    from labels import StockError, stock_from_data

    try:
        return stock_from_data({"name": Path(file).stem} | rules.parse(Path(file).read_bytes()))
    except (StockError, Invalid) as error:
        raise Failure(f"{file}: {error}") from None


def _text(file: str) -> str:
    """What a file or standard input holds. The line of what is no UTF-8 is named."""
    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Failure(f"{file}: line {line} is not UTF-8") from None


def _rows(file: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV that are not empty, with the line that each ends in."""
    reader = csv.reader(_text(file).splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise Failure(f"{file}: line {reader.line_num}: {error}") from None


def _items(file: str) -> "tuple[list[Item], list[int]]":
    """The labels that a list asks for, and the line of each."""
    from labels import Item

    items: list[Item] = []
    lines: list[int] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    names: list[str] | None = None
    for line, row in _rows(file):
        if not items and not faults and names is None and row[0].casefold() == "code":
            names = [cell.casefold() for cell in row]
            continue
        code, problem = _code(row[0])
        if names is not None and len(row) > len(names):
            problem = f"has {len(row)} columns, and the first line names {len(names)}"
        elif not problem and code in seen:
            problem = f"{row[0]} is in line {seen[code]} already: two tubes never carry one label"
        if problem:
            faults.append(f"line {line}: {problem}")
            continue
        seen[code] = line
        head = names or ["code", *(f"line{number}" for number in range(1, len(row)))]
        items.append(Item(code, dict(zip(head[1:], [*row[1:], *[""] * (len(head) - len(row))], strict=True))))
        lines.append(line)
    if faults:
        raise Faults(faults, f"{len(faults):,} lines of {file} cannot be printed, nothing was written")
    if not items:
        raise Failure(f"{file} names no code: there is nothing to print")
    return items, lines


def _code(text: str) -> tuple[str, str]:
    """A house id as it is encoded, any other code as it stands; and what is wrong with it."""
    from biobank import ids

    if not text:
        return "", "has no code"
    code = ids.canonical(text)
    if not ids.looks_like_house_id(code):
        return text, ""
    try:
        return ids.parse(text)[1], ""
    except ids.BadIdentifier as error:
        return code, f"{text}: {error}"


@labels.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--codes", "codes_file", help="The list that was printed: a code a line; - reads stdin.")
def verify(file: Path, codes_file: str | None) -> None:
    """Render every page of a PDF of labels, decode every symbol, and compare with the codes that should be there. Exits
    1 when one is missing, unreadable, there too often or foreign, each with its place.
    """
    from labels import LabelError, verify_pdf

    expected = [item.code for item in _items(codes_file)[0]] if codes_file is not None else []
    try:
        verdict = verify_pdf(file.read_bytes(), expected)
    except LabelError as error:
        raise Failure(f"{file}: {error}") from None
    faults = list(verdict.problems()) if expected else [f"unreadable: {one}" for one in verdict.unreadable]
    found = {one.code for one in verdict.found}
    if faults:
        raise Faults(faults, f"{len(faults):,} faults; {len(verdict.found):,} symbols were read")
    if not found:
        raise Failure(f"{file} has no symbol that can be read")
    compared = f", all {len(expected):,} codes of the list are there" if expected else ""
    click.echo(f"sound: {len(verdict.found):,} symbols of {len(found):,} codes{compared}")
