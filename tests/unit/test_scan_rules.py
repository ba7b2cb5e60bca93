"""Command codes, misreads, and words for the wrong kind of code."""

import pytest

from biobank import ids
from biobank.scan import rules


def test_command_codes_are_valid_house_ids_of_their_kind():
    assert [ids.parse(command.code)[0] for command in rules.COMMANDS] == [ids.Kind.COMMAND] * 7
    assert len(rules.BY_CODE) == len({command.verb for command in rules.COMMANDS}) == 7


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
