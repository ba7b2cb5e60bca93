"""What people paste as ids of participants, and what makes a text safe in a spreadsheet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank import ids
from biobank.release import rules


@given(st.integers(0, 5), st.sampled_from(["{}", " {} ", "{}\t"]), st.booleans())
def test_an_id_is_the_same_however_it_is_written(number, shape, lower):
    codes = [ids.mint(ids.Kind.PARTICIPANT) for _ in range(number)]
    texts = [shape.format(ids.grouped(code).lower() if lower else code) for code in codes]
    good, bad = rules.read_codes([*texts, *texts, "", "  "])
    assert (set(good), bad) == (set(codes), {})


def test_what_is_no_id_of_a_participant_is_named_with_its_reason():
    tube = ids.mint(ids.Kind.TUBE)
    good, bad = rules.read_codes([tube, "0042", "P" + "A" * 9])
    assert good == {}
    assert bad[tube] == "a participant's id starts with P"
    assert "10 characters" in bad["0042"]
    assert "check character" in bad["PAAAAAAAAA"]


def test_there_is_a_limit():
    with pytest.raises(rules.TooManyParticipants, match="pull them in parts"):
        rules.read_codes(str(number) for number in range(rules.MOST_PARTICIPANTS + 1))


def test_text_columns_are_columns():
    assert set(rules.COLUMNS) >= rules.TEXT_COLUMNS
    assert "value" not in rules.TEXT_COLUMNS
