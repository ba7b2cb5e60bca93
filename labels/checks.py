"""Will this label be read? What stands against it, for the person who designs it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from labels.errors import LabelError
from labels.geometry import Box
from labels.layout import Drawing, PlacedImage, PlacedSymbol, PlacedText, bounds, lay_out
from labels.stock import Stock
from labels.template import Item, Template

_POINTS = 4.0  # below it a gloved hand at a freezer reads nothing
_ID_POINTS = 6.0
_MATRIX_MODULE = 0.2  # mm, on frosted tubes
_BAR_MODULE = 0.165  # mm, 6.5 mil


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: it is not printed like this; `warning`: it may not be read. `what` is the code or text it is about."""

    rule: str
    severity: Literal["error", "warning"]
    what: str
    message: str


def check(template: Template, stock: Stock, item: Item) -> tuple[Finding, ...]:
    """What keeps this label from being read; nothing when it is good."""
    try:
        drawing = lay_out(template, item, stock)
    except LabelError as error:
        return (Finding("refused", "error", "", str(error)),)
    return (*_modules(drawing), *_quiet_zones(drawing), *_words(drawing, item), *_contrast(drawing))


def _symbols(drawing: Drawing) -> list[PlacedSymbol]:
    return [mark for mark in drawing.marks if isinstance(mark, PlacedSymbol)]


def _texts(drawing: Drawing) -> list[PlacedText]:
    return [mark for mark in drawing.marks if isinstance(mark, PlacedText)]


def _modules(drawing: Drawing) -> Iterator[Finding]:
    symbols = _symbols(drawing)
    if not symbols:
        yield Finding("code", "warning", "", "There is no code on the label: nothing can be scanned.")
    for mark in symbols:
        least = _BAR_MODULE if mark.symbol.linear else _MATRIX_MODULE
        if mark.module < least - 1e-6:
            yield Finding(
                "module-size",
                "warning",
                mark.symbol.code,
                f"Its modules are {mark.module:.3f} mm; below {least:g} mm many readers fail. Give it a larger box.",
            )


def _quiet_zones(drawing: Drawing) -> Iterator[Finding]:
    label = Box(0, 0, drawing.width, drawing.height)
    for mark in _symbols(drawing):
        zone = bounds(mark)
        others = [other for other in drawing.marks if other is not mark and _overlap(zone, bounds(other))]
        if others:
            message = f"{_plural(len(others))} in its quiet zone: move it away, or the code is not found."
            yield Finding("quiet-zone", "error", mark.symbol.code, message)
        elif not _within(zone, label):
            yield Finding("quiet-zone", "error", mark.symbol.code, "Its quiet zone reaches over the label's edge.")


def _plural(count: int) -> str:
    return "Something stands" if count == 1 else f"{count} things stand"


def _words(drawing: Drawing, item: Item) -> Iterator[Finding]:
    shown = {item.code, item.filled()["id"]}
    sizes = [mark.size for mark in _texts(drawing) if mark.text in shown]
    if not sizes:
        message = "The id does not stand on the label in words: nobody can type it when the code is damaged."
        yield Finding("id", "warning", item.code, message)
    elif max(sizes) < _ID_POINTS:
        message = f"The id is set in {max(sizes):g} points; people read it from {_ID_POINTS:g}."
        yield Finding("id", "warning", item.code, message)
    for mark in _texts(drawing):
        if mark.size < _POINTS:
            message = f"It is set in {mark.size:g} points; people read text from {_POINTS:g}."
            yield Finding("text-size", "warning", mark.text, message)


def _contrast(drawing: Drawing) -> Iterator[Finding]:
    """Everything is black on the label's white, but for what lies over a picture or over other text."""
    pictures = [bounds(mark) for mark in drawing.marks if isinstance(mark, PlacedImage)]
    texts = _texts(drawing)
    for number, mark in enumerate(texts):
        if _any_overlap(bounds(mark), pictures):
            yield Finding("contrast", "warning", mark.text, "It lies over a picture: move one of the two.")
        if _any_overlap(bounds(mark), [bounds(other) for other in texts[:number]]):
            yield Finding("contrast", "warning", mark.text, "It lies over other text: move one of the two.")


def _any_overlap(box: Box, others: Sequence[Box]) -> bool:
    return any(_overlap(box, other) for other in others)


def _overlap(one: Box, other: Box) -> bool:
    gap = 0.01
    return (
        one.x + gap < other.x + other.width
        and other.x + gap < one.x + one.width
        and one.y + gap < other.y + other.height
        and other.y + gap < one.y + one.height
    )


def _within(box: Box, label: Box) -> bool:
    return (
        min(box.x, box.y) >= -0.05
        and box.x + box.width <= label.width + 0.05
        and box.y + box.height <= label.height + 0.05
    )
