"""Type: one fixed-width font for everything printed, and the refusal of text that it cannot print right.

The font is DejaVu Sans Mono as python-barcode carries it: Latin with all European and Vietnamese letters, Greek and
Cyrillic, with clearly different 0 and O, 1 and l, 5 and S, 8 and B. Scripts written from right to left and combining
marks without a composed letter need shaping, which is not done here; they are refused, as is a missing glyph.
"""

import unicodedata
from functools import cache
from importlib.resources import as_file, files

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from labels.errors import TextDoesNotFitError, UnprintableTextError
from labels.geometry import POINTS_PER_MM, Box

FONT = "DejaVuSansMono"
ADVANCE = 0.602  # width of every glyph, in ems
LINE = 1.2  # distance between lines, in ems
_CAP_MIDDLE = 0.365  # from the baseline to the middle of a capital, in ems
_FORBIDDEN_CATEGORIES = ("C", "M", "Zl", "Zp")
_RIGHT_TO_LEFT = ("R", "AL", "AN")


@cache
def printable() -> frozenset[str]:
    """Characters that print right; registers the font with reportlab the first time."""
    with as_file(files("barcode") / "fonts" / f"{FONT}.ttf") as path:
        font = TTFont(FONT, str(path))
    pdfmetrics.registerFont(font)
    return frozenset(
        character
        for character in map(chr, font.face.charToGlyph)
        if not unicodedata.category(character).startswith(_FORBIDDEN_CATEGORIES)
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
    )


def checked(text: str) -> str:
    """`text` composed (NFC), once sure that every character prints right. Raises UnprintableTextError."""
    known = printable()
    if known.issuperset(text):
        return text
    composed = unicodedata.normalize("NFC", text)
    wrong = "".join(sorted(set(composed) - known))
    if wrong:
        raise UnprintableTextError(text, wrong)
    return composed


def width(text: str, size: float) -> float:
    """Width of `text` in points at type size `size`."""
    return len(text) * ADVANCE * size


def grouped(code: str) -> str:
    """A house id as people read it: `TKQ7M3X9V7` -> `TKQ7-M3X9-V7`. Any other length is left as it is."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}" if len(code) == 10 else code


def fit(text: str, box: Box, points: tuple[float, float], *, where: str) -> float:
    """The largest type size, between the two in `points`, at which `text` fits `box` on one line.

    `text` is not empty. Raises TextDoesNotFitError when it would have to be smaller than the smaller size.
    """
    smallest, largest = points
    size = min(largest, box.width * POINTS_PER_MM / width(text, 1), box.height * POINTS_PER_MM / LINE)
    if size < smallest:
        needed = (width(text, smallest) / POINTS_PER_MM, smallest * LINE / POINTS_PER_MM)
        raise TextDoesNotFitError(text, needed, (box.width, box.height), where)
    return size


def baseline(box: Box, size: float) -> float:
    """Points from the origin of `box` down to the baseline that sets capitals in its middle."""
    return (box.y + box.height / 2) * POINTS_PER_MM + _CAP_MIDDLE * size
