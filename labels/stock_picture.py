"""A sheet or a roll as a picture of its labels, for the person who measures one."""

from collections.abc import Iterator

from labels.geometry import Box
from labels.stock import Area, RollStock, Stock

_ROWS = 3  # of a roll
_PAPER, _LINER, _EDGE, _LABEL, _AREA, _FIRST = "#fff", "#e5e7eb", "#6b7280", "#fff", "#1d4ed8", "#dbeafe"


def render_stock_svg(stock: Stock) -> str:
    """The sheet, or the first rows of the roll, as SVG without style or script, a unit a millimetre. The first label is
    shaded; parts of labels are outlined.
    """
    page = stock.page
    roll = isinstance(stock, RollStock)
    high = _ROWS * (stock.label_height + stock.gap) if isinstance(stock, RollStock) else page.height
    thin = max(page.width, high) / 500
    labels = "".join(_label(stock, corner, thin, first=not place) for place, corner in enumerate(_corners(stock)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-thin:g} {-thin:g} {page.width + 2 * thin:g} '
        f'{high + 2 * thin:g}"><rect width="{page.width:g}" height="{high:g}" fill="{_LINER if roll else _PAPER}" '
        f'stroke="{_EDGE}" stroke-width="{thin:g}"/>{labels}</svg>'
    )


def _corners(stock: Stock) -> Iterator[tuple[float, float]]:
    for row in range(_ROWS if isinstance(stock, RollStock) else 1):
        for place in range(stock.per_sheet):
            x, y = stock.corner(place)
            yield x, y + row * (stock.label_height + stock.gap) if isinstance(stock, RollStock) else y


def _label(stock: Stock, corner: tuple[float, float], thin: float, *, first: bool) -> str:
    whole = Area("label", Box(0, 0, stock.label_width, stock.label_height))
    fill = _FIRST if first else _LABEL
    # With parts, what lies between them is no label.
    parts = stock.areas or (whole,)
    edge = _AREA if stock.areas else _EDGE
    return "".join(_outline(part, corner, fill, edge, thin) for part in parts)


def _outline(area: Area, corner: tuple[float, float], fill: str, edge: str, thin: float) -> str:
    x, y, box = corner[0] + area.box.x, corner[1] + area.box.y, area.box
    look = f'fill="{fill}" stroke="{edge}" stroke-width="{thin:g}"'
    if area.round:
        across, down = x + box.width / 2, y + box.height / 2
        return f'<circle cx="{across:g}" cy="{down:g}" r="{min(box.width, box.height) / 2:g}" {look}/>'
    return f'<rect x="{x:g}" y="{y:g}" width="{box.width:g}" height="{box.height:g}" {look}/>'
