"""Rules of assays on plain values, and what a file means for a run."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_importers import ParsedRun, Reading, Run
from assay_importers import errors as importer_errors
from biobank.assay import rules, uploads
from biobank.assay.matching import KnownAnalyte, MapWell, match, units
from biobank.assay.reading import meant as meaning_of
from biobank.errors import Invalid, TooLarge


@given(st.integers(0, 31), st.integers(0, 47))
def test_a_location_is_read_back_as_the_position_it_was(row, col):
    assert rules.position(rules.location(row, col), 32, 48) == (row, col)


@pytest.mark.parametrize("text", ["", "A0", "I1", "A13", "11", "é1"])
def test_a_well_that_a_plate_of_96_does_not_have(text):
    assert rules.position(text, 8, 12) is None


@pytest.mark.parametrize(
    ("comparator", "kind"), [(None, None), ("<", "LLOQ"), ("<=", "LLOQ"), (">", "ULOQ"), (">=", "ULOQ")]
)
def test_a_comparator_says_which_limit(comparator, kind):
    assert rules.limit_kind(comparator) == kind


@pytest.mark.parametrize(
    ("quantity", "in_file", "unit"),
    [
        ("Median", None, "MFI"),
        ("Result", "pg/mL", "pg/mL"),
        ("Count", None, None),
        ("% Recovery", None, None),
        ("Count", "beads", "beads"),
    ],
)
def test_units(quantity, in_file, unit):
    assert rules.unit_of(quantity, in_file, "MFI") == unit


def test_software_is_named_as_the_file_names_it():
    assert rules.software_of({"Program": "xPONENT MAGPIX", "Build": "4.2"}, "x") == "xPONENT MAGPIX 4.2"
    assert rules.software_of({"Program": " "}, "Gen5") == "Gen5"
    assert rules.software_of({}, None) is None


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (("exists", "acceptable", None), None),
        (("exists", "acceptable", None, True, False), "the tube lies in a package: receive the shipment first"),
        (("exists", "acceptable", None, False, True), "the tube is with an external laboratory"),
        (("entered_in_error", "acceptable", None), "the tube is entered in error"),
        (("exists", "quarantined", None), "the tube is quarantined"),
        (("exists", "acceptable", "identity_doubt"), "the tube is on hold: identity doubt"),
    ],
)
def test_why_a_tube_may_not_be_assayed(state, words):
    existence, quality, hold, packed, outside = (*state, False, False)[:5]
    assert rules.tube_problem(existence, quality, hold, packed=packed, outside=outside) == words


def test_a_reviewer_is_somebody_else():
    rules.check_four_eyes(3, 1, 2)
    rules.check_four_eyes(3, 1, None)
    for actor, others in ((1, (1, 2)), (2, (1, 2)), (None, (1, None))):
        with pytest.raises(rules.FourEyes):
            rules.check_four_eyes(actor, *others)


def test_a_run_without_controls_needs_a_reason():
    rules.check_controls("r", 1, None)
    rules.check_controls("r", 0, "read against a plate of the same day")
    with pytest.raises(rules.NoControls, match="Run r has no control"):
        rules.check_controls("r", 0, None)


def test_every_bad_row_is_kept_and_the_first_ten_are_said():
    rules.refuse_rows([])
    rows = [{"line": n or None, "well": f"A{n}", "code": None, "problem": "odd"} for n in range(12)]
    with pytest.raises(rules.PlateMapRefused) as refused:
        rules.refuse_rows(rows)
    assert refused.value.detail.startswith("Nothing was stored. well A0: odd; line 1, well A1: odd;")
    assert refused.value.detail.endswith("and 2 more.")
    assert refused.value.fields["rows"] == rows


def test_every_constraint_has_its_error():
    for make in rules.CONSTRAINTS.values():
        assert make().detail


def test_a_character_that_cannot_be_stored_is_replaced_and_seen():
    assert rules.storable("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"


def reading(location="A1", analyte="alpha", quantity="Median", plate="1", **more):
    values = {"plate": plate, "location": location, "sample": "s", "analyte": analyte, "quantity": quantity}
    return Reading(**values, value=Decimal(1), raw="1", **more)


def parsed(*readings):
    return ParsedRun(format="f", importer_version="1", run=Run(), readings=readings)


ALPHA = {"alpha": KnownAnalyte(7, "AG-A", "MFI")}
WELLS = {(1, 0, 0): MapWell(1, "unknown"), (1, 1, 0): MapWell(2, "control")}


def test_readings_find_their_wells_and_the_rest_is_named():
    file = parsed(
        reading(),
        reading(quantity="Count"),
        reading(location="H12"),
        reading(location="Z40"),
        reading(analyte="beta"),
        reading(location=None),
        reading(analyte=None, quantity="Total Events"),
        reading(),
    )
    found = match(
        file, {1: (8, 12)}, {**WELLS, (1, 2, 0): MapWell(3, "empty")}, {**ALPHA, "g": KnownAnalyte(8, "G", "u")}
    )
    assert [(one.well.id, one.reading.quantity, one.unit) for one in found.placed] == [
        (1, "Median", "MFI"),
        (1, "Count", None),
        (1, "Median", "MFI"),
    ]
    assert found.unknown_wells == ["H12", "Z40"]
    assert found.missing_wells == ["B1"]
    assert found.unknown_analytes == ["beta"]
    assert found.missing_analytes == ["G"]
    assert found.twice == ["A1, alpha, Median"]
    assert found.in_file_only == {"Median": 1, "Total Events": 1}
    assert found.samples == {1: "s"}
    assert len(found.problems) == 3
    assert units(found.placed) == {"Median": (2, ("MFI",)), "Count": (1, ())}


def test_several_plates_are_told_apart():
    plates = {1: (8, 12), 2: (8, 12)}
    wells = {**WELLS, (2, 0, 0): MapWell(3, "unknown"), (2, 5, 5): MapWell(4, "unknown")}
    file = parsed(reading(), reading(plate="2"), reading(plate="3"), reading(plate=None, location="B1"))
    found = match(file, plates, wells, ALPHA)
    assert [one.well.id for one in found.placed] == [1, 3, 2]
    assert found.unknown_wells == ["A1 of plate 3"]
    assert found.missing_wells == ["F6 of plate 2"]


def test_a_file_of_one_plate_belongs_to_the_run_of_one_plate_whatever_it_is_called():
    found = match(parsed(reading(plate="Plate 4")), {1: (8, 12)}, WELLS, ALPHA)
    assert [one.well.id for one in found.placed] == [1]


def test_a_file_without_wells_is_no_plate():
    found = match(parsed(reading(location=None)), {1: (8, 12)}, WELLS, ALPHA)
    assert "not an export of a plate" in found.problems[0]


def test_many_names_are_cut_in_the_message():
    found = match(parsed(*(reading(analyte=f"x{n}") for n in range(20))), {1: (8, 12)}, WELLS, ALPHA)
    assert "x11 and 8 more" in found.problems[0]


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (importer_errors.FileTooLarge(2, 1), rules.FileTooLarge),
        (importer_errors.NoImporter([]), rules.FormatUnclear),
        (importer_errors.SeveralImporters([]), rules.FormatUnclear),
        (importer_errors.SeveralImporters([{"format": "gct", "verdict": "YES", "reason": "#"}]), rules.FormatUnclear),
        (importer_errors.UnknownFormat("x", ["y"]), rules.FormatUnclear),
        (importer_errors.FaultyFile("odd", line=3, column="Location", value="?"), rules.FileRefused),
        (importer_errors.ParseTimeout(30), rules.FileRefused),
        (importer_errors.ParseCrashed("boom"), rules.ImporterFailed),
        (importer_errors.NotInstalled("none"), rules.ImporterFailed),
    ],
)
def test_every_importer_error_has_a_meaning(error, meant):
    found = meaning_of(error)
    assert type(found) is meant
    assert found.detail.startswith("Nothing was stored")


@given(st.binary(max_size=2000))
def test_a_file_comes_out_of_the_form_as_it_went_in(content):
    assert uploads.unpack(uploads.pack(content), 2000) == content


def test_a_form_does_not_smuggle_in_more_than_an_upload_may_have():
    with pytest.raises(TooLarge):
        uploads.unpack(uploads.pack(bytes(5000)), 1000)
    for damaged in ("", "####", uploads.pack(b"abc")[:-8]):
        with pytest.raises(Invalid, match="lost its file"):
            uploads.unpack(damaged, 1000)
