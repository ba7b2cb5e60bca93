"""The certificate of a withdrawal: what was asked, what was done with every tube, and who signed it.

It names a participant by the pseudonym alone; there is no field for a name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.platypus import Spacer
from reportlab.platypus.doctemplate import LayoutError
from reportlab.platypus.flowables import CallerMacro

from labels.errors import CertificateError
from labels.geometry import A4, POINTS_PER_MM, Page
from labels.paper import HEADING, MARGIN, TITLE, define_total, document, draw_footer, pairs, paragraph, section, table
from labels.text import FONT, checked, grouped, printable

_HEADER = 16.0  # mm, on the first page


@dataclass(frozen=True, slots=True)
class CertifiedTube:
    """A tube, what became of it, and the two people who confirmed that where two did."""

    tube: str
    material: str
    became: str
    first: str = ""
    second: str = ""


@dataclass(frozen=True, slots=True)
class CertifiedNotice:
    """A notice to a partner and its reply."""

    partner: str
    asked: str
    sent: str
    answered: str


@dataclass(frozen=True, slots=True)
class CertifiedSignature:
    """A signature as it must be shown: printed name, meaning and moment, with the digest of what was signed."""

    deed: str
    name: str
    meaning: str
    at: str
    digest: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """Everything the paper says. `particulars` are names and values, all moments as they are to be printed; `digest`
    is the SHA-256 of the machine-readable twin, in hexadecimal.
    """

    participant: str
    particulars: tuple[tuple[str, str], ...]
    stated: tuple[str, ...]
    done: tuple[str, ...]
    stays: tuple[str, ...]
    tubes: tuple[CertifiedTube, ...]
    notices: tuple[CertifiedNotice, ...]
    signatures: tuple[CertifiedSignature, ...]
    digest: str


def render_certificate(certificate: Certificate, *, page: Page = A4) -> bytes:
    """Draw the certificate on as many pages as it takes.

    Returns a PDF whose bytes depend on the arguments alone. Raises CertificateError without a signature or when a text
    is longer than a page, and LabelError for text that cannot be printed.
    """
    if not certificate.signatures:
        raise CertificateError(certificate.participant, "nobody has signed it")
    printable()
    inner = page.width - 2 * MARGIN
    story = [
        Spacer(0, _HEADER * POINTS_PER_MM),
        pairs(certificate.particulars, (50, 136), inner),
        *_lines("What was stated and signed beforehand", certificate.stated),
        *_lines("What became of the tubes", certificate.done),
        *_lines("What stays as it was", certificate.stays),
        *_tubes(certificate.tubes, inner),
        *_notices(certificate.notices, inner),
        *section(
            "Signatures",
            table(
                ("Deed", "Name", "Meaning", "Signed at", "SHA-256 of what was signed"),
                [(one.deed, one.name, one.meaning, one.at, one.digest) for one in certificate.signatures],
                (28, 34, 34, 34, 56),
                inner,
            ),
        ),
        CallerMacro(drawCallable=define_total),
    ]
    digest = checked(f"SHA-256 {certificate.digest}")
    foot = f"Withdrawal of participant {grouped(certificate.participant)}"
    buffer = BytesIO()
    paper = document(buffer, page, f"Certificate {certificate.participant}")

    def first(canvas: Any, _: Any) -> None:
        left = MARGIN * POINTS_PER_MM
        canvas.setFont(FONT, TITLE)
        canvas.drawString(left, (page.height - MARGIN - 6) * POINTS_PER_MM, "Certificate of withdrawal")
        canvas.setFont(FONT, HEADING)
        canvas.drawString(
            left, (page.height - MARGIN - 13) * POINTS_PER_MM, f"Participant {grouped(certificate.participant)}"
        )
        draw_footer(canvas, foot, digest)

    def later(canvas: Any, _: Any) -> None:
        draw_footer(canvas, foot, digest)

    try:
        paper.build(story, onFirstPage=first, onLaterPages=later)
    except LayoutError as error:
        problem = "a text is longer than a page; shorten it"
        raise CertificateError(certificate.participant, problem) from error
    return buffer.getvalue()


def _lines(heading: str, lines: Sequence[str]) -> list[Any]:
    return section(heading, *(paragraph([f"- {line}"]) for line in lines)) if lines else []


def _tubes(tubes: Sequence[CertifiedTube], inner: float) -> list[Any]:
    if not tubes:
        return section("Tubes", paragraph(["There was no tube in the house or with a partner."]))
    rows = [
        (str(number), grouped(one.tube), one.material, one.became, one.first, one.second)
        for number, one in enumerate(tubes, start=1)
    ]
    heads = ("No.", "Tube", "Material", "What became of it", "First person", "Second person")
    return section("Tubes", table(heads, rows, (11, 30, 28, 55, 31, 31), inner))


def _notices(notices: Sequence[CertifiedNotice], inner: float) -> list[Any]:
    if not notices:
        return []
    rows = [(one.partner, one.asked, one.sent, one.answered) for one in notices]
    return section("Notices to partners", table(("Partner", "Asked", "Sent", "Reply"), rows, (40, 36, 50, 60), inner))
