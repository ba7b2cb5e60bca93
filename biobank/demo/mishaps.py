"""What goes wrong at the bench and what is measured there, drawn from chance."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from biobank.demo import plan
from biobank.demo.material import Material, Mishap, Reading, Tube

_NOTHING, _ONE_SHORT = 0.025, 0.03
_REASONS = (("short_draw", 40), ("refused", 20), ("attempted", 25), ("no_supply", 10), ("other", 5))
_STRAGGLES = {"stool": 0.08, "saliva": 0.03}
_HAEMOLYSED, _GEL_FAILED, _JUDGED = 0.02, 0.006, 0.4
_LOW = Decimal("0.4")


def missing(chance: Random, count: int) -> int:
    """How many of the planned tubes of a line were not drawn: mostly none, sometimes one, sometimes all."""
    drawn = chance.random()
    return count if drawn < _NOTHING else 1 if count > 1 and drawn < _NOTHING + _ONE_SHORT else 0


def reason(chance: Random) -> str:
    return chance.choices([code for code, _ in _REASONS], [share for _, share in _REASONS])[0]


def straggles(chance: Random, line: plan.Line) -> bool:
    """Whether what the participant brings along comes later on the day."""
    return line.key in _STRAGGLES and chance.random() < _STRAGGLES[line.key]


def clotting(chance: Random) -> int:
    """Minutes that serum stood: within 30 to 60, too short or forgotten now and then."""
    drawn = chance.random()
    return (
        chance.randint(21, 29) if drawn < 0.02 else chance.randint(125, 170) if drawn < 0.03 else chance.randint(31, 58)
    )


def clotted(made: Material, tubes: Sequence[int], event: int, minutes: int) -> None:
    if minutes < 30:
        made.mishaps += [Mishap(tube, event, "clotted_under_30_min", None) for tube in tubes]
    elif minutes > 120:
        made.mishaps += [Mishap(tube, event, "clotted_over_2_h", "The timer was not heard") for tube in tubes]


def spoil(made: Material, chance: Random, line: plan.Line, vials: Sequence[int], event: int, when: datetime) -> None:
    """Deviations that are seen when the vials are filled. Some are judged later and stay on record."""
    kinds = ("SER", "PL1")
    mine = [vial for vial in vials if made.tubes[vial].type in kinds]
    if line.key in {"serum", "plasma"} and chance.random() < _HAEMOLYSED:
        judged: tuple[datetime | None, str | None] = (None, None)
        if chance.random() < _JUDGED:
            judged = (when + timedelta(hours=20), "Haemolysis index measured: below the limit of the assays")
        made.mishaps += [Mishap(vial, event, "haemolysis", "Pink supernatant", *judged) for vial in mine]
    elif line.key == "serum" and chance.random() < _GEL_FAILED:
        made.mishaps += [Mishap(vial, event, "gel_failed", None) for vial in mine]
    made.mishaps += [
        Mishap(vial, event, "low_volume", None)
        for vial in vials
        if made.tubes[vial].is_partial and made.tubes[vial].quantity < _LOW * line.nominal
    ]


def measured(chance: Random, tube: Tube, index: int, when: datetime, event: int, equipment: int) -> Iterator[Reading]:
    """Count and viability of cells; concentration, purity and yield of DNA."""

    def read(quantity: str, text: str, unit: str | None = None) -> Reading:
        return Reading(index, quantity, text, unit, when, event, equipment)

    if tube.type == "CEL":
        low = chance.random() < 0.05
        yield read("cell_count", f"{tube.quantity + Decimal(chance.randint(0, 9)) / 10}", "10*6")
        yield read("viability", f"{chance.uniform(62, 84) if low else chance.uniform(88, 98.5):.1f}", "%")
    elif tube.type == "DNA":
        concentration = Decimal(f"{max(12.0, chance.gauss(104, 22)):.1f}")
        yield read("concentration", f"{concentration}", "ng/uL")
        yield read("a260_280", f"{chance.gauss(1.85, 0.05):.2f}")
        yield read("a260_230", f"{chance.gauss(2.05, 0.15):.2f}")
        yield read("yield", f"{(concentration * tube.quantity).normalize():f}", "ng")
