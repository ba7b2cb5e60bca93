"""Fitness for use: every reason by itself, all at once, and the edges of each limit."""

from dataclasses import replace
from decimal import Decimal

import pytest

from biobank.assay.fitness import Limits, OpenDeviation, Rule, Tube, unfit

D = Decimal
RULE = Rule(
    "SER",
    min_quantity=D(200),
    max_freeze_thaws=3,
    max_minutes_to_spin=120,
    max_minutes_to_storage=240,
    measurements=(Limits("rin", "RIN", D(7), None), Limits("ratio", "Ratio", D("1.8"), D("2.2"))),
    deviations=frozenset({"haemolysis", "broken"}),
    sprec={3: frozenset("AC"), 7: frozenset("A")},
)
TUBE = Tube(
    "SER",
    "Serum",
    quantity=D(200),
    unit="uL",
    freeze_thaws=3,
    measured={"rin": D(7), "ratio": D("2.2")},
    deviations=(OpenDeviation("low_volume", "Low volume", blocks_assay=False),),
    sprec={3: "A", 7: "A"},
    minutes_to_spin=D(120),
    minutes_to_storage=D(240),
)


def test_a_tube_at_every_limit_is_fit():
    assert unfit(TUBE, [RULE]) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": D("199.9")}, "holds 199.9 uL, the assay needs 200"),
        ({"freeze_thaws": 4}, "thawed 4 times, at most 3"),
        ({"measured": {"ratio": D(2)}}, "RIN is not measured"),
        ({"measured": {"rin": D("6.9"), "ratio": D(2)}}, "RIN is 6.9, at least 7"),
        ({"measured": {"rin": D(8), "ratio": D("2.21")}}, "Ratio is 2.21, at most 2.2"),
        ({"measured": {"rin": D(8), "ratio": D("1.79")}}, "Ratio is 1.79, at least 1.8"),
        ({"minutes_to_spin": D(121)}, "collection to spin took 121 min, at most 120"),
        ({"minutes_to_spin": None}, "collection to spin: the time is not recorded, at most 120 min"),
        ({"minutes_to_storage": D(300)}, "collection to storage took 300 min, at most 240"),
        ({"sprec": {3: "X", 7: "A"}}, "SPREC element 3 is X, the assay takes A, C"),
        ({"sprec": {3: "C"}}, "SPREC element 7 is not known, the assay takes A"),
        ({"deviations": (OpenDeviation("haemolysis", "Haemolysis", blocks_assay=False),)}, "deviation: Haemolysis"),
        ({"deviations": (OpenDeviation("broken", "Broken", blocks_assay=True),)}, "deviation: Broken"),
        ({"deviations": (OpenDeviation("lost", "Not found", blocks_assay=True),)}, "deviation: Not found"),
        ({"specimen_type": "DNA", "specimen_title": "DNA"}, "DNA (DNA): the assay takes PL1, SER"),
    ],
)
def test_each_reason_is_told_by_itself(change, reason):
    assert unfit(replace(TUBE, **change), [RULE, Rule("PL1")]) == (reason,)


def test_all_reasons_are_told_at_once():
    bad = Tube(
        "SER", "Serum", D(1), "uL", 9, deviations=(OpenDeviation("haemolysis", "Haemolysis", blocks_assay=False),)
    )
    assert len(unfit(bad, [RULE])) == 9


def test_without_rules_any_material_is_taken_that_no_deviation_keeps_away():
    assert unfit(TUBE, []) == ()
    assert unfit(Tube("DNA", "DNA", D(0), "uL", 50), []) == ()
    broken = replace(TUBE, deviations=(OpenDeviation("broken", "Broken", blocks_assay=True),))
    assert unfit(broken, []) == ("deviation: Broken",)


def test_a_rule_that_asks_nothing_takes_anything_of_its_material():
    empty = Tube("SER", "Serum", D(0), "uL", 99)
    assert unfit(empty, [Rule("SER")]) == ()


@pytest.mark.parametrize(
    ("rule", "needs"),
    [
        (Rule("SER", min_quantity=D(1)), False),
        (Rule("SER", max_minutes_to_spin=1), True),
        (Rule("SER", max_minutes_to_storage=1), True),
        (Rule("SER", sprec={3: frozenset("A")}), True),
    ],
)
def test_history_is_only_read_where_a_rule_asks_for_it(rule, needs):
    assert rule.needs_history is needs
