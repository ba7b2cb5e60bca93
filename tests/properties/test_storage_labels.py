"""Positions by name: every label names one position, whatever the scheme, and the order of filling misses none."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from biobank.http.templating import MAP_WORDS
from biobank.storage.grids import (
    FILL_ORDERS,
    LABEL_SCHEMES,
    Grid,
    UnknownPosition,
    col_labels,
    fill_order,
    label,
    next_free,
    position,
    row_labels,
    runs,
)


@st.composite
def any_grid(draw):
    """A grid of every scheme and order, as the CHECK constraints of `container_type` allow it."""
    rows, cols = draw(st.integers(1, 128)), draw(st.integers(1, 64))
    assume(rows * cols <= 1536)
    scheme, order = draw(st.sampled_from(sorted(LABEL_SCHEMES))), draw(st.sampled_from(FILL_ORDERS))
    group = draw(st.sampled_from([part for part in range(1, rows + 1) if rows % part == 0]))
    names = tuple(f"No-{number:03}" for number in range(rows * cols)) if scheme == "names" else ()
    return Grid(rows, cols, scheme, order, group, names)


grids = any_grid()


@given(grids)
def test_every_label_leads_back_to_its_position(grid):
    places = [(row, col) for row in range(grid.rows) for col in range(grid.cols)]
    labels = [label(grid, *place) for place in places]
    assert len(set(labels)) == grid.capacity
    assert [position(grid, name.lower()) for name in labels] == places
    assert [position(grid, name.replace("-", " ")) for name in labels if grid.scheme.endswith("_position")] in (
        [],
        places,
    )
    assert len(row_labels(grid)) == len(set(row_labels(grid))) == grid.rows
    assert len(col_labels(grid)) == len(set(col_labels(grid))) == grid.cols


@given(grids, st.text(max_size=6))
def test_what_is_no_position_is_refused_and_nothing_falls_outside(grid, text):
    try:
        row, col = position(grid, text)
    except UnknownPosition:
        return
    assert 0 <= row < grid.rows
    assert 0 <= col < grid.cols


@given(grids, st.data())
def test_filling_visits_every_position_once_and_the_first_free_is_next(grid, data):
    order = list(fill_order(grid))
    assert sorted(order) == [(row, col) for row in range(grid.rows) for col in range(grid.cols)]
    taken = data.draw(st.sets(st.sampled_from(order)))
    assert [place for run in runs(grid, taken) for place in run] == [place for place in order if place not in taken]
    free = next_free(grid, taken)
    if free is None:
        assert len(taken) == grid.capacity
    else:
        assert free not in taken
        assert all(place in taken for place in order[: order.index(free)])


@pytest.mark.parametrize(
    ("scheme", "last", "second"),
    [
        ("letter_number", "H12", "A2"),
        ("letter_zero_number", "H12", "A02"),
        ("number_by_row", "96", "2"),
        ("number_by_column", "96", "9"),
        ("letter_number_no_io", "H12", "A2"),
        ("letter_zero_number_no_io", "H12", "A02"),
        ("zero_number_by_row", "96", "02"),
        ("zero_number_by_column", "96", "09"),
        ("goblet_cane_position", "G2-C4-P12", "G1-C1-P2"),
        ("tower_level_box", "T2-L4-B12", "T1-L1-B2"),
        ("unordered", "#96", "#2"),
    ],
)
def test_names_are_those_on_the_rack(scheme, last, second):
    grid = Grid(8, 12, scheme, group=4)
    assert (label(grid, 0, 1), label(grid, 7, 11)) == (second, last)


@pytest.mark.parametrize("text", ["J1", "A10", "A0", "1A", "", "A", "AA1", "A-1", "٣", "A" * 30])
def test_a_box_of_81_has_no_such_position(text):
    with pytest.raises(UnknownPosition, match="A1 to I9"):
        position(Grid(9, 9, "letter_number"), text)


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("letter_number_no_io", "I1"),
        ("goblet_cane_position", "G1-C5-P1"),
        ("goblet_cane_position", "T1-L1-B1"),
        ("tower_level_box", "T3-L1-B1"),
        ("names", "south"),
        ("number_by_column", "97"),
        ("unordered", "no"),
    ],
)
def test_what_the_scheme_does_not_name_is_unknown(scheme, text):
    names = ("north",) * 96 if scheme == "names" else ()
    with pytest.raises(UnknownPosition):
        position(Grid(8, 12, scheme, group=4, names=names), text)


def test_without_i_and_o_the_ninth_row_is_j():
    grid = Grid(9, 9, "letter_number_no_io")
    assert (label(grid, 8, 0), row_labels(grid)[-1], position(grid, "J1")) == ("J1", "J", (8, 0))


def test_the_pages_have_words_for_every_order():
    assert tuple(MAP_WORDS["fill"]) == FILL_ORDERS


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("row", "A1 A2 B1 B2"),
        ("row_from_right", "A2 A1 B2 B1"),
        ("row_from_bottom", "B1 B2 A1 A2"),
        ("row_serpentine", "A1 A2 B2 B1"),
        ("column", "A1 B1 A2 B2"),
        ("column_from_right", "A2 B2 A1 B1"),
        ("column_from_bottom", "B1 A1 B2 A2"),
        ("column_serpentine", "A1 B1 B2 A2"),
    ],
)
def test_each_order_begins_at_its_corner(order, first):
    grid = Grid(2, 2, "letter_number", order)
    assert [label(grid, *place) for place in fill_order(grid)] == first.split()


def test_rows_past_z_have_two_letters_and_a_column_is_filled_downwards():
    assert label(Grid(32, 48, "letter_number"), 31, 47) == "AF48"
    assert position(Grid(32, 48, "letter_number"), "AF48") == (31, 47)
    assert list(fill_order(Grid(2, 2, "letter_number", "column"))) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert col_labels(Grid(2, 12, "letter_zero_number"))[0] == "01"
