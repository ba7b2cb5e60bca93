"""Printed pages as a scanner sees them: rendered to dots, then decoded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pypdfium2
import pytest
import zxingcpp
from PIL.Image import Image

MM_PER_INCH = 25.4


@dataclass(frozen=True)
class Read:
    """A decoded symbol; its middle in mm from the page's top left corner."""

    page: int
    text: str
    symbology: str
    x: float
    y: float


def rendered(pdf: bytes, dpi: int) -> Iterator[Image]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            yield page.render(scale=dpi / 72, grayscale=True).to_pil()
    finally:
        document.close()


def read(pdf: bytes, dpi: int = 300) -> list[Read]:
    """All symbols on all pages, in reading order."""
    found = []
    for number, image in enumerate(rendered(pdf, dpi)):
        for symbol in zxingcpp.read_barcodes(image):
            place = symbol.position
            corners = (place.top_left, place.top_right, place.bottom_left, place.bottom_right)
            x, y = (sum(getattr(c, axis) + 0.5 for c in corners) / 4 / dpi * MM_PER_INCH for axis in "xy")
            found.append(Read(number, symbol.text, str(symbol.format), x, y))
    return sorted(found, key=lambda symbol: (symbol.page, round(symbol.y), symbol.x))


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
def text_of() -> Callable[[bytes], list[str]]:
    return words
