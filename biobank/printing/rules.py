"""Rules of label printing: what a label says, which template it takes, and when a further copy is printed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from biobank.errors import Conflict, DomainError, Invalid, TooLarge
from biobank.ids import grouped
from labels.elements import tokens

MOST = 10_000
"""Labels in one request."""

REASONS: Mapping[str, str] = {
    "damaged": "reprint_damaged",
    "lost": "reprint_lost",
    "not_printed": "reprint_not_printed",
}
TEMPLATE_OF_LEVEL: Mapping[str, str] = {"box": "box", "rack": "rack", "freezer": "freezer"}
"""The kind of a container's label by its level; every other level takes that of a shelf."""


class ReprintNeedsReason(Conflict):
    code = "reprint-needs-reason"
    title = "These labels were printed before"


class LabelPrintedMeanwhile(Conflict):
    code = "label-printed-meanwhile"
    title = "Somebody else printed this label at this moment"


class WrongParent(Conflict):
    code = "wrong-parent"
    title = "This label is not of that parent"


class LabelReplaced(Conflict):
    code = "label-replaced"
    title = "This label was replaced"


class NotPrinted(Conflict):
    code = "label-not-printed"
    title = "No label of this was printed"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_label_print_copy": lambda: LabelPrintedMeanwhile(
        "Somebody else printed this label at this moment: look whether theirs is at hand."
    ),
}


def check_count(codes: Sequence[str]) -> None:
    """Raises:
    Invalid: no code, or one named twice.
    TooLarge: more than one request prints.
    """
    if not codes:
        raise Invalid("There is nothing to print: name at least one code.", errors={"codes": "is empty"})
    if len(codes) > MOST:
        raise TooLarge(f"{len(codes)} labels are more than the {MOST} of one request: print them in parts.")
    twice = [code for code, count in Counter(codes).items() if count > 1]
    if twice:
        shown = ", ".join(grouped(code) for code in twice[:10])
        raise Invalid(f"{shown} is named twice: two tubes never carry one label.", errors={"codes": "names one twice"})


def copy_reason(copies: Mapping[str, int], reason: str | None) -> Mapping[str, tuple[int, str]]:
    """By code, the number of the copy that is printed now and why. `copies` counts those printed before.

    Raises:
        ReprintNeedsReason: naming the codes that were printed before, where no reason is given.
    """
    before = [code for code, count in copies.items() if count]
    if before and reason is None:
        shown = ", ".join(grouped(code) for code in before[:10])
        raise ReprintNeedsReason(
            f"Printed before: {shown}. Say whether the first label was damaged or lost, or never came out.",
            codes=before[:100],
        )
    return {code: (count + 1, REASONS[reason] if count and reason else "first") for code, count in copies.items()}


def tube_values(
    kind: str,
    quantity: Decimal,
    unit: str,
    *,
    partial: bool,
    blind: bool = False,
    participant: str | None,
    visit: str | None,
    number: int,
    of: int,
    copy_no: int,
) -> Mapping[str, str]:
    """What each token gives on a label of a tube: the lines as the templates that ship print them (type, quantity, P
    for a partial one, R and a number for a reprint; the participant; the visit, and which of how many), and each part
    of them by itself. No date: a date on a tube travels to third parties. A blind duplicate says that it is one and
    nothing of its twin.
    """
    amount = f"{quantity.normalize():f} {unit}{' P' if partial else ''}"
    copy = _copy(copy_no)
    first = " ".join(filter(None, (kind, amount, copy)))
    own = {"type": kind, "amount": amount, "copy": copy}
    if blind:
        return _lined(first, "blind duplicate") | own | dict.fromkeys(("participant", "visit", "number", "of"), "")
    whose = grouped(participant) if participant else ""
    lines = _lined(first, whose or "pool", f"{visit or ''} {number}/{of}".strip())
    return lines | own | {"participant": whose, "visit": visit or "", "number": str(number), "of": str(of)}


def place_values(names: Sequence[str], copy_no: int) -> Mapping[str, str]:
    """What each token gives on a label of a container: its name, and the way to it."""
    name, way, copy = names[-1], " / ".join(names[:-1]), _copy(copy_no)
    lines = _lined(*filter(None, (" ".join(filter(None, (name, copy))), way)))
    return lines | {"name": name, "way": way, "copy": copy}


def _copy(copy_no: int) -> str:
    return f"R{copy_no}" if copy_no > 1 else ""


def _lined(*lines: str) -> dict[str, str]:
    return {f"line{number}": line for number, line in enumerate(lines, start=1)}


SUBSTANCES: Mapping[str, str] = {
    "exempt_human_specimen": "Exempt human specimen",
    "un3373_category_b": "UN 3373 Biological substance, Category B",
}


def parcel_values(
    shipment: str,
    number: int,
    packages: int,
    *,
    sender: str,
    consignee: str,
    classification: str,
    dry_ice: Decimal | None,
    copy_no: int,
) -> Mapping[str, str]:
    """What each token gives on the label of a shipment (number 0) or of one of its packages."""
    copy = _copy(copy_no)
    what = f"Package {number}/{packages}" if number else f"Shipment, {packages} {_plural('package', packages)}"
    contents, ice = SUBSTANCES[classification], f"Dry ice, {dry_ice.normalize():f} kg net" if dry_ice else ""
    lines = filter(None, (f"{what} {copy}".strip(), f"From {sender}", f"To {consignee}", contents, ice))
    own = {"shipment": grouped(shipment), "from": sender, "to": consignee, "contents": contents, "ice": ice}
    return _lined(*lines) | own | {"number": str(number), "of": str(packages), "copy": copy}


def kit_values(
    whose: str, label_range: int, number: int, of: int, *, first: int, last: int, purpose: str, copy_no: int
) -> Mapping[str, str]:
    """What each token gives on the label of a kit: study and site, which of how many, and the labels in it."""
    copy = _copy(copy_no)
    kit, labels = f"kit {number}/{of}, range {label_range}", f"labels {first} to {last}"
    lines = _lined(f"{whose} {kit} {copy}".strip(), labels, purpose)
    own = {"whose": whose, "purpose": purpose, "range": str(label_range), "labels": labels}
    return lines | own | {"number": str(number), "of": str(of), "copy": copy}


def command_values(title: str) -> Mapping[str, str]:
    """What stands on a command card: the command in a word, and what it does."""
    return _lined(*title.split(": ", 1))


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def range_values(whose: str, number: int, position: int, count: int, copy_no: int) -> Mapping[str, str]:
    """What each token gives on a pre-printed label: study and site, the range and which of how many."""
    copy = _copy(copy_no)
    first = " ".join(filter(None, (whose, copy)))
    lines = _lined(first, f"range {number}", f"{position}/{count}")
    return lines | {"copy": copy, "number": str(position), "of": str(count)}


OF_A_TUBE = frozenset(("type", "amount", "participant", "visit"))
"""Tokens that a label has once there is a tube."""


def check_blank(name: str, content: Mapping[str, Any]) -> None:
    """Raises:
    Invalid: the template says of a tube what a pre-printed label cannot know.
    """
    texts = [element.get("text") or element.get("value") or "" for element in content["elements"]]
    used = sorted(OF_A_TUBE & {token for text in texts for token in tokens(text)})
    if used:
        shown = ", ".join(f"{{{token}}}" for token in used)
        raise Invalid(
            f"Template {name} prints {shown}, which a pre-printed label does not have before it is on a tube: choose a "
            "template without, such as tube.",
            errors={"template": f"prints {shown} of a tube"},
        )
