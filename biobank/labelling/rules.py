"""Rules of pre-printed labels: what may be taken, what a range is in, and codes that nobody mistakes for each other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from biobank.errors import Conflict, DomainError, Invalid
from biobank.ids import LENGTH, grouped

MOST = 5_000
"""Labels in one range."""

APART = 3
"""Codes of a range differ in at least so many of their characters."""


class UnknownLabel(Conflict):
    code = "label-unknown"
    title = "No range has this label"


class LabelNotIssued(Conflict):
    code = "label-not-issued"
    title = "This label was never issued"


class LabelOfAnotherSite(Conflict):
    code = "label-of-another-site"
    title = "This label was issued to another site"


class LabelVoided(Conflict):
    code = "label-voided"
    title = "This label is void"


class LabelApplied(Conflict):
    code = "label-applied"
    title = "This label is on a tube already"


class LabelNotApplied(Conflict):
    code = "label-not-applied"
    title = "This label is on no tube yet"


class RangeState(Conflict):
    code = "label-range-state"
    title = "The range is not in the state for this"


class RangeChanged(Conflict):
    code = "label-range-changed"
    title = "Somebody else changed this range at this moment"


def _applied() -> LabelApplied:
    return LabelApplied("Somebody else used this label at this moment: take the next one.")


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "ck_range_label_applied_once": _applied,
    "ck_range_label_voided_is_final": lambda: LabelVoided("This label is void for ever: take another one."),
    "fk_range_label_issued_to": lambda: LabelOfAnotherSite(
        "This label was not issued to the site of the work: take one of the site's own."
    ),
    "ck_identifier_label_is_taken_first": lambda: LabelNotApplied(
        "A pre-printed label is taken from its range before it names a tube."
    ),
    "ck_range_label_code_is_new": lambda: RangeChanged("A code of the range was given out meanwhile: mint it again."),
    "uq_range_label_code": lambda: RangeChanged("A code of the range was given out meanwhile: mint it again."),
    "ck_label_range_issued_is_final": lambda: RangeState("A range that was issued stays with its site."),
    "uq_range_print_copy": lambda: RangeChanged(
        "Somebody else printed this range at this moment: look whether theirs is at hand."
    ),
}


@dataclass(frozen=True, slots=True)
class Label:
    """A pre-printed label as it stands. `here` says whether its range was issued to the site of the work, `applied`
    when and by whom it was used, `voided` why not.
    """

    code: str
    number: int
    issued: bool
    here: bool
    applied: str | None = None
    voided: str | None = None


def check_usable(label: Label) -> None:
    """Whether a label may be stuck on a tube of the site.

    Raises:
        LabelVoided, LabelNotIssued, LabelOfAnotherSite, LabelApplied: with what to do instead.
    """
    shown = f"{grouped(label.code)} of range {label.number}"
    said = {"label": label.code, "range": label.number}
    if label.voided is not None:
        raise LabelVoided(f"{shown} is void ({label.voided}): throw the label away and take another one.", **said)
    if not label.issued:
        raise LabelNotIssued(
            f"{shown} was never issued to a site: lay the sheet aside and tell who issues labels.", **said
        )
    if not label.here:
        raise LabelOfAnotherSite(
            f"{shown} was issued to another site: take a label of this site's own, and send the other back.",
            label=label.code,
        )
    if label.applied is not None:
        raise LabelApplied(
            f"{shown} is on a tube already ({label.applied}). If this is another tube, two tubes carry one label: "
            "keep them apart and take another label.",
            **said,
        )


def explain(label: Label) -> DomainError:
    """What to say where a label is scanned as if it named a tube."""
    try:
        check_usable(label)
    except DomainError as error:
        return error
    return LabelNotApplied(
        f"{grouped(label.code)} is a pre-printed label of range {label.number} and on no tube yet: register the tube "
        "with it at the visit, or give it to a vial at the aliquot bench.",
        label=label.code,
        range=label.number,
    )


def check_each_label_once(labels: Iterable[str], field: str) -> None:
    """Raises Invalid: two tubes never carry one label."""
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise Invalid(
                f"{grouped(label)} is scanned for two tubes: each tube has a label of its own.",
                errors={field: "names a label twice"},
            )
        seen.add(label)


def near(codes: Iterable[str]) -> frozenset[str]:
    """Those codes that fewer than three misread characters would turn into one before them."""
    seen: set[tuple[int, int, str]] = set()
    found: set[str] = set()
    for code in codes:
        # Two codes that differ in two places at most are alike once those two are left out.
        keys = {
            (first, second, code[:first] + code[first + 1 : second] + code[second + 1 :])
            for first, second in combinations(range(LENGTH), APART - 1)
        }
        if keys & seen:
            found.add(code)
        else:
            seen |= keys
    return frozenset(found)


def kits_of(count: int, per_kit: int | None) -> tuple[tuple[int, int], ...]:
    """The first and last label of each kit of a range; none where it is not divided.

    Raises:
        Invalid: a last kit would be short.
    """
    if per_kit is None:
        return ()
    if count % per_kit:
        raise Invalid(
            f"{count} labels are no whole number of kits of {per_kit}: mint {count - count % per_kit or per_kit} or "
            f"{count + per_kit - count % per_kit}.",
            errors={"per_kit": f"does not divide {count}"},
        )
    return tuple((first, first + per_kit - 1) for first in range(1, count + 1, per_kit))


def check_may_issue(number: int, issued_to: str | None) -> None:
    """Raises RangeState: the range went to a site before."""
    if issued_to is not None:
        raise RangeState(f"Range {number} was issued to {issued_to} before: mint another one.", range=number)


def check_may_receive(number: int, *, issued: bool, received: bool) -> None:
    """Raises RangeState: it was never issued, or is there already."""
    if not issued:
        raise RangeState(f"Range {number} was never issued to a site: issue it first.", range=number)
    if received:
        raise RangeState(f"Range {number} was received before.", range=number)


def check_something_left(number: int, left: int) -> None:
    """Raises RangeState: every label of the range was used or voided."""
    if not left:
        raise RangeState(f"No label of range {number} is left: all were used or voided.", range=number)
