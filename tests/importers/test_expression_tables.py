"""Tables of genes by samples, of one sample on an array, of samples alone, and of run quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay_importers.contract import Head, Importer, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.expression_matrix import ExpressionMatrix
from assay_importers.formats.gct import Gct
from assay_importers.formats.multiqc import MultiQc
from assay_importers.formats.sample_annotation import MageTabSdrf, NfCoreSamplesheet
from assay_importers.formats.sample_table import SampleTable
from assay_importers.lookup import find
from tests.importers.real_files import missed

BINARY = b"\x00\x01\x02\x03"


def file(text: str | bytes, name: str = "x", *more: SourceFile) -> SourceFile:
    return SourceFile(name, text.encode() if isinstance(text, str) else text, more)


def verdict(importer: Importer, text: str | bytes) -> Verdict:
    data = text if isinstance(text, bytes) else text.encode()
    return importer.sniff(Head("x", data, len(data))).verdict


def read(text: str) -> ParsedRun:
    return ExpressionMatrix().parse(file(text))


def test_every_check_of_the_real_files_holds(data: Path, manifest: list[dict[str, Any]]) -> None:
    importers = [ExpressionMatrix(), Gct(), MultiQc(), MageTabSdrf(), NfCoreSamplesheet(), SampleTable()]
    folders = ("matrix", "gct", "multiqc", "sle_sdrf", "sle_expression")
    assert missed(data, manifest, {f"transcriptomics/{folder}" for folder in folders}, importers) == []


IDS = [f"ENSG{number:011d}" for number in range(6)]


def table(header: str, *rows: str, mark: str = "\t") -> str:
    return "\n".join([header, *(f"{name}{mark}{row}" for name, row in zip(IDS, rows, strict=False))]) + "\n"


@pytest.mark.parametrize(
    ("text", "samples", "first"),
    [
        (table("gene_id\tS1\tS2", "1\t2", "3\t4"), ("S1", "S2"), (1, 2)),
        (table("S1\tS2", "1\t2", "3\t4"), ("S1", "S2"), (1, 2)),
        (table('"S1" "S2"', "1 2", "3 4", mark=" "), ("S1", "S2"), (1, 2)),
        (table(",S1,S2", "1,2", "3,4", mark=","), ("S1", "S2"), (1, 2)),
        (table("id;101;102", "1,5;2", "3;4", mark=";"), ("101", "102"), (1.5, 2)),
        (table("# made\nid\t\tS1\tS2\t", "a\t1.5\t2\t", "b\t3\tNA\t"), ("S1", "S2"), (1.5, 2)),
        (f'"","gene","S1","S2"\n"1","{IDS[0]}",1,2\n"2","{IDS[1]}",3,4\n', ("S1", "S2"), (1, 2)),
        ("gene,S1,S2\nx,1,2\ny,3,4\n", ("S1", "S2"), (1, 2)),
        ("sep=;\r\ngene;S1;S2\r\nx;1;2\r\ny;3;4\r\n;;\r\n;;\r\n", ("S1", "S2"), (1, 2)),
        ("gene_id\tS1\tS2\nx, y\t1\t2\nz, y\t3\t4\n", ("S1", "S2"), (1, 2)),
        ("S1,S2\nTSPAN6,1,2\nTNMD,3,4\nDPM1,5,6\n", ("S1", "S2"), (1, 2)),
        ("Name\tS1\tS2\tS3\nILMN_1762337\t1\t2\t3\nILMN_2055271\t1\t2\t3\n", ("S1", "S2", "S3"), (1, 2, 3)),
    ],
)
def test_layouts_of_a_table(text: str, samples: tuple[str, ...], first: tuple[float, ...]) -> None:
    assert verdict(ExpressionMatrix(), text) is Verdict.YES
    run = read(text)
    assert run.features is not None
    assert run.features.samples == samples
    assert run.features.head[0] == first


def test_annotation_is_no_sample() -> None:
    run = read(table("gene_id\tgene_name\tLength\tS1\tdescription", "A\t900\t1\tx", "B\t80\t2\ty"))
    assert run.features is not None
    assert run.features.annotation == {"gene_name": ("A", "B"), "Length": ("900", "80"), "description": ("x", "y")}
    assert (run.features.value_type, run.features.unit, run.features.shape) == ("count", "reads", (2, 1))


def test_samples_in_the_rows_are_turned() -> None:
    text = "\t".join(["sample", "site", *IDS]) + "\nP1\tA\t1\t2\t3\t4\t5\t6\nP2\tB\t6\t5\t4\t3\t2\t1\n"
    assert verdict(ExpressionMatrix(), text) is Verdict.YES
    run = read(text)
    assert run.features is not None
    assert (run.features.samples, run.features.ids) == (("P1", "P2"), tuple(IDS))
    assert run.features.sample_annotation == {"site": ("A", "B")}
    assert run.features.head[5 - 1] == (5, 2)


def test_what_the_values_are() -> None:
    tpm = read(table("gene_id\tS1\tS2", "400000.5\t1000000", "599999.5\t0.5"))
    assert tpm.features is not None
    assert (tpm.features.value_type, tpm.features.unit) == ("tpm", "TPM")
    other = read(table("gene_id\tS1\tS1", "0.5\t1", "0.5\t-inf"))
    assert other.features is not None
    assert other.features.value_type == "value"
    assert other.features.head[1] == (0.5, None)
    assert "the file does not say what its values are" in other.notes
    assert "1 sample(s) stand more than once, S1 first" in other.notes


def test_counters_are_no_genes() -> None:
    run = read(table("gene_id,S1,S2", "1,2", "3,4", mark=",") + "__no_feature,7,8\nN_unmapped,1,1\n")
    assert run.features is not None
    assert run.features.ids == tuple(IDS[:2])
    assert [(reading.sample, reading.quantity, reading.raw) for reading in run.readings][:2] == [
        ("S1", "__no_feature", "7"),
        ("S2", "__no_feature", "8"),
    ]
    fractions = read(table("gene_id,S1,S2", "1.5,2", "3,4", mark=",") + "__no_feature,7,8.0\nN_1,1,2")
    assert [reading.raw for reading in fractions.readings] == ["7", "8.0"]
    with_names = read(table("gene_id,n,S1", "a,2", "b,4", "c,5", mark=",") + "__no_feature,,8\n")
    assert (with_names.features.annotation if with_names.features else {}) == {"n": ("a", "b", "c")}


@pytest.mark.parametrize(
    "text",
    [
        "gene_id,baseMean,log2FoldChange,padj\n" + "".join(f"{name},1,2,3\n" for name in IDS),
        "sample,IL6,TNF\nP1,1,2\nP2,3,4\n",
    ],
)
def test_what_may_be_one(text: str) -> None:
    assert verdict(ExpressionMatrix(), text) is Verdict.MAYBE


@pytest.mark.parametrize(
    "text",
    [
        BINARY,
        "gene_id\tS1\n",
        "#\n",
        "!Series_title\tx\na\t1\n",
        "#1.2\n1\t1\nName\tDescription\tS1\n",
        "a b\nc d\n",
        "one\ntwo\nthree\n",
        "gene_id\tS1\tS2\n" + "G\t1\nH\t2\t3\t4\nK\t3\t5\n",
        table(f"{IDS[5]}\t1\t2", "1\t2", "3\t4"),
        table("N_unmapped\t1\t2", "1\t2", "3\t4"),
        table("gene_id\tVALUE", "1", "2"),
        table("gene_id\tS1", "1", "2") + "__no_feature\t5\n__ambiguous\t5\n",
        "Geneid\tChr\tStart\tEnd\tStrand\tLength\ta\n" + f"{IDS[0]}\t1\t1\t2\t+\t2\t3\n" * 3,
    ],
)
def test_what_is_none(text: str | bytes) -> None:
    assert verdict(ExpressionMatrix(), text) is Verdict.NO
    with pytest.raises(FaultyFile):
        ExpressionMatrix().parse(file(text))


def test_a_cell_that_is_no_number_is_named() -> None:
    rows = [f"{number}\t2" for number in range(5)]
    with pytest.raises(FaultyFile, match="line 7, column S1: the cell is no number"):
        read(table("gene_id\tS1\tS2", *rows, "x\t2"))
    with pytest.raises(FaultyFile, match="line 7, column S2: the cell is no number"):
        read(table("gene_id\tS1\tS2", *rows, "1\t1,234"))
    decimal = read(table("gene_id\tS1\tS2", *rows, "0,5\t1,234"))
    assert decimal.features is not None
    assert decimal.matrix is not None
    assert decimal.matrix.value("value", 5, 1) == 1.234


SAMPLE = "ID_REF\tVALUE\tABS_CALL\tP\np1\t1.5\tP\t0.1\np2\tnull\tA\t0.2\n"


def test_sample_tables() -> None:
    run = SampleTable().parse(file(SAMPLE, "GSM1_sample_table.txt", file(SAMPLE, "GSM2.txt")))
    assert run.features is not None
    assert run.features.samples == ("GSM1", "GSM2")
    assert (run.features.value_type, list(run.features.layers)) == ("VALUE", ["P"])
    assert run.features.head == ((1.5, 1.5), (None, None))
    assert run.features.annotation == {"ABS_CALL": ("P", "A")}
    assert verdict(SampleTable(), SAMPLE) is Verdict.YES
    assert verdict(SampleTable(), '"Composite Element REF"\t"value"\n') is Verdict.YES


@pytest.mark.parametrize("text", [BINARY, "a", "ID_REF\tx\n", "\t\n", "ID_REF\tVALUE\tVALUE\n"])
def test_what_is_no_sample_table(text: str | bytes) -> None:
    assert verdict(SampleTable(), text) is Verdict.NO
    with pytest.raises(FaultyFile):
        SampleTable().parse(file(text))


def test_a_sample_table_without_rows_is_cut() -> None:
    with pytest.raises(FaultyFile, match="before its first row"):
        SampleTable().parse(file("ID_REF\tVALUE\n"))
    with pytest.raises(FaultyFile, match="nothing but blanks"):
        SampleTable().parse(file(" \n"))


GCT = "#1.2\t\n2\t2\t\nName\tDescription\tA\tB\t\nG1\tx\t1\t2\nG2\ty\t3\t4.5\n"
GCT3 = "#1.3\n2\t2\t1\t1\nid\tsymbol\tA\tB\ndose\tna\t10\t-666\nG1\tS\t1\t2\nG1\tT\t3\t\n"


def test_gct() -> None:
    run = Gct().parse(file(GCT))
    assert run.features is not None
    assert (run.features.samples, run.features.annotation) == (("A", "B"), {"Description": ("x", "y")})
    assert run.features.head == ((1, 2), (3, 4.5))
    newer = Gct().parse(file(GCT3))
    assert newer.features is not None
    assert newer.features.sample_annotation == {"dose": ("10", "-666")}
    assert newer.features.head == ((1, 2), (3, None))
    assert newer.notes == ("1 id(s) stand more than once, G1 first",)
    assert find(newer, "*", "*", "declared_dims") == [["2", "2", "1", "1"]]
    padded = Gct().parse(file(GCT.replace("1\t2\n", "1\t2\t\n").replace("4.5", "4.5\t")))
    assert padded.features == run.features
    assert verdict(Gct(), GCT) is Verdict.YES
    assert verdict(Gct(), "# 1.2") is verdict(Gct(), BINARY) is Verdict.NO


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#1.2\n", "this is no GCT"),
        ("#1.4\n1\t1\nName\n", "this is no GCT"),
        (GCT.replace("2\t2", "2\ttwo", 1), "no dimensions"),
        (GCT3.replace("2\t2\t1\t1", "2\t2"), "no dimensions"),
        (GCT3.replace("2\t2\t1\t1", "2\t2\t1\t99999"), "too many rows of annotation"),
        (GCT.replace("2\t2", "2\t3", 1), "the header has 4 columns"),
        (GCT.replace("1\t2\nG2\ty\t3\t4.5", "1\t2\t\nG2\ty\t3\t4.5\tx"), "the rows are longer than the header"),
        (GCT.replace("2\t2", "3\t2", 1), "the file has 2 rows"),
        (GCT[: GCT.index("G1")], "before its first row"),
    ],
)
def test_a_gct_is_held_to_its_dimensions(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        Gct().parse(file(text))


SDRF = "Source Name\tCharacteristics [age]\tTerm Source REF\tTerm Source REF\nP1\t45\tEFO\t  \n\nP1\t45\tEFO\tx\n"


def test_sdrf() -> None:
    run = MageTabSdrf().parse(file(SDRF))
    assert [(fact.name, fact.text) for fact in run.facts if fact.sample == "P1"][2:4] == [
        ("Term Source REF", "EFO"),
        ("Term Source REF", "  "),
    ]
    assert run.tables[0].rows == 2
    assert find(run, "*", "*", "n_columns") == [4]
    assert find(run, "*", "*", "duplicate_column_names") == [["Term Source REF"]]
    assert verdict(MageTabSdrf(), SDRF) is verdict(MageTabSdrf(), "Source Name\tAssay Name\n") is Verdict.YES
    short = MageTabSdrf().parse(file("Source Name\tx\ty\nP1\t1\nP2\t1\t2\t\n"))
    assert [fact.text for fact in short.facts] == ["P1", "1", "P2", "1", "2"]
    assert short.notes[1] == "1 row(s) are shorter than the header, line 2 first"
    assert verdict(MageTabSdrf(), "Source Name\tx\n") is Verdict.MAYBE
    assert verdict(MageTabSdrf(), "Assay Name\tx\n") is verdict(MageTabSdrf(), BINARY) is Verdict.NO


def test_samplesheet() -> None:
    text = 'sample,fastq_1,fastq_2,"strand"\nP1,a.gz,,auto\n'
    run = NfCoreSamplesheet().parse(file(text))
    assert find(run, "P1", "strand", "value") == ["auto"]
    assert verdict(NfCoreSamplesheet(), text) is Verdict.YES
    assert verdict(NfCoreSamplesheet(), text.replace(",", "\t")) is Verdict.YES
    assert len(NfCoreSamplesheet().parse(file(text.replace(",", "\t"))).facts) == 4
    assert verdict(NfCoreSamplesheet(), "sample,x\n") is verdict(NfCoreSamplesheet(), BINARY) is Verdict.NO


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Source\tx\nP1\t1\n", "these are not the columns"),
        ("Source Name\tx\nP1\ty\tz\n", "the row has 3 cells"),
        ("Source Name\tx\n", "before its first sample"),
        (f"Source Name\tx\nP1\t{'x' * 200_000}\n", "cannot be split"),
    ],
)
def test_a_faulty_sdrf_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        MageTabSdrf().parse(file(text))


QUALITY = "Sample\tstar-total_reads\tsalmon-percent_mapped\tsalmon-library_types\nP1\t2.5\t\tISR\nP2\t\t98\t\n"


def test_multiqc() -> None:
    run = MultiQc().parse(file(QUALITY))
    assert [(r.sample, r.quantity, r.raw, r.unit, r.flag) for r in run.readings] == [
        ("P1", "star-total_reads", "2.5", None, None),
        ("P1", "salmon-percent_mapped", "", "%", "not_reported"),
        ("P2", "star-total_reads", "", None, "not_reported"),
        ("P2", "salmon-percent_mapped", "98", "%", None),
    ]
    assert [(fact.sample, fact.text) for fact in run.facts] == [("P1", "ISR"), ("P2", "")]
    assert run.run.protocol == "general statistics"
    assert verdict(MultiQc(), QUALITY) is Verdict.YES
    tool = "Sample\ttotal_reads\tuniquely_mapped_percent\tx y\nP1\t1\t2\t3\n"
    assert verdict(MultiQc(), tool) is Verdict.YES
    assert MultiQc().parse(file(tool)).run.protocol == "STAR"
    assert verdict(MultiQc(), "Sample\tIL-6\tTNF-alpha\n") is Verdict.MAYBE
    assert MultiQc().parse(file("Sample\tx\nP1\t1\n")).tables[0].name == "MultiQC"
    assert verdict(MultiQc(), "Samples\tx\n") is verdict(MultiQc(), BINARY) is Verdict.NO


@pytest.mark.parametrize(
    ("text", "problem"),
    [("Samples\tx\n", "no table of MultiQC"), ("Sample\n", "no table of MultiQC"), (QUALITY + "P3\t1\n", "2 cells")],
)
def test_a_faulty_table_of_multiqc_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        MultiQc().parse(file(text))


def test_rows_of_nothing_leave_counts_whole() -> None:
    run = read("gene,S1,S2\nx,1,2\ny,3,4\n,,\n,,\n")
    assert run.features is not None
    assert (run.features.shape, run.features.value_type) == ((2, 2), "count")


def test_values_keep_their_type() -> None:
    run = read(table("gene_id\tS1\tS2", "1\t2", "3\t4"))
    assert run.matrix is not None
    assert run.matrix.layers["count"].dtype == np.int64
