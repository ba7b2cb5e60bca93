"""Olink's files, made up so that each trap stands alone."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay_importers.contract import Fact, ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.olink import Olink
from assay_importers.lookup import find

IMPORTER = Olink()
COLUMNS = "SampleID,OlinkID,UniProt,Assay,Panel,PlateID,QC_Warning,LOD,Count,NPX"
ROWS = (
    "P1,OID1,O1,CHL1,CARDIO,Plate1,Pass,2.3,10,12.5",
    "P1,OID2,O2,NRP1,INFLAM,Plate2,Warning,1.3,11,NA",
    "P2,OID1,O1,CHL1,CARDIO,Plate1,Pass,2.3,12,11.25",
    "P2,OID2,O2,NRP1,INFLAM,Plate2,Pass,1.3,13,6.5",
)


def read(text: str | bytes, name: str = "npx.csv") -> ParsedRun:
    return IMPORTER.parse(SourceFile(name, text.encode() if isinstance(text, str) else text))


def table(*rows: str, columns: str = COLUMNS) -> str:
    return "\n".join([columns, *rows]) + "\n"


def test_the_long_form_is_a_matrix_with_layers() -> None:
    run = read(table(*ROWS))
    features = run.features
    assert features is not None
    assert (features.ids, features.samples, features.value_type) == (("OID1", "OID2"), ("P1", "P2"), "NPX")
    assert features.head == ((12.5, 11.25), (None, 6.5))
    assert list(features.layers) == ["Count", "LOD"]
    assert features.layers["Count"].head == ((10, 12), (11, 13))
    assert run.matrix is not None
    assert run.matrix.layers["Count"].dtype.kind == "i"
    assert features.annotation["Assay"] == ("CHL1", "NRP1")
    assert features.annotation["PlateID"] == ("Plate1", "Plate2"), "a panel is on a plate of its own"
    assert features.sample_annotation == {
        "QC_Warning CARDIO": ("Pass", "Pass"),
        "QC_Warning INFLAM": ("Warning", "Pass"),
    }
    assert run.run.batch == "Plate1, Plate2"
    assert find(run, "P1", "OID1", "LOD") == [2.3]
    assert find(run, "P2", "NRP1", "NPX") == [6.5]
    assert find(run, "*", "*", "n_rows") == [4]


def test_a_control_that_was_measured_twice_has_two_columns() -> None:
    run = read(table(*ROWS, ROWS[0].replace("12.5", "1.5")))
    assert run.notes == ("5 rows were read; the file does not say how many there are",)
    assert run.features is not None
    assert run.features.samples == ("P1", "P2", "P1")
    assert run.features.head == ((12.5, 11.25, 1.5), (None, 6.5, None))
    assert run.features.layers["Count"].head == ((10, 12, 10), (11, 13, None))


def test_of_single_cells_only_what_is_rare_is_told() -> None:
    columns = "SampleID,OlinkID,AssayQC,NPX"
    run = read(table("P1,OID1,PASS,1", "P1,OID2,WARN,2", "P2,OID1,,3", "P2,OID2,PASS,4", columns=columns))
    assert run.facts == (
        Fact(sample="P1", analyte="OID2", name="AssayQC", text="WARN"),
        Fact(sample="P2", analyte="OID1", name="AssayQC", text=""),
    )
    assert run.notes[1:] == ("AssayQC is PASS but where a fact says otherwise",)
    assert run.run.batch is None


def test_semicolons_and_decimal_commas() -> None:
    text = table(*ROWS).replace(",", ";").replace("12.5", "12,5").replace("11.25", "11,25").replace("6.5", "6,5")
    run = read(text)
    assert run.features is not None
    assert run.features.head == ((12.5, 11.25), (None, 6.5))
    with pytest.raises(FaultyFile, match="column NPX: decimal commas and points"):
        read(text.replace("12,5", "12.5"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (table(), "no rows"),
        (table(*ROWS, "P3,OID1"), "a row does not fit the columns"),
        (table(*ROWS, ",OID1,O1,CHL1,CARDIO,Plate1,Pass,2.3,12,1"), "column SampleID: a row has no name"),
        (table(ROWS[0].replace("12.5", "high")), "column NPX: a cell is no number"),
        (table(columns="SampleID,OlinkID,NPX,NPX"), "a column stands twice"),
        ("SampleID,OlinkID\n", "this is no file of Olink"),
        ("\n", "the file holds nothing but blanks"),
    ],
)
def test_damaged_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(text)


def parquet(**columns: list[Any]) -> bytes:
    made = pa.table(columns).replace_schema_metadata({"Product": "ExploreHT", "DataFileType": "NPX File"})
    out = io.BytesIO()
    pq.write_table(made, out)
    return out.getvalue()


LONG = {"SampleID": ["P1"], "OlinkID": ["OID1"], "SampleType": ["SAMPLE"], "AssayType": ["assay"], "NPX": [0.5]}


def test_parquet_is_read_with_its_metadata() -> None:
    run = read(parquet(**LONG), "npx.parquet")
    assert run.run.software == "ExploreHT"
    assert find(run, "*", "*", "metadata") == ["Product=ExploreHT, DataFileType=NPX File"]
    assert find(run, "*", "*", "SampleTypes") == [["SAMPLE"]]
    assert find(run, "*", "*", "AssayTypes") == [["assay"]]
    assert find(run, "P1", "OID1", "NPX") == [0.5]
    blank = read(parquet(**{**LONG, "SampleType": [None]}), "npx.parquet")
    assert blank.features is not None
    assert blank.features.sample_annotation["SampleType"] == (None,)


def test_damaged_parquet_is_refused() -> None:
    whole = parquet(**LONG)
    for content, problem in ((whole[:-9], "damaged"), (parquet(A=[1]), "other columns")):
        with pytest.raises(FaultyFile, match=problem):
            read(content, "npx.parquet")


WIDE: list[list[Any]] = [
    ["study", "NPX Manager 3"],
    ["NPX Data"],
    ["Panel", "CARDIO", "CARDIO", "INFLAM", "CARDIO", "INFLAM", "INFLAM"],
    ["Assay", "CHL1", "NRP1", "IL8", "Plate ID", "Plate ID", "QC Warning"],
    ["Uniprot ID", "O1", "O2", "P1"],
    ["OlinkID", "OID1", "OID2", "OID3"],
    [None],
    ["A1", 12.5, None, 1, "p1", "p2", "Pass"],
    ["A2", 11.25, "NaN", 2, "p1", "p2", "Warning"],
    [None],
    ["LOD", 2.5, 0.1, 0],
    ["Missing Data freq.", 0.01, 0.5, 0],
]


def workbook(rows: list[list[Any]], *more: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.active.title = "NPX Wide"
    for row in rows:
        made.active.append(row)
    for number, others in enumerate(more):
        sheet = made.create_sheet(f"More{number}")
        for row in others:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def text(rows: list[list[Any]], delimiter: str = ",") -> str:
    return "".join(delimiter.join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize("content", [workbook(WIDE, [["a"]]), text(WIDE).encode(), text(WIDE, ";").encode()])
def test_the_wide_form_is_a_matrix(content: bytes) -> None:
    run = read(content)
    features = run.features
    assert features is not None
    assert (features.ids, features.samples) == (("OID1", "OID2", "OID3"), ("A1", "A2"))
    assert features.head == ((12.5, 11.25), (None, None), (1.0, 2.0))
    assert features.annotation["Panel"] == ("CARDIO", "CARDIO", "INFLAM")
    assert features.annotation["LOD"] == ("2.5", "0.1", "0")
    assert features.sample_annotation == {
        "Plate ID CARDIO": ("p1", "p1"),
        "Plate ID INFLAM": ("p2", "p2"),
        "QC Warning INFLAM": ("Pass", "Warning"),
    }
    assert run.run.header["study"] == "NPX Manager 3"
    assert find(run, "A1", "CHL1", "NPX") == [12.5]
    assert find(run, "LOD", "CHL1", "LOD") == ["2.5"]
    assert find(run, "A1", "Plate ID", "col5") == ["p2"]
    assert find(run, "A1", "CHL1", "col5") == []
    assert find(run, "A1", "Plate ID", "col99") == []
    assert find(run, "*", "*", "header_rows") == ["row3 Panel, row4 Assay, row5 Uniprot ID, row6 OlinkID"]
    assert find(run, "*", "*", "footer_labels") == [["A1", "A2", None, "LOD", "Missing Data freq."]]
    assert run.unread == (("sheet 'More0': 1 rows",) if content.startswith(b"PK") else ())


def test_the_wide_form_with_decimal_commas_and_without_ids() -> None:
    rows = [row for row in WIDE if row[0] != "OlinkID"]
    run = read(text(rows, ";").replace(".", ","))
    assert run.features is not None
    assert run.features.ids == ("CHL1", "NRP1", "IL8")
    assert run.features.head[0] == (12.5, 11.25)
    assert run.notes == ("numbers are written with a decimal comma",)


def test_rows_that_belong_nowhere_are_listed() -> None:
    assert "2 samples were read" in read(text(WIDE[:9])).notes[0]
    rows = [*WIDE[:9], [None, "stray"], *WIDE[9:], [None], ["Normalization", "IC"]]
    run = read(workbook(rows))
    assert run.unread == ("line 10: stray",)
    assert run.features is not None
    assert run.features.annotation["Normalization"] == ("IC", None, None)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (WIDE[:7], "no assays or no samples"),
        ([row for row in WIDE if row[0] != "Panel"], "0 sheets hold NPX"),
        ([*WIDE[:8], ["A2", "high"]], "line 9, column CHL1: the cell is no number"),
        ([["x"]] * 12 + WIDE, "0 sheets hold NPX"),
    ],
)
def test_damaged_wide_forms_are_refused(rows: list[list[Any]], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(workbook(rows))


def test_names_below_the_first_samples_are_samples() -> None:
    rows = [["Assay", "CHL1"], ["OlinkID", "OID1"], ["A1", 1], ["Panel", "x"]]
    with pytest.raises(FaultyFile, match="no row 'Panel'"):
        read(text(rows))


def test_a_table_of_samples_is_facts() -> None:
    run = read('"SampleID";"Site";"Time"\n"A1";"D";""\n"A2";"E"\n')
    assert run.features is None
    assert run.facts == (Fact(sample="A1", name="Site", text="D"), Fact(sample="A2", name="Site", text="E"))
    assert find(run, "*", "*", "n_rows") == [2]
    for word in ("SampleTypes", "footer_labels", "header_rows", "LOD", "col1", "other"):
        assert find(run, "*", "*", word) == []
    assert run.notes[1] == "2 samples were read; the file does not say how many there are"
    with pytest.raises(FaultyFile, match="line 3: the row does not fit"):
        read("SampleID,Site\nA1,D\nA2,E,F\n")
    with pytest.raises(FaultyFile, match="line 3: the row does not fit"):
        read("SampleID,Site\nA1,D\n,E\n")


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (table(*ROWS).encode(), Verdict.YES),
        (text(WIDE).encode(), Verdict.YES),
        (workbook(WIDE), Verdict.YES),
        (workbook([["a"]]), Verdict.NO),
        (parquet(**LONG), Verdict.YES),
        (parquet(A=[1]), Verdict.NO),
        (b"PAR1" + b"OID123" + b"x" * 70_000, Verdict.YES),
        (b"PAR1" + b"x" * 70_000, Verdict.NO),
        (b"SampleID,Site\nA1,D\n", Verdict.YES),
        (b"SampleID,Ct\nA1,20\n", Verdict.NO),
        (b"SampleID\nA1\n", Verdict.NO),
        (b'"SampleID', Verdict.NO),
        (b"", Verdict.NO),
        (b"\x00\x01\x02\xff" * 10, Verdict.NO),
    ],
)
def test_recognition(content: bytes, verdict: Verdict) -> None:
    assert IMPORTER.sniff(SourceFile("x", content).head).verdict is verdict
