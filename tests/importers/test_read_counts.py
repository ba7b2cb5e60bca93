"""Files of read counts: STAR, HTSeq, featureCounts, salmon, kallisto, RSEM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import Head, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.expression_matrix import ExpressionMatrix
from assay_importers.formats.featurecounts import FeatureCounts
from assay_importers.formats.htseq_counts import HtseqCounts
from assay_importers.formats.quantification import KallistoAbundance, RsemResults, SalmonQuant
from assay_importers.formats.star_counts import StarCounts
from assay_importers.lookup import find
from assay_importers.lookup.question import Question
from assay_importers.lookup.transcriptomics import FEATURECOUNTS, total
from tests.importers.real_files import missed

FOLDERS = ("star", "htseq", "featurecounts", "salmon", "kallisto", "rsem")
BINARY = b"\xff\xfe\x00\t\x00\xd8\xd8\xd8"


def file(text: str, name: str = "x", *more: SourceFile) -> SourceFile:
    return SourceFile(name, text.encode(), more)


def verdict(importer: Importer, text: str | bytes) -> Verdict:
    data = text if isinstance(text, bytes) else text.encode()
    return importer.sniff(Head("x", data, len(data))).verdict


def values(run: ParsedRun, layer: str) -> list[list[float]]:
    assert run.matrix is not None
    return [list(row) for row in run.matrix.layers[layer].tolist()]


def readings(run: ParsedRun) -> list[tuple[str | None, str, str]]:
    return [(reading.sample, reading.quantity, reading.raw) for reading in run.readings]


def test_every_check_of_the_real_files_holds(data: Path, manifest: list[dict[str, Any]]) -> None:
    importers = [StarCounts(), HtseqCounts(), FeatureCounts(), SalmonQuant(), KallistoAbundance(), RsemResults()]
    assert missed(data, manifest, {f"transcriptomics/{folder}" for folder in FOLDERS}, importers) == []


STAR = "N_unmapped\t5\t5\t5\nN_multimapping\t1\t1\t1\nN_noFeature\t2\t3\t4\nN_ambiguous\t0\t0\t0\n"
STAR += "G1\t7\t7\t0\nG2\t1\t0\t1\n"


def test_star_totals_are_no_genes() -> None:
    other = file(STAR.replace("G2", "G3"), "T_ReadsPerGene.out.tab")
    run = StarCounts().parse(file(STAR, "S1.ReadsPerGene.out.tab", other))
    assert run.features is not None
    assert run.features.samples == ("S1", "T")
    assert run.features.ids == ("G1", "G2", "G3")
    assert run.features.layers["reverse"].head[1] == (1, None)
    assert ("S1", "N_noFeature: forward", "3") in readings(run)
    assert run.notes[0] == "S1: 2 genes were read; the file does not say how many there are"
    assert verdict(StarCounts(), STAR) is Verdict.YES


@pytest.mark.parametrize("text", ["G\t1\t1\t1\n", "N_unmapped\t1\n", b"N_unmapped\t1\x00"])
def test_what_star_does_not_write(text: str | bytes) -> None:
    assert verdict(StarCounts(), text) is Verdict.NO
    with pytest.raises(FaultyFile):
        StarCounts().parse(SourceFile("x", text if isinstance(text, bytes) else text.encode()))


COMMONS = (
    "# gene-model: GENCODE v36\n"
    "gene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second\ttpm_unstranded\n"
    "N_unmapped\t\t\t5\t5\t5\t\nENSG00000000003.15\tTSPAN6\tprotein_coding\t7\t3\t4\t1.5\n"
)


def test_star_counts_of_the_genomic_data_commons() -> None:
    run = StarCounts().parse(file(COMMONS, "a1.rna_seq.augmented_star_gene_counts.tsv"))
    assert run.features is not None
    assert (run.features.samples, run.features.ids) == (("a1",), ("ENSG00000000003.15",))
    assert (run.features.value_type, run.features.head) == ("unstranded", ((7,),))
    assert run.features.layers["tpm_unstranded"].unit == "TPM"
    assert run.features.annotation["gene_name"] == ("TSPAN6",)
    assert ("a1", "N_unmapped: stranded_first", "5") in readings(run)
    assert verdict(StarCounts(), COMMONS) is Verdict.YES
    assert verdict(ExpressionMatrix(), COMMONS) is Verdict.NO
    with pytest.raises(FaultyFile, match="before its first gene"):
        StarCounts().parse(file(COMMONS[: COMMONS.index("N_")]))


def test_the_header_of_galaxy_names_no_sample() -> None:
    text = "feature\tcount\n" + "".join(f"ENSG{number:011d}\t{number}\n" for number in range(150))
    run = HtseqCounts().parse(file(text, "S1.tsv"))
    assert (run.features.samples if run.features else ()) == ("S1",)
    assert HtseqCounts().sniff(Head("x", text.encode(), 10**6)).verdict is Verdict.YES
    assert verdict(ExpressionMatrix(), text) is Verdict.NO


def test_star_without_genes_is_cut() -> None:
    with pytest.raises(FaultyFile, match="before its first gene"):
        StarCounts().parse(file(STAR[: STAR.index("G1")]))


COUNTERS = "__no_feature\t9\n__ambiguous\t8\n__too_low_aQual\t0\n__not_aligned\t7\n__alignment_not_unique\t6\n"
HTSEQ = "A\t1\nB\t0\n" + COUNTERS


def test_htseq_counters_are_no_genes() -> None:
    run = HtseqCounts().parse(file(HTSEQ, "S1.htseq.counts"))
    assert run.features is not None
    assert (run.features.samples, run.features.ids, values(run, "count")) == (("S1",), ("A", "B"), [[1], [0]])
    assert readings(run)[0] == ("S1", "__no_feature", "9")
    assert find(run, "*", "*", "total_assigned") == [1]
    assert verdict(HtseqCounts(), HTSEQ) is Verdict.YES
    first = HtseqCounts().parse(file(COUNTERS + "A\t1\nB\t0\n"))
    assert (first.features.ids if first.features else ()) == ("A", "B"), "a sorted file has its counters first"
    assert first.notes == ("2 features were read; the file does not say how many there are",)


def test_htseq_with_header_attributes_and_several_samples() -> None:
    run = HtseqCounts().parse(
        file("\tgene\ta.bam\tb.bam\nA\tx\t1\t2\nB\t\t3\t4\n__no_feature\t\t5\t6\n", "S1_counts.txt")
    )
    assert run.features is not None
    assert run.features.samples == ("a.bam", "b.bam")
    assert run.features.annotation == {"gene": ("x", "")}
    assert values(run, "count") == [[1, 2], [3, 4]]
    assert readings(run) == [("a.bam", "__no_feature", "5"), ("b.bam", "__no_feature", "6")]
    assert "__ambiguous" in run.notes[1]
    bare = HtseqCounts().parse(file("A\t1\t2\n__no_feature\t5\t6\n", "S1.txt"))
    assert (bare.features.samples if bare.features else ()) == ("S1 1", "S1 2")


def test_htseq_of_before_and_of_exons() -> None:
    old = "".join(f"g{number}\t{number}\n" for number in range(100))
    run = HtseqCounts().parse(file(old + COUNTERS.replace("__", "")))
    assert (run.features.shape if run.features else ()) == (100, 1)
    assert len(run.readings) == 5
    assert verdict(HtseqCounts(), old + COUNTERS.replace("__", "")) is Verdict.YES
    assert verdict(HtseqCounts(), old) is Verdict.MAYBE
    long = (old * 200).encode()
    assert HtseqCounts().sniff(SourceFile("x", long).head).verdict is Verdict.YES
    exons = HtseqCounts().parse(file("g:001\t5\ng:002\t1\n_ambiguous\t1\n_empty\t2\n_lowaqual\t0\n_notaligned\t1\n"))
    assert [reading.quantity for reading in exons.readings] == ["_ambiguous", "_empty", "_lowaqual", "_notaligned"]
    assert len(exons.notes) == 1


@pytest.mark.parametrize("text", ["no columns", BINARY, "A\tx\n", "A\t1\nB\n", "A\t1\nB\t2\n", "gene\tS1\n", "\t1\n"])
def test_what_htseq_does_not_write(text: str | bytes) -> None:
    assert verdict(HtseqCounts(), text) is Verdict.NO


@pytest.mark.parametrize(
    ("text", "problem"),
    [("gene\tS1\n", "before its first feature"), ("gene\nA\n", "has no count"), ("A\t1\nB\tx\nC\t2\n", "no number")],
)
def test_what_is_no_count_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        HtseqCounts().parse(file(text))


COMMAND = '# Program:featureCounts v2.0.1; Command:"featureCounts" "--extraAttributes" "name,level" "a.bam"\n'
COLUMNS = "Geneid\tChr\tStart\tEnd\tStrand\tLength"
FEATURES = f"{COMMAND}{COLUMNS}\tname\tlevel\ta b.bam\tc.bam\n"
FEATURES += "G1\tI;I\t1;9\t5;12\t+;+\t9\tAbc\t2\t4\t0.5\nG2\tI\t20\t25\t-\t6\t\t1\t0\t1\n"
SUMMARY = "Status\ta b.bam\tc.bam\nAssigned\t4\t2\nUnassigned_Unmapped\t1\t0\n"


def test_featurecounts_with_attributes_and_summary() -> None:
    run = FeatureCounts().parse(file(SUMMARY, "s", file(FEATURES)))
    assert run.features is not None
    assert run.features.samples == ("a b.bam", "c.bam")
    assert list(run.features.annotation) == ["Chr", "Start", "End", "Strand", "Length", "name", "level"]
    assert run.features.annotation["Start"] == ("1;9", "20")
    assert values(run, "count") == [[4, 0.5], [0, 1]]
    assert run.run.software == "featureCounts v2.0.1"
    assert readings(run)[3] == ("c.bam", "Unassigned_Unmapped", "0")
    assert run.unread == ()
    assert verdict(FeatureCounts(), FEATURES) is verdict(FeatureCounts(), SUMMARY) is Verdict.YES


def test_featurecounts_of_several_tables() -> None:
    def table(sample: str, texts: str = "") -> str:
        return f"{COLUMNS}{texts and 'biotype' and chr(9) + 'biotype'}\t{sample}\nG1\tI\t1\t5\t+\t5{texts}\t4\n"

    run = FeatureCounts().parse(file(table("a"), "1", file(table("b", "\trRNA"), "2"), file(SUMMARY)))
    assert run.features is not None
    assert run.features.samples == ("a", "b")
    assert run.run.software == "featureCounts"
    assert any("a b.bam, c.bam" in note for note in run.notes)
    assert verdict(FeatureCounts(), table("a")) is Verdict.YES
    twice = FeatureCounts().parse(file(FEATURES.replace("c.bam", "a b.bam", 1)))
    assert "the sample a b.bam stands in more than one column" in twice.notes
    printed = "     Status    S1   S2\n   Assigned  5109    1\nUnassigned_Unmapped 3 0\n"
    assert readings(FeatureCounts().parse(file(printed)))[2] == ("S1", "Unassigned_Unmapped", "3")
    assert verdict(FeatureCounts(), printed) is Verdict.YES
    alone = FeatureCounts().parse(file(SUMMARY))
    assert (alone.features, alone.matrix) == (None, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (COMMAND, "no table of featureCounts"),
        (COLUMNS + "\n", "no table of featureCounts"),
        (COLUMNS + "\ta\n", "before its first feature"),
        (SUMMARY + "Unassigned\t1\n", "the row has 1 counts"),
        (SUMMARY + "Unassigned\t1\t-\n", "the cell is no count"),
    ],
)
def test_a_faulty_table_of_featurecounts_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        FeatureCounts().parse(file(text))


@pytest.mark.parametrize("text", ["", "Status\nx", BINARY])
def test_what_featurecounts_does_not_write(text: str | bytes) -> None:
    assert verdict(FeatureCounts(), text) is Verdict.NO


SALMON = "Name\tLength\tEffectiveLength\tTPM\tNumReads\nT1\t100\t80.5\t1.5\t3\nT2\t50\t30\t0\t0.25\n"


def test_salmon() -> None:
    run = SalmonQuant().parse(file(SALMON, "P1/quant.sf", file(SALMON, "P2/quant.sf")))
    assert run.features is not None
    assert (run.features.value_type, run.features.unit) == ("NumReads", "reads")
    assert run.features.samples == ("P1", "P2")
    assert values(run, "TPM") == [[1.5, 1.5], [0, 0]]
    assert run.features.layers["Length"].head[0] == (100, 100)
    old = "# sailfish\n# [threads]\t8\n# Name\tLength\tTPM\tRPKM\tNumReads\nT1\t100\t1.5\t2\t3\n"
    assert verdict(SalmonQuant(), old) is verdict(SalmonQuant(), SALMON) is Verdict.YES
    assert values(SalmonQuant().parse(file(old)), "RPKM") == [[2]]


def test_rsem_and_kallisto() -> None:
    isoforms = "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n"
    isoforms += "T1\t7\t9\t8.00\t5.00\t1\t1\t100\n"
    run = RsemResults().parse(file(isoforms, "S1.isoforms.results"))
    assert run.features is not None
    assert (run.features.samples, run.features.annotation) == (("S1",), {"gene_id": ("7",)})
    assert find(run, "*", "T1", "expected_count") == [5.0]
    kallisto = "target_id\tlength\teff_length\test_counts\ttpm\nT1\t9\t8\t5.5\t-nan\n"
    found = KallistoAbundance().parse(file(kallisto))
    assert found.features is not None
    assert found.features.layers["tpm"].head == ((None,),), "kallisto divides by no reads at all"
    with pytest.raises(FaultyFile, match="no number"):
        KallistoAbundance().parse(file(kallisto + "T2\t9\t8\tx\t1\n" + kallisto[kallisto.index("T1") :]))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Name\tLength\n", "no table of salmon"),
        (SALMON[: SALMON.index("T1")], "before its first row"),
        ("Name\tLength\tTPM\tNumReads\tTPM\nT\t1\t1\t1\t1\n", "stands twice"),
        ("Name\tLength\tTPM\tNumReads\nT\t1\t1\tx\nT\t1\t1\tx\n", "holds no numbers"),
        (SALMON + "T3\t50\n", "the row has 2 cells"),
    ],
)
def test_a_faulty_table_of_salmon_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        SalmonQuant().parse(file(text))


@pytest.mark.parametrize("text", ["Name\tLength\n", "one", BINARY, "# a\tb"])
def test_what_salmon_does_not_write(text: str | bytes) -> None:
    assert verdict(SalmonQuant(), text) is Verdict.NO


def test_words_for_what_a_run_does_not_have() -> None:
    summary = FeatureCounts().parse(file(SUMMARY))
    asked = Question(summary, "*", "*")
    assert total()(asked) == []
    assert FEATURECOUNTS["sample_columns_raw"](asked) == FEATURECOUNTS["n_annotation_columns"](asked) == []
    run = SalmonQuant().parse(file(SALMON))
    assert total("absent")(Question(run, "*", "*")) == []
    assert total("NumReads")(Question(run, "x", "*")) == [3.25, 3.25, 3.25]
