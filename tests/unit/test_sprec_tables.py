"""Code tables: what is open and closed, what a whole table is, and reading it from CSV."""

from dataclasses import replace
from decimal import Decimal

import pytest

from biobank.preanalytics.table import Line, Range, Table, problems
from biobank.preanalytics.tablefile import COLUMNS, read_csv, write_csv

D = Decimal
RT = Range(D(18), D(28))


def line(element, code, role="match", **more):
    return Line(element, code, role, f"{element}{code}", verified=False, source="made up", **more)


def whole():
    """The least that is a table."""
    rest = [line(n, "ZZZ" if n < 3 else "Z", "other") for n in range(1, 8)]
    rest += [line(n, "XXX" if n < 3 else "X", "unknown") for n in range(2, 8)]
    rest += [line(n, "N", "none") for n in (4, 5, 6)]
    return [
        line(1, "SER"),
        line(2, "SST"),
        *(line(n, "A", minutes=Range(D(0), None), celsius=RT) for n in (3, 6)),
        *(line(n, "A", celsius=RT) for n in (4, 5)),
        line(7, "A", family="straw", storage=("-80",), before=("-20",), freezing="plain"),
        *rest,
    ]


def wrong(lines):
    return problems(lines, ["-80", "-20", "LN2V"], ["straw"])


def without(element, code):
    return [one for one in whole() if (one.element, one.code) != (element, code)]


def test_a_whole_table_has_no_problem():
    assert wrong(whole()) == []


def test_ends_are_open_or_closed_as_they_are_written():
    for ends, low, high in (("[]", True, True), ("[)", True, False), ("(]", False, True), ("()", False, False)):
        one = Range(D(1), D(2), ends)
        assert (one.holds(D(1)), one.holds(D("1.5")), one.holds(D(2))) == (low, True, high)
        assert not one.holds(D("0.9"))
        assert not one.holds(D("2.1"))
    assert Range().holds(D(-5))
    assert (Range().words, Range(D(1), D(2), "(]").words, Range(D(1)).words) == ("any", "above 1 to 2", "from 1")


def test_ranges_meet_where_a_number_is_in_both():
    assert Range(D(0), D(2)).meets(Range(D(2), D(3)))
    assert not Range(D(0), D(2), "[)").meets(Range(D(2), D(3)))
    assert not Range(D(2), D(3), "(]").meets(Range(D(0), D(2)))
    assert not Range(D(5), D(6)).meets(Range(D(0), D(2)))
    assert Range().meets(Range(D(5), D(6)))


def delays(*ranges):
    return without(3, "A") + [
        line(3, code, minutes=Range(*(None if one is None else D(one) for one in ends[:2]), ends[2]), celsius=RT)
        for code, ends in zip("ABCDEF", ranges, strict=False)
    ]


TABLES = {
    "a gap": (delays((0, 60, "[)"), (120, None, "[)")), "element 3, from 18 to 28 °C: nothing between 60 and 120 min"),
    "a hole": (delays((0, 60, "[)"), (60, None, "()")), "element 3, from 18 to 28 °C: nothing at exactly 60 minutes"),
    "no end": (delays((0, 60, "[)")), "element 3, from 18 to 28 °C: nothing above 60 minutes"),
    "no start": (delays((5, None, "[)")), "element 3, from 18 to 28 °C: nothing between 0 and 5 minutes"),
    "overlap": (delays((0, 61, "[)"), (60, None, "[)")), "element 3: A (3A) and B (3B) overlap"),
    "after all": (delays((0, None, "[)"), (60, None, "[)")), "element 3: A (3A) and B (3B) overlap"),
    "no minutes": ([*without(3, "A"), line(3, "A", celsius=RT)], "element 3, code A: min_minutes is missing"),
    "no degrees": (
        [*without(6, "A"), line(6, "A", minutes=Range(D(0)))],
        "element 6, code A: min_celsius and max_celsius are both needed",
    ),
    "no degrees of a spin": (
        [*without(4, "A"), line(4, "A")],
        "element 4, code A: min_celsius and max_celsius are both needed",
    ),
    "no unknown": (without(4, "X"), "element 4: needs one line of role unknown, has 0"),
    "no use": ([*whole(), line(1, "XXX", "unknown")], "element 1: has no use for role unknown"),
    "no codes": (without(2, "SST"), "element 2: has no codes"),
    "twice": ([*whole(), line(1, "SER")], "element 1: code SER is listed twice"),
    "family": ([*without(7, "A"), line(7, "A", storage=("-80",))], "element 7, code A: nothing is not a container"),
    "strange family": (
        [*without(7, "A"), line(7, "A", family="jar", storage=("-80",))],
        "element 7, code A: jar is not a container family",
    ),
    "no storage": ([*without(7, "A"), line(7, "A", family="straw")], "element 7, code A: storage is missing"),
    "strange storage": (
        [*without(7, "A"), line(7, "A", family="straw", storage=("-80",), before=("HOT",))],
        "element 7, code A: HOT: not a temperature class",
    ),
    "force": (
        [
            *without(5, "A"),
            line(5, "A", celsius=RT, g=Range(None, D(3000), "[)"), brake=True),
            line(5, "B", celsius=RT, brake=False),
        ],
        "element 5, from 18 to 28 °C, with brake: nothing above 3000 g",
    ),
    "same storage": (
        [*whole(), line(7, "B", family="straw", storage=("-80", "LN2V"), freezing="plain")],
        "element 7: A (7A) and B (7B) overlap",
    ),
    "same before": (
        [*whole(), line(7, "B", family="straw", storage=("-80",), before=("-20", "LN2V"))],
        "element 7: A (7A) and B (7B) overlap",
    ),
}


@pytest.mark.parametrize("case", sorted(TABLES))
def test_what_is_no_table_is_named(case):
    lines, said = TABLES[case]
    assert any(one.startswith(said) for one in wrong(lines)), wrong(lines)


def test_storage_lines_are_apart_by_any_of_what_they_ask():
    apart = [
        line(7, "B", family="straw", storage=("-80",), before=(), freezing="plain"),
        line(7, "C", family="straw", storage=("-80",), before=("-20",), freezing="controlled"),
        line(7, "D", family="straw", storage=("LN2V",)),
    ]
    assert wrong(whole() + apart) == []
    nothing_before = [replace(apart[0], code="E")]
    assert wrong(whole() + apart + nothing_before) == ["element 7: B (7B) and E (7B) overlap"]


def test_ranges_that_lie_within_others_leave_no_gap():
    cold = Range(D(2), D(10))
    ranges = [Range(D(0), D(10)), Range(D(2), D(3)), Range(D(10), D(12)), Range(D(5), None), Range(D(6), D(7))]
    found = wrong([*whole(), *(line(4, "B", celsius=cold, g=one) for one in ranges)])
    assert found
    assert {one for one in found if "overlap" not in one} == set()


def test_a_table_finds_its_lines():
    table = Table("1.0", 0, tuple(whole()))
    assert table.of_role(3, "unknown").code == "X"
    assert table.of_code(1, "SER").role == "match"
    assert table.of_code(1, "NONE") is None
    assert [one.code for one in table.matching[1]] == ["SER"]


def test_a_table_says_the_usual_temperature_of_each_range_between_steps():
    more = [line(3, "B", celsius=Range(D(2), D(10))), line(6, "C", celsius=Range(D(40), D(45)))]
    below = [line(6, "D", celsius=Range(D(-35), D(-18))), line(3, "E", celsius=Range(None, D(2)))]
    found = Table("1.0", 0, (*whole(), *more, *below)).kept_at
    assert [usual for usual, _ in found] == [4, 21, 42]


def test_csv_reads_back_to_the_same_lines():
    lines = [
        *whole(),
        line(
            4,
            "B",
            minutes=Range(D("0.5"), None, "()"),
            celsius=Range(D(-5), D(3), "(]"),
            g=Range(D(1), D(2)),
            brake=True,
        ),
        line(7, "B", family="straw", storage=("-80", "-20"), before=(), freezing="controlled"),
        line(1, "PL2", min_spins=2, max_spins=2),
    ]
    text = write_csv(lines)
    assert read_csv("\ufeff" + text) == (lines, [])


GOOD = "3,A,match,Room,0,120,[),18,28,[],,,,,,,,,,,true,paper"
ROWS = {
    "short": ("3,A", "has not 22 cells"),
    "long": (GOOD + ",more", "has not 22 cells"),
    "element": (GOOD.replace("3,A", "9,A"), "element is not 1 to 7"),
    "no element": (GOOD.replace("3,A", "x,A"), "element is not a whole number"),
    "code": (GOOD.replace("3,A", "3,a"), "code 'a' is not 1 capital"),
    "long code": (GOOD.replace("3,A", "1,A"), "code 'A' is not 3 capital"),
    "role": (GOOD.replace("match", "maybe"), "role is not match or unknown"),
    "meaning": (GOOD.replace("Room", ""), "meaning is missing"),
    "number": (GOOD.replace("120", "twelve"), "max_minutes is not a number"),
    "huge": (GOOD.replace("120", "1e99"), "max_minutes is not a number"),
    "nan": (GOOD.replace("120", "NaN"), "max_minutes is not a number"),
    "ends": (GOOD.replace("[)", "{}"), "minutes_ends is not"),
    "empty range": (GOOD.replace("0,120", "120,0"), "min_minutes to max_minutes holds nothing"),
    "empty point": (GOOD.replace("0,120", "5,5"), "min_minutes to max_minutes holds nothing"),
    "verified": (GOOD.replace("true", "yes"), "verified is not"),
    "spins": ("1,SER,match,Serum,,,,,,,,,,,,,,,2,1,true,paper", "min_spins is above max_spins"),
}


@pytest.mark.parametrize("case", sorted(ROWS))
def test_what_cannot_be_read_is_named_by_its_line(case):
    row, said = ROWS[case]
    lines, faults = read_csv("\n".join([",".join(COLUMNS), GOOD, row]))
    assert len(lines) == 1
    assert any(one.startswith(f"line 3: {said}") for one in faults), faults


def test_columns_that_are_missing_strange_or_twice_are_named():
    header = ",".join([*COLUMNS[1:], "colour", "code"])
    assert read_csv(header) == (
        [],
        ["column element is missing", "column colour is not one of a code table", "column code is named twice"],
    )
    assert read_csv("")[1][0] == "column element is missing"
    assert read_csv(",".join(COLUMNS) + '\n"' + "x" * 200_000)[1] == ["line 1: field larger than field limit (131072)"]
