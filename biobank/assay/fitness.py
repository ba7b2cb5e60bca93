"""Fitness for use: why a tube cannot be measured with a version of an assay. Pure functions on plain values.

A rule is data of the assay's version. All reasons are told at once; what a rule asks for and nobody recorded is a
reason as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from biobank.exact import plain


@dataclass(frozen=True, slots=True)
class Limits:
    """A measured quality within limits, both included; None is no limit."""

    quantity: str
    title: str
    lowest: Decimal | None
    highest: Decimal | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a tube of one material must be. What is None or empty is not asked."""

    specimen_type: str
    min_quantity: Decimal | None = None
    max_freeze_thaws: int | None = None
    max_minutes_to_spin: int | None = None
    max_minutes_to_storage: int | None = None
    measurements: tuple[Limits, ...] = ()
    deviations: frozenset[str] = frozenset()
    sprec: Mapping[int, frozenset[str]] = field(default_factory=dict)

    @property
    def needs_history(self) -> bool:
        """Whether the rule asks for what happened between collection and storage."""
        return bool(self.sprec) or self.max_minutes_to_spin is not None or self.max_minutes_to_storage is not None


@dataclass(frozen=True, slots=True)
class OpenDeviation:
    code: str
    title: str
    blocks_assay: bool


@dataclass(frozen=True, slots=True)
class Tube:
    """What is known of a tube. `measured`: the latest value of each quality; `sprec`: the code of each element."""

    specimen_type: str
    specimen_title: str
    quantity: Decimal
    unit: str
    freeze_thaws: int
    measured: Mapping[str, Decimal] = field(default_factory=dict)
    deviations: tuple[OpenDeviation, ...] = ()
    sprec: Mapping[int, str] = field(default_factory=dict)
    minutes_to_spin: Decimal | None = None
    minutes_to_storage: Decimal | None = None


def unfit(tube: Tube, rules: Sequence[Rule]) -> tuple[str, ...]:
    """All reasons why a tube is unfit; empty when it is fit. Without rules any material is taken."""
    reasons = [f"deviation: {one.title}" for one in tube.deviations if one.blocks_assay]
    rule = next((one for one in rules if one.specimen_type == tube.specimen_type), None)
    if rule is None:
        if rules:
            takes = ", ".join(sorted(one.specimen_type for one in rules))
            reasons.append(f"{tube.specimen_title} ({tube.specimen_type}): the assay takes {takes}")
        return tuple(reasons)
    return (*reasons, *_broken(tube, rule))


def _broken(tube: Tube, rule: Rule) -> Iterator[str]:
    if rule.min_quantity is not None and tube.quantity < rule.min_quantity:
        holds, needs = plain(tube.quantity), plain(rule.min_quantity)
        yield f"holds {holds:f} {tube.unit}, the assay needs {needs:f}"
    if rule.max_freeze_thaws is not None and tube.freeze_thaws > rule.max_freeze_thaws:
        yield f"thawed {tube.freeze_thaws} times, at most {rule.max_freeze_thaws}"
    for limits in rule.measurements:
        yield from _measured(tube.measured.get(limits.quantity), limits)
    for one in tube.deviations:
        if one.code in rule.deviations and not one.blocks_assay:
            yield f"deviation: {one.title}"
    yield from _delay("collection to spin", tube.minutes_to_spin, rule.max_minutes_to_spin)
    yield from _delay("collection to storage", tube.minutes_to_storage, rule.max_minutes_to_storage)
    for element, allowed in sorted(rule.sprec.items()):
        code = tube.sprec.get(element)
        if code not in allowed:
            yield f"SPREC element {element} is {code or 'not known'}, the assay takes {', '.join(sorted(allowed))}"


def _measured(value: Decimal | None, limits: Limits) -> Iterator[str]:
    if value is None:
        yield f"{limits.title} is not measured"
    elif limits.lowest is not None and value < limits.lowest:
        yield f"{limits.title} is {plain(value):f}, at least {plain(limits.lowest):f}"
    elif limits.highest is not None and value > limits.highest:
        yield f"{limits.title} is {plain(value):f}, at most {plain(limits.highest):f}"


def _delay(what: str, minutes: Decimal | None, most: int | None) -> Iterator[str]:
    if most is None:
        return
    if minutes is None:
        yield f"{what}: the time is not recorded, at most {most} min"
    elif minutes > most:
        yield f"{what} took {minutes.quantize(Decimal(1)):f} min, at most {most}"
