"""Rules of reservations and pick lists: which deed fits which state, and what keeps a tube back. Pure functions on
plain values.

A list goes open -> in_progress -> picked -> verified -> handed_over, or is cancelled before it is handed over;
`picked` follows from its lines. A line goes to_pick -> picked | not_found | short | substituted | skipped | withdrawn.
"""

from collections.abc import Callable, Mapping

from biobank.errors import Conflict, DomainError, Invalid, NotFound


class PickListState(Conflict):
    code = "pick-list-state"
    title = "The pick list is not in the state for this"


class TubeReserved(Conflict):
    """`tube` is claimed already: by whom, for what and until when is in the words."""

    code = "tube-reserved"
    title = "The tube is reserved"


class TubeOnErrand(Conflict):
    """The tube is in an open pick list or shipment."""

    code = "tube-on-errand"
    title = "The tube is in another list or shipment"


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
    "uq_tube_search_open": lambda: Conflict("The tube is being searched for already."),
    "ck_specimen_existence_follows_custody": lambda: Conflict(
        "Whether a tube exists follows from where it is: record what happened to it."
    ),
    "fk_specimen_quality_label": lambda: Conflict(
        "The label stands for another state: choose a label of the state that is set."
    ),
}
