"""GenePix files, made up so that each trap stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay_importers.contract import ParsedRun, SourceFile, Verdict
from assay_importers.errors import FaultyFile
from assay_importers.formats.genepix_gpr import GenepixGpr
from assay_importers.lookup import find
from tests.importers.real_files import missed

IMPORTER = GenepixGpr()
NAMES = "Block\tColumn\tRow\tName\tID\tF635 CV\tF635 Median\tRatio\tFlags"
SPOTS = (
    "1\t1\t1\tRo60\ta\t1.5\t65535\t0.5\t0",
    "1\t2\t1\tLa\tb\t1.5\t20\tError\t-50",
    "2\t1\t1\tRo60\ta\t1.5\t30\t0.5\t0",
    "2\t2\t1\tLa\tb\t1.5\t40\tinf\t0",
)
RECORDS = ("Type=GenePix Results 3", '"Wavelengths=635\t532"', "Scanner=GenePix 4000", "DateTime=2010/11/09 16:56:02")
SHEET = "v1,v2,barcode\n1,P1,X\n2,P2,X\n"


def gpr(
    *spots: str, names: str = NAMES, counts: str = "4\t9", records: tuple[str, ...] = RECORDS, end: str = "\t"
) -> str:
    return "\n".join([f"ATF\t1.0{end}", counts + end, *records, names, *spots]) + "\n"


def read(*texts: str, names: tuple[str, ...] = ("s1.gpr", "s2.gpr", "s3.csv")) -> ParsedRun:
    first, *rest = (SourceFile(name, text.encode()) for name, text in zip(names, texts, strict=False))
    return IMPORTER.parse(SourceFile(first.name, first.content, tuple(rest)))


def test_the_real_files(data: Path, manifest: list[dict[str, Any]]) -> None:
    assert missed(data, manifest, {"genepix_gpr"}, [IMPORTER]) == []


def test_a_real_slide_whose_sheet_names_half_of_its_blocks(data: Path) -> None:
    folder = data / "genepix_gpr"
    files = [SourceFile(path.name, path.read_bytes()) for path in sorted(folder.glob("KK2-06.*"), reverse=True)]
    run = IMPORTER.parse(SourceFile(files[0].name, files[0].content, tuple(files[1:])))
    assert run.features is not None
    assert run.features.samples == ("KK2-06",)
    assert any("no sample of 21 of 42 blocks" in note for note in run.notes)


def test_every_number_of_a_spot_is_a_layer() -> None:
    run = read(gpr(*SPOTS))
    features = run.features
    assert features is not None
    assert (features.value_type, features.samples) == ("F635 Median", ("s1",))
    assert features.ids[:2] == ("block 1 row 1 col 1", "block 1 row 1 col 2")
    assert list(features.layers) == ["F635 CV", "Ratio", "Flags"]
    assert features.layers["Ratio"].head == ((0.5,), (None,), (0.5,), (None,))
    assert features.annotation["Name"] == ("Ro60", "La", "Ro60", "La")
    assert find(run, "block 2 row 1 col 2", "La", "F635 Median") == [40]
    assert run.run.header["Wavelengths"] == "635\t532"
    assert (run.run.instrument, run.run.started_at) == ("GenePix 4000", "2010-11-09T16:56:02")
    assert "1 values are 'Error': they are missing" in run.notes
    assert "F635 Median: 1 spots are saturated (65535)" in run.notes
    assert "1 spots are flagged as bad, absent or not found (Flags below 0)" in run.notes


def test_a_sheet_makes_a_column_of_each_block() -> None:
    run = read(gpr(*SPOTS), SHEET + "3,P3,X\n")
    features = run.features
    assert features is not None
    assert features.samples == ("P1", "P2")
    assert features.head == ((65535, 30), (20, 40))
    assert features.ids == ("row 1 col 1", "row 1 col 2")
    assert "the sheet names blocks that the slide does not have: 3" in run.notes
    short = read(gpr(*SPOTS[:3]), SHEET).features
    assert short is not None
    assert short.head == ((65535.0, 30.0), (20.0, None)), "a spot that one block lacks is missing"


def test_slides_of_one_print_are_columns() -> None:
    run = read(gpr(*SPOTS), gpr(*SPOTS))
    assert run.features is not None
    assert run.features.samples == ("s1", "s2")
    assert run.features.shape == (4, 2)


def test_other_counts_than_declared_and_names_without_a_main_column() -> None:
    run = read(
        gpr(
            *(f"{spot}\t" for spot in SPOTS),
            names=f"{NAMES.replace('Median', 'Mean')}\t",
            counts="5\t31",
            records=RECORDS[1:],
        )
    )
    assert run.features is not None
    assert run.features.value_type == "F635 CV"
    assert run.notes[:2] == ("3 header records, the file declares 5", "9 columns, the file declares 31")
    wider = read(gpr(*(f"{spot}\t\t" for spot in SPOTS)))
    assert wider.features is not None
    assert wider.features.shape == (4, 1)
    commas = read(gpr(*(spot.replace(".", ",") for spot in SPOTS), records=(*RECORDS, "")))
    assert commas.features is not None
    assert commas.features.layers["F635 CV"].head[0] == (1.5,)


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (("ATF\t1.0\n",), "the second line does not say"),
        (("ATF\t1.0\nx\ty\n",), "the second line does not say"),
        (("ATF\t1.0\n1\t2\nType=GenePix\n",), "no row of column names"),
        ((gpr(),), "the table has no spots"),
        ((gpr(names=f"{NAMES}"),), "the table has no spots"),
        ((gpr(*SPOTS, "1\t1"),), "the row has 2 cells"),
        ((gpr('"', SPOTS[0]),), "the"),
        ((gpr(*SPOTS[:1], *SPOTS[:1]),), "a spot stands twice"),
        ((gpr("1\t1\t1\tx", names="Block\tColumn\tRow\tName"),), "no column holds numbers"),
        (("a,b\n",), "is neither a slide nor a sheet of its samples"),
        (("v1,v2\n1,a\n1,b\n",), "the block is no number, or stands twice"),
        (("v1,v2\n",), "the sheet has no blocks"),
        ((SHEET, SHEET), "several sheets of samples, and no slide"),
        ((gpr(*SPOTS), SHEET, SHEET), "2 sheets of samples for 1 slides"),
        ((gpr(*SPOTS), gpr(*SPOTS), SHEET), "several slides and sheets of samples"),
        ((gpr(*SPOTS), gpr(*SPOTS[:2])), "s2 has other spots than s1"),
        ((gpr(*SPOTS[:3], SPOTS[3].replace("La", "Sm")), SHEET), "row 1, column 2 is 'La' in one block"),
    ],
)
def test_what_is_refused(texts: tuple[str, ...], problem: str) -> None:
    with pytest.raises(FaultyFile, match=problem):
        read(*texts)


def test_two_slides_need_two_names() -> None:
    with pytest.raises(FaultyFile, match="two slides have the same name"):
        read(gpr(*SPOTS), gpr(*SPOTS), names=("s.gpr", "s.txt"))


def test_recognition() -> None:
    def verdict(content: bytes) -> Verdict:
        return IMPORTER.sniff(SourceFile("x", content).head).verdict

    assert verdict(gpr(*SPOTS).encode()) is Verdict.YES
    assert verdict(b'"ATF"\t1.0\n1\t2\nType=GAL\n') is Verdict.NO
    assert verdict(SHEET.encode()) is Verdict.YES
    assert verdict(b"v1,v3\n") is Verdict.NO
    assert verdict(b"x" * 30_000) is Verdict.NO
    assert verdict(b"\0\1\2") is Verdict.NO
