"""Rules of reservations and pick lists on plain values."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobank.errors import Conflict, DomainError, Forbidden, Invalid, Stale
from biobank.picking import rules
from biobank.picking.blocks import Reason, claim_block, quality_block
from biobank.picking.rules import Deed, Spot, TubeFacts
from biobank.specimen import state_label
from biobank.specimen.claiming import Claim, TubeReserved, check_unclaimed

T1, T2, T3 = "TKQ7M3X9V7", "T2222222FH", "T33333336R"
RESERVED = Claim("reserved", "RNA", "Ann", False, None, datetime(2026, 3, 1, tzinfo=ZoneInfo("America/Chicago")))
LISTED = Claim("listed", "RNA", "Ann", False, "QKQ7M3X9V7", None)
FIT = TubeFacts(exists=True, place="position", quality="acceptable", hold=None, claim=None)


def test_a_deed_fits_its_states():
    for deed in Deed:
        for status in ("open", "in_progress", "picked", "verified", "handed_over", "cancelled"):
            if status in rules.FROM_STATES[deed]:
                rules.check_state(status, deed)
            else:
                with pytest.raises(rules.PickListState) as refused:
                    rules.check_state(status, deed)
                assert refused.value.fields["status"] == status


def test_what_comes_next_is_told_to_those_who_pick():
    assert rules.next_deeds("open", picks=False, picked=0) == ()
    assert rules.next_deeds("picked", picks=True, picked=0) == (Deed.PICK, Deed.SKIP, Deed.CANCEL)
    assert Deed.VERIFY in rules.next_deeds("picked", picks=True, picked=1)
    assert rules.next_deeds("verified", picks=True, picked=1) == (Deed.SKIP, Deed.HAND_OVER, Deed.CANCEL)


def test_a_form_made_from_an_older_state_is_refused():
    rules.check_version(3, 3)
    with pytest.raises(Stale):
        rules.check_version(2, 3)


def test_lines_are_settled_once_and_undone_where_that_is_possible():
    rules.check_waits(T1, "to_pick")
    for status in ("picked", "not_found", "short", "substituted", "skipped", "withdrawn"):
        with pytest.raises(rules.LineState):
            rules.check_waits(T1, status)
    for status in rules.UNDONE:
        rules.check_undone(T1, status)
    for status in ("to_pick", "substituted", "withdrawn"):
        with pytest.raises(rules.LineState):
            rules.check_undone(T1, status)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"place": "holder"}, None),
        ({"exists": False}, Reason.ENDED),
        ({"place": "ended"}, Reason.ENDED),
        ({"place": "package"}, Reason.IN_SHIPMENT),
        ({"place": "party"}, Reason.NOT_HERE),
        ({"claim": LISTED}, Reason.ON_PICK_LIST),
        ({"claim": RESERVED}, Reason.RESERVED),
        ({"quality": "quarantined"}, Reason.QUARANTINED),
        ({"hold": "identity_doubt"}, Reason.ON_HOLD),
        ({"hold": "consent_withdrawn"}, Reason.WITHDRAWN),
    ],
)
def test_what_keeps_a_tube_off_a_list(change, reason):
    facts = {name: getattr(FIT, name) for name in FIT.__dataclass_fields__}
    block = rules.tube_block(T1, TubeFacts(**{**facts, **change}), "Cytokines")
    assert (block and block.reason) == reason


def test_a_claim_keeps_off_those_with_another_purpose():
    assert claim_block(T1, None, ["RNA"]) is None
    assert claim_block(T1, RESERVED, ["Cytokines", " rna "]) is None
    assert claim_block(T1, RESERVED, []).words == "is reserved by Ann for RNA until 2026-03-01"
    assert claim_block(T1, LISTED, ["Cytokines"]).words == "is on pick list QKQ7-M3X9-V7 of Ann for RNA"
    assert claim_block(T1, LISTED, ["RNA"]) is None
    assert "hand over or cancel" in claim_block(T1, LISTED, ["RNA"], lists=True).words
    mine = Claim("reserved", "RNA", "Ann", True, None, None)
    assert claim_block(T1, mine, []) is None
    endless = Claim("reserved", "RNA", "Ann", False, None, None)
    assert claim_block(T1, endless, []).words == "is reserved by Ann for RNA"
    assert quality_block(T1, "acceptable", None) is None


def test_a_list_is_of_one_place_and_of_some_tubes():
    rules.check_one_place([(1, 1)])
    with pytest.raises(Invalid):
        rules.check_one_place([(1, 1), (1, 2)])
    rules.check_number([T1])
    for tubes in ([], [T1] * (rules.MOST_TUBES + 1)):
        with pytest.raises(Invalid):
            rules.check_number(tubes)


def test_reservations_are_released_by_their_owner_or_a_manager():
    rules.check_may_release(T1, "Ann", mine=True, manages=False)
    rules.check_may_release(T1, "Ann", mine=False, manages=True)
    with pytest.raises(Forbidden, match="reserved by Ann"):
        rules.check_may_release(T1, "Ann", mine=False, manages=False)


@pytest.mark.parametrize(
    ("person", "kind", "blind", "words"),
    [
        (True, True, False, None),
        (False, True, False, "another participant"),
        (True, False, False, "another material"),
        (True, True, True, "blind duplicate"),
        (False, True, True, "blind duplicate"),
    ],
)
def test_a_substitute_changes_nothing_of_the_science(person, kind, blind, words):
    def check():
        rules.check_substitute(T1, T2, same_person=person, same_type=kind, blind=blind)

    if words is None:
        check()
    else:
        with pytest.raises(rules.NoSubstitute, match=words):
            check()


def test_tubes_in_hand_are_those_of_the_list():
    rules.check_same_tubes([T1, T2], [T2, T1])
    with pytest.raises(rules.TubesDiffer) as refused:
        rules.check_same_tubes([T1, T2], [T2, T3])
    assert (refused.value.fields["missing"], refused.value.fields["extra"]) == ([T1], [T3])
    with pytest.raises(rules.TubesDiffer, match="not scanned"):
        rules.check_same_tubes([T1, T2], [T2])
    with pytest.raises(rules.TubesDiffer, match=r"and 2 more were"):
        rules.check_same_tubes([], [f"T{number}" for number in range(12)])
    rules.check_in_hand({T1: "holder"})
    with pytest.raises(rules.TubesDiffer, match="was put elsewhere"):
        rules.check_in_hand({T1: "holder", T2: "position"})


NAMES = st.lists(st.sampled_from(["Freezer 2", "Freezer 10", "Rack A", "Box 1", "Box 12"]), max_size=4).map(tuple)
SPOTS = st.none() | st.builds(Spot, NAMES, st.integers(0, 8), st.integers(0, 8))


@given(st.dictionaries(st.text("ABC", min_size=1, max_size=4), SPOTS, max_size=12))
def test_freezer_order_opens_each_box_once(spots):
    order = rules.freezer_order(spots.items())
    assert sorted(order) == sorted(spots)
    boxes = [spots[code].names for code in order if spots[code] is not None]
    assert len(set(boxes)) == sum(1 for at, box in enumerate(boxes) if at == 0 or boxes[at - 1] != box)
    loose = [spots[code] is None for code in order]
    assert loose == sorted(loose)


def test_freezer_order_reads_numbers_as_people_do():
    spots = {"a": Spot(("Freezer 10", "Box 1"), 0, 0), "b": Spot(("Freezer 2", "Box 12"), 0, 0)}
    spots |= {"c": Spot(("Freezer 2", "Box 2"), 1, 0), "d": Spot(("Freezer 2", "Box 2"), 0, 9), "e": None}
    assert rules.freezer_order(spots.items()) == ("d", "c", "b", "a", "e")


def test_a_word_sets_the_quality_that_it_stands_for():
    assert state_label.chosen_quality("rejected", None) == "rejected"
    assert state_label.chosen_quality(None, "quarantined") == "quarantined"
    assert state_label.chosen_quality("quarantined", "quarantined") == "quarantined"
    with pytest.raises(Invalid):
        state_label.chosen_quality(None, None)
    with pytest.raises(Invalid):
        state_label.chosen_quality("acceptable", "quarantined")


@pytest.mark.parametrize("made", [*rules.CONSTRAINTS.values(), *state_label.CONSTRAINTS.values()])
def test_every_constraint_has_its_error(made):
    error = made()
    assert isinstance(error, DomainError)
    assert isinstance(error, Conflict | DomainError)
    assert error.detail.endswith(".")


def test_work_goes_on_against_a_claim_of_somebody_else_only_for_a_reason():
    mine = Claim("reserved", "RNA", "Ann", True, None, None)
    assert check_unclaimed({T1: mine}, None, "Nothing was recorded") == {}
    with pytest.raises(TubeReserved) as refused:
        check_unclaimed({T1: mine, T2: LISTED, T3: RESERVED}, None, "Nothing was recorded")
    assert [one["tube"] for one in refused.value.fields["claimed"]] == [T2, T3]
    assert refused.value.errors == {"override": "Say why, or choose another tube."}
    assert check_unclaimed({T2: LISTED}, "The freezer failed", "") == {T2: LISTED.words}
    assert TubeReserved("Somebody was faster.").errors == {}
