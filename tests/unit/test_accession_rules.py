"""The visit day's rules: what stands for a planned tube, what may be finished, how a yield is divided."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank.accession import rules
from biobank.accession.clocks import Clock, Step
from biobank.accession.rules import Found, Outcome, Slot, Tally
from biobank.errors import DomainError, Invalid

SST = [Slot(1, "SST", one, 2, "BLD", "SST") for one in (1, 2)]
URINE = Slot(2, "URINE", 1, 1, "URN", "URINE")
SLOTS = [*SST, URINE]


def test_tubes_stand_for_open_slots_first_and_then_for_those_with_a_reason():
    outcomes = {SST[0].key: Outcome(None, "short_draw")}
    tubes = [Found(7, "BLD", "SST"), Found(8, "BLD", "SST"), Found(9, "BLD", "SST"), Found(10, "SAL", "ORAGENE")]
    assert rules.match(SLOTS, outcomes, tubes) == [(SST[1], tubes[0]), (SST[0], tubes[1])]


def test_a_slot_that_holds_a_tube_is_not_given_to_another():
    assert rules.match([URINE], {URINE.key: Outcome(5, None)}, [Found(9, "URN", "URINE")]) == []


def test_a_planned_tube_is_found_by_its_code_and_ordinal():
    assert rules.check_planned(SLOTS, "SST", 2, "tubes.0") == SST[1]
    with pytest.raises(rules.NotPlanned) as refused:
        rules.check_planned(SLOTS, "SST", 3, "tubes.0")
    assert "SST 1 of 2, SST 2 of 2, URINE" in refused.value.detail
    assert refused.value.errors == {"tubes.0": "is not planned at this visit"}
    with pytest.raises(rules.NotPlanned, match="planned: nothing"):
        rules.check_planned([], "SST", 1, "tubes.0")


def test_each_planned_tube_is_named_once():
    rules.check_each_slot_once(SLOTS, "tubes")
    with pytest.raises(Invalid):
        rules.check_each_slot_once([URINE, URINE], "tubes")


def test_a_slot_with_a_tube_is_taken():
    rules.check_free(URINE, None, None)
    rules.check_free(URINE, Outcome(None, "refused"), None)
    with pytest.raises(rules.OutcomeRecorded, match="TKQ7-M3X9-V7"):
        rules.check_free(URINE, Outcome(7, None), "TKQ7M3X9V7")
    with pytest.raises(rules.OutcomeRecorded, match="another tube"):
        rules.check_free(URINE, Outcome(7, None), None)


def test_a_visit_with_unaccounted_tubes_is_not_finished():
    with pytest.raises(rules.TubesUnaccounted) as refused:
        rules.check_accounted(SLOTS, {SST[0].key: Outcome(1, None)})
    assert refused.value.fields["tubes"] == ["SST 2 of 2", "URINE"]
    rules.check_accounted(SLOTS, {slot.key: Outcome(None, "refused") for slot in SLOTS})
    rules.check_accounted([], {})


def test_the_second_to_finish_is_told_what_the_first_did():
    tally = Tally(planned=3, collected=2, not_collected=1, unplanned=1)
    rules.check_unfinished(None, None, tally, "UTC", mine=False)
    at = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # clocks are set back at this moment in Chicago
    for mine, by, who in ((False, "Ana", "Ana"), (False, None, "Somebody"), (True, "Ana", "You")):
        with pytest.raises(rules.VisitFinished) as told:
            rules.check_unfinished(at, by, tally, "America/Chicago", mine=mine)
        assert told.value.detail.startswith(f"{who} finished this visit on 2026-11-01 01:30 CDT: 2 of 3 planned tubes")
        assert "1 not collected, 1 unplanned" in told.value.detail
    assert Tally(1, 1, 0, 0).words == "1 of 1 planned tubes collected"


def test_a_visit_that_changed_is_looked_at_again():
    rules.check_seen(3, 3)
    with pytest.raises(rules.VisitChanged):
        rules.check_seen(2, 3)


def test_a_short_yield_fills_as_many_as_possible_and_one_partial():
    short = rules.split(Decimal(3100), Decimal(500), 8)
    assert short == rules.Split(6, Decimal(100), Decimal(0))
    assert (short.vials, short.quantities(Decimal(500))) == (7, (Decimal(500),) * 6 + (Decimal(100),))
    assert rules.split(Decimal(4500), Decimal(500), 8) == rules.Split(8, Decimal(0), Decimal(500))
    assert rules.split(Decimal(1000), Decimal(500), 2).quantities(Decimal(500)) == (Decimal(500),) * 2


@pytest.mark.parametrize(("obtained", "nominal", "vials"), [(0, 500, 8), (-1, 500, 8), (500, 0, 8), (500, 500, 0)])
def test_nothing_is_not_divided(obtained, nominal, vials):
    with pytest.raises(Invalid):
        rules.split(Decimal(obtained), Decimal(nominal), vials)


@given(st.decimals("0.001", "99999", places=3), st.decimals("0.001", "9999", places=3), st.integers(1, 40))
def test_a_split_loses_nothing(obtained, nominal, vials):
    split = rules.split(obtained, nominal, vials)
    assert sum(split.quantities(nominal)) + split.left == obtained
    assert split.vials <= vials
    assert 0 <= split.partial < nominal
    assert not (split.left and split.vials < vials)


def test_a_blind_duplicate_has_a_twin():
    assert [rules.duplicates(wanted, full) for wanted, full in ((0, 8), (1, 8), (3, 3), (1, 1), (1, 0))] == [
        0,
        1,
        2,
        0,
        0,
    ]


def test_constraints_become_errors_of_the_domain():
    for make in rules.CONSTRAINTS.values():
        assert isinstance(make(), DomainError)


def shown(step, running=None):
    return Clock(None if step is None else Step(step), None, None, running, "pending", "wait 5 min")


@pytest.mark.parametrize(
    ("clock", "plans", "words"),
    [
        (shown("aliquot"), True, None),
        (shown(None), True, None),
        (shown(None), False, "the protocol makes no vials of it: it is kept as it is."),
        (shown("centrifuge"), True, "it is not spun yet (wait 5 min)."),
        (shown("incubate"), True, "incubate comes first (wait 5 min)."),
        (shown("aliquot", datetime(2026, 1, 1, tzinfo=UTC)), True, "it is in a centrifuge that is running."),
    ],
)
def test_a_tube_is_divided_when_its_turn_comes(clock, plans, words):
    assert rules.not_yet(clock, plans) == words
