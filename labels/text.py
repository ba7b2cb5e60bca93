"""Type: one fixed-width font for everything printed, and the refusal of text that it cannot print right.

The font is DejaVu Sans Mono as python-barcode carries it: Latin with the letters of all European languages, of Hawaiian
and Navajo, Greek, Cyrillic, Georgian and Lao, with clearly different 0 and O, 1 and l, 5 and S, 8 and B. It lacks the
hook above and most double marks of Vietnamese, Canadian syllabics and Cherokee. Scripts written from right to left and
combining marks without a composed letter need shaping, which is not done here; they are refused, as is a missing glyph.
"""

import unicodedata
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from labels.errors import TextDoesNotFitError, UnprintableTextError
from labels.geometry import POINTS_PER_MM, Box

FONT = "DejaVuSansMono"
ADVANCE = 0.602  # width of every glyph, in ems
LINE = 1.2  # distance between lines, in ems
ABOVE, BELOW = 0.76, 0.235  # how far letters reach above the baseline and below it, in ems
_CAP_MIDDLE = 0.365  # from the baseline to the middle of a capital, in ems
_FORBIDDEN_CATEGORIES = ("C", "M", "Zl", "Zp")
_RIGHT_TO_LEFT = ("R", "AL", "AN")


@cache
def face() -> Any:
    """The font as reportlab reads it, registered under its name."""
    with as_file(files("barcode") / "fonts" / f"{FONT}.ttf") as path:
        font = TTFont(FONT, str(path))
    pdfmetrics.registerFont(font)
    return font.face


@cache
def printable() -> frozenset[str]:
    """Characters that print right."""
    return frozenset(
        character
        for character in map(chr, face().charToGlyph)
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


@cache
def _narrow() -> dict[str, float]:
    """Widths in ems of the bold Helvetica that a label printer's scalable font is a narrower cut of."""
    return {sign: pdfmetrics.stringWidth(sign, "Helvetica-Bold", 1) for sign in map(chr, range(0x20, 0x7F))}


def narrow_width(text: str) -> float:
    """The most that ASCII `text` takes in a label printer's own font, in ems."""
    widths = _narrow()
    return sum(widths[sign] for sign in text)


def grouped(code: str) -> str:
    """A house id as people read it: `TKQ7M3X9V7` -> `TKQ7-M3X9-V7`. Any other length is left as it is."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}" if len(code) == 10 else code


def fit(
    lines: list[str], box: Box, points: tuple[float, float], *, wrap: bool = False, where: str
) -> tuple[float, list[str]]:
    """The largest type size in tenths of a point, between the two in `points`, at which the lines fit `box`; and the
    lines, with `wrap` broken between words.

    Raises TextDoesNotFitError when they would have to be smaller than the smaller size.
    """
    smallest, largest = points
    room, high = box.width * POINTS_PER_MM, box.height * POINTS_PER_MM
    size = _size(min(largest, room / _widest(lines), high / LINE / len(lines)))
    if size >= smallest and (size >= largest or not wrap):
        return size, lines
    wanted = max(lines, key=len)
    if wrap:
        broken, size = lines, _size(largest)
        while size >= smallest:
            broken = [part for line in lines for part in _wrapped(line, int(room / (ADVANCE * size) + 1e-6))]
            if len(broken) * size * LINE <= high + 1e-6 and _widest(broken) * size <= room + 1e-6:
                return size, broken
            size = _size(size - 0.1)
        lines = broken
    needed = (_widest(lines) * smallest / POINTS_PER_MM, smallest * LINE * len(lines) / POINTS_PER_MM)
    raise TextDoesNotFitError(wanted, needed, (box.width, box.height), where)


def _size(size: float) -> float:
    """Rounded down to a tenth of a point."""
    return int(size * 10 + 1e-6) / 10


def _widest(lines: list[str]) -> float:
    return max(width(line, 1) for line in lines) or 1e-9


def _wrapped(line: str, most: int) -> list[str]:
    """The line broken between words where it is longer than `most` characters."""
    made = [""]
    for word in line.split(" "):
        if made[-1] and len(made[-1]) + 1 + len(word) > most:
            made.append(word)
        else:
            made[-1] = f"{made[-1]} {word}" if made[-1] else word
    return made


def baseline(box: Box, size: float) -> float:
    """Points from the origin of `box` down to the baseline that sets capitals in its middle."""
    return (box.y + box.height / 2) * POINTS_PER_MM + _CAP_MIDDLE * size
