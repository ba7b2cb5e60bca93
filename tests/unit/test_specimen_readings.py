"""Numbers as instruments write them, tables of them, and what fits together."""

from decimal import Decimal

import pytest

from biobank.errors import Invalid
from biobank.specimen.readings import (
    Measurable,
    MeasurementsRefused,
    disagreement,
    read_csv,
    refuse_rows,
    value_of,
)

RIN = Measurable("rin", "RIN", None, Decimal(1), Decimal(10))
MASS = Measurable("yield", "Yield", "ng", Decimal(0), None)
FREE = Measurable("free", "Anything", "U", None, None)


@pytest.mark.parametrize(
    ("text", "unit", "kind", "value", "words"),
    [
        (" 8.70 ", None, RIN, "8.70", ""),
        ("10", None, RIN, "10", ""),
        ("10.01", None, RIN, None, "at most 10"),
        ("0.99", None, RIN, None, "at least 1"),
        ("-1", "ng", MASS, None, "at least 0"),
        ("-1", "U", FREE, "-1", ""),
        ("123456", "ng", MASS, "123456", ""),
        ("5", "ug", MASS, None, "measured in ng"),
        ("5", "ng", RIN, None, "has no unit"),
        ("8,7", None, RIN, None, "not a number"),
        ("<1", None, RIN, None, "not a number"),
        ("1e5", None, MASS, None, "not a number"),
        ("", None, RIN, None, "not a number"),
        ("1" * 13, None, MASS, None, "not a number"),
    ],
)
def test_a_value_is_a_plain_number_within_what_can_be(text, unit, kind, value, words):
    found, problem = value_of(text, unit, kind)
    assert found == (None if value is None else Decimal(value))
    assert words in problem


@pytest.mark.parametrize(
    ("quantity", "unit", "values", "words"),
    [
        ("10", "10*6", {}, None),
        ("10", "10*6", {"cell_count": "10.9"}, None),
        ("10", "10*6", {"cell_count": "12"}, "12 million cells"),
        ("10", "uL", {"cell_count": "12"}, None),
        ("50", "uL", {"concentration": "100"}, None),
        ("50", "uL", {"yield": "5000"}, None),
        ("50", "uL", {"concentration": "100", "yield": "5400"}, None),
        ("50", "uL", {"concentration": "100", "yield": "6000"}, "5000 ng"),
        ("50", "mg", {"concentration": "100", "yield": "6000"}, None),
        ("50", "uL", {"concentration": "0", "yield": "0"}, None),
    ],
)
def test_what_was_measured_agrees_with_what_the_vial_holds(quantity, unit, values, words):
    found = disagreement(Decimal(quantity), unit, {name: Decimal(value) for name, value in values.items()})
    assert (found is None) == (words is None)
    if words:
        assert words in found


def test_every_row_is_named_and_the_first_ten_in_words():
    refuse_rows([])
    rows = [{"line": number, "specimen": "x", "quantity": "rin", "problem": "bad"} for number in range(1, 13)]
    with pytest.raises(MeasurementsRefused, match="line 10, x, rin: bad; and 2 more") as found:
        refuse_rows(rows)
    assert found.value.fields["rows"] == rows
    with pytest.raises(MeasurementsRefused, match=r"Nothing was recorded\. x, rin: bad\."):
        refuse_rows([rows[0] | {"line": None}])


def test_a_table_has_its_columns_in_any_order():
    rows = read_csv("\ufeffValue;TUBE;quantity\r\n8.7;T1;rin\r\n;;\r\n 9 ;T2;rin\r\n")
    assert rows == [
        {"line": 2, "extra": False, "text": "8.7", "specimen": "T1", "quantity": "rin"},
        {"line": 4, "extra": False, "text": "9", "specimen": "T2", "quantity": "rin"},
    ]
    (short,) = read_csv("specimen,quantity,value,unit\nT1,rin,8")
    assert "unit" not in short
    (empty,) = read_csv("specimen,quantity,value,unit\nT1,rin,8,")
    assert empty["unit"] is None
    (longer,) = read_csv("specimen,quantity,value\nT1,rin,8,9")
    assert longer["extra"]


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("", "file", "no rows"),
        ("specimen,quantity,value", "file", "no rows"),
        ("specimen,quantity\nT1,rin", "file", "Column text is missing"),
        ("specimen,quantity,value,red\nT1,rin,8,9", "file", "red is not one of"),
        ("specimen,quantity,value,text\nT1,rin,8,9", "file", "named twice"),
        ('specimen,quantity,value\nT1,rin,"8', "file", "no CSV"),
        ("specimen,quantity,value\n" + "T1,rin,8\n" * 20_001, "file", "At most 20000"),
    ],
)
def test_what_is_no_table_says_why(text, field, words):
    with pytest.raises(Invalid, match=words) as found:
        read_csv(text)
    assert list(found.value.errors) == [field]
