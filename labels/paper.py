"""Paper of several pages: paragraphs, tables whose heads repeat, and "page x of y" with a digest at the foot."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import black, lightgrey
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from labels.geometry import POINTS_PER_MM, Page
from labels.text import FONT, LINE, checked, width

MARGIN = 12.0  # mm
FOOTER = 10.0  # mm
SIZE, HEADING, TITLE, SMALL = 7.5, 9.5, 16.0, 6.0  # points
PADDING = 2.0  # points beside the words in a table cell
_TOTAL = "total-pages"


def document(buffer: Any, page: Page, title: str) -> SimpleDocTemplate:
    """A document whose bytes depend on its content alone."""
    return SimpleDocTemplate(
        buffer,
        pagesize=page.points,
        leftMargin=MARGIN * POINTS_PER_MM - 6,  # a platypus frame has 6 points of padding of its own
        rightMargin=MARGIN * POINTS_PER_MM - 6,
        topMargin=MARGIN * POINTS_PER_MM,
        bottomMargin=(MARGIN + FOOTER) * POINTS_PER_MM,
        invariant=1,
        title=title,
    )


def style(size: float) -> ParagraphStyle:
    return ParagraphStyle(f"s{size}", fontName=FONT, fontSize=size, leading=size * LINE, splitLongWords=1)


def paragraph(lines: Sequence[str], size: float = SIZE) -> Paragraph:
    return Paragraph("<br/>".join(escape(checked(line)) for line in lines), style(size))


def section(heading: str, *content: Any) -> list[Any]:
    gap = 3 * POINTS_PER_MM
    return [Spacer(0, gap), paragraph([heading], HEADING), Spacer(0, gap / 3), *content]


GRID = [
    ("GRID", (0, 0), (-1, -1), 0.4, black),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("FONT", (0, 0), (-1, -1), FONT, SIZE, SIZE * LINE),
    ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
    ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
]
_HEADED = [*GRID, ("BACKGROUND", (0, 0), (-1, 0), lightgrey)]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float], inner: float) -> LongTable:
    """A table over the page's width with its heads repeated on every page; words too long for a cell are wrapped."""
    cells = _cells([heads, *rows], shares, inner)
    return LongTable(cells, colWidths=_widths(shares, inner), repeatRows=1, style=_HEADED, hAlign="LEFT")


def pairs(rows: Sequence[tuple[str, str]], shares: tuple[float, float], inner: float) -> Table:
    """Names and values beside each other."""
    return Table(_cells(rows, shares, inner), colWidths=_widths(shares, inner), style=GRID, hAlign="LEFT")


def _widths(shares: Sequence[float], inner: float) -> list[float]:
    return [inner * share / sum(shares) * POINTS_PER_MM for share in shares]


def _cells(rows: Sequence[Sequence[str]], shares: Sequence[float], inner: float) -> list[list[str | Paragraph]]:
    def cell(words: str, space: float) -> str | Paragraph:
        words = checked(words)
        return words if width(words, SIZE) <= space - 2 * PADDING else paragraph([words])

    widths = _widths(shares, inner)
    return [[cell(*pair) for pair in zip(row, widths, strict=True)] for row in rows]


def draw_footer(canvas: Any, subject: str, digest: str) -> None:
    """The subject with the number of the page, and the digest, at the foot of a page."""
    left, upper, lower = (length * POINTS_PER_MM for length in (MARGIN, MARGIN + 4, MARGIN))
    words = f"{subject}  Page {canvas.getPageNumber()} of "
    canvas.setFont(FONT, SIZE)
    canvas.drawString(left, upper, words)
    canvas.setFont(FONT, SMALL)
    canvas.drawString(left, lower, digest)
    canvas.saveState()
    canvas.translate(left + width(words, SIZE), upper)
    canvas.doForm(_TOTAL)  # how many pages there are is known, and drawn, on the last one
    canvas.restoreState()


def define_total(flowable: Any) -> None:
    """To be the last of the story: by then it is known how many pages there are."""
    canvas = flowable.canv
    canvas.beginForm(_TOTAL)
    canvas.setFont(FONT, SIZE)
    canvas.drawString(0, 0, str(canvas.getPageNumber()))
    canvas.endForm()
