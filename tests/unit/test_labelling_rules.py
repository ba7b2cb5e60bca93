"""Pre-printed labels: what may be used, what is said of the rest, and codes that nobody mistakes for each other."""

from types import SimpleNamespace

import pytest

from biobank import ids
from biobank.errors import Invalid
from biobank.labelling import commands, rules
from biobank.labelling.rules import Label

CODE = ids.mint(ids.Kind.TUBE)


def label(**more):
    return Label(**{"code": CODE, "number": 7, "issued": True, "here": True, **more})


@pytest.mark.parametrize(
    ("stands", "error"),
    [
        ({"voided": "torn"}, rules.LabelVoided),
        ({"voided": "torn", "issued": False, "here": False}, rules.LabelVoided),
        ({"issued": False, "here": False}, rules.LabelNotIssued),
        ({"here": False, "applied": "2026-01-01 10:00 by Ann"}, rules.LabelOfAnotherSite),
        ({"applied": "2026-01-01 10:00 by Ann"}, rules.LabelApplied),
    ],
)
def test_a_label_that_is_not_to_be_used_says_why(stands, error):
    with pytest.raises(error) as refused:
        rules.check_usable(label(**stands))
    assert ids.grouped(CODE) in refused.value.detail
    assert type(rules.explain(label(**stands))) is error


def test_a_label_of_another_site_does_not_say_whose_tube_it_is_on():
    assert "Ann" not in rules.explain(label(here=False, applied="2026-01-01 10:00 by Ann")).detail


def test_an_unused_label_is_usable_and_names_no_tube():
    rules.check_usable(label())
    assert isinstance(rules.explain(label()), rules.LabelNotApplied)


def test_each_label_is_for_one_tube():
    rules.check_each_label_once([CODE, ids.mint(ids.Kind.TUBE)], "tubes")
    with pytest.raises(rules.Invalid) as refused:
        rules.check_each_label_once([CODE, CODE], "tubes")
    assert refused.value.errors == {"tubes": "names a label twice"}


def test_codes_of_a_range_are_three_misread_characters_apart():
    two = CODE[:3] + ("A" if CODE[3] != "A" else "B") + CODE[4:8] + ("A" if CODE[8] != "A" else "B") + CODE[9:]
    three = two[:5] + ("A" if two[5] != "A" else "B") + two[6:]
    assert rules.near([CODE, two]) == {two}
    assert rules.near([CODE, CODE[:9] + ("A" if CODE[9] != "A" else "B")]) != frozenset()
    assert rules.near([CODE, three]) == frozenset()


def test_a_range_is_issued_and_received_once():
    rules.check_may_issue(7, None)
    rules.check_may_receive(7, issued=True, received=False)
    rules.check_something_left(7, 1)
    for refused in (
        lambda: rules.check_may_issue(7, "CHI"),
        lambda: rules.check_may_receive(7, issued=False, received=False),
        lambda: rules.check_may_receive(7, issued=True, received=True),
        lambda: rules.check_something_left(7, 0),
    ):
        with pytest.raises(rules.RangeState):
            refused()


def test_what_the_database_refuses_is_said_in_words():
    for make in rules.CONSTRAINTS.values():
        assert len(make().detail) > 20


class Scripted:
    """Gives the characters of bodies in order, then those of the system."""

    def __init__(self, *bodies):
        self.left = [character for body in bodies for character in body]

    def choice(self, seq):
        return self.left.pop(0) if self.left else ids.SYSTEM_RANDOM.choice(seq)


def test_a_code_that_is_near_another_one_is_drawn_again():
    good = [
        body for last in ids.BODY_ALPHABET if ids.check_character("T" + (body := "2222222" + last)) in ids.BODY_ALPHABET
    ]
    tx = SimpleNamespace(randomness=Scripted(*good[:2]))
    first, second = commands._codes(tx, 2)
    assert first[1:9] == good[0]
    assert second[1:9] != good[1]
    assert rules.near([first, second]) == frozenset()


def test_a_range_is_divided_into_whole_kits_or_not_at_all():
    assert rules.kits_of(16, None) == ()
    assert rules.kits_of(16, 8) == ((1, 8), (9, 16))
    for count, words in ((15, "mint 8 or 16"), (5, "mint 8 or 8")):
        with pytest.raises(Invalid, match=words):
            rules.kits_of(count, 8)
