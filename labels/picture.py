"""A label as a picture of dots: what a printer of the stock's dpi puts on paper, for previews and ZPL graphics."""

import re
from functools import lru_cache
from importlib.resources import as_file, files
from io import BytesIO
from math import ceil
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from labels.geometry import MM_PER_INCH, fitted
from labels.layout import Drawing, PlacedImage, PlacedLine, PlacedSymbol, PlacedText, lay_out
from labels.stock import Stock
from labels.template import Item, Template
from labels.text import FONT, width

_REPEATS = re.compile(r"([0-9A-F])\1{2,}")
_TAIL = re.compile(r"0+$")
_HEAD, _FOOT = 1.05, 0.3  # room for every letter with its marks above and below the baseline, in ems
_TRANSPOSE = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


def render_png(item: Item, template: Template, stock: Stock) -> bytes:
    """One label as a PNG in grey, a pixel for each dot of the stock's printer. Raises LabelError."""
    buffer = BytesIO()
    draw(lay_out(template, item, stock)).save(buffer, "PNG", dpi=(stock.dpi, stock.dpi))
    return buffer.getvalue()


def draw(drawing: Drawing) -> Image.Image:
    """The drawing in grey, white where there is nothing."""
    dpi = drawing.dpi
    paper = Image.new("L", (_dots(drawing.width, dpi), _dots(drawing.height, dpi)), 255)
    for mark in drawing.marks:
        if isinstance(mark, PlacedLine):
            x, y, picture = line_picture(mark, dpi)
        elif isinstance(mark, PlacedSymbol):
            x, y, picture = _dots(mark.x, dpi), _dots(mark.y, dpi), symbol_picture(mark, dpi)
        elif isinstance(mark, PlacedText):
            x, y, picture = text_picture(mark, dpi)
        else:
            x, y, picture = picture_of(mark, dpi)
        paper.paste(0, (x, y), Image.eval(picture, lambda grey: 255 - grey))
    return paper


def _dots(length: float, dpi: int) -> int:
    return round(length / MM_PER_INCH * dpi)


def symbol_picture(mark: PlacedSymbol, dpi: int) -> Image.Image:
    """The symbol alone, rotated as it lies on the label."""
    symbol = mark.symbol
    picture = Image.frombytes("L", (symbol.columns, symbol.rows), symbol.pixels)
    size = (symbol.columns * mark.dots, symbol.rows * _dots(mark.row, dpi))
    return _turned(picture.resize(size, Image.Resampling.NEAREST), mark.rotation)


def text_picture(mark: PlacedText, dpi: int) -> tuple[int, int, Image.Image]:
    """The line of text, and where the picture's top left corner lies, in dots."""
    pixels = mark.size / 72 * dpi
    font, stroke = _font(pixels), round(pixels * 0.02) if mark.bold else 0
    left, top = -1 - stroke, -1 - stroke - ceil(_HEAD * pixels)
    size = (ceil(width(mark.text, pixels)) + 2 * (1 + stroke), ceil(_FOOT * pixels) + 1 + stroke - top)
    picture = Image.new("L", size, 255)
    pen = ImageDraw.Draw(picture)
    for place, sign in enumerate(mark.text):
        # One by one, for the renderer would round each advance to whole dots and the line would outgrow its box.
        at = (width(mark.text[:place], pixels) - left, -top)
        pen.text(at, sign, fill=0, font=font, anchor="ls", stroke_width=stroke)
    x, y = _dots(mark.x, dpi), _dots(mark.y, dpi)
    wide, high = picture.size
    corner = {
        0: (x + left, y + top),
        90: (x - top - high, y + left),
        180: (x - left - wide, y - top - high),
        270: (x + top, y - left - wide),
    }[mark.rotation]
    return *corner, _turned(picture, mark.rotation)


def line_picture(mark: PlacedLine, dpi: int) -> tuple[int, int, Image.Image]:
    """The line, and its picture's top left corner in dots."""
    thick = max(1, _dots(mark.thickness, dpi))
    (x, u), (y, v) = (sorted(_dots(end[axis], dpi) for end in (mark.start, mark.end)) for axis in (0, 1))
    left, top = x - thick // 2, y - thick // 2
    picture = Image.new("L", (u - x + thick, v - y + thick), 255)
    ends = [(_dots(end[0], dpi) - left, _dots(end[1], dpi) - top) for end in (mark.start, mark.end)]
    ImageDraw.Draw(picture).line(ends, fill=0, width=thick)
    return left, top, picture


@lru_cache(maxsize=8)
def on_white(png: bytes) -> Image.Image:
    """The picture in grey, laid on white."""
    with Image.open(BytesIO(png)) as opened:
        image = Image.new("RGBA", opened.size, "white")
        image.alpha_composite(opened.convert("RGBA"))
    return image.convert("L")


def picture_of(mark: PlacedImage, dpi: int) -> tuple[int, int, Image.Image]:
    """The picture in its size on the label, in grey, and its top left corner in dots."""
    image = on_white(mark.png)
    box = fitted(mark.box, *image.size)
    size = (max(1, _dots(box.width, dpi)), max(1, _dots(box.height, dpi)))
    return _dots(box.x, dpi), _dots(box.y, dpi), image.resize(size)


def _turned(picture: Image.Image, rotation: int) -> Image.Image:
    return picture.transpose(_TRANSPOSE[rotation]) if rotation else picture


@lru_cache(maxsize=64)
def _font(pixels: float) -> Any:
    with as_file(files("barcode") / "fonts" / f"{FONT}.ttf") as path:
        return ImageFont.truetype(str(path), pixels, layout_engine=ImageFont.Layout.BASIC)


def pack(picture: Image.Image) -> str:
    """A picture as a ZPL graphic field: rows of dots in hexadecimal, repeats counted, equal rows named once."""
    black = picture.point([255] * 128 + [0] * 128).convert("1")
    row = (black.width + 7) // 8
    data = black.tobytes()
    packed, above = [], ""
    for first in range(0, len(data), row):
        line = data[first : first + row].hex().upper()
        packed.append(":" if line == above else _REPEATS.sub(_counted, _TAIL.sub(",", line)))
        above = line
    return f"^GFA,{len(data)},{len(data)},{row},{''.join(packed)}"


def _counted(run: re.Match[str]) -> str:
    """A run of one digit as ZPL writes it: z to g are 400 to 20, Y to G are 19 to 1."""
    count = len(run[0])
    made = "z" * (count // 400)
    twenties, ones = divmod(count % 400, 20)
    made += chr(ord("f") + twenties) if twenties else ""
    return made + (chr(ord("F") + ones) if ones else "") + run[1]
