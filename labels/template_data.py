"""Elements of a template from and to plain data, and the faults a template can have, each named with its place."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from PIL import Image as Picture

from labels.elements import ALIGNS, ROTATIONS, BadTokenError, Code, Element, Image, Line, Text, tokens
from labels.errors import TemplateError
from labels.fields import Fault, Fields
from labels.symbols import ModuleRange, Symbology

_SYMBOLOGIES = {one.key: one for one in Symbology}
_TOLERANCE_MM = 0.001
_LARGEST_MM = 1000.0
_MOST_ELEMENTS = 200
_LARGEST_PNG = 1_000_000
_MOST_DOTS = 16_000_000


def _text(fields: Fields) -> Text:
    return Text(
        fields.box(),
        fields.text("text"),
        fields.pair("points", (4.0, 9.0)),
        fields.one_of("align", ALIGNS, "left"),
        fields.flag("wrap"),
        fields.one_of("rotation", ROTATIONS, 0),
        fields.flag("bold"),
    )


def _code(fields: Fields) -> Code:
    symbology = _SYMBOLOGIES[fields.one_of("symbology", tuple(_SYMBOLOGIES), Symbology.DATA_MATRIX.key)]
    smallest, largest = fields.pair("module", (0.2, 0.26))
    return Code(
        fields.box(),
        fields.text("value", "{code}"),
        symbology,
        ModuleRange(smallest, largest, fields.number("bar_height", 0.0)),
        fields.one_of("rotation", ROTATIONS, 0),
    )


def _line(fields: Fields) -> Line:
    return Line(fields.pair("start"), fields.pair("end"), fields.number("thickness", 0.2))


def _image(fields: Fields) -> Image:
    text = fields.text("png")
    try:
        png = base64.b64decode(text, validate=True)
    except ValueError:
        raise Fault(fields.at("png"), "is not base64") from None
    return Image(fields.box(), png)


_READERS: Mapping[str, Callable[[Fields], Element]] = {"text": _text, "code": _code, "line": _line, "image": _image}


def read(data: Any, known: frozenset[str]) -> dict[str, Any]:
    """The fields of a template from data. Raises TemplateError."""
    name = data["name"] if isinstance(data, Mapping) and isinstance(data.get("name"), str) else ""
    try:
        fields = Fields(data, "")
        made = {
            "name": fields.text("name"),
            "title": fields.text("title"),
            "width": fields.number("width"),
            "height": fields.number("height"),
            "elements": tuple(_elements(fields.take("elements"), known)),
        }
        fields.done()
    except Fault as fault:
        raise TemplateError(name, fault.place, fault.problem) from None
    return made


def _elements(data: Any, known: frozenset[str]) -> Iterator[Element]:
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise Fault("elements", "is not a list")
    if len(data) > _MOST_ELEMENTS:
        raise Fault("elements", f"has {len(data)} entries, more than the {_MOST_ELEMENTS} of one label")
    for number, entry in enumerate(data):
        fields = Fields(entry, f"elements[{number}]")
        element = _READERS[fields.one_of("type", tuple(_READERS))](fields)
        fields.done()
        for place, text in texts(element, fields.place):
            for token in _tokens(text, place):
                if token not in known:
                    raise Fault(place, f"there is no token {{{token}}}; choose {', '.join(sorted(known))}")
        yield element


def texts(element: Element, place: str) -> Iterator[tuple[str, str]]:
    """With its place, each text of an element that may hold tokens."""
    if isinstance(element, Text):
        yield f"{place}.text", element.text
    elif isinstance(element, Code):
        yield f"{place}.value", element.value


def _tokens(text: str, place: str) -> tuple[str, ...]:
    try:
        return tokens(text)
    except BadTokenError as error:
        raise Fault(place, f"a lone {error} begins or ends no token; write {str(error) * 2} for the sign") from None


def write(element: Element) -> dict[str, Any]:
    """An element as data; what reads the same again."""
    if isinstance(element, Line):
        return {
            "type": "line",
            "start": list(element.start),
            "end": list(element.end),
            "thickness": element.thickness,
        }
    box = {name: getattr(element.box, name) for name in ("x", "y", "width", "height")}
    if isinstance(element, Image):
        return {"type": "image", **box, "png": base64.b64encode(element.png).decode()}
    if isinstance(element, Code):
        return {
            "type": "code",
            **box,
            "value": element.value,
            "symbology": element.symbology.key,
            "module": [element.modules.smallest, element.modules.largest],
            "bar_height": element.modules.bar_height,
            "rotation": element.rotation,
        }
    return {
        "type": "text",
        **box,
        "text": element.text,
        "points": list(element.points),
        "align": element.align,
        "wrap": element.wrap,
        "rotation": element.rotation,
        "bold": element.bold,
    }


def check(name: str, width: float, height: float, elements: Sequence[Element]) -> None:
    """Raises TemplateError for what lies outside the label or contradicts itself."""
    if not (0 < width <= _LARGEST_MM and 0 < height <= _LARGEST_MM):
        problem = f"{width:g} x {height:g} mm is no label; use sizes from 0 to {_LARGEST_MM:g} mm"
        raise TemplateError(name, "", problem)
    try:
        for number, element in enumerate(elements):
            _check(element, f"elements[{number}]", width, height)
    except Fault as fault:
        raise TemplateError(name, fault.place, fault.problem) from None


def _check(element: Element, place: str, width: float, height: float) -> None:
    for where, text in texts(element, place):
        _tokens(text, where)
    if isinstance(element, Line):
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(element.start, element.end, strict=True))
        if not 0 < element.thickness <= min(width, height):
            raise Fault(f"{place}.thickness", f"{element.thickness:g} mm is not a line on this label")
    else:
        box = element.box
        left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
        if min(box.width, box.height) <= 0:
            raise Fault(place, "width and height must be greater than zero")
    if min(left, top) < -_TOLERANCE_MM or right > width + _TOLERANCE_MM or bottom > height + _TOLERANCE_MM:
        reach = f"from {left:g}, {top:g} to {right:g}, {bottom:g} mm"
        raise Fault(place, f"reaches {reach}, outside the label of {width:g} x {height:g} mm")
    if isinstance(element, Text) and not 0 < element.points[0] <= element.points[1]:
        raise Fault(f"{place}.points", "the least size must be above zero and not above the largest")
    if isinstance(element, Code) and not 0 < element.modules.smallest <= element.modules.largest:
        raise Fault(f"{place}.module", "the smallest module must be above zero and not above the largest")
    if isinstance(element, Image):
        _check_picture(element.png, f"{place}.png")


def _check_picture(png: bytes, place: str) -> None:
    if len(png) > _LARGEST_PNG:
        raise Fault(place, f"is larger than the {_LARGEST_PNG // 1000} kB of a picture")
    try:
        with Picture.open(BytesIO(png), formats=("PNG",)) as picture:
            width, height = picture.size
            if width * height <= _MOST_DOTS:
                picture.load()
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError):
        raise Fault(place, "is not a PNG picture, or a damaged one") from None
    if width * height > _MOST_DOTS:
        raise Fault(place, f"its {width} x {height} dots are more than a label has; use a smaller picture")
