from dataclasses import replace

import pytest

from labels import STOCKS, LabelError, SheetStock, StockError, UnprintableTextError
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
    "text", ["Łódź Święty", "Ελληνικά άέ", "Санкт-Петербург", "İstanbul ğş", "Đặng Việt", "µL ≥ ±—°", ""]
)
def test_real_names_print(text):
    assert checked(text) == text


def test_decomposed_letters_are_composed():
    assert checked("Ło\u0301dz\u0301") == "Łódź"


@pytest.mark.parametrize(
    ("text", "wrong"), [("日本 A", "日本"), ("a\u0301\u0327b\u0330", "\u0327\u0330"), ("سلام", "سلام"), ("a\tb", "\t")]
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
