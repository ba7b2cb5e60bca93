"""The sheet that goes along to the freezers when tubes are fetched: the bar code of the list, and its tubes in the
order of the walk, each with a box to tick.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.platypus import Spacer
from reportlab.platypus.doctemplate import LayoutError
from reportlab.platypus.flowables import CallerMacro

from labels.errors import EmptyListError, PickListError
from labels.geometry import A4, POINTS_PER_MM, Box, Page
from labels.paper import HEADING, MARGIN, TITLE, define_total, document, draw_footer, pairs, section, table
from labels.symbols import ModuleRange, Symbology, draw_operators, encode, module_dots
from labels.text import FONT, checked, grouped, printable

_DPI = 600
_HEADER = 28.0  # mm, on the first page, for the title and the bar code
_BARS = ModuleRange(smallest=0.165, largest=0.34, bar_height=5.0)


@dataclass(frozen=True, slots=True)
class PickLine:
    """A tube to be fetched: where it stands, down to the position, what it holds; no `state` while it waits."""

    tube: str
    place: str
    position: str
    material: str
    holds: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class PickSheet:
    """A pick list as it is printed: `particulars` are names and values (what it is for, where it goes), `printed` when
    and by whom it was printed, as it is to be read.
    """

    code: str
    particulars: tuple[tuple[str, str], ...]
    lines: tuple[PickLine, ...]
    printed: str


def render_pick_list(sheet: PickSheet, *, page: Page = A4) -> bytes:
    """Draw the list on as many pages as it takes.

    Returns a PDF whose bytes depend on the arguments alone. Raises EmptyListError without tubes, PickListError when a
    text is longer than a page, and LabelError for text or a code that cannot be printed.
    """
    if not sheet.lines:
        raise EmptyListError("tubes")
    printable()
    inner = page.width - 2 * MARGIN
    rows = [
        (
            str(number),
            "" if one.state else "[  ]",
            one.place,
            one.position,
            grouped(one.tube),
            one.material,
            one.holds,
            one.state,
        )
        for number, one in enumerate(sheet.lines, start=1)
    ]
    heads = ("No.", "Got", "Place", "Position", "Tube", "Material", "Holds", "State")
    story = [
        Spacer(0, _HEADER * POINTS_PER_MM),
        pairs(sheet.particulars, (36, 150), inner),
        *section("Tubes in the order of the walk", table(heads, rows, (10, 10, 64, 16, 28, 26, 16, 16), inner)),
        CallerMacro(drawCallable=define_total),
    ]
    box = Box(MARGIN, MARGIN + 10.0, (page.width - 2 * MARGIN) / 2, 12.0)
    symbol = encode(sheet.code, Symbology.CODE_128)
    dots = module_dots(symbol, box, _BARS, dpi=_DPI, where="the pick list")
    bars = draw_operators(symbol, box, page.height, dots=dots, dpi=_DPI)
    printed, foot = checked(sheet.printed), f"Pick list {grouped(sheet.code)}"
    buffer = BytesIO()
    paper = document(buffer, page, f"Pick list {sheet.code}")

    def first(canvas: Any, _: Any) -> None:
        canvas.addLiteral(bars)
        canvas.setFont(FONT, TITLE)
        left = MARGIN * POINTS_PER_MM
        canvas.drawString(left, (page.height - MARGIN - 6) * POINTS_PER_MM, "Pick list")
        canvas.setFont(FONT, HEADING)
        canvas.drawString(left, (page.height - MARGIN - 26) * POINTS_PER_MM, grouped(sheet.code))
        draw_footer(canvas, foot, printed)

    def later(canvas: Any, _: Any) -> None:
        draw_footer(canvas, foot, printed)

    try:
        paper.build(story, onFirstPage=first, onLaterPages=later)
    except LayoutError as error:
        raise PickListError(sheet.code, "a text is longer than a page; shorten it") from error
    return buffer.getvalue()
