import re
from dataclasses import replace
from decimal import Decimal

import pytest

from labels import (
    EXEMPT,
    LETTER,
    UN3373,
    CodeDoesNotFitError,
    EmptyListError,
    Manifest,
    ManifestError,
    ManifestItem,
    ManifestPackage,
    Party,
    UnprintableTextError,
    render_manifest,
)

LINK = "https://biobank.example.org/shipments/XKQ7M3X9V7"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CELLS = "Peripheral blood mononuclear cells in freezing medium"


def items(count: int) -> tuple[ManifestItem, ...]:
    return tuple(
        ManifestItem(
            tube=f"T{n:09d}",
            material=CELLS if n % 4 == 0 else "Serum",
            volume=None if n % 10 == 9 else Decimal("0.500"),
            unit="mL",
            package=1 + n % 2,
            position=f"Box 12 / A{n}",
        )
        for n in range(count)
    )


MANIFEST = Manifest(
    shipment="XKQ7M3X9V7",
    link=LINK,
    prepared="2026-05-04",
    sender=Party("Uniwersytet Łódzki", ("Immunology <lab> & clinic", "+48 42 000 00 00")),
    recipient=Party("Αρεταίειο", ("Αθήνα",)),
    responsible=Party("Dr A. Papadopoulou", ("+30 210 000 0000, day and night",)),
    courier="World Courier",
    tracking="7946 1234 5678",
    classification=UN3373,
    packages=(
        ManifestPackage(1, "BKQ7M3X9V7", "Dry ice", Decimal("4.50"), "LOG-0042"),
        ManifestPackage(2, "BKQ7M3X9V8", "Cold packs"),
    ),
    items=items(120),
    digest=DIGEST,
)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_bar_code_and_qr_lead_to_the_shipment(read_pdf):
    found = {(symbol.page, symbol.symbology): symbol.text for symbol in read_pdf(render_manifest(MANIFEST))}
    assert found == {(0, "Code 128"): "XKQ7M3X9V7", (0, "QR Code"): LINK}


def test_the_first_page_says_who_what_and_how(text_of):
    first = squeezed(text_of(render_manifest(MANIFEST))[0])
    for words in (
        "Shipment manifest",
        "XKQ7-M3X9-V7",
        "Uniwersytet Łódzki",
        "Immunology <lab> & clinic",
        "Αρεταίειο",
        "Dr A. Papadopoulou",
        "+30 210 000 0000, day and night",
        "Courier: World Courier",
        "Tracking: 7946 1234 5678",
        "Prepared: 2026-05-04",
        "BIOLOGICAL SUBSTANCE, CATEGORY B",
        "1 BKQ7-M3X9-V7 Dry ice 4.50 LOG-0042",
        "2 BKQ7-M3X9-V8 Cold packs",
        f"{CELLS} 30",
        "Serum 90",
        "All 120",
    ):
        assert words in first


def test_every_page_has_heads_number_and_digest_and_every_tube_is_there(text_of):
    pages = [squeezed(page) for page in text_of(render_manifest(MANIFEST))]
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of" in page
        assert DIGEST in page
        assert "No. Tube Type Volume Package Position" in page
    text = " ".join(pages)
    for number in range(120):
        assert f"{number + 1} T000-{number // 100:04d}-{number % 100:02d} " in text
    assert "Serum 0.500 mL 2 Box 12 / A1" in text
    assert "Serum 2 Box 12 / A9" in text


def test_the_total_is_printed_beside_the_page_number():
    import pypdfium2

    pdf = render_manifest(MANIFEST)
    document = pypdfium2.PdfDocument(pdf)
    total = str(len(document))
    for page in document:
        textpage = page.get_textpage()
        index, count = textpage.search("of ").get_next()
        _, bottom, right, top = textpage.get_charbox(index + count - 2)
        assert textpage.get_text_bounded(right + 2, bottom - 3, right + 20, top + 3).strip() == total
    document.close()


def test_bytes_depend_on_the_arguments_alone():
    assert render_manifest(MANIFEST) == render_manifest(MANIFEST)
    assert render_manifest(MANIFEST) != render_manifest(MANIFEST, page=LETTER)


def test_exempt_specimens_are_so_named(text_of):
    first = text_of(render_manifest(replace(MANIFEST, classification=EXEMPT)))[0]
    assert "EXEMPT HUMAN SPECIMEN" in first
    assert "3373" not in first


@pytest.mark.parametrize(("change", "what"), [({"items": ()}, "tubes"), ({"packages": ()}, "packages")])
def test_an_empty_manifest_is_refused(change, what):
    with pytest.raises(EmptyListError, match=f"no {what} to print"):
        render_manifest(replace(MANIFEST, **change))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"items": (*items(2), *items(1))}, "tube T000000000 is listed more than once"),
        ({"packages": (*MANIFEST.packages, MANIFEST.packages[0])}, "package 1 is listed more than once"),
        ({"packages": MANIFEST.packages[:1]}, "tube T000000001 is in package 2, which is not listed"),
        ({"sender": Party("Longest", ("line",) * 200)}, "longer than a page"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(change, problem):
    with pytest.raises(ManifestError, match=problem):
        render_manifest(replace(MANIFEST, **change))


def test_what_cannot_be_printed_is_refused():
    with pytest.raises(UnprintableTextError):
        render_manifest(replace(MANIFEST, recipient=Party("東京大学")))
    with pytest.raises(CodeDoesNotFitError, match="the manifest leaves"):
        render_manifest(replace(MANIFEST, link="https://biobank.example.org/" + "x" * 900))
    with pytest.raises(UnprintableTextError):
        render_manifest(replace(MANIFEST, digest="\n"))
