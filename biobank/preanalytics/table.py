"""A SPREC code table as values: ranges with open and closed ends, its lines, and what a table must hold to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import combinations

ELEMENTS: Mapping[int, str] = {
    1: "type of sample",
    2: "primary container",
    3: "delay before centrifugation",
    4: "centrifugation",
    5: "second centrifugation",
    6: "delay after centrifugation",
    7: "long-term storage",
}
FAMILIES = (
    "pp_40_500",
    "pp_500_2000",
    "pp_5000",
    "cryotube",
    "straw",
    "microplate",
    "paraffin",
    "bag",
    "dry_medium",
    "original",
)
"""What SPREC calls the container of long-term storage; a make of tube is of one of them."""
DELAYS, SPINS, STORAGE = (3, 6), (4, 5), 7
USUAL_CELSIUS = (Decimal(4), Decimal(21), Decimal(37))
"""At which tubes are kept between steps where nobody measured: refrigerator, bench, incubator."""
ROLES: Mapping[int, tuple[str, ...]] = {
    1: ("other",),
    2: ("unknown", "other"),
    3: ("unknown", "other"),
    4: ("unknown", "other", "none"),
    5: ("unknown", "other", "none"),
    6: ("unknown", "other", "none"),
    7: ("unknown", "other"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two ends, each closed (`[`, `]`) or open; an absent end is no limit."""

    low: Decimal | None = None
    high: Decimal | None = None
    ends: str = "[]"

    def holds(self, value: Decimal) -> bool:
        if self.low is not None and (value < self.low or (value == self.low and self.ends[0] == "(")):
            return False
        return self.high is None or value < self.high or (value == self.high and self.ends[1] == "]")

    def meets(self, other: "Range") -> bool:
        """Whether the two have a number in common."""
        return not (self.before(other) or other.before(self))

    def before(self, other: "Range") -> bool:
        """Whether it ends before the other begins."""
        if self.high is None or other.low is None or self.high > other.low:
            return False
        return self.high < other.low or self.ends[1] == ")" or other.ends[0] == "("

    @property
    def words(self) -> str:
        low = "" if self.low is None else f"{'from' if self.ends[0] == '[' else 'above'} {self.low:f}"
        high = "" if self.high is None else f"{'to' if self.ends[1] == ']' else 'below'} {self.high:f}"
        return " ".join(part for part in (low, high) if part) or "any"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a code table. Ranges that are open on both sides, and what is None, ask nothing."""

    element: int
    code: str
    role: str
    meaning: str
    verified: bool
    source: str
    minutes: Range = Range()
    celsius: Range = Range()
    g: Range = Range()
    brake: bool | None = None
    family: str | None = None
    storage: tuple[str, ...] | None = None
    before: tuple[str, ...] | None = None
    freezing: str | None = None
    min_spins: int | None = None
    max_spins: int | None = None


@dataclass(frozen=True)
class Table:
    """All lines of a version, and for how many minutes a recorded temperature is carried on."""

    version: str
    carry_minutes: int
    lines: tuple[Line, ...]

    @cached_property
    def kept_at(self) -> tuple[tuple[Decimal, Range], ...]:
        """One temperature for each range above freezing that the delays are coded by: the usual one, or its middle."""
        ranges = {line.celsius for element in DELAYS for line in self.matching[element]}
        found = []
        for one in ranges:
            if one.low is not None and one.high is not None and one.low >= 0:
                middle = ((one.low + one.high) / 2).quantize(Decimal(1))
                found.append((next((usual for usual in USUAL_CELSIUS if one.holds(usual)), middle), one))
        return tuple(sorted(found, key=lambda pair: pair[0]))

    @cached_property
    def matching(self) -> Mapping[int, tuple[Line, ...]]:
        return {
            element: tuple(line for line in self.lines if line.element == element and line.role == "match")
            for element in ELEMENTS
        }

    @cached_property
    def _by_role(self) -> Mapping[tuple[int, str], Line]:
        return {(line.element, line.role): line for line in self.lines if line.role != "match"}

    @cached_property
    def _by_code(self) -> Mapping[tuple[int, str], Line]:
        return {(line.element, line.code): line for line in reversed(self.lines)}

    def of_role(self, element: int, role: str) -> Line:
        return self._by_role[(element, role)]

    def of_code(self, element: int, code: str) -> Line | None:
        return self._by_code.get((element, code))


def problems(lines: Sequence[Line], classes: Iterable[str], families: Iterable[str]) -> list[str]:
    """Everything that keeps these lines from being a code table; empty when they are one.

    Every element has its lines for what is unknown and other; delays have a code for every minute of a temperature,
    and centrifugations for every force; no two codes are of the same thing.
    """
    found: list[str] = []
    known, kinds = set(classes), set(families)
    for element in ELEMENTS:
        of_element = [line for line in lines if line.element == element]
        found += _roles(element, of_element)
        matching = [line for line in of_element if line.role == "match"]
        if not matching:
            found.append(f"element {element}: has no codes")
        for line in matching:
            found += _incomplete(line, known, kinds)
        if element in (1, 2):
            found += [
                f"element {element}: code {code} is listed twice" for code in twice(line.code for line in of_element)
            ]
        else:
            found += _overlaps(element, matching)
        if element in DELAYS:
            found += _minutes_without_code(element, matching)
        if element in SPINS:
            found += _forces_without_code(element, matching)
    return found


def twice(codes: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    again: dict[str, None] = {}
    for code in codes:
        if code in seen:
            again[code] = None
        seen.add(code)
    return list(again)


def _roles(element: int, lines: Sequence[Line]) -> Iterator[str]:
    wanted = ROLES[element]
    for role in ("unknown", "other", "none"):
        number = sum(line.role == role for line in lines)
        if role in wanted and number != 1:
            yield f"element {element}: needs one line of role {role}, has {number}"
        elif role not in wanted and number:
            yield f"element {element}: has no use for role {role}"


def _incomplete(line: Line, classes: set[str], families: set[str]) -> Iterator[str]:
    at = f"element {line.element}, code {line.code}"
    if line.element in DELAYS:
        if line.minutes.low is None:
            yield f"{at}: min_minutes is missing"
        if line.celsius.low is None or line.celsius.high is None:
            yield f"{at}: min_celsius and max_celsius are both needed"
    if line.element in SPINS and (line.celsius.low is None or line.celsius.high is None):
        yield f"{at}: min_celsius and max_celsius are both needed"
    if line.element == STORAGE:
        if line.family not in families:
            yield f"{at}: {line.family or 'nothing'} is not a container family"
        if not line.storage:
            yield f"{at}: storage is missing"
        strange = sorted({*(line.storage or ()), *(line.before or ())} - classes)
        if strange:
            yield f"{at}: {', '.join(strange)}: not a temperature class"


def _agree(one: object, other: object) -> bool:
    return one is None or other is None or one == other


def _befores_agree(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> bool:
    if one is None or other is None:
        return True
    return bool(set(one) & set(other)) or not (one or other)


def _overlaps(element: int, lines: Sequence[Line]) -> Iterator[str]:
    for one, other in combinations(lines, 2):
        if (
            one.minutes.meets(other.minutes)
            and one.celsius.meets(other.celsius)
            and one.g.meets(other.g)
            and _agree(one.brake, other.brake)
            and _agree(one.family, other.family)
            and (one.storage is None or other.storage is None or set(one.storage) & set(other.storage))
            and _befores_agree(one.before, other.before)
            and _agree(one.freezing, other.freezing)
        ):
            yield f"element {element}: {one.code} ({one.meaning}) and {other.code} ({other.meaning}) overlap"


def _gaps(ranges: Iterable[Range]) -> Iterator[str]:
    """What lies between the ranges, from zero up without end. They are of one kind and may overlap."""
    reach: Range | None = Range(None, Decimal(0), "[)")
    for one in sorted(ranges, key=lambda one: (one.low or Decimal(0), one.ends[0] == "(")):
        if reach is None:
            return
        low, high = one.low or Decimal(0), reach.high or Decimal(0)
        closed_low = one.ends[0] == "[" or one.low is None
        if low > high or (low == high and not closed_low and reach.ends[1] == ")"):
            yield f"nothing between {high:f} and {low:f}" if low > high else f"nothing at exactly {low:f}"
        if one.high is None:
            reach = None
        elif one.high > high or (one.high == high and one.ends[1] == "]"):
            reach = one
    if reach is not None:
        yield f"nothing above {reach.high:f}"


def _by_celsius(lines: Sequence[Line]) -> Mapping[Range, list[Line]]:
    groups: dict[Range, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.celsius, []).append(line)
    return groups


def _minutes_without_code(element: int, lines: Sequence[Line]) -> Iterator[str]:
    for celsius, group in _by_celsius(lines).items():
        for gap in _gaps(line.minutes for line in group):
            yield f"element {element}, {celsius.words} °C: {gap} minutes"


def _forces_without_code(element: int, lines: Sequence[Line]) -> Iterator[str]:
    for celsius, group in _by_celsius(lines).items():
        for brake in (True, False):
            for gap in _gaps(line.g for line in group if line.brake in (None, brake)):
                yield f"element {element}, {celsius.words} °C, {'with' if brake else 'without'} brake: {gap} g"
