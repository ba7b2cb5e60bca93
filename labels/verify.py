"""What a printed file says, read back: rendered, decoded and compared with what should be there."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import pypdfium2
import zxingcpp

from labels.errors import UnreadableFileError
from labels.geometry import MM_PER_INCH, POINTS_PER_MM
from labels.text import grouped

_COARSE, _FINE = 300, 600
_NEAR = 2.0  # mm
_LARGEST_POINTS = 500 * POINTS_PER_MM


@dataclass(frozen=True, slots=True)
class Found:
    """A symbol, or where one should be: its middle in mm from the top left corner of page `page` (from 1)."""

    code: str
    symbology: str
    page: int
    x: float
    y: float

    def __str__(self) -> str:
        return f"{self.code or 'a symbol'} on page {self.page} at {self.x:.1f}, {self.y:.1f} mm"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was read, and what is wrong: codes that are on no page, symbols too many, symbols of other codes, and
    symbols that do not read (or an id in words whose symbol does not).
    """

    found: tuple[Found, ...]
    missing: tuple[str, ...]
    twice: tuple[Found, ...]
    foreign: tuple[Found, ...]
    unreadable: tuple[Found, ...]

    @property
    def good(self) -> bool:
        return not (self.missing or self.twice or self.foreign or self.unreadable)

    def problems(self) -> tuple[str, ...]:
        """Each fault in a sentence with its page and place."""
        return (
            *(f"missing: {code} is on no page" for code in self.missing),
            *(f"unreadable: {one}" for one in self.unreadable),
            *(f"once too often: {one}" for one in self.twice),
            *(f"should not be there: {one}" for one in self.foreign),
        )


def verify_pdf(pdf: bytes, expected: Sequence[str]) -> Verdict:
    """Render and decode every page, and compare with the codes that should be there; a code named twice (as of labels
    with a cap dot) should be there twice.

    Pages are read at 300 dpi, and again at 600 where not all is found. Raises UnreadableFileError.
    """
    wanted = Counter(expected)
    try:
        document = pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as error:
        raise UnreadableFileError(str(error)) from None
    try:
        read = list(_read(document, _COARSE))
        if wanted - _counted(read) or not all(good for _, good in read):
            read = _merged(read, list(_read(document, _FINE)))
        return _verdict(read, wanted, document)
    finally:
        document.close()


def _merged(coarse: list[tuple[Found, bool]], fine: list[tuple[Found, bool]]) -> list[tuple[Found, bool]]:
    """What was read at either resolution; a symbol that read once is good."""
    good = [one for one, reads in coarse if reads]
    good += [one for one, reads in fine if reads and not any(_same(one, other) for other in good)]
    bad = [one for one, reads in fine if not reads and not any(_near(one, other) for other in good)]
    return [*((one, True) for one in good), *((one, False) for one in bad)]


def _same(one: Found, other: Found) -> bool:
    return one.code == other.code and _near(one, other)


def _near(one: Found, other: Found) -> bool:
    return one.page == other.page and abs(one.x - other.x) < _NEAR and abs(one.y - other.y) < _NEAR


def _counted(read: Sequence[tuple[Found, bool]]) -> Counter[str]:
    return Counter(one.code for one, good in read if good)


def _verdict(read: Sequence[tuple[Found, bool]], wanted: Counter[str], document: Any) -> Verdict:
    seen: dict[str, list[Found]] = defaultdict(list)
    for one, good in read:
        if good:
            seen[one.code].append(one)
    missing = wanted - _counted(read)
    unreadable = [one for one, good in read if not good]
    named = list(_named(document, missing, seen))
    return Verdict(
        found=tuple(one for one, good in read if good),
        missing=tuple((missing - Counter(one.code for one in named)).elements()),
        twice=tuple(one for code, all_ in seen.items() if code in wanted for one in all_[wanted[code] :]),
        foreign=tuple(one for code, all_ in seen.items() if code not in wanted for one in all_),
        unreadable=(*unreadable, *named),
    )


def _named(document: Any, missing: Counter[str], seen: dict[str, list[Found]]) -> Iterator[Found]:
    """Of the missing codes those whose id stands in words on a page: a label is there, but its symbol does not read."""
    left = {grouped(code): code for code in missing if code not in seen}
    for number, page in enumerate(document, start=1):
        if not left:
            return
        words = page.get_textpage()
        text = words.get_text_range()
        for shown in [shown for shown in left if shown in text]:
            where = words.search(shown).get_next()
            box = words.get_charbox(where[0]) if where else (0.0, page.get_height(), 0.0, page.get_height())
            x, y = box[0] / POINTS_PER_MM, (page.get_height() - box[3]) / POINTS_PER_MM
            yield Found(left.pop(shown), "", number, x, y)


def _read(document: Any, dpi: int) -> Iterator[tuple[Found, bool]]:
    """Every symbol in reading order, and whether it reads."""
    for number, page in enumerate(document, start=1):
        if max(page.get_size()) > _LARGEST_POINTS:
            raise UnreadableFileError(f"page {number} is larger than half a metre")
        # Extended to whole dots: the renderer would stretch the page to them, and modules with it.
        width, height = page.get_size()
        wide, high = (ceil(length * dpi / 72 - 1e-6) * 72 / dpi for length in (width, height))
        page.set_mediabox(0, height - high, wide, height)
        image = page.render(scale=dpi / 72, grayscale=True).to_pil()
        found = []
        for symbol in zxingcpp.read_barcodes(image, return_errors=True):
            place = symbol.position
            corners = (place.top_left, place.top_right, place.bottom_left, place.bottom_right)
            x, y = (sum(getattr(c, axis) + 0.5 for c in corners) / 4 / dpi * MM_PER_INCH for axis in "xy")
            found.append((Found(symbol.text, str(symbol.format), number, x, y), symbol.valid))
        yield from sorted(found, key=lambda one: (round(one[0].y), one[0].x))
