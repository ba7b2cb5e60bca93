"""Plain data, as JSON gives it, read field by field; what is wrong is named with its place."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labels.geometry import Box

_LARGEST = 100_000  # more than any length, count or resolution on a label


class Fault(ValueError):
    """What is wrong at `place`; whoever reads a whole thing says of which."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place = place
        self.problem = problem


class Fields:
    """The fields of one object, each taken once; what is left over at the end is a fault."""

    def __init__(self, data: Any, place: str) -> None:
        if not isinstance(data, Mapping):
            raise Fault(place, "is not an object")
        self.rest = dict(data)
        self.place = place

    def at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def take(self, name: str, default: Any = None) -> Any:
        if name not in self.rest and default is None:
            raise Fault(self.at(name), "is missing")
        return self.rest.pop(name, default)

    def number(self, name: str, default: float | None = None) -> float:
        return _number(self.take(name, default), self.at(name))

    def pair(self, name: str, default: Sequence[float] | None = None) -> tuple[float, float]:
        value = self.take(name, default)
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
            raise Fault(self.at(name), "is not a list of two numbers")
        return _number(value[0], self.at(name)), _number(value[1], self.at(name))

    def text(self, name: str, default: str | None = None) -> str:
        value = self.take(name, default)
        if not isinstance(value, str):
            raise Fault(self.at(name), "is not a text")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name, default=False)
        if not isinstance(value, bool):
            raise Fault(self.at(name), "is not true or false")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        value = self.number(name, default)
        if not value.is_integer():
            raise Fault(self.at(name), "is not a whole number")
        return int(value)

    def one_of(self, name: str, choices: Sequence[Any], default: Any = None) -> Any:
        return self.choice(self.take(name, default), name, choices)

    def choice(self, value: Any, name: str, choices: Sequence[Any]) -> Any:
        if isinstance(value, bool) or value not in choices:
            raise Fault(self.at(name), f"is not one of {', '.join(map(str, choices))}")
        return value

    def objects(self, name: str) -> Iterator["Fields"]:
        """The entries of a list of objects, which may be missing."""
        value = self.take(name, ())
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise Fault(self.at(name), "is not a list")
        return (Fields(entry, f"{self.at(name)}[{number}]") for number, entry in enumerate(value))

    def box(self) -> Box:
        return Box(*(self.number(name) for name in ("x", "y", "width", "height")))

    def done(self) -> None:
        if self.rest:
            raise Fault(self.at(min(map(str, self.rest))), "is not known here")


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value < math.inf:
        raise Fault(place, "is not a number")
    if abs(value) > _LARGEST:
        raise Fault(place, f"is beyond {_LARGEST:,}")
    return float(value)
