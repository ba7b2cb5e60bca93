"""Printed pages as a scanner sees them: rendered to dots, then decoded."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil

import pypdfium2
import pytest
import zxingcpp
from PIL.Image import Image

MM_PER_INCH = 25.4
STEPS = (-1, 0, 1)


@dataclass(frozen=True)
class Read:
    """A decoded symbol; its middle in mm from the page's top left corner."""

    page: int
    text: str
    symbology: str
    x: float
    y: float


def rendered(pdf: bytes, dpi: float) -> Iterator[Image]:
    """Each page as a printer of `dpi` puts it on paper: extended to whole dots, for pdfium would stretch it to them."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            width, height = page.get_size()
            wide, high = (ceil(length * dpi / 72 - 1e-6) * 72 / dpi for length in (width, height))
            page.set_mediabox(0, height - high, wide, height)
            yield page.render(scale=dpi / 72, grayscale=True).to_pil()
    finally:
        document.close()


def read(pdf: bytes, dpi: float = 300) -> list[Read]:
    """All symbols on all pages, in reading order.

    A scanner sees paper in more dots than a coarse printer sets: each page is read as it is and enlarged.
    """
    found: dict[tuple[int, str, int, int], Read] = {}
    for number, image in enumerate(rendered(pdf, dpi)):
        for share in (1, 2) if dpi < 250 or image.width < 1500 else (1,):
            seen = image.resize((image.width * share, image.height * share)) if share > 1 else image
            for symbol in zxingcpp.read_barcodes(seen):
                place = symbol.position
                corners = (place.top_left, place.top_right, place.bottom_left, place.bottom_right)
                x, y = (sum(getattr(c, axis) + 0.5 for c in corners) / 4 / dpi / share * MM_PER_INCH for axis in "xy")
                near = any((number, symbol.text, round(x) + i, round(y) + j) in found for i in STEPS for j in STEPS)
                if not near:
                    found[number, symbol.text, round(x), round(y)] = Read(number, symbol.text, str(symbol.format), x, y)
    return in_rows(found.values())


def in_rows(found: Iterable[Read]) -> list[Read]:
    """By page, row and column; the symbols of a row are not exactly level."""
    rows: list[list[Read]] = []
    for symbol in sorted(found, key=lambda symbol: (symbol.page, symbol.y)):
        if rows and rows[-1][-1].page == symbol.page and symbol.y - rows[-1][-1].y < 1:
            rows[-1].append(symbol)
        else:
            rows.append([symbol])
    return [symbol for row in rows for symbol in sorted(row, key=lambda symbol: symbol.x)]


def words(pdf: bytes) -> list[str]:
    """The text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


@pytest.fixture(scope="session")
def read_pdf() -> Callable[..., list[Read]]:
    return read


@pytest.fixture(scope="session")
def pages_of() -> Callable[..., Iterator[Image]]:
    return rendered


@pytest.fixture(scope="session")
def text_of() -> Callable[[bytes], list[str]]:
    return words
