from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels import (
    STOCKS,
    TEMPLATES,
    Box,
    Code,
    CodeDoesNotFitError,
    EmptyListError,
    Item,
    LabelError,
    ModuleRange,
    RollStock,
    SheetStock,
    StartOutsideSheetError,
    Symbology,
    Template,
    TextDoesNotFitError,
    UnencodableCodeError,
    UnprintableTextError,
    render_pdf,
)
from labels.symbols import LINEAR

ALPHABET = "23456789ABCDEFGHJKLMNPQRTUVWXYZ"
CRYO = STOCKS["cryo-letter-85"]
house_ids = st.builds(str.__add__, st.sampled_from("TB"), st.text(ALPHABET, min_size=9, max_size=9))


SHEETS = [name for name, stock in STOCKS.items() if isinstance(stock, SheetStock)]
TUBE, BOX = TEMPLATES["tube"], TEMPLATES["box"]


def some_labels(count: int, lines: tuple[str, ...] = ("SER 0.5 mL", "P-1234 V2")) -> list[Item]:
    return [Item.lined(f"T{ALPHABET[n // 31]}{ALPHABET[n % 31]}QX7M3V9", lines) for n in range(count)]


def expected_middle(stock, template, index):
    """Where the template's code lies on the page, by the stock's definition alone."""
    across, down = stock.label_width / template.width, stock.label_height / template.height
    box = template.elements[0].box
    x, y = stock.corner(index)
    return x + (box.x + box.width / 2) * across, y + (box.y + box.height / 2) * down


@pytest.mark.parametrize("name", STOCKS)
def test_every_code_is_read_and_lies_where_the_stock_says(name, read_pdf):
    """Sheets are read at 300 dpi, half of what they are drawn for, and rolls at their printer's own resolution."""
    stock = STOCKS[name]
    template = TEMPLATES["cap" if name.startswith("cap-dot") else "tube"]
    labels = some_labels(stock.per_sheet + (2 if isinstance(stock, RollStock) else 0))
    found = read_pdf(render_pdf(labels, template, stock), 300 if isinstance(stock, SheetStock) else stock.dpi)
    assert [(symbol.text, symbol.symbology) for symbol in found] == [(one.code, "Data Matrix") for one in labels]
    for index, symbol in enumerate(found):
        expected = expected_middle(stock, template, index % stock.per_sheet)
        assert (symbol.x, symbol.y) == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("name", ["cryo-letter-85", "l4731"])
def test_a_sheet_can_be_printed_at_203_dpi(name, read_pdf):
    stock = replace(STOCKS[name], dpi=203)
    labels = some_labels(min(stock.per_sheet, 40))
    found = read_pdf(render_pdf(labels, TUBE, stock), 203)
    assert [symbol.text for symbol in found] == [label.code for label in labels]


@pytest.mark.parametrize("dpi", [203, 300, 600])
@pytest.mark.parametrize("kind", ["tube", "box", "kit", "shipment"])
def test_a_page_printed_at_98_percent_is_still_read(kind, dpi, read_pdf):
    label, stock = some_labels(1)[0], STOCKS[f"{'roll-32x13' if kind == 'tube' else 'roll-51x25'}-{dpi}"]
    found = read_pdf(render_pdf([label], TEMPLATES[kind], stock), dpi * 0.98)
    assert {symbol.text for symbol in found} == {label.code}
    assert len(found) == (2 if kind == "kit" else 1)


@pytest.mark.parametrize("dpi", [203, 300, 600])
@pytest.mark.parametrize("scale", [1, 0.98])
@pytest.mark.parametrize("symbology", Symbology)
def test_every_symbology_is_read_in_its_smallest_modules(symbology, scale, dpi, read_pdf):
    """The smallest modules offered, printed at 100 and at 98 %."""
    smallest = 0.165 if symbology in LINEAR else 0.2
    modules = ModuleRange(smallest, smallest + 0.99 * 25.4 / dpi)  # one number of dots lies between the two
    template = Template("x", "x", 80, 20, (Code(Box(1, 1, 78, 18), "{code}", symbology, modules),))
    found = read_pdf(render_pdf([Item("1234567890")], template, RollStock("x", "x", 80, 20, dpi=dpi)), dpi * scale)
    assert [symbol.text for symbol in found] == ["1234567890"]
    assert found[0].symbology.startswith(symbology.title)


@pytest.mark.parametrize("kind", ["box", "rack", "shelf", "freezer", "shipment", "badge"])
def test_large_labels_carry_code_128(kind, read_pdf):
    stock = STOCKS["l7160"]
    labels = some_labels(5, ("Freezer 3 / shelf 2", "Serum, Łódź", "-80 °C"))
    found = read_pdf(render_pdf(labels, TEMPLATES[kind], stock, 2))
    assert [(symbol.text, symbol.symbology) for symbol in found] == [(label.code, "Code 128") for label in labels]
    for index, symbol in enumerate(found, start=2):
        assert (symbol.x, symbol.y) == pytest.approx(expected_middle(stock, TEMPLATES[kind], index), abs=0.2)


@pytest.mark.parametrize("name", ["cryo-letter-85", "l7163", "5160", "5163"])
def test_box_labels_are_read_on_other_stocks(name, read_pdf):
    labels = some_labels(7, ("Serum box 12",))
    assert [s.text for s in read_pdf(render_pdf(labels, BOX, STOCKS[name]))] == [label.code for label in labels]


@settings(max_examples=8, deadline=None)
@given(
    codes=st.lists(house_ids, min_size=1, max_size=30, unique=True),
    start=st.integers(0, 84),
    kind=st.sampled_from(["tube", "box"]),
)
def test_what_a_scanner_reads_is_what_was_given(codes, start, kind, read_pdf):
    pdf = render_pdf([Item.lined(code, ("SER",)) for code in codes], TEMPLATES[kind], CRYO, start)
    assert [symbol.text for symbol in read_pdf(pdf)] == codes


def test_bytes_depend_on_the_arguments_alone():
    labels = some_labels(3, lines=("Ελλάδα Санкт Łódź",))
    assert render_pdf(labels, TUBE, CRYO) == render_pdf(labels, TUBE, CRYO)
    assert render_pdf(labels, TUBE, CRYO) != render_pdf(labels, TUBE, CRYO, 1)


@pytest.mark.parametrize(
    ("count", "start", "pages"), [(1, 0, 1), (85, 0, 1), (86, 0, 2), (85, 1, 2), (1, 84, 1), (2, 84, 2), (171, 84, 3)]
)
def test_a_half_used_sheet_is_filled_first(count, start, pages, text_of, read_pdf):
    labels = some_labels(count)
    pdf = render_pdf(labels, TUBE, CRYO, start)
    assert len(text_of(pdf)) == pages
    first = read_pdf(pdf)[0]
    assert (first.page, first.text) == (0, labels[0].code)
    assert (first.x, first.y) == pytest.approx(expected_middle(CRYO, TUBE, start), abs=0.2)


def test_the_id_is_printed_in_groups_above_the_lines(text_of):
    (page,) = text_of(render_pdf([Item.lined("TKQ7M3X9V7", ("Łódź", "", "Ελλάδα"))], TUBE, CRYO))
    assert page.split() == ["TKQ7-M3X9-V7", "Łódź", "Ελλάδα"]


def test_a_code_of_another_length_is_printed_as_it_is(text_of, read_pdf):
    pdf = render_pdf([Item("FA12345678-9")], TUBE, CRYO)
    assert text_of(pdf)[0].split() == ["FA12345678-9"]
    assert [symbol.text for symbol in read_pdf(pdf)] == ["FA12345678-9"]


def test_long_lines_shrink_before_they_are_refused():
    fits = Item.lined("TKQ7M3X9V7", ("x" * 29,))
    assert render_pdf([fits], TUBE, CRYO)
    with pytest.raises(TextDoesNotFitError) as caught:
        render_pdf([fits, Item.lined("TKQ7M3X9V8", ("x" * 30,))], TUBE, CRYO)
    assert caught.value.label_number == 2
    assert caught.value.needed_mm[0] > caught.value.available_mm[0]
    assert str(caught.value).startswith("label 2: text 'xxxxx")


def test_too_many_lines_are_refused():
    with pytest.raises(TextDoesNotFitError) as caught:
        render_pdf([Item.lined("TKQ7M3X9V7", ("a",) * 6)], TUBE, CRYO)
    assert caught.value.needed_mm[1] > caught.value.available_mm[1]


def test_a_code_too_wide_for_its_stock_names_both_sizes():
    with pytest.raises(CodeDoesNotFitError) as caught:
        render_pdf([Item("BKQ7M3X9V7")], BOX, STOCKS["l4731"])
    assert caught.value.needed_mm[0] > caught.value.available_mm[0] == pytest.approx(96.1 * 25.4 / 99.1)
    message = str(caught.value)
    assert "label 1: code 'BKQ7M3X9V7' as Code 128 needs" in message
    assert "24.6 x 3.4 mm" in message
    assert "l4731" in message


def test_a_matrix_too_large_for_its_stock_is_refused():
    with pytest.raises(CodeDoesNotFitError) as caught:
        render_pdf([Item("T" * 60)], TUBE, CRYO)
    assert min(caught.value.needed_mm) > min(caught.value.available_mm)


def test_bars_too_low_to_scan_are_refused():
    low = replace(STOCKS["l7163"], label_height=9.0, pitch_y=9.0)
    with pytest.raises(CodeDoesNotFitError) as caught:
        render_pdf([Item("BKQ7M3X9V7")], BOX, low)
    assert caught.value.needed_mm[1] == 3.5


@pytest.mark.parametrize(
    ("label", "error"),
    [
        (Item(""), UnencodableCodeError),
        (Item("Łódź"), UnencodableCodeError),
        (Item("A\tB"), UnencodableCodeError),
        (Item.lined("TKQ7M3X9V7", ("日本",)), UnprintableTextError),
    ],
)
def test_a_bad_label_is_named_by_its_number(label, error):
    with pytest.raises(error) as caught:
        render_pdf([*some_labels(90), label], TUBE, CRYO)
    assert caught.value.label_number == 91
    assert isinstance(caught.value, LabelError)
    assert str(caught.value).startswith("label 91: ")


def test_an_empty_list_is_refused():
    with pytest.raises(EmptyListError, match="no labels to print"):
        render_pdf([], TUBE, CRYO)


@pytest.mark.parametrize("start", [-1, 85])
def test_a_start_outside_the_sheet_is_refused(start):
    with pytest.raises(StartOutsideSheetError, match="use 0 to 84"):
        render_pdf(some_labels(1), TUBE, CRYO, start)
