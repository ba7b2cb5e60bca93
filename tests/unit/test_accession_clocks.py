"""Clot and spin clocks, and whether a program is the one that is planned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from biobank.accession.clocks import (
    Departure,
    Done,
    Program,
    Step,
    clock,
    clot_departure,
    faults,
    minutes,
    ran,
    remaining,
    spin_departure,
)

DRAWN = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # 01:30 in Chicago, half an hour before the clocks are set forward
CLOT = Step("clot", min_minutes=30, max_minutes=60)
SPIN = Step("centrifuge", 120, 10, 15, 1100, 1300, 18, 25, True, "SOP-7")
DIVIDE = Step("aliquot", within_minutes=240)
STEPS = (CLOT, SPIN, DIVIDE)


def after(count):
    return DRAWN + timedelta(minutes=count)


def done(kind, start, end):
    return Done(kind, after(start), None if end is None else after(end))


@pytest.mark.parametrize(
    ("now", "kind", "words"),
    [
        (10, "pending", "wait 20 min"),
        (30, "ok", "ready, 30 min left"),
        (45, "warning", "due soon, 15 min left"),
        (61, "stop", "overdue by 1 min"),
        (60 * 30, "stop", "overdue by 29 h 00 min"),
    ],
)
def test_a_serum_tube_clots_before_it_is_spun(now, kind, words):
    shown = clock(DRAWN, STEPS, [], after(now))
    assert (shown.step, shown.not_before, shown.not_after) == (SPIN, after(30), after(60))
    assert (shown.kind, shown.words, shown.running_since) == (kind, words, None)


def test_clocks_count_real_minutes_when_clocks_are_set_forward_and_past_midnight():
    local = DRAWN.astimezone(ZoneInfo("America/Chicago"))
    assert clock(local, STEPS, [], after(40)).words == "ready, 20 min left"
    late = datetime(2026, 3, 8, 4, 50, tzinfo=UTC).astimezone(ZoneInfo("America/Chicago"))  # 22:50
    assert clock(late, STEPS, [], late + timedelta(minutes=55)).not_after == late + timedelta(minutes=60)


def test_a_steps_own_limit_counts_from_the_collection_and_the_earlier_one_wins():
    tight = Step("centrifuge", within_minutes=50)
    assert clock(DRAWN, (CLOT, tight), [], after(40)).not_after == after(50)
    assert clock(DRAWN, (SPIN,), [], after(10)).not_after == after(120)
    free = clock(DRAWN, (Step("clot"), Step("centrifuge")), [], after(1))
    assert (free.not_before, free.not_after, free.words) == (None, None, "ready, no limit")


def test_a_clot_that_was_recorded_is_over():
    shown = clock(DRAWN, STEPS, [done("clot", 0, 40)], after(50))
    assert (shown.step, shown.not_before, shown.not_after) == (SPIN, None, after(120))


def test_a_clot_begins_when_the_work_before_it_ended():
    steps = (Step("wash"), CLOT, SPIN)
    assert clock(DRAWN, steps, [done("wash", 5, 10)], after(20)).not_before == after(40)


def test_spun_without_a_recorded_clot_leaves_only_what_comes_after():
    assert remaining(STEPS, [done("centrifuge", 40, 50)]) == (DIVIDE,)
    assert clock(DRAWN, STEPS, [done("centrifuge", 40, 50)], after(60)).step == DIVIDE


def test_two_spins_are_planned_twice():
    second = Step("centrifuge", min_g=2000)
    assert remaining((SPIN, second), [done("centrifuge", 1, 2)]) == (second,)


@pytest.mark.parametrize(
    ("now", "kind", "words"),
    [
        (45, "info", "running 5 min, 5 min to go"),
        (52, "ok", "running 12 min, may be stopped"),
        (60, "stop", "running 20 min, too long by 5 min"),
    ],
)
def test_a_running_spin_is_told_with_its_end(now, kind, words):
    shown = clock(DRAWN, STEPS, [done("centrifuge", 40, None)], after(now))
    assert (shown.kind, shown.words, shown.running_since) == (kind, words, after(40))


def test_work_that_was_not_planned_runs_without_an_end():
    assert clock(DRAWN, STEPS, [done("incubate", 1, None)], after(2)).words == "running 1 min, may be stopped"


def test_when_all_is_done_nothing_is_left():
    shown = clock(DRAWN, STEPS, [done("centrifuge", 40, 50), done("aliquot", 60, 70)], after(80))
    assert (shown.step, shown.kind) == (None, "muted")
    assert clock(DRAWN, (CLOT,), [], after(10)).not_before == after(30)


def test_minutes_in_words():
    spans = (timedelta(0), timedelta(seconds=61), timedelta(minutes=65), timedelta(days=3, hours=4))
    assert [minutes(span) for span in spans] == ["1 min", "2 min", "1 h 05 min", "3 d 4 h"]


def program(g=1200, lasts=10, celsius=21, brake=True):
    values = (None if value is None else Decimal(value) for value in (g, lasts, celsius))
    return Program("Serum", *values, brake)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (program(), ()),
        (program(None, None, None, None), ()),
        (program(g=2000), ("2000 g instead of 1,100 to 1,300 g",)),
        (program(lasts=20), ("20 min instead of 10 to 15 min",)),
        (program(celsius=4), ("4 °C instead of 18 to 25 °C",)),
        (program(brake=False), ("the brake is off and must be on",)),
    ],
)
def test_a_program_is_held_against_the_plan(given, expected):
    assert faults(given, SPIN) == expected


def test_a_brake_that_must_be_off_and_limits_with_one_end():
    cells = Step("centrifuge", min_g=1500, max_celsius=-20, brake=False)
    assert faults(program(), cells) == (
        "1200 g instead of at least 1,500 g",
        "21 °C instead of up to \N{MINUS SIGN}20 °C",
        "the brake is on and must be off",
    )


def test_settings_in_words():
    assert SPIN.settings == "1,100 to 1,300 g, 10 to 15 min, 18 to 25 °C, brake on"
    assert Step("centrifuge", min_minutes=10, max_minutes=10, brake=False).settings == "10 min, brake off"
    assert Step("centrifuge").settings == "no settings planned"


def test_a_centrifuge_stops_by_itself():
    assert ran(DRAWN, after(30), Decimal(10)) == (after(10), Decimal(10))
    assert ran(DRAWN, after(4), Decimal(10)) == (after(4), Decimal(4))
    assert ran(DRAWN, after(30), None) == (after(30), Decimal(30))
    assert ran(DRAWN, DRAWN, None)[1] == Decimal("0.02")


@pytest.mark.parametrize(
    ("started", "lasted", "expected"),
    [
        (40, 10, None),
        (40, 9, Departure("spin_time_short", "ran 9 min instead of at least 10")),
        (40, 16, Departure("spin_time_long", "ran 16 min instead of at most 15")),
        (121, 10, Departure("other", "spun 2 h 01 min after the collection instead of within 120 min")),
    ],
)
def test_a_spin_that_went_otherwise_is_a_deviation(started, lasted, expected):
    assert spin_departure(SPIN, DRAWN, after(started), Decimal(lasted)) == expected


def test_where_nothing_is_planned_nothing_departs():
    assert spin_departure(None, DRAWN, after(40), Decimal(99)) is None
    assert spin_departure(Step("centrifuge"), DRAWN, after(40), Decimal(99)) is None
    assert clot_departure(Step("clot"), DRAWN, after(500)) is None


@pytest.mark.parametrize(
    ("step", "lasted", "expected"),
    [
        (CLOT, 45, None),
        (CLOT, 20, Departure("clotted_under_30_min", "clotted 20 min instead of at least 30 min")),
        (Step("clot", min_minutes=60), 40, Departure("other", "clotted 40 min instead of at least 60 min")),
        (CLOT, 90, Departure("other", "clotted 1 h 30 min instead of at most 60 min")),
        (CLOT, 121, Departure("clotted_over_2_h", "clotted 2 h 01 min instead of at most 60 min")),
    ],
)
def test_a_clot_that_was_too_short_or_too_long_is_a_deviation(step, lasted, expected):
    assert clot_departure(step, DRAWN, after(lasted)) == expected
