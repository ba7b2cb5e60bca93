"""Grids of plates, decimal marks, workbooks seen in part, and what all importers of plates collect in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.collect import Collector, last_line_note
from assay_importers.contract import Head, Run
from assay_importers.errors import FaultyFile
from assay_importers.grids import (
    check_rows,
    delimited,
    find_grid,
    find_grids,
    grid_delimiter,
    row_letters,
    sheet_rows,
    tabbed,
)
from assay_importers.numbers import Style, number_style
from assay_importers.peek import peek
from assay_importers.row_table import RowTable, Shape
from assay_importers.text import Row
from tests.importers.reading import grid, workbook


@pytest.mark.parametrize(
    ("cells", "style"),
    [
        (["1", "22"], (".", "")),
        (["0.5", "7"], (".", "")),
        (["0,5", "7"], (",", "")),
        (["<0,5", "1,25E-3"], (",", "")),
        (["1,250.000", "7"], (".", ",")),
        (["1,250", "0.5"], (".", ",")),
        (["1.250,5", "1.250,75"], (",", ".")),
        (["1,250", "0,125"], (",", "")),
        (["1,2501"], (",", "")),
        (["text, with comma", "x.y"], (".", "")),
    ],
)
def test_a_table_says_how_it_writes_numbers(cells: list[str], style: tuple[str, str]) -> None:
    assert number_style(enumerate(cells, start=1)) == style


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (["0.5", "0,5"], "line 2: this number has another decimal mark than '0.5' on line 1"),
        (["0,5", "0.5"], "line 2: this number has another decimal mark than '0,5' on line 1"),
        (["1,250", "2,000"], "line 1: this number can be read in two ways"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(cells: list[str], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        number_style(enumerate(cells, start=1))


def test_separators_of_thousands_are_taken_off_numbers_alone() -> None:
    assert Style(".", ",").plain("1,250.5") == "1250.5"
    assert Style(".", ",").plain("12,250") == "12250"
    assert Style(",", ".").plain("1.250,5") == "1250,5"
    assert Style(".", ",").plain("a, b") == "a, b"
    assert Style().plain("1,250") == "1,250"


def test_rows_of_the_plate_have_letters() -> None:
    assert [row_letters(number) for number in (1, 26, 27, 32)] == ["A", "Z", "AA", "AF"]


def test_finds_grids_with_several_lines_for_a_row() -> None:
    rows = tabbed('\t1\t2\t\nA\tx\t"y ""z"""\tname\n\t1\t2\tdilution\nB\tv\n\n<>\t1\t2\nA\t5\n')
    first, second = find_grids(rows)
    assert (first.line, first.letters, first.labels, second.corner) == (1, ("A", "B"), ("name", "dilution", ""), "<>")
    assert list(first.cells())[:4] == [
        ("A1", 2, "name", "x"),
        ("A2", 2, "name", 'y "z"'),
        ("A1", 3, "dilution", "1"),
        ("A2", 3, "dilution", "2"),
    ]
    assert list(second.cells()) == [("A1", 7, "", "5"), ("A2", 7, "", "")]


@pytest.mark.parametrize(
    "text",
    ["1\t2\nA\t5", "\t1\t2\n\t5\t6", "\t1\t2\n", "\t1\nA\t5", "\t2\t4\nA\t5", "A", "\t1\t2\nAB\t1"],
)
def test_what_is_no_grid(text: str) -> None:
    assert find_grid(tabbed(text), 0) is None


def test_a_grid_has_rows_without_a_gap_and_all_of_them() -> None:
    rows = tabbed(grid(3, 12))
    whole = find_grid(rows, 0)
    assert whole is not None
    assert check_rows(whole) == []
    assert check_rows(whole, last=True) == [
        "line 4: the file ends with row C of a plate that has H: a plate in part, or a file that was cut off"
    ]
    gap = find_grid(tabbed(grid(3, 2).replace("B", "D")), 0)
    assert gap is not None
    with pytest.raises(FaultyFile, match="line 3: row D of the plate stands where row B should"):
        check_rows(gap)


def test_a_plate_read_in_part_begins_anywhere() -> None:
    part = find_grid(tabbed("\t03\t04\nC\t5\t6\nD\t7\t8\n"), 0)
    assert part is not None
    assert [cell[0] for cell in part.cells()] == ["C3", "C4", "D3", "D4"]
    assert check_rows(part, last=True) == []


def test_the_delimiter_is_that_between_the_numbers_of_the_columns() -> None:
    assert grid_delimiter("x\r\n;01;02;03\r\nA;5") == ";"
    assert grid_delimiter("a,b\nc") is None
    assert [row.cells for row in delimited('a,"b,c"\n', ",")] == [("a", "b,c")]
    assert sheet_rows([["a", "", " "], ["", ""]]) == [Row(1, ("a",), 3), Row(2, (), 2)]


def test_looks_into_workbooks_without_opening_them() -> None:
    book = workbook({"Magellan Sheet 1": [["Well positions", "Label1"]]})
    seen = peek(Head("x", book, len(book)))
    assert "Magellan Sheet 1" in seen
    assert "Well positions" in seen
    assert peek(Head("x", b"text", 4)) == ""
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    assert "Magellan" in peek(Head("x", ole + b"\xffMagellan Sheet 1", 100))
    damaged = bytearray(book)
    at = damaged.find(b"xl/workbook.xml") + len(b"xl/workbook.xml")
    damaged[at : at + 40] = b"\xff" * 40
    assert "Magellan Sheet 1" not in peek(Head("x", bytes(damaged), len(book)))
    stored = b"PK\x03\x04" + bytes(22) + (6).to_bytes(2, "little") + bytes(2) + b"xl/a.xml"[:6] + b"xml<b>"
    assert peek(Head("x", stored, len(stored))) == ""
    name = b"xl/a.xml"
    stored = b"PK\x03\x04" + bytes(22) + len(name).to_bytes(2, "little") + bytes(2) + name + b"<b>here</b>"
    assert "here" in peek(Head("x", stored, len(stored)))
    packed = stored[:8] + (12).to_bytes(2, "little") + stored[10:]
    assert peek(Head("x", packed, len(packed))) == ""


def test_a_collector_keeps_what_contradicts() -> None:
    found = Collector(words={"ovrflw": "above_range"})
    assert found.empty
    assert found.sample("1", "A1") is None
    found.add_header("Date", "1")
    found.add_header("Date", "1")
    found.add_header("Date", "2")
    found.well("1", "A1", sample="P-1")
    found.well("1", "A1", sample="P-2", dilution=Decimal(2))
    found.well(None, "B1", sample="X")
    found.well(None, "B1", sample="Y")
    assert found.sample("1", "A1") == "P-1"
    found.reading("OD", "OVRFLW", plate="1", location="A1")
    found.reading("OD", "5", plate="1", location="C1")
    found.reading("OD", "odd", plate="1", location="D1")
    run = found.finish("f", "1", Run(), "a grid")
    assert dict(run.run.header) == {"Date": "1", "Date (2)": "2"}
    assert [(w.location, w.sample, w.role, w.dilution) for w in run.wells] == [
        ("A1", "P-1", "unknown", Decimal(2)),
        ("B1", "X", "unknown", None),
        ("C1", None, "unknown", None),
        ("D1", None, "unknown", None),
    ]
    assert [(r.flag, r.sample) for r in run.readings] == [("above_range", "P-1"), (None, None), ("not_a_number", None)]
    assert run.notes == (
        "A1 of 1 is 'P-1' and, elsewhere in the file, 'P-2'; the first is kept",
        "B1 is 'X' and, elsewhere in the file, 'Y'; the first is kept",
        "OD: 1 cells hold no number, the first 'odd'; they are flagged",
    )
    with pytest.raises(FaultyFile, match="the file holds no result; expected a grid"):
        Collector().finish("f", "1", Run(), "a grid")


def test_the_last_line_may_have_been_cut() -> None:
    assert last_line_note("a\n") == []
    assert last_line_note("a\nb")[0].startswith("line 2, the last, has no line end: whether the file ends with 'b'")
    assert last_line_note("")[0].startswith("line 0")


SHAPE = Shape(sample=("sample",), well=("well",), dilution=("dilution",), texts=frozenset({"note"}), blanks=True)


def table(*rows: tuple[str, ...]) -> RowTable:
    return RowTable(Collector(), ("Well", "Sample", "OD", "Note", "Dilution", "Codes", ""),
                    [Row(n, row, 9) for n, row in enumerate(rows, start=2)], SHAPE)  # fmt: skip


def test_a_table_by_rows_becomes_wells_readings_and_facts() -> None:
    read = table(
        ("A01", "P-1", "0.5", "", "1:50", "19,30"), ("A2", "P-2", "", "x", "", "4.0"), ("", "", "", "", "", "w"), ()
    )
    read.read()
    run = read.found.finish("f", "1", Run(), "rows")
    assert [(w.location, w.sample, w.dilution) for w in run.wells] == [("A1", "P-1", Decimal(50)), ("A2", "P-2", None)]
    assert [(r.quantity, r.raw, r.flag) for r in run.readings] == [
        ("OD", "0.5", None), ("OD", "", "not_reported"), ("OD", "", "not_reported"),
    ]  # fmt: skip
    assert [(f.name, f.text) for f in run.facts][:3] == [("Note", ""), ("Dilution", "1:50"), ("Codes", "19,30")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("A1", *["x"] * 8), "line 2: the row has 9 cells and the table 7 columns"),
        (("Z99", "P"), "line 2, column Well: this is no well"),
        (("A1", "P", "1,250"), "line 2: this number can be read in two ways"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(row: tuple[str, ...], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        table(row).read()
