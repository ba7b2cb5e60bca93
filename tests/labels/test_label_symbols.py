import string

import pytest
import zxingcpp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from labels.errors import CodeTooLongError, UnencodableCodeError
from labels.geometry import Box
from labels.symbols import ModuleRange, Symbology, encode, module_dots

ALPHABET = "23456789ABCDEFGHJKLMNPQRTUVWXYZ"
ASCII = [one for one in Symbology if one not in {Symbology.CODE_39, Symbology.ITF}]
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


def decoded(symbol) -> tuple[str, str]:
    """Draw the path's rectangles as dots, four a module, and read them back."""
    rows = symbol.rows if not symbol.linear else 20
    image = Image.new("L", (4 * (symbol.columns + 20), 4 * (rows + 20)), 255)
    pen = ImageDraw.Draw(image)
    numbers = [int(token) for token in symbol.path.split() if token != "re"]
    for x, y, width, height in zip(*[iter(numbers)] * 4, strict=True):
        top, bottom = (0, rows) if symbol.linear else (rows - y - height, rows - y)
        pen.rectangle((4 * (x + 10), 4 * (top + 10), 4 * (x + 10 + width) - 1, 4 * (bottom + 10) - 1), fill=0)
    # A reader that shrinks the picture first can see a neighbouring character in the blur beside the right one.
    (found,) = zxingcpp.read_barcodes(image, try_downscale=False)
    return found.text, str(found.format)


@settings(max_examples=100, deadline=None)
@given(body=st.text(ALPHABET, min_size=9, max_size=9), first=st.sampled_from("TB"))
def test_a_house_id_is_a_14_by_14_data_matrix(body, first):
    symbol = encode(first + body, Symbology.DATA_MATRIX)
    assert (symbol.columns, symbol.rows) == (14, 14)
    assert decoded(symbol) == (first + body, "Data Matrix")


@settings(max_examples=100, deadline=None)
@given(code=st.text(PRINTABLE, min_size=1, max_size=40), symbology=st.sampled_from(ASCII))
@example(code="0:300:h5", symbology=Symbology.CODE_128)
def test_any_printable_ascii_survives(code, symbology):
    text, found = decoded(encode(code, symbology))
    assert text == code
    assert found.startswith(symbology.title)


@pytest.mark.parametrize("length", [5, 11, 17, 30, 60])
def test_a_data_matrix_is_square_whatever_its_length(length):
    symbol = encode((string.digits * 6)[:length], Symbology.DATA_MATRIX)
    assert symbol.columns == symbol.rows


@pytest.mark.parametrize("symbology", Symbology)
@pytest.mark.parametrize(("code", "wrong"), [("", ""), ("é日1", "é日"), ("1\n2", "\n")])
def test_characters_a_scanner_cannot_type_are_refused(symbology, code, wrong):
    with pytest.raises(UnencodableCodeError) as caught:
        encode(code, symbology)
    assert (caught.value.code, caught.value.characters) == (code, wrong)
    assert symbology.title in str(caught.value)


@pytest.mark.parametrize("symbology", [Symbology.DATA_MATRIX, Symbology.QR])
def test_more_than_the_largest_symbol_holds_is_refused(symbology):
    with pytest.raises(CodeTooLongError, match="a code of 5000 characters"):
        encode("X" * 5000, symbology)


@pytest.mark.parametrize(("dpi", "dots"), [(203, 2), (300, 3), (600, 6)])
def test_a_module_is_a_whole_number_of_printer_dots(dpi, dots):
    symbol = encode("TKQ7M3X9V7", Symbology.DATA_MATRIX)
    box, modules = Box(0, 0, 5.2, 10.0), ModuleRange(0.2, 0.26)
    assert module_dots(symbol, box, modules, dpi=dpi, where="stock") == dots


def test_a_box_of_exactly_the_symbol_fits():
    symbol = encode("TKQ7M3X9V7", Symbology.DATA_MATRIX)
    side = 16 * 3 * 25.4 / 300
    assert module_dots(symbol, Box(0, 0, side, side), ModuleRange(0.254, 0.254), dpi=300, where="stock") == 3
