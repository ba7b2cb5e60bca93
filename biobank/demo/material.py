"""What visits yield, as values in the making; nothing is written here."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from biobank.demo.people import Person, VisitPlan


@dataclass(slots=True)
class Tube:
    """A tube and where it has been. `ends` is when a tube that was used up came to its end; others are `kept`."""

    code: str
    person: Person
    collection: int
    level: str
    type: str
    tube_type: str
    ordinal: int
    unit: str
    quantity: Decimal
    made_at: datetime
    is_partial: bool = False
    planned: int | None = None
    is_blind: bool = False
    ends: datetime | None = None
    id: int = 0

    @property
    def kept(self) -> bool:
        return self.ends is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A planned tube of a visit was collected, or was not for a reason; superseded when it came after all."""

    visit: VisitPlan
    site: str
    planned: int
    ordinal: int
    tube: int | None
    reason: str | None
    note: str | None
    at: datetime
    superseded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something went other than planned with a tube; `resolved_at` and `resolution` where somebody judged it."""

    tube: int
    event: int | None
    type: str
    comment: str | None
    resolved_at: datetime | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured quality of the material in a tube."""

    tube: int
    quantity: str
    text: str
    unit: str | None
    at: datetime
    event: int
    equipment: int


@dataclass(slots=True)
class Material:
    """Rows in the making: collections, steps, tubes, what went into a step, who came of whom, postings, and what
    became of what was planned. All refer by index.
    """

    collections: list[tuple[Person, VisitPlan, datetime]] = field(default_factory=list)
    events: list[tuple[object, ...]] = field(default_factory=list)
    tubes: list[Tube] = field(default_factory=list)
    inputs: list[tuple[int, int]] = field(default_factory=list)
    lots: list[tuple[int, int]] = field(default_factory=list)
    edges: list[tuple[int, int, int]] = field(default_factory=list)
    ledger: list[tuple[int, Decimal, str, str, str, int | None]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
