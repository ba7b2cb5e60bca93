"""Exports of ELISpot readers, made up: rows of wells, and plates that are drawn."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.elispot import Elispot
from tests.importers.tables import Rows, book, facts, text, values

IMPORTER = Elispot()
COLUMNS = ("Well", "Sample ID", "Stimulus", "Spot Count", "Mean Size", "Comment", "Dilution")


def read(rows: Rows, delimiter: str = ",") -> ParsedRun:
    return IMPORTER.parse(SourceFile("x", text(rows, delimiter)))


def verdict(content: bytes) -> Verdict:
    return IMPORTER.sniff(SourceFile("x", content).head).verdict


def test_a_row_for_each_well() -> None:
    rows = [
        ("Plate ID", "7"),
        ("Reader: iSpot",),
        ("a", "b", "c"),
        (),
        COLUMNS,
        ("A1", "P1", "CEF", "125", "0,5", "clean", "2"),
        ("A2", "P1", "CEF", "TNTC", "", "", ""),
    ]
    run = read(rows, ";")
    assert values(run, "Spot Count", "CEF") == [("125", "125", None), ("TNTC", None, "above_range")]
    assert values(run, "Mean Size")[0] == ("0,5", "0.5", None)
    assert facts(run, "Comment") == ["clean"]
    assert [well.dilution for well in run.wells] == [Decimal(2), None]
    assert run.run.header == {"Plate ID": "7", "Reader": "iSpot"}
    assert (run.run.batch, run.unread) == ("7", ("line 3: a | b | c",))


def test_a_barcode_is_the_plate_where_there_is_no_other_sample() -> None:
    run = read([("Barcode", "Well", "SFU"), ("X1", "A1", "3")])
    assert (run.wells[0].plate, run.wells[0].sample) == ("X1", None)


def test_a_plate_that_is_drawn() -> None:
    plate = [("Spot Count",), ("", "1", "2"), ("A", "12", "TNTC"), ("B", "0", ""), ("end",)]
    run = read([("Plate", "X"), *plate])
    assert [(r.location, r.raw, r.flag) for r in run.readings] == [
        ("A1", "12", None),
        ("A2", "TNTC", "above_range"),
        ("B1", "0", None),
        ("B2", "", "not_reported"),
    ]
    assert run.run.batch == "X"
    two = read([*plate, *plate], "\t")
    assert [table.name for table in two.tables] == ["1", "2"]
    content = book({"Plate 1": plate, "other": [("x", "y"), ("", 1, 2), ("Q", 5)], "Spots": plate[1:]})
    assert [table.name for table in IMPORTER.parse(SourceFile("x", content)).tables] == ["Plate 1", "Spots"]
    assert verdict(content) is Verdict.YES


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("a", "b")], "there are no spots"),
        ([COLUMNS, ("A1", "P1")], "the row is too short"),
        ([COLUMNS, ("Z99", "P1", "", "1", "", "", "")], "the row names no well"),
        ([("Spots",), ("", *range(1, 31)), ("A", *range(30))], "the plate has no such well"),
        ([("Spots",), ("", "1", "2"), ("A", '"1,234"', "2")], "the comma may be a decimal mark"),
    ],
)
def test_what_is_refused(rows: Rows, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(rows)


def test_recognition() -> None:
    assert verdict(text([COLUMNS])) is Verdict.YES
    assert verdict(text([("OD 450",), ("", "1", "2"), ("A", "1", "2")])) is Verdict.NO
    assert verdict(b"Well,OD\nA1,2\n") is Verdict.NO
