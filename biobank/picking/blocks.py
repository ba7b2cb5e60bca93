"""What keeps a tube back from being reserved, picked, packed or plated, in words for the person with it in hand. Pure
functions on plain values.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from biobank import ids
from biobank.errors import Conflict
from biobank.participant.rules import ConsentMissing, Decisions, ParticipantWithdrawn, check_consent
from biobank.specimen.claiming import Claim


class TubesBlocked(Conflict):
    """`blocked` lists each tube with a reason's code and words."""

    code = "tubes-blocked"
    title = "These tubes must stay behind"


class Reason(StrEnum):
    """What keeps a tube back."""

    UNKNOWN = "unknown"
    OTHER_STUDY = "other_study"
    ENDED = "ended"
    ALREADY_PACKED = "already_packed"
    IN_SHIPMENT = "in_shipment"
    NOT_HERE = "not_here"
    QUARANTINED = "quarantined"
    ON_HOLD = "on_hold"
    WITHDRAWN = "consent_withdrawn"
    NOT_CONSENTED = "not_consented"
    RESERVED = "reserved"
    ON_PICK_LIST = "on_pick_list"
    DEVIATION = "deviation"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Blocked:
    """A tube that is kept back, and why in words."""

    tube: str
    reason: Reason
    words: str

    def as_field(self) -> dict[str, str]:
        return {"tube": self.tube, "reason": self.reason.value, "words": self.words}


_WITHDRAWN = "consent was withdrawn: keep it apart"


def quality_block(tube: str, quality: str, hold: str | None) -> Blocked | None:
    if quality != "acceptable":
        return Blocked(tube, Reason.QUARANTINED, f"is {quality}")
    if hold == "consent_withdrawn":
        return Blocked(tube, Reason.WITHDRAWN, _WITHDRAWN)
    if hold is not None:
        return Blocked(tube, Reason.ON_HOLD, f"is on hold: {hold.replace('_', ' ')}")
    return None


def deviation_block(tube: str, titles: str | None) -> Blocked | None:
    """What the open deviations of a tube say that keep it from being shipped."""
    if titles is None:
        return None
    return Blocked(tube, Reason.DEVIATION, f"has an open deviation ({titles}): resolve it, or keep the tube here")


def consent_block(tube: str, people: Collection[Decisions], needed: Iterable[str]) -> Blocked | None:
    """What the consent gate says of a tube of these people, without naming them: whose it is need not be known."""
    try:
        check_consent({str(number): person for number, person in enumerate(people)}, needed)
    except ParticipantWithdrawn:
        return Blocked(tube, Reason.WITHDRAWN, _WITHDRAWN)
    except ConsentMissing as error:
        scope = str(error.fields["scope"]).replace("_", " ")
        return Blocked(tube, Reason.NOT_CONSENTED, f"consent does not cover {scope}")
    return None


def claim_block(tube: str, claim: Claim | None, purposes: Collection[str], *, lists: bool = False) -> Blocked | None:
    """A tube that somebody else claimed for another purpose than `purposes` is kept back.

    One's own claim keeps nobody off, and neither does somebody else's for the same purpose; with `lists` an open pick
    list does all the same, because a tube is on one errand at a time.
    """
    if claim is None:
        return None
    if claim.pick_list is not None and lists:
        words = f"is on pick list {ids.grouped(claim.pick_list)} of {claim.by}: hand over or cancel that one first"
        return Blocked(tube, Reason.ON_PICK_LIST, words)
    if claim.is_for(purposes):
        return None
    reason = Reason.RESERVED if claim.pick_list is None else Reason.ON_PICK_LIST
    return Blocked(tube, reason, claim.words)


def refuse_blocked(blocked: Collection[Blocked], lead: str) -> None:
    """Raises TubesBlocked: naming every tube with its reason."""
    if blocked:
        named = "; ".join(f"{ids.grouped(one.tube)} {one.words}" for one in blocked)
        raise TubesBlocked(f"{lead}: {named}.", blocked=[one.as_field() for one in blocked])
