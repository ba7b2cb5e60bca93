"""Rules of disposal: two people, a reason and a method. Pure functions on plain values.

21 CFR 11 and ISO 20387 ask for it: what is destroyed is gone, so one person alone never destroys a sample.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from biobank.errors import Conflict, DomainError, Invalid
from biobank.ids import grouped

REASON_TITLES: Mapping[str, str] = {
    "consent_withdrawn": "Consent was withdrawn",
    "expired": "Kept longer than agreed",
    "unfit": "Unfit for any use",
    "surplus": "More than is needed",
    "study_closed": "The study is closed",
}
METHOD_TITLES: Mapping[str, str] = {
    "autoclaved": "Autoclaved, then waste",
    "incinerated": "Incinerated as clinical waste",
    "chemical": "Inactivated chemically, then waste",
    "returned_to_origin": "Given back to the person or clinic",
}
OPEN = frozenset({"listed", "confirmed", "missed"})


class OnDisposalList(Conflict):
    code = "on-disposal-list"
    title = "The tube is on an open disposal list"


class SecondPerson(Conflict):
    """Whoever gave the first word on a tube does not give the second."""

    code = "second-person"
    title = "A second, different person confirms this"


class DisposalClosed(Conflict):
    code = "disposal-closed"
    title = "This tube is settled"


class NotToDispose(Conflict):
    """The tube is in a shipment, with a partner, gone, or at another site than the list."""

    code = "not-to-dispose"
    title = "The tube cannot be disposed of here"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_disposal_tube_open": lambda: OnDisposalList("The tube is on an open disposal list already."),
    "uq_disposal_tube_once": lambda: OnDisposalList("The tube is on this disposal list already."),
    "ck_disposal_tube_two_people": lambda: SecondPerson("The second person is another than the first."),
    "ck_disposal_tube_closed": lambda: DisposalClosed("What became of this tube is settled and never changes."),
    "ck_custody_disposed_by_two": lambda: SecondPerson(
        "A tube is disposed of only when two people have confirmed it on a disposal list."
    ),
    "fk_disposal_study_site": lambda: Conflict("The site that has these tubes does not take part in their study."),
}


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a tube: found with the method by which it is destroyed, or not found."""

    person: int
    found: bool
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A tube on a list as it stands."""

    tube: str
    status: str
    first_by: int | None
    method: str | None


def after(line: Line, word: Word) -> str:
    """The status that a person's word brings a tube to.

    A first word makes it confirmed or missed. A second person's same word settles it; another word starts anew, with
    that person as the first.

    Raises:
        DisposalClosed: the tube is settled.
        SecondPerson: the same person says it again.
        Invalid: found, and no method is named.
    """
    name = grouped(line.tube)
    if line.status not in OPEN:
        words = {"disposed": "was disposed of", "not_found": "was not found", "struck": "was struck off the list"}
        raise DisposalClosed(f"{name} {words[line.status]}: it is settled.", tube=line.tube, status=line.status)
    said = "confirmed" if word.found else "missed"
    if line.status == said:
        if line.first_by == word.person:
            raise SecondPerson(
                f"You gave the first word on {name}: a second, different person scans it too.", tube=line.tube
            )
        return "disposed" if word.found else "not_found"
    if word.found and word.method is None:
        raise Invalid("Say how it is destroyed.", errors={"method": "is missing"})
    return said


def check_place(tube: str, existence: str, place: str, *, here: bool, found: bool) -> None:
    """A tube is disposed of where it is: at the list's site, stored or in a hand.

    Raises:
        NotToDispose: it is elsewhere or gone, saying what to do.
    """
    name = grouped(tube)
    if existence != "exists" and not (existence in {"missing", "lost"} and found):
        raise NotToDispose(f"{name} is {existence.replace('_', ' ')}: there is nothing to dispose of.", tube=tube)
    if place == "package":
        raise NotToDispose(f"{name} is in a shipment: take it out or receive it first.", tube=tube)
    if place == "party":
        raise NotToDispose(f"{name} is with a partner: the notice to them says what becomes of it.", tube=tube)
    if place != "ended" and not here:
        raise NotToDispose(f"{name} is at another site than this list.", tube=tube)


def check_not_picked(lists: Mapping[str, str | None]) -> None:
    """Raises NotToDispose: a tube is on an open pick list. `lists` are by tube."""
    for tube, pick_list in lists.items():
        if pick_list is not None:
            raise NotToDispose(
                f"{grouped(tube)} is on pick list {grouped(pick_list)}: take it off that list first.", tube=tube
            )


def check_strikable(tube: str, status: str, reason: str) -> None:
    """Only an open tube of a list that nobody's withdrawal asks for is taken off it.

    Raises:
        DisposalClosed: it is settled.
        NotToDispose: its participant withdrew, so that it stays on the list.
    """
    if status not in OPEN:
        raise DisposalClosed(f"{grouped(tube)} is settled and stays on the list.", tube=tube, status=status)
    if reason == "consent_withdrawn":
        raise NotToDispose(
            f"{grouped(tube)} is to be destroyed because consent was withdrawn: it stays on the list.", tube=tube
        )


def check_one_place(sites: Collection[tuple[int, int | None]], study_id: int, site_id: int) -> None:
    """Raises Invalid: the tubes of a list are not all of its study and at its site."""
    if any(pair != (study_id, site_id) for pair in sites):
        raise Invalid(
            "A disposal list is of one study at one site: these tubes are not all there.",
            errors={"tubes": "are not all of this study at this site"},
        )
