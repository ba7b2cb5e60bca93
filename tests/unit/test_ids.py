"""House identifiers against the published vectors, every single error, and what guns and keyboards send."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_2

from biobank import ids

house_ids = st.builds(lambda kind, seed: ids.mint(kind, random.Random(seed)), st.sampled_from(ids.Kind), st.integers())  # noqa: S311


@pytest.mark.parametrize(("data", "check"), [("G123489654321", "Y"), ("G123498654321", "H"), ("ABCDE27000069", "C")])
def test_the_published_vectors(data, check):
    assert ids.check_character(data) == check


@given(st.text(ids.CHECK_ALPHABET[:-1], min_size=1, max_size=30))
def test_it_agrees_with_an_independent_implementation(data):
    assert ids.check_character(data) == mod_37_2.calc_check_digit(data)


@given(house_ids)
def test_a_minted_id_is_valid_and_scan_safe(code):
    assert ids.parse(code) == (ids.Kind(code[0]), code)
    assert mod_37_2.is_valid(code)
    assert set(code[1:]) <= set(ids.BODY_ALPHABET)


@given(house_ids, st.integers(0, 9), st.sampled_from(ids.CHECK_ALPHABET))
def test_any_wrong_character_is_found(code, at, other):
    wrong = code[:at] + other + code[at + 1 :]
    if wrong != code:
        with pytest.raises(ids.BadIdentifier):
            ids.parse(wrong)


@given(house_ids, st.integers(0, 8), st.integers(1, 2))
def test_any_two_neighbours_swapped_are_found(code, at, apart):
    letters = list(code)
    if at + apart < len(letters):
        letters[at], letters[at + apart] = letters[at + apart], letters[at]
    wrong = "".join(letters)
    if wrong != code:
        with pytest.raises(ids.BadIdentifier):
            ids.parse(wrong)


@given(
    house_ids, st.sampled_from(["{}", " {}\r\n", "]d2{}", "]C1{}\t", "\x1d{}", "{}\x1d"]), st.booleans(), st.booleans()
)
def test_what_a_gun_or_a_keyboard_adds_is_taken_off(code, frame, lower, separated):
    text = ids.grouped(code) if separated else code
    assert ids.canonical(frame.format(text.lower() if lower else text)) == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 10 characters, this has 0"),
        ("TKQ7M3X9V", "this has 9"),
        ("ZKQ7M3X9VA", "starts with Z"),
        ("TKQ7M3XOVA", r"character 8 \(O\)"),
        ("TKQ7M3X9V2" if ids.check_character("TKQ7M3X9V") != "2" else "TKQ7M3X9V3", "check character"),
    ],
)
def test_a_refusal_says_which_rule_is_broken(text, reason):
    with pytest.raises(ids.BadIdentifier, match=reason):
        ids.parse(text)


def test_other_texts_are_not_grouped():
    assert ids.grouped("FA12345678X") == "FA12345678X"
    assert ids.grouped("TKQ7M3X9V*") == "TKQ7M3X9V*"


def test_what_looks_like_a_house_id_is_not_taken_for_a_vendors_code():
    assert ids.looks_like_house_id("TKQ7M3X9V1")
    assert not ids.looks_like_house_id("1234567890")
    assert not ids.looks_like_house_id("TKQ7")
