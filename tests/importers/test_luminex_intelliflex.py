"""INTELLIFLEX files: the instrument's own, and those in xPONENT's layout."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.luminex_intelliflex import LuminexIntelliflex
from tests.importers import made_up
from tests.importers.real_files import missed
from tests.importers.tables import facts, text, values

IMPORTER = LuminexIntelliflex()
NAMES = ("INSTRUMENT TYPE", "SERIAL NUMBER", "PLATE NAME", "PLATE START", "WELL LOCATION", "SAMPLE ID")
COLUMNS = (*NAMES, "IL-6 (R25): RP1 MEDIAN", "IL-6 (R25): RP2 COUNT")


def row(well: str, sample: str, *cells: str, plate: str = "P1", start: str = "11/18/2024 12:12") -> tuple[str, ...]:
    return ("INTELLIFLEX", "SN1", plate, start, well, sample, *cells)


def read(*rows: tuple[str, ...], delimiter: str = ",", columns: tuple[str, ...] = COLUMNS) -> ParsedRun:
    return IMPORTER.parse(SourceFile("x.csv", text([columns, *rows], delimiter)))


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"luminex_intelliflex"}, [IMPORTER]) == []


def test_a_row_is_a_well_and_a_column_an_analyte_and_its_reporter() -> None:
    run = read(row("A1", "Unknown1", "130.5", "43"), row("A01", "", "NaN", "0", plate="P2"))
    assert [(well.plate, well.location, well.sample, well.role) for well in run.wells] == [
        ("P1", "A1", "Unknown1", "unknown"),
        ("P2", "A1", None, "empty"),
    ]
    assert values(run, "RP1 MEDIAN", "IL-6 (R25)") == [("130.5", "130.5", None), ("NaN", None, "not_a_number")]
    assert (run.run.serial_number, run.run.batch, run.run.started_at) == ("SN1", "P1, P2", "2024-11-18T12:12:00")


def test_decimal_commas_a_separator_line_and_what_differs_between_wells() -> None:
    columns = (*COLUMNS, "DILUTION", "LOT")
    body = text([columns, (*row("A1", "S", "130,55", "4"), "50", "L1"), (*row("A2", "T", "7,5", "4"), "", "L2")], ";")
    run = IMPORTER.parse(SourceFile("x.csv", b"sep=;\r\n" + body))
    assert values(run, "RP1 MEDIAN") == [("130,55", "130.55", None), ("7,5", "7.5", None)]
    assert [well.dilution for well in run.wells] == [Decimal(50), None]
    assert facts(run, "LOT") == ["L1", "L2"]


def test_a_date_that_reads_in_two_ways_is_left_as_text() -> None:
    run = read(row("A1", "S", "1", "2", start="11/8/2024 12:12"))
    assert run.run.started_at is None
    assert run.notes[0].startswith("PLATE START '11/8/2024 12:12' is left as text")
    bare = read(("A1", "2.5"), columns=("Well", "R7: RP1 MEDIAN"))
    assert (bare.run.started_at, bare.wells[0].plate) == (None, None)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "the table has no wells"),
        ([row("Z99", "S", "1", "2")], "the row names no well"),
        ([row("A1", "S", "1", "2")] * 2, "the well stands twice"),
        ([row("A1", "S", "1", "2"), row("A2", "S")], "the row is too short"),
        ([row("A1", "S", "1", "2", "3")], "the row has 9 cells"),
        ([row("A1", "S", '"1,234"', "2")], "the comma may be a decimal mark or separate thousands"),
        ([row("A1", "S", '"1,5"', "2.5")], "decimal commas and decimal points stand in one table"),
        ([row("A1", "S", '"1', "2")], "the row that begins here cannot be split"),
    ],
)
def test_what_is_refused(rows: list[tuple[str, ...]], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(*rows)
    with pytest.raises(FaultyFile, match="a column stands twice"):
        read(row("A1", "S", "1", "2"), columns=(*COLUMNS[:-1], COLUMNS[-2]))


def test_recognition() -> None:
    def verdict(content: bytes) -> Verdict:
        return IMPORTER.sniff(SourceFile("x", content).head).verdict

    flex = made_up.export(
        made_up.values("Median", "1", "2", "3"), header=(("Program", "xPONENT", "", "Intelliflex"), ())
    )
    assert verdict(flex.encode()) is Verdict.YES
    assert IMPORTER.parse(SourceFile("x", flex.encode())).format == "luminex_intelliflex"
    assert verdict(made_up.export(made_up.values("Median", "1")).encode()) is Verdict.NO
    assert verdict(text([COLUMNS, row("A1", "S", "1", "2")])) is Verdict.YES
    assert verdict(b"a: RP1 MEDIAN,b\n") is Verdict.NO
    assert verdict(b"\0\1\2") is Verdict.NO
