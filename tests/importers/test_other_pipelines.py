"""Files of other pipelines, panels and versions, made up: one for each way in which they differ."""

from __future__ import annotations

import io
import json
from typing import Any

import h5py
import numpy as np
import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.gct import Gct
from assay_importers.formats.multiqc import MultiQc
from assay_importers.formats.olink import Olink
from assay_importers.formats.quantification import KallistoAbundance
from assay_importers.formats.somascan import SomaScan
from tests.importers.reading import parse, verdict, workbook

QUANTIFIED = "SampleID,OlinkID,UniProt,Assay,Panel,PlateID,QC_Warning,Quantified_value,Unit,Plate_LOD,LOQ\n"


@pytest.mark.parametrize("units", [("pg/mL", "pg/mL"), ("pg/mL", "ng/mL")])
def test_olink_quantities_in_long_form(units: tuple[str, str]) -> None:
    rows = [
        f"{sample},OID{n},P{n},A{n},Target 48,P1,Pass,{n}.5,{units[n - 1]},0.1,0.2\n"
        for sample in ("S-1", "S-2")
        for n in (1, 2)
    ]
    text = QUANTIFIED + "".join(rows)
    assert verdict(Olink(), text) is Verdict.YES
    features = parse(Olink(), text).features
    assert features is not None
    assert (features.value_type, features.shape) == ("Quantified_value", (2, 2))
    assert features.unit == ("pg/mL" if len(set(units)) == 1 else None)
    assert features.annotation["Unit"] == units
    assert list(features.layers) == ["Plate_LOD", "LOQ"]


def wide(*rows: list[object], title: str = "Quantified data") -> ParsedRun:
    panel = "Target 48 Cytokine"
    head: list[list[object]] = [
        ["NPX Manager", title],
        ["Panel", *[panel] * 5],
        ["Assay", "IL8", "VEGFA", "Plate ID", "QC Deviation from median", "QC Deviation from median"],
        ["Uniprot ID", "P10145", "P15692", None, "Inc Ctrl", "Det Ctrl"],
        ["OlinkID", "OID1", "OID2", None, None, None],
    ]
    return parse(Olink(), workbook({"Data": [*head, *rows]}))


def test_olink_quantities_in_wide_form() -> None:
    run = wide(
        ["Unit", "pg/mL", "pg/mL"],
        [],
        ["S-1", 3.4, "> ULOQ", "P1", 0.1, 0.2],
        ["S-2", "<0.5", 5.1, "P2", 0.3, 0.4],
        [],
        ["Plate LOD", 0.3, 0.1, "P1"],
        ["Plate LOD", 0.4, 0.2, "P2"],
    )
    features = run.features
    assert features is not None
    assert (features.value_type, features.unit) == ("Quantified_value", "pg/mL")
    assert features.head == ((3.4, None), (None, 5.1))
    assert [(fact.sample, fact.analyte, fact.text) for fact in run.facts] == [
        ("S-1", "OID2", "> ULOQ"),
        ("S-2", "OID1", "<0.5"),
    ]
    assert features.annotation["Plate LOD"] == ("0.3", "0.1")
    assert features.annotation["Plate LOD P2"] == ("0.4", "0.2")
    assert features.sample_annotation["QC Deviation from median Target 48 Cytokine Det Ctrl"] == ("0.2", "0.4")


@pytest.mark.parametrize(("title", "quantity", "unit"), [("Ct data", "Ct", None), ("NPX data", "NPX", "NPX")])
def test_olink_says_above_the_table_what_its_numbers_are(title: str, quantity: str, unit: str | None) -> None:
    features = wide([], ["S-1", 3.4, 2.5, "P1", 0.1, 0.2], title=title).features
    assert features is not None
    assert (features.value_type, features.unit) == (quantity, unit)


def test_an_adat_with_the_line_ends_of_an_old_macintosh() -> None:
    text = "^HEADER\n!AdatId\tx\n^TABLE_BEGIN\n\t\tSeqId\t1-1\nPlateId\tSampleId\t\t\nP1\tS-1\t\t10.5\n"
    features = parse(SomaScan(), text.replace("\n", "\r")).features
    assert features is not None
    assert features.head == ((10.5,),)


def abundance(**parts: Any) -> bytes:
    made = io.BytesIO()
    held = {"ids": [b"ENST1", b"ENST2"], "lengths": [100, 200], "eff_lengths": [50.5, 150.0], **parts}
    with h5py.File(made, "w") as file:
        aux = file.create_group("aux")
        for name in ("ids", "lengths", "eff_lengths"):
            aux[name] = np.array(held[name])
        file["est_counts"] = np.array(held.get("est_counts", [4.5, 0.0]))
        if "bootstraps" in held:
            file.create_group("bootstrap")["bs0"] = np.array([4.0, 0.0])
    return made.getvalue()


def test_kallisto_as_hdf5() -> None:
    content = abundance(bootstraps=1)
    importer = KallistoAbundance()
    assert verdict_of(content) is Verdict.YES
    other = SourceFile("b/abundance.h5", abundance())
    run = importer.parse(SourceFile("a/abundance.h5", content, (other,)))
    features = run.features
    assert features is not None
    assert (features.samples, features.ids) == (("a", "b"), ("ENST1", "ENST2"))
    assert features.head == ((4.5, 4.5), (0.0, 0.0))
    assert list(features.layers) == ["length", "eff_length"]
    assert "a: 1 bootstraps were not read" in run.notes
    with pytest.raises(FaultyFile, match="differ in length"):
        importer.parse(SourceFile("x", abundance(est_counts=[1.0])))


def verdict_of(content: bytes) -> Verdict:
    return KallistoAbundance().sniff(SourceFile("x", content).head).verdict


def test_gtex_numbers_the_rows_of_its_gct() -> None:
    text = "#1.2\n2\t1\nid\tName\tDescription\tGTEX-1\n0\tENSG1\tTP53\t15\n1\tENSG2\tA\t2\n"
    features = parse(Gct(), text).features
    assert features is not None
    assert (features.ids, features.samples) == (("ENSG1", "ENSG2"), ("GTEX-1",))
    assert features.annotation == {"id": ("0", "1"), "Description": ("TP53", "A")}


OLD: dict[str, Any] = {
    "report_general_stats_data": [{"S-1": {"percent_gc": 48.50, "note": "x", "none": None}}, 7],
    "report_saved_raw_data": {"multiqc_fastqc": {"S-1": {"%GC": "48", "Filename": "a.fq"}, "S-2": 3}, "empty": {}},
    "config_version": "1.14",
}
NEW: dict[str, Any] = {
    "report_general_stats_data": {
        "star": {"S-1": [{"sample": "S-1_R1", "data": {"mapped": float("nan"), "all": [1]}}]}
    },
}


def test_the_json_of_multiqc_as_older_versions_nest_it() -> None:
    text = json.dumps(OLD).replace("48.5", "48.50") + "\n"
    assert verdict(MultiQc(), text) is Verdict.YES
    run = parse(MultiQc(), text)
    assert [(r.sample, r.quantity, r.raw) for r in run.readings] == [
        ("S-1", "percent_gc", "48.50"),
        ("S-1", "%GC", "48"),
    ]
    assert [(fact.name, fact.text) for fact in run.facts] == [("note", "x"), ("Filename", "a.fq")]
    assert [table.name for table in run.tables] == ["general statistics: 1", "multiqc_fastqc"]
    assert run.run.software == "MultiQC 1.14"


def test_the_json_of_multiqc_as_newer_versions_nest_it() -> None:
    run = parse(MultiQc(), json.dumps(NEW))
    assert [(r.sample, r.quantity, r.raw, r.flag) for r in run.readings] == [
        ("S-1_R1", "star-mapped", "NaN", "not_a_number")
    ]
    assert run.unread == ("star-all: values within values",)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"report_data_sources": {}}', "no table of samples"),
        ('{"report_data_sources": {}', "cannot be read"),
        ('{"report_data_sources": ' + "[" * 100_000, "cannot be read"),
    ],
)
def test_a_report_without_samples_is_refused(text: str, match: str) -> None:
    with pytest.raises(FaultyFile, match=match):
        parse(MultiQc(), text)
