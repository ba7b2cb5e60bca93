import re
import zlib
from io import BytesIO
from xml.etree import ElementTree as ET

import pypdf
import pytest
import zxingcpp
from PIL import Image as Picture
from PIL import ImageChops
from test_label_templates import png

from labels import (
    Box,
    Code,
    Image,
    Item,
    Line,
    ModuleRange,
    RollStock,
    Symbology,
    Template,
    TemplateError,
    Text,
    render_pdf,
    render_png,
    render_svg,
)

ITEM = Item("TKQ7M3X9V7")
STOCK = RollStock("roll", "roll", 60, 30, dpi=300)
SVG = "{http://www.w3.org/2000/svg}"

ALL = Template(
    "all",
    "all",
    60,
    30,
    (
        Code(Box(1, 1, 9, 9)),
        Code(Box(11, 1, 9, 9), rotation=180),
        Code(Box(21, 1, 9, 9), "Q{code}", Symbology.QR, ModuleRange(0.2, 0.5), 90),
        Code(Box(1, 11, 38, 5), "{code}", Symbology.CODE_128, ModuleRange(0.12, 0.3, 3)),
        Code(Box(40, 1, 6, 28), "B{code}", Symbology.CODE_128, ModuleRange(0.08, 0.3, 3), 270),
        Text(Box(1, 17, 38, 4), "{id} <&>"),
        Text(Box(47, 1, 6, 28), "Łódź", bold=True, rotation=90),
        Text(Box(53, 1, 6, 14), "over", rotation=270),
        Text(Box(53, 16, 6, 12), "a", rotation=180),
        Line((1, 22), (38, 22), 0.3),
        Line((1, 23), (38, 29), 0.3),
        Image(Box(31, 1, 8, 8), png(4, 4, 128)),
    ),
)


@pytest.fixture
def page_of(pages_of):
    """The PDF as dots."""

    def drawn(template=ALL) -> Picture.Image:
        (page,) = pages_of(render_pdf([ITEM], template, STOCK), 300)
        return page

    return drawn


def blackness(one: Picture.Image) -> Picture.Image:
    """Areas of 8 x 8 dots, as dark as they are: type is drawn differently by each renderer, but in one place."""
    return one.convert("L").resize((one.width // 8, one.height // 8), Picture.Resampling.BOX)


def test_the_preview_shows_what_the_pdf_prints(page_of):
    ours, printed = Picture.open(BytesIO(render_png(ITEM, ALL, STOCK))), page_of()
    assert ours.size == (709, 354)
    assert ours.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    difference = ImageChops.difference(blackness(ours), blackness(printed.crop((0, 0, *ours.size))))
    assert max(grey for _, grey in difference.getcolors()) < 75
    read = {(one.text, str(one.format)) for one in zxingcpp.read_barcodes(ours)}
    assert read == {
        ("TKQ7M3X9V7", "Data Matrix"),
        ("QTKQ7M3X9V7", "QR Code"),
        ("TKQ7M3X9V7", "Code 128"),
        ("BTKQ7M3X9V7", "Code 128"),
    }


def test_the_svg_has_true_size_and_every_mark_in_its_place():
    svg = render_svg(ITEM, ALL, STOCK)
    root = ET.fromstring(svg)  # noqa: S314  our own
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("60mm", "30mm", "0 0 60 30")
    assert len(root.findall(f"{SVG}path")) == 5
    assert [one.text for one in root.findall(f"{SVG}text")] == ["TKQ7-M3X9-V7 <&>", "Łódź", "over", "a"]
    assert [one.get("transform", "")[:10] for one in root.findall(f"{SVG}text")] == [
        "",
        "rotate(90 ",
        "rotate(270",
        "rotate(180",
    ]
    assert len(root.findall(f"{SVG}line")) == 2
    assert root.find(f"{SVG}image").get("href").startswith("data:image/png;base64,")
    assert "style" not in svg
    assert "script" not in svg


def test_the_symbols_of_the_svg_are_those_of_the_preview():
    template = Template("x", "x", 60, 30, ALL.elements[:5])
    ours = Picture.open(BytesIO(render_png(ITEM, template, STOCK)))
    drawn = Picture.new("L", ours.size, 255)
    for path in ET.fromstring(render_svg(ITEM, template, STOCK)).findall(f"{SVG}path"):  # noqa: S314
        x, y, turn, left, top, across, down = map(float, re.findall(r"-?[\d.]+", path.get("transform")))
        for at, row, long in re.findall(r"M(\d+) (\d+)h(\d+)", path.get("d")):
            corners = [(left + int(at) * across, top + int(row) * down)]
            corners.append((corners[0][0] + int(long) * across, corners[0][1] + down))
            turned = [{0: (u, v), 90: (-v, u), 180: (-u, -v), 270: (v, -u)}[int(turn)] for u, v in corners]
            xs, ys = ([round((middle + one[axis]) / 25.4 * 300) for one in turned] for axis, middle in ((0, x), (1, y)))
            drawn.paste(0, (min(xs), min(ys), max(xs), max(ys)))
    assert ImageChops.difference(ours, drawn).getbbox() is None


def test_a_picture_is_written_once_and_keeps_its_shape(page_of):
    template = Template(
        "x", "x", 60, 30, (Image(Box(0, 0, 30, 10), png(10, 10)), Image(Box(30, 0, 30, 10), png(10, 10)))
    )
    reader = pypdf.PdfReader(BytesIO(render_pdf([ITEM] * 3, template, STOCK)))
    assert len(reader.pages) == 3
    assert len({image.name for image in reader.pages[0].images}) == 1
    page = page_of(template)
    left, _, right, _ = ImageChops.invert(page.crop((0, 0, 354, 118))).getbbox()
    assert (left, right) == pytest.approx((10 / 25.4 * 300, 20 / 25.4 * 300), abs=2)


def test_a_transparent_picture_is_laid_on_white(page_of):
    buffer = BytesIO()
    Picture.new("RGBA", (4, 4), (0, 0, 0, 0)).save(buffer, "PNG")
    template = Template("x", "x", 60, 30, (Image(Box(0, 0, 30, 10), buffer.getvalue()),))
    assert page_of(template).getextrema() == (255, 255)
    assert Picture.open(BytesIO(render_png(ITEM, template, STOCK))).getextrema() == (255, 255)


def test_what_is_no_picture_is_refused_before_it_is_drawn():
    with pytest.raises(TemplateError, match=r"elements\[0\].png"):
        Template("x", "x", 60, 30, (Image(Box(0, 0, 30, 10), zlib.compress(b"x")),))


def test_the_file_is_sound_and_its_text_can_be_searched():
    words = "".join(map(chr, (*range(0x21, 0x7F), *range(0xAE, 0x180))))
    items = [Item(f"T{n}", {"line1": words[n * 30 : n * 30 + 30]}) for n in range(8)]
    template = Template("x", "x", 60, 30, (Text(Box(0, 0, 60, 10), "{line1}", (2, 9)),))
    reader = pypdf.PdfReader(BytesIO(render_pdf(items, template, STOCK)), strict=True)
    for page, item in zip(reader.pages, items, strict=True):
        assert page.extract_text() == item.values["line1"]
    assert reader.metadata.title == "Labels on roll"
    assert reader.trailer["/Root"]["/ViewerPreferences"]["/PrintScaling"] == "/None"
