"""The fifteen items of BRISQ: counts, medians, and what is not recorded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from biobank.preanalytics.brisq import COLUMNS, NOT_RECORDED, Sample, as_csv, items, paragraph

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SERUM = Sample(
    tube="T1",
    participant="P1",
    type_title="Serum",
    cohort="New onset",
    sex="female",
    container="SST",
    stabilisation="Clot activator",
    preservation="freezing",
    storage="At 80 below",
    stored_from=NOW - timedelta(days=10),
    stored_until=None,
    shipped=("At 80 below",),
    measured=(("RIN", Decimal("8.0"), None),),
    sprec="SER-SST-A-B-N-B-A",
    sprec_version="4.0",
)
BARE = Sample("T2", None, "DNA", None, None, None, None, None, None, None, None, (), (), None, None)


def texts(*samples):
    return {one.number: one.text for one in items(samples, NOW)}


def test_the_fifteen_items_count_what_is_recorded_and_say_what_is_not():
    found = texts(SERUM, replace(SERUM, participant="P2", sex=None, stored_until=NOW - timedelta(days=3)), BARE)
    assert found == {
        1: "Serum (2), DNA (1)",
        2: NOT_RECORDED,
        3: "New onset (2), not recorded (1)",
        4: "sex at birth of 2 participants: female (1), not recorded (1)",
        5: NOT_RECORDED,
        6: NOT_RECORDED,
        7: NOT_RECORDED,
        8: "collected into SST (2), not recorded (1); by which procedure is not recorded",
        9: "Clot activator (2), not recorded (1)",
        10: "freezing (2), not recorded (1)",
        11: NOT_RECORDED,
        12: "At 80 below (2), not recorded (1)",
        13: "median 8.5 days (range 7 to 10), not recorded (1)",
        14: "At 80 below (2), not shipped (1)",
        15: "RIN 8 (8 to 8) in 2 of 3",
    }


def test_nothing_is_invented_of_a_tube_of_which_nothing_is_recorded():
    found = items([BARE], NOW)
    assert {one.number for one in found if one.recorded} == {1, 14}
    assert {one.text for one in found if not one.recorded} == {NOT_RECORDED}
    said = paragraph([BARE], found)
    assert said.startswith("1 tube (1 of them pools or blind duplicates). Biospecimen type: DNA (1).")
    assert "Not recorded: anatomical site, disease status" in said
    assert "SPREC" not in said


def test_the_paragraph_says_what_and_whose_and_by_which_codes():
    said = paragraph([SERUM], items([SERUM], NOW))
    assert said.startswith("1 tube of 1 participant. Biospecimen type: Serum (1).")
    assert "Storage duration: 10 days." in said
    assert "Composition assessment and selection: RIN 8 in 1 of 1." in said
    assert said.endswith("SPREC: SER-SST-A-B-N-B-A (1).")
    many = [replace(SERUM, sprec=f"SER-SST-{letter}-B-N-B-A") for letter in "ABCDEFGHIJKL"]
    assert "12 tubes of 1 participant." in paragraph(many, items(many, NOW))
    assert paragraph(many, items(many, NOW)).endswith("and 2 others.")
    whole = replace(SERUM, sex=None, participant="P9")
    assert texts(whole)[4] == NOT_RECORDED


def test_a_tube_that_was_moved_back_in_time_has_no_negative_age():
    assert texts(replace(SERUM, stored_from=NOW + timedelta(days=2)))[13] == "0 days"


def test_the_csv_has_a_row_a_tube():
    units = replace(SERUM, measured=(("Yield", Decimal(120), "ng"), ("RIN", Decimal("7.10"), None)))
    header, first, second = as_csv([units, BARE], NOW).splitlines()
    assert header == ",".join(COLUMNS)
    assert first.split(",")[:4] == ["T1", "Serum", NOT_RECORDED, "New onset"]
    assert "Yield 120 ng; RIN 7.1" in first
    assert first.endswith("SER-SST-A-B-N-B-A,4.0")
    assert second == ",".join(["T2", "DNA", *[NOT_RECORDED] * 12, "not shipped", *[NOT_RECORDED] * 3])
