"""The work of a visit: tubes are drawn, spun, divided and frozen, now and then late, short or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from biobank import ids
from biobank.demo import mishaps, plan, tools
from biobank.demo.chance import Minter, at, stream
from biobank.demo.house import House
from biobank.demo.material import Material, Outcome, Tube
from biobank.demo.people import Person, VisitPlan

_SHORT_YIELD = 0.10
_BLIND = 0.10
_LATE_SPIN, _LATE_FREEZE = 0.06, 0.04


@dataclass(frozen=True, slots=True)
class _Day:
    """A line of the bundle at a visit."""

    chance: Random
    person: Person
    visit: VisitPlan
    line: plan.Line
    baseline: bool
    drawn: datetime
    planned: int | None


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
        drawn = at(visit.done, person.site.timezone, chance.randint(8 * 60 + 30, 12 * 60 + 30))
        self.made.collections.append((person, visit, drawn))
        first = len(self.made.tubes)
        baseline = visit.type == plan.BASELINE
        lines = (plan.TISSUE,) if visit.type == plan.BIOPSY else plan.BUNDLE
        for line in lines:
            count = line.tubes[0 if baseline else 1]
            if count and line.scope not in person.denied:
                planned = self.house.planned.tubes.get((visit.type, line.key))
                self._line(_Day(chance, person, visit, line, baseline, drawn, planned), count)
        if visit.type == plan.BIOPSY and plan.TISSUE.scope not in person.denied:
            self._core_not_taken(person, visit, drawn)
        return [tube for tube in self.made.tubes[first:] if tube.kept]

    def _core_not_taken(self, person: Person, visit: VisitPlan, drawn: datetime) -> None:
        """The second core is planned in one cohort, and the tissue seldom suffices."""
        planned = self.house.planned.tubes.get((visit.type, "core_rna"))
        if planned is not None and person.cohort == "ALN":
            note = "One core only; all of it was frozen"
            said = drawn + timedelta(minutes=25)
            self.made.outcomes.append(Outcome(visit, person.site.code, planned, 1, None, "attempted", note, said))

    def _line(self, day: _Day, count: int) -> None:
        line, chance = day.line, day.chance
        missing = mishaps.missing(chance, count)
        late = mishaps.straggles(chance, line)
        arrived = day.drawn + timedelta(minutes=chance.randint(150, 260)) if late else day.drawn
        primaries = [
            self._tube(day, "primary", line.specimen_type, line.tube_type, n, line.unit, Decimal(line.content), arrived)
            for n in range(1, count - missing + 1)
        ]
        self._outcomes(day, primaries, count, arrived)
        if line.child is None:
            self._keep_whole(day, primaries)
        elif primaries:
            self._divide(day, primaries)

    def _outcomes(self, day: _Day, primaries: list[int], count: int, arrived: datetime) -> None:
        """Every planned tube has an outcome; one that straggled had a reason first."""
        if day.planned is None:
            return
        said, site = day.drawn + timedelta(minutes=25), day.person.site.code
        for ordinal in range(1, count + 1):
            tube = primaries[ordinal - 1] if ordinal <= len(primaries) else None
            common = (day.visit, site, day.planned, ordinal)
            if tube is None:
                reason = mishaps.reason(day.chance)
                self.made.outcomes.append(Outcome(*common, None, reason, None, said))
                continue
            if arrived > day.drawn:
                note = "Will be brought in later today"
                self.made.outcomes.append(Outcome(*common, None, "other", note, said, superseded_at=arrived))
            self.made.outcomes.append(Outcome(*common, tube, None, None, max(arrived, said)))

    def _keep_whole(self, day: _Day, primaries: list[int]) -> None:
        """Tubes that are frozen as they are: tissue at once, blood for RNA after some hours on the bench."""
        if not primaries or day.line.key not in {"rna", "tissue"}:
            return
        begins = day.drawn + timedelta(minutes=day.chance.randint(4, 9))
        if day.line.key == "rna":
            _, begins = self._step(day, "incubate", begins, day.chance.randint(125, 210), primaries, celsius=20)
        self._step(day, "cryo_freeze", begins, None, primaries, held=20)

    def _divide(self, day: _Day, primaries: list[int]) -> None:
        line, chance = day.line, day.chance
        assert line.child is not None  # noqa: S101  # the caller's to see
        event, ended = self._prepare(day, primaries)
        total = _recovered(chance, line, len(primaries))
        sources = primaries
        cabinet = self._equipment(day, tools.CABINET)
        if line.stock:
            stock = self._tube(day, "derivative", line.child, "CRYO50", 1, line.child_unit, total, ended)
            self.made.edges += [(stock, primary, event) for primary in primaries]
            for primary in primaries:
                self._use_up(primary, Decimal(0), line.unit, event, ended)
            sources = [stock]
            event, ended = self._quantify(day, stock, event, ended)
        event, ended = self._step(
            day, "aliquot", ended + timedelta(minutes=chance.randint(4, 12)), 15, sources, equipment=cabinet
        )
        vials = self._fill(day, sources, total, event, ended)
        vials += self._residues(day, sources, event, ended)
        self._freeze(day, vials, ended)
        mishaps.spoil(self.made, chance, line, vials, event, ended)

    def _prepare(self, day: _Day, primaries: list[int]) -> tuple[int, datetime]:
        """Everything before the vials are filled; answers the last step and when it ended."""
        line, chance = day.line, day.chance
        event, begins = -1, day.drawn + timedelta(minutes=chance.randint(5, 15))
        if line.clot:
            minutes = mishaps.clotting(chance)
            event, begins = self._step(day, "clot", begins, minutes, primaries, celsius=20)
            mishaps.clotted(self.made, primaries, event, minutes)
        if line.spin is not None:
            late = chance.randint(60, 200) if chance.random() < _LATE_SPIN else chance.randint(3, 25)
            event, begins = self._spin(day, line.spin, begins + timedelta(minutes=late), primaries)
        if line.process == "wash":
            event, begins = self._step(
                day,
                "wash",
                begins + timedelta(minutes=5),
                10,
                primaries,
                equipment=self._equipment(day, tools.CENTRIFUGE),
                settings=(Decimal(300), Decimal(10), Decimal(20), True),
            )
        elif line.process == "extract":
            event, begins = self._step(day, "extract", begins + timedelta(minutes=20), 60, primaries)
            self.made.lots.append((event, self.house.tools.lots[day.person.site.code][0]))
        return event, begins

    def _quantify(self, day: _Day, stock: int, event: int, ended: datetime) -> tuple[int, datetime]:
        cells = day.line.key == "pbmc"
        device = self._equipment(day, tools.COUNTER if cells else tools.SPECTROMETER)
        event, ended = self._step(day, "quantify", ended + timedelta(minutes=4), 8, [stock], equipment=device)
        self.made.readings += mishaps.measured(day.chance, self.made.tubes[stock], stock, ended, event, device)
        return event, ended

    def _fill(self, day: _Day, sources: list[int], total: Decimal, event: int, ended: datetime) -> list[int]:
        """Vials from each source: as many full ones as there are, the rest in part."""
        line = day.line
        wanted = line.children[0 if day.baseline else 1]
        planned = self.house.planned.vials.get((day.planned or 0, line.child or ""))
        made: list[int] = []
        for source in sources:
            taken = Decimal(0)
            share = total // len(sources)
            for amount in _portions(share, Decimal(line.nominal), wanted // len(sources), Decimal(line.least)):
                number = len(made) + 1
                vial = self._tube(
                    day, "aliquot", line.child or "", line.child_tube, number, line.child_unit, amount, ended
                )
                tube = self.made.tubes[vial]
                tube.is_partial, tube.planned = amount < line.nominal, planned
                self.made.edges.append((vial, source, event))
                made.append(vial)
                taken += amount
            self._use_up(source, taken, self.made.tubes[source].unit, event, ended)
        if line.key == "serum" and day.baseline and len(made) == wanted and day.chance.random() < _BLIND:
            self.made.tubes[made[-1]].is_blind = True
        return made

    def _residues(self, day: _Day, sources: list[int], event: int, ended: datetime) -> list[int]:
        """What is left in a spun tube and kept as well."""
        if (residue := plan.RESIDUES.get(day.line.key)) is None:
            return []
        kind, vessel, unit, content, kept = residue
        made = []
        for number, source in enumerate(sources[: kept[0 if day.baseline else 1]], start=1):
            made.append(self._tube(day, "aliquot", kind, vessel, number, unit, Decimal(content), ended))
            self.made.tubes[made[-1]].planned = self.house.planned.vials.get((day.planned or 0, kind))
            self.made.edges.append((made[-1], source, event))
        return made

    def _freeze(self, day: _Day, vials: list[int], ended: datetime) -> None:
        """Within minutes, with a tail of delays. DNA keeps at the bench."""
        if day.line.key == "dna" or not vials:
            return
        chance = day.chance
        wait = chance.randint(45, 200) if chance.random() < _LATE_FREEZE else chance.randint(3, 9)
        slowly = day.line.key == "pbmc"
        device = self._equipment(day, tools.FREEZER) if slowly else None
        begins = ended + timedelta(minutes=wait)
        event, _ = self._step(day, "cryo_freeze", begins, 60 if slowly else None, vials, equipment=device)
        if slowly:
            self.made.lots.append((event, self.house.tools.lots[day.person.site.code][1]))

    def _equipment(self, day: _Day, code: str) -> int:
        return self.house.tools.equipment[day.person.site.code, code]

    def _tube(
        self,
        day: _Day,
        level: str,
        kind: str,
        vessel: str,
        ordinal: int,
        unit: str,
        amount: Decimal,
        made: datetime,
    ) -> int:
        collection = len(self.made.collections) - 1
        code = self.minter(ids.Kind.TUBE)
        self.made.tubes.append(Tube(code, day.person, collection, level, kind, vessel, ordinal, unit, amount, made))
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

    def _spin(self, day: _Day, spin: plan.Spin, begins: datetime, inputs: list[int]) -> tuple[int, datetime]:
        return self._step(
            day,
            "centrifuge",
            begins,
            spin.minutes,
            inputs,
            equipment=self._equipment(day, tools.CENTRIFUGE),
            program=self.house.tools.programs[day.person.site.code, day.line.key],
            settings=(Decimal(spin.g), Decimal(spin.minutes), Decimal(spin.celsius), spin.brake),
        )

    def _step(
        self,
        day: _Day,
        kind: str,
        begins: datetime,
        minutes: int | None,
        inputs: list[int],
        *,
        equipment: int | None = None,
        program: int | None = None,
        settings: tuple[Decimal, Decimal, Decimal, bool] | None = None,
        celsius: int | None = None,
        held: int | None = None,
    ) -> tuple[int, datetime]:
        """One step on some tubes. What is frozen as it is has no end on record: nobody waits for it."""
        house, site = self.house, day.person.site.code
        ends = None if minutes is None else begins + timedelta(minutes=minutes)
        g, ran, degrees, brake = settings or (None, None, None if celsius is None else Decimal(celsius), None)
        waited = Decimal(day.line.held if held is None else held)
        self.made.events.append(
            (
                house.study,
                house.sites[site],
                kind,
                begins,
                ends,
                house.staff(site),
                equipment,
                program,
                g,
                ran,
                degrees,
                waited,
                brake,
                plan.SOPS.get(kind),
            )
        )
        event = len(self.made.events) - 1
        self.made.inputs += [(event, tube) for tube in inputs]
        return event, ends or begins


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
