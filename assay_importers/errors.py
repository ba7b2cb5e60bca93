"""What can go wrong between a file and a `ParsedRun`: every error names the thing, the place and the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from assay_importers.contract import Match, Verdict


class ImporterError(Exception):
    """A file that could not be imported. `details` is plain JSON, so that an error can cross a process boundary."""

    kind: ClassVar[str]
    exit_status: ClassVar[int] = 3

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = details

    def as_dict(self) -> dict[str, Any]:
        """`{"kind", "message", "details"}`, the shape that `biobank parse --json` prints."""
        return {"kind": self.kind, "message": str(self), "details": self.details}


class FaultyFile(ImporterError):
    """The file is of the format but a place in it cannot be read."""

    kind = "faulty_file"

    def __init__(
        self,
        problem: str,
        *,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        expected: str | None = None,
    ) -> None:
        places = [] if line is None else [f"line {line}"]
        places += [] if column is None else [f"column {column}"]
        message = f"{', '.join(places)}: {problem}" if places else problem
        if value is not None:
            message += f" (found {shorten(value)!r})"
        if expected is not None:
            message += f"; expected {expected}"
        super().__init__(message, problem=problem, line=line, column=column, value=value, expected=expected)
        self.problem, self.line, self.column, self.value, self.expected = problem, line, column, value, expected


class _Unrecognised(ImporterError):
    exit_status = 2

    def __init__(self, message: str, candidates: Sequence[Match]) -> None:
        listed = "".join(f"\n  {m.format}: {m.verdict} ({m.reason})" for m in candidates)
        super().__init__(message + listed, candidates=[m.model_dump(mode="json") for m in candidates])
        self.candidates = tuple(candidates)


class NoImporter(_Unrecognised):
    """No importer says YES to the file."""

    kind = "no_importer"

    def __init__(self, candidates: Sequence[Match | Mapping[str, Any]]) -> None:
        super().__init__(
            "no importer recognises this file; name its format if you know it:",
            [Match.model_validate(c) for c in candidates],
        )


class SeveralImporters(_Unrecognised):
    """More than one importer says YES to the file."""

    kind = "several_importers"

    def __init__(self, candidates: Sequence[Match | Mapping[str, Any]]) -> None:
        found = [Match.model_validate(c) for c in candidates]
        claimed = ", ".join(m.format for m in found if m.verdict is Verdict.YES)
        super().__init__(f"more than one importer claims this file ({claimed}); name its format:", found)


class UnknownFormat(ImporterError):
    """The format that was named is not installed."""

    kind = "unknown_format"
    exit_status = 2

    def __init__(self, key: str, known: Sequence[str]) -> None:
        super().__init__(f"no importer is called {key!r}; there are: {', '.join(known)}", key=key, known=list(known))


class NotInstalled(ImporterError):
    """No importer can be found, or one that is registered cannot be loaded."""

    kind = "not_installed"
    exit_status = 2

    def __init__(self, problem: str) -> None:
        super().__init__(problem, problem=problem)


class CannotExport(ImporterError):
    """What was read cannot be written as asked."""

    kind = "cannot_export"

    def __init__(self, problem: str) -> None:
        super().__init__(problem, problem=problem)


class NotInFile(ImporterError):
    """The file was read and does not hold the value that was asked for."""

    kind = "not_in_file"

    def __init__(self, problem: str) -> None:
        super().__init__(problem, problem=problem)


class FileTooLarge(ImporterError):
    """The file is over the limit and was refused before it was read."""

    kind = "file_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the file has {size:,} bytes and the limit is {limit:,}; export fewer plates into one file",
            size=size,
            limit=limit,
        )


class ParseTimeout(ImporterError):
    """Reading took longer than the limit and was stopped."""

    kind = "parse_timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"reading the file was stopped after {seconds:g} s", seconds=seconds)


class ParseCrashed(ImporterError):
    """The importer itself failed: a fault of ours, or of a third-party importer, not of the file."""

    kind = "parse_crashed"

    def __init__(self, problem: str) -> None:
        super().__init__(f"the importer failed: {problem}", problem=problem)


_KINDS: dict[str, type[ImporterError]] = {
    error.kind: error
    for error in (
        FaultyFile,
        NoImporter,
        SeveralImporters,
        UnknownFormat,
        NotInstalled,
        CannotExport,
        NotInFile,
        FileTooLarge,
        ParseTimeout,
        ParseCrashed,
    )
}


def from_dict(data: Mapping[str, Any]) -> ImporterError:
    """The error that `as_dict` described."""
    details = dict(data["details"])
    positional = [details.pop("problem")] if "problem" in details else []
    return _KINDS[data["kind"]](*positional, **details)


def shorten(text: str, limit: int = 60) -> str:
    """`text`, cut to `limit` characters: a message is read by a person."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
