"""What can be wrong with the embedded PostgreSQL: each names the place and the way out."""

from pathlib import Path


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used. ``place`` is the folder or file meant, ``way_out`` what to do."""

    def __init__(self, problem: str, *, place: Path, way_out: str) -> None:
        super().__init__(f"{problem} {way_out}")
        self.problem = problem
        self.place = place
        self.way_out = way_out


class BinariesNotFound(EmbeddedError):
    """No folder with the programs of a PostgreSQL that is new enough."""


class AccessDenied(EmbeddedError):
    """The data folder belongs to somebody else, or may not be written."""


class OtherMajorVersion(EmbeddedError):
    """The data folder was made by another major version of PostgreSQL, ``found``, than the programs, ``expected``."""

    def __init__(self, *, place: Path, found: int, expected: int) -> None:
        super().__init__(
            f"The database in {place} was made by PostgreSQL {found}, the programs in use are PostgreSQL {expected}.",
            place=place,
            way_out=(
                f"Write a backup with the old programs (biobank backup FILE, PG_BIN naming the folder of "
                f"PostgreSQL {found}'s programs), move {place} away, and read it back with the new ones "
                "(biobank restore FILE)."
            ),
        )
        self.found = found
        self.expected = expected


class InitFailed(EmbeddedError):
    """``initdb`` did not make a cluster; ``output`` is what it said."""

    def __init__(self, *, place: Path, output: str) -> None:
        super().__init__(
            f"A new database could not be made in {place}: {output.strip() or 'initdb said nothing'}",
            place=place,
            way_out="Nothing was left behind; correct what it names and start again.",
        )
        self.output = output


class StartFailed(EmbeddedError):
    """The server ended or did not become ready; ``log`` holds its last lines."""

    def __init__(self, problem: str, *, place: Path, log: str) -> None:
        super().__init__(f"{problem} Its last lines: {log or '(none)'}", place=place, way_out=f"See {place}.")
        self.log = log
