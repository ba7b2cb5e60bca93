"""Luminex xPONENT: one made-up file for each trap."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_importers.contract import Head, ParsedRun, Reading, SourceFile, Verdict
from assay_importers.errors import FaultyFile, ImporterError
from assay_importers.formats.luminex_xponent import LuminexXponent
from tests.importers.made_up import END, HEADER, block, export, values

IMPORTER = LuminexXponent()


def parse(text: str | bytes) -> ParsedRun:
    return IMPORTER.parse(SourceFile("run.csv", text if isinstance(text, bytes) else text.encode()))


def only(run: ParsedRun, quantity: str, location: str | None = "A1", analyte: str | None = "dsDNA") -> Reading:
    found = [r for r in run.readings if (r.quantity, r.location, r.analyte) == (quantity, location, analyte)]
    assert len(found) == 1, found
    return found[0]


def sniff(text: str | bytes) -> tuple[Verdict, str]:
    data = text if isinstance(text, bytes) else text.encode()
    return IMPORTER.sniff(Head("run.csv", data, len(data)))


PLAIN = export(values("Median", "10", "2000.5", "37"))


def test_reads_run_wells_and_readings() -> None:
    run = parse(PLAIN)
    assert run.run.model_dump(exclude={"header"}) == {
        "instrument": "MAGPIX",
        "software": "xPONENT 4.2.1324.0",
        "serial_number": "MAGPX1",
        "batch": "Batch 7",
        "operator": None,
        "started_at": "2024-03-23T10:43:37",
        "protocol": "ANA 4-plex",
        "kit_lot": None,
    }
    assert dict(run.run.header) == {
        "Program": "xPONENT MAGPIX",
        "Build": "4.2.1324.0",
        "Date": "3/23/2024 5:36 AM",
        "SN": "MAGPX1",
        "Batch": "Batch 7",
        "Operator": "<None>",
        "ProtocolName": "ANA 4-plex",
        "BatchStartTime": "3/23/2024 10:43:37 AM",
        "ProtocolPlate Name": "plate",
        "ProtocolPlate Type": "96",
        "ProtocolPlate Plates": "1",
        "Samples": "4",
        "Min Events": "50 Per Bead",
        "DataType: Median": "3",
        "CRC32": "00000000",
    }
    assert [(w.plate, w.location, w.sample, w.role) for w in run.wells] == [
        ("1", "A1", "Background0", "blank"),
        ("1", "B1", "Standard1", "standard"),
        ("1", "C1", "P-001", "unknown"),
    ]
    assert [(r.location, r.value, r.raw) for r in run.readings] == [
        ("A1", Decimal(10), "10"),
        ("B1", Decimal("2000.5"), "2000.5"),
        ("C1", Decimal(37), "37"),
    ]
    assert run.unread == ()


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quote", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_reads_the_same_whatever_the_dialect(newline: str, delimiter: str, quote: bool, encoding: str) -> None:
    text = export(
        values("Median", "10", "2000.5", "37", analytes=("Ro-52 µ",)),
        newline=newline,
        delimiter=delimiter,
        quote=quote,
    )
    data = text.encode(encoding)
    assert sniff(data)[0] is Verdict.YES
    assert [(r.location, r.analyte, r.raw) for r in parse(data).readings] == [
        ("A1", "Ro-52 µ", "10"),
        ("B1", "Ro-52 µ", "2000.5"),
        ("C1", "Ro-52 µ", "37"),
    ]


def test_reads_rows_padded_with_delimiters() -> None:
    padded = "".join(f"{line},,,,\r\n" for line in export(values("Median", "1", "", "3"), quote=False).splitlines())
    run = parse(padded)
    assert [(r.raw, r.flag) for r in run.readings] == [("1", None), ("", "not_reported"), ("3", None)]
    assert run.run.header["Min Events"] == "50 Per Bead"


@pytest.mark.parametrize("above", ["\r\n", ",,,,\r\n", "sep=,\r\n"])
def test_reads_below_what_a_spreadsheet_put_on_top(above: str) -> None:
    assert sniff(above + PLAIN)[0] is Verdict.YES
    assert parse(above + PLAIN).wells == parse(PLAIN).wells


def test_reads_locations_that_lost_their_quotation_marks() -> None:
    text = PLAIN.replace('"', "")
    assert [(w.location, w.sample) for w in parse(text).wells][:2] == [("A1", "Background0"), ("B1", "Standard1")]


def test_joins_blocks_on_the_well_and_the_name_of_the_analyte() -> None:
    run = parse(
        export(
            block(
                "Median",
                ("Location", "Sample", "Ro", "La", "Total Events"),
                ("1(1,A1)", "P1", "1", "2", "90"),
                ("2(1,B1)", "P2", "3", "4", "80"),
            ),
            block(
                "Count",
                ("Location", "Sample", "La", "Ro", "Total Events"),
                ("2(1,B1)", "P2", "40", "30", "80"),
            ),
        )
    )
    assert {(r.location, r.analyte, r.quantity): r.raw for r in run.readings} == {
        ("A1", "Ro", "Median"): "1",
        ("A1", "La", "Median"): "2",
        ("A1", None, "Total Events"): "90",
        ("B1", "Ro", "Median"): "3",
        ("B1", "La", "Median"): "4",
        ("B1", None, "Total Events"): "80",
        ("B1", "La", "Count"): "40",
        ("B1", "Ro", "Count"): "30",
    }
    assert "Count: 1 wells are missing: A1" in run.notes


def test_keeps_several_plates_apart() -> None:
    run = parse(export(block("Median", ("Location", "Sample", "Ro"), ("1(1,A1)", "P1", "1"), ("97(2,A1)", "P2", "2"))))
    assert [(w.plate, w.location, w.sample) for w in run.wells] == [("1", "A1", "P1"), ("2", "A1", "P2")]


def test_keeps_repeated_analytes_apart() -> None:
    run = parse(export(values("Median", "1", analytes=("Ro", "Ro"))))
    assert [r.analyte for r in run.readings] == ["Ro", "Ro (2)"]
    assert "Median: columns stand more than once and are numbered: Ro" in run.notes


def test_says_where_a_file_contradicts_itself() -> None:
    run = parse(
        export(
            block(
                "Median",
                ("Location", "Sample", "Ro", "Total Events"),
                ("1(1,A1)", "P1", "1", "9"),
                ("1(1,A1)", "P1", "2", "9"),
            ),
            block("Count", ("Location", "Sample", "Ro", "Total Events"), ("1(1,A1)", "P9", "1", "8")),
        )
    )
    assert [note for note in run.notes if "checksum" not in note] == [
        "Median: line 19 has well A1 a second time",
        "line 23: Count has 'P9' in well A1, an earlier block has 'P1'",
        "line 23: Total Events of Count is '8', an earlier block has '9'",
    ]


@pytest.mark.parametrize(
    ("text", "value", "comparator", "flag"),
    [
        ("12.50", "12.50", None, None),
        ("-0", "0", None, None),
        ("1.5E+3", "1500", None, None),
        ("NaN", None, None, "not_a_number"),
        ("", None, None, "not_reported"),
        ("N/A", None, None, "not_reported"),
        ("***", None, None, "not_reported"),
        ("---", None, None, "too_few_beads"),
        ("Low bead #", None, None, "too_few_beads"),
        ("Masked", None, None, "masked"),
        ("<1.2", "1.2", "<", "below_range"),
        ("< 0.105", "0.105", "<", "below_range"),
        ("≤3", "3", "<=", "below_range"),
        ("> 5850", "5850", ">", "above_range"),
        (">=10", "10", ">=", "above_range"),
        ("OOR <", None, "<", "below_range"),
        ("OOR>", None, ">", "above_range"),
        ("20.lip", None, None, "not_a_number"),
        ("<high", None, None, "not_a_number"),
        ("1e999", None, None, "not_a_number"),
        ("1.2.3", None, None, "not_a_number"),
    ],
)
def test_missing_values_and_limits(text: str, value: str | None, comparator: str | None, flag: str | None) -> None:
    reading = only(parse(export(values("Result", text, "1"))), "Result")
    dumped = reading.model_dump(mode="json")
    assert (dumped["value"], dumped["comparator"], dumped["flag"]) == (value, comparator, flag)
    assert reading.raw == text


def test_names_the_first_cell_that_is_no_number() -> None:
    assert (
        "Std Dev: 1 cells are not numbers, the first is 'lip.83' at line 18, column dsDNA"
        in parse(export(values("Std Dev", "lip.83", "2"))).notes
    )


def test_a_block_of_words_is_no_fault() -> None:
    run = parse(export(values("Median", "1", "2"), values("Comments", "Extrapolated", "")))
    assert only(run, "Comments").raw == "Extrapolated"
    assert not any("not numbers" in note for note in run.notes)


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_decimal_commas(delimiter: str) -> None:
    text = export(values("Median", "10921,5", "<0,25", "7"), delimiter=delimiter)
    run = parse(text)
    assert [r.model_dump(mode="json")["value"] for r in run.readings] == ["10921.5", "0.25", "7"]
    assert [r.raw for r in run.readings] == ["10921,5", "<0,25", "7"]
    assert "numbers are written with a decimal comma" in run.notes


def test_three_digits_behind_a_comma_are_decimals_where_the_comma_does_not_separate_cells() -> None:
    run = parse(export(values("Median", "1,234"), delimiter=";"))
    assert run.readings[0].value == Decimal("1.234")


@pytest.mark.parametrize(
    ("cells", "problem"),
    [(("1,234", "2,000"), "separate thousands"), (("1,5", "2.5"), "decimal commas and decimal points")],
)
def test_refuses_to_guess_the_decimal_mark(cells: tuple[str, ...], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem) as caught:
        parse(export(values("Median", *cells)))
    assert (caught.value.line, caught.value.column, caught.value.value) == (18, "dsDNA", cells[0])


def test_the_decimal_mark_is_looked_for_beyond_the_named_columns() -> None:
    with pytest.raises(FaultyFile, match="column 4"):
        parse(export(block("Median", ("Location", "Sample", "Ro"), ("1(1,A1)", "P", "2.5", "1,5"))))


def test_blocks_that_are_not_cells_of_wells() -> None:
    run = parse(
        export(
            values("Result", "5"),
            block("Avg Result", ("Sample", "dsDNA", "Total Events"), ("Standard1", "4", "70"), ("", "3")),
            block("Acquisition Time", ("Location", "Sample", "Seconds"), ("1(1,A1)", "Background0", "38")),
            block("Units", ("Analyte:", "dsDNA"), ("BeadID:", "12"), ("Units:", "IU/mL", "beyond")),
            block("Standard Expected Concentration", ("Reagent", "dsDNA"), ("S-high", "100")),
            block("Control Expected Concentration", ("Reagent", "dsDNA"), ("Background0", "50")),
            block("Analysis Coefficients", ("Analyte:", "dsDNA"), ("Coefficient A", "-0.22")),
            block("Audit Logs", ("UserId", "Date", "Message"), ("jd", "3/23/2024", "approved")),
            block("Warnings/Errors", ("Location", "Status", "Message"), ("1,A1", "Warning", "few beads")),
            block("Future", ("Something", "Else"), ("1", "2")),
            (("DataType:", "Hollow"),),
        )
    )
    assert only(run, "Result").unit == "IU/mL"
    assert [(r.sample, r.raw, r.unit) for r in run.readings if r.quantity == "Avg Result"] == [
        ("Standard1", "4", "IU/mL"),
        (None, "3", "IU/mL"),
    ]
    assert [(r.sample, r.raw) for r in run.readings if r.quantity == "Total Events"] == [
        ("Standard1", "70"),
        (None, ""),
    ]
    seconds = only(run, "Acquisition Time", analyte=None)
    assert (seconds.value, seconds.unit) == (Decimal(38), "Seconds")
    assert run.wells[0].role == "control", "a reagent with an expected control concentration is a control"
    header: Mapping[str, str] = run.run.header
    assert header["Units: BeadID: dsDNA"] == "12"
    assert header["Units: Units: column 3"] == "beyond"
    assert header["Analysis Coefficients: Coefficient A: dsDNA"] == "-0.22"
    assert header["DataType: Warnings/Errors"] == "1"
    assert "Audit Logs: jd | 3/23/2024 | approved" in run.notes
    assert "Warnings/Errors: 1,A1 | Warning | few beads" in run.notes
    assert run.unread == (
        "line 54: the block 'Future' with columns Something, Else and 1 rows is not known",
        "line 58: the block 'Hollow' has no column names",
    )


def test_dilutions_belong_to_wells() -> None:
    dilutions = block(
        "Dilution Factor",
        ("Location", "Sample", "Dilution Factor"),
        ("Location", "Sample", "1"),
        ("1(1,A1)", "Background0"),
        ("2(1,B1)", "Standard1", "1:100"),
    )
    run = parse(export(values("Median", "1", "2"), dilutions))
    assert [w.dilution for w in run.wells] == [None, Decimal(100)]
    assert run.unread == ("line 23: the column names again: Location | Sample | 1",)
    assert run.run.header["DataType: Dilution Factor"] == "3", "the lines of the block as the file has them"


def test_dilutions_of_samples_are_readings() -> None:
    run = parse(export(values("Median", "1"), block("Dilution Factor", ("Sample", "Factor"), ("P", "50"))))
    assert only(run, "Dilution Factor", None, "Factor").value == Decimal(50)


def test_a_dilution_that_is_none_is_named() -> None:
    wrong = block("Dilution Factor", ("Location", "Sample", "Dilution Factor"), ("1(1,A1)", "Background0", "zero"))
    with pytest.raises(FaultyFile, match="dilution of well A1") as caught:
        parse(export(values("Median", "1"), wrong))
    assert (caught.value.line, caught.value.value) == (22, "zero")


def test_what_stands_under_no_name_is_listed() -> None:
    rows = (("1(1,A1)", "P", "1", "x", "2", "y"), ("2(1,B1)", "P", "1", "", "2"))
    run = parse(export(block("Median", ("Location", "Sample", "Ro", "", "La"), *rows)))
    assert [r.analyte for r in run.readings] == ["Ro", "La"] * 2
    assert run.unread == (
        "line 18: column 4 of Median has no name: x",
        "line 18: column 6 of Median has no name: y",
    )


def test_blank_lines_within_a_block_lose_nothing() -> None:
    text = export(
        block("Median", ("Location", "Sample", "Ro"), ("1(1,A1)", "P", "1"), (), ("2(1,B1)", "Q", "2"), (), ("stray",))
    )
    run = parse(text)
    assert [r.location for r in run.readings] == ["A1", "B1"]
    assert run.unread == ("line 22: stray",)


def test_a_blank_line_below_the_name_of_a_block_is_no_end() -> None:
    title, *rest = values("Median", "1")
    assert len(parse(export((title, (), *rest))).readings) == 1


def test_checksum() -> None:
    whole = PLAIN.replace("00000000", f"{zlib.crc32(PLAIN.partition('-- CRC --')[0].encode()):08x}")
    assert any("agrees" in note for note in parse(whole).notes)
    assert any("does not agree" in note for note in parse(whole.replace("37", "38")).notes)
    assert not any("checksum" in note for note in parse(PLAIN.replace("CRC32", "CRC1")).notes)


def test_checksum_within_the_last_block_counts_as_its_lines() -> None:
    warnings = block("Warnings/Errors", ("Location", "Status", "Message"), ("1,A1", "Ok", "few"))
    run = parse(export(values("Median", "1"), warnings[:-1], end=END[1:]))
    assert run.run.header["DataType: Warnings/Errors"] == "3"
    assert [note for note in run.notes if note.startswith("Warnings")] == ["Warnings/Errors: 1,A1 | Ok | few"]


CALIBRATION = (
    *HEADER[:9],
    ("BatchStopTime", "5/6/2024 1:00"),
    ("Batch", "again"),
    ("Note", "one", "two"),
    ("Most Recent Calibration and Verification Results:",),
    ("Last CAL Calibration", "Passed 3/22/2024 9:13:06 AM"),
    ("CALInfo:",),
    ("Reporter Calibrator",),
    ("Lot", "Result"),
    ("B1", "Pass", "extra"),
    ("Lot", "RP1Val", "Result"),
    ("B2", "15508", "Pass"),
    ("AssayLotInfo:",),
    ("KitName", "LotNumber", "ExpirationDate"),
    ("Lupus panel", "K-77", "1/1/2030"),
    (),
    ("Reagent", "LotName", "LotNumber"),
    ("Standard1",),
    ("Control1", "", "L-9"),
    ("Samples", "4"),
)


def test_header_sections_and_tables() -> None:
    run = parse(export(values("Median", "1"), header=CALIBRATION))
    header = run.run.header
    assert run.run.kit_lot == "K-77"
    expected = {
        "Batch (2)": "again",
        "Note": "one, two",
        "Last CAL Calibration": "Passed 3/22/2024 9:13:06 AM",
        "Reporter Calibrator 1 Lot": "B1",
        "Reporter Calibrator 1 column 3": "extra",
        "Reporter Calibrator 2 RP1Val": "15508",
        "KitName 1 KitName": "Lupus panel",
        "Reagent 1 Reagent": "Standard1",
        "Reagent 2 LotNumber": "L-9",
        "Samples": "4",
    }
    assert {name: header.get(name) for name in expected} == expected
    assert "Min Events" not in header


@pytest.mark.parametrize(
    ("fields", "started", "note"),
    [
        ((("BatchStartTime", "5/6/2024 10:00:00 PM"),), None, "the day or the month may come first"),
        ((("BatchStartTime", "5/6/2024 10:00:00 PM"), ("X", "Passed 13/6/2024")), "2024-06-05T22:00:00", None),
        ((("BatchStartTime", "5/6/2024 12:00:00 AM"), ("X", "6/13/2024")), "2024-05-06T00:00:00", None),
        ((("BatchStartTime", "5/6/2024"), ("X", "6/13/2024 and 13/6/2024")), None, "the day or the month"),
        ((("Date", "2024-06-05", "14:40"),), "2024-06-05T14:40:00", None),
        ((("Date", "05.06.2024", "14:40"),), "2024-06-05T14:40:00", None),
        ((("Date", "1/1/2025"),), "2025-01-01", None),
        ((("Date", "31/31/2025"),), None, "not a known form"),
        ((("Date", "1/1/2025 13:00 PM"),), None, "not a known form"),
        ((("Date", "Tuesday"),), None, "not a known form"),
        ((), None, None),
    ],
)
def test_started_at_is_read_only_when_it_reads_one_way(
    fields: tuple[tuple[str, ...], ...], started: str | None, note: str | None
) -> None:
    run = parse(export(values("Median", "1"), header=(HEADER[0], *fields)))
    assert run.run.started_at == started
    assert [n for n in run.notes if "left as text" in n] == [n for n in run.notes if note and note in n]
    assert run.run.software == "xPONENT"


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("hello", "not an xPONENT export", 1),
        ("\x00" * 50, "NUL", None),
        (b"\xff\xfe\x00\xd8\x00\xd8", "begins as utf-16-le", None),
        (export(), "before its first result block", 18),
        (export(values("Median", "1"), (("Program", "xPONENT"),)), "second run", 20),
        (export(block("Median", ("Location", "Sample", "Ro"))), "no result block holds a well", 16),
        (export(block("Median", ("Location", "Sample", "Ro"), ("nowhere", "P", "1"))), "names no well", 18),
        (export(block("Median", ("Location", "Sample", "Ro"), ("1(1,A99)", "P", "1"))), "names no well", 18),
        (PLAIN.replace('"37"', '"37'), "cannot be split", 20),
    ],
)
def test_faults_name_their_place(text: str | bytes, problem: str, line: int | None) -> None:
    with pytest.raises(FaultyFile, match=problem) as caught:
        parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (export(values("Median", "1", "2"), values("Count", "3"), end=()), "after 1 of 2 wells"),
        (export(values("Median", "1", "2"), (("DataType:", "Count"),), end=()), "within the block 'Count'"),
        (export(values("Median", "1", "2", analytes=("a", "b")), end=()).rstrip()[:-4], "within this line"),
        (export(values("Median", "1"), end=END[:2]), "within its checksum"),
        (export(values("Median", "1", "2000.5"), end=(), quote=False).rstrip()[:-2], "within this line"),
    ],
)
def test_a_file_that_was_cut_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        parse(text)


@pytest.mark.parametrize("last", ["\r\n", ""])
def test_a_file_without_checksum_that_looks_whole_is_read_with_a_note(last: str) -> None:
    run = parse(export(values("Median", "1", "2"), values("Count", "3", "4"), end=()).rstrip() + last)
    assert any("no checksum" in note for note in run.notes)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (PLAIN, Verdict.YES),
        (PLAIN.replace("MAGPIX", "Intelliflex"), Verdict.MAYBE),
        (PLAIN.replace("xPONENT", "SoftMax"), Verdict.NO),
        (export(values("Median", "1"), header=()), Verdict.MAYBE),
        ("a,b\n1,2\n", Verdict.NO),
        ("\x00" * 9, Verdict.NO),
    ],
)
def test_sniff(text: str, verdict: Verdict) -> None:
    assert sniff(text)[0] is verdict


def test_sniffs_the_beginning_of_a_file_cut_within_a_character() -> None:
    data = PLAIN.encode() + "µ".encode()[:1]
    assert IMPORTER.sniff(Head("run.csv", data, len(data) + 1))[0] is Verdict.YES


def test_characters_lost_before_are_noted() -> None:
    assert any("U+FFFD" in note for note in parse(PLAIN.replace("plate", "50�l")).notes)


SOURCE = export(
    values("Median", "10", "2000.5", "37"), values("Count", "100", "90", "80"), values("Result", "<1", "", "3")
)


@settings(deadline=None)
@given(end=st.integers(0, len(SOURCE)))
def test_truncation_is_an_importer_error_or_said(end: int) -> None:
    """No prefix of an export yields fewer wells in silence."""
    try:
        run = parse(SOURCE[:end])
    except ImporterError:
        return
    medians = [r for r in run.readings if r.quantity == "Median"]
    assert len(medians) == 3 or any("no checksum" in note for note in run.notes)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(SOURCE) - 1), st.integers(0, 30), st.text(max_size=8)), min_size=1, max_size=6
    )
)
def test_mutations_raise_importer_errors_only(edits: list[tuple[int, int, str]]) -> None:
    text = SOURCE
    for start, length, inserted in edits:
        text = text[:start] + inserted + text[start + length :]
    with contextlib.suppress(ImporterError):
        parse(text)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_bytes_raise_importer_errors_only(data: bytes) -> None:
    sniff(data)
    with pytest.raises(ImporterError):
        parse(data)


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_every_decimal_comes_back_exactly(number: Decimal) -> None:
    reading = only(parse(export(values("Median", f"{number:f}"))), "Median")
    assert reading.value == number
    again = Reading.model_validate_json(reading.model_dump_json())
    assert again == reading
