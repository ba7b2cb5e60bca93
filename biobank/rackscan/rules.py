"""What a scan of a whole rack says against what the box should hold. Pure functions on plain values."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from biobank.errors import Conflict, DomainError, Invalid, Stale
from biobank.ids import grouped
from biobank.storage.grids import Grid, label

At = tuple[int, int]

NEEDS_AN_ANSWER = frozenset({"foreign", "refused", "unread", "duplicate", "two_labels"})
"""Kinds of cells that somebody has to look at before the scan can be committed."""

DECISIONS: Mapping[str, str] = {
    "unread": "still there, but unread",
    "taken_out": "taken out: I have it",
    "missing": "missing",
}


class RackTurned(Conflict):
    """Most tubes stand where they would if the rack had been turned, or read in another order."""

    code = "rack-turned"
    title = "The rack was scanned the wrong way round"


class RackScanUnsettled(Conflict):
    code = "rack-scan-unsettled"
    title = "Some positions of the scan are not settled"


class RackScanSettled(Conflict):
    code = "rack-scan-settled"
    title = "This scan is finished"


class BoxChanged(Stale):
    code = "box-changed"
    title = "The box changed since you looked"


class RackDoesNotFit(Conflict):
    code = "rack-does-not-fit"
    title = "This is the scan of another rack"


class BoxHoldsOthers(Conflict):
    code = "box-holds-others"
    title = "The box holds tubes that you may not see"


class RackFileRefused(Invalid):
    code = "rack-file-refused"
    title = "The scan cannot be read"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_rack_scan_open": lambda: Stale("Somebody else handed in this file at this moment: load the page again."),
    "uq_rack_scan_answer_position": lambda: Stale(
        "Somebody else answered for this position at this moment: load the page again."
    ),
    "uq_rack_scan_decision_tube": lambda: Stale(
        "Somebody else decided about this tube at this moment: load the page again."
    ),
    "ck_rack_scan_settled_is_final": lambda: RackScanSettled(
        "This scan was committed or discarded: scan the rack again."
    ),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A position as the scanner, or a person (`by_hand`), saw it: `state` is code, no_tube or no_read."""

    state: str
    code: str | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A tube that should stand at a position; `tube` is None where it is out of reach."""

    id: int
    tube: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """The tube that a code names. `place` is stored, in_hand or lost, `where` says it in words; `refused` why it may
    not be stored; `copies` how often its label was printed.
    """

    id: int
    tube: str | None
    place: str
    where: str
    refused: str | None = None
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """What a position is found to be. `was` says where the tube comes from, or why it stays out."""

    at: At
    kind: str
    code: str | None = None
    tube: str | None = None
    id: int | None = None
    was: str | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """A tube that should stand at a position and was not seen. `may_be_unread`: nothing else was read there."""

    id: int
    tube: str | None
    at: At
    may_be_unread: bool
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """`turned` says how the rack was probably held or read, with how many tubes of how many say so."""

    cells: tuple[Cell, ...]
    gone: tuple[Gone, ...]
    turned: str | None = None
    agree: int = 0
    of: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def open(self) -> tuple[Cell, ...]:
        """The cells that still need an answer."""
        kept = {gone.at for gone in self.gone if gone.decision == "unread"}
        return tuple(
            cell
            for cell in self.cells
            if cell.kind in NEEDS_AN_ANSWER and not (cell.kind == "unread" and cell.at in kept)
        )

    def undecided(self) -> tuple[Gone, ...]:
        """The tubes that were not seen and of which nobody said what became of them."""
        return tuple(gone for gone in self.gone if gone.decision is None)

    def placed(self) -> tuple[tuple[int, At], ...]:
        """The tubes that come to stand at another position, by id."""
        return tuple((cell.id, cell.at) for cell in self.cells if cell.id is not None and cell.kind in PLACED)


PLACED = frozenset({"new", "moved", "brought"})
"""Kinds of cells whose tube the commit puts there."""


def compare(
    grid: Grid,
    standing: Mapping[At, Standing],
    seen: Mapping[At, Seen],
    known: Mapping[str, Known],
    decided: Mapping[int, str],
) -> Diff:
    """Every position of the box as it is and as it was seen. A position that is not in the file was seen empty."""
    here = {tube.id: at for at, tube in standing.items()}
    places: defaultdict[int | str, list[At]] = defaultdict(list)
    for at, sight in seen.items():
        if sight.code is not None:
            places[known[sight.code].id if sight.code in known else sight.code].append(at)
    double = {at for found in places.values() if len(found) > 1 for at in found}
    cells = tuple(
        _cell(at, seen.get(at, _NOTHING), standing.get(at), known, here, double)
        for at in sorted({(row, col) for row in range(grid.rows) for col in range(grid.cols)} | set(seen))
    )
    found = {cell.id for cell in cells if cell.id is not None}
    claimed = {cell.at for cell in cells if cell.code is not None or cell.by_hand}
    gone = tuple(
        Gone(tube.id, tube.tube, at, at not in claimed, decided.get(tube.id))
        for at, tube in sorted(standing.items())
        if tube.id not in found
    )
    lost = {missing.at for missing in gone}
    cells = tuple(
        Cell(cell.at, "gone", was=cell.was) if cell.kind == "empty" and cell.at in lost else cell for cell in cells
    )
    turned, agree, of = orientation(grid, {tube.id: at for at, tube in standing.items()}, cells)
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.kind] = counts.get(cell.kind, 0) + 1
    return Diff(cells, gone, turned, agree, of, counts)


_NOTHING = Seen("no_tube")


def _cell(
    at: At,
    sight: Seen,
    stood: Standing | None,
    known: Mapping[str, Known],
    here: Mapping[int, At],
    double: set[At],
) -> Cell:
    if sight.state == "no_read":
        return Cell(at, "unread")
    if sight.code is None:
        return Cell(at, "empty", by_hand=sight.by_hand)
    tube = known.get(sight.code)
    if tube is None:
        kind = "duplicate" if at in double else "foreign"
        return Cell(at, kind, sight.code, was="not known here", by_hand=sight.by_hand)
    kind, was = _kind(tube, stood, here, sight.by_hand)
    if at in double:
        kind, was = "duplicate", "its code was read at more than one position"
    return Cell(at, kind, sight.code, tube.tube, tube.id, was, sight.by_hand)


def _kind(tube: Known, stood: Standing | None, here: Mapping[int, At], by_hand: bool) -> tuple[str, str | None]:
    if stood is not None and stood.id == tube.id:
        return "unchanged", None
    if tube.id in here:
        return "moved", tube.where
    if tube.refused is not None:
        return "refused", tube.refused
    if tube.place != "stored":
        return "new", tube.where
    if tube.copies > 1 and not by_hand:
        return "two_labels", tube.where
    return "brought", tube.where


def _turns(grid: Grid) -> Iterator[tuple[str, Callable[[At], At]]]:
    """The ways in which a rack is held or read wrongly: where each position would then be found."""
    rows, cols = grid.rows, grid.cols
    yield "turned", lambda at: (rows - 1 - at[0], cols - 1 - at[1])
    if rows == cols:
        yield "transposed", lambda at: (at[1], at[0])
        return
    # The positions were numbered along columns and the numbers read along rows, or the other way round.
    yield "counted", lambda at: divmod(at[1] * rows + at[0], cols)
    yield "counted", lambda at: ((at[0] * cols + at[1]) % rows, (at[0] * cols + at[1]) // rows)


TURNED_WORDS: Mapping[str, str] = {
    "turned": "the rack turned by 180°: its notch was at the wrong corner",
    "transposed": "rows and columns exchanged",
    "counted": "positions counted along rows and read along columns, or the other way round",
}
LEAST_TO_TELL = 4


def orientation(grid: Grid, here: Mapping[int, At], cells: Iterable[Cell]) -> tuple[str | None, int, int]:
    """How the rack was probably held, where four fifths of the tubes of this box that were seen say the same, and more
    than say that nothing is wrong.
    """
    read = [(cell.at, here[cell.id]) for cell in cells if cell.id is not None and cell.id in here]
    straight = sum(at == stood for at, stood in read)
    for way, turn in _turns(grid):
        agree = sum(turn(stood) == at for at, stood in read)
        if agree >= LEAST_TO_TELL and agree > straight and agree >= 0.8 * len(read):
            return way, agree, len(read)
    return None, straight, len(read)


def check_straight(diff: Diff, box: str) -> None:
    """Raises RackTurned: naming the likely cause."""
    if diff.turned is not None:
        raise RackTurned(
            f"{diff.agree} of {diff.of} tubes stand where they would with {TURNED_WORDS[diff.turned]}. Nothing was "
            f"changed: scan the rack of {box} again, A1 at the notch.",
            turned=diff.turned,
            agree=diff.agree,
            of=diff.of,
        )


def check_settled(diff: Diff, grid: Grid) -> None:
    """Whether all that the scanner could not tell is settled.

    Raises:
        BoxHoldsOthers: a tube that is out of reach was not seen, or stands elsewhere in the box.
        RackScanUnsettled: naming positions and tubes.
    """
    hidden = [label(grid, *gone.at) for gone in diff.gone if gone.tube is None]
    hidden += [label(grid, *cell.at) for cell in diff.cells if cell.kind == "moved" and cell.tube is None]
    if hidden:
        raise BoxHoldsOthers(
            f"A tube that you may not see was moved, or was not found ({_listed(hidden)}): somebody who may see it has "
            "to do this.",
            positions=hidden,
        )
    cells = [label(grid, *cell.at) for cell in diff.open()]
    tubes = [f"{grouped(gone.tube or '')} ({label(grid, *gone.at)})" for gone in diff.undecided()]
    said = []
    if cells:
        said.append(f"scan by hand, or take out, what stands at {_listed(cells)}")
    if tubes:
        said.append(f"say what became of {_listed(tubes)}")
    if said:
        raise RackScanUnsettled(f"Nothing was stored: {'; '.join(said)}.", positions=cells, tubes=tubes)


def check_may_be_unread(gone: Gone, grid: Grid) -> None:
    """Raises RackScanUnsettled: another tube was read at the position, so this one is not there."""
    if not gone.may_be_unread:
        raise RackScanUnsettled(
            f"Another tube was read at {label(grid, *gone.at)}, so {grouped(gone.tube or '')} does not stand there: it "
            "was taken out, or is missing.",
            tube=gone.tube,
        )


def _listed(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def check_open(status: str) -> None:
    """Raises RackScanSettled: the scan was committed or discarded before."""
    if status != "open":
        raise RackScanSettled(f"This scan was {status}: scan the rack again.", status=status)


def check_fits(grid: Grid, places: Iterable[At], box: str) -> None:
    """Raises RackDoesNotFit: the scan has positions that the box has not."""
    beyond = sorted(at for at in places if at[0] >= grid.rows or at[1] >= grid.cols)
    if beyond:
        row, col = beyond[0]
        raise RackDoesNotFit(
            f"The scan has a position in row {row + 1}, column {col + 1}, and {box} has {grid.rows} rows and "
            f"{grid.cols} columns: choose the box that was scanned.",
            rows=grid.rows,
            cols=grid.cols,
        )


def check_rack_code(rack_code: str | None, owner: str | None, box: str, name: str) -> None:
    """The code of the rack in the file, where it names a place of the house, names this box.

    Raises:
        RackDoesNotFit: it names another one.
    """
    if owner is not None and owner != box:
        raise RackDoesNotFit(
            f"The file is of rack {rack_code}, which is {grouped(owner)}, not {name}: is it the file of another scan?",
            rack=owner,
        )
