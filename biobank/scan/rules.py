"""Rules of the scan station: what each kind of code is for, what a misread may have been."""

from collections.abc import Iterable, Mapping

from biobank.errors import Conflict
from biobank.identifier.command_codes import BY_CODE, COMMANDS, CommandCode
from biobank.ids import Kind, grouped

__all__ = ["BY_CODE", "COMMANDS", "CommandCode"]


MODES: Mapping[str, str] = {"find": "Look up", "store": "Store"}

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
