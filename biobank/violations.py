"""What an error of the database means to the person who asked."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError

from biobank.errors import DomainError, Invalid

ConstraintErrors = Mapping[str, Callable[[], DomainError]]
"""By the name of a constraint, the error that its violation means. Each slice's `rules.py` holds its own."""


class Busy(DomainError):
    code = "busy"
    title = "Busy at the moment"


def constraint_of(error: DBAPIError) -> str | None:
    """The name of the constraint that PostgreSQL says was violated."""
    cause: Any = error.orig
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if name:
            return str(name)
        cause = cause.__cause__
    return None


def from_database(error: DBAPIError, constraints: ConstraintErrors) -> DomainError | None:
    """The typed error that a violated constraint, a lost race or an impossible value means; None when it is a fault of
    ours.
    """
    name = constraint_of(error)
    if name is not None and name in constraints:
        return constraints[name]()
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    if state in {"40001", "40P01", "55P03"}:
        return Busy("Somebody else is changing the same thing at this moment: try again.")
    if state == "57014":
        return Busy("The database took too long: ask for less at once, or try again.")
    if state in {"22021", "22P05"}:  # NUL, or half of a character: no scanner or keyboard means it
        return Invalid("A text holds a character that no text can hold: type or scan it again.")
    # The driver refuses such a number itself; whatever else it refuses is a fault of ours.
    if state == "22003" or (state == "22000" and "value out of int" in str(error.orig)):
        return Invalid("A number is larger than any that is known here: check it.")
    return None
