"""What a withdrawal says it does, level by level, what is open, and when it is done; and the rules of disposal."""

from datetime import UTC, date, datetime, timedelta

import pytest

from biobank.disposal import rules as disposal
from biobank.errors import DomainError, Invalid, Stale
from biobank.participant import rules as participant
from biobank.participant.rules import LEVELS, STOPPING_LEVELS
from biobank.study import rules as study
from biobank.withdrawal import rules
from biobank.withdrawal.rules import Counted, Facts, TubeNow

# The table of the domain: object by level.
SEEDED = {
    "no_contact": ("cancel", "keep", "keep", "keep", "keep", "keep", "keep"),
    "no_access": ("keep", "keep", "keep", "keep", "keep", "keep", "keep"),
    "no_further_use": ("cancel", "hold", "take_out", "recall", "hold", "withhold", "hide"),
    "destroy": ("cancel", "dispose", "take_out", "destroy", "hold", "withhold", "hide"),
}
POLICY = {level: dict(zip(rules.OBJECT_TITLES, row, strict=True)) for level, row in SEEDED.items()}
EVERYTHING = Facts(
    stored=(Counted("Freezer 3, Central laboratory", 4),),
    in_hand=(Counted("in the hands of Ann (Chicago clinic)", 1),),
    packed=(Counted("shipment X", 2),),
    picked=(Counted("pick list Q", 1),),
    coming=(Counted("on the way to Toronto clinic, shipment Y", 1),),
    away=(Counted("Oracle Assay Laboratory", 3),),
    gone=2,
    pools=1,
    visits=5,
    unreleased=6,
    runs=2,
    released=40,
    pulls=1,
    earlier={"no_contact"},
)


def said(level, facts=EVERYTHING, **changed):
    will, will_not = rules.stated(level, {**POLICY[level], **changed}, facts)
    return " ".join(will), " ".join(will_not)


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_says_what_it_does_with_its_numbers(level):
    will, will_not = said(level)
    stops = level in STOPPING_LEVELS
    assert ("8 tubes in the house will be on hold at once" in will) == stops
    assert ("40 released results will be left out of every new pull" in will) == stops
    assert ("6 results of 2 runs" in will) == stops
    assert ("The 8 tubes in the house and the 3 tubes elsewhere stay usable." in will_not) == (not stops)
    assert ("5 planned visits will be cancelled" in will) == (level != "no_access")
    assert ("5 planned visits stay planned" in will_not) == (level == "no_access")
    for kept in ("1 pull of results", "2 tubes used up", "Earlier withdrawals", "audit trail"):
        assert kept in will_not


def test_the_two_stopping_levels_differ_in_what_is_destroyed():
    will, will_not = said("destroy")
    assert "put on a disposal list in freezer order" in will
    assert "destroyed there" in will
    assert "each is confirmed by two people first" in will_not
    will, will_not = said("no_further_use")
    assert "kept apart (4 tubes: Freezer 3" in will
    assert "sent back" in will
    assert "No tube is destroyed." in will_not
    assert "stay where they are, and nobody is written to" in said("destroy", tubes_away="keep")[1]
    assert "1 tube: shipment" not in will
    assert "2 tubes: shipment X" in will
    assert "1 tube: pick list Q" in will
    assert "kept apart where they arrive" in will


def test_what_becomes_of_pools_is_said_as_the_policy_says():
    assert "The use of 1 pool with material of others goes on" in said("no_contact")[1]
    will, will_not = said("destroy")
    assert "listed until somebody decides" in will
    assert "No pool is destroyed" in will_not
    assert "destroyed by two people with what others gave" in said("destroy", pools="dispose")[0]
    assert "the consent gate stops all use" in said("destroy", pools="keep")[1]


def test_somebody_with_nothing():
    will, will_not = said("destroy", Facts())
    assert "status becomes withdrawn" in will
    for words in ("there is none in the house", "none has a tube", "No result changes", "none is planned"):
        assert words in will_not
    only_away = Facts(away=(Counted("Oracle", 1),), unreleased=1, runs=1)
    assert "1 result of 1 run that" in said("no_further_use", only_away)[0]
    packed = Facts(packed=(Counted("shipment X", 1),))
    assert "kept apart." in said("no_further_use", packed)[0]
    assert "two people." in said("destroy", packed)[0]


def test_a_policy_is_whole_and_agrees_with_the_gate():
    rules.check_policy(POLICY)
    for level, kind, wrong in (
        ("no_contact", "stored_tubes", "hold"),
        ("destroy", "stored_tubes", "keep"),
        ("destroy", "released_results", "keep"),
        ("no_access", "planned_visits", "dispose"),
    ):
        with pytest.raises(Invalid, match=f"level {level}"):
            rules.check_policy({**POLICY, level: {**POLICY[level], kind: wrong}})
    with pytest.raises(Invalid) as missing:
        rules.check_policy({})
    assert list(missing.value.errors.values()) == ["is missing"]


def test_a_statement_that_changed_is_stale():
    rules.check_statement("a", "a")
    with pytest.raises(rules.StatementChanged) as changed:
        rules.check_statement("a", "b")
    assert isinstance(changed.value, Stale)
    assert changed.value.fields["statement"] == "b"


@pytest.mark.parametrize(
    ("plan", "place", "noticed", "outcome", "step"),
    [
        ("hold", "position", False, None, "done"),
        ("hold", "holder", False, None, "put_back"),
        ("dispose", "position", False, None, "dispose"),
        ("dispose", "holder", False, None, "dispose"),
        ("hold", "package", False, None, "receive"),
        ("hold", "party", True, None, "reply"),
        ("hold", "party", True, "sent_back", "receive"),
        ("hold", "party", True, "kept", "done"),
        ("dispose", "holder", True, "sent_back", "dispose"),
        ("dispose", "ended", True, "destroyed", "done"),
        ("hold", "ended", False, None, "done"),
    ],
)
def test_what_a_tube_waits_for(plan, place, noticed, outcome, step):
    assert rules.step(TubeNow("T", plan, place, noticed, outcome)) == step


def test_a_withdrawal_is_closed_when_all_is_done():
    rules.check_closable({"done": 9}, 0, closed=False)
    with pytest.raises(rules.WithdrawalOpen) as waits:
        rules.check_closable({"put_back": 1, "dispose": 2, "done": 1}, 1, closed=False)
    assert waits.value.fields["open"] == [
        "1 tube to be put back",
        "2 tubes to be disposed of",
        "1 notice without a reply",
    ]
    with pytest.raises(rules.WithdrawalClosed):
        rules.check_closable({}, 0, closed=True)
    rules.check_version(2, 2)
    with pytest.raises(Stale):
        rules.check_version(1, 2)


def test_a_notice_is_sent_then_answered_each_once():
    rules.check_notice(sent=False, answered=False, answering=False)
    rules.check_notice(sent=True, answered=False, answering=True)
    for state, words in (
        ({"sent": True, "answered": True, "answering": True}, "answered already"),
        ({"sent": False, "answered": False, "answering": True}, "how and when"),
        ({"sent": True, "answered": False, "answering": False}, "sent already"),
    ):
        with pytest.raises(rules.NoticeState, match=words):
            rules.check_notice(**state)
    rules.check_each_answered(["a"], ["a", "b"])
    with pytest.raises(Invalid, match="does not name c"):
        rules.check_each_answered(["c"], ["a", "b"])


def test_what_became_of_the_tubes():
    assert rules.result_of("exists", None) == "on_hold"
    assert rules.result_of("disposed", None) == "disposed"
    assert rules.result_of("disposed", "destroyed") == "partner_destroyed"
    assert rules.result_of("exists", "sent_back") == "on_hold"
    assert rules.result_of("exists", "kept") == "partner_kept"
    assert rules.done({"disposed": 2, "on_hold": 1}) == ("2 tubes: destroyed.", "1 tube: on hold, kept apart.")


# --- disposal ---------------------------------------------------------------------------------------------------------

ANN, BOB = 1, 2


def word(person, found=True, method="autoclaved"):
    return disposal.Word(person, found, method if found else None)


def line(status="listed", first_by=None):
    return disposal.Line("T", status, first_by, "autoclaved" if status == "confirmed" else None)


def test_two_people_settle_a_tube():
    assert disposal.after(line(), word(ANN)) == "confirmed"
    assert disposal.after(line("confirmed", ANN), word(BOB, method=None)) == "disposed"
    assert disposal.after(line(), word(ANN, found=False)) == "missed"
    assert disposal.after(line("missed", ANN), word(BOB, found=False)) == "not_found"
    # Another word starts anew.
    assert disposal.after(line("missed", ANN), word(BOB)) == "confirmed"
    assert disposal.after(line("confirmed", ANN), word(BOB, found=False)) == "missed"


def test_one_person_alone_settles_nothing():
    for status, found in (("confirmed", True), ("missed", False)):
        with pytest.raises(disposal.SecondPerson):
            disposal.after(line(status, ANN), word(ANN, found=found))
    with pytest.raises(Invalid, match="how it is destroyed"):
        disposal.after(line(), word(ANN, method=None))
    for status in ("disposed", "not_found", "struck"):
        with pytest.raises(disposal.DisposalClosed):
            disposal.after(line(status, ANN), word(BOB))


def test_a_tube_is_disposed_of_where_it_is():
    disposal.check_place("T", "exists", "position", here=True, found=True)
    disposal.check_place("T", "lost", "ended", here=False, found=True)
    for existence, place, here, words in (
        ("disposed", "ended", False, "nothing to dispose"),
        ("exists", "package", True, "in a shipment"),
        ("exists", "party", False, "with a partner"),
        ("exists", "holder", False, "another site"),
    ):
        with pytest.raises(disposal.NotToDispose, match=words):
            disposal.check_place("T", existence, place, here=here, found=True)
    disposal.check_one_place({(1, 2)}, 1, 2)
    with pytest.raises(Invalid):
        disposal.check_one_place({(1, 2), (1, 3)}, 1, 2)
    disposal.check_not_picked({"T": None})
    with pytest.raises(disposal.NotToDispose, match="pick list Q"):
        disposal.check_not_picked({"T": "Q"})


def test_what_is_struck_off_a_list():
    disposal.check_strikable("T", "listed", "surplus")
    with pytest.raises(disposal.DisposalClosed):
        disposal.check_strikable("T", "disposed", "surplus")
    with pytest.raises(disposal.NotToDispose):
        disposal.check_strikable("T", "listed", "consent_withdrawn")


# --- consent ----------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_times_of_a_consent():
    participant.check_consent_times(NOW - DAY, NOW - DAY, None, NOW)
    participant.check_consent_times(NOW - DAY, NOW + DAY, NOW + 2 * DAY, NOW)
    for times, field in (
        ((NOW + DAY, NOW + DAY, None), "signed_at"),
        ((NOW - DAY, NOW - 2 * DAY, None), "effective_from"),
        ((NOW - DAY, NOW - DAY, NOW - DAY), "effective_to"),
    ):
        with pytest.raises(Invalid) as refused:
            participant.check_consent_times(*times, NOW)
        assert list(refused.value.errors) == [field]


def test_the_times_of_a_withdrawal():
    participant.check_withdrawn_when(NOW, None, date(2026, 11, 27), date(2026, 11, 27), NOW)
    for when, field in (
        ((NOW + DAY, None, date(2026, 11, 28), date(2026, 1, 1)), "effective_at"),
        ((NOW - DAY, None, date(2026, 11, 26), date(2026, 11, 27)), "effective_at"),
        ((NOW, NOW + DAY, date(2026, 11, 27), date(2026, 1, 1)), "requested_at"),
    ):
        with pytest.raises(Invalid) as refused:
            participant.check_withdrawn_when(*when, NOW)
        assert list(refused.value.errors) == [field]


def test_decisions_moments_and_marks():
    participant.check_decided(["a"], ["b"], ["a", "b", "c"])
    for granted, denied in ((["a"], ["a"]), (["z"], [])):
        with pytest.raises(Invalid):
            participant.check_decided(granted, denied, ["a", "b"])
    assert participant.with_zone(None, "at") is None
    assert participant.with_zone(NOW, "at") == NOW
    with pytest.raises(Invalid, match="time zone"):
        participant.with_zone(NOW.replace(tzinfo=None), "at")
    participant.check_not_in_error(1, None)
    with pytest.raises(participant.ConsentInError):
        participant.check_not_in_error(1, NOW)
    assert participant.strongest([]) is None
    assert participant.strongest(["no_contact", "destroy"]) == "destroy"


def test_the_approval_of_a_form():
    study.check_approval(date(2026, 1, 1), None)
    study.check_approval(date(2026, 1, 1), date(2026, 1, 1))
    with pytest.raises(Invalid):
        study.check_approval(date(2026, 1, 2), date(2026, 1, 1))
    study.check_scopes(["a"], ["a", "b"])
    with pytest.raises(Invalid, match="no scope z"):
        study.check_scopes(["z"], ["a", "b"])
    study.check_form_version(1, 1)
    with pytest.raises(Stale):
        study.check_form_version(1, 2)


@pytest.mark.parametrize("constraints", [rules.CONSTRAINTS, disposal.CONSTRAINTS])
def test_every_constraint_has_words(constraints):
    for name, make in constraints.items():
        error = make()
        assert isinstance(error, DomainError), name
        assert error.detail.endswith("."), name
