"""Qubit, NanoDrop and cell counters: one made-up file for each trap. NanoDrop is known from its published layouts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from assay_importers.contract import Importer, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.cell_count import CellCount
from assay_importers.formats.nanodrop import Nanodrop
from assay_importers.formats.qubit import Qubit
from assay_importers.lookup import find
from tests.importers.reading import cells, facts, parse, verdict, workbook

QUBIT_NAMES = ["Run ID", "Assay Name", "Test Name", "Test Date", "Qubit® tube conc.", "Units",
               "Original sample conc.", "Units",
               "Std 3 RFU"]  # fmt: skip
QUBIT_ROW = ["2023-12-12", "dsDNA HS", "P-1", "12/12/2023 6:40:54 AM", "30.4", "ng/mL", "6.08", "ng/µL", ""]
QUBIT = "\n".join(
    [",".join(QUBIT_NAMES), ",".join(QUBIT_ROW), ",".join([*QUBIT_ROW[:2], "P-2", "", "Too low", "ng/mL"]), ""]
)
QUBIT_2 = "Name,Date/Time,Assay Conc.,Units,Stock Conc.,Units\nP-1,2012-10-01 10:00,0.5,ug/mL,<0.1,ng/uL\n"
FLEX = (
    "Test Date,Sample Name,Original Sample Conc.,Original sample conc. units,Qubit Tube Conc.,Qubit tube conc. units,"
    "Software Version\n13/12/2022 04:41:09 PM,S1,528,ng/uL,2.64,ug/mL,1.5.0\n"
)
NANODROP_ONE = (
    "#\tDate\tSample Name\tNucleic Acid(ng/uL)\tA260/A280\tA260/A230\tA260\tA280\n"
    "1\t2024-03-23 10:43\tP-1\t812.4\t2.05\t2.11\t20.31\t9.9\n2\t2024-03-23 10:44\tblank\t-0.3\t\t-1.2\t0\t0\n"
)
NANODROP_2000 = (
    "Sample ID\tUser name\tDate and Time\tNucleic Acid\tUnit\t260/280\t260/230\n"
    "P-1\tme\t3/23/2024 10:43:00 AM\t5\tng/µl\t1.8\t2\n"
)
NANODROP_1000 = (
    "Module:\tNucleic Acid\nSoftware: 3.3.0\nMade\t\n\n"
    "Sample ID\tUser ID\tDate\tTime\tng/ul\t260/280\t260/230\nP-1\tme\t3/23/2024\t10:43 AM\t5\t1.8\t2\n"
)
COUNTS = (
    "Instrument: ,Cellaca\n\nWell Name,Live Count,Live Cells/mL,Viability,Dead (x10^6),Note:,\n"
    "DN1:A1,1074,2030000,75.00%,0.5,,\nloose,5,6,,,odd\n"
)
FILES: list[tuple[Importer, str | bytes]] = [
    (Qubit(), QUBIT),
    (Qubit(), QUBIT.encode("cp1252")),
    (Qubit(), QUBIT_2),
    (Qubit(), FLEX),
    (Qubit(), workbook({"Results": [QUBIT_NAMES, QUBIT_ROW]})),
    (Nanodrop(), NANODROP_ONE.encode("utf-16")),
    (Nanodrop(), NANODROP_2000),
    (Nanodrop(), NANODROP_1000),
    (Nanodrop(), workbook({"S": [row.split("\t") for row in NANODROP_2000.splitlines()], "T": [["x"]]})),
    (CellCount(), COUNTS),
    (CellCount(), workbook({"S": [["Sample ID", "Viability (%)", "Viable cells/mL"], ["P-1", 80, 5]], "T": [["x"]]})),
]


def test_each_recognises_its_own_and_no_other() -> None:
    importers = {type(importer): importer for importer, _ in FILES}
    for own, text in FILES:
        claims = [kind for kind, importer in importers.items() if verdict(importer, text) is Verdict.YES]
        assert claims == [type(own)]
    for importer in importers.values():
        assert verdict(importer, b"\0\1\0\0") is Verdict.NO
        assert verdict(importer, "Sample,Conc\n") is Verdict.NO


def test_qubit_tells_the_tube_from_the_sample() -> None:
    run = parse(Qubit(), QUBIT)
    assert [(r.sample, r.quantity, r.raw, r.unit, r.flag) for r in run.readings] == [
        ("P-1", "Qubit® tube conc.", "30.4", "ng/mL", None),
        ("P-1", "Original sample conc.", "6.08", "ng/µL", None),
        ("P-2", "Qubit® tube conc.", "Too low", "ng/mL", "below_range"),
        ("P-2", "Original sample conc.", "", None, "not_reported"),
    ]
    assert (run.run.started_at, run.run.batch) == ("2023-12-12T06:40:54", "2023-12-12")
    assert find(run, "row1", "Units", "value") == ["ng/mL", "ng/µL"]
    assert find(run, "row2", "Test Name", "value") == ["P-2"]
    assert find(run, "P-2", "Test Name", "value") == ["P-2"]
    assert find(run, "row2", "Std 3 RFU", "value") == [""]
    assert find(run, "row2", "Test Date", "value") == [""]
    assert find(run, "row1", "Nothing", "value") == []
    assert find(run, "P-1", "Run ID", "value") == ["2023-12-12"]
    assert find(run.model_copy(update={"tables": ()}), "row1", "Units", "value") == []
    assert find(run.model_copy(update={"readings": (), "facts": ()}), "row1", "Test Name", "value") == [""]


def test_qubit_of_other_versions() -> None:
    run = parse(Qubit(), QUBIT_2)
    assert [(r.raw, r.unit, r.flag) for r in run.readings] == [("0.5", "ug/mL", None), ("<0.1", "ng/uL", "below_range")]
    assert run.run.started_at == "2012-10-01T10:00:00"
    run = parse(Qubit(), FLEX)
    assert [(r.raw, r.unit) for r in run.readings] == [("528", "ng/uL"), ("2.64", "ug/mL")]
    assert (run.run.software, run.run.started_at) == ("1.5.0", "2022-12-13T16:41:09")
    assert parse(Qubit(), FLEX.replace("1.5.0", "")).run.software is None
    run = parse(Qubit(), workbook({"Info": [["made by"]], "Results": [["above"], [], QUBIT_NAMES, QUBIT_ROW]}))
    assert (run.unread, run.tables[0].name) == (("line 1: made by", "line 1: above"), "Results")


def test_nanodrop_of_three_generations() -> None:
    run = parse(Nanodrop(), FILES[5][1])
    assert [(r.sample, r.value, r.unit) for r in cells(run, "Nucleic Acid(ng/uL)", None)] == [
        ("P-1", Decimal("812.4"), "ng/uL"), ("blank", Decimal("-0.3"), "ng/uL"),
    ]  # fmt: skip
    assert run.run.started_at == "2024-03-23T10:43:00"
    run = parse(Nanodrop(), NANODROP_2000)
    assert [(r.quantity, r.unit) for r in run.readings][:1] == [("Nucleic Acid", "ng/µl")]
    assert (run.run.operator, run.run.started_at) == ("me", "2024-03-23T10:43:00")
    run = parse(Nanodrop(), NANODROP_1000)
    assert cells(run, "ng/ul", None)[0].unit == "ng/ul"
    assert (run.run.software, run.run.header["Module"], run.run.started_at) == (
        "3.3.0",
        "Nucleic Acid",
        "2024-03-23T10:43:00",
    )
    assert len(parse(Nanodrop(), FILES[8][1]).readings) == 3


def test_cell_counts_keep_names_and_take_the_sign_off_percents() -> None:
    run = parse(CellCount(), COUNTS)
    assert [(w.plate, w.location, w.sample) for w in run.wells] == [("DN1", "A1", "DN1:A1")]
    assert [(r.value, r.raw, r.unit) for r in cells(run, "Viability")] == [(Decimal("75.00"), "75.00%", "%")]
    assert [(r.quantity, r.unit) for r in run.readings if r.sample == "loose"] == [
        ("Live Count", None), ("Live Cells/mL", "Cells/mL"), ("Viability", "%"), ("Dead (x10^6)", "x10^6"),
    ]  # fmt: skip
    assert ([f.text for f in run.facts if f.name == "Note:"], run.run.instrument) == (["odd"], "Cellaca")
    run = parse(CellCount(), FILES[10][1])
    assert [(r.sample, r.raw, r.unit) for r in run.readings] == [("P-1", "80", "%"), ("P-1", "5", "cells/mL")]


@pytest.mark.parametrize("importer", [Qubit(), Nanodrop(), CellCount()])
def test_what_has_no_table_is_refused(importer: Importer) -> None:
    for text in ("x\n", "x,260/280\n"):
        with pytest.raises(FaultyFile, match="the file has no table of"):
            parse(importer, text)
    assert facts(parse(Qubit(), QUBIT), "Units") == ["ng/mL", "ng/µL", "ng/mL", ""]
