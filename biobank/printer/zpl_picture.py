"""A picture of one ZPL label, of that part of ZPL II which `labels` writes: what a printer would put on paper.

It reads the ZPL and nothing else, so that what it shows is what was sent.
"""

import re
from collections.abc import Callable
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any

import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFont

_COMMAND = re.compile(r"[\^~]([A-Z@][A-Z0-9@])([^\^~]*)")
_TURNED = {"N": 0, "R": 270, "I": 180, "B": 90}
_MOST = 8000
_SET = re.compile(r">[:;9<0=]")
_SIGNS = {"><": "^", ">0": ">", ">=": "~"}
"""What stands for signs that ZPL takes for its own in Code 128; the others choose a set of characters."""
_HEX = re.compile(r"_([0-9A-Fa-f]{2})")


class ZplError(ValueError):
    """What was given is no ZPL that can be drawn; the message says what is not."""


def draw_zpl(zpl: bytes, dpi: int = 203) -> bytes:
    """One format, from ^XA to ^XZ, as a PNG with a pixel for each dot.

    Raises:
        ZplError: it is no format, or too large.
    """
    text = zpl.decode("utf-8", "replace")
    if "^XA" not in text or "^XZ" not in text:
        raise ZplError("a label begins with ^XA and ends with ^XZ")
    canvas = _Canvas()
    for name, value in _COMMAND.findall(text):
        deed = _DEEDS.get(name)
        if deed is not None:
            try:
                deed(canvas, value)
            except (ValueError, IndexError, KeyError) as error:
                raise ZplError(f"^{name}{value[:20]} cannot be drawn: {error}") from None
    buffer = BytesIO()
    canvas.paper.save(buffer, "PNG", dpi=(dpi, dpi))
    return buffer.getvalue()


class _Canvas:
    """The label so far, and what the present field is."""

    def __init__(self) -> None:
        self.paper = Image.new("L", (812, 406), 255)
        self.module = 2
        self.forget()

    def forget(self) -> None:
        self.at, self.on_baseline = (0, 0), False
        self.escaped = False
        self.symbol: tuple[str, int] | None = None
        self.bars: tuple[str, int] | None = None
        self.font: tuple[str, int] = ("N", 20)

    def size(self, width: int | None = None, height: int | None = None) -> None:
        wide, high = width or self.paper.width, height or self.paper.height
        if not (0 < wide <= _MOST and 0 < high <= _MOST):
            raise ValueError("it is too large")
        self.paper = Image.new("L", (wide, high), 255)

    def put(self, picture: Image.Image, x: int, y: int) -> None:
        """Black of the picture onto the paper; white leaves what is there."""
        under = Image.new("L", self.paper.size, 255)
        under.paste(picture, (x, y))
        self.paper = ImageChops.darker(self.paper, under)


def _numbers(value: str) -> list[int]:
    return [int(part) for part in value.split(",") if part.strip().lstrip("-").isdigit()]


def _place(canvas: _Canvas, value: str) -> None:
    x, y = _numbers(value)[:2]
    canvas.at, canvas.on_baseline = (x, y), False


def _baseline(canvas: _Canvas, value: str) -> None:
    _place(canvas, value)
    canvas.on_baseline = True


def _matrix(canvas: _Canvas, value: str) -> None:
    turn, dots, *_ = value.split(",")
    canvas.symbol = (turn or "N", int(dots))


def _module(canvas: _Canvas, value: str) -> None:
    canvas.module = int(value.split(",", maxsplit=1)[0])


def _bars(canvas: _Canvas, value: str) -> None:
    turn, high, *_ = value.split(",")
    canvas.bars = (turn or "N", int(high))


def _letters(canvas: _Canvas, value: str) -> None:
    turn, high, *_ = value.split(",")
    canvas.font = (turn or "N", int(high))


def _data(canvas: _Canvas, value: str) -> None:
    text = value
    if canvas.escaped:
        text = _HEX.sub(lambda found: chr(int(found[1], 16)), text)
    if canvas.symbol is not None:
        turn, dots = canvas.symbol
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)
        picture = Image.fromarray(zxingcpp.write_barcode_to_image(made, scale=dots, add_quiet_zones=False))
        canvas.put(picture.convert("L").rotate(_TURNED[turn], expand=True), *canvas.at)
    elif canvas.bars is not None:
        turn, high = canvas.bars
        plain = _SET.sub(lambda found: _SIGNS.get(found[0], ""), text)
        made = zxingcpp.create_barcode(plain, zxingcpp.BarcodeFormat.Code128)
        row = Image.fromarray(zxingcpp.write_barcode_to_image(made, scale=1, add_quiet_zones=False)).convert("L")
        size = (row.width * canvas.module, high)
        if not 0 < size[0] <= _MOST or not 0 < high <= _MOST:
            raise ValueError("it is too large")
        drawn = row.crop((0, 0, row.width, 1)).resize(size, Image.Resampling.NEAREST)
        canvas.put(drawn.rotate(_TURNED[turn], expand=True), *canvas.at)
    else:
        turn, high = canvas.font
        font = _font(high)
        left, top, right, bottom = font.getbbox(text, anchor="ls")
        picture = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))), 255)
        ImageDraw.Draw(picture).text((-left, -top), text, fill=0, font=font, anchor="ls")
        x, y = canvas.at
        if canvas.on_baseline:
            x, y = {
                "N": (x, y + int(top)),
                "R": (x - int(bottom), y),
                "I": (x - picture.width, y - int(bottom)),
                "B": (x + int(top), y - picture.width),
            }[turn]
        canvas.put(picture.rotate(_TURNED[turn], expand=True), x, y)


def _graphic(canvas: _Canvas, value: str) -> None:
    kind, _, total, row, data = value.split(",", 4)
    if kind != "A":
        raise ValueError("only hexadecimal graphics are drawn")
    per_row = int(row)
    if not 0 < per_row <= _MOST // 8 or not 0 < int(total) <= _MOST * _MOST // 8:
        raise ValueError("it is too large")
    raw = _unpacked(data, per_row, int(total))
    picture = Image.frombytes("1", (per_row * 8, len(raw) // per_row), raw[: len(raw) // per_row * per_row])
    canvas.put(ImageChops.invert(picture.convert("L")), *canvas.at)


def _unpacked(data: str, per_row: int, total: int) -> bytes:
    """Hexadecimal rows in which letters count the digit that follows (G to Y: 1 to 19, g to z: 20 to 400 by 20), a
    comma fills the row with white, an exclamation mark with black, and a colon repeats the row above.
    """
    wide, rows, row, count = per_row * 2, [""], "", 0
    for sign in data:
        if "G" <= sign <= "Y":
            count += ord(sign) - ord("F")
        elif "g" <= sign <= "z":
            count += (ord(sign) - ord("f")) * 20
        elif sign in ",!:":
            row = {",": row.ljust(wide, "0"), "!": row.ljust(wide, "F"), ":": rows[-1]}[sign]
        else:
            row += sign * max(1, count)
            count = 0
        while len(row) >= wide and len(rows) <= total:
            rows.append(row[:wide])
            row = row[wide:]
    return bytes.fromhex("".join(rows) + row)[:total]


def _box(canvas: _Canvas, value: str) -> None:
    wide, high, *rest = _numbers(value)
    thick = rest[0] if rest else 1
    x, y = canvas.at
    corner = (x + max(wide, thick) - 1, y + max(high, thick) - 1)
    ImageDraw.Draw(canvas.paper).rectangle(((x, y), corner), outline=0, width=thick)


def _diagonal(canvas: _Canvas, value: str) -> None:
    wide, high, thick, *_ = _numbers(value)
    x, y = canvas.at
    rising = value.rsplit(",", 1)[-1].strip() == "R"
    ends = ((x, y + high), (x + wide, y)) if rising else ((x, y), (x + wide, y + high))
    ImageDraw.Draw(canvas.paper).line(ends, fill=0, width=thick)


def _font(high: int) -> Any:
    if not 0 < high <= _MOST:
        raise ValueError("it is too large")
    with as_file(files("barcode") / "fonts" / "DejaVuSansMono.ttf") as path:
        return ImageFont.truetype(str(path), high, layout_engine=ImageFont.Layout.BASIC)


def _escaped(canvas: _Canvas, _value: str) -> None:
    canvas.escaped = True


_DEEDS: dict[str, Callable[[_Canvas, str], None]] = {
    "PW": lambda canvas, value: canvas.size(width=int(value)),
    "LL": lambda canvas, value: canvas.size(height=int(value)),
    "FO": _place,
    "FT": _baseline,
    "BX": _matrix,
    "BY": _module,
    "BC": _bars,
    "A0": _letters,
    "FH": _escaped,
    "FD": _data,
    "GF": _graphic,
    "GB": _box,
    "GD": _diagonal,
    "FS": lambda canvas, _value: canvas.forget(),
}
