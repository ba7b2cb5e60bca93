"""Files of the Gene Expression Omnibus: series matrix and SOFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import Head, Importer, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.geo_series_matrix import GeoSeriesMatrix
from assay_importers.formats.geo_soft import GeoSoft
from assay_importers.lookup import find
from tests.importers.real_files import missed


def file(text: str) -> SourceFile:
    return SourceFile("x", text.encode())


def verdict(importer: Importer, text: str) -> Verdict:
    return importer.sniff(Head("x", text.encode(), len(text.encode()))).verdict


def test_every_check_of_the_real_files_holds(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"transcriptomics/geo"}, [GeoSeriesMatrix(), GeoSoft()]) == []


HEAD = (
    '!Series_title\t"A; B"\n!Series_geo_accession\t"GSE1"\n!Series_contributor\t"Ada"\n!Series_contributor\t"Bo"\n\n'
    '!Sample_title\t"one"\t"two"\n!Sample_characteristics_ch1\t"age: 5"\t"age: 6"\n'
    '!Sample_characteristics_ch1\t"sex: f"\t""\n!series_matrix_table_begin\n"ID_REF"\t"GSM1"\t"GSM2"\n'
)
SERIES = HEAD + '"p1"\t1.5\tnull\n"p2"\t2\t3\n!series_matrix_table_end\n'


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_series_matrix(ends: str) -> None:
    run = GeoSeriesMatrix().parse(file(SERIES.replace("\n", ends)))
    assert run.features is not None
    assert (run.features.samples, run.features.ids) == (("GSM1", "GSM2"), ("p1", "p2"))
    assert run.features.head == ((1.5, None), (2, 3))
    assert run.features.sample_annotation == {"Sample_title": ("one", "two")}
    assert run.run.header["Series_contributor"] == "Ada; Bo"
    assert run.run.batch == "GSE1"
    assert [fact.text for fact in run.facts if fact.sample == "GSM2"] == ["two", "age: 6", ""]
    assert verdict(GeoSeriesMatrix(), SERIES) is Verdict.YES


def test_a_series_matrix_without_values() -> None:
    run = GeoSeriesMatrix().parse(file(HEAD + "!series_matrix_table_end\n"))
    assert (run.features, run.matrix, run.tables[0].rows) == (None, None, 0)
    assert "supplementary files" in run.notes[0]
    assert find(run, "*", "*", "n_samples") == [2]
    untitled = SERIES.replace("!Sample_title", "!Sample_name")
    named = GeoSeriesMatrix().parse(file(untitled)).features
    assert named is not None
    assert named.sample_annotation == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD[: HEAD.index("!series")], "has no table"),
        (SERIES[:-20], "has no end"),
        (SERIES[: SERIES.index('"ID_REF"')] + "!series_matrix_table_end\n", "has no header"),
        (SERIES[: SERIES.index('"ID_REF"') - 1], "has no end"),
        (SERIES.replace('\t"age: 6"', ""), "the attribute has 1 texts"),
        (SERIES.replace("null", "x").replace("\t3", "\ty"), "the column holds no numbers"),
    ],
)
def test_a_faulty_series_matrix_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        GeoSeriesMatrix().parse(file(text))


PLATFORM = "^PLATFORM = GPL1\n!Platform_title = Chip\n#ID = id\n!platform_table_begin\n"
PLATFORM += "ID\tGene\np1\tIFI44\np2\t7\n!platform_table_end\n"
SAMPLES = (
    '^SAMPLE = GSM1\n!Sample_title = "one"\n#VALUE = log2\n!sample_table_begin\nID_REF\tP\tVALUE\tABS_CALL\n'
    "p1\t0.1\t1.5\tP\np2\t0.2\t2\tA\n!sample_table_end\n^SAMPLE = GSM2\n!Sample_title = two\n!sample_table_begin\n"
    "ID_REF\tP\tVALUE\np1\t0.1\tInf\n!sample_table_end\n"
)
FAMILY = "^DATABASE = Geo\n^SERIES = GSE1\n!Series_sample_id = GSM1\n!Series_sample_id = GSM3\n" + PLATFORM + SAMPLES


def test_a_family() -> None:
    run = GeoSoft().parse(file(FAMILY))
    assert run.features is not None
    assert (run.features.samples, run.features.ids) == (("GSM1", "GSM2"), ("p1", "p2"))
    assert (run.features.value_type, list(run.features.layers)) == ("VALUE", ["P"])
    assert run.features.head == ((1.5, None), (2, None))
    assert run.features.annotation == {"Gene": ("IFI44", "7")}
    assert run.run.batch == "GSE1"
    assert [fact.name for fact in run.facts] == ["Sample_title", "#VALUE", "Sample_title"]
    assert run.unread == ("the column ABS_CALL of the tables of samples: no number in each of them",)
    assert "the series lists 1 samples that the file has not, GSM3 first" in run.notes
    assert "GSM2: VALUE has 1 infinite value(s), taken as missing" in run.notes
    assert verdict(GeoSoft(), FAMILY) is Verdict.YES
    assert verdict(GeoSoft(), "^HEADER\n") is verdict(GeoSoft(), "\x00") is Verdict.NO


SET = (
    "^DATABASE = Geo\n^DATASET = GDS1\n!dataset_feature_count = 3\n!dataset_sample_count = 2\n"
    "^SUBSET = GDS1_1\n!subset_description = lupus\n!subset_sample_id = GSM1,GSM2\n!subset_type = disease state\n"
    "^SUBSET = GDS1_2\n!subset_description = x\n"
    "^DATASET = GDS1\n#ID_REF = id\n!dataset_table_begin\nID_REF\tIDENTIFIER\tGSM1\tGSM2\n"
    "p1\t1\t4254.000\t5\np2\t2\tnull\t6\n!dataset_table_end\n"
)


def test_a_data_set() -> None:
    run = GeoSoft().parse(file(SET))
    assert run.features is not None
    assert run.features.annotation == {"IDENTIFIER": ("1", "2")}
    assert run.features.head == ((4254, 5), (None, 6))
    assert [(fact.sample, fact.name, fact.text) for fact in run.facts][:2] == [
        ("GSM1", "disease state", "lupus"),
        ("GSM2", "disease state", "lupus"),
    ]
    assert run.notes == ("the file declares 3 features and has 2",)
    assert find(run, "*", "*", "feature_count") == ["3"]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (SET[: SET.index("p1\t")] + "!dataset_table_end\n", "the table of the data set has no rows"),
        (SET.replace("ID_REF\tIDENTIFIER\tGSM1\tGSM2\np1\t1\t4254.000\t5\np2\t2\tnull\t6\n", ""), "no sample has"),
        (PLATFORM, "no sample has a table with values"),
        ("^SAMPLE = GSM1\n!Sample_title = x\n", "no sample has a table with values"),
        (FAMILY.replace("ID_REF\tP\tVALUE\np1\t0.1\tInf", "ID_REF\tQ\np1\t5"), "no sample has a table with values"),
        (FAMILY.replace("ID_REF\tP\tVALUE\np1\t0.1\tInf", "ID_REF\tP\np1\t5"), "GSM2 lacks 1 of the 2 ids"),
    ],
)
def test_without_values_there_is_a_note(text: str, note: str) -> None:
    run = GeoSoft().parse(file(text))
    assert any(note in found for found in run.notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("!Sample_title = x\n", "no SOFT file"),
        (FAMILY.removesuffix("!sample_table_end\n"), "has no end"),
        (FAMILY.replace("!sample_table_end\n^SAMPLE", "^SAMPLE"), "does not end before the next entity"),
        (FAMILY.replace("p1\t0.1\tInf", "p1\t0.1"), "the row has 2 cells"),
        ("^DATASET = G\n!dataset_table_begin\nID_REF\tIDENTIFIER\np1\tx\n!dataset_table_end\n", "no column of numbers"),
        ("^SAMPLE = G\n!sample_table_begin", "has no end"),
    ],
)
def test_a_faulty_family_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        GeoSoft().parse(file(text))
