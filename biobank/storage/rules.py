"""Rules of storage: what may stand where, and why not. Pure functions on plain values; positions are in `grids.py`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from biobank.errors import Conflict, DomainError, Invalid
from biobank.ids import Kind, grouped
from biobank.storage.grids import UnknownPosition

SHIFT = timedelta(hours=12)
"""How long a placement can be undone by the person who made it."""
MOST_POSITIONS = 1536
CLOSED = frozenset({"planned", "maintenance", "alarm", "decommissioned"})
"""States of a container, or of anything it stands in, in which no tube is stored there."""
TAKES_NOTHING = frozenset({"full", "maintenance", "alarm", "decommissioned"})
"""States of a container in which no other one is put into it. What is planned is built up before it is in use."""
STATUS_WORDS: Mapping[str, str] = {
    "planned": "planned and not in use yet",
    "active": "in use",
    "full": "declared full",
    "maintenance": "out of service",
    "alarm": "in alarm",
    "decommissioned": "out of use for good",
}
STATUS_KINDS: Mapping[str, str] = {
    "planned": "pending",
    "active": "ok",
    "full": "info",
    "maintenance": "warning",
    "alarm": "stop",
    "decommissioned": "muted",
}
"""The icon and colour of each state of a container."""
STATUS_STEPS: Mapping[str, frozenset[str]] = {
    "planned": frozenset({"active", "decommissioned"}),
    "active": frozenset({"full", "maintenance", "alarm", "decommissioned"}),
    "full": frozenset({"active", "maintenance", "alarm", "decommissioned"}),
    "maintenance": frozenset({"active", "alarm", "decommissioned"}),
    "alarm": frozenset({"active", "maintenance"}),
    "decommissioned": frozenset(),
}
"""What each state of a container becomes."""
_MANAGED = frozenset({"planned", "alarm"})


class PositionOccupied(Conflict):
    """`container` and `position` say where; `occupant` is the tube there, where the asking person may know it."""

    code = "position-occupied"
    title = "This position is taken"

    def __init__(self, container: str | None = None, position: str | None = None, occupant: str | None = None) -> None:
        place = f"Position {position} of box {grouped(container)}" if container and position else "The position"
        by = f" by {grouped(occupant)}" if occupant else ""
        detail = f"{place} is taken{by}: choose a free position, or swap the two tubes."
        super().__init__(detail, container=container, position=position, occupant=occupant)


class BoxFull(Conflict):
    code = "box-full"
    title = "The box is full"


class NotABox(Conflict):
    code = "not-a-box"
    title = "Tubes stand in boxes only"


class ContainerClosed(Conflict):
    code = "container-closed"
    title = "Nothing is stored there at present"


class StatusRefused(Conflict):
    """`status` is the state that the container is in."""

    code = "container-status"
    title = "The container does not become that"


class TubeEnded(Conflict):
    code = "tube-ended"
    title = "The tube is not there any more"


class TubeNotCollected(Conflict):
    code = "tube-not-collected"
    title = "The tube is only planned"


class TubeInPackage(Conflict):
    code = "tube-in-package"
    title = "The tube is in a shipment"


class TubeWithParty(Conflict):
    code = "tube-with-party"
    title = "The tube is outside the house"


class TubeOnHold(Conflict):
    code = "tube-on-hold"
    title = "The tube is on hold"


class TooWarm(Conflict):
    code = "too-warm"
    title = "The place is too warm"


class LabelOnTwoTubes(Conflict):
    """The label was printed more than once. `place` is where the first tube should be."""

    code = "label-on-two-tubes"
    title = "Two tubes may carry this label"


class AlreadyElsewhere(Conflict):
    """The tube is recorded at another place; `place` says which. With `move` it is moved."""

    code = "already-elsewhere"
    title = "The tube is already somewhere else"


class NotStored(Conflict):
    code = "not-stored"
    title = "The tube stands in no box"


class NothingToUndo(Conflict):
    code = "nothing-to-undo"
    title = "This cannot be undone any more"


class ContainerExists(Conflict):
    code = "container-exists"
    title = "There is such a container already"


class DoesNotFit(Conflict):
    code = "does-not-fit"
    title = "This does not go there"


class SlotTaken(Conflict):
    code = "slot-taken"
    title = "This slot is taken"


class PositionReserved(Conflict):
    """`reservation` is the number and `name` the name of the reservation that holds the position or slot."""

    code = "position-reserved"
    title = "This position is reserved"


class TypeInUse(Conflict):
    code = "container-type-in-use"
    title = "Containers of this type hold something"


class ContainerTypeExists(Conflict):
    code = "container-type-exists"
    title = "There is such a type of container already"


class ReservationEnded(Conflict):
    code = "reservation-ended"
    title = "This reservation has ended"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_custody_position": PositionOccupied,
    "ck_custody_position_in_bounds": lambda: UnknownPosition("The box has no such position."),
    "ck_custody_end_is_final": lambda: TubeEnded("A tube that was disposed of, used up or handed over stays so."),
    "uq_container_name_in_parent": lambda: ContainerExists(
        "There is a container of this name in the same place already: choose another name."
    ),
    "fk_container_type_fits_parent": lambda: DoesNotFit(
        "A container of this type does not go into one of that type: look at the types it goes into."
    ),
    "fk_container_parent_site": lambda: DoesNotFit(
        "A container stays at its site: between sites it travels as a shipment."
    ),
    "ck_container_retired_is_final": lambda: StatusRefused("A container that is out of use for good stays so."),
    "ck_container_retired_is_empty": lambda: StatusRefused(
        "Tubes stand in this container: store them elsewhere first."
    ),
    "uq_container_slot": lambda: SlotTaken("Another container stands in this slot: choose a free one."),
    "ck_container_slot_in_bounds": lambda: UnknownPosition("The container has no such slot."),
    "ck_container_slot_reserved": lambda: PositionReserved(
        "This slot is reserved: choose another, or name the reservation."
    ),
    "ck_container_type_stays_while_in_use": lambda: TypeInUse(
        "A box keeps its type while something stands in it or is to come: empty it first."
    ),
    "ck_container_level_stays": lambda: DoesNotFit("A container stays what it is: a box a box, a rack a rack."),
    "ck_container_type_grid_in_use": lambda: TypeInUse(
        "Something stands in a container of this type: its positions stay as they are. Add a type of its own."
    ),
    "uq_container_type_code": lambda: ContainerTypeExists("There is a type of this code already: choose another."),
    "ck_container_type_names_differ": lambda: Invalid(
        "Positions have names of 1 to 8 characters, each once.", errors={"position_names": "are not all different"}
    ),
    "ck_container_type_child_circle": lambda: DoesNotFit(
        "A type of container would stand in itself: look at what goes into what."
    ),
    "ck_container_type_child_boxes_hold_tubes": lambda: DoesNotFit("Nothing but tubes stands in a box."),
    "ck_custody_tube_fits_box": lambda: DoesNotFit(
        "A tube of this format does not go into a box of this type: choose another box."
    ),
    "ck_custody_position_reserved": lambda: PositionReserved(
        "This position is reserved: choose another, or name the reservation."
    ),
    "uq_reserved_position_once": lambda: PositionReserved("Another reservation holds one of these positions."),
    "ck_reserved_position_in_bounds": lambda: UnknownPosition("The container has no such position."),
    "ck_reserved_position_is_free": PositionOccupied,
    "ck_reserved_position_end_is_final": lambda: ReservationEnded("This position is not reserved any more."),
    "uq_tube_search_open": lambda: Conflict("The tube is being searched for already."),
    "ck_specimen_missing_is_searched": lambda: Conflict(
        "A tube is missing as long as it is searched for: declare it lost, or store it where it was found."
    ),
    "fk_custody_container_site": lambda: DoesNotFit(
        "A box with tubes stays at its site: between sites it travels as a shipment."
    ),
}

HOUSE_KINDS: Mapping[str, Kind] = {"box": Kind.BOX, "rack": Kind.RACK}
"""The type letter of a container's id by its level; every other level is a location."""


@dataclass(frozen=True, slots=True)
class Held:
    """The reservation under which a position or slot is kept free."""

    number: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One container on the way from the site down to a place. `rank` is of its temperature class, rising with cold."""

    id: int
    code: str
    name: str
    level: str
    status: str
    temperature_class: str
    rank: int


def kind_of(level: str) -> Kind:
    return HOUSE_KINDS.get(level, Kind.LOCATION)


def climate(steps: Sequence[Step]) -> Step:
    """The container whose temperature rules at the end of a path: the innermost freezer or bench, or itself.

    A box that was declared for a freezer and stands on a bench is at the bench's temperature.
    """
    return next((step for step in reversed(steps) if step.level in {"freezer", "bench"}), steps[-1])


# The names of freezers and shelves come again with every tube of a page.
@lru_cache(maxsize=4096)
def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Box 2 before Box 12: numbers in a name sort by their value."""
    return tuple(
        (int(digits), "") if digits else (-1, words.casefold())
        for digits, words in re.findall(r"([0-9]+)|([^0-9]+)", name)
    )


def path_words(steps: Sequence[Step], position: str | None = None) -> str:
    """A place in one line: Freezer 3 / Shelf 2 / Rack B / Box 12 / C4."""
    names = [step.name for step in steps]
    return words(names if position is None else [*names, position])


def words(names: Iterable[str]) -> str:
    """The names on a way, the outermost first, in one line."""
    return " / ".join(names)


def check_open(steps: Sequence[Step]) -> None:
    """No tube is stored in a freezer that is not in use, in alarm or out of service, nor in what stands in it.

    Raises:
        ContainerClosed: naming the container.
    """
    for step in steps:
        if step.status in CLOSED:
            raise _closed(step)


def check_takes(steps: Sequence[Step]) -> None:
    """No container is put into one that is full, in alarm, out of service or retired, nor into what stands in it.

    Raises:
        ContainerClosed: naming the container.
    """
    for step in steps:
        if step.status in TAKES_NOTHING and (step.status != "full" or step is steps[-1]):
            raise _closed(step)


def _closed(step: Step) -> ContainerClosed:
    way = "choose another place" if step.status == "decommissioned" else "choose another place, or have it set in use"
    again = "" if step.status == "decommissioned" else f" on its page (/storage/{step.code})"
    return ContainerClosed(
        f"{step.name} is {STATUS_WORDS[step.status]}: {way}{again}.", container=step.code, status=step.status
    )


def next_statuses(status: str, *, manages: bool) -> tuple[str, ...]:
    """The states that a container may be set to, by a manager of storage or by somebody who stores."""
    return tuple(
        one for one in STATUS_WORDS if one in STATUS_STEPS[status] and (manages or not needs_manager(status, one))
    )


def needs_manager(before: str, after: str) -> bool:
    """Anybody who stores sets an alarm and takes a place out of service and back; a manager takes it into use, ends an
    alarm and retires it.
    """
    return before in _MANAGED or after == "decommissioned"


def check_status(name: str, before: str, after: str, reason: str | None) -> None:
    """Raises:
    StatusRefused: the state does not become that one, or no reason is given where one is needed.
    """
    if after not in STATUS_STEPS[before]:
        known = " or ".join(STATUS_WORDS[one] for one in STATUS_WORDS if one in STATUS_STEPS[before])
        then = f"it can be {known} next" if known else "it stays so"
        raise StatusRefused(f"{name} is {STATUS_WORDS[before]}: {then}.", status=before)
    if reason is None and after in CLOSED:
        raise Invalid(f"Say why {name} is {STATUS_WORDS[after]}.", errors={"reason": "is missing"})


def check_retirable(name: str, tubes: int, *, reserved: bool) -> None:
    """Raises:
    StatusRefused: tubes stand in it, or something in it is kept free for somebody.
    """
    if tubes or reserved:
        what = f"{tubes} {'tube stands' if tubes == 1 else 'tubes stand'} in it" if tubes else "space in it is reserved"
        way = "store them elsewhere" if tubes else "release it"
        raise StatusRefused(f"{name} is not retired: {what}. First {way}.", status="active")


def check_cold(required: str, required_rank: int, steps: Sequence[Step], override: str | None) -> bool:
    """A place is at least as cold as the material needs. Returns whether the rule is overridden by the reason given.

    Raises:
        TooWarm: naming both temperatures.
    """
    where = climate(steps)
    if where.rank >= required_rank:
        return False
    if override is None:
        raise TooWarm(
            f"{where.name} is at class {where.temperature_class}, this needs {required}: "
            "choose a colder place, or give a reason on the page of the box.",
            required=required,
            found=where.temperature_class,
            container=where.code,
        )
    return True


def check_fits(tube: str, fits: bool, title: str | None, box: Step) -> None:
    """A box that is made for some formats of tubes takes no others; `title` is the format of this one.

    Raises:
        DoesNotFit: naming the format.
    """
    if not fits:
        raise DoesNotFit(
            f"{grouped(tube)} does not fit into {box.name} ({title}): choose a box that takes it.",
            tube=tube,
            container=box.code,
        )


def check_type_grid(
    level: str, rows: int | None, cols: int | None, scheme: str | None, group: int | None, names: int | None
) -> None:
    """Whether the grid of a type of container makes sense; `names`: how many names of positions are given.

    Raises:
        Invalid: naming the field.
    """
    if not (rows is None) == (cols is None) == (scheme is None):
        raise Invalid(
            "A grid has rows, columns and names of its positions: give all three, or none.",
            errors={"rows": "and columns and names belong together"},
        )
    if level == "box" and rows is None:
        raise Invalid("Tubes stand in a grid: give its rows.", errors={"rows": "are missing"})
    size = (rows or 0) * (cols or 0)
    if size > MOST_POSITIONS:
        raise Invalid(f"A grid has at most {MOST_POSITIONS} positions.", errors={"cols": "and rows make too many"})
    grouped_scheme = scheme in {"goblet_cane_position", "tower_level_box"}
    if grouped_scheme != (group is not None) or (group and (rows or 0) % group):
        raise Invalid(
            "Names of three parts say how many rows belong together; the rows are a multiple of it.",
            errors={"rows_per_group": "does not go with the names or the rows"},
        )
    if (scheme == "names") != (names is not None) or (names is not None and names != size):
        raise Invalid(
            f"Names of its own are one for each of the {size} positions, row by row.",
            errors={"position_names": f"are {names or 0}, not {size if scheme == 'names' else 0}"},
        )


def check_reserved(held: Held | None, named: UUID | None, place: str) -> str | None:
    """Whether something may be put at a place that may be kept free. Returns the number of the reservation that this
    uses.

    Raises:
        PositionReserved: naming the reservation.
    """
    if held is None:
        return None
    if held.number != named:
        raise PositionReserved(
            f"{place} is reserved for {held.name}: choose another place, or use the reservation.",
            reservation=str(held.number),
            name=held.name,
        )
    return str(held.number)


_ENDS = {
    "consumed": "was used up",
    "disposed": "was disposed of",
    "transferred": "was handed over for good",
    "entered_in_error": "was entered in error",
}


def check_one_tube(tube: str, copies: int, words: str) -> None:
    """A tube that stands somewhere and is scanned somewhere else may be two tubes, where its label was printed twice.

    Raises:
        LabelOnTwoTubes: asking for the first one.
    """
    if copies > 1:
        raise LabelOnTwoTubes(
            f"Copy {copies} of this label: is the first tube in hand? {two_tubes_words(tube, words)}",
            tube=tube,
            place=words,
            copies=copies,
        )


def two_tubes_words(tube: str, place: str) -> str:
    """What to do about a label that may be on two tubes."""
    return (
        f"{grouped(tube)} should stand in {place}: look there. If that place is empty, this is the tube: confirm. If a "
        "tube stands there, give this one an id of its own, on the page of its label."
    )


def check_in_existence(tube: str, existence: str) -> None:
    """A tube that ended stays so; a missing or lost one may be found again.

    Raises:
        TubeEnded: how it ended.
        TubeNotCollected: it does not exist yet.
    """
    if existence in _ENDS:
        raise TubeEnded(
            f"{grouped(tube)} {_ENDS[existence]}: put it aside and tell the manager.", tube=tube, existence=existence
        )
    if existence == "planned":
        raise TubeNotCollected(f"{grouped(tube)} is planned: record its collection first.", tube=tube)


def check_not_held(tube: str, hold: str | None) -> None:
    """A tube of which it is in doubt whose it is stays cold like any other: it is stored, and its hold goes with it.

    Raises:
        TubeOnHold: the participant withdrew consent.
    """
    if hold == "consent_withdrawn":
        raise TubeOnHold(
            f"{grouped(tube)} is on hold because the participant withdrew consent: keep it apart and tell the manager.",
            tube=tube,
            hold=hold,
        )
