"""Lengths, paper and rectangles. Everything is measured in millimetres from a top left corner."""

from dataclasses import dataclass

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH

Size = tuple[float, float]
"""Width and height in mm."""


@dataclass(frozen=True, slots=True)
class Page:
    """Paper size in mm."""

    name: str
    width: float
    height: float

    @property
    def points(self) -> tuple[float, float]:
        return self.width * POINTS_PER_MM, self.height * POINTS_PER_MM


A4 = Page("A4", 210.0, 297.0)
LETTER = Page("US Letter", 215.9, 279.4)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in mm, from the top left corner of whatever holds it."""

    x: float
    y: float
    width: float
    height: float


def fitted(box: Box, width: float, height: float) -> Box:
    """The largest rectangle of the shape `width` x `height` in the middle of `box`."""
    share = min(box.width / width, box.height / height)
    wide, high = width * share, height * share
    return Box(box.x + (box.width - wide) / 2, box.y + (box.height - high) / 2, wide, high)
