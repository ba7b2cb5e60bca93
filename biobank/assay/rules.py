"""Rules of assays, plates, imports and reviews. Pure functions on plain values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay_importers.wells import read_well, row_and_column
from biobank.errors import Conflict, DomainError, Forbidden, Invalid, TooLarge

CONSENT_SCOPE = "future_research"
"""What a participant must have granted before a tube is assayed and before its results are released."""

IMPORTABLE = frozenset({"planned", "plated"})
REVIEWED_FROM = frozenset({"parsed"})
RELEASED_FROM = frozenset({"verified"})
TABLE = "generic_table"
"""The importer of tables of no known format: what their columns mean, a person says."""
FAILED_FROM = frozenset({"planned", "plated", "parsed", "verified"})
PLATE_FORMATS: Mapping[int, tuple[int, int]] = {96: (8, 12), 384: (16, 24)}


class AssayExists(Conflict):
    code = "assay-exists"
    title = "There is such an assay already"


class RunExists(Conflict):
    code = "run-exists"
    title = "There is such a run already"


class RunNotReady(Conflict):
    """The run is in another state than the deed needs."""

    code = "run-not-ready"
    title = "The run is not at this step"


class PlateMapRefused(Invalid):
    """`rows` names every row that cannot be taken: line, well, code and what is wrong. Nothing was stored."""

    code = "plate-map-refused"
    title = "The plate map was not taken"


class FileRefused(Invalid):
    """A file that cannot be read; `line`, `column`, `value` and `expected` say where, as far as they are known."""

    code = "file-not-readable"
    title = "The file cannot be read"


class FormatUnclear(Invalid):
    """No importer, or more than one, recognises the file; `candidates` lists every importer's verdict and reason."""

    code = "file-format-unclear"
    title = "It is not clear what this file is"


class WrongFormat(Invalid):
    code = "file-of-another-format"
    title = "The file is of another format than the assay's"


class FileDoesNotFit(Invalid):
    """The file was read, but its wells or analytes are not those of the run; `problems` lists all of them."""

    code = "file-does-not-fit-run"
    title = "The file does not fit the run"


class MappingNeeded(Invalid):
    """Nobody has said what the columns of this table mean."""

    code = "mapping-needed"
    title = "Nobody has said what the columns mean"


class MappingChanged(Conflict):
    """The mapping of a header is at another version than the person saw."""

    code = "mapping-changed"
    title = "Somebody else has changed this mapping"


class FileTooLarge(TooLarge):
    code = "file-too-large"
    title = "The file is too large"


class FileAlreadyImported(Conflict):
    code = "file-already-imported"
    title = "This file was imported already"


class ImporterFailed(DomainError):
    code = "importer-failed"
    title = "The importer failed"


class FourEyes(Forbidden):
    """Who ran the assay or imported its file does not review it."""

    code = "four-eyes"
    title = "Somebody else has to review this"


class NoControls(Conflict):
    code = "run-without-controls"
    title = "The run has no controls"


class ReleasedIsFinal(Conflict):
    code = "released-is-final"
    title = "Released results never change"


class NotReleased(Conflict):
    code = "result-not-released"
    title = "Only released results are corrected"


_FOUR_EYES = "Who ran the assay or imported its file does not review or release it: ask another reviewer."

CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_assay_code": lambda: AssayExists("The study has an assay of this code already: add a version to it."),
    "uq_assay_version_number": lambda: AssayExists(
        "Somebody else added a version at this moment: look at it, then try again."
    ),
    "uq_assay_version_analyte_once": lambda: Invalid(
        "An analyte is named twice.", errors={"analytes": "names an analyte twice"}
    ),
    "uq_assay_version_analyte_name": lambda: Invalid(
        "Two analytes have the same name in the file.", errors={"analytes": "has one name in the file twice"}
    ),
    "ck_assay_version_analyte_limits_in_order": lambda: Invalid(
        "The lower limit of quantification lies below the upper.", errors={"analytes": "has limits out of order"}
    ),
    "ck_fitness_rule_version_was_used": lambda: ReleasedIsFinal(
        "A run was planned with this version of the assay, so its rules never change: add a version."
    ),
    "uq_assay_run_name": lambda: RunExists("The study has a run of this name already: choose another name."),
    "uq_assay_run_one_file_once": lambda: FileAlreadyImported("Another run has imported this file."),
    "uq_column_mapping_number": lambda: MappingChanged(
        "Somebody else said at this moment what these columns mean. Nothing was stored: look at their mapping, then "
        "confirm it or correct it."
    ),
    "ck_assay_run_reviewer_is_not_operator": lambda: FourEyes(_FOUR_EYES),
    "ck_assay_run_releaser_is_not_operator": lambda: FourEyes(_FOUR_EYES),
    "ck_assay_run_released_is_immutable": lambda: ReleasedIsFinal("The run is released and never changes."),
    "ck_result_version_released_is_immutable": lambda: ReleasedIsFinal(
        "A released result is never changed: correct it with a reason, which makes a new version."
    ),
}


def check_status(name: str, status: str, allowed: frozenset[str], deed: str) -> None:
    """A deed needs the run at a certain step.

    Raises:
        RunNotReady: naming the run, where it is and what the deed needs.
    """
    if status not in allowed:
        raise RunNotReady(
            f"Run {name} is {status}: only a run that is {' or '.join(sorted(allowed))} can be {deed}.",
            run=name,
            run_status=status,
        )


def check_four_eyes(actor_id: int | None, *others: int | None) -> None:
    """As the database holds for verifying and releasing, so for corrections.

    Raises:
        FourEyes: the person is one of `others`, who ran or imported.
    """
    if actor_id is None or actor_id in others:
        raise FourEyes(_FOUR_EYES)


def check_controls(name: str, controls: int, reason: str | None) -> None:
    """A run without controls, standards or blanks is verified only with a reason that stays on record.

    Raises:
        NoControls: neither controls nor a reason.
    """
    if controls == 0 and not reason:
        raise NoControls(
            f"Run {name} has no control, standard or blank: say why it can be trusted without.",
            run=name,
        )


def position(text: str, rows: int, cols: int) -> tuple[int, int] | None:
    """Row and column of a well such as `A1`, counted from 0; None when the plate has no such well."""
    well = read_well(text)
    if well is None:
        return None
    row, col = row_and_column(well)
    return (row - 1, col - 1) if row <= rows and col <= cols else None


def location(row: int, col: int) -> str:
    """`A1` for (0, 0); the inverse of `position`."""
    letters = chr(65 + row) if row < 26 else f"A{chr(65 + row - 26)}"
    return f"{letters}{col + 1}"


def limit_kind(comparator: str | None) -> str | None:
    """Which limit of quantification a comparator in a file speaks of; none where the value is the measured one."""
    if comparator is None:
        return None
    return "LLOQ" if comparator.startswith("<") else "ULOQ"


_WITHOUT_UNIT = ("count", "events", "%", "ratio", "dilution")


def unit_of(quantity: str, in_file: str | None, of_analyte: str) -> str | None:
    """The unit of a reading: what the file says, else the analyte's; counts, ratios and percentages have none."""
    if in_file is not None:
        return in_file
    return None if any(word in quantity.casefold() for word in _WITHOUT_UNIT) else of_analyte


def software_of(header: Mapping[str, str], software: str | None) -> str | None:
    """Program and build word by word as the file's header names them, else what the importer made of it."""
    named = " ".join(header[name].strip() for name in ("Program", "Build") if header.get(name, "").strip())
    return named or software


def storable(text: str) -> str:
    """PostgreSQL keeps every character but NUL, which becomes U+FFFD: seen, not silently dropped."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def tube_problem(existence: str, quality: str, hold: str | None, *, packed: bool, outside: bool) -> str | None:
    """Why a tube may not be assayed; None when it may. `packed`: it lies in a package, `outside`: it left the house."""
    if existence != "exists":
        return f"the tube is {existence.replace('_', ' ')}"
    if quality != "acceptable":
        return f"the tube is {quality}"
    if hold is not None:
        return f"the tube is on hold: {hold.replace('_', ' ')}"
    if packed:
        return "the tube lies in a package: receive the shipment first"
    return "the tube is with an external laboratory" if outside else None


def refuse_rows(problems: Sequence[Mapping[str, Any]]) -> None:
    """All rows of a plate map that cannot be taken, at once.

    Raises:
        PlateMapRefused: when there is one or more.
    """
    if not problems:
        return
    lines = "; ".join(
        f"{'line ' + str(row['line']) + ', ' if row['line'] else ''}well {row['well']}: {row['problem']}"
        for row in problems[:10]
    )
    more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
    raise PlateMapRefused(f"Nothing was stored. {lines}{more}.", rows=list(problems))
