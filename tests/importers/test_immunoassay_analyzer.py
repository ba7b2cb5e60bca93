"""Exports of clinical analysers, made up so that each trap stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.immunoassay_analyzer import ImmunoassayAnalyzer
from tests.importers.real_files import missed
from tests.importers.tables import Rows, facts, text, values

IMPORTER = ImmunoassayAnalyzer()
WIDE = ("Instrument ID", "Sample ID No", "Patient Name", "Ward", "WBC(10/uL)", "WBC/M", "HCT(10^(-1)%)", "HCT/M", "")
LONG = ("Sample ID", "Test Name", "Result", "Units", "Flag", "RLU", "Result Date", "")


def read(rows: Rows, delimiter: str = ",") -> ParsedRun:
    return IMPORTER.parse(SourceFile("x", text(rows, delimiter)))


def verdict(content: bytes) -> Verdict:
    return IMPORTER.sniff(SourceFile("x", content).head).verdict


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"immunoassay_analyzer"}, [IMPORTER]) == []


def test_a_wide_row_has_the_unit_in_the_name_of_the_column_and_a_mark_beside_it() -> None:
    rows = [
        WIDE,
        ("XS-1", "B1", "Someone", "", "806", "*", "----", "", ""),
        ("XS-1", "B2", "", "", "+++++", "", "41,5", "-", ""),
    ]
    run = read(rows, ";")
    assert values(run, "result", "WBC") == [("806", "806", None), ("+++++", None, "above_range")]
    assert values(run, "result", "HCT") == [("----", None, "not_reported"), ("41,5", "41.5", None)]
    assert {reading.unit for reading in run.readings} == {"10/uL", "10^(-1)%"}
    assert [(fact.analyte, fact.text) for fact in run.facts if fact.name.endswith("/M")] == [("WBC", "*"), ("HCT", "-")]
    assert run.run.instrument == "XS-1"
    assert run.unread == ("column Patient Name: words on a person are not read",)
    assert "Someone" not in run.model_dump_json()


def test_a_row_may_be_one_result() -> None:
    rows = [
        ("Analyzer:", "Cobas"),
        ("a", "b", "c"),
        LONG,
        ("B1", "Anti-CCP", "12.3 H", "U/mL", "H", "1234", "2024-01-02", ""),
        ("B1", "TSH", "<0.01", "mIU/L", "", "", "", ""),
        ("B2", "TSH", ">", "mIU/L", "", "9", "", ""),
        ("B2", "ANA", "Positive", "", "", "9", "", ""),
    ]
    run = read(rows)
    assert values(run, "Result", "Anti-CCP") == [("12.3 H", "12.3", None)]
    assert values(run, "Result", "TSH") == [("<0.01", "0.01", "below_range"), (">", None, "above_range")]
    assert facts(run, "Result") == ["Positive"]
    assert values(run, "RLU", "Anti-CCP") == [("1234", "1234", None)]
    assert run.run.header == {"Analyzer": "Cobas"}
    assert run.unread == ("line 2: a | b | c",)
    assert run.run.instrument is None


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("a", "b")], "no columns of an analyser"),
        ([LONG], "the table has no rows"),
        ([LONG, ("B1", "TSH")], "the row is too short"),
        ([LONG, ("", "TSH", "1", "", "", "", "", "")], "the row has no sample"),
        ([LONG, ("B1", "", "1", "", "", "", "", "")], "the row has no test"),
        ([LONG, ("B1", "TSH", '"1,234"', "", "", "", "", "")], "the comma may be a decimal mark"),
    ],
)
def test_what_is_refused(rows: Rows, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(rows)


def test_recognition() -> None:
    assert verdict(text([WIDE, ("XS-1", "B1")])) is Verdict.YES
    assert verdict(text([("Instrument", "Sample ID", "A (g/L)", "B (g/L)", "C (%)")])) is Verdict.YES
    assert verdict(text([LONG])) is Verdict.YES
    assert verdict(text([("Sample", "A (g/L)", "B (of ours)")])) is Verdict.NO
    assert verdict(text([("Sample", "Well", "Test", "Result", "Unit", "Flag")])) is Verdict.NO
