"""Rules of reservations and pick lists: which deed fits which state, in which order tubes are fetched, what a scan
means. Pure functions on plain values.

A list goes open -> in_progress -> picked -> verified -> handed_over, or is cancelled before it is handed over;
`picked` follows from its lines. A line goes to_pick -> picked | not_found | short | substituted | skipped | withdrawn.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from biobank import ids
from biobank.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Stale
from biobank.picking.blocks import Blocked, Reason, claim_block, quality_block
from biobank.specimen.claiming import Claim, TubeReserved
from biobank.storage.rules import natural

CONSENT_TO_PICK = ("biobank_storage",)
"""What a participant must have granted for a tube to be reserved or picked. Where it goes is judged there again."""

MOST_TUBES = 500
"""How many tubes a list holds at most: what one person carries, and what one package takes in one deed."""

MOST_DAYS = 365
"""How long a reservation lasts at most, in days."""


class PickListState(Conflict):
    code = "pick-list-state"
    title = "The pick list is not in the state for this"


class LineState(Conflict):
    """`status` is the line's present state."""

    code = "pick-line-state"
    title = "The line is not in the state for this"


class TubeOnErrand(Conflict):
    """The tube is in an open pick list or shipment."""

    code = "tube-on-errand"
    title = "The tube is in another list or shipment"


class NotOnList(Conflict):
    code = "not-on-pick-list"
    title = "This tube is not on the list"


class NoSubstitute(Conflict):
    code = "no-substitute"
    title = "This tube cannot take the place of that one"


class TubesDiffer(Conflict):
    """`missing` are on the list and were not scanned, `extra` were scanned and are not on it."""

    code = "picked-tubes-differ"
    title = "These are not the tubes of the list"


class Deed(StrEnum):
    """What may be done to a pick list; the names that `next` of a view holds."""

    START = "start"
    PICK = "pick"
    SKIP = "skip"
    VERIFY = "verify"
    HAND_OVER = "hand_over"
    CANCEL = "cancel"


FROM_STATES: Mapping[Deed, frozenset[str]] = {
    Deed.START: frozenset({"open"}),
    Deed.PICK: frozenset({"open", "in_progress", "picked"}),
    Deed.SKIP: frozenset({"open", "in_progress", "picked", "verified"}),
    Deed.VERIFY: frozenset({"picked"}),
    Deed.HAND_OVER: frozenset({"verified"}),
    Deed.CANCEL: frozenset({"open", "in_progress", "picked", "verified"}),
}
_WORDS: Mapping[Deed, str] = {
    Deed.START: "A pick list is started",
    Deed.PICK: "Lines are settled",
    Deed.SKIP: "Tubes are set aside",
    Deed.VERIFY: "A pick list is verified",
    Deed.HAND_OVER: "A pick list is handed over",
    Deed.CANCEL: "A pick list is cancelled",
}
UNDONE = frozenset({"picked", "not_found", "short", "skipped"})
"""Lines that may go back to waiting."""


@dataclass(frozen=True, slots=True)
class TubeFacts:
    """What must be known of a tube before it is reserved or put on a list. `place` is position, holder, package, party
    or ended.
    """

    exists: bool
    place: str
    quality: str
    hold: str | None
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a tube stands: the names from the facility down to the box, and row and column in it. None: in no box."""

    names: tuple[str, ...]
    row: int
    col: int


def check_state(status: str, deed: Deed) -> None:
    """Raises PickListState: the deed does not fit the state."""
    needed = FROM_STATES[deed]
    if status not in needed:
        words = " or ".join(one.replace("_", " ") for one in sorted(needed))
        raise PickListState(
            f"{_WORDS[deed]} while it is {words}; this one is {status.replace('_', ' ')}.",
            status=status,
            needed=sorted(needed),
        )


def check_version(seen: int, stored: int) -> None:
    """Raises Stale: somebody picked or settled a line since the page was shown."""
    if seen != stored:
        raise Stale(
            "Somebody else worked on this pick list since you looked: look at it again, then finish.",
            seen=seen,
            row_version=stored,
        )


def next_deeds(status: str, *, picks: bool, picked: int) -> tuple[Deed, ...]:
    """What this person may do next. Nothing is verified or handed over where nothing was picked."""
    empty = {Deed.VERIFY, Deed.HAND_OVER} if not picked else set()
    return tuple(deed for deed in Deed if picks and status in FROM_STATES[deed] and deed not in empty)


def check_waits(tube: str, status: str) -> None:
    """Raises LineState: the line was settled already."""
    if status != "to_pick":
        raise LineState(
            f"{ids.grouped(tube)} was settled already: {status.replace('_', ' ')}. Undo that first.",
            tube=tube,
            status=status,
        )


def check_undone(tube: str, status: str) -> None:
    """Raises LineState: nothing was done that could be undone."""
    if status not in UNDONE:
        raise LineState(
            f"{ids.grouped(tube)} is {status.replace('_', ' ')}: there is nothing to undo.", tube=tube, status=status
        )


def tube_block(tube: str, facts: TubeFacts, *purposes: str) -> Blocked | None:
    """The first thing that keeps a tube from being listed for a purpose, consent aside. Without a purpose nobody else
    may have claimed it.
    """
    if facts.place == "ended" or not facts.exists:
        return Blocked(tube, Reason.ENDED, "does not exist any more, or not yet")
    if facts.place == "package":
        return Blocked(tube, Reason.IN_SHIPMENT, "is in an open shipment")
    if facts.place == "party":
        return Blocked(tube, Reason.NOT_HERE, "is with an external party")
    return claim_block(tube, facts.claim, purposes, lists=True) or quality_block(tube, facts.quality, facts.hold)


def check_one_place(places: Collection[tuple[int, int | None]]) -> None:
    """A list is of one study at one site. `places` are pairs of study and site.

    Raises:
        Invalid: they are of several.
    """
    if len(places) > 1:
        raise Invalid(
            "A pick list is of one study at one site, and these tubes are not: make a list for each.",
            errors={"tubes": "are not of one study at one site"},
        )


def check_number(tubes: Collection[str]) -> None:
    """Raises Invalid: no tube is named and none is reserved for the purpose, or they are more than a list holds."""
    if len(tubes) > MOST_TUBES:
        raise Invalid(
            f"A list holds at most {MOST_TUBES} tubes, these are {len(tubes)}: make several.",
            errors={"tubes": f"are more than {MOST_TUBES}"},
        )
    if not tubes:
        raise Invalid(
            "No tube is named: scan tubes, or name the purpose that you reserved tubes for.",
            errors={"tubes": "names no tube"},
        )


def check_may_release(tube: str, by: str, *, mine: bool, manages: bool) -> None:
    """Raises Forbidden: it is somebody else's reservation."""
    if not (mine or manages):
        raise Forbidden(
            f"{ids.grouped(tube)} is reserved by {by}: only {by} or a manager of the study releases it.", tube=tube
        )


def check_substitute(tube: str, other: str, *, same_person: bool, same_type: bool, blind: bool) -> None:
    """Another tube takes the place of one on the list only where the science stays the same. Nothing takes the place of
    a blind duplicate: the answer would tell whose it is.

    Raises:
        NoSubstitute: it is of another participant or another material.
    """
    if blind:
        raise NoSubstitute(
            f"{ids.grouped(tube)} or {ids.grouped(other)} is a blind duplicate, and those have no substitute: "
            "skip the line.",
            tube=tube,
            other=other,
        )
    wrong = "another participant" if not same_person else None if same_type else "another material"
    if wrong is not None:
        raise NoSubstitute(
            f"{ids.grouped(other)} is of {wrong} than {ids.grouped(tube)}: choose a tube of the same participant and "
            "material, or skip the line.",
            tube=tube,
            other=other,
        )


def check_same_tubes(wanted: Collection[str], scanned: Collection[str]) -> None:
    """The tubes in hand are those of the list, no more and no less.

    Raises:
        TubesDiffer: naming what is missing and what is too much.
    """
    missing, extra = sorted(set(wanted) - set(scanned)), sorted(set(scanned) - set(wanted))
    if missing or extra:
        parts = [f"{_named(missing)} not scanned"] if missing else []
        parts += [f"{_named(extra)} not on the list"] if extra else []
        raise TubesDiffer(f"Nothing was verified: {'; '.join(parts)}.", missing=missing, extra=extra)


def _named(codes: Sequence[str]) -> str:
    shown = ", ".join(ids.grouped(code) for code in codes[:10])
    rest = len(codes) - 10
    more = f" and {rest} more" if rest > 0 else ""
    return f"{shown}{more} {'was' if len(codes) == 1 else 'were'}"


def check_in_hand(places: Mapping[str, str]) -> None:
    """What is handed over is in somebody's hands. `places` are kinds of place by tube.

    Raises:
        TubesDiffer: some were put somewhere since they were picked.
    """
    away = sorted(tube for tube, place in places.items() if place != "holder")
    if away:
        raise TubesDiffer(
            f"Nothing was handed over: {_named(away)} put elsewhere since. Take them out again, or set them aside.",
            missing=away,
            extra=[],
        )


def freezer_order(tubes: Iterable[tuple[str, Spot | None]]) -> tuple[str, ...]:
    """The order in which tubes are fetched: by facility, freezer, shelf, rack, box and position, so that each door is
    opened once. Tubes that stand in no box come last.
    """

    def key(item: tuple[str, Spot | None]) -> tuple[object, ...]:
        code, spot = item
        if spot is None:
            return 1, (), 0, 0, code
        return 0, tuple(natural(name) for name in spot.names), spot.row, spot.col, code

    return tuple(code for code, _ in sorted(tubes, key=key))


def _inner(words: str) -> Callable[[], DomainError]:
    return lambda: Conflict(f"{words} Load the page again and repeat the last step.")


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_reservation_open": lambda: TubeReserved(
        "Somebody reserved a tube of these at this moment: look at them again."
    ),
    "ck_reservation_expires_after_it_began": lambda: Invalid(
        "A reservation ends after it begins.", errors={"days": "is not above zero"}
    ),
    "fk_reservation_specimen": lambda: NotFound("There is no such tube in this study."),
    "uq_pick_list_code": _inner("The pick list's id was taken."),
    "fk_pick_list_study_site": lambda: NotFound("The site does not take part in this study."),
    "ck_pick_list_follows_its_states": lambda: PickListState(
        "The pick list went on meanwhile: look at it again, then repeat the step."
    ),
    "ck_pick_list_line_follows_its_states": lambda: PickListState(
        "The line was settled meanwhile: look at the pick list again."
    ),
    "fk_pick_list_line_specimen": lambda: NotFound("There is no such tube in the pick list's study."),
    "uq_pick_list_line_once": lambda: TubeOnErrand("The tube is in this pick list already."),
    "uq_pick_list_line_open": lambda: TubeOnErrand(
        "A tube of these is in another open pick list: finish or cancel that one first."
    ),
    "uq_tube_in_one_list_or_shipment": lambda: TubeOnErrand(
        "A tube is in one open pick list or shipment at most: take it out of the other first."
    ),
    "ck_specimen_existence_follows_custody": lambda: Conflict(
        "Whether a tube exists follows from where it is: record what happened to it."
    ),
}
