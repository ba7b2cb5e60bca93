"""Rack scans of every layout, made up from what the makers and their users published, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_importers import sandbox, worker
from assay_importers.command import run_parse
from assay_importers.contract import ParsedRun, Run, Verdict
from assay_importers.corpus import check_rack, evaluate
from assay_importers.errors import FaultyFile, FileTooLarge, ImporterError, ParseCrashed
from assay_importers.racks import RackCell, RackScan, read_rack, recognise_rack
from assay_importers.racks.codes import read_codes
from assay_importers.racks.layouts import LAYOUTS
from assay_importers.racks.layouts.base import named
from assay_importers.racks.positions import name, rack_for, read_column, read_position, read_row
from assay_importers.racks.table import MAX_BYTES, MAX_ROWS, Line, Table
from assay_importers.racks.words import NO_READ, NO_TUBE, missing

PLACES_96 = [(row, col) for row in range(8) for col in range(12)]


def code(row: int, col: int) -> str:
    return f"FD{row:02}{col:02}4711"


def rows(*lines: Sequence[str] | str, end: str = "\n", mark: str = ",") -> bytes:
    return end.join(line if isinstance(line, str) else mark.join(line) for line in lines).encode()


def scanned(data: bytes, file: str = "scan.csv") -> dict[str, str]:
    """What stands where, codes and states alike."""
    return {name((cell.row, cell.col)): cell.code or cell.state for cell in read_rack(file, data).cells}


def book(table: Iterable[Iterable[Any]], formats: dict[str, str] | None = None, sheets: int = 1) -> bytes:
    workbook = openpyxl.Workbook()
    for number in range(sheets):
        sheet = workbook.active if number == 0 else workbook.create_sheet()
        for row in table:
            sheet.append(list(row))
        for cell, number_format in (formats or {}).items():
            sheet[cell].number_format = number_format
    kept = io.BytesIO()
    workbook.save(kept)
    return kept.getvalue()


FLUIDX = rows(
    "Rack ID,container1,,",
    "Tube Count,2,,",
    "Rack ID,Well,2D Barcode, ",
    "container1,A1,FD06299917,",
    "container1,A2,NO TUBE,",
    "container1,A3,FD06299918,",
    "container1,B1,NO READ,",
)
VISIONMATE = rows(
    ("Date", "Time", "LocationCell", "LocationColumn", "LocationRow", "TubeCode", "RackID"),
    ("20230627", "09:26:10", "A1", "1", "A", "0363132553", "plate_1"),
    ("20230627", "09:26:10", "A2", "2", "A", "No Tube", "plate_1"),
    ("20230627", "09:26:10", "B1", "1", "B", "No Read", "plate_1"),
    mark="\t",
)
TRAXCER = rows(
    "plate_label: SEVI TEST PLATE",
    "Position,Tube ID,Status,Error Count,Rack ID,Date",
    "A01,4051125822,OK,0,SEVI TEST PLATE,20211206",
    "A02,,No Tube,0,SEVI TEST PLATE,20211206",
    "A03,,No Code,0,SEVI TEST PLATE,20211206",
    end="\r\n",
)
TRAKMATE = rows(
    "Date & time of Trace = 23 Aug 2012 01:42:01 PM",
    "Rack Base Name: 02498606",
    "  A01;    1034998087",
    "  A02;    No TrakMate",
)
SAMPLESCAN = rows("SR0001,A01,0234,1", "SR0001,A02,,0", "SR0001,B01,NOREAD,2")
MICRONIC = rows(
    "Micronic Code Reader;1.8",
    "Scanner;DR505",
    "Rack Barcode;Row;Column;Tube Barcode",
    "MR1;A;1;7000000001",
    "MR1;B;12;NOREAD",
)
ZIATH = rows(
    "Ziath DataPaq 3.14",
    "Date,2026-03-01T10:11:12+01:00",
    "Position,Barcode",
    "A1,HA0012",
    "H12,EMPTY",
)


@pytest.mark.parametrize(
    ("layout", "data", "expected", "facts"),
    [
        (
            "fluidx",
            FLUIDX,
            {"A1": "FD06299917", "A2": "no_tube", "A3": "FD06299918", "B1": "no_read"},
            {"rack_code": "container1", "header": {"Rack ID": "container1", "Tube Count": "2"}, "unread": ()},
        ),
        (
            "fluidx",
            rows("FluidX XTR-96", "Well,Barcode", "A1,X12345"),
            {"A1": "X12345"},
            {"unread": ("line 1: FluidX XTR-96",), "rack_code": None},
        ),
        (
            "visionmate",
            VISIONMATE,
            {"A1": "0363132553", "A2": "no_tube", "B1": "no_read"},
            {"rack_code": "plate_1", "scanned_at": "20230627 09:26:10", "unread": ()},
        ),
        (
            "visionmate",
            rows("LocationRow,LocationColumn,TubeCode", "A,01,4051125822", "P,24,4051125782"),
            {"A1": "4051125822", "P24": "4051125782"},
            {"rows": 16, "cols": 24, "rack_code": None, "scanned_at": None},
        ),
        (
            "traxcer",
            TRAXCER,
            {"A1": "4051125822", "A2": "no_tube", "A3": "no_read"},
            {
                "rack_code": "SEVI TEST PLATE",
                "scanned_at": "20211206",
                "header": {"plate_label": "SEVI TEST PLATE"},
                "unread": ("line 2: column Error Count (3 cells)",),
            },
        ),
        (
            "trakmate",
            TRAKMATE,
            {"A1": "1034998087", "A2": "no_tube"},
            {"rack_code": "02498606", "scanned_at": "23 Aug 2012 01:42:01 PM"},
        ),
        (
            "samplescan",
            SAMPLESCAN,
            {"A1": "0234", "A2": "no_tube", "B1": "no_read"},
            {"rack_code": "SR0001", "unread": ("line 1: column 4 (3 cells)",)},
        ),
        (
            "samplescan",
            rows("Tube Rack ID,Tube Position,Tube 2D Barcode,Status Code", "R1,A01,00123,0"),
            {"A1": "00123"},
            {"rack_code": "R1"},
        ),
        (
            "micronic",
            MICRONIC,
            {"A1": "7000000001", "B12": "no_read"},
            {"rack_code": "MR1", "scanner": "DR505", "header": {"Micronic Code Reader": "1.8", "Scanner": "DR505"}},
        ),
        (
            "ziath",
            ZIATH,
            {"A1": "HA0012", "H12": "no_tube"},
            {"scanned_at": "2026-03-01T10:11:12+01:00", "unread": ("line 1: Ziath DataPaq 3.14",)},
        ),
        (
            "plain",
            rows("Well,Barcode,Scanner,Rack ID", "A1,T0001,S1,R7", "A2,T0002,S1,", "Rack ID,R7"),
            {"A1": "T0001", "A2": "T0002"},
            {"rack_code": "R7", "scanner": "S1"},
        ),
        ("plain", rows("A,1,T00012", "B,2,T00013"), {"A1": "T00012", "B2": "T00013"}, {"rack_code": None}),
        ("plain", rows("T00012,A1", "T00013,A2"), {"A1": "T00012", "A2": "T00013"}, {}),
        ("plain", rows("X1,A1,T00012,OK", "X2,A2,,NO READ"), {"A1": "T00012", "A2": "no_read"}, {"rack_code": None}),
        ("plain", rows("A01  T00012", "A02  NO READ"), {"A1": "T00012", "A2": "no_read"}, {}),
        ("plain", rows("sep=;", "A1;T00012;weight 2"), {"A1": "T00012"}, {"unread": ("line 2: column 3 (1 cells)",)}),
        ("plain", rows('A1,="00123"', "", "A2,'00124"), {"A1": "00123", "A2": "'00124"}, {}),
        (
            "plain",
            "\ufeffFX1,A1,AB10000001\r\n\ufeffFX1,B1,AB10000002".encode(),
            {"A1": "AB10000001", "B1": "AB10000002"},
            {"rack_code": "FX1"},
        ),
        ("plain", rows("A1,T00012").decode().encode("utf-16"), {"A1": "T00012"}, {}),
    ],
)
def test_every_layout_is_read(layout: str, data: bytes, expected: dict[str, str], facts: dict[str, Any]) -> None:
    scan = read_rack("scan.csv", data)
    assert (scan.layout, scanned(data)) == (layout, expected)
    assert scan.model_dump() | facts == scan.model_dump()
    assert RackScan.model_validate_json(scan.model_dump_json()) == scan, "the JSON holds everything"
    assert recognise_rack("x", data).verdict is (
        Verdict.MAYBE if layout == "plain" and b"'00124" in data else Verdict.YES
    )


def grid(framed: bool, size: tuple[int, int] = (8, 12)) -> list[list[str]]:
    cells = [[code(row, col) for col in range(size[1])] for row in range(size[0])]
    if not framed:
        return cells
    return [["", *(str(col + 1) for col in range(size[1]))], *([name((row, 0))[0], *cells[row]] for row in range(8))]


def test_a_rack_drawn_as_a_grid_is_read() -> None:
    expected = {name(place): code(*place) for place in PLACES_96}
    framed = grid(True)
    for data in (rows(*framed), book(framed), rows(*grid(False)), rows(*grid(False), mark="\t")):
        scan = read_rack("grid", data)
        assert (scan.layout, scan.rows, scan.cols, scanned(data)) == ("matrix", 8, 12, expected)
        assert recognise_rack("grid", data).verdict is Verdict.YES
    assert "its first cell was taken for A1" in scan.notes[0]
    framed[3][4] = "NO READ"
    framed[0][0], framed[2] = "", [*framed[2], "", "beside"]
    scan = read_rack("grid", rows("Rack of Tuesday", *framed, "end"))
    assert scan.unread == ("line 1: Rack of Tuesday", "line 11: end", "line 4: column 15: beside")
    assert scan.cells[2 * 12 + 3].state == "no_read"


def test_a_grid_that_may_be_something_else_is_left_to_the_person() -> None:
    for texts in (
        ["sample12", "control"] * 6,
        ["12.5"] * 12,
        ["NO READ"] * 12,
        [f"1{n:04}"[: 4 + n % 2] for n in range(12)],
    ):
        drawn = [["", *map(str, range(1, 13))], *([letter, *texts] for letter in "ABCDEFGH")]
        assert recognise_rack("layout", rows(*drawn)).verdict is Verdict.MAYBE
        assert read_rack("layout", rows(*drawn)).layout == "matrix"
    for other in (grid(False)[:7], [row[:11] for row in grid(False)]):
        assert recognise_rack("other", rows(*other)).verdict is Verdict.NO


def test_workbooks_keep_their_codes_or_are_refused() -> None:
    listed = [["Position", "Barcode"], ["A1", "0012345678"], ["A2", 12345679], ["A3", 12345680.0], ["A4", None]]
    data = book(listed, {"B3": "0000000000"})
    assert scanned(data) == {"A1": "0012345678", "A2": "0012345679", "A3": "12345680", "A4": "no_tube"}
    assert "2 codes are numbers in the workbook" in "".join(read_rack("x.xlsx", data).notes)
    for value, said in ((1.5, "lost digits"), (10**15, "lost digits"), (date(2026, 3, 1), "into a date")):
        with pytest.raises(FaultyFile, match=said) as caught:
            read_rack("x.xlsx", book([["Position", "Barcode"], ["A1", value]]))
        assert (caught.value.line, caught.value.column) in {(2, "2"), (2, "Barcode")}
    with pytest.raises(FaultyFile, match="2 sheets"):
        read_rack("x.xlsx", book(listed, sheets=2))
    with pytest.raises(FaultyFile, match="cannot be read"):
        read_rack("x.xlsx", data[:-200])
    with pytest.raises(FaultyFile, match="far larger"):
        read_rack("x.xlsx", book([["x"] * 80]))


def test_a_workbook_that_unpacks_to_a_flood_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_importers.racks.table._MAX_UNPACKED", 10)
    with pytest.raises(FaultyFile, match="unpacks to far more"):
        read_rack("x.xlsx", book([["A1", "T1"]]))


@pytest.mark.parametrize(
    ("data", "line", "column", "said"),
    [
        (rows("Well,Barcode", "A1,T1", "Q1,T2"), 3, "Well", "no position of a rack"),
        (rows("Well,Barcode", "A1,T1", "A25,T2"), 3, "Well", "no position of a rack"),
        (rows("Well,Barcode", "1,T1"), 2, "Well", "counted along rows or along columns"),
        (rows("Row,Column,Barcode", "A,1,T1", "1,A,T2"), 3, "Row", "no position of a rack"),
        (rows("Well,Barcode", "A1,T1", "A01,T2"), 3, None, "twice, first at line 2"),
        (rows("Well,Barcode", "A1,1.23E+11"), 2, "Barcode", "shortened the code"),
        (rows("Well,Barcode", "A1,two words"), 2, "Barcode", "no word known"),
        (rows("Well,Barcode", f"A1,{'9' * 65}"), 2, "Barcode", "1 to 64 printable"),
        (rows("Well,Barcode", "A1,a\x07b"), 2, "Barcode", "1 to 64 printable"),
        (rows("Well,Tube ID,Status", "A1,T1,No Tube"), 2, "Status", "says that it read none"),
        (rows("Well,Barcode,Rack ID", "A1,T1,R1", "A2,T2,R2"), 3, "Rack ID", "goes on with another"),
        (rows("Well,Barcode", "A1,T1", "Date of birth,now"), 3, "Well", "no position of a rack"),
        (rows(*(f"A{col},T000{col:02}" for col in range(1, 13)), "Z9,T00099"), 13, "1", "no position of a rack"),
        (rows("Well,Barcode"), None, None, "no positions"),
        (rows("Date & time of Trace = 1 Jan 2020", "Rack Base Name: 1"), 2, None, "no positions"),
        (rows("Date & time of Trace = 1 Jan 2020", "Rack Base Name: "), 2, None, "says nothing"),
        (rows("hello", "world"), 1, None, "no layout of a rack scan"),
        (rows("Well,Barcode,Dilution", "A1,T1,2"), 1, None, "no layout of a rack scan"),
        (rows('A1,"T1'), 1, None, "cannot be split"),
        (b"\n \n", None, None, "empty"),
        (b"", None, None, "is empty"),
        (b"A1,T1\0", None, None, "not text"),
        (rows(*["x,y"] * (MAX_ROWS + 1)), MAX_ROWS + 1, None, "more than"),
        (rows(["x"] * 65), None, None, "65 columns"),
    ],
)
def test_what_cannot_be_read_names_its_place(data: bytes, line: int | None, column: str | None, said: str) -> None:
    with pytest.raises(FaultyFile, match=said) as caught:
        read_rack("scan.csv", data)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert recognise_rack("scan.csv", data).reason


def test_size_is_bounded() -> None:
    flood = b"A1,T1\n" * (MAX_BYTES // 6 + 1)
    with pytest.raises(FileTooLarge):
        read_rack("flood", flood)
    with pytest.raises(FileTooLarge):
        read_table_of(flood)
    assert recognise_rack("flood", flood).verdict is Verdict.NO


def read_table_of(data: bytes) -> Table:
    from assay_importers.racks.table import read_table

    return read_table(data)


def test_recognition_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: bytes) -> Table:
        raise RuntimeError

    monkeypatch.setattr("assay_importers.racks.reading.read_table", broken)
    assert "RuntimeError" in recognise_rack("x", b"x").reason


def test_what_a_person_should_know_is_noted() -> None:
    scan = read_rack(
        "scan.csv",
        rows(
            "Tube Count,9,,",
            "Rack ID,Well,2D Barcode",
            *(f"R,A{col},00{col}45678" for col in range(1, 9)),
            "R,B1,345678",
            "R,B2,",
            "R,B3,00045678",
            "R,B4,00045678",
        ),
    )
    assert [found.model_dump() for found in scan.duplicates] == [{"code": "00045678", "positions": ("B3", "B4")}]
    assert list(scan.notes) == [
        "00045678 was read at B3 and B4",
        "the file lists 12 of the 48 positions of the smallest rack that holds them",
        "1 positions are blank and were taken for positions without a tube: B2 first",
        "the file says 9 tubes and has the codes of 11",
        "codes shorter than the 8 characters of the others, which may have lost their beginning: B1 345678",
    ]
    assert read_rack("x", rows(*(f"A{n},T000{n}" for n in range(1, 6)), "B1,T001")).notes[-1].endswith("B1 T001")
    assert "shorter" not in "".join(read_rack("x", rows("A1,T0001", "A2,T001", "A3,T0", "A4,TT")).notes)


@pytest.mark.parametrize(
    "word", [*NO_TUBE, *NO_READ, "NO_READ", "No-Tube", "NoRead", "[Empty]", "\uff2e\uff2f \uff32\uff25\uff21\uff24"]
)
def test_the_words_for_a_missing_code_are_known_in_any_writing(word: str) -> None:
    for written in (word, word.upper(), word.title(), f"  {word} "):
        assert missing(written) == missing(word) in {"no_tube", "no_read"}
    assert missing("FR03251632") is None


def test_positions_and_racks() -> None:
    assert [read_position(text) for text in ("A1", " h-12", "p24", "A:01", "Q1", "A25", "A0", "11", "")] == [
        (0, 0),
        (7, 11),
        (15, 23),
        (0, 0),
        *[None] * 5,
    ]
    assert [read_row(text) for text in ("A", "p", "2", "Q", "99", "0", "A1", "")] == [0, 15, 1, *[None] * 5]
    assert [read_column(text) for text in ("1", "24", "25", "x", "1000", "²")] == [0, 23, *[None] * 4]
    every = {
        size: [(row, col) for row in range(size[0]) for col in range(size[1])] for size in ((4, 6), (9, 9), (5, 5))
    }
    assert {size: rack_for(places) for size, places in every.items()} == {size: size for size in every}
    assert rack_for([(0, 0)]) == (4, 6)
    assert rack_for([(5, 7)]) == (6, 8)
    assert rack_for([(8, 8)]) == (9, 9)
    assert rack_for([(9, 0)]) == (10, 10)
    assert rack_for([(15, 0)]) == (16, 24)


def test_a_cell_has_a_code_or_says_why_not() -> None:
    with pytest.raises(ValueError, match="exactly when"):
        RackCell(row=0, col=0, position="A1", state="code", code=None, raw="", line=1)


def test_layouts_are_told_apart_and_described() -> None:
    assert len({layout.key for layout in LAYOUTS}) == len(LAYOUTS)
    page = (Path(__file__).parents[2] / "docs" / "importers" / "rack_scan.md").read_text(encoding="utf-8")
    for layout in LAYOUTS:
        assert f"`{layout.key}`" in page
        assert layout.title in page
    with pytest.raises(LookupError):
        named(Table((Line(1, ("x",)),)))


def test_parse_prints_a_rack(tmp_path: Path) -> None:
    (tmp_path / "scan.csv").write_bytes(TRAXCER)
    (tmp_path / "grid.csv").write_bytes(rows(*grid(True)))
    (tmp_path / "other.csv").write_bytes(b"hello")
    out, err = io.StringIO(), io.StringIO()
    assert run_parse([tmp_path / "scan.csv"], format_key=None, as_json=True, out=out, err=err) == 0
    assert RackScan.model_validate_json(out.getvalue()) == read_rack("scan.csv", TRAXCER)
    out = io.StringIO()
    assert run_parse([tmp_path / "scan.csv"], format_key=None, as_json=False, out=out, err=err) == 0
    assert [line.rstrip() for line in out.getvalue().splitlines()[:3]] == [
        "format         rack_scan, layout traxcer (version 1)",
        "rack           SEVI TEST PLATE",
        "scanned        20211206",
    ]
    assert "A  4051125822 NO TUBE    NO READ" in out.getvalue()
    assert run_parse([tmp_path / "grid.csv"], format_key="rack_scan", as_json=True, out=io.StringIO(), err=err) == 0
    assert run_parse([tmp_path / "other.csv"], format_key=None, as_json=True, out=io.StringIO(), err=err) == 2
    assert "rack_scan: NO (line 1: no layout" in err.getvalue()
    wanted = ({"reading": ("A1", "x")}, {"features": tmp_path / "f.parquet"}, {"against": tmp_path / "scan.csv"})
    for asked, problem in zip(wanted, ("holds no readings", "holds no matrix", "not compared"), strict=True):
        err = io.StringIO()
        assert run_parse([tmp_path / "scan.csv"], **asked, out=io.StringIO(), err=err) == 3
        assert problem in err.getvalue()


def served(content: bytes, kind: str) -> dict[str, Any]:
    files = [{"name": "f", "size": len(content)}]
    limits = {"cpu_seconds": 1, "memory_bytes": 1}
    request = {"files": files, "format": None, "kind": kind, "matrix": False, **limits}
    replies = io.BytesIO()
    worker.serve(io.BytesIO(json.dumps(request).encode() + b"\n" + content), replies, None)
    return dict(json.loads(replies.getvalue()))


def test_the_worker_gives_a_rack_where_one_is_asked_for_or_nothing_else_claims_the_file() -> None:
    for kind in ("rack", "any"):
        assert RackScan.model_validate(served(FLUIDX, kind)["rack"], strict=False) == read_rack("f", FLUIDX)
    assert served(FLUIDX, "run")["error"]["kind"] == "no_importer"
    assert served(b"hello", "any")["error"]["details"]["candidates"][-1]["format"] == "rack_scan"
    assert served(b"hello", "rack")["error"]["kind"] == "faulty_file"


async def test_a_rack_is_read_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await sandbox.read_rack_async(FLUIDX, "f") == read_rack("f", FLUIDX)

    async def run(*_: object) -> ParsedRun:
        return ParsedRun(format="f", importer_version="1", run=Run())

    monkeypatch.setattr(sandbox, "_work_async", run)
    with pytest.raises(ParseCrashed, match="asked for a rack"):
        await sandbox.read_rack_async(FLUIDX, "f")
    monkeypatch.setattr(sandbox, "_work", lambda *_: read_rack("f", FLUIDX))
    with pytest.raises(ParseCrashed, match="asked for a run"):
        sandbox.parse_bytes(FLUIDX, "f")


def test_the_real_racks_hold_their_facts_and_nothing_else_is_taken_for_one(
    data: Path, manifest: list[dict[str, Any]]
) -> None:
    report = evaluate(data, {"rack_scan"})
    assert [line for found in report.formats for line in found.failures + found.unread] == []
    assert report.ok
    assert report.passed == report.checks == 15
    taken = [
        entry["path"]
        for entry in manifest
        if recognise_rack("x", (data / entry["path"]).read_bytes()).verdict is Verdict.YES
    ]
    assert taken == [entry["path"] for entry in manifest if entry["format"] == "rack_scan"]


def test_facts_that_do_not_hold_are_told() -> None:
    facts = [
        {"sample": "A1", "analyte": "*", "field": "barcode", "expected": "FD06299918"},
        {"sample": "A2", "analyte": "*", "field": "barcode", "expected": "NO TUBE"},
        {"sample": "*", "analyte": "*", "field": "layout", "expected": "fluidx"},
        {"sample": "*", "analyte": "*", "field": "n_tubes", "expected": 2},
        {"sample": "*", "analyte": "*", "field": "expected", "expected": "duplicate barcode must be reported"},
    ]
    assert [failure.partition(":")[0] for failure in check_rack(read_rack("x", FLUIDX), facts)] == [
        "A1, *, barcode",
        "*, *, expected",
    ]


SAMPLES = [FLUIDX, VISIONMATE, TRAXCER, TRAKMATE, SAMPLESCAN, MICRONIC, ZIATH, rows(*grid(True)), rows(*grid(False))]


def test_files_that_were_cut_raise_importer_errors_only() -> None:
    for sample in [*SAMPLES, book(grid(True))]:
        for part in range(25):
            cut = sample[: len(sample) * part // 25]
            try:
                read_rack("cut", cut)
            except ImporterError as error:
                assert error.exit_status == 3  # noqa: PT017 - a cut that leaves the file readable is no failure


@settings(deadline=None)
@given(st.data())
def test_mutated_files_raise_importer_errors_only(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from([*SAMPLES, BOOK]))
    for _ in range(data.draw(st.integers(1, 4))):
        at, gone = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 60))
        content = content[:at] + data.draw(st.binary(max_size=12)) + content[at + gone :]
    recognise_rack("mutated", content)
    try:
        scan = read_rack("mutated", content)
    except ImporterError as error:
        assert json.dumps(error.as_dict())  # noqa: PT017 - the rest leaves the file readable
    else:
        assert len({(cell.row, cell.col) for cell in scan.cells}) == len(scan.cells)
        assert all(cell.row < scan.rows and cell.col < scan.cols for cell in scan.cells)


BOOK = book([["Position", "Barcode"], ["A1", "0012345678"], ["B2", "NO READ"]])


def test_a_list_of_codes_names_every_line_that_cannot_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = read_codes(
        "codes.xlsx", book([["Barcode"], ["0012"], [date(2026, 3, 1)], ["0012"], ["NO TUBE"], ["0013"]])
    )
    assert [(one.line, one.code) for one in listed.codes] == [(2, "0012"), (6, "0013")]
    assert [(one.line, one.problem) for one in listed.bad] == [
        (3, "a spreadsheet turned the code of column 1 into a date"),
        (4, "stands in line 2 already"),
    ]
    assert [one.code for one in read_codes("codes.txt", b"0012\n0013").codes] == ["0012", "0013"]
    monkeypatch.setattr("assay_importers.racks.codes.MOST_CODES", 1)
    with pytest.raises(FaultyFile, match="has 2 codes"):
        read_codes("codes.txt", b"0012\n0013")
