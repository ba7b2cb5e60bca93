"""Labels as another renderer than ours puts them on paper: poppler, at the printer's resolution, at 100 and at 98 %."""

import os
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from labels import (
    PRINTER_DPI,
    STOCKS,
    TEMPLATES,
    Box,
    Code,
    CodeDoesNotFitError,
    Item,
    ModuleRange,
    RollStock,
    SheetStock,
    Symbology,
    Template,
    render_pdf,
)
from labels.symbols import LINEAR

MM_PER_INCH = 25.4
ALPHABET = "23456789ABCDEFGHJKLMNPQRTUVWXYZ"
SCALES = (1, 0.98)
# On labels of 24 mm the code of a tube has modules of 0.21 mm, which needs 600 dpi.
TOO_NARROW = {("lcry-2380", 203), ("lcry-2380", 300)}
STOCK_AT_DPI = [
    (name, dpi)
    for name, stock in STOCKS.items()
    for dpi in (PRINTER_DPI if isinstance(stock, SheetStock) else (stock.dpi,))
    if (name, dpi) not in TOO_NARROW
]


@pytest.fixture(scope="module", autouse=True)
def poppler():
    """Where it is missing only CI insists on it."""
    if shutil.which("pdftoppm") is None:
        if os.environ.get("CI"):
            pytest.fail("pdftoppm is not there, and with CI set no test is left out: apt-get install poppler-utils")
        pytest.skip("pdftoppm is not there: apt-get install poppler-utils")


def page_of(pdf, dpi):
    command = ["pdftoppm", "-r", f"{dpi:g}", "-gray", "-singlefile", "-"]
    with Image.open(BytesIO(subprocess.run(command, input=pdf, capture_output=True, check=True).stdout)) as page:
        return page.copy()


def seen(picture, dpi):
    """What a scanner of 600 dpi sees, whatever the printer set: at 98 % a module of two dots is one of 1.96, some are
    one dot wide and some two, and no reader tells their grid from single dots.
    """
    share = round(600 / dpi)
    return picture.resize((picture.width * share, picture.height * share), Image.Resampling.BILINEAR)


@pytest.mark.parametrize(("name", "dpi"), STOCK_AT_DPI)
def test_every_label_of_every_stock_is_read_where_the_stock_says(name, dpi):
    """A full sheet, or a row of a roll; each label is read by itself, as a gun is held to it."""
    stock = replace(STOCKS[name], dpi=dpi)
    template = TEMPLATES["cap" if name.startswith("cap-dot") else "tube"]
    labels = [
        Item.lined(f"T{ALPHABET[n // 31]}{ALPHABET[n % 31]}QX7M3V9", ("SER 0.5 mL", "P-1234 V2"))
        for n in range(stock.per_sheet)
    ]
    pdf = render_pdf(labels, template, stock)
    box = template.elements[0].box
    across, down = stock.label_width / template.width, stock.label_height / template.height
    middle = (box.x + box.width / 2) * across, (box.y + box.height / 2) * down
    for scale in SCALES:
        dots = dpi * scale / MM_PER_INCH
        page = page_of(pdf, dpi * scale)
        for number, label in enumerate(labels):
            left, top = stock.corner(number)
            x, y = round(left * dots), round(top * dots)
            edges = (x, y, round((left + stock.label_width) * dots), round((top + stock.label_height) * dots))
            picture = seen(page.crop(edges), dpi)
            found = zxingcpp.read_barcode(picture)
            assert found is not None, (number, scale)
            assert (found.text, found.format) == (label.code, zxingcpp.BarcodeFormat.DataMatrix), (number, scale)
            share = picture.width / (edges[2] - edges[0])
            place = found.position
            corners = (place.top_left, place.top_right, place.bottom_left, place.bottom_right)
            lies = [sum(getattr(c, axis) + 0.5 for c in corners) / 4 / share for axis in "xy"]
            on_page = ((lies[0] + x) / dots, (lies[1] + y) / dots)
            assert on_page == pytest.approx((left + middle[0], top + middle[1]), abs=0.2), (number, scale)


@pytest.mark.parametrize(("name", "dpi"), sorted(TOO_NARROW))
def test_a_code_that_does_not_fit_is_refused_at_that_resolution(name, dpi):
    with pytest.raises(CodeDoesNotFitError, match=r"as Data Matrix needs 4\.\d x 4\.\d mm but lcry-2380 leaves 3\.8"):
        render_pdf([Item("TKQ7M3X9V7")], TEMPLATES["tube"], replace(STOCKS[name], dpi=dpi))


@pytest.mark.parametrize("dpi", PRINTER_DPI)
@pytest.mark.parametrize("scale", SCALES)
def test_every_symbology_is_read_in_its_smallest_modules(scale, dpi):
    kinds = list(Symbology)
    boxes = [Box(1, 1 + 22 * number, 78, 20) for number in range(len(kinds))]
    elements = []
    for kind, box in zip(kinds, boxes, strict=True):
        smallest = 0.165 if kind in LINEAR else 0.2
        modules = ModuleRange(smallest, smallest + 0.99 * MM_PER_INCH / dpi)  # one number of dots between the two
        elements.append(Code(box, "{code}", kind, modules))
    stock = RollStock("x", "x", 80, 1 + 22 * len(kinds), dpi=dpi)
    template = Template("x", "x", stock.label_width, stock.label_height, tuple(elements))
    page = page_of(render_pdf([Item("1234567890")], template, stock), dpi * scale)
    dots = dpi * scale / MM_PER_INCH
    for kind, box in zip(kinds, boxes, strict=True):
        edges = (box.x, box.y - 1, box.x + box.width, box.y + box.height + 1)
        found = zxingcpp.read_barcodes(seen(page.crop(tuple(round(edge * dots) for edge in edges)), dpi))
        assert [(one.text, str(one.format).startswith(kind.title)) for one in found] == [("1234567890", True)], kind
