import json
from dataclasses import replace

import pytest

from labels import (
    A4,
    STOCKS,
    LabelError,
    RollStock,
    SheetStock,
    StockError,
    UnprintableTextError,
    stock_from_data,
    stock_to_data,
)
from labels.text import ADVANCE, FONT, checked, printable, width


@pytest.mark.parametrize("name", [name for name, stock in STOCKS.items() if isinstance(stock, SheetStock)])
def test_stocks_that_ship_lie_on_their_page(name):
    stock = STOCKS[name]
    assert stock.name == name
    x, y = stock.corner(stock.per_sheet - 1)
    assert stock.corner(0) == (stock.left, stock.top)
    assert x + stock.label_width <= stock.page.width
    assert y + stock.label_height <= stock.page.height
    assert stock.corner(stock.columns) == pytest.approx((stock.left, stock.top + stock.pitch_y))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"columns": 0}, "greater than zero"),
        ({"pitch_x": 20.0}, "overlap"),
        ({"pitch_y": 9.0}, "overlap"),
        ({"left": -1.0}, "outside the A4 page"),
        ({"left": 20.0}, "outside the A4 page"),
        ({"top": 30.0}, "outside the A4 page"),
    ],
)
def test_a_stock_that_contradicts_itself_is_refused(change, problem):
    with pytest.raises(StockError, match=problem) as caught:
        replace(STOCKS["l4731"], **change)
    assert isinstance(caught.value, LabelError)


@pytest.mark.parametrize(
    "text",
    [
        "Łódź Święty",
        "Montréal, Trois-Rivières, Chœur, L\u2019Haÿ « Ÿ »",
        "Cañón de Peñas, ¿Mayagüez?",
        "São João, Nu\u02bbuanu, Dinétah Łʼ Ąʼ",
        "Ελληνικά άέ",
        "Санкт-Петербург, Київ ґєї",
        "İstanbul ğş",
        "Đặng Việt",
        "Iqaluit, Nunavut",
        "µL ≥ ±—°",
        "",
    ],
)
def test_real_names_print(text):
    assert checked(text) == text


def test_decomposed_letters_are_composed():
    assert checked("Ło\u0301dz\u0301") == "Łódź"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ᐃᓄᒃᑎᑐᑦ", "ᐃᓄᒃ"),
        ("Nguyễn Ẩm", "ễẨ"),
        ("ᏣᎳᎩ", "ᏣᎳᎩ"),
        ("日本 A", "日本"),
        ("a\u0301\u0327b\u0330", "\u0327\u0330"),
        ("سلام", "سلام"),
        ("a\tb", "\t"),
    ],
)
def test_what_would_print_wrong_is_refused(text, wrong):
    with pytest.raises(UnprintableTextError) as caught:
        checked(text)
    assert set(caught.value.characters) & set(wrong)
    assert f"U+{ord(caught.value.characters[0]):04X}" in str(caught.value)


def test_every_glyph_is_as_wide_as_the_layout_believes():
    from reportlab.pdfbase.pdfmetrics import stringWidth

    assert {round(stringWidth(character, FONT, 1000)) for character in printable()} == {round(1000 * ADVANCE)}
    assert width("TKQ7", 10) == pytest.approx(stringWidth("TKQ7", FONT, 10), rel=1e-3)


@pytest.mark.parametrize("name", STOCKS)
def test_a_stock_is_the_same_after_json(name):
    stock = STOCKS[name]
    data = json.loads(json.dumps(stock_to_data(stock)))
    assert stock_from_data(data) == stock


ROLL = {"type": "roll", "name": "mine", "title": "Mine", "label_width": 40, "label_height": 20, "dpi": 300}
SHEET = {
    "type": "sheet",
    "name": "mine",
    "title": "Mine",
    "page": "A4",
    "label_width": 40,
    "label_height": 20,
    "dpi": 600,
    "columns": 2,
    "rows": 3,
    "left": 5,
    "top": 5,
    "pitch_x": 42,
    "pitch_y": 22,
}


def test_a_stock_of_ones_own_names_what_is_usual():
    assert stock_from_data(ROLL) == RollStock("mine", "Mine", 40, 20, gap=3, columns=1, column_gap=3, dpi=300)
    assert stock_from_data(SHEET).page is A4


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "is not an object"),
        (ROLL | {"type": "tape"}, "type: is not one of sheet, roll"),
        (ROLL | {"dpi": 240}, "no label printer has 240 dpi; use 203, 300, 600"),
        (ROLL | {"dpi": 203.5}, "dpi: is not a whole number"),
        (ROLL | {"label_width": 0}, "greater than zero"),
        (ROLL | {"label_width": 501}, "a row of labels has at most 500 mm a side"),
        (ROLL | {"columns": 30}, "a row of labels has at most 500 mm a side"),
        (SHEET | {"page": {"name": "X", "width": 600, "height": 600}}, "a page has at most 500 mm a side"),
        (SHEET | {"columns": 2001, "rows": 1}, "a page has at most 500 mm a side and 2,000 labels"),
        (ROLL | {"columns": 10**400}, "columns: is beyond 100,000"),
        (ROLL | {"gap": -1}, "gaps not below"),
        (ROLL | {"colour": 1}, "colour: is not known here"),
        (ROLL | {"areas": 5}, "areas: is not a list"),
        (ROLL | {"areas": [{"name": "dot", "x": 35, "y": 0, "width": 9, "height": 9}]}, "area 'dot' reaches outside"),
        (ROLL | {"areas": [{"name": "dot", "x": 0, "y": 0, "width": 0, "height": 9}]}, "area 'dot' reaches outside"),
        (ROLL | {"areas": [{"name": "dot"}]}, r"areas\[0\].x: is missing"),
        (SHEET | {"page": "A5"}, "page: is not one of A4, US Letter"),
        (SHEET | {"page": {"name": "A5", "width": 148}}, "page.height: is missing"),
        (SHEET | {"page": {"name": "A5", "width": 148, "height": 60}}, "outside the A5 page"),
        (SHEET | {"columns": 2.5}, "columns: is not a whole number"),
        (SHEET | {"areas": [{"name": "dot", "x": 0, "y": 0, "width": 9, "height": 99}]}, "area 'dot'"),
    ],
)
def test_a_fault_in_a_stock_of_ones_own_is_named(data, problem):
    with pytest.raises(StockError, match=problem) as caught:
        stock_from_data(data)
    assert caught.value.stock == ("" if data == [] else "mine")


def test_a_roll_has_a_page_of_one_row():
    roll = RollStock("x", "x", 30, 20, columns=3, column_gap=2, dpi=203)
    assert (roll.page.width, roll.page.height, roll.per_sheet) == (94, 20, 3)
    assert [roll.corner(place) for place in range(3)] == [(0, 0), (32, 0), (64, 0)]
