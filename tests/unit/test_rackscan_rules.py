"""What a scan says against what a box should hold, on plain values."""

import pytest

from biobank.rackscan import rules
from biobank.rackscan.rules import Cell, Gone, Known, Seen, Standing, compare, orientation
from biobank.storage.grids import Grid

GRID = Grid(2, 3, "letter_number")


def known(number, place="in_hand", **extra):
    return Known(number, f"T{number}", place, "somewhere", **extra)


def kinds(found):
    return {cell.at: cell.kind for cell in found.cells if cell.kind != "empty"}


def test_each_position_is_what_it_is():
    standing = {(0, 0): Standing(1, "T1"), (0, 1): Standing(2, "T2"), (0, 2): Standing(3, "T3")}
    seen = {(0, 0): Seen("code", "a"), (0, 1): Seen("no_read"), (1, 0): Seen("code", "c"), (1, 1): Seen("code", "x")}
    named = {"a": known(1, "stored"), "c": known(3, "stored")}
    found = compare(GRID, standing, seen, named, {2: "unread"})
    assert kinds(found) == {(0, 0): "unchanged", (0, 1): "unread", (1, 0): "moved", (1, 1): "foreign"}
    assert found.gone == (Gone(2, "T2", (0, 1), True, "unread"),)
    assert [cell.at for cell in found.open()] == [(1, 1)]
    assert found.undecided() == ()
    assert found.placed() == ((3, (1, 0)),)
    assert found.counts == {"unchanged": 1, "unread": 1, "empty": 2, "moved": 1, "foreign": 1}


@pytest.mark.parametrize(
    ("tube", "by_hand", "kind"),
    [
        (known(9), False, "new"),
        (known(9, "lost"), False, "new"),
        (known(9, "stored"), False, "brought"),
        (known(9, "stored", copies=2), False, "two_labels"),
        (known(9, "stored", copies=2), True, "brought"),
        (known(9, "in_hand", refused="is on hold"), False, "refused"),
    ],
)
def test_a_tube_from_elsewhere(tube, by_hand, kind):
    found = compare(GRID, {}, {(0, 0): Seen("code", "a", by_hand)}, {"a": tube}, {})
    assert kinds(found) == {(0, 0): kind}


def test_two_codes_of_one_tube_are_one_tube_twice():
    named = {"a": known(1), "b": known(1)}
    seen = {(0, 0): Seen("code", "a"), (0, 1): Seen("code", "b"), (1, 0): Seen("code", "x"), (1, 1): Seen("code", "x")}
    found = compare(GRID, {}, seen, named, {})
    assert set(kinds(found).values()) == {"duplicate"}
    assert len(found.open()) == 4


def test_a_tube_is_gone_where_nothing_or_something_else_was_seen():
    standing = {(0, 0): Standing(1, "T1"), (0, 1): Standing(2, "T2"), (0, 2): Standing(3, None)}
    seen = {(0, 0): Seen("code", "x"), (0, 1): Seen("no_tube", by_hand=True)}
    found = compare(GRID, standing, seen, {}, {})
    assert kinds(found) == {(0, 0): "foreign", (0, 1): "gone", (0, 2): "gone"}
    assert [(gone.at, gone.may_be_unread) for gone in found.gone] == [((0, 0), False), ((0, 1), False), ((0, 2), True)]
    with pytest.raises(rules.BoxHoldsOthers, match="A3"):
        rules.check_settled(found, GRID)
    with pytest.raises(rules.RackScanUnsettled, match="A1, so T1 does not stand there"):
        rules.check_may_be_unread(found.gone[0], GRID)
    rules.check_may_be_unread(found.gone[2], GRID)


def test_what_is_not_settled_is_named():
    named = compare(GRID, {(0, 0): Standing(1, "T1")}, {(1, 2): Seen("no_read")}, {}, {})
    with pytest.raises(
        rules.RackScanUnsettled, match=r"by hand, or take out, what stands at B3; say what became of T1"
    ):
        rules.check_settled(named, GRID)
    many = Grid(8, 12, "letter_number")
    unread = {(row, col): Seen("no_read") for row in range(8) for col in range(12)}
    with pytest.raises(rules.RackScanUnsettled, match="A12 and 84 more"):
        rules.check_settled(compare(many, {}, unread, {}, {}), many)
    hidden = rules.Diff((Cell((0, 0), "moved", "a", None, 1),), ())
    with pytest.raises(rules.BoxHoldsOthers):
        rules.check_settled(hidden, GRID)
    rules.check_settled(compare(GRID, {}, {}, {}, {}), GRID)


def turned(grid, turn, count):
    here = {number: divmod(number, grid.cols) for number in range(count)}
    return orientation(grid, here, [Cell(turn(at), "moved", id=number) for number, at in here.items()])


def test_a_rack_that_was_held_or_read_wrongly_is_recognised():
    rack, square = Grid(8, 12, "letter_number"), Grid(9, 9, "letter_number")
    half = lambda at: (7 - at[0], 11 - at[1])  # noqa: E731
    assert turned(rack, half, 96) == ("turned", 96, 96)
    assert turned(rack, lambda at: divmod(at[1] * 8 + at[0], 12), 50)[0] == "counted"
    assert turned(rack, lambda at: ((at[0] * 12 + at[1]) % 8, (at[0] * 12 + at[1]) // 8), 50)[0] == "counted"
    assert turned(square, lambda at: (at[1], at[0]), 60)[0] == "transposed"
    assert turned(rack, lambda at: at, 96) == (None, 96, 96)
    assert turned(rack, half, 3) == (None, 0, 3), "three tubes tell nothing"
    here = {number: divmod(number, 12) for number in range(10)}
    some = [Cell(half(at) if number < 7 else (5, number), "moved", id=number) for number, at in here.items()]
    assert orientation(rack, here, some)[0] is None, "seven of ten are no turn"
    rules.check_straight(rules.Diff((), ()), "Box")
    with pytest.raises(rules.RackTurned, match=r"93 of 96 tubes .* turned by 180°"):
        rules.check_straight(rules.Diff((), (), "turned", 93, 96), "Box")


def test_a_scan_belongs_to_its_box():
    rules.check_fits(GRID, [(1, 2)], "Box 1")
    with pytest.raises(rules.RackDoesNotFit, match="row 3, column 1, and Box 1 has 2 rows and 3 columns"):
        rules.check_fits(GRID, [(2, 0)], "Box 1")
    with pytest.raises(rules.RackDoesNotFit):
        rules.check_fits(GRID, [(0, 3)], "Box 1")
    rules.check_rack_code(None, None, "B1", "Box 1")
    rules.check_rack_code("x", "B1", "B1", "Box 1")
    with pytest.raises(rules.RackDoesNotFit, match="of rack x"):
        rules.check_rack_code("x", "B2", "B1", "Box 1")
    rules.check_open("open")
    with pytest.raises(rules.RackScanSettled, match="was discarded"):
        rules.check_open("discarded")


def test_what_the_database_refuses_is_told_in_words():
    assert {type(make()).code for make in rules.CONSTRAINTS.values()} == {"stale", "rack-scan-settled"}
