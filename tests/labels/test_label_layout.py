from dataclasses import replace

import pytest
from test_label_templates import png

from labels import (
    STOCKS,
    TEMPLATES,
    Area,
    Box,
    Code,
    CodeDoesNotFitError,
    Image,
    Item,
    Line,
    ModuleRange,
    OutsideAreaError,
    PlacedSymbol,
    PlacedText,
    RollStock,
    Symbology,
    Template,
    Text,
    TextDoesNotFitError,
    lay_out,
    render_pdf,
)
from labels.layout import bounds
from labels.text import LINE

STOCK = RollStock("roll", "roll", 40, 20, dpi=300)
ITEM = Item("TKQ7M3X9V7")
DOT = 25.4 / 300


def drawn(*elements, stock=STOCK, item=ITEM):
    return lay_out(Template("x", "x", 40, 20, elements), item, stock).marks


def texts(*elements, **more):
    return [mark.text for mark in drawn(*elements, **more)]


def test_text_is_as_large_as_its_box_and_limits_allow():
    (mark,) = drawn(Text(Box(0, 0, 40, 20), "ab", (4, 9)))
    assert mark.size == 9
    (mark,) = drawn(Text(Box(0, 0, 40, 2), "ab", (4, 9)))
    assert mark.size == pytest.approx(2 / 25.4 * 72 / LINE, abs=0.1)
    assert bounds(mark).width < 40


def test_lines_share_one_size_and_empty_ones_keep_their_place():
    first, last = drawn(Text(Box(0, 0, 40, 12), "a\n\nccc", (4, 9)))
    assert (first.text, last.text, first.size) == ("a", "ccc", last.size)
    assert last.y - first.y == pytest.approx(2 * first.size * LINE / 72 * 25.4)


def test_a_text_of_nothing_is_left_out():
    assert drawn(Text(Box(0, 0, 40, 12), "{line1}\n{line2}")) == ()


@pytest.mark.parametrize(("align", "free"), [("left", 0.0), ("centre", 0.5), ("right", 1.0)])
def test_text_is_aligned_in_its_box(align, free):
    (mark,) = drawn(Text(Box(5, 0, 30, 6), "abc", (9, 9), align))
    space = 30 - bounds(mark).width
    assert mark.x == pytest.approx(5 + free * space)


def test_wrapped_text_is_broken_between_words_before_it_shrinks():
    text = Text(Box(0, 0, 20, 12), "serum of the second visit", (3, 9), wrap=True)
    assert texts(text) == ["serum of", "the second", "visit"]
    assert " ".join(texts(text)) == "serum of the second visit"
    assert len(texts(replace(text, wrap=False))) == 1
    assert drawn(text)[0].size > drawn(replace(text, wrap=False))[0].size


def test_wrapped_text_stays_whole_where_there_is_room():
    assert texts(Text(Box(0, 0, 40, 12), "two words", (4, 9), wrap=True)) == ["two words"]


def test_wrapped_text_that_fits_at_no_size_is_refused():
    with pytest.raises(TextDoesNotFitError) as caught:
        drawn(Text(Box(0, 0, 8, 3), "one word and many more of them", (4, 9), wrap=True))
    assert caught.value.text == "one word and many more of them"
    assert caught.value.needed_mm[0] < 8
    assert caught.value.needed_mm[1] > caught.value.available_mm[1] == 3
    with pytest.raises(TextDoesNotFitError):
        drawn(Text(Box(0, 0, 8, 19), "unbreakablyLong", (4, 9), wrap=True))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_what_is_rotated_stays_in_its_box(rotation):
    box = Box(2, 1, 12, 18) if rotation % 180 else Box(2, 1, 36, 12)
    code = Code(box, "{code}", Symbology.CODE_128, ModuleRange(0.08, 0.2), rotation)
    wide = replace(STOCK, dpi=600)
    for mark in drawn(Text(box, "abc", (4, 30), rotation=rotation), code, stock=wide):
        inside = bounds(mark)
        half = 25.4 / 600 / 2 + 0.001
        assert inside.x >= 2 - half
        assert inside.y >= 1 - half
        assert inside.x + inside.width <= box.x + box.width + half
        assert inside.y + inside.height <= box.y + box.height + half


def test_a_rotated_text_begins_at_the_end_it_is_read_from():
    box = Box(10, 2, 4, 16)
    (down,) = drawn(Text(box, "abc", (6, 6), rotation=90))
    (up,) = drawn(Text(box, "abc", (6, 6), rotation=270))
    assert (down.y, up.y) == (2, 18)
    assert box.x < down.x < box.x + box.width
    (over,) = drawn(Text(Box(5, 5, 20, 4), "abc", (6, 6), rotation=180))
    assert over.x == 25


def test_symbols_stand_on_dots_in_whole_modules():
    (mark,) = drawn(Code(Box(1, 1, 8, 9)))
    assert isinstance(mark, PlacedSymbol)
    for length in (mark.x, mark.y, mark.module, mark.row):
        assert length / DOT == pytest.approx(round(length / DOT))
    assert mark.module == mark.dots * DOT == pytest.approx(0.254)


def test_a_code_that_does_not_fit_says_what_it_needs_and_has():
    with pytest.raises(CodeDoesNotFitError) as caught:
        drawn(Code(Box(1, 1, 3, 9)))
    assert caught.value.available_mm == (3, 9)
    assert caught.value.needed_mm == (pytest.approx(16 * 3 * DOT), pytest.approx(16 * 3 * DOT))


def test_elements_stretch_with_the_label():
    template = Template(
        "x", "x", 20, 10, (Line((1, 1), (19, 9)), Image(Box(2, 2, 4, 4), png()), Text(Box(1, 1, 9, 4), "a"))
    )
    line, image, text = lay_out(template, ITEM, STOCK).marks
    assert (line.start, line.end, line.thickness) == ((2, 2), (38, 18), 0.2)
    assert image.box == Box(4, 4, 8, 8)
    assert isinstance(text, PlacedText)
    assert text.x == 2


CAPPED = RollStock(
    "capped",
    "capped",
    40,
    20,
    dpi=300,
    areas=(Area("wrap", Box(0, 0, 25, 20)), Area("dot", Box(28, 5, 10, 10), round=True)),
)


@pytest.mark.parametrize(
    ("element", "named"),
    [
        (Code(Box(22, 5, 10, 10)), "code 'TKQ7M3X9V7'"),
        (Code(Box(28, 5, 5, 5)), "code 'TKQ7M3X9V7'"),
        (Text(Box(20, 1, 19, 3), "abcdefghijklmn"), "text 'abcdefghijklmn'"),
        (Line((1, 1), (39, 1)), "a line"),
        (Image(Box(20, 1, 19, 3), png()), "a picture"),
    ],
)
def test_what_lies_on_no_single_area_is_refused(element, named):
    with pytest.raises(OutsideAreaError) as caught:
        drawn(element, stock=CAPPED)
    assert str(caught.value) == f"{named} does not lie wholly on the wrap or dot of capped; move it in the template"


def test_the_wrap_and_the_cap_dot_are_one_label(read_pdf):
    stock = STOCKS["cryo-wrap-dot-300"]
    pdf = render_pdf([ITEM], TEMPLATES["tube-and-cap"], stock)
    wrap, dot = read_pdf(pdf)
    assert (wrap.text, dot.text) == ("TKQ7M3X9V7", "TKQ7M3X9V7")
    assert (dot.x, dot.y) == pytest.approx((34.5 + 4.75, 1.6 + 4.75), abs=0.2)
    assert drawn(Code(Box(29, 6, 8, 8)), stock=CAPPED)
