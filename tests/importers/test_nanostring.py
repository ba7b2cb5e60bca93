"""nCounter files, made up so that each trap stands alone."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from assay_importers.contract import Fact, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.nanostring import NanoString
from assay_importers.lookup import find

IMPORTER = NanoString()
CODES = ("Positive,POS_A,ERCC_1.1,900", "Endogenous,IFI44,NM_1.1,12", 'Endogenous,"A,B",,7')


def rcc(
    codes: tuple[str, ...] = CODES,
    sample: str = "P1",
    rlf: str = "Immune_v1",
    columns: str = "CodeClass,Name,Accession,Count",
    end: str = "<Messages>\n</Messages>\n",
) -> str:
    return (
        "<Header>\nFileVersion,1.7\nSoftwareVersion,4.0.0.3\n</Header>\n\n"
        f"<Sample_Attributes>\nID,{sample}\nOwner,\nComments,a, b\nGeneRLF,{rlf}\n</Sample_Attributes>\n\n"
        "<Lane_Attributes>\nID,4\nFovCount,280\nBindingDensity,0.80\nScannerID,S1\n\n</Lane_Attributes>\n\n"
        f"<Code_Summary>\n{columns}\n" + "".join(f"{code}\n" for code in codes) + f"\n</Code_Summary>\n\n{end}"
    )


def read(*texts: str | bytes, names: tuple[str, ...] = ("a.RCC", "b.RCC", "c.RCC")) -> ParsedRun:
    files = [
        SourceFile(name, text if isinstance(text, bytes) else text.encode())
        for name, text in zip(names, texts, strict=False)
    ]
    return IMPORTER.parse(SourceFile(files[0].name, files[0].content, tuple(files[1:])))


def test_a_lane_is_a_column() -> None:
    run = read(rcc())
    assert run.features is not None
    assert (run.features.samples, run.features.ids) == (("P1",), ("POS_A", "IFI44", "A,B"))
    assert run.features.head == ((900,), (12,), (7,))
    assert run.features.annotation["CodeClass"] == ("Positive", "Endogenous", "Endogenous")
    assert run.features.annotation["Accession"] == ("ERCC_1.1", "NM_1.1", None)
    assert run.features.sample_annotation["LaneID"] == ("4",), "the lane's ID is not the sample's"
    assert run.run.header["Comments"] == "a, b"
    assert (run.run.software, run.run.serial_number, run.run.batch) == ("4.0.0.3", "S1", None)
    assert find(run, "*", "*", "lane ID") == ["4"]
    assert find(run, "*", "*", "n_codes_by_class") == [{"Positive": 1, "Endogenous": 2}]
    assert find(run, "sample", "IFI44", "Count") == [12]
    assert run.notes == ()


def test_lanes_together_are_one_matrix() -> None:
    run = read(rcc(), rcc(CODES[:2], sample="", rlf="Immune_v2"))
    assert run.features is not None
    assert run.features.samples == ("P1", "b"), "a lane without a sample is called after its file"
    assert run.features.head == ((900, 900), (12, 12), (7, None)), "a code that a lane lacks is missing, not zero"
    assert run.notes == ("the lanes are of several code sets, and lack each other's codes: Immune_v1, Immune_v2",)
    whole = read(rcc(), rcc(sample="P2"))
    assert whole.matrix is not None
    assert whole.matrix.layers["Count"].dtype.kind == "i"


def test_what_is_unknown_is_said() -> None:
    run = read("stray\n" + rcc(end="<Messages>\nlow binding,lane 4\n</Messages>\n<New>\nx,y\n</New>"))
    assert run.unread == ("a.RCC, line 1: stray", "a.RCC, line 34: x,y")
    assert run.notes == ("a.RCC: low binding, lane 4",)
    assert "whether it is whole cannot be told" in read(rcc(end="")).notes[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (rcc().partition("</Code_Summary>")[0], "ends within the section Code_Summary"),
        (rcc().replace("</Lane_Attributes>", "</Header>"), "line 19: the sections do not fit"),
        (rcc().replace("</Lane_Attributes>", ""), "the sections do not fit one another .*<Code_Summary>"),
        ("</Header>\n", "a section that was opened"),
        (rcc() + rcc(), "a.RCC has the section Header twice"),
        (rcc().partition("<Code_Summary>")[0], "no section Code_Summary"),
        (rcc(columns="CodeClass,Name,Count"), "Code_Summary has other columns"),
        (rcc((), columns="").replace("<Code_Summary>\n\n", "<Code_Summary>\n"), "Code_Summary has other columns"),
        (rcc(("Endogenous,IFI44,NM_1.1",)), "line 23: a code has four cells"),
        (rcc(("Endogenous,IFI44,NM_1.1,many",)), "line 23, column Count: a count is a whole number .*'many'"),
        (rcc(("Endogenous,IFI44,NM_1.1,-1",)), "a count is a whole number"),
        (rcc((*CODES, CODES[0])), "POS_A is counted twice"),
    ],
)
def test_damaged_lanes_are_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(text)


RLF = """; Made by a tool
[Header]
Version=3.0
ClassName0=Endogenous
[Content]
ColumnCount=4
RecordCount=2
Columns=Classification,TargetSeq,GeneName,Accession
Record0=0,"ACGT",IFI44,NM_1.1
Record1=0,ACGA,IFIT1
strange
"""


def test_an_rlf_describes_codes() -> None:
    run = read(RLF, names=("a.rlf",))
    assert run.features is None
    assert run.facts[:3] == (
        Fact(analyte="IFI44", name="Classification", text="0"),
        Fact(analyte="IFI44", name="TargetSeq", text="ACGT"),
        Fact(analyte="IFI44", name="Accession", text="NM_1.1"),
    )
    assert len(run.facts) == 5
    assert run.unread == ("line 11: strange",)
    assert find(run, "*", "*", "first_lines") == [["; Made by a tool", "[Header]", "Version=3.0"]]
    assert find(run, "*", "*", "n_codes_by_class") == []
    assert "Comments" not in read(RLF.partition("\n")[2], names=("a.rlf",)).run.header


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (RLF.partition("Record1")[0], "has 1 records of 4 columns, and states 2"),
        (RLF.replace("RecordCount=2\n", ""), "states none"),
        (RLF.replace("GeneName", "Gene"), "with a column GeneName"),
        (RLF.replace("ACGA,IFIT1", "ACGA,IFIT1,a,b"), "line 10: the record has more cells"),
    ],
)
def test_damaged_descriptions_are_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(text, names=("a.rlf",))


def workbook(rows: list[list[Any]], title: str = "RCC Collection") -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    made.create_sheet("Order").append(["Name", "Rank"])
    made.create_sheet("Empty")
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


ROWS: list[list[Any]] = [
    ["File Attributes"],
    ["File name", None, None, "one", "two"],
    ["Sample ID ", None, None, "P1", None],
    ["GeneRLF ", None, None, "R1", "R1"],
    ["Reporter Counts"],
    ["Code Class", "Name", "Accession", 14197, 13019],
    ["Positive", "POS_A", "ERCC_1.1", 900, 800],
    [None],
    ["Endogenous", "IFI44", "NM_1.1", 12, 13.0],
]


def test_a_collection_is_read_from_its_workbook() -> None:
    run = read(workbook(ROWS), names=("c.xlsx",))
    assert run.features is not None
    assert (run.features.samples, run.features.head) == (("P1", "two"), ((900, 800), (12, 13)))
    assert run.features.sample_annotation["GeneRLF"] == ("R1", "R1")
    assert run.unread == ("sheet 'Order': 1 rows",)
    assert find(run, "*", "*", "sheets") == [["RCC Collection", "Order", "Empty"]]
    assert find(run, "*", "*", "n_rows") == [9]
    assert find(run, "*", "*", "row1") == [["File Attributes"]]


@pytest.mark.parametrize(
    ("rows", "title", "problem"),
    [
        (ROWS, "Counts", "no sheet 'RCC Collection'"),
        (ROWS[:4], "RCC Collection", "no rows 'File name' and 'Reporter Counts'"),
        ([["File name"], ["Reporter Counts"]], "RCC Collection", "names no RCC file"),
        ([*ROWS, ROWS[-1]], "RCC Collection", "line 10: the code IFI44 is counted twice"),
        ([*ROWS, ["Endogenous", "B", "C", "x", 1]], "RCC Collection", "a count is a whole number"),
    ],
)
def test_damaged_collections_are_refused(rows: list[list[Any]], title: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(workbook(rows, title), names=("c.xlsx",))


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (rcc().encode(), Verdict.YES),
        (RLF.encode(), Verdict.YES),
        (workbook(ROWS), Verdict.YES),
        (workbook(ROWS, "Counts"), Verdict.NO),
        (b"PK\x03\x04 nothing", Verdict.NO),
        (b"[Header]\nInvestigator Name,x", Verdict.NO),
        (b"\x00\x01\x02\xff" * 10, Verdict.NO),
    ],
)
def test_recognition(content: bytes, verdict: Verdict) -> None:
    assert IMPORTER.sniff(SourceFile("x", content).head).verdict is verdict
