"""Single values of a run by the names that people and manifests use."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from assay_importers.contract import Fact, Features, ParsedRun, Reading, Run, Table, Well
from assay_importers.lookup import find, same
from assay_importers.lookup.find import Finder, parts
from assay_importers.matrix import Matrix

MATRIX = Matrix({"count": np.array([[1, 2], [3, 4], [5, 6]]), "tpm": np.array([[0.5, np.nan], [1.5, 2.5], [0, 1]])})
RUN = ParsedRun(
    format="f",
    importer_version="1",
    run=Run(serial_number="S1", header={"Version": "4", "Rows": "12"}),
    wells=(
        Well(plate="1", location="G1", sample="Standard1", role="standard"),
        Well(plate="1", location="B2", sample="146", role="unknown"),
    ),
    readings=(
        Reading(plate="1", location="G1", sample="Standard1", analyte="Ro", quantity="FI", value=Decimal(5), raw="5.0"),
        Reading(
            plate="1", location="B2", sample="146", analyte="Ro", quantity="FI", value=None, raw="*", flag="masked"
        ),
        Reading(plate="1", location="B2", sample="146", analyte=None, quantity="Volume", value=Decimal(2), raw="2"),
    ),
    facts=(
        Fact(plate="1", location="G1", sample="Standard1", name="Type", text="S1"),
        Fact(plate="1", location="B2", sample="146", name="Type", text="X1"),
        Fact(sample="146", analyte="Ro", name="Call", text="Positive"),
        Fact(name="Kit", text="K9"),
    ),
    tables=(Table(name="Sheet1", columns=("Well", "FI"), rows=7), Table(name="Sheet2", columns=(), rows=0)),
    features=Features.of(
        MATRIX,
        samples=("P1", "P2"),
        ids=("ENSG1", "ENSG2", "ENSG3"),
        annotation={"gene": ("IFI44", "IFIT1", "ENSG1")},
        sample_annotation={"Well": ("A1", "H9"), "Type": ("QC", None)},
    ),
    matrix=MATRIX,
)


@pytest.mark.parametrize(
    ("sample", "analyte", "field", "expected"),
    [
        ("*", "*", "n_wells", [2]),
        ("*", "*", "n_rows", [7]),
        ("*", "*", "columns", [["Well", "FI"]]),
        ("*", "*", "sheets", [["Sheet1", "Sheet2"]]),
        ("*", "*", "n_sheets", [2]),
        ("*", "*", "n_grids_found", [2]),
        ("*", "*", "sample_ids", [["P1", "P2"]]),
        ("*", "*", "shape", [[3, 2]]),
        ("*", "*", "serial_number", ["S1"]),
        ("*", "*", "version", ["4"]),
        ("*", "*", "header_declared_Rows", ["12"]),
        ("*", "*", "Kit", ["K9"]),
        ("*", "*", "Absent", []),
        ("G1|S1|Standard1", "Ro", "FI", ["5.0"]),
        ("row7col1", "Ro", "FI", ["5.0"]),
        ("1(1,G1)|Standard1", "Ro", "FI", ["5.0"]),
        ("G1|X1|Standard1", "Ro", "FI", []),
        ("B2|X1|146.0", "Ro", "FI", ["*"]),
        ("146", "Ro", "Call", ["Positive"]),
        ("146", "Ro", "value", ["*", "Positive"]),
        ("146", "*", "Volume", ["2"]),
        ("146", "Volume", "value", ["2"]),
        ("B2", "*", "Type", ["X1"]),
        ("146", "La", "FI", []),
        ("146.5", "Ro", "FI", []),
        ("P1", "ENSG1", "count", [1]),
        ("P1", "IFIT1", "tpm", [1.5]),
        ("P2", "ENSG1", "tpm", [None]),
        ("P2", "ENSG3", "value", [6]),
        ("P1|A1", "ENSG3", "value", [5]),
        ("QC|P1", "ENSG3", "value", [5]),
        ("QC|P2", "ENSG3", "value", []),
        ("*", "ENSG2", "gene", ["IFIT1"]),
        ("P2", "*", "Well", ["H9"]),
        ("P2", "*", "Type", [None]),
        ("146", "*", "n_wells_for_sample", [1]),
    ],
)
def test_finds(sample: str, analyte: str, field: str, expected: list[Any]) -> None:
    assert find(RUN, sample, analyte, field) == expected


def test_without_a_matrix_or_tables_there_is_nothing_to_find() -> None:
    bare = ParsedRun(format="f", importer_version="1", run=Run())
    for field in ("n_rows", "columns", "sample_ids", "shape", "count"):
        assert find(bare, "*", "*", field) == []
    assert Finder(bare)._rows == {}
    assert Finder(bare)._columns("P1") == []
    assert find(RUN.model_copy(update={"matrix": None}), "P1", "ENSG1", "count") == []


def test_the_quantities_of_an_analyte_begin_with_the_main_one() -> None:
    finder = Finder(RUN)
    assert list(finder.quantities("P1", "ENSG1")) == ["count", "tpm"]
    assert list(finder.quantities("146", "Ro")) == ["FI", "Volume", "Type", "Call"]
    assert list(Finder(RUN.model_copy(update={"features": None})).quantities("P1", "ENSG1")) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1(1,A1)|Unknown1", ["1", "A1", "Unknown1"]),
        ("12(C3)", ["C3"]),
        ("row1col12", ["A12"]),
        ("row0col1", ["row0col1"]),
        ("a|b", ["a", "b"]),
    ],
)
def test_parts_of_a_name(text: str, names: list[str]) -> None:
    assert parts(text) == names


@pytest.mark.parametrize(
    ("expected", "found", "holds"),
    [
        ("12.50", " 12.50", True),
        ("12.5", "12.50", False),
        (12.5, "12.50", True),
        (12.5, "12,5", False),
        (None, "", True),
        (3, None, False),
        ([1, "a"], ["1", "a"], True),
        ([1], [1, 2], False),
        ([1], "1", False),
        ({"a": 1}, {"a": "1.0"}, True),
        ("4254.000", 4254.0, True),
        ("0.12345678901234567890", 0.12345678901234568, True),
        ("4254.5", 4254, False),
        ("NA", 4254, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, ["a"], False),
    ],
)
def test_same(expected: Any, found: Any, holds: bool) -> None:
    assert same(expected, found) is holds


def test_two_texts_that_end_in_digits_are_no_number() -> None:
    assert find(RUN, "P01", "ENSG1", "count") == []
