"""Titres, made up so that each trap stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.titers import Titers
from tests.importers.real_files import missed
from tests.importers.tables import Rows, book, facts, text, values

IMPORTER = Titers()


def read(rows: Rows, delimiter: str = ",") -> ParsedRun:
    return IMPORTER.parse(SourceFile("x", text(rows, delimiter)))


def verdict(content: bytes) -> Verdict:
    return IMPORTER.sniff(SourceFile("x", content).head).verdict


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"titers"}, [IMPORTER]) == []


def test_a_grid_has_antigens_before_and_sera_above_its_titres() -> None:
    run = read([("", "S1", "S2", "S3"), ("HK/68", "1:640", "<40", ">4096"), ("EN/72", "640", "1:<20", "*")], "\t")
    assert [(r.sample, r.analyte) for r in run.readings[:2]] == [("S1", "HK/68"), ("S2", "HK/68")]
    assert values(run, "titer") == [
        ("1:640", "640", None),
        ("<40", "40", "below_range"),
        (">4096", "4096", "above_range"),
        ("640", "640", None),
        ("1:<20", "20", "below_range"),
        ("*", None, "not_reported"),
    ]


def test_names_may_stand_in_two_lines_above_and_two_columns_before() -> None:
    rows = [("", "", "S1", "S2"), ("", "", "F1", "F2"), ("HK/68", "egg", "1/640", "1/50"), ("EN/72", "cell", "20", "")]
    run = read(rows, ";")
    assert [(fact.sample, fact.text) for fact in run.facts if fact.name == "header row 2"] == [
        ("S1", "F1"),
        ("S2", "F2"),
    ]
    assert [(fact.analyte, fact.text) for fact in run.facts if fact.name == "label"] == [
        ("HK/68", "egg"),
        ("EN/72", "cell"),
    ]
    assert [reading.raw for reading in run.readings] == ["1/640", "1/50", "20", ""]


def test_the_corner_can_say_that_rows_are_sera() -> None:
    run = read([("Serum", "HK/68", "EN/72"), ("", "H3", "H3"), ("S1", "40", "80"), ("S2", "20", "160")])
    assert [(r.sample, r.analyte) for r in run.readings[:2]] == [("S1", "HK/68"), ("S1", "EN/72")]
    assert [fact.analyte for fact in run.facts] == ["HK/68", "EN/72"]


def test_columns_of_titres() -> None:
    run = read(
        [("note", "of", "ours", ""), ("Subject ID", "Visit", "H1N1_titer", "NT50 (H3N2)"), ("P1", "1", "<40", "1:640")]
    )
    assert [(r.analyte, r.raw) for r in run.readings] == [("H1N1", "<40"), ("H3N2", "1:640")]
    assert facts(run, "Visit") == ["1"]
    assert run.unread == ("line 1: note | of | ours",)
    run = read([("Sample", "Virus", "Titer"), ("P1", "H1N1", "320,5")], ";")
    assert values(run, "Titer", "H1N1") == [("320,5", "320.5", None)]
    names = ("EXPSAMPLE_ACCESSION", "VIRUS_STRAIN_REPORTED", "VALUE_REPORTED")
    assert values(read([names, ("ES1", "H1", "40")]), "VALUE_REPORTED", "H1") == [("40", "40", None)]


def test_sheets_of_a_workbook() -> None:
    grid = [("", "S1", "S2"), ("HK", 40, 80), ("EN", 160, 320), ("SL", 640, 10)]
    run = IMPORTER.parse(SourceFile("x", book({"a": grid, "b": grid, "c": [("note",)]})))
    assert [table.name for table in run.tables] == ["a", "b"]
    assert run.unread == ("sheet 'c': 1 rows",)


@pytest.mark.parametrize("date", ["1950-01-01 00:00:00", "Jan-50", "1-Feb", "1/50/1950"])
def test_a_titre_that_a_spreadsheet_made_a_date_is_refused(date: str) -> None:
    with pytest.raises(FaultyFile, match="a spreadsheet has made a date of this titre"):
        read([("Sample", "Virus", "Titer"), ("P1", "H1N1", "1/40"), ("P2", "H1N1", date)])
    with pytest.raises(FaultyFile, match="a spreadsheet has made a date of this titre"):
        read([("", "S1", "S2"), ("HK", "1/40", date)], "\t")


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("a", "b"), ("1", "2")], "there are no titres"),
        ([("", "S1", "S2")], "there are no titres"),
        ([("", "S1", "S2"), ("HK", "20", "40", "80")], "the row does not fit the names above it"),
        ([("", "S1", "S2"), ("HK", "20", "40"), ("EN",)], "the row is too short"),
        ([("", "S1", "S2"), ("HK", "20", "40"), ('"EN', "1")], "cannot be split into cells"),
        ([("Sample", "Titer", "x"), ("P1", "20")], "the row is too short"),
        ([("Sample", "Titer"), ("", "20")], "the row has no sample"),
        ([("Sample", "Titer"), ("P1", '"1,280"')], "the comma may be a decimal mark"),
    ],
)
def test_what_is_refused(rows: Rows, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(rows)


def test_a_text_that_is_no_titre_is_kept_and_noted() -> None:
    run = read([("Sample", "Titer"), ("P1", "lost")])
    assert values(run, "titer") == [("lost", None, "not_a_number")]
    assert any("are not numbers" in note for note in run.notes)


def test_recognition() -> None:
    assert verdict(text([("Sample", "H1 titer"), ("P1", 40)])) is Verdict.YES
    assert verdict(text([("Sample", "Antigen", "Titer"), ("P1", "dsDNA", 40)])) is Verdict.NO
    series = [("", "S1", "S2"), ("HK", 40, 80), ("EN", 160, 320), ("SL", 640, 10)]
    assert verdict(text(series)) is Verdict.YES
    assert verdict(text([("", "S1", "S2"), ("HK", "<40", 80)])) is Verdict.YES
    assert verdict(text([("", "S1", "S2"), ("HK", 41, 80), ("EN", 160, 327)])) is Verdict.MAYBE
    assert verdict(text([("", "S1", "S2"), ("HK", "x", "y")])) is Verdict.NO
    assert verdict(text([("", "1", "2"), ("A", 40, 80)])) is Verdict.NO
    assert verdict(text([("Gene", "S1", "S2"), ("A", 40, 80)])) is Verdict.NO
