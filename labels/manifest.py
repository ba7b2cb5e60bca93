"""The manifest that travels with a shipment.

Content follows the packing and documentation rules for biological substances in transport (UN 3373 with packing
instruction 650, dry ice UN 1845 with 954): both parties, a person who can be asked, net dry ice of each package, every
tube with its place, and page x of y. There is no field for a participant's name.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any

from reportlab.platypus import LongTable, Paragraph, Spacer, Table
from reportlab.platypus.doctemplate import LayoutError
from reportlab.platypus.flowables import CallerMacro

from labels.errors import EmptyListError, ManifestError
from labels.geometry import A4, POINTS_PER_MM, Box, Page
from labels.paper import GRID, HEADING, MARGIN, TITLE, define_total, document, draw_footer, paragraph, section, table
from labels.symbols import ModuleRange, Symbology, draw_operators, encode, module_dots
from labels.text import FONT, checked, grouped, printable

_DPI = 600
_HEADER = 30.0  # mm, on the first page, for title, bar code and QR
_QR_SIDE = 28.0  # mm
_BARS = ModuleRange(smallest=0.165, largest=0.34, bar_height=5.0)
_SQUARES = ModuleRange(smallest=0.3, largest=0.6)

UN3373 = ("UN 3373", "BIOLOGICAL SUBSTANCE, CATEGORY B", "Packed in compliance with packing instruction 650")
"""Wording for Category B substances."""
EXEMPT = ("EXEMPT HUMAN SPECIMEN",)
"""Wording for specimens judged, by a professional, to carry no pathogen."""


@dataclass(frozen=True, slots=True)
class Party:
    """A sender, recipient or responsible person: a name, then lines (department, address, contact, telephone)."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManifestPackage:
    """A package; `dry_ice_net_kg` is None where there is none."""

    number: int
    code: str
    refrigerant: str
    dry_ice_net_kg: Decimal | None = None
    logger_serial: str = ""


@dataclass(frozen=True, slots=True)
class ManifestItem:
    """A tube; `volume` is None where it is not known, and `package` is the number of its package."""

    tube: str
    material: str
    volume: Decimal | None
    unit: str
    package: int
    position: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the paper says. `link` is what the QR holds (the shipment's address in the application), `prepared`
    the date as it is to be printed, `digest` the SHA-256 of the machine-readable twin, in hexadecimal.
    """

    shipment: str
    link: str
    prepared: str
    sender: Party
    recipient: Party
    responsible: Party
    courier: str
    tracking: str
    classification: tuple[str, ...]
    packages: tuple[ManifestPackage, ...]
    items: tuple[ManifestItem, ...]
    digest: str


def render_manifest(manifest: Manifest, *, page: Page = A4) -> bytes:
    """Draw the manifest on as many pages as it takes.

    Returns a PDF whose bytes depend on the arguments alone. Raises EmptyListError without packages or items,
    ManifestError when packages or tubes repeat, a tube is in no listed package or a text is
    longer than a page, and LabelError for text or codes
    that cannot be printed.
    """
    _check(manifest)
    printable()
    inner = page.width - 2 * MARGIN
    story = [
        Spacer(0, _HEADER * POINTS_PER_MM),
        *_particulars(manifest, inner),
        *section("Packages", _packages(manifest, inner)),
        *section("Counts by type", _counts(manifest, inner)),
        *section("Tubes", _items(manifest, inner)),
        CallerMacro(drawCallable=define_total),
    ]
    codes, digest = _codes(manifest, page), checked(f"SHA-256 {manifest.digest}")
    buffer = BytesIO()
    paper = document(buffer, page, f"Manifest {manifest.shipment}")
    foot = f"Shipment {grouped(manifest.shipment)}"

    def first(canvas: Any, _: Any) -> None:
        _draw_header(canvas, manifest, page, codes)
        draw_footer(canvas, foot, digest)

    def later(canvas: Any, _: Any) -> None:
        draw_footer(canvas, foot, digest)

    try:
        paper.build(story, onFirstPage=first, onLaterPages=later)
    except LayoutError as error:
        problem = "an address or another text is longer than a page; shorten it"
        raise ManifestError(manifest.shipment, problem) from error
    return buffer.getvalue()


def _check(manifest: Manifest) -> None:
    if not manifest.packages:
        raise EmptyListError("packages")
    if not manifest.items:
        raise EmptyListError("tubes")
    numbers = _once([package.number for package in manifest.packages], "package", manifest)
    _once([item.tube for item in manifest.items], "tube", manifest)
    for item in manifest.items:
        if item.package not in numbers:
            problem = f"tube {item.tube} is in package {item.package}, which is not listed"
            raise ManifestError(manifest.shipment, problem)


def _once(values: Sequence[object], what: str, manifest: Manifest) -> set[object]:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise ManifestError(manifest.shipment, f"{what} {repeated[0]} is listed more than once")
    return set(values)


def _particulars(manifest: Manifest, inner: float) -> list[Any]:
    transport = [f"Courier: {manifest.courier}", f"Tracking: {manifest.tracking}", f"Prepared: {manifest.prepared}"]
    blocks = [
        [_block("From", manifest.sender), _block("To", manifest.recipient)],
        [
            _block("Responsible person", manifest.responsible),
            paragraph(["Transport", *transport, "", "Classification", *manifest.classification]),
        ],
    ]
    return [Table(blocks, colWidths=[inner / 2 * POINTS_PER_MM] * 2, style=GRID, hAlign="LEFT")]


def _block(heading: str, party: Party) -> Paragraph:
    return paragraph([heading, party.name, *party.lines])


def _packages(manifest: Manifest, inner: float) -> LongTable:
    rows = [
        (
            str(package.number),
            grouped(package.code),
            package.refrigerant,
            "" if package.dry_ice_net_kg is None else f"{package.dry_ice_net_kg:f}",
            package.logger_serial,
        )
        for package in manifest.packages
    ]
    return table(("No.", "Package", "Refrigerant", "Dry ice net kg", "Logger"), rows, (10, 40, 56, 30, 50), inner)


def _counts(manifest: Manifest, inner: float) -> LongTable:
    counts = Counter(item.material for item in manifest.items)
    rows = [(material, str(count)) for material, count in sorted(counts.items())]
    return table(("Type", "Tubes"), [*rows, ("All", str(len(manifest.items)))], (156, 30), inner)


def _items(manifest: Manifest, inner: float) -> LongTable:
    rows = [
        (
            str(number),
            grouped(item.tube),
            item.material,
            "" if item.volume is None else f"{item.volume:f} {item.unit}",
            str(item.package),
            item.position,
        )
        for number, item in enumerate(manifest.items, start=1)
    ]
    heads = ("No.", "Tube", "Type", "Volume", "Package", "Position")
    return table(heads, rows, (12, 36, 54, 26, 14, 44), inner)


def _codes(manifest: Manifest, page: Page) -> str:
    """Operators of the bar code and the QR at the top of the first page."""
    code = Box(MARGIN, MARGIN + 10.0, page.width - 2 * MARGIN - _QR_SIDE - 4.0, 12.0)
    square = Box(page.width - MARGIN - _QR_SIDE, MARGIN, _QR_SIDE, _QR_SIDE)
    operators = []
    for box, content, symbology, modules in (
        (code, manifest.shipment, Symbology.CODE_128, _BARS),
        (square, manifest.link, Symbology.QR, _SQUARES),
    ):
        symbol = encode(content, symbology)
        dots = module_dots(symbol, box, modules, dpi=_DPI, where="the manifest")
        operators.append(draw_operators(symbol, box, page.height, dots=dots, dpi=_DPI))
    return "\n".join(operators)


def _draw_header(canvas: Any, manifest: Manifest, page: Page, codes: str) -> None:
    canvas.addLiteral(codes)
    canvas.setFont(FONT, TITLE)
    left = MARGIN * POINTS_PER_MM
    canvas.drawString(left, (page.height - MARGIN - 6) * POINTS_PER_MM, "Shipment manifest")
    canvas.setFont(FONT, HEADING)
    canvas.drawString(left, (page.height - MARGIN - 27) * POINTS_PER_MM, grouped(manifest.shipment))
