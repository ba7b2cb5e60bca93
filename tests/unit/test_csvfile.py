"""Cells of the CSV that the house gives out: no text runs as a formula, and numbers stay numbers."""

import csv
import io
from decimal import Decimal

import pytest

from biobank.csvfile import FORMULA_STARTS, as_typed, cell, written


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    assert cell(text) == f"'{text}"
    assert as_typed(cell(text)) == text
    assert cell(start) == f"'{start}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ("plain", "plain"),
        ("it's", "it's"),
        ("-80", "-80"),
        ("-2,50", "-2,50"),
        ("+1.5e-3", "+1.5e-3"),
        ("-80 to -60", "'-80 to -60"),
        ("-1.2.3", "'-1.2.3"),
        ("-٣", "'-٣"),
        (-3, "-3"),
        (Decimal("-1E+3"), "-1000"),
        (Decimal("2.50"), "2.50"),
        (True, "True"),
    ],
)
def test_numbers_keep_their_sign(value: object, expected: str) -> None:
    assert cell(value) == expected


@pytest.mark.parametrize("text", ["", "-80", "plain", "'quoted'", "'", "'5"])
def test_what_was_not_guarded_is_read_as_it_stands(text: str) -> None:
    assert as_typed(text) == text


def test_a_table_has_its_header_and_is_guarded_in_every_cell() -> None:
    text = written(["a", "=b"], [["=1+1", 'x,"y"'], [None, Decimal(-4)]], end="\r\n")
    assert text == 'a,\'=b\r\n\'=1+1,"x,""y"""\r\n,-4\r\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "'=b"], ["'=1+1", 'x,"y"'], ["", "-4"]]
