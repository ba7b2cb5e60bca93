"""STAR ReadsPerGene.out.tab (`--quantMode GeneCounts`): four totals, then a line for each gene, no header."""

from __future__ import annotations

import re

from assay_importers.contract import Finding, Head, Importer, ParsedRun, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.one_sample import Part, Sample, count_of, run_of, sample_name
from assay_importers.text_matrix import Layout, first_lines, how_many, open_text, read_columns

STRANDS = ("unstranded", "forward", "reverse")
TOTALS = ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")
_NAMES = ("gene_id", *STRANDS)
_TOTAL = re.compile(r"(N_\w+)\t(\d+)\t(\d+)\t(\d+)", re.ASCII)
_ENDING = re.compile(r"ReadsPerGene(?:\.out)?(?:\.tab)?(?:\.(?:txt|tsv))?$", re.IGNORECASE)


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
        found = [_TOTAL.fullmatch(line.rstrip()) for line in lines]
        if {match[1] for match in found if match is not None} == set(TOTALS):
            return Finding(Verdict.YES, "begins with STAR's four totals in three columns")
        return Finding(Verdict.NO, "does not begin with STAR's four totals")

    def parse(self, file: SourceFile) -> ParsedRun:
        parts = [_read(one) for one in (file, *file.companions)]
        return run_of(self, Run(software="STAR"), parts, dict.fromkeys(STRANDS, "reads"))


def _read(file: SourceFile) -> Part:
    opened = open_text(file.content)
    lines = first_lines(opened.text, len(TOTALS) + 1)
    sample = sample_name(file.name, _ENDING)
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
