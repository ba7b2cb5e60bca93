"""QuantStudio, CFX, BioMark and LightCycler: one made-up file for each trap."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.contract import Importer, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.biomark import Biomark
from assay_importers.formats.cfx import Cfx
from assay_importers.formats.lightcycler import Lightcycler
from assay_importers.formats.qpcr_words import is_cycle, role
from assay_importers.formats.quantstudio import Quantstudio
from assay_importers.lookup import find
from tests.importers.reading import cells, facts, parse, raw, verdict, workbook

STARRED = (
    "* Block Type = 96-Well Block\n* Experiment Barcode = NA\n* Experiment Name = Run 7\n"
    "* Experiment Type = Comparative Cт\n"
    "* Experiment Run Start Time = 03-23-2024 10:05:00 AM EST\n* Instrument Type = QuantStudio(TM) 7 Flex System\n\n"
)
QUANTSTUDIO = (
    STARRED + "[Sample Setup]\nWell\tWell Position\tSample Name\tTarget Name\tTask\tQuantity\tComments\n"
    "1\tA1\tS1\tIFI44\tSTANDARD\t1,250.000\t\n2\tA2\tP-1\tIFI44\tUNKNOWN\n3\tA3\n\n"
    "[Amplification Data]\nWell\tCycle\tRn\n1\t1\t0.5\n\n[Multicomponent Data]\nWell\tWell Position\tCycle\tROX\n"
    "[Results]\nWell\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tCT\tQuantity\tCt SD\n"
    "1\tA1\tfalse\tS1\tIFI44\tSTANDARD\t18.717\t1,250.000\t0.1\n2\tA2\tfalse\tP-1\tIFI44\tUNKNOWN\tUndetermined\t7.5\t\n"
    "4\tA4\tfalse\t\tIFI44\tNTC\t37.1\t\t0.2\n\nAnalysis Type = Singleplex\nnote\n"
)
BOOK = {
    "Results": [["Block Type", "96-Well"], ["Instrument Type", "QuantStudio™ 1"], ["Operator", "DEFAULT"], [],
                ["Well", "Well Position", "Sample", "Target", "Cq", "Amp Status"],
                [1, "A1", "P-1", "RNaseP", 28.03, "AMP"],
                [2, "A2", "P-2", "RNaseP", "UNDETERMINED", "NO_AMP"], [], ["Endogenous Control", "RNaseP"]],
    "Replicate Group Result": [["Sample", "Target", "Cq Mean"], ["P-1", "RNaseP", 28.1], ["P-1", "RNaseP", 28.1]],
    "Standard Curve Result": [["Well", "Well Position", "Sample", "Target", "Cq", "Slope"],
                              [1, "A1", "P-1", "RNaseP", 28.99, -3.3], [2, "A2", "P-2", "RNaseP", None, -3.3]],
    "Plots": [["nothing"]],
}  # fmt: skip
CFX = (
    "File Name,run.pcrd\nRun Started,03/23/2024 16:05:11 UTC\n\n"
    ",Well,Fluor,Target,Content,Sample,Cq\n,A01,FAM,IFI44,Unkn-01,P-1,37.42\n,A01,VIC,ACTB,Unkn-01,P-1,N/A\n"
    ",B01,FAM,IFI44,NTC,,NaN\n"
)
BIOMARK = (
    "Chip Run Filename,R:\\x.bml\nApplication Version,2.1.1\nExport Type,Table Results\n\n\n"
    + "Experiment Information," * 6 + "EvaGreen,EvaGreen\n"
    "Chamber,Sample,Sample,Sample,EvaGreen,EvaGreen,Ct,Ct\nID,Name,Type,rConc,Name,Type,Value,Call\n"
    "S01-A01,P-1,Unknown,1,IFI44,Test,22.5,Pass\nS01-A02,P-1,NTC,1,ACTB,Test,999,Fail\n\nQuality\n"
)  # fmt: skip
LIGHTCYCLER = (
    "Experiment: Run 7  Selected Filter: FAM (465-510)\n"
    "Include\tColor\tPos\tName\tCp\tConcentration\tStandard\tStatus\n"
    "True\t255\tA1\tP-1\t23,45\t1,5\t0\t\nTrue\t255\tA2\tNTC\t\t\t0\t>\n"
    "Experiment: Run 7  Selected Filter: VIC (533-580)\n"
    "Include\tColor\tPos\tName\tCp\tStatus\nTrue\t255\tA1\tP-1\t20,1\t\n\n"
)
LIGHTCYCLER_96 = (
    "Abs Quant: x\nalone\n\nColor\tPosition\tSample Name\tGene Name\tCq\tSample Type\n"
    "#00\tA1\tP-1\tIFI44\t23.45\tUnknown\n"
    "#00\tA2\tS1\tIFI44\t-\tStandard\n"
)
FILES: list[tuple[Importer, str | bytes]] = [
    (Quantstudio(), QUANTSTUDIO),
    (Quantstudio(), workbook(BOOK)),
    (Cfx(), CFX),
    (Cfx(), workbook({"0": [["", "Well", "Fluor", "Target", "Content", "Sample", "Cq"],
                            ["", "A01", "FAM", "T", "Unkn", "P-1", 30]],
                      "Run Information": [["File Name", "run.pcrd"], []]})),
    (Biomark(), BIOMARK),
    (Lightcycler(), LIGHTCYCLER),
    (Lightcycler(), LIGHTCYCLER_96),
]  # fmt: skip


def test_each_recognises_its_own_and_no_other() -> None:
    importers = {type(importer): importer for importer, _ in FILES}
    for own, text in FILES:
        claims = [kind for kind, importer in importers.items() if verdict(importer, text) is Verdict.YES]
        assert claims == [type(own)]
    for importer in importers.values():
        assert verdict(importer, b"\0\1\0\0") is Verdict.NO
        assert verdict(importer, "Well,Cq\n") is Verdict.NO
        assert verdict(importer, workbook({"S": [["Well", "Cq"]]})) is Verdict.NO
    assert verdict(Quantstudio(), "* Block Type = x\n") is Verdict.MAYBE
    assert verdict(Quantstudio(), workbook({"Results": [["x"]], "Amplification Data": [["y"]]})) is Verdict.YES
    assert verdict(Biomark(), "Chip Run Filename,x\nExport Type,Heat Map Results\n") is Verdict.MAYBE
    assert verdict(Biomark(), "Chip Run Filename,x\n") is Verdict.MAYBE


def test_quantstudio_reads_results_first_and_each_cell_once() -> None:
    run = parse(Quantstudio(), QUANTSTUDIO)
    assert [(w.location, w.sample, w.role) for w in run.wells] == [
        ("A1", "S1", "standard"), ("A2", "P-1", "unknown"), ("A4", None, "control"), ("A3", None, "empty"),
    ]  # fmt: skip
    assert [(r.value, r.raw, r.flag) for r in cells(run, "CT", "A2")] == [(None, "Undetermined", "not_reported")]
    assert [r.value for r in cells(run, "Quantity")] == [Decimal("1250.000")]
    assert raw(run, "Quantity", "A2") == ["7.5"]
    assert run.unread == ("line 15: Amplification Data: 1 rows of a curve",)
    assert [table.name for table in run.tables] == [
        "Sample Setup",
        "Amplification Data",
        "Multicomponent Data",
        "Results",
    ]
    assert run.run.model_dump(exclude={"header"}) == {
        "instrument": "QuantStudio(TM) 7 Flex System", "software": None, "serial_number": None, "batch": "Run 7",
        "operator": None, "started_at": "2024-03-23T10:05:00", "protocol": "Comparative Cт", "kit_lot": None,
    }  # fmt: skip
    assert (run.run.header["Analysis Type"], run.run.header["note"]) == ("Singleplex", "")
    assert find(run, "*", "*", "n_result_rows") == [3]
    assert find(run, "*", "*", "ct_column_header") == ["CT"]
    assert find(run, "*", "*", "ct_header_codepoints") == [["0x43", "0x54"]]
    assert find(run, "*", "*", "header_row_index_1based") == ["21"]
    assert find(run, "A01|S1", "IFI44", "Ct") == ["18.717"]
    assert find(run, "A4|", "IFI44", "Cq") == ["37.1"]


def test_quantstudio_of_other_kinds() -> None:
    run = parse(Quantstudio(), workbook(BOOK))
    assert (raw(run, "Cq"), raw(run, "Standard Curve Result: Cq"), raw(run, "Slope")) == (
        ["28.03"],
        ["28.99"],
        ["-3.3"],
    )
    assert raw(run, "Cq", "A2") == ["UNDETERMINED"]
    assert raw(run, "Cq Mean", None) == ["28.1", "28.1"]
    assert find(run, "*", "*", "sheets") == [list(BOOK)]
    old = "# File Name: x.eds\n# Instrument Type: QuantStudio 3\nWell,Sample,Target,Cq\nA1,P-1,T,30\n"
    assert verdict(Quantstudio(), old) is Verdict.YES
    assert raw(parse(Quantstudio(), old), "Cq") == ["30"]
    late = QUANTSTUDIO.replace("03-23-2024", "03-04-2024")
    assert "can be read in two ways" in parse(Quantstudio(), late).notes[0]
    blank = "* Block Type = x\n[Results]\nWell\tWell Position\tSample Name\tCT\n1\tA1\tP\t30\n[Tm]\n"
    assert parse(Quantstudio(), blank).tables[1].rows == 0


def test_cfx_has_a_row_for_each_dye() -> None:
    run = parse(Cfx(), CFX)
    assert [(r.analyte, r.raw, r.flag) for r in run.readings] == [
        ("IFI44", "37.42", None), ("ACTB", "N/A", "not_reported"), ("IFI44", "NaN", "not_a_number"),
    ]  # fmt: skip
    assert [(w.location, w.sample, w.role) for w in run.wells] == [("A1", "P-1", "unknown"), ("B1", None, "control")]
    assert (run.run.batch, run.run.started_at, facts(run, "Fluor", "B1")) == (
        "run.pcrd",
        "2024-03-23T16:05:11",
        ["FAM"],
    )
    run = parse(Cfx(), FILES[3][1])
    assert (raw(run, "Cq"), run.run.batch, run.tables[1].rows) == (["30"], "run.pcrd", 0)


def test_biomark_stacks_three_lines_of_names() -> None:
    run = parse(Biomark(), BIOMARK)
    assert [(r.location, r.analyte, r.raw, r.flag) for r in run.readings if r.quantity == "Ct Value"] == [
        ("S01-A01", "IFI44", "22.5", None), ("S01-A02", "ACTB", "999", "not_reported"),
    ]  # fmt: skip
    assert [well.role for well in run.wells] == ["unknown", "control"]
    assert (run.unread, run.notes) == (
        ("line 12: Quality",), ("1 chambers have the cycle 999, which says that there was none",),
    )  # fmt: skip
    assert find(run, "S01-A02|P-1", "ACTB", "Call") == ["Fail"]
    assert find(run, "S01-A01|P-1", "IFI44", "Ct Value") == ["22.5"]
    assert find(run, "*", "*", "n_result_rows") == [2]
    assert run.run.batch == "R:\\x.bml"
    info = "Chip Run Info,D:\\x.bml,1131312108,48.48 (113x),GE 48x48 v1,ROX,FAM,"
    info += "8/26/2014 3:44:20 PM,01:28:46,BIOMARKHD198\n"
    newer = parse(Biomark(), info + BIOMARK.partition("\n")[2]).run
    assert (newer.batch, newer.protocol, newer.serial_number) == ("D:\\x.bml", "GE 48x48 v1", "BIOMARKHD198")
    assert newer.started_at == "2014-08-26T15:44:20"
    assert parse(Biomark(), "Chip Run Info,\n" + BIOMARK.partition("\n")[2]).run.batch is None
    assert verdict(Biomark(), BIOMARK.replace("Ct", "Auto")) is Verdict.MAYBE
    plain = parse(Biomark(), BIOMARK.replace("999", "30").replace("Sample,Sample,Sample", "Sample,X,Sample"))
    assert plain.wells[0].role == "unknown"
    assert len(plain.notes) == 0


def test_lightcycler_of_both_kinds() -> None:
    run = parse(Lightcycler(), LIGHTCYCLER)
    assert [(r.analyte, r.location, r.value, r.flag) for r in run.readings if r.quantity == "Cp"] == [
        ("FAM (465-510)", "A1", Decimal("23.45"), None), ("FAM (465-510)", "A2", None, "not_reported"),
        ("VIC (533-580)", "A1", Decimal("20.1"), None),
    ]  # fmt: skip
    assert (run.run.batch, facts(run, "Status", "A2")) == ("Run 7", [">"])
    other = parse(Lightcycler(), LIGHTCYCLER.replace("Selected Filter", "Filter"))
    assert other.readings == run.readings
    run = parse(Lightcycler(), LIGHTCYCLER_96)
    assert [(r.analyte, r.raw) for r in run.readings] == [("IFI44", "23.45"), ("IFI44", "-")]
    assert [well.role for well in run.wells] == ["unknown", "standard"]
    assert dict(run.run.header) == {"Abs Quant": "x", "Text": "alone"}


def test_words() -> None:
    assert [role(text) for text in ("Std-1", "NTC", "miR-101", "x")] == ["standard", "control", None, None]
    assert [is_cycle(name) for name in ("CT", "Cт", "Ct Mean")] == [True, True, False]


@pytest.mark.parametrize(
    ("importer", "text", "problem"),
    [
        (Quantstudio(), "* Block Type = x\n", "the file ends before its first table"),
        (
            Quantstudio(),
            STARRED + "[Sample Setup]\nWell\tWell Position\tTask\n1\tA1\tNTC\n",
            "the file holds no results",
        ),
        (Cfx(), "x", "the file has no table of results"),
        (Cfx(), "Well,Fluor,Cq\n,,\n", "the file holds no result"),
        (Biomark(), "x", "this is no BioMark export"),
        (Biomark(), BIOMARK.partition("ID,Name")[0], "the file ends before its table"),
        (Biomark(), BIOMARK.replace("Chamber", "Room"), "the columns are not those of a table of results"),
        (Biomark(), BIOMARK.replace("Pass", "Pass,x,y"), "the row has 10 cells and the table 8 columns"),
        (Biomark(), BIOMARK.replace("S01-A02", ""), "this row names no chamber"),
        (Lightcycler(), "x", "the file has no table of wells"),
    ],
)
def test_what_cannot_be_read_is_refused(importer: Importer, text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        parse(importer, text)
