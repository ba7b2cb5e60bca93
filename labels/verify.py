"""What a printed page says, read back: rendered, decoded and compared with what should be there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pypdfium2
import zxingcpp

from labels.geometry import MM_PER_INCH


@dataclass(frozen=True, slots=True)
class Found:
    """A decoded symbol; its middle in mm from the top left corner of page `page` (from 1)."""

    code: str
    symbology: str
    page: int
    x: float
    y: float

    def __str__(self) -> str:
        return f"{self.code} on page {self.page} at {self.x:.1f}, {self.y:.1f} mm"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was read, and what is wrong with it."""

    found: tuple[Found, ...]
    missing: tuple[str, ...]
    twice: tuple[Found, ...]
    foreign: tuple[Found, ...]
    unreadable: tuple[Found, ...]

    @property
    def good(self) -> bool:
        return not (self.missing or self.twice or self.foreign or self.unreadable)


def verify_pdf(pdf: bytes, expected: Sequence[str], *, dpi: int = 300) -> Verdict:
    """Decode every symbol of a PDF as printed at `dpi`, and compare with the codes that should be there, once each."""
    found: list[Found] = []
    unreadable: list[Found] = []
    for one, good in _read(pdf, dpi):
        (found if good else unreadable).append(one)
    wanted, seen = Counter(expected), Counter[str]()
    twice: list[Found] = []
    foreign: list[Found] = []
    for one in found:
        seen[one.code] += 1
        if one.code not in wanted:
            foreign.append(one)
        elif seen[one.code] > wanted[one.code]:
            twice.append(one)
    missing = tuple((wanted - seen).elements())
    return Verdict(tuple(found), missing, tuple(twice), tuple(foreign), tuple(unreadable))


def _read(pdf: bytes, dpi: int) -> Iterator[tuple[Found, bool]]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        for number, page in enumerate(document, start=1):
            image = page.render(scale=dpi / 72, grayscale=True).to_pil()
            found = []
            for symbol in zxingcpp.read_barcodes(image, return_errors=True):
                place = symbol.position
                corners = (place.top_left, place.top_right, place.bottom_left, place.bottom_right)
                x, y = (sum(getattr(c, axis) + 0.5 for c in corners) / 4 / dpi * MM_PER_INCH for axis in "xy")
                found.append((Found(symbol.text, str(symbol.format), number, x, y), symbol.valid))
            yield from sorted(found, key=lambda one: (round(one[0].y), one[0].x))
    finally:
        document.close()
