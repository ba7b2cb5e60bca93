"""What a protocol must be in itself and beside the code tables of the house. Pure functions on plain values."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from biobank.errors import Conflict, DomainError, Invalid, NotFound
from biobank.protocol.document import SPUN, AliquotSpec, Document, StepSpec, TubeSpec, VisitSpec

Path = tuple[str | int, ...]
"""Where in a document something stands: `("visits", 0, "tubes", 2, "unit")`."""

SHOWN = 200
"""So many problems of one document are named; a file with more is another file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a document. Line and column, from 1, are known of a file only."""

    kind: str
    path: Path
    message: str
    value: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """`visits[0].tubes[2].unit`, as people write it."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".") or "the document"

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        return f"{where}{self.place}: {self.message}"


class ProtocolRefused(Invalid):
    """The document as a whole, with every problem in it."""

    code = "protocol-refused"
    title = "The protocol has faults"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        shown = self.problems[:SHOWN]
        count = len(self.problems)
        super().__init__(
            f"{count} {'problem' if count == 1 else 'problems'}: " + "; ".join(str(one) for one in shown[:20]),
            errors={one.place: one.message for one in shown},
            problems=[
                {
                    "kind": one.kind,
                    "path": one.place,
                    "message": one.message,
                    "value": one.value,
                    "line": one.line,
                    "column": one.column,
                }
                for one in shown
            ],
        )


class ProtocolDraftExists(Conflict):
    code = "protocol-draft-exists"
    title = "The study has a draft of its protocol already"


class NoProtocolDraft(NotFound):
    code = "no-protocol-draft"
    title = "The study has no draft of its protocol"


class ProtocolIsFinal(Conflict):
    code = "protocol-is-final"
    title = "This version of the protocol never changes"


class EffectiveDayTooEarly(Invalid):
    code = "effective-day-too-early"
    title = "The version would begin before the present one"


class NoProtocolInForce(Conflict):
    code = "no-protocol-in-force"
    title = "No protocol was in force on that day"


class VisitNotInProtocol(Invalid):
    code = "visit-not-in-protocol"
    title = "The protocol has no such visit"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_protocol_version_draft": lambda: ProtocolDraftExists(
        "Somebody else started a draft of this protocol at this moment: go on with that one."
    ),
    "uq_protocol_version_number": lambda: ProtocolDraftExists(
        "Somebody else started a draft of this protocol at this moment: go on with that one."
    ),
    "uq_protocol_version_effective": lambda: EffectiveDayTooEarly(
        "Another version begins on this day already: choose a later one.",
        errors={"effective_from": "is the day of another version"},
    ),
    "ck_protocol_version_begins_later": lambda: EffectiveDayTooEarly(
        "A version begins after the one before it: choose a later day.",
        errors={"effective_from": "is not after the day of the present version"},
    ),
    "ck_protocol_version_final": lambda: ProtocolIsFinal(
        "A published or discarded version of the protocol never changes: start a draft from it."
    ),
    "ck_protocol_version_plans_a_visit": lambda: Invalid(
        "A protocol plans at least one visit: add one before it is published.", errors={"visits": "are missing"}
    ),
}


@dataclass(frozen=True, slots=True)
class Tube:
    """A kind of tube: what it holds, in microlitres, and its SPREC container."""

    capacity_ul: Decimal
    sprec_container: str | None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms that a protocol may use. `units` are by specimen type; an origin is (material, made of, container),
    with None for any container.
    """

    units: Mapping[str, str]
    tubes: Mapping[str, Tube]
    temperatures: frozenset[str]
    scopes: frozenset[str]
    cohorts: frozenset[str]
    origins: frozenset[tuple[str, str, str | None]]

    def comes_of(self, material: str, specimen_type: str, tube_type: str) -> bool:
        """Whether a material can be made of another in such a tube."""
        container = self.tubes[tube_type].sprec_container
        return bool({(material, specimen_type, None), (material, specimen_type, container)} & self.origins)


@dataclass(slots=True)
class _Findings:
    vocabulary: Vocabulary
    elsewhere: frozenset[str]
    problems: list[Problem] = field(default_factory=list)

    def say(self, kind: str, path: Path, message: str, value: object = None) -> None:
        self.problems.append(Problem(kind, path, message, None if value is None else str(value)))


def problems_of(
    document: Document, vocabulary: Vocabulary, *, study: str | None = None, elsewhere: Iterable[str] = ()
) -> list[Problem]:
    """Everything that is wrong in a document of the right shape.

    Args:
        document: as it was read.
        vocabulary: the terms of the house and of the study.
        study: whose protocol it is to be.
        elsewhere: codes of visits that were left out because their own shape is wrong.
    """
    found = _Findings(vocabulary, frozenset(elsewhere))
    if study is not None and document.study != study:
        found.say("other-study", ("study",), f"this is the protocol of {study}", document.study)
    _repeated(found, ("visits",), [visit.code for visit in document.visits], "visit")
    own = {visit.code for visit in document.visits if visit.same_tubes_as is None} | found.elsewhere
    for index, visit in enumerate(document.visits):
        _visit(found, ("visits", index), visit, {one.code for one in document.visits} | found.elsewhere, own)
    _windows(found, document)
    return found.problems


def _repeated(found: _Findings, path: Path, codes: list[str], noun: str) -> None:
    counts = Counter(codes)
    seen: set[str] = set()
    for index, code in enumerate(codes):
        if counts[code] > 1 and code in seen:
            found.say("duplicate-code", (*path, index, "code"), f"there is a {noun} of this code before", code)
        seen.add(code)


def _visit(found: _Findings, path: Path, visit: VisitSpec, known: set[str], own: set[str]) -> None:
    if visit.day is None and (visit.before or visit.after):
        found.say("contradiction", (*path, "day"), "a visit with a window needs its day")
    other = visit.same_tubes_as
    if other is not None:
        at = (*path, "same_tubes_as")
        if visit.tubes:
            found.say("contradiction", at, "a visit has tubes of its own or those of another, not both", other)
        elif other not in known:
            found.say("unknown-visit", at, "no visit of this protocol has this code", other)
        elif other not in own:
            found.say("contradiction", at, "name the visit whose own tubes they are", other)
    _repeated(found, (*path, "tubes"), [tube.code for tube in visit.tubes], "tube")
    for index, tube in enumerate(visit.tubes):
        _tube(found, (*path, "tubes", index), tube)


def _windows(found: _Findings, document: Document) -> None:
    """Windows of scheduled visits do not overlap: a day belongs to one planned visit at most."""
    scheduled = sorted(
        ((visit, index) for index, visit in enumerate(document.visits) if visit.day is not None),
        key=lambda pair: (pair[0].first, pair[0].last),
    )
    if not scheduled:
        return
    earlier = scheduled[0][0]
    for later, index in scheduled[1:]:
        if later.first <= earlier.last:
            found.say(
                "windows-overlap",
                ("visits", index, "day"),
                f"the window (days {later.first} to {later.last}) begins before that of {earlier.code} ends "
                f"(days {earlier.first} to {earlier.last})",
                later.day,
            )
        earlier = max(earlier, later, key=lambda visit: visit.last)


def _content(found: _Findings, path: Path, part: TubeSpec | AliquotSpec) -> bool:
    """Type, tube, unit and volume of a tube or vial. Answers whether type and tube are known."""
    terms = found.vocabulary
    known = True
    if part.specimen_type not in terms.units:
        known = False
        found.say(
            "unknown-specimen-type",
            (*path, "specimen_type"),
            f"is no specimen type: choose from {', '.join(sorted(terms.units))}",
            part.specimen_type,
        )
    elif part.unit != terms.units[part.specimen_type]:
        found.say(
            "other-unit",
            (*path, "unit"),
            f"{part.specimen_type} is measured in {terms.units[part.specimen_type]}",
            part.unit,
        )
    if part.tube_type not in terms.tubes:
        known = False
        found.say(
            "unknown-tube-type",
            (*path, "tube_type"),
            f"is no tube type: choose from {', '.join(sorted(terms.tubes))}",
            part.tube_type,
        )
    elif part.unit == "uL" and part.quantity > terms.tubes[part.tube_type].capacity_ul:
        found.say(
            "over-capacity",
            (*path, "quantity"),
            f"is more than a tube {part.tube_type} holds, {plain_text(terms.tubes[part.tube_type].capacity_ul)} uL",
            plain_text(part.quantity),
        )
    if part.store is not None and part.store not in terms.temperatures:
        found.say(
            "unknown-temperature-class",
            (*path, "store"),
            f"is no temperature class: choose from {', '.join(sorted(terms.temperatures))}",
            part.store,
        )
    return known


def plain_text(value: Decimal) -> str:
    return f"{value:f}"


def _tube(found: _Findings, path: Path, tube: TubeSpec) -> None:
    terms = found.vocabulary
    known = _content(found, path, tube)
    if tube.cohort is not None and tube.cohort not in terms.cohorts:
        choice = f"choose from {', '.join(sorted(terms.cohorts))}" if terms.cohorts else "it has none"
        found.say("unknown-cohort", (*path, "cohort"), f"is no cohort of the study: {choice}", tube.cohort)
    if tube.consent_scope is not None and tube.consent_scope not in terms.scopes:
        found.say(
            "unknown-consent-scope",
            (*path, "consent_scope"),
            f"is no consent scope: choose from {', '.join(sorted(terms.scopes))}",
            tube.consent_scope,
        )
    spent = 0
    for index, step in enumerate(tube.steps):
        _step(found, (*path, "steps", index), step, spent)
        spent += step.min_minutes or 0
    made = Decimal(0)
    for index, aliquot in enumerate(tube.aliquots):
        at = (*path, "aliquots", index)
        if _content(found, at, aliquot) and known:
            if not terms.comes_of(aliquot.specimen_type, tube.specimen_type, tube.tube_type):
                found.say(
                    "impossible-material",
                    (*at, "specimen_type"),
                    f"cannot be made of {tube.specimen_type} in a tube {tube.tube_type}",
                    aliquot.specimen_type,
                )
            if aliquot.unit == tube.unit:
                made += aliquot.count * aliquot.quantity
        if aliquot.blind_duplicates > aliquot.count:
            found.say(
                "contradiction",
                (*at, "blind_duplicates"),
                f"are more than the {aliquot.count} vials",
                aliquot.blind_duplicates,
            )
    if made > tube.count * tube.quantity:
        found.say(
            "volumes-do-not-add-up",
            (*path, "aliquots"),
            f"the vials hold {plain_text(made)} {tube.unit} together, the tubes "
            f"{plain_text(tube.count * tube.quantity)} {tube.unit}",
        )


def _step(found: _Findings, path: Path, step: StepSpec, spent: int) -> None:
    for name, low, high in (
        ("minutes", step.min_minutes, step.max_minutes),
        ("g", step.min_g, step.max_g),
        ("celsius", step.min_celsius, step.max_celsius),
    ):
        if low is not None and high is not None and low > high:
            found.say("contradiction", (*path, f"min_{name}"), f"is more than max_{name}, {high}", low)
    if step.type not in SPUN:
        for name in ("min_g", "max_g", "brake"):
            if getattr(step, name) is not None:
                found.say(
                    "contradiction",
                    (*path, name),
                    f"only {', '.join(sorted(SPUN))} have a force and a brake, not {step.type}",
                    getattr(step, name),
                )
    if step.within_minutes is not None and step.within_minutes < spent:
        found.say(
            "contradiction",
            (*path, "within_minutes"),
            f"the steps before take {spent} minutes at least",
            step.within_minutes,
        )


def check_document(document: Document, vocabulary: Vocabulary, study: str) -> None:
    """The rules of a protocol, all at once.

    Raises:
        ProtocolRefused: naming every problem.
    """
    problems = problems_of(document, vocabulary, study=study)
    if problems:
        raise ProtocolRefused(problems)


def check_effective(day: date, present: date | None) -> None:
    """A version begins after the one before it.

    Raises:
        EffectiveDayTooEarly: on or before the day of the present version.
    """
    if present is not None and day <= present:
        raise EffectiveDayTooEarly(
            f"The present version is in force from {present.isoformat()}: the next begins later, "
            f"not on {day.isoformat()}.",
            errors={"effective_from": f"is not after {present.isoformat()}"},
        )
