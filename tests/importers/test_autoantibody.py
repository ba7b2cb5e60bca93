"""Tables of autoantibodies, made up so that each trap stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.autoantibody import Autoantibody
from assay_importers.lookup import find
from tests.importers.real_files import missed
from tests.importers.tables import Rows, book, facts, text, values

IMPORTER = Autoantibody()
LONG = ("Sample_ID", "Antibody", "Isotype", "Diagnosis", "Score")


def read(rows: Rows, delimiter: str = ",") -> ParsedRun:
    return IMPORTER.parse(SourceFile("x", text(rows, delimiter)))


def verdict(content: bytes) -> Verdict:
    return IMPORTER.sniff(SourceFile("x", content).head).verdict


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"autoantibody"}, [IMPORTER]) == []


def test_the_long_form_has_a_row_for_each_antibody_in_each_sample() -> None:
    rows = [
        LONG,
        (),
        ("P1 ", "dsDNA", "IgG", "SLE", "20.5"),
        ("P1 ", "Sm", "", "SLE", "NA"),
        ("P2", "Sm", "", "Healthy", "3"),
        ("P2", "Sm", "", "Healthy", "4"),
    ]
    run = read(rows)
    assert values(run, "Score", "dsDNA IgG") == [("20.5", "20.5", None)]
    assert values(run, "Score", "Sm")[0] == ("NA", None, "not_reported")
    assert [fact.sample for fact in run.facts if fact.name == "Diagnosis"] == ["P1 ", "P2"]
    assert "1 pairs of sample and antibody stand more than once, the first is P2 | Sm" in run.notes
    assert find(run, "*", "*", "n_duplicate_sample_antibody_pairs") == [1]


def test_names_of_rows_that_r_writes_have_no_name_themselves() -> None:
    run = read([LONG, ("1", "P1", "dsDNA", "IgG", "SLE", "20.5"), ("2", "P2", "dsDNA", "IgG", "SLE", "3")])
    assert run.tables[0].columns == ("", *LONG)
    assert [reading.sample for reading in run.readings] == ["P1", "P2"]
    with pytest.raises(FaultyFile, match="the row has 4 cells"):
        read([("Sample", "Antibody", "Score"), ("1", "Sm", "1", "5"), ("2", "Sm", "2", "5")])


def test_immport_says_in_a_comment_what_is_below_detection_and_limits_stand_as_values() -> None:
    names = ("ANALYTE_REPORTED", "EXPSAMPLE_ACCESSION", "COMMENTS", "UNIT_REPORTED", "VALUE_REPORTED")
    rows: list[tuple[object, ...]] = [names]
    rows += [
        ("IA-2", f"ES{number}", "", "IU/ml", value) for number, value in enumerate(("4000", "1", "4000", "2", "4000"))
    ]
    rows += [("IA-2", "ES9", "NA: below detection", "IU/ml", "NA"), ("GAD", "ES9", "", "IU/ml", "")]
    run = read(rows)
    assert values(run, "VALUE_REPORTED", "IA-2")[-1] == ("NA", None, "below_range")
    assert {reading.unit for reading in run.readings} == {"IU/ml"}
    assert "VALUE_REPORTED of IA-2: 3 values are 4000, the highest of all; it may be a limit" in run.notes
    assert find(run, "ES9", "ANALYTE_REPORTED", "value") == ["IA-2", "GAD"]


def test_index_and_call_stand_in_pairs() -> None:
    names = ("Barcode", "GAD_I", "GAD_R", "dsDNA Result", "dsDNA Interpretation", "Sm", "Sm Call", "Visit", "x_I")
    rows = [
        names,
        ("B1", "0.5", "POSITIVE", "<10", "Negative", "7.5", "Equivocal", "-01", "1"),
        ("B1", "", "", ">200", "Indeterminate", "9", "maybe", "17", "1"),
    ]
    run = read(rows)
    assert values(run, "GAD_I", "GAD") == [("0.5", "0.5", None), ("", None, "not_reported")]
    assert values(run, "dsDNA Result", "dsDNA") == [("<10", "10", "below_range"), (">200", "200", "above_range")]
    assert values(run, "Sm") == [("7.5", "7.5", None), ("9", "9", None)]
    assert facts(run, "dsDNA Interpretation") == ["Negative", "Indeterminate"]
    assert facts(run, "Visit") == ["-01", "17"]
    assert "line 3: Sm Call is 'maybe', which is no known call" in run.notes
    assert "1 samples stand in more than one row, the first is B1" in run.notes


def test_the_cut_off_may_be_in_the_name_of_the_column() -> None:
    run = read(
        [("participantId", "GAD_65_Result_less_than20_Negative", "Arm"), ("T1", "Positive", "A"), ("T2", "", "B")]
    )
    assert [(fact.analyte, fact.text) for fact in run.facts if fact.name == "cut-off"] == [("GAD_65", "<20 Negative")]
    assert facts(run, "GAD_65_Result_less_than20_Negative") == ["Positive"], "a blank one was not done"
    assert (
        verdict(text([("participantId", "A_Result_greater_than5_Positive", "Arm"), ("T1", "Positive", "A")]))
        is Verdict.YES
    )


def test_samples_by_antibodies_and_antibodies_by_samples() -> None:
    run = read([("Sample", "dsDNA IgG", "Sm IgM", "Group", ""), ("P1", "1,5", "2,25", "SLE", "")], ";")
    assert values(run, "value", "Sm IgM") == [("2,25", "2.25", None)]
    assert facts(run, "Group") == ["SLE"]
    run = read([("Antigen", "Isotype", "", "P1", "P2"), ("Ro60", "IgG", "", "1.5", "2"), ("La", "IgG", "", "n/a", "4")])
    assert [(r.sample, r.analyte, r.raw) for r in run.readings][:2] == [
        ("P1", "Ro60 IgG", "1.5"),
        ("P2", "Ro60 IgG", "2"),
    ]


def test_a_workbook_with_other_sheets_and_lines_above() -> None:
    content = book(
        {"notes": [("by", "us")], "scores": [("Array 7",), (), LONG, ("P1", "Sm", "IgG", "SLE", 3)], "empty": []}
    )
    run = IMPORTER.parse(SourceFile("x", content))
    assert run.tables[0].name == "scores"
    assert run.unread == ("line 1: Array 7", "sheet 'notes': 1 rows")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("a", "b", "c")], "no columns of a sample and of antibodies"),
        ([("sample", "b", "c")], "no columns of a sample and of antibodies"),
        ([LONG], "the table has no rows"),
        ([LONG, ("P1", "Sm")], "the row has 2 cells"),
        ([LONG, ("", "Sm", "IgG", "SLE", "3")], "the row has no name"),
        ([("Antigen", "P1", "P2"), ("Ro", "x", "y")], "no column holds numbers"),
        ([LONG, ("P1", "Sm", "IgG", "SLE", '"1,234"')], "the comma may be a decimal mark"),
    ],
)
def test_what_is_refused(rows: Rows, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(rows)


def test_recognition() -> None:
    assert verdict(text([LONG, ("P1", "Sm", "IgG", "SLE", "3")], "\t")) is Verdict.YES
    assert verdict(text([("Barcode", "GAD_I", "GAD_R"), ("B1", "1", "POSITIVE")])) is Verdict.YES
    assert verdict(text([("Barcode", "GAD_I", "GAD_R"), ("B1", "1", "2"), ("B2", "1")])) is Verdict.NO
    assert verdict(text([("Antigen", "P1", "P2"), ("Ro", 1, 2)])) is Verdict.YES
    assert verdict(b"a,b,c\n") is Verdict.NO
