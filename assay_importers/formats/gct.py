"""GCT 1.2 and 1.3: a version, the dimensions, then genes by samples, with annotation of both in 1.3."""

from __future__ import annotations

import re
from typing import NamedTuple

from assay_importers.contract import Features, Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.matrix import Matrix
from assay_importers.text_matrix import Columns, Layout, Lines, first_lines, open_text, read_columns, repeated

_VERSION = re.compile(r"#1\.[23]")
# GTEx numbers the rows in a column before the two that a GCT 1.2 has.
_NUMBERED = ["id", "name", "description"]
_MOST_ANNOTATION = 10_000


class _Plan(NamedTuple):
    """What the head declares: rows, samples, columns of annotation, rows of annotation; `key` is the
    column of the ids.
    """

    version: str
    dimensions: tuple[str, ...]
    rows: int
    samples: int
    beside: int
    above: int
    key: int = 0


class Gct(Importer):
    """The matrix, with `Description` or the annotation of rows and columns."""

    key = "gct"
    title = "GCT"
    version = "1"
    extensions = (".gct",)
    technique = "gene expression"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        first = (head.text or "").lstrip()[:16].split()
        if first and _VERSION.fullmatch(first[0]):
            return Finding(Verdict.YES, f"the first line is {first[0]}")
        return Finding(Verdict.NO, "does not begin with the version of a GCT")

    def parse(self, file: SourceFile) -> ParsedRun:
        opened = open_text(file.content)
        lines = first_lines(opened.text, _MOST_ANNOTATION + 4)
        plan = _plan(lines)
        names = _cells(lines, 2)
        while names and not names[-1]:
            names.pop()  # a spreadsheet makes all lines of one length
        if plan.version == "#1.2" and [name.casefold() for name in names[:3]] == _NUMBERED:
            plan = plan._replace(beside=2, key=1)
        if len(names) != 1 + plan.beside + plan.samples:
            raise FaultyFile(
                f"the header has {len(names)} columns",
                line=3,
                expected=f"{1 + plan.beside} and {plan.samples} samples, as line 2 says",
            )
        first = 3 + plan.above
        if len(lines.texts) <= first:
            raise FaultyFile(
                "the file ends before its first row", line=len(lines.texts), expected="a row for each gene"
            )
        above = {}
        for number in range(3, first):
            cells = _cells(lines, number)
            above[cells[0]] = (cells[1 + plan.beside :] + [""] * plan.samples)[: plan.samples]
        known = len(names)
        names += [""] * (len(_cells(lines, first)) - known)
        texts = frozenset([*range(1 + plan.beside), *range(known, len(names))])
        layout = Layout(tuple(names), texts, quoted=False, line=first + 1)
        columns = read_columns(opened.text, lines.starts[first], layout)
        if columns.rows != plan.rows:
            raise FaultyFile(
                f"the file has {columns.rows:,} rows", line=2, value=plan.dimensions[0], expected=f"{plan.rows:,} rows"
            )
        if any(text for column in range(known, len(names)) for text in columns.texts(column)):
            raise FaultyFile("the rows are longer than the header", line=first + 1, expected=f"{known} cells")
        return _run(self, columns, plan, above, opened.notes)


def _cells(lines: Lines, number: int) -> list[str]:
    return [cell.strip().strip('"') for cell in lines.texts[number].split("\t")]


def _plan(lines: Lines) -> _Plan:
    head = [text.split() for text in lines.texts[:2]]
    if len(lines.texts) < 3 or not head[0] or not _VERSION.fullmatch(head[0][0]):
        raise FaultyFile("this is no GCT", line=1, expected="#1.2 or #1.3, then the dimensions, then a header")
    version, numbers = head[0][0], head[1]
    wanted = 2 if version == "#1.2" else 4
    if len(numbers) != wanted or not all(number.isascii() and number.isdigit() for number in numbers):
        raise FaultyFile("these are no dimensions", line=2, value=lines.texts[1], expected=f"{wanted} whole numbers")
    rows, samples, *annotation = (int(number[:12]) for number in numbers)
    beside, above = annotation or (1, 0)
    if above > _MOST_ANNOTATION:
        raise FaultyFile(
            "too many rows of annotation", line=2, value=numbers[3], expected=f"at most {_MOST_ANNOTATION}"
        )
    return _Plan(version, tuple(numbers), rows, samples, beside, above)


def _run(
    importer: Importer, columns: Columns, plan: _Plan, above: dict[str, list[str]], notes: tuple[str, ...]
) -> ParsedRun:
    names = columns.layout.names
    end = 1 + plan.beside + plan.samples
    samples, ids = names[1 + plan.beside : end], columns.texts(plan.key)
    matrix = Matrix({"value": columns.matrix(range(1 + plan.beside, end))})
    twice = repeated(ids)
    return ParsedRun(
        format=importer.key,
        importer_version=importer.version,
        run=Run(header={"version": plan.version, "dimensions": "\t".join(plan.dimensions)}),
        tables=(Table(name="matrix", columns=names[:end], rows=columns.rows),),
        features=Features.of(
            matrix,
            samples=samples,
            ids=ids,
            annotation={
                names[column]: columns.texts(column) for column in range(1 + plan.beside) if column != plan.key
            },
            sample_annotation=above,
        ),
        matrix=matrix,
        notes=(
            *notes,
            *columns.notes,
            *([f"{len(twice):,} id(s) stand more than once, {twice[0]} first"] if twice else []),
        ),
    )
