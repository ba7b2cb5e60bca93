"""Reading a file again with a newer importer: what would change."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from assay_importers.changes import Change, changes
from assay_importers.contract import Fact, Features, ParsedRun, Reading, Run, Well
from assay_importers.matrix import Matrix


def reading(value: str | None, location: str = "A1", **more: object) -> Reading:
    fields = {"plate": "1", "location": location, "sample": "P1", "analyte": "Ro", "quantity": "FI", "raw": value or ""}
    flag = None if value else "not_reported"
    return Reading(**{"flag": flag, **fields, "value": Decimal(value) if value else None, **more})  # type: ignore[arg-type]


def run(matrix: Matrix | None = None, samples: tuple[str, ...] = ("P1",), **fields: object) -> ParsedRun:
    described = None
    if matrix is not None:
        described = Features.of(matrix, samples=samples, ids=["G1", "G2"], annotation={"gene": ["IFI44", None]})
    facts = {"format": "f", "importer_version": "1", "run": Run(batch="B", header={"Kit": "1"})}
    return ParsedRun(**{**facts, "features": described, "matrix": matrix, **fields})  # type: ignore[arg-type]


def lines(before: ParsedRun, after: ParsedRun) -> list[str]:
    return [change.line() for change in changes(before, after)]


ONE = Matrix({"count": np.array([[1], [2]])})


def test_the_same_reading_changes_nothing() -> None:
    for one in (run(), run(ONE), run(readings=(reading("1.50"), reading("1.50")))):
        again = one.model_copy(update={"importer_version": "2"})
        assert changes(one, again) == ()


def test_a_value_that_is_read_otherwise_is_named() -> None:
    limit = reading("5", flag="above_range", comparator=">", unit="pg/mL", raw=">5")
    before = run(readings=(reading("1.50"), reading("2"), reading("3", "B1")))
    after = run(readings=(reading("1.5"), limit, reading(None, "C1")))
    assert lines(before, after) == [
        "changed  reading 1 A1 P1 Ro FI: 1.5 [1.50] -> 1.5 [1.5]",
        "changed  reading 1 A1 P1 Ro FI (2): 2 [2] -> >5 pg/mL (above_range) [>5]",
        "gone     reading 1 B1 P1 Ro FI: 3 [3]",
        "new      reading 1 C1 P1 Ro FI: (not_reported) []",
    ]


def test_wells_facts_and_what_is_said_of_the_run() -> None:
    before = run(
        wells=(Well(plate=None, location="A1", sample="P1", role="unknown"),),
        facts=(Fact(sample="P1", name="Call", text="Positive"),),
        notes=("one", "two"),
    )
    after = run(
        wells=(Well(plate=None, location="A1", sample=None, role="blank", dilution=Decimal(50)),),
        facts=(Fact(sample="P1", name="Call", text="Equivocal"),),
        notes=("two", "three"),
        unread=("line 3",),
        run=Run(header={"Kit": "2"}),
        format="g",
    )
    assert lines(before, after) == [
        "changed  importer format: f -> g",
        "gone     run batch: B",
        "changed  run header Kit: 1 -> 2",
        "changed  well A1: P1, unknown -> no sample, blank, diluted 50",
        "changed  fact P1 Call: Positive -> Equivocal",
        "new      unread : line 3",
        "gone     notes : one",
        "new      notes : three",
    ]


def test_a_matrix_is_compared_by_its_names_and_values() -> None:
    other = Matrix({"count": np.array([[1], [3]])})
    assert lines(run(ONE), run(other)) == [
        "changed  features first values: ((1,), (2,)) -> ((1,), (3,))",
        "changed  features values: as they were read -> others",
    ]
    assert lines(run(ONE), run(ONE, samples=("P2",))) == ["changed  features sample 1: P1 -> P2"]
    bare = run(ONE).model_copy(update={"matrix": None})
    assert changes(bare, run(ONE)) == ()
    assert Change(what="features", where="gene of G1", before="IFI44", after=None) in changes(run(ONE), run())
