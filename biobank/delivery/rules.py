"""Rules of goods-in: what is told of codes that cannot be registered, or were not. Pure functions."""

from collections.abc import Callable, Mapping, Sequence

from biobank.errors import Conflict, DomainError, Invalid

SHOWN = 200
"""Bad lines that are told in one answer; their number is told in any case."""


class VendorCodesRefused(Invalid):
    """`bad` holds line, value and problem of every line that cannot be registered, 200 at most."""

    code = "vendor-codes-refused"
    title = "Codes of the file cannot be registered"


class VendorCodeUnknown(Conflict):
    code = "vendor-code-unknown"
    title = "This code was never delivered"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_vendor_code_value": lambda: VendorCodesRefused(
        "Somebody else registered a code of this file at this moment: hand it in again to see which.",
        errors={"file": "has a code that is registered"},
    ),
    "ck_identifier_vendor_code_registered": lambda: VendorCodeUnknown(
        "This code of a maker was never registered at goods-in, and the study takes no others: scan the tube again, or "
        "register the maker's file first."
    ),
}


def check_good(bad: Sequence[Mapping[str, object]], name: str) -> None:
    """Raises VendorCodesRefused: naming the lines."""
    if bad:
        first = "; ".join(f"line {one['line']}: {one['value']} {one['problem']}" for one in bad[:5])
        more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise VendorCodesRefused(
            f"Nothing was registered: {first}{more}.",
            errors={"file": f"{name} has {len(bad)} lines that cannot be registered"},
            bad=list(bad[:SHOWN]),
            count=len(bad),
        )
