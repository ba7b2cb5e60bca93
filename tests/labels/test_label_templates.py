import base64
import json
from io import BytesIO

import pytest
from PIL import Image as Picture

from labels import (
    TEMPLATES,
    TOKENS,
    Box,
    Code,
    Image,
    Item,
    Line,
    MissingValueError,
    ModuleRange,
    RollStock,
    Symbology,
    Template,
    TemplateError,
    Text,
    lay_out,
)
from labels.template_data import _LARGEST_PNG

STOCK = RollStock("roll", "roll", 40, 20, dpi=300)


def png(width: int = 4, height: int = 2, grey: int = 0) -> bytes:
    buffer = BytesIO()
    Picture.new("L", (width, height), grey).save(buffer, "PNG")
    return buffer.getvalue()


EVERYTHING = Template(
    "every",
    "Every element",
    40,
    20,
    (
        Text(Box(1, 1, 20, 5), "{id} {{x}} {line1}", (4, 9), "right", wrap=True, rotation=180, bold=True),
        Code(Box(1, 8, 8, 8), "{code}", Symbology.QR, ModuleRange(0.2, 0.4), 90),
        Code(Box(10, 8, 29, 8), "X{code}", Symbology.CODE_128, ModuleRange(0.1, 0.3, bar_height=3)),
        Line((0, 19), (40, 19), 0.3),
        Image(Box(30, 1, 8, 6), png()),
    ),
)


@pytest.mark.parametrize("template", [*TEMPLATES.values(), EVERYTHING], ids=lambda one: one.name)
def test_a_template_is_the_same_after_json(template):
    data = json.loads(json.dumps(template.to_data()))
    assert Template.from_data(data) == template
    assert Template.from_data(data).to_data() == template.to_data()


def test_what_is_left_out_takes_its_usual_value():
    box = {"x": 1, "y": 1, "width": 9, "height": 5}
    data = {
        "name": "x",
        "title": "X",
        "width": 20,
        "height": 10,
        "elements": [
            {"type": "text", "text": "a", **box},
            {"type": "code", **box},
            {"type": "line", "start": [0, 0], "end": [5, 5]},
        ],
    }
    made = Template.from_data(data)
    assert made.elements == (Text(Box(1, 1, 9, 5), "a"), Code(Box(1, 1, 9, 5)), Line((0, 0), (5, 5)))


TEXT = {"type": "text", "x": 1, "y": 1, "width": 9, "height": 5, "text": "a"}
CODE = {"type": "code", "x": 1, "y": 1, "width": 9, "height": 5}
LINE = {"type": "line", "start": [0, 0], "end": [5, 5]}
IMAGE = {"type": "image", "x": 1, "y": 1, "width": 9, "height": 5, "png": base64.b64encode(png()).decode()}


@pytest.mark.parametrize(
    ("element", "place", "problem"),
    [
        (TEXT | {"text": "{foo}"}, "elements[1].text", "there is no token {foo}; choose code, id, line1"),
        (CODE | {"value": "{bar}"}, "elements[1].value", "there is no token {bar}"),
        (TEXT | {"text": "a } b"}, "elements[1].text", "a lone } begins or ends no token; write }} for the sign"),
        (TEXT | {"text": "{Foo}"}, "elements[1].text", "a lone { begins"),
        (TEXT | {"text": 5}, "elements[1].text", "is not a text"),
        (TEXT | {"points": [4]}, "elements[1].points", "is not a list of two numbers"),
        (TEXT | {"points": "ab"}, "elements[1].points", "is not a list of two numbers"),
        (TEXT | {"points": [9, 4]}, "elements[1].points", "the least size must be above zero"),
        (TEXT | {"points": [0, 4]}, "elements[1].points", "the least size must be above zero"),
        (TEXT | {"align": "top"}, "elements[1].align", "is not one of left, centre, right"),
        (TEXT | {"rotation": 45}, "elements[1].rotation", "is not one of 0, 90, 180, 270"),
        (TEXT | {"rotation": False}, "elements[1].rotation", "is not one of"),
        (TEXT | {"wrap": 1}, "elements[1].wrap", "is not true or false"),
        (TEXT | {"x": "1"}, "elements[1].x", "is not a number"),
        (TEXT | {"x": True}, "elements[1].x", "is not a number"),
        (TEXT | {"x": float("nan")}, "elements[1].x", "is not a number"),
        (TEXT | {"x": float("-inf")}, "elements[1].x", "is not a number"),
        (TEXT | {"x": 10**400}, "elements[1].x", "is beyond 100,000"),
        (TEXT | {"x": -(10**400)}, "elements[1].x", "is beyond 100,000"),
        (TEXT | {"x": 30}, "elements[1]", "reaches from 30, 1 to 39, 6 mm, outside the label of 20 x 10 mm"),
        (TEXT | {"y": -1}, "elements[1]", "outside the label"),
        (TEXT | {"height": 0}, "elements[1]", "width and height must be greater than zero"),
        (TEXT | {"colour": "red"}, "elements[1].colour", "is not known here"),
        ({"type": "text"}, "elements[1].x", "is missing"),
        ({"type": "circle"}, "elements[1].type", "is not one of text, code, line, image"),
        ([], "elements[1]", "is not an object"),
        (CODE | {"symbology": "morse"}, "elements[1].symbology", "is not one of code-128, data-matrix"),
        (CODE | {"module": [0.3, 0.2]}, "elements[1].module", "the smallest module must be above zero"),
        (LINE | {"thickness": 0}, "elements[1].thickness", "0 mm is not a line on this label"),
        (LINE | {"end": [5, 50]}, "elements[1]", "outside the label"),
        (IMAGE | {"png": "?"}, "elements[1].png", "is not base64"),
        (IMAGE | {"png": "é"}, "elements[1].png", "is not base64"),
        (IMAGE | {"png": 5}, "elements[1].png", "is not a text"),
        (IMAGE | {"png": base64.b64encode(b"GIF89a").decode()}, "elements[1].png", "is not a PNG picture"),
        (IMAGE | {"png": base64.b64encode(png()[:40]).decode()}, "elements[1].png", "is not a PNG picture"),
        (
            IMAGE | {"png": base64.b64encode(bytes(_LARGEST_PNG + 1)).decode()},
            "elements[1].png",
            "is larger than the 1000 kB",
        ),
        (
            IMAGE | {"png": base64.b64encode(png(4000, 4001)).decode()},
            "elements[1].png",
            "4000 x 4001 dots are more than a label has",
        ),
    ],
)
def test_a_fault_names_its_place(element, place, problem):
    data = {"name": "mine", "title": "Mine", "width": 20, "height": 10, "elements": [TEXT, element]}
    with pytest.raises(TemplateError) as caught:
        Template.from_data(data)
    assert (caught.value.template, caught.value.place) == ("mine", place)
    assert problem in caught.value.problem
    assert str(caught.value).startswith(f"template 'mine': {place}: ")


@pytest.mark.parametrize(
    ("data", "place", "problem"),
    [
        (None, "", "is not an object"),
        ({"name": 5}, "name", "is not a text"),
        ({"name": "x", "title": "X", "width": 20, "height": 10, "elements": "abc"}, "elements", "is not a list"),
        ({"name": "x", "title": "X", "width": 20, "height": 10, "elements": [], "z": 1}, "z", "is not known here"),
        ({"name": "x", "title": "X", "width": 0, "height": 10, "elements": []}, "", "0 x 10 mm is no label"),
        ({"name": "x", "title": "X", "width": 9, "height": 1001, "elements": []}, "", "is no label"),
        ({"name": "x", "title": "X", "width": 9, "height": 9, "elements": [TEXT] * 201}, "elements", "201 entries"),
    ],
)
def test_a_fault_of_the_whole_is_named(data, place, problem):
    with pytest.raises(TemplateError, match=problem) as caught:
        Template.from_data(data)
    assert caught.value.place == place


def test_an_application_adds_its_tokens():
    data = {"name": "x", "title": "X", "width": 20, "height": 10, "elements": [TEXT | {"text": "{visit} {id}"}]}
    template = Template.from_data(data, known=[*TOKENS, "visit"])
    assert template.tokens() == {"visit", "id"}
    drawing = lay_out(template, Item("T1", {"visit": "V2"}), STOCK)
    assert [mark.text for mark in drawing.marks] == ["V2 T1"]
    with pytest.raises(MissingValueError, match=r"asks at elements\[0\] for \{visit\}, and label 'T1' has no such"):
        lay_out(template, Item("T1"), STOCK)


def test_an_item_fills_what_every_label_knows():
    filled = Item.lined("TKQ7M3X9V7", ("a", "", "c"), visit="V2").filled()
    assert filled["id"] == "TKQ7-M3X9-V7"
    assert (filled["code"], filled["lines"], filled["line2"], filled["line6"]) == ("TKQ7M3X9V7", "a\nc", "", "")
    assert filled["visit"] == "V2"
    assert Item("X", {"id": "other"}).filled()["id"] == "other"
    assert set(TOKENS) <= set(filled)
    assert Item.lined("X", "abcdefgh").filled()["lines"] == "\n".join("abcdefgh")
