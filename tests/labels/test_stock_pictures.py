import xml.etree.ElementTree as ET

import pytest

from labels import STOCKS, RollStock, render_stock_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", STOCKS)
def test_a_stock_is_shown_with_every_label_in_its_place(name):
    stock = STOCKS[name]
    picture = ET.fromstring(render_stock_svg(stock))  # noqa: S314  our own
    paper, *marks = picture
    assert float(paper.get("width")) == pytest.approx(stock.page.width, rel=1e-4)
    parts = stock.areas or (None,)
    assert len(marks) == len(parts) * stock.per_sheet * (3 if isinstance(stock, RollStock) else 1)
    shaded = [mark for mark in marks if mark.get("fill") != "#fff"]
    assert len(shaded) == len(parts)
    last, area = marks[-1], parts[-1]
    x, y = stock.corner(stock.per_sheet - 1)
    if isinstance(stock, RollStock):
        y += 2 * (stock.label_height + stock.gap)
    if area is None:
        assert last.tag == f"{SVG}rect"
        place = (x, y, stock.label_width)
        found = (last.get("x"), last.get("y"), last.get("width"))
    elif area.round:
        assert last.tag == f"{SVG}circle"
        place = (x + area.box.x + area.box.width / 2, y + area.box.y + area.box.height / 2, area.box.width / 2)
        found = (last.get("cx"), last.get("cy"), last.get("r"))
    assert [float(one) for one in found] == pytest.approx(place, rel=1e-4)
