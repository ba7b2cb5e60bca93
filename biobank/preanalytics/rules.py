"""Computing SPREC (ISBER, Betsou 2018) from what was recorded of a tube, with the arithmetic in words.

Pure functions on plain values. The code table decides; nothing here knows what a code means. What is not recorded is
unknown, never guessed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from biobank.errors import Conflict, DomainError, Invalid
from biobank.exact import plain
from biobank.preanalytics.facts import (
    Computed,
    Element,
    Facts,
    Step,
    Way,
    clock,
    degrees,
    duration,
    minutes_between,
)
from biobank.preanalytics.table import ELEMENTS, Line, Range, Table

SPIN_TYPES = frozenset({"centrifuge", "ficoll"})
FREEZE_TYPES = frozenset({"cryo_freeze"})


class CodeTableRefused(Invalid):
    """`problems` names everything that is wrong with the table, by line or by element."""

    code = "sprec-table-refused"
    title = "The code table was not taken"


class SprecVersionExists(Conflict):
    code = "sprec-version-exists"
    title = "There is such a SPREC version already"


class ComputedMeanwhile(Conflict):
    code = "sprec-computed-meanwhile"
    title = "The SPREC was computed by somebody else at this moment"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_sprec_version_code": lambda: SprecVersionExists("There is a SPREC version of this code already."),
    "uq_sprec_version_used_from": lambda: SprecVersionExists("Another SPREC version is used from that day on."),
    "uq_sprec_current": lambda: ComputedMeanwhile("The SPREC was computed at this same moment: try again."),
}


@dataclass(frozen=True, slots=True)
class _Span:
    """A temperature that is known for a while, and what says so."""

    begins: datetime
    ends: datetime
    celsius: tuple[Decimal, Decimal]
    words: str


def compute(facts: Facts, table: Table) -> Computed:
    """SPREC of a tube by a code table."""
    kind = table.of_code(1, facts.sprec_type)
    first = (
        _element(1, kind, f"{facts.type_title}")
        if kind
        else _element(1, table.of_role(1, "other"), f"{facts.type_title} ({facts.sprec_type}): not in this version")
    )
    each = [_way(way, kind, table) for way in facts.ways]
    middle = [_joined(table, [one[index] for one in each]) for index in range(5)]
    elements = (first, *middle, _storage(facts, table))
    return Computed(
        version=table.version,
        code="-".join(one.code for one in elements),
        elements=elements,
        doubts=tuple(_doubts(facts, kind, table)),
    )


def spins_of(way: Way) -> list[Step]:
    """The centrifugations before long-term storage, in their order."""
    return [step for step in _before_storage(way) if step.type in SPIN_TYPES]


def frozen_at(way: Way) -> datetime | None:
    """When the delay after the spin ends: freezing began, or the tube came into long-term storage."""
    frozen = [step.started_at for step in _before_storage(way) if step.type in FREEZE_TYPES]
    return min([*frozen, *([way.stored_at] if way.stored_at else [])], default=None)


def _before_storage(way: Way) -> list[Step]:
    steps = sorted(way.steps, key=lambda step: step.started_at)
    return [step for step in steps if way.stored_at is None or step.started_at < way.stored_at]


def _element(number: int, line: Line, words: str) -> Element:
    return Element(number, ELEMENTS[number], line.code, line.meaning, line.verified, line.source, words)


def _joined(table: Table, ways: Sequence[Element]) -> Element:
    """The element of a tube with several ways: theirs where it is the same, else unknown."""
    if len({one.code for one in ways}) == 1:
        return ways[0] if len(ways) == 1 else replace(ways[0], words=f"{ways[0].words} (so in all that was pooled)")
    number = ways[0].number
    codes = " and ".join(sorted({one.code for one in ways}))
    return _element(number, table.of_role(number, "unknown"), f"what was pooled differs: {codes}")


def _way(way: Way, kind: Line | None, table: Table) -> tuple[Element, ...]:
    container = _container(way, table)
    box = table.of_code(2, container.code)
    spins = spins_of(way)
    if _never_spun(kind, box):
        not_applied = [
            _element(number, table.of_role(number, "none"), "such a material is not spun") for number in (4, 5, 6)
        ]
        return (container, _before(way, None, table), *not_applied)
    first = spins[0] if spins else None
    if first is None:
        missing = [
            _element(number, table.of_role(number, "unknown"), "no centrifugation is recorded") for number in (3, 4, 5)
        ]
        after = _element(6, table.of_role(6, "unknown"), "no centrifugation is recorded")
        return (container, *missing, after)
    return (
        container,
        _before(way, first, table),
        _spin(4, first, way, table),
        _second(spins, kind, way, table),
        _after(way, spins[-1], table),
    )


def _never_spun(*lines: Line | None) -> bool:
    return any(line is not None and line.max_spins == 0 for line in lines)


def _container(way: Way, table: Table) -> Element:
    if way.container is None:
        return _element(2, table.of_role(2, "unknown"), f"{way.container_title} has no SPREC code")
    line = table.of_code(2, way.container)
    if line is None:
        words = f"{way.container_title} ({way.container}): not in this version"
        return _element(2, table.of_role(2, "other"), words)
    return _element(2, line, way.container_title)


def _before(way: Way, spin: Step | None, table: Table) -> Element:
    """From collection to the first spin; to freezing or storage where nothing is spun."""
    end, deed = (spin.started_at, "spun") if spin else (frozen_at(way), "stored")
    return _delay(3, way, (way.collected_at, "collected"), (end, deed), table)


def _after(way: Way, spin: Step, table: Table) -> Element:
    return _delay(6, way, (spin.end, "spin ended"), (frozen_at(way), "frozen or stored"), table)


def _delay(
    number: int, way: Way, begin: tuple[datetime | None, str], end: tuple[datetime | None, str], table: Table
) -> Element:
    unknown = table.of_role(number, "unknown")
    if begin[0] is None or end[0] is None:
        missing = " and ".join(deed for moment, deed in (begin, end) if moment is None)
        return _element(number, unknown, f"when it was {missing} is not recorded")
    words = f"{begin[1]} {clock(begin[0], way)}, {end[1]} {clock(end[0], way)}"
    if end[0] < begin[0]:
        return _element(number, unknown, f"{words}: the record runs backwards")
    minutes = minutes_between(begin[0], end[0])
    spans, gap = temperatures(way, begin[0], end[0], table.carry_minutes)
    words = f"{words}: {duration(minutes)}"
    if gap is not None:
        between = f"{clock(gap[0], way)} to {clock(gap[1], way)}"
        return _element(number, unknown, f"{words}; at which temperature from {between} is not recorded")
    words = f"{words} at {_celsius(spans)} ({'; '.join(dict.fromkeys(span.words for span in spans))})"
    bounds = [bound for span in spans for bound in span.celsius]
    for line in table.matching[number]:
        if line.minutes.holds(minutes) and all(line.celsius.holds(bound) for bound in bounds):
            return _element(number, line, words)
    return _element(number, table.of_role(number, "other"), f"{words}; no code is for this")


def temperatures(
    way: Way, begin: datetime, end: datetime, carry_minutes: int
) -> tuple[list[_Span], tuple[datetime, datetime] | None]:
    """Which temperatures are recorded for a while, and the first part of it for which none is.

    A step's own temperature counts while it lasts. Between steps counts what the next one that says it says of how the
    tubes were held. What is left open after a known temperature is taken to be at it for `carry_minutes` at most.
    """
    within = [
        step for step in _before_storage(way) if step.started_at <= end and (step.end or step.started_at) >= begin
    ]
    said = sorted(
        (span for step in within if step.type not in SPIN_TYPES and (span := _own(step, begin, end))),
        key=lambda span: span.begins,
    )
    held = [step for step in within if step.held is not None and step.started_at >= begin]
    spans: list[_Span] = []
    cursor = begin
    for span in [*said, _Span(end, end, (Decimal(0), Decimal(0)), "")]:
        if span.begins > cursor or (begin == end and not spans):
            between = _between(cursor, span.begins, held, spans, carry_minutes)
            if between is None:
                return spans, (cursor, span.begins)
            spans += between
        if span.words:
            spans.append(span)
        cursor = max(cursor, span.ends)
    return spans, None


def _own(step: Step, begin: datetime, end: datetime) -> _Span | None:
    if step.celsius is None:
        return None
    starts, ends = max(step.started_at, begin), min(step.end or step.started_at, end)
    what = "kept" if step.type == "stay" else step.type.replace("_", " ")
    words = f"{what} at {degrees(step.celsius)}{f', {step.by}' if step.by else ''}"
    return _Span(starts, ends, step.celsius, words)


def _between(
    begin: datetime, end: datetime, held: Sequence[Step], known: Sequence[_Span], carry_minutes: int
) -> list[_Span] | None:
    """The temperature of a while without steps; None where nothing says it."""
    says = next((step for step in held if step.started_at >= end), None)
    if says is not None and says.held is not None:
        celsius = (says.held, says.held)
        return [_Span(begin, end, celsius, f"held at {degrees(celsius)} until the {says.type.replace('_', ' ')}")]
    open_minutes = minutes_between(begin, end)
    if known and open_minutes <= carry_minutes:
        words = f"the last {duration(open_minutes)} taken as before"
        return [_Span(begin, end, known[-1].celsius, words)]
    return None


def _celsius(spans: Sequence[_Span]) -> str:
    return degrees((min(span.celsius[0] for span in spans), max(span.celsius[1] for span in spans)))


def _spin(number: int, spin: Step, way: Way, table: Table) -> Element:
    """Centrifugation. A setting that is not recorded leaves the code unknown, unless no code depends on it."""
    minutes = spin.minutes
    if minutes is None and spin.ended_at is not None:
        minutes = minutes_between(spin.started_at, spin.ended_at)
    brake = None if spin.brake is None else ("with brake" if spin.brake else "no brake")
    settings: Iterable[tuple[str, str | None]] = (
        ("force", None if spin.g is None else f"{plain(spin.g):,f} g"),
        ("duration", None if minutes is None else duration(minutes)),
        ("temperature", None if spin.celsius is None else degrees(spin.celsius)),
        ("brake", brake),
    )
    words = f"spun {clock(spin.started_at, way)}: " + ", ".join(
        text or f"{name} not recorded" for name, text in settings
    )
    possible = []
    for line in table.matching[number]:
        asked = (
            _fits(line.g, (spin.g,)),
            _fits(line.minutes, (minutes,)),
            _fits(line.celsius, spin.celsius or (None,)),
            None if line.brake is not None and spin.brake is None else line.brake in (None, spin.brake),
        )
        if all(asked):
            return _element(number, line, words)
        if False not in asked:
            possible.append(line)
    if possible:
        return _element(number, table.of_role(number, "unknown"), words)
    return _element(number, table.of_role(number, "other"), f"{words}; no code is for this")


def _fits(wanted: Range, values: Sequence[Decimal | None]) -> bool | None:
    """Whether all values lie in a range; None where that depends on one which is not recorded."""
    if wanted.low is None and wanted.high is None:
        return True
    known = [value for value in values if value is not None]
    if not all(wanted.holds(value) for value in known):
        return False
    return True if len(known) == len(values) else None


def _second(spins: Sequence[Step], kind: Line | None, way: Way, table: Table) -> Element:
    if len(spins) > 1:
        return _spin(5, spins[1], way, table)
    if kind is not None and (kind.min_spins or 0) > 1:
        return _element(5, table.of_role(5, "unknown"), "the second centrifugation is not recorded")
    return _element(5, table.of_role(5, "none"), "no second centrifugation is recorded")


def _storage(facts: Facts, table: Table) -> Element:
    if not facts.stays:
        return _element(7, table.of_role(7, "unknown"), "it has not come into long-term storage")
    classes = [stay.temperature_class for stay in facts.stays]
    now, before = classes[-1], set(classes[:-1]) - {classes[-1]}
    controlled = any(step.type in FREEZE_TYPES for way in facts.ways for step in _before_storage(way))
    freezing = "controlled" if controlled else "plain"
    since = clock(facts.stays[-1].since, facts.ways[0])
    words = f"{facts.tube_title}, {facts.stays[-1].title} since {since}"
    if before:
        words += f", before that {', '.join(dict.fromkeys(s.title for s in facts.stays if s.temperature_class != now))}"
    for line in table.matching[7]:
        fits_before = line.before is None or (bool(before & set(line.before)) if line.before else not before)
        if (
            line.family == facts.family
            and now in (line.storage or ())
            and fits_before
            and line.freezing in (None, freezing)
        ):
            return _element(7, line, words)
    return _element(7, table.of_role(7, "other"), f"{words}; no code is for this")


def _doubts(facts: Facts, kind: Line | None, table: Table) -> Iterable[str]:
    for way in facts.ways:
        number = len(spins_of(way))
        for line in (kind, table.of_code(2, way.container or "")):
            if line is not None and line.max_spins is not None and number > line.max_spins:
                yield f"{line.meaning} is spun {line.max_spins} times at most, and {number} are recorded"
