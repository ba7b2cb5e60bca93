"""Geometry of the participant timeline: dates in, integer coordinates out; the template draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

WIDTH = 960  # units of the drawing; the page scales it
LEFT = 104  # room for the names of the lanes
RIGHT = 24
LANE = 36
TOP = 12
LABEL_ROOM = 96  # a mark this close to the one before it is drawn without its label; the list below names it


class Event(Protocol):
    """What happened: `date`, `kind` (the lane), `label`, and where to read more (`href`, may be None)."""

    @property
    def date(self) -> date: ...
    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def href(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Mark:
    """One event at its place; `anchor` is the side of the mark its label stands on."""

    x: int
    y: int
    event: Event
    labelled: bool
    anchor: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A date on the axis."""

    x: int
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """The line of one kind of event."""

    y: int
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the template needs to draw, in units of the drawing."""

    width: int
    height: int
    left: int
    right: int
    axis: int
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


def draw_timeline(events: Sequence[Event]) -> Drawing | None:
    """Place the events on lanes by kind, oldest at the left; None when there is nothing to draw."""
    if not events:
        return None
    ordered = sorted(events, key=lambda event: event.date)
    first, last = ordered[0].date, ordered[-1].date
    kinds = tuple(dict.fromkeys(event.kind for event in ordered))
    rows = {kind: TOP + LANE // 2 + index * LANE for index, kind in enumerate(kinds)}
    axis = TOP + LANE * len(kinds)
    marks: list[Mark] = []
    label_free_from = dict.fromkeys(kinds, 0)
    for event in ordered:
        x = _x(event.date, first, last)
        near_the_end = x > WIDTH - RIGHT - LABEL_ROOM
        starts = x - LABEL_ROOM if near_the_end else x
        labelled = starts >= label_free_from[event.kind]
        if labelled:
            label_free_from[event.kind] = starts + LABEL_ROOM
        marks.append(Mark(x, rows[event.kind], event, labelled, "end" if near_the_end else "start"))
    return Drawing(
        width=WIDTH,
        height=axis + 24,
        left=LEFT,
        right=WIDTH - RIGHT,
        axis=axis,
        lanes=tuple(Lane(y, kind) for kind, y in rows.items()),
        ticks=_ticks(first, last),
        marks=tuple(marks),
    )


def _x(day: date, first: date, last: date) -> int:
    span = (last - first).days
    if span == 0:
        return (LEFT + WIDTH - RIGHT) // 2
    room = WIDTH - LEFT - RIGHT - 16
    return LEFT + 8 + (day - first).days * room // span


def _ticks(first: date, last: date) -> tuple[Tick, ...]:
    """The first of a year or of a month, whichever gives a handful; single days for a short span."""
    days = (last - first).days
    if days > 3 * 365:
        step = -(-(last.year - first.year) // 8)
        marks = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1, step)]
        return tuple(Tick(_x(day, first, last), str(day.year)) for day in marks)
    if days > 60:
        months = (last.year - first.year) * 12 + last.month - first.month
        step = -(-months // 8)
        marks = [_month(first, index) for index in range(1, months + 1, step)]
        return tuple(Tick(_x(day, first, last), f"{day:%Y-%m}") for day in marks)
    ends = dict.fromkeys((first, last))
    return tuple(Tick(_x(day, first, last), day.isoformat()) for day in ends)


def _month(first: date, after: int) -> date:
    months = first.year * 12 + first.month - 1 + after
    return date(months // 12, months % 12 + 1, 1)
