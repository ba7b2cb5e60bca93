"""The order and the settings of work on a tube: what comes after what, and what the protocol plans. Pure functions on
plain values; moments carry a zone, so neither midnight nor a change of the clocks matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from biobank.equipment.rules import Settings
from biobank.errors import Conflict
from biobank.exact import plain
from biobank.ids import grouped

ORDER_TOLERANCE = timedelta(minutes=5)
"""The clocks of two benches may differ by this much before times count as out of order."""

STAGES: Mapping[str, int] = {
    "receive": 1,
    "clot": 2,
    "centrifuge": 3,
    "ficoll": 3,
    "aliquot": 4,
    "cryo_freeze": 5,
}
"""Collected, received, clotted, spun, divided, frozen (invariant 20). Other work has no place in the order."""

_WORDS = {
    "receive": "received",
    "clot": "left to clot",
    "centrifuge": "spun",
    "ficoll": "separated",
    "aliquot": "divided",
    "cryo_freeze": "frozen",
}

MUST_BE_PLANNED = frozenset({"clot", "centrifuge", "ficoll"})
"""Where a protocol plans the work on a tube, these are done as it plans them or not at all. Other work (a receipt, a
thaw, an extraction years later) needs no plan, but follows it where there is one.
"""


class OutOfOrder(Conflict):
    """The times of a tube would not be in the order of the work, and no deviation was named."""

    code = "out-of-order"
    title = "These times are out of order"


class WrongStep(Conflict):
    """The protocol plans other work for this tube, and no deviation was named. `codes` names the tubes."""

    code = "wrong-step"
    title = "The protocol plans other work for this tube"


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """A step that the protocol plans for a tube: what it may be done with. None sets no limit."""

    type: str
    within_minutes: int | None = None
    min_minutes: int | None = None
    max_minutes: int | None = None
    min_g: int | None = None
    max_g: int | None = None
    min_celsius: int | None = None
    max_celsius: int | None = None
    brake: bool | None = None


@dataclass(frozen=True, slots=True)
class TubePast:
    """When a tube was collected, and when each kind of work on it first began."""

    code: str
    collected_at: datetime | None
    firsts: Mapping[str, datetime] = field(default_factory=dict)


def out_of_order(tubes: Iterable[TubePast], kind: str, moment: datetime, timezone: str) -> str | None:
    """Why work of a kind cannot have begun at a moment; None when it can.

    Only the first of each kind has a place in the order: a second spin, or a receipt by a second laboratory, follows
    what came before it.
    """
    found = [words for tube in tubes if (words := _misplaced(tube, kind, moment, timezone)) is not None]
    return f"{'; '.join(found)}." if found else None


def _misplaced(tube: TubePast, kind: str, moment: datetime, timezone: str) -> str | None:
    if tube.collected_at is not None and moment < tube.collected_at - ORDER_TOLERANCE:
        return f"{grouped(tube.code)} was collected only at {_local(tube.collected_at, timezone)}"
    place = STAGES.get(kind)
    if place is None:
        return None
    repeated = kind in tube.firsts and tube.firsts[kind] <= moment
    for other, at in sorted(tube.firsts.items(), key=lambda pair: pair[1]):
        if STAGES[other] < place and at > moment + ORDER_TOLERANCE:
            return f"{grouped(tube.code)} was {_WORDS[other]} only at {_local(at, timezone)}"
        if STAGES[other] > place and at < moment - ORDER_TOLERANCE and not repeated:
            return f"{grouped(tube.code)} was {_WORDS[other]} already at {_local(at, timezone)}"
    return None


def _local(moment: datetime, timezone: str) -> str:
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def step_fault(
    planned: Sequence[PlannedWork], kind: str, settings: Settings, since_collection: timedelta | None
) -> str | None:
    """How work differs from what the protocol plans for a tube; None when it does not, or nothing is planned.

    Of several planned steps of one kind, such as a double spin, one that is followed is enough; a setting that is not
    known is not held against the work.
    """
    if not planned:
        return None
    alike = [step for step in planned if step.type == kind]
    if not alike:
        return f"the protocol plans no {kind.replace('_', ' ')} for it" if kind in MUST_BE_PLANNED else None
    faults = [_differs(step, settings, since_collection) for step in alike]
    return None if None in faults else faults[0]


def _differs(step: PlannedWork, settings: Settings, since_collection: timedelta | None) -> str | None:
    for low, high, value, unit in (
        (step.min_g, step.max_g, settings.g_force, "g"),
        (step.min_minutes, step.max_minutes, settings.minutes, "min"),
        (step.min_celsius, step.max_celsius, settings.celsius, "°C"),
    ):
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            return f"{plain(value):f} {unit} is not {_range(low, high)} {unit}"
    if step.brake is not None and settings.brake is not None and step.brake != settings.brake:
        return f"the brake was {_switch(settings.brake)} and is planned {_switch(step.brake)}"
    if step.within_minutes is not None and since_collection is not None:
        late = since_collection - timedelta(minutes=step.within_minutes)
        if late > timedelta(0):
            return (
                f"it began {int(since_collection.total_seconds() // 60)} min after the collection, "
                f"and is planned within {step.within_minutes} min"
            )
    return None


def _range(low: int | None, high: int | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def _switch(on: bool) -> str:
    return "on" if on else "off"


def lasted(minutes: Decimal | None, started_at: datetime, ended_at: datetime | None) -> Decimal | None:
    """For how many minutes work went on: what was said, or from beginning to end."""
    if minutes is not None or ended_at is None:
        return minutes
    return Decimal(int((ended_at - started_at).total_seconds())) / 60
