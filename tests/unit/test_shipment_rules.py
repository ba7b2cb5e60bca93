"""What a shipment allows when, what keeps a tube back, how a receipt adds up, and what a tracking number is."""

import csv
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank.errors import DomainError, Invalid, Stale
from biobank.participant.rules import Decisions
from biobank.picking import blocks
from biobank.picking.blocks import Reason
from biobank.shipment import manifest, rules
from biobank.shipment.models import ITEM_STATUSES
from biobank.shipment.rules import Deed, TubeFacts

FIT = TubeFacts(in_study=True, exists=True, place="holder", here=True, in_this=False, quality="acceptable", hold=None)
STATUSES = st.lists(st.sampled_from(ITEM_STATUSES), max_size=60)


@given(STATUSES)
def test_expected_is_always_the_sum_of_its_parts(statuses):
    found = rules.count(statuses)
    assert found.expected == found.good + found.damaged + found.thawed + found.missing + found.waiting
    assert found.expected + found.extra + statuses.count("unpacked") == len(statuses)


@pytest.mark.parametrize("deed", list(Deed))
def test_each_deed_has_one_state(deed):
    rules.check_state(rules.FROM_STATE[deed], deed)
    for status in ("draft", "packed", "shipped", "received", "reconciled", "cancelled", "lost"):
        if status != rules.FROM_STATE[deed]:
            with pytest.raises(rules.ShipmentState, match=status):
                rules.check_state(status, deed)


def test_a_version_that_was_passed_is_stale():
    rules.check_version(3, 3)
    with pytest.raises(Stale):
        rules.check_version(2, 3)


@pytest.mark.parametrize(
    ("status", "sends", "receives", "external", "deeds"),
    [
        ("draft", True, False, False, {"pack", "finish_packing", "cancel"}),
        ("draft", False, True, False, set()),
        ("packed", True, True, False, {"reopen", "ship"}),
        ("shipped", True, False, False, {"declare_lost"}),
        ("shipped", False, True, False, {"receive", "finish_receipt"}),
        ("shipped", True, True, True, {"receive", "confirm_delivery", "declare_lost"}),
        ("received", False, True, False, {"resolve", "reconcile"}),
        ("reconciled", True, True, False, set()),
    ],
)
def test_what_may_be_done_next(status, sends, receives, external, deeds):
    assert set(rules.next_deeds(status, sends=sends, receives=receives, external=external)) == deeds


def test_what_a_participant_must_have_granted():
    assert rules.needed_scopes(external=False, from_country="US", to_country="US") == ("biobank_storage",)
    assert rules.needed_scopes(external=True, from_country="US", to_country="CA") == (
        "biobank_storage",
        "future_research",
        "international_transfer",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"in_study": False}, Reason.OTHER_STUDY),
        ({"place": "ended"}, Reason.ENDED),
        ({"exists": False}, Reason.ENDED),
        ({"in_this": True, "place": "package"}, Reason.ALREADY_PACKED),
        ({"place": "package"}, Reason.IN_SHIPMENT),
        ({"place": "party"}, Reason.NOT_HERE),
        ({"here": False}, Reason.NOT_HERE),
        ({"quality": "rejected"}, Reason.QUARANTINED),
        ({"hold": "identity_doubt"}, Reason.ON_HOLD),
    ],
)
def test_what_keeps_a_tube_back(change, reason):
    fields = {name: getattr(FIT, name) for name in TubeFacts.__slots__}
    block = rules.tube_block("T", TubeFacts(**{**fields, **change}), "Assay")
    assert block is not None
    assert block.reason is reason
    assert rules.tube_block("T", FIT, "Assay") is None


def test_consent_keeps_a_tube_back_without_naming_anybody():
    yes = Decisions(frozenset({"biobank_storage"}), None)
    gone = Decisions(frozenset({"biobank_storage"}), "destroy")
    assert blocks.consent_block("T", [yes], ["biobank_storage"]) is None
    assert blocks.consent_block("T", [], ["biobank_storage"]) is None
    withdrawn = blocks.consent_block("T", [yes, gone], ["biobank_storage"])
    missing = blocks.consent_block("T", [yes], ["biobank_storage", "international_transfer"])
    assert (withdrawn.reason, missing.reason) == (Reason.WITHDRAWN, Reason.NOT_CONSENTED)
    assert "international transfer" in missing.words


def test_refused_tubes_are_all_named():
    blocks.refuse_blocked([], "Nothing")
    blocked = [blocks.Blocked(f"T{number}", Reason.NOT_HERE, "is not here") for number in range(3)]
    with pytest.raises(blocks.TubesBlocked) as refused:
        blocks.refuse_blocked(blocked, "Nothing was packed")
    assert [one["tube"] for one in refused.value.fields["blocked"]] == ["T0", "T1", "T2"]


def test_dry_ice_and_its_mass_belong_together():
    rules.check_refrigerant("dry_ice", Decimal("4.5"))
    rules.check_refrigerant("gel_packs", None)
    for refrigerant, mass in (("dry_ice", None), ("none", Decimal(1))):
        with pytest.raises(Invalid):
            rules.check_refrigerant(refrigerant, mass)


def test_what_the_air_waybill_says():
    assert rules.air_waybill_text("exempt_human_specimen", []) == ""
    text = rules.air_waybill_text("un3373_category_b", [Decimal(5), Decimal("2.5"), Decimal(5)])
    assert text.splitlines() == [
        "UN 3373 Biological substance, Category B",
        "UN 1845, Carbon dioxide, solid (Dry ice), 9, 1 x 2.5 kg, 2 x 5 kg",
    ]


@pytest.mark.parametrize(
    "scanned",
    [
        "794612345678",
        " 7946 1234 5678 ",
        "(91)794612345678",
        "]C1(91)794612345678",
        "\x1d7946-1234-5678",
        "7946(1234)5678",
    ],
)
def test_a_tracking_number_is_read_as_meant(scanned):
    assert rules.tracking_number(scanned) == "794612345678"


@given(st.text(max_size=60))
def test_a_tracking_number_is_clean_or_refused(text):
    try:
        found = rules.tracking_number(text)
    except Invalid:
        return
    assert found.isascii()
    assert found.isalnum()
    assert rules.tracking_number(found) == found


def test_a_tracking_number_is_entered_twice_or_not_at_all():
    assert rules.tracking_twice("7946 1234", "79461234", hand_carried=False) == "79461234"
    assert rules.tracking_twice(None, None, hand_carried=True) is None
    for first, again, by_hand in (
        (None, None, False),
        ("79461234", None, False),
        ("79461234", "79461235", False),
        ("79461234", None, True),
        (None, "79461234", True),
    ):
        with pytest.raises(Invalid):
            rules.tracking_twice(first, again, hand_carried=by_hand)


@pytest.mark.parametrize(
    ("before", "condition", "seen"),
    [
        ("packed", "received", False),
        ("missing", "thawed", False),
        ("received", "damaged", False),
        ("received", "received", True),
        ("damaged", "received", True),
        ("thawed", "thawed", True),
    ],
)
def test_a_second_look_may_only_find_it_worse(before, condition, seen):
    if not seen:
        rules.check_receivable(before, condition, "T")
        return
    with pytest.raises(rules.TubeSeen):
        rules.check_receivable(before, condition, "T")


@pytest.mark.parametrize("status", sorted(rules.RESOLUTIONS))
def test_how_a_discrepancy_is_settled(status):
    for resolution in ("found", "accepted_as_is", "quarantined", "written_off", "returned"):
        if resolution in rules.RESOLUTIONS[status]:
            rules.check_resolution(status, resolution, in_study=True)
        else:
            with pytest.raises(Invalid):
                rules.check_resolution(status, resolution, in_study=True)
    with pytest.raises(Invalid):
        rules.check_resolution("extra", "quarantined", in_study=False)


def test_each_constraint_means_an_error():
    for name, make in rules.CONSTRAINTS.items():
        error = make()
        assert isinstance(error, DomainError), name
        assert error.detail


ADDRESS = manifest.Address("LAB", "Lab", "US", "1 Main Street\nFloor 2", "Desk", "+1 555 0100")
BOX = manifest.Box(1, "X2", "none", None, "RT", None)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)


def _frozen(lines, **given):
    fields = {
        "shipment": "X1",
        "study": "LLS",
        "protocol_no": None,
        "sender": ADDRESS,
        "consignee": ADDRESS,
        "purpose": "Assay",
        "classification": "exempt_human_specimen",
        "packed_on": "2026-05-04",
        "boxes": [BOX, manifest.Box(2, "X3", "none", None, "RT", None)],
    }
    return manifest.freeze(lines=lines, **{**fields, **given})


@given(st.lists(st.tuples(WORDS, st.decimals(0, 10**6, places=3)), min_size=1, max_size=8))
def test_the_file_says_what_the_frozen_text_says_and_no_cell_is_a_formula(rows):
    lines = [
        manifest.Line(f"T{number}", "SER", title, quantity, "uL", 1) for number, (title, quantity) in enumerate(rows)
    ]
    frozen = _frozen(lines)
    assert frozen == _frozen(list(reversed(lines)))
    table = list(csv.DictReader(io.StringIO(manifest.as_csv(frozen.text).decode(), newline="")))
    assert [row["tube"] for row in table] == [line.tube for line in lines]
    assert [Decimal(row["quantity"]) for row in table] == [line.quantity for line in lines]
    assert not any(row["type_title"].startswith(("=", "+", "-", "@", "\t", "\r")) for row in table)
    assert [one["number"] for one in json.loads(frozen.text)["packages"]] == [1]


def test_a_manifest_holds_exact_values_only():
    with pytest.raises(TypeError):
        _frozen([manifest.Line("T1", "SER", "Serum", 0.5 + 1j, "uL", 1)])


def test_what_cannot_be_printed_is_said():
    line = manifest.Line("T1", "SER", "Serum", Decimal(1), "uL", 1)
    frozen = _frozen([line], purpose="\N{CJK UNIFIED IDEOGRAPH-8840}\N{CJK UNIFIED IDEOGRAPH-6E05}")
    with pytest.raises(Invalid, match="cannot be printed"):
        manifest.as_pdf(frozen.text, frozen.digest, link="X1", courier=None, tracking_no=None)
    fine = _frozen([line], protocol_no="LNX-1")
    paper = {"link": "X1", "tracking_no": None}
    by_hand = manifest.as_pdf(fine.text, fine.digest, courier="Ann", **paper)
    assert by_hand.startswith(b"%PDF")
    assert by_hand != manifest.as_pdf(fine.text, fine.digest, courier=None, **paper)
