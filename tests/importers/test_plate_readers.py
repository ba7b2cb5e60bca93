"""EnVision, Kaleido, MARS, Magellan, Gallery and plate maps: one made-up file for each trap."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.contract import Importer, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.bmg import Bmg
from assay_importers.formats.envision import Envision
from assay_importers.formats.kaleido import Kaleido
from assay_importers.formats.plate_grids import PlateMap
from assay_importers.formats.tecan_magellan import TecanMagellan
from assay_importers.formats.thermo_gallery import ThermoGallery
from assay_importers.lookup import find
from tests.importers.reading import cells, facts, grid, parse, raw, verdict, workbook

GRID = grid(8, 12, delimiter=",")
ENVISION = (
    'Plate information \nPlate,Repeat,Barcode,Height,Date\n{plate},{repeat},="0012",14.35,1,1/15/2024 10:30:00 AM,\n\n'
    "Background information\nPlate,Label,Result,\n1,,0\n\n{title}\n" + GRID + "\n"
)  # fmt: skip
ENVISION_END = (
    "Basic assay information \nAssay ID: ,,,,101\nAssay Started: ,,,,1/15/2024 10:28:00 AM\nProtocol notes,,,,\n"
    'Serial#: ,,,,="1050"\n\nPlatemap:\nPlate,,,,1\nGroup,,,,2\n\n,01,02,\nA,- ,S1 ,\nB,  ,UN1 ,\n\n - - Undefined\n\n'
    "Exported with EnVision Workstation version 1.14\n"
)
RESULTS = "Results for A450(1) - channel 1 (A)"


def envision(*plates: str) -> str:
    return "".join(plates) + ENVISION_END


FIRST = ENVISION.format(plate=1, repeat=1, title=RESULTS)
KALEIDO = (
    "Results for ABS mono 1\n\nBarcode: P1, PlateRepeat: 1, WellRepeat: 2\n"
    + GRID
    + "\nMeasurement Basic Information\n"
    "Measurement Started:,,2020-10-26T16:16:18.2284559-04:00\nInstrument Serial Number:,,77\nPlatemap\nPlate\n"
    + grid(8, 12, "-", delimiter=",").replace("-", "S1", 1).replace("-", " ", 1)
    + "\nExported with Kaleido 2.0.3058 and xslt\n"
)
KALEIDO_3 = (
    "EnSight Results from,,\nMeasurement Date,10/28/2024 12:10,\n\nResult for Fluorescence 1,,\n"
    "Barcode,Repeat,Loop no,Well scan x,\nB1,1,3,\n,,\n" + GRID
)
BMG = (
    "User: USER,Path: C:\\BMG\\PHERAstar\\Data,Test run no.: 65\n"
    "Test name: ELISA,Date: 29/02/2016,Time: 14:34:46\n\nID1: P1,ID2: x\n"
)
BMG_GRID = BMG + "Absorbance\n\nRaw Data (450)\n\n" + GRID
GALLERY = (
    "\t\nDate\t2012/11/15\tUser\tme\nTime\t06:07:08PM\tSoftware version: 4.0\nLaboratory\n\n"
    "Sample/ctrl ID\tTest name\tResult\tResult unit\tErrors\n\n"
    "28825\tD Lac\t112,3195\tmg/l\t19,30,\nQC\tD Lac\t<5\tmg/l\n"
)
PLATE_MAP = (
    "Drug,1,2\nA,A,\nB,B,B\n,,\nSample ID,1,2\nA,P-1,P-2\n\nType,1,2\nA,standard,odd\n\nDilution,1,2\nA,1/50,2\n"
)
MAGELLAN = workbook({
    "Magellan Sheet 1": [
        ["Well positions", "Layout", "Label1", "Remark", "Dilution", "Empty", None],
        [None, None, "0s", None, None, None, None, "beyond"],
        [None, None, "24.8 °C"],
        ["A1", "ST1", 0.0557, None, 2], ["A2", "SM1_1", "OVER", "odd"], ["A3", "BL1", 0.03], ["A4", "BLANK", 1],
        ["A5", None, 1],
        [],
        ["Date of measurement: 2021-07-08/Time of measurement: 14:34:46"],
        ["Method:", "elisa.mth"], ["loose text"], ["Two", "cells"],
    ],
    "Second": [["OD"], ["<>", 1, 2], ["A", 0.1, 0.2], [], ["<>", 1, 2], ["A", 5, 6], [], ["x", 1, 2], ["A", 7, 8], [],
               ["<>", 1, 2], ["A", "M1", "NC1"], [],
               ["<>", 1, 2], ["A", 9, 9], [],
               [None, "id", "treatment", "dose"], [None, "M1", "A", None], [None, None, "B", "c"]],
    "Blank": [],
})  # fmt: skip

FILES: list[tuple[Importer, str | bytes]] = [
    (Envision(), FIRST),
    (Kaleido(), KALEIDO),
    (Kaleido(), KALEIDO_3),
    (Bmg(), BMG_GRID),
    (ThermoGallery(), GALLERY),
    (PlateMap(), PLATE_MAP),
    (TecanMagellan(), MAGELLAN),
    (TecanMagellan(), workbook({"Sheet1": [["Well positions", "Label1"], ["A1", 1]]})),
]


def test_each_recognises_its_own_and_no_other() -> None:
    importers = {type(importer): importer for importer, _ in FILES}
    for own, text in FILES:
        claims = [kind for kind, importer in importers.items() if verdict(importer, text) is Verdict.YES]
        assert claims == [type(own)]
    for importer in importers.values():
        assert verdict(importer, b"\0\1\0\0") is Verdict.NO
        assert verdict(importer, "x,1,2\n") is Verdict.NO
        assert verdict(importer, workbook({"S": [["a", 1]]})) is Verdict.NO


def test_envision_says_the_plate_above_and_its_map_far_below() -> None:
    again = ENVISION.format(plate=1, repeat=2, title=RESULTS)
    calculated = ENVISION.format(plate=2, repeat=1, title="Calculated results: Calc 1: ratio")
    run = parse(Envision(), envision(FIRST, again, calculated))
    assert raw(run, RESULTS, "B3", "1") == ["0.103"]
    assert cells(run, RESULTS)[0].unit == "OD"
    assert raw(run, f"{RESULTS} (repeat 2)", "B3", "1") == ["0.103"]
    assert raw(run, "Calculated results: Calc 1: ratio", "A1", "2") == ["0.001"]
    assert (facts(run, "Group 2", "A1"), facts(run, "Group 2", "A2")) == (["-"], ["S1"])
    assert [(w.sample, w.role) for w in run.wells if w.location == "A2" and w.plate == "1"] == [("S1", "standard")]
    assert facts(run, "Plate information: Barcode") == ["0012"] * 3
    assert facts(run, "Plate information: column 6") == ["1/15/2024 10:30:00 AM"] * 3
    assert (run.run.serial_number, run.run.batch, run.run.started_at) == ("1050", "101", "2024-01-15T10:30:00")
    assert run.run.header["Basic assay information"] == "Protocol notes"
    assert find(run, "*", "*", "n_grids_found") == [4]
    assert find(run, "*", "*", "n_plates_in_file") == [2]
    for number, expected in enumerate((["0.103"], ["0.103"], ["0.103"], ["UN1"])):
        well = "B2" if number == 3 else "B3"
        assert find(run, well, "x", f"grid{number} (0-based grid in file order)") == expected
    assert find(run, "B3", "x", "grid4 (0-based grid in file order)") == []
    assert find(run, "no well", "x", "grid0 (0-based grid in file order)") == []
    assert run.notes == ()


def test_envision_draws_plates_without_a_frame_too() -> None:
    rows = "".join(f"0.{row}5," + "," * 10 + f"0.{row}7,\n" for row in range(8))
    head = (
        "Plate information\nPlate,Repeat,Label,Formula,\n1,1,{},{},\n\nBackground information\nPlate,Label,\n1,A,\n\n"
    )
    text = head.format("OD450(1)", "") + rows + "\n" + head.format("", "Calc 1: x") + rows + "\n"
    run = parse(Envision(), text + head.format("", "") + "1,2,\nx,y,\n")
    assert (raw(run, "OD450(1)", "H12"), raw(run, "Calc 1: x", "B1")) == (["0.77"], ["0.15"])
    assert cells(run, "OD450(1)", "A2")[0].flag == "not_reported"
    assert len(run.wells) == 96


def test_envision_without_plate_and_map() -> None:
    bare = FIRST.replace('1,1,="0012",14.35,1,1/15/2024 10:30:00 AM,', "x")
    run = parse(Envision(), bare + ",1,2\nA,-,S1\n")
    assert facts(run, "Platemap", "A2") == ["S1"]
    assert "so it may have been cut off" in run.notes[0]
    assert run.run.started_at is None


def test_kaleido_of_both_versions() -> None:
    run = parse(Kaleido(), KALEIDO)
    assert raw(run, "ABS mono 1 (well repeat 2)", "B3", "P1") == ["0.103"]
    assert (facts(run, "Platemap", "A1"), facts(run, "Platemap", "A2"), facts(run, "Platemap", "A3")) == (
        ["S1"],
        [],
        ["-"],
    )
    assert run.wells[0].role == "standard"
    assert (run.run.started_at, run.run.serial_number) == ("2020-10-26T16:16:18", "77")
    assert run.notes == ()
    images = KALEIDO.replace("WellRepeat: 2", "WellRepeat: 1, AnalysisParameter: GFP").replace(
        GRID, ",1,2\nA,a.tiff,\n"
    )
    run = parse(Kaleido(), images)
    assert facts(run, "ABS mono 1 (AnalysisParameter GFP)", "A1") == ["a.tiff"]
    assert run.readings == ()
    run = parse(Kaleido(), KALEIDO_3)
    assert raw(run, "Fluorescence 1 (Loop no 3)", "B3", "B1") == ["0.103"]
    assert (run.run.started_at, len(run.notes)) == ("2024-10-28T12:10:00", 1)


def test_mars_grids_and_layouts() -> None:
    run = parse(Bmg(), BMG_GRID.replace("0.711,0.712", "overflow"))
    assert (raw(run, "Raw Data (450)", "B3"), run.wells[0].plate) == (["0.103"], "P1")
    assert [(r.raw, r.flag) for r in cells(run, "Raw Data (450)", "H11") + cells(run, "Raw Data (450)", "H12")] == [
        ("overflow", "above_range"), ("", "not_reported"),
    ]  # fmt: skip
    assert run.run.model_dump(exclude={"header"}) == {
        "instrument": "PHERAstar", "software": "MARS", "serial_number": None, "batch": "65", "operator": "USER",
        "started_at": "2016-02-29T14:34:46", "protocol": "ELISA", "kit_lot": None,
    }  # fmt: skip
    layout = "Content\n,1,2,3\nA,Sample X1,Blank B,unused\n\nConcentrations\n,1,2,3\nA,5,,\n\n"
    run = parse(Bmg(), BMG.replace("\\BMG\\", "\\x\\") + layout + ",1,2,3\nA,0.1,0.2,\n")
    assert [(w.sample, w.role) for w in run.wells] == [("Sample X1", "unknown"), ("Blank B", "blank"), (None, "empty")]
    assert (raw(run, "Concentrations"), raw(run, "Raw Data"), run.run.instrument) == (["5"], ["0.1"], None)


@pytest.mark.parametrize(
    "head", ["Well Row;Well Col;Content;Group;Raw Data (450);Odd\n;;Time [s];;0;\nA;1;Standard S1;g;0,5;\nA;02;;;1;\n"]
)
def test_mars_tables_with_a_row_for_each_well(head: str) -> None:
    text = BMG.replace(",", ";") + "Raw Data\n" + head
    assert verdict(Bmg(), text) is Verdict.YES
    run = parse(Bmg(), text)
    assert [(w.location, w.sample, w.role) for w in run.wells] == [
        ("A1", "Standard S1", "standard"),
        ("A2", None, "unknown"),
    ]
    assert cells(run, "Raw Data (450) at Time [s] 0")[0].value == Decimal("0.5")
    assert facts(run, "Group", "A1") == ["g"]
    spectrum = BMG.replace("Path: C:\\BMG\\PHERAstar\\Data,", "")
    spectrum += " Well, Content, 1 - 1, 1 - 1\n,Wavelength [nm],220,221\nA1,Blank B,1,2\n"
    assert verdict(Bmg(), spectrum) is Verdict.YES
    assert raw(parse(Bmg(), spectrum), "1 - 1 at Wavelength [nm] 221") == ["2"]
    run = parse(Bmg(), BMG.replace("29/02", "5/6") + "Well,Raw Data (450)\nA1,0.5\n\n")
    assert "the day or the month may come first" in run.notes[0]
    assert raw(run, "Raw Data (450)") == ["0.5"]


def test_magellan_lists_grids_and_tables() -> None:
    run = parse(TecanMagellan(), MAGELLAN)
    wells = [(w.location, w.sample, w.role, w.dilution) for w in run.wells if w.plate is None]
    assert wells == [
        ("A1", "ST1", "standard", Decimal(2)), ("A2", "SM1_1", "unknown", None), ("A3", "BL1", "blank", None),
        ("A4", "BLANK", "blank", None), ("A5", None, "unknown", None),
    ]  # fmt: skip
    assert [(r.raw, r.flag) for r in cells(run, "Label1", "A2")] == [("OVER", "above_range")]
    assert (facts(run, "Remark", "A2"), facts(run, "Layout", "A1")) == (["odd"], ["ST1", "M1"])
    assert facts(run, "Label1: line 3 of the head") == ["24.8 °C"]
    assert (run.run.started_at, run.run.protocol) == ("2021-07-08T14:34:46", "elisa.mth")
    assert run.run.header["Text"] == "loose text"
    assert run.run.header["Two"] == "cells"
    quantities = ("OD", "Measured value", "x", "Measured value (2)")
    assert [raw(run, quantity, "A1", "Second") for quantity in quantities] == [["0.1"], ["5"], ["7"], ["9"]]
    assert [(w.location, w.sample, w.role) for w in run.wells if w.plate == "Second"] == [
        ("A1", "M1", "unknown"), ("A2", "NC1", "control"),
    ]  # fmt: skip
    assert find(run, "A2", "layout", "value")[-1] == "NC1"
    assert find(run, "A1", "OD", "value") == ["5", "9"]
    assert find(run, "A1", "Label1", "value") == ["0.0557"]
    assert [(f.sample, f.name, f.text) for f in run.facts][-3:] == [
        ("M1", "treatment", "A"), (None, "treatment", "B"), (None, "dose", "c"),
    ]  # fmt: skip


def test_gallery_asks_each_column_for_its_decimal_mark() -> None:
    run = parse(ThermoGallery(), GALLERY)
    assert [(r.sample, r.analyte, r.value, r.unit, r.flag) for r in cells(run, "Result", None)] == [
        ("28825", "D Lac", Decimal("112.3195"), "mg/l", None),
        ("QC", "D Lac", Decimal(5), "mg/l", "below_range"),
    ]
    assert [f.text for f in run.facts if f.name == "Errors"] == ["19,30,"]
    assert (run.run.started_at, run.run.operator, run.run.software) == ("2012-11-15T18:07:08", "me", "4.0")
    assert run.run.header["Text"] == "Laboratory"
    assert (
        parse(ThermoGallery(), GALLERY.partition("Sample/")[1] + GALLERY.partition("Sample/")[2]).run.started_at is None
    )


def test_plate_maps_hold_quantities_and_facts() -> None:
    run = parse(PlateMap(), PLATE_MAP)
    assert [(w.location, w.sample, w.role, w.dilution) for w in run.wells] == [
        ("A1", "P-1", "standard", Decimal(50)), ("B1", None, "empty", None), ("B2", None, "empty", None),
        ("A2", "P-2", "unknown", Decimal(2)),
    ]  # fmt: skip
    assert (facts(run, "Drug", "B2"), facts(run, "Dilution", "A1"), facts(run, "Type", "A2")) == (
        ["B"],
        ["1/50"],
        ["odd"],
    )
    run = parse(PlateMap(), "x\n,1,2\nA,1,2\n")
    assert (raw(run, "Grid 1", "A2"), run.unread) == (["2"], ("line 1: x",))
    assert verdict(PlateMap(), ",1,2\nA,1,2\n") is Verdict.MAYBE
    assert verdict(PlateMap(), "x\nDrug,1,2\nA,1,2\n") is Verdict.NO
    assert verdict(PlateMap(), 'Drug,1,2\nA,"1,2\n') is Verdict.NO


@pytest.mark.parametrize(
    ("importer", "text", "problem"),
    [
        (Envision(), "x", "the file holds no grid of a plate"),
        (Envision(), "Plate information\n\n,1,2\nA,1,2\n", "line 1: the table below this title is missing"),
        (Kaleido(), "x", "the file holds no grid of a plate"),
        (Bmg(), "x", "the file holds no results"),
        (Bmg(), BMG + "Well,OD\nA1,1\nx,2\n", "line 7: this is no well"),
        (ThermoGallery(), "x", "this is no list of results"),
        (ThermoGallery(), '"x,\nSample/ctrl ID,Test name,Result"\n', "cannot be split into cells"),
        (PlateMap(), "x", "the file holds no grid of a plate"),
        (
            TecanMagellan(),
            workbook({"S": [["Wells", "OD"], ["A1", 1], ["A1", 2]]}),
            "this well stands in the list a second",
        ),
        (TecanMagellan(), workbook({"S": [["x"]]}), "the file holds no result"),
        (TecanMagellan(), b"PK\x03\x04", "the workbook is damaged"),
    ],
)
def test_what_cannot_be_read_is_refused(importer: Importer, text: str | bytes, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        parse(importer, text)
