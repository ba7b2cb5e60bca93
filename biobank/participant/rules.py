"""Rules of studies, consent and visits. Pure functions on plain values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from biobank.errors import Conflict, DomainError, Invalid, NotFound

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
    title = "Somebody else recorded a consent at this moment"


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
    "uq_consent_current": lambda: ConsentRecordedMeanwhile(
        "Somebody else recorded a consent of this participant at this moment: look at it first."
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


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a withdrawal of one level does from the moment it is recorded, and what it leaves as it is."""

    title: str
    will: tuple[str, ...]
    will_not: tuple[str, ...]


_KEPT = "The consents, the record of who had which tube, and the audit trail stay as they are."
_USABLE = "Tubes and results stay usable, and new tubes may be collected at visits that the participant still comes to."
_STOPPED = (
    "No tube of the participant is collected, divided, pooled, packed, shipped or put on a plate any more.",
    "Every one of these steps is refused from now on, and says why.",
    "The participant's results are left out of every new pull of results.",
    "The participant's status becomes withdrawn.",
)
_LEFT = (
    "No tube is moved: what is stored stays in its position, what is packed in its package until it is taken out.",
    "Tubes that have left the house are not called back by this record: write to who has them.",
    "Results that were pulled before stay in the files that hold them.",
    _KEPT,
)

CONSEQUENCES: Mapping[str, Consequences] = {
    "no_contact": Consequences(
        "No further contact",
        ("The withdrawal stands on the participant's page with its moment: nobody is to contact them.",),
        (_USABLE, _KEPT),
    ),
    "no_access": Consequences(
        "No further access to records",
        ("The withdrawal stands on the participant's page: nothing more is to be taken from their health records.",),
        (_USABLE, _KEPT),
    ),
    "no_further_use": Consequences("No further use", _STOPPED, ("No tube is destroyed.", *_LEFT)),
    "destroy": Consequences(
        "Destruction of what is stored",
        _STOPPED,
        ("No tube is destroyed by this record: disposal is a deed of its own, done and recorded tube by tube.", *_LEFT),
    ),
}
"""By level. The page shows these before a withdrawal is confirmed, so they say what the house does and no more."""


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
