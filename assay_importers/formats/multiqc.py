"""MultiQC's tables of run quality: general statistics and what each tool said, a row for each sample."""

from __future__ import annotations

import re

from assay_importers.contract import Fact, Finding, Head, Importer, ParsedRun, Reading, Run, SourceFile, Table, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.multiqc_json import is_report, read_report
from assay_importers.one_sample import count_of
from assay_importers.text_matrix import cells_of, first_lines, how_many, open_text
from assay_importers.values import read_value

# Columns that give each tool's table away; any pair of one set is enough.
_TOOLS: dict[str, frozenset[str]] = {
    "STAR": frozenset({"uniquely_mapped_percent", "multimapped_percent", "total_reads", "avg_input_read_length"}),
    "featureCounts": frozenset({"Assigned", "percent_assigned", "Unassigned_Ambiguity", "Unassigned_NoFeatures"}),
    "HTSeq": frozenset({"assigned", "percent_assigned", "not_aligned", "alignment_not_unique", "no_feature"}),
    "salmon": frozenset({"salmon_version", "percent_mapped", "num_processed", "num_mapped", "library_types"}),
    "kallisto": frozenset({"pseudoaligned_reads", "not_pseudoaligned_reads", "percent_aligned", "fragment_length"}),
    "RSEM": frozenset({"Unalignable", "Alignable", "Filtered", "alignable_percent", "Unique", "Multi"}),
    "FastQC": frozenset({"Total Sequences", "%GC", "total_deduplicated_percentage", "basic_statistics", "File type"}),
    "cutadapt": frozenset({"bp_processed", "r_processed", "bp_written", "r_with_adapters", "percent_trimmed"}),
    "fastp": frozenset(
        {"before_filtering_total_reads", "after_filtering_total_reads", "pct_surviving", "pct_duplication"}
    ),
    "Trimmomatic": frozenset({"surviving", "surviving_pct", "dropped", "dropped_pct", "input_reads"}),
    "samtools stats": frozenset({"raw_total_sequences", "reads_mapped", "error_rate", "insert_size_average"}),
    "samtools flagstat": frozenset({"total_passed", "mapped_passed", "mapped_passed_pct", "flagstat_total"}),
    "Picard": frozenset(
        {"PERCENT_DUPLICATION", "UNPAIRED_READS_EXAMINED", "READ_PAIRS_EXAMINED", "PCT_RIBOSOMAL_BASES"}
    ),
    "HISAT2 or Bowtie 2": frozenset(
        {"overall_alignment_rate", "unpaired_aligned_one", "paired_aligned_one", "total_reads"}
    ),
    "QualiMap": frozenset(
        {"reads_aligned", "5_3_bias", "reads_aligned_exonic", "percentage_aligned", "median_coverage"}
    ),
    "RSeQC": frozenset(
        {"cds_exons_tag_count", "total_reads", "total_tags", "tss_up_1kb_tag_count", "total_assigned_tags"}
    ),
    "SortMeRNA": frozenset({"rRNA_pct", "rRNA", "non_rRNA_pct", "non_rRNA"}),
    "dupRadar": frozenset({"dupRadar_intercept", "dupRadar_slope"}),
    "general statistics": frozenset(
        {"percent_duplicates", "percent_gc", "avg_sequence_length", "total_sequences", "percent_fails"}
    ),
    "preseq, mosdepth": frozenset({"median_coverage", "mean_coverage", "1_x_pc", "30_x_pc"}),
}
_GENERAL = "mqc-generalstats"
_METRIC = re.compile(r"[a-z][a-z0-9_]{2,}-[A-Za-z0-9_%-]{4,}")
_ENOUGH = 2


class MultiQc(Importer):
    """Every number is a reading of its sample, called as its column is; texts are facts."""

    key = "multiqc"
    title = "MultiQC"
    version = "1"
    extensions = (".txt", ".tsv", ".json")
    technique = "run quality"
    maturity = "stable"

    def sniff(self, head: Head) -> Finding:
        if head.text is not None and is_report(head.text):
            return Finding(Verdict.YES, "the JSON of a report of MultiQC")
        if head.text is None or not head.text.startswith(("Sample\t", '"Sample"\t')):
            return Finding(Verdict.NO, "the first column is not Sample")
        names = cells_of(first_lines(head.text, 1).texts[0], "\t")[1:]
        tool = _tool(names)
        if tool is not None:
            return Finding(Verdict.YES, f"a table of MultiQC: {tool}")
        return Finding(Verdict.MAYBE, "a column Sample, and columns of no tool that is known")

    def parse(self, file: SourceFile) -> ParsedRun:
        opened = open_text(file.content)
        if is_report(opened.text):
            return read_report(opened.text, self, opened.notes)
        lines = [(number, text) for number, text in enumerate(first_lines(opened.text, len(opened.text)).texts, 1)]
        header = lines[0][1].split("\t")
        if header[0].strip().strip('"') != "Sample" or len(header) == 1:
            raise FaultyFile("this is no table of MultiQC", line=1, value=lines[0][1], expected="Sample, then metrics")
        names = tuple(name.strip().strip('"') for name in header)
        rows = [(number, text.split("\t")) for number, text in lines[1:] if text.strip()]
        for number, cells in rows:
            if len(cells) != len(names):
                raise FaultyFile(
                    f"the row has {len(cells)} cells",
                    line=number,
                    value=cells[0],
                    expected=f"{len(names)} cells, as in the header",
                )
        # One text makes a column one of texts: a version, a type of library.
        texts = {column for column in range(1, len(names)) for _, cells in rows if not read_value(cells[column]).known}
        readings: list[Reading] = []
        facts: list[Fact] = []
        for _, cells in rows:
            sample = cells[0].strip()
            for column in range(1, len(names)):
                if column in texts:
                    facts.append(Fact(sample=sample, name=names[column], text=cells[column]))
                else:
                    readings.append(count_of(sample, names[column], cells[column], _unit(names[column])))
        tool = _tool(names[1:])
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(software="MultiQC", protocol=tool),
            readings=tuple(readings),
            facts=tuple(facts),
            tables=(Table(name=tool or "MultiQC", columns=names, rows=len(rows)),),
            notes=(*opened.notes, how_many(len(rows), "samples")),
        )


def _tool(names: tuple[str, ...]) -> str | None:
    """Whose table it is: general statistics name the tool in each column, with a hyphen behind it."""
    if names and all(_GENERAL in name or _is_general(name) for name in names):
        return "general statistics"
    return next((tool for tool, columns in _TOOLS.items() if len(columns.intersection(names)) >= _ENOUGH), None)


def _is_general(name: str) -> bool:
    return _METRIC.fullmatch(name) is not None


def _unit(name: str) -> str | None:
    """Percent where the name says so; MultiQC writes no other unit, and general statistics are in its own multiples."""
    return "%" if "percent" in name or name.endswith(("_pct", "-pct")) else None
