"""Rules of the scan station: what each kind of code is for, what a misread may have been."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from biobank.errors import Conflict, Forbidden, Invalid
from biobank.identifier.command_codes import BY_CODE, COMMANDS, CommandCode
from biobank.ids import Kind, grouped

__all__ = ["BY_CODE", "COMMANDS", "CommandCode"]


MODES: Mapping[str, str] = {
    "find": "Look up",
    "store": "Store",
    "move": "Move",
    "check_out": "Check out",
    "return": "Return",
    "aliquot": "Aliquot",
    "discard": "Discard",
    "verify": "Verify label",
    "remap": "Re-map box",
    "pack": "Pack",
    "receive": "Receive",
    "quantity": "Quantity",
    "print": "Print label",
}

NEEDS: Mapping[str, str] = {
    "verify": "scan the parent",
    "pack": "scan a package",
    "receive": "scan a shipment or package",
    "quantity": "scan a tube",
    "print": "printer by the rules; scan its code for another",
}
"""What a mode needs at hand before anything else is scanned."""

BECAUSE, ARRIVED, PRINTER = "BECAUSE", "ARRIVED", "PRINTER"
"""How bench codes of reasons, conditions and printers begin: letters and digits only, and longer than an id of the
house.
"""


@dataclass(frozen=True, slots=True)
class SaidReason:
    """Why something is done in a mode, as a code beside the scanner says it."""

    mode: str
    key: str
    words: str

    @property
    def code(self) -> str:
        return BECAUSE + self.key.replace("_", "").upper()


REASONS = (
    SaidReason("check_out", "divide", "to be divided"),
    SaidReason("check_out", "measure", "to be measured"),
    SaidReason("check_out", "ship", "to be shipped"),
    SaidReason("check_out", "inspect", "to be looked at"),
    SaidReason("check_out", "relabel", "gets a new label"),
    SaidReason("check_out", "rearrange", "its box is rearranged"),
    SaidReason("check_out", "defrost", "its freezer is emptied"),
    SaidReason("print", "damaged", "the label is damaged"),
    SaidReason("print", "lost", "the label is lost"),
    SaidReason("print", "not_printed", "the label never came out"),
)
"""The reasons that can be scanned. Their codes stay as they are: they are printed on the benches."""

REASON_ASKED: Mapping[str, str] = {
    "check_out": "Why they leave their box",
    "print": "Why there is another label",
}
"""The modes in which a reason is given, and what it answers."""

REASON_HINTS: Mapping[str, str] = {
    "check_out": "It goes with every tube that is scanned from here on, until another mode begins.",
    "print": "It goes with the next label.",
}


@dataclass(frozen=True, slots=True)
class SaidCondition:
    """In which condition a tube came, said of the one that was scanned last while receiving."""

    condition: Literal["damaged", "thawed"]
    words: str

    @property
    def code(self) -> str:
        return ARRIVED + self.condition.upper()


CONDITIONS = (SaidCondition("damaged", "came damaged"), SaidCondition("thawed", "came thawed"))


def printer_code(site: str, name: str) -> str:
    """The bench code of a printer: `ZD-1` at `LAB` is `PRINTERLABZD1`."""
    return PRINTER + f"{site}{name}".replace("-", "").upper()


CLOCK_TOLERANCE = timedelta(minutes=2)
"""How far the clock of a station may be ahead."""

OLDEST = timedelta(days=7)
"""A scan that waited longer is no longer what stands in the box: it is made anew."""

AMBER, RED = timedelta(minutes=10), timedelta(minutes=30)
"""How long material of -80 may be out in somebody's hands before it is looked at, and before it is a thaw."""

SELF_TEST = "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ*/+.$%"
"""What the self-test symbol holds: every character that a wrong keyboard layout or a stuck shift turns into another."""

LONGEST = 200
"""No code that anybody gives out has more characters."""


def no_code(read: str) -> tuple[str, str]:
    """What to say of a scan that is empty or longer than any code: a title, and what to do."""
    if not read:
        return "Nothing was read", "The scan was empty: scan again."
    what = f"{len(read)} characters were read, and no code has more than {LONGEST}"
    return "Too long for a code", f"{what}: two codes may have run together, or a text was pasted. Scan one code."


def no_quantity(text: str, tube: str) -> str:
    """What to say where the content of a tube was asked for and something else came."""
    return (
        f"{text} is no quantity of up to six digits, and no code within your reach: type what {grouped(tube)} holds, "
        "or scan another tube."
    )


KIND_WORDS: Mapping[Kind, str] = {
    Kind.TUBE: "tube",
    Kind.BOX: "box",
    Kind.KIT: "kit",
    Kind.PARTICIPANT: "participant",
    Kind.SHIPMENT: "shipment",
    Kind.LOCATION: "place",
    Kind.RACK: "rack",
    Kind.PLATE: "plate",
    Kind.PICK_LIST: "pick list",
    Kind.BADGE: "badge",
    Kind.COMMAND: "command",
}


class AmbiguousCode(Conflict):
    code = "ambiguous-code"
    title = "Two things carry this code"


class ScanOvertaken(Conflict):
    """A scan that was made offline is about a tube that somebody else moved since."""

    code = "scan-overtaken"
    title = "Somebody moved this tube after the scan"


class ScanOfAnother(Forbidden):
    """A scan that waited at a station belongs to the person who made it."""

    code = "scan-of-another"
    title = "This scan was made by somebody else"


def check_made_by(username: str | None, actor: str) -> None:
    """Raises ScanOfAnother: the scan names another person than the one who is signed in."""
    if username is not None and username != actor:
        raise ScanOfAnother(
            f"These scans were made by {username}, and {actor} is signed in: {username} signs in to send them.",
            made_by=username,
        )


def check_scanned_at(scanned_at: datetime | None, now: datetime) -> None:
    """Raises Invalid: the scan lies in the future, or is older than seven days."""
    if scanned_at is None:
        return
    if scanned_at > now + CLOCK_TOLERANCE:
        raise Invalid(
            "The scan lies in the future: set the clock of this station.", errors={"scanned_at": "lies in the future"}
        )
    if scanned_at < now - OLDEST:
        raise Invalid(
            f"The scan waited for more than {OLDEST.days} days: look where the tube is, and scan it again.",
            errors={"scanned_at": "is too old"},
        )


def tone(out: timedelta, *, cold: bool) -> str:
    """How urgent a tube in hand is: ok, warning (amber) or stop (red). Only what belongs at -80 or colder is timed."""
    if not cold or out < AMBER:
        return "ok"
    return "warning" if out < RED else "stop"


def near(code: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Those candidates that one misread character, or two neighbours swapped, would turn into `code`."""
    return tuple(sorted(candidate for candidate in candidates if _is_near(code, candidate)))


def _is_near(code: str, other: str) -> bool:
    if len(code) != len(other):
        return False
    differ = [place for place, (here, there) in enumerate(zip(code, other, strict=True)) if here != there]
    if len(differ) == 1:
        return True
    if len(differ) != 2 or differ[1] != differ[0] + 1:
        return False
    first, second = differ
    return code[first] == other[second] and code[second] == other[first]


def wrong_kind(kind: Kind, code: str) -> str:
    """What to say of a code that is no tube where a tube is stored."""
    shown = grouped(code)
    match kind:
        case Kind.PARTICIPANT:
            return f"{shown} is a participant, not a tube: scan the label on the tube itself."
        case Kind.RACK | Kind.LOCATION:
            return f"{shown} is a {KIND_WORDS[kind]}: scan the box that the tubes go into."
        case Kind.SHIPMENT:
            return f"{shown} is a shipment or package: receive it on its own page, then store its tubes."
        case Kind.BADGE:
            return f"{shown} is a badge: scan a tube."
    return f"{shown} is a {KIND_WORDS[kind]}, not a tube: scan the label on the tube itself."


def replaced_words(tube: str, label: str) -> str:
    """What to say of a label that was replaced by another one of the same tube."""
    return (
        f"{grouped(tube)} has the label {grouped(label)} now: scan that one. If this tube has the old label only, two "
        "tubes may carry its name: look for the other one, and if there are two give this one an id of its own, on the "
        "page of its label."
    )


def did_you_mean(candidates: Iterable[str]) -> str:
    """The suggestions in words; the empty text when there are none."""
    found = [grouped(candidate) for candidate in candidates]
    return f" Did you mean {' or '.join(found)}, which stands in this box?" if found else ""


def place_words(place: str, name: str) -> str:
    """Where a tube is that stands in no box: `place` is holder, package, party or ended."""
    match place:
        case "package":
            return f"packed in {grouped(name)}"
        case "ended":
            return name
    return f"with {name}"
