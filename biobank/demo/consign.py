"""Consignments: the tubes that a clinic sends to the repository together, and how far each has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby

from biobank import ids
from biobank.demo import plan
from biobank.demo.chance import Minter, at
from biobank.demo.material import Tube
from biobank.demo.people import Person, VisitPlan

VISITS, DAYS = 8, 45
"""A clinic ships after this many visits or days, whichever comes first."""

STORED = "stored"
FATES = ("in_hand", "draft", "packed", "shipped", "received", "cancelled", "lost", "discrepant")
"""What the youngest consignments have come to, the youngest first; all others are reconciled and in boxes."""
STATUS = {STORED: "reconciled", "discrepant": "reconciled"}
"""The shipment's status where it is not called like the fate. A consignment in hand has no shipment yet."""
REFRIGERANT = {"-80": "dry_ice", "LN2V": "ln2_dry_shipper", "RT": "none"}

Done = tuple[Person, VisitPlan]


@dataclass(slots=True)
class Consignment:
    """Visits of one clinic whose tubes travel together. `boxes` are temperature class, code and number of the packages
    to be, `packages` the keys of those that are, by temperature class.
    """

    site: plan.SitePlan
    visits: list[Done]
    fate: str = STORED
    tubes: list[Tube] = field(default_factory=list)
    code: str = ""
    boxes: list[tuple[str, str, int]] = field(default_factory=list)
    id: int = 0
    packages: dict[str, int] = field(default_factory=dict)
    _times: "Times | None" = None

    @property
    def last(self) -> date:
        return max(visit.done for _, visit in self.visits if visit.done is not None)

    @property
    def sent(self) -> bool:
        """Whether there is a shipment: a consignment that is still in hand has none."""
        return self.fate != "in_hand" and bool(self.tubes)

    @property
    def status(self) -> str:
        return STATUS.get(self.fate, self.fate)

    @property
    def times(self) -> "Times":
        if self._times is None:
            self._times = Times.of(self.site, self.last)
        return self._times


@dataclass(frozen=True, slots=True)
class Times:
    """When a consignment was opened, packed, collected, received and put away: one step a day from the last visit
    on.
    """

    created: datetime
    packed: datetime
    shipped: datetime
    received: datetime
    stored: datetime

    @classmethod
    def of(cls, site: plan.SitePlan, last: date) -> "Times":
        day, central = last + timedelta(days=1), plan.CENTRAL.timezone
        return cls(
            at(last, site.timezone, 18 * 60),
            at(last, site.timezone, 18 * 60 + 30),
            at(last, site.timezone, 19 * 60),
            at(day, central, 10 * 60 + 15),
            at(day, central, 11 * 60 + 40),
        )


def consign(people: Iterable[Person]) -> list[Consignment]:
    """All visits that took place, as consignments in the order in which the repository gets them."""
    done = [(person, visit) for person in people for visit in person.visits if visit.done is not None]
    order = sorted(done, key=lambda one: (one[0].site.code, one[1].done or date.min, one[0].index, one[1].type))
    made: list[Consignment] = []
    for _, group in groupby(order, key=lambda one: one[0].site.code):
        made += _cut(list(group))
    made.sort(key=lambda one: (one.last, one.site.code))
    _decide(made)
    return made


def _cut(visits: Sequence[Done]) -> list[Consignment]:
    made: list[Consignment] = []
    for person, visit in visits:
        now = made[-1] if made else None
        first = now.visits[0][1].done if now else None
        if now and first and visit.done and len(now.visits) < VISITS and (visit.done - first).days <= DAYS:
            now.visits.append((person, visit))
        else:
            made.append(Consignment(person.site, [(person, visit)]))
    return made


def _decide(consignments: list[Consignment]) -> None:
    """Give the youngest consignments every fate there is. Nothing of a participant who withdrew is on the way."""
    young = [one for one in reversed(consignments) if all(person.withdrawn is None for person, _ in one.visits)]
    rounds = max(1, len(consignments) // 200)
    young = young[: rounds * len(FATES)]
    # The login of the first clinic finds tubes in hand.
    own = next((one for one in young if one.site is plan.CLINICS[0]), None)
    if own is not None:
        young.remove(own)
        young.insert(0, own)
    for number, one in enumerate(young):
        one.fate = FATES[number // rounds]


def package_of(tube: Tube) -> str:
    """The temperature class in which a tube travels: one package for each."""
    return plan.STORED[tube.type].temperature


def plan_packages(consignment: Consignment, minter: Minter) -> list[tuple[str, str, int]]:
    """Temperature class, code and number of each package that the tubes need."""
    classes = sorted({package_of(tube) for tube in consignment.tubes})
    return [(name, minter(ids.Kind.SHIPMENT), number) for number, name in enumerate(classes, start=1)]
