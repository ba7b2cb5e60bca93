"""What may be worked with, and what is told."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from biobank.equipment.rules import (
    CONSTRAINTS,
    Device,
    EquipmentChanged,
    EquipmentNotUsable,
    Lot,
    Settings,
    calibration_state,
    check_usable,
    check_version,
    expired,
    overdue,
    ran,
)

DAY = date(2026, 11, 27)


def device(status="in_service", due=None):
    return Device("CHI", "CF-1", status, due)


def test_only_what_is_in_service_is_worked_with():
    check_usable(device())
    for status in ("out_of_service", "retired"):
        with pytest.raises(EquipmentNotUsable, match=status.replace("_", " ")):
            check_usable(device(status))


def test_a_calibration_is_overdue_from_the_day_after_it_was_due():
    assert overdue(device(), DAY) is None
    assert overdue(device(due=DAY), DAY) is None
    assert "2026-11-26" in overdue(device(due=DAY - timedelta(days=1)), DAY)


@pytest.mark.parametrize(("days", "state"), [(None, "none"), (-1, "overdue"), (0, "soon"), (30, "soon"), (31, "valid")])
def test_the_state_of_a_calibration(days, state):
    due = None if days is None else DAY + timedelta(days=days)
    assert calibration_state(device(due=due), DAY) == state
    assert calibration_state(device("retired", due), DAY) == "none"


def test_what_was_given_counts_before_the_program():
    program = Settings(Decimal(1300), Decimal(10), Decimal(20), brake=True)
    assert ran(program, Settings()) == program
    actual = Settings(Decimal(1200), Decimal(12), Decimal(0), brake=False)
    assert ran(program, actual) == actual
    assert ran(Settings(), Settings()) == Settings()


def test_a_lot_may_be_used_on_the_day_it_expires():
    lots = (Lot("Ficoll", "A", None), Lot("Ficoll", "B", DAY), Lot("Ficoll", "C", DAY - timedelta(days=1)))
    assert expired(lots[:2], DAY) is None
    assert expired(lots, DAY) == "Ficoll C expired on 2026-11-26."


def test_a_change_that_was_decided_on_an_older_state_is_refused():
    check_version("CF-1", 3, 3)
    with pytest.raises(EquipmentChanged):
        check_version("CF-1", 2, 3)


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
def test_every_constraint_says_what_to_do(name):
    assert CONSTRAINTS[name]().detail
