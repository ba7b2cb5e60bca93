"""The errors of the domain: typed, with fields, each naming the thing, the place and the way out.

`code` is stable and is the last part of the problem's address (`/problems/<code>`); every code has a page in
`docs/problems/`. Which HTTP status a kind becomes is decided in `http/problem.py` alone.
"""

from collections.abc import Mapping
from typing import ClassVar


class OperationFailed(Exception):
    """What was asked of an installation cannot be done, and it is no fault of the program; the message says why."""


class DomainError(Exception):
    """A request that the lab's rules refuse. `fields` are safe to show: codes and places, never a person."""

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **fields: object) -> None:
        self.detail = detail
        self.fields: Mapping[str, object] = fields
        super().__init__(detail)


class NotFound(DomainError):
    code = "not-found"
    title = "Not found"


class Forbidden(DomainError):
    code = "forbidden"
    title = "Not allowed"


class Unauthenticated(DomainError):
    code = "unauthenticated"
    title = "Log in first"


class Conflict(DomainError):
    code = "conflict"
    title = "In conflict with what is recorded"


class Invalid(DomainError):
    """Input of the wrong shape or value. `errors` maps a field's name to what is wrong with it."""

    code = "invalid"
    title = "Not valid"

    def __init__(self, detail: str, *, errors: Mapping[str, str] | None = None, **fields: object) -> None:
        self.errors: Mapping[str, str] = errors or {}
        super().__init__(detail, **fields)


class Stale(DomainError):
    code = "stale"
    title = "Changed by somebody else meanwhile"


class TooLarge(DomainError):
    code = "too-large"
    title = "Too large"


class TooMany(DomainError):
    """A rate limit. `retry_after` is in seconds."""

    code = "too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: int, **fields: object) -> None:
        self.retry_after = retry_after
        super().__init__(detail, retry_after=retry_after, **fields)
