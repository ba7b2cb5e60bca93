"""The manifest of a packed shipment: frozen once as canonical JSON, and drawn from that text alone as CSV and PDF.

The text is JSON with sorted keys and without spaces in UTF-8; `digest` is its SHA-256 and stands on the paper, so
that anybody can hold paper and file against each other. No participant is named: who receives tubes looks them up by
the tube.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, fields
from decimal import Decimal

from biobank import csvfile
from biobank.errors import Invalid
from labels import (
    EXEMPT,
    UN3373,
    LabelError,
    Manifest,
    ManifestItem,
    ManifestPackage,
    Party,
    render_manifest,
)

VERSION = 1
CLASSIFICATIONS = {"exempt_human_specimen": EXEMPT, "un3373_category_b": UN3373}
REFRIGERANTS = {
    "none": "None",
    "gel_packs": "Gel packs",
    "dry_ice": "Dry ice (carbon dioxide, solid), UN 1845",
    "ln2_dry_shipper": "LN2 dry shipper",
}
COLUMNS = (
    "shipment",
    "package",
    "package_code",
    "refrigerant",
    "dry_ice_net_kg",
    "temperature_class",
    "tube",
    "type",
    "type_title",
    "quantity",
    "unit",
)


@dataclass(frozen=True, slots=True)
class Address:
    """A party as it stands on the paper."""

    code: str
    name: str
    country: str
    address: str
    contact: str
    phone: str


@dataclass(frozen=True, slots=True)
class Box:
    number: int
    code: str
    refrigerant: str
    dry_ice_net_kg: Decimal | None
    temperature_class: str
    logger_serial: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A tube: its SPREC type, content in `unit` (UCUM) when packed, and the number of its package."""

    tube: str
    type: str
    type_title: str
    quantity: Decimal
    unit: str
    package: int


@dataclass(frozen=True, slots=True)
class Frozen:
    """`text` is canonical JSON, `digest` its SHA-256 in hexadecimal."""

    text: str
    digest: str


def freeze(
    *,
    shipment: str,
    study: str,
    protocol_no: str | None,
    sender: Address,
    consignee: Address,
    purpose: str,
    classification: str,
    packed_on: str,
    boxes: list[Box],
    lines: list[Line],
) -> Frozen:
    """The manifest's text. Packages without a tube are not sent and do not stand in it; tubes are in the order of
    package and id.
    """
    used = {line.package for line in lines}
    document = {
        "manifest_version": VERSION,
        "shipment": shipment,
        "study": study,
        "protocol_no": protocol_no,
        "from": asdict(sender),
        "to": asdict(consignee),
        "purpose": purpose,
        "classification": classification,
        "packed_on": packed_on,
        "packages": [asdict(box) for box in sorted(boxes, key=lambda box: box.number) if box.number in used],
        "items": [_fields(line) for line in sorted(lines, key=lambda line: (line.package, line.tube))],
        "counts": dict(Counter(line.type for line in lines)),
    }
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_exact)
    return Frozen(text, hashlib.sha256(text.encode()).hexdigest())


_LINE = tuple(each.name for each in fields(Line))


def _fields(line: Line) -> dict[str, object]:
    # asdict copies every value deeply, which takes longer than all the rest of a manifest of thousands of tubes.
    return {name: getattr(line, name) for name in _LINE}


def _exact(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"a manifest holds no {type(value).__name__}")


def as_csv(text: str) -> bytes:
    """One row a tube (RFC 4180, UTF-8). What a spreadsheet would take for a formula begins with an apostrophe."""
    document = json.loads(text)
    packages = {package["number"]: package for package in document["packages"]}
    rows = []
    for item in document["items"]:
        package = packages[item["package"]]
        row = {
            **item,
            "shipment": document["shipment"],
            "package_code": package["code"],
            "refrigerant": package["refrigerant"],
            "dry_ice_net_kg": package["dry_ice_net_kg"],
            "temperature_class": package["temperature_class"],
        }
        rows.append([row[name] for name in COLUMNS])
    return csvfile.written(COLUMNS, rows, end="\r\n").encode()


def as_pdf(text: str, digest: str, *, link: str, courier: str | None, tracking_no: str | None) -> bytes:
    """The paper that travels with the shipment; the same bytes for the same arguments. `link` is what the QR holds.

    Raises:
        Invalid: a text of the manifest cannot be printed.
    """
    document = json.loads(text)
    sender, consignee = document["from"], document["to"]
    manifest = Manifest(
        shipment=document["shipment"],
        link=link,
        prepared=document["packed_on"],
        sender=_party(sender),
        recipient=_party(consignee),
        responsible=Party(sender["contact"], (sender["phone"],)),
        courier=courier or "named at the hand-over",
        tracking=tracking_no or ("carried by hand" if courier else ""),
        classification=(
            *CLASSIFICATIONS[document["classification"]],
            "",
            f"Study {document['study']}" + (f", protocol {document['protocol_no']}" if document["protocol_no"] else ""),
            f"Purpose: {document['purpose']}",
        ),
        packages=tuple(
            ManifestPackage(
                package["number"],
                package["code"],
                REFRIGERANTS[package["refrigerant"]],
                None if package["dry_ice_net_kg"] is None else Decimal(package["dry_ice_net_kg"]),
                package["logger_serial"] or "",
            )
            for package in document["packages"]
        ),
        items=tuple(
            ManifestItem(item["tube"], item["type_title"], Decimal(item["quantity"]), item["unit"], item["package"], "")
            for item in document["items"]
        ),
        digest=digest,
    )
    try:
        return render_manifest(manifest)
    except LabelError as error:
        raise Invalid(f"The manifest cannot be printed: {error}. Its CSV and JSON can be had.") from error


def _party(party: dict[str, str]) -> Party:
    lines = [*party["address"].splitlines(), party["country"], party["contact"], party["phone"]]
    return Party(party["name"], tuple(lines))
