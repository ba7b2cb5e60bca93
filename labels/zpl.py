"""Labels for printers that speak ZPL II: one format a label, everything on the dots that the layout chose."""

from collections.abc import Sequence

from labels.errors import EmptyListError, LabelError
from labels.geometry import MM_PER_INCH
from labels.layout import Drawing, PlacedImage, PlacedLine, PlacedSymbol, PlacedText, lay_out
from labels.picture import pack, picture_of, symbol_picture, text_picture
from labels.stock import RollStock, Stock
from labels.symbols import Symbology
from labels.template import Item, Template

_TURN = {0: "N", 90: "R", 180: "I", 270: "B"}
_PRINTER_FONT = frozenset(map(chr, range(0x20, 0x7F)))


def render_zpl(items: Sequence[Item], template: Template | Sequence[Template], stock: Stock, copies: int = 1) -> bytes:
    """`items` in order, each `copies` times, as ZPL for a printer of the stock's dpi (UTF-8).

    Raises a LabelError with `label_number` set for a label that cannot be printed as it should be, EmptyListError.
    """
    if not items:
        raise EmptyListError("labels")
    templates = [template] * len(items) if isinstance(template, Template) else template
    made = []
    columns = stock.columns if isinstance(stock, RollStock) else 1
    for first in range(0, len(items), columns):
        fields = []
        for place in range(min(columns, len(items) - first)):
            number = first + place
            try:
                drawing = lay_out(templates[number], items[number], stock)
            except LabelError as error:
                error.label_number = number + 1
                raise
            fields.append(
                _fields(drawing, round(stock.corner(place)[0] / MM_PER_INCH * stock.dpi) if columns > 1 else 0)
            )
        made.append(_format("".join(fields), stock, columns, copies))
    return "".join(made).encode()


def _format(fields: str, stock: Stock, columns: int, copies: int) -> str:
    wide = stock.page.width if columns > 1 else stock.label_width
    across, down = (round(length / MM_PER_INCH * stock.dpi) for length in (wide, stock.label_height))
    return f"^XA^CI28^PW{across}^LL{down}^LH0,0{fields}^PQ{copies}^XZ\n"


def _fields(drawing: Drawing, left: int) -> str:
    made = []
    for mark in drawing.marks:
        if isinstance(mark, PlacedSymbol):
            made.append(_symbol(mark, drawing.dpi, left))
        elif isinstance(mark, PlacedText):
            made.append(_text(mark, drawing.dpi, left))
        elif isinstance(mark, PlacedLine):
            made.append(_line(mark, drawing.dpi, left))
        elif isinstance(mark, PlacedImage):
            x, y, picture = picture_of(mark, drawing.dpi)
            made.append(f"^FO{left + x},{y}{pack(picture)}^FS")
    return "".join(made)


def _dots(length: float, dpi: int) -> int:
    return round(length / MM_PER_INCH * dpi)


def _data(text: str) -> str:
    """Field data with what ZPL would take as its own written in hexadecimal."""
    if text.isalnum():
        return f"^FD{text}"
    return "^FH_^FD" + "".join(f"_{ord(c):02X}" if c in "^~_\\" else c for c in text)


def _symbol(mark: PlacedSymbol, dpi: int, left: int) -> str:
    symbol, turn = mark.symbol, _TURN[mark.rotation]
    at = f"^FO{left + _dots(mark.x, dpi)},{_dots(mark.y, dpi)}"
    if symbol.symbology is Symbology.DATA_MATRIX:
        return f"{at}^BX{turn},{mark.dots},200,{symbol.columns},{symbol.rows}{_data(symbol.code)}^FS"
    return f"{at}{pack(symbol_picture(mark, dpi))}^FS"


def _text(mark: PlacedText, dpi: int, left: int) -> str:
    if _PRINTER_FONT.issuperset(mark.text):
        high = round(mark.size / 72 * dpi)
        return (
            f"^FT{left + _dots(mark.x, dpi)},{_dots(mark.y, dpi)}^A0{_TURN[mark.rotation]},{high},{high}"
            f"{_data(mark.text)}^FS"
        )
    x, y, picture = text_picture(mark, dpi)
    return f"^FO{left + x},{y}{pack(picture)}^FS"


def _line(mark: PlacedLine, dpi: int, left: int) -> str:
    (x, u), (y, v) = (sorted(pair) for pair in zip(mark.start, mark.end, strict=True))
    thick = max(1, _dots(mark.thickness, dpi))
    x, y, u, v = (_dots(length, dpi) for length in (x, y, u, v))
    if x == u:
        return f"^FO{left + x - thick // 2},{y}^GB{thick},{v - y},{thick}^FS"
    if y == v:
        return f"^FO{left + x},{y - thick // 2}^GB{u - x},{thick},{thick}^FS"
    rising = (mark.end[0] - mark.start[0]) * (mark.end[1] - mark.start[1]) < 0
    return f"^FO{left + x},{y}^GD{u - x},{v - y},{thick},B,{'R' if rising else 'L'}^FS"
