"""Where there is room for so many: the choice among boxes, or among racks, in the order in which one walks. Pure
functions on plain values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

MOST_OFFERS = 5


@dataclass(frozen=True, slots=True)
class Holder:
    """A box with free positions, or a rack with free slots. `parent` and `unit` are what it stands in next and the
    freezer; `order` sorts as one walks. `run` is its longest row of free places without a gap, where that is known.
    """

    id: int
    parent: int | None
    unit: int
    order: tuple[Any, ...]
    free: int
    capacity: int
    run: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to put all of them: `kind` is one_run, one_holder, one_parent, one_unit or several, the best first; by
    holder, how many go there.
    """

    kind: str
    parts: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        return sum(number for _, number in self.parts)


def single(holders: Sequence[Holder], wanted: int) -> list[Offer]:
    """Holders that take all: those that do so without a gap first, then as one walks."""
    fit = sorted((one for one in holders if one.free >= wanted), key=lambda one: (one.run < wanted, one.order))
    return [Offer("one_run" if one.run >= wanted else "one_holder", ((one.id, wanted),)) for one in fit[:MOST_OFFERS]]


def together(holders: Sequence[Holder], wanted: int) -> list[Offer]:
    """Several holders: of one rack, else of one freezer, else as one walks. Fewest holders first, and among those as
    one walks. What is short of all is offered as far as it goes.
    """
    walk = sorted((one for one in holders if one.free), key=lambda one: one.order)
    for kind, key in (("one_parent", lambda one: (one.unit, one.parent)), ("one_unit", lambda one: (one.unit,))):
        found = []
        for _, group in groupby(walk, key):
            run = _shortest(list(group), wanted)
            if run:
                found.append(run)
        if found:
            found.sort(key=lambda run: (len(run), run[0].order))
            return [Offer(kind, _fill(run, wanted)) for run in found[:MOST_OFFERS]]
    return [Offer("several", _fill(walk, wanted))] if walk else []


def _shortest(walk: Sequence[Holder], wanted: int) -> list[Holder]:
    """The fewest neighbours that take all, the first such on the way; empty where all of them do not."""
    best: list[Holder] = []
    begin = room = 0
    for end, one in enumerate(walk):
        room += one.free
        while room - walk[begin].free >= wanted:
            room -= walk[begin].free
            begin += 1
        if room >= wanted and (not best or end - begin + 1 < len(best)):
            best = list(walk[begin : end + 1])
    return best


def _fill(walk: Sequence[Holder], wanted: int) -> tuple[tuple[int, int], ...]:
    parts = []
    for one in walk:
        here = min(one.free, wanted)
        if here:
            parts.append((one.id, here))
        wanted -= here
    return tuple(parts)
