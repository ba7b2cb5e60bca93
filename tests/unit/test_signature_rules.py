"""What a signature binds together, and what is said of one that does not hold any more."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from biobank.errors import DomainError
from biobank.signature import rules

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
TEXT = rules.canonical({"what": "a tube", "at": AT})
SIGNED = rules.Signed(
    number=UUID(int=7),
    username="ann",
    printed_name="Ann Walker",
    meaning="approval",
    deed="withdrawal.recorded",
    signed_at=AT,
    content_sha256=rules.digest(TEXT),
)
RECORD = rules.record_digest(SIGNED)
TRAIL = {"record_sha256": RECORD, "content_sha256": SIGNED.content_sha256}


def test_one_content_has_one_text():
    east = AT.astimezone(timezone(timedelta(hours=5)))
    one = rules.canonical({"b": [date(2026, 1, 2), UUID(int=1)], "a": east, "n": Decimal("5.00")})
    other = rules.canonical({"n": Decimal("5.00"), "a": AT, "b": [date(2026, 1, 2), UUID(int=1)]})
    assert one == other
    assert '"n":"5.00"' in one
    assert '"a":"2026-11-27T09:30:00.000000+00:00"' in one
    with pytest.raises(TypeError, match="holds no object"):
        rules.canonical({"a": object()})


def test_a_whole_signature_has_no_fault():
    assert rules.faults(SIGNED, TEXT, RECORD, TRAIL) == ()
    assert rules.faults(SIGNED, TEXT, RECORD, TRAIL, TEXT) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"printed_name": "Bob"}, "name, meaning"),
        ({"meaning": "witness"}, "name, meaning"),
        ({"signed_at": AT + timedelta(microseconds=1)}, "name, meaning"),
        ({"deed": "another"}, "name, meaning"),
        ({"content_sha256": "0" * 64}, "not the one that was signed"),
    ],
)
def test_what_was_tampered_with_shows(change, words):
    assert any(words in fault for fault in rules.faults(replace(SIGNED, **change), TEXT, RECORD, TRAIL))


def test_text_trail_and_the_present_are_compared():
    assert "not the one" in rules.faults(SIGNED, TEXT + " ", RECORD, TRAIL)[0]
    assert "does not know" in rules.faults(SIGNED, TEXT, RECORD, None)[0]
    assert "another signature" in rules.faults(SIGNED, TEXT, RECORD, {**TRAIL, "record_sha256": "f" * 64})[0]
    assert rules.faults(SIGNED, TEXT, RECORD, TRAIL, "other") == ("what was signed was changed since",)


def test_who_may_sign():
    rules.check_may_sign("hash", None, AT)
    rules.check_may_sign("hash", AT, AT)
    with pytest.raises(rules.SignatureRefused, match="no password"):
        rules.check_may_sign(None, None, AT)
    with pytest.raises(rules.SignatureRefused, match="locked"):
        rules.check_may_sign("hash", AT + timedelta(seconds=1), AT)


def test_every_constraint_has_words():
    for name, make in rules.CONSTRAINTS.items():
        error = make()
        assert isinstance(error, DomainError), name
        assert error.detail.endswith("."), name
