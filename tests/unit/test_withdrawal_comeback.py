"""What a rescission says comes back and what does not."""

import pytest

from biobank.withdrawal import comeback
from biobank.withdrawal.comeback import Reach

ALL = {"planned_visits": True, "stored_tubes": True, "pools": True, **comeback.GIVEN}
NOTHING = dict.fromkeys(ALL, False)
EVERYTHING = Reach(
    held=4,
    pools=1,
    still_held=2,
    listed=3,
    gone=1,
    taken_out=2,
    away=3,
    sent=1,
    unsent=2,
    visits=5,
    unreleased=6,
    released=7,
    closed=True,
    others=("no_contact",),
)


def said(level="destroy", reversible=ALL, reach=EVERYTHING):
    back, stays = comeback.comes_back(level, reversible, reach)
    return " ".join(back), " ".join(stays)


def test_everything_is_said_with_its_number():
    back, stays = said()
    for words in (
        "4 tubes will come off hold",
        "1 pool will come off hold",
        "3 tubes of these will be struck off",
        "2 notices to partners that did not go out",
        "5 visits that it cancelled will be planned again",
        "6 results not yet released",
        "7 released results will be in new pulls",
    ):
        assert words in back
    for words in (
        "2 tubes stay on hold, because another withdrawal",
        "1 tube destroyed",
        "2 tubes that came out",
        "1 notice to partners went out: write to them yourself (3 tubes with partners)",
        "Other withdrawals of the participant stand: no further contact",
        "The certificate stands",
        "audit trail",
    ):
        assert words in stays


def test_what_the_policy_does_not_let_back_is_said_to_stay():
    back, stays = said(reversible=NOTHING)
    assert "off hold" not in back
    assert "4 tubes stay on hold: the consent form's policy" in stays
    assert "5 visits that it cancelled stay cancelled" in stays


def test_nothing_is_promised_where_there_is_nothing_or_another_withdrawal_stops_all_use():
    back, stays = said(reach=Reach())
    assert back == "The withdrawal counts no more from this moment on; that it counted until then stays on record."
    assert "Reservations" in stays
    assert "Results stay withheld" in said(reach=Reach(released=1, others=("destroy",)))[1]
    assert "Reservations" not in said("no_contact", reach=Reach())[1]


def test_a_withdrawal_is_taken_back_once():
    comeback.check_standing(rescinded=False)
    with pytest.raises(comeback.WithdrawalRescinded):
        comeback.check_standing(rescinded=True)


def test_some_things_are_no_matter_of_choice():
    assert comeback.refused_reversible("destroy", {"stored_tubes": False, "released_results": True}) == []
    assert comeback.refused_reversible("destroy", {"tubes_away": True}) == ["destroy.tubes_away"]
