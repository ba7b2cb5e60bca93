"""Tables of no known format: what is guessed, and reading by a mapping that a person has corrected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from assay_importers.contract import SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.generic_table import GenericTable
from assay_importers.mapping import Mapping, guess_mapping, read_with
from tests.importers.tables import Rows, book, facts, text, values

IMPORTER = GenericTable()
LONG: Rows = [
    ("report", "of", "May"),
    ("Well", "Sample ID", "Assay", "Result", "Unit", "Flag", "Dilution", "Comment", "Unnamed: 8"),
    ("A1", "P1", "IL-6", "1,5", "pg/mL", "ok", "2", "x", ""),
    ("A2", "P2", "IL-6", "<0,25", "pg/mL", "", "", "", ""),
]
WIDE: Rows = [("code", "IL-6 (pg/mL)", "TNF", "sex", ""), ("P1", 1.5, 2, "f", ""), ("P2", "NA", 7, "m", "")]


def source(rows: Rows, delimiter: str = ",") -> SourceFile:
    return SourceFile("x", text(rows, delimiter))


def meanings(mapping: Mapping) -> list[str]:
    return [column.meaning for column in mapping.columns]


def test_a_long_table_is_guessed_and_read() -> None:
    file = source(LONG, ";")
    mapping = guess_mapping(file)
    assert (mapping.shape, mapping.delimiter, mapping.decimal, mapping.header_line) == ("long", ";", ",", 2)
    assert meanings(mapping)[:5] == ["well", "sample", "analyte", "value", "unit"]
    assert meanings(mapping)[5:] == ["flag", "dilution", "fact", "ignored"]
    assert Mapping.model_validate_json(mapping.model_dump_json()) == mapping, "it is data that a page can keep"
    run = IMPORTER.parse(file)
    assert values(run, "Result", "IL-6") == [("1,5", "1.5", None), ("<0,25", "0.25", "below_range")]
    assert [(well.location, well.sample, well.dilution) for well in run.wells] == [
        ("A1", "P1", Decimal(2)),
        ("A2", "P2", None),
    ]
    assert {reading.unit for reading in run.readings} == {"pg/mL"}
    assert (facts(run, "Flag"), facts(run, "Comment")) == (["ok"], ["x"])
    assert run.notes[0].startswith("what the columns mean was guessed: Well: well; Sample ID: sample")
    assert run.unread == ("line 1: report | of | May", "column Unnamed: 8 is ignored")


def test_a_wide_table_has_an_analyte_in_each_column_of_values() -> None:
    file = SourceFile("x", book({"notes": [("by", "us")], "data": WIDE}))
    mapping = guess_mapping(file)
    assert (mapping.shape, mapping.sheet, mapping.columns[1].unit) == ("wide", "data", "pg/mL")
    run = IMPORTER.parse(file)
    assert values(run, "value", "TNF") == [("2", "2", None), ("7", "7", None)]
    assert values(run, "value", "IL-6 (pg/mL)")[1] == ("NA", None, "not_reported")
    assert run.unread == ("sheet 'notes': 1 rows",)


def test_cells_decide_where_names_do_not() -> None:
    mapping = guess_mapping(
        source([("who", "where", "how much", "twice"), ("P1", "A1", "1", "a"), ("P2", "B1", "2", "a")])
    )
    assert meanings(mapping) == ["fact", "well", "value", "fact"]
    mapping = guess_mapping(source([("who", "how much", "Position"), ("P1", "1", "5"), ("P2", "2", "6")]))
    assert meanings(mapping) == ["sample", "value", "value"]
    mapping = guess_mapping(source([("sample", "result"), ("P1", '"1,234"')]))
    assert mapping.decimal == "."


def test_a_mapping_that_was_corrected() -> None:
    file = source([("id", "x", "y", "df"), ("P1", "3", "z", "1:50"), ("P2", "4", "w", "")])
    guessed = guess_mapping(file)
    columns = [
        column.model_copy(update={"meaning": "fact"}) if column.name == "y" else column for column in guessed.columns
    ]
    run = read_with(guessed.model_copy(update={"columns": tuple(columns)}), file)
    assert facts(run, "y") == ["z", "w"]
    assert facts(run, "df") == ["1:50"]
    assert Mapping.model_validate_json(run.run.header["mapping"]).shape == "wide"


def changed(**changes: Any) -> Mapping:
    return guess_mapping(source(WIDE)).model_copy(update=changes)


@pytest.mark.parametrize(
    ("mapping", "rows", "problem"),
    [
        (changed(header_line=2), WIDE, "the columns are not those of the mapping"),
        (changed(header_line=90), WIDE, "the columns are not those of the mapping"),
        (changed(delimiter=";"), WIDE, "the columns are not those of the mapping"),
        (changed(sheet="a"), WIDE, "the columns are not those of the mapping; expected code, .* in sheet 'a'"),
        (changed(), WIDE[:1], "the table has no rows"),
        (changed(), [WIDE[0], ("P1", "1")], "the row is too short"),
        (changed(), [WIDE[0], ("", "1", "2", "f", "")], "the row names no sample"),
        (guess_mapping(source(LONG, ";")), [*LONG[:2], ("A1", "P", *[""] * 7)], "the row names no analyte"),
        (guess_mapping(source(LONG, ";")), [*LONG[:2], ("?", "P", *[""] * 7)], "the row names no well"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(mapping: Mapping, rows: Rows, problem: str) -> None:
    delimiter = ";" if rows[0] == LONG[0] else ","
    with pytest.raises(FaultyFile, match=problem):
        read_with(mapping, source(rows, delimiter))


@pytest.mark.parametrize(
    ("columns", "shape", "problem"),
    [
        (("sample", "sample", "value"), "wide", "only one column can be the sample"),
        (("sample", "fact"), "wide", "at least one column must hold values"),
        (("fact", "value"), "wide", "a column must name the sample or the well"),
        (("sample", "value"), "long", "a long table has a column of analytes"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(columns: tuple[str, ...], shape: str, problem: str) -> None:
    made = [{"name": f"c{number}", "meaning": meaning} for number, meaning in enumerate(columns)]
    with pytest.raises(ValidationError, match=problem):
        Mapping.model_validate({"shape": shape, "delimiter": ",", "decimal": ".", "header_line": 1, "columns": made})


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "b")],
        [("a", "b"), ("x", "y")],
        [("a", "a"), ("x", "1")],
        [("a", "b"), ("", "1"), ("", "2")],
        [("a", "b"), ("x", "1", "2")],
        [("1", "2"), ("3", "4")],
    ],
)
def test_what_is_no_table(rows: Rows) -> None:
    assert IMPORTER.sniff(source(rows).head).verdict is Verdict.NO
    with pytest.raises(FaultyFile, match="no table can be seen"):
        guess_mapping(source(rows))


def test_it_never_claims_a_file() -> None:
    finding = IMPORTER.sniff(source(WIDE).head)
    assert finding.verdict is Verdict.MAYBE
    assert "code is sample" in finding.reason
