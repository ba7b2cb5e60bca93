"""Gen5: one made-up file for each trap."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.contract import ParsedRun, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.gen5 import Gen5
from assay_importers.lookup import find
from tests.importers.reading import cells, facts, grid, parse, raw, verdict

IMPORTER = Gen5()
HEADER = (
    "\nSoftware Version\t3.12.08\n\n"
    "Experiment File Path:\tC:\\run.xpt\nProtocol File Path:\t\n\n"
    "Plate Number\tPlate 1\nDate\t8/26/2022\nTime\t10:14:27 AM\nReader Type:\tSynergy H1\n"
    "Reader Serial Number:\tn/a\n\nProcedure Details\n\nPlate Type\t96 WELL PLATE\nRead\tod\n\tWavelengths:  450\n\n"
)
RESULTS = "Results\n" + grid(8, 12, label="od:450") + "\n"


def read(text: str) -> ParsedRun:
    return parse(IMPORTER, text)


def test_recognises_its_header() -> None:
    assert verdict(IMPORTER, HEADER + RESULTS) is Verdict.YES
    assert verdict(IMPORTER, "Software Version\t3.12.08\n") is Verdict.MAYBE
    assert verdict(IMPORTER, "Software\t3.12.08\n") is Verdict.NO
    assert verdict(IMPORTER, b"\0\1\0\0") is Verdict.NO


def test_reads_header_and_grid() -> None:
    run = read(HEADER + RESULTS)
    assert run.run.model_dump(exclude={"header"}) == {
        "instrument": "Synergy H1",
        "software": "Gen5 3.12.08",
        "serial_number": None,
        "batch": "C:\\run.xpt",
        "operator": None,
        "started_at": "2022-08-26T10:14:27",
        "protocol": None,
        "kit_lot": None,
    }
    assert run.run.header["Procedure Details"] == "Plate Type 96 WELL PLATE\nRead od\nWavelengths:  450"
    assert (raw(run, "od:450"), raw(run, "od:450", "H12")) == (["0.001"], ["0.712"])
    assert {well.plate for well in run.wells} == {"Plate 1"}
    assert run.unread == ()


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_other_delimiters(delimiter: str) -> None:
    text = (HEADER + RESULTS).replace("\t", delimiter)
    assert verdict(IMPORTER, text) is Verdict.YES
    assert raw(read(text), "od:450", "B3") == ["0.103"]


@pytest.mark.parametrize(
    ("text", "flag"),
    [("OVRFLW", "above_range"), ("MISSED", "not_reported"), ("?????", "not_reported"), ("*0.356*", "masked"),
     (">105.000", "above_range"), ("<0.000", "below_range")],
)  # fmt: skip
def test_words_in_place_of_numbers(text: str, flag: str) -> None:
    reading = cells(read((HEADER + RESULTS).replace("0.001", text)), "od:450")[0]
    assert (reading.raw, reading.flag) == (text, flag)


LAYOUT = (
    "Layout\n\t1\t2\t3\nA\tSTD1\tSPL1\tBLK\tWell ID\n\tcal\t\t\tName\n\t1000\t0.25\t\tConc/Dil\n\tx\t\t\tOther\n"
    "B\tSPL2\tSPL3\tCTL1\tWell ID\n\t0.33333\t10\t5\tConc/Dil\nC\tSPL4\tSPL5\t\tWell ID\n\t0\t0.3\t\tConc/Dil\n\n"
)


def test_a_layout_gives_names_roles_dilutions_and_concentrations() -> None:
    run = read(HEADER + LAYOUT + "Results\n" + grid(2, 3, label="od:450"))
    wells = {well.location: (well.sample, well.role, well.dilution) for well in run.wells}
    assert wells == {
        "A1": ("STD1", "standard", None),
        "A2": ("SPL1", "unknown", Decimal(4)),
        "A3": ("BLK", "blank", None),
        "B1": ("SPL2", "unknown", None),
        "B2": ("SPL3", "unknown", Decimal(10)),
        "B3": ("CTL1", "control", None),
        "C1": ("SPL4", "unknown", None),
        "C2": ("SPL5", "unknown", None),
    }
    assert raw(run, "Conc/Dil") == ["1000"]
    assert (facts(run, "Well ID", "A1"), facts(run, "Name", "A1"), facts(run, "Other", "A1")) == (
        ["STD1"],
        ["cal"],
        ["x"],
    )
    assert run.readings[0].quantity == "od:450"
    assert run.notes == ()
    assert "a plate in part" in read(HEADER + "Results\n" + grid(5, 12)).notes[0]


def test_results_under_other_titles_and_several_lines() -> None:
    body = "660\n\t1\t2\nA\t0.1\t0.2\t660\n\t5\t6\tConc\n\nConc\n\t1\t2\nA\t7\t8\n\n"
    run = read(HEADER.rstrip("\n").replace("od\n", "od\n") + "\n\n" + body)
    body = "Results\n\t1\t2\nC\t29.5\t-5.65\tMax V\n\t0:00:24\t\tt at Max V\n"
    part = read(HEADER + body)
    assert (raw(part, "Max V", "C2"), facts(part, "t at Max V", "C1"), part.notes) == (["-5.65"], ["0:00:24"], ())
    assert (raw(run, "660"), raw(run, "Conc"), raw(run, "Conc", "A2")) == (["0.1"], ["5", "7"], ["6", "8"])


def test_a_table_of_times() -> None:
    body = "420\n\nTime\tT° 420\tA1\tA2\n0:00:00\t37.0\t0.069\t0.062\n0:00:30\t\t0.083\n\n" + RESULTS
    run = read(HEADER + body)
    assert raw(run, "420 at 0:00:30") == ["0.083"]
    assert cells(run, "420 at 0:00:30", "A2")[0].flag == "not_reported"
    assert facts(run, "T° 420 at 0:00:00") == ["37.0"]
    assert run.tables[0].columns == ("Time", "T° 420")


def test_curves_and_lists_of_statistics() -> None:
    body = (
        RESULTS
        + "StdCurve Fitting Results\n\nCurve Name\tCurve Formula\tA\nStdCurve\tY=A*X+B\t0.00336\n\n"
        + "Statistics\nWell ID\tName\tWell\tod\tNote\nSPL1\tP-1\tA1\t0.5\tok\n\t\tA2\t0.6\n\n"
    )
    run = read(HEADER + body)
    assert facts(run, "StdCurve Fitting Results: StdCurve: A") == ["0.00336"]
    assert (raw(run, "od", "A2"), facts(run, "Note", "A1"), facts(run, "Name", "A1")) == (["0.6"], ["ok"], ["P-1"])
    assert [well.sample for well in run.wells][:2] == ["SPL1", "SPL1"]
    run = read(HEADER + "Well\tod\nA1\t0.5\n")
    assert raw(run, "od") == ["0.5"]


def test_several_plates_and_two_reads_of_one() -> None:
    run = read((HEADER + RESULTS) * 2 + (HEADER + RESULTS).replace("Plate 1", "Plate 2"))
    assert list(dict.fromkeys(well.plate for well in run.wells)) == ["Plate 1", "Plate 1 (2)", "Plate 2"]
    assert run.run.header["3: Plate Number"] == "Plate 2"
    assert find(run, "B3", "Results", "grid2 (0-based grid in file order)") == ["0.103"]
    twice = read(HEADER + RESULTS + RESULTS.replace("0.103", "0.5"))
    assert find(twice, "B3", "Results", "grid1 (0-based grid in file order)") == ["0.103", "0.5"]
    assert find(read((HEADER + RESULTS).replace("0.103", "OVRFLW")), "*", "*", "n_OVRFLW") == [1]
    assert find(run, "*", "*", "n_OVRFLW") == []


def test_a_date_that_reads_two_ways_or_none_is_left_as_text() -> None:
    run = read((HEADER + RESULTS).replace("8/26/2022", "4/11/2024"))
    assert (run.run.started_at, "the day or the month may come first" in run.notes[0]) == (None, True)
    run = read((HEADER + RESULTS).replace("8/26/2022", "soon"))
    assert "it is not a known form of date" in run.notes[0]
    assert read((HEADER + RESULTS).replace("Date\t8/26/2022\nTime\t10:14:27 AM\n", "")).notes == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x", "line 1: this is not a Gen5 export"),
        (HEADER, "Plate 1 has no results"),
        ("Software Version\t3.1\n", "the plate has no results"),
        (HEADER + LAYOUT, "Plate 1 has no results"),
        (HEADER + "Results\n" + grid(3, 12).replace("B", "D"), "row D of the plate stands where row B should"),
        (HEADER + "Time\tA1\tzz\n0:00\t1\t2\n", "the column is no well"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(text)
