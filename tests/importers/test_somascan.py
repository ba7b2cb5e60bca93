"""ADAT files, made up so that each trap stands alone."""

from __future__ import annotations

import pytest

from assay_importers.contract import Head, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.somascan import SomaScan
from assay_importers.lookup import find

IMPORTER = SomaScan()
HEADER = (
    "!Checksum\tabc",
    "^HEADER",
    "!AdatId\tGID-1",
    "!AssayType\tPharmaServices",
    "!AssayVersion\tV4",
    "HybNormReference\tintraplate",
    "^COL_DATA",
    "!Name\tSeqId\tTarget",
    "!Type\tString\tString",
    "^ROW_DATA",
    "!Name\tPlateId\tSampleId",
    "^TABLE_BEGIN",
)
ANALYTES = ("\t\t\t\tSeqId\t10-1\t20-2", "\t\t\t\tTarget\tCRBB2\t", "\t\t\t\tUnits\tRFU\tRFU")
COLUMNS = "PlateId\tScannerID\tSampleId\tSampleType\t\t\t"
ROWS = ("P 1\tS1\t1\tSample\t\t476.5\t12", "P 1\tS1\t1\tCalibrator\t\t702.1\t", "P 2\tS1\t\tQC\t\t1\t2.0")


def read(*lines: str, newline: str = "\r\n") -> ParsedRun:
    return IMPORTER.parse(SourceFile("a.adat", (newline.join(lines) + newline).encode()))


WHOLE = (*HEADER, *ANALYTES, COLUMNS, *ROWS)


def test_fluorescence_is_a_matrix_with_all_that_is_said() -> None:
    run = read(*WHOLE)
    features = run.features
    assert features is not None
    assert (features.value_type, features.unit, features.shape) == ("RFU", "RFU", (2, 3))
    assert (features.ids, features.samples) == (("10-1", "20-2"), ("1", "1", ""))
    assert features.head == ((476.5, 702.1, 1.0), (12.0, None, 2.0))
    assert features.annotation["Target"] == ("CRBB2", None)
    assert features.sample_annotation["SampleType"] == ("Sample", "Calibrator", "QC")
    assert (run.run.instrument, run.run.batch, run.run.protocol) == ("S1", "P 1, P 2", "PharmaServices V4")
    assert run.run.header["HybNormReference"] == "intraplate"
    assert run.run.header["Checksum"] == "abc"
    assert run.unread == ()
    assert find(run, "*", "*", "n_seqids") == [2]
    assert find(run, "*", "*", "sample_types") == [{"Sample": 1, "Calibrator": 1, "QC": 1}]
    assert find(run, "1|Calibrator", "10-1", "RFU") == [702.1]
    assert find(run, "*", "10-1", "Target") == ["CRBB2"]


def test_variants_of_the_table() -> None:
    assert read(*WHOLE, "", newline="\n") == read(*WHOLE)
    gaps = read(*HEADER, "\t\t\t\t\t\t", ANALYTES[0], "\t\t\t\tTarget\tCRBB2", COLUMNS, *ROWS)
    assert gaps.features is not None
    assert gaps.features.annotation == {"Target": ("CRBB2", None)}
    assert gaps.features.unit is None
    assert gaps.run.protocol == "PharmaServices V4"
    other = [COLUMNS.replace("SampleId", "SampleName"), *ROWS]
    named = read(*HEADER, *ANALYTES, *other)
    assert named.features is not None
    assert named.features.samples == ("1", "1", "")
    bare = read("^HEADER", "^TABLE_BEGIN", *ANALYTES, COLUMNS.replace("SampleId", "Subject"), *ROWS)
    assert bare.features is not None
    assert bare.features.samples == ("P 1", "P 1", "P 2")
    assert (bare.run.protocol, bare.run.software) == (None, None)
    assert find(bare.model_copy(update={"features": None}), "*", "*", "n_seqids") == []
    assert find(bare.model_copy(update={"features": None}), "*", "*", "sample_types") == []


def test_what_is_unknown_is_listed() -> None:
    run = read("stray", *HEADER[:-1], "^NEW\tx", "y", HEADER[-1], *ANALYTES, COLUMNS, *ROWS)
    assert run.unread == ("line 1: stray", "line 13: ^NEW\tx", "line 14: y")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (HEADER[:-1], r"line 12: the file ends before its table"),
        ((*HEADER, *ANALYTES), "the table ends before its samples"),
        ((*HEADER, ANALYTES[0], "\t\t\tTarget\tx"), "line 14: the annotation of analytes is not below"),
        ((*HEADER, ANALYTES[0], ANALYTES[1] + "\tx\ty"), "line 14: the annotation of analytes is not below"),
        ((*HEADER, *ANALYTES[1:], COLUMNS, *ROWS), "the table names no analytes"),
        ((*HEADER, *ANALYTES, "A\tB\tC\tD\tE\tF", *ROWS), "line 16: the columns of samples cannot be told"),
        ((*HEADER, *ANALYTES, "A\t\tC", *ROWS), "the columns of samples cannot be told"),
        ((*HEADER, *ANALYTES, "A\tA", *ROWS), "the columns of samples cannot be told"),
        ((*HEADER, *ANALYTES, COLUMNS), "line 17: the table has no sample"),
        ((*WHOLE, "P 2\tS1"), "line 20: the row has 2 cells"),
        ((*WHOLE, "P 2\tS1\t3\tSample\t\thigh\t1"), "line 17: a value of the table is no number"),
    ],
)
def test_damaged_files_are_refused(lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(*lines)


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        ("\n".join(WHOLE).encode(), Verdict.YES),
        ("\n".join(HEADER[1:]).encode(), Verdict.YES),
        (b"^HEADER\nx", Verdict.NO),
        (b"^DATABASE = GeoMiame\n", Verdict.NO),
        (b"\x00\x01\x02\xff" * 10, Verdict.NO),
    ],
)
def test_recognition(content: bytes, verdict: Verdict) -> None:
    assert IMPORTER.sniff(Head("x", content, len(content))).verdict is verdict
