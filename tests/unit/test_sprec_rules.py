"""Computing SPREC: what is not recorded is unknown, the table decides, and the arithmetic is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank.preanalytics.facts import Facts, Stay, Step, Way, clock, degrees, duration, minutes_between
from biobank.preanalytics.rules import CONSTRAINTS, compute, frozen_at, spins_of, temperatures
from biobank.preanalytics.table import Line, Range, Table

D = Decimal
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
RT, COLD = Range(D(18), D(28)), Range(D(2), D(10))


def line(element, code, role="match", **more):
    return Line(element, code, role, f"{element}{code}", verified=True, source="made up", **more)


def delays(element):
    return [
        line(element, "A", minutes=Range(D(0), D(120), "[)"), celsius=RT),
        line(element, "B", minutes=Range(D(0), D(120), "[)"), celsius=COLD),
        line(element, "C", minutes=Range(D(120), None, "[)"), celsius=RT),
        line(element, "X", "unknown"),
        line(element, "Z", "other"),
    ]


def spins(element):
    ten = Range(D(10), D(15))
    low = Range(None, D(3000), "[)")
    return [
        line(element, "A", minutes=ten, celsius=RT, g=low, brake=False),
        line(element, "B", minutes=ten, celsius=RT, g=low, brake=True),
        line(element, "E", celsius=RT, g=Range(D(3000), None, "[)")),
        *(line(element, code, role) for code, role in (("N", "none"), ("X", "unknown"), ("Z", "other"))),
    ]


LN = ("LN2V",)
TABLE = Table(
    "1.0",
    10,
    (
        line(1, "SER", min_spins=1),
        line(1, "PL2", min_spins=2, max_spins=2),
        line(1, "BLD", min_spins=0, max_spins=0),
        line(1, "URN"),
        line(1, "ZZZ", "other"),
        line(2, "SST"),
        line(2, "PAX", min_spins=0, max_spins=0),
        line(2, "XXX", "unknown"),
        line(2, "ZZZ", "other"),
        *delays(3),
        *spins(4),
        *spins(5),
        *delays(6),
        line(6, "N", "none"),
        line(7, "A", family="pp", storage=("-80",)),
        line(7, "C", family="cryo", storage=LN, before=(), freezing="plain"),
        line(7, "D", family="cryo", storage=("-80",)),
        line(7, "E", family="cryo", storage=LN, freezing="controlled"),
        line(7, "O", family="cryo", storage=LN, before=("-80",), freezing="plain"),
        line(7, "X", "unknown"),
        line(7, "Z", "other"),
    ),
)
WARM = (D(21), D(21))


def after(minutes):
    return START + timedelta(minutes=minutes)


SPIN = Step("centrifuge", after(88), after(98), D(1500), D(10), WARM, brake=True, held=D(21))
ALIQUOT = Step("aliquot", after(100), after(108), celsius=WARM, held=D(21))
WAY = Way("SST", "Serum tube", START, "America/Chicago", (SPIN, ALIQUOT), after(113))
SERUM = Facts("SER", "Serum", "pp", "Cryovial", (WAY,), (Stay(after(113), "-80", "Freezer"),))


def code(facts=SERUM, **way):
    return compute(replace(facts, ways=(replace(WAY, **way),)) if way else facts, TABLE).code


def words(number, facts=SERUM, **way):
    facts = replace(facts, ways=(replace(WAY, **way),)) if way else facts
    return compute(facts, TABLE).elements[number - 1].words


def test_a_tube_as_it_should_be():
    done = compute(SERUM, TABLE)
    assert (done.code, done.version, done.doubts) == ("SER-SST-A-B-N-A-A", "1.0", ())
    assert [one.words for one in done.elements] == [
        "Serum",
        "Serum tube",
        "collected 08:00, spun 09:28: 88 min at 21 °C (held at 21 °C until the centrifuge)",
        "spun 09:28: 1,500 g, 10 min, 21 °C, with brake",
        "no second centrifugation is recorded",
        (
            "spin ended 09:38, frozen or stored 09:53: 15 min at 21 °C "
            "(held at 21 °C until the aliquot; aliquot at 21 °C; the last 5 min taken as before)"
        ),
        "Cryovial, Freezer since 09:53",
    ]


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ({"collected_at": None}, "SER-SST-X-B-N-A-A"),
        ({"steps": (ALIQUOT,)}, "SER-SST-X-X-X-X-A"),
        ({"steps": (replace(SPIN, held=None), ALIQUOT)}, "SER-SST-X-B-N-A-A"),
        ({"steps": (replace(SPIN, g=None), ALIQUOT)}, "SER-SST-A-X-N-A-A"),
        ({"steps": (replace(SPIN, celsius=None), ALIQUOT)}, "SER-SST-A-X-N-A-A"),
        ({"steps": (replace(SPIN, brake=None), ALIQUOT)}, "SER-SST-A-X-N-A-A"),
        ({"steps": (replace(SPIN, brake=None, g=D(4000)), ALIQUOT)}, "SER-SST-A-E-N-A-A"),
        ({"steps": (replace(SPIN, minutes=None), ALIQUOT)}, "SER-SST-A-B-N-A-A"),
        ({"steps": (replace(SPIN, minutes=None, ended_at=None), ALIQUOT)}, "SER-SST-A-X-N-X-A"),
        ({"steps": (replace(SPIN, ended_at=None), ALIQUOT)}, "SER-SST-A-B-N-A-A"),
        ({"steps": (replace(SPIN, minutes=D(20)), ALIQUOT)}, "SER-SST-A-Z-N-A-A"),
        ({"steps": (SPIN, replace(ALIQUOT, held=None, celsius=None))}, "SER-SST-A-B-N-X-A"),
        ({"steps": (SPIN, replace(ALIQUOT, held=D(4)))}, "SER-SST-A-B-N-Z-A"),
        ({"steps": (SPIN, replace(ALIQUOT, held=D(4), celsius=(D(4), D(4))))}, "SER-SST-A-B-N-B-A"),
        ({"stored_at": None}, "SER-SST-A-B-N-X-A"),
        ({"stored_at": after(119)}, "SER-SST-A-B-N-X-A"),
        ({"container": None}, "SER-XXX-A-B-N-A-A"),
        ({"container": "NEW"}, "SER-ZZZ-A-B-N-A-A"),
        ({"collected_at": after(90)}, "SER-SST-X-B-N-A-A"),
    ],
)
def test_what_is_not_recorded_is_unknown_and_what_has_no_code_is_other(way, expected):
    assert code(**way) == expected


def test_why_it_is_unknown_is_told():
    assert words(3, collected_at=None) == "when it was collected is not recorded"
    assert words(6, stored_at=None) == "when it was frozen or stored is not recorded"
    assert words(3, collected_at=after(90)).endswith("the record runs backwards")
    no = (replace(SPIN, held=None), ALIQUOT)
    assert words(3, steps=no).endswith("88 min; at which temperature from 08:00 to 09:28 is not recorded")
    assert words(4, steps=(replace(SPIN, g=None, brake=None, celsius=None, minutes=None, ended_at=None),)) == (
        "spun 09:28: force not recorded, duration not recorded, temperature not recorded, brake not recorded"
    )


def test_a_type_that_no_line_has_is_other_and_material_that_is_never_spun_has_no_spin():
    assert code(replace(SERUM, sprec_type="NEW")) == "ZZZ-SST-A-B-N-A-A"
    blood = replace(SERUM, sprec_type="BLD", ways=(replace(WAY, steps=(), container="PAX"),))
    assert code(blood) == "BLD-PAX-X-N-N-N-A"
    held = replace(blood, ways=(replace(WAY, steps=(Step("clot", after(5), after(112), celsius=WARM, held=D(20)),)),))
    assert code(held) == "BLD-SST-A-N-N-N-A"
    frozen = Step("cryo_freeze", after(60), after(100), held=D(21))
    assert code(replace(blood, ways=(replace(WAY, steps=(frozen,)),))) == "BLD-SST-A-N-N-N-A"
    assert frozen_at(replace(WAY, steps=(frozen,), stored_at=None)) == after(60)


def test_the_second_spin_is_of_its_own_and_missed_where_there_must_be_one():
    twice = replace(SERUM, sprec_type="PL2")
    assert code(twice) == "PL2-SST-A-B-X-A-A"
    again = replace(SPIN, started_at=after(99), ended_at=after(109), brake=False, held=D(21))
    later = Step("aliquot", after(110), after(112), celsius=WARM, held=D(21))
    both = replace(twice, ways=(replace(WAY, steps=(later, again, SPIN)),))
    assert code(both) == "PL2-SST-A-B-A-A-A"
    third = replace(again, started_at=after(111), ended_at=after(112))
    thrice = compute(replace(both, ways=(replace(WAY, steps=(SPIN, again, later, third)),)), TABLE)
    assert thrice.doubts == ("1PL2 is spun 2 times at most, and 3 are recorded",)
    assert [step.started_at for step in spins_of(WAY)] == [after(88)]


def test_work_after_storage_says_nothing_of_the_time_before():
    late = replace(SPIN, started_at=after(500), ended_at=after(510))
    assert code(steps=(SPIN, ALIQUOT, late)) == "SER-SST-A-B-N-A-A"


STORED = {
    "never": ("cryo", (), "X"),
    "plain": ("cryo", ("LN2V",), "C"),
    "warm": ("cryo", ("-80",), "D"),
    "later colder": ("cryo", ("-80", "LN2V"), "O"),
    "there and back": ("cryo", ("LN2V", "-80"), "D"),
    "from another": ("cryo", ("-20", "LN2V"), "Z"),
    "no code": ("pp", ("LN2V",), "Z"),
    "no family": (None, ("-80",), "Z"),
}


@pytest.mark.parametrize("case", sorted(STORED))
def test_storage_is_coded_by_family_temperature_and_what_was_before(case):
    family, classes, expected = STORED[case]
    stays = tuple(Stay(after(113 + 60 * n), one, f"at {one}") for n, one in enumerate(classes))
    facts = replace(SERUM, family=family, stays=stays)
    assert code(facts)[-1] == expected
    if case == "later colder":
        assert words(7, facts) == "Cryovial, at LN2V since 10:53, before that at -80"


def test_controlled_freezing_is_coded_as_such():
    steps = (SPIN, ALIQUOT, Step("cryo_freeze", after(110), after(112), held=D(21)))
    facts = replace(SERUM, family="cryo", stays=(Stay(after(113), "LN2V", "Tank"),), ways=(replace(WAY, steps=steps),))
    assert code(facts) == "SER-SST-A-B-N-A-E"


def test_a_pool_has_what_all_its_ways_have():
    other = replace(WAY, container="SST", collected_at=START - timedelta(hours=1))
    pool = replace(SERUM, ways=(WAY, other))
    assert code(pool) == "SER-SST-X-B-N-A-A"
    assert words(3, pool) == "what was pooled differs: A and C"
    assert words(4, pool).endswith("(so in all that was pooled)")


def test_temperatures_come_from_steps_stays_and_what_was_held():
    fridge = Step("stay", after(10), after(80), celsius=(D(2), D(10)))
    told, gap = temperatures(replace(WAY, steps=(fridge, replace(SPIN, held=None))), START, after(88), 10)
    assert (told, gap) == ([], (START, after(10)))
    spans, gap = temperatures(replace(WAY, steps=(fridge, SPIN)), START, after(88), 10)
    assert gap is None
    assert [span.words for span in spans] == [
        "held at 21 °C until the centrifuge",
        "kept at 2 to 10 °C",
        "held at 21 °C until the centrifuge",
    ]
    sop = Step("clot", START, after(80), celsius=(D(18), D(25)), by="as SOP-1 says")
    spans, gap = temperatures(replace(WAY, steps=(sop, replace(SPIN, held=None))), START, after(88), 10)
    assert ([span.words for span in spans], gap) == (
        ["clot at 18 to 25 °C, as SOP-1 says", "the last 8 min taken as before"],
        None,
    )
    _, gap = temperatures(replace(WAY, steps=(sop, replace(SPIN, held=None))), START, after(88), 7)
    assert gap == (after(80), after(88))


def test_no_time_at_all_needs_its_temperature_too():
    _, gap = temperatures(replace(WAY, steps=()), START, START, 10)
    assert gap == (START, START)
    spans, gap = temperatures(replace(WAY, steps=(Step("clot", START, held=D(20)),)), START, START, 10)
    assert (len(spans), gap) == (1, None)


def test_a_night_of_changing_clocks_is_counted_in_instants():
    """Chicago, 2026-11-01: at 02:00 clocks are set back to 01:00."""
    collected = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 01:30 CDT
    spin = replace(SPIN, started_at=collected + timedelta(hours=1, minutes=30), ended_at=None)  # 02:00 CST
    way = replace(WAY, collected_at=collected, steps=(spin,), stored_at=None)
    assert words(3, replace(SERUM, ways=(way,))).startswith("collected 01:30, spun 02:00 (UTC-0600): 90 min")
    assert code(replace(SERUM, ways=(way,)))[8] == "A"
    spring = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # 01:30 CST; at 02:00 clocks are set forward to 03:00
    assert minutes_between(spring, datetime(2026, 3, 8, 8, 30, tzinfo=UTC)) == 60
    assert clock(START + timedelta(days=1), WAY) == "2026-03-03 08:00"
    assert clock(START, replace(WAY, collected_at=None)) == "2026-03-02 08:00"


def test_words():
    assert (duration(D("119.5")), duration(D(90))) == ("119 min 30 s", "90 min")
    assert degrees((D("-85"), D("-60.0"))) == "\N{MINUS SIGN}85 to \N{MINUS SIGN}60 °C"


@given(st.lists(st.integers(0, 60 * 60), min_size=2, max_size=6))
def test_a_longer_delay_at_one_temperature_never_has_an_earlier_code(minutes):
    """Element 3 is monotone in the delay."""
    codes = []
    for one in sorted(minutes):
        spin = replace(SPIN, started_at=after(one), ended_at=after(one + 10))
        codes.append(code(steps=(spin,), stored_at=None)[8])
    assert codes == sorted(codes)


@given(
    st.sampled_from(["collected_at", "held", "none"]),
    st.integers(0, 5000),
    st.sampled_from(["g", "celsius", "minutes"]),
)
def test_unknown_inputs_always_give_unknown(missing, minutes, setting):
    spin = replace(SPIN, started_at=after(minutes), ended_at=None, **{setting: None})
    spin = replace(spin, held=None) if missing == "held" else spin
    way = replace(WAY, steps=() if missing == "none" else (spin,), stored_at=None)
    way = replace(way, collected_at=None) if missing == "collected_at" else way
    elements = [one.code for one in compute(replace(SERUM, ways=(way,)), TABLE).elements]
    assert (elements[2], elements[3], elements[5]) == ("X", "X", "X")


def test_every_constraint_has_its_error():
    for make in CONSTRAINTS.values():
        assert make().detail
