"""The content of a label template as a form has it, and how two contents differ. Fields are named by their place, as
`elements[2].x`, which is how faults name it too.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from pydantic import BaseModel, ConfigDict

from biobank.template.rules import faulty

Content = dict[str, Any]

_BOX = ("x", "y", "width", "height")
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "text": _BOX,
    "code": (*_BOX, "bar_height"),
    "line": ("thickness",),
    "image": _BOX,
}
_PAIRS: Mapping[str, tuple[str, ...]] = {"text": ("points",), "code": ("module",), "line": ("start", "end")}
_WORDS: Mapping[str, tuple[str, ...]] = {"text": ("text", "align"), "code": ("value", "symbology")}
_FLAGS: Mapping[str, tuple[str, ...]] = {"text": ("wrap", "bold")}
ROTATIONS = (0, 90, 180, 270)
_DEED = re.compile(r"(remove|up|down|add) (\w+)")


def flat(content: Content) -> dict[str, str]:
    """The values of the form that shows a content."""
    values = {"title": str(content["title"]), "width": _number(content["width"]), "height": _number(content["height"])}
    for index, element in enumerate(content["elements"]):
        at, kind = f"elements[{index}]", element["type"]
        values |= {f"{at}.type": kind, f"{at}.was": str(index)}
        for name in _NUMBERS[kind]:
            values[f"{at}.{name}"] = _number(element[name])
        for name in _PAIRS.get(kind, ()):
            values |= {f"{at}.{name}.{end}": _number(element[name][end]) for end in (0, 1)}
        for name in _WORDS.get(kind, ()):
            values[f"{at}.{name}"] = element[name]
        for name in _FLAGS.get(kind, ()):
            values |= {f"{at}.{name}": "true"} if element[name] else {}
        if "rotation" in element:
            values[f"{at}.rotation"] = str(element["rotation"])
    return values


def _number(value: float) -> str:
    return f"{round(value, 3):g}"


def kinds(values: Mapping[str, str]) -> list[str]:
    """The types of the elements of a form, in order."""
    found: list[str] = []
    while kind := values.get(f"elements[{len(found)}].type"):
        found.append(kind if kind in _NUMBERS else "text")
    return found


def content_of(values: Mapping[str, str], stored: Content) -> Content:
    """What a form holds. Pictures are taken from the content that it showed.

    Raises:
        LabelTemplateFaulty: naming the field that is no number.
    """
    return {
        "title": values.get("title", "").strip(),
        "width": _read(values, "width"),
        "height": _read(values, "height"),
        "elements": [_element(values, f"elements[{index}]", kind, stored) for index, kind in enumerate(kinds(values))],
    }


def _element(values: Mapping[str, str], at: str, kind: str, stored: Content) -> Content:
    made: Content = {"type": kind}
    for name in _NUMBERS[kind]:
        made[name] = _read(values, f"{at}.{name}")
    for name in _PAIRS.get(kind, ()):
        made[name] = [_read(values, f"{at}.{name}.{end}") for end in (0, 1)]
    for name in _WORDS.get(kind, ()):
        made[name] = values.get(f"{at}.{name}", "").replace("\r\n", "\n")
    for name in _FLAGS.get(kind, ()):
        made[name] = values.get(f"{at}.{name}") == "true"
    if kind in {"text", "code"}:
        turned = _read(values, f"{at}.rotation")
        made["rotation"] = int(turned) if turned in ROTATIONS else turned
    if kind == "image":
        was = values.get(f"{at}.was", "")
        before = stored["elements"][int(was)] if was.isdecimal() and int(was) < len(stored["elements"]) else {}
        if before.get("type") != "image":
            raise faulty(at, "is no picture of this draft: load the page again")
        made["png"] = before["png"]
    return made


def _read(values: Mapping[str, str], name: str) -> float:
    text = values.get(name, "").strip().replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise faulty(name, f"{text[:20]!r} is not a number" if text else "is missing")
    return value


def arranged(content: Content, deed: str) -> Content:
    """The content after one deed: `remove 2`, `up 2`, `down 2`, `add text`. Any other leaves it as it is."""
    elements = list(content["elements"])
    found = _DEED.fullmatch(deed)
    if found is None:
        return content
    verb, what = found.groups()
    if verb == "add":
        new = _new(what, content)
        return content | {"elements": [*elements, *([new] if new else [])]}
    index = int(what) if what.isdecimal() else len(elements)
    if index >= len(elements):
        return content
    element = elements.pop(index)
    if verb != "remove":
        elements.insert(max(0, index - 1) if verb == "up" else index + 1, element)
    return content | {"elements": elements}


def with_picture(content: Content, png: bytes, number: int | None = None) -> Content:
    """The content with a picture in place of that of element `number` (from 1), else as a new element in the top left
    quarter of the label.

    Raises:
        LabelTemplateFaulty: the element is no picture.
    """
    elements = list(content["elements"])
    picture = base64.b64encode(png).decode()
    if number is None:
        return content | {"elements": [*elements, {"type": "image", **_quarter(content), "png": picture}]}
    before = elements[number - 1] if 0 < number <= len(elements) else {}
    if before.get("type") != "image":
        raise faulty("number", f"element {number} is no picture")
    elements[number - 1] = before | {"png": picture}
    return content | {"elements": elements}


def _quarter(content: Content) -> dict[str, float]:
    return {"x": 0.0, "y": 0.0, "width": round(content["width"] / 2, 1), "height": round(content["height"] / 2, 1)}


def _new(kind: str, content: Content) -> Content | None:
    """A new element in the top left quarter of the label."""
    box = _quarter(content)
    if kind == "text":
        fonts = {"points": [4.0, 9.0], "align": "left", "wrap": False, "rotation": 0, "bold": False}
        return {"type": "text", **box, "text": "{id}", **fonts}
    if kind == "code":
        symbol = {"symbology": "data-matrix", "module": [0.2, 0.5], "bar_height": 0.0, "rotation": 0}
        return {"type": "code", **box, "value": "{code}", **symbol}
    if kind == "line":
        middle = round(content["height"] / 2, 1)
        return {"type": "line", "start": [0.0, middle], "end": [content["width"], middle], "thickness": 0.2}
    return None


# --- what differs -----------------------------------------------------------------------------------------------------


class TemplateDifference(BaseModel):
    """What a later content has otherwise: at a place, a field of it where it was changed."""

    model_config = ConfigDict(frozen=True)
    kind: str
    place: str
    field: str | None = None
    before: str | None = None
    after: str | None = None


def differences(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Iterator[TemplateDifference]:
    """What `later` has otherwise than `earlier`, in the order of the label."""
    for name in ("title", "width", "height"):
        if earlier[name] != later[name]:
            yield TemplateDifference(
                kind="changed", place="label", field=name, before=_said(earlier[name]), after=_said(later[name])
            )
    ones, others = earlier["elements"], later["elements"]
    matched = SequenceMatcher(None, [_key(one) for one in ones], [_key(one) for one in others], autojunk=False)
    for tag, first, last, start, end in matched.get_opcodes():
        if tag == "equal":
            continue
        pairs = min(last - first, end - start)
        for offset in range(pairs):
            yield from _changed(ones[first + offset], others[start + offset], start + offset)
        for index in range(first + pairs, last):
            yield TemplateDifference(kind="removed", place=f"elements[{index}]", before=_summary(ones[index]))
        for index in range(start + pairs, end):
            yield TemplateDifference(kind="added", place=f"elements[{index}]", after=_summary(others[index]))


def _key(element: Mapping[str, Any]) -> str:
    return json.dumps(element, sort_keys=True)


def _changed(one: Mapping[str, Any], other: Mapping[str, Any], index: int) -> Iterator[TemplateDifference]:
    place = f"elements[{index}]"
    if one["type"] != other["type"]:
        yield TemplateDifference(kind="changed", place=place, before=_summary(one), after=_summary(other))
        return
    for name in other:
        if one.get(name) != other[name]:
            said = _picture if name == "png" else _said
            yield TemplateDifference(
                kind="changed", place=place, field=name, before=said(one.get(name)), after=said(other[name])
            )


def _picture(png: Any) -> str:
    return f"picture {hashlib.sha256(png.encode()).hexdigest()[:8]}, {len(png) * 3 // 4:,} bytes"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 200 else f"{text[:60]}... ({len(text)} characters)"


def _summary(element: Mapping[str, Any]) -> str:
    what = {"text": "text", "code": "value"}.get(element["type"])
    return f"{element['type']} {_said(element[what])}" if what else str(element["type"])
