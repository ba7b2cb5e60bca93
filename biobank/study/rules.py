"""Rules of studies and of the days and hours of their sites. Pure functions on plain values."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from biobank.errors import Conflict, DomainError, Invalid, Stale


class StudyExists(Conflict):
    code = "study-exists"
    title = "There is such a study or site already"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_study_code": lambda: StudyExists("A study of this code exists already."),
    "ck_study_code": lambda: Invalid(
        "A study code is 2 to 16 capital letters, digits or hyphens.", errors={"code": "is not a valid code"}
    ),
    "uq_site_code": lambda: StudyExists("A site of this code exists already."),
    "ck_site_code": lambda: Invalid(
        "A site code is 2 to 16 capital letters, digits or hyphens.", errors={"code": "is not a valid code"}
    ),
    "uq_study_site_once": lambda: StudyExists("The site takes part in this study already."),
    "uq_cohort_code": lambda: StudyExists("The study has a cohort of this code already."),
    "uq_visit_type_code": lambda: StudyExists("The study has a visit type of this code already."),
    "uq_consent_document_version": lambda: StudyExists(
        "The study has this version of the consent form in this language already."
    ),
    "ck_consent_document_approval_dates": lambda: Invalid(
        "An approval ends after it begins.", errors={"approved_to": "lies before the beginning"}
    ),
}


def check_approval(approved_from: date, approved_to: date | None) -> None:
    """Raises Invalid: the approval would end before it begins."""
    if approved_to is not None and approved_to < approved_from:
        raise Invalid(
            f"The approval began on {approved_from.isoformat()}: it ends on that day or later.",
            errors={"approved_to": "lies before the beginning"},
        )


def check_scopes(scopes: Collection[str], known: Collection[str]) -> None:
    """Raises Invalid: a form asks for a scope that there is not."""
    unknown = sorted(set(scopes) - set(known))
    if unknown:
        raise Invalid(
            f"There is no scope {', '.join(unknown)}: choose from {', '.join(sorted(known))}.",
            errors={"scopes": "names an unknown scope"},
        )


def check_form_version(seen: int, stored: int) -> None:
    """Raises Stale: somebody changed the consent form since it was shown."""
    if seen != stored:
        raise Stale("Somebody else changed this consent form: look at it again.", seen=seen, row_version=stored)


def at_site(text: str, timezone: str, field: str) -> datetime:
    """The moment that a form means by a local time such as `2026-11-23T09:41`. A text with an offset keeps it.

    Of an hour that occurs twice when clocks are set back, the first is meant.

    Raises:
        Invalid: no time, or one that was skipped when clocks were set forward.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("A time is written like 2026-11-23T09:41.", errors={field: "is not a time"}) from None
    if moment.tzinfo is not None:
        return moment
    meant = moment.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    if meant.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) != moment:
        raise Invalid(
            f"This time does not exist in {timezone}: the clocks were set forward over it.",
            errors={field: "was skipped when the clocks were set forward"},
        )
    return meant


def check_timezone(name: str) -> None:
    """A site's zone decides its "today".

    Raises:
        Invalid: not a zone of the IANA database.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid(
            f"{name} is no time zone: write one like America/Toronto.", errors={"timezone": "is no time zone"}
        ) from None


def today(now: datetime, timezone: str) -> date:
    return now.astimezone(ZoneInfo(timezone)).date()


def check_not_future(day: date, now: datetime, timezone: str, field: str) -> None:
    """Nothing is recorded before it happened; what today is, the site's time zone says.

    Raises:
        Invalid: the day lies ahead.
    """
    if day > today(now, timezone):
        raise Invalid(
            f"{day.isoformat()} lies in the future at this site ({timezone}).", errors={field: "lies in the future"}
        )
