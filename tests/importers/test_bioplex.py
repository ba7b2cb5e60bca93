"""Bio-Plex Manager's files, made up so that each trap stands alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.bioplex import BioPlex
from assay_importers.lookup import find
from tests.importers.real_files import missed
from tests.importers.tables import Rows, book, facts, text, values

IMPORTER = BioPlex()
COLUMNS = (
    "Analyte",
    "Type",
    "Well",
    "Description",
    "FI",
    "Obs Conc (pg/ml)",
    "Group",
    "Ratio",
    "Dilution",
    "Sampling Errors",
)
ABOVE = (
    ("File Name: run.rbx",),
    ("Analyte: IL-6 (25)",),
    ("Acquisition Date: 21-Jun-2011, 01:50 PM",),
    ("Reader Serial Number:LX1",),
    ("Standard Lot: S9 Expiration Date: <none>",),
    ("Plate ID: 7",),
    (),
)
BELOW = (
    (),
    ("*Value extrapolated beyond standard range",),
    ("Std. Curve: FI = 1 + 2 / Conc",),
    ("FitProb. = 0.1, ResVar. = 1.8",),
)


def row(kind: str, well: str, name: object, fi: object, conc: object, dilution: object = 1, *more: object) -> Rows:
    return [("IL-6 (25)", kind, well, name, fi, conc, "", "", dilution, *more)]


def sheet(*rows: Rows, above: Rows = ABOVE, below: Rows = BELOW) -> Rows:
    return [*above, COLUMNS, *(cells for part in rows for cells in part), *below]


def read(content: bytes) -> ParsedRun:
    return IMPORTER.parse(SourceFile("x", content))


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"bioplex"}, [IMPORTER]) == []


def test_a_sheet_is_an_analyte() -> None:
    run = read(
        book(
            {
                "IL-6": sheet(
                    row("B", "A1", "", 15, ""),
                    row("S1", "B1", "Standard1", 31618, "OOR >"),
                    row("X1", "C1", 146, 50.5, "*8.3", 200, "1"),
                    row("C1", "D1", "Control", 5, "---"),
                    row("C2", "E1", "Control", 5, "***"),
                )
            }
        )
    )
    assert values(run, "Obs Conc (pg/ml)") == [
        ("", None, "not_reported"),
        ("OOR >", None, "above_range"),
        ("*8.3", "8.3", None),
        ("---", None, "masked"),
        ("***", None, "not_reported"),
    ]
    assert [(well.plate, well.sample, well.role, well.dilution) for well in run.wells][1:4] == [
        ("7", "Standard1", "standard", Decimal(1)),
        ("7", "146", "unknown", Decimal(200)),
        ("7", "Control", "control", Decimal(1)),
    ]
    assert {reading.unit for reading in run.readings} == {None, "pg/ml"}
    assert find(run, "C1|X1|146.0", "IL-6 (25)", "FI") == ["50.5"]
    assert facts(run, "Sampling Errors") == ["1"]
    head = run.run
    assert (head.serial_number, head.batch, head.kit_lot, head.started_at) == ("LX1", "7", "S9", "2011-06-21T13:50:00")
    assert head.header["Std. Curve: IL-6 (25)"] == "FI = 1 + 2 / Conc"
    assert "1 values are extrapolated beyond the standards (marked * in the file)" in run.notes


def test_a_row_of_several_wells_belongs_to_none_of_them() -> None:
    rows = (
        row("S1", "A1,B1", "Standard1", 10, 1),
        row("S2", "A2, B2", "Standard1", 5, 2),
        row("X1", "C1,D1", "P1", 7, 3),
    )
    singles = [COLUMNS, *row("X1", "C1", "P1", 6, 3)]
    run = read(book({"IL-6": [*sheet(*rows), *singles]}))
    assert len(run.wells) == 6
    found = [(reading.location, reading.sample, reading.raw) for reading in run.readings if reading.quantity == "FI"]
    assert found == [
        (None, "S1 Standard1", "10"),
        (None, "S2 Standard1", "5"),
        (None, "P1", "7"),
        ("C1", "P1", "6"),
    ]
    assert facts(run, "Well") == ["A1,B1", "A2, B2", "C1,D1"]


def test_a_sheet_may_be_a_quantity_of_all_analytes() -> None:
    names = ("Type", "Well", "Description", "Hu IL-6 (25)", "Hu TNF (36)", "Dilution")
    rows = [("Acquisition Date: 01/02/2020",), names, ("X1", "A1", "P1", 12, 13, 4), ("a", "stray", "row", 1)]
    content = book(
        {"FI": rows, "Obs Conc": [("Acquisition Date: 01/02/2020",), names, ("X1", "A1", "P1", "OOR <", 2.5)]}
    )
    assert IMPORTER.sniff(SourceFile("x", content).head).verdict is Verdict.YES
    run = read(content)
    assert values(run, "FI", "Hu TNF (36)") == [("13", "13", None)]
    assert values(run, "Obs Conc", "Hu IL-6 (25)") == [("OOR <", None, "below_range")]
    assert values(run, "Dilution")[0] == ("4", "4", None)
    assert run.wells[0].dilution == 4
    assert run.unread == ("sheet 'FI', line 4: a | stray | row | 1",)
    assert run.run.started_at is None
    assert any("is left as text" in note for note in run.notes)


def test_decimal_commas_in_text_and_in_cells_of_a_workbook() -> None:
    run = read(text(sheet(row("X1", "A1", "P1", "50,5", "<1,25", "2,5"), row("X2", "A2", "P2", "9", "", "x")), "\t"))
    assert values(run, "FI") == [("50,5", "50.5", None), ("9", "9", None)]
    assert values(run, "Obs Conc (pg/ml)")[0] == ("<1,25", "1.25", "below_range")
    assert [well.dilution for well in run.wells] == [Decimal("2.5"), None]
    run = read(book({"IL-6": sheet(row("X1", "A1", "P1", 50.5, "8,31"))}))
    assert [values(run, name)[0][1] for name in ("FI", "Obs Conc (pg/ml)")] == ["50.5", "8.31"]


def test_fields_that_differ_between_sheets_and_sheets_without_wells() -> None:
    other = [("Document ID: 2",), *sheet(row("X1", "A1", "P2", 7, "", 10))]
    first = [("Document ID: 1",), *sheet(row("X1", "A1", "P1", 6, "", 5))]
    run = read(book({"a": first, "b": other, "notes": [("nothing", "here")]}))
    assert (run.run.header["Document ID"], run.run.header["Document ID (2)"]) == ("1", "2")
    assert run.unread == ("sheet 'notes', line 1: nothing | here", "sheet 'notes', has no rows of wells")
    assert any("well A1 is 'P2' here and 'P1' before" in note for note in run.notes)
    assert any("has dilution 10 here and 5 before" in note for note in run.notes)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a,b\n", "no sheet has results"),
        (text([COLUMNS]), "the sheets have no wells"),
        (text(sheet(row("X1", "A1,Q", "P", 1, 2)), "\t"), "the row names no well"),
        (text(sheet(row("X1", "A1", "P", 1, 2, "x")), "\t"), "the dilution cannot be read"),
        (text([(*COLUMNS, "FI"), *row("X1", "A1", "P", 1, 2)]), "a column stands twice"),
        (text([*sheet(row("X1", "A1", "P", 1, 2)), ('"open',)], "\t"), "cannot be split into cells"),
    ],
)
def test_what_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(content)


WELL = """<Well RowNo="1" ColNo="1"><PlateID>{plate}</PlateID><User>u</User>
<AcquisitionTime>2023-05-09T18:55:02Z</AcquisitionTime>
<MachineInfo><SerialNumber>LX9</SerialNumber></MachineInfo><TotalEvents>717</TotalEvents>
<BeadRegions><BeadRegion RegionNumber="21"><Median>3245.00</Median></BeadRegion>
<BeadRegion RegionNumber="99"><Median/></BeadRegion></BeadRegions></Well>"""
SAMPLES = """<Samples><Unknowns><Unknown><Description>P1</Description><Label>X1</Label><Dilution>5.0E+001</Dilution>
<Analytes><Analyte RegionNumber="21"><AnalyteName>IL-6</AnalyteName><Mean>2.5E+000</Mean>
<StatsErrorCode Code="0">OK</StatsErrorCode>
<ObsConc RecoveryRangeCode="9"><CV>0</CV></ObsConc></Analyte><Analyte RegionNumber="22"/></Analytes>
<MemberWells>{members}</MemberWells></Unknown></Unknowns></Samples>"""
MEMBER = """<MemberWell RowNo="1" ColNo="{column}"><MWAnalytes><MWAnalyte RegionNumber="21">
<AnalyteName>IL-6</AnalyteName>
<Reading Valid="{valid}" OutlierType="{outlier}">12.5</Reading>
<MWObsConc ReadingOK="{ok}">0.0</MWObsConc></MWAnalyte></MWAnalytes></MemberWell>"""
CURVES = """<StandardCurves><Interpolators><Interpolator RegionNumber="21"><AnalyteName>IL-6</AnalyteName>
<ConcentrationUnits>pg/ml</ConcentrationUnits><Regression>5PL</Regression></Interpolator></Interpolators></StandardCurves>"""


def member(column: object = 1, valid: str = "true", outlier: str = "None", ok: str = "true") -> str:
    return MEMBER.format(column=column, valid=valid, outlier=outlier, ok=ok)


def document(*parts: str) -> bytes:
    body = "".join(parts)
    return (
        '<?xml version="1.0"?><b:BioPlexManager xmlns:b="http://www.Bio-Rad.com/x" BioPlexManagerVersion="6.2">'
        f"<AuthorName>a</AuthorName><PlateDimensions Columns='12' Rows='8'/>{body}</b:BioPlexManager>"
    ).encode()


def test_xml_has_wells_as_they_were_read_and_samples_with_their_wells() -> None:
    members = member() + member(2, valid="false") + member(3, outlier="Auto", ok="false")
    wells = f"<Wells>{WELL.format(plate='7')}</Wells><RunSettings/>"
    run = read(document(CURVES, wells, SAMPLES.format(members=members)))
    assert [(w.plate, w.location, w.sample, w.dilution) for w in run.wells] == [
        ("7", "A1", "P1", Decimal(50)),
        ("7", "A2", "P1", Decimal(50)),
        ("7", "A3", "P1", Decimal(50)),
    ]
    assert values(run, "Reading", "IL-6") == [
        ("12.5", "12.5", None),
        ("12.5", "12.5", "masked"),
        ("12.5", "12.5", "masked"),
    ]
    assert values(run, "MWObsConc")[2] == ("0.0", None, "not_reported"), "what the software calls not set is no zero"
    assert values(run, "ObsConc") == [("", None, "not_reported")]
    assert values(run, "ObsConc: CV") == [("0", "0", None)]
    assert values(run, "Median") == [("3245.00", "3245.00", None), ("", None, "not_reported")]
    assert find(run, "row1col1", "region 21", "Median") == ["3245.00"]
    assert {r.unit for r in run.readings if r.quantity == "MWObsConc"} == {"pg/ml"}
    assert (run.run.serial_number, run.run.started_at) == ("LX9", "2023-05-09T18:55:02")
    assert run.run.header["Regression: IL-6"] == "5PL"
    assert run.unread == ("not read: 1 x RunSettings",)


def test_xml_of_two_plates_or_of_nothing() -> None:
    two = document(f"<Wells>{WELL.format(plate='1')}{WELL.format(plate='2')}</Wells>")
    assert [well.plate for well in read(two).wells] == [None]
    assert read(two).wells[0].sample is None
    with pytest.raises(FaultyFile, match="the XML holds no well"):
        read(document())
    with pytest.raises(FaultyFile, match="a well has no row and column"):
        read(document("<Wells><Well RowNo='x' ColNo='1'/></Wells>"))


def test_recognition() -> None:
    def verdict(content: bytes) -> Verdict:
        return IMPORTER.sniff(SourceFile("x", content).head).verdict

    assert verdict(document()) is Verdict.YES
    assert verdict(text(sheet(row("X1", "A1", "P", 1, 2)))) is Verdict.YES
    assert verdict(text([("Type", "Well", "Description", "IL-6")])) is Verdict.MAYBE
    assert verdict(b"Type of Well,x\n") is Verdict.NO
    assert verdict(b"a,b\n") is Verdict.NO
