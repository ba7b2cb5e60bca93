"""How a table of genes by samples is laid out, found from its first lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay_importers.gene_names import gene_ids, is_place, is_statistic, names_genes, plain, symbols
from assay_importers.text_matrix import Layout, cells_of, decimal_mark, first_lines, is_number
from assay_importers.values import DecimalMark

_SAMPLED = 200
# Of wide tables a few rows tell as much: what is looked at is bounded in cells.
_CELLS, _FEW_ROWS = 2_000, 5
_DELIMITERS = ("\t", ",", ";", " ")
_MOSTLY = 0.8
_FEW_SYMBOLS = 3
# What may stand above the header: blanks, comments, and the delimiter for a spreadsheet.
_ABOVE = re.compile(r'\s*$|#|"?sep=.')
_NO_NAMES = frozenset({"", "id", "ids", "identifier", "name", "names", "row", "rowname", "rownames", "x", "unnamed0"})
FEATURECOUNTS = ("Geneid", "Chr", "Start", "End", "Strand", "Length")
# Columns of tables of one sample, which have importers of their own.
_OF_ONE_SAMPLE = frozenset(
    {"unstranded", "numreads", "estcounts", "expectedcount", "value", "tpm", "fpkm", "rpkm", "efflength"}
)


# Columns of tables with a row for each well: several genes stand in them below each other.
_OF_WELLS = frozenset(
    {"well", "wellposition", "welllocation", "wellid", "sample", "samplename", "sampleid", "ct", "cq", "cp", "crt"}
)


@dataclass(frozen=True)
class Shape:
    """Where what stands. `ids` is the column of the features; in a transposed table, that of the samples."""

    layout: Layout
    start: int
    ids: int
    values: tuple[int, ...]
    annotation: tuple[int, ...]
    transposed: bool
    surely: bool
    reason: str


def find_shape(text: str) -> Shape | str:
    """The layout, or in words why the text is no such table."""
    lines = first_lines(text, _SAMPLED)
    at = next((number for number, line in enumerate(lines.texts) if not _ABOVE.match(line)), None)
    if at is None or at + 1 == len(lines.texts):
        return "no table below a header"
    if lines.texts[at].startswith(("!", "^")) or lines.texts[0].startswith("#1."):
        return "another format of matrices"
    split = _split(lines.texts[at:])
    if split is None:
        return "no rows of equal length between tabs, commas, semicolons or blanks"
    delimiter, header, rows = split
    looked = rows[: max(_FEW_ROWS, _CELLS // len(header))]
    mark: DecimalMark = "." if delimiter == "," else decimal_mark(cell for row in looked for cell in row[1:])
    numeric = [
        sum(is_number(row[column], mark) for row in looked) >= _MOSTLY * len(looked) for column in range(len(header))
    ]
    ids, share = _ids(header, rows, numeric)
    across = gene_ids([name for column, name in enumerate(header) if column != ids])
    transposed = across >= _MOSTLY and len(header) > 3
    values = [
        column
        for column, name in enumerate(header)
        if numeric[column]
        and column != ids
        and (name or column)  # R numbers the rows in a column without a name
        and (transposed or not is_place(name))
    ]
    while values and not header[values[-1]] and all(not row[values[-1]] for row in rows):
        values.pop()  # a delimiter at the end of each row
    problem = _problem(header, values, ids)
    if problem is None and delimiter == "\t" and any(row[ids].startswith("__") for row in rows):
        problem = "counters of htseq-count among the genes"
    if problem is not None:
        return problem
    statistics = [header[column] for column in values if is_statistic(header[column])]
    known = [row[ids] for row in rows]
    of_wells = not transposed and not _OF_WELLS.isdisjoint(map(plain, header))
    surely = not (statistics or of_wells) and (
        transposed
        or share >= _MOSTLY
        or (names_genes(header[ids]) and len(values) > 1)
        or symbols(known) >= _FEW_SYMBOLS
    )
    texts = frozenset(range(len(header))) - frozenset(values)
    layout = Layout(
        tuple(name or ("id" if column == ids else f"column {column + 1}") for column, name in enumerate(header)),
        texts,
        delimiter,
        mark,
        any('"' in line for line in lines.texts),
        at + 2,
    )
    what = "samples by genes" if transposed else "genes by samples"
    reason = (
        f"a table of {what}"
        if surely
        else f"statistics of genes: {', '.join(statistics)}"
        if statistics
        else "a table of numbers, but not surely of genes"
    )
    return Shape(
        layout,
        lines.starts[at + 1],
        ids,
        tuple(values),
        tuple(sorted(column for column in texts - {ids} if header[column] or any(row[column] for row in rows))),
        transposed,
        surely,
        reason,
    )


def _split(lines: Sequence[str]) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]] | None:
    """The delimiter, the header and the first rows. The header that R writes lacks the name of the first column."""
    best: tuple[str, tuple[str, ...], list[tuple[str, ...]]] | None = None
    for delimiter in _DELIMITERS:
        if delimiter not in lines[1]:
            continue
        header, *rows = (cells_of(line, delimiter) for line in lines if line.strip())
        width = len(rows[0])
        if len(rows[-1]) != width:
            rows.pop()  # it may be cut
        if len(header) == width - 1:
            header = ("", *header)
        if len(header) != width or width < 2 or not rows or any(len(row) != width for row in rows):
            continue
        if best is None or width > len(best[1]):
            best = delimiter, header, rows
    return best


def _ids(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> tuple[int, float]:
    """The column of the ids: the one with most ids of genes, else the first that is called after genes, else the
    first.
    """
    texts = [column for column in range(len(header)) if column == 0 or not numeric[column]]
    shares = {column: gene_ids([row[column] for row in rows]) for column in texts}
    best = max(texts, key=lambda column: shares[column])
    if shares[best] >= _MOSTLY:
        return best, shares[best]
    named = next((column for column in range(len(header)) if names_genes(header[column])), 0)
    return named, shares.get(named, 0)


def _problem(header: Sequence[str], values: Sequence[int], ids: int) -> str | None:
    if not values:
        return "no column of numbers"
    unnamed = plain(header[ids]) not in _NO_NAMES and not names_genes(header[ids])
    if unnamed and (gene_ids([header[ids]]) or all(is_number(header[column]) for column in values)):
        return "no header above the first row"
    if tuple(plain(name) for name in header) == ("feature", "count"):
        return "the columns of htseq-count"
    if tuple(header[: len(FEATURECOUNTS)]) == FEATURECOUNTS:
        return "the columns of featureCounts"
    if {plain(header[column]) for column in values} & _OF_ONE_SAMPLE:
        return "the columns of a table of one sample"
    return None
