"""The rules of a protocol on plain values, and the file it is read from: every problem, with its place."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from biobank.protocol.comparison import differences
from biobank.protocol.document import Document
from biobank.protocol.rules import (
    SHOWN,
    EffectiveDayTooEarly,
    Problem,
    ProtocolRefused,
    Tube,
    Vocabulary,
    check_document,
    check_effective,
    problems_of,
)
from biobank.protocol.text import ProtocolFileTooLarge, named_study, read_document, read_source, write_document
from tests.world import protocol_document

DEMO = Path(__file__).parents[2] / "biobank" / "demo" / "protocol.yaml"
TERMS = Vocabulary(
    units={"BLD": "uL", "SER": "uL", "PL1": "uL", "DNA": "uL", "CEL": "10*6", "STL": "mg"},
    tubes={
        "SST": Tube(Decimal(8500), "SST"),
        "EDTA10": Tube(Decimal(10000), "PED"),
        "CRYO05": Tube(Decimal(500), "PPS"),
    },
    temperatures=frozenset({"-80", "RT"}),
    scopes=frozenset({"tissue"}),
    cohorts=frozenset({"PREV"}),
    origins=frozenset({("SER", "BLD", "SST"), ("PL1", "BLD", "PED"), ("DNA", "BLD", "PED"), ("STL", "STL", None)}),
)
SERUM = {"code": "serum", "specimen_type": "BLD", "tube_type": "SST", "quantity": "8500", "unit": "uL"}
VIAL = {"specimen_type": "SER", "tube_type": "CRYO05", "count": 8, "quantity": "500", "unit": "uL", "store": "-80"}


def visit(code="BASE", day=0, before=0, after=30, **more):
    return {"code": code, "title": code, "day": day, "before": before, "after": after, **more}


def document(*visits, **more):
    return Document.model_validate({"study": "LLS", "visits": list(visits), **more})


def found(*visits, terms=TERMS, **more):
    return [(one.kind, one.place) for one in problems_of(document(*visits, **more), terms, study="LLS")]


def of_tube(**more):
    return found(visit(tubes=[{**SERUM, **more}]))


def of_vial(**more):
    return of_tube(aliquots=[{**VIAL, **more}])


def of_step(*steps):
    return of_tube(steps=list(steps))


def test_a_sound_protocol_has_no_problem():
    assert found(visit(tubes=[{**SERUM, "aliquots": [VIAL]}]), visit("Y1", 365, 30, 45, same_tubes_as="BASE")) == []
    check_document(document(visit()), TERMS, "LLS")


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        (found(visit(), study="OTH"), ("other-study", "study")),
        (found(visit(), visit(day=400)), ("duplicate-code", "visits[1].code")),
        (found(visit(tubes=[SERUM, SERUM])), ("duplicate-code", "visits[0].tubes[1].code")),
        (found(visit(day=None, before=3)), ("contradiction", "visits[0].day")),
        (found(visit(same_tubes_as="Y1")), ("unknown-visit", "visits[0].same_tubes_as")),
        (found(visit(same_tubes_as="BASE")), ("contradiction", "visits[0].same_tubes_as")),
        (found(visit(same_tubes_as="BASE", tubes=[SERUM])), ("contradiction", "visits[0].same_tubes_as")),
        (found(visit(), visit("Y1", 40, 10, 10)), ("windows-overlap", "visits[1].day")),
        (of_tube(specimen_type="XXX"), ("unknown-specimen-type", "visits[0].tubes[0].specimen_type")),
        (of_tube(tube_type="XXX"), ("unknown-tube-type", "visits[0].tubes[0].tube_type")),
        (of_tube(unit="mg"), ("other-unit", "visits[0].tubes[0].unit")),
        (of_tube(quantity="8500.5"), ("over-capacity", "visits[0].tubes[0].quantity")),
        (of_tube(cohort="OLD"), ("unknown-cohort", "visits[0].tubes[0].cohort")),
        (of_tube(consent_scope="all"), ("unknown-consent-scope", "visits[0].tubes[0].consent_scope")),
        (of_tube(store="-40"), ("unknown-temperature-class", "visits[0].tubes[0].store")),
        (of_vial(specimen_type="PL1"), ("impossible-material", "visits[0].tubes[0].aliquots[0].specimen_type")),
        (of_vial(specimen_type="XXX"), ("unknown-specimen-type", "visits[0].tubes[0].aliquots[0].specimen_type")),
        (of_vial(quantity="501"), ("over-capacity", "visits[0].tubes[0].aliquots[0].quantity")),
        (of_vial(blind_duplicates=9), ("contradiction", "visits[0].tubes[0].aliquots[0].blind_duplicates")),
        (of_vial(count=18), ("volumes-do-not-add-up", "visits[0].tubes[0].aliquots")),
        (of_step({"type": "clot", "min_minutes": 60, "max_minutes": 30}), None),
        (of_step({"type": "centrifuge", "min_g": 1300, "max_g": 1100}), None),
        (of_step({"type": "centrifuge", "min_celsius": 8, "max_celsius": 4}), None),
        (of_step({"type": "clot", "brake": False}), ("contradiction", "visits[0].tubes[0].steps[0].brake")),
        (of_step({"type": "clot", "min_minutes": 60}, {"type": "centrifuge", "within_minutes": 59}), None),
    ],
)
def test_each_rule_names_its_place(problems, expected):
    assert len(problems) == 1
    assert problems[0][0] == "contradiction" if expected is None else problems == [expected]


def test_a_short_window_within_a_long_one_overlaps_although_its_neighbour_does_not():
    assert found(visit("A1", 0, 0, 300), visit("B1", 10, 0, 1), visit("C1", 100, 0, 1)) == [
        ("windows-overlap", "visits[1].day"),
        ("windows-overlap", "visits[2].day"),
    ]


def test_a_study_without_cohorts_says_so():
    bare = Vocabulary(TERMS.units, TERMS.tubes, TERMS.temperatures, TERMS.scopes, frozenset(), TERMS.origins)
    (problem,) = problems_of(document(visit(tubes=[{**SERUM, "cohort": "NEW"}])), bare)
    assert problem.message.endswith("it has none")


def test_all_problems_are_said_at_once():
    with pytest.raises(ProtocolRefused) as refused:
        check_document(document(visit(tubes=[{**SERUM, "unit": "mg", "cohort": "OLD"}]), study="OTH"), TERMS, "LLS")
    assert [one.kind for one in refused.value.problems] == ["other-study", "other-unit", "unknown-cohort"]
    assert refused.value.detail.startswith("3 problems: study: this is the protocol of LLS;")
    many = ProtocolRefused(Problem("x", ("visits", n), "wrong") for n in range(SHOWN + 50))
    assert len(many.fields["problems"]) == SHOWN
    assert str(Problem("x", (), "wrong")) == "the document: wrong"


def test_a_version_begins_after_the_one_before():
    check_effective(date(2026, 1, 1), None)
    check_effective(date(2026, 1, 2), date(2026, 1, 1))
    for day in (date(2026, 1, 1), date(2025, 1, 1)):
        with pytest.raises(EffectiveDayTooEarly):
            check_effective(day, date(2026, 1, 1))


# --- the file ---------------------------------------------------------------------------------------------------------


def refusals(text, study=None):
    with pytest.raises(ProtocolRefused) as refused:
        read_document(text if isinstance(text, bytes) else text.encode(), TERMS, study)
    return [(one.line, one.column, one.place, one.kind) for one in refused.value.problems]


FILE = """\
study: LLS
visits:
  - code: BASE
    title: Baseline
    day: 0
    after: 30
    tubes:
      - code: serum
        specimen_type: BLD
        tube_type: SST
        quantity: 8500
        unit: uL
        steps:
          - type: clot
            min_minutes: 30
        aliquots:
          - {specimen_type: SER, tube_type: CRYO05, count: 8, quantity: 500, unit: uL, store: -80}
  - code: Y1
    title: Year 1
    day: 365
    same_tubes_as: BASE
"""


def test_a_file_is_read_as_it_is_meant():
    read = read_document(FILE.encode(), TERMS, "LLS")
    assert read.visits[0].tubes[0].aliquots[0].store == "-80"
    assert read.visits[0].tubes[0].quantity == Decimal(8500)
    assert named_study(FILE.encode()) == "LLS"
    again = read_document(write_document(read, "A heading").encode(), TERMS, "LLS")
    assert again == read


def test_all_problems_of_a_file_are_named_with_line_and_column():
    text = (
        FILE.replace("unit: uL\n", "unit: mL\n")
        .replace("min_minutes: 30", "min_minutes: half an hour")
        .replace("    day: 365\n", "    day: 20\n    colour: blue\n")
        .replace("count: 8", "count: 80")
    )
    assert refusals(text) == [
        (12, 15, "visits[0].tubes[0].unit", "other-unit"),
        (15, 26, "visits[0].tubes[0].steps[0].min_minutes", "wrong-value"),
        (20, 10, "visits[1].day", "windows-overlap"),
        (21, 5, "visits[1].colour", "unknown-field"),
    ]
    text = FILE.replace("        tube_type: SST\n", "").replace("day: 365", "day: x").replace("{specimen", "{pecimen")
    assert [(line, place, kind) for line, _, place, kind in refusals(text)] == [
        (8, "visits[0].tubes[0].tube_type", "missing-field"),
        (16, "visits[0].tubes[0].aliquots[0].specimen_type", "missing-field"),
        (16, "visits[0].tubes[0].aliquots[0].pecimen_type", "unknown-field"),
        (19, "visits[1].day", "wrong-value"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, 1, "the document", "wrong-value")),
        ("- a\n- b\n", (1, 1, "the document", "wrong-value")),
        ("study: [\n", (2, 1, "the document", "file")),
        ("study: LLS\nvisits: []\n---\nstudy: LLS\n", (3, 1, "the document", "file")),
        ("study: &a LLS\n", (1, 8, "study", "file")),
        ("study: LLS\nnote: *a\n", (2, 7, "note", "file")),
        ("study: !!python/object/apply:os.system ['true']\n", (1, 8, "study", "file")),
        ("? [a, b]\n: c\n", (1, 3, "the document", "file")),
        ("study: LLS\nstudy: LLS\n", (2, 1, "study", "duplicate-key")),
        ("note: " + "[" * 50 + "]" * 50 + "\n", (1, 19, "the document", "file")),
        (b"study: LLS\nnote: caf\xe9\n", (2, 10, "the document", "file")),
        ("study: LLS\nnote: a\x01b\n", (1, 1, "the document", "file")),
        ("visits: []\n", (1, 1, "study", "missing-field")),
        ("study: LLS\neffective_from: 20260101\n", (2, 17, "effective_from", "wrong-value")),
        ("study: LLS\nvisits: [3]\n", (2, 10, "visits[0]", "wrong-value")),
    ],
)
def test_what_is_no_protocol_is_refused_with_its_place(text, expected):
    assert refusals(text)[0] == expected


def test_bombs_and_bulk_are_refused_before_they_grow():
    with pytest.raises(ProtocolFileTooLarge, match="256 KiB"):
        read_source(b"#" * (256 * 1024 + 1))
    laughs = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(20))
    assert refusals(laughs)[0][3] == "file"
    assert refusals("study: LLS\nvisits: [" + "1, " * 50_000 + "]\n")[0][3] == "file"


def test_a_file_that_names_no_study_is_told():
    for text in ("[]", "study: [x]", "visits: []"):
        with pytest.raises(ProtocolRefused, match="name the study"):
            named_study(text.encode())


def test_without_a_study_the_rest_is_looked_at_all_the_same():
    assert [kind for *_, kind in refusals(FILE.replace("study: LLS\n", "").replace("unit: uL\n", "unit: mL\n"))] == [
        "missing-field",
        "other-unit",
    ]


def test_the_demonstration_keeps_37_of_a_baseline_and_24_of_a_later_visit():
    """The counts of the collection bundle that the house is sized for."""
    read = Document.model_validate(read_source(DEMO.read_bytes()).tree)
    kept = {
        visit.code: sum(
            sum(one.count for one in tube.aliquots) + (0 if tube.aliquots else tube.count) for tube in visit.tubes
        )
        for visit in read.visits
        if visit.code in {"BASE", "Y1"}
    }
    assert kept == {"BASE": 37, "Y1": 24}
    assert {visit.same_tubes_as for visit in read.visits if visit.code in {"Y2", "Y10", "FLARE"}} == {"Y1"}


# --- comparison -------------------------------------------------------------------------------------------------------


def test_a_comparison_names_each_thing_that_differs():
    before = protocol_document("LLS")
    data = before.model_dump()
    data["note"] = "Second"
    base, year, flare = data["visits"]
    base["after"] = 60
    base["tubes"][0]["steps"][1]["brake"] = False
    base["tubes"][0]["steps"] = [base["tubes"][0]["steps"][1]]
    base["tubes"][0]["aliquots"][0]["count"] = 6
    base["tubes"] = [base["tubes"][0], {**base["tubes"][0], "code": "plasma"}]
    data["visits"] = [flare, base, {**year, "code": "Y2", "day": 730}]
    said = {(one.kind, one.place, one.field) for one in differences(before, Document.model_validate(data))}
    assert said >= {
        ("changed", "Protocol", "note"),
        ("changed", "Visit BASE", "after"),
        ("changed", "Visit BASE, tube serum, step 1", "type"),
        ("removed", "Visit BASE, tube serum, step 2", None),
        ("changed", "Visit BASE, tube serum, vials 1", "count"),
        ("added", "Visit BASE, tube plasma", None),
        ("removed", "Visit BASE, tube serum_prevalent", None),
        ("added", "Visit Y2", None),
        ("removed", "Visit Y1", None),
        ("order", "Visits", None),
    }
    assert list(differences(before, before)) == []
