"""What a visit yields: tubes drawn, what was made of them, the steps in between and the ledger of every tube.
Values only, nothing written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from biobank import ids
from biobank.demo import plan
from biobank.demo.chance import Minter, at, stream
from biobank.demo.house import House
from biobank.demo.people import Person, VisitPlan

_NOT_DRAWN = 0.03
_ROOM, _COLD = Decimal(21), Decimal(15)
_UNSAID = frozenset({"extract", "cryo_freeze", "ficoll"})
_UNWRITTEN = 11
"""Of so many steps, one has no word of how the tubes were kept before it."""

_SHORT_YIELD = 0.10


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
    baseline: bool
    is_partial: bool = False
    ends: datetime | None = None
    stays: bool = False
    id: int = 0

    @property
    def kept(self) -> bool:
        return self.ends is None


@dataclass(slots=True)
class Material:
    """Rows in the making: collections, steps, tubes, what went into a step, who came of whom, and postings. All
    refer by index.
    """

    collections: list[tuple[Person, VisitPlan, datetime]] = field(default_factory=list)
    events: list[tuple[object, ...]] = field(default_factory=list)
    tubes: list[Tube] = field(default_factory=list)
    inputs: list[tuple[int, int]] = field(default_factory=list)
    edges: list[tuple[int, int, int]] = field(default_factory=list)
    ledger: list[tuple[int, Decimal, str, str, str, int | None]] = field(default_factory=list)


class Bench:
    """Draws, spins and aliquots the material of visits into one `Material`."""

    def __init__(self, house: House, seed: int, minter: Minter) -> None:
        self.house = house
        self.seed = seed
        self.minter = minter
        self.made = Material()

    def collect(self, person: Person, visit: VisitPlan) -> list[Tube]:
        """All tubes of a visit that took place; the kept ones are answered."""
        assert visit.done is not None  # noqa: S101  # only visits that took place are handed in
        chance = stream(self.seed, "visit", person.index, visit.type, visit.number)
        drawn = at(visit.done, person.site.timezone, chance.randint(10 * 60, 13 * 60 + 30))
        self.made.collections.append((person, visit, drawn))
        first = len(self.made.tubes)
        baseline = visit.type == plan.BASELINE
        lines = (plan.TISSUE,) if visit.type == plan.BIOPSY else plan.BUNDLE
        for line in lines:
            count = line.tubes[0 if baseline else 1]
            if count and line.scope not in person.denied and chance.random() >= _NOT_DRAWN:
                self._line(chance, person, line, count, drawn, baseline=baseline)
        return [tube for tube in self.made.tubes[first:] if tube.kept]

    def _line(
        self, chance: Random, person: Person, line: plan.Line, count: int, drawn: datetime, *, baseline: bool
    ) -> None:
        primaries = [
            self._tube(
                person,
                "primary",
                line.specimen_type,
                line.tube_type,
                number,
                line.unit,
                Decimal(line.content),
                drawn,
                baseline,
            )
            for number in range(1, count + 1)
        ]
        if line.child is None:
            return
        event, ended = self._prepare(chance, person, line, drawn, primaries)
        total = _recovered(chance, line, count)
        vials = line.children[0 if baseline else 1]
        sources = primaries
        cabinet = self.house.equipment[person.site.code, "BSC-1"]
        if line.stock:
            stock = self._tube(person, "derivative", line.child, "CRYO50", 1, line.child_unit, total, ended, baseline)
            self.made.edges += [(stock, primary, event) for primary in primaries]
            for primary in primaries:
                self._use_up(primary, Decimal(0), line.unit, event, ended)
            sources = [stock]
            event, ended = self._event(
                person,
                "aliquot",
                ended + timedelta(minutes=10),
                25,
                [stock],
                cabinet,
                self._held(line),
            )
        elif line.process == "aliquot":
            event, ended = self._event(
                person,
                "aliquot",
                ended + timedelta(minutes=chance.randint(4, 12)),
                15,
                primaries,
                cabinet,
                self._held(line),
            )
        residues = plan.RESIDUES.get(line.key)
        ordinal = 0
        for source in sources:
            share = total // len(sources)
            taken = Decimal(0)
            for amount in _portions(share, Decimal(line.nominal), vials // len(sources), Decimal(line.least)):
                ordinal += 1
                vial = self._tube(
                    person,
                    "aliquot",
                    line.child,
                    line.child_tube,
                    ordinal,
                    line.child_unit,
                    amount,
                    ended,
                    baseline,
                    partial=amount < line.nominal,
                )
                self.made.edges.append((vial, source, event))
                taken += amount
            self._use_up(source, taken, self.made.tubes[source].unit, event, ended)
        if residues is not None:
            kind, vessel, unit, content, kept = residues
            for number, source in enumerate(sources[: kept[0 if baseline else 1]], start=1):
                vial = self._tube(person, "aliquot", kind, vessel, number, unit, Decimal(content), ended, baseline)
                self.made.edges.append((vial, source, event))

    def _prepare(
        self, chance: Random, person: Person, line: plan.Line, drawn: datetime, primaries: list[int]
    ) -> tuple[int, datetime]:
        """Everything before the vials are filled; answers the last step and when it ended."""
        begins = drawn + timedelta(minutes=chance.randint(5, 15))
        if line.clot:
            clotted = line.clot + chance.randint(-8, 14)
            _, begins = self._event(person, "clot", begins, clotted, primaries, None, self._held(line))
        if line.spin is not None:
            late = chance.randint(60, 150) if chance.random() < 0.06 else chance.randint(3, 25)
            event, begins = self._spin(person, line.spin, begins + timedelta(minutes=late), primaries, self._held(line))
        if line.process != "aliquot":
            event, begins = self._event(person, line.process, begins + timedelta(minutes=20), 60, primaries, None)
        return event, begins

    def _tube(
        self,
        person: Person,
        level: str,
        kind: str,
        vessel: str,
        ordinal: int,
        unit: str,
        amount: Decimal,
        made: datetime,
        baseline: bool,
        *,
        partial: bool = False,
    ) -> int:
        self.made.tubes.append(
            Tube(
                self.minter(ids.Kind.TUBE),
                person,
                len(self.made.collections) - 1,
                level,
                kind,
                vessel,
                ordinal,
                unit,
                amount,
                made,
                baseline,
                partial,
            )
        )
        return len(self.made.tubes) - 1

    def _use_up(self, tube: int, taken: Decimal, unit: str, event: int, when: datetime) -> None:
        """What was in a tube, what was taken from it, and the rest, which is thrown away with it. A tube that is kept
        is born with its content, and the database writes the posting.
        """
        source = self.made.tubes[tube]
        taken = min(taken, source.quantity)
        basis = "nominal" if source.level == "primary" else "measured"
        self.made.ledger.append((tube, source.quantity, unit, "initial", basis, None))
        if taken:
            self.made.ledger.append((tube, -taken, unit, "aliquoted", "measured", event))
        if rest := source.quantity - taken:
            self.made.ledger.append((tube, -rest, unit, "exhausted", "nominal", event))
        source.quantity = Decimal(0)
        source.ends = when

    def _event(
        self,
        person: Person,
        kind: str,
        begins: datetime,
        minutes: int,
        inputs: list[int],
        equipment: int | None,
        held: Decimal | None = None,
    ) -> tuple[int, datetime]:
        cold = kind == "aliquot" and held is not None and held < _COLD
        celsius = held if cold else None if kind in _UNSAID else _ROOM
        return self._step(person, kind, begins, minutes, inputs, equipment, (None, None, celsius, held, None))

    def _held(self, line: plan.Line) -> Decimal | None:
        """At which temperature the tubes of a line wait; every now and then nobody wrote it down."""
        if len(self.made.events) % _UNWRITTEN == 0:
            return None
        return _ROOM if line.spin is None else Decimal(line.spin.celsius)

    def _spin(
        self, person: Person, spin: plan.Spin, begins: datetime, inputs: list[int], held: Decimal | None
    ) -> tuple[int, datetime]:
        settings = (Decimal(spin.g), Decimal(spin.minutes), Decimal(spin.celsius), held, spin.brake)
        return self._step(
            person, "centrifuge", begins, spin.minutes, inputs, self.house.equipment[person.site.code, "CF-1"], settings
        )

    def _step(
        self,
        person: Person,
        kind: str,
        begins: datetime,
        minutes: int,
        inputs: list[int],
        equipment: int | None,
        settings: tuple[object, ...],
    ) -> tuple[int, datetime]:
        house, ends = self.house, begins + timedelta(minutes=minutes)
        site = person.site.code
        self.made.events.append(
            (house.study, house.sites[site], kind, begins, ends, house.staff(site), equipment, *settings, "SOP-2.1")
        )
        event = len(self.made.events) - 1
        self.made.inputs += [(event, tube) for tube in inputs]
        return event, ends


def _recovered(chance: Random, line: plan.Line, count: int) -> Decimal:
    """The yield of all tubes of a line in the child's unit: spread around the usual one, and now and then far
    short of it.
    """
    usual = line.recovered * count / line.tubes[0]
    spread = chance.gauss(1.0, 0.07)
    if chance.random() < _SHORT_YIELD:
        spread *= chance.uniform(0.35, 0.8)
    step = 1 if line.nominal < 100 else 10
    return Decimal(max(step, int(usual * spread / step) * step))


def _portions(total: Decimal, nominal: Decimal, vials: int, least: Decimal) -> Iterator[Decimal]:
    """As many full vials as there are; what is left over fills one more in part when it is worth keeping."""
    for _ in range(vials):
        amount = min(nominal, total)
        if amount < (nominal if total >= nominal else least):
            return
        yield amount
        total -= amount
