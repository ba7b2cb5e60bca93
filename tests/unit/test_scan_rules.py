"""Command codes, misreads, and words for the wrong kind of code."""

from datetime import UTC, datetime, timedelta

import pytest

from biobank import ids
from biobank.errors import Invalid
from biobank.scan import rules

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_command_codes_are_valid_house_ids_of_their_kind():
    assert [ids.parse(command.code)[0] for command in rules.COMMANDS] == [ids.Kind.COMMAND] * len(rules.COMMANDS)
    assert len(rules.BY_CODE) == len({command.verb for command in rules.COMMANDS}) == len(rules.COMMANDS)


def test_near_is_one_misread_or_two_neighbours_swapped():
    others = ["TKQ7M3X9V7", "TKQ7M3X9V2", "TK7QM3X9V7", "T7QKM3X9V7", "TKQ7M3X922", "TKQ7M3X9V", "TQ7KM3X9V7"]
    assert rules.near("TKQ7M3X9V7", others) == ("TK7QM3X9V7", "TKQ7M3X9V2")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("P", "participant"),
        ("R", "rack"),
        ("L", "place"),
        ("X", "receive it"),
        ("U", "badge"),
        ("W", "plate"),
        ("K", "kit"),
    ],
)
def test_the_wrong_kind_is_named(kind, word):
    assert word in rules.wrong_kind(ids.Kind(kind), "X")


def test_words_of_places_and_suggestions():
    assert rules.place_words("package", "XKQ7M3X9V7") == "packed in XKQ7-M3X9-V7"
    assert rules.place_words("ended", "disposed") == "disposed"
    assert rules.place_words("party", "Lab") == "with Lab"
    assert rules.did_you_mean([]) == ""
    assert "TKQ7-M3X9-V7" in rules.did_you_mean(["TKQ7M3X9V7"])


def test_a_late_scan_is_of_this_week_and_not_of_the_future():
    for moment in (None, NOW + timedelta(minutes=1), NOW - timedelta(days=6)):
        rules.check_scanned_at(moment, NOW)
    with pytest.raises(Invalid, match="future"):
        rules.check_scanned_at(NOW + timedelta(minutes=3), NOW)
    with pytest.raises(Invalid, match="more than 7 days"):
        rules.check_scanned_at(NOW - timedelta(days=8), NOW)


def test_a_scan_is_sent_by_who_made_it():
    rules.check_made_by(None, "ada")
    rules.check_made_by("ada", "ada")
    with pytest.raises(rules.ScanOfAnother, match="made by ada, and bob is signed in"):
        rules.check_made_by("ada", "bob")


@pytest.mark.parametrize(
    ("minutes", "cold", "tone"), [(9, True, "ok"), (10, True, "warning"), (30, True, "stop"), (300, False, "ok")]
)
def test_frozen_tubes_in_hand_turn_amber_then_red(minutes, cold, tone):
    assert rules.tone(timedelta(minutes=minutes), cold=cold) == tone


def test_the_self_test_symbol_tells_keyboard_layouts_apart():
    assert set(ids.CHECK_ALPHABET) <= set(rules.SELF_TEST)
