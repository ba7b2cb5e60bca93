"""Rules of shipments: which deed fits which state, what keeps a tube back, how a receipt adds up. Pure functions on
plain values.

States and the deeds between them: draft -> packed -> shipped -> received -> reconciled; a draft may be cancelled, a
packed shipment reopened, a shipped one declared lost.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from biobank import ids
from biobank.errors import Conflict, DomainError, Invalid, NotFound, Stale
from biobank.picking.blocks import Blocked, Reason, claim_block, quality_block
from biobank.specimen.claiming import Claim


class ShipmentState(Conflict):
    code = "shipment-state"
    title = "The shipment is not in the state for this"


class NothingPacked(Conflict):
    code = "nothing-packed"
    title = "Nothing is packed"


class TubeInShipment(Conflict):
    code = "tube-in-shipment"
    title = "The tube is in an open shipment"


class TubeSeen(Conflict):
    code = "tube-seen"
    title = "The tube was received already"


class NotLookedAt(Conflict):
    """`tubes` were neither received nor said to be missing."""

    code = "not-looked-at"
    title = "Some tubes were not looked at"


class DiscrepancyOpen(Conflict):
    code = "discrepancy-open"
    title = "A discrepancy waits for its resolution"


class PartyExists(Conflict):
    code = "party-exists"
    title = "There is such an external laboratory already"


class Deed(StrEnum):
    """What may be done to a shipment; the names that `next` of a view holds."""

    PACK = "pack"
    FINISH_PACKING = "finish_packing"
    CANCEL = "cancel"
    REOPEN = "reopen"
    SHIP = "ship"
    RECEIVE = "receive"
    FINISH_RECEIPT = "finish_receipt"
    CONFIRM_DELIVERY = "confirm_delivery"
    DECLARE_LOST = "declare_lost"
    RESOLVE = "resolve"
    RECONCILE = "reconcile"


FROM_STATE: Mapping[Deed, str] = {
    Deed.PACK: "draft",
    Deed.FINISH_PACKING: "draft",
    Deed.CANCEL: "draft",
    Deed.REOPEN: "packed",
    Deed.SHIP: "packed",
    Deed.RECEIVE: "shipped",
    Deed.FINISH_RECEIPT: "shipped",
    Deed.CONFIRM_DELIVERY: "shipped",
    Deed.DECLARE_LOST: "shipped",
    Deed.RESOLVE: "received",
    Deed.RECONCILE: "received",
}
SENDERS = frozenset({Deed.PACK, Deed.FINISH_PACKING, Deed.CANCEL, Deed.REOPEN, Deed.SHIP, Deed.DECLARE_LOST})
"""Deeds of the sending site. The others are the receiving site's, or the sender's again when an external party
receives.
"""

_WORDS: Mapping[Deed, str] = {
    Deed.PACK: "Tubes go in and out of a shipment",
    Deed.FINISH_PACKING: "Packing is finished",
    Deed.CANCEL: "A shipment is cancelled",
    Deed.REOPEN: "A shipment is opened again",
    Deed.SHIP: "A shipment is handed over",
    Deed.RECEIVE: "Tubes are received",
    Deed.FINISH_RECEIPT: "A receipt is finished",
    Deed.CONFIRM_DELIVERY: "A delivery is confirmed",
    Deed.DECLARE_LOST: "A shipment is declared lost",
    Deed.RESOLVE: "A discrepancy is resolved",
    Deed.RECONCILE: "A shipment is reconciled",
}


@dataclass(frozen=True, slots=True)
class TubeFacts:
    """What the packing desk must know of a tube. `place` is position, package, holder, party or ended."""

    in_study: bool
    exists: bool
    place: str
    here: bool
    in_this: bool
    quality: str
    hold: str | None
    claim: Claim | None = None


LOOKED_AT = frozenset({"received", "damaged", "thawed"})
DISCREPANT = frozenset({"damaged", "thawed", "missing", "extra"})
RESOLUTIONS: Mapping[str, frozenset[str]] = {
    "damaged": frozenset({"accepted_as_is", "quarantined", "written_off", "returned"}),
    "thawed": frozenset({"accepted_as_is", "quarantined", "written_off", "returned"}),
    "missing": frozenset({"found", "written_off", "returned"}),
    "extra": frozenset({"accepted_as_is", "quarantined", "returned"}),
}
"""By what a tube was found to be, how that may be settled. `returned` of a missing tube: it never left the sender."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Expected = good + damaged + thawed + missing + waiting; extra tubes stand outside the sum."""

    expected: int
    good: int
    damaged: int
    thawed: int
    missing: int
    waiting: int
    extra: int


def count(statuses: Iterable[str]) -> Counts:
    """The counts of a shipment from the statuses of its items; what was unpacked again does not count."""
    found = Counter(statuses)
    parts = {
        "good": found["received"],
        "damaged": found["damaged"],
        "thawed": found["thawed"],
        "missing": found["missing"],
        "waiting": found["packed"],
    }
    return Counts(expected=sum(parts.values()), extra=found["extra"], **parts)


def check_state(status: str, deed: Deed) -> None:
    """Raises ShipmentState: the deed does not fit the state."""
    if status != FROM_STATE[deed]:
        raise ShipmentState(
            f"{_WORDS[deed]} while it is {FROM_STATE[deed]}; this one is {status}.",
            status=status,
            needed=FROM_STATE[deed],
        )


def check_version(seen: int, stored: int) -> None:
    """Raises Stale: somebody packed, unpacked or received since the page was shown."""
    if seen != stored:
        raise Stale(
            "Somebody else worked on this shipment since you looked: look at it again, then finish.",
            seen=seen,
            row_version=stored,
        )


def next_deeds(status: str, *, sends: bool, receives: bool, external: bool) -> tuple[Deed, ...]:
    """What this person may do next; `sends` and `receives` say on which side they work."""

    def fits(deed: Deed) -> bool:
        if deed is Deed.CONFIRM_DELIVERY:
            return external and sends
        if deed is Deed.FINISH_RECEIPT:
            return not external and receives
        return sends if deed in SENDERS else receives

    return tuple(deed for deed in Deed if FROM_STATE[deed] == status and fits(deed))


def needed_scopes(*, external: bool, from_country: str, to_country: str) -> tuple[str, ...]:
    """What a participant must have granted for a tube to travel."""
    scopes = ["biobank_storage"]
    if external:
        scopes.append("future_research")
    if from_country != to_country:
        scopes.append("international_transfer")
    return tuple(scopes)


def tube_block(tube: str, facts: TubeFacts, purpose: str) -> Blocked | None:
    """The first thing that keeps a tube from being packed for a purpose, consent aside."""
    if not facts.in_study:
        return Blocked(tube, Reason.OTHER_STUDY, "belongs to another study")
    if facts.place == "ended" or not facts.exists:
        return Blocked(tube, Reason.ENDED, "does not exist any more, or not yet")
    if facts.in_this:
        return Blocked(tube, Reason.ALREADY_PACKED, "is in this shipment already")
    if facts.place == "package":
        return Blocked(tube, Reason.IN_SHIPMENT, "is in another open shipment")
    if facts.place == "party" or not facts.here:
        return Blocked(tube, Reason.NOT_HERE, "is not at the sending site")
    return claim_block(tube, facts.claim, [purpose], lists=True) or quality_block(tube, facts.quality, facts.hold)


def check_refrigerant(refrigerant: str, dry_ice_net_kg: Decimal | None) -> None:
    """Dry ice travels with its net mass on the box and on the air papers (UN 1845, packing instruction 954).

    Raises:
        Invalid: dry ice without a mass, or a mass without dry ice.
    """
    if refrigerant == "dry_ice" and dry_ice_net_kg is None:
        raise Invalid(
            "Dry ice needs its net mass in kilograms: without it no air paper may be printed.",
            errors={"dry_ice_net_kg": "is missing"},
        )
    if refrigerant != "dry_ice" and dry_ice_net_kg is not None:
        raise Invalid("There is a mass of dry ice but no dry ice.", errors={"dry_ice_net_kg": "is without dry ice"})


def air_waybill_text(classification: str, dry_ice_net_kg: Iterable[Decimal]) -> str:
    """What the air waybill says of the goods: the class, and for dry ice UN number, proper name and packages by net
    mass.

    Empty for an exempt specimen without dry ice.
    """
    parts = ["UN 3373 Biological substance, Category B"] if classification == "un3373_category_b" else []
    masses = Counter(dry_ice_net_kg)
    if masses:
        boxes = ", ".join(f"{number} x {mass:f} kg" for mass, number in sorted(masses.items()))
        parts.append(f"UN 1845, Carbon dioxide, solid (Dry ice), 9, {boxes}")
    return "\n".join(parts)


_SYMBOLOGY = re.compile(r"^\][A-Z]\d", re.IGNORECASE)
_APPLICATION = re.compile(r"^\(\d{2,4}\)")
_TRACKING = re.compile(r"^[A-Z0-9]{4,40}$")


def tracking_number(text: str) -> str:
    """What a courier's bar code or a person means: without symbology and application identifiers, FNC1, brackets,
    spaces and hyphens.

    Raises:
        Invalid: what is left is no tracking number.
    """
    folded = unicodedata.normalize("NFKC", text).strip().lstrip("\x1d")
    folded = _APPLICATION.sub("", _SYMBOLOGY.sub("", folded).lstrip("\x1d"))
    found = re.sub(r"[\s()\x1d\-\u2010-\u2014]", "", folded).upper()
    if not _TRACKING.fullmatch(found):
        raise Invalid(
            "A tracking number is 4 to 40 letters and digits.", errors={"tracking_no": "is no tracking number"}
        )
    return found


def tracking_twice(first: str | None, again: str | None, *, hand_carried: bool) -> str | None:
    """The tracking number that was entered twice; None when a person carries the shipment.

    Raises:
        Invalid: missing, or the two differ.
    """
    if hand_carried:
        if first or again:
            raise Invalid(
                "A shipment that is carried by hand has no tracking number.",
                errors={"tracking_no": "is of no use when carried by hand"},
            )
        return None
    if not first:
        raise Invalid(
            "Scan the courier's tracking number, or say that it is carried by hand.",
            errors={"tracking_no": "is missing"},
        )
    number = tracking_number(first)
    if not again or tracking_number(again) != number:
        raise Invalid(
            "The two tracking numbers differ: scan the courier's label again.",
            errors={"tracking_again": "is not the same as the first"},
        )
    return number


def check_receivable(before: str, condition: str, tube: str) -> None:
    """A tube is looked at once; a second look may find it worse, and one that was missing may turn up.

    Raises:
        TubeSeen: it was received already.
    """
    if before in LOOKED_AT and not (before == "received" and condition != "received"):
        raise TubeSeen(f"{ids.grouped(tube)} was looked at already: {before}.", tube=tube, status=before)


def check_resolution(status: str, resolution: str, *, in_study: bool) -> None:
    """Raises Invalid: the resolution does not fit the discrepancy. A tube of another study can only be given back."""
    fitting = RESOLUTIONS[status] if in_study else frozenset({"returned"})
    if resolution not in fitting:
        words = ", ".join(sorted(fitting)).replace("_", " ")
        raise Invalid(
            f"A tube that is {status} can be settled as: {words}.",
            errors={"resolution": "does not fit this discrepancy"},
        )


def _inner(words: str) -> Callable[[], DomainError]:
    return lambda: Conflict(f"{words} Load the page again and repeat the last step.")


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_external_party_code": lambda: PartyExists("An external laboratory of this code exists already."),
    "ck_external_party_country": lambda: Invalid(
        "A country is two capital letters, like CA.", errors={"country": "is no country code"}
    ),
    "uq_shipment_code": _inner("The shipment's id was taken."),
    "uq_package_code": _inner("The package's id was taken."),
    "fk_shipment_from_site": lambda: NotFound("The sending site does not take part in this study."),
    "fk_shipment_to_site": lambda: NotFound("The receiving site does not take part in this study."),
    "fk_shipment_to_party_id": lambda: NotFound("There is no such external laboratory."),
    "ck_shipment_one_consignee": lambda: Invalid(
        "A shipment goes to one site or to one external laboratory.", errors={"to_site": "or to_party, one of the two"}
    ),
    "ck_shipment_goes_elsewhere": lambda: Invalid(
        "A shipment goes to another site.", errors={"to_site": "is the sending site"}
    ),
    "ck_shipment_status": _inner("The shipment is not in a known state."),
    "ck_shipment_code_is_a_shipment_id": _inner("A shipment's id starts with X."),
    "ck_package_code_is_a_shipment_id": _inner("A package's id starts with X."),
    "ck_shipment_classification": lambda: Invalid(
        "The classification is exempt human specimen or UN3373 category B.", errors={"classification": "is not known"}
    ),
    "ck_shipment_packed_has_a_manifest": _inner("A packed shipment has a manifest."),
    "ck_shipment_shipped_has_a_courier": lambda: Invalid(
        "Name the courier, or who carries it.", errors={"courier": "is missing"}
    ),
    "ck_shipment_received_has_a_time": _inner("A received shipment has a time of receipt."),
    "ck_shipment_reconciled_has_a_time": _inner("A reconciled shipment has a time of closing."),
    "ck_shipment_received_after_shipped": lambda: Conflict(
        "The receipt lies before the hand-over: the clocks of two machines differ; tell your administrator."
    ),
    "uq_package_number": _inner("Somebody else added a package at this moment."),
    "ck_package_refrigerant": lambda: Invalid(
        "The refrigerant is none, gel packs, dry ice or an LN2 dry shipper.", errors={"refrigerant": "is not known"}
    ),
    "ck_package_dry_ice_has_net_mass": lambda: Invalid(
        "Dry ice needs its net mass in kilograms.", errors={"dry_ice_net_kg": "is missing"}
    ),
    "ck_package_dry_ice_limit": lambda: Invalid(
        "A package holds more than 0 and at most 200 kg of dry ice.", errors={"dry_ice_net_kg": "is out of range"}
    ),
    "fk_package_temperature_class": lambda: Invalid(
        "There is no such temperature class.", errors={"temperature_class": "is not known"}
    ),
    "fk_package_item_package": _inner("The package belongs to another shipment."),
    "fk_package_item_shipment": _inner("The shipment belongs to another study."),
    "fk_package_item_specimen": lambda: NotFound("There is no such tube."),
    "uq_package_item_once_a_shipment": lambda: TubeInShipment("The tube is in this shipment already."),
    "uq_package_item_open": lambda: TubeInShipment("The tube is in another open shipment: unpack it there first."),
    "ck_package_item_status": _inner("The tube is not in a known state."),
    "ck_package_item_resolution": lambda: Invalid(
        "There is no such resolution.", errors={"resolution": "is not known"}
    ),
    "ck_package_item_resolved_whole": _inner("A resolution has a person and a time."),
    "ck_package_item_received_has_a_time": _inner("A receipt has a time."),
}
