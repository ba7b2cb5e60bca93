"""Positions by name: every label names one position, whatever the scheme, and the order of filling misses none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank.storage.rules import Grid, UnknownPosition, col_labels, fill_order, label, next_free, position, row_labels

SCHEMES = ("letter_number", "letter_zero_number", "number_by_row", "number_by_column")
grids = st.builds(
    Grid, st.integers(1, 32), st.integers(1, 48), st.sampled_from(SCHEMES), st.sampled_from(("row", "column"))
)


@given(grids)
def test_every_label_leads_back_to_its_position(grid):
    places = [(row, col) for row in range(grid.rows) for col in range(grid.cols)]
    labels = [label(grid, *place) for place in places]
    assert len(set(labels)) == grid.capacity
    assert [position(grid, name.lower()) for name in labels] == places
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
    ],
)
def test_names_are_those_on_the_rack(scheme, last, second):
    grid = Grid(8, 12, scheme)
    assert (label(grid, 0, 1), label(grid, 7, 11)) == (second, last)


@pytest.mark.parametrize("text", ["J1", "A10", "A0", "1A", "", "A", "AA1", "A-1", "٣", "A" * 30])
def test_a_box_of_81_has_no_such_position(text):
    with pytest.raises(UnknownPosition, match="A1 to I9"):
        position(Grid(9, 9, "letter_number"), text)


def test_rows_past_z_have_two_letters_and_a_column_is_filled_downwards():
    assert label(Grid(32, 48, "letter_number"), 31, 47) == "AF48"
    assert position(Grid(32, 48, "letter_number"), "AF48") == (31, 47)
    assert list(fill_order(Grid(2, 2, "letter_number", "column"))) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert col_labels(Grid(2, 12, "letter_zero_number"))[0] == "01"
