"""Rules of studies, consent and visits. Pure functions on plain values."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from biobank.errors import Conflict, DomainError, Invalid, NotFound

LEVELS = ("destroy", "no_further_use", "no_access", "no_contact")
"""Withdrawal levels from the strongest to the weakest."""

STOPPING_LEVELS = frozenset({"no_further_use", "destroy"})
"""Withdrawal levels after which nothing of the participant may be picked, packed, shipped, assayed or released."""


T0_WITHIN = timedelta(days=3653)
"""How far T0 may lie from the enrolment."""


class VisitExists(Conflict):
    code = "visit-exists"
    title = "This visit is recorded already"


class OutsideWindow(Invalid):
    code = "outside-window"
    title = "The visit took place outside its window"


class VisitNotOpen(Conflict):
    code = "visit-not-open"
    title = "This visit is not open"


class VisitWindowOpen(Conflict):
    code = "visit-window-open"
    title = "The window of this visit is not over"


class ConsentMissing(Conflict):
    """The consent gate: a person did not allow this, or withdrew."""

    code = "consent-missing"
    title = "Consent does not cover this"


class ParticipantWithdrawn(Conflict):
    code = "participant-withdrawn"
    title = "The participant has withdrawn"


class ConsentRecordedMeanwhile(Conflict):
    code = "consent-recorded-meanwhile"
    title = "A consent that begins at this moment is recorded already"


class ConsentInError(Conflict):
    code = "consent-in-error"
    title = "This consent is marked as entered in error already"


class ConsentPermanent(Conflict):
    code = "consent-permanent"
    title = "A consent is never edited"


class ConsentFormNotApproved(Invalid):
    code = "consent-form-not-approved"
    title = "This consent form was not approved on that day"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "fk_participant_study_site": lambda: NotFound("The site does not take part in this study."),
    "uq_participant_alias_value": lambda: Conflict(
        "This identifier of the other system belongs to a participant already."
    ),
    "ck_participant_year_of_birth": lambda: Invalid(
        "A year of birth lies between 1900 and 2100.", errors={"year_of_birth": "is not a year of birth"}
    ),
    "uq_visit_once": lambda: VisitExists("This visit of the participant is recorded already."),
    "uq_consent_beginning": lambda: ConsentRecordedMeanwhile(
        "A consent of this participant that begins at this very moment is recorded already: look at it first. If it is "
        "wrong, mark it as entered in error, then record the right one."
    ),
    "ck_consent_never_edited": lambda: ConsentPermanent(
        "A consent is never edited: mark it as entered in error, and record the right one."
    ),
    "ck_consent_append_only": lambda: ConsentPermanent("A consent is never deleted: mark it as entered in error."),
    "ck_consent_decision_append_only": lambda: ConsentPermanent("The decisions of a consent are never edited."),
    "ck_withdrawal_append_only": lambda: ConsentPermanent("A withdrawal is never edited or taken back."),
    "ck_consent_effective_times": lambda: Invalid(
        "A consent ends after it begins.", errors={"effective_to": "lies before the beginning"}
    ),
    "ck_cohort_membership_no_overlap": lambda: Conflict(
        "The participant belongs to another cohort in this time already: a move begins on or after the day of the last."
    ),
    "uq_cohort_membership_open": lambda: Conflict("The participant is in a cohort already: end that membership first."),
    "ck_cohort_membership_dates": lambda: Invalid(
        "A membership ends after it begins.", errors={"to_on": "lies before the beginning"}
    ),
}


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a participant has decided that counts now: scopes by code, and the strongest withdrawal in force."""

    granted: frozenset[str]
    withdrawal: str | None

    @property
    def stopped(self) -> bool:
        return self.withdrawal in STOPPING_LEVELS


def strongest(levels: Iterable[str]) -> str | None:
    """The level that counts of several; None of none."""
    found = set(levels)
    return next((level for level in LEVELS if level in found), None)


def check_form_approved(version: str, approved_from: date, approved_to: date | None, signed_on: date) -> None:
    """A consent counts when its form was approved on the day of the signature.

    Raises:
        ConsentFormNotApproved: the form was signed before or after its approval.
    """
    if signed_on < approved_from or (approved_to is not None and signed_on > approved_to):
        until = f" to {approved_to.isoformat()}" if approved_to else ""
        raise ConsentFormNotApproved(
            f"Consent form {version} was approved from {approved_from.isoformat()}{until}, "
            f"not on {signed_on.isoformat()}.",
            errors={"version": "was not approved on the day of the signature"},
        )


def check_consent_times(signed_at: datetime, begins: datetime, ends: datetime | None, now: datetime) -> None:
    """A consent was signed, begins then or later, and ends after that.

    Raises:
        Invalid: naming the moment that cannot be.
    """
    if signed_at > now:
        raise Invalid("A consent cannot be signed in the future.", errors={"signed_at": "lies in the future"})
    if begins < signed_at:
        raise Invalid(
            "A consent is in force from its signature on, or later.",
            errors={"effective_from": "lies before the signature"},
        )
    if ends is not None and ends <= begins:
        raise Invalid("A consent ends after it begins.", errors={"effective_to": "lies before the beginning"})


def check_decided(granted: Collection[str], denied: Collection[str], asked: Collection[str]) -> None:
    """Each scope is decided once, and only what the form asks.

    Raises:
        Invalid: a scope is named twice, or the form does not ask it.
    """
    named = [*granted, *denied]
    if len(named) != len(set(named)):
        raise Invalid(
            "A scope is named twice: it is either granted or denied.", errors={"denied": "names a scope twice"}
        )
    unknown = sorted(set(named) - set(asked))
    if unknown:
        raise Invalid(
            f"This form does not ask for {', '.join(unknown)}: it asks for {', '.join(sorted(asked))}.",
            errors={"granted": "names a scope that this form does not ask for"},
        )


def with_zone(moment: datetime | None, field: str) -> datetime | None:
    """Raises Invalid: a moment without a time zone is none."""
    if moment is not None and moment.tzinfo is None:
        raise Invalid("A moment carries its time zone, as 2026-11-23T09:41Z does.", errors={field: "has no time zone"})
    return moment


def check_not_in_error(number: int, in_error_at: datetime | None) -> None:
    """Raises ConsentInError: the consent is marked already."""
    if in_error_at is not None:
        raise ConsentInError(f"Consent number {number} is marked as entered in error already.", number=number)


def check_withdrawn_when(
    effective_at: datetime, requested_at: datetime | None, effective_on: date, enrolled_on: date, now: datetime
) -> None:
    """A withdrawal holds from a moment between the enrolment and now; it was asked for by now. `effective_on` is the
    day at the site.

    Raises:
        Invalid: naming the moment that cannot be.
    """
    if effective_at > now:
        raise Invalid("A withdrawal cannot take effect in the future.", errors={"effective_at": "lies in the future"})
    if effective_on < enrolled_on:
        raise Invalid(
            "A withdrawal takes effect after the enrolment.", errors={"effective_at": "lies before the enrolment"}
        )
    if requested_at is not None and requested_at > now:
        raise Invalid("It cannot be asked for in the future.", errors={"requested_at": "lies in the future"})


def check_born_before(year_of_birth: int | None, enrolled_on: date) -> None:
    """A year of birth is plausible.

    Raises:
        Invalid: born after the enrolment.
    """
    if year_of_birth is not None and year_of_birth > enrolled_on.year:
        raise Invalid(
            "A participant is born before the enrolment.", errors={"year_of_birth": "lies after the enrolment"}
        )


def check_move(from_on: date, enrolled_on: date, since: date | None) -> None:
    """A move to another cohort begins after the enrolment and not before the membership that it ends.

    Raises:
        Invalid: naming the day that it may begin on.
    """
    first = max(enrolled_on, since or enrolled_on)
    if from_on < first:
        raise Invalid(
            f"A move begins on or after {first.isoformat()}, the day of "
            f"{'the enrolment' if since is None else 'the move before, or of the enrolment'}.",
            errors={"from_on": f"lies before {first.isoformat()}"},
        )


def check_t0(t0: date, enrolled_on: date) -> None:
    """T0 lies near the enrolment: years apart it is a slip of the pen.

    Raises:
        Invalid: more than ten years from the enrolment.
    """
    if abs((t0 - enrolled_on).days) > T0_WITHIN.days:
        raise Invalid(
            f"T0 lies within ten years of the enrolment on {enrolled_on.isoformat()}: check the year.",
            errors={"t0": "lies more than ten years from the enrolment"},
        )


def visit_window(t0: date, planned_day: int, before: int, after: int) -> tuple[date, date]:
    """First and last day of a scheduled visit's window."""
    middle = t0 + timedelta(days=planned_day)
    return middle - timedelta(days=before), middle + timedelta(days=after)


def check_in_window(title: str, window: tuple[date, date], day: date, reason: str | None) -> str | None:
    """A planned visit takes place within its window, or there is a reason. Answers the reason that is kept.

    Raises:
        OutsideWindow: naming the window and the day.
    """
    first, last = window
    if first <= day <= last:
        return None
    if not reason:
        raise OutsideWindow(
            f"{title} was to take place from {first.isoformat()} to {last.isoformat()}, not on {day.isoformat()}: "
            "give the reason.",
            errors={"outside_window_reason": f"is needed: the window is {first.isoformat()} to {last.isoformat()}"},
            window_from=first.isoformat(),
            window_to=last.isoformat(),
            day=day.isoformat(),
        )
    return reason


def check_open(title: str, status: str, reason: str | None) -> None:
    """A scheduled visit is recorded once. One that was said to be missed may turn out to have taken place.

    Raises:
        VisitExists: it took place already.
        VisitNotOpen: it was cancelled.
    """
    if status == "done":
        raise VisitExists("This visit of the participant is recorded already.")
    if status == "cancelled":
        raise VisitNotOpen(f"{title} was cancelled ({reason}): plan it again first.", status=status)


def check_window_over(title: str, window_to: date | None, today: date) -> None:
    """A visit was missed when its window is over; before that it can only be cancelled.

    Raises:
        VisitWindowOpen: naming the last day.
    """
    if window_to is not None and window_to >= today:
        raise VisitWindowOpen(
            f"{title} may still take place until {window_to.isoformat()}: cancel it if it is not to.",
            window_to=window_to.isoformat(),
        )


def check_consent(decisions: Mapping[str, Decisions], needed: Iterable[str]) -> None:
    """The consent gate. `decisions` are by participant code.

    Raises:
        ParticipantWithdrawn: naming the participants who withdrew.
        ConsentMissing: naming participants and the scope they did not grant.
    """
    withdrawn = sorted(code for code, decision in decisions.items() if decision.stopped)
    if withdrawn:
        raise ParticipantWithdrawn(
            f"Consent was withdrawn by {', '.join(withdrawn)}: keep these tubes apart.", participants=withdrawn
        )
    for scope in needed:
        missing = sorted(code for code, decision in decisions.items() if scope not in decision.granted)
        if missing:
            raise ConsentMissing(f"{', '.join(missing)} did not grant {scope}.", participants=missing, scope=scope)
