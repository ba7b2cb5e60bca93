"""Bar code symbols as one filled path each, in whole modules.

Code 128 (ISO/IEC 15417) comes from python-barcode; Data Matrix ECC 200 (ISO/IEC 16022) and QR (ISO/IEC 18004) from
others from zxing-cpp. A 10 character house id is always a 14 x 14 Data Matrix.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import zxingcpp
from barcode.codex import Code128

from labels.errors import CodeDoesNotFitError, CodeTooLongError, UnencodableCodeError
from labels.geometry import MM_PER_INCH, POINTS_PER_MM, Box

_DARK = re.compile(rb"\x00+")
_BARS = bytes.maketrans(b"01", b"\xff\x00")
_PRINTABLE_ASCII = frozenset(map(chr, range(0x20, 0x7F)))


class Symbology(Enum):
    """Symbologies with the quiet zone each standard asks for, in modules, across and down."""

    CODE_128 = ("code-128", "Code 128", 10, 0)
    DATA_MATRIX = ("data-matrix", "Data Matrix", 1, 1)
    QR = ("qr", "QR", 4, 4)
    AZTEC = ("aztec", "Aztec", 0, 0)
    PDF417 = ("pdf417", "PDF417", 2, 2)
    CODE_39 = ("code-39", "Code 39", 10, 0)
    ITF = ("itf", "ITF", 10, 0)

    def __init__(self, key: str, title: str, quiet_x: int, quiet_y: int) -> None:
        self.key = key
        self.title = title
        self.quiet_x = quiet_x
        self.quiet_y = quiet_y


LINEAR = frozenset({Symbology.CODE_128, Symbology.CODE_39, Symbology.ITF})
_FORMATS: dict[Symbology, tuple[Any, dict[str, Any]]] = {
    Symbology.DATA_MATRIX: (zxingcpp.BarcodeFormat.DataMatrix, {"force_square": True}),
    Symbology.QR: (zxingcpp.BarcodeFormat.QRCode, {"ec_level": "M"}),
    Symbology.AZTEC: (zxingcpp.BarcodeFormat.Aztec, {}),
    Symbology.PDF417: (zxingcpp.BarcodeFormat.PDF417, {}),
    Symbology.CODE_39: (zxingcpp.BarcodeFormat.Code39, {}),
    Symbology.ITF: (zxingcpp.BarcodeFormat.ITF, {}),
}
_ALPHABETS = {
    Symbology.CODE_39: (frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"), "capitals, digits and -. $/+%"),
    Symbology.ITF: (frozenset("0123456789"), "an even number of digits"),
}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol `columns` x `rows` modules large (a linear one has one row), without quiet zone. `pixels` are its
    modules, a byte each, row by row from the top: 0 is dark.
    """

    code: str
    symbology: Symbology
    columns: int
    rows: int
    pixels: bytes

    @property
    def linear(self) -> bool:
        return self.symbology in LINEAR

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Dark modules side by side: column, row from the top, and how many."""
        for row in range(self.rows):
            for run in _DARK.finditer(self.pixels[row * self.columns : (row + 1) * self.columns]):
                yield run.start(), row, run.end() - run.start()

    @property
    def path(self) -> str:
        """PDF rectangle operators in module units from the bottom left corner."""
        last = self.rows - 1
        return " ".join([f"{x} {last - row} {long} 1 re" for x, row, long in self.runs()])


def encode(code: str, symbology: Symbology) -> Symbol:
    """Encode `code`. Only printable ASCII is taken, for that is what every scanner in keyboard mode types back.

    Raises UnencodableCodeError, CodeTooLongError.
    """
    alphabet, name = _ALPHABETS.get(symbology, (_PRINTABLE_ASCII, "printable ASCII"))
    if not code or not alphabet.issuperset(code) or (symbology is Symbology.ITF and len(code) % 2):
        raise UnencodableCodeError(code, symbology.title, "".join(sorted(set(code) - alphabet)), name)
    if symbology is Symbology.CODE_128:
        (bars,) = Code128(code).build()
        return Symbol(code, symbology, len(bars), 1, bars.encode().translate(_BARS))
    form, options = _FORMATS[symbology]
    try:
        barcode = zxingcpp.create_barcode(code, form, **options)
    except ValueError as error:
        raise CodeTooLongError(code, symbology.title) from error
    image: Any = barcode.to_image(scale=1, add_quiet_zones=False)
    rows, columns = image.shape
    pixels = bytes(memoryview(image))
    if symbology in LINEAR:
        return Symbol(code, symbology, columns, 1, pixels[:columns])
    return Symbol(code, symbology, columns, rows, pixels)


@dataclass(frozen=True, slots=True)
class ModuleRange:
    """Module widths allowed, in mm; a linear symbol also needs bars at least `bar_height` mm high."""

    smallest: float
    largest: float
    bar_height: float = 0.0


def module_dots(symbol: Symbol, box: Box, modules: ModuleRange, *, dpi: int, where: str) -> int:
    """Printer dots in one module: the most that fit `box` with quiet zones, within `modules`.

    A whole number of dots is what keeps all modules of one width on paper. Raises CodeDoesNotFitError.
    """
    dot = MM_PER_INCH / dpi
    across = symbol.columns + 2 * symbol.symbology.quiet_x
    down = symbol.rows + 2 * symbol.symbology.quiet_y
    fits = box.width / across if symbol.linear else min(box.width / across, box.height / down)
    dots = int(min(fits, modules.largest) / dot + 1e-6)
    smallest = -int(-modules.smallest / dot // 1)  # rounded up: a finer module than asked is not readable
    if dots < smallest or (symbol.linear and box.height < modules.bar_height):
        needed = (across * smallest * dot, modules.bar_height if symbol.linear else down * smallest * dot)
        raise CodeDoesNotFitError(symbol.code, symbol.symbology.title, needed, (box.width, box.height), where)
    return dots


def draw_operators(symbol: Symbol, box: Box, page_height: float, *, dots: int, dpi: int) -> str:
    """PDF operators that fill the symbol in the middle of `box` (mm, from the page's top left corner).

    The symbol's corner lies on a printer dot, so it is at most half a dot off the exact middle.
    """
    dot = MM_PER_INCH / dpi
    module = dots * dot
    width = symbol.columns * module
    height = box.height if symbol.linear else symbol.rows * module
    left = round((box.x + (box.width - width) / 2) / dot) * dot
    bottom = round((box.y + (box.height + height) / 2) / dot) * dot
    row = height if symbol.linear else module
    return (
        f"q {module * POINTS_PER_MM:.5f} 0 0 {row * POINTS_PER_MM:.5f} "
        f"{left * POINTS_PER_MM:.4f} {(page_height - bottom) * POINTS_PER_MM:.4f} cm {symbol.path} f Q"
    )
