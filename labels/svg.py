"""One label as SVG in true size."""

import base64
from xml.sax.saxutils import escape

from labels.geometry import MM_PER_INCH
from labels.layout import PlacedImage, PlacedLine, PlacedSymbol, PlacedText, lay_out
from labels.stock import Stock
from labels.template import Item, Template
from labels.text import width


def render_svg(item: Item, template: Template, stock: Stock) -> str:
    """One label as SVG, a unit a millimetre, without style or script. Raises LabelError."""
    drawing = lay_out(template, item, stock)
    marks = "".join(_mark(mark) for mark in drawing.marks)
    wide, high = f"{drawing.width:g}", f"{drawing.height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}mm" height="{high}mm" viewBox="0 0 {wide} {high}">'
        f'<rect width="{wide}" height="{high}" fill="#fff"/>{marks}</svg>'
    )


def _mark(mark: PlacedText | PlacedSymbol | PlacedLine | PlacedImage) -> str:
    if isinstance(mark, PlacedText):
        return _text(mark)
    if isinstance(mark, PlacedSymbol):
        return _symbol(mark)
    if isinstance(mark, PlacedLine):
        (x, y), (u, v) = mark.start, mark.end
        ends = f'x1="{x:.4f}" y1="{y:.4f}" x2="{u:.4f}" y2="{v:.4f}"'
        return f'<line {ends} stroke="#000" stroke-width="{mark.thickness:g}"/>'
    box, data = mark.box, base64.b64encode(mark.png).decode()
    return (
        f'<image x="{box.x:.4f}" y="{box.y:.4f}" width="{box.width:.4f}" height="{box.height:.4f}" '
        f'href="data:image/png;base64,{data}"/>'
    )


def _text(mark: PlacedText) -> str:
    size = mark.size / 72 * MM_PER_INCH
    long = width(mark.text, size)
    turn = f' transform="rotate({mark.rotation} {mark.x:.4f} {mark.y:.4f})"' if mark.rotation else ""
    weight = ' font-weight="bold"' if mark.bold else ""
    return (
        f'<text x="{mark.x:.4f}" y="{mark.y:.4f}" font-family="DejaVu Sans Mono, monospace" font-size="{size:.4f}"'
        f' textLength="{long:.4f}" lengthAdjust="spacingAndGlyphs" xml:space="preserve"{weight}{turn}>'
        f"{escape(mark.text)}</text>"
    )


def _symbol(mark: PlacedSymbol) -> str:
    wide, high = mark.size
    along, across = mark.symbol.columns * mark.module, mark.symbol.rows * mark.row
    place = f"translate({mark.x + wide / 2:.4f} {mark.y + high / 2:.4f}) rotate({mark.rotation}) "
    place += f"translate({-along / 2:.4f} {-across / 2:.4f}) scale({mark.module:.5f} {mark.row:.5f})"
    path = "".join(f"M{x} {y}h{long}v1h-{long}z" for x, y, long in mark.symbol.runs())
    return f'<path transform="{place}" d="{path}" shape-rendering="crispEdges"/>'
