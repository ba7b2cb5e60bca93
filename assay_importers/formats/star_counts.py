"""STAR ReadsPerGene.out.tab (`--quantMode GeneCounts`): four totals, then a line for each gene, no header. And the
table that the Genomic Data Commons makes of it, with a header, names of genes and values per million.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from itertools import compress

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.one_sample import Part, Sample, count_of, run_of, sample_name
from assay_importers.text_matrix import Layout, Opened, first_lines, how_many, open_text, read_columns

STRANDS = ("unstranded", "forward", "reverse")
TOTALS = ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")
_NAMES = ("gene_id", *STRANDS)
_TOTAL = re.compile(r"(N_\w+)\t(\d+)\t(\d+)\t(\d+)", re.ASCII)
_ENDING = re.compile(
    r"[._-]?rna_seq\.augmented_star_gene_counts(?:\.tsv)?$|ReadsPerGene(?:\.out)?(?:\.tab)?(?:\.(?:txt|tsv))?$",
    re.IGNORECASE,
)


_COMMONS = ("gene_id", "gene_name", "gene_type", "unstranded", "stranded_first", "stranded_second")


class StarCounts(Importer):
    """Counts unstranded, of the first and of the second strand as layers; the totals as readings of the sample."""

    key = "star_counts"
    title = "STAR gene counts"
    version = "1"
    extensions = (".tab", ".txt")
    technique = "RNA sequencing"
    maturity = "stable"
    several = True

    def sniff(self, head: Head) -> Finding:
        lines = first_lines(head.text or "", len(TOTALS)).texts
        if _commons(lines) is not None:
            return Finding(Verdict.YES, "the columns of the Genomic Data Commons' STAR counts")
        found = [_TOTAL.fullmatch(line.rstrip()) for line in lines]
        if {match[1] for match in found if match is not None} == set(TOTALS):
            return Finding(Verdict.YES, "begins with STAR's four totals in three columns")
        return Finding(Verdict.NO, "does not begin with STAR's four totals")

    def parse(self, file: SourceFile) -> ParsedRun:
        parts = [_read(one) for one in (file, *file.companions)]
        layers = parts[0].sample.layers
        return run_of(self, Run(software="STAR"), parts, {name: _unit(name) for name in layers})


def _unit(layer: str) -> str:
    return layer.partition("_")[0].upper() if layer.startswith(("tpm", "fpkm")) else "reads"


def _commons(lines: Sequence[str]) -> int | None:
    """The number of the header line, from 0, behind comments."""
    at = next((number for number, line in enumerate(lines) if not line.startswith("#")), 0)
    named = bool(lines) and tuple(lines[at].split("\t")[: len(_COMMONS)]) == _COMMONS
    return at if named else None


def _read(file: SourceFile) -> Part:
    opened = open_text(file.content)
    lines = first_lines(opened.text, len(TOTALS) + 1)
    sample = sample_name(file.name, _ENDING)
    at = _commons(lines.texts)
    if at is not None:
        return _read_commons(opened, sample, at)
    readings = []
    for number, line in enumerate(lines.texts[: len(TOTALS)], 1):
        total = _TOTAL.fullmatch(line.rstrip())
        if total is None or total[1] not in TOTALS:
            raise FaultyFile(
                "the line is none of STAR's totals",
                line=number,
                value=line,
                expected=f"{', '.join(TOTALS)}, each with three counts",
            )
        readings += [count_of(sample, f"{total[1]}: {strand}", total[at + 2]) for at, strand in enumerate(STRANDS)]
    if len(lines.texts) <= len(TOTALS):
        raise FaultyFile("the file ends before its first gene", line=len(lines.texts), expected="a line for each gene")
    columns = read_columns(
        opened.text, lines.starts[-1], Layout(_NAMES, frozenset({0}), quoted=False, line=len(TOTALS) + 1)
    )
    return Part(
        Sample(sample, columns.texts(0), {name: columns.numbers(at) for at, name in enumerate(STRANDS, 1)}),
        Table(name="ReadsPerGene", columns=_NAMES, rows=columns.rows),
        tuple(readings),
        (*opened.notes, how_many(columns.rows, "genes"), *columns.notes),
    )


def _read_commons(opened: Opened, sample: str, at: int) -> Part:
    lines = first_lines(opened.text, at + 2)
    if len(lines.texts) < at + 2:
        raise FaultyFile("the file ends before its first gene", line=at + 1, expected="a line for each gene")
    names = tuple(name.strip() for name in lines.texts[at].split("\t"))
    layout = Layout(names, frozenset(range(3)), quoted=False, line=at + 2)
    columns = read_columns(opened.text, lines.starts[at + 1], layout)
    ids = columns.texts(0)
    kept = import_module("numpy").array([name not in TOTALS for name in ids], dtype=bool)
    values = {names[column]: columns.numbers(column) for column in range(3, len(names))}
    readings = tuple(
        count_of(sample, f"{name}: {strand}", str(values[strand][row]))
        for row, name in enumerate(ids)
        if name in TOTALS
        for strand in _COMMONS[3:]
    )
    return Part(
        Sample(
            sample,
            list(compress(ids, kept)),
            {name: numbers[kept] for name, numbers in values.items()},
            {names[column]: list(compress(columns.texts(column), kept)) for column in (1, 2)},
        ),
        Table(name="STAR counts", columns=names, rows=columns.rows),
        readings,
        (*opened.notes, how_many(len(ids), "rows"), *columns.notes),
    )
