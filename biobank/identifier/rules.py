"""Codes of other makers: what one may look like, and that it names one thing for ever. Pure functions."""

import unicodedata
from collections.abc import Callable, Mapping

from biobank.errors import Conflict, DomainError, Invalid

LONGEST = 64


class CodeTaken(Conflict):
    """(namespace, value) is unique for ever, also after the thing is gone."""

    code = "code-taken"
    title = "This code belongs to another thing"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_identifier_namespace_value": lambda: CodeTaken(
        "This code is registered already, and a code names one thing for ever: scan the tube again, "
        "or find what has the code."
    ),
    "uq_identifier_label": lambda: CodeTaken("Somebody else replaced this label at this moment: load the page again."),
    "fk_identifier_namespace": lambda: Invalid(
        "There is no such namespace of codes.", errors={"namespace": "is not a namespace"}
    ),
    "ck_identifier_house_check_character": lambda: Invalid(
        "This is no house id: its check character is wrong.", errors={"value": "has a wrong check character"}
    ),
}


def foreign_code(text: str) -> str:
    """A vendor's or older system's code as it is kept: NFKC, trimmed, in its own case, since others tell case apart.

    Raises:
        Invalid: empty, longer than 64 characters, or with characters that no label can carry.
    """
    code = unicodedata.normalize("NFKC", text).strip()
    if not code or len(code) > LONGEST or not code.isprintable():
        raise Invalid(
            f"A code has 1 to {LONGEST} printable characters.",
            errors={"value": f"is not 1 to {LONGEST} printable characters"},
        )
    return code
