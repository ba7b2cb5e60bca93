"""How importers are judged, on the real files and on a made-up folder."""

from __future__ import annotations

import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, Reading, Run, Well
from assay_importers.corpus import FormatReport, Report, check_run, evaluate, main
from tests.importers.made_up import block, export, values


def test_every_check_of_every_format_with_an_importer_holds(data: Path) -> None:
    report = evaluate(data, {"luminex_xponent"})
    assert [line for found in report.formats for line in found.failures + found.unread] == []
    assert report.ok
    assert report.passed == report.checks > 300


def check(field: str, expected: Any, sample: str = "*", analyte: str = "*") -> dict[str, Any]:
    return {"sample": sample, "analyte": analyte, "field": field, "expected": expected}


RUN = ParsedRun(
    format="luminex_xponent",
    importer_version="1",
    run=Run(
        serial_number="SN1",
        batch="B",
        header={"Program": "xPONENT", "Build": "4", "Samples": "96", "DataType: Median": "2", "DataType: Count": "1"},
    ),
    wells=(
        Well(plate="1", location="A1", sample="P 1 ", role="unknown"),
        Well(plate="1", location="B1", sample="S1", role="standard"),
        Well(plate="2", location="A1", sample=None, role="empty"),
        Well(plate="2", location="H9", sample="not measured", role="unknown"),
    ),
    readings=(
        Reading(
            plate=None, location=None, sample="S1", analyte="Ro", quantity="Avg", value=None, raw="x", flag="masked"
        ),
        *(
            Reading(plate=p, location=w, sample=s, analyte="Ro", quantity="Median", value=None, raw=raw, flag="masked")
            for p, w, s, raw in (("1", "A1", "P 1 ", " 12.50"), ("1", "B1", "S1", "NaN"), ("2", "A1", None, ""))
        ),
    ),
)


@pytest.mark.parametrize(
    "fact",
    [
        check("n_wells", 3),
        check("n_distinct_sample_names", 3),
        check("program", "xPONENT"),
        check("build", "4"),
        check("serial_number", "SN1"),
        check("batch", "B"),
        check("data_types", ["Count", "Median"]),
        check("rows_per_data_block", {"Median": 2, "Count": 1}),
        check("header_declared_Samples", 96),
        check("n_wells_for_sample", 1, "P 1"),
        check("Median", "12.50", "1(1,A1)|P 1", "Ro"),
        check("Median", 12.5, "1(1,A1)|P 1", "Ro"),
        check("Median", 12.5, "A1", "Ro"),
        check("Median", "NaN", "B01", "Ro"),
        check("Median", "NaN", "S1", "Ro"),
        check("Median", "", "3(2,A1)|", "Ro"),
        check("Median", None, "3(2,A1)", "Ro"),
        check("Avg", "x", "S1", "Ro"),
    ],
)
def test_facts_that_hold(fact: dict[str, Any]) -> None:
    assert list(check_run(RUN, [fact])) == []


@pytest.mark.parametrize(
    "fact",
    [
        check("n_wells", 4),
        check("colour", "red"),
        check("header_declared_Plates", 1),
        check("data_types", ["Count"]),
        check("data_types", "Count"),
        check("program", ["xPONENT"]),
        check("rows_per_data_block", {"Median": 3, "Count": 1}),
        check("rows_per_data_block", {"Median": 2}),
        check("program", {"a": 1}),
        check("Median", 12.4, "A1", "Ro"),
        check("Median", "12.5", "1(1,A1)|P 1", "Ro"),
        check("Median", "", "1(1,A1)|P 1", "La"),
        check("Median", "NaN", "1(1,B1)|other", "Ro"),
        check("Median", 5, "B1", "Ro"),
        check("Count", "1", "nobody", "Ro"),
        check("program", 4),
    ],
)
def test_facts_that_do_not_hold_are_told(fact: dict[str, Any]) -> None:
    (failure,) = check_run(RUN, [fact, check("batch", "B")])
    assert fact["field"] in failure
    assert "expected" in failure


def test_repeated_facts_and_layouts_count() -> None:
    layout = RUN.model_copy(update={"readings": (), "format": "plate_layout_grid"})
    assert list(check_run(layout, [check("n_wells", 4)] * 2)) == []
    assert list(check_run(layout, [check("layout sample name", "S1", "B1")])) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    good = export(values("Median", "1", "2"), block("Units", ("Analyte:", "dsDNA"), ("Units:", "IU")))
    (tmp_path / "good.csv").write_text(good)
    (tmp_path / "cut.csv").write_text(good[:200])
    (tmp_path / "other.txt").write_text("other")
    facts = [check("n_wells", 2), check("Median", "2", "B1", "dsDNA")]
    entries = [
        {"path": "good.csv", "format": "luminex_xponent", "checks": facts},
        {"path": "other.txt", "format": "other", "checks": facts},
    ]
    (tmp_path / "MANIFEST.json").write_text(json.dumps(entries))
    return tmp_path


def add(folder: Path, entry: dict[str, Any]) -> None:
    manifest = folder / "MANIFEST.json"
    manifest.write_text(json.dumps([*json.loads(manifest.read_text()), entry]))


def judge(folder: Path) -> tuple[int, list[str]]:
    out = io.StringIO()
    return main([str(folder)], out), out.getvalue().splitlines()


def test_formats_without_importer_are_counted_and_are_no_failure(folder: Path) -> None:
    status, lines = judge(folder)
    assert status == 0
    assert [line.split() for line in lines] == [
        ["luminex_xponent", "1", "of", "1", "files", "read", "2", "of", "2", "checks"],
        ["other", "no", "importer", "0", "of", "2", "checks"],
        ["2", "of", "4", "checks"],
    ]


def test_a_miss_is_a_failure_and_is_named(folder: Path) -> None:
    add(folder, {"path": "good.csv", "format": "luminex_xponent", "checks": [check("n_wells", 3)]})
    status, lines = judge(folder)
    assert status == 1
    assert "  good.csv: *, *, n_wells: expected 3, found [2]" in lines


def test_a_file_that_an_importer_claims_and_cannot_read_is_a_failure(folder: Path) -> None:
    add(folder, {"path": "cut.csv", "format": "cut", "checks": [check("n_wells", 2)]})
    status, lines = judge(folder)
    assert status == 1
    assert any(line.startswith("  cut.csv: line ") for line in lines)


def test_files_that_hold_no_measurement_are_not_counted(folder: Path) -> None:
    add(folder, {"path": "other.txt", "format": "redcap", "checks": [check("n_wells", 2)]})
    status, lines = judge(folder)
    assert status == 0
    assert "redcap                           clinical data and its dictionary: no result of an assay" in lines
    assert lines[-1] == "2 of 4 checks"


def test_some_formats_only(folder: Path) -> None:
    assert evaluate(folder, {"other"}) == Report(
        (FormatReport("other", files=1, checks=2, unread=evaluate(folder, {"other"}).formats[0].unread),)
    )


def test_the_folder_comes_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUS", str(folder / "nowhere"))
    out = io.StringIO()
    assert main([], out) == 1
    assert "has no MANIFEST.json" in out.getvalue()


def test_it_is_a_command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["corpus", str(folder)])
    monkeypatch.delitem(sys.modules, "assay_importers.corpus")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("assay_importers.corpus", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.endswith("2 of 4 checks\n")
