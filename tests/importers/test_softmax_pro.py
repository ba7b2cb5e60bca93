"""SoftMax Pro: one made-up file for each trap."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.contract import ParsedRun, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.softmax_pro import SoftmaxPro
from assay_importers.lookup import find
from tests.importers.reading import cells, facts, parse, raw, verdict

IMPORTER = SoftmaxPro()
END = "~End\nOriginal Filename: Run 7; Date Last Saved: 2/28/2024 3:38:32 PM\n"
NUMBERS = "\t".join(str(column) for column in range(1, 13))


def plate(
    body: str,
    kind: str = "PlateFormat",
    read: str = "Endpoint",
    waves: str = "450",
    name: str = "P1",
    shape: str = "1\t12\t96\t1\t8",
) -> str:
    count = len(waves.split())
    return (
        f"Plate:\t{name}\t1.3\t{kind}\t{read}\tAbsorbance\tRaw\tFALSE\t1\t\t\t\t\t\t{count}\t{waves} \t{shape}\n{body}"
    )


def file(*blocks: str, count: int | None = None) -> str:
    return f"##BLOCKS= {len(blocks) if count is None else count}\n" + "~End\n".join(blocks) + END


def lines(first: str, *, start: float = 0.1, width: int = 12, rows: int = 8, mark: str = ".") -> str:
    """Rows of a grid without letters: the first begins with a time or wavelength."""
    text = ""
    for row in range(rows):
        values = "\t".join(f"{start + row + column / 100:.2f}".replace(".", mark) for column in range(width))
        text += f"{first if row == 0 else chr(9)}\t{values}\n"
    return text


GRID = f"\tTemperature(°C)\t{NUMBERS}\n" + lines("\t22.1")


def read(text: str) -> ParsedRun:
    return parse(IMPORTER, text)


def test_recognises_its_first_line() -> None:
    assert verdict(IMPORTER, file(plate(GRID))) is Verdict.YES
    assert verdict(IMPORTER, file(plate(GRID)).encode("utf-16")) is Verdict.YES
    assert verdict(IMPORTER, plate(GRID)) is Verdict.MAYBE
    assert verdict(IMPORTER, "Plate:") is Verdict.NO
    assert verdict(IMPORTER, b"\0\1\0\0") is Verdict.NO


def test_rows_of_a_grid_are_counted() -> None:
    run = read(file(plate(GRID)))
    assert (raw(run, "Absorbance 450", "A1"), raw(run, "Absorbance 450", "H12")) == (["0.10"], ["7.21"])
    assert cells(run, "Absorbance 450")[0].unit == "OD"
    assert facts(run, "Temperature(°C) of Absorbance 450") == ["22.1"]
    assert len(run.wells) == 96
    assert (run.run.batch, run.run.header["Date Last Saved"]) == ("Run 7", "2/28/2024 3:38:32 PM")
    assert run.notes == ()


def test_a_plate_read_in_part_begins_at_its_first_row() -> None:
    run = read(file(plate(f"\tT\t{NUMBERS}\n" + lines("\t", rows=2), shape="1\t12\t96\t3\t2")))
    assert [well.location for well in run.wells][::12] == ["C1", "D1"]
    assert raw(run, "Absorbance 450", "C2") == ["0.11"]


def test_wavelengths_stand_side_by_side_and_times_below_each_other() -> None:
    head = f"\tT\t{NUMBERS}\t\t{NUMBERS}\n"

    def group(time: str) -> str:
        one, other = ("\t".join([value] * 12) for value in ("0.1", "0.2"))
        return "".join(f"{time if row == 0 else ''}\t35\t{one}\t\t{other}\n" for row in range(8)) + "\n"

    run = read(file(plate(head + group("00:00:00") + group("00:01:30"), read="Kinetic", waves="450 650")))
    assert raw(run, "Absorbance 450 at 00:00:00", "H12") == ["0.1"]
    assert raw(run, "Absorbance 650 at 00:01:30", "H12") == ["0.2"]


def test_a_spectrum_has_its_wavelength_before_each_grid() -> None:
    body = f"\tT\t{NUMBERS}\n" + lines("520\t0") + "\n" + lines("530\t0", start=1)
    run = read(file(plate(body, read="Spectrum", waves="")))
    assert (raw(run, "Absorbance 520"), raw(run, "Absorbance 530")) == (["0.10"], ["1.00"])


def test_the_second_grid_is_reduced() -> None:
    run = read(file(plate(GRID + f"\n\t\t{NUMBERS}\n" + lines("\t", start=3))))
    assert (raw(run, "Reduced"), cells(run, "Reduced")[0].unit) == (["3.00"], None)


def test_a_table_with_a_column_for_each_well() -> None:
    body = "\tT\tA1\tA2\n0:00\t22\t\t0.2\n0:30\t22\t0.3\t???\n\n0:00\t22\t0.5\t0.6\n\n\t\tA1\tA2\n\t\t9\t8\n5\t\t7\t6\n"
    run = read(file(plate(body, kind="TimeFormat", read="Kinetic", waves="450 650")))
    assert cells(run, "Absorbance 450 at 0:00")[0].flag == "not_reported"
    assert raw(run, "Absorbance 450 at 0:30", "A2") == ["???"]
    assert raw(run, "Absorbance 650 at 0:00") == ["0.5"]
    assert (raw(run, "Reduced"), raw(run, "Reduced at 5")) == (["9"], ["7"])


def test_more_groups_than_wavelengths_have_no_number() -> None:
    run = read(file(plate("\tT\tA1\tA2\n\t22\t0.1\t0.2\n\n\t22\t0.5\t0.6\n", kind="TimeFormat")))
    assert (raw(run, "Absorbance 450"), raw(run, "Absorbance")) == (["0.1"], ["0.5"])


def test_blank_lines_and_values_that_look_like_a_head() -> None:
    run = read(file(plate("\n\tT\t1\t2\t\t\t1\t2\n\n\n0:30\t22\t1\t2\n\n", shape="1\t2\t6\t1\t1")))
    assert raw(run, "Absorbance 450 at 0:30", "A2") == ["2"]


def test_decimal_commas_in_a_plate_and_points_in_a_group() -> None:
    group = "Group: Standards\nSample\tWells\tOD\n01\tA1\t2.632\n \tA2\t2.508\n"
    run = read(file(plate(f"\tT\t{NUMBERS}\n" + lines("\t22,5", mark=",")), group))
    assert cells(run, "Absorbance 450")[0].value == Decimal("0.10")
    assert cells(run, "OD")[0].value == Decimal("2.632")


GROUP = (
    "Group: Unknowns\n"
    "Dilution Name\tSample\tWells\tDilution\tValues\tResult ng/mL\tCV%\tR\tWellPlateName\n"
    "S1 100x\tS1\tA1\t100.000\t0.629\t42.7\t4.3\t \tP1\n"
    " \t \tA2\t \t0.595\tRange?\t \tR\tP1\n"
    "S2 2x\tS2\tA3\t2\t0.6\t \t3\t \tP1\n"
    "\n"
    "Group Column\tFormula Name\tFormula\tPrecision\n"
    "1\tResult\tInterpX(Std,Values)\t3\n"
    "2\tCV%\tCv(Values)\t1\n"
    "\n"
    "Group Summaries\n"
    "Max\tLargest value:\t2.4\tMax(Values)\n"
    "R - Outside standard range\n"
)


def test_a_blank_sample_is_that_of_the_row_above() -> None:
    run = read(file(plate(GRID), GROUP))
    wells = {well.location: well for well in run.wells}
    assert (wells["A2"].sample, wells["A2"].role, wells["A1"].dilution) == ("S1", "unknown", Decimal("100.000"))
    assert (raw(run, "Values", "A2"), raw(run, "CV%", "A2"), raw(run, "CV%", "A1")) == (["0.595"], [], ["4.3"])
    assert [(r.raw, r.flag, r.unit) for r in cells(run, "Result ng/mL", "A2")] == [("Range?", "not_a_number", "ng/mL")]
    assert [(r.raw.strip(), r.flag) for r in cells(run, "Result ng/mL", "A3")] == [("", "not_reported")]
    assert cells(run, "CV%")[0].unit == "%"
    assert (facts(run, "R", "A2"), facts(run, "Group", "A1"), facts(run, "Dilution Name", "A1")) == (
        ["R"], ["Unknowns"], ["S1 100x"],
    )  # fmt: skip
    assert run.run.header["Unknowns: formula of Result"] == "InterpX(Std,Values)"
    assert facts(run, "Unknowns: Max Largest value:") == ["2.4"]
    assert facts(run, "Unknowns: remark") == ["R - Outside standard range"]
    assert run.tables[1].columns[0] == "Dilution Name"
    assert find(run, "A2", "Unknowns", "R flag") == ["R"]
    assert find(run, "A2", "Unknowns", "Values") == ["0.595"]
    for analyte in ("450", "450 nm", "OD"):
        assert find(run, "A1", analyte, "value") == ["0.10"]
    assert find(run, "A1", "450 nm t=0:00", "value") == []
    assert find(run, "*", "*", "plate_name") == ["P1"]
    assert (find(run, "*", "*", "format"), find(run, "*", "*", "read_type")) == (["PlateFormat"], ["Endpoint"])
    assert find(run, "*", "*", "blocks") == ["2"]


def test_wells_of_several_plates_without_a_plate_are_no_wells() -> None:
    group = "Group:\tStandards\t1\nSample\tWells\tOD\n01\tA1\t2.6\n02\t\t2.7\n"
    run = read(file(plate(GRID), plate(GRID, name="P1"), group))
    assert {well.plate for well in run.wells} == {"P1", "P1 (2)"}
    assert [(r.sample, r.location) for r in cells(run, "OD", None)] == [("01", None), ("02", None)]
    assert [(f.sample, f.text) for f in run.facts if f.name == "Standards: Wells"] == [("01", "A1")]
    assert run.notes == ("line 13: a second plate is called 'P1'; it is 'P1 (2)' here",)


def test_groups_alone_notes_and_graphs() -> None:
    note = "Note:\nMethod\tx\n\nmore\n"
    empty = "Note:\n"
    group = "Group: QC Control\nWells\tOD\nA1\t5\n"
    bare = "Group: \n"
    summary = "Group: S\nGroup Summaries\na\tb\tc\n"
    run = read(file(note, empty, group, bare, summary, "Graph: g\nline\n", count=9))
    assert run.run.header["Note"] == "Method x\n\nmore"
    assert [(well.location, well.plate, well.role) for well in run.wells] == [("A1", None, "control")]
    assert run.unread == ("line 19: Graph: 1 lines",)
    assert "the first line declares 9 blocks, and the file has 6" in run.notes


def test_exports_behind_each_other_and_other_delimiters() -> None:
    run = read(file(plate(GRID)) + file(plate(GRID)).replace("Original Filename", "Original filename"))
    assert ({well.plate for well in run.wells}, run.unread) == ({"P1", "P1 (2)"}, ())
    assert [note for note in run.notes if "declares" in note] == []
    run = read(file(plate(GRID)).replace("\t", ","))
    assert raw(run, "Absorbance 450", "H12") == ["7.21"]


def test_what_stands_outside_of_blocks_is_listed() -> None:
    run = read(file(plate(GRID)).replace("Original", "something else\nOriginal"))
    assert run.unread == ("line 13: something else",)
    run = read(file(plate(GRID)).partition("Original")[0].replace("##BLOCKS= 1", "##BLOCKS= x"))
    assert run.notes == ("the file does not end with the name of its original, so it may have been cut off",)


def test_a_plate_without_a_name_or_a_known_size() -> None:
    run = read(file(f"Plate:\t\t1.3\tPlateFormat\tEndpoint\tLuminescence\n\tT\t{NUMBERS}\n" + lines("\t", rows=1)))
    assert [(w.plate, w.location) for w in run.wells][:1] == [("Plate 1", "A1")]
    assert cells(run, "Luminescence")[0].unit == "RLU"
    run = read(file(f"Plate:Inline\t1.3\tPlateFormat\tEndpoint\tTRF\n\tT\t{NUMBERS}\n" + lines("\t", rows=1)))
    assert run.wells[0].plate == "Inline"
    run = read(file(plate(f"\tT\t{NUMBERS}\n" + lines("\t", rows=1), shape="1\t12\t96")))
    assert run.wells[0].location == "A1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("##BLOCKS= 0\n", "line 1: the file holds no block"),
        ("##BLOCKS= 1\n" + plate(GRID), "line 2: the block 'Plate' that begins here does not end"),
        (file("Plate:\tx\n"), "line 2: the first line of the plate is too short"),
        (file("Plate:\n"), "line 2: the first line of the plate is too short"),
        (file(plate("\t22\t0.1\t0.2\n")), "has values without a row of columns"),
        (file(plate(GRID + lines("\t"))), "line 12: the grid has 16 rows and the plate 8"),
        (file("Group: U\nSample\tWells\n01\tA1\t5\n"), "line 4: the row has 3 cells and the group 'U' 2 columns"),
        (file("Note:\n"), "the file holds no result"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(text)
