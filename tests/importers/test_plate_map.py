"""The plate map of the laboratory, the layout grid of a workbook, and the parts they share."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_importers.contract import Head, Reading, SourceFile, Verdict
from assay_importers.errors import FaultyFile, ImporterError
from assay_importers.formats.plate_layout import PlateLayoutGrid
from assay_importers.plate_map import read_plate_map
from assay_importers.values import read_dilution
from assay_importers.wells import fits, read_well, role_hint, row_and_column

MAP = "well,code,dilution\nA01,LB7K2M9QX4,1:50\nb1,Control 1,\nC1,blank,\nD1,standard-3,\nE1,empty\nF1\n"


def test_reads_a_map() -> None:
    found = read_plate_map(MAP.encode())
    assert [(r.location, r.role, r.code, r.name, r.dilution, r.line) for r in found.rows] == [
        ("A1", "unknown", "LB7K2M9QX4", None, Decimal(50), 2),
        ("B1", "control", None, "Control 1", Decimal(1), 3),
        ("C1", "blank", None, "blank", Decimal(1), 4),
        ("D1", "standard", None, "standard-3", Decimal(1), 5),
        ("E1", "empty", None, "empty", Decimal(1), 6),
        ("F1", "empty", None, None, Decimal(1), 7),
    ]
    assert (found.plate_size, found.notes) == (96, ())
    assert found.rows[0].raw == "A01,LB7K2M9QX4,1:50"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["Location{0}Sample ID{0}Kind{0}Dilution Factor", "WELL{0}CODE{0}ROLE{0}DILUTION"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_headers_and_dialects(delimiter: str, header: str, encoding: str) -> None:
    lines = (header, "A1{0}T1{0}{0}2", "A2{0}High{0}control{0}", "{0}{0}{0}")
    data = "\r\n".join(lines).format(delimiter).encode(encoding)
    rows = read_plate_map(data).rows
    assert [(r.role, r.code, r.name, r.dilution) for r in rows] == [
        ("unknown", "T1", None, Decimal(2)),
        ("control", None, "High", Decimal(1)),
    ]


def test_replicates_are_allowed_and_noted() -> None:
    found = read_plate_map(b"well,code\nA1,T1\nA2,T1\nA3,T2\n")
    assert found.notes == ("T1 is in 2 wells: A1, A2",)


def test_the_plate_is_as_large_as_its_wells_need() -> None:
    assert read_plate_map(b"well,code\nP24,T1\n").plate_size == 384
    assert read_plate_map(b"well,code\nA1,T1\n", 384).plate_size == 384


@pytest.mark.parametrize(
    ("text", "size", "problem", "place"),
    [
        ("", None, "plate map is empty", (None, None, None)),
        ("well,code\n", None, "a header and no wells", (1, None, None)),
        ("place,code\nA1,T\n", None, "no column 'well'", (1, None, "place, code")),
        ("well,dilution\nA1,2\n", None, "no column 'code'", (1, None, "well, dilution")),
        ("well,code\nZ9,T\n", None, "no such well on a plate of 384", (2, "well", "Z9")),
        ("well,code\nI1,T\n", 96, "no such well on a plate of 96", (2, "well", "I1")),
        ("well,code\nA0,T\n", None, "no such well", (2, "well", "A0")),
        ("well,code\nA1,T\n\nA01,U\n", None, "twice, first at line 2", (4, "well", "A1")),
        ("well,code,role\nA1,T,patsient\n", None, "role is not known", (2, "role", "patsient")),
        ("well,code,role\nA1,,sample\n", None, "well A1 has no code", (2, "code", "")),
        ("well,code,dilution\nA1,T,0\n", None, "dilution cannot be read", (2, "dilution", "0")),
        ("well,code,dilution\nA1,T,-2\n", None, "dilution cannot be read", (2, "dilution", "-2")),
        ("well,code,dilution\nA1,T,01/02/2050\n", None, "dilution cannot be read", (2, "dilution", "01/02/2050")),
    ],
)
def test_faults_name_line_column_and_value(
    text: str, size: int | None, problem: str, place: tuple[int | None, str | None, str | None]
) -> None:
    with pytest.raises(FaultyFile, match=problem) as caught:
        read_plate_map(text.encode(), size)  # type: ignore[arg-type]
    assert (caught.value.line, caught.value.column, caught.value.value) == place


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_anything_else_is_an_importer_error(text: str) -> None:
    with pytest.raises(ImporterError):
        read_plate_map(text.encode())


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("50", "50"), ("1:50", "50"), ("1/50", "50"), ("1 : 2.5", "2.5"), ("2:100", "50"), ("2,5", "2.5"),
        ("0,125", "0.125"), ("1,000", None), ("1:0", None), ("0:5", None), ("3:100", None), ("1/2/2050", None),
        ("x", None), ("", None),
    ],
)  # fmt: skip
def test_dilutions(text: str, factor: str | None) -> None:
    assert read_dilution(text) == (None if factor is None else Decimal(factor))


@pytest.mark.parametrize(
    ("text", "well"),
    [("A1", "A1"), ("a01", "A1"), (" H12 ", "H12"), ("P24", "P24"), ("AF48", "AF48"), ("AG1", None), ("A49", None),
     ("A0", None), ("1A", None), ("", None)],
)  # fmt: skip
def test_wells(text: str, well: str | None) -> None:
    assert read_well(text) == well


def test_well_coordinates() -> None:
    assert [row_and_column(well) for well in ("A1", "H12", "AF48")] == [(1, 1), (8, 12), (32, 48)]
    assert [fits("H12", 96), fits("I1", 96), fits("A13", 96), fits("I13", 384), fits("AF48", 1536)] == [
        True, False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sample", "role"),
    [
        ("Unknown12", "unknown"), ("Standard1", "standard"), ("S", "standard"), ("S7", "standard"),
        ("African-Mix-Standard01", "standard"), ("Control2", "control"), ("B", "blank"), ("Background0", "blank"),
        ("B_sid_13", "unknown"), ("Healthy control 4 (person)", "unknown"), ("", "empty"), (None, "empty"),
    ],
)  # fmt: skip
def test_role_hints(sample: str | None, role: str) -> None:
    assert role_hint(sample) == role


GRID = PlateLayoutGrid()
Sheet = list[list[object]]


def workbook(*sheets: Sheet) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def grid(rows: int = 8, columns: int = 12, name: Callable[[str], object] = lambda well: f"P-{well}") -> Sheet:
    letters = [chr(ord("A") + row) for row in range(rows)]
    numbers = range(1, columns + 1)
    return [[None, *numbers], *([letter, *(name(f"{letter}{number}") for number in numbers)] for letter in letters)]


def sniff(data: bytes) -> tuple[Verdict, str]:
    return GRID.sniff(SourceFile("layout.xlsx", data).head)


@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (16, 24)])
def test_reads_a_layout(rows: int, columns: int) -> None:
    data = workbook(grid(rows, columns), [])
    assert sniff(data)[0] is Verdict.YES
    run = GRID.parse(SourceFile("layout.xlsx", data))
    assert [(w.location, w.sample) for w in run.wells] == [
        (f"{chr(64 + r)}{c}", f"P-{chr(64 + r)}{c}") for r in range(1, rows + 1) for c in range(1, columns + 1)
    ]
    assert run.run.header == {"Sheet": "Sheet0"}
    assert (run.readings, run.unread) == ((), ())


def test_layout_cells_may_be_missing_or_numbers_and_nothing_beside_the_plate_is_lost() -> None:
    rows = grid()
    rows[0][0] = "Drug"
    rows[1] = ["A", " B ", 7]
    rows.append(["note", "by JD"])
    rows[2].append("beside")
    run = GRID.parse(SourceFile("layout.xlsx", workbook(rows)))
    assert [(w.location, w.sample, w.role) for w in run.wells[:3]] == [
        ("A1", "B", "blank"),
        ("A2", "7", "unknown"),
        ("A3", None, "empty"),
    ]
    assert run.unread == (
        "line 1: column 1: Drug",
        "line 3: column 14: beside",
        "line 10: column 1: note",
        "line 10: column 2: by JD",
    )


def test_names_that_became_dates_are_refused() -> None:
    with pytest.raises(FaultyFile, match="no longer what was typed") as caught:
        GRID.parse(SourceFile("l.xlsx", workbook(grid(name=lambda _: dt.date(2050, 1, 1)))))
    assert (caught.value.line, caught.value.column) == (2, "1")


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(20 * 1024 * 1024))
    return out.getvalue()


def test_what_is_no_layout() -> None:
    other = workbook([["Sample", "Value"], ["a", 1]])
    for data, verdict, reason in (
        (b"text", Verdict.NO, "not a workbook"),
        (b"PK\x03\x04 damaged", Verdict.NO, "no sheet is a grid"),
        (bomb(), Verdict.NO, "no sheet is a grid"),
        (workbook(grid(), grid()), Verdict.NO, "2 sheets"),
        (other, Verdict.NO, "no sheet is a grid"),
        (workbook(grid(name=len)), Verdict.MAYBE, "grid of numbers"),
    ):
        found = sniff(data)
        assert found[0] is verdict
        assert reason in found[1]
    assert GRID.sniff(Head("l.xlsx", workbook(grid()), 10**6))[0] is Verdict.NO
    with pytest.raises(FaultyFile, match="not a plate layout"):
        GRID.parse(SourceFile("l.xlsx", other))


def test_a_missing_value_needs_its_reason() -> None:
    base = {"plate": "1", "location": "A1", "sample": "P", "analyte": "Ro", "quantity": "Median", "raw": ""}
    with pytest.raises(ValueError, match="needs a flag"):
        Reading(**base, value=None)
    with pytest.raises(ValueError, match="comparator goes with"):
        Reading(**base, value=Decimal(1), comparator="<")
