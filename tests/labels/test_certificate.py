"""The certificate of a withdrawal as it is printed."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from labels import (
    LETTER,
    Certificate,
    CertificateError,
    CertifiedNotice,
    CertifiedSignature,
    CertifiedTube,
    UnprintableTextError,
    render_certificate,
)

GOLDEN = Path(__file__).with_name("certificate.txt")
CERTIFICATE = Certificate(
    participant="PKQ7M3X9V7",
    particulars=(
        ("Study", "LLS, site CHI"),
        ("Withdrawal", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("Level", "Destruction of what is stored (destroy)"),
        ("In force from", "2026-11-20 09:00 CST"),
        ("Recorded", "2026-11-21 10:15 CST"),
    ),
    stated=("5 planned visits will be cancelled.",),
    done=("2 tubes: destroyed.", "1 tube: destroyed by the partner."),
    stays=("Released results are not deleted.", "Consents and the audit trail stay as they are."),
    tubes=(
        CertifiedTube(
            "TKQ7M3X9V7",
            "Serum",
            "Destroyed: autoclaved, then waste",
            "Ann Łódzka, 2026-11-22 08:00 CST",
            "Bob, 2026-11-22 08:05 CST",
        ),
        CertifiedTube("TKQ7M3X9V8", "Serum", "Destroyed by the partner"),
    ),
    notices=(
        CertifiedNotice("Oracle <lab> & Co, 1 tube", "Asked to be destroyed there", "Ann: letter", "Ann: destroyed"),
    ),
    signatures=(
        CertifiedSignature("Recorded", "Ann Łódzka", "responsibility", "2026-11-21 10:15 CST", "a" * 64),
        CertifiedSignature("Worked off and closed", "Bob", "approval", "2026-12-01 10:15 CST", "b" * 64),
    ),
    digest="c" * 64,
)


def plain(pages):
    return "\n\n".join(re.sub(r"\s+", " ", page).strip() for page in pages) + "\n"


def test_the_paper_says_what_it_always_said(text_of):
    """After a change that is meant: write what is shown into the file beside this test."""
    assert plain(text_of(render_certificate(CERTIFICATE))) == GOLDEN.read_text(encoding="utf-8")


def test_bytes_depend_on_the_arguments_alone():
    assert render_certificate(CERTIFICATE) == render_certificate(CERTIFICATE)
    assert render_certificate(CERTIFICATE) != render_certificate(CERTIFICATE, page=LETTER)


def test_a_person_with_nothing_and_a_person_with_very_much(text_of):
    nothing = plain(text_of(render_certificate(replace(CERTIFICATE, tubes=(), notices=(), done=()))))
    assert "There was no tube" in nothing
    assert "Notices" not in nothing
    assert "What became of the tubes" not in nothing
    many = tuple(replace(CERTIFICATE.tubes[0], tube=f"T{number:09d}") for number in range(120))
    pages = text_of(render_certificate(replace(CERTIFICATE, tubes=many)))
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of" in re.sub(r"\s+", " ", page)
        assert "c" * 64 in page


def test_what_cannot_be_certified_is_refused():
    with pytest.raises(CertificateError, match="nobody has signed it"):
        render_certificate(replace(CERTIFICATE, signatures=()))
    with pytest.raises(CertificateError, match="longer than a page"):
        render_certificate(replace(CERTIFICATE, done=("word " * 9000,), particulars=(("Study", "w " * 9000),)))
    with pytest.raises(UnprintableTextError):
        render_certificate(replace(CERTIFICATE, stays=("東京",)))
