"""The sources of the assets, the lock, the colours, and what the build leaves behind."""

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from biobank.http.templating import STATIC_BUILD, WEB, asset_url

ASSETS = WEB / "assets"
SOURCES = sorted([*(ASSETS / "src").rglob("*.ts"), *(ASSETS / "css").rglob("*.css")])
WORDS = ("ok", "warning", "stop", "duplicate")
TEXT_PAIRS = [
    *product(("ink", "muted", "accent", *WORDS), ("ground", "surface", "raised")),
    *[(word, f"{word}-soft") for word in WORDS],
    *product(("ink", "muted", "accent"), ("accent-soft", *(f"{word}-soft" for word in WORDS))),
    ("accent-ink", "accent"),
    ("surface", "warning"),
    *[("temp-ink", f"temp-{step}") for step in range(1, 6)],
]
SHAPE_PAIRS = [*product(("edge", "accent", *WORDS), ("ground", "surface"))]


def tokens() -> dict[str, dict[str, str]]:
    css = (ASSETS / "css" / "tokens.css").read_text()
    light, dark = css.split("@media screen and (prefers-color-scheme: dark)")
    read = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
    return {"light": dict(read.findall(light)), "dark": dict(read.findall(light)) | dict(read.findall(dark))}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_the_guideline_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_is_readable(theme: str, text: str, ground: str) -> None:
    colours = tokens()[theme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_edges_of_controls_are_seen(theme: str, shape: str, ground: str) -> None:
    colours = tokens()[theme]
    assert contrast(colours[shape], colours[ground]) >= 3


def test_both_themes_define_every_colour_anew() -> None:
    css = (ASSETS / "css" / "tokens.css").read_text()
    light, dark = css.split("@media screen and (prefers-color-scheme: dark)")
    names = re.compile(r"--([\w-]+): (?:#|0 4px)")
    assert set(names.findall(light)) == set(names.findall(dark))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ASSETS)))
def test_colours_come_from_the_tokens_and_nothing_from_elsewhere(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"https?://|@import url|innerHTML|insertAdjacentHTML|\beval\(|new Function", source)
    if path.suffix == ".css" and path.name not in {"tokens.css", "print.css"}:
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b", source)
        used = set(re.findall(r"var\(--([\w-]+)", source)) - {"tone", "tone-soft"}
        defined = set(re.findall(r"--([\w-]+):", (ASSETS / "css" / "tokens.css").read_text()))
        assert used <= defined
    assert len(source.splitlines()) < 420


def test_every_class_of_the_templates_and_scripts_has_a_style() -> None:
    css = "".join(path.read_text() for path in ASSETS.glob("css/*.css"))
    styled = set(re.findall(r"\.([a-z][\w-]*)", css))
    hooks = {"no-print", "events-list", "muted"}
    for path in [*(WEB / "templates").rglob("*.html"), *(ASSETS / "src").rglob("*.ts")]:
        source = re.sub(r"{{.*?}}|{%.*?%}|\$\{.*?\}", "", path.read_text())
        for value in re.findall(r"class(?:=|: )[\"`]([^\"`]*)[\"`]", source):
            for name in value.split():
                assert name in styled | hooks or name.endswith("-"), f"{path.name}: no style for {name}"


def test_lock_holds_no_address_and_pins_by_hash() -> None:
    text = (ASSETS / "package-lock.json").read_text()
    assert "resolved" not in text
    assert "http" not in text
    packages = json.loads(text)["packages"]
    wanted = json.loads((ASSETS / "package.json").read_text())
    exact = wanted["dependencies"] | wanted["devDependencies"]
    for name, version in exact.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert all(entry["integrity"].startswith("sha512-") for path, entry in packages.items() if path)


def test_built_names_exist_and_carry_a_hash() -> None:
    for name in ("app.js", "app.css", "favicon.svg"):
        built = STATIC_BUILD / asset_url(name).removeprefix("/static/build/")
        assert built.is_file()
        stem, suffix = name.split(".")
        assert re.fullmatch(rf"{stem}-[0-9A-Z]{{8}}\.{suffix}", built.name)


def test_bundle_needs_no_evaluation_and_no_inline_style() -> None:
    script = (STATIC_BUILD / asset_url("app.js").rsplit("/", 1)[1]).read_text()
    assert "includeIndicatorStyles:!1" in script
    assert "allowEval:!1" in script


def test_build_by_hand_does_nothing_when_nothing_changed_and_names_its_arguments() -> None:
    program = [sys.executable, ASSETS / "build_hook.py"]
    again = subprocess.run(program, capture_output=True, text=True, check=True, env={"PATH": "/nowhere"})
    assert again.stderr == "assets: unchanged\n"
    wrong = subprocess.run([*program, "--fast"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "--fast" in wrong.stderr
    assert "--check" in wrong.stderr
