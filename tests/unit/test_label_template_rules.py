"""What a label template may hold, as a form has it, and how two differ."""

import base64
from io import BytesIO

import pytest
from PIL import Image

from biobank.errors import Invalid
from biobank.template import editing, rules
from labels import STOCKS, TEMPLATES, check


def content(*elements):
    return {"name": "own", "title": "Own", "width": 30.0, "height": 12.0, "elements": list(elements)}


def picture():
    buffer = BytesIO()
    Image.new("L", (4, 4), 0).save(buffer, "PNG")
    png = base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image", "x": 1.0, "y": 1.0, "width": 4.0, "height": 4.0, "png": png}


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_that_ships_survives_the_form(name):
    data = TEMPLATES[name].to_data()
    kind = name if name in rules.KINDS else "tube"
    assert rules.read(editing.content_of(editing.flat(data), data), name, kind).to_data() == data


@pytest.mark.parametrize("kind", rules.KINDS)
def test_a_sample_fills_every_token_of_its_kind_and_the_standard_template_is_good_with_it(kind):
    sample, template = rules.sample(kind), TEMPLATES[rules.STANDARD[kind]]
    assert set(rules.tokens_of(kind)) <= set(sample.filled())
    assert check(template, STOCKS[rules.stock_for(template)], sample) == ()


def test_a_picture_is_kept_by_the_form_that_showed_it():
    stored = content(picture())
    values = editing.flat(stored)
    assert editing.content_of(values, stored)["elements"] == stored["elements"]
    with pytest.raises(rules.LabelTemplateFaulty, match="load the page again"):
        editing.content_of(values | {"elements[0].was": "3"}, stored)
    assert rules.read(stored, "own", "tube").elements


def test_a_picture_is_added_or_put_in_place_of_one_and_its_change_is_told_shortly():
    held = editing.with_picture(content(), b"one")
    other = editing.with_picture(held, b"other", 1)
    assert (held["elements"][0]["width"], len(other["elements"])) == (15.0, 1)
    (told,) = editing.differences(held, other)
    assert (told.field, told.before.startswith("picture ")) == ("png", True)
    for number in (0, 2):
        with pytest.raises(rules.LabelTemplateFaulty, match=f"element {number} is no picture"):
            editing.with_picture(held, b"other", number)
    with pytest.raises(rules.LabelTemplateFaulty, match="element 1 is no picture"):
        editing.with_picture(editing.arranged(content(), "add line"), b"one", 1)


def test_elements_are_added_moved_and_removed_and_other_deeds_do_nothing():
    held = content()
    for kind in ("text", "code", "line"):
        held = editing.arranged(held, f"add {kind}")
    for deed in ("", "save", "add spoon", "up 7", "up x", "jump 1"):
        assert editing.arranged(held, deed) == held
    order = lambda made: [one["type"] for one in made["elements"]]  # noqa: E731
    assert order(editing.arranged(held, "up 2")) == ["text", "line", "code"]
    assert order(editing.arranged(held, "up 0")) == order(editing.arranged(held, "down 2")) == order(held)
    assert order(editing.arranged(held, "down 0")) == ["code", "text", "line"]
    assert order(editing.arranged(held, "remove 1")) == ["text", "line"]
    assert rules.read(held, "own", "tube").elements


def test_a_type_that_is_none_is_read_as_text_and_refused_for_what_it_lacks():
    with pytest.raises(rules.LabelTemplateFaulty, match=r"elements\[0\]\.x: is missing"):
        editing.content_of({"title": "x", "width": "1", "height": "1", "elements[0].type": "spoon"}, content())


def test_differences_say_what_was_changed_in_words():
    held = editing.arranged(editing.arranged(content(), "add text"), "add line")
    other = editing.arranged(editing.arranged(content(), "add code"), "add line")
    (one,) = editing.differences(held, other)
    assert (one.place, one.before, one.after) == ("elements[0]", "text {id}", "code {code}")
    bold = content(held["elements"][0] | {"bold": True, "points": [5.0, 9.0], "text": "x" * 300}, *held["elements"][1:])
    found = {one.field: (one.before, one.after) for one in editing.differences(held, bold)}
    assert found["bold"] == ("no", "yes")
    assert found["points"] == ("4, 9", "5, 9")
    assert found["text"][1] == f"{'x' * 60}... (300 characters)"
    assert [one.before for one in editing.differences(held, content())] == ["text {id}", "line"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 10**400},
        {"width": float("nan")},
        {"title": "\ud800"},
        {"title": "\0"},
        {"title": {1, 2}},
        {"title": "x" * 201},
        {"elements": 5},
    ],
)
def test_what_no_template_holds_is_refused(wrong):
    with pytest.raises(rules.LabelTemplateFaulty):
        rules.read(content() | wrong, "own", "tube")


def test_what_is_no_object_or_nested_without_end_is_refused():
    nested: list = []
    for _ in range(100_000):
        nested = [nested]
    for wrong in (None, 5, [], "x", nested):
        with pytest.raises(rules.LabelTemplateFaulty):
            rules.read(wrong, "own", "tube")


def test_a_template_of_another_study_is_refused():
    rules.check_own("x", None, 1)
    rules.check_own("x", 1, 1)
    for study in (None, 2):
        with pytest.raises(Invalid, match="another study"):
            rules.check_own("x", 1, study)
