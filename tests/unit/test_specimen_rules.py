"""Rules of tubes and of local times on plain values."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from biobank.errors import DomainError, Invalid
from biobank.identifier.rules import foreign_code
from biobank.participant import rules as participant_rules
from biobank.specimen import rules
from biobank.study import rules as study_rules

SERUM = rules.Kind("SER", "Serum", "uL")
CELLS = rules.Kind("CEL", "PBMC", "10*6")
CHICAGO = "America/Chicago"


def tube(**more):
    return rules.TubeState(
        **{"code": "TKQ7M3X9V7", "existence": "exists", "quality": "acceptable", "hold": None, "place": "here", **more}
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, None),
        ({"existence": "entered_in_error"}, "is entered in error"),
        ({"hold": "identity_doubt", "quality": "rejected"}, "is on hold (identity doubt)"),
        ({"quality": "quarantined"}, "is quarantined"),
        ({"place": "package"}, "is in a package"),
        ({"place": "party"}, "is with an external party"),
    ],
)
def test_what_stands_in_the_way_is_said(state, words):
    assert rules.obstacle(tube(**state)) == words


def test_quality_is_no_obstacle_to_judging_it():
    assert rules.obstacle(tube(quality="rejected"), quality=False) is None


@pytest.mark.parametrize(
    ("quantity", "unit", "exact"),
    [("0.5", "mL", "500"), ("0.0005", "L", "500"), ("50000", None, "50000"), ("1.50", "uL", "1.5")],
)
def test_quantities_are_converted_exactly(quantity, unit, exact):
    assert str(rules.in_unit(Decimal(quantity), unit, SERUM, "unit")) == exact


def test_cells_are_not_compared_with_a_volume():
    vial = rules.TubeKind("CRYO05", "Cryovial", Decimal(500))
    rules.check_fits(Decimal(9000), CELLS, vial, "quantity")
    with pytest.raises(Invalid, match="holds 500 uL, not 501"):
        rules.check_fits(Decimal(501), SERUM, vial, "quantity")


def test_collection_days_are_the_sites():
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    visit = date(2026, 3, 9)
    late_evening = datetime(2026, 3, 9, 3, 30, tzinfo=UTC)  # still the 8th in Chicago, the day before the visit
    rules.check_collected(late_evening, visit, date(2026, 3, 1), now, CHICAGO)
    with pytest.raises(Invalid, match="enrolled on 2026-03-09"):
        rules.check_collected(late_evening, visit, visit, now, CHICAGO)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T09:41", datetime(2026, 11, 23, 15, 41, tzinfo=UTC)),
        ("2026-11-01T01:30", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),  # occurs twice: the first is meant
        ("2026-11-01T01:30-06:00", datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
        (" 2026-07-01 09:00 ", datetime(2026, 7, 1, 14, tzinfo=UTC)),
    ],
)
def test_local_times_are_the_sites(text, moment):
    assert study_rules.at_site(text, CHICAGO, "at") == moment


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01T00:00", "2026-03-08T02:30"])
def test_times_that_do_not_exist_are_refused(text):
    with pytest.raises(Invalid) as refused:
        study_rules.at_site(text, CHICAGO, "at")
    assert list(refused.value.errors) == ["at"]


def test_a_form_counts_while_it_is_approved():
    approval = ("2.0", date(2026, 1, 1), date(2026, 6, 30))
    participant_rules.check_form_approved(*approval, date(2026, 6, 30))
    for day in (date(2025, 12, 31), date(2026, 7, 1)):
        with pytest.raises(participant_rules.ConsentFormNotApproved, match="2026-01-01 to 2026-06-30"):
            participant_rules.check_form_approved(*approval, day)


@pytest.mark.parametrize("constraints", [rules.CONSTRAINTS, participant_rules.CONSTRAINTS, study_rules.CONSTRAINTS])
def test_every_constraint_has_words(constraints):
    for name, make in constraints.items():
        error = make()
        assert isinstance(error, DomainError), name
        assert error.detail.endswith("."), name


def test_a_vendors_code_keeps_its_case():
    assert foreign_code("  fd12Ab-3 ") == "fd12Ab-3"
