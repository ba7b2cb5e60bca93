"""What is read at a bench besides tubes."""

from decimal import Decimal

import pytest

from biobank.accession import codes


def test_a_deviation_has_a_code_of_letters_only():
    known = ["haemolysis", "clotted_over_2_h", "other"]
    assert codes.deviation_code("clotted_over_2_h") == "DEVCLOTTEDOVER2H"
    assert [codes.deviation(codes.deviation_code(one).lower(), known) for one in known] == known
    assert codes.deviation("DEVNOSUCH", known) is None
    assert (codes.is_deviation("dev-nosuch"), codes.is_deviation("TKQ7M3X9V7")) == (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("QTY3100UL", (Decimal(3100), "uL")),
        ("qty-3100-ul", (Decimal(3100), "uL")),
        ("3.1", (Decimal("3.1"), "mL")),
        ("3,10 ML", (Decimal("3.1"), "mL")),
        ("3100 µl", (Decimal(3100), "uL")),
        ("12 10*6", (Decimal(12), "10*6")),
        ("0", (Decimal(0), "mL")),
        ("0123456789", None),
        ("-3", None),
        ("3.1.1", None),
        ("TKQ7M3X9V7", None),
        ("", None),
        ("1e3", None),
        ("NaN", None),
    ],
)
def test_a_yield_is_typed_or_scanned(text, expected):
    assert codes.quantity(text, "mL") == expected


def test_the_code_of_a_yield_reads_back():
    assert codes.quantity(codes.quantity_code(3100), "mL") == (Decimal(3100), "uL")


def test_extra_vials_are_asked_for():
    more_than_planned = codes.further
    assert [more_than_planned(text) for text in ("+1", "EXTRA2", "extra12", "+", "2", "+100")] == [
        1,
        2,
        12,
        None,
        None,
        None,
    ]


def test_the_temperature_that_tubes_were_kept_at_is_scanned_or_typed():
    texts = ("HELD4C", "held-21-c", "4 C", "20,5 °C", "37c", "HELDX", "HELDFOO", "4", "123 C", "")
    assert [codes.held(text) for text in texts] == [4, 21, 4, Decimal("20.5"), 37, None, None, None, None, None]
    assert [codes.is_held(text) for text in texts] == [True] * 7 + [False] * 3
    assert codes.held(codes.held_code(Decimal(4))) == 4


def test_the_maker_of_codes_is_scanned():
    known = ("micronic", "thermo_matrix")
    assert [codes.maker(codes.maker_code(one), known) for one in known] == list(known)
    assert codes.maker("maker-nobody", known) is None
    assert [codes.is_maker(text) for text in ("MAKERMICRONIC", "maker", "TKQ7M3X9V7")] == [True, True, False]
