"""Clot and spin clocks: what is to be done to a tube, not before when and not after when. Pure functions on plain
values; moments carry a zone, so neither midnight nor a change of the clocks matters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

SOON = timedelta(minutes=15)
"""From here on before the latest moment a clock is amber."""

_BY_ITSELF = frozenset({"clot"})
"""Steps that go on by themselves from the end of the one before: nobody starts a clot."""


@dataclass(frozen=True, slots=True)
class Step:
    """A planned step: within how many minutes of the collection it begins, how long it takes, with which settings."""

    type: str
    within_minutes: int | None = None
    min_minutes: int | None = None
    max_minutes: int | None = None
    min_g: int | None = None
    max_g: int | None = None
    min_celsius: int | None = None
    max_celsius: int | None = None
    brake: bool | None = None
    sop_version: str | None = None

    @property
    def settings(self) -> str:
        """The settings in words, the same for tubes that may go into one rotor together."""
        parts = [
            _range(self.min_g, self.max_g, "g"),
            _range(self.min_minutes, self.max_minutes, "min"),
            _range(self.min_celsius, self.max_celsius, "°C"),
            {None: "", True: "brake on", False: "brake off"}[self.brake],
        ]
        return ", ".join(part for part in parts if part) or "no settings planned"


@dataclass(frozen=True, slots=True)
class Done:
    """Work that was done to a tube, or is under way while it has no end."""

    type: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Clock:
    """The next step of a tube and its time. `kind` is pending, info, ok, warning or stop; `words` say it."""

    step: Step | None
    not_before: datetime | None
    not_after: datetime | None
    running_since: datetime | None
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Program:
    """The settings that a centrifuge runs."""

    title: str
    g_force: Decimal | None
    minutes: Decimal | None
    celsius: Decimal | None
    brake: bool | None


def _range(low: int | None, high: int | None, unit: str) -> str:
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"{'up to' if low is None else 'at least'} {_number(high if low is None else low)} {unit}"
    return f"{_number(low)} {unit}" if low == high else f"{_number(low)} to {_number(high)} {unit}"


def _number(value: int | None) -> str:
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def remaining(steps: Sequence[Step], done: Iterable[Done]) -> tuple[Step, ...]:
    """The planned steps that are still to be done, in order. A step that is done twice is planned twice."""
    counts: dict[str, int] = {}
    for work in done:
        counts[work.type] = counts.get(work.type, 0) + 1
    left = []
    for step in steps:
        if counts.get(step.type, 0):
            counts[step.type] -= 1
        else:
            left.append(step)
    # What goes on by itself is over when the step after it was done without it.
    last = max((steps.index(step) for step in steps if step not in left), default=-1)
    return tuple(step for step in left if not (step.type in _BY_ITSELF and steps.index(step) < last))


def clock(collected_at: datetime, steps: Sequence[Step], done: Sequence[Done], now: datetime) -> Clock:
    """The next step of a tube, not before and not after when, and how that stands at `now`.

    A clot begins with the collection. What follows it begins when it has lasted its minutes, and before it lasted too
    long; a step's own `within_minutes` counts from the collection. The earlier of two limits counts.
    """
    under_way = next((work for work in done if work.ended_at is None), None)
    if under_way is not None:
        return _running(steps, under_way, now)
    earliest, latest = None, None
    for step in remaining(steps, done):
        limit = None if step.within_minutes is None else collected_at + timedelta(minutes=step.within_minutes)
        if step.type in _BY_ITSELF:
            begun = max((work.ended_at for work in done if work.ended_at is not None), default=collected_at)
            earliest = None if step.min_minutes is None else begun + timedelta(minutes=step.min_minutes)
            latest = None if step.max_minutes is None else begun + timedelta(minutes=step.max_minutes)
            continue
        latest = min((moment for moment in (latest, limit) if moment is not None), default=None)
        return Clock(step, earliest, latest, None, *_stands(earliest, latest, now))
    return Clock(None, earliest, latest, None, "muted", "nothing planned is left to do")


def _running(steps: Sequence[Step], work: Done, now: datetime) -> Clock:
    step = next((step for step in steps if step.type == work.type), Step(work.type))
    ends = None if step.min_minutes is None else work.started_at + timedelta(minutes=step.min_minutes)
    late = None if step.max_minutes is None else work.started_at + timedelta(minutes=step.max_minutes)
    since = minutes(now - work.started_at)
    if late is not None and now > late:
        return Clock(step, ends, late, work.started_at, "stop", f"running {since}, too long by {minutes(now - late)}")
    if ends is not None and now < ends:
        left = minutes(ends - now)
        return Clock(step, ends, late, work.started_at, "info", f"running {since}, {left} to go")
    return Clock(step, ends, late, work.started_at, "ok", f"running {since}, may be stopped")


def _stands(earliest: datetime | None, latest: datetime | None, now: datetime) -> tuple[str, str]:
    if latest is not None and now > latest:
        return "stop", f"overdue by {minutes(now - latest)}"
    if earliest is not None and now < earliest:
        return "pending", f"wait {minutes(earliest - now)}"
    if latest is None:
        return "ok", "ready, no limit"
    left = minutes(latest - now)
    return ("warning", f"due soon, {left} left") if latest - now <= SOON else ("ok", f"ready, {left} left")


def minutes(span: timedelta) -> str:
    """`48 min`, `1 h 05 min`, `2 d 3 h`; never less than a minute, so that nothing reads "0 min"."""
    total = max(1, -(-int(span.total_seconds()) // 60))
    if total < 60:
        return f"{total} min"
    hours, rest = divmod(total, 60)
    return f"{hours} h {rest:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def faults(program: Program, step: Step) -> tuple[str, ...]:
    """How a program differs from what the protocol plans; empty when it fits. What neither says is no fault."""
    found = [
        f"{_plain(value)} {unit} instead of {planned}"
        for value, low, high, unit in (
            (program.g_force, step.min_g, step.max_g, "g"),
            (program.minutes, step.min_minutes, step.max_minutes, "min"),
            (program.celsius, step.min_celsius, step.max_celsius, "°C"),
        )
        if value is not None and (planned := _outside(value, low, high, unit))
    ]
    if step.brake is not None and program.brake is not None and step.brake != program.brake:
        found.append("the brake is on and must be off" if program.brake else "the brake is off and must be on")
    return tuple(found)


def _outside(value: Decimal, low: int | None, high: int | None, unit: str) -> str:
    within = (low is None or value >= low) and (high is None or value <= high)
    return "" if within else _range(low, high, unit)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def ends(started_at: datetime, lasts: Decimal | None) -> datetime | None:
    """When a spin is over by itself; None where its program does not say."""
    return None if lasts is None else started_at + timedelta(seconds=int(lasts * 60))


def ran(started_at: datetime, now: datetime, lasts: Decimal | None) -> tuple[datetime, Decimal]:
    """When a spin ended and how many minutes it ran: a centrifuge stops by itself after its program's minutes."""
    end = ends(started_at, lasts)
    if end is not None and end <= now and lasts is not None:
        return end, lasts
    seconds = max(1, int((now - started_at).total_seconds()))
    return started_at + timedelta(seconds=seconds), (Decimal(seconds) / 60).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class Departure:
    """How work went other than planned: a deviation type and its words."""

    type: str
    words: str


def spin_departure(
    step: Step | None, collected_at: datetime, started_at: datetime, ran_minutes: Decimal
) -> Departure | None:
    """Which deviation a spin is recorded with: too short, too long, or begun too late; None for one as planned."""
    if step is None:
        return None
    if step.min_minutes is not None and ran_minutes < step.min_minutes:
        return Departure("spin_time_short", f"ran {_plain(ran_minutes)} min instead of at least {step.min_minutes}")
    if step.max_minutes is not None and ran_minutes > step.max_minutes:
        return Departure("spin_time_long", f"ran {_plain(ran_minutes)} min instead of at most {step.max_minutes}")
    return _late(step, collected_at, started_at, "spun")


def clot_departure(step: Step, began: datetime, ended: datetime) -> Departure | None:
    """Which deviation a clot is recorded with; None for one as planned."""
    lasted = ended - began
    if step.min_minutes is not None and lasted < timedelta(minutes=step.min_minutes):
        kind = "clotted_under_30_min" if lasted < timedelta(minutes=30) else "other"
        return Departure(kind, f"clotted {minutes(lasted)} instead of at least {step.min_minutes} min")
    if step.max_minutes is not None and lasted > timedelta(minutes=step.max_minutes):
        kind = "clotted_over_2_h" if lasted > timedelta(hours=2) else "other"
        return Departure(kind, f"clotted {minutes(lasted)} instead of at most {step.max_minutes} min")
    return None


def _late(step: Step, collected_at: datetime, moment: datetime, verb: str) -> Departure | None:
    since = moment - collected_at
    if step.within_minutes is None or since <= timedelta(minutes=step.within_minutes):
        return None
    return Departure(
        "other", f"{verb} {minutes(since)} after the collection instead of within {step.within_minutes} min"
    )
