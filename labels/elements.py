"""What can stand on a label: text, a code, a line, a picture. Lengths in mm from the label's top left corner."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from labels.geometry import Box
from labels.symbols import ModuleRange, Symbology

Rotation = Literal[0, 90, 180, 270]
Align = Literal["left", "centre", "right"]
MATRIX_MODULES = ModuleRange(0.2, 0.26)
ROTATIONS: tuple[Rotation, ...] = (0, 90, 180, 270)
ALIGNS: tuple[Align, ...] = ("left", "centre", "right")

_PARTS = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Text:
    """Text in the middle of the height of `box`, as large as fits between the two sizes in `points`. A line break in it
    is one on the label; with `wrap`, lines that are too long are broken between words as well. `rotation` is clockwise.
    """

    box: Box
    text: str
    points: tuple[float, float] = (4.0, 9.0)
    align: Align = "left"
    wrap: bool = False
    rotation: Rotation = 0
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A symbol in the middle of `box`, which holds its quiet zone too; a linear one is as high as the box."""

    box: Box
    value: str = "{code}"
    symbology: Symbology = Symbology.DATA_MATRIX
    modules: ModuleRange = MATRIX_MODULES
    rotation: Rotation = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line between two points, (x, y) each."""

    start: tuple[float, float]
    end: tuple[float, float]
    thickness: float = 0.2


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG picture, as large as `box` allows without distortion, in its middle."""

    box: Box
    png: bytes


Element = Text | Code | Line | Image


class BadTokenError(ValueError):
    """A brace that begins or ends no token."""


@lru_cache(maxsize=1024)
def parts(text: str) -> tuple[tuple[str, str], ...]:
    """`text` as pairs of plain words and the token after them (empty after the last). `{{` and `}}` are braces.

    Raises BadTokenError.
    """
    found: list[tuple[str, str]] = []
    plain, end = "", 0
    for match in _PARTS.finditer(text):
        plain += text[end : match.start()]
        end = match.end()
        if match[1]:
            found.append((plain, match[1]))
            plain = ""
        elif len(match[0]) == 2:
            plain += match[0][0]
        else:
            raise BadTokenError(match[0])
    return (*found, (plain + text[end:], ""))


def tokens(text: str) -> tuple[str, ...]:
    """The tokens in `text`, in order. Raises BadTokenError."""
    return tuple(token for _, token in parts(text) if token)


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its tokens replaced. Raises KeyError with the token that has no value."""
    return "".join(plain + (values[token] if token else "") for plain, token in parts(text))
