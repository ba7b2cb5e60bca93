"""Every macro and page renders strictly, escapes what it is given, and keeps to the content policy."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest
import web_samples as samples

from biobank.http.templating import WEB, make_environment

TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
HOSTILE = "\"><script>alert(1)</script><b onclick='x'>&amp;"


class Page(HTMLParser):
    """The tags of a page, checked for balance and for unique ids."""

    VOID = frozenset(["br", "circle", "img", "input", "line", "link", "meta", "path", "rect"])

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, f"</{tag}> closes something else at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]

    @property
    def ids(self) -> list[str]:
        return [found["id"] or "" for _, found in self.tags if "id" in found]


def render(name: str, context: dict[str, Any]) -> Page:
    return Page(make_environment().get_template(name).render(context))


def gallery(text: str = "Serum") -> Page:
    return Page(make_environment().from_string(samples.GALLERY).render(samples.gallery_context(text)))


def error_context(**extra: Any) -> dict[str, Any]:
    return samples.context(
        "Position taken",
        **{
            "status": 409,
            "title": "Position taken",
            "detail": "C4 is full.",
            "request_id": "r1",
            "way_out": None,
            **extra,
        },
    )


def pages() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "base.html", samples.context("Home")
    yield "base.html", {**samples.context("Home"), "actor": None, "nav": (), "csrf_token": ""}
    yield "error.html", error_context()
    yield "error.html", error_context(status=500, way_out=samples.as_view({"href": "/storage", "label": "Back"}))
    problem = {"code": "x", "title": "X", "status": 409, "meaning": "m", "way_out": "w"}
    yield "problem.html", samples.context("X", problem=samples.as_view(problem))
    yield "login.html", {**samples.context("Sign in"), "actor": None, "nav": (), "error": None}
    yield "login.html", samples.context("Sign in", error="Wrong.", username="ana", next="/runs")
    yield "scan/station.html", samples.station_context()
    yield "scan/station.html", samples.station_context(occupied=81)
    empty = samples.as_view(
        {
            "modes": [],
            "mode": "find",
            "box": None,
            "free": None,
            "commands": [],
            "user": "",
            "self_test": "",
            "asked": "{}",
            "said": [],
        }
    )
    yield "scan/station.html", samples.context(view=empty)


@pytest.mark.parametrize(("name", "context"), list(pages()))
def test_page_is_whole(name: str, context: dict[str, Any]) -> None:
    page = render(name, context)
    assert len(page.ids) == len(set(page.ids))
    assert len(page.all("main")) == len(page.all("h1")) == 1
    assert page.all("html", lang="en")
    for _, attributes in page.tags:
        assert not any(key == "style" or key.startswith("on") for key in attributes)
    described = " ".join(found.get("aria-describedby") or "" for _, found in page.tags).split()
    assert set(described) <= set(page.ids)


def test_signed_out_page_offers_nothing_of_the_inside() -> None:
    page = render("base.html", {**samples.context("Home"), "actor": None, "nav": ()})
    assert not page.all("form", action="/logout")
    assert not page.all("form", action="/find")
    assert not page.all("nav")


def test_every_posting_form_carries_the_token() -> None:
    page = render("login.html", samples.context("Sign in", error=None))
    posts = page.all("form", method="post")
    tokens = page.all("input", name="_csrf_token", value="c5rf-token")
    assert len(posts) == len(tokens) == 2


def test_every_macro_is_shown_in_the_gallery() -> None:
    """A macro nobody renders here is one whose mistakes the first user finds."""
    source = samples.GALLERY + "".join(path.read_text() for path in TEMPLATES)
    for path in TEMPLATES:
        for macro in re.findall(r"{% macro (\w+)", path.read_text()):
            assert len(re.findall(rf"\b{macro}\(", source)) > 1, f"{path.name}: {macro} is never called"


def test_gallery_is_whole_and_labelled() -> None:
    page = gallery()
    ids = set(page.ids)
    labels = {found["for"] for found in page.all("label")}
    fields = [
        found for tag, found in page.tags if tag in {"input", "select", "textarea"} and found.get("type") != "hidden"
    ]
    assert {found["id"] for found in fields if "aria-label" not in found} <= labels
    assert set(" ".join(found.get("aria-describedby") or "" for found in fields).split()) <= ids
    volume = page.all("input", name="volume")[0]
    assert volume["aria-invalid"] == "true"
    assert volume["aria-describedby"] == "volume-hint volume-error"
    assert len(page.ids) == len(ids)


def test_hostile_text_stays_text() -> None:
    page = gallery(HOSTILE)
    assert page.all("script") == [{"src": page.all("script")[0]["src"], "defer": None}]
    assert not any("onclick" in found for _, found in page.tags)
    assert "<script>alert(1)</script>" in page.text
    assert page.all("input", name="volume")[0]["value"] == HOSTILE
    assert page.all("button", **{"data-copy": HOSTILE})


def test_box_map_is_a_table_with_headers_and_every_position_said() -> None:
    page = Page(
        make_environment()
        .from_string('{% from "components/maps.html" import box_map %}{{ box_map(box) }}')
        .render(box=samples.as_view(samples.box_view()))
    )
    assert len(page.all("th", scope="col")) == len(page.all("th", scope="row")) == 9
    assert len([found for found in page.all("td") if "data-position" in found]) == 81
    assert "C4, next" in page.text
    assert "D1, free" in page.text
    assert page.all("a", **{"aria-label": "C3, just stored, TKQ7-M3X9-V7"})
    assert page.all("a", **{"aria-label": "B4, on hold, TKQ7-M3X9-V7"})
    assert "fill by row from A1" in page.text
    assert "21 of 81" in page.text


def test_plate_map_says_role_and_flag_and_shows_wells_that_were_left_out() -> None:
    page = Page(
        make_environment()
        .from_string('{% from "components/maps.html" import plate_map %}{{ plate_map(plate) }}')
        .render(plate=samples.plate_view(16, 24))
    )
    assert len(page.all("td")) == 16 * 24 + 1
    assert "A1, standard" in page.text
    assert page.all("a", title="C5, sample, TKQ7-M3X9-V7, too few beads")


def test_lineage_nests_and_marks_where_one_is() -> None:
    page = gallery()
    assert len(page.all("div", **{"class": "tree-row"})) == 5
    assert len(page.all("div", **{"class": "tree-row", "aria-current": "true"})) == 1


def test_an_undefined_name_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="page_title"):
        make_environment().get_template("base.html").render()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_source_keeps_to_the_content_policy(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"<script(?![^>]* src=)", source)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|hx-vals=.js:", source)
    assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup\(", source)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", source)
