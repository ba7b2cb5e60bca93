"""Label templates as data, and the layout of one on a label of given size.

A template says how a kind of label is arranged; `lay_out` turns it into fields with boxes in millimetres, which is
all that drawing knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from labels.errors import UnknownKindError
from labels.geometry import POINTS_PER_MM, Box
from labels.symbols import ModuleRange, Symbology
from labels.text import LINE

_ID_WEIGHT = 1.5  # height of the id's line beside that of a text line


@dataclass(frozen=True, slots=True)
class Template:
    """How a label is arranged. Lengths in mm, type sizes in points.

    With `code_side` the symbol stands in a square of that side at the left and the text beside it; without, the symbol
    spans the label's width over `code_share` of its height, and the text stands below.
    """

    symbology: Symbology
    modules: ModuleRange
    margin: float
    gap: float
    id_points: tuple[float, float]
    line_points: tuple[float, float]
    code_side: float | None = None
    code_share: float = 0.4


@dataclass(frozen=True, slots=True)
class TextField:
    """A line of text in `box`, set as large as fits between two type sizes in points."""

    box: Box
    points: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields of a label: the symbol, and as texts first the human-readable id, then one field a line."""

    symbology: Symbology
    modules: ModuleRange
    code: Box
    texts: tuple[TextField, ...]


TUBE = Template(
    symbology=Symbology.DATA_MATRIX,
    modules=ModuleRange(smallest=0.2, largest=0.26),
    margin=1.0,
    gap=0.5,
    id_points=(6.0, 9.0),
    line_points=(4.0, 7.0),
    code_side=5.2,
)
WIDE = Template(
    symbology=Symbology.CODE_128,
    modules=ModuleRange(smallest=0.165, largest=0.34, bar_height=3.5),
    margin=1.5,
    gap=0.8,
    id_points=(6.0, 14.0),
    line_points=(4.5, 9.0),
)

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {"tube": TUBE} | dict.fromkeys(("box", "rack", "shelf", "freezer", "shipment", "badge"), WIDE)
)
"""Template of each kind of label."""


def template_for(kind: str) -> Template:
    """Raises UnknownKindError."""
    try:
        return TEMPLATES[kind]
    except KeyError:
        raise UnknownKindError(kind, tuple(TEMPLATES)) from None


@lru_cache(maxsize=256)
def lay_out(template: Template, width: float, height: float, lines: int) -> Layout:
    """Boxes, in mm from the label's top left corner, of a template with `lines` lines of text under the id."""
    margin, gap = template.margin, template.gap
    inner_width, inner_height = width - 2 * margin, height - 2 * margin
    if template.code_side is None:
        share = template.code_share * inner_height
        code = Box(margin, margin, inner_width, share)
        area = Box(margin, margin + share + gap, inner_width, inner_height - share - gap)
    else:
        code = Box(margin, margin, min(template.code_side, inner_width), inner_height)
        area = Box(margin + code.width + gap, margin, inner_width - code.width - gap, inner_height)
    return Layout(template.symbology, template.modules, code, _stacked(template, area, lines))


def _stacked(template: Template, area: Box, lines: int) -> tuple[TextField, ...]:
    """The id and its lines under one another, in the middle of `area`."""
    line = min(area.height / (_ID_WEIGHT + lines), template.line_points[1] * LINE / POINTS_PER_MM)
    top = area.y + (area.height - line * (_ID_WEIGHT + lines)) / 2
    first = Box(area.x, top, area.width, line * _ID_WEIGHT)
    rest = (Box(area.x, top + line * (_ID_WEIGHT + index), area.width, line) for index in range(lines))
    return (TextField(first, template.id_points), *(TextField(box, template.line_points) for box in rest))
