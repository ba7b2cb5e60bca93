"""Files of other laboratories, instruments and versions, made up: one for each way in which they differ."""

from __future__ import annotations

from datetime import datetime

import pytest

from assay_importers.contract import Head, Importer, SourceFile, Verdict
from assay_importers.dates import read_moment
from assay_importers.errors import FaultyFile
from assay_importers.formats.bmg import Bmg
from assay_importers.formats.cell_count import CellCount
from assay_importers.formats.cfx import Cfx
from assay_importers.formats.elispot import Elispot
from assay_importers.formats.envision import Envision
from assay_importers.formats.expression_matrix import ExpressionMatrix
from assay_importers.formats.gen5 import Gen5
from assay_importers.formats.immunoassay_analyzer import ImmunoassayAnalyzer
from assay_importers.formats.lightcycler import Lightcycler
from assay_importers.formats.luminex_intelliflex import LuminexIntelliflex
from assay_importers.formats.luminex_xponent import LuminexXponent
from assay_importers.formats.nanodrop import Nanodrop
from assay_importers.formats.quantstudio import Quantstudio
from assay_importers.formats.tecan_magellan import TecanMagellan
from assay_importers.lookup import find
from assay_importers.peek import peek
from tests.importers.reading import cells, facts, parse, raw, verdict, workbook

LIGHTCYCLER_96 = (
    "Color\tPosition\tSample Name\tGene Name\tCq\tConcentration\tSample Type\tCq Mean\n"
    "-16711936\tA1\tP-1\tACTB\t20.15\t1.00E3\tUnknown\t20.2\n-16711936\tA2\tNTC\tACTB\t-\t-\tNegative control\t-\n"
)
DESIGN = (
    "# Block Type: 96-Well 0.2-mL Block\n# Instrument Type: QuantStudio 3\n\n"
    "Well,Well Position,Sample,Target,Task,Reporter,Amp Score,Cq\n"
    "1,A1,P-1,N1,UNKNOWN,FAM,1.2,21.31\n2,A2,P-2,N1,UNKNOWN,FAM,0,UNDETERMINED\n"
)


@pytest.mark.parametrize(
    ("importer", "text"), [(Lightcycler(), LIGHTCYCLER_96), (Quantstudio(), DESIGN)], ids=["lightcycler", "quantstudio"]
)
def test_a_table_of_wells_with_genes_is_no_table_of_genes_by_samples(importer: Importer, text: str) -> None:
    assert verdict(importer, text) is Verdict.YES
    assert verdict(ExpressionMatrix(), text) is not Verdict.YES


def test_a_carousel_of_capillaries_has_numbers_for_wells() -> None:
    text = "Inc,Pos,Name,Type,CP,Concentration\n1,1,C1,Standard,18.20,1.00E+05\n1,12,NTC,Negative control,,\n"
    run = parse(Lightcycler(), text)
    assert [(well.location, well.role) for well in run.wells] == [("1", "standard"), ("12", "control")]
    assert raw(run, "CP", "1") == ["18.20"]
    with pytest.raises(FaultyFile, match="this is no well"):
        parse(Lightcycler(), text.replace("1,12,", "1,Z,"))


@pytest.mark.parametrize(
    ("columns", "row", "quantity"),
    [
        ("End RFU,Call", "1234.5,(+) Positive", "End RFU"),
        ("Melt Temperature,Peak Height", "84.5,120", "Melt Temperature"),
    ],
)
def test_cfx_end_points_and_melt_peaks(columns: str, row: str, quantity: str) -> None:
    text = f",Well,Fluor,Target,Content,Sample,{columns}\n,A01,FAM,N1,Unkn-1,P-1,{row}\n"
    assert verdict(Cfx(), text) is Verdict.YES
    assert raw(parse(Cfx(), text), quantity) == [row.partition(",")[0]]


def test_quantstudio_lines_without_their_mark() -> None:
    text = (
        '"Block Type","96-Well"\n"Instrument Type","StepOnePlus"\n\n'
        '"Well","Sample Name","Target Name","Task","Cт"\n"A1","P-1","N1","UNKNOWN","21,3"\n'
    )
    assert verdict(Quantstudio(), text) is Verdict.YES
    run = parse(Quantstudio(), text)
    assert (run.run.instrument, raw(run, "Cт")) == ("StepOnePlus", ["21,3"])
    assert verdict(Quantstudio(), '"Block Type","96-Well"\nno table\n') is Verdict.NO


def test_a_plate_of_1536_wells_with_small_letters_behind_z() -> None:
    letters = [*map(chr, range(65, 91)), *"abcdef"]
    numbers = range(1, 49)
    rows = "".join(f"{letter},{','.join(str(100 * row + n) for n in numbers)}\n" for row, letter in enumerate(letters))
    pad = "," * 40
    text = (
        f"User: USER,Path: C:\\BMG\\CLARIOstar\\User\\Data,Test run no.: 412{pad}\n"
        f"Test name: Elisa,Date: 10/16/2024,Time: 3:09:52 PM{pad}\n{pad}\n"
        f"ID1: 92A_4,ID2:,ID3:{pad}\nLuminescence{pad}\n"
        f"{pad}\nRaw Data (No filter){pad}\n{pad}\n,{','.join(map(str, numbers))}\n{rows}"
    )
    run = parse(Bmg(), text)
    assert len(run.wells) == 1536
    assert (raw(run, "Raw Data (No filter)"), raw(run, "Raw Data (No filter)", "AA1")) == (["1"], ["2601"])
    assert raw(run, "Raw Data (No filter)", "AF48") == ["3148"]
    assert {well.plate for well in run.wells} == {"92A_4"}
    assert (run.run.header["ID2"], run.notes) == ("", ())


def test_envision_plates_without_their_title() -> None:
    head = "Plate,Repeat,Barcode,Group,Label,Measurement date,\n"
    grid = ",01,02,\nA,{}1,{}2,\nB,{}3,{}4,\n\n"
    text = (
        f"Plate information \n{head}1,1,,1,First(1),7/20/2023 2:10:15 PM,\n\nResults for First(1)\n"
        + grid.replace("{}", "1")
        + f"{head}2,1,,1,First(1),7/20/2023 2:20:15 PM,\n\nResults for First(1)\n"
        + grid.replace("{}", "2")
        + "Exported with EnVision Workstation version 1.14\n"
    )
    run = parse(Envision(), text)
    assert [raw(run, "Results for First(1)", "B1", plate) for plate in "12"] == [["13"], ["23"]]


TABS = "\t" * 20
RULE = f"\t{'_' * 30}{TABS}\n{TABS}\n"
IMMUNOSPOT = (
    f"Software version: ImmunoSpot 7.0.38.8{TABS}\n"
    f"Counted: Thu Feb 15 16:39:42 2024; Authenticated user: 'LAB\\me'{TABS}\n"
    f"Analyzer Serial number: S6-00-1; Computer name: PC{TABS}\n"
    f"D:\\Plates\\Plate 7\\counted\\Plate 7.xls{TABS}\n{TABS}\n"
    f"Assay: 1\t\t\tEdge Compensation Level: 1.0{TABS}\nOversized Spots were Estimated{TABS}\n{TABS}\n"
    f"\tAssay Layout{TABS}\n{TABS}\n\t1\t2{TABS}\n{RULE}A\t1\t1{TABS}\nB\t1\t{TABS}\n{RULE}"
    f"\tSpot Counts\t\t\t\tMean spot sizes (1E-3 Sq.mm){TABS}\n{TABS}\n\t1\t2\t\t\t1\t2{TABS}\n{RULE}"
    f"A\t4\t-2\t\tA\t10.07\t0.5{TABS}\nB\tTNTC\t-3\t\tB\t-1\t2.5{TABS}\n{RULE}"
    f"\t-1 = Well is not counted\t\t-2 = Off scale well{TABS}\n{TABS}\n\t\t\tHistogram Distribution{TABS}\n"
    f"\t\t-5\t-4\n\t\t___\n{TABS}\nA1\t4\t0\t3\nA2\t0\t0\t0\n"
)


def test_immunospot_draws_several_plates_side_by_side() -> None:
    assert verdict(Elispot(), IMMUNOSPOT) is Verdict.YES
    run = parse(Elispot(), IMMUNOSPOT)
    assert [(r.raw, r.value, r.flag) for r in run.readings if r.quantity == "Spot Counts"] == [
        ("4", 4, None),
        ("-2", None, "above_range"),
        ("TNTC", None, "above_range"),
        ("-3", None, "masked"),
    ]
    sizes = [r for r in run.readings if r.quantity.startswith("Mean")]
    assert [(r.location, r.raw, r.unit, r.flag) for r in sizes] == [
        ("A1", "10.07", "1E-3 Sq.mm", None),
        ("A2", "0.5", "1E-3 Sq.mm", None),
        ("B1", "-1", "1E-3 Sq.mm", "not_reported"),
        ("B2", "2.5", "1E-3 Sq.mm", None),
    ]
    assert facts(run, "Assay Layout", "A1") == ["1"]
    assert {(well.plate, well.sample, well.role) for well in run.wells} == {("Plate 7", None, "unknown")}
    assert (run.run.batch, run.run.operator, run.run.serial_number) == ("Plate 7", "LAB\\me", "S6-00-1")
    assert (run.run.software, run.run.started_at) == ("ImmunoSpot 7.0.38.8", "2024-02-15T16:39:42")
    assert run.run.header["Edge Compensation Level"] == "1.0"
    assert "-2 = Off scale well" in run.run.header["Text"].splitlines()
    assert run.unread == ("line 33: 2 rows of a histogram",)


def test_immunospot_with_the_code_of_a_plate() -> None:
    text = (
        "Software version: ImmunoSpot 7.0.30.4\n\nUnprocessed Data\n\n\tPlate Code = AB 12\n\t1\t2\n\t___\n"
        "A\t1\t2\n\nA1\tno\n\t1\t2\n\t1\t2\nX\t1\n"
    )
    run = parse(Elispot(), text)
    assert raw(run, "Spot Count", "A2", "AB 12") == ["2"]
    assert len(run.readings) == 2
    with pytest.raises(FaultyFile, match="there are no spots"):
        parse(Elispot(), text.partition("\tPlate")[0])
    bare = parse(Elispot(), "a\tImmunoSpot 7.0.1\n\n\n\n\n\t1\t2\nA\t5\t6\n")
    assert raw(bare, "Spot Count") == ["5"]


def test_a_workbook_of_mabtech_has_a_row_for_each_well_and_filter() -> None:
    content = workbook(
        {
            "Plate Information": [["Software Version:", "1.1"], ["Machine ID:", "Apex 1234"], ["Saved By:", "me"]],
            "Plate Database": [
                ["Plate", "Well", "Read Date", "LED Filter", "Spot Forming Units (SFU)"],
                ["P1", "A1", "2024-02-01", "LED490", 123],
                ["P1", "A1", "2024-02-01", "LED550", 12],
            ],
        }
    )
    run = parse(Elispot(), content)
    assert [(r.analyte, r.raw) for r in cells(run, "Spot Forming Units (SFU)")] == [("LED490", "123"), ("LED550", "12")]
    assert (run.run.instrument, run.run.software, run.run.operator) == ("Apex 1234", "1.1", "me")
    assert [well.role for well in run.wells] == ["unknown"]


def test_counts_with_thousands_in_a_table_that_has_decimal_points() -> None:
    head = "Sample ID,Cell count,Total (x10^6) cells/mL,Viability (%)\n"
    run = parse(CellCount(), head + 'P-1,"1,234",1.23,97.2\n')
    assert [(r.quantity, str(r.value), r.unit) for r in run.readings][:2] == [
        ("Cell count", "1234", None),
        ("Total (x10^6) cells/mL", "1.23", "x10^6 cells/mL"),
    ]
    with pytest.raises(FaultyFile, match="two ways"):
        parse(CellCount(), head + 'P-1,"1,234",1,97\n')
    with pytest.raises(FaultyFile, match="two ways"):
        parse(CellCount(), head + 'P-1,"1,234","1,2",97.3\n')


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Thu Feb 15 16:39:42 2024", "2024-02-15T16:39:42"),
        ("Feb 5, 2024", "2024-02-05"),
        ("Foo 5, 2024", None),
    ],
)
def test_dates_that_begin_with_the_month_in_words(text: str, iso: str | None) -> None:
    assert read_moment(text).iso == iso


def test_the_names_of_sheets_are_found_behind_large_sheets() -> None:
    content = workbook({"Data": [[f"{row}-{column}-{row * column}" for column in range(40)] for row in range(400)]})
    head = SourceFile("x", content).head
    assert 'name="Data"' in peek(head)
    assert 'name="Data"' not in peek(Head("cut", head.data, head.size))


GEN5: list[list[object]] = [
    ["Software Version", "3.11.19"],
    ["Experiment File Path:", "C:\\x.xpt"],
    ["Plate Number", "Plate 1"],
    ["Date", datetime(2024, 2, 13)],  # noqa: DTZ001 - a workbook has no zone
    ["Time", "9:00:04 PM"],
    ["Reader Serial Number:", "17"],
    [],
]


def test_gen5_as_a_workbook_with_its_grids_moved_to_the_right() -> None:
    rows = [*GEN5, ["Results"], [None, None, 1, 2], [None, "A", 0.05, 1.25, 450], [None, "B", "OVRFLW", 0.5, 450]]
    content = workbook({"Plate 1 - Sheet1": rows, "Notes": [["mine"]], "Empty": []})
    assert Gen5().sniff(SourceFile("x", content).head).verdict is Verdict.YES
    run = parse(Gen5(), content)
    assert (raw(run, "450", "A2"), raw(run, "450", "B1")) == (["1.25"], ["OVRFLW"])
    assert (run.run.started_at, run.run.serial_number) == ("2024-02-13T21:00:04", "17")
    assert run.unread == ("sheet 'Notes': 1 rows",)
    other = workbook({"Sheet": [["Software Version", "1"]]})
    assert Gen5().sniff(SourceFile("x", other).head).verdict is Verdict.NO


def test_gen5_results_with_a_column_for_each_well() -> None:
    header = "".join("\t".join(str(cell) for cell in row) + "\n" for row in GEN5)
    run = parse(Gen5(), header + "Results\nWell\tA1\tA2\nName\t\tP-2\n450\t0.05\t1.25\nBlank 450\t0\t1.2\n")
    assert [raw(run, name, "A2") for name in ("450", "Blank 450")] == [["1.25"], ["1.2"]]
    assert [(well.location, well.sample) for well in run.wells] == [("A2", "P-2"), ("A1", None)]
    assert facts(run, "Name", "A2") == ["P-2"]


def test_mars_as_a_workbook() -> None:
    head: list[list[object]] = [
        ["User: ME", None, "Path: C:\\BMG\\CLARIOstar\\User\\Data\\", "Test ID: 7"],
        ["Test name: ELISA", None, "Date: 13/02/2024", "Time: 10:00:00"],
        ["ID1: P1"],
    ]
    grid: list[list[object]] = [["Raw Data (450)"], [], [None, 1, 2], ["A", 0.1, "overflow"], ["B", 0.3, 0.4]]
    content = workbook({"End point": [*head, *grid], "Protocol": [["Settings", 1]], "Empty": []})
    assert Bmg().sniff(SourceFile("x", content).head).verdict is Verdict.YES
    run = parse(Bmg(), content)
    assert [(r.location, r.raw, r.flag) for r in run.readings][:2] == [
        ("A1", "0.1", None),
        ("A2", "overflow", "above_range"),
    ]
    assert (run.run.instrument, run.run.batch, run.run.started_at) == ("CLARIOstar", "7", "2024-02-13T10:00:00")
    assert run.unread == ("sheet 'Protocol': 1 rows",)
    assert Bmg().sniff(SourceFile("x", workbook({"A": grid})).head).verdict is Verdict.NO


def test_magellan_as_text() -> None:
    text = "\t1\t2\nA\t0,1\tOVER\nB\t0,3\t0,4\n\nDate of measurement: 2024-02-13/Time of measurement: 10:00:00\n"
    assert TecanMagellan().sniff(SourceFile("x", text.encode("utf-16")).head).verdict is Verdict.YES
    run = parse(TecanMagellan(), text.encode("utf-16"))
    assert [(r.location, r.raw, r.flag) for r in run.readings][:2] == [
        ("A1", "0,1", None),
        ("A2", "OVER", "above_range"),
    ]
    assert run.run.started_at == "2024-02-13T10:00:00"
    assert verdict(TecanMagellan(), "nothing") is Verdict.NO


@pytest.mark.parametrize("program", ["Tecan i-control", "SparkControl"])
def test_the_control_programs_of_tecan_write_values_far_to_the_right(program: str) -> None:
    content = workbook(
        {
            "Sheet2": [
                [f"Application: {program}", None, None, None, "V2.0"],
                ["Device: infinite 200Pro", None, None, None, "Serial number: 17"],
                ["Date:", datetime(2024, 2, 13)],  # noqa: DTZ001 - a workbook has no zone
                ["Time:", "10:00:00 AM"],
                ["Label: Green"],
                ["Wavelength", None, None, None, 450, "nm"],
                [],
                ["<>", 1, 2],
                ["A", 0.1, "OVER"],
                ["B", 0.3, 0.4],
            ]
        }
    )
    assert TecanMagellan().sniff(SourceFile("x", content).head).verdict is Verdict.YES
    run = parse(TecanMagellan(), content)
    assert raw(run, "Green", "B1") == ["0.3"]
    assert (run.run.software, run.run.instrument, run.run.serial_number) == (f"{program} V2.0", "infinite 200Pro", "17")
    assert (run.run.started_at, run.run.header["Wavelength"]) == ("2024-02-13T10:00:00", "450 nm")


INTELLIFLEX: list[list[object]] = [
    ["PLATE NAME", "WELL LOCATION", "SAMPLE ID", "R25: RP1 ANALYTE NAME", "R25: RP1 MEDIAN",
     "R27: RP1 ANALYTE NAME", "R27: RP1 MEDIAN"],
    ["P1", "A1", "P-1", "HPV6", 49.5, "HPV11", 12],
    ["P1", "B1", "P-2", "HPV6", 4.25, "HPV11", 13],
]  # fmt: skip


def test_intelliflex_names_the_analyte_of_each_region() -> None:
    content = workbook({"Sheet": INTELLIFLEX})
    assert LuminexIntelliflex().sniff(SourceFile("x", content).head).verdict is Verdict.YES
    run = parse(LuminexIntelliflex(), content)
    assert [(r.location, r.analyte, r.raw) for r in run.readings][:2] == [("A1", "HPV6", "49.5"), ("A1", "HPV11", "12")]
    assert find(run, "A1", "HPV6", "RP1 MEDIAN") == find(run, "A1", "R25", "RP1 MEDIAN") == ["49.5"]
    assert find(run, "*", "R27", "RP1 ANALYTE NAME") == ["HPV11"]
    other = workbook({"Sheet": [["a", "b"]]})
    assert LuminexIntelliflex().sniff(SourceFile("x", other).head).verdict is Verdict.NO


@pytest.mark.parametrize("names", [("HPV6", "HPV11"), ("HPV6", "")], ids=["differ", "blank"])
def test_intelliflex_with_other_analytes_from_row_to_row(names: tuple[str, str]) -> None:
    text = "WELL LOCATION,SAMPLE ID,R25: RP1 ANALYTE NAME,R25: RP1 MEDIAN\n"
    text += "".join(f"{well},P,{name},4.5\n" for well, name in zip(("A1", "B1"), names, strict=True))
    run = parse(LuminexIntelliflex(), text)
    assert {reading.analyte for reading in run.readings} == {"R25"}
    assert raw(run, "RP1 ANALYTE NAME") == ["HPV6"]


NUCLEOVIEW = (
    "Viability and Cell Count Assay; ;\nImage;P-1;\nOperator;ME;\nViability (%);68.2;\n"
    "Live (cells/ml);2.45E6;\n ; ;\n;\n"
    "cm filename;P-1.cm\nInstrument type;NucleoView NC-200\nInstrument s/n;17\nDate time;20231120 163016\n"
    "csv file version;2\n\n//[ECEC5A41]\n"
)
VI_CELL = (
    "Vi-CELL XR 2.06.3\n\nSample ID : P-1\nTime :\nRunDate : 18 May 2024  1:10:16 PM\nUnit S/N : AW1\n"
    "Analysis version : 2.42\n\n"
    "Results:\nViable cells : 1667\nViability (%) : 85.1\nTotal cells / ml (x 10^6) : 22.6\n\n"
    "Settings:\nDilution : 10.00\n\nSizeData : 4,9,9\n"
)


@pytest.mark.parametrize(
    ("text", "readings", "started"),
    [
        (
            NUCLEOVIEW,
            [("Viability (%)", "68.2", "%"), ("Live (cells/ml)", "2.45E6", "cells/ml")],
            "2023-11-20T16:30:16",
        ),
        (
            VI_CELL,
            [
                ("Viable cells", "1667", None),
                ("Viability (%)", "85.1", "%"),
                ("Total cells / ml (x 10^6)", "22.6", "x 10^6 cells / ml"),
            ],
            "2024-05-18T13:10:16",
        ),
    ],
    ids=["nucleoview", "vi-cell"],
)
def test_reports_of_one_count(text: str, readings: list[tuple[str, str, str | None]], started: str) -> None:
    assert verdict(CellCount(), text) is Verdict.YES
    run = parse(CellCount(), text)
    assert [(r.quantity, r.raw, r.unit) for r in run.readings] == readings
    assert {reading.sample for reading in run.readings} == {"P-1"}
    assert (run.run.started_at, run.run.serial_number) == (started, run.run.header.get("Unit S/N", "17"))
    with pytest.raises(FaultyFile, match="no table of counts"):
        parse(CellCount(), text.replace("Viability (%)", "Something"))


def test_counts_with_blanks_between_thousands() -> None:
    text = "SAMPLE ID,INSTRUMENT,TOTAL (cells/ml),LIVE (cells/ml),VIABILITY (%)\nP-1,S/N: 9,274 000,1.07E+06,45.1\n"
    assert verdict(CellCount(), text) is Verdict.YES
    assert verdict(ImmunoassayAnalyzer(), text) is Verdict.NO
    assert [str(reading.value) for reading in parse(CellCount(), text).readings] == ["274000", "1.07E+6", "45.1"]


XPONENT: list[list[object]] = [
    ["Program", "xPONENT", None, "MAGPIX"],
    ["Build", "4.2.1705.0"],
    ["SN", "MAGPX1"],
    ["Samples", 2, "Min Events", 50, "Per Bead"],
    ["Results"],
    [],
    ["DataType:", "Median"],
    ["Location", "Sample", "IL-6", "Total Events"],
    ["1(1,A1)", "P-1", 100.5, 88],
    ["2(1,B1)", "P-2", "NaN", 0],
]


def test_xponent_saved_again_as_a_workbook() -> None:
    content = workbook({"Notes": [["mine"]], "run": XPONENT})
    assert LuminexXponent().sniff(SourceFile("x", content).head).verdict is Verdict.YES
    run = parse(LuminexXponent(), content)
    assert [(r.location, r.analyte, r.raw) for r in run.readings][:2] == [("A1", "IL-6", "100.5"), ("A1", None, "88")]
    assert run.run.serial_number == "MAGPX1"
    other = workbook({"Notes": [["mine"]]})
    assert LuminexXponent().sniff(SourceFile("x", other).head).verdict is Verdict.NO
    with pytest.raises(FaultyFile, match="no sheet is an xPONENT export"):
        parse(LuminexXponent(), other)


@pytest.mark.parametrize(
    ("text", "quantity", "unit"),
    [
        ("Date,#,Sample Name,Protein(mg/mL),A280,A260/A280\n,1,P-1,1.23,1.2,0.57\n", "Protein(mg/mL)", "mg/mL"),
        (
            "#\tSample ID\tProtein Conc.\tUnit\tA280\t260/280\n1\tP-1\t1,23\tmg/ml\t1,2\t0,57\n",
            "Protein Conc.",
            "mg/ml",
        ),
    ],
    ids=["one", "2000"],
)
def test_proteins_of_a_nanodrop(text: str, quantity: str, unit: str) -> None:
    assert verdict(Nanodrop(), text) is Verdict.YES
    run = parse(Nanodrop(), text)
    assert [(str(r.value), r.unit) for r in run.readings if r.quantity == quantity] == [("1.23", unit)]
