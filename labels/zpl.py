"""Labels for printers that speak ZPL II: one format a label, everything on the dots that the layout chose.

The printer draws Data Matrix and Code 128 itself, in the size that was laid out, and plain left-set text in its own
scalable font. Everything else goes as a graphic of the same dots as the preview: other symbols, text in other scripts,
pictures.
"""

from collections.abc import Sequence
from functools import lru_cache

from barcode.codex import Code128

from labels.geometry import MM_PER_INCH
from labels.layout import Drawing, PlacedImage, PlacedLine, PlacedSymbol, PlacedText, drawings
from labels.picture import line_picture, pack, picture_of, symbol_picture, text_picture
from labels.stock import RollStock, Stock
from labels.symbols import Symbology
from labels.template import Item, Template
from labels.text import narrow_width, width

_TURN = {0: "N", 90: "R", 180: "I", 270: "B"}
_PRINTER_FONT = frozenset(map(chr, range(0x20, 0x7F)))
_HEX = str.maketrans({sign: f"_{ord(sign):02X}" for sign in "^~_\\"})
_ESCAPES = "_|`!=#$&*+;<>?@[]{}"

# Words of Code 128: the set of digits in pairs, and those that switch to another set.
_PAIRS = 105
_SWITCHES = frozenset({99, 100, 101})
_SIGNS = {"^": "><", ">": ">0", "~": ">="}


def render_zpl(items: Sequence[Item], template: Template | Sequence[Template], stock: Stock, copies: int = 1) -> bytes:
    """`items` in order, each `copies` times, as ZPL for a printer of the stock's dpi (UTF-8).

    `template` is one for all, or one for each item. Labels beside each other on a roll share a format. Raises a
    LabelError with `label_number` set for a label that cannot be printed as it should be, EmptyListError.
    """
    columns = stock.columns if isinstance(stock, RollStock) else 1
    lefts = [_dots(stock.corner(place)[0], stock.dpi) if columns > 1 else 0 for place in range(columns)]
    wide = stock.page.width if columns > 1 else stock.label_width
    begin = f"^XA^CI28^PW{_dots(wide, stock.dpi)}^LL{_dots(stock.label_height, stock.dpi)}^LH0,0"
    end = f"^PQ{copies}^XZ\n"
    made: list[str] = []
    place = 0
    for drawing in drawings(items, template, stock):
        if place == 0:
            made.append(begin)
        _fields(drawing, lefts[place], made)
        place = (place + 1) % columns
        if place == 0:
            made.append(end)
    if place:
        made.append(end)
    return "".join(made).encode()


def _fields(drawing: Drawing, left: int, made: list[str]) -> None:
    dpi = drawing.dpi
    for mark in drawing.marks:
        if isinstance(mark, PlacedSymbol):
            made.append(_symbol(mark, dpi, left))
        elif isinstance(mark, PlacedText):
            made.append(_text(mark, dpi, left))
        elif isinstance(mark, PlacedLine):
            made.append(_line(mark, dpi, left))
        else:
            x, y, packed = _image(mark, dpi)
            made.append(f"^FO{left + x},{y}{packed}^FS")


def _dots(length: float, dpi: int) -> int:
    return round(length / MM_PER_INCH * dpi)


def _data(text: str) -> str:
    """Field data, with what ZPL would take for itself written in hexadecimal."""
    escaped = text.translate(_HEX)
    return f"^FD{text}^FS" if escaped == text else f"^FH_^FD{escaped}^FS"


def _symbol(mark: PlacedSymbol, dpi: int, left: int) -> str:
    symbol, turn = mark.symbol, _TURN[mark.rotation]
    at = f"^FO{left + _dots(mark.x, dpi)},{_dots(mark.y, dpi)}"
    if symbol.symbology is Symbology.DATA_MATRIX:
        # The printer takes one character for its own escapes; which one by default depends on its firmware.
        escape = next((sign for sign in _ESCAPES if sign not in symbol.code), "")
        if escape:
            size = f"{mark.dots},200,{symbol.columns},{symbol.rows}"
            return f"{at}^BX{turn},{size},,{escape}{_data(symbol.code)}"
    elif symbol.symbology is Symbology.CODE_128:
        code = _code_128(symbol.code)
        if code:
            return f"{at}^BY{mark.dots}^BC{turn},{_dots(mark.row, dpi)},N,N,N{_data(code)}"
    return f"{at}{pack(symbol_picture(mark, dpi))}^FS"


def _code_128(code: str) -> str:
    """The code as the printer must be told it to draw the very bars that were laid out, or nothing where that takes
    more than one character set: what programs make of the signs that switch sets differs.
    """
    start, *words = Code128(code).encoded
    if not _SWITCHES.isdisjoint(words):
        return ""
    if start == _PAIRS:
        return ">;" + "".join(f"{word:02d}" for word in words)
    signs = (chr(word + 32) for word in words)
    return ">:" + "".join(_SIGNS.get(sign, sign) for sign in signs)


def _text(mark: PlacedText, dpi: int, left: int) -> str:
    if mark.align != "left" or mark.bold or not _PRINTER_FONT.issuperset(mark.text):
        x, y, picture = text_picture(mark, dpi)
        return f"^FO{left + x},{y}{pack(picture)}^FS"
    high = round(mark.size / 72 * dpi)
    # Never wider than in our own font, for which there is room.
    wide = min(high, int(high * width(mark.text, 1) / narrow_width(mark.text)))
    at = f"^FT{left + _dots(mark.x, dpi)},{_dots(mark.y, dpi)}"
    return f"{at}^A0{_TURN[mark.rotation]},{high},{wide}{_data(mark.text)}"


@lru_cache(maxsize=32)
def _image(mark: PlacedImage, dpi: int) -> tuple[int, int, str]:
    """Where the picture lies, and its dots; the same on every label."""
    x, y, picture = picture_of(mark, dpi)
    return x, y, pack(picture)


def _line(mark: PlacedLine, dpi: int, left: int) -> str:
    (x, u), (y, v) = (sorted(_dots(end[axis], dpi) for end in (mark.start, mark.end)) for axis in (0, 1))
    thick = max(1, _dots(mark.thickness, dpi))
    if x == u:
        return f"^FO{left + x - thick // 2},{y}^GB{thick},{v - y},{thick}^FS"
    if y == v:
        return f"^FO{left + x},{y - thick // 2}^GB{u - x},{thick},{thick}^FS"
    x, y, picture = line_picture(mark, dpi)
    return f"^FO{left + x},{y}{pack(picture)}^FS"
