"""Large delimited text, and files of one sample each as one matrix."""

from __future__ import annotations

import re

import numpy as np
import pytest

from assay_importers.errors import FaultyFile
from assay_importers.one_sample import Sample, join, sample_name
from assay_importers.text_matrix import (
    Layout,
    cells_of,
    decimal_mark,
    first_lines,
    is_number,
    open_text,
    read_columns,
    repeated,
)

LAYOUT = Layout(("id", "a", "b"))


def test_columns_keep_their_type() -> None:
    columns = read_columns("head\ng1\t1\t2.5\n\n g2 \t3\t\r\ng3\tNA\tInf\n", 5, LAYOUT)
    assert columns.rows == 3
    assert columns.texts(0) == ["g1", "g2", "g3"]
    assert columns.matrix([1, 2]).tolist()[0] == [1.0, 2.5]
    assert np.isnan(columns.matrix([1, 2])[1:].ravel()[1:]).all()
    assert columns.notes == ("b has 1 infinite value(s), taken as missing",)
    assert read_columns("g\t1\t2\n", 0, LAYOUT).matrix([1, 2]).dtype == np.int64
    assert np.isnan(read_columns("g\t1\tNA\n", 0, LAYOUT).numbers(2)).all()
    assert read_columns("g\t1,5\t2\n", 0, Layout(LAYOUT.names, mark=",")).numbers(1).tolist() == [1.5]


def test_no_rows_are_no_fault() -> None:
    columns = read_columns("id\ta\tb\n \n", 7, LAYOUT)
    assert columns.rows == 0
    assert columns.matrix([]).shape == (0, 0)
    assert columns.numbers(1).shape == (0,)


@pytest.mark.parametrize(
    ("text", "line", "column", "value"),
    [
        ("g1\t1\t2\ng2\t1\n", 3, None, "g2"),
        ("g1\t1\t2\n\ng2\t1\t1,234\n", 4, "b", "1,234"),
        ("g1\t1\t2\ng2\tfour\t2\n", 3, "a", "four"),
        ('g1\t1\t2\n"g2\t1\t2\n', 3, None, None),
        ("g1\t1\t2020-01-01\n", 2, "b", "2020-01-01"),
    ],
)
def test_the_faulty_cell_is_named(text: str, line: int, column: str | None, value: str | None) -> None:
    with pytest.raises(FaultyFile) as raised:
        read_columns(text, 0, LAYOUT)
    assert (raised.value.line, raised.value.column) == (line, column)
    assert value is None or raised.value.value == value


def test_a_fault_that_csv_cannot_split_is_one_too() -> None:
    with pytest.raises(FaultyFile, match="field larger"):
        read_columns(f"g1\t{'x' * 200_000}\t2\n", 0, LAYOUT)
    with pytest.raises(FaultyFile, match="rows of equal length"):
        read_columns("g1\t1\xa0\t2\n", 0, LAYOUT)


def test_first_lines_of_any_kind() -> None:
    assert first_lines("a\r\nb\rc\nd", 9) == (("a", "b", "c", "d"), (0, 3, 5, 7))
    assert first_lines("a\nb\nc", 2).texts == ("a", "b")
    assert first_lines("a\n", 2).texts == ("a",)


def test_cells_and_numbers() -> None:
    assert cells_of('"a b" ;c', ";") == ("a b", "c")
    assert cells_of("", ";") == ()
    assert cells_of(f"{'x' * 140_000};c", ";")[1] == "c"
    assert is_number(" 1e5 ")
    assert is_number("NA")
    assert not is_number("1,5")
    assert decimal_mark(iter(["1", "1,5"])) == ","
    assert decimal_mark(iter(["1,5", "1.5"])) == "."
    assert decimal_mark(iter(["x", "1", "1,234"])) == "."
    assert repeated(["a", "b", "a", "a"]) == ["a"]


def test_a_last_line_without_its_end_is_said() -> None:
    assert open_text(b"a\n").notes == ()
    assert "cut off" in open_text(b"a").notes[0]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("S1_quant.sf", "S1"),
        ("S1/quant.sf", "S1"),
        ("run\\S1_quant\\quant.sf", "S1"),
        ("quant.sf", "quant.sf"),
        ("S-01.txt", "S-01"),
        ("x", "x"),
    ],
)
def test_the_name_of_a_sample(path: str, name: str) -> None:
    assert sample_name(path, re.compile(r"[._-]?quant\.sf$")) == name


def sample(name: str, ids: str, *values: float, note: str = "") -> Sample:
    return Sample(name, list(ids), {"count": np.array(values)}, {"note": [note + text for text in ids]})


def test_samples_with_the_same_ids_are_put_side_by_side() -> None:
    joined = join([sample("s", "aab", 1, 2, 3), sample("t", "aab", 4, 5, 6)], {"count": "reads"})
    assert joined.matrix.layers["count"].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert joined.features.unit == "reads"
    assert joined.notes == ("1 id(s) stand more than once, a first",)


def test_samples_with_other_ids_are_joined_by_them() -> None:
    joined = join([sample("s", "ab", 1, 2), sample("t", "bc", 3, 4, note="t")], {})
    np.testing.assert_array_equal(joined.matrix.layers["count"], [[1, np.nan], [2, 3], [np.nan, 4]])
    assert joined.features.annotation["note"] == ("a", "b", "tc")
    assert joined.notes == ("s lacks 1 of the 3 ids of all files", "t lacks 1 of the 3 ids of all files")
    other_order = join([sample("s", "ab", 1, 2), sample("t", "ba", 3, 4)], {})
    assert other_order.matrix.layers["count"].tolist() == [[1, 4], [2, 3]]
    assert other_order.matrix.layers["count"].dtype == np.int64
    assert other_order.notes == ()


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (sample("s", "ab", 1, 2), "two files are of the sample s"),
        (Sample("t", list("ab"), {"tpm": np.array([1, 2])}), "t has the columns tpm, s count"),
        (sample("t", "bb", 1, 2), "t has the id b more than once and other ids than s"),
    ],
)
def test_what_does_not_belong_together_is_refused(other: Sample, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        join([sample("s", "ab", 1, 2), other], {})
