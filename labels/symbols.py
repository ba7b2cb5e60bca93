"""Bar code symbols as one filled path each, in whole modules.

Code 128 (ISO/IEC 15417) comes from python-barcode; Data Matrix ECC 200 (ISO/IEC 16022) and QR (ISO/IEC 18004) from
zxing-cpp. A 10 character house id is always a 14 x 14 Data Matrix.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import zxingcpp
from barcode.codex import Code128

from labels.errors import CodeDoesNotFitError, CodeTooLongError, UnencodableCodeError
from labels.geometry import MM_PER_INCH, POINTS_PER_MM, Box

_DARK = re.compile(rb"\x00+")
_BARS = re.compile("1+")
_PRINTABLE_ASCII = frozenset(map(chr, range(0x20, 0x7F)))


class Symbology(Enum):
    """Symbologies with the quiet zone each standard asks for, in modules."""

    CODE_128 = ("Code 128", 10, 0)
    DATA_MATRIX = ("Data Matrix", 1, 1)
    QR = ("QR", 4, 4)

    def __init__(self, title: str, quiet_x: int, quiet_y: int) -> None:
        self.title = title
        self.quiet_x = quiet_x
        self.quiet_y = quiet_y


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol `columns` x `rows` modules large (a linear one has one row). `path` holds PDF rectangle operators in
    module units from the bottom left corner, without quiet zone.
    """

    code: str
    symbology: Symbology
    columns: int
    rows: int
    path: str

    @property
    def linear(self) -> bool:
        return self.symbology is Symbology.CODE_128


def encode(code: str, symbology: Symbology) -> Symbol:
    """Encode `code`. Only printable ASCII is taken, for that is what every scanner in keyboard mode types back.

    Raises UnencodableCodeError, CodeTooLongError.
    """
    wrong = "".join(sorted(set(code) - _PRINTABLE_ASCII))
    if wrong or not code:
        raise UnencodableCodeError(code, symbology.title, wrong)
    return _code_128(code) if symbology is Symbology.CODE_128 else _matrix(code, symbology)


def _code_128(code: str) -> Symbol:
    (bars,) = Code128(code).build()
    path = " ".join(f"{bar.start()} 0 {bar.end() - bar.start()} 1 re" for bar in _BARS.finditer(bars))
    return Symbol(code, Symbology.CODE_128, len(bars), 1, path)


def _matrix(code: str, symbology: Symbology) -> Symbol:
    try:
        if symbology is Symbology.QR:
            barcode = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        else:
            barcode = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
    except ValueError as error:
        raise CodeTooLongError(code, symbology.title) from error
    image: Any = barcode.to_image(scale=1, add_quiet_zones=False)
    rows, columns = image.shape
    pixels = bytes(memoryview(image))
    path = " ".join(
        f"{run.start()} {rows - 1 - row} {run.end() - run.start()} 1 re"
        for row in range(rows)
        for run in _DARK.finditer(pixels[row * columns : (row + 1) * columns])
    )
    return Symbol(code, symbology, columns, rows, path)


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
