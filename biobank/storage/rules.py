"""Rules of storage: names of positions, fill order, and what may stand where. Pure functions on plain values."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from biobank.errors import Conflict, DomainError, Invalid
from biobank.ids import Kind, grouped

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERED = re.compile(r"([A-Z]{1,2})0*([1-9][0-9]?)")
_NUMBERED = re.compile(r"0*([1-9][0-9]{0,3})")
CLOSED = frozenset({"maintenance", "alarm", "decommissioned"})
"""States of a container, or of anything it stands in, in which nothing is stored there."""


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


class UnknownPosition(Invalid):
    code = "unknown-position"
    title = "The box has no such position"


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
    "fk_custody_container_site": lambda: DoesNotFit(
        "A box with tubes stays at its site: between sites it travels as a shipment."
    ),
}

HOUSE_KINDS: Mapping[str, Kind] = {"box": Kind.BOX, "rack": Kind.RACK}
"""The type letter of a container's id by its level; every other level is a location."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Positions of a box. Rows and columns count from 0 at the notched corner; the scheme is how people name them."""

    rows: int
    cols: int
    scheme: str
    fill_order: str = "row"

    @property
    def capacity(self) -> int:
        return self.rows * self.cols


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


def letters(row: int) -> str:
    """A row's letters: A ... Z, AA, AB and so on."""
    return _LETTERS[row] if row < len(_LETTERS) else _LETTERS[row // len(_LETTERS) - 1] + _LETTERS[row % len(_LETTERS)]


def label(grid: Grid, row: int, col: int) -> str:
    """What the position is called on the box itself, for example C4, C04 or 22."""
    match grid.scheme:
        case "letter_number":
            return f"{letters(row)}{col + 1}"
        case "letter_zero_number":
            return f"{letters(row)}{col + 1:02}"
        case "number_by_row":
            return str(row * grid.cols + col + 1)
    return str(col * grid.rows + row + 1)


def position(grid: Grid, text: str) -> tuple[int, int]:
    """Row and column of a position as people write it; case and leading zeros do not matter.

    Raises:
        UnknownPosition: the box has no position of this name.
    """
    found = _numbers(grid, text.strip().upper())
    if found is None or not (found[0] < grid.rows and found[1] < grid.cols):
        last = label(grid, grid.rows - 1, grid.cols - 1)
        raise UnknownPosition(
            f"The box has no position {text.strip()[:20]}: they are named {label(grid, 0, 0)} to {last}.",
            errors={"position": "is not a position of this box"},
        )
    return found


def _numbers(grid: Grid, text: str) -> tuple[int, int] | None:
    if grid.scheme in {"letter_number", "letter_zero_number"}:
        lettered = _LETTERED.fullmatch(text)
        if lettered is None:
            return None
        row = 0
        for letter in lettered[1]:
            row = row * len(_LETTERS) + _LETTERS.index(letter) + 1
        return row - 1, int(lettered[2]) - 1
    numbered = _NUMBERED.fullmatch(text)
    if numbered is None:
        return None
    if grid.scheme == "number_by_row":
        return divmod(int(numbered[1]) - 1, grid.cols)
    col, row = divmod(int(numbered[1]) - 1, grid.rows)
    return row, col


def row_labels(grid: Grid) -> tuple[str, ...]:
    """Names beside the rows: letters, or in a numbered box the number that each row begins with."""
    if grid.scheme.startswith("letter"):
        return tuple(letters(row) for row in range(grid.rows))
    return tuple(label(grid, row, 0) for row in range(grid.rows))


def col_labels(grid: Grid) -> tuple[str, ...]:
    """Names above the columns: numbers, or in a numbered box the number that each column begins with."""
    if grid.scheme.startswith("letter"):
        return tuple(label(grid, 0, col).removeprefix("A") for col in range(grid.cols))
    return tuple(label(grid, 0, col) for col in range(grid.cols))


def fill_order(grid: Grid) -> Iterator[tuple[int, int]]:
    """All positions in the order in which the box is filled."""
    if grid.fill_order == "column":
        return ((row, col) for col in range(grid.cols) for row in range(grid.rows))
    return ((row, col) for row in range(grid.rows) for col in range(grid.cols))


def next_free(grid: Grid, taken: Collection[tuple[int, int]]) -> tuple[int, int] | None:
    """The first free position in fill order; None when the box is full."""
    return next((place for place in fill_order(grid) if place not in taken), None)


def climate(steps: Sequence[Step]) -> Step:
    """The container whose temperature rules at the end of a path: the innermost freezer or bench, or itself.

    A box that was declared for a freezer and stands on a bench is at the bench's temperature.
    """
    return next((step for step in reversed(steps) if step.level in {"freezer", "bench"}), steps[-1])


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Box 2 before Box 12: numbers in a name sort by their value."""
    return tuple(
        (int(digits), "") if digits else (-1, words.casefold())
        for digits, words in re.findall(r"([0-9]+)|([^0-9]+)", name)
    )


def path_words(steps: Sequence[Step], position: str | None = None) -> str:
    """A place in one line: Freezer 3 / Shelf 2 / Rack B / Box 12 / C4."""
    names = [step.name for step in steps]
    return " / ".join(names if position is None else [*names, position])


def check_open(steps: Sequence[Step]) -> None:
    """Nothing is stored in a freezer that is in alarm or under maintenance, nor in what stands in it.

    Raises:
        ContainerClosed: naming the container.
    """
    for step in steps:
        if step.status in CLOSED:
            raise ContainerClosed(
                f"{step.name} is in state {step.status}: choose another place, or ask the manager to open it.",
                container=step.code,
                status=step.status,
            )


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
    """A tube that ended stays so; a lost one may be found again.

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
