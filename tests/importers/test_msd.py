"""MSD's files, made up so that each trap stands alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.msd import Msd
from assay_importers.lookup import find
from tests.importers.real_files import missed
from tests.importers.tables import book, facts, text, values

IMPORTER = Msd()
COLUMNS = ("Sample", "Assay", "Well", "Spot", "Detection Range", "Dilution", "Signal")
COLUMNS += ("Calc. Concentration", "Calc. Conc. Mean")
FIRST = ("S001", "IL-6", "A02", 2, "In Detection Range", 50, 3513, 53.5, 54)


def read(content: bytes) -> ParsedRun:
    return IMPORTER.parse(SourceFile("x", content))


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"msd"}, [IMPORTER]) == []


def test_a_row_is_a_spot_of_a_well() -> None:
    rows = [
        ("Plate_2BO",),
        COLUMNS,
        FIRST,
        ("S001", "TNF", "A02", 1, "Below Fit Curve Range", "", 341, "NaN", "NaN"),
        ("S002", "TNF", "A03", 1, "Above Detection Range", "", 9341, 5000, ""),
    ]
    run = read(text(rows))
    assert [(well.location, well.sample, well.dilution) for well in run.wells] == [
        ("A2", "S001", Decimal(50)),
        ("A3", "S002", None),
    ]
    assert values(run, "Calc. Concentration") == [
        ("53.5", "53.5", None),
        ("NaN", None, "below_range"),
        ("5000", "5000", "above_range"),
    ]
    assert values(run, "Calc. Conc. Mean", "TNF") == [("NaN", None, "not_a_number"), ("", None, "not_reported")]
    assert facts(run, "Spot") == ["2", "1", "1"]
    assert run.run.batch == "Plate_2BO"
    assert find(run, "S001|A02", "TNF spot 1", "Signal") == ["341"]


def test_decimal_commas_units_roles_and_two_plates_in_a_column() -> None:
    columns = ("Plate Name", "Sample Type", "Sample", "Assay", "Well", "Spot", "Signal", "Concentration", "Units")
    rows = [
        columns,
        ("P1", "Calibrator", "S1", "IL-6", "A1", 1, "12,5", "1,5", "pg/mL"),
        ("P2", "Control", "S1", "IL-6", "A1", 1, "13", "2", "pg/mL"),
        ("P2", "Blank", "", "IL-6", "A2", 1, "1", "", ""),
    ]
    run = read(text(rows, ";"))
    assert [(well.plate, well.role) for well in run.wells] == [("P1", "standard"), ("P2", "control"), ("P2", "blank")]
    assert values(run, "Signal")[0] == ("12,5", "12.5", None)
    assert [reading.unit for reading in run.readings if reading.quantity == "Concentration"] == ["pg/mL", "pg/mL", None]


def test_several_tables_in_one_file_are_plates() -> None:
    rows = [("Plate_A",), COLUMNS, FIRST, (), ("Plate_B",), COLUMNS, FIRST]
    run = read(text(rows))
    assert [(well.plate, well.location) for well in run.wells] == [("Plate_A", "A2"), ("Plate_B", "A2")]
    assert [table.name for table in run.tables] == ["Plate_A", "Plate_B"]


def test_sheets_of_a_workbook() -> None:
    above = [
        ("Signature:X", "Unnamed: 1"),
        ("Run Name :", "Run 1"),
        ("Plate ID :", "<P>"),
        ("loose", "words", "here"),
        ("Plate_X",),
    ]
    run = read(book({"MSD Data": above, "Workbench data": [COLUMNS, FIRST], "Chart": []}))
    assert [table.name for table in run.tables] == ["MSD Data", "Workbench data", "Chart"]
    assert run.run.header == {"Signature": "X", "Run Name": "Run 1", "Plate ID": "<P>", "Plate": "Plate_X"}
    assert run.unread == ("sheet 'MSD Data', line 4: loose | words | here",)
    run = read(text([("note", "of", "us"), COLUMNS, FIRST]))
    assert run.unread == ("line 1: note | of | us",)


FIELDS = (
    "FileName :\tx.txt\r\nStack ID :\t0.1\r\nBarcode1 :{tab}<*{code}*>\r\n"
    "Type     :\t{type}\r\nSpots Per Well:\t{spots}\r\n"
    "Read Time:\t{time} EDT\r\nVersion  :\tMMPR 1\r\nModel    :\tHTS\r\n{legend}"
)
LEGEND = "Spot     :\t   <>\r\nLegend   :\t<1>   <>\r\n\t<3>\r\nSpotID   :\tall\r\n"


def plate(*lines: str, code: str = "C1", legend: str = "", time: str = "09/18/2023 13:39:33", **more: str) -> str:
    fields = FIELDS.format(**{"type": "", "spots": "1", "tab": "\\t", **more}, code=code, legend=legend, time=time)
    grid = "".join(f"{line}\r\n" for line in lines)
    tail = "==Processing==\r\nRadius   :\t1\t2\r\n\r\n==Statistics==\r\nAverage  :\t5\r\n"
    return f"{fields}\r\n==========Data=========\r\n  \t1  \t2  \t\r\n{grid}\r\n{tail}\r\n"


def test_a_plate_of_methodical_mind() -> None:
    run = read(plate("A \t 12 \t 13", "B \t 1 \t \t").encode())
    assert values(run, "Signal", "spot 1") == [
        ("12", "12", None),
        ("13", "13", None),
        ("1", "1", None),
        ("", None, "not_reported"),
    ]
    assert [well.location for well in run.wells] == ["A1", "A2", "B1", "B2"]
    head = run.run
    assert (head.batch, head.instrument, head.started_at) == ("C1", "MSD HTS", "2023-09-18T13:39:33")
    assert facts(run, "Processing: Radius") == ["1 2"]


def test_lines_without_a_letter_are_further_spots() -> None:
    lines = ("A \t10\t11\t", " \t  \t  \t", " \t30\t31\t", "", "B \t10\t11\t", " \t  \t \t")
    run = read(plate(*lines, legend=LEGEND, spots="3").encode())
    assert [(r.location, r.analyte, r.raw) for r in run.readings][:4] == [
        ("A1", "spot 1", "10"),
        ("A2", "spot 1", "11"),
        ("A1", "spot 3", "30"),
        ("A2", "spot 3", "31"),
    ]
    assert facts(run, "Legend") == ["1", "3"]
    assert "row A: 2 spots in each well, the file declares 3" in run.notes
    assert "fewer spots than in row A: B" in run.notes


@pytest.mark.parametrize(("codes", "names"), [(("C1", "C2"), ["C1", "C2"]), (("C1", "C1"), ["1", "2"])])
def test_several_plates_in_a_file(codes: tuple[str, str], names: list[str]) -> None:
    run = read("".join(plate("A\t1\t2", code=code, time="08/09/2023") for code in codes).encode())
    assert list(dict.fromkeys(well.plate for well in run.wells)) == names
    assert run.run.header["Barcode1 (2)"] == f"<*{codes[1]}*>"
    assert any("is left as text" in note for note in run.notes)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (text([COLUMNS]), "the table has no rows"),
        (text([COLUMNS, FIRST[:5]]), "the row is too short"),
        (text([COLUMNS, ("S", "A", "plate", *FIRST[3:])]), "the row names no well"),
        (text([COLUMNS, (*FIRST[:5], "x", *FIRST[6:])]), "the dilution cannot be read"),
        (text([COLUMNS, FIRST, ('"open',)]), "cannot be split into cells"),
        (b"Stack ID :\t1\r\nDet Param :\t2\r\n", "there is no plate"),
        (plate("1\t2\t3").encode(), "the line begins with no row of the plate"),
        (plate(" \t2\t3\t").encode(), "the line belongs to no row of the plate"),
        (plate("A\t2").encode(), "the line has 1 wells"),
        (plate("A\t2\t3", type="96").encode(), "the grid has 1 rows of wells"),
        (plate("A\t2\t3").replace("  \t1  \t", "  \tx  \t").encode(), "the grid has no such well"),
    ],
)
def test_what_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(content)


def test_recognition() -> None:
    def verdict(content: bytes) -> Verdict:
        return IMPORTER.sniff(SourceFile("x", content).head).verdict

    assert verdict(text([COLUMNS, FIRST], "\t")) is Verdict.YES
    assert verdict(plate("A\t1\t2").encode()) is Verdict.YES
    assert verdict(b"Well,b\n") is Verdict.NO
    assert verdict(b"a,b\n") is Verdict.NO
