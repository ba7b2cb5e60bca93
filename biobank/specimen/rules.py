"""Rules of tubes: times in order, quantities that add up, what may be worked on. Pure functions on plain values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from biobank.errors import Conflict, DomainError, Invalid, Stale
from biobank.exact import plain
from biobank.identifier import rules as identifier_rules
from biobank.ids import grouped
from biobank.specimen.steps import OutOfOrder

CLOCK_TOLERANCE = timedelta(minutes=5)
"""A bench clock may run ahead of the service by this much; more is a moment in the future."""

HOME_COLLECTION = timedelta(days=1)
"""First-morning urine and home kits may be collected the day before the visit that they belong to."""

CONSENT_TO_KEEP = ("biobank_storage",)
"""What a participant must have granted before material is taken, divided or pooled."""

_CONVERSIONS: Mapping[tuple[str, str], int] = {("mL", "uL"): 1000, ("L", "uL"): 1_000_000, ("g", "mg"): 1000}
_IN_MICROLITRES = "uL"


class NotEnoughMaterial(Conflict):
    """More was asked of a tube than it holds. `balance` is what it holds at this moment."""

    code = "not-enough-material"
    title = "The tube does not hold that much"


class TubeNotUsable(Conflict):
    """The tube is gone, away, on hold or set apart. `codes` names all tubes of the request that are."""

    code = "tube-not-usable"
    title = "This tube cannot be worked on"


class NotInDoubt(Conflict):
    code = "not-in-doubt"
    title = "It is not in doubt whose tube this is"


class LineageRefused(Conflict):
    code = "lineage-refused"
    title = "This tube cannot be made from that one"


class VisitNotDone(Conflict):
    code = "visit-not-done"
    title = "This visit has not taken place"


class BalanceChanged(Stale):
    code = "balance-changed"
    title = "The tube's content changed meanwhile"


class DeviationOpen(Conflict):
    """`codes` names the tubes that have the deviation already."""

    code = "deviation-open"
    title = "This deviation is open already"


class RecordChanged(Stale):
    code = "record-changed"
    title = "The record was corrected meanwhile"


class PermanentRecord(Conflict):
    """Ledger, lineage, codes and ends are added to and never rewritten."""

    code = "permanent-record"
    title = "This record is never changed"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    **identifier_rules.CONSTRAINTS,
    "ck_specimen_quantity_not_negative": lambda: NotEnoughMaterial(
        "A tube does not hold as much as was to be taken: look at its balance and take less."
    ),
    "ck_quantity_ledger_unit_of_the_tube": lambda: Invalid(
        "A quantity is posted in the unit that its tube is measured in.", errors={"unit": "is not the tube's unit"}
    ),
    "ck_quantity_ledger_delta_not_zero": lambda: Invalid(
        "A posting changes something: zero is none.", errors={"quantity": "changes nothing"}
    ),
    "ck_specimen_quantity_follows_ledger": lambda: PermanentRecord(
        "The quantity of a tube follows from its ledger: post a correction with a reason."
    ),
    "ck_quantity_ledger_append_only": lambda: PermanentRecord(
        "The quantity ledger is only added to: post a correction with a reason."
    ),
    "ck_derivation_append_only": lambda: PermanentRecord(
        "What was made from what is only added to: a tube made by mistake is marked as entered in error."
    ),
    "ck_specimen_code_never_changes": lambda: PermanentRecord("The house id of a tube never changes."),
    "ck_specimen_freeze_thaw_monotone": lambda: PermanentRecord("The freeze-thaw count of a tube never falls."),
    "ck_specimen_freeze_thaw_not_negative": lambda: PermanentRecord("The freeze-thaw count of a tube never falls."),
    "ck_custody_end_is_final": lambda: PermanentRecord(
        "A tube that was disposed of, used up or handed over cannot come back."
    ),
    "ck_custody_exactly_one_place": lambda: Conflict("A tube is at exactly one place: name one."),
    "ck_derivation_same_participant": lambda: LineageRefused(
        "A tube is made from tubes of one participant; only a pool may have several."
    ),
    "ck_derivation_acyclic": lambda: LineageRefused("A tube cannot be made from itself or from what was made from it."),
    "ck_derivation_after_parent": lambda: LineageRefused(
        "A tube is made after the tube that it is made from: correct the time."
    ),
    "ck_derivation_no_self": lambda: LineageRefused("A tube cannot be made from itself."),
    "uq_derivation_edge": lambda: LineageRefused("This tube is recorded as made from that one already."),
    "uq_processing_input_once": lambda: Invalid(
        "A tube is named twice: name each once.", errors={"specimens": "names a tube twice"}
    ),
    "uq_deviation_open": lambda: DeviationOpen(
        "A tube has this deviation open already: leave it out, or resolve it first."
    ),
    "ck_deviation_resolved_with_words": lambda: Invalid(
        "A deviation is resolved with words.", errors={"resolution": "is missing"}
    ),
    "ck_deviation_resolved_is_final": lambda: PermanentRecord(
        "A deviation that was resolved stays as it is: record a new one."
    ),
    "fk_deviation_type_code": lambda: Invalid(
        "There is no such deviation type.", errors={"type": "is not a deviation type"}
    ),
    "uq_processing_reagent_once": lambda: Invalid(
        "A lot is named twice: name each once.", errors={"reagents": "names a lot twice"}
    ),
    "ck_processing_input_after_collection": lambda: OutOfOrder(
        "Work on a tube begins after it was collected: correct the time, or name a deviation."
    ),
    "ck_processing_event_not_ahead": lambda: Invalid(
        "This moment lies in the future.", errors={"started_at": "lies in the future"}
    ),
    "ck_package_item_no_blocking_deviation": lambda: TubeNotUsable(
        "A tube has an open deviation that keeps it from being shipped: resolve it, or keep the tube here.", codes=[]
    ),
    "ck_shipment_no_blocking_deviation": lambda: TubeNotUsable(
        "A packed tube has an open deviation that keeps it here: open the shipment again and put it back.",
        codes=[],
    ),
    "ck_well_no_blocking_deviation": lambda: TubeNotUsable(
        "A tube has an open deviation that keeps it from being measured: resolve it, or take another tube.", codes=[]
    ),
    "ck_qc_measurement_append_only": lambda: PermanentRecord(
        "A measurement is never changed: record another; the latest counts."
    ),
    "ck_processing_event_ends_after_start": lambda: Invalid(
        "Work ends after it begins.", errors={"ended_at": "lies before the beginning"}
    ),
    "ck_processing_event_settings_positive": lambda: Invalid(
        "A force and a duration are above zero.", errors={"g_force": "is not above zero"}
    ),
    "fk_specimen_specimen_type": lambda: Invalid(
        "There is no such specimen type.", errors={"specimen_type": "is not a specimen type"}
    ),
    "fk_specimen_tube_type": lambda: Invalid("There is no such tube type.", errors={"tube_type": "is not a tube type"}),
    "fk_specimen_study_site": lambda: Conflict("The site that has these tubes does not take part in their study."),
    "fk_processing_event_study_site": lambda: Conflict(
        "The site that has these tubes does not take part in their study: hand them over to one that does."
    ),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A specimen type: its unit is the one that all its tubes are measured in."""

    code: str
    title: str
    unit: str


@dataclass(frozen=True, slots=True)
class TubeKind:
    code: str
    title: str
    capacity_ul: Decimal


@dataclass(frozen=True, slots=True)
class TubeState:
    """What decides whether a tube may be worked on. `place` is position, holder, package, party or ended."""

    code: str
    existence: str
    quality: str
    hold: str | None
    place: str


_AWAY = {"package": "is in a package", "party": "is with an external party"}


def obstacle(tube: TubeState, *, quality: bool = True) -> str | None:
    """Why a tube cannot be worked on; None when it can. Without `quality` a tube set apart counts as usable."""
    if tube.existence != "exists":
        return f"is {tube.existence.replace('_', ' ')}"
    if tube.hold is not None:
        return f"is on hold ({tube.hold.replace('_', ' ')})"
    if quality and tube.quality != "acceptable":
        return f"is {tube.quality}"
    return _AWAY.get(tube.place)


def check_usable(tubes: Iterable[TubeState], *, quality: bool = True) -> None:
    """All tubes are here, exist, and are neither on hold nor set apart.

    Raises:
        TubeNotUsable: naming every tube that is not, and why.
    """
    refused = {tube.code: reason for tube in tubes if (reason := obstacle(tube, quality=quality))}
    if refused:
        words = "; ".join(f"{grouped(code)} {reason}" for code, reason in refused.items())
        raise TubeNotUsable(f"Not possible: {words}.", codes=sorted(refused))


def check_there(tubes: Iterable[tuple[str, str]]) -> None:
    """Something can still be said of tubes, by code and existence, wherever they are.

    Raises:
        TubeNotUsable: naming every tube whose record has ended.
    """
    gone = {code: existence for code, existence in tubes if existence != "exists"}
    if gone:
        words = "; ".join(f"{grouped(code)} is {existence.replace('_', ' ')}" for code, existence in gone.items())
        raise TubeNotUsable(f"Not possible: {words}.", codes=sorted(gone))


def check_not_open(kind: str, codes: Sequence[str]) -> None:
    """A tube has a deviation of one type once, until it is resolved.

    Raises:
        DeviationOpen: naming the tubes that have it already.
    """
    if codes:
        words = ", ".join(grouped(code) for code in codes)
        raise DeviationOpen(
            f"Nothing was recorded: {words} has this deviation open already. Leave it out, or resolve it first.",
            type=kind,
            codes=list(codes),
        )


def check_each_once(codes: Sequence[str], field: str) -> None:
    """A tube is named once in a request.

    Raises:
    Invalid: a tube is named twice.
    """
    if len(set(codes)) != len(codes):
        raise Invalid("A tube is named twice: name each once.", errors={field: "names a tube twice"})


def check_not_ahead(moment: datetime, now: datetime, field: str) -> None:
    """Nothing is recorded before it happened.

    Raises:
    Invalid: the moment lies in the future by more than a clock may be wrong.
    """
    if moment > now + CLOCK_TOLERANCE:
        raise Invalid("This moment lies in the future.", errors={field: "lies in the future"})


def to_the_minute(moment: datetime) -> datetime:
    """The minute that a moment lies in: what is typed has no seconds, what a scanner sends has."""
    return moment.replace(second=0, microsecond=0)


def check_visit_done(status: str, visit: str) -> None:
    """Tubes belong to a visit that took place.

    Raises:
    VisitNotDone: nothing is collected at a visit that did not take place.
    """
    if status != "done":
        raise VisitNotDone(f"Visit {visit} is {status}: record that it took place first.", visit=visit)


def check_collected(collected_at: datetime, occurred_on: date, enrolled_on: date, now: datetime, timezone: str) -> None:
    """Collected after enrolment, at the visit or the day before it, and not in the future; days are those of the site.

    Raises:
        Invalid: naming the rule that the moment breaks.
    """
    check_not_ahead(collected_at, now, "collected_at")
    day = collected_at.astimezone(ZoneInfo(timezone)).date()
    if day < enrolled_on:
        raise Invalid(
            f"The participant was enrolled on {enrolled_on.isoformat()}, after this collection.",
            errors={"collected_at": "lies before the enrolment"},
        )
    if day < occurred_on - HOME_COLLECTION:
        raise Invalid(
            f"The visit was on {occurred_on.isoformat()}: material is collected then, or at home the day before.",
            errors={"collected_at": "lies before the visit"},
        )


def check_worked(
    started_at: datetime,
    ended_at: datetime | None,
    born: Mapping[str, datetime | None],
    now: datetime,
    field: str = "started_at",
) -> None:
    """Work begins after its tubes came to be (`born`, by code), ends after it began, and has happened.

    Raises:
        Invalid: naming the tube or the field.
    """
    check_not_ahead(started_at, now, field)
    if ended_at is not None:
        check_not_ahead(ended_at, now, "ended_at")
        if ended_at < started_at:
            raise Invalid("Work ends after it begins.", errors={"ended_at": "lies before the beginning"})
    early = sorted(code for code, moment in born.items() if moment is not None and started_at < to_the_minute(moment))
    if early:
        raise Invalid(
            f"{', '.join(grouped(code) for code in early)} did not exist yet at that time: collected or made later.",
            errors={field: "lies before the tube came to be"},
            codes=early,
        )


def in_unit(quantity: Decimal, unit: str | None, kind: Kind, field: str) -> Decimal:
    """A quantity in the unit that its material is measured in; mL, L and g are converted exactly.

    Raises:
        Invalid: the material is not measured in anything like `unit`.
    """
    if unit is None or unit == kind.unit:
        return plain(quantity)
    factor = _CONVERSIONS.get((unit, kind.unit))
    if factor is None:
        raise Invalid(f"{kind.title} is measured in {kind.unit}.", errors={field: f"is not {kind.unit}"})
    return plain(quantity * factor)


def check_fits(quantity: Decimal, kind: Kind, tube: TubeKind, field: str) -> None:
    """A volume fits its tube. Cells and masses are not compared with a volume.

    Raises:
        Invalid: the tube holds less.
    """
    if kind.unit == _IN_MICROLITRES and quantity > tube.capacity_ul:
        raise Invalid(
            f"{tube.title} holds {plain(tube.capacity_ul):f} uL, not {quantity:f}.",
            errors={field: f"is more than the {plain(tube.capacity_ul):f} uL that the tube holds"},
        )


def check_enough(code: str, balance: Decimal, wanted: Decimal, unit: str) -> None:
    """Nothing is taken that a tube does not hold.

    Raises:
    NotEnoughMaterial: naming what the tube holds at this moment.
    """
    if wanted > balance:
        raise NotEnoughMaterial(
            f"{grouped(code)} holds {balance:f} {unit}, and {wanted:f} {unit} were asked for: "
            "take less, or correct the balance.",
            specimen=code,
            balance=str(balance),
            wanted=str(wanted),
            unit=unit,
        )


def level_of(parent: Kind, child: Kind) -> str:
    """An aliquot is the same material in another tube; anything else is a derivative."""
    return "aliquot" if parent.code == child.code else "derivative"


def taken(made: Decimal, consumes: Decimal | None, parent: Kind, child: Kind) -> Decimal:
    """How much of the parent is used, in its unit: what was said, or what was made where both are measured alike.

    Raises:
        Invalid: the units differ and nothing was said, or aliquots would hold more than was taken for them.
    """
    if consumes is None:
        if parent.unit != child.unit:
            raise Invalid(
                f"{child.title} is measured in {child.unit}, {parent.title} in {parent.unit}: say how much was used.",
                errors={"consumes": f"is missing: how much {parent.unit} was used"},
            )
        return made
    if parent.code == child.code and consumes < made:
        raise Invalid(
            f"The aliquots hold {made:f} {child.unit}, more than the {consumes:f} that were taken.",
            errors={"consumes": "is less than the aliquots hold"},
        )
    return consumes


def check_labels(labels: int, vials: int) -> None:
    """Raises Invalid: more labels were scanned than there are vials."""
    if labels > vials:
        raise Invalid(
            f"{labels} labels were scanned for {vials} {'vial' if vials == 1 else 'vials'}: each vial has one.",
            errors={"labels": "are more than the vials"},
        )


def check_blind(blind: int, count: int) -> None:
    """A blind duplicate has a twin among the vials of the same deed.

    Raises:
        Invalid: all vials would be blind duplicates.
    """
    if blind >= count:
        raise Invalid(
            "A blind duplicate has a twin: at least one of the vials is not blind.",
            errors={"blind_duplicates": "leaves no vial that is not blind"},
        )


def check_all_in_vials(obtained: Decimal, made: Decimal, kind: Kind) -> None:
    """What was obtained of a new material is in the vials, to the last drop: the ledger balances to the yield.

    Raises:
        Invalid: the vials hold more or less.
    """
    if obtained != made:
        raise Invalid(
            f"{plain(obtained):f} {kind.unit} were obtained, and the vials hold {plain(made):f}: "
            "add a last, short vial, or correct what was obtained.",
            errors={"obtained": f"is not the {plain(made):f} {kind.unit} that the vials hold"},
        )


def check_first_measured(code: str, difference: Decimal, *, divided: bool) -> None:
    """What a tube really holds is found when it is first divided; later its record is corrected with a reason.

    Raises:
        Invalid: something was taken from it before.
    """
    if difference and divided:
        raise Invalid(
            f"Something was taken from {grouped(code)} before: correct its quantity with a reason, then divide it.",
            errors={"obtained": "differs from the balance of a tube that was divided before"},
        )


def check_correction(delta: Decimal, cause: str) -> None:
    """A correction changes something, and a loss takes away.

    Raises:
    Invalid: the record says so already, or a loss would add material.
    """
    if delta == 0:
        raise Invalid("The record says so already.", errors={"quantity": "is what is recorded"})
    if delta > 0 and cause != "correction":
        raise Invalid(f"A {cause} cannot add material: call it a correction.", errors={"cause": "cannot add material"})
