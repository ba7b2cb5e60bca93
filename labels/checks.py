"""Will this label be read? What stands against it, for the person who designs it."""

from dataclasses import dataclass
from typing import Literal

from labels.errors import LabelError
from labels.layout import PlacedSymbol, PlacedText, lay_out
from labels.stock import Stock
from labels.template import Item, Template
from labels.text import grouped

_READABLE_POINTS = 4.0
_READABLE_ID_POINTS = 6.0
_READABLE_MODULE = 0.19


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: it is not printed like this; `warning`: it may not be read. `place` names the element where one is."""

    rule: str
    severity: Literal["error", "warning"]
    place: str
    message: str


def check(template: Template, stock: Stock, item: Item) -> tuple[Finding, ...]:
    """What keeps this label from being read; nothing when it is good."""
    try:
        drawing = lay_out(template, item, stock)
    except LabelError as error:
        return (Finding("refused", "error", "", str(error)),)
    found = []
    texts = [mark for mark in drawing.marks if isinstance(mark, PlacedText)]
    symbols = [mark for mark in drawing.marks if isinstance(mark, PlacedSymbol)]
    if not symbols:
        found.append(Finding("code", "warning", "", "there is no code on the label"))
    found += [
        Finding(
            "module-size",
            "warning",
            mark.symbol.code,
            f"modules of {mark.module:.2f} mm are smaller than the {_READABLE_MODULE} mm that every reader takes",
        )
        for mark in symbols
        if not mark.symbol.linear and mark.module < _READABLE_MODULE
    ]
    shown = [mark for mark in texts if mark.text in {item.code, grouped(item.code), item.filled()["id"]}]
    if not shown:
        found.append(Finding("id", "warning", "", "the id does not stand on the label in words"))
    elif max(mark.size for mark in shown) < _READABLE_ID_POINTS:
        found.append(Finding("id", "warning", "", f"the id is smaller than {_READABLE_ID_POINTS:g} points"))
    found += [
        Finding("text-size", "warning", mark.text, f"{mark.size:g} points are smaller than {_READABLE_POINTS:g}")
        for mark in texts
        if mark.size < _READABLE_POINTS
    ]
    return tuple(found)
