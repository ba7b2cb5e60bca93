"""Rules of the visit day and of the vials that are made: what is accounted for, what may be finished, how a yield is
divided. Pure functions on plain values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from biobank.accession.clocks import Clock
from biobank.errors import Conflict, DomainError, Invalid, Stale
from biobank.ids import grouped


class TubesUnaccounted(Conflict):
    """Each planned tube is collected or has a reason before its visit is finished. `tubes` names those that are not."""

    code = "tubes-unaccounted"
    title = "Planned tubes are not accounted for"


class VisitFinished(Stale):
    """Somebody else finished the visit first; the message says who, when and with what."""

    code = "visit-finished"
    title = "This visit was finished already"


class VisitChanged(Stale):
    code = "visit-changed"
    title = "The visit changed meanwhile"


class OutcomeRecorded(Conflict):
    """A planned tube was collected already. `tube` is its code, where it has one."""

    code = "outcome-recorded"
    title = "This planned tube is accounted for already"


class NotPlanned(Invalid):
    code = "not-planned"
    title = "The protocol does not plan this at the visit"


class AlreadyAccessioned(Conflict):
    code = "already-accessioned"
    title = "This tube was taken in already"


class NotThisTube(Conflict):
    """Another participant's, another visit's, another parent's tube, or one that is not for this step."""

    code = "not-this-tube"
    title = "This is the wrong tube"


class CentrifugeBusy(Conflict):
    code = "centrifuge-busy"
    title = "The centrifuge is running"


class NothingRunning(Conflict):
    code = "nothing-running"
    title = "The centrifuge is not running"


class VialsInUse(Conflict):
    """Vials can be taken back while nobody has bound, stored, packed or divided one."""

    code = "vials-in-use"
    title = "These vials are in use already"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_tube_outcome_current": lambda: OutcomeRecorded(
        "Somebody else recorded what became of this planned tube at this moment: look at the visit again."
    ),
    "uq_tube_outcome_specimen": lambda: OutcomeRecorded("This tube stands for another planned tube already."),
    "ck_tube_outcome_collected_or_a_reason": lambda: Invalid(
        "A planned tube was collected, or was not for a reason.", errors={"reason": "is missing"}
    ),
    "fk_tube_outcome_reason_code": lambda: Invalid(
        "There is no such reason.", errors={"reason": "is not a reason of the code table"}
    ),
    "uq_accession_current": lambda: AlreadyAccessioned("Somebody else took this tube in at this moment."),
    "uq_spin_running": lambda: CentrifugeBusy("Somebody else started this centrifuge at this moment."),
    "uq_spin_tube_running": lambda: NotThisTube("One of these tubes is in another centrifuge that is running."),
    "uq_spin_tube_once": lambda: Invalid("A tube is named twice: name each once.", errors={"tubes": "names one twice"}),
    "ck_spin_stops_after_start": lambda: Invalid(
        "A spin is stopped after it was started.", errors={"stopped_at": "lies before the start"}
    ),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned tube of a visit: the `ordinal`th of `count` under the plan's code."""

    planned_id: int
    code: str
    ordinal: int
    count: int
    specimen_type: str
    tube_type: str

    @property
    def key(self) -> tuple[int, int]:
        return self.planned_id, self.ordinal

    @property
    def words(self) -> str:
        return f"{self.code} {self.ordinal} of {self.count}" if self.count > 1 else self.code


@dataclass(frozen=True, slots=True)
class Outcome:
    """What stands for a slot now: a tube, or a reason why there is none."""

    specimen_id: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A primary tube of the visit that stands for no planned tube yet."""

    specimen_id: int
    specimen_type: str
    tube_type: str


def match(
    slots: Sequence[Slot], outcomes: Mapping[tuple[int, int], Outcome], tubes: Iterable[Found]
) -> list[tuple[Slot, Found]]:
    """Which planned tubes the unmatched tubes of a visit stand for, by material and make.

    A slot without any outcome goes first, then one whose tube was said not to be collected: a straggler supersedes the
    reason. A tube that fits no slot stays unplanned.
    """
    free = [slot for slot in slots if slot.key not in outcomes]
    free += [slot for slot in slots if slot.key in outcomes and outcomes[slot.key].reason is not None]
    matched = []
    for tube in tubes:
        fitting = next(
            (slot for slot in free if (slot.specimen_type, slot.tube_type) == (tube.specimen_type, tube.tube_type)),
            None,
        )
        if fitting is not None:
            free.remove(fitting)
            matched.append((fitting, tube))
    return matched


def check_planned(slots: Sequence[Slot], code: str, ordinal: int, field: str) -> Slot:
    """The slot that a request names.

    Raises:
        NotPlanned: the protocol plans no such tube for this participant at this visit.
    """
    found = next((slot for slot in slots if (slot.code, slot.ordinal) == (code, ordinal)), None)
    if found is None:
        planned = ", ".join(slot.words for slot in slots) or "nothing"
        raise NotPlanned(
            f"{code} {ordinal} is not planned at this visit; planned: {planned}. Register it as an unplanned tube.",
            errors={field: "is not planned at this visit"},
        )
    return found


def check_each_slot_once(slots: Sequence[Slot], field: str) -> None:
    """Raises:
    Invalid: a planned tube is named twice.
    """
    if len({slot.key for slot in slots}) != len(slots):
        raise Invalid("A planned tube is named twice: name each once.", errors={field: "names a planned tube twice"})


def check_free(slot: Slot, outcome: Outcome | None, tube: str | None) -> None:
    """A slot that holds a tube is not filled again, nor given a reason.

    Raises:
        OutcomeRecorded: naming the tube.
    """
    if outcome is not None and outcome.specimen_id is not None:
        shown = grouped(tube) if tube else "another tube"
        raise OutcomeRecorded(
            f"{slot.words} was collected already: it is {shown}. A further tube is registered as unplanned.",
            tube=tube,
            planned=slot.code,
            ordinal=slot.ordinal,
        )


def check_accounted(slots: Iterable[Slot], outcomes: Mapping[tuple[int, int], Outcome]) -> None:
    """A visit is finished when each planned tube is collected or has a reason.

    Raises:
        TubesUnaccounted: naming those that are neither.
    """
    missing = [slot.words for slot in slots if slot.key not in outcomes]
    if missing:
        raise TubesUnaccounted(
            f"Not accounted for: {', '.join(missing)}. Record each as collected, or why it was not.", tubes=missing
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What a visit came to."""

    planned: int
    collected: int
    not_collected: int
    unplanned: int

    @property
    def words(self) -> str:
        parts = [f"{self.collected} of {self.planned} planned tubes collected"]
        parts += [f"{self.not_collected} not collected"] if self.not_collected else []
        parts += [f"{self.unplanned} unplanned"] if self.unplanned else []
        return ", ".join(parts)


def check_unfinished(
    finished_at: datetime | None, finished_by: str | None, tally: Tally, timezone: str, *, mine: bool
) -> None:
    """A visit is finished once. The second person is told what the first did.

    Raises:
        VisitFinished: who finished it, when at the site, and with what.
    """
    if finished_at is None:
        return
    when = finished_at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M %Z")
    who = "You" if mine else finished_by or "Somebody"
    raise VisitFinished(
        f"{who} finished this visit on {when}: {tally.words}. Look at it before you record more.",
        finished_at=finished_at.isoformat(),
        finished_by=finished_by,
    )


def check_seen(seen: int, stored: int) -> None:
    """Raises:
    VisitChanged: somebody recorded something at this visit since it was shown.
    """
    if seen != stored:
        raise VisitChanged("Somebody recorded something at this visit since you opened it: look again, then finish it.")


@dataclass(frozen=True, slots=True)
class Split:
    """`full` vials of the nominal content, one `partial` (zero: none), and what is `left` in the parent."""

    full: int
    partial: Decimal
    left: Decimal

    @property
    def vials(self) -> int:
        return self.full + (1 if self.partial else 0)

    def quantities(self, nominal: Decimal) -> tuple[Decimal, ...]:
        """The content of each vial, the partial one last."""
        return (nominal,) * self.full + ((self.partial,) if self.partial else ())


def split(obtained: Decimal, nominal: Decimal, vials: int) -> Split:
    """As many full vials as possible, the rest in one partial vial "P" where a vial is left for it (NSRR manual).

    `obtained` and `nominal` are in one unit; `vials` is how many may be filled. Nothing is lost: full vials, the
    partial one and what is left add up to `obtained`.

    Raises:
        Invalid: nothing was obtained, or no vial is to be filled.
    """
    if obtained <= 0 or nominal <= 0:
        raise Invalid("A yield is above zero.", errors={"obtained": "is not above zero"})
    if vials < 1:
        raise Invalid(
            "All planned vials are made: say how many extra ones to fill.", errors={"extra": "leaves no vial to fill"}
        )
    full = min(int(obtained // nominal), vials)
    rest = obtained - full * nominal
    if rest and full < vials:
        return Split(full, rest, Decimal(0))
    return Split(full, Decimal(0), rest)


def duplicates(wanted: int, full: int) -> int:
    """How many of `full` vials become blind duplicates: each has a twin of the same content beside it."""
    return max(0, min(wanted, full - 1))


_MADE_BY = frozenset({"aliquot", "extract", "quantify", "cryo_freeze", "ficoll", "wash"})
"""Steps at which vials are made, or which a bench does in one go with making them."""


def not_yet(clock: Clock, plans_vials: bool) -> str | None:
    """Why a tube is not divided now; None when it may be. `plans_vials`: the protocol makes something of it."""
    if not plans_vials:
        return "the protocol makes no vials of it: it is kept as it is."
    if clock.running_since is not None:
        return "it is in a centrifuge that is running."
    if clock.step is None or clock.step.type in _MADE_BY:
        return None
    title = {"centrifuge": "spun"}.get(clock.step.type, clock.step.type.replace("_", " "))
    return f"it is not {title} yet ({clock.words})." if title == "spun" else f"{title} comes first ({clock.words})."
