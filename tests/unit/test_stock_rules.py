import json
import re

import pytest

from biobank.stock import rules
from biobank.stock.rules import LabelStockChanged, LabelStockExists, LabelStockFaulty
from labels import STOCKS, stock_to_data

ROLL = {"type": "roll", "title": "Roll", "label_width": 30, "label_height": 15, "dpi": 300}


@pytest.mark.parametrize("name", STOCKS)
def test_a_stock_is_the_same_after_the_form(name):
    stock = STOCKS[name]
    values = rules.flat(stock)
    read = rules.read(rules.content_of(values), "mine", 2)
    assert rules.flat(read) == values
    assert (read.name, read.title, read.areas) == ("mine@2", stock.title, stock.areas)
    assert read.page.name == (stock.page.name if values.get("page") else "mine@2")
    assert rules.kind_of(read) == stock_to_data(stock)["type"]


def test_paper_of_another_size_is_measured():
    sheet = rules.flat(STOCKS["l4731"]) | {"page": "own", "page_width": "220", "page_height": "300,5"}
    read = rules.read(rules.content_of(sheet), "mine", 1)
    assert (read.page.name, read.page.width, read.page.height) == ("220 x 300.5 mm", 220, 300.5)
    assert rules.flat(read)["page"] == "own"


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        ({"type": "tape"}, "type", "is not one of roll, sheet"),
        ({"label_width": ""}, "label_width", "is missing"),
        ({"label_width": "wide"}, "label_width", "'wide' is not a number"),
        ({"dpi": "240"}, "dpi", "is not one of 203, 300, 600"),
        ({"columns": "1.5"}, "columns", "is not a whole number"),
        ({"columns": "1e9"}, "columns", "is beyond 100,000"),
        ({"gap": "nan"}, "gap", "is not a number"),
        ({"title": " "}, "title", "is empty"),
        ({"title": "a\nb"}, "title", "of several lines"),
        ({"label_width": "0"}, "", "greater than zero"),
        ({"areas[1].x": "5"}, "areas[1].name", "is missing"),
        ({"areas[0].name": "dot", "areas[0].x": "5"}, "areas[0].y", "is missing"),
    ],
)
def test_what_is_wrong_in_the_form_is_named_with_its_place(change, place, problem):
    with pytest.raises(LabelStockFaulty, match=re.escape(problem)) as caught:
        rules.read(rules.content_of(rules.flat(STOCKS["roll-38x13-300"]) | change), "mine", 1)
    assert list(caught.value.errors) == [place]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "is not an object"),
        (ROLL | {"title": "\0"}, "a character that no text can hold"),
        (ROLL | {"title": "x" * 100_000}, "larger than 100 kB"),
        (ROLL | {"title": "\ud800"}, "no text or number"),
        (ROLL | {"gap": 10**400}, "gap between rows: is beyond 100,000"),
        (ROLL | {"areas": [{"name": "a", "x": 0, "y": 0, "width": 1, "height": 1}] * 21}, "areas: are more than 20"),
    ],
)
def test_measures_that_cannot_be_are_refused(content, problem):
    with pytest.raises(LabelStockFaulty, match=problem):
        rules.read(content, "mine", 1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"x" * 100_001, "larger than 100 kB"),
        (b"\xff", "is not UTF-8 at byte 0"),
        (b"{\n,", "is no JSON at line 2, column 1"),
        (b"[" * 90_000, "nested too deeply"),
        (b"1" * 5_000, "a number that is too long"),
        (b"[]", "is not an object"),
    ],
)
def test_a_file_that_is_no_stock_is_refused(content, problem):
    with pytest.raises(LabelStockFaulty, match=problem):
        rules.parse(content)
    assert rules.parse(json.dumps(ROLL).encode()) == ROLL


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("mine", ("mine", None)),
        ("mine@2", ("mine", 2)),
        ("mine@", ("mine", 0)),
        ("mine@²", ("mine", 0)),
        ("mine@123456", ("mine", 0)),
        ("@", ("", 0)),
    ],
)
def test_a_key_says_name_and_version(text, split):
    assert rules.split(text) == split
    assert rules.key("mine", 2) == "mine@2"
    assert "none" in str(rules.unknown("none"))


def test_names_versions_and_kinds_are_kept_apart():
    rules.check_name("mine")
    with pytest.raises(LabelStockExists, match="ships with Biobank"):
        rules.check_name("l7163")
    rules.check_seen("mine", 2, 2)
    with pytest.raises(LabelStockChanged, match="look at version 3"):
        rules.check_seen("mine", 2, 3)
    rules.check_kind("mine", "roll", STOCKS["roll-38x13-300"])
    with pytest.raises(LabelStockFaulty, match="which is a sheet"):
        rules.check_kind("mine", "sheet", STOCKS["roll-38x13-300"])
