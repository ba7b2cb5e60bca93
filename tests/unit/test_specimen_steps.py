"""The order of work on a tube and what the protocol plans, across midnight and the change of clocks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from biobank.equipment.rules import Settings
from biobank.specimen.steps import PlannedWork, TubePast, lasted, out_of_order, step_fault
from biobank.study.rules import at_site

CHICAGO = "America/Chicago"
AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def minutes(number):
    return timedelta(minutes=number)


def past(**firsts):
    return [TubePast("TKQ7M3X9V7", AT, {kind: AT + minutes(after) for kind, after in firsts.items()})]


@pytest.mark.parametrize(
    ("kind", "after", "firsts", "words"),
    [
        ("centrifuge", 0, {}, None),
        ("centrifuge", -5, {}, None),
        ("centrifuge", -6, {}, "collected only at 2026-03-02 09:00"),
        ("wash", -6, {}, "collected only"),
        ("wash", 10, {"cryo_freeze": 5}, None),
        ("receive", 30, {"centrifuge": 20}, "spun already"),
        ("receive", 24, {"centrifuge": 20}, None),
        ("centrifuge", 10, {"receive": 20}, "received only"),
        ("centrifuge", 15, {"receive": 20}, None),
        ("aliquot", 30, {"ficoll": 40}, "separated only"),
        ("cryo_freeze", 30, {"aliquot": 60}, "divided only"),
        ("clot", 50, {"aliquot": 30}, "divided already"),
        ("centrifuge", 50, {"centrifuge": 20, "aliquot": 30}, None),
        ("centrifuge", 15, {"centrifuge": 20, "aliquot": 30}, None),
        ("receive", 60, {"receive": 5, "cryo_freeze": 30}, None),
    ],
)
def test_the_first_of_each_kind_of_work_is_in_order(kind, after, firsts, words):
    found = out_of_order(past(**firsts), kind, AT + minutes(after), CHICAGO)
    assert (found is None) == (words is None)
    if words:
        assert words in found


def test_what_was_never_collected_is_judged_by_its_work_alone():
    pool = [TubePast("TKQ7M3X9V7", None, {"receive": AT})]
    assert out_of_order(pool, "centrifuge", AT - minutes(60), CHICAGO) is not None
    assert out_of_order(pool, "centrifuge", AT + minutes(60), CHICAGO) is None


def test_midnight_is_no_border():
    evening = at_site("2026-11-22T23:50", CHICAGO, "at")
    collected = [TubePast("TKQ7M3X9V7", evening)]
    assert out_of_order(collected, "centrifuge", at_site("2026-11-23T00:20", CHICAGO, "at"), CHICAGO) is None
    assert out_of_order(collected, "centrifuge", at_site("2026-11-22T00:20", CHICAGO, "at"), CHICAGO) is not None


def test_the_hour_that_occurs_twice_is_told_apart_by_its_offset():
    """Clocks go back at 02:00 on 2026-11-01: 01:50 summer time is before 01:10 winter time."""
    summer = datetime(2026, 11, 1, 1, 50, tzinfo=ZoneInfo(CHICAGO))
    winter = datetime(2026, 11, 1, 1, 10, fold=1, tzinfo=ZoneInfo(CHICAGO))
    collected = [TubePast("TKQ7M3X9V7", summer.astimezone(UTC))]
    assert out_of_order(collected, "centrifuge", winter.astimezone(UTC), CHICAGO) is None
    plan = [PlannedWork("centrifuge", within_minutes=30)]
    since = winter.astimezone(UTC) - summer.astimezone(UTC)
    assert since == minutes(20)
    assert step_fault(plan, "centrifuge", Settings(), since) is None


def test_the_hour_that_is_skipped_takes_no_time():
    """Clocks go forward at 02:00 on 2026-03-08: from 01:50 to 03:10 are twenty minutes."""
    before, after = at_site("2026-03-08T01:50", CHICAGO, "at"), at_site("2026-03-08T03:10", CHICAGO, "at")
    assert after - before == minutes(20)
    assert lasted(None, before, after) == Decimal(20)


SPIN = PlannedWork("centrifuge", 120, 10, 15, 1100, 1300, 2, 8, True)


@pytest.mark.parametrize(
    ("plan", "kind", "settings", "since", "words"),
    [
        ([], "ficoll", Settings(), None, None),
        ([SPIN], "centrifuge", Settings(), None, None),
        ([SPIN], "centrifuge", Settings(Decimal(1100), Decimal(15), Decimal(8), brake=True), minutes(120), None),
        ([SPIN], "centrifuge", Settings(Decimal(1099)), None, "1099 g is not 1100 to 1300 g"),
        ([SPIN], "centrifuge", Settings(Decimal(1301)), None, "1301 g"),
        ([SPIN], "centrifuge", Settings(minutes=Decimal("9.5")), None, "9.5 min is not 10 to 15 min"),
        ([SPIN], "centrifuge", Settings(celsius=Decimal(20)), None, "20 °C is not 2 to 8 °C"),
        ([SPIN], "centrifuge", Settings(brake=False), None, "the brake was off and is planned on"),
        ([SPIN], "centrifuge", Settings(), minutes(121), "it began 121 min after the collection"),
        ([PlannedWork("clot", min_minutes=30)], "clot", Settings(minutes=Decimal(20)), None, "at least 30"),
        ([PlannedWork("clot", max_minutes=60)], "clot", Settings(minutes=Decimal(90)), None, "at most 60"),
        ([PlannedWork("clot", brake=False)], "clot", Settings(brake=True), None, "the brake was on"),
        ([SPIN], "ficoll", Settings(), None, "plans no ficoll"),
        ([SPIN], "cryo_freeze", Settings(), None, None),
        # Of a double spin, one that is followed is enough; of two that are not, the first is told.
        ([SPIN, PlannedWork("centrifuge", min_g=2000)], "centrifuge", Settings(Decimal(2500)), None, None),
        ([SPIN, PlannedWork("centrifuge", min_g=2000)], "centrifuge", Settings(Decimal(1500)), None, "1100 to 1300"),
    ],
)
def test_work_is_held_to_the_steps_that_are_planned(plan, kind, settings, since, words):
    found = step_fault(plan, kind, settings, since)
    assert (found is None) == (words is None)
    if words:
        assert words in found


def test_how_long_work_went_on():
    assert lasted(Decimal(12), AT, AT + minutes(90)) == 12
    assert lasted(None, AT, None) is None
